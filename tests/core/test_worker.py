"""What was written down to be done is done: in order, once, after failures, crashes and losses."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from core.desk import contract_round, periodic_schedule, tidying, unattended
from core.ids import fixed_id
from core.rounds import Again, Effect, Handler, Hopeless, Retry
from core.store import lanes, schedules, tables, work
from core.store.database import Database, StoreUnavailable
from core.store.lanes import LeaseLost
from core.store.tx import Tx
from core.store.work import Job
from core.worker import Size, Worker

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
TICKET = fixed_id("ticket")


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now

    def passes(self, **span: float) -> None:
        self.now += timedelta(**span)


class Notes(Handler):
    """Writes down each payload's `what` in the order of commits. `answers`: what happens instead, by `what`."""

    def __init__(self) -> None:
        self.answers: dict[str, Exception | Callable[[Tx], Any]] = {}
        self.prepared: list[str] = []
        self.batches: list[int] = []
        self.gate: asyncio.Event | None = None
        self.dead_jobs: list[str] = []
        self.visible_elsewhere = False

    async def prepare(self, jobs: Sequence[Job]) -> Sequence[Effect | Exception]:
        self.batches.append(len(jobs))
        self.prepared += [job.payload["what"] for job in jobs]
        if self.gate is not None:
            await self.gate.wait()
        return [self._effect(job) for job in jobs]

    def _effect(self, job: Job) -> Effect | Exception:
        answer = self.answers.get(job.payload["what"])
        if isinstance(answer, Exception):
            return answer

        def effect(tx: Tx) -> Retry | Hopeless | None:
            written = _count(tx)
            tx.insert(tables.counter, name=f"{written:04} {job.payload['what']}", value=job.attempt)
            return answer(tx) if answer is not None else None

        return effect

    def dead(self, tx: Tx, job: Job, reason: str, *, now: datetime) -> bool:
        self.dead_jobs.append(f"{job.payload['what']}: {reason}")
        return self.visible_elsewhere


def _count(tx: Tx) -> int:
    return len(tx.all(select(tables.counter.c.name)))


def written(tx: Tx) -> list[str]:
    return [row.name[5:] for row in tx.all(select(tables.counter.c.name).order_by(tables.counter.c.name))]


def dead(tx: Tx) -> list[tuple[str, str]]:
    return [(row.payload["what"], row.reason) for row in tx.all(select(tables.dead_job))]


def left(tx: Tx) -> tuple[int, int]:
    return len(tx.all(select(tables.job.c.id))), len(tx.all(select(tables.lane.c.name)))


def todo(
    tx: Tx,
    *what: str,
    lane: str = "send:t:email",
    shard: str = TICKET,
    due: datetime = NOON,
    now: datetime = NOON,
) -> None:
    for one in what:
        work.enqueue(tx, shard=shard, lane=lane, kind="note", payload={"what": one}, due=due, now=now)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def notes() -> Notes:
    return Notes()


@pytest.fixture
def worker(db: Database, notes: Notes, clock: Clock) -> Worker:
    return Worker(db, {"note": notes}, owner="this hub", clock=clock)


@contextlib.asynccontextmanager
async def running(worker: Worker) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(worker.run())
    try:
        yield task
    finally:
        worker.stop()
        await task


async def until(question: Callable[[], Any], seconds: float = 5.0) -> None:
    async with asyncio.timeout(seconds):
        while True:
            answer = question()
            if asyncio.iscoroutine(answer):
                answer = await answer
            if answer:
                return
            await asyncio.sleep(0.01)


async def test_the_jobs_of_a_lane_run_in_their_order_and_nothing_is_left(
    db: Database, worker: Worker
) -> None:
    await db.write(todo, "one", "two", "three")

    assert await worker.drain() == 3

    assert await db.read(written) == ["one", "two", "three"]
    assert await db.read(left) == (0, 0)


async def test_a_job_that_is_not_due_holds_back_the_ones_behind_it(
    db: Database, worker: Worker, clock: Clock
) -> None:
    await db.write(todo, "later", due=NOON + timedelta(minutes=1))
    await db.write(todo, "behind")

    await worker.drain()
    assert await db.read(written) == []

    clock.passes(minutes=1)
    await worker.drain()
    assert await db.read(written) == ["later", "behind"]


