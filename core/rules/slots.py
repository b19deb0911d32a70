"""When can somebody come? The times that are offered for a visit on site, and why there is none. Decisions only.

A time has to lie in everybody's hours at once: the site's, those of the contract line and those of an engineer who has the
skills, clear of what that engineer's time is taken by and of the way there and back. Where several have to come, one leads, who has
the skills, and as many others are free at the same time.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from itertools import islice
from typing import NamedTuple
from zoneinfo import ZoneInfo

AHEAD = timedelta(days=30)
"""So far a time is looked for."""
TRAVEL = 30
"""Minutes of the way to a site and from it."""
STEP = 15
"""Minutes: visits begin on a quarter of an hour."""
OFFERED = 3
"""Times that a customer is given to choose from."""
LONGEST = 24 * 60
"""Minutes of one visit."""
NOON = time(13)
"""Local time at which the second half of a day begins."""

Span = tuple[datetime, datetime]
"""From, until before."""


class Reason(StrEnum):
    """Why this time is among those that are offered."""

    EARLIEST = "earliest"
    ANOTHER_HALF_DAY = "another_half_day"
    ANOTHER_ENGINEER = "another_engineer"
    ANOTHER_HOUR = "another_hour"


class Why(StrEnum):
    """Why nobody can come, in the order in which it is found out."""

    PAST = "past"
    TOO_SOON = "too_soon"
    """Somebody has to be announced before, or is still on the way."""
    NO_ENGINEERS = "no_engineers"
    """Nobody goes on site at all."""
    TOO_FEW = "too_few"
    """Fewer go on site than have to come."""
    NO_SKILL = "no_skill"
    SITE_CLOSED = "site_closed"
    LINE_CLOSED = "line_closed"
    """The hours of the contract line."""
    NOBODY_WORKS = "nobody_works"
    ALL_TAKEN = "all_taken"


@dataclass(frozen=True, slots=True, kw_only=True)
class Booked:
    """What an engineer's time is taken by."""

    since: datetime
    until: datetime
    travel: bool = True
    """They have to go there and come back; not for leave."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Engineer:
    """Somebody who goes on site."""

    id: str
    skills: frozenset[str]
    hours: Sequence[Span]
    """When they work: in order, merged."""
    booked: Sequence[Booked] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The visit."""

    minutes: int
    skills: frozenset[str]
    """Technologies that whoever leads must know; those who come by name know them together. None: anybody comes."""
    site: Sequence[Span]
    """When engineers are let in: in order, merged, as far ahead as is looked."""
    line: Sequence[Span]
    """When the contract line has somebody work; likewise."""
    earliest: datetime
    zone: ZoneInfo
    """Of the site: whose half days are told apart."""
    due: datetime | None = None
    """When somebody has to be there by what was promised; None: nothing was."""
    count: int = 1
    """Engineers who have to come at once."""
    named: Sequence[str] = ()
    """Ids of exactly those who come, the first leads; none: whoever can."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """A time, and who would come."""

    engineer: str
    """Who leads."""
    others: tuple[str, ...] = ()
    start: datetime
    end: datetime
    reason: Reason
    late: bool
    """It begins after what was promised."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The times that are offered; none: why."""

    slots: tuple[Slot, ...]
    why: Why | None = None


class _Candidate(NamedTuple):
    start: int
    load: int
    engineer: str
    half: int


_Spans = list[tuple[int, int]]
"""In seconds since 1970, in order, merged."""


