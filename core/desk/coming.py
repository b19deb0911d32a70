"""Does "somebody is there by then" still hold? Not beside a later time that was agreed since, or where only later ones are offered.

What is read here is for the customer: the clock itself stays what it is, and is missed when its time has come.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import bindparam, literal, select

from core.store import tables
from core.store.tx import Prepared, Tx

visit, slot = tables.visit, tables.visit_slot

_AGREED = Prepared(
    select(visit.c.window_start.label("start")).where(
        visit.c.ticket_id == bindparam("ticket_id"),
        visit.c.closed_at.is_(None),
        visit.c.window_start.is_not(None),
    )
)
_OFFERED = Prepared(
    select(slot.c.slot_start.label("start")).where(
        slot.c.ticket_id == bindparam("ticket_id"), slot.c.state == literal("offered")
    )
)


def holds(tx: Tx, ticket_id: str, due: datetime | None) -> bool:
    """May the customer still be told that somebody is there by `due`, the onsite clock's?"""
    found = tx.all(_AGREED, ticket_id=ticket_id) or tx.all(_OFFERED, ticket_id=ticket_id)
    return due is None or not found or min(row.start for row in found) <= due
