"""How did a ticket stand at an instant of the past? Made from what was recorded by then, never from how it stands today.

- Known is what was recorded before the instant. What was recorded together with the opening of a ticket is known with it.
- It is measured by when it was true: a solution noted today for yesterday took until yesterday.
- It counts in the period it was recorded in, so that what is noted late is in one report and in no two.
- The receipt is that of the opening, or the earliest of the requests that were joined to it and not taken back.
- State, level, priority, cause, visits, problems and vendors' cases are those of the last events. Type, technology, asset, site, contract
  and line are those of the last check of what the contract covers: one is made whenever any of them changes.
- Clocks are rebuilt from their events.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple, Protocol, TypeVar

from core.rules import clocks, legs
from core.rules.clock_history import ClockEvent, Policy
from core.rules.clocks import Clock, ClockName, ClockState
from core.rules.legs import Move
from core.rules.workflow import NOT_OPEN, State

STATES = frozenset(State)
BY_CALENDAR_OF = (ClockName.RESOLVE, ClockName.RESTORE, ClockName.RESPONSE)
"""Whose calendar says which of the time was working time; without any of them all of it was."""


class Deed(NamedTuple):
    """One event of a ticket, in the order recorded."""

    kind: str
    at: datetime
    recorded_at: datetime
    data: Mapping[str, Any]


class _Stamped(Protocol):
    @property
    def at(self) -> datetime: ...


Stamped = TypeVar("Stamped", bound=_Stamped)


class Check(NamedTuple):
    """What a check of the contract went by."""

    at: datetime
    contract: str
    line: str
    request_type: str
    technology: str
    asset: str
    site: str


class Ended(NamedTuple):
    """A clock that counts in a report."""

    clock: Clock
    outcome: str  # met, missed or running


class Visit(NamedTuple):
    """A visit as it stood."""

    id: str
    state: str  # planned, confirmed, done, no_access or cancelled
    start: str  # agreed, ISO 8601; empty: not yet
    in_period: bool  # it ended in the period


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """A ticket as it stood at the end of a period, and what happened to it in that period."""

    number: str
    subject: str
    channel: str
    received_at: datetime
    arrived: bool
    """In the period."""
    state: str
    priority: str
    level: int
    check: Check | None
    cause: str
    resolved_at: datetime | None
    """Of the last solution that was noted in the period; None: none was."""
    closed: bool
    """In the period."""
    reopened: bool
    """It was resolved in the period, and reopened within ten days, as far as was known."""
    first_contact: bool
    """Resolved in the period by the first level: nobody else was asked, and nobody had to go there."""
    responded_at: datetime | None
    clocks: tuple[Ended, ...]
    legs: Mapping[str, int]
    """Seconds from receipt to solution by who had the ball; empty unless it was resolved in the period."""
    working_s: int
    """Of the time to the solution, what lay within the hours of its calendar."""
    answered_working_s: int
    visits: tuple[Visit, ...]
    vendors: tuple[str, ...]
    """Ids of vendors' cases that were made in the period."""
    problems: tuple[str, ...]
    """Ids of the problems that it was put down to."""
    due_at: datetime | None
    """Earliest due instant of its running clocks."""

    @property
    def open(self) -> bool:
        """Somebody still had to work on it."""
        return self.state not in NOT_OPEN


@dataclass(slots=True)
class _Read:
    state: str = "received"
    priority: str = ""
    level: int = 1
    cause: str = ""
    resolved_at: datetime | None = None
    solved_at: datetime | None = None  # in the period
    closed: bool = False
    reopened: bool = False
    went_on: bool = False
    visits: dict[str, Visit] = field(default_factory=dict)
    vendors: list[str] = field(default_factory=list)
    problems: dict[str, None] = field(default_factory=dict)  # in the order in which they were linked
    moves: list[Move] = field(default_factory=list)


def received(deeds: Iterable[Deed]) -> datetime | None:
    """When a ticket was received by its own opening; None: these events are of no ticket."""
    return next((deed.at for deed in deeds if deed.kind == "ticket.opened"), None)


def joined(deeds: Sequence[Deed], until: datetime) -> set[str]:
    """Ids of the tickets that are part of this one at an instant."""
    found: dict[str, str] = {}
    if not any(deed.kind == "ticket.absorbed" for deed in deeds):
        return set()
    for deed in known(deeds, until):
        if deed.kind == "ticket.absorbed":
            found[deed.data["joining"]] = deed.data["ticket"]
        elif deed.kind == "ticket.gave_back":
            found.pop(deed.data["joining"], None)
    return set(found.values())


def known(deeds: Sequence[Deed], until: datetime) -> list[Deed]:
    """What was recorded by then, the opening with all that was recorded with it included."""
    opened = next((deed.recorded_at for deed in deeds if deed.kind == "ticket.opened"), None)
    return [deed for deed in deeds if deed.recorded_at < until or deed.recorded_at == opened]


def counting(checks: Sequence[Stamped], deeds: Sequence[Deed], until: datetime) -> Stamped | None:
    """The last of these checks, in the order made, that was known at an instant; that of the opening is known with it."""
    opened = next((deed.recorded_at for deed in deeds if deed.kind == "ticket.opened"), None)
    return next((one for one in reversed(checks) if one.at < until or one.at == opened), None)


