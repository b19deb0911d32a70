"""Who does what was written down to be done? Crews that claim lanes while there is room, and keep what they claimed.

One crew for each sort of lane (core.store.work.crew): a slow relay holds up nobody who reads. What is done with a claim is
in core.rounds.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from core.ids import fixed_id
from core.log import get_logger
from core.rounds import STORE_RETRY, Handler, Rounds
from core.store import lanes, schedules
from core.store.database import Database, StoreUnavailable, Topics
from core.store.lanes import Claim, LeaseLost
from core.store.tx import Tx

POLL = 1.0  # seconds: the truth behind every wake-up
FIND_CREWS = 5.0  # seconds between looks for lanes of a channel we have not met
STOP_WITHIN = 0.2  # seconds until a stop is noticed
GRACE = 6.0  # seconds that work in hand may take at the end
GIVE_BACK = 0.8  # seconds for giving leases back; who cannot has them end by themselves
IN_FLIGHT = 0.1  # seconds in which the news of a commit reaches whoever waits for it

log = get_logger("worker")


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
    "devices": Size(lanes=16, claim=8),
    "timer": Size(lanes=64, claim=32),
    "work": Size(lanes=8, claim=8),
}
SEND = Size(lanes=32, claim=32)
"""Of each channel: this many messages leave at once."""


def utc_now() -> datetime:
    """The clock on the wall."""
    return datetime.now(UTC)


class Worker:
    """Works all lanes until stopped. `handlers`: by kind of job. `owner`: what leases are signed with.

    `look_again`: seconds after a claim that found nothing, unless something in hand is done before. Among several
    workers others have what there is: to look at their every hint keeps them from it.
    """

    def __init__(
        self,
        db: Database,
        handlers: Mapping[str, Handler],
        *,
        owner: str,
        clock: Callable[[], datetime] = utc_now,
        lease: timedelta = lanes.LEASE,
        sizes: Mapping[str, Size] = SIZES,
        poll: float = POLL,
        look_again: float = 0.0,
    ) -> None:
        self._db = db
        self._rounds = Rounds(
            db, handlers, clock=clock, given_back=self._forget, stopping=lambda: self._stopping
        )
        self._owner = owner
        self._clock = clock
        self._lease = lease
        self._sizes = sizes
        self._poll = poll
        self._look_again = look_again
        self._crews: dict[str, _Crew] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._held: dict[tuple[str, str, int], tuple[Claim, asyncio.Task[Any]]] = {}
        self._stopping = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self.last_round: datetime | None = None
        """When a claim last succeeded, empty or not: what `ready` looks at."""

    @property
    def done(self) -> int:
        """Jobs whose effect is committed."""
        return self._rounds.done

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
            crew.freed.set()
            crew.wake()

    async def drain(self) -> int:
        """Do everything that is due now, and what comes of it, then return how many jobs that were.

        For whoever moves the clock: tests, and the month that is played.
        """
        before = self.done
        while True:
            claims: list[Claim] = []
            for name in await self._db.read(lanes.waiting, now=self._clock()):
                claims += await self._claim(name, most=1000)
            if not claims:
                return self.done - before
            await self._rounds.work(claims)

    @contextlib.asynccontextmanager
    async def lease(self, name: str) -> AsyncIterator[None]:
        """Hold `name` for this worker alone, waiting for it if need be; if it is lost the body is cancelled.

        Then LeaseLost is raised.
        """
        lane = f"lease:{name}"
        claim = await self._hold(lane)
        task = asyncio.current_task()
        assert task is not None
        key = claim.key
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
                await asyncio.shield(self._db.write(lanes.let_go, claim))

    async def _hold(self, lane: str) -> Claim:
        while True:
            with contextlib.suppress(StoreUnavailable):
                claim = await self._db.write(
                    lanes.hold,
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
                for name in await self._db.read(lanes.crews):
                    if name not in self._crews and name != "lease":
                        self._found(name)
            await asyncio.sleep(FIND_CREWS)

    async def _staff(self, crew: _Crew) -> None:
        """One crew's loop: claim while there is room and work, else wait for a hint, a finished round or the poll."""
        while not self._stopping:
            crew.hint.clear()
            crew.freed.clear()
            crew.hinted = False
            room = min(crew.size.lanes - crew.in_hand, crew.size.claim)
            claims: list[Claim] = []
            if room > 0:
                try:
                    claims = await self._claim(crew.name, most=room, jobs=crew.size.jobs)
                except StoreUnavailable as error:
                    self._rounds.database_away(error)
                    await asyncio.sleep(STORE_RETRY)
                    continue
            if claims:
                self._take_on(crew, claims)
                continue
            if room > 0 and self._look_again:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(crew.freed.wait(), self._look_again)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(crew.hint.wait(), self._poll)

    async def _claim(self, crew: str, *, most: int, jobs: int = 16) -> list[Claim]:
        now = self._clock()
        claims = await self._db.write(
            lanes.claim, crew=crew, owner=self._owner, now=now, most=most, jobs=jobs, lease=self._lease
        )
        self.last_round = now
        return claims

    def _take_on(self, crew: _Crew, claims: list[Claim]) -> None:
        """Unordered lanes go through together; an ordered lane waits for nobody, and nobody for it."""
        together = [claim for claim in claims if lanes.unordered(claim.lane)]
        parts = [[claim] for claim in claims if not lanes.unordered(claim.lane)]
        for part in [together, *parts] if together else parts:
            crew.in_hand += len(part)
            task = asyncio.create_task(self._round(crew, part), name=f"work-{crew.name}")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            for claim in part:
                self._held[claim.key] = (claim, task)

    async def _round(self, crew: _Crew, claims: list[Claim]) -> None:
        try:
            await self._rounds.work(claims)
        except asyncio.CancelledError:
            await self._give_back(claims)
            raise
        except StoreUnavailable as error:  # while stopping: nothing is written any more, and it comes again
            self._rounds.database_away(error)
            await self._give_back(claims)
        except Exception:
            log.exception("a round of work failed", crew=crew.name)
            await asyncio.sleep(STORE_RETRY)
            await self._give_back(claims)
        finally:
            crew.in_hand -= len(claims)
            for claim in claims:
                self._forget(claim)
            crew.freed.set()
            crew.wake()

    def _forget(self, claim: Claim) -> None:
        """It is no longer ours to keep."""
        self._held.pop(claim.key, None)

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
                    entry = self._held.pop(claim.key, None)
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


class _Crew:
    """One crew's state: how much is in its hands, and the hint that there is more."""

    __slots__ = ("freed", "hint", "hinted", "in_hand", "name", "size", "task")

    def __init__(self, name: str, size: Size) -> None:
        self.name = name
        self.size = size
        self.in_hand = 0
        self.hint = asyncio.Event()
        self.freed = asyncio.Event()
        """Something that was in hand is done."""
        self.hinted = False
        self.task: asyncio.Task[None] | None = None

    def wake(self) -> None:
        self.hint.set()


def _let_go_all(tx: Tx, claims: Sequence[Claim]) -> None:
    for claim in claims:
        lanes.let_go(tx, claim)


def _renew_all(tx: Tx, claims: Sequence[Claim], *, now: datetime) -> list[Claim]:
    return [claim for claim in claims if not lanes.renew(tx, claim, now=now)]
