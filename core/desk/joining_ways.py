"""Where is a conversation now that was of this ticket, and which ticket goes on with it? What names a ticket follows the signposts."""

from __future__ import annotations

from sqlalchemy import bindparam, or_, select

from core.store import tables
from core.store.tx import Prepared, Row, Tx

joining, thread, ticket = tables.joining, tables.thread, tables.ticket

_MERGED = Prepared(select(ticket.c.merged_into).where(ticket.c.id == bindparam("id")))
_IS_THERE = Prepared(
    select(thread.c.id).where(thread.c.ticket_id == bindparam("ticket_id"), thread.c.id == bindparam("id"))
)
_ON_CHANNEL = Prepared(
    select(thread.c.id).where(
        thread.c.ticket_id == bindparam("ticket_id"),
        thread.c.id == bindparam("id"),
        thread.c.channel == bindparam("channel"),
    )
)
_JOININGS = Prepared(
    select(joining)
    .where(or_(joining.c.ticket_id == bindparam("ticket_id"), joining.c.into_id == bindparam("ticket_id")))
    .order_by(joining.c.id)
)


def survivor(tx: Tx, ticket_id: str) -> str:
    """The ticket that goes on with this one: itself, unless it was merged. A circle, which must not be, ends too."""
    seen = {ticket_id}
    while (row := tx.one(_MERGED, id=ticket_id)) is not None and row.merged_into:
        if row.merged_into in seen:
            break
        ticket_id = row.merged_into
        seen.add(ticket_id)
    return ticket_id


def whereabouts(tx: Tx, ticket_id: str, thread_id: str) -> str | None:
    """The ticket that has this conversation, which was of `ticket_id` once; None: none, or one that was merged without it.

    Followed along what was merged, split and moved, and back along what was undone.
    """
    seen, todo = {ticket_id}, [ticket_id]
    while todo:
        here = todo.pop(0)
        if is_at(tx, here, thread_id):
            return here if survivor(tx, here) == here else None
        for row in joinings(tx, here):
            if thread_id in row.before["threads"]:
                ends = {row.ticket_id, row.into_id} - seen
                seen |= ends
                todo += sorted(ends)
    return None


def brought(tx: Tx, ticket_id: str, end: str, channel: str) -> str | None:
    """The conversation of this channel that a merged ticket brought to where it goes on: what names the old number is said there."""
    for row in joinings(tx, ticket_id):
        if row.ticket_id == ticket_id and row.undone_at is None:
            for one in row.before["threads"]:
                if tx.one(_ON_CHANNEL, ticket_id=end, id=one, channel=channel) is not None:
                    return str(one)
    return None


def kin(tx: Tx, ticket_id: str) -> tuple[str, ...]:
    """This ticket and all that were ever joined with it, also through others, also where it was undone."""
    seen, todo = {ticket_id: None}, [ticket_id]
    while todo:
        for row in joinings(tx, todo.pop(0)):
            new = [one for one in (row.ticket_id, row.into_id) if one not in seen]
            seen |= dict.fromkeys(new)
            todo += new
    return tuple(seen)


def is_at(tx: Tx, ticket_id: str, thread_id: str) -> bool:
    """Is the conversation this ticket's now?"""
    return tx.one(_IS_THERE, ticket_id=ticket_id, id=thread_id) is not None


def joinings(tx: Tx, ticket_id: str) -> list[Row]:
    """Everything that was joined from or into this ticket, oldest first, what was undone included."""
    return tx.all(_JOININGS, ticket_id=ticket_id)
