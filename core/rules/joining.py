"""May tickets be joined, parted or tied together, and what becomes of the one that goes on? Decisions only: desk.md 14."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

from core.rules.workflow import ENDED, State, allowed, is_open

UNDO_WITHIN = timedelta(days=30)
PARTED = "parted"
"""Flag of a ticket that a conversation has left: what names both may mean another ticket."""
CARRIED = frozenset({"held", "undelivered", "major", "vip", "safety", "confidential"})
"""Flags that are true of the one that goes on when they were of the one that ended in it."""


class Kind(StrEnum):
    """What was done to conversations."""

    MERGE = "merge"
    SPLIT = "split"
    MOVE = "move"


class Tie(StrEnum):
    """What another ticket is to this one."""

    RELATED = "related"
    DUPLICATE = "duplicate"
    PARENT = "parent"
    CHILD = "child"
    FOLLOW_UP = "follow_up"
    """It goes on with what this one began."""
    FOLLOWED = "followed"
    """This one goes on with what it began."""
    SPLIT_FROM = "split_from"
    SPLIT_INTO = "split_into"


BACK: Mapping[Tie, Tie] = MappingProxyType(
    {
        Tie.RELATED: Tie.RELATED,
        Tie.DUPLICATE: Tie.DUPLICATE,
        Tie.PARENT: Tie.CHILD,
        Tie.CHILD: Tie.PARENT,
        Tie.FOLLOW_UP: Tie.FOLLOWED,
        Tie.FOLLOWED: Tie.FOLLOW_UP,
        Tie.SPLIT_FROM: Tie.SPLIT_INTO,
        Tie.SPLIT_INTO: Tie.SPLIT_FROM,
    }
)
"""What this ticket is to the other one."""
BY_HAND = (Tie.RELATED, Tie.DUPLICATE, Tie.PARENT, Tie.CHILD, Tie.FOLLOW_UP, Tie.FOLLOWED)
"""Ties that people make and take away; the others come from a split."""


class No(NamedTuple):
    """Why not: a code, and what would be allowed."""

    code: str
    allowed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """A ticket as far as joining cares."""

    id: str
    state: str
    customer: str | None
    received_at: datetime


# --- Joining and parting ------------------------------------------------------------------------------------


def may_merge(one: Side, into: Side) -> No | None:
    """May this ticket end in the other? None: yes.

    >>> noon = datetime(2026, 3, 2, 12)
    >>> a = Side(id="a", state="assigned", customer="ACME", received_at=noon)
    >>> may_merge(a, a)
    No(code='same_ticket', allowed=())
    >>> may_merge(a, Side(id="b", state="closed", customer="ACME", received_at=noon))
    No(code='into_ended', allowed=('reopen',))
    """
    if one.id == into.id:
        return No("same_ticket")
    if one.state == State.MERGED:
        return No("merged_before", ("undo",))
    if not is_open(one.state):
        return No("not_open", allowed(one.state))
    return _may_take_in(one, into)


def may_move(one: Side, into: Side, *, conversations: int) -> No | None:
    """May one of so many conversations of this ticket go to the other?"""
    if one.id == into.id:
        return No("same_ticket")
    if one.state in ENDED:
        return No("from_ended", allowed(one.state))
    if conversations <= 1:
        return No("last_conversation", ("merge",))
    return _may_take_in(one, into)


def _may_take_in(one: Side, into: Side) -> No | None:
    if into.state == State.MERGED:
        return No("into_merged")
    if not is_open(into.state):
        return No("into_ended", tuple(a for a in allowed(into.state) if a == "reopen"))
    if one.customer is not None and one.customer != into.customer:
        return No("other_customer", ("link",))
    return None


def may_split(state: str, *, chosen: int, asked: int, asked_left: int) -> No | None:
    """May so many messages begin a ticket of their own? `asked`: those among them that people wrote to us.

    `asked_left`: such messages that stay.
    """
    if chosen == 0:
        return No("split_of_none")
    if state in ENDED:
        return No("from_ended", allowed(state))
    if asked == 0:
        return No("nobody_asked")
    if asked_left == 0:
        return No("split_of_all")
    return None


def may_undo(
    *, at: datetime, undone: bool, survivor: str, gone_on: Collection[str], now: datetime
) -> No | None:
    """May a joining be taken back? `survivor`: state of the ticket that got something.

    `gone_on`: what it got and has no longer: a later act gave it away, which is taken back first.
    """
    if undone:
        return No("undone_before")
    if now - at > UNDO_WITHIN:
        return No("undo_too_late")
    if survivor == State.MERGED:
        return No("merged_further", ("undo",))
    if survivor in ENDED:
        return No("survivor_ended", allowed(survivor))
    if gone_on:
        return No("later_act", ("undo",))
    return None


# --- What becomes of the one that goes on -------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """Who spoke last on a ticket, and what: what lists show of it."""

    snippet: str
    last_direction: str
    chat: str | None
    waits_since: datetime | None
    at: datetime | None
    """Of the last words; None: there are none."""


def told(one: Told, other: Told) -> Told:
    """The last words of both; who waits for an answer on either waits on, since the earlier moment."""
    newest = max((one, other), key=lambda side: (side.at is not None, side.at))
    waits = [side.waits_since for side in (one, other) if side.waits_since is not None]
    return Told(
        snippet=newest.snippet,
        last_direction=newest.last_direction,
        chat=newest.chat,
        waits_since=min(waits, default=None),
        at=newest.at,
    )


def hidden_before(one: datetime | None, other: datetime | None) -> datetime | None:
    """Before which nothing is shown to who asks now: nobody reads by a merge what was hidden before it.

    >>> hidden_before(None, datetime(2026, 3, 2)) == datetime(2026, 3, 2)
    True
    """
    return max((at for at in (one, other) if at is not None), default=None)


def carried(one: Sequence[str], into: Sequence[str]) -> tuple[str, ...]:
    """Flags that the one that goes on gets."""
    return tuple(flag for flag in one if flag in CARRIED and flag not in into)


def counts_from(own: datetime, joined: Iterable[datetime]) -> datetime:
    """Since when the promises of a ticket count: its own beginning, or an earlier one of what ended in it."""
    return min([own, *joined])


# --- Ties ---------------------------------------------------------------------------------------------------


def may_tie(
    one: str,
    other: str,
    tie: Tie,
    *,
    ties: Collection[Tie],
    of_one: Collection[Tie],
    of_other: Collection[Tie],
) -> No | None:
    """May the other ticket be this to the one? `ties`: what it is already; `of_one`, `of_other`: all ties of each.

    Incidents have one floor: a parent has no parent, and nobody has two.
    """
    if one == other:
        return No("same_ticket")
    if tie in ties:
        return No("tied_before", ("unlink",))
    if tie not in BY_HAND:
        return No("tie_by_split", ("split",))
    if tie is Tie.CHILD:
        return _may_adopt(of_one, of_other)
    if tie is Tie.PARENT:
        return _may_adopt(of_other, of_one)
    return None


def _may_adopt(parent: Collection[Tie], child: Collection[Tie]) -> No | None:
    if Tie.PARENT in child:
        return No("has_parent", ("unlink",))
    if Tie.CHILD in child:
        return No("is_parent")
    return No("parent_is_child", ("unlink",)) if Tie.PARENT in parent else None


# --- An incident with children ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody of a child, as they would be told there."""

    ticket: str
    thread: str
    who: str
    """The person behind the address: the same on all tickets."""
    used: datetime | None
    """When they last wrote there."""


def once_each(people: Iterable[Person]) -> dict[tuple[str, str], set[str]]:
    """(ticket, conversation) to who is told there: nobody twice; each where they wrote last, else on the newest ticket."""
    best: dict[str, Person] = {}
    for one in people:
        had = best.get(one.who)
        if had is None or _lately(one) > _lately(had):
            best[one.who] = one
    found: dict[tuple[str, str], set[str]] = {}
    for one in best.values():
        found.setdefault((one.ticket, one.thread), set()).add(one.who)
    return found


def _lately(one: Person) -> tuple[bool, datetime | str, str]:
    return (one.used is not None, one.used or one.ticket, one.ticket)
