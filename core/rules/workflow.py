"""Which moves can a ticket make? The table of desk.md 5 as data, and a refusal that says what would be allowed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

REOPEN_WITHIN = timedelta(days=10)


class State(StrEnum):
    """Where a ticket stands."""

    RECEIVED = "received"
    TRIAGE = "triage"
    QUALIFIED = "qualified"
    ASSIGNED = "assigned"
    IN_PROGRESS = "in_progress"
    WAITING_CUSTOMER = "waiting_customer"
    WAITING_VENDOR = "waiting_vendor"
    SCHEDULED = "scheduled"
    ONSITE = "onsite"
    MONITORING = "monitoring"
    ON_HOLD = "on_hold"
    RESOLVED = "resolved"
    CLOSED = "closed"
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    MERGED = "merged"


S = State
ENDED = frozenset({S.CLOSED, S.REJECTED, S.CANCELLED, S.MERGED})
NOT_OPEN = ENDED | {S.RESOLVED}
_WAITING = (S.WAITING_CUSTOMER, S.WAITING_VENDOR)
_BEFORE_WORK = (S.RECEIVED, S.TRIAGE, S.QUALIFIED, S.ASSIGNED)
_AT_WORK = (S.IN_PROGRESS, *_WAITING, S.SCHEDULED, S.ONSITE, S.MONITORING)
_OPEN = (*_BEFORE_WORK, *_AT_WORK, S.ON_HOLD)
AT_WORK = frozenset(_AT_WORK)


@dataclass(frozen=True, slots=True)
class Move:
    """A move that is allowed: from these states, to this one; None: the state stays."""

    sources: tuple[State, ...]
    to: State | None


MOVES: Mapping[str, Move] = {
    "triage": Move((S.RECEIVED,), S.TRIAGE),
    "qualify": Move((S.RECEIVED, S.TRIAGE), S.QUALIFIED),
    "hold": Move((S.RECEIVED, S.TRIAGE, S.QUALIFIED, S.ASSIGNED), S.ON_HOLD),
    "approve": Move((S.ON_HOLD,), S.TRIAGE),
    "reject": Move((S.ON_HOLD, S.RECEIVED, S.TRIAGE), S.REJECTED),
    "route": Move((S.QUALIFIED, S.ASSIGNED), S.ASSIGNED),
    "take": Move((S.QUALIFIED, S.ASSIGNED), S.IN_PROGRESS),
    "wait_customer": Move((S.IN_PROGRESS, S.MONITORING), S.WAITING_CUSTOMER),
    "wait_vendor": Move((S.IN_PROGRESS,), S.WAITING_VENDOR),
    "customer_message": Move((S.WAITING_CUSTOMER,), S.IN_PROGRESS),
    "vendor_message": Move((S.WAITING_VENDOR,), S.IN_PROGRESS),
    "resume": Move((*_WAITING, S.MONITORING), S.IN_PROGRESS),
    "escalate": Move((S.ASSIGNED, S.IN_PROGRESS, *_WAITING), S.ASSIGNED),
    "schedule": Move((S.IN_PROGRESS,), S.SCHEDULED),
    "check_in": Move((S.SCHEDULED,), S.ONSITE),
    "visit_off": Move((S.SCHEDULED,), S.IN_PROGRESS),
    "check_out": Move((S.ONSITE,), S.IN_PROGRESS),
    "observe": Move((S.IN_PROGRESS,), S.MONITORING),
    "workaround": Move(
        (S.QUALIFIED, S.ASSIGNED, *_AT_WORK), None
    ),  # a known error helps before anybody works on it
    "resolve": Move((S.IN_PROGRESS, S.MONITORING), S.RESOLVED),
    "recover": Move((S.RECEIVED, S.TRIAGE, S.QUALIFIED, S.ASSIGNED), S.RESOLVED),
    "reopen": Move((S.RESOLVED, S.CLOSED), S.IN_PROGRESS),
    "close": Move((S.RESOLVED,), S.CLOSED),
    "merge": Move(_OPEN, S.MERGED),
    "cancel": Move(_OPEN, S.CANCELLED),
}


class MoveRefused(ValueError):
    """The table has no such move. `allowed` names those it has from there."""

    def __init__(self, event: str, state: str) -> None:
        self.event, self.state, self.allowed = event, state, allowed(state)
        super().__init__(f"cannot {event} from {state}")


def move(state: str, event: str) -> State:
    """The state after the event. Raises MoveRefused.

    >>> move("assigned", "take")
    <State.IN_PROGRESS: 'in_progress'>
    >>> move("closed", "take")
    Traceback (most recent call last):
        ...
    core.rules.workflow.MoveRefused: cannot take from closed
    """
    found = MOVES.get(event)
    if found is None or state not in found.sources:
        raise MoveRefused(event, state)
    return found.to or State(state)


def allowed(state: str) -> tuple[str, ...]:
    """Every event that leads somewhere from this state.

    >>> allowed("resolved")
    ('reopen', 'close')
    """
    return tuple(event for event, found in MOVES.items() if state in found.sources)


def is_open(state: str) -> bool:
    """Does anybody still have to work on it?"""
    return state not in NOT_OPEN
