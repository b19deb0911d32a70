"""Who is rung for a caller who waits, and how long does it take? Decided from what is known of staff and callers (phone.md 4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

RING = timedelta(seconds=25)
"""So long one member of staff is rung."""
TRY_AGAIN = timedelta(seconds=20)
"""Whoever did not answer is left alone for so long, unless nobody else is there."""
USUAL = timedelta(minutes=4)
"""What a conversation takes where nobody knows better."""
MOST_FOR_ONE = 10
"""Callers in line for each who answers; beyond it the line is full."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """Somebody of the staff who could answer."""

    agent: str
    competent: bool
    """Of the group that is asked for; else somebody who takes what nobody else does."""
    busy: bool = False
    """Speaks with a caller, or is being rung."""
    last_rung: datetime | None = None
    declined: bool = False
    """Said no to this caller."""
    open_tickets: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How the line stands for one caller."""

    place: int
    """1: the next."""
    wait: timedelta
    full: bool


def next_operator(operators: Sequence[Operator], *, now: datetime) -> Operator | None:
    """Who is rung next: the competent first, who declined last, then whoever was not rung longest and has least to do."""
    free = [one for one in operators if not one.busy and not (one.declined and _lately(one, now))]
    rested = [one for one in free if not _lately(one, now)] or free
    if not rested:
        return None
    longest = datetime.min.replace(tzinfo=now.tzinfo)
    return min(
        rested,
        key=lambda one: (
            not one.competent,
            one.declined,
            one.last_rung or longest,
            one.open_tickets,
            one.agent,
        ),
    )


def _lately(one: Operator, now: datetime) -> bool:
    return one.last_rung is not None and now - one.last_rung < TRY_AGAIN


def standing(*, ahead: int, operators: int, lately: Sequence[timedelta]) -> Standing:
    """Place and expected wait of a caller with so many ahead. `lately`: how long the last conversations took.

    An honest figure: with one free operator the first waits for a ring, not for nothing.
    """
    usual = sum(lately, timedelta()) / len(lately) if lately else USUAL
    able = max(operators, 1)
    rounds = -(-(ahead + 1) // able)
    wait = usual * rounds if ahead or operators == 0 else min(usual, RING)
    return Standing(place=ahead + 1, wait=wait, full=ahead >= MOST_FOR_ONE * able)
