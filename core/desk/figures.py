"""How is the hub doing, in figures? What waits, for whom, and since when: for a monitoring system to watch."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import bindparam, func, literal, select

from core.desk import counts, stuck
from core.desk.principal import HUB
from core.store import lanes, tables
from core.store.columns import Instant
from core.store.tx import Prepared, Tx

VIEWS = ("open", "qualify", "unassigned", "due", "waiting", "held", "exceptions", "undelivered")

_BEHIND = Prepared(
    select(tables.lane.c.crew, func.count().label("lanes"), func.min(tables.lane.c.due).label("oldest"))
    .where(tables.lane.c.due <= bindparam("now", type_=Instant), tables.lane.c.crew != literal(lanes.HELD))
    .group_by(tables.lane.c.crew)
)


def waiting(tx: Tx, *, now: datetime) -> dict[str, int]:
    """Items of each view that staff work through, and `stuck` jobs."""
    found = counts.counts(tx, HUB, now=now)
    return {name: found[name] for name in VIEWS} | {"stuck": stuck.count(tx, HUB)}


def behind(tx: Tx, *, now: datetime) -> dict[str, tuple[int, float]]:
    """By crew: lanes whose work is due or in hand, and for how many seconds the oldest has been.

    What is only held, such as a mailbox that somebody reads, has no work: it would be behind for as long as all is well.
    """
    rows = tx.all(_BEHIND, now=now)
    return {row.crew: (row.lanes, (now - row.oldest).total_seconds()) for row in rows}
