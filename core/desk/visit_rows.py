"""Which visits has a ticket, and which times wait for a choice? The rows, for those who offer, agree, do and end visits."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import bindparam, literal, select, update

from core.desk import bookings, tasks
from core.desk.case import Case
from core.desk.errors import NotFound
from core.store import tables
from core.store.columns import Instant
from core.store.tx import Prepared, Row, Tx

PROPOSED, COUNTER, CONFIRMED = "proposed", "counter", "confirmed"
EN_ROUTE, ONSITE, DONE, NO_ACCESS, CANCELLED = "en_route", "onsite", "done", "no_access", "cancelled"
AGREEABLE = (PROPOSED, COUNTER, CONFIRMED)
"""States in which a time can be agreed: for the first time, or another one."""
AGREED = (CONFIRMED, EN_ROUTE)
"""Somebody is going to be there."""
WANTS_ANOTHER, NO_CHOICE, NO_TIME, LATE = "visit_counter", "visit_no_choice", "visit_no_time", "visit_late"
DECLINED = "visit_declined"
"""Kinds of tasks, and the beginnings of the names under which each is asked once."""
TASKS = (WANTS_ANOTHER, NO_CHOICE, NO_TIME, LATE, DECLINED)
FLAG = "visit_planned"
TIMER = "visits"
"""Of the one job of a ticket that wakes for its visits."""

_WANTED = ("visit.another_wanted", "visit.countered")
_SETTLED = ("visit.confirmed", "visit.moved", "visit.kept")
"""Events after which the customer wants another time, and after which that is done with."""

visit, visit_slot = tables.visit, tables.visit_slot

_ONE = Prepared(
    select(visit).where(visit.c.ticket_id == bindparam("ticket_id"), visit.c.id == bindparam("id"))
)
_OF_TICKET = Prepared(select(visit).where(visit.c.ticket_id == bindparam("ticket_id")).order_by(visit.c.id))
_OFFERED = Prepared(
    select(visit_slot)
    .where(
        visit_slot.c.ticket_id == bindparam("ticket_id"),
        visit_slot.c.visit_id == bindparam("visit_id"),
        visit_slot.c.state == literal("offered"),
    )
    .order_by(visit_slot.c.slot_start, visit_slot.c.id)
)
_WHOSE = Prepared(
    select(visit_slot.c.visit_id).where(
        visit_slot.c.ticket_id == bindparam("ticket_id"), visit_slot.c.id == bindparam("id")
    )
)
_WISHES = Prepared(
    select(tables.event.c.kind, tables.event.c.data)
    .where(
        tables.event.c.ticket_id == bindparam("ticket_id"),
        tables.event.c.kind.in_([literal(kind) for kind in (*_WANTED, *_SETTLED)]),
    )
    .order_by(tables.event.c.seq)
)
_END = Prepared(
    update(visit_slot)
    .where(
        visit_slot.c.ticket_id == bindparam("of_ticket"),
        visit_slot.c.visit_id == bindparam("of_visit"),
        visit_slot.c.state.in_([literal("offered"), literal("expired")]),
    )
    .values(state=bindparam("to_state"), by=bindparam("actor"), at=bindparam("now", type_=Instant))
)


def find(case: Case, visit_id: str) -> Row:
    """A visit of the ticket. Raises NotFound."""
    row = case.tx.one(_ONE, ticket_id=case.id, id=visit_id)
    if row is None:
        message = f"{case['number']} has no visit {visit_id}"
        raise NotFound(message)
    return row


def change(case: Case, row: Row, **values: object) -> Row:
    """Set columns of a visit; return it as it is now."""
    case.tx.update(visit, {"ticket_id": case.id, "id": row.id}, **values)
    return find(case, row.id)


def of_ticket(tx: Tx, ticket_id: str) -> list[Row]:
    """All of them, in the order in which they were planned."""
    return tx.all(_OF_TICKET, ticket_id=ticket_id)


def open_of(tx: Tx, ticket_id: str) -> list[Row]:
    """Those that are not over."""
    return [row for row in of_ticket(tx, ticket_id) if row.closed_at is None]


def next_agreed(tx: Tx, ticket_id: str) -> Row | None:
    """The one somebody comes to next; None: nobody does."""
    agreed = [row for row in open_of(tx, ticket_id) if row.state in AGREED]
    return min(agreed, key=lambda row: row.window_start, default=None)


def choice_until(tx: Tx, ticket_id: str) -> datetime | None:
    """Until when times are held that the customer has to choose from; None: there are none."""
    waits = [one.expires_at for row in open_of(tx, ticket_id) for one in offered(tx, ticket_id, row.id)]
    return min(waits, default=None)


def page(case: Case, row: Row) -> str:
    """Where staff see it."""
    return f"/desk/visits/{case['number']}/{row.id}"


def of_slot(tx: Tx, ticket_id: str, slot: str) -> str | None:
    """Id of the visit for which this time was offered; None: for none of this ticket."""
    row = tx.one(_WHOSE, ticket_id=ticket_id, id=slot)
    return None if row is None else str(row.visit_id)


def offered(tx: Tx, ticket_id: str, visit_id: str) -> list[Row]:
    """The times that wait for a choice, in order."""
    return tx.all(_OFFERED, ticket_id=ticket_id, visit_id=visit_id)


def asked_for_another(tx: Tx, row: Row) -> bool:
    """Does the customer want another time than the one they were given, or that was agreed? Until one is agreed."""
    wishes = [one.kind for one in tx.all(_WISHES, ticket_id=row.ticket_id) if one.data["visit"] == row.id]
    return bool(wishes) and wishes[-1] in _WANTED


_ANSWER = Prepared(
    update(visit_slot)
    .where(
        visit_slot.c.ticket_id == bindparam("of_ticket"),
        visit_slot.c.visit_id == bindparam("of_visit"),
        visit_slot.c.state == literal("asked"),
    )
    .values(state=literal("declined"), by=bindparam("actor"), at=bindparam("now", type_=Instant))
)


def answer_proposals(case: Case, row: Row, *, by: str) -> None:
    """A time was agreed, or none will be: what calendars asked for waits no longer."""
    case.tx.run(_ANSWER, of_ticket=case.id, of_visit=row.id, actor=by, now=case.now)


def end_offers(case: Case, row: Row, state: str, *, by: str) -> None:
    """What was offered for a visit is offered no longer. `state`: released, expired or declined."""
    case.tx.run(_END, of_ticket=case.id, of_visit=row.id, to_state=state, actor=by, now=case.now)
    bookings.free(case.tx, row.id, bookings.HOLD)


def settle_tasks(case: Case, row: Row, *kinds: str) -> None:
    """What was asked because of a visit is no longer needed."""
    for kind in kinds:
        tasks.settle(case.tx, once=f"{kind}:{row.id}", now=case.now, ticket_id=case.id)
