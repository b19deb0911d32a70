"""What do the events of a clock say of it? When it ran, under which promise, and when it did not count."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from operator import itemgetter
from typing import NamedTuple, Self

from core.rules.calendars import Calendar
from core.rules.clock_effects import PAUSE_REASONS, ClockAction, ClockName
from core.rules.durations import Target, parse_target

MERGE = "merge"
"""Reason of the end of every clock of a ticket that goes on in another one, and of the resume that undoes it."""
MERGED_ANSWER = "merged_answer"
"""Reason of a stop at the first answer to a ticket that ended in this one, and of the resume when it does so no more."""

# By the reason of a stop: the reason of the resume that takes it back.
TAKEN_BACK_BY = {"resolve": "reopen", "workaround": "re-armed", MERGE: MERGE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """One promise under one calendar version. Running tickets keep theirs when either changes."""

    name: str  # for people: "Gold P1 resolve"
    target: Target
    calendar: Calendar
    calendar_version: str
    retroactive: bool = True  # a change to this policy counts from the clock's start; else from the change

    @property
    def key(self) -> str:
        """How clock events name this policy: everything but the calendar's hours, in one text."""
        mode = "retroactive" if self.retroactive else "from change"
        return "|".join((str(self.target), self.calendar_version, mode, self.name))

    def promises_as(self, other: Policy) -> bool:
        """Whether it is the same promise by the same hours, however a change to it would be counted."""
        return (self.target, self.calendar_version, self.name) == (
            other.target,
            other.calendar_version,
            other.name,
        )

    @classmethod
    def from_key(cls, key: str, calendars: Mapping[str, Calendar]) -> Policy:
        """The policy an event named; `calendars` by version. Raises ValueError when the version is not among them."""
        target, version, mode, name = key.split("|", 3)
        if version not in calendars:
            raise ValueError(f'policy "{name}": calendar version {version} is missing')
        return cls(
            name=name,
            target=parse_target(target),
            calendar=calendars[version],
            calendar_version=version,
            retroactive=mode == "retroactive",
        )

    def due(self, start: datetime, pauses: Iterable[tuple[datetime, datetime | None]]) -> datetime | None:
        """When a clock started then is due; None: an open pause holds it."""
        if self.target.seconds is not None:
            return self.calendar.due(start, self.target.seconds, pauses)
        days = self.target.working_days or 0
        return self.calendar.due_working_days(start, days, end=self.target.end_of_day, pauses=pauses)


class _ClockEvent(NamedTuple):
    at: datetime  # when it was true; may be earlier than events before it
    kind: ClockAction
    clock: ClockName
    cycle: int
    reason: str
    policy: str  # start and retarget: Policy.key


class ClockEvent(_ClockEvent):
    """One row of the ticket's events that concerns a clock. Raises ValueError when it could not be carried out.

    `_make` takes one that was stored, in the order of the fields, as it is.
    """

    __slots__ = ()

    def __new__(
        cls,
        *,
        at: datetime,
        kind: ClockAction,
        clock: ClockName,
        cycle: int = 1,
        reason: str = "",
        policy: str = "",
    ) -> Self:
        """See the class."""
        if at.tzinfo is None:
            raise ValueError(f"at: {at} has no time zone")
        if kind == ClockAction.PAUSE and reason not in PAUSE_REASONS:
            raise ValueError(
                f'reason: "{reason}" is no reason for a pause: {", ".join(sorted(PAUSE_REASONS))}'
            )
        if kind in {ClockAction.START, ClockAction.RETARGET} and not policy:
            raise ValueError(f"policy: {kind} of {clock} names none")
        return cls._make((at, kind, clock, cycle, reason, policy))


class ClockPause(NamedTuple):
    """A time that does not count. Those of one clock do not overlap: the reason that came first has it."""

    since: datetime
    until: datetime | None  # None: still paused
    reason: str


BEGUN_ANEW = frozenset({"merge", "merge_undone"})
"""Reasons of a start that says from when a promise counts now, in place of the start before it."""


OF_JOININGS = BEGUN_ANEW | {MERGED_ANSWER}


def as_joined(events: Iterable[ClockEvent]) -> list[ClockEvent]:
    """The events by `at`, with what merges and their undoing make of those before.

    Of the starts of BEGUN_ANEW, and of the stops for MERGED_ANSWER, the last recorded counts; a resume for MERGED_ANSWER takes
    all of those back. A merge that was undone leaves nothing behind: neither the end nor the resume is among them, and what
    happened in between happened to a clock that ran.
    """
    events = list(events)
    if OF_JOININGS.isdisjoint([event.reason for event in events]):
        return sorted(events, key=itemgetter(0))
    found: list[ClockEvent] = []
    for event in events:
        answered = event.reason == MERGED_ANSWER
        place = len(found)
        if answered or (event.kind is ClockAction.START and event.reason in BEGUN_ANEW):
            which = (ClockAction.STOP if answered else event.kind, event.clock, event.cycle)
            gone = [
                n
                for n, one in enumerate(found)
                if (one.kind, one.clock, one.cycle) == which and (not answered or one.reason == MERGED_ANSWER)
            ]
            if gone and not answered:  # what stopped it at that very instant still comes after it
                place = gone[0]
            found = [one for n, one in enumerate(found) if n not in gone]
        if not answered or event.kind is ClockAction.STOP:
            found.insert(place, event)
    return _without_undone(sorted(found, key=itemgetter(0)))


