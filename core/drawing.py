"""How does a paper get its PDF? Drawn by a process with limits (core.isolation), kept when it is there; outside every transaction."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial

from core.desk import papers
from core.desk.papers import ToDraw
from core.isolation import ReaderDied, ReaderFailed, Readers, Unreadable
from core.log import get_logger
from core.papers import pdf
from core.rounds import Effect, Handler, Hopeless, Retry
from core.store.database import Database
from core.store.tx import Tx
from core.store.work import Job

AGAIN = (5.0, 60.0)  # seconds before each further try of a job: then it is dead, and staff see it

log = get_logger("papers")


class Drawing(Handler):
    """Draws papers. Payload: `paper`, on the shard it stands under."""

    def __init__(self, db: Database, readers: Readers, *, clock: Callable[[], datetime]) -> None:
        self._db = db
        self._readers = readers
        self._clock = clock

    async def prepare(self, jobs: Sequence[Job]) -> Sequence[Effect | Exception]:
        """See Handler."""
        return await asyncio.gather(*(self._one(job) for job in jobs))

    async def _one(self, job: Job) -> Effect | Exception:
        shard, paper_id = job.shard, job.payload["paper"]
        found = await self._db.read(papers.to_draw, shard, paper_id)
        if found is None:
            return _nothing
        try:
            drawn = await self._draw(found)
        except (Unreadable, ReaderFailed, ReaderDied) as error:
            log.error("a paper cannot be drawn", paper=paper_id, error=str(error))
            if job.attempt >= len(AGAIN):
                return Hopeless(f"it cannot be drawn: {error}")
            return Retry(str(error), waits=AGAIN)
        return partial(_keep, shard=shard, paper_id=paper_id, drawn=drawn, now=self._clock())

    async def now(self, shard: str, paper_id: str) -> bool:
        """Draw it at once, for a delivery that carries it; say whether it is there. What fails here is tried again by its job."""
        found = await self._db.read(papers.to_draw, shard, paper_id)
        if found is None:
            return True
        try:
            drawn = await self._draw(found)
        except (Unreadable, ReaderFailed, ReaderDied) as error:
            log.error("a delivery leaves without its paper", paper=paper_id, error=str(error))
            return False
        await self._db.write(papers.keep_drawing, shard, paper_id, drawn, now=self._clock())
        return True

    async def _draw(self, found: ToDraw) -> bytes:
        return await self._readers.draw(pdf.DRAW, found.packed, found.pictures)


def _nothing(tx: Tx) -> None:
    return None


def _keep(tx: Tx, *, shard: str, paper_id: str, drawn: bytes, now: datetime) -> None:
    papers.keep_drawing(tx, shard, paper_id, drawn, now=now)
