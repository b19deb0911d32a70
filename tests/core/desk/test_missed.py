"""Does somebody who closed the page learn what was said meanwhile? By one mail, to the mailbox that is theirs, and their answer comes back."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from core import handlers
from core.desk import accounts, identities, linking, tickets, visitor_talk, visitors
from core.envelope import Arrival
from core.rules.visitor_tokens import signed
from core.store import tables
from core.worker import Worker
from tests.desk_at_work import at_work
from tests.fakes import FakeChannel, ReadersHere
from web.chat import reading

KEY = b"the key of the shop, 32 characters"


@pytest.fixture
async def desk(db):
    db.facts = replace(db.facts, mails_by="email")
    return await at_work(db)


@pytest.fixture
def who():
    return visitors.by_secret("shop", "a secret of a browser, long", customer="ACME")


async def work(desk):
    channels = [desk.channel, FakeChannel(name="webchat", reader="web.chat.reading:read")]
    todo = handlers.handlers(desk.db, channels, ReadersHere(), clock=lambda: desk.now)
    await Worker(desk.db, todo, owner="here", clock=lambda: desk.now).drain()


async def a_chat(desk, who, *, email="zoe@elsewhere.test"):
    if email:
        await desk.db.write(visitors.claim, who, name="Zoe", email=email, now=desk.now)
    raw = reading.written(who.address, "first-of-all-refs", text="Smoke.")
    arrival = Arrival(channel="webchat", external_id="1", raw=raw, received_at=desk.now, sender=who.address)
    said = reading.read(raw, {}, {})
    return (await desk.db.write(visitors.receive, who, arrival, said, now=desk.now)).number


async def answer(desk, number, text):
    await desk.do(tickets.reply, await desk.who("lea"), number, text)
    await work(desk)


def mails(desk):
    return [one for one in desk.channel.sent if one.kind == "missed"]


async def passes(desk, minutes):
    while minutes:
        step = min(minutes, 5)
        minutes -= step
        desk.passes(minutes=step)
        await work(desk)


async def test_what_was_not_seen_for_ten_minutes_goes_by_mail_together(desk, who):
    number = await a_chat(desk, who)
    await answer(desk, number, "Water is on its way.")
    await answer(desk, number, "Is everybody out?")
    await passes(desk, 9)
    assert mails(desk) == []

    await passes(desk, 6)

    (mail,) = mails(desk)
    assert mail.to.address == "zoe@elsewhere.test"
    assert "Water is on its way." in mail.text
    assert "Is everybody out?" in mail.text
    assert "registrat" not in mail.text  # that they wrote they know
    assert mail.reply_token
    await passes(desk, 60)
    assert len(mails(desk)) == 1


async def test_what_comes_later_waits_a_quarter_of_an_hour_since_the_last_mail(desk, who):
    number = await a_chat(desk, who)
    await answer(desk, number, "One.")
    await passes(desk, 15)
    assert len(mails(desk)) == 1
    await answer(desk, number, "Two.")
    await answer(desk, number, "Three.")
    sent = desk.now

    await passes(desk, 20)

    (_, mail) = mails(desk)
    assert "One." not in mail.text
    assert "Two." in mail.text
    assert "Three." in mail.text
    at = [row.at for row in await desk.outward(number, "missed")]
    assert (at[1] - at[0]).total_seconds() >= 15 * 60
    assert at[1] > sent


async def test_what_was_seen_is_not_mailed_and_neither_is_anything_while_the_page_is_open(desk, who):
    number = await a_chat(desk, who)
    await answer(desk, number, "Seen.")
    last = (await desk.db.read(visitor_talk.conversation, who)).items[-1]
    await desk.db.write(visitors.seen, who, last.id, now=desk.now)
    await passes(desk, 30)
    assert mails(desk) == []

    await desk.db.write(visitors.here, (who.address,), now=desk.now)
    await answer(desk, number, "Not looked at.")
    for _ in range(12):
        await desk.db.write(visitors.here, (who.address,), now=desk.now)
        await passes(desk, 2)
    assert mails(desk) == []
    await passes(desk, 15)
    assert len(mails(desk)) == 1


async def test_whoever_said_no_address_gets_no_mail_and_finds_it_all_when_they_come_back(desk, who):
    number = await a_chat(desk, who, email="")
    await answer(desk, number, "Are you there?")

    await passes(desk, 30)

    assert mails(desk) == []
    talk = await desk.db.read(visitor_talk.conversation, who)
    assert [one.text for one in talk.items][-1] == "Are you there?"


async def test_whoever_proved_who_they_are_is_written_to_at_their_own_address(desk, who):
    number = await a_chat(desk, who, email="eve@evil.test")
    exp = {"exp": desk.now.timestamp() + 100}
    given = signed({"aud": "centralino:shop", "sub": "alice@acme.test", "jti": "0123456789"} | exp, KEY)
    await desk.db.write(visitors.identify, who, given, KEY, now=desk.now)
    await answer(desk, number, "Hello Alice.")

    await passes(desk, 15)

    assert [one.to.address for one in mails(desk)] == ["alice@acme.test"]


async def test_what_was_missed_goes_to_no_typed_address_once_the_person_was_disconnected_or_left(desk):
    for n, ends in enumerate((_disconnected, _left)):
        who = visitors.by_secret("shop", f"a secret of browser {n}, long", customer="ACME")
        number = await a_chat(desk, who, email="eve@evil.test")
        exp = {"exp": desk.now.timestamp() + 100}
        said = {"aud": "centralino:shop", "sub": "alice@acme.test", "jti": f"0123456789-{n}"}
        await desk.db.write(visitors.identify, who, signed(said | exp, KEY), KEY, now=desk.now)
        await answer(desk, number, "For Alice alone.")

        await desk.db.write(ends, who, now=desk.now)
        await passes(desk, 30)

        assert "eve@evil.test" not in {one.to.address for one in desk.channel.sent}, ends


def _disconnected(tx, who, *, now):
    alice = accounts.person(tx, identities.behind(tx, who.address).contact)
    linking.disconnect(tx, alice, who.address, now=now)


def _left(tx, who, *, now):
    tx.update(tables.contact, {"id": identities.behind(tx, who.address).contact}, active=False)


async def test_what_somebody_else_mails_is_shown_to_nobody_who_types_their_address(desk, who):
    number = await a_chat(desk, who, email="")
    await desk.do(tickets.include, await desk.who("lea"), number, address="ben@acme.test")
    await answer(desk, number, "Which PIN?")
    (asked,) = [one for one in desk.channel.sent if one.to.address == "ben@acme.test"]
    await desk.mail("ben@acme.test", "Re: x", "The PIN is 4711.", reply_tokens=(asked.reply_token,))
    assert "The PIN is 4711." in [row.text for row in await desk.rows(tables.message, number)]

    await desk.db.write(visitors.claim, who, name="Zoe", email="ben@acme.test", now=desk.now)
    await answer(desk, number, "Ben told us.")
    await passes(desk, 30)
    await desk.mail("ben@acme.test", "Re: x", "And 4712.", reply_tokens=(asked.reply_token,))

    talk = await desk.db.read(visitor_talk.conversation, who)
    assert [one.text for one in talk.items if "471" in one.text] == []


async def test_the_answer_to_the_mail_goes_on_in_the_same_conversation_and_is_in_the_chat(desk, who):
    number = await a_chat(desk, who)
    await answer(desk, number, "Which printer?")
    await passes(desk, 15)
    (mail,) = mails(desk)

    done = await desk.mail("zoe@elsewhere.test", "Re: x", "The blue one.", reply_tokens=(mail.reply_token,))

    assert (done.outcome, done.number) == ("attached", number)
    talk = await desk.db.read(visitor_talk.conversation, who)
    assert ("me", "The blue one.") in [(one.by, one.text) for one in talk.items]
    await answer(desk, number, "Thank you.")
    talk = await desk.db.read(visitor_talk.conversation, who)
    assert [one.text for one in talk.items].count("Thank you.") == 1


async def test_the_mail_holds_nothing_of_the_inside(desk, who):
    number = await a_chat(desk, who)
    await desk.do(tickets.note, await desk.who("lea"), number, "They have not paid.")
    await answer(desk, number, "We look.")

    await passes(desk, 15)

    (mail,) = mails(desk)
    assert "paid" not in mail.text + str(mail.history)
    assert re.search(r"\[\d\d-\d{6}\]", mail.subject)
    assert (await desk.rows(tables.delivery, number, kind="missed"))[0].state == "sent"
