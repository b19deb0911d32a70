"""Does what we say reach a chat? They left, they have seen it, or the room has another address now."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, bindparam, literal, or_, select, update

from core.desk import chats, sending
from core.desk.case import Case
from core.desk.chat_came import Came
from core.desk.filing import Understood, conclude
from core.envelope import Inbound
from core.ids import short_hash, token_id
from core.rules.participation import State
from core.store import tables, work
from core.store.tx import Prepared, Row, Tx

MOST = 100
"""Refs in one word of what was seen."""

chat, delivery, participant, ticket = tables.chat, tables.delivery, tables.participant, tables.ticket

_WAITING = Prepared(
    select(delivery.c.ticket_id, delivery.c.id)
    .where(delivery.c.state == literal("queued"), delivery.c.address == bindparam("address"))
    .order_by(delivery.c.id)
)
_TALKED_WITH = Prepared(
    select(participant.c.ticket_id)
    .select_from(participant.join(ticket, ticket.c.id == participant.c.ticket_id))
    .where(
        participant.c.address == bindparam("address"),
        participant.c.state == literal(str(State.JOINED)),
        ticket.c.open,
    )
    .distinct()
)
_BY_ID = Prepared(select(delivery).where(delivery.c.id == bindparam("id")))
_BY_REMOTE = Prepared(
    select(delivery)
    .select_from(tables.thread_ref.join(delivery, delivery.c.ticket_id == tables.thread_ref.c.ticket_id))
    .where(
        tables.thread_ref.c.ref == bindparam("ref"),
        tables.thread_ref.c.kind == literal("sent"),
        delivery.c.remote_id == bindparam("remote_id"),
    )
)


def act(tx: Tx, came: Came) -> Understood | None:
    """Note what the service says of the chat itself; None: it says something else."""
    done = came.said.chat
    if done is None:
        return None
    if done.gone:
        gone(tx, came.chat, now=came.now)
        return conclude(tx, came.row, came.said, "machine", "gone", now=came.now)
    if done.seen:
        count = sum(seen(tx, came.chat, ref, now=came.now) for ref in done.seen[:MOST])
        return conclude(tx, came.row, came.said, "machine", "seen" if count else "seen_unknown", now=came.now)
    if done.moved_from and not came.said.text.strip() and not came.said.attachments:
        return conclude(tx, came.row, came.said, "machine", "moved", now=came.now)
    return None


def gone(tx: Tx, of: Row, *, now: datetime) -> None:
    """Nothing reaches them here until they write again: what waits goes another way now, and staff see it."""
    if of.gone_at is None:
        chats.change(tx, of.id, gone_at=now)
    for row in tx.all(_WAITING, address=of.address):
        work.cancel(tx, shard=row.ticket_id, key=f"send:{row.id}")
        sending.failed(tx, row.ticket_id, row.id, chats.LEFT, now=now)
    for row in tx.all(_TALKED_WITH, address=of.address):
        case = Case.open(tx, row.ticket_id, now=now)
        case.event("chat.left", actor="address", chat=of.id, channel=of.channel)
        case.save()


def seen(tx: Tx, of: Row, ref: str, *, now: datetime) -> bool:
    """They have seen what this ref or remote id names; False: it is nothing that was sent there."""
    by_id = token_id(ref)
    row = tx.one(_BY_ID, id=by_id) if by_id else None
    row = row or tx.one(_BY_REMOTE, ref=short_hash(ref), remote_id=ref)
    if row is None or row.address != of.address:
        return False
    if row.seen_at is None:
        tx.update(delivery, {"ticket_id": row.ticket_id, "id": row.id}, seen_at=now)
        tx.tell("ticket", row.ticket_id)
    if of.seen_id is None or of.seen_id < row.message_id:
        chats.change(tx, of.id, seen_id=row.message_id, seen_at=now)
    return True


# --- A room with another address ----------------------------------------------------------------------------


def moved(tx: Tx, said: Inbound, *, now: datetime) -> None:
    """The service gave the room another address: its binding, the people in it and what waits to leave follow."""
    room, before = (said.chat.room, said.chat.moved_from.lower()) if said.chat is not None else (None, "")
    if room is None or not before or before == room.key:
        return
    old, new = chats.known(tx, before), chats.known(tx, room.key)
    if old is None:
        return
    if new is None:
        chats.change(tx, old.id, address=room.key)
    else:  # it was heard of under the new one before it was told
        chats.change(tx, new.id, customer=new.customer or old.customer)
        chats.change(tx, old.id, customer=None, gone_at=now)
    for statement in _FOLLOW:
        tx.run(statement, old=before, new=room.key)


def _follows(table: Any, *also: Any) -> Prepared:
    return Prepared(
        update(table).where(table.c.address == bindparam("old"), *also).values(address=bindparam("new"))
    )


def _not_there(table: Any) -> ColumnElement[bool]:
    """Its key is the address, and the new one may be known already."""
    known = table.alias()
    return ~select(known.c.address).where(known.c.address == bindparam("new")).exists()


_there = participant.alias("there")
_FOLLOW = (
    _follows(
        participant,
        ~select(_there.c.address)
        .where(
            _there.c.ticket_id == participant.c.ticket_id,
            _there.c.thread_id == participant.c.thread_id,
            _there.c.address == bindparam("new"),
        )
        .exists(),
    ),
    _follows(
        tables.thread,
        tables.thread.c.ticket_id.in_(
            select(participant.c.ticket_id).where(participant.c.address == bindparam("new"))
        ),
    ),
    _follows(tables.chat_button),
    _follows(tables.identity, _not_there(tables.identity)),
    _follows(tables.bad_address, _not_there(tables.bad_address)),
    _follows(delivery, or_(delivery.c.state == literal("queued"), delivery.c.state == literal("sending"))),
)
