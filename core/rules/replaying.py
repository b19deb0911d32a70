"""What would a request's clocks have come to under other promises? The same events, told under those; decisions only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from core.rules import clocks
from core.rules.clock_effects import ClockAction, ClockName
from core.rules.clock_history import ClockEvent, Policy
from core.rules.clocks import Clock, ClockState

PROMISED = (ClockName.RESPONSE, ClockName.UPDATE, ClockName.RESTORE, ClockName.RESOLVE)
"""Clocks that a service level makes. The others are made by what people agreed."""
FROM_RECEIPT = (ClockName.RESTORE, ClockName.RESOLVE)
"""Those of which begin and end are known although no such clock was ever started."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """How one clock came out."""

    due: datetime | None
    """None: a pause holds it."""
    state: str
    """met, missed, running or cancelled."""


def under(
    events: Iterable[ClockEvent],
    promised: Mapping[ClockName, Policy],
    *,
    received_at: datetime,
    resolved_at: datetime | None,
    now: datetime,
) -> dict[str, Measured]:
    """By its name, each promised clock as it would have come out. `events`: those of the ticket, in the order recorded.

    Starts name the other promise, retargets fall away, pauses and stops stay what they were. A clock that is not promised
    any more is not there; one to restore or to solve that was never started runs from the receipt until the ticket is solved.
    """
    told: list[ClockEvent] = []
    started: set[ClockName] = set()
    for one in events:
        if one.clock not in PROMISED or one.clock not in promised or one.kind is ClockAction.RETARGET:
            continue
        if one.kind is ClockAction.START:
            started.add(one.clock)
            told.append(one._replace(policy=promised[one.clock].key))
        else:
            told.append(one)
    for name in FROM_RECEIPT:
        if name in promised and name not in started:
            policy = promised[name].key
            told.append(
                ClockEvent(
                    at=received_at, kind=ClockAction.START, clock=name, reason="qualified", policy=policy
                )
            )
            if resolved_at is not None:
                told.append(ClockEvent(at=resolved_at, kind=ClockAction.STOP, clock=name, reason="resolve"))
    policies = {one.key: one for one in promised.values()}
    return _by_name(clocks.rebuild(told, policies, now)) if told else {}


def _by_name(standing: Iterable[Clock]) -> dict[str, Measured]:
    """Of a clock with cycles the last one's due; it is missed if any cycle was."""
    found: dict[str, Measured] = {}
    missed: set[str] = set()
    for one in sorted(standing, key=lambda clock: (clock.name, clock.cycle)):
        name = str(one.name)
        if one.breached_at is not None:
            missed.add(name)
        found[name] = Measured(due=one.due_at, state="missed" if name in missed else _state(one))
    return found


def _state(one: Clock) -> str:
    if one.state is ClockState.CANCELLED:
        return "cancelled"
    return "met" if one.ended else "running"
