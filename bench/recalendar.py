"""How long does an edited calendar take to reach every open ticket, and what does the inbox notice of it?

A hub of its own, on a desk on which nothing is closed and every clock runs by the calendar that is edited. Processor time
is that of the whole hub, from when somebody applies it until its job is over.
"""

from __future__ import annotations

import statistics
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import bindparam, func, select, update

from bench import desk
from bench.databases import Kind
from bench.looking import meanwhile_p95, p95, waiting
from bench.patterns import FACTS
from bench.processes import Hub
from bench.sizes import Sizes
from bench.table import Figure
from core.desk import clock_changes, clock_editor, reference
from core.desk.principal import HUB
from core.rules.calendars import Calendar
from core.store import tables
from core.store.database import Database
from core.store.opening import open_database
from core.store.tx import Tx

CALENDAR = "Office"
HOURS = (
    ("mon-fri 09:00-13:00", "mon-fri 14:00-17:30"),
    ("mon-fri 09:00-13:00", "mon-fri 14:00-18:30"),
)
MOST = 20_000
"""Tickets: what one costs is the same on a larger desk, which would only be longer in the making."""
IDLE = 0.1
"""Seconds of processor in a second: no more than looking what there is to do."""
WITHIN = 600.0
"""Seconds, then it is not going to end."""

_JOB = select(func.count().label("n")).where(tables.job.c.kind == clock_changes.KIND)
_MOVED = select(func.count(tables.sla_clock.c.ticket_id.distinct()).label("n")).where(
    tables.sla_clock.c.calendar == bindparam("version")
)

# Copies are older than what they were copied from: as if staff had been told of all that passed meanwhile.
_HEARD = update(tables.sla_clock).where(tables.sla_clock.c.stopped_at.is_(None)).values(level=1_000)


def measure(kind: Kind, sizes: Sizes, folder: Path, relay: int) -> list[Figure]:
    """Two edits: one while nobody looks, for the processor; one while people do."""
    tickets = min(sizes.tickets, MOST)
    with kind.copy(tickets, folder, busy=True) as url:
        db = open_database(url, FACTS)
        db.submit(lambda tx: tx.run(_HEARD)).result()
        hub = Hub(folder / "recalendar", url, relay=relay, plain=True)
        try:
            cookie = desk.leader(db, now=datetime.now(UTC))
            taken, seconds, moved = _edited(db, hub, HOURS[0])
            calm = p95(hub, cookie, waiting(sizes.seconds))
            meanwhile, _ = meanwhile_p95(hub, cookie, lambda: _edited(db, hub, HOURS[1]))
        finally:
            hub.kill()
            db.close()
    return [
        Figure(
            what=f"an edited calendar brought to {moved:,} open tickets",
            database=kind.name,
            measured=taken * tickets / moved,
            unit="core s",
            at_most=tickets / 10_000,
            note=f"four clocks each; {taken / moved * 1e6:.0f} µs a ticket, over after {seconds:.0f} s",
        ),
        Figure(
            what="inbox while a calendar's edit goes through, p95",
            database=kind.name,
            measured=meanwhile,
            unit="ms",
            reference=calm,
            referred="nothing going on",
            at_most=2.0,
        ),
        _due(kind),
    ]


def _edited(db: Database, hub: Hub, hours: tuple[str, ...]) -> tuple[float, float, int]:
    """Edit, and wait until every ticket has come under it: seconds of processor, seconds, tickets."""
    version = db.submit(_edit, hours, now=datetime.now(UTC)).result()
    idle(hub)
    before, began = sum(hub.cpu().values()), time.monotonic()
    db.submit(clock_changes.begin, HUB, CALENDAR, now=datetime.now(UTC)).result()
    while db.query(lambda tx: tx.one(_JOB).n).result():
        if time.monotonic() > began + WITHIN:
            raise RuntimeError(f"the calendar's edit is not over after {WITHIN:.0f} s")
        time.sleep(0.1)
    seconds = time.monotonic() - began
    taken = sum(hub.cpu().values()) - before
    return taken, seconds, int(db.query(lambda tx: tx.one(_MOVED, version=version).n).result())


def idle(hub: Hub) -> None:
    """Whatever an edit of the configuration sets going, such as the search for holes, is over."""
    before = sum(hub.cpu().values())
    for _ in range(30):
        time.sleep(1.0)
        after = sum(hub.cpu().values())
        if after - before < IDLE:
            return
        before = after


def _edit(tx: Tx, hours: tuple[str, ...], *, now: datetime) -> str:
    part = clock_editor.calendar(tx, HUB, CALENDAR).part
    clock_editor.save(tx, HUB, _with(part, hours), now=now)
    return reference.desk(tx).calendars[CALENDAR].version


def _with(part: Any, hours: tuple[str, ...]) -> Any:
    return type(part)(**{name: getattr(part, name) for name in part.__struct_fields__} | {"weekly": hours})


def _due(kind: Kind) -> Figure:
    """Microseconds of one due time."""
    office = desk.configuration(datetime.now(UTC).date())["calendars"]
    part = next(one for one in office if one.name == CALENDAR)
    calendar = Calendar(replace(part.definition(), time_zone="Europe/Rome"))
    start = datetime(2026, 3, 2, 9, tzinfo=UTC)
    starts = [start + timedelta(minutes=37 * n) for n in range(1000)]
    rounds = []
    for _ in range(5):
        before = time.process_time()
        for at in starts:
            calendar.due(at, 28_800)
        rounds.append((time.process_time() - before) * 1000)
    return Figure(
        what="a due time",
        database=kind.name,
        measured=statistics.median(rounds),
        unit="µs",
        at_most=5.0,
    )
