"""Which time does the name of a period mean? Weeks, months, quarters and years by the days of one time zone. Decisions only."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import NamedTuple
from zoneinfo import ZoneInfo


class Every(StrEnum):
    """How long a period is."""

    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"


class Period(NamedTuple):
    """A period of one time zone."""

    name: str
    every: Every
    since: datetime
    until: datetime  # the first instant after it


_NAME = re.compile(r"(20\d\d)(?:-(?:W(\d\d)|Q([1-4])|(0[1-9]|1[0-2])))?")
_MONTHS = {Every.MONTH: 1, Every.QUARTER: 3, Every.YEAR: 12}


def period(name: str, zone: ZoneInfo) -> Period:
    """The period of this name: 2026-W45 (ISO 8601), 2026-10, 2026-Q4 or 2026. Raises ValueError for anything else.

    >>> found = period("2026-10", ZoneInfo("Europe/Rome"))
    >>> found.since.isoformat(), found.until.isoformat()
    ('2026-09-30T22:00:00+00:00', '2026-10-31T23:00:00+00:00')
    """
    match = _NAME.fullmatch(name)
    if match is None:
        raise ValueError(f'"{name}" is no period: write it like 2026-W45, 2026-10, 2026-Q4 or 2026')
    year = int(match[1])
    if match[2]:
        try:
            first = date.fromisocalendar(year, int(match[2]), 1)
        except ValueError:
            raise ValueError(f'"{name}" is no period: {year} has no week {match[2]}') from None
        return _period(name, Every.WEEK, first, first + timedelta(days=7), zone)
    every = Every.QUARTER if match[3] else Every.MONTH if match[4] else Every.YEAR
    month = (int(match[3]) - 1) * 3 + 1 if match[3] else int(match[4] or 1)
    first = date(year, month, 1)
    ahead = month - 1 + _MONTHS[every]
    return _period(name, every, first, date(year + ahead // 12, ahead % 12 + 1, 1), zone)


def name_of(every: Every, at: datetime, zone: ZoneInfo) -> str:
    """What the period is called that an instant lies in.

    >>> name_of(Every.WEEK, datetime(2026, 12, 31, 23, 30, tzinfo=UTC), ZoneInfo("Europe/Rome"))
    '2026-W53'
    """
    local = at.astimezone(zone).date()
    match every:
        case Every.WEEK:
            year, week, _ = local.isocalendar()
            return f"{year}-W{week:02}"
        case Every.MONTH:
            return f"{local.year}-{local.month:02}"
        case Every.QUARTER:
            return f"{local.year}-Q{(local.month + 2) // 3}"
        case Every.YEAR:
            return str(local.year)


def last_over(every: Every, now: datetime, zone: ZoneInfo) -> Period:
    """The newest period that is over.

    >>> last_over(Every.QUARTER, datetime(2026, 1, 1, 0, 0, tzinfo=UTC), ZoneInfo("Europe/Rome")).name
    '2025-Q4'
    """
    running = period(name_of(every, now, zone), zone)
    return period(name_of(every, running.since - timedelta(hours=1), zone), zone)


def _period(name: str, every: Every, first: date, after: date, zone: ZoneInfo) -> Period:
    since, until = (datetime.combine(day, time(), tzinfo=zone).astimezone(UTC) for day in (first, after))
    return Period(name, every, since, until)
