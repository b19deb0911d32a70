"""Who had the ball in every minute of a request, and which of those minutes does each clock count?

Of one request: spans without a gap from its receipt to its end, each with one owner and the reason. Of one clock: the same
cut where it pauses and where its calendar closes; what counts adds up to its elapsed time, what was paused to its paused time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from core.rules.calendars import Calendar
from core.rules.clocks import Clock


class Leg(StrEnum):
    """Who had the ball (desk.md 1)."""

    US = "us"
    CUSTOMER = "customer"
    VENDOR = "vendor"
    OUTSIDE = "outside"  # the calendar was closed


class Counted(StrEnum):
    """What a clock makes of a span."""

    COUNTED = "counted"
    PAUSED = "paused"
    CLOSED = "closed"  # outside the calendar's hours


class Move(NamedTuple):
    """A ticket came into a state."""

    at: datetime
    state: str  # of core.rules.workflow


class Held(NamedTuple):
    """One owner for a time."""

    since: datetime
    until: datetime
    leg: Leg
    reason: str  # a state, or `closed`


class Segment(NamedTuple):
    """A time that a clock treats in one way."""

    since: datetime
    until: datetime
    counted: Counted
    leg: Leg
    reason: str  # of a pause; else a state, or `closed`


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """One clock, every minute of it."""

    clock: Clock
    segments: tuple[Segment, ...]

    def seconds(self, counted: Counted) -> int:
        """Whole seconds, rounded down, of the segments treated so."""
        spans = (one.until - one.since for one in self.segments if one.counted is counted)
        return sum(spans, timedelta()) // timedelta(seconds=1)

    def by_leg(self) -> Mapping[Leg, timedelta]:
        """How the time that counted is shared; legs without any are left out."""
        shares: dict[Leg, timedelta] = {}
        for one in self.segments:
            if one.counted is Counted.COUNTED:
                shares[one.leg] = shares.get(one.leg, timedelta()) + (one.until - one.since)
        return shares


# Whose turn it is while a ticket stands so. Every other state is ours.
_THEIRS = {
    "waiting_customer": Leg.CUSTOMER,
    "waiting_vendor": Leg.VENDOR,
    "resolved": Leg.CUSTOMER,
}
# Whose turn it is while a clock is paused for a reason. Without the reason: whoever had the ball.
_PAUSED_BY = {
    "customer": Leg.CUSTOMER,
    "appointment": Leg.CUSTOMER,
    "unreachable_contact": Leg.CUSTOMER,
    "missing_access": Leg.CUSTOMER,
    "reopen": Leg.CUSTOMER,
    "re-armed": Leg.CUSTOMER,
    "resolved": Leg.CUSTOMER,
    "vendor": Leg.VENDOR,
}
ENDED = frozenset({"closed", "rejected", "cancelled", "merged"})


def held(
    moves: Iterable[Move], *, received_at: datetime, now: datetime, calendar: Calendar | None = None
) -> tuple[Held, ...]:
    """Who had the ball from receipt to now, or to the end of the request: touching spans, none empty.

    `moves` in the order recorded; from the `at` of each on it is true, whatever was said before it. `calendar`: outside its hours nobody has the
    ball; None: it is never closed. A request that was closed and reopened lay with the customer in between; one that was merged, and
    is not any more, with whoever had it before.

    >>> from datetime import UTC
    >>> at = datetime(2026, 3, 2, 9, tzinfo=UTC)
    >>> [str(one.leg) for one in held([Move(at, "received")], received_at=at, now=at + timedelta(hours=1))]
    ['us']
    """
    found: list[Held] = []
    for since, until, state in _states(moves, received_at, now):
        leg = Leg.CUSTOMER if state in ENDED else _THEIRS.get(state, Leg.US)
        for start, end, is_open in _hours(calendar, since, until):
            one = Held(start, end, leg, state) if is_open else Held(start, end, Leg.OUTSIDE, "closed")
            if found and found[-1][2:] == one[2:]:
                found[-1] = found[-1]._replace(until=end)
            else:
                found.append(one)
    return tuple(found)


def explain(clock: Clock, moves: Sequence[Move], *, received_at: datetime, now: datetime) -> Explained:
    """Every minute of one clock, from its start until it stopped, else until now. Nothing of a clock that lies ahead."""
    end = now if clock.stopped_at is None else clock.stopped_at
    start = clock.started_at
    segments: list[Segment] = []
    turns = held(moves, received_at=min(received_at, start), now=max(end, start)) if end > start else ()
    for turn in turns:
        since, until = max(turn.since, start), min(turn.until, end)
        if since >= until:
            continue
        for first, last, pause in _paused(clock, since, until):
            for opens, closes, is_open in _hours(clock.policy.calendar, first, last):
                if not is_open:
                    one = Segment(opens, closes, Counted.CLOSED, Leg.OUTSIDE, "closed")
                elif pause:
                    one = Segment(opens, closes, Counted.PAUSED, _PAUSED_BY.get(pause, turn.leg), pause)
                else:
                    one = Segment(opens, closes, Counted.COUNTED, turn.leg, turn.reason)
                if segments and segments[-1][2:] == one[2:] and segments[-1].until == opens:
                    segments[-1] = segments[-1]._replace(until=closes)
                else:
                    segments.append(one)
    return Explained(clock=clock, segments=tuple(segments))


def responsible(clock: Clock, moves: Sequence[Move], *, received_at: datetime, at: datetime) -> Leg:
    """Who held the ball most of the time that the clock counted until then; of equals the one it was first (desk.md 7).

    A clock that counted nothing was lost by us.
    """
    shares = explain(clock, moves, received_at=received_at, now=at).by_leg()
    return max(shares, key=lambda leg: shares[leg], default=Leg.US)


def _states(
    moves: Iterable[Move], received_at: datetime, now: datetime
) -> Iterator[tuple[datetime, datetime, str]]:
    true: list[tuple[datetime, str]] = [(received_at, "received")]
    for move in moves:
        at = min(max(move.at, received_at), now)
        while len(true) > 1 and true[-1][0] > at:  # what was said before of later is taken back by this
            true.pop()
        if true[-1][1] == "merged":  # nothing follows it but its undoing
            true.pop()
        true.append((at, move.state))
    since, state = true[0]
    for at, following in true[1:]:
        if at > since:
            yield since, at, state
        since, state = at, following
    if now > since and state not in ENDED:
        yield since, now, state


def _paused(clock: Clock, since: datetime, until: datetime) -> Iterator[tuple[datetime, datetime, str]]:
    """The span cut where the clock's pauses begin and end; an empty reason: not paused."""
    at = since
    for pause in sorted(clock.pauses, key=lambda one: one.since):
        begins = max(pause.since, at)
        ends = until if pause.until is None else min(pause.until, until)
        if ends <= begins:
            continue
        if begins > at:
            yield at, begins, ""
        yield begins, ends, pause.reason
        at = ends
    if at < until:
        yield at, until, ""


def _hours(
    calendar: Calendar | None, since: datetime, until: datetime
) -> Iterator[tuple[datetime, datetime, bool]]:
    """The span cut where the calendar opens and closes."""
    at = since
    if calendar is not None:
        for opens, closes in calendar.between(since, until):
            if opens > at:
                yield at, opens, False
            yield opens, closes, True
            at = closes
    if at < until:
        yield at, until, calendar is None
