"""When does a notice nobody wrote wait for the morning, and when for the hour to be over? (desk.md 12)

Only words of the hub itself, only by channels that ring in somebody's pocket, and only of requests that are not urgent.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

PATIENT = ("P3", "P4")
"""Priorities of which nobody is told at night."""
AWAKE = timedelta(minutes=30)
"""Since they wrote themselves: so long nobody need be careful not to wake them."""
HOUR = timedelta(hours=1)
LONGEST = 24
"""Hours: what would have to wait longer is told then, all the same."""

_SPAN = re.compile(r"(\d{2}):(\d{2})-(\d{2}):(\d{2})")


@dataclass(frozen=True, slots=True)
class Quiet:
    """From this time of day until that one, over midnight where the end is earlier."""

    since: time
    until: time


def read(words: str) -> Quiet | None:
    """Read `21:00-08:00`; empty: there are no quiet hours. Raises ValueError that says what is wrong.

    >>> read("21:00-08:00")
    Quiet(since=datetime.time(21, 0), until=datetime.time(8, 0))
    """
    if not words.strip():
        return None
    found = _SPAN.fullmatch(words.strip())
    try:
        if found is None:
            raise ValueError
        since, until = time(int(found[1]), int(found[2])), time(int(found[3]), int(found[4]))
    except ValueError:
        message = (
            f'{words!r} must be two times of the day, such as "21:00-08:00", or empty for no quiet hours'
        )
        raise ValueError(message) from None
    if since == until:
        message = f"{words!r} begins when it ends: leave it empty for no quiet hours"
        raise ValueError(message)
    return Quiet(since, until)


def over_at(
    quiet: Quiet | None, *, priority: str | None, pocket: bool, now: datetime, zone: ZoneInfo
) -> datetime:
    """When such a notice may leave: `now`, or the end of the quiet hours of the customer's zone.

    `priority`: None while it is not known, which is no reason to wake anybody. `pocket`: it leaves by a chat or a text.

    >>> rome, night = ZoneInfo("Europe/Rome"), datetime(2026, 3, 2, 22, 30, tzinfo=UTC)
    >>> over_at(read("21:00-08:00"), priority="P3", pocket=True, now=night, zone=rome).isoformat()
    '2026-03-03T07:00:00+00:00'
    >>> over_at(read("21:00-08:00"), priority="P1", pocket=True, now=night, zone=rome) == night
    True
    """
    if quiet is None or not pocket or (priority is not None and priority not in PATIENT):
        return now
    local = now.astimezone(zone)
    today, wall = local.date(), local.time()
    if quiet.since < quiet.until:
        return _at(today, quiet.until, zone) if quiet.since <= wall < quiet.until else now
    if wall >= quiet.since:
        return _at(today + timedelta(days=1), quiet.until, zone)
    return _at(today, quiet.until, zone) if wall < quiet.until else now


def hours_until_told(told: Callable[[int], int], *, per_hour: int) -> int:
    """After how many hours an address may be told again: 0, now. `told`: how often it was, or will have been, in the hour before.

    What was put off counts where it will be told, so that there are never more than `per_hour`, however many wait.

    >>> hours_until_told({0: 9}.__getitem__, per_hour=10), hours_until_told({0: 10, 1: 10, 2: 3}.__getitem__, per_hour=10)
    (0, 2)
    """
    return next((hours for hours in range(LONGEST) if told(hours) < per_hour), LONGEST)


def _at(day: date, wall: time, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, wall, zone).astimezone(UTC)
