"""Who is of a ticket's conversations? They join, are let in by staff, are retired, and are written to or not."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, func, literal, select, true, update

from core import addresses, chat_addresses, numbers
from core.desk import identities, people
from core.desk.authors import Author
from core.desk.case import Case
from core.desk.errors import Refused
from core.desk.principal import Principal
from core.envelope import Address, Inbound
from core.rules import participation, vendor
from core.rules.participation import Person, Role, State
from core.store import tables
from core.store.columns import Instant
from core.store.tx import Prepared, Row, Tx

MAX_NAMED = 50  # of those whom one mail names

participant, contact, bad = tables.participant, tables.contact, tables.bad_address
proved = tables.contact.alias("proved")
"""Of whom a telephone number is: several people may have one, and a PIN says who called."""


# --- Who is there -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Participant:
    """Somebody of one conversation."""

    thread: str
    address: str
    name: str
    contact: str | None
    role: str
    state: str
    since: datetime
    changed_by: str
    """The actor who put them where they are; empty: their own message did."""
    chosen_at: datetime | None
    """When staff said that this person is answered here."""
    email: str
    """Of the contact they are; empty: of nobody we know."""
    number: str
    """Of the same, where texts can reach them."""
    who: str
    """The person behind the address: a contact's id, the same for all of their addresses; else the address."""
    person: Person


def of_ticket(tx: Tx, ticket_id: str, *, customer: str | None, requester: str) -> list[Participant]:
    """Everybody of every conversation, with what decides whether they are written to. `requester`: the address."""
    found: dict[tuple[str, str], list[Row]] = {}
    for row in tx.all(_PEOPLE, ticket_id=ticket_id):
        found.setdefault((row.thread_id, row.address), []).append(row)
    return [_participant(tx, rows, customer, requester.lower()) for rows in found.values()]


_PEOPLE = Prepared(
    select(
        participant,
        contact.c.id.label("of_id"),
        contact.c.customer.label("of_customer"),
        bad.c.reason.label("bad"),
        proved.c.customer.label("of_proved"),
        func.coalesce(proved.c.merged_into, contact.c.merged_into).label("merged"),
        func.coalesce(proved.c.email, contact.c.email).label("of_email"),
        func.coalesce(proved.c.number, contact.c.number).label("of_number"),
    )
    .select_from(
        participant.outerjoin(
            contact, (contact.c.email == participant.c.address) & contact.c.active.is_(True)
        )
        .outerjoin(bad, bad.c.address == participant.c.address)
        .outerjoin(proved, (proved.c.id == participant.c.contact) & proved.c.active.is_(True))
    )
    .where(participant.c.ticket_id == bindparam("ticket_id"))
    .order_by(participant.c.thread_id, participant.c.since, participant.c.address)
)


def _participant(tx: Tx, rows: list[Row], customer: str | None, requester: str) -> Participant:
    row = rows[0]
    by_contact = numbers.is_number(row.address) or chat_addresses.is_chat(row.address)
    whose = "of_proved" if by_contact else "of_customer"
    customers = frozenset(of for one in rows if (of := getattr(one, whose)))
    if row.contact is None and not customers and chat_addresses.is_chat(row.address):
        of_room = identities.customer_of_room(tx, row.address)
        customers = frozenset({of_room} if of_room else ())
    return Participant(
        thread=row.thread_id,
        address=row.address,
        name=row.name,
        contact=row.contact,
        role=row.role,
        state=row.state,
        since=row.since,
        changed_by=row.changed_by,
        chosen_at=row.chosen_at,
        email=row.of_email or "",
        number=row.of_number or "",
        who=_who(tx, rows, customer),
        person=Person(
            role=Role(row.role),
            state=State(row.state),
            admitted=row.admitted,
            requester=row.address == requester,
            contact=row.contact is not None,
            customers=customers,
            of_domain=customer is not None
            and not customers
            and customer in people.customers_of_domain(tx, row.address.rpartition("@")[2]),
            bad_address=row.bad is not None,
        ),
    )


