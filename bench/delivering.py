"""What does a report of a large customer cost, what does the inbox notice of it, and is the dashboard as quick as the inbox?

A hub of its own. Of its desk so many tickets as REPORTED are put under one contract; the report is of the year they came in,
so that every one of them is in every figure. Processor time is that of the whole hub.
"""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import func, select, update

from bench import desk
from bench.databases import Kind
from bench.patterns import FACTS
from bench.processes import Hub
from bench.recalendar import WITHIN, idle, p95, waiting
from bench.sizes import Sizes
from bench.table import Figure
from core.desk import periodic
from core.desk.principal import HUB
from core.store import tables
from core.store.database import Database
from core.store.opening import open_database
from core.store.tx import Tx

CONTRACT = "C-BENCH-00"
REPORTED = 10_000

_MADE = select(func.count().label("n")).select_from(tables.periodic_report)


def measure(kind: Kind, sizes: Sizes, folder: Path, relay: int) -> list[Figure]:
    """Two reports: one while nobody looks, for the processor; one while people do."""
    with kind.copy(sizes.tickets, folder) as url:
        db = open_database(url, FACTS)
        count = db.submit(_gather, min(REPORTED, sizes.tickets)).result()
        hub = Hub(folder / "delivering", url, relay=relay, plain=True)
        try:
            cookie = desk.leader(db, now=datetime.now(UTC))
            idle(hub)
            calm = p95(hub, cookie, waiting(sizes.seconds))
            glance = p95(hub, cookie, waiting(sizes.seconds), "/desk/operations")
            taken, seconds = _reported(db, hub)
            over = threading.Event()
            told: list[float] = []

            def report() -> None:
                try:
                    told.append(_reported(db, hub)[1])
                finally:
                    over.set()

            reporting = threading.Thread(target=report)
            reporting.start()
            meanwhile = p95(hub, cookie, over.is_set)
            reporting.join()
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
            note=f"there after {seconds:.1f} s, after {told[0]:.1f} s while people look; its PDF included",
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
            reference=calm,
            referred="the list of open tickets",
        ),
    ]


def _gather(tx: Tx, most: int) -> int:
    """Put tickets under one contract, as if they had always been; return how many of them there are."""
    first = select(tables.ticket.c.id).order_by(tables.ticket.c.id).limit(most)
    last = max(row.id for row in tx.all(first))
    tx.run(
        update(tables.entitlement_check)
        .where(tables.entitlement_check.c.ticket_id <= last)
        .values(contract=CONTRACT)
    )
    tx.run(
        update(tables.entitlement_check)
        .where(tables.entitlement_check.c.ticket_id > last, tables.entitlement_check.c.contract == CONTRACT)
        .values(contract="C-BENCH-01")
    )
    return most


def _reported(db: Database, hub: Hub) -> tuple[float, float]:
    """Let a report be made, and wait for it and its PDF: seconds of processor, seconds until it was there."""
    made = db.query(lambda tx: tx.one(_MADE).n).result()
    before, began = sum(hub.cpu().values()), time.monotonic()
    now = datetime.now(UTC)
    db.submit(periodic.queue, CONTRACT, str(now.year), draft=True, by=HUB.actor, now=now).result()
    while db.query(lambda tx: tx.one(_MADE).n).result() == made:
        if time.monotonic() > began + WITHIN:
            raise RuntimeError(f"the report is not there after {WITHIN:.0f} s")
        time.sleep(0.05)
    seconds = time.monotonic() - began
    idle(hub)
    return sum(hub.cpu().values()) - before, seconds
