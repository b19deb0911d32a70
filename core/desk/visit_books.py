"""Do the books of visits balance? Whoever is to come has the time booked, nobody is in two places, and the customer was told."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise
from typing import Any

from sqlalchemy import ColumnElement, Select, bindparam, func, literal, select

from core.desk import bookings, visit_notices, visit_rows
from core.store import tables
from core.store.tx import Prepared, Tx

WORST = 20  # faults listed of each kind

visit, visit_crew, visit_slot, visit_step, visit_attendee, booking, ticket, job = (
    tables.visit,
    tables.visit_crew,
    tables.visit_slot,
    tables.visit_step,
    tables.visit_attendee,
    tables.booking,
    tables.ticket,
    tables.job,
)
ENDED = (visit_rows.DONE, visit_rows.NO_ACCESS, visit_rows.CANCELLED)
TO_COME = (*visit_rows.AGREED, visit_rows.ONSITE)
BOOKED = (*TO_COME, visit_rows.DONE, visit_rows.NO_ACCESS)


def _in(column: ColumnElement[str], words: tuple[str, ...]) -> ColumnElement[bool]:
    return column.in_([literal(word) for word in words])


def _no_job() -> list[ColumnElement[bool]]:
    return [
        ~select(table.c.id)
        .where(table.c.shard == visit.c.ticket_id, table.c.kind == literal(visit_rows.TIMER))
        .correlate(visit)
        .exists()
        for table in (job, tables.dead_job)
    ]


_its_booking = (
    select(booking.c.id)
    .where(
        booking.c.visit_id == visit.c.id,
        booking.c.ticket_id == visit.c.ticket_id,
        booking.c.kind == literal(bookings.VISIT),
        booking.c.since == visit.c.window_start,
    )
    .correlate(visit)
    .exists()
)
_theirs = (
    select(booking.c.id)
    .where(
        booking.c.visit_id == visit_crew.c.visit_id,
        booking.c.ticket_id == visit_crew.c.ticket_id,
        booking.c.agent == visit_crew.c.agent,
        booking.c.kind == literal(bookings.VISIT),
    )
    .correlate(visit_crew)
    .exists()
)
_member = (
    select(visit_crew.c.agent)
    .where(
        visit_crew.c.visit_id == booking.c.visit_id,
        visit_crew.c.ticket_id == booking.c.ticket_id,
        visit_crew.c.agent == booking.c.agent,
    )
    .correlate(booking)
    .exists()
)


_of_crew = (visit.c.ticket_id == visit_crew.c.ticket_id) & (visit.c.id == visit_crew.c.visit_id)
_leaders = (
    select(func.count()).where(_of_crew, visit_crew.c.leads.is_(True)).correlate(visit).scalar_subquery()
)
_its_visit = (
    select(visit.c.id)
    .where(visit.c.ticket_id == booking.c.ticket_id, visit.c.id == booking.c.visit_id)
    .correlate(booking)
)
_offered = visit_slot.c.state == literal("offered")
_noted = (
    select(visit_step.c.id)
    .where(
        visit_step.c.ticket_id == visit.c.ticket_id,
        visit_step.c.visit_id == visit.c.id,
        visit_step.c.kind == literal("check_in"),
    )
    .correlate(visit)
    .exists()
)
_QUESTIONS: tuple[tuple[str, Select[Any]], ...] = (
    (
        "visit without a booking",
        select(visit.c.id.label("about")).where(_in(visit.c.state, TO_COME), ~_its_booking),
    ),
    (
        "engineer who comes without a booking",
        select(visit_crew.c.visit_id.label("about"))
        .select_from(visit_crew.join(visit, _of_crew))
        .where(_in(visit.c.state, TO_COME), ~_theirs),
    ),
    (
        "booking of somebody who does not come",
        select(booking.c.id.label("about")).where(booking.c.kind == literal(bookings.VISIT), ~_member),
    ),
    (
        "visit that nobody leads, or several",
        select(visit.c.id.label("about")).where(_in(visit.c.state, BOOKED), _leaders != 1),
    ),
    (
        "crew of no visit",
        select(visit_crew.c.visit_id.label("about")).where(
            ~select(visit.c.id).where(_of_crew).correlate(visit_crew).exists()
        ),
    ),
    (
        "arrival that was noted and changed nothing",
        select(visit.c.id.label("about")).where(_in(visit.c.state, visit_rows.AGREED), _noted),
    ),
    (
        "step of no visit",
        select(visit_step.c.id.label("about")).where(
            ~select(visit.c.id)
            .where(visit.c.ticket_id == visit_step.c.ticket_id, visit.c.id == visit_step.c.visit_id)
            .correlate(visit_step)
            .exists()
        ),
    ),
    (
        "calendar ahead of its visit",
        select(visit_attendee.c.visit_id.label("about")).where(
            ~select(visit.c.id)
            .where(
                visit.c.ticket_id == visit_attendee.c.ticket_id,
                visit.c.id == visit_attendee.c.visit_id,
                visit.c.sequence >= visit_attendee.c.sequence,
            )
            .correlate(visit_attendee)
            .exists()
        ),
    ),
    (
        "booking of a visit that nobody makes",
        select(booking.c.id.label("about")).where(
            booking.c.kind == literal(bookings.VISIT), ~_its_visit.where(_in(visit.c.state, BOOKED)).exists()
        ),
    ),
    (
        "hold of a visit that is over",
        select(booking.c.id.label("about")).where(
            booking.c.kind == literal(bookings.HOLD), ~_its_visit.where(visit.c.closed_at.is_(None)).exists()
        ),
    ),
    (
        "visit that is over and is not, or the other way round",
        select(visit.c.id.label("about")).where(_in(visit.c.state, ENDED) != visit.c.closed_at.is_not(None)),
    ),
    (
        "visit of a ticket that has ended",
        select(visit.c.id.label("about"))
        .select_from(visit.join(ticket, ticket.c.id == visit.c.ticket_id))
        .where(
            visit.c.closed_at.is_(None),
            _in(ticket.c.state, ("closed", "cancelled", "rejected", "merged")),
        ),
    ),
    (
        "visit without its ticket",
        select(visit.c.id.label("about")).where(
            ~select(ticket.c.id).where(ticket.c.id == visit.c.ticket_id).correlate(visit).exists()
        ),
    ),
    (
        "offer that nobody watches",
        select(visit.c.id.label("about")).where(
            select(visit_slot.c.id)
            .where(
                visit_slot.c.ticket_id == visit.c.ticket_id,
                visit_slot.c.visit_id == visit.c.id,
                _offered,
            )
            .correlate(visit)
            .exists(),
            *_no_job(),
        ),
    ),
)
_BOOKED = Prepared(
    select(booking)
    .where(booking.c.kind == literal(bookings.VISIT))
    .order_by(booking.c.agent, booking.c.since, booking.c.id)
)
_OFFERED = Prepared(
    select(
        visit_slot.c.visit_id, visit_slot.c.technician, visit_slot.c.others, visit_slot.c.slot_start
    ).where(visit_slot.c.state == literal("offered"))
)
_HELD = Prepared(select(booking).where(booking.c.kind == literal(bookings.HOLD)))
_AGREED = Prepared(select(visit).where(visit.c.closed_at.is_(None), _in(visit.c.state, TO_COME)))
_CARRIED = Prepared(
    select(tables.message.c.made_from)
    .where(
        tables.message.c.ticket_id == bindparam("ticket_id"),
        tables.message.c.kind == literal(visit_notices.KIND),
        select(tables.delivery.c.id)
        .where(
            tables.delivery.c.ticket_id == tables.message.c.ticket_id,
            tables.delivery.c.message_id == tables.message.c.id,
        )
        .correlate(tables.message)
        .exists(),
    )
    .order_by(tables.message.c.id)
)
_SOMEBODY = Prepared(
    select(tables.delivery.c.id).where(tables.delivery.c.ticket_id == bindparam("ticket_id")).limit(1)
)


def faults(tx: Tx, *, now: datetime) -> Iterator[tuple[str, str]]:
    """(what must not be, which row) each."""
    for kind, question in _QUESTIONS:
        for row in tx.all(question.limit(WORST)):
            yield kind, row.about
    for one, other in pairwise(tx.all(_BOOKED)):
        if one.agent == other.agent and other.since < one.until:
            yield "engineer in two places", other.id
    yield from _holds(tx)
    for row in tx.all(_AGREED):
        steps = {
            said.made_from["step"]
            for said in tx.all(_CARRIED, ticket_id=row.ticket_id)
            if said.made_from and said.made_from["visit"] == row.id
        }
        agreed = steps & {visit_notices.CONFIRMED, visit_notices.MOVED}
        if not agreed and tx.one(_SOMEBODY, ticket_id=row.ticket_id) is not None:
            yield "agreed visit that the customer was not told of", row.id


def _holds(tx: Tx) -> Iterator[tuple[str, str]]:
    """What is offered is held for everybody who would come, and nothing else is."""
    offered = {
        (slot.visit_id, agent, slot.slot_start)
        for slot in tx.all(_OFFERED)
        for agent in (slot.technician, *slot.others)
    }
    held = {(row.visit_id, row.agent, row.since): row.id for row in tx.all(_HELD)}
    for visit_id, _, _ in offered - held.keys():
        yield "time that was offered and is not held", visit_id
    for key in held.keys() - offered:
        yield "hold of a time that nobody is offered", held[key]
