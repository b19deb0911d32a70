"""A calendar is edited: what that changes is told before, and open tickets come under it when somebody says so."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from core import handlers
from core.desk import books, clock_changes, clock_standing, joining, reference, tickets, timing
from core.desk.errors import Forbidden
from core.desk.principal import HUB
from core.rules import clocks
from core.store import tables
from tests.desk_at_work import CONFIGURED, MONDAY, AtWork, at_work
from tests.desk_files import put

SHORTER = CONFIGURED.replace("mon-fri 14:00-18:00", "mon-fri 14:00-16:00")


@pytest.fixture
async def desk(db) -> AtWork:
    return await at_work(db)


async def some(desk: AtWork) -> list[str]:
    """One that waits, one at work, and one by another calendar."""
    numbers = []
    for technology in ("Server", "Server", "Network"):
        number = (await desk.mail("alice@acme.test")).number or ""
        numbers.append(await desk.qualify(number, technology=technology))
    await desk.do(tickets.take, await desk.who("lea"), numbers[0])
    await desk.do(tickets.wait, await desk.who("lea"), numbers[0], "Quale?")
    return numbers


async def test_open_tickets_come_under_it_when_somebody_says_so_and_the_books_balance(desk):
    waiting, working, other = await some(desk)
    desk.passes(hours=2)
    before = {number: await desk.clocks(number) for number in (waiting, working, other)}
    await desk.db.write(put, SHORTER, now=desk.now)

    def look(tx):
        calendar = reference.desk(tx).calendars["Office"].calendar
        instead = clock_changes.instead_of_older(tx, calendar.definition)
        return clock_changes.impact(tx, instead, after=None, now=desk.now)

    seen = (await desk.db.read(look)).impact
    assert (seen.looked_at, seen.tickets, seen.later, seen.earlier) == (3, 2, 1, 0)
    assert (await desk.clocks(working))["resolve"].due_at == before[working]["resolve"].due_at

    await desk.db.write(clock_changes.begin, HUB, "Office", now=desk.now)
    await desk.work()

    clocks = await desk.clocks(working)
    assert clocks["resolve"].due_at > before[working]["resolve"].due_at
    assert (await desk.clocks(waiting))["resolve"].due_at is None, "its pause goes on"
    assert {row.due_at for row in (await desk.clocks(other)).values()} == {
        row.due_at for row in before[other].values()
    }
    for number in (waiting, working, other):
        ticket = await desk.ticket(number)
        rows = await desk.rows(tables.sla_clock, number)
        standing = await desk.db.read(clock_standing.of_ticket, ticket.id, now=desk.now)
        levels = {(row.name, row.cycle): row.level for row in rows}
        assert [row._asdict() for row in rows] == sorted(
            (
                {"ticket_id": ticket.id, **timing._row(one), "level": levels[one.name, one.cycle]}
                for one in standing
            ),
            key=lambda row: row["name"],
        )
        running = [row.due_at for row in rows if row.state == "running" and row.due_at]
        assert ticket.next_due == min(running, default=None)
    (moved,) = await desk.events(working, "clock.recalendar")
    assert (moved.data["cause"], [one["clock"] for one in moved.data["clocks"]]) == (
        "Office",
        ["response", "restore", "resolve"],
    ), "one event for all of them"
    assert await desk.events(other, "clock.recalendar") == []
    assert (await desk.db.read(books.verify)).faults == ()


async def test_a_second_time_changes_nothing_and_an_act_meanwhile_goes_on_from_there(desk):
    _, working, _ = await some(desk)
    await desk.db.write(put, SHORTER, now=desk.now)
    for _ in range(2):
        await desk.db.write(clock_changes.begin, HUB, "Office", now=desk.now)
        await desk.work()
        count = len(await desk.events(working, "clock."))
    await desk.do(tickets.take, await desk.who("lea"), working)

    again = await desk.events(working, "clock.")
    assert [row.kind for row in again[count:]] == ["clock.stop"], "take meets the response, and that is all"


async def test_a_slice_is_a_transaction_and_the_next_goes_on_after_it(desk):
    numbers = await some(desk)
    await desk.db.write(put, SHORTER, now=desk.now)

    def apply(tx, after):
        calendar = reference.desk(tx).calendars["Office"].calendar
        instead = clock_changes.instead_of_older(tx, calendar.definition)
        return clock_changes.apply(tx, instead, after=after, cause="Office", limit=1, now=desk.now)

    after = clock_changes.FIRST
    looked = 0
    while (after := await desk.db.write(apply, after)) is not None:
        looked += 1
    assert looked == len(numbers)
    assert len(await desk.rows(tables.sla_clock, calendar=await version(desk))) == 5


async def test_a_job_does_some_slices_and_another_goes_on_and_a_slice_done_twice_changes_nothing(
    desk, monkeypatch
):
    numbers = await some(desk)
    await desk.db.write(put, SHORTER, now=desk.now)
    monkeypatch.setattr(clock_changes, "SLICE", 1)
    monkeypatch.setattr(handlers, "SLICES", 1)
    for _ in range(2):
        await desk.db.write(clock_changes.advance, "Office", clock_changes.FIRST, now=desk.now)

    await desk.db.write(clock_changes.begin, HUB, "Office", now=desk.now)
    await desk.work()

    moved = [len(await desk.events(number, "clock.recalendar")) for number in numbers]
    assert moved == [1, 1, 0]
    assert await desk.rows(tables.job, kind=clock_changes.KIND) == []
    assert (await desk.db.read(books.verify)).faults == ()


async def test_what_another_request_was_joined_to_counts_from_its_new_start_also_by_other_hours(
    desk, monkeypatch
):
    """And no reading of a history is kept for ever."""
    monkeypatch.setattr(clock_changes, "MAX_PLANS", 0)
    early = await desk.qualify((await desk.mail("alice@acme.test")).number or "", technology="Server")
    desk.passes(hours=2)
    late = await desk.qualify((await desk.mail("alice@acme.test")).number or "", technology="Server")
    await desk.do(joining.merge, await desk.who("lea"), early, into=late)
    joined = (await desk.clocks(late))["resolve"]
    await desk.db.write(put, SHORTER, now=desk.now)
    await desk.db.write(clock_changes.begin, HUB, "Office", now=desk.now)
    await desk.work()

    moved = (await desk.clocks(late))["resolve"]
    assert moved.started_at == joined.started_at == MONDAY
    assert moved.due_at > joined.due_at
    assert (await desk.db.read(books.verify)).faults == ()


async def version(desk: AtWork) -> str:
    return (await desk.db.read(lambda tx: reference.desk(tx).calendars["Office"])).version


async def test_what_is_late_by_the_new_hours_is_told_at_once(desk):
    desk.now = datetime(2026, 3, 2, 16, 30, tzinfo=UTC)  # half an hour before closing
    number = await desk.qualify((await desk.mail("alice@acme.test")).number or "", technology="Server")
    desk.now = MONDAY + timedelta(days=1)  # ten in the morning, half an hour is left
    longer = CONFIGURED.replace("mon-fri 14:00-18:00", "mon-fri 14:00-20:00")
    await desk.db.write(put, longer, now=desk.now)
    await desk.db.write(clock_changes.begin, HUB, "Office", now=desk.now)
    desk.channel.warned.clear()
    desk.passes(seconds=1)
    await desk.work()
    desk.passes(seconds=2)
    await desk.work()

    assert "breached:response" in (await desk.ticket(number)).flags
    assert any("Scaduto" in one.subject for one in desk.channel.warned)


async def test_a_level_that_was_told_already_makes_no_timer_ring_for_it(desk):
    number = await desk.qualify((await desk.mail("alice@acme.test")).number or "", technology="Server")
    await desk.do(tickets.take, await desk.who("lea"), number)
    resolve = (await desk.clocks(number))["resolve"]
    desk.now = clocks.level_at((await standing(desk, number))["resolve"], 50) + timedelta(seconds=1)
    await desk.work()
    assert (await desk.clocks(number))["resolve"].level == 50
    await desk.db.write(put, SHORTER, now=desk.now)
    await desk.db.write(clock_changes.begin, HUB, "Office", now=desk.now)
    await desk.work()

    moved = await desk.clocks(number)
    assert moved["resolve"].due_at > resolve.due_at
    (timer,) = await desk.rows(tables.job, idem_key="clocks")
    assert timer.due == min(row.next_check_at for row in moved.values() if row.next_check_at)


async def standing(desk: AtWork, number: str):
    ticket = await desk.ticket(number)
    found = await desk.db.read(clock_standing.of_ticket, ticket.id, now=desk.now)
    return {one.name: one for one in found}


async def test_only_who_leads_the_desk_moves_promises(desk):
    with pytest.raises(Forbidden, match="supervisor"):
        await desk.db.write(clock_changes.begin, await desk.who("lea"), "Office", now=desk.now)


HOLIDAYS = CONFIGURED.replace(
    'name = "Verona"', 'name = "Verona"\n  [[customers.sites]]\n  name = "Milano"\n  holidays = "IT-MI"'
)


async def test_the_patron_saint_of_a_site_closes_its_clocks_and_no_others(db):
    desk = await at_work(db, HOLIDAYS)
    desk.now = datetime(2026, 12, 4, 15, tzinfo=UTC)  # a Friday; Monday the 7th is Sant'Ambrogio
    due = {}
    for site in ("Milano", "Verona"):
        number = (await desk.mail("alice@acme.test")).number or ""
        await desk.qualify(number, technology="Server", site=site)
        due[site] = (await desk.clocks(number))["resolve"].due_at
    # 24 h of eight a day: two are left on Friday. The 8th is a holiday of the whole country, which Office does not keep.
    assert due["Verona"] == datetime(2026, 12, 9, 15, tzinfo=UTC)
    assert due["Milano"] == datetime(2026, 12, 11, 15, tzinfo=UTC), "neither the 7th nor the 8th"
