"""What is done with a claim? Its jobs are prepared outside, then each is written: the fence, the job taken off, its effect.

Ordered lanes go job by job; those of `timer` and `intake` lanes are prepared together, those of `devices` lanes too, and written in order. What was done outside is written
down however long the database is away; what fails is put back or buried, and takes nothing else down.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from core.log import get_logger
from core.store import lanes, work
from core.store.database import Database, StoreUnavailable
from core.store.lanes import Claim, LeaseLost
from core.store.tx import Tx
from core.store.work import Job, Moved

STORE_RETRY = 1.0  # seconds before a database that was away is asked again
SAY_AGAIN = 30.0  # seconds between lines about a database that is away

log = get_logger("worker")


class Retry(Exception):
    """Not now: try the job again. `retry_after`: seconds, at least. `waits`: see core.store.work.put_back."""

    def __init__(
        self, message: str, *, retry_after: float | None = None, waits: Sequence[float] | None = None
    ) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.waits = waits


class Hopeless(Exception):
    """Never: the job is dead, and staff see it."""


class Again(Exception):
    """A part is done: the job goes on at its place in the lane, at once. It is returned, not raised."""


Effect = Callable[[Tx], Retry | Hopeless | Again | None]
"""What a job changes, in the transaction that takes it off its lane. It may run twice; only once is committed.

Raised, Retry and Hopeless undo the changes; returned, the changes stand and the job is put back or buried.
"""


class Handler:
    """How jobs of one kind are done."""

    async def prepare(self, jobs: Sequence[Job]) -> Sequence[Effect | Exception]:
        """Do what needs no transaction, for all of them; return what each changes, in the same order.

        Ordered lanes give one job at a time; `devices` lanes all that are due, `timer` and `intake` lanes of several lanes at once.
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


class Rounds:
    """Works off claims. `given_back`: told of each lane that its own commit gave back.

    `stopping`: whether nobody may wait any longer for a database that is away; StoreUnavailable is raised then.
    """

    def __init__(
        self,
        db: Database,
        handlers: Mapping[str, Handler],
        *,
        clock: Callable[[], datetime],
        given_back: Callable[[Claim], None],
        stopping: Callable[[], bool],
    ) -> None:
        self._db = db
        self._handlers = handlers
        self._clock = clock
        self._given_back = given_back
        self._stopping = stopping
        self._said_away = -SAY_AGAIN
        self.done = 0
        """Jobs whose effect is committed."""

    async def work(self, claims: Sequence[Claim]) -> None:
        """Everything of these, side by side. A lane that was taken over by somebody else is left as it is."""
        ordered = [claim for claim in claims if not lanes.unordered(claim.lane)]
        unordered = [claim for claim in claims if lanes.unordered(claim.lane)]
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
            await self._release(claim)
        if lanes.in_turn(claim.lane) and len(claim.jobs) > 1:
            effects = await self._prepare(claim.jobs)
            await self._lane_done(claim, list(zip(claim.jobs, effects, strict=True)), in_turn=True)
            return
        for n, job in enumerate(claim.jobs, start=1):
            (effect,) = await self._prepare([job])
            if not await self._commit(claim, job, effect, release=n == len(claim.jobs)):
                if n < len(claim.jobs):
                    await self._release(claim)
                return

    async def _at_once(self, claims: Sequence[Claim]) -> None:
        """All jobs of all these lanes prepared together, then each lane in a transaction of its own."""
        jobs = [job for claim in claims for job in claim.jobs]
        effects = dict(
            zip(((job.shard, job.lane, job.seq) for job in jobs), await self._prepare(jobs), strict=True)
        )
        parts = []
        for claim in claims:
            pairs = [(job, effects[job.shard, job.lane, job.seq]) for job in claim.jobs]
            parts.append(self._lane(claim, pairs))
        if len(parts) == 1:
            await parts[0]
        else:
            await asyncio.gather(*parts)

    async def _lane(self, claim: Claim, pairs: Sequence[tuple[Job, Effect | Exception]]) -> None:
        try:
            await self._lane_done(claim, pairs)
        except LeaseLost:
            log.warning("a lane was taken over", lane=claim.lane)

    async def _lane_done(
        self, claim: Claim, pairs: Sequence[tuple[Job, Effect | Exception]], *, in_turn: bool = False
    ) -> None:
        """Each job a verb of its own, under as few commits as may be: one that fails takes no other down.

        `in_turn`: what is behind the first that is not written stays as it is.
        """
        if len(pairs) == 1:
            await self._commit(claim, *pairs[0], release=True)
            return
        wrong = (n for n, (_, effect) in enumerate(pairs) if isinstance(effect, Exception))
        stop = next(wrong, len(pairs)) if in_turn else len(pairs)
        ready = [(job, effect) for job, effect in pairs[:stop] if not isinstance(effect, Exception)]
        failed = [(job, effect) for job, effect in pairs[: stop + 1] if isinstance(effect, Exception)]
        written: set[str] = set()
        ids = [job.id for job, _ in ready]
        verbs: list[Callable[[Tx], Any]] = [
            partial(
                _noted,
                written,
                ids[:n] if in_turn else None,
                job.id,
                self._done(claim, job, effect, release=False),
            )
            for n, (job, effect) in enumerate(ready)
        ]
        # The last one gives the lane back, when there is nothing left to say about any job.
        give_back = partial(_give_back_after, written, len(pairs), claim)
        *answers, given_back = await self._write_all([*verbs, give_back])
        for (job, _), answer in zip(ready, answers, strict=True):
            if isinstance(answer, LeaseLost):
                raise answer
            if not isinstance(answer, Exception):
                self.done += answer is not _BEHIND
            elif not isinstance(answer, Moved):
                failed.append((job, answer))
        if given_back is True:
            self._given_back(claim)
            return
        if isinstance(given_back, Exception):
            raise given_back
        for job, error in failed:
            await self._fail(claim, job, error, release=False)
        await self._release(claim)

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
                claim, self._done(claim, job, effect, release=release), release=release
            )
        except LeaseLost:
            raise
        except Moved:
            if release:
                await self._release(claim)
            return True
        except Exception as error:
            await self._fail(claim, job, error, release=release)
            return False
        self.done += 1
        return goes_on

    def _done(self, claim: Claim, job: Job, effect: Effect, *, release: bool) -> Callable[[Tx], bool]:
        handler, now = self._handlers.get(job.kind), self._clock()
        return partial(_done, claim=claim, job=job, effect=effect, release=release, now=now, handler=handler)

    async def _fail(self, claim: Claim, job: Job, error: Exception, *, release: bool) -> None:
        if isinstance(error, StoreUnavailable):
            # The database was away, which is not the job's failure: it stays as it is, and comes again.
            await asyncio.sleep(STORE_RETRY)
            if release:
                await self._release(claim)
            return
        handler = self._handlers.get(job.kind)
        if not isinstance(error, (Retry, Hopeless)):
            log.error("a job failed", kind=job.kind, job=job.id, attempt=job.attempt + 1, exc_info=error)
            if handler is not None:
                error = handler.judge(job, error)
        verb = partial(
            _failed,
            claim=claim,
            job=job,
            error=error,
            release=release,
            now=self._clock(),
            handler=handler,
        )
        try:
            await self._write(claim, verb, release=release)
        except Moved:  # there is nothing left to be put back
            if release:
                await self._release(claim)

    async def _release(self, claim: Claim) -> None:
        await self._write(claim, partial(lanes.release, claim=claim), release=True)

    async def _write(self, claim: Claim, verb: Callable[[Tx], Any], *, release: bool) -> Any:
        (answer,) = await self._write_all([verb])
        if isinstance(answer, Exception):
            raise answer
        if release:  # given back in that transaction: no longer ours to keep
            self._given_back(claim)
        return answer

    async def _write_all(self, verbs: Sequence[Callable[[Tx], Any]]) -> list[Any]:
        """Write them, however long the database is away: what was done outside must not be done again."""
        answers: list[Any] = [None] * len(verbs)
        left = list(range(len(verbs)))
        while True:
            try:
                given = await self._db.write_all([verbs[n] for n in left])
            except StoreUnavailable as error:
                given = [error] * len(left)
            for n, answer in zip(left, given, strict=True):
                answers[n] = answer
            left = [n for n in left if isinstance(answers[n], StoreUnavailable)]
            if not left:
                return answers
            if self._stopping():
                raise answers[left[0]]
            self.database_away(answers[left[0]])
            await asyncio.sleep(STORE_RETRY)

    def database_away(self, error: StoreUnavailable) -> None:
        """Said once in a while, however many wait for it."""
        now = time.monotonic()
        if now - self._said_away > SAY_AGAIN:
            self._said_away = now
            log.warning("the database is away; what was done waits to be written", error=str(error))