def _who(tx: Tx, rows: list[Row], customer: str | None) -> str:
    row = rows[0]
    known = [one.of_id for one in rows if one.of_id and customer in (None, one.of_customer)]
    found: str = row.contact or (known[0] if len(known) == 1 else "")
    if row.merged is None:
        return found or row.address
    return people.survivor(tx, found or known[0]) if found or known else row.address


def may_leave(tx: Tx, ticket: Row, thread_id: str, address: str) -> bool:
    """Asked as a delivery leaves, for much happens while one waits: is its recipient still of this ticket?"""
    key = addresses.key(address)
    for one in of_ticket(tx, ticket.id, customer=ticket.customer, requester=ticket.requester_address):
        if one.thread == thread_id and one.address == key:
            return one.person.state is State.JOINED and not participation.outsider(
                one.person, customer=ticket.customer
            )
    return True


# --- By what they write -------------------------------------------------------------------------------------


def begin(case: Case, thread_id: str, said: Inbound, author: Author, *, silent: bool) -> Address:
    """The author of a new conversation, and where they want to be answered; return where that is."""
    named = _answer(case, said, author)
    if not author.address:
        return _name_answer(case, thread_id, named) or Address("", author.name)
    role = Role.SENDER if named.elsewhere else Role.SILENT if silent else Role.REQUESTER
    _list(case, thread_id, Address(author.address, author.name), role, contact=author.contact)
    return _name_answer(case, thread_id, named) or Address(author.address, author.name)


def wrote(
    case: Case, thread_id: str, author: Author, said: Inbound | None = None, *, vouched: bool = False
) -> None:
    """Somebody wrote into a conversation. `vouched`: it was attached because the domain of the author vouches for it.

    A contact of the ticket's customer takes part from now on, and so does who was in copy and is vouched for;
    anybody else is listed, and staff decide whether they are written to.
    """
    if not author.address or author.kind == "agent":
        return
    own = author.kind == "contact" and (case["customer"] is None or author.customer == case["customer"])
    role = Role.PARTICIPANT if own else Role.VISITOR
    new = _enter(case, thread_id, Address(author.address, author.name), role, contact=author.contact)
    if not new and (own or (author.by_domain and vouched)):
        was = _LISTED if own else _NAMED
        _change(case, thread_id, author.address, was=was, role=Role.PARTICIPANT, contact=author.contact)
    if said is None:
        return
    named = _answer(case, said, author)
    if named.elsewhere:
        _change(case, thread_id, author.address, was=_ANSWERED, role=Role.SENDER)
    elif not named.offered:  # this time they want the answer themselves
        mine = Role.REQUESTER if author.address == case["requester_address"].lower() else Role.PARTICIPANT
        _change(case, thread_id, author.address, was=(Role.SENDER,), role=mine, undo_staff=False)
    _name_answer(case, thread_id, named)


def name(case: Case, thread_id: str, said: Inbound, author: Author) -> None:
    """Whom a message names in To and Cc: listed only, until they write themselves or staff say so."""
    for person in [*said.to, *said.cc][:MAX_NAMED]:
        if person.address and person.key != author.address and person.key not in said.own_addresses:
            _list(case, thread_id, person, Role.CC)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Named:
    """Where a message asks to be answered."""

    address: Address | None
    contact: str | None = None
    elsewhere: bool = False
    offered: bool = False


