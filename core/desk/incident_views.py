"""How does an incident stand? Its children with their channels and clocks, and what they were told. For staff."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import bindparam, func, literal, select

from core.desk import acts, concern, incident, incident_outages, incident_telling, search
from core.desk.incident_outages import Draft
from core.desk.principal import Principal
from core.desk.scope import Scope, find, scope
from core.desk.views import TicketRow
from core.rules.joining import Tie
from core.store import tables
from core.store.columns import Id
from core.store.tx import Prepared, Row, Tx

link, ticket, delivery = tables.ticket_link, tables.ticket, tables.delivery

_LANGUAGE = Prepared(select(ticket.c.language).where(ticket.c.id == bindparam("id")))
_CHANNELS = Prepared(
    select(tables.thread.c.channel)
    .where(tables.thread.c.ticket_id == bindparam("ticket_id"), ~tables.thread.c.aside)
    .order_by(tables.thread.c.at)
)
_SAID = Prepared(
    select(delivery.c.message_id, delivery.c.state)
    .select_from(
        delivery.join(
            tables.thread,
            (tables.thread.c.ticket_id == delivery.c.ticket_id)
            & (tables.thread.c.id == delivery.c.thread_id),
        )
    )
    .where(delivery.c.ticket_id == bindparam("ticket_id"), ~tables.thread.c.aside)
    .order_by(delivery.c.id.desc())
    .limit(20)
)
_AGENT = Prepared(select(tables.agent.c.name).where(tables.agent.c.id == bindparam("id")))


@dataclass(frozen=True, slots=True, kw_only=True)
class Child:
    """A request of the incident."""

    row: TicketRow
    language: str
    channels: tuple[str, ...]
    told: str
    """State of what its customer was told last, in an update or else; the worst where several are told. Empty: nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """What was said to all children."""

    id: str
    at: datetime
    by: str
    words: dict[str, str]
    requests: int


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentView:
    """An incident."""

    row: TicketRow
    major: bool
    children: tuple[Child, ...]
    updates: tuple[Update, ...]
    languages: tuple[str, ...]
    """Those in which somebody of it is written to."""
    outage: str | None
    """The one that follows from it and goes on."""
    draft: Draft | None
    """What would be published of it now; None: it is, or there is nobody to tell."""
    whom: tuple[str, ...]
    """Names of the customers who would hear of the draft."""


def of_ticket(tx: Tx, who: Principal, number: str, *, now: datetime) -> IncidentView:
    """One incident with the children that this person may see. Raises NotFound, Forbidden."""
    of = find(tx, who, number)
    acts.only_staff(who)
    rows = incident_telling.updates(tx, of.id)
    children = tuple(_child(tx, row) for row in _children_of(tx, who, of.id))
    (row,) = search.rows(tx, who, [of.id])
    open_ones = {one.language for one in children if one.row.open}
    own = {of.language} if of.open else set()
    there = incident_outages.running(tx, of.id)
    draft = incident_outages.draft(tx, of.id) if of.open and incident.FLAG in of.flags else None
    return IncidentView(
        row=row,
        major=incident.FLAG in of.flags,
        children=children,
        updates=tuple(_update(tx, one) for one in reversed(rows)),
        languages=tuple(sorted(open_ones | own)),
        outage=there.id if there is not None else None,
        draft=draft,
        whom=tuple(name for _, name in concern.customers(tx, draft.scope, now=now)) if draft else (),
    )


def listing(tx: Tx, who: Principal) -> list[tuple[TicketRow, int, int]]:
    """(incident, children, of these open) of all that this person may see: open ones first, newest first."""
    acts.only_staff(who)
    mine = scope(who)
    found = []
    for of in tx.all(_incidents(mine.shape), **mine.values):
        children = _children_of(tx, who, of.id)
        found.append((search.row_of(who, of), len(children), sum(1 for one in children if one.open)))
    return sorted(found, key=lambda one: (one[0].open, one[0].received_at), reverse=True)


def counted(tx: Tx, who: Principal, numbers: Collection[str]) -> Mapping[str, int]:
    """Of these tickets those that are incidents: number to how many requests below it this person may see."""
    if not numbers:
        return {}
    mine, asked = scope(who), sorted(set(numbers))
    named = {f"number_{n}": one for n, one in enumerate(asked)}
    return {row.number: row.items for row in tx.all(_counted(mine.shape, len(asked)), **named, **mine.values)}


@cache
def _counted(shape: tuple[Any, ...], size: int) -> Prepared:
    parent = ticket.alias("parent")
    seen = Scope(shape=shape, values={}).tickets
    return Prepared(
        select(parent.c.number, func.count().label("items"))
        .select_from(
            parent.join(link, (link.c.ticket_id == parent.c.id) & _IS_CHILD).join(
                ticket, (ticket.c.id == link.c.other_id) & seen
            )
        )
        .where(parent.c.number.in_([bindparam(f"number_{n}") for n in range(size)]))
        .group_by(parent.c.number)
    )


def _children_of(tx: Tx, who: Principal, parent: str) -> list[TicketRow]:
    mine = scope(who)
    return [search.row_of(who, row) for row in tx.all(_children(mine.shape), parent=parent, **mine.values)]


@cache
def _children(shape: tuple[Any, ...]) -> Prepared:
    ids = select(link.c.other_id).where(_IS_CHILD, link.c.ticket_id == bindparam("parent", type_=Id))
    seen = Scope(shape=shape, values={}).tickets
    return Prepared(search.ROW.where(ticket.c.id.in_(ids), seen).order_by(ticket.c.number))


@cache
def _incidents(shape: tuple[Any, ...]) -> Prepared:
    ids = select(link.c.ticket_id).where(_IS_CHILD)
    seen = Scope(shape=shape, values={}).tickets
    return Prepared(search.ROW.where(ticket.c.id.in_(ids), seen).order_by(ticket.c.id.desc()).limit(MOST))


_IS_CHILD = link.c.kind == literal(str(Tie.CHILD))
MOST = 100
"""Incidents that are listed."""


def _child(tx: Tx, row: TicketRow) -> Child:
    channels = dict.fromkeys(one.channel for one in tx.all(_CHANNELS, ticket_id=row.id))
    said = tx.all(_SAID, ticket_id=row.id)
    states = [one.state for one in said if one.message_id == said[0].message_id]
    return Child(
        row=row,
        language=tx.one(_LANGUAGE, id=row.id).language,
        channels=tuple(channels),
        told=min(states, key=_WORST.index, default="") if set(states) <= set(_WORST) else states[0],
    )


_WORST = (
    "given_up",
    "bounced",
    "withdrawn",
    "unsubscribed",
    "retracted",
    "passed_on",
    "held",
    "queued",
    "sending",
    "sent",
)


def _update(tx: Tx, row: Row) -> Update:
    name = tx.one(_AGENT, id=incident_telling.agent_of(row))
    return Update(
        id=row.id,
        at=row.at,
        by=name.name if name is not None else "",
        words=incident_telling.words_of(row),
        requests=len(row.children),
    )