def past(
    deeds: Sequence[Deed],
    check: Check | None,
    clock_events: Sequence[tuple[datetime, ClockEvent]],
    *,
    number: str,
    subject: str,
    channel: str,
    received_at: datetime,
    policies: Mapping[str, Policy],
    since: datetime,
    until: datetime,
    agreed: frozenset[ClockName],
    reopened_within: float,
) -> Past:
    """How it stood at `until`, and what of it belongs to the time from `since` on.

    `check`: see `counting`. `clock_events`: with the instant at which each was recorded. `received_at`: see `received` and `joined`. `agreed`: clocks
    that measure what was promised to the customer. `reopened_within`: seconds. Raises ValueError for a policy that is missing.
    """
    opened = next((deed.recorded_at for deed in deeds if deed.kind == "ticket.opened"), until)
    read = _read(known(deeds, until), since=since, reopened_within=reopened_within)
    heard = [one for recorded, one in clock_events if recorded < until or recorded == opened]
    now = clocks.rebuild(heard, policies, until)
    before: dict[tuple[ClockName, int], datetime | None] = {}
    if opened < since:
        was = [one for recorded, one in clock_events if recorded < since or recorded == opened]
        before = {
            (clock.name, clock.cycle): clock.stopped_at for clock in clocks.rebuild(was, policies, since)
        }
    by_name = {clock.name: clock for clock in now}
    calendar = next((by_name[name].policy.calendar for name in BY_CALENDAR_OF if name in by_name), None)
    response = by_name.get(ClockName.RESPONSE)
    met = response is not None and response.state is not ClockState.CANCELLED
    responded_at = response.stopped_at if met and response is not None else None
    resolved_at = read.solved_at
    shares: dict[str, int] = {}
    working = answered = 0
    if resolved_at is not None:
        for turn in legs.held(read.moves, received_at=received_at, now=resolved_at, calendar=calendar):
            seconds = int((turn.until - turn.since).total_seconds())
            shares[str(turn.leg)] = shares.get(str(turn.leg), 0) + seconds
        working = _working(calendar, received_at, resolved_at)
        answered = _working(calendar, received_at, responded_at) if responded_at else 0
    dues = [clock.due_at for clock in now if clock.state is ClockState.RUNNING and clock.due_at is not None]
    return Past(
        number=number,
        subject=subject,
        channel=channel,
        received_at=received_at,
        arrived=since <= received_at < until,
        state=read.state,
        priority=read.priority,
        level=read.level,
        check=check,
        cause=read.cause,
        resolved_at=resolved_at,
        closed=read.closed,
        reopened=read.reopened,
        first_contact=read.solved_at is not None and not read.went_on and read.level == 1,
        responded_at=responded_at,
        clocks=tuple(_counted(now, before, agreed)),
        legs=shares,
        working_s=working,
        answered_working_s=answered,
        visits=tuple(read.visits.values()),
        vendors=tuple(read.vendors),
        problems=tuple(read.problems),
        due_at=min(dues, default=None),
    )


def _working(calendar: Any, since: datetime, until: datetime) -> int:
    if calendar is None:
        return int(max((until - since).total_seconds(), 0))
    seconds: int = calendar.elapsed(since, until)
    return seconds


def _counted(
    now: Iterable[Clock],
    before: Mapping[tuple[ClockName, int], datetime | None],
    agreed: frozenset[ClockName],
) -> Iterable[Ended]:
    for clock in now:
        if clock.name not in agreed or clock.state in {ClockState.CANCELLED, ClockState.PENDING}:
            continue
        if not clock.ended:
            yield Ended(clock, "missed" if clock.breached_at is not None else "running")
        elif before.get((clock.name, clock.cycle)) != clock.stopped_at:
            yield Ended(clock, "met" if clock.state is ClockState.MET else "missed")


def _read(deeds: Iterable[Deed], *, since: datetime, reopened_within: float) -> _Read:
    found = _Read()
    for deed in deeds:
        family, _, word = deed.kind.partition(".")
        match family:
            case "ticket":
                _ticket(found, deed, word, since=since, reopened_within=reopened_within)
            case "visit":
                _visit(found, deed, word, since=since)
            case "vendor":
                found.went_on = True
                if word == "made" and deed.recorded_at >= since:
                    found.vendors.append(deed.data["vendor_case"])
            case "problem" if word == "linked":
                found.problems[deed.data["problem"]] = None
            case "problem" if word == "unlinked":
                found.problems.pop(deed.data["problem"], None)
            case _:  # nothing that a report counts
                pass
    return found


def _ticket(found: _Read, deed: Deed, word: str, *, since: datetime, reopened_within: float) -> None:
    data = deed.data
    if data.get("to") in STATES:
        found.state = data["to"]
        found.moves.append(Move(deed.at, data["to"]))
    recent = deed.recorded_at >= since
    match word:
        case "prioritised":
            found.priority = data["priority"]
        case "routed":
            found.level = data.get("level", found.level)
        case "escalate" | "wait_vendor":
            found.went_on = True
        case "resolve":
            found.cause = data["cause"]
            found.resolved_at = deed.at
            found.solved_at = deed.at if recent else None
        case "reopen":
            solved = found.resolved_at
            if solved is not None and found.solved_at == solved:
                found.reopened |= (deed.at - solved).total_seconds() <= reopened_within
            found.resolved_at, found.closed = None, False
        case "close":
            found.closed = recent
        case _:
            pass


def _visit(found: _Read, deed: Deed, word: str, *, since: datetime) -> None:
    if "visit" not in deed.data:
        return
    identity = deed.data["visit"]
    one = found.visits.get(identity, Visit(identity, "planned", "", in_period=False))
    recent = deed.recorded_at >= since
    match word:
        case "planned":
            found.went_on = True
        case "confirmed" | "moved":
            one = one._replace(state="confirmed", start=deed.data["start"])
        case "check_out":
            one = one._replace(state="done", in_period=recent)
        case "no_access" | "cancelled":
            one = one._replace(state=word, in_period=recent)
        case _:
            pass
    found.visits[identity] = one
