"""How does a desk get 100,000 tickets within a minute or two? Played ones (`bench.patterns`), copied with every id their own.

Each copy gets another customer's contact, number, time, words and ids, and its chain of events is made anew: the books
of the desk balance (`main.py verify`). Timers of the copies are set far ahead: they are not to ring while measured.
"""

from __future__ import annotations

import asyncio
import gc
import json
import random
import re
import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from typing import Any

import msgspec
import psycopg
from sqlalchemy import Table, select
from sqlalchemy.types import TypeEngine

from bench import desk, mail_load, patterns
from bench.patterns import COURSES, Pattern, is_open
from bench.words import line, subject
from core.desk import papers, threads
from core.desk.case import link
from core.ids import short_hash, token_key
from core.store import blobs, migrate, packing, tables
from core.store.columns import Instant, Json, Packed, PackedJson, binder, id_bytes, to_json, to_micros
from core.store.database import Database
from core.store.opening import open_database
from core.store.tx import Tx

FEW = 1_000  # tickets of a desk that is no measure of anything: one kind of each will do
BATCH = 2_000  # tickets written at once
PAST = timedelta(days=500)
AHEAD = timedelta(days=3650)
POOL = 20_000  # lines that texts are made of

_UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_SEARCH = "search"
"""No table: what is searched, (ticket_id, item_id, audience, body), written as each database keeps it."""
_ABOUT = " about "
"""Between author and subject of mails that are found by what they are about, until that gets its name; no id has blanks."""
_BY_TICKET = [
    t for t in tables.metadata.tables.values() if "ticket_id" in t.c and t is not tables.content_key
]
_ALL = [*_BY_TICKET, tables.ticket, tables.blob, tables.job, tables.lane, tables.content_key]
_COLUMNS = {t.name: [c.name for c in t.c] for t in _ALL}
_INSTANTS = {t.name: [n for n, c in enumerate(t.c) if isinstance(c.type, Instant)] for t in _ALL}

_decode = msgspec.json.decode

Rows = dict[str, list[list[Any]]]
"""By table. Values as texts and numbers: ids and hashes in hexadecimal, documents as JSON, instants in microseconds."""


def _place(table: str, column: str) -> int:
    return _COLUMNS[table].index(column)


def seed(
    url: str,
    count: int,
    *,
    shares: Mapping[str, int] = COURSES,
    kinds: Sequence[int] = range(len(patterns.KINDS)),
    now: datetime | None = None,
) -> None:
    """Make a desk with `count` tickets in an empty database: migrated, configured, filled.

    `shares`: which courses they take, and how often. `kinds`: see patterns.KINDS.
    """
    at = now or datetime.now(UTC)
    migrate.upgrade(url)
    db = open_database(url, patterns.FACTS)
    try:
        desk.make(db, now=at)
        if not count:
            return
        some = kinds if count > FEW else kinds[:1]
        played = asyncio.run(patterns.play_all(db, shares, kinds=some, now=at))
        templates = _templates(db, played)
        people = db.query(_people).result()
    finally:
        db.close()
    write = _Postgres(url) if url.startswith("postgresql") else _Sqlite(url)
    gc.disable()  # millions of rows go as they came: no use in looking for rings among them
    try:
        for batch in _batches(templates, people, count - len(played), shares, at):
            write.rows(batch)
        write.finish(count, at)
    finally:
        gc.enable()
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
        own = {row[_place("message", "external_ref")] for row in rows["message"]}
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
        rows: Rows = _decode("".join(parts))
        for table, instants in _INSTANTS.items():
            for row in rows.get(table, ()):
                for n in instants:
                    if row[n] is not None:
                        row[n] += shift
        _name(rows, at, chance)
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
    """Another id of the same kind. `shift`: milliseconds, for ids that begin with a time."""
    if "@" in name:
        return f"{chance.getrandbits(64):x}@{name.partition('@')[2]}"
    milliseconds = int(name[:8] + name[9:13], 16)
    head = f"{milliseconds + shift if milliseconds else 0:012x}"
    tail = f"{chance.getrandbits(62) | 1 << 63:016x}"
    return f"{head[:8]}-{head[8:]}-{name[14:18]}-{tail[:4]}-{tail[4:]}"


