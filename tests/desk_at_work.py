"""A desk where something happens: mails come in, staff act, the worker does its jobs, and the rows can be looked at."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, cast

from sqlalchemy import Table, select

from core import handlers
from core.desk import accounts, door, filing, intake, people, resolution, sending, tickets, visit_crew
from core.desk.configuration import rows
from core.desk.principal import HUB, Principal
from core.drawing import Drawing
from core.envelope import Address, Arrival, Authentication, Inbound
from core.ids import id_token
from core.isolation import Readers
from core.store import tables
from core.store.database import Database
from core.store.tx import Row, Tx
from core.worker import Worker
from tests.desk_files import put
from tests.fakes import DrawnHere, FakeChannel, NothingDrawn, ReadersHere

MONDAY = datetime(2026, 3, 2, 9, tzinfo=UTC)
"""Ten in the morning in Rome."""

PASSED = Authentication(verdict="pass", evidence=("dkim=pass",))
DISOWNED = Authentication(verdict="fail", policy="reject", evidence=("dmarc=fail",))

CONFIGURED = """
[[calendars]]
name = "Office"
time_zone = "Europe/Rome"
weekly = ["mon-fri 09:00-13:00", "mon-fri 14:00-18:00"]
[[slas]]
name = "Gold"
[slas.targets.P1]
response = "15m"
update = "1h"
restore = "4h"
resolve = "8h"
resolve_after_workaround = "5d"
[slas.targets.P3]
response = "2h"
restore = "8h"
resolve = "24h"
[slas.targets.P4]
response = "4h"
resolve = "48h"
[[request_types]]
name = "Incident"
[[request_types]]
name = "Change"
[[technologies]]
name = "Network"
[[technologies]]
name = "Server"
[[groups]]
name = "Network L1"
technologies = ["Network"]
[[groups]]
name = "Network L2"
level = 2
technologies = ["Network"]
[[groups]]
name = "Systems"
technologies = ["Server"]
[[agents]]
email = "ann@hub.test"
name = "Ann"
roles = ["technician"]
groups = ["Network L1"]
[[agents]]
email = "tom@hub.test"
name = "Tom"
roles = ["contact-centre"]
[[agents]]
email = "lea@hub.test"
name = "Lea"
roles = ["shift-leader"]
[[customers]]
name = "Acme S.p.A."
code = "ACME"
domains = ["acme.test"]
language = "it"
  [[customers.sites]]
  name = "Verona"
  [[customers.contacts]]
  name = "Alice"
  email = "alice@acme.test"
  [[customers.contacts]]
  name = "Aldo"
  email = "aldo@acme.test"
  [[customers.assets]]
  name = "sw-1"
  technology = "Network"
  criticality = "critical"
  [[customers.contracts]]
  number = "C-1"
  valid_from = 2026-01-01
  valid_until = 2026-12-31
    [[customers.contracts.lines]]
    name = "Network"
    technologies = ["Network"]
    sla = "Gold"
    [[customers.contracts.lines]]
    name = "Server by day"
    technologies = ["Server"]
    calendar = "Office"
    sla = "Gold"
[[customers]]
name = "Beta Ltd"
code = "BETA"
domains = ["beta.test"]
language = "en"
time_zone = "Europe/London"
  [[customers.contacts]]
  name = "Bob"
  email = "bob@beta.test"
  [[customers.contracts]]
  number = "C-2"
  valid_from = 2026-01-01
  valid_until = 2026-12-31
  status = "suspended"
    [[customers.contracts.lines]]
    name = "All"
[[customers]]
name = "Gamma"
code = "GAMMA"
language = "en"
  [[customers.contacts]]
  name = "Gina"
  email = "gina@gamma.test"
