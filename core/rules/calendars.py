"""When is a service open, and by when have so many open seconds passed?"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import TypeAlias

from core.rules.calendar_definitions import (
    ALWAYS,
    CalendarDefinition,
    definition_from_json,
    definition_to_json,
    definition_version,
    from_vectors,
    holiday_dates,
    parse_weekly,
)
from core.rules.opening_hours import DAY, EPOCH, FIRST_YEAR, LAST_YEAR, SECOND, Intervals, OpeningHours

__all__ = [
    "ALWAYS",
    "Calendar",
    "CalendarDefinition",
    "NeverOpenError",
    "Pause",
    "definition_from_json",
    "definition_to_json",
    "definition_version",
    "from_vectors",
    "holiday_dates",
    "parse_weekly",
]

Pause: TypeAlias = tuple[datetime, datetime | None]  # [from, to); None: still paused
# The same in microseconds of the epoch, the unit of every number below; FOREVER: still paused.
Span: TypeAlias = tuple[int, int]
FOREVER = 1 << 62


class NeverOpenError(ValueError):
    """The calendar does not open often enough to answer."""


class Calendar:
    """The opening hours of one calendar version, asked for due dates and open time.

    Making one costs little: years are expanded when a question touches them, and kept. It never changes to the
    outside and may be shared by threads. Instants are aware (naive: ValueError) and come back in UTC; open time is
    counted to the microsecond and given in whole seconds, rounded down. Questions outside 1970 to 2200, and those
    without an answer there, raise ValueError. The algorithm is that of the design's section "Clocks".
    """

    __slots__ = ("_hours", "_known", "always", "definition")

    def __init__(self, definition: CalendarDefinition) -> None:
        self.definition = definition
        self._hours = OpeningHours(definition)
        self.always = self._hours.always  # never closed: open time is real time, and nothing is expanded
        self._known: Intervals | None = None

    def due(self, start: datetime, target_s: int, pauses: Iterable[Pause] = ()) -> datetime | None:
        """When `target_s` seconds of open, unpaused time have passed since start; None: an open pause holds the clock.

        A target used up exactly at closing is due at closing. A target of 0 is due at the first open instant at or
        after start. A pause that begins at or after the due instant does not move it. `pauses` may overlap, in any
        order; what lies before start is ignored. Raises ValueError for a negative target and for a pause that ends
        before it begins.
        """
        if target_s < 0:
            raise ValueError(f"target: {target_s} seconds is negative")
        due = self.due_at(to_microseconds(start, "start"), target_s, _spans(pauses) if pauses else ())
        return None if due is None else to_instant(due)

    def elapsed(self, start: datetime, end: datetime, pauses: Iterable[Pause] = ()) -> int:
        """Open, unpaused seconds from start to end; 0 when end is not after start."""
        spans = _spans(pauses) if pauses else ()
        return self.elapsed_at(to_microseconds(start, "start"), to_microseconds(end, "end"), spans)

    def overrun(self, due: datetime, pauses: Iterable[Pause] = ()) -> datetime | None:
        """The instant after which a promise due then is broken; None: nothing breaks it while an open pause lasts.

        It is `due` itself unless the calendar closes or a pause begins there: work done on Saturday still keeps a
        promise that was due at Friday's closing, because no more than the promised open time has passed.
        """
        broken = self.overrun_at(to_microseconds(due, "due"), _spans(pauses) if pauses else ())
        return None if broken is None else to_instant(broken)

    def before(self, instant: datetime, seconds: int) -> datetime:
        """The latest instant from which `seconds` open seconds lead to this one: due backwards.

        It stays inside the open interval whose time it uses; 0 seconds: the last open instant at or before this one.
        """
        if seconds < 0:
            raise ValueError(f"seconds: {seconds} is negative")
        at = to_microseconds(instant, "instant")
        if self.always:
            return to_instant(at - seconds * SECOND)
        known = self.covering(at, at)
        if seconds == 0:
            while not known.opens or known.opens[0] > at:
                known = self._extended(known, -1)
            return to_instant(min(at, known.closes[bisect_right(known.opens, at) - 1]))
        wanted = open_time(known, at) - seconds * SECOND
        while wanted < known.base:
            known = self._extended(known, known.first - known.last)
        i = bisect_right(known.before, wanted) - 1
        return to_instant(known.opens[i] + wanted - known.before[i])

    def periods(self, start: datetime, count: int) -> tuple[tuple[datetime, datetime | None], ...]:
        """The next `count` open intervals that end after start, the first clipped to it; an end of None: never closes.

        Fewer when the calendar does not open so often again. Raises ValueError when count is below 1.
        """
        if count < 1:
            raise ValueError(f"count: {count} is below 1")
        at = to_microseconds(start, "start")
        if self.always:
            return ((to_instant(at), None),)
        known = self.covering(at, at)
        while True:
            i = bisect_right(known.closes, at)
            found = list(zip(known.opens[i : i + count], known.closes[i : i + count], strict=True))
            if (len(found) == count and found[-1][1] < known.end) or known.last == LAST_YEAR:
                break
            known = self._extended(known, 1)
        return tuple((to_instant(max(a, at)), None if b == known.end else to_instant(b)) for a, b in found)

    def between(self, since: datetime, until: datetime) -> tuple[tuple[datetime, datetime], ...]:
        """The open time from `since` to `until`, as intervals in order that neither touch nor are empty."""
        a, b = to_microseconds(since, "since"), to_microseconds(until, "until")
        if b <= a:
            return ()
        if self.always:
            return ((to_instant(a), to_instant(b)),)
        known = self.covering(a, b)
        first, last = bisect_right(known.closes, a), bisect_left(known.opens, b)
        return tuple(
            (to_instant(max(opens, a)), to_instant(min(closes, b)))
            for opens, closes in zip(known.opens[first:last], known.closes[first:last], strict=True)
        )

    def on(self, day: date) -> tuple[tuple[datetime, datetime], ...]:
        """When it is open on a local date."""
        return tuple((to_instant(a), to_instant(b)) for a, b in self._hours.on(day))

    def is_open(self, instant: datetime) -> bool:
        """Whether work is done at this instant. The closing instant itself is closed."""
        at = to_microseconds(instant, "instant")
        if self.always:
            return True
        known = self.covering(at, at)
        i = bisect_right(known.opens, at) - 1
        return i >= 0 and at < known.closes[i]

    def next_open(self, instant: datetime) -> datetime | None:
        """This instant when it is open, else the next opening; None when it never opens again."""
        if self.is_open(instant):
            return to_instant(to_microseconds(instant, "instant"))
        try:
            return to_instant(self._first_open(to_microseconds(instant, "instant") + 1))
        except NeverOpenError:
            return None

    def due_working_days(
        self, start: datetime, days: int, *, end: bool = False, pauses: Iterable[Pause] = ()
    ) -> datetime | None:
        """`days` working days after start (negative: before) at the same local time, or at that day's last closing.

        A working day is a local date with an open window. A start on a closed date, or after the calendar's cut-off
        (without one: the last closing), counts as one at the opening of the next working day. Closed at that time: the
        next open instant. A pause adds a day for every opening of a working day inside it, unless it begins at or
        after the due instant; None: an open pause holds it.
        """
        at = to_microseconds(start, "start")
        due = self._working_days_later(at, days, end=end)
        for since, until in _spans(pauses):
            if until <= at:
                continue
            if since >= due:
                break
            if until == FOREVER:
                return None
            days += self._openings(max(since, at), until)
            due = self._working_days_later(at, days, end=end)
        return to_instant(due)

    # The same in microseconds of the epoch, for who counts many clocks: `spans` as `joined` gives them.

    def due_at(self, start: int, target_s: int, spans: Sequence[Span] = ()) -> int | None:
        """See due."""
        if target_s == 0:
            return self._first_open(start)
        return self._due(start, target_s * SECOND, spans)

    def elapsed_at(self, start: int, end: int, spans: Sequence[Span] = ()) -> int:
        """See elapsed."""
        if end <= start:
            return 0
        if self.always:
            total = end - start
            for since, until in _clipped(spans, start, end) if spans else ():
                total -= until - since
        else:
            known = self.covering(start, end)
            total = open_time(known, end) - open_time(known, start)
            for since, until in _clipped(spans, start, end) if spans else ():
                total -= open_time(known, until) - open_time(known, since)
        return total // SECOND

    def overrun_at(self, due: int, spans: Sequence[Span] = ()) -> int | None:
        """See overrun."""
        try:
            later = self._due(due, 1, spans)
        except NeverOpenError:
            return None
        return None if later is None else later - 1

    def _due(self, start: int, amount: int, spans: Sequence[Span]) -> int | None:
        if self.always:
            return _due_without_closing(start, amount, spans)
        known = self.covering(start, start)
        wanted = open_time(known, start) + amount
        known, due = self._inv(known, wanted)
        for since, until in spans:
            if until <= start:
                continue
            if since >= due:
                break
            if until == FOREVER:
                return None
            known = self._reaching(known, until)
            wanted += open_time(known, until) - open_time(known, max(since, start))
            known, due = self._inv(known, wanted)
        return due

    def _inv(self, known: Intervals, wanted: int) -> tuple[Intervals, int]:
        """The instant by which so much open time has passed; exactly at the end of an interval it stays there."""
        while wanted > known.total:
            known = self._extended(known, known.last - known.first)
        return known, reached(known, wanted)

    def _first_open(self, at: int) -> int:
        if self.always:
            return at
        known = self.covering(at, at)
        while True:
            i = bisect_right(known.opens, at) - 1
            if i >= 0 and at <= known.closes[i]:
                return at
            if i + 1 < len(known.opens):
                return known.opens[i + 1]
            known = self._extended(known, 1)

    # What is known grows as one piece. A grown piece counts open time from the same instant as the one it grew from,
    # so that a question may go on with it; threads may grow it side by side, and the last result stays.

    def covering(self, since: int, until: int) -> Intervals:
        """What is known, from one instant to the other at least; nothing of a calendar that never closes."""
        known = self._known
        if known is not None and known.start <= since and until < known.end:
            return known
        if known is None:
            year = to_instant(since).year
            known = self._known = self._hours.years(year, min(year + 2, LAST_YEAR))
        while since < known.start:
            known = self._extended(known, min(-1, to_instant(since).year - known.first))
        return self._reaching(known, until)

    def _reaching(self, known: Intervals, at: int) -> Intervals:
        while at >= known.end:
            known = self._extended(known, max(1, to_instant(at).year + 1 - known.last))
        return known

    def _extended(self, known: Intervals, years: int) -> Intervals:
        """With so many more years after (negative: before) what is known, as far as there are any."""
        first, last = max(known.first + min(years, 0), FIRST_YEAR), min(known.last + max(years, 0), LAST_YEAR)
        if (first, last) == (known.first, known.last):
            name = self.definition.name
            raise NeverOpenError(f'calendar "{name}": no answer between {FIRST_YEAR} and {LAST_YEAR}')
        if years > 0:
            grown = known.followed_by(self._hours.years(known.last, last), base=known.base)
        else:
            earlier = self._hours.years(first, known.first)
            grown = earlier.followed_by(known, base=known.base - earlier.total)
        self._known = grown
        return grown

    def _working_days_later(self, start: int, days: int, *, end: bool) -> int:
        local = to_instant(start).astimezone(self._hours.zone)
        day, clock = local.date(), local.time()
        spans, cut_off = self._hours.on(day), self._hours.cut_off
        if not spans or start > (spans[-1][1] if cut_off is None else self._hours.instant(day, cut_off)):
            day, spans = self._working_day(day, 1)
            clock = to_instant(spans[0][0]).astimezone(self._hours.zone).time()
        for _ in range(abs(days)):
            day, spans = self._working_day(day, 1 if days > 0 else -1)
        if end:
            return spans[-1][1]
        at = self._hours.instant(day, clock.hour * 60 + clock.minute)
        return self._first_open(at + clock.second * SECOND + clock.microsecond)

    def _working_day(self, day: date, step: int) -> tuple[date, list[tuple[int, int]]]:
        """The nearest working day after (step 1) or before (step -1) a date, with its intervals."""
        while FIRST_YEAR < day.year < LAST_YEAR:
            day += DAY * step
            if spans := self._hours.on(day):
                return day, spans
        raise NeverOpenError(f'calendar "{self.definition.name}": no working day left')

    def _openings(self, since: int, until: int) -> int:
        """How many working days open in [since, until)."""
        day, last = (to_instant(at).astimezone(self._hours.zone).date() for at in (since, until))
        if last.year >= LAST_YEAR:
            raise NeverOpenError(f"pauses: {last} is after {LAST_YEAR}")
        count = 0
        while day <= last:
            spans = self._hours.on(day)
            count += bool(spans) and since <= spans[0][0] < until
            day += DAY
        return count


def open_time(known: Intervals, at: int) -> int:
    """Until then, from an instant that is the same for all that grew from what is known."""
    i = bisect_right(known.opens, at) - 1
    if i < 0:
        return known.base
    closes = known.closes[i]
    return known.before[i] + (min(closes, at)) - known.opens[i]


def reached(known: Intervals, wanted: int) -> int:
    """The instant by which so much open time has passed: no more than `known.total`. At the end of an interval it stays there."""
    i = bisect_left(known.before, wanted) - 1
    return known.opens[i] + wanted - known.before[i]


def _due_without_closing(start: int, amount: int, spans: Iterable[Span]) -> int | None:
    due = start + amount
    for since, until in spans:
        if until <= start:
            continue
        if since >= due:
            break
        if until == FOREVER:
            return None
        due += until - max(since, start)
    return due


def _spans(pauses: Iterable[Pause]) -> list[Span]:
    return joined([_span(pause) for pause in pauses])


def joined(pauses: Iterable[Span]) -> list[Span]:
    """Sorted; overlapping and touching ones joined, so that an open one swallows all that follow."""
    spans: list[Span] = []
    for since, until in sorted(pauses):
        if not spans or spans[-1][1] < since:
            spans.append((since, until))
        elif until > spans[-1][1]:
            spans[-1] = (spans[-1][0], until)
    return spans


def _span(pause: Pause) -> Span:
    since, until = pause
    a, b = to_microseconds(since, "pauses"), FOREVER if until is None else to_microseconds(until, "pauses")
    if b < a:
        raise ValueError(f'pauses: "to" {until} is before "from" {since}')
    return a, b


def _clipped(spans: Iterable[Span], since: int, until: int) -> list[Span]:
    return [(max(a, since), min(b, until)) for a, b in spans if a < until and b > since]


def to_microseconds(instant: datetime, field: str = "instant") -> int:
    """Of the epoch. Raises ValueError for a naive instant, naming the field."""
    if instant.tzinfo is None:
        raise ValueError(f"{field}: {instant} has no time zone")
    since = instant - EPOCH
    return (since.days * 86_400 + since.seconds) * SECOND + since.microseconds


def to_instant(microseconds: int) -> datetime:
    """In UTC. Raises NeverOpenError beyond the years there are."""
    try:
        return EPOCH + timedelta(0, 0, microseconds)
    except OverflowError:
        raise NeverOpenError("there is no such year") from None
