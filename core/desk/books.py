"""Do the books balance? Everything received has one outcome, every chain holds, nothing points into the void."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, Select, bindparam, func, select

from core.desk import (
    alert_books,
    call_books,
    chat_books,
    clock_books,
    contract_books,
    duty_books,
    incident_books,
    joining_books,
    outage_books,
    papers_books,
    periodic_books,
    promise_books,
    roundup_books,
    vendor_books,
    visit_books,
    workaround_books,
)
from core.desk.case import ADMINISTRATION, event_hash
from core.ids import first_id
from core.store import blobs, tables
from core.store.tx import Prepared, Row, Tx

OUTCOMES = ("ticket", "attached", "held", "alert", "machine", "exception", "duplicate")
CHAPTERS = (
    alert_books,
    call_books,
    chat_books,
    clock_books,
    contract_books,
    duty_books,
    incident_books,
    joining_books,
    papers_books,
    periodic_books,
    promise_books,
    roundup_books,
    visit_books,
    vendor_books,
    workaround_books,
)
WORST = 20  # faults listed of each kind; the rest is counted
PAGE = 500  # tickets whose chains are read at once

inbound, blob, event, delivery = tables.inbound, tables.blob, tables.event, tables.delivery
ticket, message, job, lane, clock = tables.ticket, tables.message, tables.job, tables.lane, tables.sla_clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Something that must not be."""

    kind: str
    about: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """What was counted, and what was found wrong; no faults means that the books balance."""

    received: int
    waiting: int
    """Stored, not yet understood, with a job that will."""
    outcomes: dict[str, int]
    tickets: int
    outages: int
    events: int
    blobs: int
    faults: tuple[Fault, ...]


def verify(tx: Tx, *, now: datetime | None = None) -> Books:
    """Count and check everything. Reads the whole database once, page by page. `now`: None, this moment."""
    counted = {
        row.outcome: row.count
        for row in tx.all(select(inbound.c.outcome, func.count().label("count")).group_by(inbound.c.outcome))
    }
    waiting = counted.pop(None, 0)
    received = tx.one(select(func.count().label("count")).select_from(inbound)).count
    faults = list(_accounts(tx, counted, waiting, received))
    events = 0
    for fault, count in _chains(tx):
        events += count
        if fault is not None:
            faults.append(fault)
    stored = 0
    for missing, count in _blobs(tx):
        stored += count
        if missing is not None:
            faults.append(missing)
    faults += _orphans(tx)
    for chapter in CHAPTERS:
        for kind, about in chapter.faults(tx, now=now or datetime.now(UTC)):
            faults.append(Fault(kind=kind, about=about))
    faults += _lost_work(tx)
    return Books(
        received=received,
        waiting=waiting,
        outcomes={name: counted.get(name, 0) for name in OUTCOMES},
        tickets=tx.one(select(func.count().label("count")).select_from(ticket)).count,
        outages=tx.one(select(func.count().label("count")).select_from(tables.outage)).count,
        events=events,
        blobs=stored,
        faults=tuple(faults),
    )


def _accounts(tx: Tx, counted: dict[str, int], waiting: int, received: int) -> Iterator[Fault]:
    for name in counted.keys() - set(OUTCOMES):
        yield Fault(kind="unknown outcome", about=f"{name}: {counted[name]} inbound rows")
    if sum(counted.values()) + waiting != received:
        yield Fault(
            kind="sum",
            about=f"{received} received, {sum(counted.values())} with an outcome, {waiting} waiting",
        )
    no_ticket = select(inbound.c.id).where(
        inbound.c.outcome.in_(("ticket", "attached")),
        ~select(ticket.c.id).where(ticket.c.id == inbound.c.ticket_id).exists(),
    )
    yield from _each(tx, no_ticket, "inbound without its ticket")
    no_message = select(inbound.c.id).where(
        inbound.c.outcome.in_(("ticket", "attached")),
        ~select(message.c.id)
        .where(message.c.ticket_id == inbound.c.ticket_id, message.c.id == inbound.c.message_id)
        .exists(),
        ~select(tables.note.c.id)
        .where(tables.note.c.ticket_id == inbound.c.ticket_id, tables.note.c.id == inbound.c.message_id)
        .exists(),
    )
    yield from _each(tx, no_message, "inbound without its message")
    for row in tx.all(select(inbound.c.id, inbound.c.detail).where(inbound.c.outcome == "duplicate")):
        if tx.one(_INBOUND, id=row.detail.get("first", "")) is None:
            yield Fault(kind="duplicate of nothing", about=row.id)


_INBOUND = Prepared(select(inbound.c.id).where(inbound.c.id == bindparam("id")))


def _each(tx: Tx, question: Select[tuple[str]], kind: str) -> Iterator[Fault]:
    for row in tx.all(question.limit(WORST)):
        yield Fault(kind=kind, about=row.id)


_PAGE_OF_CHAINS = Prepared(
    select(event.c.ticket_id)
    .where(event.c.ticket_id > bindparam("after"))
    .group_by(event.c.ticket_id)
    .order_by(event.c.ticket_id)
    .limit(PAGE)
)
_CHAIN = Prepared(select(event).where(event.c.ticket_id == bindparam("ticket_id")).order_by(event.c.seq))
_SEEN = Prepared(select(ticket.c.number, ticket.c.last_event).where(ticket.c.id == bindparam("id")))


