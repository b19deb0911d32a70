"""Who of a ticket is told something, and in which of its conversations? Each person once.

Where there is one conversation, as on most tickets, nothing is asked but who is in it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import bindparam, func, literal, select

from core import addresses, chat_addresses, numbers
from core.desk import identities, outbox, participants, people
from core.desk.case import Case
from core.desk.errors import invalid
from core.desk.participants import Participant
from core.desk.people import Contact
from core.desk.principal import Principal
from core.desk.views import AnswerView, WayView
from core.envelope import Address
from core.ids import new_id
from core.rules import answering, participation, reaching
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


def places(
    case: Case,
    *,
    kind: str,
    automatic: bool,
    choose: Callable[[Sequence[Participant]], list[Participant]] | None = None,
) -> list[Place]:
    """In which conversations something is said to the customer now, and to whom there; nobody is told twice.

    `kind`: of the message. `automatic`: nobody pressed send; it does not go to addresses that bounced, complained or
    answered by machine, and where nobody gets it, it is still on the ticket. `choose`: what staff say of who is told, and
    where.
    """
    tx = case.tx
    rows = conversations(case)
    there = participants.of_ticket(
        tx, case.id, customer=case["customer"], requester=case["requester_address"]
    )
    told = chosen(tx, case.id, rows, written_to(there, case["customer"], automatic=automatic), kind=kind)
    if choose is not None:
        told = choose(told)
        rows = conversations(case)
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


def answers(
    tx: Tx,
    ticket: tuple[str, str | None],
    told: Sequence[Participant],
    there: Sequence[Participant],
    threads: Sequence[Row],
) -> tuple[AnswerView, ...]:
    """Who gets an answer, and by which ways they could get it. `told`: of those who are `there`, where they are answered.

    `ticket`: its id and its customer.
    """
    ticket_id, customer = ticket
    rows = {row.id: row for row in threads}
    accounts: dict[str, list[str]] = {}
    for row in tx.all(_ACCOUNTS, ticket_id=ticket_id):
        accounts.setdefault(row.contact, []).append(row.address)

    def channel(address: str, thread: str = "") -> str:
        of = rows[thread].channel if thread else reaching.MAIL
        in_chat = not thread or chat_addresses.is_chat(rows[thread].address)
        return reaching.channel(
            of, kind="reply", address=address, texts_by=tx.facts.texts_by, in_chat=in_chat
        )

    known = {one.address: one.person.bad_address for one in there}

    def stopped(address: str) -> str:
        row = tx.one(_BAD, address=address.lower()) if known.get(address, True) else None
        return row.reason if row is not None else ""

    found = []
    for one in told:
        ways = {one.address: channel(one.address, one.thread)}
        for other in there:
            if other.who == one.who and other.thread in rows:
                ways.setdefault(other.address, channel(other.address, other.thread))
        if one.contact or one.email:
            own = [*accounts.get(one.who, ()), *_own(tx, one.email, one.number)]
            ways |= {address: channel(address) for address in own if address not in ways}
        found.append(
            AnswerView(
                name=one.name,
                contact=one.contact,
                outsider=participation.outsider(replace(one.person, admitted=False), customer=customer),
                ways=tuple(
                    WayView(
                        address=address,
                        channel=by,
                        chosen=address == one.address,
                        stopped=stopped(address),
                    )
                    for address, by in ways.items()
                    if by
                ),
            )
        )
    return tuple(found)


_ACCOUNTS = Prepared(
    select(tables.identity.c.contact, tables.identity.c.address)
    .select_from(
        tables.participant.join(tables.identity, tables.identity.c.contact == tables.participant.c.contact)
    )
    .where(
        tables.participant.c.ticket_id == bindparam("ticket_id"),
        tables.identity.c.proof.in_([literal(proof) for proof in identities.PROVED]),
    )
    .distinct()
    .order_by(tables.identity.c.address)
)


def _own(tx: Tx, email: str, number: str) -> list[str]:
    mailed = [email] if tx.facts.mails_by and addresses.plausible(email) else []
    texted = [number] if tx.facts.texts_by and numbers.takes_texts(number) else []
    return [*mailed, *texted]


def otherwise(
    case: Case, who: Principal, told: Sequence[Participant], by: Mapping[str, str], *, from_now_on: bool
) -> list[Participant]:
    """Staff choose how somebody is answered: where they would be, to where they are. Raises Invalid for what is not theirs."""
    tx = case.tx
    there = participants.of_ticket(
        tx, case.id, customer=case["customer"], requester=case["requester_address"]
    )
    rows = conversations(case)
    known = {
        one.address: view
        for one, view in zip(told, answers(tx, (case.id, case["customer"]), told, there, rows), strict=True)
    }
    found = []
    for one in told:
        to = by.get(one.address, one.address).lower()
        if to != one.address and to not in {way.address.lower() for way in known[one.address].ways}:
            raise invalid("/by", f"{to} is not known to be an address of {one.name or one.address}")
        instead = one if to == one.address else _at(case, one, to, there, rows)
        if from_now_on and one.address in by:
            participants.choose(case, who, instead.thread, instead.address, contact=instead.contact)
        found.append(instead)
    if unknown := set(by).difference(known):
        raise invalid("/by", f"{', '.join(sorted(unknown))}: nobody is answered there")
    return found


def _at(
    case: Case, one: Participant, to: str, there: Sequence[Participant], rows: Sequence[Row]
) -> Participant:
    """The person at another of their addresses; where they have no conversation yet, one is begun."""
    conversations_of = {row.id for row in rows}
    for other in there:
        if other.who == one.who and other.address == to and other.thread in conversations_of:
            return other
    tx, thread_id = case.tx, new_id()
    channel = reaching.channel(
        reaching.MAIL, kind="reply", address=to, texts_by=tx.facts.texts_by, in_chat=True
    )
    tx.insert(tables.thread, ticket_id=case.id, id=thread_id, channel=channel, address=to, at=case.now)
    participants.join(case, thread_id, Address(to, one.name), contact=one.contact)
    return replace(one, thread=thread_id, address=to)


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
