"""Who is on duty, and when is nobody? Rotas of layers and overrides, in local wall time, into intervals of instants.

The last layer that names somebody wins, an override beats all layers. A shift of twelve hours is one of wall time: on the
night when the clocks change it lasts eleven or thirteen (desk.md 8). Decisions only: no database, no clock.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache

from core.rules.calendar_definitions import ALWAYS, CalendarDefinition, parse_weekly
from core.rules.durations import parse_duration
from core.rules.opening_hours import EPOCH, OpeningHours

ON_CALL, SECOND, SHIFT_LEADER, SUPERVISOR = "on-call", "second", "shift-leader", "supervisor"
DUTIES = (ON_CALL, SECOND, SHIFT_LEADER, SUPERVISOR)
"""From the first who is called to the last."""

AHEAD = timedelta(days=60)
"""So far rotas are looked at for instants without anybody."""
ALARM_AHEAD = timedelta(days=7)
"""So long before nobody is on duty it is an alarm."""

WORKING_WEEK = 5  # days, Monday to Friday: what "1wd" counts
FIRST_LINE, SPECIALISTS, SUPERVISION = "first_line", "specialists", "supervision"
WANTED = (FIRST_LINE, SPECIALISTS, SUPERVISION)
"""Of what somebody must be there at every instant: specialists for each technology that a contract covers."""

LEAST = timedelta(minutes=15)
MOST = timedelta(days=366)

_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)", re.ASCII)
_WORKING_DAYS = re.compile(r"([1-9]\d?)wd", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """Members who hand over to each other, in turn. Raises ValueError with every mistake, each with its field."""

    members: tuple[str, ...]
    starts: date
    """The local date on which the first of them begins; nobody before."""
    handoff: str = "08:00"
    """Local time at which they hand over."""
    length: str = "7d"
    """Of a shift: "12h", "7d", or "1wd": to the same time of the next weekday, Friday's lasting until Monday."""
    restrictions: tuple[str, ...] = ()
    """Only then, in local time: "mon-fri 08:00-20:00"; empty: always."""

    def __post_init__(self) -> None:
        if mistakes := list(_mistakes(self)):
            raise ValueError("; ".join(mistakes))


@dataclass(frozen=True, slots=True, kw_only=True)
class Rota:
    """A plan for one duty."""

    name: str
    duty: str
    groups: tuple[str, ...] = ()
    """For which groups; empty: for all that have no rota of their own."""
    time_zone: str = "Europe/Rome"
    layers: tuple[Layer, ...] = ()
    fallback: str = ""
    """A telephone number that is called when nobody answers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """Somebody else, for a time."""

    id: str
    rota: str
    agent: str
    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """Somebody's time on duty, from `since` until before `until`."""

    agent: str
    since: datetime
    until: datetime
    override: str | None = None
    """Id of the override that it is; None: as planned."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Nobody is there who should be."""

    what: str
    """Of WANTED."""
    of: tuple[str, ...]
    """The technologies for which nobody is there; none: for nothing in particular."""
    since: datetime
    until: datetime


Span = tuple[datetime, datetime]
Post = tuple[str, str | None]
"""A duty, and the group it is for; None: for all."""
Wanted = tuple[str, str, Sequence[Post]]
"""Of WANTED, for which technology (empty: none in particular), and the posts of which one must be filled."""


# --- Who ---------------------------------------------------------------------------------------------------


def shifts(rota: Rota, overrides: Sequence[Override], since: datetime, until: datetime) -> tuple[Shift, ...]:
    """Who has the duty of one rota in [since, until), in order, without overlap, cut at these bounds.

    `overrides`: those of any rota, the one that was made last at the end. Where nobody is, there is no shift.
    """
    found: list[Shift] = []
    for layer in rota.layers:
        found = _over(found, _turns(layer, rota.time_zone, since, until))
    for one in overrides:
        if one.rota == rota.name and one.since < until and one.until > since:
            given = Shift(agent=one.agent, since=one.since, until=one.until, override=one.id)
            found = _over(found, [given])
    return tuple(
        _cut(one, max(one.since, since), min(one.until, until))
        for one in _joined(found)
        if one.since < until and one.until > since
    )


def on_duty(
    rotas: Iterable[Rota], overrides: Sequence[Override], duty: str, group: str | None, at: datetime
) -> tuple[str, ...]:
    """Who has a duty for a group at an instant: of the group's own rotas, else of those for all groups."""
    there: list[str] = []
    for chosen in _concerning(rotas, duty, group):
        for rota in chosen:
            there += [one.agent for one in shifts(rota, overrides, at, at + datetime.resolution)]
        if there:
            break
    return tuple(dict.fromkeys(there))