async def test_timers_ring_as_each_falls_due(db: Database, worker: Worker, clock: Clock) -> None:
    await db.write(todo, "later", lane="timer", due=NOON + timedelta(minutes=1))
    await db.write(todo, "now", lane="timer")

    await worker.drain()
    assert await db.read(written) == ["now"]

    clock.passes(minutes=1)
    await worker.drain()
    assert await db.read(written) == ["now", "later"]


async def test_a_passing_failure_stops_its_lane_and_no_other(
    db: Database, worker: Worker, notes: Notes, clock: Clock
) -> None:
    await db.write(todo, "bad", "behind")
    await db.write(todo, "other", shard=fixed_id("another ticket"))
    notes.answers["bad"] = Retry("greylisted", retry_after=120)

    await worker.drain()
    assert await db.read(written) == ["other"]

    notes.answers.clear()
    clock.passes(seconds=119)
    await worker.drain()
    assert await db.read(written) == ["other"]

    clock.passes(seconds=2)
    await worker.drain()
    assert await db.read(written) == ["other", "bad", "behind"]


async def test_a_hopeless_job_is_buried_and_its_lane_goes_on_until_staff_revive_it(
    db: Database, worker: Worker, notes: Notes
) -> None:
    await db.write(todo, "bad", "behind")
    notes.answers["bad"] = Hopeless("no such address")

    await worker.drain()

    assert await db.read(written) == ["behind"]
    assert await db.read(dead) == [("bad", "no such address")]
    assert notes.dead_jobs == ["bad: no such address"]
    notes.answers.clear()
    row = (await db.read(lambda tx: tx.all(select(tables.dead_job))))[0]
    assert await db.write(work.revive, shard=row.shard, identity=row.id, now=NOON)
    await worker.drain()
    assert await db.read(written) == ["behind", "bad"]
    assert await db.read(dead) == []


async def test_a_job_that_keeps_failing_is_dead_after_eight_tries(
    db: Database, worker: Worker, notes: Notes, clock: Clock
) -> None:
    await db.write(todo, "bad")
    notes.answers["bad"] = RuntimeError("a bug")

    for _ in range(work.MAX_ATTEMPTS):
        await worker.drain()
        clock.passes(hours=2)

    assert notes.prepared == ["bad"] * work.MAX_ATTEMPTS
    assert await db.read(dead) == [("bad", "RuntimeError: a bug")]
    assert await db.read(left) == (0, 0)


async def test_with_waits_of_its_own_a_job_is_tried_until_its_handler_says_otherwise(
    db: Database, worker: Worker, notes: Notes, clock: Clock
) -> None:
    await db.write(todo, "bad")
    notes.answers["bad"] = Retry("busy", waits=(60, 300))

    for _ in range(12):
        await worker.drain()
        clock.passes(seconds=300)

    assert len(notes.prepared) == 12
    assert await db.read(dead) == []


async def test_what_is_visible_elsewhere_leaves_no_dead_job(
    db: Database, worker: Worker, notes: Notes
) -> None:
    await db.write(todo, "bad")
    notes.answers["bad"] = Hopeless("shown in the inbox")
    notes.visible_elsewhere = True

    await worker.drain()

    assert await db.read(dead) == []
    assert await db.read(left) == (0, 0)


async def test_a_failure_inside_the_transaction_leaves_nothing_of_it(
    db: Database, worker: Worker, notes: Notes
) -> None:
    def breaks(tx: Tx) -> None:
        raise KeyError("half-way")

    await db.write(todo, "bad", "behind", lane="timer")
    notes.answers["bad"] = breaks

    await worker.drain()

    assert await db.read(written) == ["behind"]
    assert await db.read(left) == (1, 1)


async def test_a_returned_retry_keeps_what_was_changed_and_tries_again(
    db: Database, worker: Worker, notes: Notes, clock: Clock
) -> None:
    await db.write(todo, "tried", "behind")
    notes.answers["tried"] = lambda tx: Retry("not taken", waits=(60,))

    await worker.drain()
    assert await db.read(written) == ["tried"]

    notes.answers.clear()
    clock.passes(seconds=61)
    await worker.drain()
    assert await db.read(written) == ["tried", "tried", "behind"]


async def test_jobs_that_need_no_order_are_prepared_together(
    db: Database, worker: Worker, notes: Notes
) -> None:
    for lane in range(4):
        await db.write(
            todo,
            *(f"{lane}.{n}" for n in range(10)),
            lane=f"intake:{lane:02}",
            shard=fixed_id(f"shard {lane}"),
        )

    await worker.drain()

    assert notes.batches == [40]
    assert len(await db.read(written)) == 40


