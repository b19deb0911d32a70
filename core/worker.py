"""Who does what was written down to be done? Crews that claim lanes, prepare outside, and commit effect and receipt.

One crew for each sort of lane (core.store.work.crew): a slow relay holds up nobody who reads. A crew claims a few lanes,
lets each kind's handler prepare their jobs, and writes each job in a transaction of its own: the fence, the job taken
off, its effect. Those of one claim queue together, so that SQLite's writer commits them as a group.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from core.ids import fixed_id
from core.log import get_logger
from core.store import schedules, work
from core.store.database import Database, StoreUnavailable, Topics
from core.store.tx import Tx
from core.store.work import Claim, Job, LeaseLost

POLL = 1.0  # seconds: the truth behind every wake-up
FIND_CREWS = 5.0  # seconds between looks for lanes of a channel we have not met
STOP_WITHIN = 0.2  # seconds until a stop is noticed
GRACE = 6.0  # seconds that work in hand may take at the end
GIVE_BACK = 0.8  # seconds for giving leases back; who cannot has them end by themselves
STORE_RETRY = 1.0  # seconds before a database that was away is asked again
SAY_AGAIN = 30.0  # seconds between lines about a database that is away
IN_FLIGHT = 0.1  # seconds in which the news of a commit reaches whoever waits for it

log = get_logger("worker")


class Retry(Exception):
    """Not now: try the job again. `retry_after`: seconds, at least. `waits`: see core.store.work.failed."""

    def __init__(
        self, message: str, *, retry_after: float | None = None, waits: Sequence[float] | None = None
    ) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.waits = waits


class Hopeless(Exception):
    """Never: the job is dead, and staff see it."""


Effect = Callable[[Tx], Retry | Hopeless | None]
"""What a job changes, in the transaction that takes it off its lane. It may run twice; only once is committed.

Raised, Retry and Hopeless undo the changes; returned, the changes stand and the job is put back or buried.
"""


class Handler:
    """How jobs of one kind are done."""

    async def prepare(self, jobs: Sequence[Job]) -> Sequence[Effect | Exception]:
        """Do what needs no transaction, for all of them; return what each changes, in the same order.

        Ordered lanes give one job at a time; `timer` and `intake` lanes all that are due, of several lanes at once.
        An exception instead of an effect, or raised for all: Retry, Hopeless, StoreUnavailable (the database is away;
        not counted), or anything else: a bug, which is logged and counts as a passing failure.
        """
        raise NotImplementedError

    def judge(self, job: Job, error: Exception) -> Exception:
        """What a failure means for this kind: Retry and Hopeless are obeyed, anything else is a passing failure."""
        return error

    def dead(self, tx: Tx, job: Job, reason: str, *, now: datetime) -> bool:
        """The job is given up, in this transaction. True: it is visible elsewhere, keep no dead job."""
        return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much one crew takes on."""

    lanes: int
    """At once."""
    claim: int
    """With one claim."""
    jobs: int = 16
    """Of one lane with one claim: what is committed together."""


SIZES = {
    # Two claims in hand: while one is written, the next is read.
    "intake": Size(lanes=16, claim=8),
    "timer": Size(lanes=64, claim=32),
    "work": Size(lanes=8, claim=8),
}
SEND = Size(lanes=32, claim=32)
"""Of each channel: this many messages leave at once."""


def utc_now() -> datetime:
    """The clock on the wall."""
    return datetime.now(UTC)


