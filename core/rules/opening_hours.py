"""Which instants do local opening hours mean? Windows of wall-clock time into open intervals of UTC, DST included.

A bound inside the spring gap means the first instant after it; an ambiguous bound in autumn means its first
occurrence, for openings and closings alike. Numbers are microseconds of the epoch.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from core.rules.calendar_definitions import (
    MIDNIGHT,
    WEEKDAYS,
    CalendarDefinition,
    Minutes,
    Window,
    in_minutes,
)

FIRST_YEAR, LAST_YEAR = 1970, 2200  # outside of these an instant is a mistake
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SECOND = 1_000_000
KEPT_DAYS = 2_000  # of a calendar, once somebody asked for them
MINUTE = 60 * SECOND
DAY = timedelta(days=1)


class OpeningHours:
    """The windows of a definition, compiled: what is open on a local date, and in whole years."""

    __slots__ = ("_annual", "_breaks", "_closed", "_days", "_shifts", "_weekly", "always", "cut_off", "zone")

    def __init__(self, definition: CalendarDefinition) -> None:
        self.zone = ZoneInfo(definition.time_zone)
        self.cut_off = None if definition.cut_off is None else _minutes(definition.cut_off)
        self._weekly = tuple(_merged(definition.weekly.get(day, ())) for day in WEEKDAYS)
        self._shifts = {day: _merged(windows) for day, windows in definition.shifts.items()}
        self._breaks = {day: _merged(windows) for day, windows in definition.breaks.items()}
        self._closed = definition.closed
        self._annual = {(int(text[:2]), int(text[3:])) for text in definition.annual_closed}
        exceptions = (self._shifts, self._breaks, self._closed, self._annual)
        self._days: dict[date, list[tuple[int, int]]] = {}
        self.always = not any(exceptions) and set(self._weekly) == {((0, MIDNIGHT),)}

    def on(self, day: date) -> list[tuple[int, int]]:
        """The open intervals of a local date; not to be changed."""
        found = self._days.get(day)
        if found is None:
            found = self._spans(day, self._offset_of(day), self._offset_of(day + DAY))
            if len(self._days) >= KEPT_DAYS:
                self._days.clear()
            self._days[day] = found
        return found

    def instant(self, day: date, minutes: int) -> int:
        """The instant of a local wall-clock time, in minutes after midnight (1440: the next midnight)."""
        local = datetime(day.year, day.month, day.day) + timedelta(minutes=minutes)  # noqa: DTZ001 - wall clock
        early, late = _offset(local, self.zone, fold=0), _offset(local, self.zone, fold=1)
        since_epoch = _microseconds(local - datetime(1970, 1, 1))  # noqa: DTZ001 - wall clock
        if late <= early:
            return since_epoch - early
        # In the gap: somewhere between the two readings the zone leaves its early offset.
        seconds = range((since_epoch - late) // SECOND, (since_epoch - early) // SECOND)
        changed = bisect_right(seconds, False, key=lambda at: _offset_at(at, self.zone) != early)  # noqa: FBT003
        return (seconds.start + changed) * SECOND

    def years(self, first: int, last: int) -> Intervals:
        """The open intervals of the local years first to last - 1. Raises ValueError outside of 1970 to 2200."""
        if not FIRST_YEAR <= first < last <= LAST_YEAR:
            raise ValueError(f"the year {first} is outside {FIRST_YEAR} to {LAST_YEAR}")
        day, until = date(first, 1, 1), date(last, 1, 1)
        found = Intervals(first, last, self.instant(day, 0), self.instant(until, 0))
        offset = self._offset_of(day)
        while day < until:
            tomorrow = day + DAY
            next_offset = self._offset_of(tomorrow)
            for a, b in self._spans(day, offset, next_offset):
                found.append(a, b)
            day, offset = tomorrow, next_offset
        return found

    def _spans(self, day: date, offset: int, next_offset: int) -> list[tuple[int, int]]:
        """The open intervals of a date, given the zone's distance from UTC at its beginning and at its end."""
        windows = self._windows(day)
        if offset == next_offset:  # no change of the clock on this date: plain sums, several times faster
            midnight = (day - EPOCH.date()).days * MIDNIGHT * MINUTE - offset
            return [(midnight + a * MINUTE, midnight + b * MINUTE) for a, b in windows]
        bounds = [(self.instant(day, a), self.instant(day, b)) for a, b in windows]
        return [(a, b) for a, b in bounds if a < b]  # a window inside the spring gap does not happen

    def _windows(self, day: date) -> Sequence[Minutes]:
        windows: Sequence[Minutes]
        if day in self._shifts:
            windows = self._shifts[day]
        elif day in self._closed or (day.month, day.day) in self._annual:
            return ()
        else:
            windows = self._weekly[day.weekday()]
        for since, until in self._breaks.get(day, ()):
            parts = [(a, min(b, since)) for a, b in windows] + [(max(a, until), b) for a, b in windows]
            windows = sorted((a, b) for a, b in parts if a < b)
        return windows

    def _offset_of(self, day: date) -> int:
        """The zone's distance from UTC at local midnight. No zone since 1970 has a gap that holds a midnight inside."""
        return _offset(datetime(day.year, day.month, day.day), self.zone, fold=0)  # noqa: DTZ001 - wall clock


