"""When does planned work go on? A window once or again and again, on the clocks of a place (monitoring.md 5, RFC 5545).

A rule repeats the wall-clock times of the first occurrence: what begins at 02:00 does so in summer and in winter. In the night in
which a clock jumps forward a time that does not exist is read by the offset before the jump; in the night in which it goes back a
time that comes twice is the first one. All instants are aware.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import islice, takewhile
from typing import Any
from zoneinfo import ZoneInfo

from dateutil.rrule import rrulestr

LONGEST = timedelta(days=31)
"""Of one occurrence: what lasts longer is no window."""
SECOND_PERSON_AFTER = timedelta(days=7)
"""What lasts longer is decided by two."""
LOOKED_AT = timedelta(days=8)
"""In a row, of a rule, to see whether it leaves anything out: a day more than one person may decide."""
AHEAD = timedelta(days=458)
"""How far a rule is looked at, times its INTERVAL: a year and a quarter of months have met each other by then, long and short ones."""
LOOKED_THROUGH = 20_000
"""Occurrences beside a new window, of all that it covers: a quarter of a second in which nobody else can write."""
_EVERY = {"DAILY": 1, "WEEKLY": 7, "MONTHLY": 28}
"""Days from one occurrence to the next of the same day, at least."""
_JUMP = timedelta(hours=2)
"""Of a clock, within LOOKED_AT."""
NEVER = datetime(9999, 12, 31, tzinfo=UTC)
"""The end of what has none."""
MAX_RULE = 200  # characters
FURTHEST = timedelta(days=3660)
"""From the first occurrence to the end that a rule names."""

DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")

_PART = re.compile(r"([A-Z]+)=([A-Z0-9,:+-]+)")
_OF = {
    "DAILY": frozenset({"INTERVAL", "COUNT", "UNTIL"}),
    "WEEKLY": frozenset({"INTERVAL", "COUNT", "UNTIL", "BYDAY", "WKST"}),
    "MONTHLY": frozenset({"INTERVAL", "COUNT", "UNTIL", "BYDAY", "BYMONTHDAY"}),
}
"""Parts of each frequency. With these, and a first occurrence that the rule itself gives, the next one is never far: the search ends."""
_DAY = {
    "WEEKLY": re.compile(r"(MO|TU|WE|TH|FR|SA|SU)"),
    "MONTHLY": re.compile(r"(?:[1-4]|-1)(MO|TU|WE|TH|FR|SA|SU)"),
}
_MONTH_DAY = re.compile(r"[1-9]|[12]\d|3[01]|-1")
_UNTIL = re.compile(r"\d{8}(T\d{6}Z?)?")


class Unusable(ValueError):
    """A rule that cannot be kept, with a sentence that says what would be right."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Planned work."""

    since: datetime
    until: datetime
    """Of the first occurrence."""
    rule: str = ""
    """RFC 5545, as `checked` gives it; empty: once."""
    zone: str = "UTC"
    """On whose clocks it repeats."""
    ended_at: datetime | None = None
    """Somebody ended the occurrence of then; the later ones stay."""
    last: datetime = NEVER
    """Nothing of it is later: it was ended or called off then."""


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """One occurrence."""

    since: datetime
    until: datetime


Spans = Sequence[tuple[datetime, datetime]]
"""Since when until when something is taken."""


