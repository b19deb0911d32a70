"""What was offered below a message in a chat, and was it chosen? Each message's choice is made once."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Integer, Text, bindparam, case, literal, select, update

from core import texts
from core.envelope import Button
from core.rules.chat_acts import Act
from core.store import tables
from core.store.columns import Id, Instant
from core.store.tx import Prepared, Row, Tx

button = tables.chat_button

_OF_MESSAGE = Prepared(
    select(button)
    .where(button.c.shard == bindparam("shard"), button.c.message_id == bindparam("message_id"))
    .order_by(button.c.position)
)
_BY_ID = Prepared(select(button).where(button.c.id == bindparam("id")))
_OF_LAST = Prepared(
    select(button)
    .select_from(
        button.join(
            tables.chat,
            (tables.chat.c.address == button.c.address) & (tables.chat.c.said_id == button.c.message_id),
        )
    )
    .where(button.c.address == bindparam("address"))
    .order_by(button.c.position)
)
_OF_QUESTION = Prepared(
    select(button.c.shard, button.c.message_id)
    .select_from(
        button.join(
            tables.chat, (tables.chat.c.address == button.c.address) & tables.chat.c.asked_at.is_not(None)
        )
    )
    .where(
        button.c.address == bindparam("address"),
        button.c.act == literal(str(Act.NEW)),
        button.c.at >= tables.chat.c.asked_at,
    )
    .order_by(button.c.at, button.c.message_id)
    .limit(1)
)
_SAID = Prepared(
    update(tables.chat)
    .where(tables.chat.c.address == bindparam("of_address"))
    .values(said_id=bindparam("message", type_=Id))
)
_WITHDRAW = Prepared(
    button.delete().where(
        button.c.shard == bindparam("shard"),
        button.c.message_id == bindparam("message_id"),
        button.c.address == bindparam("address"),
    )
)
_USE = Prepared(
    update(button)
    .where(
        button.c.shard == bindparam("of_shard"),
        button.c.message_id == bindparam("of_message"),
        button.c.address == bindparam("of_address"),
        button.c.used_at.is_(None),
    )
    .values(
        used_at=bindparam("now", type_=Instant),
        used_by=case(
            (button.c.position == bindparam("of_position", type_=Integer), bindparam("actor", type_=Text)),
            else_="",
        ),
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """Something to choose. `label`: empty, the words of templates/chat for the act and its value."""

    act: Act
    value: str = ""
    label: str = ""


def offer(
    tx: Tx,
    offers: Sequence[Offer],
    *,
    shard: str,
    message_id: str,
    address: str,
    language: str,
    now: datetime,
) -> None:
    """Offer these below one message to one address. `shard`: the ticket, or the chat beside all tickets."""
    if offers:
        said(tx, address, message_id)
    before = len(tx.all(_OF_MESSAGE, shard=shard, message_id=message_id))
    for position, one in enumerate(offers, before):
        tx.insert(
            button,
            shard=shard,
            message_id=message_id,
            position=position,
            id=secrets.token_urlsafe(12),
            address=address,
            act=one.act,
            value=one.value,
            label=one.label or texts.button(one.act, one.value, language),
            at=now,
        )


def withdraw(tx: Tx, shard: str, message_id: str, address: str) -> None:
    """Nothing is offered below a message any more: it has not left, and says something else now."""
    tx.run(_WITHDRAW, shard=shard, message_id=message_id, address=address)


def of_message(tx: Tx, shard: str, message_id: str, address: str) -> tuple[Button, ...]:
    """What this address may choose below a message, in order; nothing once it chose."""
    found = [row for row in tx.all(_OF_MESSAGE, shard=shard, message_id=message_id) if row.address == address]
    return () if any(row.used_at for row in found) else tuple(Button(row.id, row.label) for row in found)


def find(tx: Tx, identity: str) -> Row | None:
    """The button that a service brought back, as it was offered."""
    return tx.one(_BY_ID, id=identity)


def said(tx: Tx, address: str, message_id: str) -> None:
    """This is our last message there that a bare number could be the answer to: it has choices, or a person wrote it."""
    tx.run(_SAID, of_address=address, message=message_id)


def numbered(tx: Tx, address: str, text: str) -> Row | None:
    """The button meant by a bare number, where buttons were written as lines: of the open question, else of what was said last.

    Who was asked "how many?" by a person since does not mean a button.
    """
    number = text.strip().rstrip(".)")
    if not (number.isascii() and number.isdigit()):
        return None
    asked = tx.one(_OF_QUESTION, address=address)
    offers = (
        [
            row
            for row in tx.all(_OF_MESSAGE, shard=asked.shard, message_id=asked.message_id)
            if row.address == address
        ]
        if asked is not None
        else tx.all(_OF_LAST, address=address)
    )
    place = int(number) - 1
    return offers[place] if 0 <= place < len(offers) and offers[place].used_at is None else None


def use(tx: Tx, row: Row, *, actor: str, now: datetime) -> bool:
    """Choose it; False: a choice was made below this message before."""
    if row.used_at is not None:
        return False
    chosen = {"of_shard": row.shard, "of_message": row.message_id, "of_address": row.address}
    chosen |= {"of_position": row.position}
    return bool(tx.changed(_USE, **chosen, actor=actor, now=now))
