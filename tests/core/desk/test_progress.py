"""Nothing that the customer can see happens without a delivery; and what is told by itself is quiet, bounded, and arrives."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from core.desk import next_steps, resolution, returns, sending, tickets, vendor_cases
from core.desk.course import PUBLIC_EVENTS
from core.envelope import Kind, Sent
from core.ids import id_token
from core.rules import quiet_hours, workflow
from core.store import tables
from tests import rows
from tests.desk_at_work import CONFIGURED, PASSED, SOLUTION, AtWork, at_work

NIGHT = datetime(2026, 3, 2, 22, tzinfo=UTC)  # eleven in Rome
Walk = Callable[[AtWork], Awaitable[str]]


@pytest.fixture
def facts(facts):
    return replace(facts, texts_by="sms", quiet=quiet_hours.read("21:00-08:00"))


@pytest.fixture
async def desk(db) -> AtWork:
    return await at_work(db)


# --- Every move ---------------------------------------------------------------------------------------------


async def _taken(desk: AtWork) -> str:
    number = await desk.taken(authentication=PASSED)
    await _left(desk)
    return number


async def _left(desk: AtWork) -> None:
    """What was told so far has left: what comes now has rows of its own."""
    desk.passes(minutes=2)
    await desk.work()


async def _held(desk: AtWork) -> str:
    number = (await desk.mail("bob@beta.test", authentication=PASSED)).number or ""
    await _left(desk)
    return number


def _after(first: Walk, verb: Callable[..., str], who: str = "ann", **fields) -> Walk:
    async def walk(desk: AtWork) -> str:
        number = await first(desk)
        await _left(desk)
        before = len(await desk.deliveries(number))
        await desk.do(verb, await desk.who(who), number, **fields)
        assert len(await desk.deliveries(number)) > before, "nobody was told"
        return number

    return walk


async def _qualified(desk: AtWork) -> str:
    number = (await desk.mail("alice@acme.test", authentication=PASSED)).number or ""
    before = len(await desk.deliveries(number))
    await desk.qualify(number)
    assert len(await desk.deliveries(number)) == before + 1, "routing is told with it"
    return number


async def _answered(desk: AtWork) -> str:
    """Their own message is what they know of it; the way on is the owner's to tell."""
    number = await _WAITING(desk)
    await desk.mail("alice@acme.test", own_refs=(await desk.ref(number),), authentication=PASSED)
    return number


async def _known(desk: AtWork) -> str:
    """Who waits for an approval has said all that there is to say."""
    number = (await desk.mail("bob@beta.test", authentication=PASSED)).number or ""
    assert [row.kind for row in await desk.deliveries(number)] == ["received"]
    return number


async def _at_a_vendor(desk: AtWork) -> str:
    number = await _taken(desk)
    case = await desk.db.write(rows.a_vendor_case, (await desk.ticket(number)).id)
    before = len(await desk.deliveries(number))
    await desk.do(vendor_cases.wait_for, await desk.who("ann"), number, case)
    assert len(await desk.deliveries(number)) > before, "nobody was told"
    return number


async def _back_from_a_vendor(desk: AtWork) -> str:
    number = await _at_a_vendor(desk)
    await _left(desk)
    before = len(await desk.deliveries(number))
    (case,) = await desk.rows(tables.vendor_case, number)
    await desk.do(vendor_cases.solved, await desk.who("ann"), number, case.id)
    assert len(await desk.deliveries(number)) > before, "nobody was told"
    return number


_WAITING = _after(_taken, tickets.wait, text="Quale porta?")
_RESOLVED = _after(_taken, resolution.resolve, **SOLUTION)
WALKS: Mapping[str, Walk] = {
    "triage": _known,
    "hold": _known,
    "qualify": _qualified,
    "route": _qualified,
    "approve": _after(_held, resolution.approve, "lea", reason="Lo paga a parte."),
    "reject": _after(_held, resolution.reject, "lea", reason="x", text="Non lo facciamo."),
    "take": _after(_qualified, tickets.take),
    "wait_customer": _WAITING,
    "customer_message": _answered,
    "wait_vendor": _at_a_vendor,
    "vendor_message": _back_from_a_vendor,
    "resume": _after(_WAITING, tickets.resume),
    "escalate": _after(_taken, tickets.escalate, reason="x"),
    "observe": _after(_taken, next_steps.observe, until="120m"),
    "workaround": _after(_taken, tickets.workaround, text="Usate il 4G."),
    "resolve": _RESOLVED,
    "reopen": _after(_RESOLVED, resolution.reopen, reason="x"),
    "close": _after(_RESOLVED, resolution.close),
    "cancel": _after(_taken, resolution.cancel, reason="Un doppione."),
}
SILENT = {
    "triage": "the acknowledgement has told that it is there",
    "hold": "an acknowledgement says that an approval is needed; later, a notice does",
    "customer_message": "they said it themselves",
}
"""Moves that tell nobody, and why; `_known` and `_answered` walk them."""
NO_VERB: set[str] = set()
"""Moves that nobody can make yet. Who adds their verb adds a walk here."""
ELSEWHERE = {"merge", "schedule", "check_in", "visit_off", "check_out", "recover"}
"""Walked where tickets are joined, where somebody goes on site, and where alarms are over; who is at the door when we come needs no notice."""


def test_every_move_is_walked_or_has_its_reason():
    assert set(WALKS) | NO_VERB | ELSEWHERE == set(workflow.MOVES)
    assert not set(WALKS) & NO_VERB


