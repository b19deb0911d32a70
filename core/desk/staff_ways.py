"""By which way is somebody of the staff reached who is not looking? Their own proved chat, else their mailbox."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import bindparam, select

from core import numbers
from core.desk import identities, outbox
from core.desk.people import Agent
from core.envelope import Address
from core.rules import ladders, reaching
from core.store import tables
from core.store.tx import Prepared, Tx

_ACCOUNTS = Prepared(
    select(tables.identity.c.address, tables.identity.c.channel, tables.identity.c.proof)
    .select_from(tables.identity.outerjoin(tables.chat, tables.chat.c.address == tables.identity.c.address))
    .where(tables.identity.c.agent == bindparam("agent"), tables.chat.c.gone_at.is_(None))
    .order_by(tables.identity.c.since.desc())
)


class Way(NamedTuple):
    """Where something for them is sent."""

    channel: str
    to: Address
    is_chat: bool


def way(tx: Tx, agent: Agent) -> Way | None:
    """The newest of their chats that is proved theirs, else their mailbox; None: this hub sends no mail."""
    return _chat(tx, agent) or mailbox(tx, agent)


def mailbox(tx: Tx, agent: Agent) -> Way | None:
    """Their mailbox; None: this hub sends no mail."""
    if not tx.facts.mails_by:
        return None
    return Way(tx.facts.mails_by, Address(agent.email, agent.name), is_chat=False)


def by_order(tx: Tx, agent: Agent) -> list[Way]:
    """Every way of calling somebody on duty, one after the other, as they chose (core.rules.ladders.ways)."""
    number = numbers.normal(agent.phone, tx.facts.country)
    able: dict[str, Way] = {}
    if (chat := _chat(tx, agent)) is not None:
        able[ladders.CHAT] = chat
    if tx.facts.texts_by and numbers.takes_texts(number):
        able[ladders.SMS] = Way(tx.facts.texts_by, Address(number, agent.name), is_chat=False)
    if tx.facts.dials and agent.phone:
        able[ladders.CALL] = Way(reaching.PHONE, Address(number or agent.phone, agent.name), is_chat=False)
    if (mail := mailbox(tx, agent)) is not None:
        able[ladders.MAIL] = mail
    return [able[way] for way in ladders.ways(agent.reach, able)]


def by_number(tx: Tx, number: str) -> Way | None:
    """The way to a telephone that is nobody's in particular: a call, else a text message."""
    normal = numbers.normal(number, tx.facts.country)
    if tx.facts.dials:
        return Way(reaching.PHONE, Address(normal or number), is_chat=False)
    if tx.facts.texts_by and numbers.takes_texts(normal):
        return Way(tx.facts.texts_by, Address(normal), is_chat=False)
    return None


def _chat(tx: Tx, agent: Agent) -> Way | None:
    account = next((row for row in tx.all(_ACCOUNTS, agent=agent.id) if row.proof in identities.PROVED), None)
    return (
        None if account is None else Way(account.channel, Address(account.address, agent.name), is_chat=True)
    )


def send(
    tx: Tx, ticket_id: str, message_id: str, by: Way, *, kind: str, now: datetime, due: datetime | None = None
) -> None:
    """Queue it. Its thread is the ticket itself, which no reader of conversations knows; its words are made when it leaves."""
    outbox.queue(
        tx,
        ticket_id,
        message_id=message_id,
        thread_id=ticket_id,
        channel=by.channel,
        to=by.to,
        kind=kind,
        now=now,
        due=due,
    )
