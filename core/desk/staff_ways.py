"""By which way is somebody of the staff reached who is not looking? Their own proved chat, else their mailbox."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import bindparam, select

from core.desk import identities
from core.desk.people import Agent
from core.envelope import Address
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
    account = next((row for row in tx.all(_ACCOUNTS, agent=agent.id) if row.proof in identities.PROVED), None)
    if account is not None:
        return Way(account.channel, Address(account.address, agent.name), is_chat=True)
    return mailbox(tx, agent)


def mailbox(tx: Tx, agent: Agent) -> Way | None:
    """Their mailbox; None: this hub sends no mail."""
    if not tx.facts.mails_by:
        return None
    return Way(tx.facts.mails_by, Address(agent.email, agent.name), is_chat=False)