def _answer(case: Case, said: Inbound, author: Author) -> _Named:
    if said.chat is not None and said.chat.room is not None:  # said before all, answered before all
        by_itself = said.chat.room.key == author.address  # somebody speaks in the name of the room
        return _Named(address=None) if by_itself else _Named(address=said.chat.room, elsewhere=True)
    wanted = said.reply_to
    if wanted is None or wanted.key in (author.address, *said.own_addresses):
        return _Named(address=None)
    known = people.by_address(case.tx, wanted.key)
    customer = author.customer if author.customer == case["customer"] else None
    decided = participation.answer(
        author_customer=customer,
        named_customers=frozenset(one.customer for one in known),
        failed=said.authentication.verdict == "fail",
    )
    mine = next((one for one in known if one.customer == customer), None)
    return _Named(
        address=Address(wanted.key, wanted.name or (mine.name if mine else "")),
        contact=mine.id if mine else None,
        elsewhere=decided.elsewhere,
        offered=decided.offered,
    )


def _name_answer(case: Case, thread_id: str, named: _Named) -> Address | None:
    """Put the address for answers among the people; return it when answers go there by themselves."""
    if named.address is None:
        return None
    role = Role.PARTICIPANT if named.elsewhere else Role.REPLY_TO
    if not _enter(case, thread_id, named.address, role, contact=named.contact) and named.elsewhere:
        _change(case, thread_id, named.address.key, was=_NAMED, role=role, contact=named.contact)
    return named.address if named.elsewhere else None


# --- By what staff say --------------------------------------------------------------------------------------


def hand_over(case: Case, who: Principal, to: Address, contact_id: str, *, known: bool) -> list[str]:
    """The ticket has this customer and requester now; return the addresses that are retired, so that nothing waiting goes to them.

    Only the new requester is written to: whoever was before is retired in every conversation, and with another customer
    those who were only named are too. `known`: the contact is an active one of the customer; one who left is written
    to because staff name them.
    """
    if case.new:
        return []
    retired = []
    customer = case["customer"]
    there = of_ticket(case.tx, case.id, customer=customer, requester=case["requester_address"])
    for one in there:
        if one.address == to.key or one.state == State.RETIRED:
            continue
        if one.role in _LISTED and not moved(case):
            continue
        of_customer = one.person.of_domain or customer in one.person.customers
        if one.role == Role.SENDER and of_customer and not moved(case):
            continue  # a group of the customer's own, through which the new requester wrote
        retired.append(one.address)
        _set(case, one.thread, one.address, state=State.RETIRED, admitted=False, by=who.actor)
    first = case.tx.one(FIRST_THREAD, ticket_id=case.id)
    if first is None or not to.address:
        return retired
    now: dict[str, Any] = {"contact": contact_id, "admitted": not known, "by": who.actor}
    if not _enter(case, first.id, to, Role.REQUESTER, **now):
        machine = any(one.role == Role.SILENT and one.address == to.key for one in there)
        _set(
            case, first.id, to.key, state=State.JOINED, role=Role.SILENT if machine else Role.REQUESTER, **now
        )
    if retired:
        case.event("people.retired", actor=who.actor, count=len(retired))
    return retired


def join(case: Case, thread_id: str, person: Address, *, contact: str | None) -> None:
    """Somebody of the request is in this conversation too, because we write to them there."""
    _enter(case, thread_id, person, Role.PARTICIPANT, contact=contact)


def choose(case: Case, who: Principal, thread_id: str, address: str, *, contact: str | None) -> None:
    """Staff say that this person is answered here from now on, until they write from elsewhere."""
    key = {"ticket_id": case.id, "thread_id": thread_id, "address": address}
    case.tx.update(participant, key, chosen_at=case.now)
    channel = chat_addresses.channel_of(address) or ("phone" if numbers.is_number(address) else "email")
    case.event("people.answered_at", actor=who.actor, contact=contact, channel=channel)


def recognised(case: Case, address: str, contact_id: str, name: str) -> None:
    """Who is behind an address of these conversations was proved just now."""
    key = {"ticket_id": case.id, "address": address}
    case.tx.update(participant, key, contact=contact_id, name=name[:200])