class Worker:
    """Works all lanes until stopped. `handlers`: by kind of job. `owner`: what leases are signed with."""

    def __init__(
        self,
        db: Database,
        handlers: Mapping[str, Handler],
        *,
        owner: str,
        clock: Callable[[], datetime] = utc_now,
        lease: timedelta = work.LEASE,
        sizes: Mapping[str, Size] = SIZES,
        poll: float = POLL,
    ) -> None:
        self._db = db
        self._handlers = handlers
        self._owner = owner
        self._clock = clock
        self._lease = lease
        self._sizes = sizes
        self._poll = poll
        # At one writer all jobs of a lane queue at once; on PostgreSQL they would wait for one another's rows.
        self._together = db.kind == "sqlite"
        self._crews: dict[str, _Crew] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._held: dict[tuple[str, str, int], tuple[Claim, asyncio.Task[Any]]] = {}
        self._stopping = False
        self._said_away = -SAY_AGAIN
        self._loop: asyncio.AbstractEventLoop | None = None
        self.done = 0
        """Jobs whose effect is committed."""
        self.last_round: datetime | None = None
        """When a claim last succeeded, empty or not: what `ready` looks at."""

    async def run(self) -> None:
        """Work until `stop`. Raises only for a bug in the worker itself."""
        if self._loop is None:
            self._db.listen(self._heard)
        self._loop = asyncio.get_running_loop()
        self._stopping = False
        self._crews = {}
        for name in self._sizes:
            self._found(name)
        keepers = [
            asyncio.create_task(self._find_crews(), name="worker-crews"),
            asyncio.create_task(self._renew(), name="worker-leases"),
            asyncio.create_task(self._tick(), name="worker-schedules"),
        ]
        try:
            while not self._stopping:
                loops = [*keepers, *(crew.task for crew in self._crews.values() if crew.task is not None)]
                done, _ = await asyncio.wait(loops, timeout=STOP_WITHIN, return_when=asyncio.FIRST_EXCEPTION)
                for task in done:
                    if not task.cancelled() and (error := task.exception()) is not None:
                        raise error
        finally:
            self.stop()
            await self._end(keepers)

    def stop(self) -> None:
        """Claim nothing more; `run` returns when what is in hand is done, or after GRACE seconds."""
        self._stopping = True
        for crew in self._crews.values():
            crew.wake()

    async def drain(self) -> int:
        """Do everything that is due now, and what comes of it, then return how many jobs that were. For tests."""
        before = self.done
        while True:
            names = sorted({*self._sizes, *await self._db.read(work.crews)} - {"lease"})
            claims: list[Claim] = []
            for name in names:
                claims += await self._claim(name, most=1000)
            if not claims:
                return self.done - before
            await self._work(claims)

    @contextlib.asynccontextmanager
    async def lease(self, name: str) -> AsyncIterator[None]:
        """Hold `name` for this worker alone, waiting for it if need be; if it is lost the body is cancelled.

        Then LeaseLost is raised.
        """
        lane = f"lease:{name}"
        claim = await self._hold(lane)
        task = asyncio.current_task()
        assert task is not None
        key = (claim.shard, claim.lane, claim.epoch)
        self._held[key] = (claim, task)
        try:
            yield
        except asyncio.CancelledError:
            if key in self._held:
                raise
            task.uncancel()  # it was `_renew`: whoever runs the body must hear of it, and ask for the lease again
            message = f"{name} was taken over by another hub"
            raise LeaseLost(message) from None
        finally:
            self._held.pop(key, None)
            with contextlib.suppress(StoreUnavailable):
                await asyncio.shield(self._db.write(work.let_go, claim))

    async def _hold(self, lane: str) -> Claim:
        while True:
            with contextlib.suppress(StoreUnavailable):
                claim = await self._db.write(
                    work.hold,
                    shard=fixed_id(lane),
                    name=lane,
                    owner=self._owner,
                    now=self._clock(),
                    lease=self._lease,
                )
                if claim is not None:
                    return claim
            await asyncio.sleep(min(POLL, self._lease.total_seconds() / 3))

    # --- Crews -------------------------------------------------------------------------------------------

    def _heard(self, topics: Topics) -> None:
        """From any thread: lanes want attention."""
        loop = self._loop
        if loop is None or self._stopping:
            return
        for topic, about in topics:
            if topic != "work":
                continue
            crew = self._crews.get(about)
            if crew is not None and crew.hinted:
                continue  # one call a wake-up is enough, however many commits come meanwhile
            if crew is not None:
                crew.hinted = True
            with contextlib.suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(self._wake, about)

    def _wake(self, about: str) -> None:
        if about not in self._crews and not self._stopping and about not in ("", "lease"):
            self._found(about)
        for name, crew in self._crews.items():
            if about in (name, ""):
                crew.wake()

    def _found(self, name: str) -> None:
        crew = self._crews[name] = _Crew(name, self._sizes.get(name, SEND))
        crew.task = asyncio.create_task(self._staff(crew), name=f"crew-{name}")

    async def _find_crews(self) -> None:
        """Lanes of a channel that was taken out of the settings must not lie unseen."""
        while not self._stopping:
            with contextlib.suppress(StoreUnavailable):
                for name in await self._db.read(work.crews):
                    if name not in self._crews and name != "lease":
                        self._found(name)
            await asyncio.sleep(FIND_CREWS)

    async def _staff(self, crew: _Crew) -> None:
        """One crew's loop: claim while there is room and work, else wait for a hint, a finished round or the poll."""
        while not self._stopping:
            crew.hint.clear()
            crew.hinted = False
            room = min(crew.size.lanes - crew.in_hand, crew.size.claim)
            claims: list[Claim] = []
            if room > 0:
                try:
                    claims = await self._claim(crew.name, most=room, jobs=crew.size.jobs)
                except StoreUnavailable as error:
                    self._database_away(error)
                    await asyncio.sleep(STORE_RETRY)
                    continue
            if claims:
                self._take_on(crew, claims)
                continue
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(crew.hint.wait(), self._poll)

    async def _claim(self, crew: str, *, most: int, jobs: int = 16) -> list[Claim]:
        now = self._clock()
        claims = await self._db.write(
            work.claim, crew=crew, owner=self._owner, now=now, most=most, jobs=jobs, lease=self._lease
        )
        self.last_round = now
        return claims

    def _take_on(self, crew: _Crew, claims: list[Claim]) -> None:
        """Unordered lanes go through together; an ordered lane waits for nobody, and nobody for it."""
        together = [claim for claim in claims if work.unordered(claim.lane)]
        parts = [[claim] for claim in claims if not work.unordered(claim.lane)]
        for part in [together, *parts] if together else parts:
            crew.in_hand += len(part)
            task = asyncio.create_task(self._round(crew, part), name=f"work-{crew.name}")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            for claim in part:
                self._held[claim.shard, claim.lane, claim.epoch] = (claim, task)

    async def _round(self, crew: _Crew, claims: list[Claim]) -> None:
        try:
            await self._work(claims)
        except asyncio.CancelledError:
            await self._give_back(claims)
            raise
        except StoreUnavailable as error:  # while stopping: nothing is written any more, and it comes again
            self._database_away(error)
            await self._give_back(claims)
        except Exception:
            log.exception("a round of work failed", crew=crew.name)
            await asyncio.sleep(STORE_RETRY)
            await self._give_back(claims)
        finally:
            crew.in_hand -= len(claims)
            for claim in claims:
                self._held.pop((claim.shard, claim.lane, claim.epoch), None)
            crew.wake()

    async def _give_back(self, claims: Sequence[Claim]) -> None:
        """Lanes that are done or lost are not touched: they have another epoch, or none."""
        with contextlib.suppress(StoreUnavailable, TimeoutError):
            async with asyncio.timeout(GIVE_BACK):
                await self._db.write(_let_go_all, claims)

    async def _renew(self) -> None:
        """Keep what is in hand for a third of a lease at a time; who lost a lane is stopped."""
        while not self._stopping:
            await asyncio.sleep(self._lease.total_seconds() / 3)
            held = list(self._held.values())
            if not held:
                continue
            with contextlib.suppress(StoreUnavailable):
                lost = await self._db.write(_renew_all, [claim for claim, _ in held], now=self._clock())
                if lost:  # most were given back by their own commit meanwhile, and leave `_held` on that news
                    await asyncio.sleep(IN_FLIGHT)
                for claim in lost:
                    entry = self._held.pop((claim.shard, claim.lane, claim.epoch), None)
                    if entry is not None:
                        log.warning("a lease was lost", lane=claim.lane)
                        entry[1].cancel("the lease was lost")

    async def _tick(self) -> None:
        while not self._stopping:
            with contextlib.suppress(StoreUnavailable):
                if await self._db.read(schedules.due, now=self._clock()):
                    await self._db.write(schedules.tick, now=self._clock())
            await asyncio.sleep(self._poll)

    async def _end(self, keepers: Sequence[asyncio.Task[None]]) -> None:
        # A claim that is on its way is waited for: cancelled, its lanes would lie until their leases end.
        crews = [crew.task for crew in self._crews.values() if crew.task is not None]
        deadline = asyncio.get_running_loop().time() + GRACE
        if crews:
            await asyncio.wait(crews, timeout=GRACE)
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=max(0.0, deadline - asyncio.get_running_loop().time()))
        late = [*self._tasks, *crews, *keepers]
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    # --- One round ---------------------------------------------------------------------------------------

    async def _work(self, claims: Sequence[Claim]) -> None:
        ordered = [claim for claim in claims if not work.unordered(claim.lane)]
        unordered = [claim for claim in claims if work.unordered(claim.lane)]
        parts: list[Awaitable[None]] = [self._in_order(claim) for claim in ordered]
        if unordered:
            parts.append(self._at_once(unordered))
        if len(parts) == 1:
            await parts[0]
        else:
            await asyncio.gather(*parts)

    async def _in_order(self, claim: Claim) -> None:
        """One job after the other; the first that fails stops the lane."""
        try:
            await self._ordered(claim)
        except LeaseLost:
            log.warning("a lane was taken over", lane=claim.lane)

    async def _ordered(self, claim: Claim) -> None:
        if not claim.jobs:
            await self._write(_finish, claim, [], release=True)
        for n, job in enumerate(claim.jobs, start=1):
            (effect,) = await self._prepare([job])
            if not await self._commit(claim, job, effect, release=n == len(claim.jobs)):
                if n < len(claim.jobs):
                    await self._write(_finish, claim, [], release=True)
                return

    async def _at_once(self, claims: Sequence[Claim]) -> None:
        """All jobs of all these lanes prepared together, then each lane in a transaction of its own."""
        jobs = [job for claim in claims for job in claim.jobs]
        effects = dict(
            zip(((job.shard, job.lane, job.seq) for job in jobs), await self._prepare(jobs), strict=True)
        )
        lanes = []
        for claim in claims:
            pairs = [(job, effects[job.shard, job.lane, job.seq]) for job in claim.jobs]
            lanes.append(self._lane(claim, pairs))
        if len(lanes) == 1:
            await lanes[0]
        else:
            await asyncio.gather(*lanes)

    async def _lane(self, claim: Claim, pairs: Sequence[tuple[Job, Effect | Exception]]) -> None:
        try:
            await self._lane_done(claim, pairs)
        except LeaseLost:
            log.warning("a lane was taken over", lane=claim.lane)

    async def _lane_done(self, claim: Claim, pairs: Sequence[tuple[Job, Effect | Exception]]) -> None:
        """Each job in a transaction of its own: one that fails takes no other down, and no lane keeps the door waiting."""
        if len(pairs) == 1:
            await self._commit(claim, *pairs[0], release=True)
            return
        if self._together:
            await asyncio.gather(*(self._commit(claim, *pair, release=False) for pair in pairs))
        else:
            for pair in pairs:
                await self._commit(claim, *pair, release=False)
        await self._write(_finish, claim, [], release=True)

    async def _prepare(self, jobs: Sequence[Job]) -> list[Effect | Exception]:
        if len({job.kind for job in jobs}) == 1:
            return await self._prepare_kind(jobs[0].kind, jobs)
        by_kind: dict[str, list[int]] = {}
        for n, job in enumerate(jobs):
            by_kind.setdefault(job.kind, []).append(n)
        answers = await asyncio.gather(
            *(self._prepare_kind(kind, [jobs[n] for n in places]) for kind, places in by_kind.items())
        )
        effects: list[Effect | Exception] = [Retry("not prepared")] * len(jobs)
        for places, given in zip(by_kind.values(), answers, strict=True):
            for n, effect in zip(places, given, strict=True):
                effects[n] = effect
        return effects

    async def _prepare_kind(self, kind: str, jobs: Sequence[Job]) -> list[Effect | Exception]:
        handler = self._handlers.get(kind)
        if handler is None:
            return [Hopeless(f"nobody here does {kind!r}") for _ in jobs]
        try:
            effects = list(await handler.prepare(jobs))
        except Exception as error:
            return [error for _ in jobs]
        if len(effects) != len(jobs):
            return [TypeError(f"{kind!r} prepared {len(effects)} of {len(jobs)} jobs") for _ in jobs]
        return effects

    async def _commit(self, claim: Claim, job: Job, effect: Effect | Exception, *, release: bool) -> bool:
        """Write one job's effect, or its failure; whether the lane may go on."""
        if isinstance(effect, Exception):
            await self._fail(claim, job, effect, release=release)
            return False
        try:
            goes_on: bool = await self._write(
                _finish, claim, [(job, effect)], release=release, now=self._clock(), handlers=self._handlers
            )
        except LeaseLost:
            raise
        except Exception as error:
            await self._fail(claim, job, error, release=release)
            return False
        self.done += 1
        return goes_on

    async def _fail(self, claim: Claim, job: Job, error: Exception, *, release: bool) -> None:
        if isinstance(error, StoreUnavailable):
            # The database was away, which is not the job's failure: it stays as it is, and comes again.
            await asyncio.sleep(STORE_RETRY)
            if release:
                await self._write(_finish, claim, [], release=True)
            return
        handler = self._handlers.get(job.kind)
        if not isinstance(error, (Retry, Hopeless)):
            log.error("a job failed", kind=job.kind, job=job.id, attempt=job.attempt + 1, exc_info=error)
            if handler is not None:
                error = handler.judge(job, error)
        await self._write(_failed, claim, job, error, release=release, now=self._clock(), handler=handler)

    async def _write(
        self, verb: Callable[..., Any], claim: Claim, *args: Any, release: bool, **named: Any
    ) -> Any:
        """Write it, however long the database is away: what was done outside must not be done again."""
        while True:
            try:
                answer = await self._db.write(verb, claim, *args, release=release, **named)
            except StoreUnavailable as error:
                if self._stopping:
                    raise
                self._database_away(error)
                await asyncio.sleep(STORE_RETRY)
            else:
                if release:  # given back in that transaction: no longer ours to keep
                    self._held.pop((claim.shard, claim.lane, claim.epoch), None)
                return answer

    def _database_away(self, error: StoreUnavailable) -> None:
        """Said once in a while, however many wait for it."""
        now = time.monotonic()
        if now - self._said_away > SAY_AGAIN:
            self._said_away = now
            log.warning("the database is away; what was done waits to be written", error=str(error))


