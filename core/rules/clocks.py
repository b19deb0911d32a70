"""How do the clocks of a ticket stand? Rebuilt from their events, whole, every time; never added to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache
from operator import attrgetter
from typing import NamedTuple

from core.rules.clock_effects import ClockAction, ClockName, Effect, clock_effects
from core.rules.clock_history import (
    TAKEN_BACK_BY,
    ClockEvent,
    ClockPause,
    History,
    Policy,
    as_joined,
)
from core.rules.durations import Target, parse_target

__all__ = [
    "BREACH",
    "Clock",
    "ClockAction",
    "ClockEvent",
    "ClockName",
    "ClockPause",
    "ClockState",
    "Effect",
    "LevelPassed",
    "Policy",
    "Target",
    "clock_effects",
    "clock_events",
    "counted",
    "histories",
    "levels",
    "parse_target",
    "rebuild",
    "warning_levels",
]

LEVELS = (50, 75, 90)  # percent of the target at which people are told
BREACH = 100  # percent: passed when more than the target has been used, equal is met
REMINDERS = 4  # after a breach, every 25 % of the target but at least
REMINDER_INTERVAL = 15 * 60  # seconds


class ClockState(StrEnum):
    """How a clock stands. Running over its target it is still running: `breached_at` says so."""

    __hash__ = str.__hash__  # see ClockName

    PENDING = "pending"  # its start lies ahead
    RUNNING = "running"
    PAUSED = "paused"
    MET = "met"  # stopped within the target
    BREACHED = "breached"  # stopped after it
    CANCELLED = "cancelled"  # ended with its ticket, promise neither kept nor broken


class Clock(NamedTuple):
    """What is kept of a clock (`sla_clock`): a cache of its events as of one instant."""

    name: ClockName
    cycle: int
    state: ClockState
    policy: Policy
    target_s: int  # open seconds; of a working-day target those from start to due
    started_at: datetime
    stopped_at: datetime | None  # met, breached or cancelled then
    due_at: datetime | None  # None while a pause holds it
    elapsed_s: int  # open, unpaused seconds until it stopped, else until now
    paused_s: int  # open seconds inside pauses: what the exclusions of the report add up to
    next_check_at: (
        datetime | None
    )  # the next warning level, due instant or reminder; None while it does not run
    breached_at: (
        datetime | None
    )  # the instant after which more than the target was used; also on a running clock
    level_passed: int  # percent of the target, of the highest warning level passed; 0: none
    stop_reason: str  # of the stop or cancel; empty while it has none
    paused_for: tuple[str, ...]  # the reasons that hold it now, oldest first
    pauses: tuple[ClockPause, ...]

    @property
    def remaining_s(self) -> int:
        """Open seconds left; negative when over."""
        return self.target_s - self.elapsed_s

    @property
    def ended(self) -> bool:
        """Whether it was met, breached for good, or cancelled."""
        return self.stopped_at is not None


class LevelPassed(NamedTuple):
    """A warning that fell due."""

    level: int  # percent of the target: 50, 75, 90, 100, then the reminders
    at: datetime


def rebuild(events: Iterable[ClockEvent], policies: Mapping[str, Policy], now: datetime) -> tuple[Clock, ...]:
    """The clocks of one ticket, in order of their start: the only way a clock is computed.

    `events` in the order recorded; a backdated one takes its place by `at`. `policies` by `Policy.key`. Once started a
    clock is not started again, once stopped not stopped again; a retarget while it is stopped counts when it runs
    again. A stopped clock runs again when the reason of a resume takes back that of the stop: "reopen" what "resolve"
    stopped, "re-armed" a "workaround"; the time between becomes a pause. "merge" takes back a "merge", and the time between
    counts as if the ticket had never been merged: it pauses what paused then, and runs where it ran. To see a past day, leave
    out the events after it and give its end as `now`. Raises ValueError for a policy that is missing.
    """
    found = histories(as_joined(events), policies)
    clocks = [counted(history, now) for history in found if history.started_at is not None]
    return tuple(sorted(clocks, key=attrgetter("started_at")))


def histories(events: Iterable[ClockEvent], policies: Mapping[str, Policy]) -> list[History]:
    """What these say of each clock, in the order in which they begin. `events`: see `as_joined`."""
    found: dict[tuple[ClockName, int], History] = {}
    for event in events:
        key = event.clock, event.cycle
        history = found.get(key)
        if history is None:
            history = found[key] = History(name=event.clock, cycle=event.cycle)
        history.apply(event, policies)
    return list(found.values())


def level_at(clock: Clock, level: int) -> datetime | None:
    """When so many percent of the target are used, as its pauses are now; None: not while one holds it."""
    seconds = -(-clock.target_s * level // 100)
    return clock.policy.calendar.due(clock.started_at, seconds, _spans(clock.pauses))


def warning_levels(clock: Clock, now: datetime, *, after: int = 0) -> tuple[LevelPassed, ...]:
    """The levels above `after` that have fallen due by now, lowest first, each with its instant.

    None unless the clock runs: a promise that is paused, met or cancelled warns nobody.
    """
    if clock.state != ClockState.RUNNING:
        return ()
    passed: list[LevelPassed] = []
    for level, seconds in _thresholds(clock.target_s):
        if level == BREACH:
            at = (
                None
                if clock.due_at is None
                else clock.policy.calendar.overrun(clock.due_at, _spans(clock.pauses))
            )
            reached = at is not None and now > at
        else:
            at = clock.policy.calendar.due(clock.started_at, seconds, _spans(clock.pauses))
            reached = at is not None and now >= at
        if at is None or not reached:
            break
        if level > after:
            passed.append(LevelPassed(level, at))
    return tuple(passed)


def clock_events(
    event_kind: str,
    clocks: Iterable[Clock],
    policies: Mapping[ClockName, Policy],
    *,
    at: datetime,
    received_at: datetime | None = None,
    vendor_pauses: bool,
) -> tuple[ClockEvent, ...]:
    """The clock events that a ticket event causes, given how the clocks stand now.

    `policies` holds the promise to start or retarget each clock with; a clock without one is not started. Triage,
    response, restore and resolve start at `received_at` (None: at `at`), however late they are found out; all else
    happens `at`.
    Nothing comes out for a clock that the event does not concern: not running, not paused for that reason, with that
    promise already.
    """
    standing = {
        clock.name: clock for clock in sorted(clocks, key=attrgetter("cycle"))
    }  # the last cycle of each
    cycles = {name: clock.cycle for name, clock in standing.items()}
    live = {name for name, clock in standing.items() if not clock.ended}
    caused: list[ClockEvent] = []
    for effect in clock_effects(event_kind, vendor_pauses=vendor_pauses):
        for name in effect.clocks:
            policy = policies.get(name)
            action = _action(effect, name, standing.get(name), policy, live=name in live)
            if action is None:
                continue
            if action == ClockAction.START:
                cycles[name] = cycles.get(name, 0) + 1
            if action in {ClockAction.START, ClockAction.RESUME}:
                live.add(name)
            if action in {ClockAction.STOP, ClockAction.CANCEL}:
                live.remove(name)
            key = policy.key if policy and action in {ClockAction.START, ClockAction.RETARGET} else ""
            from_receipt = action == ClockAction.START and name not in _CYCLIC
            since = received_at if received_at and from_receipt else at
            cycle, reason = cycles[name], effect.reason
            caused.append(
                ClockEvent(at=since, kind=action, clock=name, cycle=cycle, reason=reason, policy=key)
            )
    return tuple(caused)


# Started again after their end, as a new cycle. The others are kept or broken once in the life of a ticket.
_CYCLIC = frozenset({ClockName.UPDATE, ClockName.VENDOR, ClockName.ONSITE, ClockName.PROMISE})


def _action(
    effect: Effect, name: ClockName, clock: Clock | None, policy: Policy | None, *, live: bool
) -> ClockAction | None:
    """What the effect comes to on this clock (its last cycle); None: nothing."""
    match effect.action:
        case ClockAction.START | ClockAction.RETARGET if live:
            moved = policy is not None and clock is not None and not clock.policy.promises_as(policy)
            return ClockAction.RETARGET if moved else None
        case ClockAction.START:
            may = policy is not None and (clock is None or name in _CYCLIC)
            return ClockAction.START if may else None
        case ClockAction.PAUSE if live and clock is not None:
            return None if effect.reason in clock.paused_for else ClockAction.PAUSE
        case ClockAction.RESUME if clock is not None:
            held = effect.reason in clock.paused_for
            taken_back = clock.ended and TAKEN_BACK_BY.get(clock.stop_reason) == effect.reason
            return ClockAction.RESUME if held or taken_back else None
        case ClockAction.STOP | ClockAction.CANCEL if live:
            return effect.action
    return None


def counted(history: History, now: datetime) -> Clock:
    """The clock of a history that has a start."""
    start, policy, stopped = history.started_at, history.policy, history.stopped_at
    assert start is not None and policy is not None  # noqa: PT018 - set together by the start
    pauses = history.counted_pauses()
    spans = _spans(pauses) if pauses else ()
    end = now if stopped is None else stopped
    due = policy.due(start, spans)
    target = _target_seconds(policy, start, due, spans, end)
    elapsed = policy.calendar.elapsed(start, end, spans)
    breached = policy.calendar.overrun(due, spans) if due is not None and end > due else None
    if breached is not None and breached >= end:
        breached = None
    if history.cancelled:
        state = ClockState.CANCELLED
    elif stopped is not None:
        state = ClockState.MET if breached is None else ClockState.BREACHED
    elif start > now:
        state = ClockState.PENDING
    else:
        state = ClockState.PAUSED if history.open else ClockState.RUNNING
    level, ahead = levels(target, elapsed, breached=breached is not None)
    runs = state in {ClockState.RUNNING, ClockState.PENDING}
    return Clock(
        name=history.name,
        cycle=history.cycle,
        state=state,
        policy=policy,
        target_s=target,
        started_at=start,
        stopped_at=stopped,
        due_at=due,
        elapsed_s=elapsed,
        paused_s=sum([policy.calendar.elapsed(since, until or max(end, since)) for since, until in spans]),
        next_check_at=_next_check(policy, start, due, spans, ahead, now) if runs and ahead else None,
        breached_at=breached,
        level_passed=level,
        stop_reason=history.stop_reason,
        paused_for=tuple(history.open) if stopped is None else (),
        pauses=pauses,
    )


def _spans(pauses: Sequence[ClockPause]) -> list[tuple[datetime, datetime | None]]:
    return [(pause.since, pause.until) for pause in pauses]


def _target_seconds(
    policy: Policy,
    start: datetime,
    due: datetime | None,
    spans: Sequence[tuple[datetime, datetime | None]],
    end: datetime,
) -> int:
    """The target in open seconds; of working days: those between start and due, an open pause taken as over."""
    if policy.target.seconds is not None:
        return policy.target.seconds
    if due is None:
        spans = [(since, until or max(end, since)) for since, until in spans]
        due = policy.due(start, spans)
    return 0 if due is None else policy.calendar.elapsed(start, due, spans)


@cache
def _thresholds(target_s: int) -> tuple[tuple[int, int], ...]:
    """(percent, elapsed seconds) of every level of a clock, rising."""
    if target_s <= 0:
        return ((BREACH, 0),)
    step = max(REMINDER_INTERVAL, -(-target_s // 4))
    after = [target_s + n * step for n in range(1, REMINDERS + 1)]
    levels = [(level, -(-target_s * level // 100)) for level in (*LEVELS, BREACH)]
    return (*levels, *((seconds * 100 // target_s, seconds) for seconds in after))


def levels(target_s: int, elapsed_s: int, *, breached: bool) -> tuple[int, tuple[int, int] | None]:
    """The highest level passed, and the next one ahead with its elapsed seconds."""
    passed = 0
    for level, seconds in _thresholds(target_s):
        if elapsed_s < seconds or (level >= BREACH and not breached):
            return passed, (level, seconds)
        passed = level
    return passed, None


def _next_check(
    policy: Policy,
    start: datetime,
    due: datetime | None,
    spans: Sequence[tuple[datetime, datetime | None]],
    ahead: tuple[int, int],
    now: datetime,
) -> datetime | None:
    level, seconds = ahead
    if level != BREACH:
        return policy.calendar.due(start, seconds, spans)
    if due is None or now < due:
        return due
    broken = policy.calendar.overrun(due, spans)  # equal is met: look again when it no longer is
    return None if broken is None else broken + timedelta(seconds=1)
