"""Do the books of workarounds and of what is known balance? One stands at most, somebody looks at it again, and links lead somewhere."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, Text, func, literal, or_, select, type_coerce

from core.desk import workarounds
from core.rules.workarounds import LIVE, State
from core.store import tables
from core.store.tx import Tx

WORST = 20  # faults listed of each kind

workaround, ticket, job = tables.workaround, tables.ticket, tables.job
problem, problem_ticket, known_error = tables.problem, tables.problem_ticket, tables.known_error

_LIVE = workaround.c.state.in_([literal(str(state)) for state in LIVE])


def _flagged(flag: str) -> ColumnElement[bool]:
    return type_coerce(ticket.c.flags, Text).like(f'%"{flag}"%')


def _watched() -> ColumnElement[bool]:
    return or_(
        *(
            select(table.c.id)
            .where(table.c.shard == workaround.c.ticket_id, table.c.kind == literal(workarounds.TIMER))
            .correlate(workaround)
            .exists()
            for table in (job, tables.dead_job)
        )
    )


_WITH_TICKET = workaround.join(ticket, ticket.c.id == workaround.c.ticket_id)
_ABOUT = select(workaround.c.id.label("about"))
_QUESTIONS: tuple[tuple[str, Select[Any]], ...] = (
    (
        "two workarounds that stand at once",
        select(workaround.c.ticket_id.label("about"))
        .where(_LIVE)
        .group_by(workaround.c.ticket_id)
        .having(func.count() > 1),
    ),
    (
        "workaround of a ticket that is over",
        _ABOUT.select_from(_WITH_TICKET).where(_LIVE, ~ticket.c.open),
    ),
    (
        "workaround that its ticket does not show",
        _ABOUT.select_from(_WITH_TICKET).where(_LIVE, ~_flagged(workarounds.FLAG)),
    ),
    (
        "workaround that nobody looks at again",
        _ABOUT.select_from(_WITH_TICKET).where(_LIVE, ~_flagged(workarounds.OVERDUE), ~_watched()),
    ),
    (
        "workaround that was answered by nobody",
        _ABOUT.where(
            workaround.c.state.in_([literal(str(State.ACCEPTED)), literal(str(State.REFUSED))]),
            or_(workaround.c.answered_by == literal(""), workaround.c.answered_at.is_(None)),
        ),
    ),
    (
        "workaround without its ticket",
        _ABOUT.where(
            ~select(ticket.c.id).where(ticket.c.id == workaround.c.ticket_id).correlate(workaround).exists()
        ),
    ),
    (
        "workaround of an error that nobody knows",
        _ABOUT.where(
            workaround.c.known_error.is_not(None),
            ~select(known_error.c.id)
            .where(known_error.c.id == workaround.c.known_error)
            .correlate(workaround)
            .exists(),
        ),
    ),
    (
        "problem of no ticket, or ticket of no problem",
        select(problem_ticket.c.problem_id.label("about")).where(
            or_(
                ~select(ticket.c.id)
                .where(ticket.c.id == problem_ticket.c.ticket_id)
                .correlate(problem_ticket)
                .exists(),
                ~select(problem.c.id)
                .where(problem.c.id == problem_ticket.c.problem_id)
                .correlate(problem_ticket)
                .exists(),
            )
        ),
    ),
    (
        "problem that is over and is not, or the other way round",
        select(problem.c.id.label("about")).where(
            (problem.c.state == literal("closed")) != problem.c.closed_at.is_not(None)
        ),
    ),
    (
        "known error of a problem that is not there",
        select(known_error.c.id.label("about")).where(
            known_error.c.problem_id.is_not(None),
            ~select(problem.c.id)
            .where(problem.c.id == known_error.c.problem_id)
            .correlate(known_error)
            .exists(),
        ),
    ),
)


def faults(tx: Tx, *, now: datetime) -> Iterator[tuple[str, str]]:
    """(what must not be, which row) each."""
    for kind, question in _QUESTIONS:
        for row in tx.all(question.limit(WORST)):
            yield kind, row.about
