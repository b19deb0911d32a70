"""Do the books of promises balance? One clock runs beside each that is open, somebody is reminded, and none outlives its ticket."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, literal, select

from core.desk.promises import FLAG, TIMER
from core.store import tables
from core.store.tx import Tx

WORST = 20  # faults listed of each kind

promise, clock, ticket, job = tables.promise, tables.sla_clock, tables.ticket, tables.job
PROMISE = "promise"

_open = promise.c.state == literal("open")
_beside = (
    select(clock.c.cycle)
    .where(
        clock.c.ticket_id == promise.c.ticket_id,
        clock.c.name == literal(PROMISE),
        clock.c.state == literal("running"),
        clock.c.due_at == promise.c.due,
    )
    .correlate(promise)
    .exists()
)
_watched = [
    select(table.c.id)
    .where(table.c.shard == promise.c.ticket_id, table.c.kind == literal(TIMER))
    .correlate(promise)
    .exists()
    for table in (job, tables.dead_job)
]
_QUESTIONS: tuple[tuple[str, Select[Any]], ...] = (
    ("promise without its clock", select(promise.c.id.label("about")).where(_open, ~_beside)),
    (
        "clock of a promise that nobody made",
        select(clock.c.ticket_id.label("about")).where(
            clock.c.name == literal(PROMISE),
            clock.c.state == literal("running"),
            ~select(promise.c.id)
            .where(promise.c.ticket_id == clock.c.ticket_id, _open, promise.c.due == clock.c.due_at)
            .correlate(clock)
            .exists(),
        ),
    ),
    (
        "more than one open promise",
        select(promise.c.ticket_id.label("about"))
        .where(_open)
        .group_by(promise.c.ticket_id)
        .having(func.count() > literal(1)),
    ),
    (
        "promise of a ticket that has ended",
        select(promise.c.id.label("about"))
        .select_from(promise.join(ticket, ticket.c.id == promise.c.ticket_id))
        .where(_open, ticket.c.open.is_(False)),
    ),
)


def faults(tx: Tx, *, now: datetime) -> Iterator[tuple[str, str]]:
    """(what must not be, which row) each."""
    for kind, question in _QUESTIONS:
        for row in tx.all(question.limit(WORST)):
            yield kind, row.about
    unwatched = (
        select(promise.c.id.label("about"), ticket.c.flags)
        .select_from(promise.join(ticket, ticket.c.id == promise.c.ticket_id))
        .where(_open, *(~there for there in _watched))
    )
    for row in tx.all(unwatched):
        if FLAG not in row.flags:  # they were called already; nothing more falls due
            yield "promise that nobody will be reminded of", row.about
