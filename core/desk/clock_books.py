"""Do the notices of clocks balance? Each that was told has its deliveries, each breach its event, each withdrawal its cause."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import bindparam, literal, or_, select

from core.desk import clock_notices
from core.ids import first_id
from core.rules import clocks
from core.store import tables
from core.store.columns import Id
from core.store.tx import Prepared, Tx

PAGE = 1000  # notices read at once

notice, event = tables.sla_notice, tables.event

_NOTICES = Prepared(
    select(notice.c.ticket_id, notice.c.clock, notice.c.cycle, notice.c.state)
    .where(notice.c.level == literal(clocks.BREACH), notice.c.ticket_id > bindparam("after", type_=Id()))
    .order_by(notice.c.ticket_id)
    .limit(PAGE)
)
_EVENTS = Prepared(
    select(event.c.kind, event.c.data).where(
        event.c.ticket_id == bindparam("ticket_id"),
        or_(event.c.kind == literal("clock.breached"), event.c.kind == literal("clock.breach_withdrawn")),
    )
)


def faults(tx: Tx, *, now: datetime) -> Iterator[tuple[str, str]]:
    """Kind and what it is about, of everything that does not add up."""
    after = first_id(0)
    while rows := tx.all(_NOTICES, after=after):
        full = len(rows) == PAGE
        last = rows[-1].ticket_id
        if full and rows[0].ticket_id != last:  # the last ticket may go on with the next page
            rows = [row for row in rows if row.ticket_id != last]
        for ticket_id in dict.fromkeys(row.ticket_id for row in rows):
            yield from _of_ticket(
                tx, ticket_id, {(r.clock, r.cycle): r.state for r in rows if r.ticket_id == ticket_id}
            )
        after = rows[-1].ticket_id


def _of_ticket(tx: Tx, ticket_id: str, states: dict[tuple[str, int], str]) -> Iterator[tuple[str, str]]:
    told: dict[tuple[str, int], Counter[str]] = {key: Counter() for key in states}
    for row in tx.all(_EVENTS, ticket_id=ticket_id):
        of_clock = told.setdefault((row.data["clock"], row.data["cycle"]), Counter())
        of_clock[row.data.get("target", "")] += 1 if row.kind == "clock.breached" else -1
    for key, state in states.items():
        stands = told[key].values()
        once_each = all(count in (0, 1) for count in stands)
        withdrawn = state == clock_notices.WITHDRAWN
        if not once_each or (0 not in stands if withdrawn else 1 not in stands):
            yield "breach without its event", f"{ticket_id} {key[0]} {key[1]}: {state}"
