"""Who works on which lane now? Leases that end by themselves, and an epoch as the fence.

A worker claims a lane, works outside any transaction, and commits effect and acknowledgement together; the lane's
epoch makes sure that a worker who lost its lease changes nothing. Proofs and figures: stack.md 3.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Any

from sqlalchemy import Select, bindparam, delete, exists, func, literal, select, true, update

from core.store import tables
from core.store.columns import Instant, to_micros
from core.store.tx import Prepared, Row, Tx
from core.store.work import Job, crew

LEASE = timedelta(seconds=60)
HELD = "lease"
"""Crew of lanes that have an owner and no jobs: see `hold`."""
JOBS_PER_LANE = 50  # taken with one claim

UNORDERED = ("timer", "intake")
"""Lanes, by the first word of their name, whose jobs do not wait for one another."""
IN_TURN = ("devices",)
"""Lanes whose jobs are prepared together, and written in order: what is behind one that is not written yet waits."""

lane, job = tables.lane, tables.job


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A lane that is ours until `lease_until`, with the jobs that are due, in order."""

    shard: str
    lane: str
    epoch: int
    jobs: tuple[Job, ...]
    lease: timedelta = LEASE

    @property
    def key(self) -> tuple[str, str, int]:
        """What tells it from any other claim, of this lane too."""
        return self.shard, self.lane, self.epoch


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
    in_order = not unordered(crew)
    given: dict[str, Any] = {"crew": crew, "now": now, "lease_until": now + lease, "owner": owner}
    found: dict[tuple[str, str], tuple[int, list[Row]]] = {}
    if tx.is_sqlite:
        for row in tx.all(_DUE, crew=crew, now=now, most=most):
            taken = tx.one(_TAKE, shard=row.shard, name=row.name, lease_until=now + lease, owner=owner)
            rows = tx.all(_JOBS[in_order], shard=row.shard, name=row.name, now=now, jobs=jobs)
            found[row.shard, row.name] = taken.epoch, rows
    else:
        for row in tx.all(_CLAIM[in_order], **given, most=most, jobs=jobs):
            _, rows = found.setdefault((row.lane_shard, row.lane_name), (row.epoch, []))
            if row.id is not None:
                rows.append(row)
    claims = []
    for (shard, name), (epoch, rows) in found.items():
        due = takewhile(lambda row: row.due <= now, rows)  # in order, what is behind one that waits does too
        claims.append(
            Claim(shard=shard, lane=name, epoch=epoch, jobs=tuple(_job(row) for row in due), lease=lease)
        )
    return claims


def _free(now: Any) -> Any:
    return lane.c.lease_until.is_(None) | (lane.c.lease_until < now)


_NOW = bindparam("now", type_=Instant)
_OF_LANE = (job.c.shard == bindparam("shard"), job.c.name == bindparam("name"))
_WANTED = (
    select(lane.c.shard, lane.c.name)
    .where(lane.c.crew == bindparam("crew"), lane.c.due <= _NOW, _free(_NOW))
    .order_by(lane.c.due)
    .limit(bindparam("most"))
)
_HELD = {"lease_until": bindparam("lease_until", type_=Instant), "owner": bindparam("owner")}
_DUE = Prepared(_WANTED)
_TAKE = Prepared(
    update(lane)
    .where(lane.c.shard == bindparam("shard"), lane.c.name == bindparam("name"))
    .values(**_HELD, epoch=lane.c.epoch + 1)
    .returning(lane.c.epoch)
)


def _jobs(*of_lane: Any, in_order: bool) -> Select[Any]:
    found = select(job).where(*of_lane).limit(bindparam("jobs"))
    return (
        found.order_by(job.c.seq)
        if in_order
        else found.where(job.c.due <= _NOW).order_by(job.c.due, job.c.seq)
    )


def _claim(*, in_order: bool) -> Prepared:
    """PostgreSQL: lanes that nobody else is just taking, and their jobs, in one statement."""
    wanted = _WANTED.with_for_update(skip_locked=True).cte("wanted")
    taken = (
        update(lane)
        .where(lane.c.shard == wanted.c.shard, lane.c.name == wanted.c.name)
        .values(**_HELD, epoch=lane.c.epoch + 1)
        .returning(lane.c.shard, lane.c.name, lane.c.epoch)
        .cte("taken")
    )
    todo = _jobs(job.c.shard == taken.c.shard, job.c.name == taken.c.name, in_order=in_order).lateral("todo")
    return Prepared(
        select(
            taken.c.shard.label("lane_shard"), taken.c.name.label("lane_name"), taken.c.epoch, *todo.c
        ).select_from(taken.outerjoin(todo, true()))
    )


_JOBS = {in_order: Prepared(_jobs(*_OF_LANE, in_order=in_order)) for in_order in (True, False)}
_CLAIM = {in_order: _claim(in_order=in_order) for in_order in (True, False)}


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


def waiting(tx: Tx, *, now: datetime) -> list[str]:
    """Which crews have lanes that want attention now and are nobody's."""
    return [row.crew for row in tx.all(_WAITING, now=now)]


