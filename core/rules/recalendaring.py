"""What does another calendar make of the clocks of many tickets? Histories that are alike are read once, times are counted in microseconds.

Tickets with the same promises mostly went the same way: what differs is when. So a history is read with places in its order
instead of instants (`read`), and that reading is kept; `stand` then counts one clock of it from the instants of one ticket. Both
say what `clocks.rebuild` says.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple, TypeAlias

from core.rules import clock_history
from core.rules.calendars import (
    FOREVER,
    Calendar,
    Span,
    joined,
    open_time,
    reached,
    to_instant,
    to_microseconds,
)
from core.rules.clock_history import OF_JOININGS, ClockEvent, ClockPause, History, Policy
from core.rules.clocks import BREACH, ClockAction, ClockName, ClockState, counted, histories, levels
from core.rules.opening_hours import SECOND

HOUR = 3600
"""Seconds; the last reminder comes by four quarters of the target, or by four quarters of this, after it is due."""

Instead: TypeAlias = Mapping[str, tuple[str, Calendar]]
"""Calendar version that clocks run by, to the version that takes its place."""


class Deed(NamedTuple):
    """A clock event without its instant."""

    kind: ClockAction
    clock: ClockName
    cycle: int
    reason: str
    policy: str


Happened: TypeAlias = tuple[int, tuple[Deed, ...]]
"""What one stored event did to clocks, and when: in microseconds of the epoch."""


class Going(NamedTuple):
    """A clock that has not ended. Instants are named by their places in the history, from 1."""

    name: ClockName
    cycle: int
    policy: Policy
    under: Policy | None  # the same promise by the hours that take the place of its own; None: nothing does
    key: str  # of `under`
    since: int
    pauses: tuple[tuple[int, int | None, str], ...]
    held: tuple[str, ...]  # the reasons of the pause that goes on


class Stand(NamedTuple):
    """What is kept of a clock that has not ended (see `clocks.Clock`); instants in microseconds of the epoch."""

    state: ClockState
    target_s: int
    due_at: int | None
    elapsed_s: int
    paused_s: int
    next_check_at: int | None
    breached_at: int | None
    level_passed: int


def is_of_joinings(deeds: Iterable[tuple[Deed, ...]]) -> bool:
    """Whether a merge or its undoing made one of them: then `as_joined` has to be asked first."""
    return any(deed.reason in OF_JOININGS for several in deeds for deed in several)


def as_joined(happened: Iterable[Happened]) -> list[Happened]:
    """By when it was true, with what joining makes of it (`clock_history.as_joined`). `happened` in the order recorded."""
    events = [_event(at, deed) for at, deeds in happened for deed in deeds]
    return [(_place(one.at), (Deed._make(one[1:]),)) for one in clock_history.as_joined(events)]


def read(
    deeds: Sequence[tuple[Deed, ...]], policies: Mapping[str, Policy], instead: Instead
) -> tuple[Going, ...]:
    """The clocks that have not ended, of every ticket with these deeds, which are in the order of their instants.

    The first deeds have the place 1. No start takes the place of another (see `begins_anew`). `policies` by `Policy.key`; ValueError for one that is missing.
    """
    events = [_event(place, deed) for place, several in enumerate(deeds, start=1) for deed in several]
    found = []
    for history in histories(events, policies):
        policy = history.policy
        if history.stopped_at is not None or policy is None or history.started_at is None:
            continue
        under, key = None, ""
        if policy.calendar_version in instead:
            under, key = _under(policy, *instead[policy.calendar_version])
        found.append(
            Going(
                name=history.name,
                cycle=history.cycle,
                policy=policy,
                under=under,
                key=key,
                since=_place(history.started_at),
                pauses=tuple(
                    (_place(since), None if until is None else _place(until), reason)
                    for since, until, reason in history.counted_pauses()
                ),
                held=tuple(history.open),
            )
        )
    return tuple(found)


def _event(at: Any, deed: Deed) -> ClockEvent:
    # Histories only compare instants, and hand them on: places, and microseconds, do as well.
    return ClockEvent._make((at, *deed))


def _place(at: Any) -> int:
    place: int = at
    return place


@lru_cache(maxsize=1000)
def _under(policy: Policy, version: str, calendar: Calendar) -> tuple[Policy, str]:
    """The same promise by other hours, counted from its start also where a change of it would not be: it is the same."""
    other = replace(policy, calendar=calendar, calendar_version=version, retroactive=True)
    return other, other.key


def stand(clock: Going, policy: Policy, instants: Sequence[int], now: int) -> Stand:
    """The clock under this policy. `instants`: of the history, in order."""
    target = policy.target.seconds
    if target is None:
        return _by_days(clock, policy, instants, now)
    calendar = policy.calendar
    start = instants[clock.since - 1]
    if clock.pauses or not target or start > now or calendar.always:
        return _by_spans(clock, calendar, target, instants, now)
    # Nearly all: one that was never paused, and of which every instant that may be asked for is known.
    known = calendar.covering(start, now)
    before = open_time(known, start)
    if before + (2 * target + 2 * HOUR) * SECOND > known.total:
        return _by_spans(clock, calendar, target, instants, now)
    elapsed = (open_time(known, now) - before) // SECOND
    due = reached(known, before + target * SECOND)
    breached = None
    if now > due:
        over = reached(known, before + target * SECOND + 1) - 1
        breached = over if over < now else None
    passed, ahead = levels(target, elapsed, breached=breached is not None)
    check = None
    if ahead is not None:
        level, seconds = ahead
        if level != BREACH:
            check = reached(known, before + seconds * SECOND)
        elif now < due:
            check = due
        else:
            check = reached(known, before + target * SECOND + 1) - 1 + SECOND
    return Stand(ClockState.RUNNING, target, due, elapsed, 0, check, breached, passed)


def _by_spans(clock: Going, calendar: Calendar, target: int, instants: Sequence[int], now: int) -> Stand:
    start = instants[clock.since - 1]
    spans: Sequence[Span] = ()
    paused = 0
    if clock.pauses:
        parts = [_span(since, until, instants, start) for since, until, _ in clock.pauses]
        paused = sum([calendar.elapsed_at(a, max(now, a) if b == FOREVER else b) for a, b in parts])
        spans = joined(parts)
    due = calendar.due_at(start, target, spans)
    elapsed = calendar.elapsed_at(start, now, spans)
    over = calendar.overrun_at(due, spans) if due is not None and now > due else None
    breached = over if over is not None and over < now else None
    passed, ahead = levels(target, elapsed, breached=breached is not None)
    if start > now:
        state = ClockState.PENDING
    else:
        state = ClockState.PAUSED if clock.held else ClockState.RUNNING
    check = None
    if ahead is not None and state is not ClockState.PAUSED:
        level, seconds = ahead
        if level != BREACH:
            check = calendar.due_at(start, seconds, spans)
        elif due is None or now < due:
            check = due
        else:  # equal is met: look again when it no longer is
            broken = calendar.overrun_at(due, spans)
            check = None if broken is None else broken + SECOND
    return Stand(state, target, due, elapsed, paused, check, breached, passed)


def _span(since: int, until: int | None, instants: Sequence[int], start: int) -> Span:
    return max(instants[since - 1], start), FOREVER if until is None else instants[until - 1]


def _by_days(clock: Going, policy: Policy, instants: Sequence[int], now: int) -> Stand:
    def at(place: int) -> datetime:
        return to_instant(instants[place - 1])

    pauses = [
        ClockPause(at(since), None if until is None else at(until), reason)
        for since, until, reason in clock.pauses
    ]
    found = counted(
        History(
            name=clock.name,
            cycle=clock.cycle,
            started_at=at(clock.since),
            policy=policy,
            pauses=[one for one in pauses if one.until is not None],
            open=list(clock.held),
            open_since=next((one.since for one in pauses if one.until is None), None),
        ),
        to_instant(now),
    )
    due, check, breached = (
        None if one is None else to_microseconds(one)
        for one in (found.due_at, found.next_check_at, found.breached_at)
    )
    return Stand(
        found.state,
        found.target_s,
        due,
        found.elapsed_s,
        found.paused_s,
        check,
        breached,
        found.level_passed,
    )
