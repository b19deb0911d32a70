"""How much of what was bought is left, what does one more act cost, and when is it used up? (desk.md 16)

Everything is counted in whole units: minutes of work, tickets, visits. A period is a stretch of local dates of the
customer, counted from the first day of the contract, so that a contract of one year from March has one year of hours.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import MAXYEAR, date, datetime, timedelta
from typing import Literal, TypeAlias

Unit: TypeAlias = Literal["minutes", "tickets", "visits"]

UNITS: dict[str, Unit] = {"hours": "minutes", "tickets": "tickets", "visits": "visits"}
"""What a line's measure is counted in."""
MONTHS = {"year": 12, "quarter": 3, "month": 1}
THRESHOLDS = (80, 100)
"""Percent used at which both sides are told."""
LOOKS_BACK = 8  # weeks that a forecast is made from
_WEEK = timedelta(weeks=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """A stretch of the contract that has a quantity of its own. Local dates, both included."""

    first: date
    last: date


def units(measure: str, quantity: float) -> int:
    """A quantity in the line's measure, in whole units.

    >>> units("hours", 2.5), units("visits", 4)
    (150, 4)
    """
    return round(quantity * 60) if measure == "hours" else round(quantity)


def amount(measure: str, counted: int) -> float:
    """Whole units in the line's measure.

    >>> amount("hours", 150), amount("tickets", 3)
    (2.5, 3)
    """
    return counted / 60 if measure == "hours" else counted


def period_of(kind: str, valid_from: date, valid_until: date, day: date) -> Period:
    """The period of a contract that a local date is in; a date outside counts in the first or the last one.

    >>> period_of("month", date(2026, 1, 31), date(2026, 12, 31), date(2026, 3, 1))
    Period(first=datetime.date(2026, 2, 28), last=datetime.date(2026, 3, 30))
    """
    if kind not in MONTHS:
        return Period(first=valid_from, last=valid_until)
    day = min(max(day, valid_from), valid_until)
    months = 12 * (day.year - valid_from.year) + day.month - valid_from.month
    n = max(
        months // MONTHS[kind] - 1, 0
    )  # never beyond it: a month may be shorter than the day it is counted from
    first = _months_later(valid_from, n * MONTHS[kind]) or valid_from
    while (following := _months_later(valid_from, (n + 1) * MONTHS[kind])) is not None and following <= day:
        first, n = following, n + 1
    last = valid_until if following is None else min(following - timedelta(days=1), valid_until)
    return Period(first=first, last=last)


def share(quantity: int, days: int, of: int) -> int:
    """What a period is worth of which only so many days count in it, rounded up.

    >>> share(120, 17, 31), share(120, 31, 31), share(1, 1, 31)
    (66, 120, 1)
    """
    return -(-quantity * days // of)


def _months_later(day: date, months: int) -> date | None:
    """The same day of a later month; its last one where it is shorter. None: after the last year that there is."""
    years, month = divmod(day.month - 1 + months, 12)
    year, month = day.year + years, month + 1
    if year > MAXYEAR:
        return None
    return date(year, month, min(day.day, monthrange(year, month)[1]))


def rounded(minutes: int, step: int) -> int:
    """The work on one ticket as it is charged: up to the next step.

    >>> rounded(1, 15), rounded(15, 15), rounded(16, 15), rounded(0, 15)
    (15, 15, 30, 0)
    """
    return -(-minutes // step) * step


def one_more(done: int, more: int, step: int) -> int:
    """What more minutes on a ticket cost when `done` are charged already: it is rounded per ticket, not per entry.

    >>> one_more(0, 5, 15), one_more(5, 5, 15), one_more(10, 10, 15)
    (15, 0, 15)
    """
    return rounded(done + more, step) - rounded(done, step)


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """What a line has in one period, in whole units."""

    granted: int
    """Bought, added, and carried over from the period before."""
    used: int

    @property
    def left(self) -> int:
        """Below zero after an overdraft."""
        return self.granted - self.used

    @property
    def percent(self) -> int:
        """Of what was granted; 100 where nothing was granted."""
        return 100 * self.used // self.granted if self.granted > 0 else 100

    def lacks(self, cost: int) -> int:
        """How much is missing for an act that costs this; 0: it can be done."""
        return max(0, cost - max(self.left, 0)) if cost > 0 else 0


def carried(before: Balance, *, rollover: bool) -> int:
    """What a period hands to the next one: what is left, where the line says so; a debt never."""
    return max(before.left, 0) if rollover else 0


def crossed(before: Balance, after: Balance) -> tuple[int, ...]:
    """Which of THRESHOLDS were passed between the two.

    >>> crossed(Balance(granted=100, used=70), Balance(granted=100, used=100))
    (80, 100)
    """
    if after.used <= before.used:
        return ()
    return tuple(
        threshold
        for threshold in THRESHOLDS
        if 100 * before.used < threshold * before.granted <= 100 * after.used
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """Something that was used, or (below zero) given back."""

    at: datetime
    quantity: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """If it goes on like this."""

    per_week: float
    """Mean of the last weeks, in whole units."""
    weeks: float
    """How many weeks that is the mean of: at most LOOKS_BACK."""
    exhausted_on: date | None
    """The day on which nothing is left, in the zone of `now`; None: not within the period."""


def forecast(uses: Sequence[Use], left: int, *, since: datetime, until: date, now: datetime) -> Forecast:
    """The mean of the last eight weeks, or of as many as the line is counted since; and what that leads to.

    `until`: the last day of the period. Nothing used lately is a forecast of nothing.

    >>> from datetime import UTC
    >>> forecast([Use(at=datetime(2026, 3, 1, tzinfo=UTC), quantity=240)], 60, since=datetime(2025, 1, 1, tzinfo=UTC),
    ...     until=date(2026, 12, 31), now=datetime(2026, 3, 2, tzinfo=UTC))
    Forecast(per_week=30.0, weeks=8.0, exhausted_on=datetime.date(2026, 3, 16))
    """
    begin = max(now - LOOKS_BACK * _WEEK, since)
    weeks = max((now - begin) / _WEEK, 1.0)
    total = sum(use.quantity for use in uses if begin < use.at <= now)
    per_week = max(total, 0) / weeks
    if left <= 0:
        return Forecast(per_week=per_week, weeks=weeks, exhausted_on=now.date())
    if per_week == 0:
        return Forecast(per_week=0.0, weeks=weeks, exhausted_on=None)
    days = left / per_week * 7
    in_sight = days <= (until - now.date()).days
    day = now.date() + timedelta(days=int(days)) if in_sight else None
    return Forecast(per_week=per_week, weeks=weeks, exhausted_on=day)
