"""Which desk is measured? The demo desk's groups, agents and service levels, with a provider's number of customers."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from bench.mail_load import CUSTOMERS, PEOPLE, address
from core.desk import accounts, search
from core.desk.configuration import document, rows
from core.desk.demo import DESK
from core.desk.listing import MAX_PAGE
from core.desk.principal import HUB
from core.store.database import Database
from core.store.tx import Tx


def configuration(today: date) -> document.Document:
    """The desk as a file would say it."""
    plain = tomllib.loads(DESK.read_text(encoding="utf-8"))
    plain["customers"] = [_customer(n, today) for n in range(CUSTOMERS)]
    plain["alert_sources"] = []
    plain["routing"] = [rule for rule in plain.get("routing", ()) if not rule.get("customer")]
    return document.read_plain(plain)


def _customer(n: int, today: date) -> dict[str, Any]:
    people = range(n, PEOPLE, CUSTOMERS)
    lines = [
        {"name": "Networks", "technologies": ["Network", "Security"], "calendar": "24x7", "sla": "Gold"},
        {
            "name": "Systems",
            "technologies": ["Server", "Backup", "Workplace"],
            "calendar": "Office",
            "sla": "Silver",
        },
    ]
    return {
        "name": f"Customer {n:02} S.p.A.",
        "code": f"CUST{n:02}",
        "phone_code": str(2000 + n),
        "domains": [f"customer{n}.test"],
        "language": "it" if n % 5 else "en",
        "sites": [{"name": "Sede"}],
        "contacts": [{"name": f"Utente {p:04}", "email": address(p)} for p in people],
        "contracts": [
            {
                "number": f"C-BENCH-{n:02}",
                "valid_from": today - timedelta(days=700),
                "valid_until": today + timedelta(days=700),
                "lines": lines,
            }
        ],
    }


def make(db: Database, *, now: datetime) -> None:
    """Configure an empty, migrated database."""
    long_ago = now - timedelta(days=600)
    db.submit(rows.apply, HUB, configuration(now.date()), {}, now=long_ago).result()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """An agent who looks at pages."""

    cookie: str
    open: tuple[str, ...]
    """Numbers of tickets they may see: the most urgent of those that are open …"""
    closed: tuple[str, ...]
    """… and the newest of the others."""


def readers(db: Database, *, now: datetime) -> list[Reader]:
    """Every agent who has tickets, signed in as a log-in does it: hashing passwords is not what is measured."""
    emails = [agent["email"] for agent in tomllib.loads(DESK.read_text(encoding="utf-8"))["agents"]]
    found = [db.submit(_reader, email, now=now).result() for email in emails]
    return [reader for reader in found if reader.open and reader.closed]


def leader(db: Database, *, now: datetime) -> str:
    """The cookie of somebody who sees every ticket."""
    agents = tomllib.loads(DESK.read_text(encoding="utf-8"))["agents"]
    email = next(agent["email"] for agent in agents if "shift-leader" in agent["roles"])
    return db.submit(_reader, email, now=now).result().cookie


def _reader(tx: Tx, email: str, *, now: datetime) -> Reader:
    found = accounts.account(tx, email)
    assert found is not None, email
    who = accounts.principal(tx, found.kind, found.person)
    assert who is not None, email
    cookie, _ = accounts.begin(tx, found, device="bench", limits=accounts.Limits(), now=now)
    listed = {
        view: tuple(row.number for row in search.tickets(tx, who, view=view, limit=MAX_PAGE, now=now).items)
        for view in ("open", "closed")
    }
    return Reader(cookie=cookie, **listed)
