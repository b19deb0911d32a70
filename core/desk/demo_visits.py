"""Who goes where in the morning of the demo desk? One visit is agreed for the next day, another waits for the customer's choice."""

from __future__ import annotations

from datetime import datetime, time, timedelta

from sqlalchemy import select

from core.desk import visit_rows, visits
from core.desk.principal import Principal
from core.store import tables
from core.store.tx import Tx


def plan(tx: Tx, who: Principal, number: str, purpose: str, *, now: datetime, minutes: int = 120) -> str:
    """Times are offered to the customer, who has not chosen yet."""
    return visits.plan(tx, who, number, purpose=purpose, minutes=minutes, now=now)


def agree(tx: Tx, who: Principal, number: str, purpose: str, *, now: datetime, minutes: int = 120) -> str:
    """The customer took the first time from tomorrow on, by telephone."""
    zone = tx.facts.zone
    tomorrow = datetime.combine(now.astimezone(zone).date() + timedelta(days=1), time(9), zone)
    visit = visits.plan(tx, who, number, purpose=purpose, minutes=minutes, not_before=tomorrow, now=now)
    ticket = tx.one(select(tables.ticket.c.id).where(tables.ticket.c.number == number))
    first = visit_rows.offered(tx, ticket.id, visit)[0]
    visits.choose(tx, who, number, visit, first.id, now=now)
    return visit
