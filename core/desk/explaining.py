"""What would the hub do with this mail, and why? The real verbs, in a transaction that is always taken back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, NoReturn

from sqlalchemy import select

from core.desk import door, footers, intake
from core.desk.errors import Forbidden, NotFound
from core.desk.principal import Principal
from core.envelope import Arrival, Inbound
from core.ids import new_id
from core.store import tables
from core.store.database import Database
from core.store.tx import Tx

Read = Callable[[bytes, Mapping[str, Any]], Inbound]
"""The reader of the e-mail channel, with its options filled in."""
CHANNEL = "email"
_ROUTED = ("ticket.routed", "ticket.unrouted")


class _TakeBack(Exception):
    """Carries the answer out of the transaction, and nothing else."""

    def __init__(self, told: dict[str, Any]) -> None:
        super().__init__()
        self.told = told


def explain(db: Database, raw: bytes, read: Read, *, now: datetime) -> dict[str, Any]:
    """What the mail says, what would become of it, and why; changes nothing.

    In JSON's own types but for instants: `mail`, `outcome`, `reason`, `trust`, `threading`, `names`, and, when it would
    become or join a ticket, `ticket`, `entitlement`, `route` and `answers`. A mail that cannot be read has the outcome
    `exception` and the `error`.
    """
    try:
        said = read(raw, arrival_of(None, now=now))
        said = read(raw, arrival_of(said, now=now))
    except ValueError as error:
        return unreadable(str(error))
    try:
        db.submit(_try, raw, said, now=now).result()
    except _TakeBack as taken:
        return taken.told
    raise AssertionError("a trial ends by being taken back")


async def explain_read(db: Database, raw: bytes, said: Inbound, *, now: datetime) -> dict[str, Any]:
    """The same of a mail that was read elsewhere, twice: the second time as `arrival_of` of the first says."""
    try:
        await db.write(_try, raw, said, now=now)
    except _TakeBack as taken:
        return taken.told
    raise AssertionError("a trial ends by being taken back")


def only_leads(who: Principal) -> None:
    """Raise NotFound for customers, Forbidden for colleagues who lead nobody: it tells of any customer's contract."""
    if not who.is_agent:
        message = "only staff are told what becomes of a mail"
        raise NotFound(message)
    if not who.leads:
        message = "mails are explained to shift leaders, supervisors and administrators"
        raise Forbidden(message)


def arrival_of(said: Inbound | None, *, now: datetime) -> dict[str, Any]:
    """How a file arrived: it has no envelope, so whom its head names stands for the recipients, and reply addresses count."""
    people = [] if said is None else [address.address for address in (*said.to, *said.cc)]
    sender = said.author.address if said is not None and said.author else ""
    return {
        "channel": CHANNEL,
        "external_id": None,
        "sender": sender,
        "recipients": people,
        "received_at": now,
        "envelope": {},
    }


def unreadable(error: str) -> dict[str, Any]:
    """What is told of a mail that nobody can read."""
    return {"outcome": "exception", "reason": "unreadable", "error": error}


def _try(tx: Tx, raw: bytes, said: Inbound, *, now: datetime) -> NoReturn:
    given = arrival_of(said, now=now)
    arrival = Arrival(
        channel=CHANNEL,
        raw=raw,
        received_at=now,
        external_id=new_id(),  # a trial is never the same as what arrived
        sender=given["sender"],
        recipients=tuple(given["recipients"]),
    )
    inbound_id = door.accept(tx, arrival, now=now, later=False)
    found = intake.understand(tx, inbound_id, said, now=now)
    row = tx.one(select(tables.inbound).where(tables.inbound.c.id == inbound_id))
    told: dict[str, Any] = {
        "mail": {
            "from": said.author.address if said.author else said.author_text,
            "subject": said.subject,
            "box": said.mailbox,
            "kind": said.kind,
            "because": list(said.kind_evidence),
            "notes": [*said.notes, *footers.remarks(row.detail.get("folded", ()))],
        },
        "outcome": found.outcome,
        "reason": found.reason,
        "trust": {
            "level": row.detail.get("trust"),
            "because": row.detail.get("trust_reasons", []),
            "checked": row.detail.get("authentication", []),
        },
        "names": [*row.detail.get("suggestions", ()), *row.detail.get("links", ())],
        "threading": row.detail.get("considered", []),
    }
    if found.ticket_id is not None:
        told |= _ticket(tx, found.ticket_id, new=found.outcome == "ticket")
        made_now = (tables.delivery.c.ticket_id == found.ticket_id, tables.delivery.c.created_at == now)
        told["answers"] = [
            {"to": row.address, "kind": row.kind} for row in tx.all(select(tables.delivery).where(*made_now))
        ]
    raise _TakeBack(told)


def _ticket(tx: Tx, ticket_id: str, *, new: bool) -> dict[str, Any]:
    ticket = tx.one(select(tables.ticket).where(tables.ticket.c.id == ticket_id))
    check = tx.one(
        select(tables.entitlement_check)
        .where(tables.entitlement_check.c.ticket_id == ticket_id)
        .order_by(tables.entitlement_check.c.seq.desc())
        .limit(1)
    )
    routed = tx.one(
        select(tables.event.c.data)
        .where(tables.event.c.ticket_id == ticket_id, tables.event.c.kind.in_(_ROUTED))
        .order_by(tables.event.c.seq.desc())
        .limit(1)
    )
    clocks = tx.all(
        select(tables.sla_clock.c.name, tables.sla_clock.c.due_at)
        .where(tables.sla_clock.c.ticket_id == ticket_id, tables.sla_clock.c.state == "running")
        .order_by(tables.sla_clock.c.due_at)
    )
    return {
        "ticket": {
            "number": "a new one" if new else ticket.number,
            "new": new,
            "state": ticket.state,
            "customer": ticket.customer,
            "request_type": ticket.request_type,
            "technology": ticket.technology,
            "priority": ticket.priority,
            "group": ticket.desk_group,
            "clocks": [{"name": clock.name, "due": clock.due_at} for clock in clocks],
        },
        "entitlement": None
        if check is None
        else {
            "verdict": check.verdict,
            "decision": check.decision,
            "because": [reason["sentence"] for reason in check.evidence["reasons"]],
            "reasons": check.evidence["reasons"],
            "contract": check.contract,
            "line": check.line,
            "considered": check.evidence["candidates"],
        },
        "route": [] if routed is None else routed.data.get("trace", []),
    }
