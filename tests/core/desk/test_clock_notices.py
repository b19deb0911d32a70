"""Who is told that a clock runs out? Each level once, the right people, at the right hour, and only while it is true."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from core.desk import acts, books, resolution, tickets, timing
from core.store import tables
from tests.desk_at_work import CONFIGURED, MONDAY, SOLUTION, AtWork, at_work

STAFF = """
[[agents]]
email = "sue@hub.test"
name = "Sue"
roles = ["supervisor"]
[[agents]]
email = "max@hub.test"
name = "Max"
roles = ["technician"]
"""


@pytest.fixture
async def desk(db) -> AtWork:
    return await at_work(db, CONFIGURED + STAFF)


async def told(desk: AtWork) -> list[tuple[str, str]]:
    """To whom, and the beginning of it; what was not read yet."""
    await desk.work()
    found = [(one.to.address.partition("@")[0], one.subject.partition(" ")[0]) for one in desk.channel.warned]
    desk.channel.warned.clear()
    return sorted(found)


async def noted(desk: AtWork, number: str, clock: str = "response") -> list[tuple[int, str]]:
    rows = await desk.rows(tables.sla_notice, number, clock=clock)
    return [(row.level, row.state) for row in rows]


async def urgent(desk: AtWork) -> str:
    """P1: response in 15 minutes, of a group that Ann is in."""
    return await desk.qualify((await desk.mail("alice@acme.test")).number or "", impact=1, urgency=1)


async def test_the_group_then_the_shift_leader_then_the_supervisor_is_told(desk):
    number = await urgent(desk)
    heard = {}
    for minutes in (7.5, 11.25, 13.5, 15, 15.1, 30.1):
        desk.now = MONDAY + timedelta(minutes=minutes)
        heard[minutes] = await told(desk)

    assert heard[7.5] == [("ann", "50")]
    assert heard[11.25] == [("ann", "75"), ("lea", "75")], "nobody owns it: the group"
    assert heard[13.5] == [("sue", "90")]
    assert heard[15] == [], "equal is met"
    assert heard[15.1] == [("sue", "Scaduto:")]
    assert heard[30.1] == [("sue", "Scaduto:")], "a reminder, as long as nobody answers"
    assert (await noted(desk, number))[:4] == [(50, "told"), (75, "told"), (90, "told"), (100, "told")]
    (breach,) = await desk.events(number, "clock.breached")
    assert (breach.at, breach.data["leg"]) == (MONDAY + timedelta(minutes=15), "us")


async def test_after_downtime_only_the_highest_level_is_told_and_says_how_late_it_is(desk):
    number = await urgent(desk)
    desk.passes(minutes=20)

    await desk.work()

    assert await noted(desk, number) == [
        (50, "overtaken"),
        (75, "overtaken"),
        (90, "overtaken"),
        (100, "told"),
    ]
    assert "Questo avviso parte in ritardo di 5 minuti" in desk.channel.warned[-1].text
    desk.channel.warned.clear()
    ticket_id = (await desk.ticket(number)).id
    for _ in range(2):  # whatever hub rings again
        await desk.db.write(timing.check, ticket_id, now=desk.now)
    assert await told(desk) == []


async def test_a_warning_that_is_not_true_when_it_leaves_is_not_sent(desk):
    number = await urgent(desk)
    desk.passes(minutes=8)
    ticket_id = (await desk.ticket(number)).id
    await desk.db.write(timing.check, ticket_id, now=desk.now)
    await desk.do(tickets.take, await desk.who("ann"), number)

    assert await told(desk) == []
    assert [row.state for row in await desk.deliveries(number, kind="sla")] == ["withdrawn"]


async def test_what_is_not_urgent_waits_for_the_hours_of_the_group(db):
    hours = CONFIGURED.replace('name = "Network L1"', 'name = "Network L1"\ncalendar = "Office"')
    desk = await at_work(db, hours + STAFF)
    desk.now = datetime(2026, 3, 2, 18, tzinfo=UTC)  # seven in the evening
    number = await desk.qualified()
    urgently = await urgent(desk)
    desk.passes(minutes=61)
    assert {row.level for row in await desk.rows(tables.sla_notice, number)} == set()
    await desk.work()

    assert await noted(desk, number) == [(50, "told")]
    assert [one.subject for one in desk.channel.warned if number in one.subject] == []
    assert [one.subject for one in desk.channel.warned if urgently in one.subject] != [], "P1 at any hour"
    desk.channel.warned.clear()
    for _ in range(12):
        desk.passes(hours=1)
        await desk.work()
    desk.now = datetime(2026, 3, 3, 8, tzinfo=UTC)
    desk.channel.warned.clear()
    await desk.work()
    mine = [one for one in desk.channel.warned if number in one.subject and "risposta" in one.subject]
    assert [one.to.address for one in mine] == ["sue@hub.test"], "of what was passed by night the worst"
    assert "Questo avviso parte in ritardo di" in mine[0].text


async def test_a_breach_seen_by_the_act_that_ends_it_is_on_record_and_wakes_nobody(desk):
    number = await urgent(desk)
    desk.passes(minutes=16)
    await desk.do(tickets.take, await desk.who("ann"), number)

    assert await told(desk) == []
    assert (100, "seen") in await noted(desk, number)
    assert len(await desk.events(number, "clock.breached")) == 1


async def test_the_customer_and_the_account_manager_hear_of_a_breach_where_it_was_agreed(db):
    agreed = CONFIGURED.replace('number = "C-1"', 'number = "C-1"\n  tell_breach = true')
    desk = await at_work(db, agreed + STAFF)
    await desk.db.write(manager, now=desk.now)
    number = await urgent(desk)
    desk.passes(minutes=16)
    assert await told(desk) == [("max", "Scaduto:"), ("sue", "Scaduto:")]
    desk.passes(minutes=2)
    await desk.work()

    text = (await desk.outward(number, "progress"))[-1].text
    assert "Non abbiamo rispettato il tempo concordato con Lei per la risposta" in text
    assert "lunedì 2 marzo 2026, 10:15" in text


def manager(tx, *, now):
    tx.run(
        tables.customer.update()
        .where(tables.customer.c.code == "ACME")
        .values(account_manager="max@hub.test")
    )


async def test_whoever_had_the_ball_most_of_the_counted_time_has_the_breach(desk):
    number = await urgent(desk)
    ann = await desk.who("ann")
    await desk.do(tickets.take, ann, number)
    desk.passes(hours=1)
    await desk.db.write(to_vendor, ann, number, now=desk.now)
    desk.passes(hours=3, minutes=1)
    await desk.work()

    found = {row.data["clock"]: row.data["leg"] for row in await desk.events(number, "clock.breached")}
    assert found["restore"] == "vendor", "four hours, three of them with the vendor"


def to_vendor(tx, who, number, *, now):
    case = acts.begin(tx, who, number, now=now)
    acts.move(case, who, "wait_vendor")
    timing.apply(case, "wait_vendor")
    acts.finish(case)


async def test_a_higher_target_that_was_passed_already_is_told_once_in_these_words(desk):
    number = await desk.qualified()
    desk.passes(minutes=14)
    await desk.work()
    desk.channel.warned.clear()
    await desk.qualify(number, impact=1, urgency=1)
    desk.passes(seconds=1)
    await desk.work()

    (sent,) = [one for one in desk.channel.warned if "risposta" in one.subject]
    assert sent.to.address == "sue@hub.test"
    assert "Il tempo concordato è cambiato" in sent.text
    assert await noted(desk, number) == [(50, "overtaken"), (75, "overtaken"), (90, "told")]


async def test_a_promise_by_a_person_has_reminders_of_its_own(desk):
    number = await desk.taken()
    await desk.db.write(promises, await desk.who("ann"), number, now=desk.now)
    desk.passes(minutes=31)
    await desk.work()

    assert await noted(desk, number, "promise") == [(100, "told")]
    assert [one for one in desk.channel.warned if "promesso" in one.subject] == []


def promises(tx, who, number, *, now):
    case = acts.begin(tx, who, number, now=now)
    timing.promise(case, now + timedelta(minutes=30))
    acts.finish(case)


async def test_nobody_is_warned_of_a_ticket_that_is_over(desk):
    number = await urgent(desk)
    await desk.do(tickets.take, await desk.who("ann"), number)
    await desk.do(resolution.resolve, await desk.who("ann"), number, **SOLUTION)
    await desk.do(resolution.close, await desk.who("ann"), number)
    desk.passes(days=3)
    assert await told(desk) == []
    assert await desk.rows(tables.job, kind="clocks") == []


async def names(desk: AtWork) -> list[str]:
    return [name for name, _ in await told(desk)]


async def late_under_p1(desk: AtWork) -> str:
    """Its first answer was due after 15 minutes and is not any more: it has two hours."""
    number = await urgent(desk)
    desk.passes(minutes=40)
    assert await names(desk) == ["sue"]
    await desk.qualify(number, impact=3, urgency=2)
    return number


async def test_a_breach_of_a_second_target_is_told_too(desk):
    number = await late_under_p1(desk)
    assert await told(desk) == []
    assert [state for level, state in await noted(desk, number) if level >= 100] == ["past", "past"]
    desk.passes(minutes=80)
    desk.passes(minutes=1)

    assert "sue" in await names(desk)
    desk.passes(minutes=31)
    assert "sue" in await names(desk), "reminded of it, as of any"

    first, second = await desk.events(number, "clock.breached")
    assert (first.at, second.at) == (MONDAY + timedelta(minutes=15), MONDAY + timedelta(hours=2))
    assert first.data["target"] != second.data["target"]
    assert dict(await noted(desk, number))[100] == "told"
    assert (await desk.db.read(books.verify, now=desk.now)).faults == ()


async def test_a_target_that_comes_back_is_not_told_again(desk):
    number = await late_under_p1(desk)

    await desk.qualify(number, impact=1, urgency=1)
    desk.passes(seconds=2)
    assert await told(desk) == []
    await desk.qualify(number, impact=3, urgency=2)
    await desk.do(tickets.take, await desk.who("ann"), number)

    assert len(await desk.events(number, "clock.breached")) == 1
    assert (await desk.clocks(number))["response"].state == "met"
    assert (await desk.db.read(books.verify, now=desk.now)).faults == ()


async def test_a_second_target_that_only_the_answer_finds_missed_is_on_record(desk):
    number = await late_under_p1(desk)
    desk.passes(hours=2)

    await desk.do(tickets.take, await desk.who("ann"), number)

    assert len(await desk.events(number, "clock.breached")) == 2
    assert dict(await noted(desk, number))[100] == "seen"
    assert (await desk.db.read(books.verify, now=desk.now)).faults == ()
