"""How does a desk get 100,000 tickets within a minute or two? Played ones (`bench.patterns`), copied with every id their own.

Each copy gets another customer's contact, number, time, words and ids, and its chain of events is made anew: the books
of the desk balance (`main.py verify`). Timers of the copies are set far ahead: they are not to ring while measured.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
import re
import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from typing import Any

import psycopg
from sqlalchemy import select

from bench import desk, mail_load, patterns
from bench.patterns import COURSES, OPEN, Pattern
from bench.words import line, subject
from core.desk.case import link
from core.store import migrate, tables
from core.store.columns import Instant, to_micros
from core.store.database import Database
from core.store.fulltext import search_text
from core.store.opening import open_database
from core.store.tx import Tx

FEW = 1_000  # tickets of a desk that is no measure of anything: one kind of each will do
BATCH = 2_000  # tickets written at once
PAST = timedelta(days=500)
AHEAD = timedelta(days=3650)
POOL = 20_000  # lines that texts are made of

_UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_OWN = (
    # Columns, beside the ids, whose value no two tickets share.
    ("delivery", "ref"),
    ("delivery", "bounce_hash"),
    ("reply_address", "hash"),
    ("thread_ref", "ref"),
    ("content_key", "key"),
)
_BY_TICKET = [*(t for t in tables.metadata.tables.values() if "ticket_id" in t.c), search_text]
_COLUMNS = {
    t.name: [c.name for c in t.c]
    for t in [*_BY_TICKET, tables.ticket, tables.blob, tables.job, tables.lane, tables.content_key]
}
_INSTANTS = {
    t.name: [n for n, c in enumerate(t.c) if isinstance(c.type, Instant)]
    for t in [*_BY_TICKET, tables.ticket, tables.content_key, tables.job, tables.lane]
}

Rows = dict[str, list[list[Any]]]


def seed(url: str, count: int, *, now: datetime | None = None) -> None:
    """Make a desk with `count` tickets in an empty database: migrated, configured, filled."""
    at = now or datetime.now(UTC)
    migrate.upgrade(url)
    db = open_database(url, patterns.FACTS)
    try:
        desk.make(db, now=at)
        if not count:
            return
        kinds = len(patterns.KINDS) if count > FEW else 1
        played = asyncio.run(patterns.play_all(db, kinds=kinds, now=at))
        templates = _templates(db, played)
        people = db.query(_people).result()
    finally:
        db.close()
    write = _Postgres(url) if url.startswith("postgresql") else _Sqlite(url)
    try:
        for batch in _batches(templates, people, count - len(played), at):
            write.rows(batch)
        write.finish(count, at)
    finally:
        write.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Person:
    """What stands in a ticket of who asked and what they bought."""

    contact: str
    name: str
    address: str
    customer: str
    contract: str
    version: str

    def __iter__(self) -> Iterator[str]:
        return iter((self.contact, self.name, self.address, self.customer, self.contract, self.version))


def _people(tx: Tx) -> list[_Person]:
    contracts = {row.customer: row for row in tx.all(select(tables.contract))}
    return [
        _Person(
            contact=row.id,
            name=row.name,
            address=row.email,
            customer=row.customer,
            contract=contracts[row.customer].number,
            version=contracts[row.customer].version,
        )
        for row in tx.all(select(tables.contact).order_by(tables.contact.c.email))
    ]


# --- Taking a ticket apart ----------------------------------------------------------------------------------


class _Template:
    """The rows of a played ticket as one text, cut where copies differ."""

    def __init__(self, pattern: Pattern, rows: Rows, person: _Person, agents: set[str]) -> None:
        self.course = pattern.course
        self.opened: int = rows["ticket"][0][_COLUMNS["ticket"].index("received_at")]
        text = json.dumps(rows, ensure_ascii=False)
        own = {str(row[_COLUMNS[t].index(c)]) for t, c in _OWN for row in rows.get(t, ())}
        ids = set(re.findall(_UUID, text)) - agents - {person.contact}
        self.fixed = [pattern.number, pattern.subject, *pattern.lines, *person]
        self.made = sorted(ids) + sorted(own - {""})
        names = [*self.fixed, *self.made]
        place = {name: n for n, name in enumerate(names)}
        longest_first = sorted(place, key=len, reverse=True)
        parts = re.split("(" + "|".join(map(re.escape, longest_first)) + ")", text)
        self._parts = parts
        self._slots = [(n, place[part]) for n, part in enumerate(parts) if n % 2]

    def copy(self, number: str, person: _Person, words: list[str], at: int, chance: random.Random) -> Rows:
        """The rows of another ticket. `at`: microseconds, when it was received."""
        shift = at - self.opened
        made = [_other(name, shift // 1000, chance) for name in self.made]
        values = [number, *words, *person, *made]
        parts = self._parts
        for n, slot in self._slots:
            parts[n] = values[slot]
        rows: Rows = json.loads("".join(parts))
        for table, instants in _INSTANTS.items():
            for row in rows.get(table, ()):
                for n in instants:
                    if row[n] is not None:
                        row[n] += shift
        _keep_bytes(rows)
        _chain(rows["event"])
        for table in ("job", "lane"):
            due = _COLUMNS[table].index("due")
            for row in rows[table]:
                row[due] += AHEAD // timedelta(microseconds=1)
        return rows

    @property
    def words(self) -> int:
        """How many lines a copy needs."""
        return len(self.fixed) - 8


def _other(name: str, shift: int, chance: random.Random) -> str:
    """Another id, hash or token of the same kind. `shift`: milliseconds, for ids that begin with a time."""
    if len(name) == 64:  # noqa: PLR2004 - SHA-256 in hex
        return f"{chance.getrandbits(256):064x}"
    if len(name) == 26:  # noqa: PLR2004 - core.ids.new_token
        return "".join(chance.choices("abcdefghijklmnopqrstuvwxyz234567", k=26))
    if "@" in name:
        return f"{chance.getrandbits(64):x}@{name.partition('@')[2]}"
    milliseconds = int(name[:8] + name[9:13], 16)
    head = f"{milliseconds + shift if milliseconds else 0:012x}"
    tail = f"{chance.getrandbits(62) | 1 << 63:016x}"
    return f"{head[:8]}-{head[8:]}-{name[14:18]}-{tail[:4]}-{tail[4:]}"


def _keep_bytes(rows: Rows) -> None:
    """Mails as bytes again, under the name of their content."""
    raw, size = _COLUMNS["inbound"].index("raw"), _COLUMNS["inbound"].index("size")
    for row, inbound in zip(rows["blob"], rows["inbound"], strict=True):
        content = row[3].encode()
        row[0] = inbound[raw] = hashlib.sha256(content).hexdigest()
        row[2] = inbound[size] = len(content)
        row[3] = content


def _chain(events: list[list[Any]]) -> None:
    previous = ""
    for row in events:
        previous = row[7] = link(previous, *row[:7])


def _templates(db: Database, played: list[Pattern]) -> list[_Template]:
    people = {person.address: person for person in db.query(_people).result()}
    agents = db.query(lambda tx: {row.id for row in tx.all(select(tables.agent.c.id))}).result()
    return [
        _Template(one, db.query(_rows_of, one).result(), people[mail_load.address(one.person)], agents)
        for one in played
    ]


def _rows_of(tx: Tx, pattern: Pattern) -> Rows:
    """Every row of a ticket, as the driver gives it."""

    def fetch(table: str, where: str, order: str = "") -> list[list[Any]]:
        names = ", ".join(_COLUMNS[table])
        found = tx.connection.exec_driver_sql(f"SELECT {names} FROM {table} WHERE {where} {order}")
        return [list(row) for row in found]

    identity = fetch("ticket", f"number = '{pattern.number}'")[0][0]
    rows = {"ticket": fetch("ticket", f"id = '{identity}'")}
    for table in _BY_TICKET:
        order = "ORDER BY seq" if table.name == "event" else "ORDER BY id" if table.name == "inbound" else ""
        rows[table.name] = fetch(table.name, f"ticket_id = '{identity}'", order)
    inbound = rows["inbound"]
    rows["content_key"] = [row for one in inbound for row in fetch("content_key", f"inbound_id = '{one[0]}'")]
    raw = _COLUMNS["inbound"].index("raw")
    rows["blob"] = [row for one in inbound for row in fetch("blob", f"sha256 = '{one[raw]}'")]
    for row in rows["blob"]:
        row[3] = bytes(row[3]).decode()
    opened = pattern.course in OPEN
    for name in ("job", "lane"):
        rows[name] = fetch(name, f"shard = '{identity}'") if opened else []
    return rows


# --- Making copies ------------------------------------------------------------------------------------------


def _batches(templates: list[_Template], people: list[_Person], count: int, now: datetime) -> Iterator[Rows]:
    """Copies in the order of their numbers, which is that of their times."""
    chance = random.Random(11)
    pool = [line(chance) for _ in range(POOL)]
    by_course: dict[str, list[_Template]] = defaultdict(list)
    for template in templates:
        by_course[template.course].append(template)
    names, weights = list(COURSES), list(accumulate(COURSES.values()))
    latest, day = to_micros(now - timedelta(days=4)), 86_400_000_000
    wanted = []
    for _ in range(count):
        course = chance.choices(names, cum_weights=weights)[0]
        template = chance.choice(by_course[course])
        if course in OPEN:
            at = template.opened - int(chance.random() * day)
        else:
            at = latest - int(chance.random() * (PAST // timedelta(microseconds=1)))
        wanted.append((at, template))
    wanted.sort(key=lambda one: one[0])
    batch: Rows = defaultdict(list)
    for n, (at, template) in enumerate(wanted, start=1):
        words = [subject(chance), *chance.choices(pool, k=template.words)]
        number = f"{(now.year - 1) % 100:02}-{n:06}"
        for table, rows in template.copy(number, chance.choice(people), words, at, chance).items():
            batch[table] += rows
        if n % BATCH == 0 or n == count:
            yield batch
            batch = defaultdict(list)


class _Sqlite:
    """Writes rows into a file that nobody else uses, faster than a hub would dare to."""

    def __init__(self, url: str) -> None:
        self._raw = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
        self._raw.execute("PRAGMA journal_mode = WAL")
        self._raw.execute("PRAGMA synchronous = OFF")
        self._raw.execute("PRAGMA cache_size = -1000000")  # 1 GB

    def rows(self, batch: Rows) -> None:
        self._raw.execute("BEGIN")
        for table, rows in batch.items():
            names = _COLUMNS[table]
            marks = ", ".join("?" * len(names))
            self._raw.executemany(f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks})", rows)
        self._raw.execute("COMMIT")

    def finish(self, count: int, now: datetime) -> None:
        self._raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        self._raw.close()


class _Postgres:
    """The same by COPY."""

    def __init__(self, url: str) -> None:
        self._raw = psycopg.connect(url)
        self._raw.execute("SET synchronous_commit = off")
        self._raw.execute(
            "CREATE TEMPORARY TABLE arriving (ticket_id text, item_id text, audience text, body text)"
        )

    def rows(self, batch: Rows) -> None:
        with self._raw.cursor() as cursor:
            for table, rows in batch.items():
                names = ", ".join(_COLUMNS[table])
                to = "arriving" if table == "search_text" else table
                with cursor.copy(f"COPY {to} ({names}) FROM STDIN") as copy:
                    for row in rows:
                        copy.write_row(row)
            cursor.execute(
                "INSERT INTO search_text (ticket_id, item_id, audience, body, vector)"
                " SELECT *, to_tsvector('simple', body) FROM arriving"
            )
            cursor.execute("DELETE FROM arriving")
        self._raw.commit()

    def finish(self, count: int, now: datetime) -> None:
        self._raw.autocommit = True
        self._raw.execute(
            "VACUUM ANALYZE"
        )  # as its own housekeeping would have, long before there are so many

    def close(self) -> None:
        self._raw.close()