def _name(rows: Rows, at: int, chance: random.Random) -> None:
    """What is called by its content or by a key of its own gets its name. `at`: microseconds, of the ticket."""
    day = at // 86_400_000_000
    for blob, inbound in zip(rows["blob"], rows["inbound"], strict=True):
        content = blob[_place("blob", "content")] = blob[_place("blob", "content")].encode()
        name = f"{day:08x}{blobs.digest(content)}"
        blob[_place("blob", "name")] = inbound[_place("inbound", "raw")] = name
        blob[_place("blob", "size")] = inbound[_place("inbound", "size")] = len(content)
    for row in rows["content_key"]:
        row[_place("content_key", "key")] = f"{day:08x}{chance.getrandbits(128):032x}"
    for row in rows["thread_ref"]:
        author, about, subject_of = row[0].partition(_ABOUT)
        row[0] = threads.ref_of_topic(author, subject_of) if about else short_hash(row[0])
    for row in rows["reply_address"]:
        thread, address = row[_place("reply_address", "thread_id")], row[_place("reply_address", "address")]
        row[_place("reply_address", "key")] = token_key(patterns.FACTS.reply_token(thread, address))
    for row in rows["paper"]:
        row[_place("paper", "hash")] = papers.hash_of(_decode(row[_place("paper", "values")]))


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
    """Every row of a ticket."""

    def fetch(table: Table, *order: str, **where: Any) -> list[list[Any]]:
        found = select(table).where(*(table.c[name] == value for name, value in where.items()))
        rows = tx.all(found.order_by(*(table.c[name] for name in order)))
        return [[_told(c.type, value) for c, value in zip(table.c, row, strict=True)] for row in rows]

    (ticket,) = fetch(tables.ticket, number=pattern.number)
    rows = {"ticket": [ticket]}
    for table in _BY_TICKET:
        order = {"event": "seq", "inbound": "id"}.get(table.name)
        rows[table.name] = fetch(table, *([order] if order else []), ticket_id=ticket[0])
    inbound = rows["inbound"]
    rows["content_key"] = [row for one in inbound for row in fetch(tables.content_key, inbound_id=one[0])]
    raw = _place("inbound", "raw")
    rows["blob"] = [row for one in inbound for row in fetch(tables.blob, name=one[raw])]
    for row in rows["blob"]:
        row[_place("blob", "content")] = packing.unpack(row[_place("blob", "content")]).decode()
    ids = {short_hash(ref): ref for row in rows["message"] if (ref := row[_place("message", "external_ref")])}
    author = mail_load.address(pattern.person)
    ids[threads.ref_of_topic(author, pattern.subject)] = f"{author}{_ABOUT}{pattern.subject}"
    for row in rows["thread_ref"]:
        row[0] = ids[row[0]]
    rows[_SEARCH] = [*_searched(rows)]
    opened = is_open(pattern.course)
    for table in (tables.job, tables.lane):
        rows[table.name] = fetch(table, shard=ticket[0]) if opened else []
    return rows


def _told(kind: TypeEngine[Any], value: Any) -> Any:
    if value is None:
        return None
    if isinstance(kind, Instant):
        return to_micros(value)
    return to_json(value) if isinstance(kind, (Json, PackedJson)) else value


def _bound(kind: TypeEngine[Any], *, sqlite: bool) -> Callable[[Any], Any] | None:
    """From what `_told` gives to what the driver takes."""
    if isinstance(kind, (Instant, Json)):
        return None
    return binder(Packed() if isinstance(kind, PackedJson) else kind, sqlite=sqlite)


def _searched(rows: Rows) -> Iterator[list[str]]:
    """As core.desk writes it: a mail with its subject, an answer and a note without, no notice at all."""
    for row in rows["message"]:
        said = dict(zip(_COLUMNS["message"], row, strict=True))
        subject_of = f"{said['subject']}\n" if said["direction"] == "in" else ""
        if said["direction"] == "in" or not said["automatic"]:
            yield [said["ticket_id"], said["id"], "customer", subject_of + said["text"]]
    for row in rows["note"]:
        said = dict(zip(_COLUMNS["note"], row, strict=True))
        yield [said["ticket_id"], said["id"], "internal", said["text"]]


# --- Making copies ------------------------------------------------------------------------------------------


