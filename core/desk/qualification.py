"""What waits to be qualified, what does it lack, and how long does it take? The queue and its figures (desk.md 3)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

from sqlalchemy import BigInteger, bindparam, literal, literal_column, or_, select, tuple_

from core.desk import acts, describing, offers, suggestions
from core.desk.counts import TO_QUALIFY
from core.desk.listing import Order, read_cursor, write_cursor
from core.desk.principal import Principal
from core.desk.scope import find, scope
from core.rules.suggesting import Suggestion
from core.store import tables
from core.store.columns import Id, Instant
from core.store.tx import Prepared, Row, Tx

PAGE = 25
MOST = 100
DAYS = (7, 30)
SLICE = 5_000  # tickets read at once
KEPT = timedelta(minutes=5)
"""So long figures are kept that were worked out."""

ticket, clock = tables.ticket, tables.sla_clock
_due = literal_column(tables.DUE_ORDER, BigInteger)
_ORDER = Order(name="qualify", columns=(_due, ticket.c.id))


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A request that still has to be qualified."""

    number: str
    subject: str
    snippet: str
    state: str
    channel: str
    customer: str | None
    customer_name: str
    requester: str
    received_at: datetime
    due_at: datetime | None
    """Of its triage clock; None: it has none."""
    last_event: int
    missing: tuple[str, ...]
    """Required fields that are empty, in the order of the form."""
    provenance: Mapping[str, str]
    """Field to where its value came from."""
    values: Mapping[str, str | int | None]
    """What is known: the required fields, asset and site."""
    suggestions: tuple[Suggestion, ...]
    safety: bool
    qualified_at: datetime | None
    priority: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """One page of it, the most urgent first."""

    items: tuple[Waiting, ...]
    count: int
    """Of all that wait, in this person's scope."""
    late: int
    """Of these, past their triage clock."""
    next: str | None
    """Cursor of the page after; None: this is the last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """Seconds from received to the first time a request was qualified."""

    days: int
    """Received in so many last days."""
    channel: str
    """Empty: by all channels."""
    count: int
    median: float
    p90: float


_COLUMNS = (
    *suggestions.ROW,
    ticket.c.snippet,
    ticket.c.state,
    ticket.c.channel,
    ticket.c.requester_name,
    ticket.c.requester_address,
    ticket.c.received_at,
    ticket.c.qualified_at,
    ticket.c.priority,
    ticket.c.last_event,
    tables.customer.c.name.label("customer_name"),
    clock.c.due_at,
)
_JOINED = ticket.outerjoin(tables.customer, tables.customer.c.code == ticket.c.customer).outerjoin(
    clock,
    (clock.c.ticket_id == ticket.c.id)
    & (clock.c.name == literal("triage"))
    & (clock.c.state == literal("running")),
)
_ONE = Prepared(select(*_COLUMNS).select_from(_JOINED).where(ticket.c.id == bindparam("id")))
_MEASURED = Prepared(
    select(ticket.c.id, ticket.c.updated_at, ticket.c.received_at, ticket.c.qualified_at, ticket.c.channel)
    .where(
        tuple_(ticket.c.updated_at, ticket.c.id)
        > tuple_(bindparam("after_at", type_=Instant), bindparam("after_id", type_=Id)),
    )
    .order_by(ticket.c.updated_at, ticket.c.id)
    .limit(SLICE)
)


def queue(
    tx: Tx,
    who: Principal,
    *,
    now: datetime,
    limit: int = PAGE,
    channel: str | None = None,
    cursor: str | None = None,
) -> Queue:
    """What is in triage, in scope. Raises Forbidden for anybody outside, Invalid for a cursor that is not ours."""
    acts.only_staff(who)
    mine, after, limit = scope(who), read_cursor(cursor, _ORDER), min(limit, MOST)
    statement = (
        select(*_COLUMNS, _due.label("due_order"))
        .select_from(_JOINED)
        .where(or_(*(ticket.c.state == literal(state) for state in TO_QUALIFY)), mine.tested)
        .order_by(_due, ticket.c.id)
    )
    rows = [row for row in tx.all(statement, **mine.values) if channel in (None, row.channel)]
    late = sum(row.due_at is not None and row.due_at < now for row in rows)
    left = [row for row in rows if after is None or [row.due_order, row.id] > after]
    page = left[:limit]
    return Queue(
        items=tuple(_waiting(tx, row, now=now) for row in page),
        count=len(rows),
        late=late,
        next=write_cursor(_ORDER, (page[-1].due_order, page[-1].id)) if len(left) > limit else None,
    )


def one(tx: Tx, who: Principal, number: str, *, now: datetime) -> tuple[Waiting, offers.Offers]:
    """A request as the form shows it, whatever its state, and what the form offers. Raises NotFound, Forbidden."""
    acts.only_staff(who)
    row = tx.one(_ONE, id=find(tx, who, number).id)
    assert row is not None  # it was found in this transaction
    return _waiting(tx, row, now=now), offers.of_customer(tx, row.customer)


def figures(tx: Tx, *, now: datetime) -> tuple[Figure, ...]:
    """Time to qualify, for each of DAYS: all channels first, then each. Worked out at most every five minutes."""
    known = tx.shared.get("time to qualify")
    if known is not None and now - KEPT < known[0] <= now:
        return tuple(known[1])
    longest = max(DAYS)
    taken: dict[tuple[int, str], list[float]] = {}
    for row in _measured(tx, now - timedelta(days=longest)):
        seconds = (row.qualified_at - row.received_at).total_seconds()
        for days in DAYS:
            if row.received_at >= now - timedelta(days=days):
                for channel in ("", row.channel):
                    taken.setdefault((days, channel), []).append(seconds)
    found = tuple(_figure(days, channel, taken[days, channel]) for days, channel in sorted(taken))
    tx.shared["time to qualify"] = (now, found)
    return found


def _measured(tx: Tx, since: datetime) -> Iterator[Row]:
    after_at, after_id = since, "00000000-0000-0000-0000-000000000000"
    while True:
        rows = tx.all(_MEASURED, after_at=after_at, after_id=after_id)
        yield from (row for row in rows if row.qualified_at is not None and row.received_at >= since)
        if len(rows) < SLICE:
            return
        after_at, after_id = rows[-1].updated_at, rows[-1].id


def _figure(days: int, channel: str, seconds: Sequence[float]) -> Figure:
    """The 90th percentile by nearest rank."""
    ordered = sorted(seconds)
    return Figure(
        days=days,
        channel=channel,
        count=len(ordered),
        median=median(ordered),
        p90=ordered[math.ceil(0.9 * len(ordered)) - 1],
    )


def _waiting(tx: Tx, row: Row, *, now: datetime) -> Waiting:
    return Waiting(
        number=row.number,
        subject=row.subject,
        snippet=row.snippet,
        state=row.state,
        channel=row.channel,
        customer=row.customer,
        customer_name=row.customer_name or "",
        requester=row.requester_name or row.requester_address,
        received_at=row.received_at,
        due_at=row.due_at,
        last_event=row.last_event,
        missing=tuple(name for name in describing.REQUIRED if getattr(row, name) is None),
        provenance=row.provenance,
        values={name: getattr(row, name) for name in describing.FIELDS},
        suggestions=suggestions.of(tx, row, now=now),
        safety="safety" in row.flags,
        qualified_at=row.qualified_at,
        priority=row.priority,
    )