def leave(case: Case, who: Principal, address: str, *, instead: Address, contact: str) -> None:
    """A person is no longer at this address: it is retired, and they are written to at the other one in its place.

    Their request stays theirs. `instead`: the same address: there is no other, and staff see that nobody hears.
    """
    there = of_ticket(case.tx, case.id, customer=case["customer"], requester=case["requester_address"])
    elsewhere = {one.address for one in there if one.state == State.JOINED and one.role in _ANSWERED}
    theirs = retire(case, who, address)
    if case["requester_address"] == address:
        case.set(requester_address=instead.key)
    if theirs and instead.key not in elsewhere:
        _enter(case, theirs[0].thread, instead, Role.REQUESTER, contact=contact, by=who.actor)


def retire(case: Case, who: Principal, address: str) -> list[Participant]:
    """Nobody is written to at this address any more; return who was."""
    there = of_ticket(case.tx, case.id, customer=case["customer"], requester=case["requester_address"])
    theirs = [one for one in there if one.address == address and one.state == State.JOINED]
    for one in theirs:
        _set(case, one.thread, address, state=State.RETIRED, admitted=False, by=who.actor)
    if theirs:
        case.event("people.retired", actor=who.actor, count=len(theirs))
    return theirs


def passed_on(case: Case, who: Principal, address: str) -> None:
    """A colleague only passed the request on: they are nobody of it, and what they wrote with it is for colleagues."""
    for one in of_ticket(case.tx, case.id, customer=case["customer"], requester=case["requester_address"]):
        if one.address == address:
            _set(
                case,
                one.thread,
                address,
                state=State.RETIRED,
                role=Role.VISITOR,
                admitted=False,
                by=who.actor,
            )


def takes_part(case: Case, address: str) -> bool:
    """Is this somebody of the conversations already, who was told what was said there?"""
    there = of_ticket(case.tx, case.id, customer=case["customer"], requester=case["requester_address"])
    return any(
        one.address == address and one.state == State.JOINED and one.role in (*_ANSWERED, Role.SENDER)
        for one in there
    )


def moved(case: Case) -> bool:
    """Did another customer get the ticket just now?"""
    return bool(case["customer_since"] == case.now)


FIRST_THREAD = Prepared(
    select(tables.thread.c.id)
    .where(
        tables.thread.c.ticket_id == bindparam("ticket_id"),
        tables.thread.c.channel != literal(vendor.CHANNEL),
    )
    .order_by(tables.thread.c.at)
    .limit(1)
)


def include(case: Case, who: Principal, person: Address) -> None:
    """Staff say that this person is written to, whosever contact they are. Raises Refused without a conversation."""
    there = [
        one
        for one in of_ticket(case.tx, case.id, customer=case["customer"], requester=case["requester_address"])
        if one.address == person.key
    ]
    first = case.tx.one(FIRST_THREAD, ticket_id=case.id)
    in_chat = chat_addresses.is_chat(person.key)
    if first is None or (in_chat and not there):
        raise Refused("this ticket has no conversation to bring somebody into", code="no_conversation")
    thread_id = there[0].thread if there else first.id
    role = Role.REQUESTER if person.key == case["requester_address"].lower() else Role.PARTICIPANT
    account = identities.proved_contact(case.tx, person.key) if in_chat else None
    found = people.contact(case.tx, account) if account else None
    by_address = people.by_address(case.tx, person.key)
    known = [one for one in (*by_address, *([found] if found else [])) if one.customer == case["customer"]]
    contact_id = known[0].id if known else None
    named = Address(person.address, person.name or (known[0].name if known else ""))
    if not _enter(case, thread_id, named, role, contact=contact_id, admitted=not known, by=who.actor):
        of = {"contact": contact_id} if contact_id else {}
        _set(
            case, thread_id, person.key, state=State.JOINED, role=role, admitted=not known, by=who.actor, **of
        )
    case.event("people.included", actor=who.actor, contact=contact_id)


