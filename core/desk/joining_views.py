"""What would a merge do, what was joined here, and what would an undo bring back? Read before anybody decides; nothing is changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, func, literal, select

from core.desk import acts, clock_standing, joining_undo, joining_ways, participants, search, timing
from core.desk.errors import NotFound
from core.desk.principal import Principal
from core.desk.scope import BELONGS, find
from core.desk.views import TicketRow
from core.rules import joining
from core.rules.clocks import Clock
from core.rules.joining import Kind, Side
from core.rules.participation import State
from core.store import tables
from core.store.tx import Prepared, Row, Tx

MOST = 12
"""Tickets that are offered to be joined with."""

message, note, ticket, agent = tables.message, tables.note, tables.ticket, tables.agent

_COUNTS = Prepared(
    select(func.count().label("said"), func.max(message.c.at).label("last")).where(
        message.c.ticket_id == bindparam("ticket_id"), message.c.audience == literal("customer")
    )
)
_NOTES = Prepared(select(func.count().label("n")).where(note.c.ticket_id == bindparam("ticket_id")))
_EVENTS = Prepared(
    select(tables.event.c.kind, tables.event.c.at, tables.event.c.data)
    .where(tables.event.c.ticket_id == bindparam("ticket_id"), tables.event.c.kind.like("clock.%"))
    .order_by(tables.event.c.seq)
)
_IN = Prepared(
    select(message.c.id, message.c.thread_id, message.c.at).where(
        message.c.ticket_id == bindparam("ticket_id")
    )
)
_TICKET = Prepared(
    select(ticket.c.id, ticket.c.number, ticket.c.subject).where(ticket.c.id == bindparam("id"))
)
_AGENT = Prepared(select(agent.c.name).where(agent.c.id == bindparam("id")))


# --- Before a merge -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Half:
    """One of two tickets that may be joined."""

    row: TicketRow
    said: int
    """Messages."""
    notes: int
    people: tuple[str, ...]
    """Names or addresses of who is written to or takes part."""
    readers: tuple[str, ...]
    """Of these, those who would read what the other ticket says, and cannot now."""
    clocks: tuple[Clock, ...]
    """As they stand; running ones."""
    after: tuple[Clock, ...]
    """The same after the merge; none of the one that ends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What a merge of `one` into `other` would do."""

    one: Half
    other: Half
    why_not: str
    """Code of core.rules.joining.No; empty: it may be done."""
    received_at: datetime
    """From when on the one that goes on counts."""


def preview(tx: Tx, who: Principal, number: str, into: str, *, now: datetime) -> Preview:
    """For staff. Raises NotFound for either, Forbidden."""
    one, other = find(tx, who, number), find(tx, who, into.strip())
    acts.only_staff(who)
    no = joining.may_merge(_side(one), _side(other))
    since = joining.counts_from(other.received_at, [one.received_at])
    people = {row.id: _people(tx, row) for row in (one, other)}
    return Preview(
        one=_half(tx, who, one, people[one.id], people[other.id], after=(), now=now),
        other=_half(
            tx,
            who,
            other,
            people[other.id],
            people[one.id],
            after=_counted(tx, other, since, now=now),
            now=now,
        ),
        why_not=no.code if no else "",
        received_at=since,
    )


def _side(row: Row) -> Side:
    return Side(id=row.id, state=row.state, customer=row.customer, received_at=row.received_at)


def _half(
    tx: Tx,
    who: Principal,
    row: Row,
    mine: dict[str, str],
    theirs: dict[str, str],
    *,
    after: tuple[Clock, ...],
    now: datetime,
) -> Half:
    (shown,) = search.rows(tx, who, [row.id])
    standing = clock_standing.of_ticket(tx, row.id, now=now)
    return Half(
        row=shown,
        said=tx.one(_COUNTS, ticket_id=row.id).said,
        notes=tx.one(_NOTES, ticket_id=row.id).n,
        people=tuple(mine.values()),
        readers=tuple(name for person, name in mine.items() if person not in theirs),
        clocks=tuple(clock for clock in standing if not clock.ended),
        after=after,
    )


def _people(tx: Tx, row: Row) -> dict[str, str]:
    there = participants.of_ticket(tx, row.id, customer=row.customer, requester=row.requester_address)
    return {
        one.who: one.name or one.address for one in there if one.state == State.JOINED and one.role in BELONGS
    }


def _counted(tx: Tx, row: Row, since: datetime, *, now: datetime) -> tuple[Clock, ...]:
    rows: list[Any] = [(one.kind, one.at, one.data) for one in tx.all(_EVENTS, ticket_id=row.id)]
    rows += [
        (
            "clock.start",
            since,
            {"clock": str(clock.name), "cycle": clock.cycle, "reason": "merge", "policy": clock.policy.key},
        )
        for clock in clock_standing.rebuilt(tx, rows, now)
        if clock.name in timing.FROM_RECEIPT
    ]
    return tuple(clock for clock in clock_standing.rebuilt(tx, rows, now) if not clock.ended)


# --- What it may be joined with -----------------------------------------------------------------------------


def others(tx: Tx, who: Principal, number: str, q: str, *, now: datetime) -> list[TicketRow]:
    """Tickets that this one may have to do with: of its customer first, then of anybody; by number or words, else the open ones."""
    row = find(tx, who, number)
    acts.only_staff(who)
    asked: list[dict[str, Any]] = [{"customer": row.customer}] if row.customer else []
    if q.strip():
        asked.append({})
    found: dict[str, TicketRow] = {}
    for given in asked:
        view = "all" if q.strip() else "open"
        for one in search.tickets(tx, who, view=view, q=q, sort="newest", limit=MOST, now=now, **given).items:
            found.setdefault(one.id, one)
    found.pop(row.id, None)
    return list(found.values())[:MOST]


# --- What was joined ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class JoiningView:
    """Something that was merged, split or moved."""

    id: str
    kind: str
    number: str
    """Of the ticket that lost something."""
    into: str
    """Of the ticket that got it."""
    at: datetime
    by: str
    """Name of who did it."""
    undone_at: datetime | None
    why_not: str
    """What is in the way of an undo: a code of core.rules.joining.No; empty: nothing."""
    conversations: int
    said: int
    """Messages that an undo brings back."""
    since: int
    """Of these, those that came since."""


def joined(tx: Tx, who: Principal, number: str, *, now: datetime) -> list[JoiningView]:
    """Everything that was joined from or into this ticket, newest first, as far as this person sees both. For staff."""
    here = find(tx, who, number)
    acts.only_staff(who)
    found = []
    for row in reversed(joining_ways.joinings(tx, here.id)):
        one, other = (tx.one(_TICKET, id=end) for end in (row.ticket_id, row.into_id))
        if not all(_sees(tx, who, end.number) for end in (one, other)) and row.by != who.actor:
            continue
        found.append(_joined(tx, row, one, other, now=now))
    return found


def _joined(tx: Tx, row: Row, one: Row, other: Row, *, now: datetime) -> JoiningView:
    no = joining_undo.why_not(tx, row, now=now)
    there = _brought(row, tx.all(_IN, ticket_id=row.into_id)) if row.undone_at is None else []
    by = tx.one(_AGENT, id=row.by.removeprefix("agent:")) if row.by.startswith("agent:") else None
    return JoiningView(
        id=row.id,
        kind=row.kind,
        number=one.number,
        into=other.number,
        at=row.at,
        by=by.name if by is not None else "",
        undone_at=row.undone_at,
        why_not=no.code if no else "",
        conversations=len(row.before["threads"]),
        said=len(there),
        since=sum(1 for said in there if said.at > row.at),
    )


def _brought(row: Row, said: Sequence[Row]) -> list[Row]:
    if row.kind == Kind.SPLIT:
        return [one for one in said if one.id in row.before["messages"] or one.at > row.at]
    return [one for one in said if one.thread_id in row.before["threads"]]


def _sees(tx: Tx, who: Principal, number: str) -> bool:
    try:
        find(tx, who, number)
    except NotFound:
        return False
    return True
