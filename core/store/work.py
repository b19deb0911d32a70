"""What must happen later, and in which order? Jobs on lanes, each written in the transaction of its cause.

A lane's jobs run one after another, lanes run side by side (core.store.lanes). A timer is a job whose time has not come. What
fails comes again later; what keeps failing is buried where staff see it. Proofs and figures: stack.md 3.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, case, delete, select, update

from core.ids import new_id
from core.store import tables
from core.store.columns import Instant, to_micros
from core.store.tx import Prepared, Tx

RETRY_FIRST = 30.0  # seconds
RETRY_LAST = 3600.0  # seconds
MAX_ATTEMPTS = 8  # then the job is dead, and staff see it

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


_BY_IDEM = Prepared(
    select(job.c.name, job.c.seq).where(
        job.c.shard == bindparam("shard"), job.c.idem_key == bindparam("idem_key")
    )
)
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
    return tx.changed(_CANCEL, shard=shard, idem_key=key) > 0


_CANCEL = Prepared(
    delete(job).where(job.c.shard == bindparam("shard"), job.c.idem_key == bindparam("idem_key"))
)


def done(tx: Tx, done_job: Job) -> bool:
    """Forget the job, before its effect is written; False: it was moved or cancelled meanwhile, drop the effect.

    Before, because an effect may set the very timer again that it comes from.
    """
    return (
        tx.changed(
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
    """Write a job again that is `done`, at its old place in the lane, for a later try; return when.

    `waits`: seconds before each further try, the last one repeated; without it, doubling from 30 s to 1 h, eight
    tries. `retry_after`: never sooner than this.
    """
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
    return tx.changed(_FORGET_DEAD, shard=shard, id=identity) > 0


_DEAD = Prepared(
    select(dead_job).where(dead_job.c.shard == bindparam("shard"), dead_job.c.id == bindparam("id"))
)
_FORGET_DEAD = Prepared(
    delete(dead_job).where(dead_job.c.shard == bindparam("shard"), dead_job.c.id == bindparam("id"))
)