def intervals(
    rotas: Iterable[Rota],
    overrides: Sequence[Override],
    duty: str,
    group: str | None,
    since: datetime,
    until: datetime,
) -> tuple[Span, ...]:
    """When in [since, until) somebody has a duty for a group: merged, cut at these bounds."""
    spans = [
        (one.since, one.until)
        for chosen in _concerning(rotas, duty, group)
        for rota in chosen
        for one in shifts(rota, overrides, since, until)
    ]
    return _merged(spans)


def missing(spans: Iterable[Span], since: datetime, until: datetime) -> tuple[Span, ...]:
    """What of [since, until) these merged intervals leave out."""
    gaps, at = [], since
    for begins, ends in spans:
        if begins > at:
            gaps.append((at, min(begins, until)))
        at = max(at, ends)
        if at >= until:
            break
    if at < until:
        gaps.append((at, until))
    return tuple(gaps)


def gaps(
    rotas: Sequence[Rota],
    overrides: Sequence[Override],
    wanted: Iterable[Wanted],
    since: datetime,
    until: datetime,
) -> tuple[Gap, ...]:
    """When in [since, until) nobody is there who should be, in order of time; one gap for all technologies that share it."""
    known: dict[Post, tuple[Span, ...]] = {}
    found: dict[tuple[str, datetime, datetime], list[str]] = {}
    for what, of, posts in wanted:
        spans: list[Span] = []
        for post in posts:
            if post not in known:
                known[post] = intervals(rotas, overrides, *post, since, until)
            spans += known[post]
        for begins, ends in missing(_merged(spans), since, until):
            found.setdefault((what, begins, ends), []).extend([of] if of else [])
    return tuple(
        Gap(what=what, of=tuple(of), since=begins, until=ends)
        for (what, begins, ends), of in sorted(found.items(), key=lambda one: (one[0][1], one[0][0]))
    )


def wanted(groups: Iterable[tuple[str, int, Sequence[str]]], covered: Iterable[str]) -> tuple[Wanted, ...]:
    """What the rotas must cover at every instant.

    `groups`: name, level and technologies (none: all) of each; `covered`: technologies that a contract names. Specialists of
    a technology are who is on call for a competent group of level 2 or 3, or second on call for any competent one.
    """
    known = list(groups)
    first: list[Post] = [(ON_CALL, None), *((ON_CALL, name) for name, level, _ in known if level == 1)]
    found: list[Wanted] = [(FIRST_LINE, "", first)]
    for technology in covered:
        competent = [(name, level) for name, level, able in known if not able or technology in able]
        posts: list[Post] = [(ON_CALL, name) for name, level in competent if level > 1]
        posts += [(SECOND, None), *((SECOND, name) for name, _ in competent)]
        found.append((SPECIALISTS, technology, posts))
    return (*found, (SUPERVISION, "", [(SUPERVISOR, None)]))


def _concerning(rotas: Iterable[Rota], duty: str, group: str | None) -> tuple[list[Rota], list[Rota]]:
    """Rotas of a duty: the group's own, and those for all."""
    of_duty = [rota for rota in rotas if rota.duty == duty]
    own = [rota for rota in of_duty if group is not None and group in rota.groups]
    return own, [rota for rota in of_duty if not rota.groups]


# --- Layers ------------------------------------------------------------------------------------------------


def _turns(layer: Layer, zone: str, since: datetime, until: datetime) -> list[Shift]:
    """The shifts of one layer that touch [since, until)."""
    hours = _hours(zone, layer.restrictions)
    begins_at = _beginnings(layer)
    found = []
    number = max(0, _before(layer, since.astimezone(hours.zone).replace(tzinfo=None)))
    begins = _instant(hours, begins_at(number))
    while begins < until:
        ends = _instant(hours, begins_at(number + 1))
        agent = layer.members[number % len(layer.members)]
        for opens, closes in _open(hours, begins, ends) if layer.restrictions else ((begins, ends),):
            if opens < closes and closes > since and opens < until:
                found.append(Shift(agent=agent, since=opens, until=closes))
        number, begins = number + 1, ends
    return found


def _beginnings(layer: Layer) -> Callable[[int], datetime]:
    """Local beginning of the n-th shift."""
    first = datetime.combine(layer.starts, time.fromisoformat(layer.handoff))
    if match := _WORKING_DAYS.fullmatch(layer.length):
        step = int(match[1])
        return lambda n: first + timedelta(days=_weekdays_later(layer.starts, n * step))
    length = timedelta(seconds=parse_duration(layer.length))
    return lambda n: first + n * length


