"""`python -m bench [--quick] [--only NAME] [--database sqlite|postgresql|both] [--large [TICKETS]] [--templates FOLDER]`.

Measure, print a table, keep it as JSON.

Every figure is the median of rounds that alternate with its reference in the same run; read the ratios. Everything is
a process of its own on loopback and shares the processor, the load included.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from bench import (
    chats,
    deciding,
    delivering,
    desk,
    devices,
    mails,
    pages,
    papers,
    phone_calls,
    reading,
    sip_calls,
    slots,
    table,
)
from bench.databases import RESULTS, Kind, Postgres, Sqlite
from bench.mail_figures import mail
from bench.patterns import FACTS
from bench.processes import Hub, silent_relay
from bench.sizes import FULL, LARGE, QUICK, SMALL, Sizes
from bench.table import Figure
from core.store.opening import open_database

PARTS = (
    "mail",
    "pages",
    "start",
    "calls",
    "chat",
    "deciding",
    "delivering",
    "devices",
)  # of a desk, on each database
SIP = "sip"
PAPERS = "papers"
SLOTS = "slots"
READING = "reading"
ALONE = (SIP, PAPERS, SLOTS, READING)
"""Parts that ask no database."""


def main() -> int:
    """See the module. Exit code 1: a line was not met."""
    asked = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    asked.add_argument("--quick", action="store_true", help="smaller desk, one round: within two minutes")
    asked.add_argument("--only", choices=(*PARTS, *ALONE), action="append", help="may be given again")
    asked.add_argument("--database", choices=("sqlite", "postgresql", "both"), default="both")
    asked.add_argument(
        "--large",
        type=int,
        nargs="?",
        const=LARGE,
        default=0,
        metavar="TICKETS",
        help=f"a further desk with so many tickets ({LARGE:,}: 18 GB, and as much again while measured)",
    )
    asked.add_argument(
        "--templates", type=Path, default=RESULTS, help="where desks on SQLite are kept once made"
    )
    given = asked.parse_args()
    sizes = replace(QUICK if given.quick else FULL, large=given.large)
    facts = table.machine() | {
        "tickets": sizes.tickets,
        "rounds": sizes.rounds,
        "mail connections": mails.CONNECTIONS,
        "databases": {},
    }
    figures: list[Figure] = []
    parts = given.only or (*PARTS, *ALONE)
    if set(parts) - set(ALONE):
        for kind in _kinds(given.database, given.templates):
            facts["databases"][kind.name] = kind.said()
            figures += measure(kind, sizes, parts, within=given.templates)
    if SIP in parts:
        figures += _calls(quick=given.quick)
    if PAPERS in parts:
        figures += papers.measure()
    if SLOTS in parts:
        figures += slots.measure()
    if READING in parts:
        figures += _reading()
    print(table.text(figures, facts))
    print(f"kept as {table.keep(RESULTS, figures, facts, now=datetime.now(UTC))}")
    return 1 if any(figure.met is False for figure in figures) else 0


def _calls(*, quick: bool) -> list[Figure]:
    if missing := sip_calls.missing():
        print(f"calls by SIP are left out: needs {missing}", file=sys.stderr)
        return []
    return sip_calls.measure(sip_calls.QUICK if quick else sip_calls.FULL)


def _reading() -> list[Figure]:
    if missing := reading.missing():
        print(f"reading is skipped: needs {missing}", file=sys.stderr)
        return []
    return reading.measure()


def _kinds(wanted: str, templates: Path) -> Iterator[Kind]:
    if wanted in ("sqlite", "both"):
        yield Sqlite(templates)
    if wanted in ("postgresql", "both"):
        postgres = Postgres()
        if postgres.answers():
            yield postgres
        else:
            print("PostgreSQL is left out: no server answers (BENCH_POSTGRES names one)", file=sys.stderr)


def measure(
    kind: Kind, sizes: Sizes, parts: Sequence[str] = PARTS, *, within: Path = RESULTS
) -> list[Figure]:
    """The figures of one kind of database. `within`: where the hubs may put their files."""
    figures: list[Figure] = []
    with contextlib.ExitStack() as stack:
        within.mkdir(parents=True, exist_ok=True)
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=within, prefix="run-")))
        relay = stack.enter_context(silent_relay())
        whole = bool({"start", "mail", "pages"} & set(parts))
        large = stack.enter_context(kind.copy(sizes.tickets, folder)) if whole else ""
        if "start" in parts:
            figures += _start(kind, sizes, folder, large, relay)
        if "calls" in parts:
            figures += phone_calls.measure(kind, sizes, folder, relay)
        if "deciding" in parts:
            figures += deciding.measure(kind, sizes, folder, relay)
        if "delivering" in parts and sizes.tickets >= SMALL:
            figures += delivering.measure(kind, sizes, folder, relay)
        if "devices" in parts:
            figures += devices.measure(kind, sizes, folder, relay)
        if "chat" in parts:
            figures += chats.measure(kind, sizes, folder, relay)
        if {"mail", "pages"} & set(parts):
            readers = _readers(large)
            hub = Hub(folder / "large", large, relay=relay)
            stack.callback(hub.kill)
            if "pages" in parts:
                figures += _pages(kind, sizes, hub, readers)
            if "mail" in parts:
                empty = stack.enter_context(kind.copy(0, folder))
                small = Hub(folder / "empty", empty, relay=relay)
                stack.callback(small.kill)
                figures += mail(kind, sizes, hub, small, relay, folder)
            figures += _memory(kind, sizes, hub)
        if whole:
            figures += _room(kind, sizes)
    return figures


def _readers(url: str) -> list[desk.Reader]:
    db = open_database(url, FACTS)
    try:
        return desk.readers(db, now=datetime.now(UTC))
    finally:
        db.close()


def _start(kind: Kind, sizes: Sizes, folder: Path, url: str, relay: int) -> list[Figure]:
    seconds = []
    for _ in range(sizes.rounds):
        hub = Hub(folder / "start", url, relay=relay, plain=True)
        seconds.append(hub.started_within)
        hub.kill()
    return [
        Figure(
            what=f"from start to ready, {sizes.tickets:,} tickets",
            database=kind.name,
            measured=median(seconds),
            unit="s",
            at_most=3.0,
        )
    ]


def _pages(kind: Kind, sizes: Sizes, hub: Hub, readers: list[desk.Reader]) -> list[Figure]:
    size = pages.sizes(hub, readers)
    rounds = []
    for n in range(sizes.rounds):
        with mails.trickle(hub, sizes.seconds, 50 + n):
            rounds.append(pages.look_around(hub, readers, seconds=sizes.seconds, seed=n))
    return [
        Figure(
            what=f"{what} page, p95, {sizes.tickets:,} tickets",
            database=kind.name,
            measured=median(times.p95(what) for times in rounds),
            unit="ms",
            reference=median(times.p95(f"static {what}") for times in rounds),
            referred="static page",
            at_most=4.0,
            note=f"{size[what] / 1000:.0f} kB; median {median(t.median(what) for t in rounds):.1f} ms, "
            f"static {median(t.median(f'static {what}') for t in rounds):.1f} ms",
        )
        for what in ("list", "ticket")
    ]


def _room(kind: Kind, sizes: Sizes) -> list[Figure]:
    return [
        Figure(
            what=f"room of a ticket, {sizes.tickets:,} tickets",
            database=kind.name,
            measured=(kind.size(sizes.tickets) - kind.size(0)) / sizes.tickets / 1000,
            unit="kB",
            at_most=18.0,
        )
    ]


def _memory(kind: Kind, sizes: Sizes, hub: Hub) -> list[Figure]:
    held = hub.memory()
    return [
        Figure(
            what=f"memory of the hub under load, {sizes.tickets:,} tickets",
            database=kind.name,
            measured=held["hub"],
            unit="MB",
            at_most=250.0,
            note=f"and {held['readers']:.0f} MB of its readers",
        )
    ]


if __name__ == "__main__":
    sys.exit(main())
