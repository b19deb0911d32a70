"""What is known of those who report? When a source was last heard, and when it must be heard again.

Messages only note what they are; whether a source fell silent or speaks again is for core.desk.alert_silence, when the timer rings.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, case, select, update

from core.alerting import AlertFact, Status
from core.desk import reference
from core.desk.alert_sources import OWN, AlertSource
from core.ids import fixed_id
from core.rules import silence
from core.rules.correlation import CLOCK_STEP
from core.rules.silence import Heard, Hearing
from core.store import tables, work
from core.store.columns import Id, Instant
from core.store.tx import Prepared, Row, Tx

state, job = tables.source_state, tables.job

TIMER = "heartbeat"
"""Kind and key of the job that looks whether a source fell silent; its payload names the source."""

_ONE = Prepared(select(state).where(state.c.name == bindparam("name")))
_ALL = Prepared(select(state).order_by(state.c.name))
_AT = bindparam("at", type_=Instant)
_HEARD = Prepared(
    update(state)
    .where(state.c.name == bindparam("of_name"))
    .values(
        # A message that is read again was sent before: the source has spoken since.
        seen_at=case((state.c.seen_at > _AT, state.c.seen_at), else_=_AT),
        received=state.c.received + bindparam("messages"),
    )
)
_LOCK = Prepared(update(state).where(state.c.name == bindparam("of_name")).values(received=state.c.received))
_WAITING = Prepared(
    # Whenever its first is tried again: what is behind that waits with it.
    select(job.c.id)
    .where(job.c.shard == bindparam("shard", type_=Id), job.c.name == bindparam("name"))
    .limit(1)
)


def lane_of(name: str) -> str:
    """The lane on which messages of a source wait to be understood, in the order in which they came."""
    return f"devices:{name}"


def heard(
    tx: Tx, source: AlertSource, facts: Sequence[AlertFact], *, at: datetime, now: datetime, messages: int = 1
) -> None:
    """The source sent so many messages until this instant. Its timer is set where there is none, or where it would ring too late."""
    tx.insert_missing(state, name=source.name)
    tx.run(_HEARD, of_name=source.name, at=at, messages=messages)
    beats = [fact for fact in facts if fact.status is Status.HEARTBEAT]
    row = tx.one(_ONE, name=source.name)
    if beats and (row.beat_at is None or row.beat_at <= at):
        said = [fact.every for fact in beats if fact.every]
        change(tx, source.name, beat_at=at, every_s=int(min(said)) if said else 0)
        row = tx.one(_ONE, name=source.name)
    known = of(row)
    span = silence.watched(source.heartbeat, known)
    if span is None:
        return
    due = (known.beat_at or known.seen_at or at) + span + source.heartbeat_grace
    if row.silent_since is not None:
        watch(tx, source.name, now, now=now)
    elif row.watch_at is None or due < row.watch_at:
        watch(tx, source.name, max(due, now), now=now)


def of(row: Row | None) -> Heard:
    """What a rule must know of it."""
    if row is None:
        return Heard()
    every = timedelta(seconds=row.every_s) if row.every_s else None
    return Heard(seen_at=row.seen_at, beat_at=row.beat_at, every=every)


def locked(tx: Tx, name: str) -> Row:
    """The row, for nobody else until the end of the transaction."""
    tx.insert_new(state, name=name)
    tx.run(_LOCK, of_name=name)
    return tx.one(_ONE, name=name)


def one(tx: Tx, name: str) -> Row | None:
    """The row."""
    return tx.one(_ONE, name=name)


def every_one(tx: Tx) -> dict[str, Row]:
    """All rows, by name."""
    return {row.name: row for row in tx.all(_ALL)}


def change(tx: Tx, name: str, **values: Any) -> None:
    """Change its columns."""
    tx.update(state, {"name": name}, **values)


def watch(tx: Tx, name: str, due: datetime, *, now: datetime) -> None:
    """Look then whether it fell silent, or speaks again."""
    work.set_timer(
        tx,
        shard=fixed_id(f"source:{name}"),
        key=TIMER,
        kind=TIMER,
        payload={"source": name},
        due=due,
        now=now,
    )
    change(tx, name, watch_at=due)


def rounds(tx: Tx, *, now: datetime) -> bool:
    """The hub is there: said once a minute. After a gap nobody knows who was silent in it. Return whether its clock was set back since.

    A round of another hub, whose clock runs before ours by less than CLOCK_STEP, is neither.
    """
    row = locked(tx, OWN)
    set_back = row.round_at is not None and row.round_at - now > CLOCK_STEP
    gap = row.round_at is None or set_back or now - row.round_at > silence.ABSENT
    change(tx, OWN, round_at=now, **({"rounds_since": now} if gap else {}))
    return set_back


def hearing(tx: Tx, name: str) -> Hearing:
    """Could the hub have heard this source?"""
    own = one(tx, OWN)
    messages = lane_of(name)
    return Hearing(
        round_at=own.round_at if own is not None else None,
        since=own.rounds_since if own is not None else None,
        deaf=own is not None and own.silent_since is not None and name != OWN,
        messages_wait=tx.one(_WAITING, shard=fixed_id(messages), name=messages) is not None,
    )


def nobody_else(tx: Tx, source: AlertSource) -> bool:
    """Does no other source speak for the customer? Of one that speaks for many, the answer is that none does."""
    if source.customer is None:
        return source.name != OWN
    states: Mapping[str, Row] = every_one(tx)
    return not any(
        (known := states.get(other.name)) is not None
        and known.seen_at is not None
        and known.silent_since is None
        for other in reference.desk(tx).alert_sources.values()
        if other.customer == source.customer and other.enabled and other.name != source.name
    )