def checked(rule: str, first: datetime, zone: ZoneInfo) -> str:
    """A rule as it is kept, in capitals and without `RRULE:`. `first`: when the first occurrence begins. Raises Unusable.

    >>> checked("freq=weekly; byday=TU", datetime(2026, 3, 3, 1, tzinfo=UTC), ZoneInfo("Europe/Rome"))
    'FREQ=WEEKLY;BYDAY=TU'
    """
    text = re.sub(r"\s", "", rule.upper()).removeprefix("RRULE:").strip(";")
    if not text:
        return ""
    if len(text) > MAX_RULE:
        raise Unusable(f"is longer than {MAX_RULE} characters")
    matches = [_PART.fullmatch(part) for part in text.split(";")]
    parts = [(found[1], found[2]) for found in matches if found is not None]
    named = dict(parts)
    if len(parts) != len(matches) or len(named) != len(parts):
        raise Unusable("must be parts such as FREQ=WEEKLY;BYDAY=TU, each once")
    _check_parts(named)
    wall = _wall(first, zone)
    if "UNTIL" in named and _last(named["UNTIL"], zone) - first > FURTHEST:
        raise Unusable(f"ends more than {FURTHEST.days} days after it begins: leave UNTIL out")
    if "UNTIL" in named and _last(named["UNTIL"], zone) < first:
        raise Unusable("ends before it begins: choose a later UNTIL")
    if not _names(named, wall):
        raise Unusable("does not name the day on which the window begins: make both the same")
    return text


