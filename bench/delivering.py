"""What does a report of a large customer cost, what does the inbox notice of it, and is the dashboard as quick as the inbox?

A hub of its own. Of its desk so many tickets as REPORTED are put under one contract; the report is of the year they came in,
so that every one of them is in every figure. Processor time is that of the whole hub.
"""

from __future__ import annotations

import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import func, select, update

from bench import desk
from bench.databases import Kind
from bench.looking import meanwhile_p95, p95, waiting
from bench.pages import Browser
from bench.patterns import FACTS
from bench.processes import Hub
from bench.recalendar import WITHIN, idle
from bench.sizes import Sizes
from bench.table import Figure
from core.desk import papers, periodic
from core.desk.case import ADMINISTRATION
from core.desk.principal import HUB
from core.store import tables
from core.store.database import Database
from core.store.opening import open_database
from core.store.tx import Tx

CONTRACT, OTHER = "C-BENCH-00", "C-BENCH-01"
REPORTED = 10_000

HALF_A_YEAR = timedelta(days=183)
GLANCE = "/desk/operations"

_DRAWN = select(func.count().label("n")).where(
    tables.paper.c.ticket_id == ADMINISTRATION,
    tables.paper.c.kind == papers.PERIODIC,
    tables.paper.c.pdf.is_not(None),
)


def measure(kind: Kind, sizes: Sizes, folder: Path, relay: int) -> list[Figure]:
    """Two reports: one while nobody looks, for the processor; one while people do."""
    year = (datetime.now(UTC) - HALF_A_YEAR).year
    with kind.copy(sizes.tickets, folder) as url:
        db = open_database(url, FACTS)
        count = db.submit(_gather, year, min(REPORTED, sizes.tickets)).result()
        hub = Hub(folder / "delivering", url, relay=relay, plain=True)
        try:
            cookie = desk.leader(db, now=datetime.now(UTC))
            first = _first(hub, cookie)
            idle(hub)
            calm = p95(hub, cookie, waiting(sizes.seconds))
            glance = p95(hub, cookie, waiting(sizes.seconds), GLANCE)
            taken, seconds = _reported(db, hub, year)
            meanwhile, (_, then) = meanwhile_p95(hub, cookie, lambda: _reported(db, hub, year))
        finally:
            hub.kill()
            db.close()
    return [
        Figure(
            what=f"a report of {count:,} tickets",
            database=kind.name,
            measured=taken,
            unit="core s",
            at_most=5.0 * max(count / REPORTED, 0.1),
            note=f"with its PDF there after {seconds:.1f} s, after {then:.1f} s while people look",
        ),
        Figure(
            what="inbox while a report is made, p95",
            database=kind.name,
            measured=meanwhile,
            unit="ms",
            reference=calm,
            referred="nothing going on",
            at_most=2.0,
        ),
        Figure(
            what=f"operations at a glance with {sizes.tickets:,} tickets, p95",
            database=kind.name,
            measured=glance,
            unit="ms",
            at_most=100.0,
            note=f"the first after a start {first:.0f} ms; the list of open tickets {calm:.0f} ms",
        ),
    ]


def _first(hub: Hub, cookie: str) -> float:
    """Milliseconds of the first look at operations."""
    with closing(Browser(hub.http, cookie)) as browser:
        began = time.perf_counter()
        browser.get(GLANCE)
        return 1000 * (time.perf_counter() - began)


def _gather(tx: Tx, year: int, most: int) -> int:
    """Put tickets of this year under one contract, as if they had always been; return how many of them there are."""
    ids = [
        row.id
        for row in tx.all(
            select(tables.ticket.c.id)
            .where(
                tables.ticket.c.received_at >= datetime(year, 1, 2, tzinfo=UTC),
                tables.ticket.c.received_at < datetime(year, 12, 31, tzinfo=UTC),
            )
            .order_by(tables.ticket.c.id)
            .limit(most)
        )
    ]
    checked = tables.entitlement_check
    own = checked.c.ticket_id.between(ids[0], ids[-1])
    tx.run(update(checked).where(checked.c.contract == CONTRACT, ~own).values(contract=OTHER))
    tx.run(update(checked).where(own).values(contract=CONTRACT))
    return len(ids)


def _reported(db: Database, hub: Hub, year: int) -> tuple[float, float]:
    """Let a report be made, and wait for it and its PDF: seconds of processor, seconds until it was there.

    On a busy machine the first are too many: what the hub takes meanwhile by itself is among them.
    """
    made = db.query(_drawn).result()
    idle(hub)
    before, began = sum(hub.cpu().values()), time.monotonic()
    now = datetime.now(UTC)
    db.submit(periodic.queue, CONTRACT, str(year), draft=year == now.year, by=HUB.actor, now=now).result()
    while db.query(_drawn).result() == made:
        if time.monotonic() > began + WITHIN:
            raise RuntimeError(f"the report is not there after {WITHIN:.0f} s")
        time.sleep(0.05)
    seconds = time.monotonic() - began
    return sum(hub.cpu().values()) - before, seconds


def _drawn(tx: Tx) -> int:
    """Reports whose PDF is there."""
    return int(tx.one(_DRAWN).n)
