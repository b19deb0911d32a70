"""A ticket in hand: what is changed on it in one transaction, written back once with its events.

A verb opens the case (which locks the row where several hubs work), sets columns, adds events, and closes it. Events
are chained: hash = SHA-256(previous hash | canonical event).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select

from core.desk.errors import NotFound
from core.ids import fixed_id
from core.store import tables, work
from core.store.columns import to_json, to_micros
from core.store.tx import Prepared, Row, Tx

event, ticket = tables.event, tables.ticket

_BY_ID = select(ticket).where(ticket.c.id == bindparam("id"))
_OPEN = Prepared(_BY_ID)
_OPEN_LOCKED = Prepared(_BY_ID.with_for_update())
_LAST = Prepared(
    select(event.c.seq, event.c.hash)
    .where(event.c.ticket_id == bindparam("ticket_id"))
    .order_by(event.c.seq.desc())
    .limit(1)
)

ADMINISTRATION = fixed_id("administration")
"""The chain of what belongs to no ticket: configuration, tokens, exports."""


ID_BY_NUMBER = Prepared(select(ticket.c.id).where(ticket.c.number == bindparam("number")))
"""The ticket of a number, whoever asks: for what the hub does by itself. People's questions go through core.desk.scope."""


def event_hash(previous: str, row: Mapping[str, Any]) -> str:
    """The link of one event to the one before; `row` has the columns of table event but hash."""
    return link(
        previous,
        row["ticket_id"],
        row["seq"],
        row["kind"],
        to_micros(row["at"]),
        to_micros(row["recorded_at"]),
        row["actor"],
        to_json(row["data"]),
    )


def link(
    previous: str, ticket_id: str, seq: int, kind: str, at: int, recorded_at: int, actor: str, data: str
) -> str:
    """The same of an event as the table holds it: instants in microseconds, data as canonical JSON."""
    text = f"{previous}|{ticket_id}|{seq}|{kind}|{at}|{recorded_at}|{actor}|{data}"
    return hashlib.sha256(text.encode()).hexdigest()


class Case:
    """One ticket within one transaction. Reading gives what was set; `save` writes it."""

    __slots__ = (
        "_changes",
        "_events",
        "_hash",
        "_seq",
        "_values",
        "id",
        "new",
        "now",
        "touched_clocks",
        "tx",
    )

    def __init__(self, tx: Tx, values: dict[str, Any], *, now: datetime, new: bool) -> None:
        self.tx = tx
        self.now = now
        self.id: str = values["id"]
        self._values = values
        self._changes: dict[str, Any] = {}
        self._events: list[dict[str, Any]] = []
        self.new = new
        self._seq: int = 0
        self._hash = ""
        self.touched_clocks = new
        if not new:
            last = tx.one(_LAST, ticket_id=self.id)
            if last is not None:
                self._seq, self._hash = last.seq, last.hash

    @classmethod
    def open(cls, tx: Tx, ticket_id: str, *, now: datetime) -> Case:
        """The ticket with this id, locked until the end of the transaction. Raises NotFound."""
        if tx.foresees:  # both cross at once, in this order
            tx.foresee(_OPEN_LOCKED, id=ticket_id)
            tx.foresee(_LAST, ticket_id=ticket_id)
        row: Row | None = tx.one(_OPEN if tx.is_sqlite else _OPEN_LOCKED, id=ticket_id)
        if row is None:
            message = f"there is no ticket {ticket_id}"
            raise NotFound(message)
        return cls(tx, row._asdict(), now=now, new=False)

    @classmethod
    def begin(cls, tx: Tx, *, now: datetime, **values: Any) -> Case:
        """A ticket that is not yet in the table; `save` inserts it."""
        work.begin(tx, values["id"])
        return cls(tx, _BLANK | values, now=now, new=True)

    def __getitem__(self, column: str) -> Any:
        return self._values[column]

    def set(self, **values: Any) -> None:
        """Change columns; the same value again is no change."""
        for name, value in values.items():
            if self._values[name] != value:
                self._values[name] = value
                self._changes[name] = value

    def flag(self, name: str, *, on: bool = True) -> None:
        """Raise or lower a flag beside the state."""
        flags = [f for f in self["flags"] if f != name]
        if on:
            flags.append(name)
        self.set(flags=flags)

    def event(self, kind: str, *, actor: str, at: datetime | None = None, **data: Any) -> int:
        """Add an event to the chain; return its number. `data` holds ids, codes and digests, no personal text."""
        self._seq += 1
        row = {
            "ticket_id": self.id,
            "seq": self._seq,
            "kind": kind,
            "at": at or self.now,
            "recorded_at": self.now,
            "actor": actor,
            "data": data,
        }
        self._hash = row["hash"] = event_hash(self._hash, row)
        self._events.append(row)
        if kind.startswith("clock."):
            self.touched_clocks = True
        return self._seq

    def new_events(self) -> list[dict[str, Any]]:
        """What this transaction adds."""
        return self._events

    @property
    def last_event(self) -> int:
        """Number of the newest event, those of this transaction included."""
        return self._seq

    def save(self) -> None:
        """Write the row and its events; tell whoever shows the ticket."""
        self.set(last_event=self._seq, updated_at=self.now)
        if self.new:
            self.tx.insert(ticket, **self._values)
            self.new = False
        elif self._changes:
            self.tx.update(ticket, {"id": self.id}, **self._changes)
        self._changes = {}
        self.tx.insert_all(event, self._events)
        self._events = []
        self.tx.tell("ticket", self.id)


_BLANK: dict[str, Any] = {
    column.name: None
    if column.nullable
    else {"flags": [], "provenance": {}, "resolution": {}, "level": 1, "open": True, "last_event": 0}.get(
        column.name, ""
    )
    for column in ticket.columns
}


def record(tx: Tx, chain: str, kind: str, *, now: datetime, actor: str, **data: Any) -> None:
    """One event of a chain that is no ticket's, such as ADMINISTRATION."""
    added = False
    while not added:  # nothing is locked here: who was quicker has the number, and is now the one before
        last = tx.one(_LAST, ticket_id=chain)
        row = {
            "ticket_id": chain,
            "seq": 1 if last is None else last.seq + 1,
            "kind": kind,
            "at": now,
            "recorded_at": now,
            "actor": actor,
            "data": data,
        }
        added = tx.insert_new(event, **row, hash=event_hash("" if last is None else last.hash, row))
