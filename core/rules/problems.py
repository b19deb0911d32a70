"""Is there a cause behind several requests, and where does the work on it stand? Decisions only (desk.md 11)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

TIMES, WITHIN = 3, timedelta(days=7)
"""So many requests that say the same within this time have a cause of their own."""
ON_ASSET, ON_ASSET_WITHIN = 3, timedelta(days=30)
"""So many on one asset with one cause code."""
LONGEST_KEY = 200  # characters


class State(StrEnum):
    """Where the work on a problem stands."""

    NEW = "new"
    INVESTIGATING = "investigating"
    KNOWN_ERROR = "known_error"
    FIX_SCHEDULED = "fix_scheduled"
    RESOLVED = "resolved"
    CLOSED = "closed"


_S = State
MOVES: Mapping[str, tuple[tuple[State, ...], State]] = {
    "investigate": ((_S.NEW,), _S.INVESTIGATING),
    "know": ((_S.NEW, _S.INVESTIGATING), _S.KNOWN_ERROR),
    "schedule": ((_S.INVESTIGATING, _S.KNOWN_ERROR), _S.FIX_SCHEDULED),
    "resolve": ((_S.INVESTIGATING, _S.KNOWN_ERROR, _S.FIX_SCHEDULED), _S.RESOLVED),
    "close": ((_S.NEW, _S.RESOLVED), _S.CLOSED),
    "reopen": ((_S.RESOLVED, _S.CLOSED), _S.INVESTIGATING),
}
"""By the move: from where, and to where."""
LEADERS = frozenset({"close", "reopen"})
"""Moves of a shift leader or above."""


class MoveRefused(ValueError):
    """There is no such move from there. `allowed` names those there are."""

    def __init__(self, event: str, state: str) -> None:
        self.allowed = allowed(state)
        super().__init__(f"cannot {event} from {state}")


def move(state: str, event: str) -> State:
    """The state after it. Raises MoveRefused.

    >>> move("new", "investigate")
    <State.INVESTIGATING: 'investigating'>
    """
    sources, to = MOVES.get(event, ((), State.NEW))
    if state not in sources:
        raise MoveRefused(event, state)
    return to


def allowed(state: str) -> tuple[str, ...]:
    """Every move from this state.

    >>> allowed("resolved")
    ('close', 'reopen')
    """
    return tuple(event for event, (sources, _) in MOVES.items() if state in sources)


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    """A request, as far as it may be the same again."""

    ticket: str
    """Id."""
    customer: str
    subject: str
    asset: str
    """Name; empty: none."""
    cause: str
    """Code; empty: not known yet."""
    received_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A problem that there may be."""

    code: str
    """repeated: the same is said again and again; asset: one asset fails of one cause."""
    key: str
    tickets: tuple[str, ...]
    """Ids, oldest first."""


_NUMBER = re.compile(r"\d+")
_ANSWER = re.compile(r"^(?:\s*(?:re|r|fw|fwd|i)\s*:)+", re.IGNORECASE)


def key(happened: Happened) -> str:
    """Under which name the same is counted: whose it is, and what is said but for its numbers.

    >>> from datetime import UTC
    >>> at = datetime(2026, 3, 2, tzinfo=UTC)
    >>> one = {"ticket": "1", "customer": "ACME", "asset": "", "cause": "", "received_at": at}
    >>> key(Happened(subject="Re: LINK down on port 12", **one)) == key(Happened(subject="link down on port 7", **one))
    True
    """
    said = " ".join(_NUMBER.sub("#", _ANSWER.sub("", happened.subject)).casefold().split())
    return f"{happened.customer}:{said}"[:LONGEST_KEY]


def keys(happened: Happened) -> tuple[str, ...]:
    """The names under which it may belong to a problem: by what is said, by the asset and the cause."""
    names = (key(happened), _on_asset(happened))
    return tuple(name for name in names if name and not name.endswith(":"))


def _on_asset(happened: Happened) -> str:
    if not (happened.asset and happened.cause):
        return ""
    return f"{happened.customer}:{happened.asset}:{happened.cause}"[:LONGEST_KEY]


def propose(this: Happened, others: Iterable[Happened], *, now: datetime) -> Proposal | None:
    """The problem behind this request and others of its customer that belong to no problem yet; None: nothing says so."""
    mine, on_asset = key(this), _on_asset(this)
    theirs = [one for one in others if one.ticket != this.ticket and one.customer == this.customer]
    same = [this, *(one for one in theirs if now - one.received_at <= WITHIN and key(one) == mine)]
    if len(same) >= TIMES and not mine.endswith(":"):
        return Proposal(code="repeated", key=mine, tickets=_ids(same))
    if not on_asset:
        return None
    there = [one for one in theirs if now - one.received_at <= ON_ASSET_WITHIN and _on_asset(one) == on_asset]
    if len(there) + 1 < ON_ASSET:
        return None
    return Proposal(code="asset", key=on_asset, tickets=_ids([this, *there]))


def _ids(found: Iterable[Happened]) -> tuple[str, ...]:
    return tuple(one.ticket for one in sorted(found, key=lambda one: (one.received_at, one.ticket)))
