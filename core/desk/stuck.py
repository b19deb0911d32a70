"""Which work did the hub give up on? Dead jobs, for staff to try again or dismiss.

What arrived and what leaves has a place of its own when it fails (exceptions, deliveries); this is the rest: timers,
clocks, housekeeping. Few, if any: each is a fault of the hub or of its surroundings.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from core.desk import case
from core.desk.errors import Forbidden, NotFound
from core.desk.principal import Principal
from core.store import tables, work
from core.store.tx import Prepared, Tx

MOST = 200
"""Rows shown: with more than this, one cause is behind them all."""

dead, ticket = tables.dead_job, tables.ticket

_COUNT = Prepared(select(func.count().label("items")).select_from(dead))
_ALL = Prepared(
    select(dead, ticket.c.number.label("number"))
    .select_from(dead.outerjoin(ticket, ticket.c.id == dead.c.shard))
    .order_by(dead.c.died_at.desc(), dead.c.id)
    .limit(MOST)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StuckJob:
    """One job that failed too often."""

    id: str
    shard: str
    ticket: str | None
    """Number, if the job is about a ticket."""
    lane: str
    kind: str
    attempt: int
    """How often it was tried."""
    died_at: datetime
    reason: str


def count(tx: Tx, who: Principal) -> int:
    """How many there are; zero for whoever may not do anything about them."""
    return int(tx.one(_COUNT).items) if _may(who) else 0


def jobs(tx: Tx, who: Principal) -> tuple[StuckJob, ...]:
    """The newest first. Raises Forbidden for anybody below shift leader."""
    _check(who)
    return tuple(
        StuckJob(
            id=row.id,
            shard=row.shard,
            ticket=row.number,
            lane=row.name,
            kind=row.kind,
            attempt=row.attempt,
            died_at=row.died_at,
            reason=row.reason,
        )
        for row in tx.all(_ALL)
    )


def retry(tx: Tx, who: Principal, shard: str, identity: str, *, now: datetime) -> None:
    """Put it back on its lane, as new. Raises Forbidden, NotFound."""
    _check(who)
    if not work.revive(tx, shard=shard, identity=identity, now=now):
        raise NotFound(identity)
    case.record(tx, case.ADMINISTRATION, "job.retried", now=now, actor=who.actor, job=identity)


def dismiss(tx: Tx, who: Principal, shard: str, identity: str, *, now: datetime) -> None:
    """Leave it undone for ever. Raises Forbidden, NotFound."""
    _check(who)
    if not work.dismiss(tx, shard=shard, identity=identity):
        raise NotFound(identity)
    case.record(tx, case.ADMINISTRATION, "job.dismissed", now=now, actor=who.actor, job=identity)


def _may(who: Principal) -> bool:
    return who.leads or who.kind == "system"


def _check(who: Principal) -> None:
    if not _may(who):
        raise Forbidden("work that got stuck is for shift leaders, supervisors and administrators")
