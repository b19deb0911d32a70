"""Do the books of joined tickets balance? What is of a conversation hangs where it hangs, and every signpost leads somewhere."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Select, Table, and_, bindparam, literal, or_, select

from core.desk import joining_ways
from core.rules.joining import BACK, Kind, Tie
from core.rules.workflow import State
from core.store import tables
from core.store.tx import Prepared, Tx

WORST = 20  # faults listed of each kind

ticket, thread, message, delivery = tables.ticket, tables.thread, tables.message, tables.delivery
joining, link = tables.joining, tables.ticket_link


def faults(tx: Tx, *, now: datetime) -> Iterator[tuple[str, str]]:
    """(what must not be, which row) each."""
    for kind, question in _QUESTIONS:
        for row in tx.all(question.limit(WORST)):
            yield kind, row.about
    yield from _signposts(tx)
    yield from _not_told(tx)


def _not_told(tx: Tx) -> Iterator[tuple[str, str]]:
    """What was said of an incident is on record with every request it was for, or somebody is going to say it."""
    waiting = {
        row.payload["update"]
        for table in (tables.job, tables.dead_job)
        for row in tx.all(select(table.c.payload).where(table.c.kind == literal("incident")))
    }
    for row in tx.all(select(tables.incident_update.c.id, tables.incident_update.c.children)):
        for one in row.children if row.id not in waiting else ():
            if not any(
                event.data.get("update") == row.id for event in tx.all(_TOLD, ticket_id=one["ticket"])
            ):
                yield "request that was not told of its incident", one["ticket"]


_TOLD = Prepared(
    select(tables.event.c.data).where(
        tables.event.c.ticket_id == bindparam("ticket_id"),
        tables.event.c.kind.in_([literal("message.out"), literal("incident.not_told")]),
    )
)


def _signposts(tx: Tx) -> Iterator[tuple[str, str]]:
    for row in tx.all(select(ticket.c.id, ticket.c.number).where(ticket.c.merged_into.is_not(None))):
        end = tx.one(_TICKET, id=joining_ways.survivor(tx, row.id))
        if end is None or end.merged_into is not None:
            yield "merged ticket that leads nowhere", row.number


_TICKET = Prepared(select(ticket.c.merged_into).where(ticket.c.id == bindparam("id")))


def _there(table: FromClause, *conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    return select(literal(1)).select_from(table).where(*conditions).correlate_except(table).exists()


def _of_a_ticket(table: Table) -> ColumnElement[bool]:
    """Not what an outage or a chat says beside all tickets, nor a call to colleagues."""
    return and_(table.c.thread_id != table.c.ticket_id, _there(ticket, ticket.c.id == table.c.ticket_id))


def _astray(table: Table, about: ColumnElement[Any]) -> Select[Any]:
    return select(about.label("about")).where(
        _of_a_ticket(table),
        ~_there(thread, thread.c.ticket_id == table.c.ticket_id, thread.c.id == table.c.thread_id),
    )


_other_end = link.alias("other_end")
_standing = joining.alias("standing")
_of_message = (
    _there(
        message,
        message.c.ticket_id == tables.attachment.c.ticket_id,
        message.c.id == tables.attachment.c.message_id,
    ),
    _there(
        tables.note,
        tables.note.c.ticket_id == tables.attachment.c.ticket_id,
        tables.note.c.id == tables.attachment.c.message_id,
    ),
)
_JOINED = _there(
    _standing,
    or_(
        and_(
            _standing.c.ticket_id == ticket.c.id,
            _standing.c.into_id == ticket.c.merged_into,
            _standing.c.kind == literal(str(Kind.MERGE)),
            _standing.c.undone_at.is_(None),
        ),
        and_(
            _standing.c.into_id == ticket.c.id,
            _standing.c.ticket_id == ticket.c.merged_into,
            _standing.c.kind == literal(str(Kind.SPLIT)),
            _standing.c.undone_at.is_not(None),
        ),
    ),
)
_QUESTIONS: tuple[tuple[str, Select[Any]], ...] = (
    ("message away from its conversation", _astray(message, message.c.id)),
    ("delivery away from its conversation", _astray(delivery, delivery.c.id)),
    (
        "person of a conversation that is elsewhere",
        _astray(tables.participant, tables.participant.c.thread_id),
    ),
    (
        "delivery away from its message",
        select(delivery.c.id.label("about")).where(
            _of_a_ticket(delivery),
            ~_there(
                message, message.c.ticket_id == delivery.c.ticket_id, message.c.id == delivery.c.message_id
            ),
        ),
    ),
    (
        "file away from its message",
        select(tables.attachment.c.id.label("about")).where(*(~one for one in _of_message)),
    ),
    (
        "attempt away from its delivery",
        select(tables.delivery_attempt.c.delivery_id.label("about")).where(
            ~_there(
                delivery,
                delivery.c.ticket_id == tables.delivery_attempt.c.ticket_id,
                delivery.c.id == tables.delivery_attempt.c.delivery_id,
            )
        ),
    ),
    (
        "merged ticket without its merge",
        select(ticket.c.number.label("about")).where(
            ((ticket.c.state == literal(str(State.MERGED))) != ticket.c.merged_into.is_not(None))
            | (ticket.c.merged_into.is_not(None) & ~_JOINED)
        ),
    ),
    (
        "merge whose ticket is not merged",
        select(joining.c.id.label("about")).where(
            joining.c.kind == literal(str(Kind.MERGE)),
            joining.c.undone_at.is_(None),
            ~_there(ticket, ticket.c.id == joining.c.ticket_id, ticket.c.merged_into == joining.c.into_id),
        ),
    ),
    *(
        (
            "link with one end",
            select(link.c.ticket_id.label("about")).where(
                link.c.kind == literal(str(tie)),
                ~_there(
                    _other_end,
                    _other_end.c.ticket_id == link.c.other_id,
                    _other_end.c.other_id == link.c.ticket_id,
                    _other_end.c.kind == literal(str(BACK[tie])),
                ),
            ),
        )
        for tie in Tie
    ),
)
