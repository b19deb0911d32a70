"""`python -m bench [--quick] [--only NAME] [--database sqlite|postgresql|both]`: measure, print a table, keep it as JSON.

Every figure is the median of rounds that alternate with its reference in the same run; read the ratios. Everything is
a process of its own on loopback and shares the processor, the load included.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from bench import desk, mails, pages, table
from bench.databases import RESULTS, Kind, Postgres, Sqlite
from bench.patterns import FACTS
from bench.processes import Hub, null_server, silent_relay
from bench.table import Figure
from core.store.opening import open_database

PARTS = ("mail", "pages", "start")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """How much is measured."""

    tickets: int
    rounds: int
    mails: int
    """In a round."""
    seconds: float
    """Of looking at pages, in a round."""


FULL = Sizes(tickets=100_000, rounds=3, mails=2_000, seconds=10.0)
QUICK = Sizes(tickets=10_000, rounds=1, mails=800, seconds=5.0)


def main() -> int:
    """See the module. Exit code 1: a line was not met."""
    asked = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    asked.add_argument("--quick", action="store_true", help="smaller desk, one round: within two minutes")
    asked.add_argument("--only", choices=PARTS, action="append", help="may be given again")
    asked.add_argument("--database", choices=("sqlite", "postgresql", "both"), default="both")
    given = asked.parse_args()
    sizes = QUICK if given.quick else FULL
    facts = table.machine() | {
        "tickets": sizes.tickets,
        "rounds": sizes.rounds,
        "mail connections": mails.CONNECTIONS,
        "databases": {},
    }
    figures: list[Figure] = []
    for kind in _kinds(given.database):
        facts["databases"][kind.name] = kind.said()
        figures += measure(kind, sizes, given.only or PARTS)
    print(table.text(figures, facts))
    print(f"kept as {table.keep(RESULTS, figures, facts, now=datetime.now(UTC))}")
    return 1 if any(figure.met is False for figure in figures) else 0


def _kinds(wanted: str) -> Iterator[Kind]:
    if wanted in ("sqlite", "both"):
        yield Sqlite()
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
        large = stack.enter_context(kind.copy(sizes.tickets, folder))
        if "start" in parts:
            figures += _start(kind, sizes, folder, large, relay)
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
                figures += _mail(kind, sizes, hub, small)
            figures += _memory(kind, sizes, hub)
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


def _mail(kind: Kind, sizes: Sizes, large: Hub, small: Hub) -> list[Figure]:
    null, of_small, of_large = [], [], []
    with null_server() as server:
        mails.null(server, sizes.mails, 1)  # everything is warm
        mails.to_tickets(small, sizes.mails // 4, 2)
        mails.to_tickets(large, sizes.mails // 4, 3)
        for n in range(sizes.rounds):
            null.append(mails.null(server, sizes.mails, 10 + n))
            of_small.append(mails.to_tickets(small, sizes.mails, 20 + n))
            of_large.append(mails.to_tickets(large, sizes.mails, 30 + n))
    empty = median(run.tickets for run in of_small)
    full = median(run.tickets for run in of_large)
    cpu = {name: median(getattr(run, name) for run in of_large) for name in ("cpu", "cpu_reading")}

    def beside_null(what: str, measured: float, at_least: float) -> Figure:
        return Figure(
            what=what,
            database=kind.name,
            measured=measured,
            unit="mails/s",
            reference=median(rate for rate, _ in null),
            referred="null aiosmtpd",
            at_least=at_least,
        )

    accepted = median(run.accepted for run in of_large)
    return [
        beside_null("mails accepted with 250, while tickets are made", accepted, 0.5),
        beside_null("mails to tickets, empty desk", empty, 0.2),
        beside_null(f"mails to tickets, {sizes.tickets:,} tickets", full, 0.2),
        Figure(
            what="the same beside the empty desk",
            database=kind.name,
            measured=full,
            unit="mails/s",
            reference=empty,
            referred="empty desk",
            at_least=0.9,
        ),
        Figure(
            what="processor time of hub and reader for a mail",
            database=kind.name,
            measured=cpu["cpu"] + cpu["cpu_reading"],
            unit="ms",
            reference=median(time for _, time in null),
            referred="null aiosmtpd",
            note=f"{cpu['cpu']:.2f} ms of the hub; others on the machine disturb this figure least",
        ),
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
