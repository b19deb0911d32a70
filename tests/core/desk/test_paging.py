"""A conversation in a chat that nobody takes: who is called, by which way, and what becomes of it."""

from __future__ import annotations

from itertools import count

import pytest

from core.channel import DeliveryError
from core.desk import accounts, intake, page, page_answers, paging, sending, stopped, tickets
from core.desk.errors import DeskError
from core.envelope import Address, Arrival, Chat, Inbound, Kind, Report, ReportedRecipient
from core.facts import HubFacts
from core.ids import id_token
from core.store import tables
from tests.desk_at_work import AtWork, at_work

_numbers = count(1)

ANN_S = "telegram:77"
"""The account of Ann."""


@pytest.fixture
def facts() -> HubFacts:
    return HubFacts(name="Desk", token_key=b"a key of 32 bytes for the tests.", mails_by="email")


@pytest.fixture
async def desk(db):
    return await at_work(db)


async def chats(desk: AtWork, text: str = "La rete non va.", address: str = "telegram:4242") -> str:
    """Somebody writes in a chat; the number of their ticket."""
    n = next(_numbers)
    said = Inbound(
        channel="telegram",
        kind=Kind.HUMAN,
        author=Address(address, "Alice"),
        message_id=f"{address}/in-{n}",
        text=text,
        chat=Chat(),
    )
    arrival = Arrival(channel="telegram", external_id=f"{n}", raw=f"{n}".encode(), received_at=desk.now)
    done = await desk.db.write(intake.receive, arrival, said, now=desk.now)
    return done.number or ""


async def belongs(desk: AtWork, address: str, **whom: str) -> None:
    """This account is this contact's or agent's, and that is proved."""
    row = {"address": address, "channel": "telegram", "name": "", "proof": "link", "by": "x", **whom}
    await desk.db.write(lambda tx: tx.insert(tables.identity, since=desk.now, **row))


async def alice(desk: AtWork) -> str:
    """Alice, who is known, chats about her network; the number of her ticket, which is in Network L1."""
    await belongs(desk, "telegram:4242", contact=(await desk.who("alice")).id)
    return await desk.qualify(await chats(desk))


async def looks_in(desk: AtWork, *names: str) -> None:
    """They are signed in, and have just asked for something."""
    for name in names:
        who = await desk.who(name)
        found = accounts.Account(kind="agent", person=who.id, password_hash=None)
        await desk.db.write(accounts.begin, found, device="test", limits=accounts.Limits(), now=desk.now)


async def called(desk: AtWork, number: str) -> list[str]:
    """Whom, in the order of the calls."""
    names = {(await desk.who(name)).id: name for name in ("ann", "tom", "lea")}
    rows = await desk.rows(tables.page, number)
    return [names[row.agent] for row in sorted(rows, key=lambda row: (row.at, names[row.agent]))]


async def pages(desk: AtWork, number: str) -> list[tuple[str, str]]:
    """(channel, address) of what was sent to colleagues."""
    return [(row.channel, row.address) for row in await desk.deliveries(number, kind="page")]


async def test_a_chat_that_nobody_knows_calls_the_contact_centre_after_three_minutes(desk):
    number = await chats(desk)

    desk.passes(minutes=2, seconds=59)
    await desk.work()
    before = await called(desk, number)
    desk.passes(seconds=1)
    await desk.work()

    assert (before, await called(desk, number)) == ([], ["tom"])
    assert await pages(desk, number) == [("email", "tom@hub.test")]
    (event,) = await desk.events(number, "ticket.paged")
    assert event.data["cause"] == "soon"


async def test_one_with_a_promise_calls_its_group_at_three_quarters_of_it(desk):
    number = await alice(desk)  # P3: two hours

    desk.passes(minutes=89)
    await desk.work()
    before = await called(desk, number)
    desk.passes(minutes=1)
    await desk.work()

    assert (before, await called(desk, number)) == ([], ["ann"])


