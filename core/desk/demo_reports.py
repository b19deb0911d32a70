"""Which reports of a period does the demo desk have? Two contracts get one each week: one is on its way, the other waits for its approval."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import select

from core.desk import papers, periodic, periodic_schedule, periodic_values, reference
from core.desk.case import ADMINISTRATION
from core.desk.periodic_values import Wanted
from core.desk.principal import HUB, Principal
from core.rules import periods
from core.rules.periods import Every
from core.store import tables
from core.store.tx import Tx

APPROVED, WAITS = "C-2026-001", "C-2026-002"
PLANNED = timedelta(days=29)
"""Ago: the week that is over is the latest that is due."""

Draw = Callable[[bytes], bytes]
"""The PDF of a packed paper."""


def lay(tx: Tx, who: Principal, draw: Draw | None, *, now: datetime) -> None:
    """What is due is made by the hub as on any morning; one is made and approved here, if there is who draws it and mail to send it by."""
    for contract in (APPROVED, WAITS):
        periodic_schedule.plan(tx, who, contract, Every.WEEK, now=now - PLANNED)
    if draw is not None and tx.facts.mails_by:
        of = _wanted(tx, now=now)
        n = periodic.keep(tx, periodic.made(tx, of), by=HUB.actor, now=now)
        _draw(tx, draw, of, n, now=now)
        periodic_schedule.approve(tx, who, APPROVED, of.period.name, n, now=now)
    periodic_schedule.look(tx, now=now)


def _wanted(tx: Tx, *, now: datetime) -> Wanted:
    customer = reference.customer(tx, periodic_values.contract_of(tx, APPROVED).customer)
    zone = ZoneInfo(customer.time_zone) if customer else tx.facts.zone
    period = periods.last_over(Every.WEEK, now, zone).name
    return periodic_values.wanted(tx, APPROVED, period, draft=False, now=now)


def _draw(tx: Tx, draw: Draw, of: Wanted, n: int, *, now: datetime) -> None:
    """In this transaction: it says nothing that a stranger wrote, and there is one."""
    report = tables.periodic_report
    made = tx.one(
        select(report.c.paper_id).where(
            report.c.contract == of.contract, report.c.period == of.period.name, report.c.n == n
        )
    )
    undrawn = papers.to_draw(tx, ADMINISTRATION, made.paper_id)
    if undrawn is not None:
        papers.keep_drawing(tx, ADMINISTRATION, made.paper_id, draw(undrawn.packed), now=now)
