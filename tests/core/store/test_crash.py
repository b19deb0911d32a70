"""Workers are killed in the middle of their work: every job committed has its effect once, and lanes keep their order."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import select

from core.ids import fixed_id
from core.store import tables, work
from core.store.database import Database, StoreUnavailable
from core.store.tx import Tx

ROOT = Path(__file__).resolve().parents[3]
LANES = 6
JOBS = 60  # of each lane
KILLS = 3


def start(url: str, owner: str) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.core.store.hammer", url, owner], cwd=ROOT, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    return process


def kill(process: subprocess.Popen[bytes]) -> None:
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert process.stdout is not None
    process.stdout.close()


def produce(tx: Tx, lane: int, first: int, count: int, *, fail: bool) -> list[int]:
    now = datetime.now(UTC)
    kind = "intake:00" if lane == 0 else f"send:{lane}:x"
    for n in range(first, first + count):
        work.enqueue(
            tx,
            shard=fixed_id(str(lane)),
            lane=kind,
            kind="count",
            payload={"lane": lane, "n": n},
            due=now,
            now=now,
        )
    if fail:
        raise LookupError("rolled back")
    return list(range(first, first + count))


def counters(tx: Tx) -> dict[str, int]:
    return {row.name: row.value for row in tx.all(select(tables.counter))}


def left(tx: Tx) -> tuple[int, int, int]:
    found = [len(tx.all(select(table))) for table in (tables.job, tables.lane, tables.dead_job)]
    return found[0], found[1], found[2]


async def test_no_job_is_lost_doubled_or_out_of_order_when_workers_are_killed(
    db: Database, database_url: str
) -> None:
    hubs = 1 if db.kind == "sqlite" else 2
    dice = random.Random(7)
    ledger: dict[int, list[int]] = defaultdict(list)
    for lane in range(LANES):
        await db.write(lambda tx, lane=lane: tx.insert(tables.counter, name=f"lane {lane}", value=0))
    processes = [await asyncio.to_thread(start, database_url, f"hub {n}") for n in range(hubs)]

    async def feed() -> None:
        number = 0
        while min((len(ledger[lane]) for lane in range(LANES)), default=0) < JOBS:
            number += 10
            for lane in range(LANES):
                try:
                    made = await db.write(
                        produce, lane, number, dice.randint(1, 8), fail=dice.random() < 0.05
                    )
                except (LookupError, StoreUnavailable):
                    continue
                ledger[lane] += made
            await asyncio.sleep(0.02)

    feeding = asyncio.create_task(feed())
    for turn in range(KILLS):
        await asyncio.sleep(0.3)
        await asyncio.to_thread(kill, processes[0])
        processes[0] = await asyncio.to_thread(start, database_url, f"hub {turn + 10}")
    await feeding
    async with asyncio.timeout(20):
        while await db.read(left) != (0, 0, 0):  # noqa: ASYNC110 - other processes do it
            await asyncio.sleep(0.1)
    for process in processes:
        await asyncio.to_thread(kill, process)

    found = await db.read(counters)
    for lane in range(LANES):
        effects = {n: found[f"effect {lane} {n}"] for n in ledger[lane]}
        assert found[f"lane {lane}"] == len(ledger[lane])
        if lane:  # intake lanes promise no order
            assert [n for n, _ in sorted(effects.items(), key=lambda item: item[1])] == ledger[lane]
    assert sum(name.startswith("effect") for name in found) == sum(map(len, ledger.values()))
