"""A call in hand: what is changed on it in one transaction, written back once; and its answers as rows hold them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import bindparam, select

from core.calling import Answer, Gather, HangUp, Hold, NoSuchCall, Record, Then, Words
from core.store import tables
from core.store.tx import Prepared, Row, Tx

OVER = "over"
SHOWN = frozenset(
    {"phase", "customer", "contact", "trust", "desk_group", "agent", "ticket_id", "outcome", "queued_at"}
)
SHOWN_FACTS = ("technology", "request_type", "emergency")
"""What pages show of a call. That its line was heard of, every few seconds, is told to nobody."""

call, call_turn = tables.call, tables.call_turn

_BY_ID = select(call).where(call.c.id == bindparam("id"))
_ONE = Prepared(_BY_ID)
_LOCKED = Prepared(_BY_ID.with_for_update())
_BY_EXTERNAL = Prepared(
    select(call.c.id).where(call.c.line == bindparam("line"), call.c.external_id == bindparam("external_id"))
)
_TURN = Prepared(
    select(call_turn).where(call_turn.c.call_id == bindparam("call_id"), call_turn.c.seq == bindparam("seq"))
)
TURNS = Prepared(
    select(call_turn).where(call_turn.c.call_id == bindparam("call_id")).order_by(call_turn.c.seq)
)


class LiveCall:
    """One call within one transaction. Reading gives what was set; `save` writes it."""

    __slots__ = ("_before", "_changes", "_facts", "_values", "id", "now", "tx")

    def __init__(self, tx: Tx, values: dict[str, Any], *, now: datetime) -> None:
        self.tx = tx
        self.now = now
        self.id: str = values["id"]
        self._values = values
        self._changes: dict[str, Any] = {}
        self._facts: dict[str, Any] = dict(values["facts"])
        self._before = dict(self._facts)

    @classmethod
    def open(cls, tx: Tx, call_id: str, *, now: datetime) -> LiveCall:
        """The call with this id, locked until the end of the transaction. Raises NoSuchCall."""
        row: Row | None = tx.one(_ONE if tx.is_sqlite else _LOCKED, id=call_id)
        if row is None:
            raise NoSuchCall(call_id)
        return cls(tx, row._asdict(), now=now)

    def __getitem__(self, column: str) -> Any:
        return self._values[column]

    def set(self, **values: Any) -> None:
        """Change columns; the same value again is no change."""
        for name, value in values.items():
            if self._values[name] != value:
                self._values[name] = value
                self._changes[name] = value

    def fact(self, name: str, default: Any = None) -> Any:
        """What was noted of it."""
        return self._facts.get(name, default)

    def note(self, **facts: Any) -> None:
        """Note what happened, in JSON's own types."""
        self._facts |= facts
        if self._facts != self._values["facts"]:
            self._changes["facts"] = dict(self._facts)

    def save(self) -> None:
        """Write the row; tell whoever shows the call, unless nothing of what is shown is new."""
        if not self._changes:
            return
        self.tx.update(call, {"id": self.id}, **self._changes)
        shown = not SHOWN.isdisjoint(self._changes) or any(
            self._facts.get(name) != self._before.get(name) for name in SHOWN_FACTS
        )
        self._changes, self._before = {}, dict(self._facts)
        if shown:
            self.tx.tell("call", self.id)
            if self["ticket_id"]:
                self.tx.tell("ticket", self["ticket_id"])


def one(tx: Tx, call_id: str) -> Row:
    """The row of a call. Raises NoSuchCall."""
    row = tx.one(_ONE, id=call_id)
    if row is None:
        raise NoSuchCall(call_id)
    return row


def find(tx: Tx, line: str, external_id: str) -> str | None:
    """Our id of a line's call."""
    row = tx.one(_BY_EXTERNAL, line=line, external_id=external_id)
    return None if row is None else str(row.id)


def stored(tx: Tx, call_id: str, seq: int) -> Answer | None:
    """The answer that was given at this step."""
    row = tx.one(_TURN, call_id=call_id, seq=seq)
    return None if row is None else answer_of(row.answer)


_KINDS: Mapping[str, type[Then]] = {"gather": Gather, "record": Record, "hold": Hold, "hangup": HangUp}
_NAMES = {kind: name for name, kind in _KINDS.items()}


def to_plain(answer: Answer) -> dict[str, Any]:
    """An answer in JSON's own types."""
    return {
        "call": answer.call,
        "seq": answer.seq,
        "say": msgspec.to_builtins(answer.say),
        "then": {"kind": _NAMES[type(answer.then)], **msgspec.to_builtins(answer.then)},
        "language": answer.language,
    }


def answer_of(plain: Mapping[str, Any]) -> Answer:
    """The answer that `to_plain` wrote down."""
    then = dict(plain["then"])
    kind = _KINDS[then.pop("kind")]
    return Answer(
        call=plain["call"],
        seq=plain["seq"],
        say=tuple(Words(**words) for words in plain["say"]),
        then=kind(**then),
        language=plain["language"],
    )