def _chains(tx: Tx) -> Iterator[tuple[Fault | None, int]]:
    after = first_id(0)
    while page := tx.all(_PAGE_OF_CHAINS, after=after):
        for row in page:
            after = row.ticket_id
            chain = tx.all(_CHAIN, ticket_id=after)
            known = tx.one(_SEEN, id=after)
            name = known.number if known else "administration" if after == ADMINISTRATION else after
            yield _broken_link(name, chain, known.last_event if known else None), len(chain)
    for row in tx.all(_NO_CHAIN):
        about = f"{row.number}: the ticket says {row.last_event} events, there are 0"
        yield Fault(kind="event chain", about=about), 0


_NO_CHAIN = Prepared(
    select(ticket.c.number, ticket.c.last_event)
    .where(~select(event.c.seq).where(event.c.ticket_id == ticket.c.id).exists())
    .limit(WORST)
)


def _broken_link(name: str, chain: list[Row], last_event: int | None) -> Fault | None:
    previous = ""
    for seq, row in enumerate(chain, start=1):
        if row.seq != seq:
            return Fault(kind="event chain", about=f"{name}: event {seq} is missing")
        if row.hash != event_hash(previous, row._asdict()):
            return Fault(kind="event chain", about=f"{name}: event {seq} ({row.kind}) was changed")
        previous = row.hash
    if last_event is not None and last_event != len(chain):
        return Fault(
            kind="event chain", about=f"{name}: the ticket says {last_event} events, there are {len(chain)}"
        )
    return None


_PAGE_OF_BLOBS = Prepared(
    select(blob.c.name)
    .where(blob.c.name > bindparam("after"), blob.c.piece == 0)
    .order_by(blob.c.name)
    .limit(PAGE)
)


def _blobs(tx: Tx) -> Iterator[tuple[Fault | None, int]]:
    after = ""
    while page := tx.all(_PAGE_OF_BLOBS, after=after):
        for row in page:
            after = row.name
            yield _damaged(tx, after), 1
    named = (
        (inbound.c.raw, select(inbound.c.id, inbound.c.raw.label("name"))),
        (tables.attachment.c.blob, select(tables.attachment.c.id, tables.attachment.c.blob.label("name"))),
        (
            message.c.html,
            select(message.c.id, message.c.html.label("name")).where(message.c.html.is_not(None)),
        ),
        (
            tables.recording.c.blob,
            select(tables.recording.c.call_id.label("id"), tables.recording.c.blob.label("name")).where(
                tables.recording.c.blob.is_not(None)
            ),
        ),
    )
    for column, question in named:
        missing = question.where(~select(blob.c.name).where(blob.c.name == column).exists()).limit(WORST)
        for row in tx.all(missing):
            yield Fault(kind="blob missing", about=f"{row.name}, named by {row.id}"), 0


def _damaged(tx: Tx, name: str) -> Fault | None:
    try:
        whole = name.endswith(blobs.digest(blobs.get(tx, name)))
    except ValueError:  # it cannot even be unpacked
        whole = False
    return None if whole else Fault(kind="blob", about=f"{name} does not match its bytes")


def _orphans(tx: Tx) -> Iterator[Fault]:
    for table in (message, tables.note, delivery, tables.attachment, tables.thread):
        lost = select(table.c.id).where(~select(ticket.c.id).where(ticket.c.id == table.c.ticket_id).exists())
        if table is delivery:
            lost = lost.where(
                ~outage_books.OWN_DELIVERY, ~chat_books.OWN_DELIVERY, ~roundup_books.OWN_DELIVERY
            )
        yield from _each(tx, lost, f"{table.name} without its ticket")
    for kind, outage_id in outage_books.faults(tx):
        yield Fault(kind=kind, about=outage_id)


def _lost_work(tx: Tx) -> Iterator[Fault]:
    """Every promise of later work has its job, and every job a lane that will come to it."""
    idle = select(job.c.id).where(
        ~select(lane.c.name).where(lane.c.shard == job.c.shard, lane.c.name == job.c.name).exists()
    )
    yield from _each(tx, idle, "job without its lane")
    understood = {
        row.payload["inbound"]
        for table in (job, tables.dead_job)
        for row in tx.all(select(table.c.payload).where(table.c.kind == "understand"))
    }
    for row in tx.all(select(inbound.c.id).where(inbound.c.outcome.is_(None))):
        if row.id not in understood:
            yield Fault(kind="inbound that nobody will understand", about=row.id)
    sending = {
        row.payload["delivery"]
        for table in (job, tables.dead_job)
        for row in tx.all(select(table.c.payload).where(table.c.kind == "send"))
    }
    for row in tx.all(select(delivery.c.id).where(delivery.c.state.in_(("queued", "sending")))):
        if row.id not in sending:
            yield Fault(kind="delivery that nobody will send", about=row.id)
    unwatched = select(clock.c.ticket_id.label("id")).where(
        clock.c.state == "running", clock.c.next_check_at.is_not(None), *_no_job("clocks", clock.c.ticket_id)
    )
    yield from _each(tx, unwatched.distinct(), "running clock that nobody watches")
    unclosed = select(ticket.c.id).where(ticket.c.state == "resolved", *_no_job("auto-close", ticket.c.id))
    yield from _each(tx, unclosed, "solved ticket that nobody will close")


def _no_job(kind: str, shard: ColumnElement[str]) -> tuple[ColumnElement[bool], ...]:
    return tuple(
        ~select(table.c.id).where(table.c.shard == shard, table.c.kind == kind).exists()
        for table in (job, tables.dead_job)
    )
