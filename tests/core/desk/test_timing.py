"""A ticket's clocks follow what happens to it: one timer, each level told once, the cache what the events say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from core.desk import acts, clock_standing, resolution, tickets, timing
from core.rules import clocks as rule
from core.store import tables
from tests.desk_at_work import CONFIGURED, MONDAY, SOLUTION, AtWork, at_work


@pytest.fixture
async def desk(db) -> AtWork:
    return await at_work(db)


async def timer(desk: AtWork) -> datetime | None:
    found = await desk.rows(tables.job, kind="clocks")
    return found[0].due if found else None


async def warned(desk: AtWork, number: str) -> list[tuple[str, int]]:
    """Each level that was noted, a breach as 100."""
    return [
        (row.data["clock"], row.data.get("level", 100))
        for row in await desk.events(number, "clock.")
        if row.kind in ("clock.warned", "clock.breached")
    ]


async def test_triage_has_half_an_hour_day_and_night(desk):
    desk.now = datetime(2026, 3, 1, 2, tzinfo=UTC)  # a Sunday, at night
    number = (await desk.mail("alice@acme.test")).number

    clock = (await desk.clocks(number))["triage"]
    assert (clock.state, clock.due_at) == ("running", desk.now + timedelta(minutes=30))
    assert await timer(desk) == desk.now + timedelta(minutes=15), "half of it"


async def test_every_level_is_told_once_and_a_breach_raises_a_flag(desk):
    number = (await desk.mail("alice@acme.test")).number
    told = []
    for _ in range(40):
        due = await timer(desk)
        if due is None or due > MONDAY + timedelta(hours=3):
            break
        desk.now = due
        await desk.work()
        told.append(len(await warned(desk, number)))

    assert await warned(desk, number) == [
        ("triage", level) for level in (50, 75, 90, 100, 150, 200, 250, 300)
    ]
    assert told == sorted(told)
    ticket = await desk.ticket(number)
    assert ticket.flags == ["breached:triage"]
    assert ticket.breached_at == MONDAY + timedelta(minutes=30)
    assert ticket.state == "triage", "a breach is a flag, never a state"


async def test_after_a_long_stop_every_level_that_passed_is_noted_with_its_own_instant(desk):
    number = (await desk.mail("alice@acme.test")).number
    desk.passes(minutes=31)
    await desk.work()

    rows = [r for r in await desk.events(number, "clock.") if r.kind in ("clock.warned", "clock.breached")]
    assert [(row.data.get("level", 100), row.at - MONDAY) for row in rows] == [
        (50, timedelta(minutes=15)),
        (75, timedelta(minutes=22, seconds=30)),
        (90, timedelta(minutes=27)),
        (100, timedelta(minutes=30)),
    ]
    assert {row.recorded_at for row in rows} == {desk.now}
    desk.passes(seconds=1)
    ticket_id = (await desk.ticket(number)).id
    await desk.db.write(timing.check, ticket_id, now=desk.now)
    assert len(await warned(desk, number)) == 4, "none twice"


async def test_exactly_at_the_due_instant_a_promise_is_kept(desk):
    number = await desk.qualified()
    desk.now = MONDAY + timedelta(hours=2)

    await desk.do(tickets.take, await desk.who("ann"), number)

    clock = (await desk.clocks(number))["response"]
    assert (clock.state, clock.elapsed_s, clock.breached_at) == ("met", 7200, None)
    assert (await desk.ticket(number)).flags == []


async def test_a_breach_is_known_at_once_although_no_timer_rang(desk):
    number = await desk.qualified()
    desk.now = MONDAY + timedelta(hours=2, seconds=1)

    await desk.do(tickets.take, await desk.who("ann"), number)

    clock = (await desk.clocks(number))["response"]
    assert (clock.state, clock.breached_at) == ("breached", MONDAY + timedelta(hours=2))
    assert (await desk.ticket(number)).flags == ["breached:response"]


async def test_more_time_takes_a_breach_back(desk):
    number = await desk.qualified()
    await desk.qualify(number, impact=1, urgency=1)
    desk.passes(minutes=20)
    await desk.work()
    assert "breached:response" in (await desk.ticket(number)).flags

    await desk.qualify(number, impact=3, urgency=2)

    assert (await desk.ticket(number)).flags == []
    assert (await desk.clocks(number))["response"].breached_at is None


async def test_what_is_solved_too_late_says_so_in_the_report(desk):
    number = await desk.taken()
    desk.passes(days=2)

    await desk.do(resolution.resolve, await desk.who("ann"), number, **SOLUTION)

    assert set((await desk.ticket(number)).flags) == {"breached:restore", "breached:resolve"}
    assert (
        "48 ore, concordato 24 ore, esito non rispettato" in (await desk.outward(number, "resolved"))[0].text
    )


async def test_a_promise_by_working_hours_stands_still_outside_them(db):
    desk = await at_work(db)
    number = (await desk.mail("alice@acme.test")).number
    desk.now = MONDAY
    await desk.qualify(number, technology="Server")

    clocks = await desk.clocks(number)
    assert clocks["response"].due_at == MONDAY + timedelta(hours=2), "10:00 to 12:00 in Rome"
    # 24 h in hours of eight a day: Monday seven are left, Tuesday and Wednesday have eight each, and one is of Thursday
    assert clocks["resolve"].due_at == datetime(2026, 3, 5, 9, tzinfo=UTC)
    desk.now = MONDAY + timedelta(hours=12)
    await desk.do(tickets.take, await desk.who("lea"), number)
    assert (await desk.clocks(number))["response"].elapsed_s == 7 * 3600, "of ten to six, lunch left out"


async def test_without_a_line_the_default_service_level_counts(db):
    default = CONFIGURED + '\n[[slas]]\nname = "Default"\n[slas.targets.P3]\nresponse = "8h"\n'
    desk = await at_work(db, default)
    number = await desk.qualified("gina@gamma.test")

    clocks = await desk.clocks(number)
    assert {name: clock.target_s for name, clock in clocks.items() if name != "triage"} == {
        "response": 8 * 3600
    }


async def test_without_any_promise_only_triage_runs(desk):
    number = await desk.qualified("gina@gamma.test")

    assert {name: clock.state for name, clock in (await desk.clocks(number)).items()} == {"triage": "met"}
    assert await timer(desk) is None
    assert (await desk.ticket(number)).next_due is None


async def test_the_cache_is_what_the_events_say(desk):
    number = await desk.taken()
    ann = await desk.who("ann")
    desk.passes(hours=1)
    await desk.do(tickets.wait, ann, number, "Quale?")
    desk.passes(hours=2)
    await desk.mail("alice@acme.test", own_refs=(await desk.ref(number),))
    desk.passes(hours=1)
    await desk.do(resolution.resolve, ann, number, **SOLUTION)
    desk.passes(hours=5)
    await desk.do(resolution.reopen, ann, number, reason="non va")
    desk.passes(hours=1)
    await desk.do(tickets.workaround, ann, number, "4G")

    def again(tx):
        return clock_standing.of_ticket(tx, tx.one(tables.ticket.select()).id, now=desk.now)

    standing = await desk.db.write(again)
    cached = {(row.name, row.cycle): row for row in await desk.rows(tables.sla_clock, number)}
    assert len(standing) == len(cached) >= 4
    for clock in standing:
        row = cached[str(clock.name), clock.cycle]
        assert row.state == clock.state
        assert (row.due_at, row.stopped_at, row.breached_at) == (
            clock.due_at,
            clock.stopped_at,
            clock.breached_at,
        )
        assert row.paused_s == clock.paused_s
    resolve = next(clock for clock in standing if clock.name is rule.ClockName.RESOLVE)
    assert (resolve.elapsed_s, resolve.paused_s) == (3 * 3600, 7 * 3600)


async def test_a_calendar_that_changes_moves_no_running_promise(desk):
    from tests.desk_files import put

    number = await desk.qualified()
    await desk.qualify(number, technology="Server")
    before = (await desk.clocks(number))["resolve"].due_at

    await desk.db.write(put, CONFIGURED.replace("mon-fri 14:00-18:00", "mon-fri 14:00-16:00"), now=desk.now)
    desk.passes(hours=1)
    await desk.do(tickets.take, await desk.who("lea"), number)

    assert (await desk.clocks(number))["resolve"].due_at == before


@pytest.mark.parametrize(
    ("verb", "fields", "state"),
    [(tickets.wait, {"text": "Quale?"}, "waiting_customer"), (resolution.resolve, SOLUTION, "resolved")],
)
async def test_no_next_update_is_owed_while_the_customer_has_the_ball(desk, verb, fields, state):
    number = await desk.qualified()
    await desk.qualify(number, impact=1, urgency=1)
    ann = await desk.who("ann")
    await desk.do(tickets.take, ann, number)
    await desk.do(verb, ann, number, **fields)
    desk.passes(minutes=10)

    await desk.do(tickets.reply, ann, number, "Ancora una cosa.")
    desk.passes(hours=5)
    await desk.mail("alice@acme.test", own_refs=(await desk.ref(number),))

    assert await desk.events(number, f"ticket.{verb.__name__ if state == 'resolved' else 'wait_customer'}")
    clocks = await desk.clocks(number)
    assert (clocks["update"].state, clocks["update"].elapsed_s) == ("running", 0)
    assert not [flag for flag in (await desk.ticket(number)).flags if flag.startswith("breached")]


async def test_each_public_answer_begins_the_promise_of_the_next(desk):
    number = await desk.qualified()
    await desk.qualify(number, impact=1, urgency=1)
    ann = await desk.who("ann")
    await desk.do(tickets.take, ann, number)
    for _ in range(2):
        desk.passes(minutes=50)
        await desk.do(tickets.reply, ann, number, "Stiamo lavorando.")

    cycles = [(row.cycle, row.state) for row in await desk.rows(tables.sla_clock, number, name="update")]
    assert cycles == [(1, "met"), (2, "met"), (3, "running")]


async def test_what_a_person_promised_is_a_clock_that_their_next_words_stop(desk):
    number = await desk.taken()
    by = MONDAY + timedelta(hours=3, seconds=7)
    await desk.do(promises, await desk.who("ann"), number, due=MONDAY + timedelta(hours=1))
    desk.passes(minutes=5, microseconds=3)
    await desk.do(promises, await desk.who("ann"), number, due=by)

    clock = (await desk.clocks(number))["promise"]
    assert (clock.state, clock.due_at, clock.cycle) == ("running", by, 1), "the same, moved"
    desk.now = by
    await desk.do(tickets.reply, await desk.who("ann"), number, "Eccoci.")
    assert (await desk.clocks(number))["promise"].state == "met", "exactly then is kept"

    await desk.do(promises, await desk.who("ann"), number, due=by + timedelta(minutes=1))
    desk.passes(minutes=2)
    await desk.do(resolution.cancel, await desk.who("ann"), number, reason="ritirata")
    clock = (await desk.clocks(number))["promise"]
    assert (clock.state, clock.cycle) == ("cancelled", 2)


def promises(tx, who, number, *, due, now):
    case = acts.begin(tx, who, number, now=now)
    timing.promise(case, due)
    acts.finish(case)
