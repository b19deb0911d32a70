"""What does somebody see of outages? Staff all of them with whom they concern and who asked; customers those that are theirs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Literal

from sqlalchemy import BigInteger, bindparam, func, literal, select, type_coerce

from core.desk import acts, broadcasts, concern, outages, people, reference
from core.desk.errors import NotFound, invalid
from core.desk.listing import Order, Walk, page_keys
from core.desk.principal import Principal
from core.desk.views import Page
from core.rules.outages import Scope, concerns
from core.store import tables
from core.store.columns import Id
from core.store.tx import Prepared, Row, Tx

State = Literal["running", "ended", "cancelled"]
STATES: tuple[State, ...] = ("running", "ended", "cancelled")
OVER = ("ended", "cancelled")
REMEMBERED = timedelta(days=7)
"""How long a customer is shown an outage that has ended."""

outage, update = tables.outage, tables.outage_update
subscriber, delivery = tables.outage_subscriber, tables.delivery

_ORDER = Order(
    name="published",
    columns=(type_coerce(outage.c.published_at, BigInteger), outage.c.id),
    descending=True,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One update, as it was told."""

    seq: int
    kind: Literal["published", "updated", "ended", "cancelled"]
    at: datetime
    by: str
    """Name of who said it; empty for customers."""
    words: Mapping[str, str]
    """Language to text."""
    reason: str
    """Why it was cancelled: for staff."""
    next_update: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscriber:
    """Somebody who asked to be told when it is over."""

    name: str
    channel: str
    address: str
    customer: str | None
    progress: bool
    """Wants every update."""
    ticket: str | None
    """Number of theirs, in which they are told."""
    asked_at: datetime
    state: Literal["waiting", "told", "quiet", "unreachable"]
    """All but the first: of the end."""
    delivery: str
    """State of the delivery that told them last; empty: none of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """One outage, as far as who asks may see it."""

    id: str
    state: State
    words: Mapping[str, Mapping[str, str]]
    scope: Scope
    """A customer sees what of it names their own company."""
    since: datetime
    next_update: datetime | None
    published_at: datetime
    published_by: str
    """Name; empty for customers."""
    last_update: int
    ended_at: datetime | None
    asked: int
    """How many asked to be told; 0 for customers."""
    subscribed: bool = False
    """Who looks has asked to be told."""
    updates: tuple[Told, ...] = ()
    """Of one that is looked at."""
    subscribers: tuple[Subscriber, ...] = ()
    concerned: tuple[tuple[str, str], ...] = ()
    """(code, name) of the customers it concerns; for staff."""


def listing(
    tx: Tx,
    who: Principal,
    *,
    state: str | None = None,
    cursor: str | None = None,
    limit: int = 50,
    now: datetime,
) -> Page:
    """One page of Outage, newest first. `state`: one of STATES, or `over`. Contacts get all of theirs as one page.

    Raises Invalid for a state or a cursor there is not.
    """
    if state not in (None, "over", *STATES):
        raise invalid("/state", f"must be one of {', '.join(STATES)}, or over")
    names = OVER if state == "over" else (state,) if state else STATES
    if who.kind == "contact":
        return Page(items=tuple(_of_contact(tx, who, names, now=now)), next=None)
    walks = [Walk((("state", name),)) for name in names]
    keys, further = page_keys(tx, outage, walks, _ORDER, (), cursor=cursor, limit=limit)
    ids = [key[-1] for key in keys]
    found = {row.id: row for row in tx.all(_of_ids(len(ids)), **_named(ids))} if ids else {}
    asked = {row.outage_id: row.n for row in tx.all(_asked(len(ids)), **_named(ids))} if ids else {}
    return Page(
        items=tuple(_inside(tx, found[one], asked=asked.get(one, 0)) for one in ids),
        next=further,
    )


def one(tx: Tx, who: Principal, outage_id: str, *, now: datetime) -> Outage:
    """With its updates; for staff also who asked, and whom it concerns. Raises NotFound, also for a stranger to it."""
    row = tx.one(broadcasts.BY_ID, id=outage_id)
    if row is None or (who.kind == "contact" and not _theirs(tx, who, row, now=now)):
        raise NotFound(outages.no_outage(outage_id))
    told = tx.all(_UPDATES, outage_id=outage_id)
    if who.kind == "contact":
        seen = _outside(tx, who, row)
        return replace(seen, updates=tuple(_told(tx, one, inside=False) for one in told))
    asked = _subscribers(tx, outage_id)
    return replace(
        _inside(tx, row, asked=len(asked)),
        updates=tuple(_told(tx, one, inside=True) for one in told),
        subscribers=asked,
        concerned=tuple(concern.customers(tx, broadcasts.scope_of(row), now=now)),
    )


def running(tx: Tx, *, now: datetime) -> dict[str, int]:
    """How many go on, and of how many the promised update is late."""
    going_on = reference.desk(tx).outages
    late = [one for one in going_on if one.next_update is not None and one.next_update < now]
    return {"outages": len(going_on), "outages_late": len(late)}


# --- What a form offers -------------------------------------------------------------------------------------


def places(tx: Tx) -> tuple[tuple[str, str, tuple[str, ...]], ...]:
    """(code, name, sites) of every customer, by name."""
    sites: dict[str, list[str]] = {}
    for row in tx.all(_SITES):
        sites.setdefault(row.customer, []).append(row.name)
    return tuple((code, name, tuple(sites.get(code, ()))) for code, name in people.customers(tx))


def preview(tx: Tx, who: Principal, scope: Scope, *, now: datetime) -> tuple[tuple[str, str], ...]:
    """(code, name) of the customers that a notice would concern. Raises Forbidden for contacts."""
    acts.only_staff(who)
    return tuple(concern.customers(tx, scope, now=now))


# --- Customers ----------------------------------------------------------------------------------------------


def _of_contact(tx: Tx, who: Principal, states: Sequence[str], *, now: datetime) -> list[Outage]:
    rows = [row for state in states for row in tx.all(_LATELY, state=state)]
    rows.sort(key=lambda row: (row.published_at, row.id), reverse=True)
    lately = [row for row in rows if row.ended_at is None or row.ended_at > now - REMEMBERED]
    return [_outside(tx, who, row) for row in lately if _theirs(tx, who, row, now=now)]


def _theirs(tx: Tx, who: Principal, row: Row, *, now: datetime) -> bool:
    """What was a mistake was nobody's."""
    if row.state == "cancelled" or not who.customer:
        return False
    return concerns(broadcasts.scope_of(row), concern.asked(tx, who.customer, sites=who.sites, now=now))


