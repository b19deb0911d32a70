"""Work that is entered late counts where its day stands in the books, on whichever day the contract has begun since."""

from __future__ import annotations

import random
from collections import defaultdict
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from core.desk import books, ledger_books, reference
from core.desk.ledger_periods import Course, Terms
from core.rules.coverage import Contract, Line
from core.store import tables
from tests.core.desk.test_consumption import HOURS, balance, log
from tests.desk_at_work import MONDAY, AtWork, at_work
from tests.desk_files import changed, put

ROME = ZoneInfo("Europe/Rome")
BEGINS = ("2026-01-01", "2025-12-15", "2026-01-10", "2026-02-20", "2025-11-30")
STEPS = 16


def beginning(day: str, text: str = HOURS) -> str:
    return changed("valid_from = 2026-01-01", f"valid_from = {day}", text)


async def move(desk: AtWork, day: str, text: str = HOURS) -> None:
    await desk.db.write(put, beginning(day, text), now=desk.now)


async def faults(desk: AtWork) -> tuple[object, ...]:
    return (await desk.db.read(books.verify, now=desk.now)).faults


async def standing(desk: AtWork) -> dict[date, set[str]]:
    """In which periods what was used on a day stands."""
    rows = [row for row in await desk.rows(tables.consumption) if row.line == "Network"]
    gone = {row.reverses for row in rows if row.reverses}
    found = defaultdict(set)
    for row in rows:
        if row.kind == "use" and row.id not in gone:
            found[row.at.astimezone(ROME).date()].add(row.period)
    return found


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("rollover", ["true", "false"])
async def test_a_day_stands_in_one_period_whenever_its_work_is_entered(db, seed, rollover):
    text = HOURS.replace("quantity = 2\n", "quantity = 50\n").replace(
        "rollover = true", f"rollover = {rollover}"
    )
    dice = random.Random(f"{seed} {rollover}")
    desk = await at_work(db, text)
    number = await desk.taken()
    desk.passes(days=dice.randrange(1, 45))
    days: list[datetime] = []
    for _ in range(STEPS):
        match dice.choice(("pass", "move", "enter", "enter", "again")):
            case "pass":
                desk.passes(days=dice.randrange(3, 25))
            case "move":
                await move(desk, dice.choice(BEGINS), text)
            case "enter":
                days.append(MONDAY + dice.random() * (desk.now - MONDAY))
                await log(desk, number, 15, at=days[-1])
            case "again" if days:
                before = await balance(desk)
                await log(desk, number, 15, at=dice.choice(days))
                assert [one[0] for one in await balance(desk)] == [one[0] for one in before]

    assert {day: periods for day, periods in (await standing(desk)).items() if len(periods) > 1} == {}
    assert await faults(desk) == ()


async def test_late_work_counts_where_its_day_stands_and_opens_nothing(db):
    desk = await at_work(db, HOURS.replace("rollover = true", "rollover = false"))
    number = await desk.taken()
    await log(desk, number, 30)
    desk.passes(days=40)
    await move(desk, "2025-12-15", HOURS.replace("rollover = true", "rollover = false"))
    before = await balance(desk)

    await log(desk, number, 30, at=MONDAY + timedelta(days=2))

    assert before == [("2026-03-01", 120, 30), ("2026-03-15", 120, 0)]
    assert await balance(desk) == [("2026-03-01", 120, 60), ("2026-03-15", 120, 0)]


async def test_what_late_work_uses_is_taken_off_what_was_handed_on_from_there(db):
    desk = await at_work(db, HOURS)
    number = await desk.taken()
    await log(desk, number, 30)
    desk.passes(days=40)
    await move(desk, "2025-12-15")
    before = await balance(desk)

    await log(desk, number, 30, at=MONDAY + timedelta(days=2))

    assert before == [("2026-03-01", 120, 30), ("2026-03-15", 210, 0)]
    assert await balance(desk) == [("2026-03-01", 120, 60), ("2026-03-15", 180, 0)]
    assert await faults(desk) == ()


async def test_a_month_that_another_took_over_hands_nothing_on(db):
    desk = await at_work(db, HOURS)
    number = await desk.taken()
    await log(desk, number, 90)
    desk.passes(days=9)
    await move(desk, "2025-12-15")
    desk.passes(days=5)

    await log(desk, number, 15)

    assert await balance(desk) == [("2026-02-15", 120, 90), ("2026-03-01", 120, 0), ("2026-03-15", 150, 15)]
    assert await faults(desk) == ()


async def test_a_month_in_which_nothing_was_used_hands_on_as_it_was_counted_then(db):
    desk = await at_work(db, HOURS)
    await log(desk, await desk.taken(), 60)
    desk.passes(days=52)

    await move(desk, "2025-12-15")

    assert await balance(desk) == [("2026-03-01", 120, 60), ("2026-04-01", 180, 0), ("2026-04-15", 300, 0)]


async def test_days_before_the_first_one_are_granted_their_part_of_a_month(db):
    desk = await at_work(db, HOURS)
    await log(desk, await desk.taken(), 60)
    desk.passes(days=9)
    await move(desk, "2025-12-15")

    def late(tx):
        (contract,) = reference.contracts(tx, "ACME")
        return ledger_books.opened(tx, contract, contract.lines[0], day=date(2025, 12, 20), now=desk.now)

    found = await db.write(late)

    assert (found.period.first, found.balance.granted) == (date(2025, 12, 15), 66), "17 days of 31"
    assert await faults(desk) == ()


def test_after_the_last_day_there_is_comes_no_period():
    line = Line(name="All", measure="hours", quantity=2, period="month")
    contract = Contract(number="C", valid_from=date(2026, 1, 31), valid_until=date.max, lines=(line,))
    course = Course(terms=(Terms(contract=contract, line=line, first=date.min, since=None),))

    assert course.after(course.period(date.max)) is None
