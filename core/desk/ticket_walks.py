"""Which walks make a list of tickets, and which conditions are tested on the way?"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    ColumnElement,
    and_,
    bindparam,
    case,
    exists,
    false,
    literal,
    literal_column,
    or_,
    select,
    true,
    type_coerce,
)

from core import addresses
from core.desk import joining_ways
from core.desk.counts import TO_QUALIFY, WAITING
from core.desk.listing import Condition, Order, Walk, hidden
from core.desk.principal import Principal
from core.desk.scope import Scope, taking_part
from core.rules import workflow
from core.store import fulltext, tables
from core.store.columns import Id
from core.store.tx import Prepared, Tx

ticket, agent, participant = tables.ticket, tables.agent, tables.participant

_due = literal_column(tables.DUE_ORDER, BigInteger)
_wait = literal_column(tables.WAIT_ORDER, BigInteger)
_ended = _due == literal_column(str(tables.DUE_LAST), BigInteger)

SORTS = {
    "due": Order(name="due", columns=(_due, ticket.c.id)),
    "recent": Order(
        name="recent", columns=(type_coerce(ticket.c.updated_at, BigInteger), ticket.c.id), descending=True
    ),
    "newest": Order(name="newest", columns=(ticket.c.id,), descending=True),
}
"""due: the most urgent first. recent: what changed last. newest: what was opened last."""
WAITS = Order(name="waits", columns=(_wait, ticket.c.id))
"""Who waits longest for a word of ours: the order of the view `chats`."""

_NUMBER = re.compile(r"^\s*\[?#?\s*(\d{2}-\d{6})(?:-[a-z2-7]{2})?\s*\]?\s*$")
_ADDRESS = re.compile(r"^[^\s@]+@[^\s@]+$")
_AGENT_BY_EMAIL = Prepared(select(agent.c.id).where(agent.c.email == bindparam("email")))


def walks_of(
    who: Principal, view: str, order: str, states: Sequence[str], given: Mapping[str, Any]
) -> tuple[list[Walk], frozenset[str]]:
    """The walks of a list, and which of the filters they hold already."""
    match view:
        case "mine":
            return [_walk(order, True, assignee=who.id)], frozenset()
        case "unassigned":
            return [_walk(order, True, assignee=None)], frozenset()
        case "groups":
            return [_walk(order, True, desk_group=name) for name in who.groups], frozenset()
        case "qualify":
            return [_of_state(order, name) for name in TO_QUALIFY], frozenset()
        case "chats":
            return [
                Walk((("open", True),), (ticket.c.chat.is_not(None),), sort=order != "waits")
            ], frozenset()
        case "waiting":
            return [_of_state(order, name) for name in WAITING], frozenset()
        case _:
            return _filtered(who, view, order, states, given)


def of_the_same(held: Mapping[str, Any]) -> list[Walk]:
    """Everything of one contact or customer, newest first."""
    return [_walk("newest", end, **held) for end in (True, False)]


def _filtered(
    who: Principal, view: str, order: str, states: Sequence[str], given: Mapping[str, Any]
) -> tuple[list[Walk], frozenset[str]]:
    """Open, closed or all, along the most telling filter, else all that is in scope."""
    ends: tuple[bool, ...] = {"closed": (False,), "all": (True, False)}.get(view, (True,))
    for name in ("assignee", "desk_group", "customer"):
        if name in given:
            return [_walk(order, end, **{name: given[name]}) for end in ends], frozenset({name})
    if states and who.kind != "contact" and not (order == "recent" and "closed" in states):
        return [_of_state(order, name) for name in states if workflow.is_open(name) in ends], frozenset(
            {"state"}
        )
    return _of_person(who, order, ends), frozenset()


def _of_person(who: Principal, order: str, ends: Sequence[bool]) -> list[Walk]:
    """Everything in scope, open or ended or both."""
    if order == "recent" and False in ends and who.kind != "contact":
        return [Walk(also=() if len(ends) > 1 else (_is(False),))]
    if who.sees_everything:
        return [Walk()] if len(ends) > 1 else [_walk(order, ends[0])]
    if who.is_agent:
        groups = [_walk(order, end, desk_group=name) for name in who.groups for end in ends]
        return groups + [_walk(order, end, assignee=who.id) for end in ends]
    if who.roles & {"manager", "admin"}:
        return [_walk(order, end, customer=who.customer) for end in ends]
    own = [_walk(order, end, contact=one) for one in who.ids for end in ends]
    return own + [Walk(also=(_takes_part(len(who.also)), _is(end)), sort=True) for end in ends]


def _walk(order: str, end: bool, **held: Any) -> Walk:  # noqa: FBT001 - open or ended
    columns = (*held.items(), ("open", end))
    if "customer" in held or "contact" in held:
        return Walk(columns, sort=order != "newest")
    if end:
        return Walk(columns, sort=order != "due")
    return Walk(columns, (_ended,) if order == "newest" else (), sort=order != "newest")


def _of_state(order: str, state: str) -> Walk:
    if workflow.is_open(state):
        return Walk((("state", state),), sort=order != "due")
    return Walk((("state", state),), (_ended,) if order == "newest" else (), sort=order != "newest")


@cache
def _takes_part(same: int) -> ColumnElement[bool]:
    others: list[ColumnElement[Any]] = [bindparam(f"scope_also_{n}") for n in range(same)]
    return ticket.c.id.in_(taking_part(bindparam("scope_who"), *others))


def _is(end: bool) -> ColumnElement[bool]:  # noqa: FBT001 - open or ended
    """Open or not, without tempting a planner to begin with it."""
    return case((ticket.c.open, 1), else_=0) == literal_column("1" if end else "0")


# --- Conditions beside the walks ---------------------------------------------------------------------------


def one_of(name: str, values: Sequence[Any]) -> Condition:
    """The column has one of these values; [None]: it has none."""
    column = hidden(ticket.c[name])
    if list(values) == [None]:
        return Condition(shape=(name, "none"), build=lambda: ticket.c[name].is_(None))
    named = {f"one_of_{name}_{n}": value for n, value in enumerate(values)}
    return Condition(
        shape=(name, len(named)), build=lambda: column.in_([bindparam(key) for key in named]), values=named
    )


def due_until(micros: int) -> Condition:
    """Due at this instant or before."""
    until = bindparam("due_until", type_=BigInteger)
    return Condition(shape=("due",), build=lambda: _due <= until, values={"due_until": micros})


def any_of(walks: Sequence[Walk]) -> Condition:
    """The walks as a condition: what was asked for leads to few tickets, and these are looked at."""
    values: dict[str, Any] = {}
    choices: list[list[tuple[str, str, Any]]] = []
    for n, walk in enumerate(walks):
        choices.append([(name, f"walk_{n}_{name}", value) for name, value in walk.held])
        values |= {key: value for _, key, value in choices[-1] if value is not None}

    def build() -> ColumnElement[bool]:
        either = [
            and_(true(), *(_held(*column) for column in choice), *walk.also)
            for choice, walk in zip(choices, walks, strict=True)
        ]
        return or_(false(), *either)

    return Condition(shape=("walks", tuple(walk.shape for walk in walks)), build=build, values=values)


def _held(name: str, key: str, value: Any) -> ColumnElement[bool]:
    column = ticket.c[name]
    if value is None:
        return column.is_(None)
    if isinstance(column.type, Boolean):
        return _is(value)
    return hidden(column) == bindparam(key)


def asked_for(tx: Tx, mine: Scope, words: str) -> Condition:
    """What somebody typed: a number and an address are looked up, everything else is words."""
    if number := _NUMBER.match(words):
        goes_on = _goes_on(tx, number.group(1))
        if goes_on is not None:  # the request that was merged, and the one that its old number leads to
            return Condition(
                shape=("q merged",),
                build=lambda: or_(
                    ticket.c.number == bindparam("q_number"), ticket.c.id == bindparam("q_goes_on", type_=Id)
                ),
                values={"q_number": number.group(1), "q_goes_on": goes_on},
            )
        return Condition(
            shape=("q number",),
            build=lambda: ticket.c.number == bindparam("q_number"),
            values={"q_number": number.group(1)},
        )
    if _ADDRESS.match(words):
        here = select(participant.c.ticket_id).where(participant.c.address == bindparam("q_address"))
        if not mine.inside:  # who was of a request before is not told to who has it now
            here = here.where(participant.c.state == literal("joined"))
        return Condition(
            shape=("q address", mine.inside),
            build=lambda: ticket.c.id.in_(here),
            values={"q_address": addresses.key(words)},
        )
    return _words(tx, mine, words)


def _goes_on(tx: Tx, number: str) -> str | None:
    row = tx.one(_MERGED, number=number)
    return joining_ways.survivor(tx, row.merged_into) if row is not None and row.merged_into else None


_MERGED = Prepared(select(ticket.c.merged_into).where(ticket.c.number == bindparam("number")))


def assignee_of(tx: Tx, who: Principal, wanted: str) -> str | None:
    """The id behind an agent's e-mail or id, `me`, or `none`; None: nobody."""
    if wanted == "none":
        return None
    if wanted == "me":
        return who.id
    if "@" in wanted:
        row = tx.one(_AGENT_BY_EMAIL, email=addresses.key(wanted))
        return str(row.id) if row else wanted  # an address nobody has is nobody's id either
    return wanted


def _words(tx: Tx, mine: Scope, words: str) -> Condition:
    contact = not mine.inside
    found = fulltext.matching(tx, words, audiences=("customer",) if contact else None)
    if found is None:
        return Condition(shape=("q nothing",), build=false)
    tickets = found.tickets
    if contact:  # by the words of what they may read: nobody probes a hidden mail for its words
        text = tickets.get_final_froms()[0].c
        read = exists().where(
            tables.message.c.ticket_id == text.ticket_id, tables.message.c.id == text.item_id, mine.messages
        )
        tickets = tickets.where(or_(text.item_id == text.ticket_id, read))
    return Condition(
        shape=("q words", tx.is_sqlite, found.shape, mine.shape),
        build=lambda: ticket.c.id.in_(tickets),
        values=dict(found.values) | dict(mine.values),
    )
