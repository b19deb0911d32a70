"""What would the hub do with this mail, and why? The real verbs, in a transaction that is always taken back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, NoReturn

from sqlalchemy import select

from core.desk import door, intake
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

    In JSON's own types but for instants: `mail`, `outcome`, `reason`, `trust`, `threading`, and, when it would become
    or join a ticket, `ticket`, `entitlement`, `route` and `answers`. A mail that cannot be read has the outcome
    `exception` and the `error`.
    """
    try:
        db.submit(_try, raw, read, now=now).result()
    except _TakeBack as taken:
        return taken.told
    raise AssertionError("a trial ends by being taken back")


def in_words(told: Mapping[str, Any]) -> str:
    """The same for people: a line for each fact, those of a group indented."""
    return "\n".join(_lines(told, ""))


def _try(tx: Tx, raw: bytes, read: Read, *, now: datetime) -> NoReturn:
    envelope: dict[str, Any] = {"channel": CHANNEL, "received_at": now, "envelope": {}}
    try:
        # A file has no envelope: whom its head names stands for the recipients, so that reply addresses count.
        said = read(raw, envelope | {"external_id": None, "sender": "", "recipients": []})
        people = [address.address for address in (*said.to, *said.cc)]
        sender = said.author.address if said.author else ""
        said = read(raw, envelope | {"external_id": None, "sender": sender, "recipients": people})
    except ValueError as error:
        raise _TakeBack({"outcome": "exception", "reason": "unreadable", "error": str(error)}) from None
    arrival = Arrival(
        channel=CHANNEL,
        raw=raw,
        received_at=now,
        external_id=new_id(),  # a trial is never the same as what arrived
        sender=sender,
        recipients=tuple(people),
    )
    inbound_id = door.accept(tx, arrival, now=now, later=False)
    found = intake.understand(tx, inbound_id, said, now=now)
    row = tx.one(select(tables.inbound).where(tables.inbound.c.id == inbound_id))
    told: dict[str, Any] = {
        "mail": {
            "from": said.author.address if said.author else said.author_text,
            "subject": said.subject,
            "kind": said.kind,
            "because": list(said.kind_evidence),
            "notes": list(said.notes),
        },
        "outcome": found.outcome,
        "reason": found.reason,
        "trust": {"level": row.detail.get("trust"), "because": row.detail.get("trust_reasons", [])},
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
            "contract": check.contract,
            "line": check.line,
            "considered": check.evidence["candidates"],
        },
        "route": [] if routed is None else routed.data.get("trace", []),
    }


def _lines(told: Mapping[str, Any], indent: str) -> list[str]:
    lines = []
    for name, value in told.items():
        if isinstance(value, Mapping):
            lines += [f"{indent}{name}:", *_lines(value, indent + "  ")]
        elif isinstance(value, list) and any(isinstance(item, Mapping) for item in value):
            lines.append(f"{indent}{name}:")
            lines += [f"{indent}  - " + ", ".join(f"{k} {v}" for k, v in item.items()) for item in value]
        else:
            text = ", ".join(map(str, value)) if isinstance(value, list) else value
            lines.append(f"{indent}{name}: {'-' if text in (None, '') else text}")
    return lines
