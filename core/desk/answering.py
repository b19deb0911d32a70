"""Who of a ticket is told something, and in which of its conversations? Each person once.

Where there is one conversation, as on most tickets, nothing is asked but who is in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, func, literal, select

from core import chat_addresses
from core.desk import outbox, participants
from core.desk.case import Case
from core.desk.participants import Participant
from core.envelope import Address
from core.rules import answering, participation
from core.rules.answering import Way
from core.rules.participation import Why
from core.store import tables
from core.store.tx import Prepared, Row, Tx

message, chat = tables.message, tables.chat

_USED = Prepared(
    select(message.c.thread_id, message.c.author_address, func.max(message.c.at).label("at"))
    .where(
        message.c.ticket_id == bindparam("ticket_id"),
        message.c.direction == literal("in"),
        ~message.c.automatic,
    )
    .group_by(message.c.thread_id, message.c.author_address)
)
_GONE = Prepared(select(chat.c.gone_at).where(chat.c.address == bindparam("address")))


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A conversation, and whom something is said to in it."""

    where: Row
    people: tuple[Address, ...]


def conversations(case: Case) -> list[Row]:
    """Those in which the customer is answered: not calls about a request that is answered elsewhere."""
    return [where for where in case.tx.all(outbox.THREADS, ticket_id=case.id) if not where.aside]


def places(case: Case, *, kind: str, automatic: bool) -> list[Place]:
    """In which conversations something is said to the customer now, and to whom there; nobody is told twice.

    `kind`: of the message. `automatic`: nobody pressed send; it does not go to addresses that bounced, complained or
    answered by machine, and where nobody gets it, it is still on the ticket.
    """
    tx = case.tx
    rows = conversations(case)
    there = participants.of_ticket(
        tx, case.id, customer=case["customer"], requester=case["requester_address"]
    )
    told = chosen(tx, case.id, rows, _written_to(there, case["customer"], automatic=automatic), kind=kind)
    found = [
        Place(where=row, people=tuple(Address(one.address, one.name) for one in told if one.thread == row.id))
        for row in rows
    ]
    return [place for place in found if place.people] or found[:1]


def _written_to(there: Sequence[Participant], customer: str | None, *, automatic: bool) -> list[Participant]:
    return [
        one
        for one in there
        if participation.written_to(one.person, customer=customer, automatic=automatic) is Why.WRITTEN_TO
    ]


def chosen(
    tx: Tx, ticket_id: str, threads: Sequence[Row], people: Sequence[Participant], *, kind: str
) -> list[Participant]:
    """Of those who are written to, each person once: where they are answered."""
    known = {row.id: row for row in threads}
    people = [one for one in people if one.thread in known]
    if len({one.who for one in people}) == len(people):
        return list(people)
    used = {(row.thread_id, row.author_address): row.at for row in tx.all(_USED, ticket_id=ticket_id)}
    ways = [
        Way(
            thread=one.thread,
            address=one.address,
            person=one.who,
            began=known[one.thread].at,
            beside=one.address != known[one.thread].address.lower(),
            used=used.get((one.thread, one.address)),
            chosen=one.chosen_at,
            works=not one.person.bad_address and not gone(tx, one.address),
            channel=known[one.thread].channel,
            carried_by=known[one.thread].also_by,
        )
        for one in people
    ]
    taken = {(way.thread, way.address) for way in answering.choose(ways, kind=kind)}
    return [one for one in people if (one.thread, one.address) in taken]


def gone(tx: Tx, address: str) -> bool:
    """Did who is at this address of a chat block us, or leave?"""
    if not chat_addresses.is_chat(address):
        return False
    row = tx.one(_GONE, address=address)
    return row is not None and row.gone_at is not None
