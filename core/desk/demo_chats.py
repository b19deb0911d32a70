"""Which chats does the demo desk show? Those of day.toml: what was written and pressed, each at its time, by the real verbs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import bindparam, select

from core import chat_addresses
from core.desk import intake, people, sending
from core.envelope import Address, Arrival, Chat, Inbound, Kind, Sent
from core.store import tables, work
from core.store.tx import Prepared, Tx

Act = Callable[[Tx, str, str, str, str, dict[str, Any], datetime], None]
"""agent, verb, number, text, fields, at: `core.desk.demo` knows the verbs."""

_SENDING = Prepared(
    select(tables.delivery.c.ticket_id, tables.delivery.c.id)
    .where(tables.delivery.c.address == bindparam("address"), tables.delivery.c.state == "queued")
    .order_by(tables.delivery.c.id)
)
_OFFERED = Prepared(
    select(tables.chat_button)
    .where(
        tables.chat_button.c.address == bindparam("address"),
        tables.chat_button.c.act == bindparam("act"),
        tables.chat_button.c.value == bindparam("value"),
        tables.chat_button.c.used_at.is_(None),
    )
    .order_by(tables.chat_button.c.at.desc())
)


class Line(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """[[chats.lines]]: they write or press, or somebody of the staff does something."""

    at: int
    """Minutes before now."""
    says: str = ""
    presses: str = ""
    """What the button does, and its value behind a blank."""
    agent: str = ""
    verb: str = ""
    text: str = ""
    fields: dict[str, Any] = {}


class Talk(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """[[chats]] of day.toml."""

    address: str
    name: str
    contact: str = ""
    """E-mail of the contact whose account that is; empty: nobody knows."""
    lines: tuple[Line, ...]


class Telling:
    """The chats of the morning, line after line, among everything else that happens."""

    def __init__(self, talks: Sequence[Talk], act: Act) -> None:
        self._act = act
        self._numbers: dict[str, str] = {}
        self.lines = [(talk, n, line) for talk in talks for n, line in enumerate(talk.lines)]

    def tell(self, tx: Tx, talk: Talk, n: int, line: Line, at: datetime) -> None:
        """One of `lines`, at its time."""
        if talk.contact and n == 0:
            _belongs(tx, talk, at - timedelta(days=20))
        number = self._numbers.get(talk.address, "")
        if line.agent:
            self._act(tx, line.agent, line.verb, number, line.text, line.fields, at)
        else:
            self._numbers[talk.address] = _theirs(tx, talk, line, n, at) or number
        _arrive(tx, talk, at)


def _belongs(tx: Tx, talk: Talk, since: datetime) -> None:
    """They connected their account some weeks ago."""
    (contact,) = people.by_address(tx, talk.contact)
    tx.insert(
        tables.identity,
        address=talk.address,
        contact=contact.id,
        channel=chat_addresses.channel_of(talk.address),
        name=talk.name,
        proof="link",
        by=f"contact:{contact.id}",
        since=since,
    )


def _theirs(tx: Tx, talk: Talk, line: Line, n: int, at: datetime) -> str | None:
    channel = chat_addresses.channel_of(talk.address)
    pressed = ""
    if line.presses:
        act, _, value = line.presses.partition(" ")
        pressed = tx.all(_OFFERED, address=talk.address, act=act, value=value)[0].id
    said = Inbound(
        channel=channel,
        kind=Kind.ACT if pressed else Kind.HUMAN,
        author=Address(talk.address, talk.name),
        message_id=f"{talk.address}/{n + 1}",
        text=line.says.strip(),
        chat=Chat(pressed=pressed),
    )
    raw = msgspec.json.encode({"from": talk.name, "text": line.says, "pressed": pressed})
    arrival = Arrival(
        channel=channel,
        raw=raw,
        received_at=at,
        external_id=f"demo-{talk.address}-{n}",
        sender=talk.address,
    )
    return intake.receive(tx, arrival, said, now=at).number


def _arrive(tx: Tx, talk: Talk, at: datetime) -> None:
    """What we said so far reached them and was read, although no service of theirs is connected here."""
    for row in tx.all(_SENDING, address=talk.address):
        if sending.begin(tx, row.ticket_id, row.id, now=at) is None:
            continue
        remote = f"{talk.address}/{row.id}"
        sending.sent(tx, row.ticket_id, row.id, Sent(remote_id=remote), now=at)
        tx.update(tables.delivery, {"ticket_id": row.ticket_id, "id": row.id}, seen_at=at)
        work.cancel(tx, shard=row.ticket_id, key=f"send:{row.id}")
