"""Which accounts and rooms do we chat with, who is behind them, and what do we say there beside all tickets?

What belongs to no ticket is a row of its own with a delivery: the chat stands for the ticket and the thread (decision 0021).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select

from core import chat_addresses, texts
from core.desk import chat_buttons, identities, links, outbox, people, reference
from core.desk.chat_buttons import Offer
from core.envelope import Address, Outgoing
from core.ids import new_id
from core.store import tables
from core.store.tx import Prepared, Row, Tx

LEFT = "they blocked us, or left"
"""Why nothing is sent to a chat."""

chat, word = tables.chat, tables.chat_word

_BY_ADDRESS = Prepared(select(chat).where(chat.c.address == bindparam("address")))
_BY_ID = Prepared(select(chat).where(chat.c.id == bindparam("id")))
_WORD = Prepared(select(word).where(word.c.chat_id == bindparam("chat_id"), word.c.id == bindparam("id")))
_REPLACED = Prepared(select(tables.delivery.c.remote_id).where(tables.delivery.c.id == bindparam("id")))


def known(tx: Tx, address: str) -> Row | None:
    """The chat at this address."""
    return tx.one(_BY_ADDRESS, address=address.lower())


def one(tx: Tx, chat_id: str) -> Row | None:
    """The chat with this id."""
    return tx.one(_BY_ID, id=chat_id)


def came(tx: Tx, channel: str, who: Address, *, kind: str = "person", now: datetime, **more: Any) -> Row:
    """They wrote, or did something: the chat, made if it is new, and reachable again. `more`: further columns."""
    found = known(tx, who.key)
    if found is None:
        row = {"channel": channel, "address": who.key, "kind": kind, "name": who.name[:200], **more}
        tx.insert_missing(chat, id=new_id(), created_at=now, last_at=now, **row)
    else:
        named = {"name": who.name[:200]} if who.name and who.name != found.name else {}
        tx.update(chat, {"id": found.id}, last_at=now, gone_at=None, **named, **more)
    found = known(tx, who.key)
    assert found is not None  # noqa: S101 - it was just written
    return found


def left(tx: Tx, address: str) -> bool:
    """Did whoever is at this address block us, or leave, and has not come back?"""
    found = known(tx, address) if chat_addresses.is_chat(address) else None
    return found is not None and found.gone_at is not None


def change(tx: Tx, chat_id: str, **values: Any) -> None:
    """Set columns of a chat."""
    tx.update(chat, {"id": chat_id}, **values)


def language_of(tx: Tx, of: Row) -> str:
    """What is spoken in a chat: chosen there, else the person's, the customer's, what their program speaks, the hub's."""
    if of.language:
        return tx.facts.language(of.language)
    known_as = identities.behind(tx, of.address)
    if known_as is not None and known_as.agent and (agent := people.agent(tx, known_as.agent)):
        return tx.facts.language(agent.language)
    person = people.contact(tx, known_as.contact) if known_as is not None and known_as.contact else None
    if person is not None and person.language:
        return tx.facts.language(person.language)
    code = person.customer if person is not None else of.customer
    customer = reference.customer(tx, code) if code else None
    return tx.facts.language(customer.language if customer else of.speaks)


# --- What we say beside all tickets -------------------------------------------------------------------------


def say(
    tx: Tx,
    of: Row,
    kind: str,
    *,
    now: datetime,
    offers: Sequence[Offer] = (),
    replaces: str | None = None,
    **values: Any,
) -> str:
    """Words of `notices/*/chat/KIND.txt` into a chat, with what may be chosen; return the id of the delivery.

    `replaces`: id of the delivery whose text and buttons these take the place of, where the channel can do that.
    """
    language = language_of(tx, of)
    _, text = texts.notice(f"chat/{kind}", language, hub=tx.facts.name, **values)
    word_id = new_id()
    tx.insert(
        word,
        chat_id=of.id,
        id=word_id,
        kind=kind,
        text=text.strip(),
        language=language,
        replaces=replaces,
        at=now,
    )
    chat_buttons.offer(
        tx, offers, shard=of.id, message_id=word_id, address=of.address, language=language, now=now
    )
    return outbox.queue(
        tx,
        of.id,
        message_id=word_id,
        thread_id=of.id,
        channel=of.channel,
        to=Address(of.address, of.name),
        kind=kind,
        now=now,
    )


def outgoing(tx: Tx, row: Row) -> Outgoing | None:
    """What the channel is to send for a delivery of words beside all tickets; None: it is none of these."""
    said = tx.one(_WORD, chat_id=row.ticket_id, id=row.message_id)
    if said is None:
        return None
    replaced = tx.one(_REPLACED, id=said.replaces) if said.replaces else None
    return outbox.without_ticket(
        row,
        subject="",
        text=links.with_upload(tx, row.kind, said.text, row.id),
        language=said.language,
        buttons=chat_buttons.of_message(tx, row.ticket_id, row.message_id, row.address),
        replaces=replaced.remote_id if replaced is not None else "",
    )
