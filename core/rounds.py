"""What is done with a claim? Its jobs are prepared outside, then each is written: the fence, the job taken off, its effect.

Ordered lanes go job by job; those of `timer` and `intake` lanes are prepared together, those of `devices` lanes too, and written in order. What was done outside is written
down however long the database is away; what fails is put back or buried, and takes nothing else down.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from enum import Enum
from functools import partial
from itertools import takewhile
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
        elif lanes.in_turn(claim.lane):
            effects = await self._prepare(claim.jobs)
            await self._in_turn(claim, list(zip(claim.jobs, effects, strict=True)))
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

    async def _lane_done(self, claim: Claim, pairs: Sequence[tuple[Job, Effect | Exception]]) -> None:
        """Each job a verb of its own, under as few commits as may be: one that fails takes no other down."""
        if len(pairs) == 1:
            await self._commit(claim, *pairs[0], release=True)
            return
        ready = [(job, effect) for job, effect in pairs if not isinstance(effect, Exception)]
        failed = [(job, effect) for job, effect in pairs if isinstance(effect, Exception)]
        answers, given_back = await self._write_ready(claim, ready, pairs, in_turn=False)
        if given_back:
            return
        failed += [
            (job, answer)
            for (job, _), answer in zip(ready, answers, strict=True)
            if isinstance(answer, Exception) and not isinstance(answer, Moved)
        ]
        for job, error in failed:
            await self._fail(claim, job, error, release=False)
        await self._release(claim)

    async def _in_turn(self, claim: Claim, pairs: Sequence[tuple[Job, Effect | Exception]]) -> None:
        """The same in their order: behind what has to be tried again all stays as it is; what is given up, or did a part, holds up nobody.

        What was prepared is kept: a storm of what cannot be read, or takes many parts, is read once.
        """
        left = list(pairs)
        while left:
            job, effect = left[0]
            if isinstance(effect, Exception):
                left.pop(0)
                if not await self._fail(claim, job, effect, release=False):
                    break
                continue
            ready = [
                (job, effect)
                for job, effect in takewhile(lambda one: not isinstance(one[1], Exception), left)
                if not isinstance(effect, Exception)
            ]
            answers, given_back = await self._write_ready(claim, ready, left, in_turn=True)
            if given_back:
                return
            if not await self._follow(claim, left, answers):
                break
        await self._release(claim)

    async def _follow(
        self, claim: Claim, left: list[tuple[Job, Effect | Exception]], answers: Sequence[Any]
    ) -> bool:
        """Take off what is done; may what is left be written now?"""
        for answer in answers:
            if answer is _BEHIND:
                return True
            job, effect = left.pop(0)
            if isinstance(answer, Job):
                left.insert(0, (answer, effect))
                return True
            if isinstance(answer, Exception) and not isinstance(answer, Moved):
                return await self._fail(claim, job, answer, release=False)
            if answer is _Left.PUT_BACK:
                return False
        return True

    async def _write_ready(
        self,
        claim: Claim,
        ready: Sequence[tuple[Job, Effect]],
        pairs: Sequence[tuple[Job, Effect | Exception]],
        *,
        in_turn: bool,
    ) -> tuple[list[Any], bool]:
        """What each came to that is ready, and whether the lane is given back: with the last, where nothing is left to say about any of all."""
        before = [None, *(job for job, _ in ready[:-1])] if in_turn else [None] * len(ready)
        verbs: list[Callable[[Tx], Any]] = [
            partial(_noted, job, self._done(claim, job, effect, release=False), one_before, in_turn=in_turn)
            for (job, effect), one_before in zip(ready, before, strict=True)
        ]
        give_back = partial(_give_back_after, [job for job, _ in pairs], claim)
        *answers, given_back = await self._write_all([*verbs, give_back])
        for answer in answers:
            if isinstance(answer, LeaseLost):
                raise answer
            self.done += not isinstance(answer, Exception) and answer is not _BEHIND
        if isinstance(given_back, Exception):
            raise given_back
        if given_back:
            self._given_back(claim)
        return answers, given_back

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
            left = await self._write(claim, self._done(claim, job, effect, release=release), release=release)
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
        return left is _Left.NOTHING

    def _done(self, claim: Claim, job: Job, effect: Effect, *, release: bool) -> Callable[[Tx], _Left | Job]:
        handler, now = self._handlers.get(job.kind), self._clock()
        return partial(_done, claim=claim, job=job, effect=effect, release=release, now=now, handler=handler)

    async def _fail(self, claim: Claim, job: Job, error: Exception, *, release: bool) -> bool:
        """Put it back, or give it up: whether it is gone."""
        if isinstance(error, StoreUnavailable):
            # The database was away, which is not the job's failure: it stays as it is, and comes again.
            await asyncio.sleep(STORE_RETRY)
            if release:
                await self._release(claim)
            return False
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
            left = await self._write(claim, verb, release=release)
        except Moved:  # there is nothing left to be put back
            if release:
                await self._release(claim)
            return True
        return left is _Left.NOTHING

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


class _Left(Enum):
    """What is left of a job on its lane: nothing (done or given up), or the same for another try."""

    NOTHING = "nothing"
    PUT_BACK = "put back"


def _done(
    tx: Tx, *, claim: Claim, job: Job, effect: Effect, release: bool, now: datetime, handler: Handler | None
) -> _Left | Job:
    """The job off its lane, then its effect, then the lane given back, all behind the fence; what is left of it: of one that did a part, the rest."""
    lanes.guard(tx, claim, now=now)
    work.done(tx, job)
    outcome = effect(tx)
    left = _Left.NOTHING if outcome is None else _not_done(tx, job, outcome, now=now, handler=handler)
    if release:
        lanes.release(tx, claim)
    return left


_BEHIND = object()
"""What a verb answers that did nothing, because one before it is not written."""
_NOTED = "jobs written"


def _noted(
    job: Job, verb: Callable[[Tx], _Left | Job], before: Job | None, tx: Tx, *, in_turn: bool
) -> object:
    """`before`: the one whose turn is before this one's, and has to be done for good by now.

    Under the same commit it noted that it is. Under another, which may have failed since, it is no more on the lane.
    """
    noted: set[str] = tx.group.setdefault(_NOTED, set())
    if before is not None and before.id not in noted and work.behind(tx, job):
        return _BEHIND
    left = verb(tx)
    if not in_turn or left is _Left.NOTHING:
        noted.add(job.id)
    return left


def _give_back_after(jobs: Sequence[Job], claim: Claim, tx: Tx) -> bool:
    """Only with all of them under this very commit: what another one came to is not known here."""
    noted: set[str] = tx.group.get(_NOTED, set())
    if not noted.issuperset(job.id for job in jobs):
        return False
    lanes.release(tx, claim)
    return True


def _failed(
    tx: Tx, *, claim: Claim, job: Job, error: Exception, release: bool, now: datetime, handler: Handler | None
) -> _Left | Job:
    lanes.guard(tx, claim, now=now)
    work.done(tx, job)
    left = _not_done(tx, job, error, now=now, handler=handler)
    if release:
        lanes.release(tx, claim)
    return left


def _not_done(tx: Tx, job: Job, error: Exception, *, now: datetime, handler: Handler | None) -> _Left | Job:
    if isinstance(error, Again):
        return work.again(tx, job, now=now)
    reason = str(error) if isinstance(error, (Retry, Hopeless)) else f"{type(error).__name__}: {error}"
    waits = error.waits if isinstance(error, Retry) else None
    if isinstance(error, Hopeless) or work.exhausted(job, waits):
        if handler is None or not handler.dead(tx, job, reason, now=now):
            work.bury(tx, job, reason=reason, now=now)
        return _Left.NOTHING
    retry_after = error.retry_after if isinstance(error, Retry) else None
    work.put_back(tx, job, error=reason, now=now, retry_after=retry_after, waits=waits)
    return _Left.PUT_BACK
