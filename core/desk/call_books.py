"""Do the books of calls balance? Each that is over has one outcome, and what names a call or a ticket names one that is there."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, literal, or_, select, type_coerce

from core.desk.live_calls import OVER
from core.rules.call_outcomes import OUTCOMES
from core.store import tables
from core.store.columns import Instant
from core.store.tx import Tx

WORST = 20  # faults listed of each kind
LONGEST = timedelta(days=1)
"""No call lives longer: its line would have been heard of."""

call, ticket, recording = tables.call, tables.ticket, tables.recording
ticket_call, callback = tables.ticket_call, tables.callback


def faults(tx: Tx, *, now: datetime) -> Iterator[tuple[str, str]]:
    """(what must not be, which call or ticket) each."""
    over = call.c.phase == literal(OVER)
    known = call.c.outcome.in_([literal(name) for name in OUTCOMES])
    begun = call.c.first_ring_at < type_coerce(literal(now - LONGEST, Instant), Instant)
    questions: tuple[tuple[str, Select[Any]], ...] = (
        ("call that is over without an outcome", select(call.c.id.label("about")).where(over, ~known)),
        ("call with an outcome before its end", select(call.c.id.label("about")).where(~over, known)),
        ("call without its end", select(call.c.id.label("about")).where(over, call.c.ended_at.is_(None))),
        ("call that never ends", select(call.c.id.label("about")).where(~over, begun)),
        (
            "recording of no call",
            select(recording.c.call_id.label("about")).where(~_call(recording.c.call_id)),
        ),
        (
            "recording that is kept without its bytes",
            select(recording.c.call_id.label("about")).where(
                recording.c.state == literal("stored"), recording.c.blob.is_(None)
            ),
        ),
        (
            "ticket with a call that is not there",
            select(ticket_call.c.call_id.label("about")).where(
                or_(~_call(ticket_call.c.call_id), ~_ticket(ticket_call.c.ticket_id))
            ),
        ),
        (
            "call back without its ticket",
            select(callback.c.ticket_id.label("about")).where(
                or_(~_ticket(callback.c.ticket_id), ~_call(callback.c.call_id))
            ),
        ),
    )
    for kind, question in questions:
        for row in tx.all(question.limit(WORST)):
            yield kind, row.about


def _call(named: ColumnElement[Any]) -> ColumnElement[bool]:
    return select(call.c.id).where(call.c.id == named).exists()


def _ticket(named: ColumnElement[Any]) -> ColumnElement[bool]:
    return select(ticket.c.id).where(ticket.c.id == named).exists()