@pytest.mark.parametrize("move", WALKS)
async def test_a_move_that_the_customer_sees_has_a_delivery(desk, move):
    number = await WALKS[move](desk)

    made = {row.kind for row in await desk.events(number)}
    expected = "triage" if move == "triage" and (await desk.ticket(number)).state == "triage" else move
    assert f"ticket.{expected}" in made or move in SILENT, "the walk makes the move"
    assert (f"ticket.{move}" in PUBLIC_EVENTS) or move in SILENT or move in ("route", "hold")


# --- Quiet and bounded --------------------------------------------------------------------------------------


async def _by_chat(desk: AtWork) -> str:
    """A request of a contact who writes by Telegram only, at night; nobody has taken it."""
    desk.now = NIGHT
    number = await desk.qualified(authentication=PASSED)
    ticket = await desk.ticket(number)

    def chat(tx):
        (thread,) = tx.all(tables.thread.select().where(tables.thread.c.ticket_id == ticket.id))
        key = {"ticket_id": ticket.id, "id": thread.id}
        tx.update(tables.thread, key, channel="telegram", address="telegram:1")
        tx.run(tables.participant.update().values(address="telegram:1", role="requester"))
        tx.run(tables.message.delete().where(tables.message.c.kind == "progress"))
        tx.run(tables.delivery.delete().where(tables.delivery.c.kind == "progress"))
        tx.update(tables.ticket, {"id": ticket.id}, requester_address="telegram:1")

    desk.passes(hours=1)
    await desk.db.write(chat)
    return number


async def test_at_night_a_chat_hears_of_what_can_wait_in_the_morning_and_all_at_once(desk):
    number = await _by_chat(desk)
    ann = await desk.who("ann")
    await desk.do(tickets.take, ann, number)
    desk.passes(hours=2)
    await desk.do(tickets.workaround, ann, number, "Usate il 4G.")
    await desk.work()

    (one,) = await desk.outward(number, "progress")
    assert [step["key"] for step in one.made_from["steps"]] == ["taken", "workaround"]
    assert [sent.kind for sent in desk.telegram.sent] == []
    desk.now = datetime(2026, 3, 3, 7, tzinfo=UTC)
    await desk.work()
    assert [sent.kind for sent in desk.telegram.sent] == ["progress"]


async def test_what_became_urgent_waits_no_longer_and_a_persons_words_never_do(desk):
    number = await _by_chat(desk)
    ann = await desk.who("ann")
    await desk.do(tickets.take, ann, number)
    await desk.qualify(number, impact=1, urgency=1)
    desk.passes(minutes=1)
    await desk.work()
    assert [sent.kind for sent in desk.telegram.sent] == ["progress"]

    other = await _by_chat(desk)
    await desk.do(tickets.take, ann, other)
    await desk.do(tickets.reply, ann, other, "Guardo.")
    await desk.work()
    assert [sent.kind for sent in desk.telegram.sent][1:] == ["progress", "reply"]


async def test_an_address_hears_ten_notices_an_hour_and_the_rest_together(desk):
    number = await desk.taken(authentication=PASSED)
    ann = await desk.who("ann")
    for _ in range(12):
        await _left(desk)
        await desk.do(tickets.workaround, ann, number, "Usate il 4G.")
        await desk.do(next_steps.promise, ann, number, promise_by="30m")

    told = await desk.outward(number, "progress")
    assert len(told) == 11
    assert [step["key"] for step in told[-1].made_from["steps"]] == ["workaround", "promise"]
    await _left(desk)
    assert sum(sent.kind == "progress" for sent in desk.channel.sent) == 10
    desk.passes(hours=1)
    await desk.work()
    assert sum(sent.kind == "progress" for sent in desk.channel.sent) == 11


async def test_progress_that_comes_back_goes_the_next_way(db):
    desk = await at_work(
        db,
        CONFIGURED.replace(
            'email = "alice@acme.test"', 'email = "alice@acme.test"\n  phone = "+393405550101"'
        ),
    )
    number = await desk.taken(authentication=PASSED)
    await _left(desk)
    came_back = await desk.last_delivery(number)
    assert came_back.kind == "progress"

    await desk.db.write(
        returns.reported, Kind.BOUNCE_HARD, bounce_tokens=[id_token(came_back.id)], report=None, now=desk.now
    )

    instead = (await desk.deliveries(number, kind="progress"))[-1]
    assert (instead.address, instead.channel, instead.instead_of) == ("+393405550101", "sms", came_back.id)
    await desk.do(tickets.escalate, await desk.who("ann"), number, reason="x")
    assert (await desk.deliveries(number, kind="progress"))[-1].address == "+393405550101"


async def test_what_is_told_while_a_notice_is_just_leaving_leaves_after_it(desk):
    number = await desk.taken(authentication=PASSED)
    (notice,) = [row for row in await desk.rows(tables.delivery, number) if row.kind == "progress"]
    desk.passes(seconds=30)
    begun, go_on = threading.Event(), threading.Event()

    def leaves(tx):
        found = sending.begin(tx, notice.ticket_id, notice.id, now=desk.now)
        begun.set()
        go_on.wait(5)
        return found

    ann = await desk.who("ann")
    leaving = asyncio.create_task(desk.db.write(leaves))
    await asyncio.to_thread(begun.wait, 5)
    telling = asyncio.create_task(desk.do(tickets.workaround, ann, number, "Usate il 4G."))
    await asyncio.wait([telling], timeout=0.3)
    go_on.set()
    left = await leaving
    await telling
    await desk.db.write(sending.sent, notice.ticket_id, notice.id, Sent(), now=desk.now)
    desk.passes(minutes=2)
    await desk.work()

    told = [left.text, *(one.text for one in desk.channel.sent)]
    assert len([text for text in told if "Usate il 4G." in text]) == 1
