"""How long was an engineer on the way and at work on site, day by day? From the visits of which they were of the crew."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cache
from typing import Any

from sqlalchemy import bindparam, func, select

from core.desk import acts, people
from core.desk.errors import invalid
from core.desk.principal import Principal
from core.desk.scope import Scope, scope
from core.store import tables
from core.store.tx import Prepared, Row, Tx

MOST_DAYS = 31

visit, ticket, crew = tables.visit, tables.ticket, tables.visit_crew


@dataclass(frozen=True, slots=True, kw_only=True)
class DayEntry:
    """One visit of one engineer."""

    number: str
    """Of the ticket."""
    visit: str
    customer: str
    site: str
    leads: bool
    set_out_at: datetime | None
    """None: nobody noted it, and no travel is counted."""
    arrived_at: datetime
    left_at: datetime | None
    """None: they are there."""
    travel: int
    """Minutes there."""
    work: int
    """Minutes on site, as they were entered at the end; 0: not yet, or nobody opened."""


def book(
    tx: Tx, who: Principal, email: str, *, now: datetime, since: date | None = None, days: int = 1
) -> tuple[DayEntry, ...]:
    """So many days of this agent from a date of the hub's clock (None: today), by arrival. Staff only, of tickets they may see.

    Raises Invalid.
    """
    acts.only_staff(who)
    if not 1 <= days <= MOST_DAYS:
        raise invalid("/days", f"must be 1 to {MOST_DAYS}")
    agent = people.agent_by_email(tx, email.strip().lower())
    if agent is None:
        raise invalid("/agent", f"there is no agent {email}")
    zone = tx.facts.zone
    first = since or now.astimezone(zone).date()
    begins, ends = (datetime.combine(day, time(), zone) for day in (first, first + timedelta(days=days)))
    mine = scope(who)
    found = tx.all(_arrived(mine.shape), of_crew=agent.id, since=begins, until=ends, **mine.values)
    return tuple(_entry(row) for row in found)


@cache
def _arrived(shape: Any) -> Prepared:
    return Prepared(
        select(
            crew.c.leads,
            crew.c.set_out_at,
            crew.c.minutes,
            visit.c.id,
            visit.c.site,
            visit.c.arrived_at,
            visit.c.left_at,
            ticket.c.number,
            func.coalesce(tables.customer.c.name, visit.c.customer).label("customer"),
        )
        .select_from(
            crew.join(visit, (visit.c.ticket_id == crew.c.ticket_id) & (visit.c.id == crew.c.visit_id))
            .join(ticket, ticket.c.id == visit.c.ticket_id)
            .outerjoin(tables.customer, tables.customer.c.code == visit.c.customer)
        )
        .where(
            crew.c.agent == bindparam("of_crew"),
            visit.c.arrived_at >= bindparam("since", type_=visit.c.arrived_at.type),
            visit.c.arrived_at < bindparam("until", type_=visit.c.arrived_at.type),
            Scope(shape=shape, values={}).tickets,
        )
        .order_by(visit.c.arrived_at, visit.c.id)
    )


def _entry(row: Row) -> DayEntry:
    travel = (row.arrived_at - row.set_out_at).total_seconds() / 60 if row.set_out_at is not None else 0
    return DayEntry(
        number=row.number,
        visit=row.id,
        customer=row.customer,
        site=row.site,
        leads=row.leads,
        set_out_at=row.set_out_at,
        arrived_at=row.arrived_at,
        left_at=row.left_at,
        travel=max(0, round(travel)),
        work=row.minutes,
    )
