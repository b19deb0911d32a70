"""Who of a group is given a ticket? Whoever is there, has room and the skill, and was given nothing for longest (desk.md 4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

CAPACITY = 8
"""Open tickets of P1 to P3 that somebody is given by the hub, unless they say otherwise."""
COUNTED = ("P1", "P2", "P3")


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A member of the group."""

    agent: str
    present: bool
    """On duty, or signed in and lately active."""
    away_until: datetime | None = None
    """They said so themselves."""
    working_on: int = 0
    """Open tickets of P1 to P3 that are theirs."""
    capacity: int = CAPACITY
    skills: tuple[str, ...] = ()
    """Technologies; empty: those of their groups."""
    idle_since: datetime | None = None
    """When they were last given something that is still open; None: they have nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Who gets it. `agent` None: nobody, it stays with the group."""

    agent: str | None
    considered: tuple[tuple[str, str], ...]
    """(agent, why): chosen, away, absent, full, skill or busier."""


def choose(candidates: Sequence[Candidate], *, technology: str | None, now: datetime) -> Choice:
    """The longest idle of those who can; of two who have nothing, the first by id, so that the answer is always the same.

    >>> choose([], technology=None, now=datetime.max)
    Choice(agent=None, considered=())
    """
    reasons = {one.agent: _cannot(one, technology, now) for one in candidates}
    able = [one for one in candidates if not reasons[one.agent]]
    chosen = min(able, key=_order, default=None)
    return Choice(
        agent=None if chosen is None else chosen.agent,
        considered=tuple(
            (one.agent, reasons[one.agent] or ("chosen" if one is chosen else "busier")) for one in candidates
        ),
    )


def _cannot(one: Candidate, technology: str | None, now: datetime) -> str:
    if one.away_until is not None and one.away_until > now:
        return "away"
    if not one.present:
        return "absent"
    if one.working_on >= one.capacity:
        return "full"
    if technology is not None and one.skills and technology not in one.skills:
        return "skill"
    return ""


def _order(one: Candidate) -> tuple[bool, float, int, str]:
    since = one.idle_since
    return (since is not None, 0.0 if since is None else since.timestamp(), one.working_on, one.agent)