class _Crew:
    """One crew's state: how much is in its hands, and the hint that there is more."""

    __slots__ = ("hint", "hinted", "in_hand", "name", "size", "task")

    def __init__(self, name: str, size: Size) -> None:
        self.name = name
        self.size = size
        self.in_hand = 0
        self.hint = asyncio.Event()
        self.hinted = False
        self.task: asyncio.Task[None] | None = None

    def wake(self) -> None:
        self.hint.set()


def _finish(
    tx: Tx,
    claim: Claim,
    pairs: Sequence[tuple[Job, Effect]],
    *,
    release: bool,
    now: datetime | None = None,
    handlers: Mapping[str, Handler] | None = None,
) -> bool:
    """The fence, then each job off its lane and its effect, then the lane given back; whether the lane may go on."""
    # Where nobody else writes, the epoch that `release` asks for is fence enough.
    fenced = not release or (bool(pairs) and not tx.is_sqlite)
    if fenced:
        work.renew(tx, claim, now=now or utc_now())
    goes_on = True
    for job, effect in pairs:
        if not work.done(tx, job):
            continue  # moved or cancelled meanwhile
        outcome = effect(tx)
        if outcome is not None:
            goes_on = False
            assert now is not None
            assert handlers is not None
            _not_done(tx, job, outcome, now=now, handler=handlers.get(job.kind))
    if release:
        work.release(tx, claim, renewed=fenced)
    return goes_on


