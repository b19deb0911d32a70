"""How many mails a second? Accepted with 250, and understood all the way to a ticket with its acknowledgement queued."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

from bench.databases import Look
from bench.processes import ROOT, Hub, Null

CONNECTIONS = 8
TRICKLE = 4.0  # mails a second
POLL = 0.03  # seconds
WITHIN = 300.0  # seconds for all mails of a round


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One round of mails on a hub; rates in mails a second."""

    accepted: float
    tickets: float
    cpu: float
    """Milliseconds of processor time of the hub, for each mail."""
    cpu_reading: float


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
        before = hub.cpu()
        report = _answer(_load(hub.smtp, count, seed))
        until = time.monotonic() + WITHIN
        while waiting := look.count("SELECT count(*) FROM inbound WHERE outcome IS NULL"):
            if time.monotonic() > until:
                raise Lost(f"{waiting} of {count} mails are not understood after {WITHIN:.0f} s")
            time.sleep(POLL)
        seconds = time.time() - report["began"]
        after = hub.cpu()
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
    )


def _load(port: int, count: int, seed: int, *more: str) -> subprocess.Popen[bytes]:
    words = [str(word) for word in (port, count, CONNECTIONS, seed)]
    return subprocess.Popen(
        [sys.executable, "-m", "bench.mail_load", *words, *more], cwd=ROOT, stdout=subprocess.PIPE
    )


def _answer(load: subprocess.Popen[bytes]) -> dict[str, float]:
    out, _ = load.communicate(timeout=WITHIN)
    answer: dict[str, float] = json.loads(out)
    return answer


@contextlib.contextmanager
def trickle(hub: Hub, seconds: float, seed: int) -> Iterator[None]:
    """Meanwhile, a few mails a second come in, as on a busy day."""
    load = _load(hub.smtp, int(seconds * TRICKLE), seed, "--pause", str(CONNECTIONS / TRICKLE))
    try:
        yield
    finally:
        report = _answer(load)
        if report["refused"]:
            raise Lost(f"{report['refused']:.0f} mails were refused")