def exclude(case: Case, who: Principal, address: str) -> list[str]:
    """Staff say that this person is not written to any more, wherever they are; return their addresses.

    Nobody has that address: none. The requester stays the requester, and may write; anybody else is retired.
    """
    there = of_ticket(case.tx, case.id, customer=case["customer"], requester=case["requester_address"])
    joined = [one for one in there if one.state == State.JOINED]
    persons = {one.who for one in joined if one.address == address}
    theirs = [one for one in joined if one.who in persons]
    asked = any(one.person.requester for one in theirs)
    for one in theirs:
        if asked:
            _set(case, one.thread, one.address, role=Role.SENDER, by=who.actor)
        else:
            _set(case, one.thread, one.address, state=State.RETIRED, admitted=False, by=who.actor)
    if theirs:
        case.event("people.excluded", actor=who.actor, contact=theirs[0].contact)
    return sorted({one.address for one in theirs})


# --- Rows ---------------------------------------------------------------------------------------------------


def _enter(case: Case, thread_id: str, person: Address, role: Role, **more: Any) -> bool:
    """Add somebody to a conversation; False: they are there."""
    return case.tx.insert_new(participant, **_row(case, thread_id, person, role, **more))


def _list(case: Case, thread_id: str, person: Address, role: Role, **more: Any) -> None:
    """The same where nobody asks."""
    case.tx.insert_missing(participant, **_row(case, thread_id, person, role, **more))


def _row(
    case: Case,
    thread_id: str,
    person: Address,
    role: Role,
    *,
    contact: str | None = None,
    admitted: bool = False,
    by: str = "",
) -> dict[str, Any]:
    return {
        "ticket_id": case.id,
        "thread_id": thread_id,
        "address": person.key,
        "name": person.name[:200],
        "contact": contact,
        "role": role,
        "state": State.JOINED,
        "admitted": admitted,
        "since": case.now,
        "changed_by": by,
    }


def _set(case: Case, thread_id: str, address: str, *, by: str, **values: Any) -> None:
    key = {"ticket_id": case.id, "thread_id": thread_id, "address": address}
    case.tx.update(participant, key, since=case.now, changed_by=by, **values)


def _change(
    case: Case,
    thread_id: str,
    address: str,
    *,
    was: tuple[Role, ...],
    role: Role,
    contact: str | None = None,
    undo_staff: bool = True,
) -> None:
    """By their own message somebody who is of the conversation has another part in it now."""
    case.tx.run(
        _CHANGES[was, undo_staff],
        ticket_id=case.id,
        thread_id=thread_id,
        address=address,
        role_now=role,
        contact_now=contact,
        now=case.now,
    )


def _changing(was: tuple[Role, ...], *, undo_staff: bool) -> Prepared:
    by_themselves = true() if undo_staff else participant.c.changed_by == literal("")
    return Prepared(
        update(participant)
        .where(
            participant.c.ticket_id == bindparam("ticket_id"),
            participant.c.thread_id == bindparam("thread_id"),
            participant.c.address == bindparam("address"),
            participant.c.role.in_([literal(str(role)) for role in was]),
            participant.c.state == literal(str(State.JOINED)),
            by_themselves,
        )
        .values(
            role=bindparam("role_now"),
            contact=func.coalesce(bindparam("contact_now"), participant.c.contact),
            since=bindparam("now", type_=Instant),
        )
    )


_NAMED = (Role.CC, Role.REPLY_TO)
_LISTED = (*_NAMED, Role.VISITOR)
_ANSWERED = (Role.REQUESTER, Role.PARTICIPANT, Role.SILENT)
_CHANGES = {
    (_NAMED, True): _changing(_NAMED, undo_staff=True),
    (_LISTED, True): _changing(_LISTED, undo_staff=True),
    (_ANSWERED, True): _changing(_ANSWERED, undo_staff=True),
    ((Role.SENDER,), False): _changing((Role.SENDER,), undo_staff=False),
}
