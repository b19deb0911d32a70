"""What would the hub do with this mail, and why? The real verbs, in a transaction that is always taken back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NoReturn

from sqlalchemy import select

from core.desk import (
    alert_looking,
    alert_rows,
    alert_sources,
    alert_tickets,
    alerts,
    door,
    footers,
    intake,
    reference,
)
from core.desk.errors import Forbidden, NotFound
from core.desk.filing import Understood
from core.desk.principal import HUB, Principal
from core.envelope import Arrival, Inbound, Kind
from core.ids import new_id
from core.rules.correlation import Place
from core.store import tables
from core.store.database import Database
from core.store.tx import Row, Tx

Read = Callable[[bytes, Mapping[str, Any]], Inbound]
"""The reader of the e-mail channel, with its options filled in."""
ReadOfDevice = Callable[[bytes, Mapping[str, Any], Mapping[str, Any]], Inbound]
"""What reads the mail of a device, with the options of its source."""
CHANNEL = "email"
ALARMS = 20
"""Of one mail that are told of."""
_MADE = ("opened", "storm")
"""Decisions on an alarm that make a ticket."""
_ROUTED = ("ticket.routed", "ticket.unrouted")


class _TakeBack(Exception):
    """Carries the answer out of the transaction, and nothing else."""

    def __init__(self, told: dict[str, Any]) -> None:
        super().__init__()
        self.told = told


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """The alert source to whose address a mail is written."""

    source: str
    kind: str
    enabled: bool
    """False: it is switched off, and its mail is like any other."""
    options: Mapping[str, Any]
    """What reads its mail must know."""


def explain(
    db: Database, raw: bytes, read: Read, of_device: ReadOfDevice | None = None, *, now: datetime
) -> dict[str, Any]:
    """What the mail says, what would become of it, and why; changes nothing.

    In JSON's own types but for instants: `mail`, `outcome`, `reason`, `trust`, `threading`, `names`, and, when it would
    become or join a ticket, `ticket`, `entitlement`, `route` and `answers`. One to the address of an alert source has its `source`,
    and of what a device reports `alarms` in place of `mail`, `trust`, `threading` and `names`. A mail that cannot be read has
    the outcome `exception` and the `error`. `of_device` None: nobody here reads what devices say.
    """
    device = None
    try:
        said = read(raw, arrival_of(None, now=now))
        device = db.query(device_of, said).result()
        arrival = arrival_of(said, now=now, device=device)
        if device is not None and device.enabled and of_device is not None:
            said = of_device(raw, arrival, device.options)
        else:
            said = read(raw, arrival)
    except ValueError as error:
        return unreadable(str(error), device)
    try:
        db.submit(_try, raw, said, device, now=now).result()
    except _TakeBack as taken:
        return taken.told
    raise AssertionError("a trial ends by being taken back")


async def explain_read(
    db: Database, raw: bytes, said: Inbound, device: Device | None = None, *, now: datetime
) -> dict[str, Any]:
    """The same of a mail that was read elsewhere, twice: the second time as `device_of` and `arrival_of` of the first say."""
    try:
        await db.write(_try, raw, said, device, now=now)
    except _TakeBack as taken:
        return taken.told
    raise AssertionError("a trial ends by being taken back")


def device_of(tx: Tx, said: Inbound) -> Device | None:
    """The alert source that has an address which the mail, read as a file, names; None: there is none."""
    found = door.for_device(tx, said) or _switched_off(tx, said)
    if found is None:
        return None
    options = {"source": alert_sources.for_reader(found, tx.facts.time_zone)}
    return Device(source=found.name, kind=found.kind, enabled=found.enabled, options=options)


def _switched_off(tx: Tx, said: Inbound) -> alert_sources.AlertSource | None:
    named = {*(said.delivered_to or ()), *(one.key for one in (*said.to, *said.cc))}
    sources = reference.desk(tx).alert_sources.values()
    return next((one for one in sources if not one.enabled and one.address.lower() in named), None)


def only_leads(who: Principal) -> None:
    """Raise NotFound for customers, Forbidden for colleagues who lead nobody: it tells of any customer's contract."""
    if not who.is_agent:
        message = "only staff are told what becomes of a mail"
        raise NotFound(message)
    if not who.leads:
        message = "mails are explained to shift leaders, supervisors and administrators"
        raise Forbidden(message)


def arrival_of(said: Inbound | None, *, now: datetime, device: Device | None = None) -> dict[str, Any]:
    """How a file arrived: it has no envelope, so whom its head names stands for the recipients, and reply addresses count."""
    people = [] if said is None else [address.address for address in (*said.to, *said.cc)]
    sender = said.author.address if said is not None and said.author else ""
    return {
        "channel": CHANNEL,
        "external_id": None,
        "sender": sender,
        "recipients": people,
        "received_at": now,
        "envelope": {door.ALERT_SOURCE: device.source} if device is not None and device.enabled else {},
    }


