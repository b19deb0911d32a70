"""How is a report of a contract and a period made? A large one by a process of its own, so that nobody at the desk waits for it; its job keeps it.

The child (`python -m core.reporting`) is given the address of the database and what is wanted on standard input, and answers
with the report on standard output. It only reads, and goes after everybody else who wants the processor.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path

import msgspec

from core.desk import periodic, periodic_values
from core.desk.errors import DeskError
from core.desk.periodic import Drawn
from core.desk.periodic_values import Wanted
from core.log import get_logger
from core.rounds import Effect, Handler, Hopeless
from core.store.database import Database
from core.store.opening import open_database
from core.store.tx import Tx
from core.store.work import Job

WITHIN = 600.0  # seconds, then the child is ended, and its job tried again
NICE = 10  # of 19: with one processor for all, who works at the desk has nine tenths of it

_ROOT = Path(__file__).resolve().parent.parent

log = get_logger("reports")


class Reporting(Handler):
    """Makes reports, large ones one after the other. Payload: `contract`, `period`, `draft`, `by`."""

    def __init__(self, db: Database, *, clock: Callable[[], datetime]) -> None:
        self._db = db
        self._clock = clock
        self._one_at_a_time = asyncio.Lock()

    async def prepare(self, jobs: Sequence[Job]) -> Sequence[Effect | Exception]:
        """See Handler."""
        return [await self._one(job) for job in jobs]

    async def _one(self, job: Job) -> Effect | Exception:
        asked = job.payload
        try:
            of = await self._db.read(
                periodic_values.wanted,
                asked["contract"],
                asked["period"],
                draft=asked["draft"],
                now=self._clock(),
            )
        except DeskError as error:
            log.error("a report cannot be made", contract=asked["contract"], error=str(error))
            return Hopeless(str(error))
        made = await self._db.read(periodic.made_if_small, of)
        if made is None:
            async with self._one_at_a_time:
                made = await beside(self._db.url, of)
        return partial(_keep, made=made, by=asked["by"], now=self._clock())


async def beside(url: str, of: Wanted) -> Drawn:
    """A report made by a process of its own. Raises RuntimeError when that fails, TimeoutError."""
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "core.reporting",
        cwd=_ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(WITHIN):
            answer, complaint = await child.communicate(msgspec.msgpack.encode((url, of)))
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    if child.returncode:
        why = complaint.decode(errors="replace").strip().rpartition("\n")[2]
        raise RuntimeError(f"the process that makes a report ended with {child.returncode}: {why}")
    return msgspec.msgpack.decode(answer, type=Drawn)


def _keep(tx: Tx, *, made: Drawn, by: str, now: datetime) -> None:
    periodic.keep(tx, made, by=by, now=now)


def _be_the_child() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent
    os.nice(NICE)
    gc.disable()  # it ends before there is anything to be found
    url, of = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=tuple[str, Wanted])
    db = open_database(url, readers=1, connections=1)
    try:
        made = db.query(periodic.made, of).result()
    finally:
        db.close()
    sys.stdout.buffer.write(msgspec.msgpack.encode(made))


if __name__ == "__main__":
    _be_the_child()
