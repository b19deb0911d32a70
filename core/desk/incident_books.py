"""Do the books of incidents by alarms balance? Every part has its incident, every customer one part, and one notice of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import func, literal, select

from core.desk.alert_tickets import CHANNEL
from core.rules.joining import Tie
from core.rules.workflow import State
from core.store import tables
from core.store.tx import Tx

WORST = 20  # faults listed of each kind

ticket, link, event, outage = tables.ticket, tables.ticket_link, tables.event, tables.outage

_PARENTS = (
    select(link.c.other_id)
    .where(link.c.ticket_id == ticket.c.id, link.c.kind == literal(str(Tie.PARENT)))
    .correlate(ticket)
)
_LET_GO = (
    select(event.c.seq)
    .where(event.c.ticket_id == ticket.c.id, event.c.kind == literal("ticket.unlinked"))
    .correlate(ticket)
)


def faults(tx: Tx, *, now: datetime) -> Iterator[tuple[str, str]]:
    """(what must not be, which ticket or outage) each."""
    yield from _parts(tx)
    yield from _twice(tx)
    yield from _noticed_twice(tx)
    yield from _outages(tx)


def _parts(tx: Tx) -> Iterator[tuple[str, str]]:
    """What was opened as a part of an incident is one, unless it went into another ticket or somebody took it out."""
    opened = select(ticket.c.number, event.c.data).where(
        event.c.ticket_id == ticket.c.id,
        event.c.seq == 1,
        ticket.c.channel == literal(CHANNEL),
        ticket.c.state != literal(str(State.MERGED)),
        ~_PARENTS.exists(),
        ~_LET_GO.exists(),
    )
    for row in tx.all(opened):
        if "incident" in row.data:
            yield "part of an incident without it", row.number


def _twice(tx: Tx) -> Iterator[tuple[str, str]]:
    """One open part by alarms for each customer of an incident."""
    several = (
        select(link.c.ticket_id, ticket.c.customer)
        .select_from(link.join(ticket, ticket.c.id == link.c.other_id))
        .where(
            link.c.kind == literal(str(Tie.CHILD)),
            link.c.by == literal("system"),
            ticket.c.channel == literal(CHANNEL),
            ticket.c.open.is_(True),
        )
        .group_by(link.c.ticket_id, ticket.c.customer)
        .having(func.count() > 1)
        .limit(WORST)
    )
    for row in tx.all(several):
        yield "incident with two parts of one customer", f"{row.ticket_id}: {row.customer}"


def _noticed_twice(tx: Tx) -> Iterator[tuple[str, str]]:
    """A part tells its customer once that there is a fault."""
    message = tables.message
    told: dict[tuple[str, str], int] = {}
    parts = (
        select(message.c.ticket_id, message.c.thread_id, message.c.made_from)
        .select_from(message.join(ticket, ticket.c.id == message.c.ticket_id))
        .where(
            message.c.kind == literal("progress"),
            ticket.c.channel == literal(CHANNEL),
            _PARENTS.exists(),
        )
    )
    for row in tx.all(parts):
        if any(step["key"] == "noticed" for step in (row.made_from or {}).get("steps", ())):
            told[row.ticket_id, row.thread_id] = told.get((row.ticket_id, row.thread_id), 0) + 1
    yield from (
        ("customer who was told twice of an incident", ticket_id)
        for (ticket_id, _), times in told.items()
        if times > 1
    )


def _outages(tx: Tx) -> Iterator[tuple[str, str]]:
    """An outage that follows from an incident names one, names somebody, and there is one at a time."""
    nowhere = select(outage.c.id).where(
        outage.c.incident.is_not(None), ~select(ticket.c.id).where(ticket.c.id == outage.c.incident).exists()
    )
    for row in tx.all(nowhere.limit(WORST)):
        yield "outage without its incident", row.id
    running = select(outage.c.id, outage.c.incident, outage.c.customers, outage.c.sites).where(
        outage.c.incident.is_not(None), outage.c.state == literal("running")
    )
    seen: set[str] = set()
    for row in tx.all(running):
        if row.incident in seen:
            yield "incident with two outages at once", row.incident
        seen.add(row.incident)
        if not row.customers and not row.sites:
            yield "outage of an incident that concerns everybody", row.id
