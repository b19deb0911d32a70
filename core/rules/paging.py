"""Whom do we call to a conversation that nobody takes, when, and when does it stop?

The first call goes out before the promise of a first answer is broken, to those of the group who are there; each that
nobody acknowledges goes one rung up. When the promise is broken it begins anew, and goes round. Decisions only: no database,
no clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum, StrEnum

WARN_AT = 75
"""Percent of the promised time, at which the first call goes out."""
UNPROMISED = timedelta(minutes=4)
"""What is kept where no contract promises a first answer: a first call after three minutes."""
ACKNOWLEDGE = timedelta(minutes=5)
"""So long somebody who was called may take to say that they know."""
TAKE = timedelta(minutes=15)
"""So long somebody who knows may take to take it."""
ROUNDS = 3
"""Times that the whole ladder is climbed once the promise is broken; before, it is climbed once."""


class Rung(IntEnum):
    """How far up."""

    GROUP = 0
    """Who works on such tickets."""
    LEADERS = 1
    """Who leads the shift."""


class Cause(StrEnum):
    """Why."""

    SOON = "soon"
    """The promise of a first answer will be broken soon."""
    LATE = "late"
    """It is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """Somebody of the staff who could take it."""

    agent: str
    present: bool
    of_group: bool
    leads: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """Until when somebody is to answer."""

    warn_at: datetime
    due_at: datetime
    opens_at: datetime | None = None
    """The service is closed until then, and nobody is called; None: it is open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One that went out, to everybody on a rung."""

    rung: Rung
    cause: Cause
    at: datetime
    seen_at: datetime | None
    """When the first of them said that they know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What is to be done now."""

    agents: tuple[str, ...] = ()
    """Whom to call; none: nobody now."""
    rung: Rung = Rung.GROUP
    cause: Cause = Cause.SOON
    next_at: datetime | None = None
    """When to look again; None: it is over."""


def unpromised(since: datetime, opens_at: datetime | None = None) -> Promise:
    """What is kept where nothing is promised, from when the service is open."""
    begins = since if opens_at is None else max(since, opens_at)
    first = UNPROMISED * WARN_AT / 100
    return Promise(warn_at=begins + first, due_at=begins + UNPROMISED, opens_at=opens_at)


def whom(members: Sequence[Member], rung: Rung) -> tuple[str, ...]:
    """Who stands on a rung: of those who are competent the ones who are there, else all of them."""
    competent = [one for one in members if (one.leads if rung is Rung.LEADERS else one.of_group)]
    there = [one for one in competent if one.present]
    return tuple(one.agent for one in (there or competent))


def step(calls: Sequence[Call], members: Sequence[Member], promise: Promise, *, now: datetime) -> Step:
    """What is due, given the calls that went out so far, oldest first."""
    rungs = [rung for rung in Rung if whom(members, rung)]
    if not rungs:
        return Step()
    if promise.opens_at is not None and promise.opens_at > now:
        return Step(next_at=promise.opens_at)
    if not calls and now < promise.warn_at:
        return Step(next_at=promise.warn_at)
    late = now >= promise.due_at
    told = [one for one in calls if one.cause is (Cause.LATE if late else Cause.SOON)]
    if not told:  # the first call, or the first since the promise is broken
        return _call(members, rungs[0], promise, now)
    last = told[-1]
    climbs_at = last.at + ACKNOWLEDGE if last.seen_at is None else last.seen_at + TAKE
    if len(told) >= len(rungs) * (ROUNDS if late else 1):
        return Step(next_at=None if late else promise.due_at)
    if now < climbs_at:
        return Step(next_at=climbs_at if late else min(climbs_at, promise.due_at))
    return _call(members, _above(last.rung, rungs), promise, now)


def _above(rung: Rung, rungs: Sequence[Rung]) -> Rung:
    """The next one; after the last the first again."""
    return next((one for one in rungs if one > rung), rungs[0])


def _call(members: Sequence[Member], rung: Rung, promise: Promise, now: datetime) -> Step:
    late = now >= promise.due_at
    again = now + ACKNOWLEDGE
    return Step(
        agents=whom(members, rung),
        rung=rung,
        cause=Cause.LATE if late else Cause.SOON,
        next_at=again if late else min(again, promise.due_at),
    )
