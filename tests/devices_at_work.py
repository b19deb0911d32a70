"""Devices that report to a desk at work: alarms fire and end, time passes, and what became of them can be looked at."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from sqlalchemy import bindparam, select

from core import handlers
from core.desk import alert_rows, books, door
from core.envelope import Arrival, Claims
from core.store import tables
from core.store.columns import Instant
from core.store.database import Database
from core.store.tx import Prepared, Row
from core.worker import Worker
from tests.desk_at_work import CONFIGURED, AtWork, at_work
from tests.fakes import FakeChannel, FakeDevices, ReadersHere

SECRET = "a secret of the monitoring"
SOURCES = f"""
[[alert_sources]]
name = "am"
kind = "alertmanager"
secret = "{SECRET}"
customer = "ACME"
technology = "Network"
request_type = "Incident"
[[alert_sources]]
name = "at-once"
kind = "alertmanager"
secret = "{SECRET}"
customer = "ACME"
technology = "Network"
request_type = "Incident"
hold = "0s"
[[alert_sources]]
name = "shared"
kind = "alertmanager"
secret = "{SECRET}"
names_customers = true
technology = "Network"
request_type = "Incident"
hold = "0s"
[[alert_sources]]
name = "by-mail"
kind = "email"
address = "support+ups@desk.test"
customer = "ACME"
technology = "Network"
request_type = "Incident"
hold = "0s"
[[alert_sources]]
name = "never-over"
kind = "alertmanager"
secret = "{SECRET}"
customer = "ACME"
technology = "Network"
request_type = "Incident"
hold = "0s"
auto_close = "1h"
[[alert_sources]]
name = "beta"
kind = "alertmanager"
secret = "{SECRET}"
customer = "BETA"
technology = "Network"
request_type = "Incident"
hold = "0s"
"""
_THINGS = """
  [[customers.assets]]
  name = "core-1"
  technology = "Network"
  site = "Verona"
  address = "10.0.0.1"
  [[customers.assets]]
  name = "srv-1"
  technology = "Network"
  site = "Verona"
  parent = "core-1"
  [[customers.assets]]
  name = "sw-1"
  site = "Verona\""""
WITH_DEVICES = (
    CONFIGURED.replace('email = "alice@acme.test"', 'email = "alice@acme.test"\n  alerts = true')
    .replace('\n  [[customers.assets]]\n  name = "sw-1"', _THINGS)
    .replace('  status = "suspended"\n', "")
    .replace(
        '"C-2"\n  valid_from = 2026-01-01\n  valid_until = 2026-12-31',
        '"C-2"\n  valid_from = 2025-01-01\n  valid_until = 2025-12-31',
    )
    + SOURCES
)
"""Alice hears of alarms; the server hangs on the core switch; Beta's contract is over."""

_numbers = count(1)
_DUE = Prepared(
    select(tables.job.c.due)
    .where(tables.job.c.due > bindparam("now", type_=Instant))
    .order_by(tables.job.c.due)
    .limit(1)
)


@dataclass(slots=True)
class Devices:
    """The sources of a desk, and what they say."""

    desk: AtWork
    monitoring: FakeChannel = field(default_factory=FakeDevices)

    async def fires(self, *names: str, source: str = "am", at: datetime | None = None, **labels: str) -> str:
        """These things go down, in one message. `labels`: of each."""
        return await self.says("firing", names, source=source, at=at, **labels)

    async def ends(self, *names: str, source: str = "am", at: datetime | None = None, **labels: str) -> str:
        """They are well again."""
        return await self.says("resolved", names, source=source, at=at, **labels)

    async def says(
        self, status: str, names: Sequence[str], *, source: str, at: datetime | None, **labels: str
    ) -> str:
        alerts = [alarm(name, status, at=at or self.desk.now, **labels) for name in names]
        return await self.posts({"alerts": alerts, "groupLabels": {}, "n": next(_numbers)}, source=source)

    async def posts(self, body: Any, *, source: str = "am", secret: str = SECRET) -> str:
        """A body as it comes, stored and understood; return the inbound id."""
        inbound = await self.stores(body, source=source, secret=secret)
        await self.work()
        return inbound

    async def stores(self, body: Any, *, source: str = "am", secret: str = SECRET) -> str:
        """The same, not yet understood."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        arrival = Arrival(
            channel="monitoring",
            raw=raw,
            received_at=self.desk.now,
            claims=Claims(source=source, secret=secret, peer="192.0.2.9"),
        )
        return await self.desk.db.write(door.accept, arrival, now=self.desk.now)

    async def work(self) -> None:
        """Everything that is due now."""
        channels = [self.desk.channel, self.monitoring, self.desk.telegram, *self.desk.also]
        readers: Any = ReadersHere()
        todo = handlers.handlers(self.desk.db, channels, readers, clock=lambda: self.desk.now)
        await Worker(self.desk.db, todo, owner="here", clock=lambda: self.desk.now).drain()

    async def passes(self, **span: float) -> None:
        """Time goes by, from one thing that falls due to the next."""
        end = self.desk.now + timedelta(**span)
        while self.desk.now < end:
            due = await self.desk.db.read(lambda tx: tx.all(_DUE, now=self.desk.now))
            self.desk.now = min(end, due[0].due if due else end)
            await self.work()

    async def alert(self, name: str, source: str = "am") -> Row:
        """The alert of a thing."""
        row = await self.desk.db.read(alert_rows.one, alert_rows.identity(source, f"alertmanager:{name}"))
        assert row is not None
        return row

    async def decisions(self, name: str, source: str = "am") -> list[str]:
        """What was decided of it, in order."""
        row = await self.alert(name, source)
        return [one.kind for one in await self.desk.rows(tables.alert_decision, alert_id=row.id)]

    async def tickets(self, *, merged: bool = False) -> list[Row]:
        """Tickets, the oldest first; those that went into another one too, if wanted."""
        rows = await self.desk.rows(tables.ticket)
        return [row for row in rows if merged or row.state != "merged"]

    async def sound(self) -> None:
        """The books balance."""
        found = await self.desk.db.read(books.verify, now=self.desk.now)
        assert not found.faults, str(found.faults)


def alarm(name: str, status: str, *, at: datetime, **labels: str) -> dict[str, Any]:
    """One alert as Alertmanager sends it; its fingerprint is its name."""
    stamp = at.isoformat().replace("+00:00", "Z")
    return {
        "status": status,
        "labels": {"alertname": "Down", "instance": name, "severity": "critical"} | labels,
        "annotations": {"summary": f"{name} does not answer"},
        "startsAt": stamp,
        "endsAt": stamp if status == "resolved" else "0001-01-01T00:00:00Z",
        "fingerprint": name,
    }


async def devices(db: Database, configured: str = WITH_DEVICES) -> Devices:
    """A desk with devices."""
    return Devices(await at_work(db, configured))
