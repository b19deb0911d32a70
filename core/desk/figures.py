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

lane, job = tables.lane, tables.job

_NOW = bindparam("now", type_=Instant)
_IN_TURN = [literal(crew) for crew in lanes.IN_TURN]
_BEHIND = Prepared(
    select(lane.c.crew, func.count().label("lanes"), func.min(lane.c.due).label("oldest"))
    .where(lane.c.due <= _NOW, lane.c.crew.not_in([literal(lanes.HELD), *_IN_TURN]))
    .group_by(lane.c.crew)
)
_SINCE = (
    select(job.c.created_at)
    .where(job.c.shard == lane.c.shard, job.c.name == lane.c.name)
    .order_by(job.c.seq)
    .limit(1)
    .correlate(lane)
    .scalar_subquery()
)
_BEHIND_IN_TURN = Prepared(
    select(lane.c.crew, func.count().label("lanes"), func.min(_SINCE, type_=Instant).label("oldest"))
    .where(lane.c.crew.in_(_IN_TURN), _SINCE <= _NOW)
    .group_by(lane.c.crew)
)


def waiting(tx: Tx, *, now: datetime) -> dict[str, int]:
    """Items of each view that staff work through, and `stuck` jobs."""
    found = counts.counts(tx, HUB, now=now)
    return {name: found[name] for name in VIEWS} | {"stuck": stuck.count(tx, HUB)}


def behind(tx: Tx, *, now: datetime) -> dict[str, tuple[int, float]]:
    """By crew: lanes whose work is due or in hand, and for how many seconds the oldest has been.

    What is only held, such as a mailbox that somebody reads, has no work: it would be behind for as long as all is well. What waits in
    turn has waited since its first came, though that be tried again later.
    """
    rows = [*tx.all(_BEHIND, now=now), *tx.all(_BEHIND_IN_TURN, now=now)]
    return {row.crew: (row.lanes, (now - row.oldest).total_seconds()) for row in rows}