def _outside(tx: Tx, who: Principal, row: Row) -> Outage:
    scope = broadcasts.scope_of(row)
    own = Scope(
        customers=tuple(code for code in scope.customers if code == who.customer),
        sites=tuple(place for place in scope.sites if place[0] == who.customer),
        technologies=scope.technologies,
    )
    asked_for = tx.one(outages.BY_CONTACT, outage_id=row.id, contact=who.id) is not None
    return replace(_inside(tx, row, asked=0), scope=own, published_by="", subscribed=asked_for)


# --- Rows ---------------------------------------------------------------------------------------------------


def _inside(tx: Tx, row: Row, *, asked: int) -> Outage:
    return Outage(
        id=row.id,
        state=row.state,
        words=row.words,
        scope=broadcasts.scope_of(row),
        since=row.since,
        next_update=row.next_update if row.state == "running" else None,
        published_at=row.published_at,
        published_by=_name(tx, row.published_by),
        last_update=row.last_update,
        ended_at=row.ended_at,
        asked=asked,
    )


def _told(tx: Tx, row: Row, *, inside: bool) -> Told:
    return Told(
        seq=row.seq,
        kind=row.kind,
        at=row.at,
        by=_name(tx, row.by) if inside else "",
        words=row.words,
        reason=row.reason if inside else "",
        next_update=row.next_update,
    )


def _name(tx: Tx, actor: str) -> str:
    kind, _, identity = actor.partition(":")
    found = people.agent(tx, identity) if kind == "agent" else None
    return found.name if found else tx.facts.name


def _subscribers(tx: Tx, outage_id: str) -> tuple[Subscriber, ...]:
    deliveries = {row.thread_id: row.state for row in tx.all(_DELIVERIES, outage_id=outage_id)}
    return tuple(
        Subscriber(
            name=row.name,
            channel=row.channel,
            address=row.address,
            customer=row.customer,
            progress=row.progress,
            ticket=row.number,
            asked_at=row.asked_at,
            state=row.state,
            delivery=deliveries.get(row.id, ""),
        )
        for row in tx.all(_ASKED, outage_id=outage_id)
    )


def _named(ids: Sequence[str]) -> dict[str, Any]:
    return {f"id_{n}": one for n, one in enumerate(ids)}


def _ids(size: int) -> list[Any]:
    return [bindparam(f"id_{n}", type_=Id()) for n in range(size)]


@cache
def _of_ids(size: int) -> Prepared:
    return Prepared(select(outage).where(outage.c.id.in_(_ids(size))))


@cache
def _asked(size: int) -> Prepared:
    counted = select(subscriber.c.outage_id, func.count().label("n"))
    return Prepared(counted.where(subscriber.c.outage_id.in_(_ids(size))).group_by(subscriber.c.outage_id))


_LATELY = Prepared(
    select(outage)
    .where(outage.c.state == bindparam("state"))
    .order_by(type_coerce(outage.c.published_at, BigInteger).desc(), outage.c.id.desc())
    .limit(literal(100))
)
_UPDATES = Prepared(select(update).where(update.c.outage_id == bindparam("outage_id")).order_by(update.c.seq))
_ASKED = Prepared(
    select(subscriber, tables.ticket.c.number)
    .select_from(subscriber.outerjoin(tables.ticket, tables.ticket.c.id == subscriber.c.ticket_id))
    .where(subscriber.c.outage_id == bindparam("outage_id"))
    .order_by(subscriber.c.asked_at, subscriber.c.id)
)
_DELIVERIES = Prepared(
    select(delivery.c.thread_id, delivery.c.state)
    .where(delivery.c.ticket_id == bindparam("outage_id"))
    .order_by(delivery.c.id)
)
_SITES = Prepared(
    select(tables.site.c.customer, tables.site.c.name).order_by(tables.site.c.customer, tables.site.c.name)
)
