"""What stands open at this moment that the next shift must know? For the brief of a handover, and for the shift board."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, func, literal, select

from core.desk import ladder_board
from core.desk.principal import HUB
from core.rules import handover
from core.rules.vendor import OPEN
from core.store import tables
from core.store.columns import Instant
from core.store.tx import Prepared, Tx

MOST = 200
"""Of each part; a desk with more of them has another problem."""

ticket, promise, task, inbound = tables.ticket, tables.promise, tables.task, tables.inbound
visit = tables.visit

_TICKET = (ticket.c.number, ticket.c.subject, ticket.c.priority, ticket.c.state, ticket.c.desk_group)
_WITH_NAMES = ticket.outerjoin(tables.customer, tables.customer.c.code == ticket.c.customer).outerjoin(
    tables.agent, tables.agent.c.id == ticket.c.assignee
)
_NAMES = (tables.customer.c.name.label("customer"), tables.agent.c.name.label("assignee"))

_GRAVE = Prepared(
    select(*_TICKET, *_NAMES, ticket.c.next_due)
    .select_from(_WITH_NAMES)
    .where(ticket.c.open, ticket.c.priority.in_([literal(one) for one in handover.GRAVE]))
    .order_by(ticket.c.priority, ticket.c.number)
    .limit(MOST)
)
_DUE = Prepared(
    select(*_TICKET, *_NAMES, ticket.c.next_due)
    .select_from(_WITH_NAMES)
    .where(ticket.c.open, ticket.c.next_due <= bindparam("until", type_=Instant))
    .order_by(ticket.c.next_due, ticket.c.number)
    .limit(MOST)
)
_PROMISED = Prepared(
    select(*_TICKET, *_NAMES, promise.c.due)
    .select_from(_WITH_NAMES.join(promise, promise.c.ticket_id == ticket.c.id))
    .where(
        ticket.c.open,
        promise.c.state == literal("open"),
        promise.c.due <= bindparam("until", type_=Instant),
    )
    .order_by(promise.c.due, ticket.c.number)
    .limit(MOST)
)
_case = tables.vendor_case
_NEXT_UPDATE = (
    select(func.min(_case.c.next_update_due, type_=Instant))
    .where(_case.c.ticket_id == ticket.c.id, _case.c.state.in_([literal(str(one)) for one in sorted(OPEN)]))
    .scalar_subquery()
)
_VENDORS = Prepared(
    select(*_TICKET, *_NAMES, ticket.c.state_since, _NEXT_UPDATE.label("next_update_due"))
    .select_from(_WITH_NAMES)
    .where(ticket.c.state == literal("waiting_vendor"))
    .order_by(ticket.c.state_since, ticket.c.number)
    .limit(MOST)
)
_VISITS = Prepared(
    select(*_TICKET, *_NAMES, visit.c.window_start, visit.c.site)
    .select_from(_WITH_NAMES.join(visit, visit.c.ticket_id == ticket.c.id))
    .where(visit.c.closed_at.is_(None), visit.c.window_start <= bindparam("until", type_=Instant))
    .order_by(visit.c.window_start, ticket.c.number)
    .limit(MOST)
)
_TASKS = Prepared(
    select(task.c.kind, task.c.alarm, task.c.about, task.c.at, task.c.due, ticket.c.number)
    .select_from(task.outerjoin(ticket, ticket.c.id == task.c.ticket_id))
    .where(task.c.done_at.is_(None), task.c.alarm)
    .order_by(task.c.at, task.c.id)
    .limit(MOST)
)
_HELD = Prepared(
    select(func.count().label("count"), func.min(inbound.c.received_at, type_=Instant).label("oldest")).where(
        inbound.c.outcome == literal("held"), inbound.c.open
    )
)

Facts = Mapping[str, Sequence[Mapping[str, Any]]]


def now_open(tx: Tx, *, now: datetime) -> Facts:
    """By the parts of a brief (core.rules.handover.PARTS), each in its order."""
    until = now + handover.DUE_WITHIN
    held = tx.one(_HELD)
    return {
        "grave": [row._asdict() for row in tx.all(_GRAVE)],
        "clocks": [row._asdict() for row in tx.all(_DUE, until=until)],
        "promises": [row._asdict() for row in tx.all(_PROMISED, until=until)],
        "vendors": [row._asdict() for row in tx.all(_VENDORS)],
        "visits": [row._asdict() for row in tx.all(_VISITS, until=now + handover.VISITS_WITHIN)],
        "ladders": [
            {
                "number": one.number,
                "subject": one.subject,
                "priority": one.priority,
                "rung": one.rung,
                "round": one.round,
                "since": one.since,
                "known_by": one.known_by,
            }
            for one in ladder_board.running(tx, HUB, now=now)
        ],
        "tasks": [row._asdict() for row in tx.all(_TASKS)],
        "held": [{"count": held.count, "oldest": held.oldest}] if held.count else [],
    }
