"""What must happen later, and in which order? Jobs on lanes, each written in the transaction of its cause.

A lane's jobs run one after another, lanes run side by side (core.store.lanes). A timer is a job whose time has not come. What
fails comes again later; what keeps failing is buried where staff see it. Proofs and figures: stack.md 3.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Table, bindparam, case, delete, select, update

from core.ids import new_id
from core.store import tables
from core.store.columns import Instant, to_micros
from core.store.tx import Prepared, Row, Tx

RETRY_FIRST = 30.0  # seconds
RETRY_LAST = 3600.0  # seconds
MAX_ATTEMPTS = 8  # then the job is dead, and staff see it

CREWS = ("intake", "devices", "timer", "work", "lease")
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
) -> None:
    """Add a job to a lane, unless a job of the shard with this `idem_key` is there already.

    The lane row comes first: its lock puts the jobs of concurrent transactions in the order of their commits.
    """
    _add(
        tx, _NEW_JOB, shard=shard, lane=lane, kind=kind, payload=payload, due=due, now=now, idem_key=idem_key
    )


def set_timer(
    tx: Tx, *, shard: str, key: str, kind: str, payload: Mapping[str, Any], due: datetime, now: datetime
) -> None:
    """Make or move the one timer of this key on the shard."""
    _add(tx, _TIMER, shard=shard, lane="timer", kind=kind, payload=payload, due=due, now=now, idem_key=key)


def move_timers(tx: Tx, timers: Mapping[str, datetime], *, key: str, kind: str, now: datetime) -> None:
    """`set_timer` without a payload for many shards at once; most of them have one of this key already.

    `timers`: shard to when it is due. The shards lie close together: what is between them is looked through.
    """
    if not timers:
        return
    there = {
        row.shard: row
        for row in tx.all(_TIMERS, idem_key=key, first=min(timers), last=max(timers))
        if row.shard in timers
    }
    sooner = [row.shard for row in there.values() if row.lane_due > timers[row.shard]]
    moved = [row.shard for row in there.values() if row.due != timers[row.shard] or row.attempt]
    tx.change_all(_MOVE_LANE, [{"shard": shard, "name": "timer", "due": timers[shard]} for shard in sooner])
    tx.change_all(_MOVE_JOB, [{"shard": shard, "idem_key": key, "due": timers[shard]} for shard in moved])
    for shard, due in timers.items():
        if shard not in there:
            set_timer(tx, shard=shard, key=key, kind=kind, payload={}, due=due, now=now)
    if min(timers.values()) <= now:
        tx.tell("work", "timer")


def hasten(tx: Tx, *, shard: str, key: str, now: datetime) -> None:
    """The job of this key is due now, if it is still there."""
    tx.run(_WAKE_LANE, shard=shard, idem_key=key, to=now)
    tx.run(_WAKE_JOB, shard=shard, idem_key=key, to=now)
    tx.tell("work")


def begin(tx: Tx, shard: str) -> None:
    """The shard is made in this transaction: nobody need look for lanes of it."""
    tx.memo[f"lanes of {shard}"] = set()


def _add(tx: Tx, statement: _Addition, *, lane: str, now: datetime, **about: Any) -> None:
    team = crew(lane)
    values = {"name": lane, "id": new_id(), "attempt": 0, "created_at": now, **about}
    opened = {"epoch": to_micros(now), "crew": team, "owner": "", "last_seq": 1}
    there = tx.memo.get(f"lanes of {about['shard']}")
    if there is not None and lane not in there:
        there.add(lane)
        tx.insert(tables.lane, shard=about["shard"], name=lane, due=about["due"], **opened)
        tx.insert(job, seq=1, **values)
    elif tx.is_sqlite:
        # Where nobody else writes, looking first is three times as quick as one statement for everything.
        last = tx.one(_LAST_SEQ, shard=about["shard"], name=lane)
        if last is None:
            tx.insert(tables.lane, shard=about["shard"], name=lane, due=about["due"], **opened)
        else:
            tx.run(_JOIN_LANE, shard=about["shard"], name=lane, due=about["due"])
        tx.run(statement.job, seq=1 if last is None else last.last_seq + 1, **values)
    else:
        tx.run(statement.both, **values, **opened)
    # Nobody is woken for what has time: it would be a look, and a commit, for nothing.
    if about["due"] <= now:
        tx.tell("work", team)


def _least(stored: Any, new: Any) -> Any:
    # Written out because SQLite calls it min() and PostgreSQL least().
    return case((stored < new, stored), else_=new)


@dataclass(frozen=True, slots=True)
class _Addition:
    """A job with its lane, in two ways."""

    job: Prepared
    """The job alone, at the place `seq`."""
    both: Prepared
    """PostgreSQL: its lane opened, or its due lowered, and the job at the next place in it, in one statement.

    An empty lane is deleted; made anew, it must not repeat an epoch that a lost worker may still hold.
    """


def _addition(on_conflict: Callable[[Any], Any]) -> _Addition:
    columns = [c for c in job.columns if c.name not in ("seq", "last_error")]
    given = [bindparam(c.name, type_=c.type) for c in columns]

    def job_alone(insert: Any) -> Any:
        return on_conflict(insert(job).values(seq=bindparam("seq"), **{b.key: b for b in given}))

    def both(insert: Any) -> Any:
        opened = (
            insert(lane)
            .values(
                {c.name: bindparam(c.name, type_=c.type) for c in lane.columns if c.name != "lease_until"}
            )
            .on_conflict_do_update(
                index_elements=["shard", "name"],
                set_={
                    "due": _least(lane.c.due, bindparam("due", type_=Instant)),
                    "last_seq": lane.c.last_seq + 1,
                },
            )
            .returning(lane.c.last_seq)
            .cte("opened")
        )
        placed = select(*given, opened.c.last_seq)
        return on_conflict(insert(job).from_select([*(c.name for c in columns), "seq"], placed))

    return _Addition(Prepared(job_alone), Prepared(both))


_NEW_JOB = _addition(lambda insertion: insertion.on_conflict_do_nothing())
_TIMER = _addition(
    lambda insertion: insertion.on_conflict_do_update(
        index_elements=["shard", "idem_key"],
        set_={name: insertion.excluded[name] for name in ("kind", "payload", "due", "attempt")},
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
_TIMERS = Prepared(
    select(job.c.shard, job.c.due, job.c.attempt, lane.c.due.label("lane_due"))
    .select_from(job.join(lane, (lane.c.shard == job.c.shard) & (lane.c.name == job.c.name)))
    .where(
        job.c.shard >= bindparam("first", type_=job.c.shard.type),
        job.c.shard <= bindparam("last", type_=job.c.shard.type),
        job.c.idem_key == bindparam("idem_key"),
    )
)
_MOVE_LANE = Prepared(
    update(lane)
    .where(lane.c.shard == bindparam("shard"), lane.c.name == bindparam("name"))
    .values(due=_least(lane.c.due, bindparam("due", type_=Instant)))
)
_MOVE_JOB = Prepared(
    update(job)
    .where(job.c.shard == bindparam("shard"), job.c.idem_key == bindparam("idem_key"))
    .values(due=bindparam("due", type_=Instant), attempt=0)
)
_KEYED = (job.c.shard == bindparam("shard"), job.c.idem_key == bindparam("idem_key"))
_TO = bindparam("to", type_=Instant)
_WAKE_LANE = Prepared(
    update(lane)
    .where(
        lane.c.shard == bindparam("shard"),
        lane.c.name == select(job.c.name).where(*_KEYED).scalar_subquery(),
        lane.c.due > _TO,
    )
    .values(due=_TO)
)
_WAKE_JOB = Prepared(update(job).where(*_KEYED, job.c.due > _TO).values(due=_TO))


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


def cancel(tx: Tx, *, shard: str, key: str) -> bool:
    """Take the job of this key off its lane; say whether it was there. A worker that has it in hand drops it."""
    return tx.changed(_CANCEL, shard=shard, idem_key=key) > 0


_CANCEL = Prepared(
    delete(job).where(job.c.shard == bindparam("shard"), job.c.idem_key == bindparam("idem_key"))
)


def move(tx: Tx, *, shard: str, to: str, lane_of: Callable[[Row], str | None], now: datetime) -> None:
    """Take jobs of a shard to another, in their order; `lane_of` says on which lane each goes on, None: it stays.

    What a worker has in hand stays where it is until it is done: its lane would be no longer the one that was claimed. Until
    the end of the transaction nobody claims what is moved, and what was just being done is done before.
    """
    locked = not tx.is_sqlite
    # Jobs before lanes, as whoever finishes a job takes them.
    jobs = tx.all(_OF_SHARD[locked], shard=shard)
    held = {
        row.name for row in tx.all(_LANES[locked], shard=shard) if row.lease_until and row.lease_until >= now
    }
    for row in jobs:
        name = lane_of(row)
        if name is None or row.name in held:
            continue
        tx.run(_TAKE_OFF, shard=shard, name=row.name, seq=row.seq)
        about = {"kind": row.kind, "payload": row.payload, "due": row.due, "idem_key": row.idem_key}
        same = {"id": row.id, "attempt": row.attempt, "created_at": row.created_at}
        _add(tx, _NEW_JOB, shard=to, lane=name, now=now, **about, **same)
    for row in tx.all(_DEAD_OF_SHARD, shard=shard):
        name = lane_of(row)
        if name is not None:
            tx.update(dead_job, {"shard": shard, "id": row.id}, shard=to, name=name)


def _of_shard(table: Table, *order: str) -> dict[bool, Prepared]:
    """By whether the rows are locked."""
    rows = select(table).where(table.c.shard == bindparam("shard")).order_by(*(table.c[one] for one in order))
    return {False: Prepared(rows), True: Prepared(rows.with_for_update())}


_OF_SHARD = _of_shard(job, "name", "seq")
_LANES = _of_shard(lane, "name")
_DEAD_OF_SHARD = Prepared(select(dead_job).where(dead_job.c.shard == bindparam("shard")))
_TAKE_OFF = Prepared(
    delete(job).where(
        job.c.shard == bindparam("shard"), job.c.name == bindparam("name"), job.c.seq == bindparam("seq")
    )
)


class Moved(Exception):
    """The job was moved or cancelled while somebody had it in hand: what they made of it must not stand."""


def done(tx: Tx, done_job: Job) -> None:
    """Forget the job, before its effect is written. Fails with Moved, at the end of the transaction at the latest.

    Before, because an effect may set the very timer again that it comes from.
    """
    tx.must(
        _DONE,
        Moved(done_job.id),
        shard=done_job.shard,
        name=done_job.lane,
        seq=done_job.seq,
        id=done_job.id,
        due=done_job.due,
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


def behind(tx: Tx, of: Job) -> bool:
    """Is there a job before it on its lane?"""
    return tx.one(_BEFORE, shard=of.shard, name=of.lane, seq=of.seq) is not None


_BEFORE = Prepared(
    select(job.c.id)
    .where(job.c.shard == bindparam("shard"), job.c.name == bindparam("name"), job.c.seq < bindparam("seq"))
    .limit(1)
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
    _put(tx, tried, due=due, attempt=attempt, error=error)
    return due


def again(tx: Tx, of: Job, *, now: datetime) -> Job:
    """Write a job again that is `done`, at its old place in the lane: it did a part, and goes on at once. Return it as it lies there."""
    _put(tx, of, due=now, attempt=of.attempt, error="")
    return replace(of, due=now)


def _put(tx: Tx, tried: Job, *, due: datetime, attempt: int, error: str) -> None:
    tx.insert_missing(
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
