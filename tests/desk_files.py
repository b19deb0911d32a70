"""A small desk as a file, for tests that change one thing of it."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import Any

from core.desk.configuration import checking, rows
from core.desk.principal import HUB
from core.store.database import Database
from core.store.tx import Tx
from tests.rows import NOON

SMALL = """
[[calendars]]
name = "Office"
time_zone = "Europe/Rome"
weekly = ["mon-fri 09:00-13:00", "mon-fri 14:00-18:00"]
holidays = "IT"

[[slas]]
name = "Gold"
[slas.targets.P1]
response = "15m"
resolve = "8h"
calendar = "24x7"
[slas.targets.P4]
response = "4h"
resolve = "5wd end"

[[request_types]]
name = "Incident"

[[technologies]]
name = "Network"
[[technologies]]
name = "Server"

[[groups]]
name = "Network L1"
calendar = "Office"
technologies = ["Network"]
[[groups]]
name = "Systems"
fallback = "Network L1"

[[agents]]
email = "Ann@hub.test"
name = "Ann"
roles = ["contact-centre", "admin"]
groups = ["Network L1"]
phone = "+390455550199"
password = "correct horse"

[[vendors]]
name = "Cumulus"
email = "support@cumulus.test"
reference_pattern = "SR[0-9]{7}"

[[customers]]
name = "Acme S.p.A."
code = "ACME"
phone_code = "1001"
domains = ["acme.test"]
policy = { expired = "hold_for_approval" }
groups = ["Network L1"]
  [[customers.sites]]
  name = "Verona"
  address = 'Via "Roma" 1'
  [[customers.contacts]]
  name = "Alice"
  email = "alice@acme.test"
  phone = "+390455550101"
  role = "manager"
  sites = ["Verona"]
  password = "battery staple"
  pin = "246810"
  [[customers.assets]]
  name = "sw-1"
  technology = "Network"
  site = "Verona"
  criticality = "high"
  [[customers.contracts]]
  number = "C-1"
  valid_from = 2026-01-01
  valid_until = 2026-12-31
  grace_days = 30
  covers_children = true
  authorised_contacts = ["Alice@acme.test"]
    [[customers.contracts.lines]]
    name = "Network"
    technologies = ["Network"]
    calendar = "Office"
    sla = "Gold"
    onsite = true
    [[customers.contracts.lines]]
    name = "Hours"
    measure = "hours"
    quantity = 40
    used = 2.5
    period = "year"
    overdraft = true
    priority = 200

[[customers]]
name = "Acme Figlia"
code = "FIGLIA"
phone_code = "1002"
parent = "ACME"
language = "en"

[[intake_rules]]
words = ["vpn"]
technology = "Network"

[[routing]]
technology = "Network"
group = "Network L1"
[[routing]]
customer = "ACME"
group = "Systems"

[[alert_sources]]
name = "zabbix"
kind = "zabbix"
customer = "ACME"

[[rotas]]
name = "Nights"
groups = ["Network L1"]
  [[rotas.layers]]
  members = ["ann@hub.test"]
  starts = 2026-01-05
  restrictions = ["mon-sun 20:00-24:00"]

[[quick_replies]]
name = "Seen"
groups = ["Systems"]
[quick_replies.texts]
it = "{contact.name}, ci siamo."
en = "{contact.name}, {ticket.number} is ours."
"""


def put(tx: Tx, text: str, hashes: rows.Hashes | None = None, *, now: datetime = NOON) -> Any:
    """Apply a file; passwords are given as hashes, else nobody has one."""
    return rows.apply(tx, HUB, checking.read(text), hashes or {}, now=now)


@cache
def small_hashes() -> rows.Hashes:
    """The passwords of SMALL, hashed once for all tests."""
    return rows.hash_secrets(checking.read(SMALL), {})


def with_secrets(db: Database, text: str, *, now: datetime = NOON) -> Any:
    """Apply a file with its passwords, as the command line does."""
    document = checking.read(text)
    hashes = rows.hash_secrets(document, db.query(rows.known_hashes).result())
    return db.submit(rows.apply, HUB, document, hashes, now=now).result()


def changed(old: str, new: str, text: str = SMALL) -> str:
    """The file with one thing changed; it must be there."""
    assert old in text, old
    return text.replace(old, new, 1)


def section(name: str, text: str = SMALL) -> str:
    """One section of the file alone."""
    parts = [part for part in text.split("\n[[") if part.startswith(name)]
    assert parts, name
    return "".join("\n[[" + part for part in parts)