def unreadable(error: str, device: Device | None = None) -> dict[str, Any]:
    """What is told of a mail that nobody can read."""
    return {"outcome": "exception", "reason": "unreadable", "error": error, **_source(device)}


def _source(device: Device | None) -> dict[str, Any]:
    if device is None:
        return {}
    return {"source": {"name": device.source, "kind": device.kind, "enabled": device.enabled}}


def _try(tx: Tx, raw: bytes, said: Inbound, device: Device | None, *, now: datetime) -> NoReturn:
    given = arrival_of(said, now=now, device=device)
    arrival = Arrival(
        channel=CHANNEL,
        raw=raw,
        received_at=now,
        external_id=new_id(),  # a trial is never the same as what arrived
        sender=given["sender"],
        recipients=tuple(given["recipients"]),
        envelope=given["envelope"],
    )
    inbound_id = door.accept(tx, arrival, now=now, later=False)
    found = intake.understand(tx, inbound_id, said, now=now)
    told = {"outcome": found.outcome, "reason": found.reason, **_source(device)}
    if said.kind is Kind.ALERT and device is not None:
        told |= _alarms(tx, said, device.source, now=now)
    else:
        told |= _message(tx, said, inbound_id, found, now=now)
    raise _TakeBack(told)


def _message(tx: Tx, said: Inbound, inbound_id: str, found: Understood, *, now: datetime) -> dict[str, Any]:
    row = tx.one(select(tables.inbound).where(tables.inbound.c.id == inbound_id))
    told: dict[str, Any] = {
        "mail": {
            "from": said.author.address if said.author else said.author_text,
            "subject": said.subject,
            "box": said.mailbox,
            "ours": any(one.key in said.own_addresses for one in (*said.to, *said.cc)),
            "kind": said.kind,
            "because": list(said.kind_evidence),
            "notes": [*said.notes, *footers.remarks(row.detail.get("folded", ()))],
        },
        "trust": {
            "level": row.detail.get("trust"),
            "because": row.detail.get("trust_reasons", []),
            "checked": row.detail.get("authentication", []),
        },
        "names": [*row.detail.get("suggestions", ()), *row.detail.get("links", ())],
        "threading": row.detail.get("considered", []),
    }
    if found.ticket_id is not None:
        told |= _ticket(tx, found.ticket_id, new=found.outcome == "ticket", since=now)
    return told


def _alarms(tx: Tx, said: Inbound, source: str, *, now: datetime) -> dict[str, Any]:
    """What each fact means, and where its alarm goes. Of several tickets the first is told."""
    told: dict[str, Any] = {"alarms": []}
    for fact in (alerts.meant(tx, source, one) for one in said.alerts[:ALARMS]):
        alarm: dict[str, Any] = {"status": str(fact.status), "what": fact.summary or fact.event or ""}
        told["alarms"].append(alarm)
        if fact.dedup_key is None or fact.status in alerts.ASIDE:
            continue
        alert_id = alert_rows.identity(source, fact.dedup_key)
        row = _settled(tx, alert_id, now=now)
        seen = alert_looking.one(tx, HUB, alert_id)
        steps = [one for one in reversed(seen.decisions) if one.at >= now]
        made = any(one.kind in _MADE for one in steps)
        alarm |= {
            "what": seen.alarm.what,
            "thing": seen.alarm.where,
            "severity": seen.alarm.severity,
            "customer": seen.alarm.customer,
            "number": seen.alarm.ticket.number if seen.alarm.ticket is not None and not made else None,
            "steps": [
                {"kind": one.kind, "at": one.at, "later": one.at > now, "values": dict(one.values)}
                for one in steps
            ],
        }
        if row.ticket_id is not None and "ticket" not in told:
            if made:
                at = max(one.at for one in steps) + reference.alert_source(tx, source).tell_after
                alert_tickets.tell(tx, row.ticket_id, now=at)
            told |= _ticket(tx, row.ticket_id, new=made, since=now)
    return told


def _settled(tx: Tx, alert_id: str, *, now: datetime) -> Row:
    """The alarm as it is when what waits a moment still fires after it."""
    row = alert_rows.one(tx, alert_id)
    assert row is not None  # it was said, and it is about a problem
    if row.firing and row.status == str(Place.HELD) and row.placed_at > now:
        alerts.check(tx, alert_id, now=row.placed_at)
        row = alert_rows.one(tx, alert_id)
        assert row is not None
    return row


def _ticket(tx: Tx, ticket_id: str, *, new: bool, since: datetime) -> dict[str, Any]:
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
    made = (tables.delivery.c.ticket_id == ticket_id, tables.delivery.c.created_at >= since)
    answers = tx.all(select(tables.delivery).where(*made))
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
        "answers": [{"to": row.address, "kind": row.kind} for row in answers],
    }