async def test_one_bad_job_of_a_batch_costs_the_others_nothing(
    db: Database, worker: Worker, notes: Notes
) -> None:
    def breaks(tx: Tx) -> None:
        raise KeyError("poison")

    await db.write(todo, *(str(n) for n in range(10)), lane="intake:00")
    notes.answers["3"] = breaks
    notes.answers["4"] = Hopeless("unreadable")

    await worker.drain()

    assert sorted(await db.read(written)) == ["0", "1", "2", "5", "6", "7", "8", "9"]
    assert await db.read(dead) == [("4", "unreadable")]
    assert await db.read(left) == (1, 1)


def _breaks(tx: Tx) -> None:
    raise KeyError("poison")


def _later(tx: Tx) -> Retry:
    return Retry("not now")


def _refused(tx: Tx) -> None:
    """What the database refuses, and only when it is told: at the end."""
    tx.insert(tables.counter, name="zzzz twice", value=1)
    tx.insert(tables.counter, name="zzzz twice", value=1)


@pytest.mark.parametrize("lane", ["devices:am", "intake:01"])
async def test_what_the_database_refuses_at_the_end_is_counted_and_given_up_like_any_failure(
    db: Database, worker: Worker, notes: Notes, clock: Clock, lane: str
) -> None:
    await db.write(todo, "bad", "worse", lane=lane)
    notes.answers["bad"] = notes.answers["worse"] = _refused

    for _ in range(2 * work.MAX_ATTEMPTS):
        async with asyncio.timeout(30):  # it was tried for ever
            await worker.drain()
        clock.passes(hours=2)

    assert notes.prepared.count("bad") == work.MAX_ATTEMPTS
    assert {what for what, _ in await db.read(dead)} == {"bad", "worse"}
    assert await db.read(left) == (0, 0)


@pytest.mark.parametrize("answer", [_breaks, _later, _refused, Retry("not now")])
async def test_what_a_source_said_is_prepared_together_and_written_in_order_whatever_has_to_wait(
    db: Database, worker: Worker, notes: Notes, clock: Clock, answer: Any
) -> None:
    await db.write(todo, *(str(n) for n in range(6)), lane="devices:am")
    notes.answers["2"] = answer

    await worker.drain()

    assert notes.batches[0] == 6
    assert [one for one in await db.read(written) if one != "2"] == ["0", "1"]
    notes.answers.clear()
    clock.passes(minutes=2)
    await worker.drain()
    assert (await db.read(written))[-4:] == ["2", "3", "4", "5"]
    assert await db.read(left) == (0, 0)


async def test_what_is_given_up_lets_go_on_what_the_source_said_later(
    db: Database, worker: Worker, notes: Notes
) -> None:
    await db.write(todo, *(str(n) for n in range(6)), lane="devices:am")
    notes.answers["1"] = notes.answers["4"] = Hopeless("unreadable")
    notes.answers["2"] = lambda _: Hopeless("no use")
    await worker.drain()
    assert await db.read(written) == ["0", "2", "3", "5"]
    assert await db.read(dead) == [("1", "unreadable"), ("2", "no use"), ("4", "unreadable")]
    assert await db.read(left) == (0, 0)
    assert notes.batches == [6], "nothing is read again for it"


async def test_what_did_a_part_goes_on_before_what_is_behind_it(
    db: Database, worker: Worker, notes: Notes
) -> None:
    parts = iter((Again(), Again(), None))
    await db.write(todo, "long", "behind", "last", lane="devices:am")
    notes.answers["long"] = lambda _: next(parts)

    await worker.drain()

    assert await db.read(written) == ["long", "long", "long", "behind", "last"]
    assert await db.read(left) == (0, 0)
    assert notes.batches == [3], "what was read is kept"


async def test_a_kind_that_nobody_does_is_shown_not_lost(db: Database, clock: Clock) -> None:
    await db.write(todo, "what")

    await Worker(db, {}, owner="this hub", clock=clock).drain()

    assert await db.read(dead) == [("what", "nobody here does 'note'")]


