"""What does it cost to find the times of a visit? Fifty engineers and thirty days, as a desk has them and as bad as they can be."""

from __future__ import annotations

import random
import time
from datetime import UTC, datetime, timedelta
from statistics import median
from zoneinfo import ZoneInfo

from bench.table import Figure
from core.rules import slots
from core.rules.calendar_definitions import CalendarDefinition, parse_weekly
from core.rules.calendars import Calendar
from core.rules.slots import Booked, Engineer, Wanted

ENGINEERS = 50
ROUNDS = 15
NONE = "none"
"""In place of a database: the rule asks none."""

_NOW = datetime(2026, 10, 19, 6, tzinfo=UTC)
_WEEKLY = ("mon-fri 09:00-13:00", "mon-fri 14:00-18:00")


def measure() -> list[Figure]:
    """Visits here and there in everybody's days; and days so full that no time is left."""
    return [
        _figure("three times for a visit found", 2, note="bookings in every engineer's every day"),
        _figure("three times for a crew of five found", 2, note="the same bookings", count=5),
        _figure("three times for a crew of 25 found", 2, note="half of everybody at once", count=25),
        _figure("that no engineer has a free time", 60, note="every working hour of 30 days is taken"),
    ]


def _figure(what: str, each_day: int, *, note: str, count: int = 1) -> Figure:
    hours = Calendar(
        CalendarDefinition(name="office", time_zone="Europe/Rome", weekly=parse_weekly(_WEEKLY))
    ).between(_NOW, _NOW + slots.AHEAD)
    wanted = Wanted(
        minutes=120,
        skills=frozenset({"Network"}),
        site=((_NOW, _NOW + slots.AHEAD),),
        line=((_NOW, _NOW + slots.AHEAD),),
        earliest=_NOW + timedelta(hours=1),
        zone=ZoneInfo("Europe/Rome"),
        count=count,
    )
    chance = random.Random(7)  # noqa: S311 - the same desk each time
    engineers = [
        Engineer(
            id=f"{n:02}",
            skills=frozenset({"Network"}),
            hours=tuple(hours),
            booked=[_booked(chance, day, each_day, n) for day in range(30) for n in range(each_day)],
        )
        for n in range(ENGINEERS)
    ]
    found = slots.find(wanted, engineers)
    spent = []
    for _ in range(ROUNDS):
        began = time.process_time()
        slots.find(wanted, engineers)
        spent.append(time.process_time() - began)
    return Figure(
        what=f"{what}, {ENGINEERS} engineers and 30 days",
        database=NONE,
        measured=1000 * median(spent),
        unit="core ms",
        at_most=200.0,
        note=f"{note}; {len(found.slots)} offered",
    )


def _booked(chance: random.Random, day: int, each_day: int, n: int) -> Booked:
    """So many a day: few begin at any hour, many follow each other all day."""
    crowded = each_day > 10  # noqa: PLR2004 - so many follow each other
    minutes = n * 20 if crowded else chance.randrange(0, 720, 15)
    since = _NOW + timedelta(days=day, minutes=minutes)
    return Booked(since=since, until=since + timedelta(minutes=20 if crowded else 60))
