"""What is asked, and whose request is it? Fields of a ticket, as staff set them, a channel hints them or one follows from another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import bindparam, select

from core import addresses, chat_addresses
from core.desk import chats, identities, outbox, participants, people, reference
from core.desk.case import Case
from core.desk.errors import Fault, Invalid, contradiction
from core.desk.principal import Principal
from core.envelope import Address
from core.ids import new_id
from core.rules.participation import Role, State
from core.store import tables
from core.store.tx import Prepared, Tx

REQUIRED = ("customer", "contact", "request_type", "technology", "impact", "urgency")
"""What a ticket needs to leave triage (desk.md 3)."""
FIELDS = (*REQUIRED, "asset", "site")


def missing(case: Case) -> tuple[str, ...]:
    """Which of the required fields the ticket lacks."""
    return tuple(name for name in REQUIRED if case[name] is None)


def describe(case: Case, who: Principal, given: Mapping[str, Any]) -> bool:
    """Set fields of the request; say whether it is somebody else's now. Raises Invalid listing every value the desk does not know."""
    faults: list[Fault] = []
    values: dict[str, Any] = {}
    code = given.get("customer", case["customer"])
    if "customer" in given and reference.customer(case.tx, code) is None:
        faults.append(Fault("/customer", f"there is no customer {code}"))
        code = None
    values |= {"customer": code} if "customer" in given and code else {}
    desk = reference.desk(case.tx)
    for name, known in (("request_type", desk.request_types), ("technology", desk.technologies)):
        if name in given and given[name] not in known:
            faults.append(Fault(f"/{name}", f"{given[name]!r} is not one of {', '.join(known)}"))
        elif name in given:
            values[name] = given[name]
    for name, allowed in (("impact", (1, 2, 3)), ("urgency", (1, 2, 3, 4))):
        if name in given and given[name] not in allowed:
            faults.append(Fault(f"/{name}", f"must be one of {', '.join(map(str, allowed))}"))
        elif name in given:
            values[name] = given[name]
    for name, found in (("asset", people.asset), ("site", _site)):
        if name in given and (not code or not found(case.tx, code, given[name])):
            faults.append(Fault(f"/{name}", f"customer {code or '?'} has no {name} {given[name]!r}"))
        elif name in given:
            values[name] = given[name]
    if code and code != case["customer"] and case["contact"] and "contact" not in given:
        values |= {"contact": None, "language": _language(case, code, None)}
    contact = None
    if "contact" in given:
        contact = _contact(case, code, given["contact"])
        if contact is None:
            faults += _no_contact(case, code, given)
        else:
            values |= {
                "contact": contact.id,
                "requester_name": contact.name,
                "requester_address": case["requester_address"]
                if _in_chat(case, contact.id)
                else contact.email,
                "language": _language(case, contact.customer, contact.language),
            }
    if faults:
        raise Invalid(faults)
    another = contact is not None and contact.id != case["contact"]
    said_who = another and contact is not None and _in_chat(case, contact.id)
    if code and case["customer"] not in (None, code):
        # What was said and done stays the earlier customer's, who alone was told of it.
        values |= {"customer_since": case.now, "requester_since": case.now, "resolution": {}}
    elif another and contact is not None and case["contact"] is not None and not said_who:
        if not participants.takes_part(case, contact.email):
            values |= {"requester_since": case.now}
    changed = [name for name in values if name in FIELDS and case[name] != values[name]]
    case.set(provenance=case["provenance"] | dict.fromkeys(changed, "agent"), **values)
    if another and contact is not None and said_who:
        _is(case, who, contact.id)
    elif another and contact is not None:
        _hand_over(case, who, Address(contact.email, contact.name), contact.id)
    if changed:
        case.event(
            "ticket.described",
            actor=who.actor,
            fields={n: values[n] for n in changed if n not in ("site", "asset")},
        )
    return another


def known(case: Case, hints: Mapping[str, Any]) -> dict[str, Any]:
    """Hints are a stranger's or a channel's words: what the desk does not know is left out, staff fill it in."""
    desk = reference.desk(case.tx)
    customer = case["customer"] or hints.get("customer")
    right = {
        "request_type": lambda value: value in desk.request_types,
        "technology": lambda value: value in desk.technologies,
        "impact": lambda value: value in (1, 2, 3),
        "urgency": lambda value: value in (1, 2, 3, 4),
        "asset": lambda value: bool(customer and people.asset(case.tx, customer, value)),
        "site": lambda value: bool(customer and _site(case.tx, customer, value)),
        "customer": lambda value: reference.customer(case.tx, value) is not None,
    }
    return {name: value for name, value in hints.items() if name in right and right[name](value)}


def only_choice(case: Case) -> None:
    """A named asset says which technology."""
    if case["technology"] is None and case["asset"] and case["customer"]:
        asset = people.asset(case.tx, case["customer"], case["asset"])
        if asset and asset.technology:
            case.set(technology=asset.technology, provenance=case["provenance"] | {"technology": "rule"})