def _before(layer: Layer, local: datetime) -> int:
    """Number of a shift that has begun by then, close to it; negative: none has."""
    first = datetime.combine(layer.starts, time.fromisoformat(layer.handoff))
    if match := _WORKING_DAYS.fullmatch(layer.length):
        days = (local - first).days // 7 * WORKING_WEEK
        return days // int(match[1]) - 1
    return (local - first) // timedelta(seconds=parse_duration(layer.length)) - 1


def _weekdays_later(starts: date, steps: int) -> int:
    """Days from a date to so many weekdays later; a weekend counts as the Monday after it."""
    weekday = starts.weekday()
    to_monday = 7 - weekday if weekday >= WORKING_WEEK else 0
    begins = 0 if to_monday else weekday
    weeks, rest = divmod(begins + steps, WORKING_WEEK)
    return to_monday + weeks * 7 + rest - begins


@lru_cache(maxsize=256)
def _hours(zone: str, restrictions: tuple[str, ...]) -> OpeningHours:
    weekly = parse_weekly(restrictions) if restrictions else ALWAYS.weekly
    return OpeningHours(CalendarDefinition(name="rota", time_zone=zone, weekly=weekly))


def _instant(hours: OpeningHours, local: datetime) -> datetime:
    """A bound in the gap of spring is the first instant after it; of two readings in autumn it is the first."""
    return EPOCH + timedelta(microseconds=hours.instant(local.date(), local.hour * 60 + local.minute))


def _open(hours: OpeningHours, since: datetime, until: datetime) -> Iterator[Span]:
    """When the restrictions let somebody be on duty within a shift."""
    day, last = (at.astimezone(hours.zone).date() for at in (since, until))
    spans = []
    while day <= last:
        spans += [
            (EPOCH + timedelta(microseconds=opens), EPOCH + timedelta(microseconds=closes))
            for opens, closes in hours.on(day)
        ]
        day += timedelta(days=1)
    for opens, closes in _merged(spans):
        yield max(opens, since), min(closes, until)


# --- Intervals ---------------------------------------------------------------------------------------------


def _over(below: Sequence[Shift], above: Sequence[Shift]) -> list[Shift]:
    """What is above hides what is below it; both are in order and without overlap."""
    found: list[Shift] = []
    i = 0
    for one in below:
        while i < len(above) and above[i].until <= one.since:
            i += 1
        at, j = one.since, i
        while j < len(above) and above[j].since < one.until:
            if above[j].since > at:
                found.append(_cut(one, at, above[j].since))
            at = max(at, above[j].until)
            j += 1
        if at < one.until:
            found.append(_cut(one, at, one.until))
    return sorted([*found, *above], key=lambda shift: shift.since)


def _cut(shift: Shift, since: datetime, until: datetime) -> Shift:
    return Shift(agent=shift.agent, since=since, until=until, override=shift.override)


def _joined(found: Sequence[Shift]) -> list[Shift]:
    """One shift where somebody follows on themselves."""
    joined: list[Shift] = []
    for one in found:
        last = joined[-1] if joined else None
        if last and (last.agent, last.override, last.until) == (one.agent, one.override, one.since):
            joined[-1] = _cut(last, last.since, one.until)
        else:
            joined.append(one)
    return joined


def _merged(spans: Iterable[Span]) -> tuple[Span, ...]:
    merged: list[Span] = []
    for begins, ends in sorted(spans):
        if merged and begins <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(ends, merged[-1][1]))
        elif begins < ends:
            merged.append((begins, ends))
    return tuple(merged)


# --- Mistakes ----------------------------------------------------------------------------------------------


def _mistakes(layer: Layer) -> Iterator[str]:
    if not layer.members:
        yield "members: nobody is in this layer"
    if not _CLOCK.fullmatch(layer.handoff):
        yield f'handoff: "{layer.handoff}" is no time of day: write HH:MM'
    if not _WORKING_DAYS.fullmatch(layer.length):
        try:
            length = timedelta(seconds=parse_duration(layer.length))
        except ValueError:
            yield f'length: "{layer.length}" is not understood: write it like 12h, 7d or 1wd'
        else:
            if not LEAST <= length <= MOST or length % timedelta(minutes=1):
                yield f'length: "{layer.length}" is not between 15m and 366d, in whole minutes'
    try:
        parsed = parse_weekly(layer.restrictions)
        if layer.restrictions:
            CalendarDefinition(name="rota", time_zone="UTC", weekly=parsed)
    except ValueError as error:
        yield f"restrictions: {str(error).removeprefix('weekly: ').removeprefix('weekly ')}"
