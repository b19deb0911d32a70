"""How do the clocks of a ticket stand, and who had the ball? Read from its events, which are all that counts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import bindparam, select

from core.desk import reference
from core.desk.case import Case
from core.rules import clocks
from core.rules.clocks import Clock, ClockAction, ClockEvent, ClockName, Policy
from core.rules.legs import Move
from core.rules.recalendaring import Deed
from core.rules.workflow import State
from core.store import tables
from core.store.columns import decode_json
from core.store.tx import Prepared, Tx

event = tables.event

_KINDS = {f"clock.{action}": action for action in ClockAction}
_NAMES = {str(name): name for name in ClockName}
RECALENDAR = "clock.recalendar"
"""One event for a whole ticket that comes under an edited calendar: in `clocks` the retargets it stands for."""
RELEVEL = "clock.relevel"
"""The same for a ticket that comes under an edited service level."""
WHOLE = frozenset({RECALENDAR, RELEVEL})
"""Events that stand for retargets of several clocks."""
ACTIONS = frozenset({*_KINDS, *WHOLE})
"""Kinds of events that clocks are made of; other events about clocks only tell what was found out."""

_EVENTS = Prepared(
    select(event.c.kind, event.c.at, event.c.data)
    .where(event.c.ticket_id == bindparam("ticket_id"), event.c.kind.like("clock.%"))
    .order_by(event.c.seq)
)
_MOVES = Prepared(
    select(event.c.kind, event.c.at, event.c.data)
    .where(event.c.ticket_id == bindparam("ticket_id"), event.c.kind.like("ticket.%"))
    .order_by(event.c.seq)
)

_STATES = frozenset(State)

Happened = tuple[str, datetime, Mapping[str, Any]]
"""Of an event: its kind, when it was true, its data."""


def of_case(case: Case) -> tuple[Clock, ...]:
    """The clocks of a ticket in hand, what this transaction did to them included."""
    rows = [] if case.new else [(r.kind, r.at, r.data) for r in case.tx.all(_EVENTS, ticket_id=case.id)]
    rows += [(row["kind"], row["at"], row["data"]) for row in case.new_events()]
    return rebuilt(case.tx, rows, case.now)


def of_ticket(tx: Tx, ticket_id: str, *, now: datetime) -> tuple[Clock, ...]:
    """The same of a ticket that is only looked at."""
    rows = [(row.kind, row.at, row.data) for row in tx.all(_EVENTS, ticket_id=ticket_id)]
    return rebuilt(tx, rows, now)


def rebuilt(tx: Tx, rows: Iterable[Happened], now: datetime) -> tuple[Clock, ...]:
    """The clocks these events make; those about anything else are passed over."""
    events = read(rows)
    if not events:
        return ()
    return clocks.rebuild(events, policies(tx, events), now)


def policies(tx: Tx, events: Iterable[ClockEvent | Deed]) -> dict[str, Policy]:
    """The promises these events name."""
    found: dict[str, Policy] = {}
    for one in events:
        key = one.policy
        if key and key not in found:
            known = _policies.get(key)
            found[key] = _policy(tx, key) if known is None else known
    return found


def _policy(tx: Tx, key: str) -> Policy:
    version = key.split("|", 3)[1]
    found = Policy.from_key(key, {version: reference.hours(tx, version)})
    if not found.name.startswith("promise"):  # each has a target of its own
        if len(_policies) >= MAX_POLICIES:
            _policies.clear()
        _policies[key] = found
    return found


_policies: dict[str, Policy] = {}
"""By their keys, which say everything of them: a calendar's version never means another."""
MAX_POLICIES = 5_000


def read(rows: Iterable[Happened]) -> list[ClockEvent]:
    """Stored events as the rule takes them; those about anything else are passed over."""
    made = ClockEvent._make
    return [made((at, *deed)) for kind, at, data in rows for deed in _deeds(kind, data)]


@lru_cache(maxsize=MAX_POLICIES)
def deeds(kind: str, document: str) -> tuple[Deed, ...]:
    """The same of a stored event by its kind and document alone: few, as they say nothing of their ticket."""
    return tuple(_deeds(kind, decode_json(document)))


def _deeds(kind: str, data: Mapping[str, Any]) -> Iterable[Deed]:
    action = _KINDS.get(kind)
    if action is not None:
        return (Deed(action, _NAMES[data["clock"]], data["cycle"], data["reason"], data["policy"]),)
    if kind not in WHOLE:
        return ()
    reason = data["reason"]
    return [
        Deed(ClockAction.RETARGET, _NAMES[one["clock"]], one["cycle"], reason, one["policy"])
        for one in data["clocks"]
    ]


def moves(case: Case) -> tuple[Move, ...]:
    """Which states the ticket came into, in the order recorded, those of this transaction included."""
    found = () if case.new else moves_of(case.tx, case.id)
    return (*found, *_moves((row["kind"], row["at"], row["data"]) for row in case.new_events()))


def moves_of(tx: Tx, ticket_id: str) -> tuple[Move, ...]:
    """The same of a ticket that is only looked at."""
    return tuple(_moves((row.kind, row.at, row.data) for row in tx.all(_MOVES, ticket_id=ticket_id)))


def _moves(rows: Iterable[Happened]) -> Iterable[Move]:
    for kind, at, data in rows:
        if kind.startswith("ticket.") and data.get("to") in _STATES:
            yield Move(at, data["to"])