"""

_numbers = count(1)


@dataclass(slots=True)
class AtWork:
    """A configured desk and the instant it is; `passes` moves it on."""

    db: Database
    now: datetime = MONDAY
    channel: FakeChannel = field(default_factory=FakeChannel)
    telegram: FakeChannel = field(default_factory=lambda: FakeChannel(name="telegram"))
    also: list[FakeChannel] = field(default_factory=list)
    """Further channels, such as text messages and a telephone."""
    draws: bool = False
    """Papers become real PDFs."""
    last: str = ""
    """Id of what arrived last."""
    _people: dict[str, Principal] = field(default_factory=dict)

    def passes(self, **span: float) -> datetime:
        self.now += timedelta(**span)
        return self.now

    # --- What happens ---

    async def mail(
        self, sender: str, subject: str = "Rete ferma", text: str = "Non va niente.", **said: Any
    ) -> filing.Understood:
        """A mail by this address, stored and then understood. `said`: other facts that its reader found."""
        return await self.understand(await self.arrive(sender), sender, subject, text, **said)

    async def arrive(self, sender: str, **arrival: Any) -> str:
        raw = {"channel": "email", "raw": f"mail {next(_numbers)}".encode(), "received_at": self.now}
        given = raw | {"sender": sender, "recipients": ("support@desk.test",)} | arrival
        self.last = await self.db.write(door.accept, Arrival(**given), now=self.now)
        return self.last

    async def understand(
        self,
        inbound_id: str,
        sender: str,
        subject: str = "Rete ferma",
        text: str = "Non va niente.",
        **said: Any,
    ) -> filing.Understood:
        found = a_mail(sender, subject, text, **said)
        return await self.db.write(intake.understand, inbound_id, found, now=self.now)

    async def do(
        self, verb: Callable[..., Any], who: Principal, number: str, *words: str, **fields: Any
    ) -> Any:
        """An act of somebody, now."""
        return await self.db.write(verb, who, number, *words, now=self.now, **fields)

    async def qualified(self, sender: str = "alice@acme.test", **said: Any) -> str:
        """The number of a ticket in Network L1, P3 unless told otherwise, that nobody has taken."""
        return await self.qualify((await self.mail(sender, **said)).number or "")

    async def qualify(self, number: str, **fields: Any) -> str:
        given = {"request_type": "Incident", "technology": "Network", "impact": 3, "urgency": 2} | fields
        await self.do(tickets.qualify, await self.who("tom"), number, **given)
        return number

    async def taken(self, sender: str = "alice@acme.test", **said: Any) -> str:
        """The same, taken by Ann."""
        number = await self.qualified(sender, **said)
        await self.do(tickets.take, await self.who("ann"), number)
        return number

    async def two_people(self) -> str:
        """A ticket whose conversation has Alice and Aldo in it; what went out so far has left."""
        number = await self.taken()
        await self.mail("aldo@acme.test", own_refs=(await self.ref(number),), authentication=PASSED)
        self.passes(minutes=2)
        await self.work()
        self.channel.sent.clear()
        self.channel.tries = 0
        return number

    async def resolved(self, sender: str = "alice@acme.test", **said: Any) -> str:
        number = await self.taken(sender, **said)
        await self.do(resolution.resolve, await self.who("ann"), number, **SOLUTION)
        return number

    async def closed(self, sender: str = "alice@acme.test", **said: Any) -> str:
        number = await self.resolved(sender, **said)
        await self.do(resolution.close, await self.who("ann"), number)
        return number

    async def work(self) -> int:
        """Let the worker do everything that is due now; return how many jobs that were."""
        readers = DrawnHere() if self.draws else NothingDrawn()
        try:
            todo = handlers.handlers(
                self.db, [self.channel, self.telegram, *self.also], readers, clock=lambda: self.now
            )
            return await Worker(self.db, todo, owner="here", clock=lambda: self.now).drain()
        finally:
            await readers.close()

    # --- What can be seen ---

    async def who(self, name: str) -> Principal:
        """Ann, Tom, Lea of staff, or a contact, by the first part of their address."""
        if name not in self._people:
            self._people[name] = await self.db.read(_principal, name)
        return self._people[name]

    async def ticket(self, number: str) -> Row:
        return await self.db.read(
            lambda tx: tx.one(select(tables.ticket).where(tables.ticket.c.number == number))
        )

    async def rows(self, table: Table, number: str | None = None, **where: Any) -> list[Row]:
        """Rows of a table, of one ticket or of all, in the order of their keys."""
        statement = select(table).order_by(*table.primary_key.columns)
        if number is not None:
            statement = statement.where(table.c.ticket_id == (await self.ticket(number)).id)
        for name, value in where.items():
            statement = statement.where(table.c[name] == value)
        return await self.db.read(lambda tx: tx.all(statement))

    async def crew(self, number: str) -> list[str]:
        """Agents who come to the last visit of a ticket; who leads is first."""
        visit = (await self.rows(tables.visit, number))[-1]
        return await self.db.read(visit_crew.ids, visit)

    async def events(self, number: str, kind: str = "ticket.") -> list[Row]:
        return [row for row in await self.rows(tables.event, number) if row.kind.startswith(kind)]

    async def clocks(self, number: str) -> dict[str, Row]:
        """By name, the last cycle of each."""
        return {row.name: row for row in await self.rows(tables.sla_clock, number)}

    async def outward(self, number: str, kind: str | None = None) -> list[Row]:
        """Our messages, oldest first, with their deliveries' recipients as `to`."""
        found = await self.rows(tables.message, number, direction="out")
        return [row for row in found if kind in (None, row.kind)]

    async def deliveries(self, number: str, **where: Any) -> list[Row]:
        return await self.rows(tables.delivery, number, **where)

    async def last_delivery(self, number: str, address: str = "alice@acme.test") -> Row:
        return (await self.deliveries(number, address=address))[-1]

    async def inbound(self, inbound_id: str | None = None) -> Row:
        """One inbound row; without an id the one that arrived last."""
        return (await self.rows(tables.inbound, id=inbound_id or self.last))[0]

    async def token(self, number: str, address: str) -> str:
        """The token of the reply address that this person is given on the ticket, as when a mail leaves."""
        (thread,) = await self.rows(tables.thread, number)
        return await self.db.write(sending._answers_to, thread.ticket_id, thread.id, address)

    async def token_of(self, number: str, address: str) -> str:
        """The same where the ticket has conversations with vendors, too."""
        thread = (await self.rows(tables.thread, number, channel="email"))[0]
        return await self.db.write(sending._answers_to, thread.ticket_id, thread.id, address)

    async def ref(self, number: str, **where: Any) -> str:
        """The ref in the Message-ID of our last mail on the ticket."""
        return id_token((await self.deliveries(number, **where))[-1].id)


