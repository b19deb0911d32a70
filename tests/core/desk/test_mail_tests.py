"""Does a test of an address say each step, what failed, and never more than what came back?"""

from __future__ import annotations

from datetime import timedelta

import pytest

from core.channel import DeliveryError
from core.desk import hub_troubles, intake, mail_tests
from core.desk.errors import Forbidden, Invalid, NotFound, Refused
from core.envelope import Authentication, Inbound, Kind
from core.facts import HubFacts, Mail
from core.store import tables
from tests.desk_at_work import PASSED, AtWork, at_work

ADDRESS = "support@desk.test"


@pytest.fixture
def facts(request) -> HubFacts:
    given = getattr(request, "param", {})
    mail = {
        "addresses": (ADDRESS,),
        "relay": "relay.test:25",
        "answers_to": lambda address, token: f"support+r-{token}@reply.desk.test",
    } | given
    return HubFacts(
        name="Desk", mails_by="email", token_key=b"a key of 32 bytes for the tests.", mail=Mail(**mail)
    )


@pytest.fixture
async def desk(db) -> AtWork:
    return await at_work(db)


async def begun(desk: AtWork) -> str:
    identity = await desk.db.write(mail_tests.begin, await desk.who("lea"), ADDRESS, now=desk.now)
    await desk.work()
    return identity


async def steps(desk: AtWork, identity: str) -> dict[str, tuple[str, str]]:
    found = await desk.db.read(mail_tests.one, await desk.who("lea"), identity, now=desk.now)
    return {"": (found.state, "")} | {step.name: (step.state, step.code) for step in found.steps}


async def comes_back(desk: AtWork, ref: str, authentication: Authentication = PASSED) -> str:
    inbound_id = await desk.arrive(ADDRESS, envelope={"protocol": "LMTP"})
    said = Inbound(
        channel="email", kind=Kind.OWN_LOOP, author=None, loop_ref=ref, authentication=authentication
    )
    done = await desk.db.write(intake.understand, inbound_id, said, now=desk.now)
    assert done.outcome == "machine"
    return done.reason


async def test_what_leaves_and_comes_back_is_told_step_by_step_and_opens_nothing(desk):
    identity = await begun(desk)
    to_address, to_answers = desk.channel.sent
    assert (to_address.to.address, to_address.automatic) == (ADDRESS, True)
    assert to_answers.to.address.startswith("support+r-")
    assert await steps(desk, identity) == {
        "": ("waiting", ""),
        "send": ("good", "taken"),
        "receive": ("waiting", "on_its_way"),
        "send_answers": ("good", "taken"),
        "receive_answers": ("waiting", "on_its_way"),
    }

    desk.passes(seconds=7)
    reasons = [await comes_back(desk, one.ref) for one in (to_address, to_answers)]

    assert reasons == ["mail_test", "mail_test"]
    assert await steps(desk, identity) == {
        "": ("good", ""),
        "send": ("good", "taken"),
        "receive": ("good", "came"),
        "prove": ("good", "proved"),
        "send_answers": ("good", "taken"),
        "receive_answers": ("good", "came"),
    }
    found = await desk.db.read(mail_tests.one, await desk.who("lea"), identity, now=desk.now)
    assert [(step.seconds, step.by) for step in found.steps if step.code == "came"] == [(7, "LMTP")] * 2
    assert await desk.rows(tables.ticket) == []


@pytest.mark.parametrize(
    ("verdict", "step"),
    [
        ("fail", ("bad", "disowned")),
        ("temperror", ("unknown", "not_asked")),
        ("none", ("unknown", "nobody_says")),
    ],
)
async def test_what_nobody_vouches_for_is_said(desk, verdict, step):
    identity = await begun(desk)
    for one in desk.channel.sent:
        await comes_back(desk, one.ref, Authentication(verdict=verdict))

    assert (await steps(desk, identity))["prove"] == step


async def test_what_the_relay_refuses_is_said_at_once_with_its_words(desk):
    desk.channel.fails_with = DeliveryError("535 log-in refused")

    identity = await begun(desk)

    found = await desk.db.read(mail_tests.one, await desk.who("lea"), identity, now=desk.now)
    assert found.state == "bad"
    assert {(one.code, one.why) for one in found.steps} == {
        ("refused", "535 log-in refused"),
        ("nothing_left", ""),
    }


async def test_a_server_that_takes_no_answers_is_told_from_one_that_takes_nothing(desk, monkeypatch):
    send = type(desk.channel).send

    async def no_answers(channel, outgoing):
        if "+r-" in outgoing.to.address:
            raise DeliveryError("554 5.7.1 Relay access denied", permanent=True)
        return await send(channel, outgoing)

    monkeypatch.setattr(type(desk.channel), "send", no_answers)

    found = await steps(desk, await begun(desk))

    assert (found["send"], found["send_answers"]) == (("good", "taken"), ("bad", "refused_answers"))


async def test_what_does_not_come_is_given_up_after_five_minutes(desk):
    identity = await begun(desk)
    with pytest.raises(Refused):
        await begun(desk)
    await comes_back(desk, desk.channel.sent[0].ref)

    desk.passes(minutes=5)

    found = await steps(desk, identity)
    assert found[""] == ("bad", "")
    assert found["receive_answers"] == ("bad", "nothing_came_answers")
    await begun(desk)  # and once more


@pytest.mark.parametrize("facts", [{"relay": ""}], indirect=True)
async def test_without_a_relay_nothing_is_waited_for(desk):
    found = await steps(desk, await begun(desk))

    assert found[""] == ("bad", "")
    assert (found["send"], found["receive"]) == (("bad", "no_relay"), ("unknown", "nothing_left"))


@pytest.mark.parametrize("facts", [{"mailboxes": ("support@mail.test/INBOX",)}], indirect=True)
async def test_a_mailbox_that_cannot_be_read_is_said_with_the_reason(desk):
    trouble = {"email by support@mail.test/INBOX": (hub_troubles.PART, "wrong password")}
    await desk.db.write(hub_troubles.report, "here/1", trouble, now=desk.now)

    identity = await begun(desk)

    found = await desk.db.read(mail_tests.one, await desk.who("lea"), identity, now=desk.now)
    assert (found.steps[0].state, found.steps[0].why) == (
        "bad",
        "the mailbox support@mail.test/INBOX: wrong password",
    )


async def test_a_mail_of_ours_that_is_no_test_is_a_loop(desk):
    await begun(desk)

    assert await comes_back(desk, "a" * 26) == "own_loop"
    assert await comes_back(desk, "") == "own_loop"


async def test_only_who_leads_tests_and_only_addresses_of_the_desk(desk):
    identity = await begun(desk)

    with pytest.raises(NotFound):
        await desk.db.read(mail_tests.one, await desk.who("ann"), identity, now=desk.now)
    with pytest.raises(Forbidden):
        await desk.db.write(mail_tests.begin, await desk.who("ann"), ADDRESS, now=desk.now)
    with pytest.raises(Invalid):
        await desk.db.write(mail_tests.begin, await desk.who("lea"), "eve@evil.test", now=desk.now)
    with pytest.raises(NotFound):
        await desk.db.read(mail_tests.one, await desk.who("lea"), "nothing", now=desk.now + timedelta(days=1))
