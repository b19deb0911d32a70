"""What arrived and what left, as lists: held items and exceptions for staff to decide, deliveries to watch."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    bindparam,
    func,
    literal,
    literal_column,
    select,
    true,
    type_coerce,
)
from sqlalchemy.types import TypeEngine

from core.desk import broadcasts, conversation
from core.desk.errors import Forbidden, NotFound, invalid
from core.desk.listing import Condition, Order, Walk, page_keys
from core.desk.principal import Principal
from core.desk.scope import Scope, find, scope
from core.desk.views import DeliveryRow, InboundRow, Page
from core.ids import id_token, token_id
from core.rules import workflow
from core.store import blobs, tables
from core.store.arrival_tables import ABOUT_NOTHING
from core.store.columns import Id
from core.store.tx import Prepared, Row, Tx

OUTCOMES = ("ticket", "attached", "held", "alert", "machine", "exception", "duplicate")
WAITING_OUTCOMES = ("held", "exception")
DELIVERY_STATES = (
    "queued",
    "collected",
    "sending",
    "sent",
    "bounced",
    "failed",
    "given_up",
    "passed_on",
    "held",
    "withdrawn",
    "unsubscribed",
    "retracted",
)
UNDELIVERED = ("bounced", "failed", "given_up")
"""What staff must look at: it did not arrive, and nobody tries again."""

delivery, ticket, outage = tables.delivery, tables.ticket, tables.outage
inbound_table = tables.inbound

_INBOUND_ORDER = Order(
    name="arrived",
    columns=(type_coerce(inbound_table.c.received_at, BigInteger), inbound_table.c.id),
    descending=True,
)
_OLDEST_FIRST = Order(name="waiting", columns=_INBOUND_ORDER.columns)
_DELIVERY_ORDER = Order(name="left", columns=(delivery.c.id,), descending=True)
_NOT_SENT = delivery.c.state != literal("sent")
"""Most were sent: the index of states holds the others only."""
_ITEM = select(
    inbound_table, ticket.c.number.label("number"), ticket.c.state.label("ticket_state")
).select_from(inbound_table.outerjoin(ticket, ticket.c.id == inbound_table.c.ticket_id))
_LEFT = select(
    delivery,
    ticket.c.number.label("number"),
    ticket.c.subject.label("ticket_subject"),
    outage.c.words.label("words"),
).select_from(
    delivery.outerjoin(ticket, ticket.c.id == delivery.c.ticket_id).outerjoin(
        outage, outage.c.id == delivery.c.ticket_id
    )
)


def inbound(
    tx: Tx,
    who: Principal,
    *,
    outcome: str | None = None,
    waiting: bool = True,
    unknown: bool = False,
    oldest_first: bool = False,
    cursor: str | None = None,
    limit: int = 50,
) -> Page:
    """One page of InboundRow, newest first. `waiting`: only what staff have to decide. `unknown`: only reports about no mail of ours.

    `oldest_first`: as those who decide want it, for what waits longest rings an alarm first; both ways lie along the same index.

    Raises Forbidden for contacts, Invalid for an outcome or a cursor there is not.
    """
    mine = _staff(who)
    if outcome is not None and outcome not in OUTCOMES:
        raise invalid("/outcome", f"must be one of {', '.join(OUTCOMES)}")
    names: Sequence[str | None] = (
        (outcome,) if outcome else WAITING_OUTCOMES if waiting else (None, *OUTCOMES)
    )
    also = (inbound_table.c.open,) if waiting else ()
    walks = [Walk((("outcome", name),), also) for name in names]
    if unknown:
        walks = [Walk((), (literal_column(ABOUT_NOTHING),))]
    condition = Condition(shape=mine.shape, build=lambda: mine.inbound, values=mine.values)
    order = _OLDEST_FIRST if oldest_first else _INBOUND_ORDER
    keys, further = page_keys(tx, inbound_table, walks, order, [condition], cursor=cursor, limit=limit)
    ids = [key[-1] for key in keys]
    found = {row.id: row for row in tx.all(_items(len(ids)), **_named("id", ids))} if ids else {}
    return Page(items=tuple(_inbound_row(found[one]) for one in ids), next=further)


def inbound_item(tx: Tx, who: Principal, inbound_id: str) -> InboundRow:
    """One of them. Raises NotFound, also for what this person may not see."""
    return _inbound_row(_inbound_found(tx, who, inbound_id))


def inbound_bytes(tx: Tx, who: Principal, inbound_id: str) -> bytes:
    """It as it came. Raises NotFound."""
    return blobs.get(tx, _inbound_found(tx, who, inbound_id).raw)


def deliveries(
    tx: Tx,
    who: Principal,
    *,
    state: str | None = None,
    ticket: str | None = None,
    cursor: str | None = None,
    limit: int = 50,
) -> Page:
    """One page of DeliveryRow, newest first. `state`: one of DELIVERY_STATES, or `undelivered`. `ticket`: a number.

    Raises Forbidden for contacts, NotFound for a ticket out of scope, Invalid for a state or cursor there is not.
    """
    mine = _staff(who)
    if state not in (None, "undelivered", *DELIVERY_STATES):
        raise invalid("/state", f"must be one of {', '.join(DELIVERY_STATES)}, or undelivered")
    states = UNDELIVERED if state == "undelivered" else (state,) if state else ()
    conditions = [Condition(shape=mine.shape, build=lambda: _delivery_scope(mine.shape), values=mine.values)]
    few = states and "sent" not in states and not ticket
    walks = [Walk((("state", name),), (_NOT_SENT,)) for name in states] if few else [Walk()]
    if ticket:
        walks = [Walk((("ticket_id", find(tx, who, ticket).id),))]
    if states and not few:
        named = _named("wanted", states)
        conditions.append(
            Condition(
                shape=("state", len(named)),
                build=lambda: delivery.c.state.concat("").in_(_names("wanted", len(named))),
                values=named,
            )
        )
    keys, further = page_keys(tx, delivery, walks, _DELIVERY_ORDER, conditions, cursor=cursor, limit=limit)
    ids = [key[-1] for key in keys]
    found = {row.id: row for row in tx.all(_left(len(ids)), **_named("id", ids))} if ids else {}
    return Page(items=tuple(_delivery_row(found[one], who.language) for one in ids), next=further)


def delivery_of_ref(tx: Tx, who: Principal, ref: str) -> str:
    """Number of the ticket whose delivery has this ref, empty for an outage's.

    Raises NotFound, also out of scope, Forbidden for contacts.
    """
    _staff(who)
    row = tx.one(_OF_REF, id=token_id(ref))
    if row is None or (row.number is None and not who.sees_everything):
        message = f"there is no delivery {ref}"
        raise NotFound(message)
    return "" if row.number is None else str(find(tx, who, row.number).number)


_OF_REF = Prepared(
    select(delivery.c.id, ticket.c.number)
    .select_from(delivery.outerjoin(ticket, ticket.c.id == delivery.c.ticket_id))
    .where(delivery.c.id == bindparam("id"))
)


def waiting_counts(tx: Tx, who: Principal) -> dict[str, int]:
    """How many items wait for staff, by outcome."""
    mine = scope(who)
    return {row.outcome: row.items for row in tx.all(_waiting(mine.shape), **mine.values)}


def undelivered_count(tx: Tx, who: Principal) -> int:
    """How many deliveries did not arrive."""
    mine = scope(who)
    row = tx.one(_undelivered(mine.shape), **mine.values)
    return int(row.items) if row else 0


def _staff(who: Principal) -> Scope:
    if who.kind == "contact":
        message = "this list is for staff"
        raise Forbidden(message)
    return scope(who)


def _inbound_found(tx: Tx, who: Principal, inbound_id: str) -> Row:
    mine = scope(who)
    row = tx.one(_item(mine.shape), id=inbound_id, **mine.values)
    if row is None:
        message = f"there is no incoming item {inbound_id} that you may see"
        raise NotFound(message)
    return row


def _named(name: str, values: Sequence[str]) -> dict[str, str]:
    return {f"{name}_{n}": value for n, value in enumerate(values)}


def _names(name: str, count: int, of: TypeEngine[Any] | None = None) -> list[ColumnElement[Any]]:
    return [bindparam(f"{name}_{n}", type_=of) for n in range(count)]


def _inbound_row(row: Row) -> InboundRow:
    return InboundRow(
        id=row.id,
        channel=row.channel,
        received_at=row.received_at,
        sender=row.sender,
        recipients=tuple(row.recipients),
        author=row.author,
        subject=row.subject,
        size=row.size,
        copies=row.copies,
        outcome=row.outcome,
        reason=row.reason,
        detail=row.detail,
        ticket=row.number,
        ticket_ended=row.ticket_state in workflow.ENDED,
        message=row.message_id,
        tries=row.tries,
        decided_at=row.decided_at,
        open=row.open,
    )


def _delivery_row(row: Row, language: str) -> DeliveryRow:
    _, said = broadcasts.in_language(row.words or {}, language)
    return DeliveryRow(
        id=row.id,
        ticket=row.number or "",
        ticket_subject=row.ticket_subject or (said["title"] if said else ""),
        outage=row.ticket_id if row.words is not None else "",
        message=row.message_id,
        channel=row.channel,
        address=row.address,
        name=row.name,
        kind=row.kind,
        state=row.state,
        attempts=row.attempts,
        error=row.error,
        remote=row.remote,
        ref=id_token(row.id),
        created_at=row.created_at,
        sent_at=row.sent_at,
        seen_at=row.seen_at,
        report=conversation.report_view(row.report),
    )


def _shape(shape: tuple[Any, ...]) -> Scope:
    return Scope(shape=shape, values={})


def _delivery_scope(shape: tuple[Any, ...]) -> ColumnElement[bool]:
    if shape == ("everything",):
        return true()
    its_ticket = select(ticket.c.id).where(ticket.c.id == delivery.c.ticket_id, _shape(shape).tested)
    return its_ticket.correlate(delivery).exists()


@cache
def _item(shape: tuple[Any, ...]) -> Prepared:
    return Prepared(_ITEM.where(inbound_table.c.id == bindparam("id"), _shape(shape).inbound))


@cache
def _items(size: int) -> Prepared:
    return Prepared(_ITEM.where(inbound_table.c.id.in_(_names("id", size, Id()))))


@cache
def _left(size: int) -> Prepared:
    return Prepared(_LEFT.where(delivery.c.id.in_(_names("id", size, Id()))))


@cache
def _waiting(shape: tuple[Any, ...]) -> Prepared:
    counted = select(inbound_table.c.outcome, func.count().label("items"))
    of_staff = (
        inbound_table.c.outcome.in_([literal(name) for name in WAITING_OUTCOMES]),
        inbound_table.c.open,
    )
    return Prepared(counted.where(_shape(shape).inbound, *of_staff).group_by(inbound_table.c.outcome))


@cache
def _undelivered(shape: tuple[Any, ...]) -> Prepared:
    counted = select(func.count().label("items")).select_from(delivery)
    return Prepared(
        counted.where(
            _delivery_scope(shape), delivery.c.state.in_([literal(name) for name in UNDELIVERED]), _NOT_SENT
        )
    )