def _done(
    tx: Tx, *, claim: Claim, job: Job, effect: Effect, release: bool, now: datetime, handler: Handler | None
) -> bool:
    """The job off its lane, then its effect, then the lane given back, all behind the fence; whether the lane may go on."""
    lanes.guard(tx, claim, now=now)
    work.done(tx, job)
    outcome = effect(tx)
    if outcome is not None:
        _not_done(tx, job, outcome, now=now, handler=handler)
    if release:
        lanes.release(tx, claim)
    return outcome is None


_BEHIND = object()
"""What a verb answers that did nothing, because one before it is not written."""


def _noted(
    written: set[str], before: Sequence[str] | None, job: str, verb: Callable[[Tx], bool], tx: Tx
) -> object:
    """`before`: jobs that must be done for good by then; None: it waits for none, and none for it."""
    written.discard(job)
    if not written.issuperset(before or ()):
        return _BEHIND
    goes_on = verb(tx)
    if goes_on or before is None:
        written.add(job)
    return goes_on


def _give_back_after(written: set[str], jobs: int, claim: Claim, tx: Tx) -> bool:
    if len(written) < jobs:
        return False
    lanes.release(tx, claim)
    return True


def _failed(
    tx: Tx, *, claim: Claim, job: Job, error: Exception, release: bool, now: datetime, handler: Handler | None
) -> None:
    lanes.guard(tx, claim, now=now)
    work.done(tx, job)
    _not_done(tx, job, error, now=now, handler=handler)
    if release:
        lanes.release(tx, claim)


def _not_done(tx: Tx, job: Job, error: Exception, *, now: datetime, handler: Handler | None) -> None:
    if isinstance(error, Again):
        work.again(tx, job, now=now)
        return
    reason = str(error) if isinstance(error, (Retry, Hopeless)) else f"{type(error).__name__}: {error}"
    waits = error.waits if isinstance(error, Retry) else None
    if isinstance(error, Hopeless) or work.exhausted(job, waits):
        if handler is None or not handler.dead(tx, job, reason, now=now):
            work.bury(tx, job, reason=reason, now=now)
        return
    retry_after = error.retry_after if isinstance(error, Retry) else None
    work.put_back(tx, job, error=reason, now=now, retry_after=retry_after, waits=waits)
