"""Who of a ticket is told something, and in which of its conversations? Each person once.

Where there is one conversation, as on most tickets, nothing is asked but who is in it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, func, literal, select

from core import addresses, chat_addresses, numbers
from core.desk import identities, outbox, participants, people
from core.desk.case import Case
from core.desk.participants import Participant
from core.desk.people import Contact
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
    told = chosen(tx, case.id, rows, written_to(there, case["customer"], automatic=automatic), kind=kind)
    others = _unreachable(tx, there, told, customer=case["customer"]) if automatic else []
    found = [
        Place(
            where=row,
            people=(
                *(Address(one.address, one.name) for one in told if one.thread == row.id),
                *(address for thread, address in others if thread == row.id),
            ),
        )
        for row in rows
    ]
    return [place for place in found if place.people] or found[:1]


def _unreachable(
    tx: Tx, there: Sequence[Participant], told: Sequence[Participant], *, customer: str | None
) -> list[tuple[str, Address]]:
    """Whom no address in the conversations reaches any more: (thread, where else they are reached)."""
    found: dict[str, tuple[str, Address]] = {}
    heard = {one.who for one in told}
    for one in there:
        why = participation.written_to(one.person, customer=customer, automatic=True)
        if why is not Why.BAD_ADDRESS or one.who in heard or one.who in found:
            continue
        person = people.contact(tx, one.who)
        tried = {other.address for other in there if other.who == one.who}
        address = beyond(tx, person, tried, ()) if person is not None and person.active else ""
        if address:
            found[one.who] = (one.thread, Address(address, one.name))
    return list(found.values())


def written_to(there: Sequence[Participant], customer: str | None, *, automatic: bool) -> list[Participant]:
    """Those of a ticket of this customer who get what we say."""
    return [
        one
        for one in there
        if participation.written_to(one.person, customer=customer, automatic=automatic) is Why.WRITTEN_TO
    ]


def chosen(
    tx: Tx, ticket_id: str, threads: Sequence[Row], people: Sequence[Participant], *, kind: str
) -> list[Participant]:
    """Of those who are written to, each person once: where they are answered."""
    known = {row.id for row in threads}
    people = [one for one in people if one.thread in known]
    if len({one.who for one in people}) == len(people):
        return people
    choice = answering.choose(ways(tx, ticket_id, threads, people), kind=kind)
    taken = {(way.thread, way.address) for way in choice}
    return [one for one in people if (one.thread, one.address) in taken]


def ways(tx: Tx, ticket_id: str, threads: Sequence[Row], people: Sequence[Participant]) -> list[Way]:
    """What is known of each of these people's places in these conversations."""
    known = {row.id: row for row in threads}
    used = {(row.thread_id, row.author_address): row.at for row in tx.all(_USED, ticket_id=ticket_id)}
    return [
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
        if one.thread in known
    ]


def beyond(
    tx: Tx, person: Contact, tried: Collection[str], ways: Sequence[Way], *, texts: bool = False
) -> str:
    """Where else this contact is reached; empty: nowhere. `ways`: in the conversations of the ticket, if any is known."""
    texted = [person.number] if texts and tx.facts.texts_by and numbers.takes_texts(person.number) else []
    mailed = [person.email] if tx.facts.mails_by and addresses.plausible(person.email) else []
    return answering.next_address(
        tried,
        ways,
        chats=[one.address for one in identities.proved(tx, person.id) if works(tx, one.address)],
        mail=[address for address in mailed if works(tx, address)],
        texts=[address for address in texted if works(tx, address)],
    )


def works(tx: Tx, address: str) -> bool:
    """Is nothing known that keeps a message from arriving there?"""
    return tx.one(_BAD, address=address) is None and not gone(tx, address)


_BAD = Prepared(
    select(tables.bad_address.c.reason).where(tables.bad_address.c.address == bindparam("address"))
)


def gone(tx: Tx, address: str) -> bool:
    """Did who is at this address of a chat block us, or leave?"""
    if not chat_addresses.is_chat(address):
        return False
    row = tx.one(_GONE, address=address)
    return row is not None and row.gone_at is not None