async def test_a_database_that_was_away_while_preparing_is_no_failure_of_the_job(
    db: Database, worker: Worker, notes: Notes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.rounds.STORE_RETRY", 0.01)
    await db.write(todo, "job")
    tries = []

    async def prepare(jobs: Sequence[Job]) -> Sequence[Effect | Exception]:
        tries.append(jobs[0].attempt)
        if len(tries) == 1:
            raise StoreUnavailable("away")
        return [notes._effect(job) for job in jobs]

    monkeypatch.setattr(notes, "prepare", prepare)
    await worker.drain()

    assert tries == [0, 0]
    assert await db.read(written) == ["job"]


async def test_who_lost_the_lane_changes_nothing(
    db: Database, worker: Worker, notes: Notes, clock: Clock
) -> None:
    await db.write(todo, "once")
    notes.gate = asyncio.Event()
    slow = asyncio.create_task(worker.drain())
    await until(lambda: notes.prepared)

    clock.passes(seconds=lanes.LEASE.total_seconds() + 1)
    other_notes = Notes()
    await Worker(db, {"note": other_notes}, owner="another hub", clock=clock).drain()
    notes.gate.set()
    await slow

    assert other_notes.prepared == ["once"]
    assert await db.read(written) == ["once"]
    assert await db.read(left) == (0, 0)


async def test_a_timer_moved_while_it_is_in_hand_rings_at_its_new_time(
    db: Database, worker: Worker, notes: Notes, clock: Clock
) -> None:
    def timer(tx: Tx, due: datetime) -> None:
        work.set_timer(
            tx, shard=TICKET, key="clock", kind="note", payload={"what": "ring"}, due=due, now=NOON
        )

    await db.write(timer, NOON)
    notes.gate = asyncio.Event()
    ringing = asyncio.create_task(worker.drain())
    await until(lambda: notes.prepared)
    await db.write(timer, NOON + timedelta(minutes=5))
    notes.gate.set()
    await ringing
    assert await db.read(written) == []

    clock.passes(minutes=5)
    await worker.drain()
    assert await db.read(written) == ["ring"]


async def test_a_timer_cancelled_while_it_is_in_hand_does_not_ring(
    db: Database, worker: Worker, notes: Notes
) -> None:
    def timer(tx: Tx) -> None:
        work.set_timer(
            tx, shard=TICKET, key="clock", kind="note", payload={"what": "ring"}, due=NOON, now=NOON
        )

    await db.write(timer)
    notes.gate = asyncio.Event()
    ringing = asyncio.create_task(worker.drain())
    await until(lambda: notes.prepared)
    assert await db.write(work.cancel, shard=TICKET, key="clock")
    notes.gate.set()
    await ringing

    assert await db.read(written) == []
    assert await db.read(left) == (0, 0)


async def test_a_timer_may_set_itself_again(db: Database, worker: Worker, notes: Notes, clock: Clock) -> None:
    def again(tx: Tx) -> None:
        due = clock.now + timedelta(minutes=5)
        work.set_timer(
            tx, shard=TICKET, key="clock", kind="note", payload={"what": "ring"}, due=due, now=clock.now
        )

    await db.write(again)
    notes.answers["ring"] = again

    for _ in range(3):
        clock.passes(minutes=5)
        await worker.drain()

    assert await db.read(written) == ["ring"] * 3
    assert await db.read(left) == (1, 1)


async def test_a_running_worker_is_woken_by_the_commit(db: Database, notes: Notes) -> None:
    worker = Worker(db, {"note": notes}, owner="this hub", poll=60)
    async with running(worker):
        await asyncio.sleep(0.3)
        started = asyncio.get_running_loop().time()
        at = datetime.now(UTC)
        await db.write(todo, "now", due=at, now=at)
        await until(lambda: worker.done)

    assert asyncio.get_running_loop().time() - started < 2
    assert await db.read(written) == ["now"]


async def test_nobody_is_woken_for_what_is_not_due(db: Database) -> None:
    heard: list[tuple[str, str]] = []
    db.listen(heard.extend)

    await db.write(todo, "later", lane="timer", due=NOON + timedelta(minutes=1))
    assert heard == []
    await db.write(todo, "now", lane="timer", due=NOON)
    assert heard == [("work", "timer")]


async def test_what_is_overdue_at_the_start_is_found_without_a_hint(db: Database, notes: Notes) -> None:
    await db.write(todo, "overdue", lane="send:t:a-channel-nobody-has")
    worker = Worker(db, {"note": notes}, owner="this hub")
    async with running(worker):
        await until(lambda: worker.done)

    assert await db.read(written) == ["overdue"]


async def test_a_slow_channel_holds_up_nobody_else(db: Database, notes: Notes) -> None:
    class Slow(Handler):
        async def prepare(self, jobs: Sequence[Job]) -> Sequence[Effect | Exception]:
            await asyncio.sleep(1.5)
            return [lambda tx: None for _ in jobs]

    def queue(tx: Tx) -> None:
        for n in range(200):
            work.enqueue(
                tx,
                shard=fixed_id(f"ticket {n}"),
                lane="send:t:slow",
                kind="slow",
                payload={},
                due=NOON,
                now=NOON,
            )

    await db.write(queue)
    worker = Worker(db, {"note": notes, "slow": Slow()}, owner="this hub", poll=0.1)
    async with running(worker):
        await asyncio.sleep(0.2)
        await db.write(todo, "quick", lane="send:t:email")
        await db.write(todo, "read", lane="intake:00", shard=fixed_id("intake"))
        await until(lambda: len(notes.prepared) == 2, seconds=1)


async def test_a_long_preparation_keeps_its_lease(db: Database, notes: Notes) -> None:
    lease = timedelta(seconds=0.6)
    await db.write(todo, "long")
    notes.gate = asyncio.Event()
    worker = Worker(db, {"note": notes}, owner="this hub", lease=lease, poll=0.1)
    other_notes = Notes()
    other = Worker(db, {"note": other_notes}, owner="another hub", lease=lease, poll=0.1)
    async with running(worker):
        await until(lambda: notes.prepared)
        async with running(other):
            await asyncio.sleep(1.5)
            notes.gate.set()
            await until(lambda: worker.done)

    assert other_notes.prepared == []
    assert await db.read(written) == ["long"]


async def test_a_stop_finishes_what_is_in_hand_and_claims_no_more(db: Database, notes: Notes) -> None:
    await db.write(todo, "in hand")
    notes.gate = asyncio.Event()
    worker = Worker(db, {"note": notes}, owner="this hub", sizes={"send:email": Size(lanes=1, claim=1)})
    async with running(worker):
        await until(lambda: notes.prepared)
        await db.write(todo, "for the next", shard=fixed_id("another ticket"))
        worker.stop()
        asyncio.get_running_loop().call_later(0.2, notes.gate.set)

    assert await db.read(written) == ["in hand"]
    assert await db.read(left) == (1, 1)


async def test_what_cannot_be_finished_in_time_is_given_back_at_once(
    db: Database, notes: Notes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.worker.GRACE", 0.1)
    await db.write(todo, "stuck")
    notes.gate = asyncio.Event()
    async with running(Worker(db, {"note": notes}, owner="this hub")):
        await until(lambda: notes.prepared)

    now = datetime.now(UTC)
    (claim,) = await db.write(lanes.claim, crew="send:email", owner="the next", now=now, most=1)
    assert [job.payload["what"] for job in claim.jobs] == ["stuck"]


async def test_a_lease_is_held_by_one_and_passes_on(db: Database) -> None:
    first, second = (Worker(db, {}, owner=owner, lease=timedelta(seconds=1)) for owner in ("a", "b"))
    order: list[str] = []

    async def wait_for_it() -> None:
        async with second.lease("mailbox:noc"):
            order.append("second")

    async with first.lease("mailbox:noc"):
        waiting = asyncio.create_task(wait_for_it())
        await asyncio.sleep(0.5)
        order.append("first")
    await waiting

    assert order == ["first", "second"]


async def test_who_loses_a_lease_is_stopped_and_told(db: Database) -> None:
    def take_over(tx: Tx) -> None:
        lanes.free_all(tx)
        (lane,) = tx.all(select(tables.lane))
        assert lanes.hold(tx, shard=lane.shard, name=lane.name, owner="b", now=datetime.now(UTC)) is not None

    async def watch() -> None:
        async with worker.lease("mailbox:noc"):
            await db.write(take_over)
            await asyncio.sleep(5)

    worker = Worker(db, {}, owner="a", lease=timedelta(seconds=0.6), poll=0.1)
    async with running(worker):
        with pytest.raises(LeaseLost, match="mailbox:noc"):
            await watch()


async def test_each_slot_of_a_schedule_becomes_one_job_and_missed_ones_run_once(
    db: Database, worker: Worker, clock: Clock
) -> None:
    hourly = schedules.Schedule(name="digest", rhythm="every 3600", kind="note", payload={"what": "digest"})
    await db.write(schedules.ensure, hourly, now=clock.now)
    assert await db.write(schedules.tick, now=clock.now) == 0

    clock.passes(hours=1)
    assert await db.write(schedules.tick, now=clock.now) == 1
    assert await db.write(schedules.tick, now=clock.now) == 0
    await worker.drain()

    clock.passes(hours=5, minutes=30)
    assert await db.write(schedules.tick, now=clock.now) == 1
    jobs = await db.read(lambda tx: tx.all(select(tables.job)))
    assert jobs[0].payload == {"what": "digest", "slot": "2026-03-02T14:00:00+00:00", "late": True}
    assert await db.read(written) == ["digest"]


async def test_a_clock_that_is_set_back_stops_nothing_that_comes_every_minute_and_repeats_no_day(
    db: Database, clock: Clock
) -> None:
    for name, rhythm in (("watch", "every 60"), ("report", "daily 06:30")):
        one = schedules.Schedule(name=name, rhythm=rhythm, kind="note", payload={"what": name})
        await db.write(schedules.ensure, one, now=clock.now)
    clock.passes(days=1)
    assert await db.write(schedules.tick, now=clock.now) == 2

    clock.passes(hours=-6)  # the report of the day has run
    assert await db.read(schedules.due, now=clock.now)
    assert await db.write(schedules.tick, now=clock.now) == 1
    assert not await db.read(schedules.due, now=clock.now)
    clock.passes(minutes=1)
    assert await db.write(schedules.tick, now=clock.now) == 1

    clock.passes(days=-30)
    assert await db.write(schedules.tick, now=clock.now) == 1, "the report waits for its hour"
    clock.passes(days=1)
    assert await db.write(schedules.tick, now=clock.now) == 2
    reports = await db.read(lambda tx: tx.all(select(tables.job).where(tables.job.c.name == "report")))
    assert len(reports) == 2


async def test_two_hubs_whose_clocks_differ_a_little_make_one_job_of_each_slot(
    db: Database, clock: Clock
) -> None:
    watch = schedules.Schedule(name="watch", rhythm="every 60", kind="note", payload={"what": "watch"})
    await db.write(schedules.ensure, watch, now=clock.now)
    made = []
    for _ in range(5 * 60):
        clock.passes(seconds=1)
        for behind in (0, 2):
            now = clock.now - timedelta(seconds=behind)
            if await db.read(schedules.due, now=now):
                made += [now] * await db.write(schedules.tick, now=now)
    assert [at.second for at in made] == [0] * 5


async def test_a_daily_slot_follows_the_clock_on_the_wall(db: Database, clock: Clock) -> None:
    daily = schedules.Schedule(
        name="report", rhythm="daily 06:30", kind="note", payload={"what": "x"}, time_zone="Europe/Rome"
    )
    await db.write(schedules.ensure, daily, now=datetime(2026, 3, 28, 12, tzinfo=UTC))

    row = (await db.read(lambda tx: tx.all(select(tables.schedule))))[0]

    assert row.next_at == datetime(2026, 3, 29, 4, 30, tzinfo=UTC)  # summer time began that night


async def test_what_comes_daily_comes_at_that_time_of_the_hub(db: Database, clock: Clock) -> None:
    zone = await db.read(lambda tx: tx.facts.zone)
    for one in (contract_round.DAILY, periodic_schedule.DAILY, tidying.NIGHTLY, unattended.NIGHTLY):
        await db.write(schedules.ensure, one, now=NOON)

    found = await db.read(lambda tx: tx.all(select(tables.schedule)))

    assert zone.utcoffset(NOON)
    assert {row.name: f"daily {row.next_at.astimezone(zone):%H:%M}" for row in found} == {
        row.name: row.rhythm for row in found
    }


@pytest.mark.parametrize("rhythm", ["every 0", "daily 24:00", "hourly", "daily 6:30", ""])
def test_a_rhythm_that_is_none_is_refused(rhythm: str) -> None:
    with pytest.raises(ValueError, match="is no rhythm"):
        schedules.next_slot(rhythm, "UTC", after=NOON)


async def test_one_of_several_that_finds_nothing_does_not_look_again_at_every_hint(db: Database) -> None:
    async def looks(pause: float) -> int:
        asked: list[datetime] = []

        def clock() -> datetime:
            asked.append(NOON)
            return NOON

        async with running(Worker(db, {}, owner="this hub", clock=clock, poll=60.0, look_again=pause)):
            await asyncio.sleep(0.2)
            before = len(asked)
            for _ in range(20):
                db.tell([("work", "timer")])  # type: ignore[attr-defined]
                await asyncio.sleep(0.03)
            return len(asked) - before

    assert await looks(1.0) < await looks(0.0) / 2
