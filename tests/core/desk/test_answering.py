"""One person on several channels of one request gets one answer: where they spoke last, at the end where they began."""

from __future__ import annotations

import pytest

from core.desk import answering, chats, resolution, threads, tickets
from core.desk.authors import Author
from core.desk.case import Case
from core.envelope import Address, Inbound
from core.ids import new_id
from core.store import tables
from tests.desk_at_work import PASSED, SOLUTION, AtWork, at_work

CHAT = "telegram:4242"


@pytest.fixture
async def desk(db) -> AtWork:
    return await at_work(db)


async def writes_by_chat(desk: AtWork, number: str, name: str = "alice", address: str = CHAT) -> None:
    """A contact whose account is known writes about this request from a chat."""
    who = await desk.who(name)
    await desk.db.write(_by_chat, number, who, address, now=desk.now)


def _by_chat(tx, number: str, who, address: str, *, now) -> None:
    case = Case.open(tx, _id_of(tx, number), now=now)
    author = Author(
        kind="contact", address=address, name=who.name, contact=who.id, customer=who.customer, proved=True
    )
    said = Inbound(channel="telegram", author=Address(address, "Al"), text="Ancora fermo.")
    there = [row.id for row in answering.conversations(case) if row.address == address]
    thread = there[0] if there else threads.begin(case, said, author, silent=False).id
    tx.insert(
        tables.message,
        ticket_id=case.id,
        id=new_id(),
        thread_id=thread,
        channel="telegram",
        direction="in",
        author_name=who.name,
        author_address=address,
        contact=who.id,
        text=said.text,
        language="it",
        at=now,
    )
    case.save()


def _id_of(tx, number: str) -> str:
    return tx.one(tables.ticket.select().where(tables.ticket.c.number == number)).id


async def told(desk: AtWork, number: str, kind: str) -> list[tuple[str, str]]:
    """Channel and address of everything of this kind that leaves now."""
    found = await desk.deliveries(number, kind=kind)
    return sorted((row.channel, row.address) for row in found if row.created_at == desk.now)


async def test_who_wrote_by_mail_and_then_from_a_chat_is_answered_once_and_there(desk):
    number = await desk.taken()
    desk.passes(minutes=5)
    await writes_by_chat(desk, number)

    await desk.do(tickets.reply, await desk.who("ann"), number, "Arriviamo.")

    assert await told(desk, number, "reply") == [("telegram", CHAT)]
    assert [row.text for row in await desk.outward(number, "reply")] == ["Arriviamo."]


async def test_who_then_answers_by_mail_again_is_answered_by_mail(desk):
    number = await desk.taken()
    desk.passes(minutes=5)
    await writes_by_chat(desk, number)
    desk.passes(minutes=5)
    ref = await desk.ref(number, address="alice@acme.test")
    await desk.mail("alice@acme.test", own_refs=(ref,), authentication=PASSED)

    await desk.do(tickets.reply, await desk.who("ann"), number, "Arriviamo.")

    assert await told(desk, number, "reply") == [("email", "alice@acme.test")]


async def test_the_closing_reports_go_where_the_request_began(desk):
    number = await desk.taken()
    desk.passes(minutes=5)
    await writes_by_chat(desk, number)
    ann = await desk.who("ann")

    await desk.do(resolution.resolve, ann, number, **SOLUTION)
    await desk.do(resolution.close, ann, number)

    assert await told(desk, number, "resolved") == [("email", "alice@acme.test")]
    assert await told(desk, number, "closed") == [("email", "alice@acme.test")]


async def test_progress_goes_where_they_spoke_last_and_a_colleague_hears_it_where_they_are(desk):
    number = await desk.two_people()
    await writes_by_chat(desk, number)
    desk.passes(minutes=2)

    await desk.do(tickets.workaround, await desk.who("ann"), number, "Usate la seconda linea.")

    assert await told(desk, number, "progress") == [("email", "aldo@acme.test"), ("telegram", CHAT)]


async def test_who_left_the_chat_is_answered_by_mail(desk):
    number = await desk.taken()
    desk.passes(minutes=5)
    await writes_by_chat(desk, number)
    await desk.db.write(_leaves, CHAT, now=desk.now)

    await desk.do(tickets.reply, await desk.who("ann"), number, "Arriviamo.")

    assert await told(desk, number, "reply") == [("email", "alice@acme.test")]


async def test_two_people_in_two_chats_are_answered_in_both(desk):
    number = await desk.two_people()
    await writes_by_chat(desk, number)
    await writes_by_chat(desk, number, "aldo", "telegram:77")

    await desk.do(tickets.reply, await desk.who("ann"), number, "Arriviamo.")

    assert await told(desk, number, "reply") == [("telegram", CHAT), ("telegram", "telegram:77")]


async def test_an_automatic_word_that_nobody_can_get_is_still_on_the_ticket(desk):
    number = await desk.taken()
    await desk.db.write(_bounces, "alice@acme.test", now=desk.now)
    desk.passes(minutes=2)

    await desk.do(tickets.workaround, await desk.who("ann"), number, "Usate la seconda linea.")

    kept = (await desk.outward(number, "progress"))[-1]
    assert "seconda linea" in kept.text
    assert [row for row in await desk.deliveries(number) if row.message_id == kept.id] == []


def _leaves(tx, address: str, *, now) -> None:
    row = chats.came(tx, "telegram", Address(address), now=now)
    chats.change(tx, row.id, gone_at=now)


def _bounces(tx, address: str, *, now) -> None:
    tx.insert(tables.bad_address, address=address, reason="hard bounce", at=now)
