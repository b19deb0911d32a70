"""By when may we say that we write again, and what falls due on the way there? Words and an instant in, an instant out.

Choices and clock times are those of the customer's zone: who reads "by 16:00" looks at their own clock (desk.md 12).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

REMIND_BEFORE = timedelta(minutes=10)
"""So long before it is due whoever has the ticket is reminded."""
FURTHEST = timedelta(days=31)
"""Who promises something later does not promise: they have a plan, and say so in words."""
NONE = "none"
"""The choice to promise nothing."""
AGREED = "agreed"
"""The choice of the instant that the service level asks for."""
AT = "at"
"""The choice of a time of one's own."""

_MINUTES = re.compile(r"(\d{1,4})m")
_TODAY = re.compile(r"(\d{1,2}):(\d{2})")
_TOMORROW = re.compile(r"tomorrow (\d{1,2}):(\d{2})")
QUICK = ("30m", "60m", "16:00", "tomorrow 09:00")
"""What the reply box offers, in this order; what is over for today is not offered."""


class Impossible(ValueError):
    """That is no instant we can promise. `code`: past, too_far, no_time or not_agreed."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


@dataclass(frozen=True, slots=True)
class Choice:
    """One click: its word, and what it comes to."""

    word: str
    at: datetime


def choices(now: datetime, zone: ZoneInfo, *, agreed: datetime | None = None) -> tuple[Choice, ...]:
    """What may be promised with one click, soonest first. `agreed`: when the service level asks for the next words.

    >>> rome = ZoneInfo("Europe/Rome")
    >>> [one.word for one in choices(datetime(2026, 3, 2, 15, 30, tzinfo=UTC), rome)]
    ['30m', '60m', 'tomorrow 09:00']
    """
    _aware(now)
    found = [Choice(AGREED, agreed)] if agreed is not None and agreed > now else []
    for word in QUICK:
        try:
            found.append(Choice(word, due(word, now, zone)))
        except Impossible:
            continue
    return tuple(sorted(found, key=lambda one: one.at))


def due(words: str, now: datetime, zone: ZoneInfo, *, agreed: datetime | None = None) -> datetime:
    """The instant that words mean: `30m`, `16:00`, `tomorrow 09:00`, `agreed`, or a date and time of day.

    A date and time without an offset are of the zone; a time that the night of the clock change leaves out is the first
    instant after, one that comes twice is its first. Raises Impossible.

    >>> due("16:00", datetime(2026, 3, 2, 9, tzinfo=UTC), ZoneInfo("Europe/Rome")).isoformat()
    '2026-03-02T15:00:00+00:00'
    >>> due("2026-03-29T02:30", datetime(2026, 3, 28, 9, tzinfo=UTC), ZoneInfo("Europe/Rome")).isoformat()
    '2026-03-29T01:00:00+00:00'
    """
    _aware(now)
    words = words.strip()
    if words == AGREED:
        if agreed is None:
            raise Impossible(
                "not_agreed", "the contract of this ticket agrees on no next update: choose a time"
            )
        return checked(agreed, now)
    if found := _MINUTES.fullmatch(words):
        return checked(now + timedelta(minutes=int(found[1])), now)
    today = now.astimezone(zone).date()
    if found := _TODAY.fullmatch(words):
        return checked(_local(datetime.combine(today, _time(found[1], found[2])), zone), now)
    if found := _TOMORROW.fullmatch(words):
        return checked(
            _local(datetime.combine(today + timedelta(days=1), _time(found[1], found[2])), zone), now
        )
    try:
        read = datetime.fromisoformat(words)
    except ValueError:
        raise Impossible(
            "no_time", f"{words!r} is no time: write 16:00, or a date and a time such as 2026-03-02T16:00"
        ) from None
    return checked(_local(read, zone) if read.tzinfo is None else read.astimezone(UTC), now)


def checked(at: datetime, now: datetime) -> datetime:
    """The same instant. Raises Impossible for one that is over, or further away than anybody promises."""
    if at <= now:
        raise Impossible("past", "this time is over: promise one that lies ahead")
    if at - now > FURTHEST:
        raise Impossible("too_far", f"at most {FURTHEST.days} days ahead: sooner words are worth more")
    return at


def _time(hours: str, minutes: str) -> time:
    try:
        return time(int(hours), int(minutes))
    except ValueError:
        raise Impossible("no_time", f"{hours}:{minutes} is no time of the day") from None


def _local(wall: datetime, zone: ZoneInfo) -> datetime:
    first = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if first.astimezone(zone).replace(tzinfo=None) == wall:
        return first
    # The clock jumps over it: the offsets before and after meet at the instant of the jump.
    after = wall.replace(tzinfo=zone, fold=1).utcoffset()
    before = wall.replace(tzinfo=zone, fold=0).utcoffset()
    assert after is not None and before is not None  # noqa: PT018 - the zone has offsets
    low, high = min(first, first - abs(before - after)) - timedelta(hours=1), first
    while high - low > timedelta(seconds=1):
        middle = low + (high - low) / 2
        if middle.astimezone(zone).replace(tzinfo=None) < wall:
            low = middle
        else:
            high = middle
    return high.replace(microsecond=0)


class Then(StrEnum):
    """What is to be done about a promise now."""

    WAIT = "wait"
    REMIND = "remind"
    PAGE = "page"


@dataclass(frozen=True, slots=True)
class Watch:
    """What to do now, and when to look again; None: nothing more falls due."""

    then: Then
    next_at: datetime | None


def watch(due_at: datetime, now: datetime) -> Watch:
    """What falls due of an open promise: the reminder ten minutes before, the page at the instant itself.

    >>> watch(datetime(2026, 3, 2, 16, tzinfo=UTC), datetime(2026, 3, 2, 15, 50, tzinfo=UTC))
    Watch(then=<Then.REMIND: 'remind'>, next_at=datetime.datetime(2026, 3, 2, 16, 0, tzinfo=datetime.timezone.utc))
    """
    if now >= due_at:
        return Watch(Then.PAGE, None)
    remind_at = due_at - REMIND_BEFORE
    if now >= remind_at:
        return Watch(Then.REMIND, due_at)
    return Watch(Then.WAIT, remind_at)


def kept(due_at: datetime, at: datetime) -> bool:
    """Were the words there in time? At the instant itself is in time, as clocks have it."""
    return at <= due_at


def _aware(now: datetime) -> None:
    if now.tzinfo is None:
        message = "now must be aware"
        raise ValueError(message)