async def test_a_call_that_nobody_heard_goes_to_who_leads_and_at_the_breach_out_again(desk):
    number = await alice(desk)

    for _ in range(25):
        desk.passes(minutes=5)
        await desk.work()

    assert await called(desk, number) == ["ann", "lea", "ann", "lea"]
    assert [row.cause for row in await desk.rows(tables.page, number)] == ["soon", "soon", "late", "late"]


async def test_whoever_is_called_finds_it_in_the_inbox_until_they_say_that_they_know(desk):
    number = await alice(desk)
    ann, tom = await desk.who("ann"), await desk.who("tom")
    desk.passes(minutes=90)
    await desk.work()

    (shown,) = await desk.db.read(page_answers.mine, ann, now=desk.now)
    assert (shown.number, shown.late) == (number, False)
    assert await desk.db.read(page_answers.mine, tom, now=desk.now) == ()
    await desk.do(page_answers.know, ann, number)

    assert await desk.db.read(page_answers.mine, ann, now=desk.now) == ()
    desk.passes(minutes=10)
    await desk.work()
    assert await called(desk, number) == ["ann"]  # she has a quarter of an hour
    desk.passes(minutes=5)
    await desk.work()
    assert await called(desk, number) == ["ann", "lea"]


@pytest.mark.parametrize("end", ["take", "reply", "assign"])
async def test_who_takes_it_or_answers_ends_the_calls(desk, end):
    number = await alice(desk)
    lea = await desk.who("lea")
    desk.passes(minutes=90)
    await desk.work()

    if end == "reply":
        await desk.do(tickets.reply, lea, number, "Guardo subito.")
    elif end == "assign":
        await desk.do(tickets.assign, lea, number, agent="ann@hub.test")
    else:
        await desk.do(tickets.take, lea, number)
    desk.passes(hours=3)
    await desk.work()

    assert await called(desk, number) == ["ann"]
    if end != "reply":
        assert await desk.db.read(page_answers.mine, await desk.who("ann"), now=desk.now) == ()


async def test_a_call_reaches_a_linked_account_with_a_button_that_takes_it(desk):
    await belongs(desk, ANN_S, agent=(await desk.who("ann")).id)
    number = await alice(desk)
    desk.passes(minutes=90)
    await desk.work()

    (sent,) = [one for one in desk.telegram.sent if one.to.key == ANN_S and one.kind == "page"]
    assert number in sent.text
    assert "La rete non va." in sent.text
    assert [one.label for one in sent.buttons] == ["Lo prendo io"]
    assert await pages(desk, number) == [("telegram", ANN_S)]

    (button,) = await desk.rows(tables.chat_button, id=sent.buttons[0].id)
    ann = await desk.who("ann")
    with pytest.raises(DeskError):
        await desk.db.write(page_answers.taken, button, (await desk.who("lea")).id, now=desk.now)
    with pytest.raises(DeskError):
        await desk.db.write(page_answers.taken, button, None, now=desk.now)
    await desk.db.write(page_answers.taken, button, ann.id, now=desk.now)

    assert (await desk.ticket(number)).assignee == ann.id


async def test_a_button_that_comes_second_is_told_that_somebody_else_has_it(desk):
    await belongs(desk, ANN_S, agent=(await desk.who("ann")).id)
    number = await alice(desk)
    desk.passes(minutes=90)
    await desk.work()
    await desk.do(tickets.take, await desk.who("lea"), number)
    (button,) = await desk.rows(tables.chat_button, act="take")

    with pytest.raises(DeskError):
        await desk.db.write(page_answers.taken, button, (await desk.who("ann")).id, now=desk.now)


async def test_a_chat_that_does_not_take_the_call_leaves_it_to_the_mail(desk):
    await belongs(desk, ANN_S, agent=(await desk.who("ann")).id)
    number = await alice(desk)
    desk.passes(minutes=89)
    await desk.work()
    desk.telegram.fails_with = DeliveryError("blocked", permanent=True)
    desk.passes(minutes=1)
    await desk.work()

    assert await pages(desk, number) == [("telegram", ANN_S), ("email", "ann@hub.test")]
    assert "undelivered" not in (await desk.ticket(number)).flags