def _batches(
    templates: list[_Template], people: list[_Person], count: int, shares: Mapping[str, int], now: datetime
) -> Iterator[Rows]:
    """Copies in the order of their numbers, which is that of their times."""
    chance = random.Random(11)
    pool = [line(chance) for _ in range(POOL)]
    by_course: dict[str, list[_Template]] = defaultdict(list)
    for template in templates:
        by_course[template.course].append(template)
    names, weights = list(shares), list(accumulate(shares.values()))
    latest, day = to_micros(now - timedelta(days=4)), 86_400_000_000
    wanted = []
    for _ in range(count):
        course = chance.choices(names, cum_weights=weights)[0]
        template = chance.choice(by_course[course])
        if is_open(course):
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


class _Writer:
    """Turns rows into what the driver takes."""

    sqlite: bool

    def bound(self, batch: Rows) -> Iterator[tuple[str, list[str], Iterator[list[Any]]]]:
        """Table, names of its columns, and rows."""
        for table in _ALL:
            binders = [_bound(column.type, sqlite=self.sqlite) for column in table.c]
            rows = (
                [
                    value if value is None or bind is None else bind(value)
                    for bind, value in zip(binders, row, strict=True)
                ]
                for row in batch.get(table.name, ())
            )
            if table.name == "blob":
                rows = ([*row[:3], packing.pack(row[3])] for row in rows)
            yield table.name, _COLUMNS[table.name], rows


def _columns(names: Sequence[str]) -> str:
    """Some are also words of the language."""
    return ", ".join(f'"{name}"' for name in names)


class _Sqlite(_Writer):
    """Writes rows into a file that nobody else uses, faster than a hub would dare to."""

    sqlite = True

    def __init__(self, url: str) -> None:
        self._raw = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
        self._raw.execute("PRAGMA journal_mode = WAL")
        self._raw.execute("PRAGMA synchronous = OFF")
        self._raw.execute("PRAGMA cache_size = -1000000")  # 1 GB
        self._doc = self._raw.execute("SELECT coalesce(max(doc), 0) FROM search_item").fetchone()[0]

    def rows(self, batch: Rows) -> None:
        self._raw.execute("BEGIN")
        for table, names, rows in self.bound(batch):
            marks = ", ".join("?" * len(names))
            self._raw.executemany(f"INSERT INTO {table} ({_columns(names)}) VALUES ({marks})", rows)
        docs = list(enumerate(batch[_SEARCH], start=self._doc + 1))
        self._doc += len(docs)
        self._raw.executemany(
            "INSERT INTO search_item VALUES (?, ?, ?, ?)",
            ((doc, id_bytes(of), id_bytes(item), audience) for doc, (of, item, audience, _) in docs),
        )
        self._raw.executemany(
            "INSERT INTO search_text (rowid, body) VALUES (?, ?)", ((doc, row[3]) for doc, row in docs)
        )
        self._raw.execute("COMMIT")

    def finish(self, count: int, now: datetime) -> None:
        self._raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        self._raw.close()


class _Postgres(_Writer):
    """The same by COPY."""

    sqlite = False

    def __init__(self, url: str) -> None:
        self._raw = psycopg.connect(url)
        self._raw.execute("SET synchronous_commit = off")
        self._raw.execute(
            "CREATE TEMPORARY TABLE arriving (ticket_id uuid, item_id uuid, audience text, body text)"
        )

    def rows(self, batch: Rows) -> None:
        with self._raw.cursor() as cursor:
            for table, names, rows in self.bound(batch):
                self._copy(cursor, f"{table} ({_columns(names)})", rows)
            self._copy(cursor, "arriving", batch[_SEARCH])
            cursor.execute(
                "INSERT INTO search_text (ticket_id, item_id, audience, vector)"
                " SELECT ticket_id, item_id, audience, to_tsvector('simple', body) FROM arriving"
            )
            cursor.execute("DELETE FROM arriving")
        self._raw.commit()

    def _copy(self, cursor: psycopg.Cursor[Any], to: str, rows: Iterable[list[Any]]) -> None:
        with cursor.copy(f"COPY {to} FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)

    def finish(self, count: int, now: datetime) -> None:
        self._raw.autocommit = True
        self._raw.execute(
            "VACUUM ANALYZE"
        )  # as its own housekeeping would have, long before there are so many

    def close(self) -> None:
        self._raw.close()