def find(wanted: Wanted, engineers: Sequence[Engineer], *, count: int = OFFERED) -> Found:
    """The earliest time, then such as lie in other half days and with other engineers; those in time before late ones.

    Of engineers who could come at the same instant the ones with the fewest bookings do. Raises ValueError for a visit of
    no length, or to which nobody has to come.
    """
    length = _length(wanted)
    if not engineers:
        return Found(slots=(), why=Why.NO_ENGINEERS)
    many = len(wanted.named) or wanted.count
    crew = [one for one in engineers if one.id in wanted.named] if wanted.named else list(engineers)
    if len(crew) < many:
        return Found(slots=(), why=Why.TOO_FEW)
    able = _leaders(wanted, crew)
    if not able:
        return Found(slots=(), why=Why.NO_SKILL)
    earliest = _seconds(wanted.earliest)
    site = [span for span in _clipped(wanted.site, earliest) if span[1] - span[0] >= length]
    if not site:
        return Found(slots=(), why=Why.SITE_CLOSED)
    allowed = [span for span in _both(site, _clipped(wanted.line, earliest)) if span[1] - span[0] >= length]
    if not allowed:
        return Found(slots=(), why=Why.LINE_CLOSED)
    shared: dict[int, _Spans] = {}  # by the hours, which many have in common
    hours: dict[str, _Spans] = {}
    for one in crew if many > 1 else able:
        if id(one.hours) not in shared:
            shared[id(one.hours)] = _both(allowed, _clipped(one.hours, earliest))
        hours[one.id] = shared[id(one.hours)]
    begins = {one.id: _begins(_free(hours[one.id], one.booked), length) for one in crew if one.id in hours}
    together = _at_once(begins.values(), many) if many > 1 else None
    halves = _half_days(wanted.zone, allowed[0][0], allowed[-1][1])
    found = [
        _Candidate(start, len(one.booked), one.id, half)
        for one in able
        for span in (begins[one.id] if together is None else _both(begins[one.id], together))
        for start, half in _starts(span, halves)
    ]
    if not found:
        at_work = {one: _begins(spans, length) for one, spans in hours.items()}
        works = _at_once(at_work.values(), many)
        anybody = any(_both(at_work[one.id], works) for one in able)
        return Found(slots=(), why=Why.ALL_TAKEN if anybody else Why.NOBODY_WORKS)
    found.sort()
    due = None if wanted.due is None else _seconds(wanted.due)
    chosen = _chosen(found, length, due, count, alone=many == 1)
    if many == 1:
        return Found(slots=tuple(chosen))
    by_load = sorted(crew, key=lambda one: (len(one.booked), one.id))
    order = [one.id for one in by_load] if not wanted.named else list(wanted.named)
    return Found(slots=tuple(replace(slot, others=_others(slot, order, begins, many - 1)) for slot in chosen))


def obstacle(wanted: Wanted, crew: Sequence[Engineer], start: datetime, *, now: datetime) -> Why | None:
    """What keeps these engineers, who know together what is needed, from coming at this time; None: nothing does."""
    length = _length(wanted)
    if start <= now:
        return Why.PAST
    if start < wanted.earliest:
        return Why.TOO_SOON
    if not wanted.skills <= _known(crew):
        return Why.NO_SKILL
    since = _seconds(start)
    span = since, since + length
    for spans, why in (
        (wanted.site, Why.SITE_CLOSED),
        (wanted.line, Why.LINE_CLOSED),
        *((one.hours, Why.NOBODY_WORKS) for one in crew),
    ):
        if not any(_seconds(opens) <= span[0] and span[1] <= _seconds(closes) for opens, closes in spans):
            return why
    until = start + timedelta(seconds=length)
    return Why.ALL_TAKEN if any(taken(one.booked, start, until) for one in crew) else None


def taken(booked: Iterable[Booked], since: datetime, until: datetime) -> Booked | None:
    """What stands in the way of a visit from `since` until `until`, the way there and back included; None: nothing."""
    way = timedelta(minutes=TRAVEL)
    for one in booked:
        aside = way if one.travel else timedelta()
        if one.since < until + aside and one.until + aside > since:
            return one
    return None


def _length(wanted: Wanted) -> int:
    if not 0 < wanted.minutes <= LONGEST:
        raise ValueError(f"minutes: {wanted.minutes} is no length of a visit")
    if wanted.count < 1:
        raise ValueError(f"count: {wanted.count} engineers come to no visit")
    return wanted.minutes * 60


def _leaders(wanted: Wanted, crew: Sequence[Engineer]) -> list[Engineer]:
    """Who may lead: everybody who knows what is needed; of those who come by name the first, where they know it together."""
    if wanted.named:
        return [one for one in crew if one.id == wanted.named[0] and wanted.skills <= _known(crew)]
    return [one for one in crew if wanted.skills <= one.skills]


def _known(crew: Iterable[Engineer]) -> frozenset[str]:
    return frozenset().union(*(one.skills for one in crew))


def _others(slot: Slot, order: Iterable[str], begins: Mapping[str, _Spans], count: int) -> tuple[str, ...]:
    """The first of these who can be there too."""
    at = _seconds(slot.start)
    free = (
        one
        for one in order
        if one != slot.engineer and any(since <= at < until for since, until in begins[one])
    )
    return tuple(islice(free, count))


