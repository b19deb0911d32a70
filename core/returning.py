"""Who tells a tool what becomes of its alarms? Jobs that ask the channel of the tool, outside every transaction.

Nothing waits for them. What is said and what failed is written down by `core.desk.alert_returns`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial

from core.channel import Channel, DeliveryError, Returning
from core.desk import alert_returns, alerts
from core.desk.alert_returns import Leaving
from core.log import get_logger
from core.rounds import Effect, Handler, Retry
from core.store.database import Database
from core.store.tx import Tx
from core.store.work import Job

WITHIN = 40.0  # seconds for all that one thing takes to say; each call has a shorter limit of its own
LOOK_AGAIN = (60.0, 300.0)  # seconds until a tool is asked again that did not answer

log = get_logger("returns")


class Saying(Handler):
    """Says the newest of an alarm, which is the shard."""

    def __init__(self, db: Database, channels: Sequence[Channel], *, clock: Callable[[], datetime]) -> None:
        self._db = db
        self._channel = _able(channels)
        self._clock = clock

    async def prepare(self, jobs: Sequence[Job]) -> Sequence[Effect | Exception]:
        """See Handler."""
        return await asyncio.gather(*(self._one(job) for job in jobs))

    async def _one(self, job: Job) -> Effect | Exception:
        leaving = await self._db.read(alert_returns.begin, job.shard, now=self._clock())
        if leaving is None:
            return _nothing
        try:
            if self._channel is None:
                raise DeliveryError("the channel of devices is switched off")
            async with asyncio.timeout(WITHIN):
                await self._channel.give_back(leaving.back)
        except (DeliveryError, TimeoutError) as error:
            why = str(error) or f"no answer within {WITHIN:.0f} s"
            log.warning("a tool did not take what was said", kind=leaving.back.kind, reason=why)
            return partial(
                _not_told, job=job, leaving=leaving, error=_as_refusal(error, why), now=self._clock()
            )
        return partial(_told, job=job, leaving=leaving, now=self._clock())

    def dead(self, tx: Tx, job: Job, reason: str, *, now: datetime) -> bool:
        """See Handler. The history of the ticket says that it was given up."""
        alert_returns.given_up(tx, job.shard, None, reason, now=now)
        return True


class Looking(Handler):
    """Asks whether an alarm still fires that its tool keeps quiet about. Payload: `missed`, in how many looks before it was not there."""

    def __init__(self, db: Database, channels: Sequence[Channel], *, clock: Callable[[], datetime]) -> None:
        self._db = db
        self._channel = _able(channels)
        self._clock = clock

    async def prepare(self, jobs: Sequence[Job]) -> Sequence[Effect | Exception]:
        """See Handler."""
        return await asyncio.gather(*(self._one(job) for job in jobs))

    async def _one(self, job: Job) -> Effect | Exception:
        back = await self._db.read(alert_returns.watched, job.shard, now=self._clock())
        if back is None or self._channel is None:
            return _nothing
        try:
            async with asyncio.timeout(WITHIN):
                fires = await self._channel.still_fires(back)
        except (DeliveryError, TimeoutError) as error:
            return Retry(str(error) or "no answer", waits=LOOK_AGAIN)
        return partial(_looked, job=job, fires=fires, now=self._clock())


def _able(channels: Sequence[Channel]) -> Returning | None:
    return next((one for one in channels if isinstance(one, Returning)), None)


def _as_refusal(error: Exception, why: str) -> DeliveryError:
    return error if isinstance(error, DeliveryError) else DeliveryError(why)


def _nothing(tx: Tx) -> None:
    return None


def _told(tx: Tx, *, job: Job, leaving: Leaving, now: datetime) -> None:
    alert_returns.told(tx, job.shard, leaving.n, now=now)


def _not_told(tx: Tx, *, job: Job, leaving: Leaving, error: DeliveryError, now: datetime) -> Retry | None:
    if alert_returns.not_told(tx, leaving, job.shard, str(error), permanent=error.permanent, now=now):
        return Retry(str(error), retry_after=error.retry_after, waits=alert_returns.WAITS)
    return None


def _looked(tx: Tx, *, job: Job, fires: bool, now: datetime) -> None:
    if alert_returns.looked(tx, job.shard, fires=fires, missed=int(job.payload["missed"]), now=now):
        alerts.gone(tx, job.shard, now=now)
