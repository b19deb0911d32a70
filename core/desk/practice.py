"""What does the softphone of the desk need beside the call itself? Its own calls, numbers to call from, and what came to them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import bindparam, select

from core.desk import broadcasts, call_queue, live_calls, people
from core.desk.errors import NotFound
from core.desk.principal import Principal
from core.desk.scope import Scope, scope
from core.store import tables
from core.store.tx import Prepared, Tx

LINE = call_queue.SOFTPHONE
MOST = 20
"""Messages to a number that are shown."""

delivery, message, ticket = tables.delivery, tables.message, tables.ticket


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """A contact who can be played."""

    number: str
    name: str
    customer: str
    phone_code: str
    has_pin: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """Something that left for a telephone."""

    id: str
    ticket: str
    """Number; empty: it tells of an outage, and belongs to none."""
    kind: str
    text: str
    language: str
    state: str
    at: datetime


_NUMBERS = Prepared(
    select(
        tables.contact.c.number,
        tables.contact.c.name,
        tables.contact.c.pin_hash.is_not(None).label("has_pin"),
        tables.customer.c.name.label("customer"),
        tables.customer.c.phone_code,
    )
    .select_from(tables.contact.join(tables.customer, tables.customer.c.code == tables.contact.c.customer))
    .where(tables.contact.c.number != "", tables.contact.c.active.is_(True))
    .order_by(tables.customer.c.name, tables.contact.c.name)
    .limit(500)
)


def numbers(tx: Tx, who: Principal) -> tuple[Number, ...]:
    """Contacts with a telephone, by customer. Raises NotFound for who is no staff."""
    _staff(who)
    return tuple(
        Number(
            number=row.number,
            name=row.name,
            customer=row.customer,
            phone_code=row.phone_code,
            has_pin=bool(row.has_pin),
        )
        for row in tx.all(_NUMBERS)
    )


def check(tx: Tx, who: Principal, call: str) -> None:
    """May this person press keys of this call? Only of practice. Raises NotFound."""
    _staff(who)
    try:
        row = live_calls.one(tx, call)
    except LookupError:
        row = None
    if row is None or row.line != LINE:
        raise NotFound("there is no such call")


def answered_by(tx: Tx, who: Principal, call: str) -> tuple[str, ...]:
    """Names of who is rung for the call, or speaks with it. Raises NotFound."""
    check(tx, who, call)
    row = live_calls.one(tx, call)
    if row.phase == "bridged" and row.agent:
        agent = people.agent(tx, row.agent)
        return (agent.name,) if agent else ()
    ringing = [one.agent for one in tx.all(call_queue.OFFERS, call_id=call) if one.state == "ringing"]
    return tuple(agent.name for one in ringing if (agent := people.agent(tx, one)))


def messages(tx: Tx, who: Principal, number: str) -> tuple[Message, ...]:
    """What left for this number, newest first, of tickets this person may see."""
    _staff(who)
    mine = scope(who)
    rows = tx.all(_messages(mine.shape), number=number, **mine.values)
    found = [
        Message(
            id=row.id,
            ticket=row.number,
            kind=row.kind,
            text=row.text,
            language=row.language,
            state=row.state,
            at=row.created_at,
        )
        for row in rows
    ]
    if who.sees_everything:
        found += _of_outages(tx, number)
    return tuple(sorted(found, key=lambda one: one.at, reverse=True)[:MOST])


def _of_outages(tx: Tx, number: str) -> list[Message]:
    found = []
    for row in tx.all(_OUTAGES, number=number):
        said = broadcasts.outgoing(tx, row)
        found.append(
            Message(
                id=row.id,
                ticket="",
                kind=row.kind,
                text=said.text,
                language=said.language,
                state=row.state,
                at=row.created_at,
            )
        )
    return found


_OUTAGES = Prepared(
    select(delivery)
    .select_from(
        tables.outage_subscriber.join(
            delivery,
            (delivery.c.ticket_id == tables.outage_subscriber.c.outage_id)
            & (delivery.c.thread_id == tables.outage_subscriber.c.id),
        )
    )
    .where(tables.outage_subscriber.c.address == bindparam("number"))
    .order_by(delivery.c.id.desc())
    .limit(MOST)
)


@cache
def _messages(shape: tuple[Any, ...]) -> Prepared:
    to = tables.participant
    return Prepared(
        select(
            delivery.c.id,
            delivery.c.kind,
            delivery.c.state,
            delivery.c.created_at,
            message.c.text,
            message.c.language,
            ticket.c.number,
        )
        .select_from(
            to.join(
                delivery,
                (delivery.c.ticket_id == to.c.ticket_id)
                & (delivery.c.thread_id == to.c.thread_id)
                & (delivery.c.address == to.c.address),
            )
            .join(
                message,
                (message.c.ticket_id == delivery.c.ticket_id) & (message.c.id == delivery.c.message_id),
            )
            .join(ticket, ticket.c.id == delivery.c.ticket_id)
        )
        .where(to.c.address == bindparam("number"), Scope(shape=shape, values={}).tickets)
        .order_by(delivery.c.id.desc())
        .limit(MOST)
    )


def _staff(who: Principal) -> None:
    if not who.is_agent:
        raise NotFound("there is no softphone here")
