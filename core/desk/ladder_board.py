"""Which ladders are climbed now, and what was called for one ticket? For the board, the handover and the API."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import and_, bindparam, literal, or_, select

from core.desk import acts, rungs, search
from core.desk.errors import NotFound
from core.desk.principal import Principal
from core.rules.ladders import Cause, Rung
from core.store import tables
from core.store.columns import Instant
from core.store.tx import Prepared, Row, Tx

LOOKS_BACK = timedelta(hours=24)

page, ticket, agent, delivery = tables.page, tables.ticket, tables.agent, tables.delivery

_CALLED = Prepared(
    select(
        page.c.ticket_id,
        page.c.agent,
        page.c.rung,
        page.c.round,
        page.c.cause,
        page.c.at,
        page.c.seen_at,
        agent.c.name.label("agent_name"),
        ticket.c.number,
        ticket.c.subject,
        ticket.c.priority,
    )
    .select_from(agent.join(page, page.c.agent == agent.c.id).join(ticket, ticket.c.id == page.c.ticket_id))
    .where(
        page.c.at > bindparam("since", type_=Instant),
        ticket.c.open,
        or_(
            and_(
                page.c.cause != literal(str(Cause.PROMISE)),
                or_(
                    ticket.c.state.in_([literal(state) for state in rungs.NOT_TAKEN]),
                    ticket.c.assignee.is_(None),
                ),
            ),
            rungs.FOR_PROMISE,
        ),
    )
    .order_by(page.c.at, page.c.id)
)
_PAGES = Prepared(
    select(page, agent.c.name.label("agent_name"))
    .select_from(page.outerjoin(agent, agent.c.id == page.c.agent))
    .where(page.c.ticket_id == bindparam("ticket_id"))
    .order_by(page.c.at, page.c.id)
)
_SENT = Prepared(
    select(
        delivery.c.message_id,
        delivery.c.channel,
        delivery.c.state,
        delivery.c.sent_at,
        delivery.c.error,
    )
    .where(delivery.c.ticket_id == bindparam("ticket_id"), delivery.c.kind == literal("page"))
    .order_by(delivery.c.created_at, delivery.c.id)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ladder:
    """One that is climbed: somebody was called, and nobody has taken the ticket, or written what was promised."""

    number: str
    subject: str
    priority: str
    cause: str
    """See core.rules.ladders.Cause."""
    rung: str
    """on_call, second, shift_leader or supervisor: the last that was called."""
    round: int
    since: datetime
    """Of the first call of these 24 hours."""
    called_at: datetime
    """Of the last one."""
    called: tuple[str, ...]
    """Names of who stands on that rung."""
    known_by: str
    """Name of who acknowledged since; empty: nobody."""
    known_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """One way by which a call left."""

    channel: str
    state: str
    sent_at: datetime | None
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PageShown:
    """One person who was called once."""

    id: str
    agent: str | None
    """Id; None: the number for when nobody answers."""
    name: str
    rung: str
    round: int
    cause: str
    at: datetime
    seen_at: datetime | None
    sent: tuple[Sent, ...]


def running(tx: Tx, who: Principal, *, now: datetime) -> tuple[Ladder, ...]:
    """Those of the tickets of everybody, the oldest first; for staff who see every ticket, else those of whoever asks."""
    if not who.is_agent and not who.sees_everything:
        return ()
    by_ticket: dict[str, list[Row]] = {}
    for row in tx.all(_CALLED, since=now - LOOKS_BACK):
        by_ticket.setdefault(row.ticket_id, []).append(row)
    return tuple(
        _ladder(rows)
        for rows in by_ticket.values()
        if who.sees_everything or any(row.agent == who.id for row in rows)
    )


def of_ticket(tx: Tx, who: Principal, number: str) -> tuple[PageShown, ...]:
    """Who was called to a ticket, when and by which ways, oldest first. For staff. Raises NotFound, Forbidden."""
    if not who.is_agent:
        message = f"there is no ticket {number}"
        raise NotFound(message)
    found = search.find(tx, who, number)
    acts.only_staff(who)
    sent: dict[str, list[Sent]] = {}
    for row in tx.all(_SENT, ticket_id=found.id):
        way = Sent(channel=row.channel, state=row.state, sent_at=row.sent_at, error=row.error)
        sent.setdefault(row.message_id, []).append(way)
    return tuple(_shown(row, sent.get(row.id, ())) for row in tx.all(_PAGES, ticket_id=found.id))


def _ladder(rows: Sequence[Row]) -> Ladder:
    last = rows[-1]
    known = [row for row in rows if row.seen_at is not None and row.seen_at >= last.at]
    by = max(known, key=lambda row: row.seen_at, default=None)
    return Ladder(
        number=last.number,
        subject=last.subject,
        priority=last.priority or "",
        cause=last.cause,
        rung=Rung(last.rung).name.lower(),
        round=last.round,
        since=rows[0].at,
        called_at=last.at,
        called=tuple(row.agent_name for row in rows if row.at == last.at),
        known_by=by.agent_name if by is not None else "",
        known_at=by.seen_at if by is not None else None,
    )


def _shown(row: Row, sent: Sequence[Sent]) -> PageShown:
    return PageShown(
        id=row.id,
        agent=row.agent or None,
        name=row.agent_name or "",
        rung=Rung(row.rung).name.lower(),
        round=row.round,
        cause=row.cause,
        at=row.at,
        seen_at=row.seen_at,
        sent=tuple(sent),
    )