def _chosen(
    found: Sequence[_Candidate], length: int, due: int | None, count: int, *, alone: bool
) -> Iterator[Slot]:
    chosen: list[_Candidate] = []
    for _ in range(count):
        best: tuple[tuple[bool, bool, bool], _Candidate] | None = None
        halves, engineers = {one.half for one in chosen}, {one.engineer for one in chosen}
        for one in found:
            if any(_collide(one, other, length, alone=alone) for other in chosen):
                continue
            key = (due is not None and one.start > due, one.half in halves, one.engineer in engineers)
            if best is None or key < best[0]:
                best = key, one
                if not any(key):
                    break
        if best is None:
            return
        (late, same_half, same_engineer), one = best
        reason = Reason.ANOTHER_HOUR if same_engineer else Reason.ANOTHER_ENGINEER
        if not same_half:
            reason = Reason.ANOTHER_HALF_DAY
        if not chosen:
            reason = Reason.EARLIEST
        chosen.append(one)
        yield Slot(
            engineer=one.engineer,
            start=_instant(one.start),
            end=_instant(one.start + length),
            reason=reason,
            late=late,
        )


def _collide(one: _Candidate, other: _Candidate, length: int, *, alone: bool) -> bool:
    """Both cannot be held: the same hour is no choice, and one engineer, or one of many, is in one place."""
    apart = 1 if alone and one.engineer != other.engineer else length + TRAVEL * 60
    return abs(one.start - other.start) < apart


# --- Intervals ---------------------------------------------------------------------------------------------


def _begins(spans: Iterable[tuple[int, int]], length: int) -> _Spans:
    """From when until before when a visit of this length can begin in them."""
    return [(since, until - length + 1) for since, until in spans if until - since >= length]


def _at_once(each: Iterable[_Spans], count: int) -> _Spans:
    """When as many of these can begin at the same instant."""
    edges = sorted(edge for spans in each for since, until in spans for edge in ((since, 1), (until, -1)))
    found, depth, since = [], 0, 0
    for at, step in edges:  # at one instant ends come before beginnings
        if step < 0 and depth == count and since < at:
            found.append((since, at))
        depth += step
        if step > 0 and depth == count:
            since = at
    return found


def _starts(span: tuple[int, int], halves: Sequence[int]) -> Iterator[tuple[int, int]]:
    """The first quarter of an hour of each half day in which a visit can begin, with that half day."""
    start = _stepped(span[0])
    while start < span[1]:
        half = bisect_right(halves, start)
        yield start, half
        if half == len(halves):
            return
        start = _stepped(max(halves[half], start + 1))


def _free(hours: _Spans, booked: Sequence[Booked]) -> Iterator[tuple[int, int]]:
    """What is left of these hours beside the bookings, the way there and back taken off."""
    way = TRAVEL * 60
    busy = sorted(
        (_seconds(one.since) - (way if one.travel else 0), _seconds(one.until) + (way if one.travel else 0))
        for one in booked
    )
    first = 0
    for opens, closes in hours:
        at = opens
        while first < len(busy) and busy[first][1] <= opens:
            first += 1
        for since, until in busy[first:]:
            if since >= closes:
                break
            if since > at:
                yield at, since
            at = max(at, until)
        if at < closes:
            yield at, closes


def _both(one: _Spans, other: _Spans) -> _Spans:
    found, i, j = [], 0, 0
    while i < len(one) and j < len(other):
        since, until = max(one[i][0], other[j][0]), min(one[i][1], other[j][1])
        if since < until:
            found.append((since, until))
        if one[i][1] < other[j][1]:
            i += 1
        else:
            j += 1
    return found


def _clipped(spans: Iterable[Span], since: int) -> _Spans:
    found = ((max(_seconds(opens), since), _seconds(closes)) for opens, closes in spans)
    return [span for span in found if span[0] < span[1]]


def _half_days(zone: ZoneInfo, since: int, until: int) -> list[int]:
    """The instants at which half days begin by the clock of the site; a night when clocks change moves them along."""
    day, last = (_instant(at).astimezone(zone).date() for at in (since, until))
    found = []
    while day <= last:
        found += [_seconds(datetime.combine(day, at, zone)) for at in (time(), NOON)]
        day += timedelta(days=1)
    return found


def _stepped(at: int) -> int:
    return -(-at // (STEP * 60)) * STEP * 60


def _seconds(at: datetime) -> int:
    """Rounded up: a window that opens within a second opens with the next."""
    if at.tzinfo is None:
        raise ValueError(f"{at} has no time zone")
    return -int(-at.timestamp() // 1)


def _instant(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
