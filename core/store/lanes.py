"""Who works on which lane now? Leases that end by themselves, and an epoch as the fence.

A worker claims a lane, works outside any transaction, and commits effect and acknowledgement together; the lane's
epoch makes sure that a worker who lost its lease changes nothing. Proofs and figures: stack.md 3.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, delete, func, select, update

from core.store import tables
from core.store.columns import Instant, to_micros
from core.store.tx import Prepared, Row, Tx
from core.store.work import Job, crew

LEASE = timedelta(seconds=60)
JOBS_PER_LANE = 50  # taken with one claim

UNORDERED = ("timer", "intake")
"""Lanes, by the first word of their name, whose jobs do not wait for one another."""

lane, job = tables.lane, tables.job


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A lane that is ours until `lease_until`, with the jobs that are due, in order."""

    shard: str
    lane: str
    epoch: int
    jobs: tuple[Job, ...]
    lease: timedelta = LEASE


class LeaseLost(Exception):
    """Somebody else took the lane over. Nothing of the transaction may stand."""


def claim(
    tx: Tx,
    *,
    crew: str,
    owner: str,
    now: datetime,
    most: int,
    jobs: int = JOBS_PER_LANE,
    lease: timedelta = LEASE,
) -> list[Claim]:
    """Lease up to `most` lanes of a crew that want attention, each with up to `jobs` of its due jobs."""
    claims = []
    for row in tx.all(_DUE_SQLITE if tx.is_sqlite else _DUE_POSTGRES, crew=crew, now=now, most=most):
        taken = tx.one(_TAKE, shard=row.shard, name=row.name, lease_until=now + lease, owner=owner)
        if unordered(row.name):
            rows = tx.all(_DUE_UNORDERED, shard=row.shard, name=row.name, now=now, most=jobs)
        else:
            rows = []
            for candidate in tx.all(_DUE_JOBS, shard=row.shard, name=row.name, most=jobs):
                if candidate.due > now:  # order matters here: what is behind it waits too
                    break
                rows.append(candidate)
        claims.append(
            Claim(
                shard=row.shard,
                lane=row.name,
                epoch=taken.epoch,
                jobs=tuple(_job(r) for r in rows),
                lease=lease,
            )
        )
    return claims


def _free(now: Any) -> Any:
    return lane.c.lease_until.is_(None) | (lane.c.lease_until < now)


_DUE = (
    select(lane.c.shard, lane.c.name)
    .where(
        lane.c.crew == bindparam("crew"),
        lane.c.due <= bindparam("now", type_=Instant),
        _free(bindparam("now", type_=Instant)),
    )
    .order_by(lane.c.due)
    .limit(bindparam("most"))
)
_DUE_SQLITE = Prepared(_DUE)
_DUE_POSTGRES = Prepared(_DUE.with_for_update(skip_locked=True))
_TAKE = Prepared(
    update(lane)
    .where(lane.c.shard == bindparam("shard"), lane.c.name == bindparam("name"))
    .values(
        lease_until=bindparam("lease_until", type_=Instant), owner=bindparam("owner"), epoch=lane.c.epoch + 1
    )
    .returning(lane.c.epoch)
)
_DUE_JOBS = Prepared(
    select(job)
    .where(job.c.shard == bindparam("shard"), job.c.name == bindparam("name"))
    .order_by(job.c.seq)
    .limit(bindparam("most"))
)
_DUE_UNORDERED = Prepared(
    select(job)
    .where(
        job.c.shard == bindparam("shard"),
        job.c.name == bindparam("name"),
        job.c.due <= bindparam("now", type_=Instant),
    )
    .order_by(job.c.due, job.c.seq)
    .limit(bindparam("most"))
)


def _job(row: Row) -> Job:
    return Job(
        shard=row.shard,
        lane=row.name,
        seq=row.seq,
        id=row.id,
        kind=row.kind,
        payload=row.payload,
        due=row.due,
        attempt=row.attempt,
        idem_key=row.idem_key,
        created_at=row.created_at,
    )


def crews(tx: Tx) -> list[str]:
    """Which crews have lanes now: channels come and go, and what is queued for one must not lie unseen."""
    found: list[str] = []
    while (row := tx.one(_NEXT_CREW, after=found[-1] if found else "")) is not None and row.crew is not None:
        found.append(row.crew)
    return found


_NEXT_CREW = Prepared(select(func.min(lane.c.crew).label("crew")).where(lane.c.crew > bindparam("after")))


def unordered(name: str) -> bool:
    """Do the jobs of this lane run as each falls due?

    >>> unordered("timer"), unordered("intake:07"), unordered("send:0192")
    (True, True, False)
    """
    return name.partition(":")[0] in UNORDERED


def renew(tx: Tx, claim: Claim, *, now: datetime) -> None:
    """Keep the lane. Raises LeaseLost; also the fence, run first in the transaction of every effect."""
    if not tx.changed(
        _RENEW, shard=claim.shard, name=claim.lane, epoch=claim.epoch, lease_until=now + claim.lease
    ):
        message = f"lane {claim.lane} of {claim.shard} was taken over"
        raise LeaseLost(message)


