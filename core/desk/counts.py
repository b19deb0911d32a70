"""How many items does each view of the inbox hold? A few counts along the indexes, for one person."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Select,
    bindparam,
    func,
    literal,
    literal_column,
    select,
)

from core.desk.principal import Principal
from core.desk.scope import Scope, scope
from core.desk.traffic import undelivered_count, waiting_counts
from core.store import tables
from core.store.columns import to_micros
from core.store.tx import Prepared, Tx

DUE_WITHIN = timedelta(hours=1)
"""What the view `due` shows, and everything that is late."""
TO_QUALIFY = ("received", "triage")
WAITING = ("waiting_customer", "waiting_vendor", "scheduled", "monitoring", "on_hold")

ticket = tables.ticket
_due = literal_column(tables.DUE_ORDER, BigInteger)


def counts(tx: Tx, who: Principal, *, now: datetime | None = None) -> dict[str, int]:
    """Items of each view, by its name. `now` is what `due` is measured from; None: this moment.

    Contacts get `open` and `all`. Technicians get no `all`: what their groups ever did is no quick count. Nobody
    counts what they may not see.
    """
    mine = scope(who)
    if who.kind == "contact":
        return {"open": _one(tx, _open(mine.shape), mine), "all": _one(tx, _all(mine.shape), mine)}
    waiting = waiting_counts(tx, who)
    return _of_staff(tx, who, mine) | {
        "due": _one(
            tx, _due_until(mine.shape), mine, until=to_micros((now or datetime.now(UTC)) + DUE_WITHIN)
        ),
        "held": waiting.get("held", 0),
        "exceptions": waiting.get("exception", 0),
        "undelivered": undelivered_count(tx, who),
        "calls": _one(tx, _calls(mine.shape), mine),
        "chats": _one(tx, _chats(mine.shape), mine),
    }


def _of_staff(tx: Tx, who: Principal, mine: Scope) -> dict[str, int]:
    if mine.shape[0] == "groups":
        return _of_technician(tx, who, mine)
    states = {row.state: row.items for row in tx.all(_by_state(mine.shape), **mine.values)}
    return {
        "open": _one(tx, _open(mine.shape), mine),
        "all": _one(tx, _all(mine.shape), mine),
        "qualify": sum(states.get(name, 0) for name in TO_QUALIFY),
        "waiting": sum(states.get(name, 0) for name in WAITING),
        "mine": _one(tx, _mine(mine.shape), mine, me=who.id),
        "unassigned": _one(tx, _unassigned(mine.shape), mine),
        "groups": _one(tx, _groups(mine.shape, len(who.groups)), mine, **_named(who.groups))
        if who.groups
        else 0,
    }


def _of_technician(tx: Tx, who: Principal, mine: Scope) -> dict[str, int]:
    """The few open tickets in scope, looked at once."""
    size = len(who.groups)
    named = _named(who.groups)
    of_groups = tx.all(_open_in_groups(mine.shape, size), **mine.values, **named) if size else []
    own = tx.all(_open_own(mine.shape), **mine.values, me=who.id)
    found = dict.fromkeys(("open", "qualify", "waiting", "mine", "unassigned", "groups"), 0)
    for row in of_groups + [row for row in own if row.desk_group not in who.groups]:
        found["open"] += row.items
        found["qualify"] += row.items * (row.state in TO_QUALIFY)
        found["waiting"] += row.items * (row.state in WAITING)
        found["mine"] += row.items * (row.assignee == who.id)
        found["unassigned"] += row.items * (row.assignee is None)
        found["groups"] += row.items * (row.desk_group in who.groups)
    return found


def _one(tx: Tx, statement: Prepared, mine: Scope, **values: Any) -> int:
    row = tx.one(statement, **mine.values, **values)
    return int(row.items) if row else 0


def _named(groups: tuple[str, ...]) -> dict[str, str]:
    return {f"group_{n}": name for n, name in enumerate(groups)}


def _count(shape: tuple[Any, ...], *conditions: ColumnElement[bool]) -> Select[Any]:
    return select(func.count().label("items")).select_from(ticket).where(_scope(shape), *conditions)


def _scope(shape: tuple[Any, ...]) -> ColumnElement[bool]:
    mine = Scope(shape=shape, values={})
    return mine.tested if mine.inside else mine.tickets  # the views of staff have their own indexes


@cache
def _calls(shape: tuple[Any, ...]) -> Prepared:
    """Who waits to be called back: along the index of those."""
    owed = tables.callback.join(ticket, ticket.c.id == tables.callback.c.ticket_id)
    counted = select(func.count().label("items")).select_from(owed)
    return Prepared(counted.where(tables.callback.c.state != literal("done"), _scope(shape)))


@cache
def _chats(shape: tuple[Any, ...]) -> Prepared:
    return Prepared(_count(shape, ticket.c.open, ticket.c.chat.is_not(None)))


@cache
def _by_state(shape: tuple[Any, ...]) -> Prepared:
    statement = select(ticket.c.state, func.count().label("items")).where(
        _scope(shape), ticket.c.state.in_([literal(name) for name in TO_QUALIFY + WAITING])
    )
    return Prepared(statement.group_by(ticket.c.state))


@cache
def _open(shape: tuple[Any, ...]) -> Prepared:
    return Prepared(_count(shape, ticket.c.open))


@cache
def _all(shape: tuple[Any, ...]) -> Prepared:
    return Prepared(_count(shape))


def _parts(shape: tuple[Any, ...], *conditions: ColumnElement[bool]) -> Prepared:
    by = (ticket.c.state, ticket.c.assignee, ticket.c.desk_group)
    counted = select(*by, func.count().label("items")).where(_scope(shape), ticket.c.open, *conditions)
    return Prepared(counted.group_by(*by))


@cache
def _open_own(shape: tuple[Any, ...]) -> Prepared:
    return _parts(shape, ticket.c.assignee == bindparam("me"))


@cache
def _open_in_groups(shape: tuple[Any, ...], size: int) -> Prepared:
    names: list[ColumnElement[str]] = [bindparam(f"group_{n}") for n in range(size)]
    return _parts(shape, ticket.c.desk_group.in_(names))


@cache
def _mine(shape: tuple[Any, ...]) -> Prepared:
    return Prepared(_count(shape, ticket.c.assignee == bindparam("me"), ticket.c.open))


@cache
def _unassigned(shape: tuple[Any, ...]) -> Prepared:
    return Prepared(_count(shape, ticket.c.assignee.is_(None), ticket.c.open))


@cache
def _groups(shape: tuple[Any, ...], size: int) -> Prepared:
    names: list[ColumnElement[str]] = [bindparam(f"group_{n}") for n in range(size)]
    return Prepared(_count(shape, ticket.c.desk_group.in_(names), ticket.c.open))


@cache
def _due_until(shape: tuple[Any, ...]) -> Prepared:
    return Prepared(_count(shape, ticket.c.open, _due <= bindparam("until", type_=BigInteger)))
