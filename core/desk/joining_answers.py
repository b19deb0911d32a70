"""Whose is a first answer when tickets are joined? The customer who was answered was answered, under whichever number.

What ended a promise of a first answer on the ticket that ends is remembered with the joining; for the one that goes on the
earliest counts, its own among them. Taken back, each has again what was said to its own people.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import bindparam, func, literal, select

from core.desk import joining_ways, timing
from core.desk.case import Case
from core.rules.clocks import ClockState
from core.rules.joining import Kind
from core.store import tables
from core.store.columns import Instant, from_micros
from core.store.tx import Prepared

message, event = tables.message, tables.event

_SAID = Prepared(
    select(func.min(message.c.at, type_=Instant).label("at")).where(
        message.c.ticket_id == bindparam("ticket_id"),
        message.c.direction == literal("out"),
        message.c.automatic.is_(False),
    )
)
_TAKEN = Prepared(
    select(func.min(event.c.at, type_=Instant).label("at")).where(
        event.c.ticket_id == bindparam("ticket_id"), event.c.kind == literal("ticket.take")
    )
)


def first(case: Case) -> datetime | None:
    """When somebody took this ticket or answered its people first, by its clock, else by what was said; None: nobody has."""
    clock = timing.response(case)
    if clock is not None and clock.state in (ClockState.MET, ClockState.BREACHED):
        return clock.stopped_at
    return _own(case)


def count(case: Case) -> None:
    """The earliest first answer to what is joined to this ticket now counts for it."""
    answers = [
        from_micros(row.before["answered"])
        for row in joining_ways.joinings(case.tx, case.id)
        if row.kind == Kind.MERGE and row.into_id == case.id and row.undone_at is None
        if row.before.get("answered") is not None
    ]
    timing.answered_elsewhere(case, min(answers, default=None))


def own(case: Case) -> None:
    """What was said to its people while it was joined, and that it was taken then, counts for it now that it is not."""
    at = _own(case)
    if at is not None:
        timing.answered(case, at)


def _own(case: Case) -> datetime | None:
    found = [case.tx.one(asked, ticket_id=case.id).at for asked in (_SAID, _TAKEN)]
    return min([at for at in found if at is not None], default=None)