def _without_undone(events: list[ClockEvent]) -> list[ClockEvent]:
    gone: set[int] = set()
    ends: dict[tuple[ClockName, int], int] = {}
    for n, event in enumerate(events):
        if event.reason != MERGE:
            continue
        which = (event.clock, event.cycle)
        if event.kind is ClockAction.CANCEL:
            ends.setdefault(which, n)
        elif event.kind is ClockAction.RESUME and which in ends:
            gone |= {ends.pop(which), n}
    return [event for n, event in enumerate(events) if n not in gone]


@dataclass(slots=True, kw_only=True)
class History:
    """What the events so far say of one cycle of a clock. Events are applied in order of `at`."""

    name: ClockName
    cycle: int
    started_at: datetime | None = None
    policy: Policy | None = None
    stopped_at: datetime | None = None
    stop_reason: str = ""
    cancelled: bool = False
    pauses: list[ClockPause] = field(default_factory=list)  # over ones
    open: list[str] = field(default_factory=list)  # reasons that hold it, oldest first
    open_since: datetime | None = None  # since when the oldest of them has it
    deferred: tuple[Policy, datetime] | None = None  # retargeted while stopped

    def apply(self, event: ClockEvent, policies: Mapping[str, Policy]) -> None:
        """Raises ValueError for a policy that is missing."""
        match event.kind:
            case ClockAction.START:
                if self.started_at is None:
                    self.started_at, self.policy = event.at, _named(event, policies)
            case ClockAction.RETARGET:
                if self.stopped_at is None:
                    self._retarget(_named(event, policies), event.at)
                else:
                    self.deferred = _named(event, policies), event.at
            case ClockAction.PAUSE:
                if self.stopped_at is None and event.reason not in self.open:
                    self.open_since = self.open_since or event.at
                    self.open.append(event.reason)
            case ClockAction.RESUME:
                if self.stopped_at is not None:
                    self._take_back(event.reason, event.at)
                elif event.reason in self.open:
                    self._resume(event.reason, event.at)
            case ClockAction.STOP | ClockAction.CANCEL:
                if self.started_at is not None and self.stopped_at is None:
                    self._stop(event)

    def counted_pauses(self) -> tuple[ClockPause, ...]:
        """All pauses, clipped to the start; those of a stopped clock end with it."""
        if not self.pauses and self.open_since is None:
            return ()
        pauses = list(self.pauses)
        if self.stopped_at is None and self.open_since is not None:
            pauses.append(ClockPause(self.open_since, None, self.open[0]))
        start = self.started_at
        if start is None or not pauses:
            return ()
        return tuple(
            pause if pause.since >= start else pause._replace(since=start)
            for pause in pauses
            if pause.until is None or pause.until > max(pause.since, start)
        )

    def _retarget(self, policy: Policy, at: datetime) -> None:
        self.policy = policy
        if not policy.retroactive:
            self.started_at = at

    def _resume(self, reason: str, at: datetime) -> None:
        if reason == self.open[0]:
            self._close_pause(at)
            self.open_since = at if len(self.open) > 1 else None
        self.open.remove(reason)

    def _stop(self, event: ClockEvent) -> None:
        if self.open:
            self._close_pause(event.at)
        self.stopped_at, self.stop_reason, self.open_since = event.at, event.reason, None
        self.cancelled = event.kind == ClockAction.CANCEL
        if not self.cancelled:
            self.open = []  # a ticket resolved while it waited does not wait when it is reopened

    def _take_back(self, reason: str, at: datetime) -> None:
        if self.stopped_at is None or TAKEN_BACK_BY.get(self.stop_reason) != reason:
            return
        self.pauses.append(ClockPause(self.stopped_at, at, reason))
        self.stopped_at, self.stop_reason, self.cancelled = None, "", False
        self.open_since = at if self.open else None
        if self.deferred is not None:
            self._retarget(*self.deferred)
            self.deferred = None

    def _close_pause(self, at: datetime) -> None:
        assert self.open_since is not None  # as long as there is a reason
        self.pauses.append(ClockPause(self.open_since, at, self.open[0]))


def _named(event: ClockEvent, policies: Mapping[str, Policy]) -> Policy:
    if event.policy not in policies:
        raise ValueError(f'policy "{event.policy}" of the {event.clock} clock is missing')
    return policies[event.policy]