SOLUTION: dict[str, Any] = {"cause": "network", "text": "Cambiato il cavo.", "minutes": 30}


def a_mail(sender: str, subject: str = "Rete ferma", text: str = "Non va niente.", **said: Any) -> Inbound:
    """What a reader returns of it; each is a mail of its own."""
    n = next(_numbers)
    given = {
        "channel": "email",
        "author": Address(sender, sender.partition("@")[0].title()) if sender else None,
        "mailbox": "support@desk.test",
        "message_id": f"{n}@client.test",
        "content_key": f"content {n}",
        "subject": subject,
        "text": text,
    }
    given |= said
    # Tests name a key by what it stands for.
    given["content_key"] = hashlib.sha256(given["content_key"].encode()).hexdigest()[:40]
    return Inbound(**given)


async def at_work(db: Database, text: str = CONFIGURED, hashes: rows.Hashes | None = None) -> AtWork:
    """A desk with this configuration, on a Monday morning."""
    await db.write(put, text, hashes, now=MONDAY - timedelta(days=1))
    return AtWork(db)


def _principal(tx: Tx, name: str) -> Principal:
    if name == "hub":
        return HUB
    agent = people.agent_by_email(tx, f"{name}@hub.test")
    if agent is not None:
        kind, person = "agent", agent.id
    else:
        places = ("acme.test", "beta.test", "gamma.test")
        kind, person = (
            "contact",
            next(c.id for place in places for c in people.by_address(tx, f"{name}@{place}")),
        )
    who = accounts.principal(tx, kind, person)
    assert who is not None
    return who


def not_drawing(desk: AtWork) -> Drawing:
    """What draws papers, where none is to be drawn."""
    return Drawing(desk.db, cast("Readers", ReadersHere()), clock=lambda: desk.now)
