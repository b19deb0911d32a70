"""A lane has one owner at a time, and who lost it changes nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from core.ids import fixed_id
from core.store import lanes, tables, work
from core.store.database import Database
from core.store.lanes import LeaseLost
from core.store.tx import Tx

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
TICKET = fixed_id("ticket")


def todo(tx: Tx, at: datetime = NOON) -> None:
    work.enqueue(tx, shard=TICKET, lane="send:t:email", kind="note", payload={}, due=at, now=at)


async def test_an_enqueue_does_not_break_a_lease(db: Database) -> None:
    await db.write(todo)
    (claim,) = await db.write(lanes.claim, crew="send:email", owner="a", now=NOON, most=10)

    await db.write(todo)

    assert await db.write(lanes.claim, crew="send:email", owner="b", now=NOON, most=10) == []
    await db.write(lanes.release, claim)
    assert len(await db.write(lanes.claim, crew="send:email", owner="b", now=NOON, most=10)) == 1


async def test_a_lane_made_anew_refuses_the_epoch_of_the_old_one(db: Database) -> None:
    await db.write(todo)
    (old,) = await db.write(lanes.claim, crew="send:email", owner="a", now=NOON, most=10)

    def take_over(tx: Tx) -> None:
        later = NOON + lanes.LEASE + timedelta(seconds=1)
        (claim,) = lanes.claim(tx, crew="send:email", owner="b", now=later, most=10)
        work.done(tx, claim.jobs[0])
        lanes.release(tx, claim)
        todo(tx, at=later)

    await db.write(take_over)

    assert await db.write(lanes.renew, old, now=NOON) is False
    with pytest.raises(LeaseLost):
        await db.write(lanes.guard, old, now=NOON)
    with pytest.raises(LeaseLost):
        await db.write(lanes.release, old)


async def test_a_lane_that_was_given_back_is_not_leased_again_by_a_late_renewal(db: Database) -> None:
    def give_back(tx: Tx) -> lanes.Claim:
        work.enqueue(tx, shard=TICKET, lane="timer", kind="note", payload={}, due=NOON, now=NOON)
        (claim,) = lanes.claim(tx, crew="timer", owner="a", now=NOON, most=1)
        lanes.let_go(tx, claim)
        return claim

    old = await db.write(give_back)

    assert await db.write(lanes.renew, old, now=NOON) is False
    with pytest.raises(LeaseLost):
        await db.write(lanes.guard, old, now=NOON)
    assert len(await db.write(lanes.claim, crew="timer", owner="b", now=NOON, most=1)) == 1


async def test_the_same_intention_is_written_down_once(db: Database) -> None:
    def intend(tx: Tx, kind: str) -> None:
        work.enqueue(
            tx, shard=TICKET, lane="timer", kind=kind, payload={}, due=NOON, now=NOON, idem_key="close"
        )

    await db.write(lambda tx: (intend(tx, "first"), intend(tx, "at once")))
    await db.write(intend, "later")

    assert [row.kind for row in await db.read(lambda tx: tx.all(tables.job.select()))] == ["first"]


async def test_a_timer_that_is_set_again_moves_and_rings_once(db: Database) -> None:
    def ring(tx: Tx, at: datetime) -> None:
        work.set_timer(tx, shard=TICKET, key="clocks", kind="note", payload={}, due=at, now=NOON)

    def set_twice(tx: Tx) -> None:
        work.begin(tx, TICKET)
        ring(tx, NOON + timedelta(hours=2))
        ring(tx, NOON + timedelta(hours=1))

    await db.write(set_twice)
    await db.write(ring, NOON + timedelta(minutes=5))

    assert [row.due for row in await db.read(lambda tx: tx.all(tables.job.select()))] == [
        NOON + timedelta(minutes=5)
    ]
    at_five = NOON + timedelta(minutes=5)
    (claim,) = await db.write(lanes.claim, crew="timer", owner="a", now=at_five, most=1)
    assert len(claim.jobs) == 1


async def test_what_has_time_is_hastened_where_it_lies(db: Database) -> None:
    def wait(tx: Tx) -> None:
        soon = NOON + timedelta(minutes=1)
        work.enqueue(
            tx, shard=TICKET, lane="send:t:email", kind="note", payload={}, due=soon, now=NOON, idem_key="it"
        )

    await db.write(wait)
    assert await db.write(lanes.claim, crew="send:email", owner="a", now=NOON, most=1) == []

    await db.write(work.hasten, shard=TICKET, key="it", now=NOON)
    await db.write(work.hasten, shard=TICKET, key="nothing", now=NOON)

    (claim,) = await db.write(lanes.claim, crew="send:email", owner="a", now=NOON, most=1)
    assert len(claim.jobs) == 1
