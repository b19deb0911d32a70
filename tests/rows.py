"""What stands on a desk that is only read? Rows put in directly, each naming only what matters to its test."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from core.desk.case import _BLANK
from core.desk.principal import Principal
from core.ids import derived_id, new_id
from core.store import blobs, fulltext, tables
from core.store.tx import Tx

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)

LEADER = Principal(
    kind="agent", id="agent-lead", name="Lea", email="lea@desk.test", roles=frozenset({"shift-leader"})
)
TECHNICIAN = Principal(
    kind="agent",
    id="agent-tech",
    name="Teo",
    email="teo@desk.test",
    roles=frozenset({"technician"}),
    groups=("Network L1", "Servers L1"),
)
ALICE = Principal(
    kind="contact",
    id="alice",
    name="Alice",
    email="alice@acme.test",
    roles=frozenset({"user"}),
    customer="ACME",
)
BOB = Principal(
    kind="contact", id="bob", name="Bob", email="bob@beta.test", roles=frozenset({"admin"}), customer="BETA"
)
MARA = Principal(
    kind="contact",
    id="mara",
    name="Mara",
    email="mara@acme.test",
    roles=frozenset({"manager"}),
    customer="ACME",
    sites=("Milano",),
)
ADA = Principal(
    kind="contact", id="ada", name="Ada", email="ada@acme.test", roles=frozenset({"admin"}), customer="ACME"
)


def people(tx: Tx) -> None:
    """The agents and customers that the principals above are."""
    for code, name in (("ACME", "Acme S.p.A."), ("BETA", "Beta S.r.l.")):
        tx.insert(tables.customer, code=code, name=name, time_zone="Europe/Rome")
    for agent in (LEADER, TECHNICIAN):
        tx.insert(
            tables.agent,
            id=agent.id,
            email=agent.email,
            name=agent.name,
            roles=sorted(agent.roles),
            groups=list(agent.groups),
        )
    for contact in (ALICE, BOB, MARA, ADA):
        tx.insert(
            tables.contact,
            id=contact.id,
            customer=contact.customer,
            name=contact.name,
            email=contact.email,
            phone="+39 02 1234",
            role=min(contact.roles),
            sites=list(contact.sites),
        )


def a_ticket(tx: Tx, number: str, *, by: Principal | None = ALICE, **columns: Any) -> str:
    """A ticket with one conversation, of the contact; None: of a stranger. Returns its id."""
    ticket_id = new_id()
    state = columns.get("state", "assigned")
    given = {
        "id": ticket_id,
        "number": number,
        "subject": f"Request {number}",
        "state": state,
        "state_since": NOON,
        "customer": by.customer if by else None,
        "contact": by.id if by else None,
        "requester_name": by.name if by else "",
        "requester_address": by.email if by else "stranger@elsewhere.test",
        "channel": "email",
        "trust": "weak",
        "language": "it",
        "received_at": NOON,
        "updated_at": NOON,
        "open": state not in ("resolved", "closed", "rejected", "cancelled", "merged"),
    }
    tx.insert(tables.ticket, **(_BLANK | given | columns))
    tx.insert(
        tables.thread,
        ticket_id=ticket_id,
        id=thread_of(ticket_id),
        channel="email",
        address=given["requester_address"],
        at=NOON,
    )
    takes_part(tx, ticket_id, given["requester_address"], contact=given["contact"], role="requester")
    return ticket_id


def a_vendor_case(tx: Tx, ticket_id: str, **columns: Any) -> str:
    """A case that is open at Cumulus, with its own conversation; the ticket says so. Returns its id."""
    case_id, thread_id = new_id(), new_id()
    tx.insert(
        tables.thread,
        ticket_id=ticket_id,
        id=thread_id,
        channel="vendor",
        address="support@cumulus.test",
        at=NOON,
        aside=True,
    )
    given = {
        "vendor": "Cumulus",
        "reference": "SR1234567",
        "state": "opened",
        "subject": "Fan",
        "opened_at": NOON,
        "made_at": NOON,
        "made_by": "system",
    }
    given |= columns
    tx.insert(tables.vendor_case, ticket_id=ticket_id, id=case_id, thread_id=thread_id, **given)
    flags = tx.one(tables.ticket.select().where(tables.ticket.c.id == ticket_id)).flags
    tx.update(tables.ticket, {"id": ticket_id}, flags=[*flags, "vendor_open"])
    return case_id


def thread_of(ticket_id: str) -> str:
    """The id of its conversation."""
    return derived_id(0, "thread", ticket_id)


def takes_part(
    tx: Tx, ticket_id: str, address: str, *, contact: str | None = None, role: str = "participant"
) -> None:
    """Somebody in the conversation."""
    tx.insert(
        tables.participant,
        ticket_id=ticket_id,
        thread_id=thread_of(ticket_id),
        address=address,
        name="",
        contact=contact,
        role=role,
        since=NOON,
    )


def a_message(tx: Tx, ticket_id: str, text: str, **columns: Any) -> str:
    """A message of the conversation, by default an answer of ours. Returns its id."""
    message_id = new_id()
    given = {
        "ticket_id": ticket_id,
        "id": message_id,
        "thread_id": thread_of(ticket_id),
        "channel": "email",
        "direction": "out",
        "text": text,
        "at": NOON,
    }
    tx.insert(tables.message, **(given | columns))
    audience = columns.get("audience", "customer")
    fulltext.index(tx, ticket_id=ticket_id, item_id=message_id, audience=audience, body=text)
    return message_id


def a_note(tx: Tx, ticket_id: str, text: str) -> str:
    """What a colleague wrote for colleagues. Returns its id."""
    note_id = new_id()
    tx.insert(tables.note, ticket_id=ticket_id, id=note_id, agent=LEADER.id, text=text, at=NOON)
    fulltext.index(tx, ticket_id=ticket_id, item_id=note_id, audience="internal", body=text)
    return note_id


def a_file(tx: Tx, ticket_id: str, of: str, content: bytes, *, internal: bool = False, **columns: Any) -> str:
    """A file of a message or, with `internal`, of a note. Returns its id."""
    file_id = new_id()
    given = {
        "ticket_id": ticket_id,
        "id": file_id,
        "message_id": of,
        "internal": internal,
        "name": "log.txt",
        "type": "text/plain",
        "size": len(content),
        "blob": blobs.put(tx, content, now=NOON),
    }
    tx.insert(tables.attachment, **(given | columns))
    return file_id


def a_delivery(tx: Tx, ticket_id: str, of: str, address: str, **columns: Any) -> str:
    """One recipient of a message. Returns its id."""
    delivery_id = new_id()
    given = {
        "ticket_id": ticket_id,
        "id": delivery_id,
        "message_id": of,
        "thread_id": thread_of(ticket_id),
        "channel": "email",
        "address": address,
        "kind": "reply",
        "state": "sent",
        "created_at": NOON,
    }
    tx.insert(tables.delivery, **(given | columns))
    return delivery_id


def an_event(tx: Tx, ticket_id: str, seq: int, kind: str, *, actor: str = "system", **data: Any) -> None:
    """Something that happened."""
    tx.insert(
        tables.event,
        ticket_id=ticket_id,
        seq=seq,
        kind=kind,
        at=NOON + timedelta(minutes=seq),
        recorded_at=NOON + timedelta(minutes=seq),
        actor=actor,
        data=data,
        hash="",
    )


def an_inbound(tx: Tx, *, raw: bytes = b"bytes", **columns: Any) -> str:
    """Something that arrived. Returns its id."""
    inbound_id = new_id()
    given = {
        "id": inbound_id,
        "channel": "email",
        "received_at": NOON,
        "sender": "eve@evil.test",
        "raw": blobs.put(tx, raw, now=NOON),
        "size": len(raw),
        "detail": {},
        "outcome": "held",
        "reason": "third_party",
        "author": "eve@evil.test",
        "subject": "Your code",
        "open": True,
    }
    tx.insert(tables.inbound, **(given | columns))
    return inbound_id
