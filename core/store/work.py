"""What must happen later, in which order, and who is doing it now? Lanes of jobs with leases and fences.

A job is written in the transaction of its cause. A lane's jobs run one after another, lanes run side by side.
A worker claims a lane, works outside any transaction, and commits effect and acknowledgement together; the lane's
epoch makes sure that a worker who lost its lease changes nothing. Proofs and figures: stack.md 3.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, case, delete, func, select, update

from core.ids import new_id
from core.store import tables
from core.store.columns import Instant, to_micros
from core.store.tx import Prepared, Row, Tx

LEASE = timedelta(seconds=60)
RETRY_FIRST = 30.0  # seconds
RETRY_LAST = 3600.0  # seconds
MAX_ATTEMPTS = 8  # then the job is dead, and staff see it
JOBS_PER_LANE = 50  # taken with one claim

UNORDERED = ("timer", "intake")
"""Lanes, by the first word of their name, whose jobs do not wait for one another."""

CREWS = ("intake", "timer", "work", "lease")
"""Crews beside those of the channels. `lease` is nobody's: its lanes hold no jobs, only who has them."""

lane, job, dead_job = tables.lane, tables.job, tables.dead_job


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One thing to do."""

    shard: str
    lane: str
    seq: int
    id: str
    kind: str
    payload: Mapping[str, Any]
    due: datetime
    attempt: int
    """How often it was tried before."""
    idem_key: str | None = None
    created_at: datetime


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


def _least(stored: Any, new: Any) -> Any:
    # Written out because SQLite calls it min() and PostgreSQL least().
    return case((stored < new, stored), else_=new)


_OPEN_LANE = Prepared(
    lambda insert: (
        insert(lane)
        .values(
            shard=bindparam("shard"),
            name=bindparam("name"),
            due=bindparam("due", type_=Instant),
            owner="",
            epoch=bindparam("epoch"),
            last_seq=1,
            crew=bindparam("crew"),
        )
        .on_conflict_do_update(
            index_elements=["shard", "name"],
            set_={
                "due": _least(lane.c.due, bindparam("due", type_=Instant)),
                "last_seq": lane.c.last_seq + 1,
            },
        )
        .returning(lane.c.last_seq)
    )
)


def enqueue(
    tx: Tx,
    *,
    shard: str,
    lane: str,
    kind: str,
    payload: Mapping[str, Any],
    due: datetime,
    now: datetime,
    idem_key: str | None = None,
) -> str | None:
    """Add a job to a lane; return its id, or None when a job with this `idem_key` is there already.

    The lane row comes first: its lock puts the jobs of concurrent transactions in the order of their commits.
    """
    team = crew(lane)
    seq = _next_seq(tx, shard=shard, name=lane, due=due, epoch=to_micros(now), crew=team)
    identity = new_id()
    values = {
        "shard": shard,
        "name": lane,
        "seq": seq,
        "id": identity,
        "kind": kind,
        "payload": payload,
        "due": due,
        "attempt": 0,
        "idem_key": idem_key,
        "created_at": now,
    }
    if idem_key is None:
        tx.insert(job, **values)
    elif not tx.insert_new(job, **values):  # somebody had the same intention before
        return None
    if due <= now:  # nobody is woken for what has time: it would be a look, and a commit, for nothing
        tx.tell("work", team)
    return identity


def _next_seq(tx: Tx, **values: Any) -> int:
    """Open the lane, or lower its due; return the place of the next job in it.

    An empty lane is deleted; made anew, it must not repeat an epoch that a lost worker may still hold.
    """
    if not tx.is_sqlite:
        return int(tx.one(_OPEN_LANE, **values).last_seq)
    # Where nobody else writes, looking first is three times as quick.
    found = tx.one(_LAST_SEQ, shard=values["shard"], name=values["name"])
    if found is None:
        tx.insert(lane, owner="", last_seq=1, **values)
        return 1
    tx.run(_JOIN_LANE, shard=values["shard"], name=values["name"], due=values["due"])
    return int(found.last_seq) + 1


_LAST_SEQ = Prepared(
    select(lane.c.last_seq).where(lane.c.shard == bindparam("shard"), lane.c.name == bindparam("name"))
)
_JOIN_LANE = Prepared(
    update(lane)
    .where(lane.c.shard == bindparam("shard"), lane.c.name == bindparam("name"))
    .values(due=_least(lane.c.due, bindparam("due", type_=Instant)), last_seq=lane.c.last_seq + 1)
)


def crew(name: str) -> str:
    """Which of a worker's crews takes this lane, by its name. Crews do not wait for one another.

    Sends have one crew for each channel: `send:<thread>:<channel>`.

    >>> crew("intake:07"), crew("timer"), crew("send:0192:email"), crew("reports")
    ('intake', 'timer', 'send:email', 'work')
    """
    words = name.split(":")
    if words[0] == "send" and len(words) == 3:  # noqa: PLR2004 - as said above
        return f"send:{words[2]}"
    return words[0] if words[0] in CREWS else "work"


_BY_IDEM = Prepared(
    select(job.c.name, job.c.seq).where(
        job.c.shard == bindparam("shard"), job.c.idem_key == bindparam("idem_key")
    )
)


def set_timer(
    tx: Tx, *, shard: str, key: str, kind: str, payload: Mapping[str, Any], due: datetime, now: datetime
) -> None:
    """Make or move the one timer of this key on the shard."""
    made = enqueue(tx, shard=shard, lane="timer", kind=kind, payload=payload, due=due, now=now, idem_key=key)
    found = None if made else tx.one(_BY_IDEM, shard=shard, idem_key=key)
    if found is None:
        return
    key_of_job = {"shard": shard, "name": found.name, "seq": found.seq}
    tx.update(job, key_of_job, kind=kind, payload=payload, due=due, attempt=0)
    tx.run(_LOWER, shard=shard, name=found.name, to=due)
    if due <= now:
        tx.tell("work", "timer")


_LOWER = Prepared(
    update(lane)
    .where(
        lane.c.shard == bindparam("shard"),
        lane.c.name == bindparam("name"),
        lane.c.due > bindparam("to", type_=Instant),
    )
    .values(due=bindparam("to", type_=Instant))
)


def cancel(tx: Tx, *, shard: str, key: str) -> bool:
    """Take the job of this key off its lane; say whether it was there. A worker that has it in hand drops it."""
    return tx.run(_CANCEL, shard=shard, idem_key=key) > 0


_CANCEL = Prepared(
    delete(job).where(job.c.shard == bindparam("shard"), job.c.idem_key == bindparam("idem_key"))
)


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


def renew(tx: Tx, claim: Claim, *, now: datetime) -> None:
    """Keep the lane. Raises LeaseLost; also the fence, run first in the transaction of every effect."""
    if not tx.run(
        _RENEW, shard=claim.shard, name=claim.lane, epoch=claim.epoch, lease_until=now + claim.lease
    ):
        message = f"lane {claim.lane} of {claim.shard} was taken over"
        raise LeaseLost(message)


def done(tx: Tx, done_job: Job) -> bool:
    """Forget the job, before its effect is written; False: it was moved or cancelled meanwhile, drop the effect.

    Before, because an effect may set the very timer again that it comes from.
    """
    return (
        tx.run(
            _DONE,
            shard=done_job.shard,
            name=done_job.lane,
            seq=done_job.seq,
            id=done_job.id,
            due=done_job.due,
        )
        > 0
    )


_DONE = Prepared(
    delete(job).where(
        job.c.shard == bindparam("shard"),
        job.c.name == bindparam("name"),
        job.c.seq == bindparam("seq"),
        job.c.id == bindparam("id"),
        job.c.due == bindparam("due", type_=Instant),
    )
)


def failed(
    tx: Tx,
    failed_job: Job,
    *,
    error: str,
    now: datetime,
    retry_after: float | None = None,
    permanent: bool = False,
    waits: Sequence[float] | None = None,
) -> datetime | None:
    """Note a failure: try again later (return when), or, when there is no hope, bury the job (None).

    `waits`: seconds before each further try, the last one repeated; without it, doubling from 30 s to 1 h, eight
    tries. `retry_after`: never sooner than this. A job that was moved or cancelled meanwhile is left as it is.
    """
    if not done(tx, failed_job):
        return None
    if permanent or exhausted(failed_job, waits):
        bury(tx, failed_job, reason=error, now=now)
        return None
    return put_back(tx, failed_job, error=error, now=now, retry_after=retry_after, waits=waits)


def exhausted(tried: Job, waits: Sequence[float] | None) -> bool:
    """Was this the last try? With waits of its own a job is tried until its handler says otherwise."""
    return waits is None and tried.attempt + 1 >= MAX_ATTEMPTS


def put_back(
    tx: Tx,
    tried: Job,
    *,
    error: str,
    now: datetime,
    retry_after: float | None = None,
    waits: Sequence[float] | None = None,
) -> datetime:
    """Write a job again that is `done`, at its old place in the lane, for a later try; return when."""
    attempt = tried.attempt + 1
    due = now + timedelta(seconds=max(_wait(attempt, waits), retry_after or 0.0))
    tx.insert_new(
        job,
        shard=tried.shard,
        name=tried.lane,
        seq=tried.seq,
        id=tried.id,
        kind=tried.kind,
        payload=tried.payload,
        due=due,
        attempt=attempt,
        idem_key=tried.idem_key,
        created_at=tried.created_at,
        last_error=error[:2000],
    )
    return due


def _wait(attempt: int, waits: Sequence[float] | None) -> float:
    if waits is not None:
        return waits[min(attempt, len(waits)) - 1]
    wait: float = min(RETRY_FIRST * 2 ** (attempt - 1), RETRY_LAST)
    return wait * random.uniform(0.8, 1.2)  # noqa: S311 - spreads retries, guards nothing


def bury(tx: Tx, dead: Job, *, reason: str, now: datetime) -> None:
    """Put a job that is `done` into the list that staff see and can retry from."""
    tx.insert(
        dead_job,
        shard=dead.shard,
        id=dead.id,
        name=dead.lane,
        kind=dead.kind,
        payload=dead.payload,
        attempt=dead.attempt + 1,
        created_at=dead.created_at,
        died_at=now,
        reason=reason[:2000],
    )
    tx.tell("dead")


def revive(tx: Tx, *, shard: str, identity: str, now: datetime) -> bool:
    """Put a dead job back on its lane; say whether it was there."""
    row = tx.one(_DEAD, shard=shard, id=identity)
    if row is None:
        return False
    tx.run(_FORGET_DEAD, shard=shard, id=identity)
    enqueue(tx, shard=shard, lane=row.name, kind=row.kind, payload=row.payload, due=now, now=now)
    return True


def dismiss(tx: Tx, *, shard: str, identity: str) -> bool:
    """Forget a dead job; say whether it was there."""
    return tx.run(_FORGET_DEAD, shard=shard, id=identity) > 0


_DEAD = Prepared(
    select(dead_job).where(dead_job.c.shard == bindparam("shard"), dead_job.c.id == bindparam("id"))
)
_FORGET_DEAD = Prepared(
    delete(dead_job).where(dead_job.c.shard == bindparam("shard"), dead_job.c.id == bindparam("id"))
)

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
        changed = tx.run(_CLOSE, shard=claim.shard, name=claim.lane, epoch=claim.epoch)
    else:
        changed = tx.run(_RELEASE, shard=claim.shard, name=claim.lane, epoch=claim.epoch, due=row.due)
    if not changed:
        message = f"lane {claim.lane} of {claim.shard} was taken over"
        raise LeaseLost(message)


def next_due(tx: Tx) -> datetime | None:
    """When the next lane wants attention; None: no lane at all."""
    row = tx.one(_SOONEST)
    return None if row is None else row.due


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
    return tx.run(_FREE_ALL if owner is None else _FREE_OWNED, **({} if owner is None else {"owner": owner}))


_FREE_ALL = Prepared(update(lane).where(lane.c.lease_until.is_not(None)).values(lease_until=None))
_FREE_OWNED = Prepared(
    update(lane)
    .where(lane.c.lease_until.is_not(None), lane.c.owner == bindparam("owner"))
    .values(lease_until=None)
)

_SOONEST = Prepared(select(func.min(lane.c.due).label("due")).where(lane.c.lease_until.is_(None)))


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
