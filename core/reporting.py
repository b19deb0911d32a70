"""How is a report of a contract and a period made? In slices that let everybody else pass, in words by a thread, kept by its job."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial

from core.desk import periodic, periodic_values
from core.desk.errors import DeskError
from core.desk.periodic import Drawn
from core.desk.periodic_values import FIRST, Slice
from core.log import get_logger
from core.rounds import Effect, Handler, Hopeless
from core.store.database import Database
from core.store.tx import Tx
from core.store.work import Job

REST = 1.0  # times as long as a slice took, nothing is done: who works at the desk has the other half of the processor

log = get_logger("reports")


class Reporting(Handler):
    """Makes reports. Payload: `contract`, `period`, `draft`, `by`."""

    def __init__(self, db: Database, *, clock: Callable[[], datetime]) -> None:
        self._db = db
        self._clock = clock

    async def prepare(self, jobs: Sequence[Job]) -> Sequence[Effect | Exception]:
        """See Handler."""
        return [await self._one(job) for job in jobs]

    async def _one(self, job: Job) -> Effect | Exception:
        asked = job.payload
        try:
            made = await make(
                self._db, asked["contract"], asked["period"], draft=asked["draft"], now=self._clock()
            )
        except DeskError as error:
            log.error("a report cannot be made", contract=asked["contract"], error=str(error))
            return Hopeless(str(error))
        return partial(_keep, made=made, by=asked["by"], now=self._clock())


async def make(db: Database, contract: str, period: str, *, draft: bool, now: datetime) -> Drawn:
    """A report worked out and in words; nothing is kept. Raises as `periodic_values.wanted`."""
    of = await db.read(periodic_values.wanted, contract, period, draft=draft, now=now)
    slices: list[Slice] = []
    after: str | None = FIRST
    loop = asyncio.get_running_loop()
    while after is not None:
        began = loop.time()
        slices.append(await db.read(periodic_values.read, of, after))
        after = slices[-1].after
        await asyncio.sleep((loop.time() - began) * REST)
    books = await db.read(periodic_values.used, of)
    found = await asyncio.to_thread(periodic_values.summed, slices, books, of)
    return await asyncio.to_thread(periodic.drawn, of, periodic_values.values(found, of))


def _keep(tx: Tx, *, made: Drawn, by: str, now: datetime) -> None:
    periodic.keep(tx, made, by=by, now=now)
