"""How many mails a second? Accepted with 250, and understood all the way to a ticket with its acknowledgement queued."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bench.databases import Look
from bench.processes import ROOT, Hub, Null, cpu
from core.desk.door import LANES
from core.ids import fixed_id
from core.store import lanes
from core.store.database import Database
from core.store.opening import open_database

CONNECTIONS = 8
TRICKLE = 4.0  # mails a second
POLL = 0.03  # seconds
WITHIN = 300.0  # seconds for all mails of a round
INTAKE = [f"intake:{n:02}" for n in range(LANES)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One round of mails on a hub; rates in mails a second."""

    accepted: float
    tickets: float
    cpu: float
    """Milliseconds of processor time of the hub, for each mail."""
    cpu_reading: float
    """The same of its reading processes …"""
    cpu_database: float
    """… and of those of the database server that work for it."""


class Lost(Exception):
    """Something that was acknowledged is not there, or is not what it should be. Says how many."""


def null(server: Null, count: int, seed: int) -> tuple[float, float]:
    """Mails a second that the null server takes, and its milliseconds of processor time for each."""
    before = server.cpu()
    rate = _answer(_load(server.port, count, seed))["rate"]
    return rate, 1000 * (server.cpu() - before) / count


def to_tickets(hub: Hub, count: int, seed: int) -> Run:
    """Send, wait until each is a ticket, and count them: what was answered with 250 has to be there."""
    look = Look(hub.url)
    try:
        before, served = hub.cpu(), _served(look)
        report = _answer(_load(hub.smtp, count, seed))
        _understood(look, count)
        seconds = time.time() - report["began"]
        after, serving = hub.cpu(), _served(look)
        began = int(report["began"] * 1_000_000)
        tickets = look.count(
            "SELECT count(*) FROM inbound WHERE outcome = 'ticket' AND received_at >= ?", began
        )
        queued = look.count(
            "SELECT count(*) FROM delivery WHERE state IN ('queued', 'sending', 'sent') AND created_at >= ?",
            began,
        )
        if not report["accepted"] == tickets == queued == count:
            raise Lost(
                f"{count} sent, {report['accepted']} accepted, {tickets} tickets, {queued} acknowledgements"
            )
    finally:
        look.close()
    return Run(
        accepted=report["rate"],
        tickets=count / seconds,
        cpu=1000 * (after["hub"] - before["hub"]) / count,
        cpu_reading=1000 * (after["readers"] - before["readers"]) / count,
        cpu_database=1000 * sum(time - served.get(pid, 0.0) for pid, time in serving.items()) / count,
    )


def _served(look: Look) -> dict[int, float]:
    return {pid: cpu(pid) for pid in look.servers()}


def alone(hub: Hub, count: int, seed: int) -> float:
    """Mails a second that are accepted while all lanes on which they would be understood are held by us.

    Then they are given back, and each becomes a ticket: what was answered with 250 has to be there.
    """
    db = open_database(hub.url, connections=3)
    look = Look(hub.url)
    try:
        held = [_hold(db, name) for name in INTAKE]
        report = _answer(_load(hub.smtp, count, seed))
        waiting = look.count("SELECT count(*) FROM inbound WHERE outcome IS NULL")
        if not report["accepted"] == waiting == count:
            raise Lost(f"{count} sent, {report['accepted']} accepted, {waiting} wait")
        for claim in held:
            db.submit(lanes.let_go, claim).result()
        _understood(look, count)
    finally:
        look.close()
        db.close()
    return report["rate"]


def _hold(db: Database, name: str) -> lanes.Claim:
    until = time.monotonic() + WITHIN
    while time.monotonic() < until:
        claim = db.submit(
            lanes.hold,
            shard=fixed_id(name),
            name=name,
            owner="bench",
            now=datetime.now(UTC),
            lease=timedelta(seconds=WITHIN),
        ).result()
        if claim is not None:
            return claim
        time.sleep(POLL)
    raise Lost(f"lane {name} is never free")


def _understood(look: Look, count: int) -> None:
    until = time.monotonic() + WITHIN
    while waiting := look.count("SELECT count(*) FROM inbound WHERE outcome IS NULL"):
        if time.monotonic() > until:
            raise Lost(f"{waiting} of {count} mails are not understood after {WITHIN:.0f} s")
        time.sleep(POLL)


def _load(port: int, count: int, seed: int, *more: str) -> subprocess.Popen[bytes]:
    words = [str(word) for word in (port, count, CONNECTIONS, seed)]
    return subprocess.Popen(
        [sys.executable, "-m", "bench.mail_load", *words, *more], cwd=ROOT, stdout=subprocess.PIPE
    )


def _answer(load: subprocess.Popen[bytes]) -> dict[str, float]:
    out, _ = load.communicate(timeout=WITHIN)
    answer: dict[str, float] = json.loads(out)
    return answer


def trickle(hub: Hub, seconds: float, seed: int) -> contextlib.AbstractContextManager[None]:
    """Meanwhile, a few mails a second come in, as on a busy day."""
    return pouring(hub, seconds, TRICKLE, seed=seed)


@contextlib.contextmanager
def pouring(hub: Hub, seconds: float, rate: float, *, seed: int) -> Iterator[None]:
    """Meanwhile, so many mails a second come in."""
    load = _load(hub.smtp, int(seconds * rate), seed, "--pause", str(CONNECTIONS / rate))
    try:
        yield
    finally:
        report = _answer(load)
        if report["refused"]:
            raise Lost(f"{report['refused']:.0f} mails were refused")