_RENEW = Prepared(
    update(lane)
    .where(
        lane.c.shard == bindparam("shard"),
        lane.c.name == bindparam("name"),
        lane.c.epoch == bindparam("epoch"),
        lane.c.lease_until.is_not(None),  # else it was given back: nobody would work on what nobody holds
    )
    .values(lease_until=bindparam("lease_until", type_=Instant))
)


def release(tx: Tx, claim: Claim, *, renewed: bool = False) -> None:
    """Give the lane back: due when its next job is, or gone when it is empty. Raises LeaseLost.

    `renewed`: `renew` has locked the lane in this transaction.
    """
    if (
        not renewed and not tx.is_sqlite
    ):  # an enqueue that commits between our look and our delete would lose its lane
        tx.all(_LOCK, shard=claim.shard, name=claim.lane)
    question = _NEXT_DUE if unordered(claim.lane) else _FIRST_DUE
    row: Row | None = tx.one(question, shard=claim.shard, name=claim.lane)
    if row is None or row.due is None:
        changed = tx.changed(_CLOSE, shard=claim.shard, name=claim.lane, epoch=claim.epoch)
    else:
        changed = tx.changed(_RELEASE, shard=claim.shard, name=claim.lane, epoch=claim.epoch, due=row.due)
    if not changed:
        message = f"lane {claim.lane} of {claim.shard} was taken over"
        raise LeaseLost(message)


_NEXT_DUE = Prepared(
    select(func.min(job.c.due).label("due")).where(
        job.c.shard == bindparam("shard"), job.c.name == bindparam("name")
    )
)
_FIRST_DUE = Prepared(
    select(job.c.due)
    .where(job.c.shard == bindparam("shard"), job.c.name == bindparam("name"))
    .order_by(job.c.seq)
    .limit(1)
)
_RELEASE = Prepared(
    update(lane)
    .where(
        lane.c.shard == bindparam("shard"),
        lane.c.name == bindparam("name"),
        lane.c.epoch == bindparam("epoch"),
    )
    .values(lease_until=None, due=bindparam("due", type_=Instant))
)
_CLOSE = Prepared(
    delete(lane).where(
        lane.c.shard == bindparam("shard"),
        lane.c.name == bindparam("name"),
        lane.c.epoch == bindparam("epoch"),
    )
)
_LOCK = Prepared(
    select(lane.c.epoch)
    .where(lane.c.shard == bindparam("shard"), lane.c.name == bindparam("name"))
    .with_for_update()
)


def hold(
    tx: Tx, *, shard: str, name: str, owner: str, now: datetime, lease: timedelta = LEASE
) -> Claim | None:
    """Lease a lane that has no jobs, only an owner: a mailbox, a bot account. None: somebody else has it.

    `name` begins with `lease:`. Renewed by `renew`, given back by `let_go`.
    """
    tx.run(_KEEP_LANE, shard=shard, name=name, due=now, epoch=to_micros(now), crew=crew(name))
    row = tx.one(_HOLD, shard=shard, name=name, now=now, lease_until=now + lease, owner=owner)
    return None if row is None else Claim(shard=shard, lane=name, epoch=row.epoch, jobs=(), lease=lease)


_KEEP_LANE = Prepared(
    lambda insert: (
        insert(lane)
        .values(
            shard=bindparam("shard"),
            name=bindparam("name"),
            due=bindparam("due", type_=Instant),
            owner="",
            epoch=bindparam("epoch"),
            last_seq=0,
            crew=bindparam("crew"),
        )
        .on_conflict_do_nothing()
    )
)
_HOLD = Prepared(
    update(lane)
    .where(
        lane.c.shard == bindparam("shard"),
        lane.c.name == bindparam("name"),
        _free(bindparam("now", type_=Instant)),
    )
    .values(
        lease_until=bindparam("lease_until", type_=Instant), owner=bindparam("owner"), epoch=lane.c.epoch + 1
    )
    .returning(lane.c.epoch)
)


def let_go(tx: Tx, claim: Claim) -> None:
    """Give a lane back as it is, its jobs untouched. Does nothing when it was taken over."""
    tx.run(_LET_GO, shard=claim.shard, name=claim.lane, epoch=claim.epoch)


_LET_GO = Prepared(
    update(lane)
    .where(
        lane.c.shard == bindparam("shard"),
        lane.c.name == bindparam("name"),
        lane.c.epoch == bindparam("epoch"),
    )
    .values(lease_until=None)
)


def free_all(tx: Tx, *, owner: str | None = None) -> int:
    """End the leases of a worker that is known to be gone (None: of everybody); return how many there were."""
    return tx.changed(
        _FREE_ALL if owner is None else _FREE_OWNED, **({} if owner is None else {"owner": owner})
    )


_FREE_ALL = Prepared(update(lane).where(lane.c.lease_until.is_not(None)).values(lease_until=None))
_FREE_OWNED = Prepared(
    update(lane)
    .where(lane.c.lease_until.is_not(None), lane.c.owner == bindparam("owner"))
    .values(lease_until=None)
)