async def test_a_colleague_who_wants_no_more_messages_in_a_chat_is_called_by_mail(desk):
    await belongs(desk, ANN_S, agent=(await desk.who("ann")).id)
    await desk.db.write(stopped.wished, ANN_S, stop=True, now=desk.now)
    number = await alice(desk)
    desk.passes(minutes=89)
    await desk.work()
    desk.passes(minutes=1)
    await desk.work()

    assert [(row.channel, row.state) for row in await desk.deliveries(number, kind="page")] == [
        ("telegram", "given_up"),
        ("email", "sent"),
    ]


async def test_a_call_that_comes_back_is_no_word_of_the_customers_and_goes_by_mail_where_it_was_in_a_chat(
    desk,
):
    await belongs(desk, ANN_S, agent=(await desk.who("ann")).id)
    number = await alice(desk)
    desk.passes(minutes=89)
    await desk.work()
    desk.passes(minutes=1)
    await desk.work()

    for n in range(2):
        row = (await desk.deliveries(number, kind="page"))[-1]
        report = Report(recipients=(ReportedRecipient(recipient=row.address, action="failed"),))
        kind, ref = Kind.BOUNCE_HARD, id_token(row.id)
        done = await desk.mail("a@b.test", kind=kind, bounce_tokens=(ref,), report=report, text=f"{n}")
        assert (done.outcome, done.reason) == ("machine", "bounce_hard")
        await desk.work()

    assert await pages(desk, number) == [("telegram", ANN_S), ("email", "ann@hub.test")]
    assert "undelivered" not in (await desk.ticket(number)).flags


async def test_a_call_for_what_was_taken_meanwhile_does_not_leave(desk):
    number = await alice(desk)
    desk.passes(minutes=90)
    ticket = (await desk.ticket(number)).id
    await desk.db.write(paging.check, ticket, now=desk.now)
    await desk.do(tickets.take, await desk.who("lea"), number)
    (row,) = await desk.deliveries(number, kind="page")

    assert await desk.db.write(sending.begin, ticket, row.id, now=desk.now) is None
    assert (await desk.deliveries(number, kind="page"))[0].state == "withdrawn"


async def test_outside_the_hours_nobody_is_called_and_the_customer_knows_when_we_open(desk):
    desk.passes(days=5)  # Saturday
    await belongs(desk, "telegram:4242", contact=(await desk.who("alice")).id)
    number = await desk.qualify(await chats(desk), technology="Server")

    desk.passes(hours=20)
    await desk.work()

    assert await called(desk, number) == []
    told = " ".join(one.text for one in desk.telegram.sent if one.to.key == "telegram:4242")
    assert "Il servizio riapre lunedì 9 marzo 2026, 09:00" in told
    desk.passes(days=1, hours=6)
    await desk.work()
    assert await called(desk, number)


async def test_mail_calls_nobody(desk):
    number = await desk.qualified()

    desk.passes(hours=5)
    await desk.work()

    assert await called(desk, number) == []


async def test_of_a_call_the_customer_sees_nothing(desk):
    number = await alice(desk)
    desk.passes(hours=3)
    await desk.work()
    contact = await desk.who("alice")

    shown = await desk.db.read(page.ticket, contact, number, now=desk.now)

    assert await called(desk, number)
    assert all(one.kind != "page" for message in shown.messages for one in message.deliveries)
    assert not [one for one in shown.events if "page" in one.kind]
    assert "hub.test" not in str(shown.messages) + str(shown.threads)
    with pytest.raises(DeskError):
        await desk.do(page_answers.know, contact, number)


async def test_who_is_there_is_called_before_who_is_not(desk):
    await desk.db.write(lambda tx: tx.update(tables.agent, {"email": "tom@hub.test"}, groups=["Network L1"]))
    number = await alice(desk)
    desk.passes(minutes=89)
    await looks_in(desk, "tom")
    desk.passes(minutes=1)
    await desk.work()

    assert await called(desk, number) == ["tom"]