def next_due(tx: Tx) -> datetime | None:
    """When a lane that is nobody's wants attention next; None: none ever will."""
    found: datetime | None = tx.one(_NEXT_DUE).due
    return found


_WAITING = Prepared(
    select(lane.c.crew)
    .distinct()
    .where(lane.c.due <= _NOW, _free(_NOW), lane.c.crew != literal(HELD))
    .order_by(lane.c.crew)
)
_NEXT_DUE = Prepared(
    select(func.min(lane.c.due, type_=Instant).label("due")).where(
        lane.c.lease_until.is_(None), lane.c.crew != literal(HELD)
    )
)
_NEXT_CREW = Prepared(select(func.min(lane.c.crew).label("crew")).where(lane.c.crew > bindparam("after")))


def unordered(name: str) -> bool:
    """Do the jobs of this lane run as each falls due?

    >>> unordered("timer"), unordered("intake:07"), unordered("send:0192")
    (True, True, False)
    """
    return name.partition(":")[0] in UNORDERED


def in_turn(name: str) -> bool:
    """Are the jobs of this lane prepared together, and still written in order?

    >>> in_turn("devices:am"), in_turn("intake:07"), in_turn("send:0192")
    (True, False, False)
    """
    return name.partition(":")[0] in IN_TURN


def renew(tx: Tx, claim: Claim, *, now: datetime) -> bool:
    """Keep the lane; False: it was taken over."""
    return tx.changed(_RENEW, **_of(claim), lease_until=now + claim.lease) > 0


def guard(tx: Tx, claim: Claim, *, now: datetime) -> None:
    """The fence: what this transaction changes stands only if the lane is ours at its end. Fails with LeaseLost.

    At its end, and once for all that share the commit: whoever brings a job to the lane waits for this row.
    """
    tx.later(_guard, (claim, now))


def _guard(tx: Tx, guarded: Sequence[tuple[Claim, datetime]]) -> None:
    given_back = tx.group.get(_GIVEN_BACK, ())
    for claim, now in {claim.key: (claim, now) for claim, now in guarded}.values():
        if claim.key not in given_back:
            tx.must(_RENEW, _lost(claim), **_of(claim), lease_until=now + claim.lease)


_GIVEN_BACK = "lanes given back"


def _of(claim: Claim) -> dict[str, Any]:
    return {"shard": claim.shard, "name": claim.lane, "epoch": claim.epoch}


def _lost(claim: Claim) -> LeaseLost:
    return LeaseLost(f"lane {claim.lane} of {claim.shard} was taken over")


_MINE = (
    lane.c.shard == bindparam("shard"),
    lane.c.name == bindparam("name"),
    lane.c.epoch == bindparam("epoch"),
)
_RENEW = Prepared(
    update(lane)
    # Not one that was given back: nobody would work on what nobody holds.
    .where(*_MINE, lane.c.lease_until.is_not(None))
    .values(lease_until=bindparam("lease_until", type_=Instant))
)


def release(tx: Tx, claim: Claim) -> None:
    """Give the lane back: due when its next job is, or gone when it is empty. Fails with LeaseLost."""
    tx.group.setdefault(_GIVEN_BACK, set()).add(claim.key)
    in_order = not unordered(claim.lane)
    if tx.is_sqlite:  # where nobody else writes, looking first saves a statement
        due = tx.one(_NEXT_JOB[in_order], shard=claim.shard, name=claim.lane).due
        if due is None:
            tx.must(_DROP, _lost(claim), **_of(claim))
        else:
            tx.must(_LEAVE, _lost(claim), **_of(claim), next_due=due)
        return
    # Before anybody looks: a job that comes to the lane between look and change would lie there unseen.
    tx.must(_LOCK, _lost(claim), **_of(claim))
    tx.run(_RELEASE[in_order], **_of(claim))
    tx.run(_CLOSE, **_of(claim))


def _next_due(*, in_order: bool) -> Any:
    of_lane = (job.c.shard == lane.c.shard, job.c.name == lane.c.name)
    if in_order:
        return select(job.c.due).where(*of_lane).order_by(job.c.seq).limit(1).scalar_subquery()
    return select(func.min(job.c.due)).where(*of_lane).scalar_subquery()


_NEXT_JOB = {
    in_order: Prepared(
        select(
            select(job.c.due).where(*_OF_LANE).order_by(job.c.seq).limit(1).scalar_subquery().label("due")
            if in_order
            else select(func.min(job.c.due, type_=Instant)).where(*_OF_LANE).scalar_subquery().label("due")
        )
    )
    for in_order in (True, False)
}
_LEAVE = Prepared(
    update(lane).where(*_MINE).values(lease_until=None, due=bindparam("next_due", type_=Instant))
)
_DROP = Prepared(delete(lane).where(*_MINE))
_SOME_JOB = exists().where(job.c.shard == lane.c.shard, job.c.name == lane.c.name)
_LOCK = Prepared(update(lane).where(*_MINE).values(lease_until=None))
_RELEASE = {
    in_order: Prepared(update(lane).where(*_MINE, _SOME_JOB).values(due=_next_due(in_order=in_order)))
    for in_order in (True, False)
}
_CLOSE = Prepared(delete(lane).where(*_MINE, ~_SOME_JOB))


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
