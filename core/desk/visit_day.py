"""Where does an engineer go, and what do they need there? Reads of the page they have on the phone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import bindparam, literal, or_, select

from core.desk import acts, bookings, page, reference, visit_steps, visit_times, visit_views
from core.desk.principal import Principal
from core.desk.views import TicketView, VisitView
from core.desk.visit_steps import StepView
from core.store import tables
from core.store.columns import Instant
from core.store.tx import Prepared, Tx

BEHIND = timedelta(hours=24)
"""So long what is over stays on the list."""
SHOWN = 50

visit, ticket, booking = tables.visit, tables.ticket, tables.booking

_MINE = Prepared(
    select(
        visit.c.id,
        visit.c.state,
        visit.c.site,
        visit.c.place,
        visit.c.time_zone,
        visit.c.purpose,
        visit.c.window_start,
        visit.c.window_end,
        ticket.c.number,
        ticket.c.customer,
    )
    .select_from(
        booking.join(visit, visit.c.id == booking.c.visit_id).join(ticket, ticket.c.id == visit.c.ticket_id)
    )
    .where(
        booking.c.agent == bindparam("agent"),
        booking.c.kind == literal(bookings.VISIT),
        or_(
            visit.c.closed_at.is_(None),
            visit.c.closed_at > bindparam("since", type_=Instant),
        ),
    )
    .order_by(visit.c.window_start, visit.c.id)
    .limit(SHOWN)
)
_DEVICE = Prepared(
    select(tables.asset).where(
        tables.asset.c.customer == bindparam("customer"), tables.asset.c.name == bindparam("name")
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """One visit of a list."""

    id: str
    number: str
    state: str
    customer: str
    site: str
    place: str
    time_zone: str
    purpose: str
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """What the work is about."""

    name: str
    make: str
    model: str
    serial: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """One visit with everything that is needed there."""

    visit: VisitView
    ticket: TicketView
    device: Device | None
    checklist: tuple[str, ...]
    """Lines of the purpose that begin with a dash."""
    steps: tuple[StepView, ...]
    access_lead: int
    """Minutes that somebody must be announced before."""
    open_hours: str
    """Name of the calendar by which the site lets people in; empty: always."""


def mine(tx: Tx, who: Principal, *, now: datetime) -> tuple[Stop, ...]:
    """Where this engineer goes, in order; what is over stays for a day."""
    acts.only_staff(who)
    return tuple(
        Stop(
            id=row.id,
            number=row.number,
            state=row.state,
            customer=_name(tx, row.customer),
            site=row.site,
            place=row.place,
            time_zone=row.time_zone,
            purpose=row.purpose,
            start=row.window_start,
            end=row.window_end,
        )
        for row in tx.all(_MINE, agent=who.id, since=now - BEHIND)
    )


def _name(tx: Tx, code: str | None) -> str:
    found = reference.customer(tx, code) if code else None
    return found.name if found else ""


def sheet(tx: Tx, who: Principal, identity: str, *, now: datetime) -> Sheet:
    """One visit. Raises NotFound."""
    acts.only_staff(who)
    number = visit_steps.number_of(tx, who, identity)
    found = page.ticket(tx, who, number, now=now)
    view = visit_views.one(tx, who, number, identity)
    customer = found.row.customer
    place = visit_times.site(tx, customer, view.site)
    lines = [line.strip() for line in view.purpose.splitlines()]
    todo = [line[1:].strip() for line in lines if line.startswith(("-", "•"))]
    return Sheet(
        visit=view,
        ticket=found,
        device=_device(tx, customer, found.asset),
        checklist=tuple(dict.fromkeys(one for one in todo if one)),
        steps=visit_steps.views(tx, who, number, identity),
        access_lead=place.access_lead if place is not None else 0,
        open_hours=place.calendar if place is not None else "",
    )


def _device(tx: Tx, customer: str | None, name: str | None) -> Device | None:
    row = tx.one(_DEVICE, customer=customer, name=name) if customer and name else None
    return None if row is None else Device(name=row.name, make=row.make, model=row.model, serial=row.serial)