def _names(named: dict[str, str], wall: datetime) -> bool:
    """Is this day one of the rule's? Looked at and not searched for: a rule may name days that never come."""
    weekday, is_last = DAYS[wall.weekday()], (wall + timedelta(days=1)).day == 1
    if "BYMONTHDAY" in named:
        days = named["BYMONTHDAY"].split(",")
        return str(wall.day) in days or (is_last and "-1" in days)
    if "BYDAY" not in named:
        return True
    nth = "" if named["FREQ"] == "WEEKLY" else str((wall.day + 6) // 7)
    in_last_week = nth != "" and (wall + timedelta(days=7)).month != wall.month
    days = named["BYDAY"].split(",")
    return f"{nth}{weekday}" in days or (in_last_week and f"-1{weekday}" in days)


def _check_parts(named: dict[str, str]) -> None:
    allowed = _OF.get(named.get("FREQ", ""))
    if allowed is None:
        raise Unusable(f"must begin with FREQ= and one of {', '.join(_OF)}")
    strange = sorted(set(named) - allowed - {"FREQ"})
    if strange:
        raise Unusable(f"{strange[0]} cannot be used with FREQ={named['FREQ']}")
    if {"COUNT", "UNTIL"} <= set(named) or {"BYDAY", "BYMONTHDAY"} <= set(named):
        raise Unusable("names COUNT and UNTIL, or BYDAY and BYMONTHDAY: choose one")
    for name, most in (("INTERVAL", 52), ("COUNT", 1000)):
        text = named.get(name, "1")
        if not (text.isdecimal() and 1 <= int(text) <= most):
            raise Unusable(f"{name} must be a number from 1 to {most}")
    days = _DAY.get(named["FREQ"])
    if "BYDAY" in named and days and not all(days.fullmatch(day) for day in named["BYDAY"].split(",")):
        raise Unusable("BYDAY must be days such as MO,TU; in a month 1TU to 4TU, or -1TU for the last")
    if "BYMONTHDAY" in named and not all(_MONTH_DAY.fullmatch(day) for day in named["BYMONTHDAY"].split(",")):
        raise Unusable("BYMONTHDAY must be 1 to 31, or -1 for the last day")
    if named.get("WKST", "MO") not in DAYS:
        raise Unusable("WKST must be a day such as MO")
    if "UNTIL" in named and _UNTIL.fullmatch(named["UNTIL"]) is None:
        raise Unusable("UNTIL must be a date such as 20261231, or a moment such as 20261231T230000Z")


def _last(text: str, zone: ZoneInfo) -> datetime:
    """The instant of UNTIL; a date is meant to its end. Raises Unusable."""
    try:
        if text.endswith("Z"):
            return datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        if "T" in text:
            return _instant(datetime.strptime(text, "%Y%m%dT%H%M%S"), zone)  # noqa: DTZ007 - wall clock
        return _instant(datetime.strptime(f"{text}T235959", "%Y%m%dT%H%M%S"), zone)  # noqa: DTZ007
    except ValueError:
        raise Unusable("UNTIL must be a date that there is, such as 20261231") from None


@lru_cache(maxsize=512)
def _rule(text: str, wall: datetime, zone: str) -> Any:
    """The rule on the wall clock; what it gave once it remembers."""
    parts = dict(part.split("=") for part in text.split(";"))
    if "UNTIL" in parts:
        parts["UNTIL"] = f"{_wall(_last(parts['UNTIL'], ZoneInfo(zone)), ZoneInfo(zone)):%Y%m%dT%H%M%S}"
    joined = ";".join(f"{name}={value}" for name, value in parts.items())
    return rrulestr(joined, dtstart=wall, cache=True)


def _wall(at: datetime, zone: ZoneInfo) -> datetime:
    return at.astimezone(zone).replace(tzinfo=None, fold=0, microsecond=0)  # rules know no less than seconds


def _instant(wall: datetime, zone: ZoneInfo) -> datetime:
    return wall.replace(tzinfo=zone, fold=0).astimezone(UTC)


def occurrences(window: Window, since: datetime, until: datetime) -> Iterator[Span]:
    """Occurrences of which a part lies in [since, until), in order. What was ended before its time is as long as it was.

    >>> weekly = Window(since=datetime(2026, 3, 22, 1, tzinfo=UTC), until=datetime(2026, 3, 22, 3, tzinfo=UTC),
    ...                 rule="FREQ=WEEKLY", zone="Europe/Rome")
    >>> [f"{one.since:%d %H}" for one in occurrences(weekly, weekly.since, datetime(2026, 4, 6, tzinfo=UTC))]
    ['22 01', '29 01', '05 00']
    """
    for span in _all(window, since, until):
        ended = window.ended_at
        if ended is not None and span.since < ended < span.until:
            span = Span(span.since, ended)  # noqa: PLW2901 - the same occurrence, cut
        if span.until > since and span.since < until:
            yield span


def _all(window: Window, since: datetime, until: datetime) -> Iterator[Span]:
    if not window.rule:
        yield Span(window.since, window.until)
        return
    zone = ZoneInfo(window.zone)
    first, wall_until = _wall(window.since, zone), _wall(window.until, zone)
    on_wall, planned = wall_until - first, window.until - window.since
    rule = _rule(window.rule, first, window.zone)
    # A day more on both sides: no clock jumps further.
    early = _wall(since, zone) - max(on_wall, planned) - timedelta(days=1)
    for wall in rule.xafter(max(early, first - timedelta(seconds=1))):
        begins = _instant(wall, zone)
        if begins >= until:
            return
        ends = _instant(wall + on_wall, zone)
        yield Span(begins, ends if ends > begins else begins + planned)


def at(window: Window, now: datetime) -> Span | None:
    """The occurrence that goes on, of several the one that ends last; None: none does.

    What was ended before its time stays over, also for a clock that was set back.
    """
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    going_on = [
        one
        for one in _of_day(window, midnight)
        if one.since <= now < one.until and one.until != window.ended_at
    ]
    return max(going_on, key=lambda one: one.until, default=None)


@lru_cache(maxsize=1024)
def _of_day(window: Window, midnight: datetime) -> tuple[Span, ...]:
    """What of it touches a day; kept, for a storm asks hundreds of times."""
    return tuple(occurrences(window, midnight, midnight + timedelta(days=1)))


def following(window: Window, now: datetime) -> Span | None:
    """The occurrence that goes on or comes next; None: it is over."""
    if not window.rule:
        return next(occurrences(window, now, NEVER), None)
    horizon = max(now, window.since) + FURTHEST
    return next(occurrences(window, now, horizon), None)


def over_at(window: Window) -> datetime:
    """When the last occurrence ends; NEVER: it has no last one."""
    if not window.rule:
        return window.until
    if "COUNT=" not in window.rule and "UNTIL=" not in window.rule:
        return NEVER
    last = max(occurrences(window, window.since, window.since + 10 * FURTHEST), default=None)
    return last.until if last is not None else window.until


def needs_second_person(
    window: Window, *, whole_customer: bool, beside: Iterable[Sequence[Window]] = ()
) -> bool:
    """What calls nobody for so long, or for everything of a customer, two people decide.

    So long is what lasts, and what comes so often that of some days in a row hardly anything is outside; both together with what the same person
    planned before. `beside`: that, of one thing after the other that the window covers.

    Where that is more than can be looked through at once (LOOKED_THROUGH), two decide as well.

    >>> at = datetime(2026, 3, 3, 1, tzinfo=UTC)
    >>> nightly = Window(since=at, until=at + timedelta(hours=4), rule="FREQ=DAILY")
    >>> always = Window(since=at, until=at + timedelta(hours=24), rule="FREQ=DAILY")
    >>> [needs_second_person(one, whole_customer=False) for one in (nightly, always)]
    [False, True]
    """
    if whole_customer or _alone(window) > SECOND_PERSON_AFTER:
        return True
    left = LOOKED_THROUGH
    known: dict[tuple[Window, datetime], Spans] = {}  # windows come again with others
    for others in beside:
        if sum(map(_at_most, (window, *others)), timedelta(0)) <= SECOND_PERSON_AFTER:
            continue
        since, until = _where(window, others)
        spans: list[tuple[datetime, datetime]] = []
        for one in (window, *others):
            if (one, until) not in known:
                known[one, until] = _taken(one, since, until)
            spans += known[one, until]
            if len(spans) > left:
                return True
        left -= len(spans)
        if _on_either_clock(spans, window.zone) > SECOND_PERSON_AFTER:
            return True
    return False


def _alone(window: Window) -> timedelta:
    """How long it lasts at once; of what repeats, how much is taken of any LOOKED_AT in a row, where that is more: on its own clock."""
    alone, said = window.until - window.since, parts(window)
    if said is None:
        return alone
    until = window.since + said.interval * AHEAD
    spans = [(one.since, one.until) for one in occurrences(window, window.since, until)]
    return max(alone, _fullest(spans, ZoneInfo(window.zone)))


def _at_most(window: Window) -> timedelta:
    """No LOOKED_AT in a row has more of it, whatever clocks do. Reckoned, not looked at: most things are seen to be harmless by it.

    >>> at = datetime(2026, 3, 3, 1, tzinfo=UTC)
    >>> str(_at_most(Window(since=at, until=at + timedelta(hours=1), rule="FREQ=DAILY")))
    '11:00:00'
    """
    zone = ZoneInfo(window.zone)
    longest = max(window.until - window.since, _wall(window.until, zone) - _wall(window.since, zone))
    said, times = parts(window), 1
    if said is not None:
        days = _EVERY[said.frequency] * said.interval
        times = (LOOKED_AT.days // days + 1) * max(1, len(said.weekdays) + len(said.days))
    return min(times * longest + _JUMP, LOOKED_AT)


def _where(window: Window, others: Iterable[Window]) -> tuple[datetime, datetime]:
    """From when to when it may meet others; of one that does not repeat, any LOOKED_AT that it is part of."""
    said = parts(window)
    since, until = window.since - LOOKED_AT, window.until + LOOKED_AT
    if said is not None:
        until = max((window.since + said.interval * AHEAD, *(one.since + AHEAD for one in others)))
    return since, until


def _taken(window: Window, since: datetime, until: datetime) -> Spans:
    """What it takes of that, or as much of it as is looked through."""
    there = (one for one in occurrences(window, since, until) if one.since < window.last)
    return [(one.since, min(one.until, window.last)) for one in islice(there, LOOKED_THROUGH + 1)]


def _on_either_clock(spans: Spans, zone: str) -> timedelta:
    """As time goes by and on the clocks of a place: a night in which they jump decides nothing."""
    return min(_fullest(spans, ZoneInfo(one)) for one in (zone, "UTC"))


def _fullest(spans: Spans, clock: ZoneInfo) -> timedelta:
    """How much they take of any LOOKED_AT in a row. None is fuller than some that begins with one of them."""
    taken: list[tuple[datetime, datetime]] = []
    for since, until in sorted((_wall(since, clock), _wall(until, clock)) for since, until in spans):
        if taken and since <= taken[-1][1]:
            taken[-1] = taken[-1][0], max(taken[-1][1], until)
        else:
            taken.append((since, until))
    fullest = timedelta(0)
    for n, (begins, _) in enumerate(taken):
        end = begins + LOOKED_AT
        near = takewhile(lambda one: one[0] < end, islice(taken, n, None))  # noqa: B023 - asked at once
        fullest = max(fullest, sum((min(until, end) - since for since, until in near), timedelta(0)))
    return fullest


# --- In words ----------------------------------------------------------------------------------------------

REPEATS = ("daily", "weekly", "fortnightly", "monthly_day", "monthly_weekday")
"""How often, of what people choose from: on the day, and on the weekday, of the first occurrence."""
_LAST_WEEK = 28
"""After this day of a month a weekday may be its fifth, which most months do not have: it is the last."""


def composed(repeat: str, first: datetime, last: date | None) -> str:
    """The rule of a choice. `first`: when the first occurrence begins, on its clock. `last`: the last day; None: no end.

    >>> composed("monthly_weekday", datetime(2026, 3, 10, 2, tzinfo=UTC), date(2026, 12, 31))
    'FREQ=MONTHLY;BYDAY=2TU;UNTIL=20261231'
    """
    weekday = DAYS[first.weekday()]
    nth = -1 if first.day > _LAST_WEEK else (first.day + 6) // 7
    rule = {
        "daily": "FREQ=DAILY",
        "weekly": f"FREQ=WEEKLY;BYDAY={weekday}",
        "fortnightly": f"FREQ=WEEKLY;INTERVAL=2;BYDAY={weekday}",
        "monthly_day": f"FREQ=MONTHLY;BYMONTHDAY={first.day}",
        "monthly_weekday": f"FREQ=MONTHLY;BYDAY={nth}{weekday}",
    }[repeat]
    return f"{rule};UNTIL={last:%Y%m%d}" if last is not None else rule


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """A rule for whoever says it in words."""

    frequency: str
    """DAILY, WEEKLY or MONTHLY."""
    interval: int
    weekdays: tuple[tuple[int, int], ...]
    """(which of the month, 0 for every and -1 for the last; weekday, 0 is Monday)."""
    days: tuple[int, ...]
    """Of the month, -1 for the last."""
    count: int | None
    last: date | None


def parts(window: Window) -> Parts | None:
    """What its rule says; what it leaves out is as the first occurrence has it. None: once."""
    if not window.rule:
        return None
    named = dict(part.split("=") for part in window.rule.split(";"))
    zone = ZoneInfo(window.zone)
    first = _wall(window.since, zone)
    weekdays = [
        (int(day[:-2] or 0), DAYS.index(day[-2:])) for day in named.get("BYDAY", "").split(",") if day
    ]
    days = [int(day) for day in named.get("BYMONTHDAY", "").split(",") if day]
    if named["FREQ"] == "WEEKLY" and not weekdays:
        weekdays = [(0, first.weekday())]
    if named["FREQ"] == "MONTHLY" and not weekdays and not days:
        days = [first.day]
    return Parts(
        frequency=named["FREQ"],
        interval=int(named.get("INTERVAL", "1")),
        weekdays=tuple(weekdays),
        days=tuple(days),
        count=int(named["COUNT"]) if "COUNT" in named else None,
        last=_wall(_last(named["UNTIL"], zone), zone).date() if "UNTIL" in named else None,
    )
