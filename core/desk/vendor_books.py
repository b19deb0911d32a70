"""Do the cases at vendors balance? Each has its conversation, nothing of it is a customer's, and who promised to write is waited for."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, literal, or_, select

from core.desk import vendor_rows
from core.rules import vendor as rule
from core.store import tables
from core.store.tx import Tx

WORST = 20

case_table, thread, message, delivery = tables.vendor_case, tables.thread, tables.message, tables.delivery
ticket, job = tables.ticket, tables.job


def faults(tx: Tx, *, now: datetime) -> Iterator[tuple[str, str]]:
    """(what must not be, which row) each. `now`: not asked."""
    for kind, question in _QUESTIONS:
        for row in tx.all(question.limit(WORST)):
            yield kind, row.about
    timers = {
        row.shard
        for table in (job, tables.dead_job)
        for row in tx.all(select(table.c.shard).where(table.c.kind == literal(vendor_rows.UPDATE_TIMER)))
    }
    for row in tx.all(select(case_table).where(case_table.c.next_update_due.is_not(None), _GOES_ON)):
        if row.ticket_id not in timers and not vendor_rows.reminded(tx, row):
            yield "vendor that nobody will remind", row.id
    for row in tx.all(select(ticket.c.id, ticket.c.number, ticket.c.flags).where(_HAS_CASE)):
        is_open = bool(vendor_rows.standing(vendor_rows.of_ticket(tx, row.id)))
        if is_open != (vendor_rows.FLAG in row.flags):
            yield "ticket that says otherwise of its vendors", row.number


_GOES_ON = case_table.c.state.in_([literal(str(state)) for state in sorted(rule.OPEN)])
_HAS_CASE = select(literal(1)).where(case_table.c.ticket_id == ticket.c.id).correlate(ticket).exists()


def _case(*conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    return select(literal(1)).select_from(case_table).where(*conditions).correlate_except(case_table).exists()


_OF_THREAD = and_(
    case_table.c.ticket_id == thread.c.ticket_id,
    case_table.c.thread_id == thread.c.id,
)
_THERE = (
    select(literal(1))
    .select_from(thread)
    .where(_OF_THREAD, thread.c.channel == literal(rule.CHANNEL), thread.c.aside)
    .correlate(case_table)
    .exists()
)
_IN_ITS_THREAD = and_(
    case_table.c.ticket_id == message.c.ticket_id, case_table.c.thread_id == message.c.thread_id
)
_OF_VENDOR = message.c.audience.like("vendor:%")
_OUT = and_(
    message.c.ticket_id == delivery.c.ticket_id,
    message.c.id == delivery.c.message_id,
)
_QUESTIONS: tuple[tuple[str, Select[Any]], ...] = (
    ("vendor case without its conversation", select(case_table.c.id.label("about")).where(~_THERE)),
    (
        "vendor's conversation without its case",
        select(thread.c.id.label("about")).where(
            thread.c.channel == literal(rule.CHANNEL), ~_case(_OF_THREAD)
        ),
    ),
    (
        "words for a customer in a vendor's conversation",
        select(message.c.id.label("about")).where(~_OF_VENDOR, _case(_IN_ITS_THREAD)),
    ),
    (
        "vendor's words that left for somebody else",
        select(delivery.c.id.label("about"))
        .select_from(delivery.join(message, _OUT))
        .where(
            or_(
                _OF_VENDOR & delivery.c.kind.not_in([literal(kind) for kind in rule.KINDS]),
                ~_OF_VENDOR & delivery.c.kind.in_([literal(kind) for kind in rule.KINDS]),
            )
        ),
    ),
    (
        "vendor case that says two things",
        select(case_table.c.id.label("about")).where(
            or_(
                (case_table.c.state == literal("closed")) != case_table.c.closed_at.is_not(None),
                (case_table.c.state == literal("solved")) & case_table.c.solved_at.is_(None),
                (case_table.c.state != literal("draft"))
                & (case_table.c.state != literal("closed"))
                & case_table.c.opened_at.is_(None),
            )
        ),
    ),
)