class Intervals:
    """Open intervals of whole years, sorted and merged, with the open time before each: S, E and C of the design."""

    __slots__ = ("base", "before", "closes", "end", "first", "last", "opens", "start", "total")

    def __init__(self, first: int, last: int, start: int, end: int, base: int = 0) -> None:
        self.first, self.last = first, last  # local years, last excluded
        self.start, self.end = start, end  # the instants between which everything is known
        self.opens: list[int] = []
        self.closes: list[int] = []
        self.before: list[
            int
        ] = []  # open time from a fixed instant to the opening; negative before that instant
        self.base = self.total = base  # the same at start and at end

    def append(self, opens: int, closes: int) -> None:
        """Add the next interval; it joins the last one when they touch."""
        if self.closes and self.closes[-1] >= opens:
            self.closes[-1] = closes
        else:
            self.opens.append(opens)
            self.closes.append(closes)
            self.before.append(self.total)
        self.total += closes - opens

    def followed_by(self, later: Intervals, *, base: int) -> Intervals:
        """Both as one, counted from `base`. Neither is changed: another thread may be reading it."""
        joined = Intervals(self.first, later.last, self.start, later.end, base)
        earlier_by = base - self.base
        later_by = self.total + earlier_by - later.base
        touching = bool(self.closes and later.opens and self.closes[-1] >= later.opens[0])
        joined.opens = self.opens + later.opens[touching:]
        joined.closes = self.closes[: len(self.closes) - touching] + later.closes
        joined.before = [n + earlier_by for n in self.before] + [
            n + later_by for n in later.before[touching:]
        ]
        joined.total = later.total + later_by
        return joined


def _merged(windows: Iterable[Window]) -> tuple[Minutes, ...]:
    merged: list[Minutes] = []
    for a, b in sorted(in_minutes(window) for window in windows):
        if merged and a <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(b, merged[-1][1]))
        else:
            merged.append((a, b))
    return tuple(merged)


def _minutes(text: str) -> int:
    return int(text[:2]) * 60 + int(text[3:])


def _offset(local: datetime, zone: ZoneInfo, *, fold: int) -> int:
    return _microseconds(zone.utcoffset(local.replace(tzinfo=zone, fold=fold)))


def _offset_at(seconds: int, zone: ZoneInfo) -> int:
    return _microseconds(datetime.fromtimestamp(seconds, zone).utcoffset())


def _microseconds(span: timedelta | None) -> int:
    assert span is not None  # a zone of the database always has an offset
    return (span.days * 86_400 + span.seconds) * SECOND + span.microseconds
