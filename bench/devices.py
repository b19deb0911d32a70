"""How many alarms can devices report, is one lost in a burst, and how long does one wait in a storm for its ticket?"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import quantiles
from typing import Any
from urllib.request import urlopen

from bench import mails
from bench.databases import Kind, Look
from bench.device_load import SECRET, SOURCE
from bench.patterns import FACTS
from bench.processes import ROOT, Hub, free_port
from bench.recalendar import idle
from bench.sizes import SMALL, Sizes
from bench.table import Figure
from core.desk.configuration import checking, rows
from core.desk.principal import HUB
from core.store.opening import open_database

CONNECTIONS = 8
ALARMS = 1_000  # by HTTP, in a round
BURST = 5_000  # lines
REPEATS = 10_000  # of one alarm
STORM = 500  # alarms of one site
RATE = 50.0  # of them a second
MAILS = 4.0  # a second, beside the storm
BESIDE = 10.0  # seconds of such mail: as long as the storm is
POLL = 0.02  # seconds
WITHIN = 240.0  # seconds
DESK = f"""
[[alert_sources]]
name = "{SOURCE}"
kind = "alertmanager"
secret = "{SECRET}"
customer = "CUST00"
technology = "Network"
request_type = "Incident"
hold = "0s"
[[alert_sources]]
name = "lines"
kind = "syslog"
peers = ["127.0.0.0/8"]
customer = "CUST01"
technology = "Network"
request_type = "Incident"
hold = "0s"
"""
_ALERTED = "SELECT count(*) FROM alert WHERE ticket_id IS NOT NULL AND dedup_key LIKE ?"


def measure(kind: Kind, sizes: Sizes, folder: Path, relay: int) -> list[Figure]:
    """The figures of one kind of database, on a desk of customers and no tickets."""
    part = 20 if sizes.tickets < SMALL else 1
    with ExitStack() as stack:
        url = stack.enter_context(kind.copy(0, folder))
        db = open_database(url, FACTS)
        try:
            db.submit(rows.apply, HUB, checking.read(DESK), {}, now=datetime.now(UTC)).result()
        finally:
            db.close()
        port = free_port()
        hub = Hub(folder / "devices", url, relay=relay, plain=True, more=_settings(port))
        stack.callback(hub.kill)
        look = Look(url)
        stack.callback(look.close)
        idle(hub)
        return [
            *_repeats(kind, hub, look, port, REPEATS // part),
            *_burst(kind, hub, look, port, BURST // part),
            *_storm(kind, hub, look, STORM // part, beside=BESIDE / part),
            *_by_http(kind, hub, look, ALARMS // part, sizes.rounds),
        ]


def _settings(port: int) -> dict[str, dict[str, int]]:
    return {"channels.monitoring": {"syslog_udp_port": port}}


def _by_http(kind: Kind, hub: Hub, look: Look, count: int, rounds: int) -> list[Figure]:
    """What is acknowledged lies in the store. The reference asks the same server and stores nothing."""
    found: dict[str, list[dict[str, Any]]] = {"ask": [], "new": [], "same": []}
    for n in range(rounds):
        for mode, reports in found.items():
            before = look.count("SELECT count(*) FROM inbound")
            report = _answer(_load(hub, count, 100 + n, mode))
            stored = look.count("SELECT count(*) FROM inbound") - before
            if report["accepted"] != count or (stored != count and mode != "ask"):
                raise mails.Lost(
                    f"{count} alarms sent, {report['accepted']} acknowledged, {report['else']}, {stored} stored"
                )
            reports.append(report)
            _understood(look)
    middle = {
        mode: sorted(reports, key=lambda one: one["rate"])[len(reports) // 2]
        for mode, reports in found.items()
    }
    return [
        Figure(
            what=f"{what} by HTTP, acknowledged",
            database=kind.name,
            measured=middle[mode]["rate"],
            unit="/s",
            reference=middle["ask"]["rate"],
            referred="refused by the same server",
            at_least=0.1,
            note=f"p95 {middle[mode]['p95']:.0f} ms with {CONNECTIONS} connections; the reference {middle['ask']['p95']:.0f} ms",
        )
        for mode, what in (("new", "alarms"), ("same", "one alarm again"))
    ]


def _burst(kind: Kind, hub: Hub, look: Look, port: int, count: int) -> list[Figure]:
    """Lines of no alarm, as fast as they can be sent; beside them the same into a socket that only reads."""
    bare = _bare(count)
    before = _stored(hub)
    began = time.perf_counter()
    _send(port, [b"<14>Jan 26 12:00:00 sw-%d app: all is well" % n for n in range(count)])
    _until(lambda: _stored(hub) == before + count, f"not all of {count} lines were stored")
    seconds = time.perf_counter() - began
    _understood(look)
    return [
        Figure(
            what=f"a burst of {count:,} lines by UDP, stored",
            database=kind.name,
            measured=count / seconds,
            unit="/s",
            reference=bare,
            referred="a socket that only reads",
            at_least=0.02,
            note="none was lost",
        )
    ]


def _repeats(kind: Kind, hub: Hub, look: Look, port: int, count: int) -> list[Figure]:
    """One ticket, and no more memory than for the first of them."""
    line = b"<11>Jan 26 12:00:00 sw-0 flood: the same again and again"
    counted = "SELECT count FROM alert WHERE dedup_key LIKE ?"

    def said(times: int) -> None:
        for first in range(0, times, 1000):  # not a burst: that is measured beside
            _send(port, [line] * min(1000, times - first))
            time.sleep(0.1)

    said(count // 10)
    _until(lambda: _alert_count(look) == count // 10, "the first of the repeats were not counted")
    _understood(look)
    memory = hub.resident()
    began = time.perf_counter()
    said(count - count // 10)
    _until(lambda: _alert_count(look) == count, f"{count} repeats are not {count} in the count")
    seconds = time.perf_counter() - began
    _understood(look)
    tickets = look.count(
        "SELECT count(DISTINCT ticket_id) FROM alert WHERE dedup_key LIKE ?", "syslog:sw-0:%"
    )
    if tickets != 1 or look.count(counted, "syslog:sw-0:%") != count:
        raise mails.Lost(f"{count} repeats became {tickets} tickets")
    return [
        Figure(
            what=f"memory of the hub after {count:,} repeats of one alarm",
            database=kind.name,
            measured=hub.resident(),
            unit="MB",
            reference=memory,
            referred="after the first tenth",
            at_most=1.1,
            note=f"one ticket; counted {(count - count // 10) / seconds:,.0f} a second",
        )
    ]


def _storm(kind: Kind, hub: Hub, look: Look, count: int, *, beside: float) -> list[Figure]:
    """Alarms of one site, beside mail: how long after it was received has each its ticket? So many a second, and as fast as it goes."""
    with mails.pouring(hub, beside, MAILS, seed=77):
        paced = _waits(look, _load(hub, count, 7, "new", pause=CONNECTIONS / RATE), 7, count)
    with mails.pouring(hub, beside, MAILS, seed=78):
        at_once = _waits(look, _load(hub, count, 8, "new"), 8, count)
    cuts = quantiles(paced.waits, n=100)
    return [
        Figure(
            what=f"from alarm to its ticket in a storm of {RATE:g} a second, p99",
            database=kind.name,
            measured=cuts[98],
            unit="s",
            at_most=2.0,
            note=f"{count} alarms beside {MAILS:g} mails a second; median {cuts[49]:.2f} s; one answered within {paced.answered:.0f} ms, p95",
        ),
        Figure(
            what=f"a storm of {count} alarms at once, until each has its ticket",
            database=kind.name,
            measured=at_once.seconds,
            unit="s",
            at_most=10.0 * max(count / STORM, 0.5),
            note=f"beside {MAILS:g} mails a second; {at_once.tickets} ticket for all",
        ),
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stormed:
    waits: list[float]
    """Seconds from received to ticket, of each."""
    seconds: float
    """From the first that was sent to the last ticket."""
    tickets: int
    answered: float
    """Milliseconds to the answer by HTTP, p95."""


def _waits(look: Look, load: subprocess.Popen[bytes], seed: int, count: int) -> _Stormed:
    like = f"alertmanager:dev-{seed}-%"
    seen: list[tuple[float, int]] = []
    end = time.time() + WITHIN
    while not seen or seen[-1][1] < count:
        seen.append((time.time(), look.count(_ALERTED, like)))
        if time.time() > end:
            raise mails.Lost(f"of {count} alarms {seen[-1][1]} have a ticket after {WITHIN:.0f} s")
        time.sleep(POLL)
    report = _answer(load)
    received = look.column("SELECT received_at FROM alert WHERE dedup_key LIKE ? ORDER BY received_at", like)
    # Whichever was received as the n-th has its ticket when there are n: they share a lane, so that they keep their order.
    waits, at = [], 0
    for n, came in enumerate(received, 1):
        while seen[at][1] < n:
            at += 1
        waits.append(seen[at][0] - came / 1_000_000)
    return _Stormed(
        waits=waits,
        seconds=seen[-1][0] - report["began"],
        tickets=look.count("SELECT count(DISTINCT ticket_id) FROM alert WHERE dedup_key LIKE ?", like),
        answered=report["p95"],
    )


def _alert_count(look: Look) -> int:
    found = look.column("SELECT count FROM alert WHERE dedup_key LIKE ?", "syslog:sw-0:%")
    return found[0] if found else 0


def _send(port: int, lines: list[bytes]) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        out.connect(("127.0.0.1", port))
        for line in lines:
            out.send(line)


def _bare(count: int) -> float:
    """Datagrams a second into a socket whose reader throws them away, a piece at a time so that none is lost."""
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as into,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out,
    ):
        into.bind(("127.0.0.1", 0))
        out.connect(into.getsockname())
        began = time.perf_counter()
        for first in range(0, count, 100):
            part = min(100, count - first)
            for n in range(part):
                out.send(b"<14>Jan 26 12:00:00 sw-%d app: all is well" % n)
            for _ in range(part):
                into.recvfrom(65_535)
        return count / (time.perf_counter() - began)


def _stored(hub: Hub) -> int:
    with urlopen(f"http://127.0.0.1:{hub.http}/metrics", timeout=20) as answer:
        for line in answer.read().decode().splitlines():
            if line.startswith('centralino_device_messages_total{fate="stored",way="syslog-udp"}'):
                return int(float(line.rpartition(" ")[2]))
    raise mails.Lost("the hub does not say how many lines it stored")


def _understood(look: Look) -> None:
    _until(
        lambda: not look.count("SELECT count(*) FROM inbound WHERE outcome IS NULL"),
        "something is not understood",
    )


def _until(so: Callable[[], object], otherwise: str) -> None:
    end = time.monotonic() + WITHIN
    while not so():
        if time.monotonic() > end:
            raise mails.Lost(otherwise)
        time.sleep(POLL)


def _load(hub: Hub, count: int, seed: int, mode: str, *, pause: float = 0.0) -> subprocess.Popen[bytes]:
    words = [str(word) for word in (hub.http, count, CONNECTIONS, seed, mode, pause)]
    return subprocess.Popen(
        [sys.executable, "-m", "bench.device_load", *words], cwd=ROOT, stdout=subprocess.PIPE
    )


def _answer(load: subprocess.Popen[bytes]) -> dict[str, Any]:
    out, _ = load.communicate(timeout=WITHIN)
    answer: dict[str, Any] = json.loads(out)
    return answer
