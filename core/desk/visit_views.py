"""Which visits are there, whose time is taken when, and what waits for a choice? Reads of a ticket's page and of the slot board."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cache
from typing import Any, Literal

from sqlalchemy import bindparam, literal, select

from core.desk import acts, bookings, people, reference, visit_crew, visit_rows, visit_times
from core.desk.errors import NotFound, invalid
from core.desk.principal import Principal
from core.desk.scope import Scope, find, hidden_before, scope
from core.desk.views import EngineerView, SlotView, VisitState, VisitView
from core.rules.slots import Span
from core.store import tables
from core.store.tx import Prepared, Row, Tx

MOST_DAYS = 31
"""Of the slot board."""
SHOWN = 200
"""Visits that wait for a time."""

visit, ticket, event = tables.visit, tables.ticket, tables.event

_EVENTS = Prepared(
    select(event.c.kind, event.c.data)
    .where(
        event.c.ticket_id == bindparam("ticket_id"),
        event.c.kind.in_([literal("visit.offered"), literal("visit.no_time")]),
    )
    .order_by(event.c.seq)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What takes an engineer's time."""

    id: str
    kind: Literal["visit", "hold", "leave", "other"]
    since: datetime
    until: datetime
    expires_at: datetime | None
    """Of a hold."""
    note: str
    number: str | None
    """Of the ticket; None: it is none, or not one this person may see."""
    visit: str | None
    customer: str
    site: str
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Engineer:
    """Somebody who goes on site, and what they have before them."""

    id: str
    name: str
    email: str
    skills: tuple[str, ...]
    hours: tuple[Span, ...]
    """When they work."""
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A visit without an agreed time."""

    number: str
    visit: str
    state: VisitState
    customer: str
    site: str
    purpose: str
    until: datetime | None
    """So long times are held for the customer; None: none are."""
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """Engineers and days."""

    since: datetime
    until: datetime
    engineers: tuple[Engineer, ...]
    waiting: tuple[Waiting, ...]


def of_ticket(tx: Tx, who: Principal, found: Row) -> tuple[VisitView, ...]:
    """Those of a ticket that this person may see."""
    rows = visit_rows.of_ticket(tx, found.id)
    if not rows:
        return ()
    since = hidden_before(who, found)
    inside = who.kind != "contact"
    names = {one.id: one for one in people.agents(tx)}
    told = [(row.kind, row.data) for row in tx.all(_EVENTS, ticket_id=found.id)]
    return tuple(
        _view(tx, row, found.number, names, told, inside=inside)
        for row in rows
        if since is None or row.made_at >= since
    )


def visits(tx: Tx, who: Principal, number: str) -> tuple[VisitView, ...]:
    """The same by the number of the ticket. Raises NotFound."""
    return of_ticket(tx, who, find(tx, who, number))


def one(tx: Tx, who: Principal, number: str, identity: str) -> VisitView:
    """One of them. Raises NotFound."""
    found = next((view for view in visits(tx, who, number) if view.id == identity), None)
    if found is None:
        message = f"{number} has no visit {identity}"
        raise NotFound(message)
    return found


def with_choice(tx: Tx, who: Principal) -> tuple[tuple[Row, VisitView], ...]:
    """Visits for which this person has times to choose from, each with its ticket; whose time comes first stands first."""
    mine = scope(who)
    found = [
        (row, view)
        for row in tx.all(_with_offers(mine.shape), **mine.values)
        for view in of_ticket(tx, who, row)
        if view.slots
    ]
    return tuple(sorted(found, key=lambda one: (one[1].slots[0].start, one[1].id)))


def _view(
    tx: Tx, row: Row, number: str, names: dict[str, Any], told: list[tuple[str, Any]], *, inside: bool
) -> VisitView:
    why: dict[str, dict[str, Any]] = {}
    no_time = ""
    for kind, data in told:
        if data["visit"] == row.id:
            no_time = data["why"] if kind == "visit.no_time" else ""
            why |= {slot["slot"]: slot for slot in data.get("slots", ())}
    return VisitView(
        id=row.id,
        number=number,
        state=row.state,
        site=row.site,
        place=row.place,
        time_zone=row.time_zone,
        purpose=row.purpose if inside else "",
        skills=tuple(row.skills) if inside else (),
        parts=tuple(row.parts) if inside else (),
        minutes=row.minutes,
        count=row.engineers,
        engineers=tuple(
            EngineerView(id=one, name=names[one].name, email=names[one].email if inside else "")
            for one in visit_crew.ids(tx, row)
            if one in names
        ),
        window_start=row.window_start,
        window_end=row.window_end,
        arrived_at=row.arrived_at,
        left_at=row.left_at,
        sequence=row.sequence,
        billable=row.billable,
        ended_why=row.ended_why if inside else "",
        replaces=row.replaces,
        made_at=row.made_at,
        closed_at=row.closed_at,
        slots=tuple(
            SlotView(
                id=slot.id,
                engineer=names[slot.technician].name if slot.technician in names else "",
                others=tuple(names[one].name for one in slot.others if one in names),
                start=slot.slot_start,
                end=slot.slot_end,
                expires_at=slot.expires_at,
                why=why.get(slot.id, {}).get("why", ""),
                late=bool(why.get(slot.id, {}).get("late", False)),
            )
            for slot in visit_rows.offered(tx, row.ticket_id, row.id)
        )
        if row.closed_at is None
        else (),
        no_time=no_time if inside and row.closed_at is None else "",
    )


# --- The slot board ----------------------------------------------------------------------------------------


def board(tx: Tx, who: Principal, *, since: date, days: int, now: datetime) -> Board:
    """So many days from a date of the hub's clock: every engineer, and which visits have no time yet. Staff only.

    What belongs to a ticket out of this person's scope is there as time that is taken, and no more. Raises Invalid.
    """
    acts.only_staff(who)
    if not 1 <= days <= MOST_DAYS:
        raise invalid("/days", f"must be 1 to {MOST_DAYS}")
    zone = tx.facts.zone
    begins = datetime.combine(since, time(), zone)
    ends = datetime.combine(since + timedelta(days=days), time(), zone)
    seen = {(row.ticket_id, row.id): row for row in _seen(tx, who, begins, ends)}
    taken: defaultdict[str, list[Entry]] = defaultdict(list)
    for row in bookings.between(tx, begins, ends, now=now):
        of = seen.get((row.ticket_id, row.visit_id))
        taken[row.agent].append(_entry(row, of))
    calendars = reference.desk(tx).calendars
    return Board(
        since=begins,
        until=ends,
        engineers=tuple(
            Engineer(
                id=one.id,
                name=one.name,
                email=one.email,
                skills=one.skills,
                hours=calendars[one.calendar].calendar.between(begins, ends),
                entries=tuple(taken[one.id]),
            )
            for one in visit_times.goers(tx)
        ),
        waiting=tuple(_waiting(tx, who)),
    )


def _entry(row: Row, of: Row | None) -> Entry:
    return Entry(
        id=row.id,
        kind=row.kind,
        since=row.since,
        until=row.until,
        expires_at=row.expires_at,
        note=row.note,
        number=of.number if of is not None else None,
        visit=of.id if of is not None else None,
        customer=of.customer_name or of.customer if of is not None else "",
        site=of.site if of is not None else "",
        state=of.state if of is not None else "",
    )


_columns = (
    visit.c.ticket_id,
    visit.c.id,
    visit.c.customer,
    visit.c.site,
    visit.c.state,
    visit.c.purpose,
    visit.c.made_at,
    ticket.c.number,
    tables.customer.c.name.label("customer_name"),
)
_joined = visit.join(ticket, ticket.c.id == visit.c.ticket_id).outerjoin(
    tables.customer, tables.customer.c.code == visit.c.customer
)


def _seen(tx: Tx, who: Principal, since: datetime, until: datetime) -> list[Row]:
    mine = scope(who)
    return tx.all(_booked(mine.shape), since=since, until=until, **mine.values)


@cache
def _booked(shape: Any) -> Prepared:
    from_scope = scope_of(shape)
    booking = tables.booking
    here = (
        select(booking.c.id)
        .where(
            booking.c.visit_id == visit.c.id,
            booking.c.until > bindparam("since", type_=booking.c.until.type),
            booking.c.since < bindparam("until", type_=booking.c.until.type),
        )
        .correlate(visit)
    )
    return Prepared(select(*_columns).select_from(_joined).where(here.exists(), from_scope))


@cache
def _without_time(shape: Any) -> Prepared:
    return Prepared(
        select(*_columns)
        .select_from(_joined)
        .where(
            visit.c.closed_at.is_(None),
            visit.c.state.in_([literal(visit_rows.PROPOSED), literal(visit_rows.COUNTER)]),
            scope_of(shape),
        )
        .order_by(visit.c.made_at, visit.c.id)
        .limit(SHOWN)
    )


@cache
def _with_offers(shape: Any) -> Prepared:
    slot = tables.visit_slot
    offered = (
        select(visit.c.ticket_id)
        .join(slot, (slot.c.ticket_id == visit.c.ticket_id) & (slot.c.visit_id == visit.c.id))
        .where(visit.c.closed_at.is_(None), slot.c.state == literal("offered"))
    )
    return Prepared(select(ticket).where(ticket.c.id.in_(offered), scope_of(shape)))


def scope_of(shape: Any) -> Any:
    """The condition on `ticket` of a scope of this shape."""
    return Scope(shape=shape, values={}).tickets


def _waiting(tx: Tx, who: Principal) -> list[Waiting]:
    mine = scope(who)
    return [
        Waiting(
            number=row.number,
            visit=row.id,
            state=row.state,
            customer=row.customer_name or row.customer,
            site=row.site,
            purpose=row.purpose,
            until=min(
                (slot.expires_at for slot in visit_rows.offered(tx, row.ticket_id, row.id)), default=None
            ),
            since=row.made_at,
        )
        for row in tx.all(_without_time(mine.shape), **mine.values)
    ]
