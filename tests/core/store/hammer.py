"""A process that works lanes until it is killed; see test_crash.py. `python -m tests.core.store.hammer URL OWNER`."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import bindparam, update

from core.rounds import Effect, Handler
from core.store import tables
from core.store.opening import open_database
from core.store.tx import Prepared, Tx
from core.store.work import Job
from core.worker import Size, Worker

_counter = tables.counter
_NEXT = Prepared(
    update(_counter)
    .where(_counter.c.name == bindparam("lane"))
    .values(value=_counter.c.value + 1)
    .returning(_counter.c.value)
)


class Count(Handler):
    """Each effect takes the next number of its lane: a job lost, doubled or out of order shows."""

    async def prepare(self, jobs: Sequence[Job]) -> Sequence[Effect | Exception]:
        await asyncio.sleep(0.001)
        return [self._effect(job) for job in jobs]

    def _effect(self, job: Job) -> Effect:
        def effect(tx: Tx) -> None:
            lane = f"lane {job.payload['lane']}"
            number = tx.one(_NEXT, lane=lane).value
            tx.insert(tables.counter, name=f"effect {job.payload['lane']} {job.payload['n']}", value=number)

        return effect


async def main(url: str, owner: str) -> None:
    db = open_database(url, connections=3)
    worker = Worker(
        db,
        {"count": Count()},
        owner=owner,
        lease=timedelta(seconds=0.8),
        poll=0.1,
        sizes={"intake": Size(lanes=4, claim=2, jobs=8), "send:x": Size(lanes=4, claim=4, jobs=8)},
    )
    print("ready", flush=True)
    await worker.run()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2]))
