"""Whom do we call to what nobody takes, by which ways, and when does it stop? Acknowledge, or the next rung (desk.md 8).

One ladder for everything that somebody must come to. What cannot wait (a P1, a group that is closed, words that were promised by
now) is called for at once; a conversation in a chat when its promise of a first answer is nearly broken, once, and anew when it is. Each call that nobody
acknowledges goes one rung up, after the last again from the first. Decisions only: no database, no clock.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum, StrEnum

WARN_AT = 75
"""Percent of the time until a first answer, at which the first call to a chat goes out."""
UNPROMISED = timedelta(minutes=4)
"""What is kept in a chat where no contract promises a first answer: a first call after three minutes."""
ACKNOWLEDGE = timedelta(minutes=5)
"""So long somebody who was called may take to say that they know."""
TAKE = timedelta(minutes=15)
"""So long somebody who knows may take to take it."""
ROUNDS = 3
"""Times that the whole ladder is climbed; before the promise of a first answer is broken, it is climbed once."""
ALARM_AGAIN = timedelta(minutes=10)
"""After the last round: how often the board raises its alarm."""
NEXT_WAY = timedelta(minutes=1)
"""Between two ways of calling the same person."""

CHAT, SMS, CALL, MAIL = "chat", "sms", "call", "mail"
WAYS = (CHAT, SMS, CALL, MAIL)
"""How staff are called, in this order unless they chose another."""

FALLBACK = ""
"""Stands on the last rung, in place of a person, for the telephone number that is called when nobody answers."""


class Rung(IntEnum):
    """How far up."""

    ON_CALL = 0
    """Who works on such tickets."""
    SECOND = 1
    """Who stands in for them."""
    SHIFT_LEADER = 2
    SUPERVISOR = 3


class Cause(StrEnum):
    """Why."""

    SOON = "soon"
    """The promise of a first answer in a chat will be broken soon."""
    LATE = "late"
    """It is."""
    P1 = "p1"
    CLOSED = "closed"
    """Its group is closed, and somebody of it is on call."""
    SAFETY = "safety"
    ALWAYS = "always"
    """It is about something that is worked on whatever the contract says."""
    PROMISE = "promise"
    """What was promised to the customer by some time was not written by then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """Somebody of the staff who could take a chat."""

    agent: str
    present: bool
    of_group: bool
    leads: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """Until when somebody is to come."""

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
    round: int = 0
    """How often the ladder had been climbed before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What is to be done now."""

    agents: tuple[str, ...] = ()
    """Whom to call; none: nobody now."""
    rung: Rung = Rung.ON_CALL
    cause: Cause = Cause.SOON
    round: int = 0
    next_at: datetime | None = None
    """When to look again; None: it is over."""
    exhausted: bool = False
    """All rounds were climbed and nobody came: an alarm."""


Rungs = Mapping[Rung, Sequence[str]]
"""Who stands on each."""


def at_once(now: datetime, opens_at: datetime | None = None) -> Promise:
    """What cannot wait, from when the service is open."""
    return Promise(warn_at=now, due_at=now, opens_at=opens_at)


def unpromised(since: datetime, opens_at: datetime | None = None) -> Promise:
    """What is kept in a chat where nothing is promised, from when the service is open."""
    begins = since if opens_at is None else max(since, opens_at)
    first = UNPROMISED * WARN_AT / 100
    return Promise(warn_at=begins + first, due_at=begins + UNPROMISED, opens_at=opens_at)


def of_chat(members: Sequence[Member], planned: Rungs) -> dict[Rung, tuple[str, ...]]:
    """Who is called to a chat: who is there before who is on call, and those before who is neither."""
    there = tuple(one.agent for one in members if one.of_group and one.present)
    group = there or tuple(planned.get(Rung.ON_CALL, ())) or tuple(m.agent for m in members if m.of_group)
    leading = [one for one in members if one.leads]
    leaders = tuple(one.agent for one in ([m for m in leading if m.present] or leading))
    return {
        Rung.ON_CALL: group,
        Rung.SECOND: tuple(planned.get(Rung.SECOND, ())),
        Rung.SHIFT_LEADER: tuple(planned.get(Rung.SHIFT_LEADER, ())) or leaders,
        Rung.SUPERVISOR: tuple(planned.get(Rung.SUPERVISOR, ())),
    }


def of_promise(owner: str | None, planned: Rungs) -> dict[Rung, tuple[str, ...]]:
    """Who is called to words that were promised: whoever has the request alone, then who is on duty as to anything else.

    `owner`: None, nobody has it.
    """
    if owner is None:
        return {rung: tuple(there) for rung, there in planned.items()}
    others = (*planned.get(Rung.ON_CALL, ()), *planned.get(Rung.SECOND, ()))
    return {
        Rung.ON_CALL: (owner,),
        Rung.SECOND: tuple(one for one in dict.fromkeys(others) if one != owner),
        Rung.SHIFT_LEADER: tuple(planned.get(Rung.SHIFT_LEADER, ())),
        Rung.SUPERVISOR: tuple(planned.get(Rung.SUPERVISOR, ())),
    }


def step(calls: Sequence[Call], rungs: Rungs, promise: Promise, *, cause: Cause, now: datetime) -> Step:
    """What is due, given the calls that went out so far, oldest first. `cause`: of a call once the promise is broken."""
    climbed = [rung for rung in Rung if rungs.get(rung)]
    if not climbed:
        return Step()
    if promise.opens_at is not None and promise.opens_at > now:
        return Step(next_at=promise.opens_at)
    if not calls and now < promise.warn_at:
        return Step(next_at=promise.warn_at)
    late = now >= promise.due_at
    again = now + ACKNOWLEDGE if late else min(now + ACKNOWLEDGE, promise.due_at)
    why = cause if late else Cause.SOON
    told = [one for one in calls if (one.cause is Cause.SOON) is not late]
    if not told:  # the first call, or the first since the promise is broken
        first = climbed[0]
        return Step(agents=tuple(rungs[first]), rung=first, cause=why, next_at=again)
    last = told[-1]
    known = acknowledged_at(told)
    climbs_at = last.at + ACKNOWLEDGE if known is None else known + TAKE
    if now < climbs_at:
        return Step(next_at=climbs_at if late else min(climbs_at, promise.due_at))
    higher = next((rung for rung in climbed if rung > last.rung), None)
    rounds = last.round if higher is not None else last.round + 1
    if rounds >= (ROUNDS if late else 1):
        return Step(next_at=now + ALARM_AGAIN, exhausted=True) if late else Step(next_at=promise.due_at)
    rung = climbed[0] if higher is None else higher
    return Step(agents=tuple(rungs[rung]), rung=rung, cause=why, round=rounds, next_at=again)


def acknowledged_at(calls: Sequence[Call]) -> datetime | None:
    """When somebody said last that they know; None: nobody did since the last call."""
    seen = max((one.seen_at for one in calls if one.seen_at is not None), default=None)
    return seen if seen is not None and seen >= calls[-1].at else None


def ways(reach: Sequence[str], able: Collection[str]) -> tuple[str, ...]:
    """By which ways somebody is called, one after the other: as they chose, of those that there are.

    Mail is read by day: it is a way for who chose it, and for who has no other.

    >>> ways((), {"mail", "call", "chat"}), ways(("call", "sms"), {"call", "sms", "chat"}), ways(("sms",), {"mail"})
    (('chat', 'call'), ('call', 'sms'), ('mail',))
    """
    found = tuple(way for way in (reach or (CHAT, SMS, CALL)) if way in able)
    return found or ((MAIL,) if MAIL in able else ())