def name_requester(case: Case, who: Principal) -> None:
    """Staff who say whose request it is make an unknown writer a contact there, without any log-in."""
    if case["customer"] is None or case["contact"] is not None or not case["requester_address"]:
        return
    address = addresses.key(case["requester_address"])
    if chat_addresses.is_chat(address):
        typed = _typed(case.tx, address)
        if typed and not people.by_address(
            case.tx, typed
        ):  # what anybody can type makes nobody of those we know
            address = typed
    if people.agent_by_email(case.tx, address) is not None:
        return  # whose request a colleague passed on is for staff to say: they are nobody's contact
    known = case.tx.one(_BY_EMAIL, customer=case["customer"], email=address)
    if known is None and (answered := _answered(case)) is not None:
        case.set(requester_name=answered.name, requester_address=answered.email)
        address, known = answered.email, answered
    if (known is None or not known.active) and people.by_address(case.tx, address):
        return  # somebody else's contact is not made this customer's without a word: staff name the contact
    if known is None:
        contact_id = new_id()
        case.tx.insert(
            tables.contact,
            id=contact_id,
            customer=case["customer"],
            name=case["requester_name"],
            email=address,
            role="user",
        )
        case.event("contact.added", actor=who.actor, contact=contact_id)
    else:  # also one who left: the request is theirs, a log-in it does not give
        contact_id = known.id
    case.set(
        contact=contact_id, language=_language(case, case["customer"], known.language if known else None)
    )
    if not _in_chat(case, contact_id):
        _hand_over(case, who, Address(address, case["requester_name"]), contact_id)
    elif chat_addresses.is_chat(address):
        _is(case, who, contact_id)
    else:  # by the e-mail address that they typed: a claim, which names nobody for the next time
        participants.recognised(case, case["requester_address"], contact_id, case["requester_name"])


# --- Within one verb --------------------------------------------------------------------------------------


def _in_chat(case: Case, contact_id: str) -> bool:
    """Is the request one of a chat, and may this contact be who is there? Naming them takes the request from nobody."""
    if not chat_addresses.is_chat(case["requester_address"]):
        return False
    behind = identities.behind(case.tx, case["requester_address"])
    return behind is None or behind.proof not in identities.PROVED or behind.contact == contact_id


def _is(case: Case, who: Principal, contact_id: str) -> None:
    """Staff say who writes in this chat: that names them there from now on, and proves nothing."""
    address = case["requester_address"]
    participants.recognised(case, address, contact_id, case["requester_name"])
    behind, of = identities.behind(case.tx, address), identities.chat_at(case.tx, address)
    if of is not None and (behind is None or behind.proof not in identities.PROVED):
        identities.bind(case.tx, of, contact=contact_id, proof="staff", by=who.actor, now=case.now)


def _typed(tx: Tx, address: str) -> str:
    """The e-mail address that somebody in a chat gave as theirs."""
    row = chats.known(tx, address)
    return "" if row is None else addresses.key(row.email)


def _hand_over(case: Case, who: Principal, to: Address, contact_id: str) -> None:
    found = people.contact(case.tx, contact_id)
    known = found is not None and found.active
    retired = participants.hand_over(case, who, to, contact_id, known=known)
    outbox.withdraw(case, None if participants.moved(case) else retired)


def _answered(case: Case) -> people.Contact | None:
    """Where the requester's mail asked to be answered: who wrote through a group or a form."""
    requester = case["requester_address"]
    there = participants.of_ticket(case.tx, case.id, customer=case["customer"], requester=requester)
    if not any(one.role == Role.SENDER and one.person.requester for one in there):
        return None
    joined = [one for one in there if one.role == Role.PARTICIPANT and one.state == State.JOINED]
    found = next((one for one in joined if case["customer"] in one.person.customers), None)
    return people.contact(case.tx, found.contact) if found and found.contact else None


_BY_EMAIL = Prepared(
    select(tables.contact.c.id, tables.contact.c.language, tables.contact.c.active).where(
        tables.contact.c.customer == bindparam("customer"), tables.contact.c.email == bindparam("email")
    )
)


def _language(case: Case, code: str | None, own: str | None) -> str:
    """What a person of this customer is written to in."""
    customer = reference.customer(case.tx, code) if code else None
    return case.tx.facts.language(own or (customer.language if customer else None))


def _contact(case: Case, customer: str | None, wanted: str) -> people.Contact | None:
    if customer is None:
        return None
    for contact in people.contacts(case.tx, customer):
        if wanted == contact.id or addresses.key(wanted) == contact.email:
            return contact
    merged = people.person(case.tx, wanted)
    others = [*([merged] if merged else []), *people.by_address(case.tx, wanted)]
    return next((one for one in others if one.active and one.customer == customer), None)


def _no_contact(case: Case, code: str | None, given: Mapping[str, Any]) -> list[Fault]:
    """Why there is no such contact: nobody has them, or another customer does."""
    wanted = str(given["contact"])
    by_id = people.contact(case.tx, wanted)
    owners = {by_id.customer} if by_id else {one.customer for one in people.by_address(case.tx, wanted)}
    if "customer" in given and code and owners:
        return contradiction(code, wanted, owners)
    of = f", but {', '.join(sorted(owners))} has: say so in customer" if owners else ""
    return [Fault("/contact", f"customer {code or '?'} has no contact {wanted!r}{of}")]


def _site(tx: Any, customer: str, name: str) -> bool:
    return name in people.sites(tx, customer)
