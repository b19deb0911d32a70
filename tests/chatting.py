"""Somebody whose account of a chat is known writes about a request, or leaves."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select

from core.desk import answering, chats, identities, threads
from core.desk.authors import Author
from core.desk.case import Case
from core.desk.principal import Principal
from core.envelope import Address, Inbound
from core.ids import new_id
from core.store import tables
from core.store.tx import Tx
from tests.desk_at_work import AtWork

CHAT = "telegram:4242"


async def writes_by_chat(desk: AtWork, number: str, name: str = "alice", address: str = CHAT) -> None:
    """A contact with a connected account writes about this request from there."""
    await desk.db.write(_by_chat, number, await desk.who(name), address, now=desk.now)


async def connects(desk: AtWork, name: str = "alice", address: str = CHAT, proof: str = "link") -> None:
    """Their account is known from now on."""
    await desk.db.write(_connects, await desk.who(name), address, proof=proof, now=desk.now)


def _connects(tx: Tx, who: Principal, address: str, *, proof: str, now: datetime) -> None:
    chat = chats.came(tx, address.partition(":")[0], Address(address), now=now)
    of = {"agent": who.id} if who.is_agent else {"contact": who.id}
    identities.bind(tx, chat, **of, proof=proof, by=who.actor, now=now)


def leaves(tx: Tx, address: str, *, now: datetime) -> None:
    """They blocked us there."""
    row = chats.came(tx, address.partition(":")[0], Address(address), now=now)
    chats.change(tx, row.id, gone_at=now)


def _by_chat(tx: Tx, number: str, who: Principal, address: str, *, now: datetime) -> None:
    found = tx.one(select(tables.ticket.c.id).where(tables.ticket.c.number == number))
    case = Case.open(tx, found.id, now=now)
    author = Author(
        kind="contact", address=address, name=who.name, contact=who.id, customer=who.customer, proved=True
    )
    said = Inbound(channel="telegram", author=Address(address, "Al"), text="Ancora fermo.")
    there = [row.id for row in answering.conversations(case) if row.address == address]
    thread = there[0] if there else threads.begin(case, said, author, silent=False).id
    tx.insert(
        tables.message,
        ticket_id=case.id,
        id=new_id(),
        thread_id=thread,
        channel="telegram",
        direction="in",
        author_name=who.name,
        author_address=address,
        contact=who.id,
        text=said.text,
        language="it",
        at=now,
    )
    case.save()
