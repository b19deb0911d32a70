"""How soon does staff see what a customer types in the web chat? Many chats that are open, some that talk, and mail beside them."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from bench import desk, mails
from bench.databases import Kind
from bench.patterns import FACTS
from bench.processes import MANY, ROOT, Hub
from bench.sizes import SMALL, Sizes
from bench.table import Figure
from core.store.opening import open_database

CHATS = 1_000
TALKING = 40
WATCHED = 20
"""Of those that talk: as many tickets lie open on staff's screens as the pages of one network address may be."""
RATE = 20.0  # messages a second, of all customers together
MAILS = 20  # a second
AIM = 200.0  # ms
LIMITS = {
    "requests_per_person": MANY,
    "requests_per_address": MANY,
    "live_per_person": MANY,
    "live_per_address": MANY,
    "chats_per_address": MANY,
}
IDLE = 5.0  # seconds


def measure(kind: Kind, sizes: Sizes, folder: Path, relay: int) -> list[Figure]:
    """The figures, and what was done meanwhile."""
    tried = sizes.tickets < SMALL
    chats, talking = (20, 2) if tried else (CHATS, TALKING)
    seconds, idle = (1.0, 0.1) if tried else (max(5.0, 2 * sizes.seconds), IDLE)
    with ExitStack() as stack:
        url = stack.enter_context(kind.copy(sizes.tickets, folder))
        db = open_database(url, FACTS)
        try:
            cookie = desk.leader(db, now=datetime.now(UTC))
        finally:
            db.close()
        hub = Hub(folder / "chats", url, relay=relay, more={"limits": LIMITS})
        stack.callback(hub.kill)
        report = _load(hub, cookie, chats, talking, seconds, idle)
    if report["lost"]:
        raise mails.Lost(f"{report['lost']} messages of chats were never seen by staff")
    took, stored = report["seen"], report["stored"]
    beside = f"{chats:,} web chats open beside {MAILS} mails a second"
    return [
        Figure(
            what=f"from a customer's message to staff's screen, p99, {beside}",
            database=kind.name,
            measured=_p99(took),
            unit="ms",
            at_most=AIM,
            note=f"median {median(took):.0f} ms; the customer's number after {median(stored):.0f} ms, p99 "
            f"{_p99(stored):.0f} ms; {len(took)} messages of {talking} chats in {seconds:.0f} s, with {report['busy']:.0f} % of a "
            "processor, the mails included",
        ),
        Figure(
            what=f"memory of an open web chat, {chats:,} of them",
            database=kind.name,
            measured=report["memory"],
            unit="kB",
            at_most=100.0,
            note=f"and {report['idle']:.1f} % of a processor while {chats:,} say nothing",
        ),
    ]


def _p99(took: list[float]) -> float:
    return quantiles(took, n=100)[98] if len(took) > 1 else took[0]


def _load(hub: Hub, cookie: str, chats: int, talking: int, seconds: float, idle: float) -> dict[str, Any]:
    """Open them, wait, then let some of them talk beside the mail."""
    words = [
        str(word) for word in (hub.http, cookie, chats, talking, min(talking, WATCHED), seconds, RATE, idle)
    ]
    if idle == IDLE:
        _quiet(hub)
    before = hub.resident()
    with subprocess.Popen(
        [sys.executable, "-m", "bench.chat_load", *words],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as load:
        assert load.stdin is not None
        assert load.stdout is not None
        load.stdout.readline()  # all are open
        if idle == IDLE:
            _quiet(hub)
        memory = (hub.resident() - before) * 1024 / chats
        used = hub.cpu()["hub"]
        load.stdin.write("wait\n")
        load.stdin.flush()
        waited = float(load.stdout.readline())
        still = 100 * (hub.cpu()["hub"] - used) / waited
        with mails.pouring(hub, seconds + 1, MAILS, seed=11):
            load.stdin.write("talk\n")
            load.stdin.flush()
            used, began = hub.cpu()["hub"], time.monotonic()
            report = dict(json.loads(load.stdout.readline()))
            busy = 100 * (hub.cpu()["hub"] - used) / (time.monotonic() - began)
    return report | {"memory": memory, "idle": still, "busy": busy}


def _quiet(hub: Hub) -> None:
    """Wait until what a hub does after its start, or for those who came, is done."""
    quiet = 0
    for _ in range(60):
        used = hub.cpu()["hub"]
        time.sleep(0.2)
        quiet = quiet + 1 if hub.cpu()["hub"] - used < 0.02 else 0
        if quiet == 4:
            return
