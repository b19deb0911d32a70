"""Whose are the rooms that write to us? Staff bind one to a customer; until then nothing that is said there is taken in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, literal, select

from core.desk import acts, case, chats, outbox, participants, reference
from core.desk.case import Case
from core.desk.errors import Forbidden, NotFound, Refused, invalid
from core.desk.principal import Principal
from core.rules import workflow
from core.rules.participation import State
from core.store import tables
from core.store.tx import Prepared, Row, Tx

LISTED = 200  # rooms, those that spoke last first

chat, participant, ticket = tables.chat, tables.participant, tables.ticket

_ROOMS = Prepared(
    select(chat, tables.customer.c.name.label("customer_name"))
    .select_from(chat.outerjoin(tables.customer, tables.customer.c.code == chat.c.customer))
    .where(chat.c.kind == literal("room"))
    .order_by(chat.c.last_at.desc(), chat.c.id)
    .limit(LISTED)
)
_TALKS = Prepared(
    select(participant.c.ticket_id)
    .select_from(participant.join(ticket, ticket.c.id == participant.c.ticket_id))
    .where(
        participant.c.address == bindparam("address"),
        participant.c.state == literal(str(State.JOINED)),
        ticket.c.open | (ticket.c.state == literal(str(workflow.State.RESOLVED))),
    )
    .distinct()
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """A room that wrote."""

    id: str
    channel: str
    address: str
    title: str
    """As the service gives it: a label."""
    customer: str | None
    customer_name: str
    last_at: datetime
    gone: bool
    """We are no longer in it."""


def listing(tx: Tx, who: Principal) -> tuple[Room, ...]:
    """Rooms, those that spoke last first. Raises Forbidden for a contact, and for who sees the requests of their groups alone."""
    acts.only_staff(who)
    if not who.sees_everything:
        raise Forbidden("the rooms are for who sees all requests")
    return tuple(_room(row) for row in tx.all(_ROOMS))


def one(tx: Tx, who: Principal, room: str) -> Room:
    """The room with this id. Raises NotFound."""
    row = chats.one(tx, room) if who.sees_everything else None
    if row is None or row.kind != "room":
        message = f"there is no room {room} that you may see"
        raise NotFound(message)
    return next((of for of in listing(tx, who) if of.id == row.id), _room(row))


def bind(tx: Tx, who: Principal, room: str, customer: str, *, now: datetime) -> None:
    """What is said in this room is said by people of this customer, who see each other's answers there.

    Raises NotFound, Forbidden for who leads nothing, Invalid, Refused while it is another customer's.
    """
    of = one(tx, who, room)
    acts.only_leaders(who)
    if reference.customer(tx, customer) is None:
        raise invalid("/customer", f"there is no customer {customer}")
    if of.customer == customer:
        return
    if of.customer is not None:
        raise Refused(f"the room is {of.customer}'s: unbind it first", code="room_bound")
    chats.change(tx, of.id, customer=customer)
    case.record(
        tx, case.ADMINISTRATION, "room.bound", now=now, actor=who.actor, chat=of.id, customer=customer
    )


def unbind(tx: Tx, who: Principal, room: str, *, now: datetime) -> None:
    """It is nobody's room any more: nothing of a request is said there from now on. Raises NotFound, Forbidden, Refused."""
    of = one(tx, who, room)
    acts.only_leaders(who)
    if of.customer is None:
        raise Refused("the room is bound to nobody", code="room_free")
    chats.change(tx, of.id, customer=None, ticket_id=None, chosen_until=None, new_until=None)
    for row in tx.all(_TALKS, address=of.address):
        open_case = Case.open(tx, row.ticket_id, now=now)
        participants.retire(open_case, who, of.address)
        outbox.withdraw(open_case, [of.address])
        open_case.save()
    case.record(
        tx, case.ADMINISTRATION, "room.unbound", now=now, actor=who.actor, chat=of.id, customer=of.customer
    )


def _room(row: Row) -> Room:
    return Room(
        id=row.id,
        channel=row.channel,
        address=row.address,
        title=row.name,
        customer=row.customer,
        customer_name=getattr(row, "customer_name", None) or row.customer or "",
        last_at=row.last_at,
        gone=row.gone_at is not None,
    )