def _failed(
    tx: Tx, claim: Claim, job: Job, error: Exception, *, release: bool, now: datetime, handler: Handler | None
) -> None:
    work.renew(tx, claim, now=now)
    if work.done(tx, job):
        _not_done(tx, job, error, now=now, handler=handler)
    if release:
        work.release(tx, claim, renewed=True)


def _not_done(tx: Tx, job: Job, error: Exception, *, now: datetime, handler: Handler | None) -> None:
    reason = str(error) if isinstance(error, (Retry, Hopeless)) else f"{type(error).__name__}: {error}"
    waits = error.waits if isinstance(error, Retry) else None
    if isinstance(error, Hopeless) or work.exhausted(job, waits):
        if handler is None or not handler.dead(tx, job, reason, now=now):
            work.bury(tx, job, reason=reason, now=now)
        return
    retry_after = error.retry_after if isinstance(error, Retry) else None
    work.put_back(tx, job, error=reason, now=now, retry_after=retry_after, waits=waits)


def _let_go_all(tx: Tx, claims: Sequence[Claim]) -> None:
    for claim in claims:
        work.let_go(tx, claim)


def _renew_all(tx: Tx, claims: Sequence[Claim], *, now: datetime) -> list[Claim]:
    lost = []
    for claim in claims:
        try:
            work.renew(tx, claim, now=now)
        except LeaseLost:
            lost.append(claim)
    return lost
