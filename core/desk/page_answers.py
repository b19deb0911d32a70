"""What does whoever was called to a conversation see of it, and what do they answer? They know; or they take it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, select, update

from core.desk import accounts, acts, paging, tickets
from core.desk.case import Case
from core.desk.errors import Forbidden, Refused
from core.desk.principal import Principal
from core.rules.paging import Cause
from core.store import tables
from core.store.columns import Instant
from core.store.tx import Prepared, Row, Tx

page, ticket = tables.page, tables.ticket

_MINE = Prepared(
    select(
        page.c.id,
        page.c.cause,
        page.c.at,
        ticket.c.id.label("ticket_id"),
        ticket.c.number,
        ticket.c.subject,
        ticket.c.requester_name,
        ticket.c.waits_since,
        ticket.c.chat,
        tables.customer.c.name.label("customer_name"),
    )
    .select_from(
        page.join(ticket, ticket.c.id == page.c.ticket_id).outerjoin(
            tables.customer, tables.customer.c.code == ticket.c.customer
        )
    )
    .where(
        page.c.agent == bindparam("agent"),
        page.c.at > bindparam("since", type_=Instant),
        page.c.seen_at.is_(None),
        ticket.c.open,
        ticket.c.assignee.is_(None),
        ticket.c.waits_since.is_not(None),
    )
    .order_by(page.c.at.desc(), page.c.id.desc())
)
_SEEN = Prepared(
    update(page)
    .where(
        page.c.ticket_id == bindparam("of_ticket"),
        page.c.agent == bindparam("of_agent"),
        page.c.seen_at.is_(None),
    )
    .values(seen_at=bindparam("now", type_=Instant))
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Paged:
    """A conversation to which somebody is called now."""

    id: str
    """Of the last call."""
    number: str
    subject: str
    requester_name: str
    customer_name: str
    channel: str
    waits_since: datetime
    late: bool
    """The promise of a first answer is broken."""


def mine(tx: Tx, who: Principal, *, now: datetime) -> tuple[Paged, ...]:
    """What whoever asks is called to now and has not said that they know: the newest call of each, newest first."""
    found: dict[str, Paged] = {}
    if not who.is_agent:
        return ()
    for row in tx.all(_MINE, agent=who.id, since=now - paging.SHOWN):
        found.setdefault(
            row.number,
            Paged(
                id=row.id,
                number=row.number,
                subject=row.subject,
                requester_name=row.requester_name,
                customer_name=row.customer_name or "",
                channel=row.chat or "",
                waits_since=row.waits_since,
                late=row.cause == Cause.LATE,
            ),
        )
    return tuple(found.values())


def know(tx: Tx, who: Principal, number: str, *, now: datetime) -> None:
    """They know of it: the next rung is called only when nobody takes it after a while. Raises NotFound, Forbidden."""
    case = acts.begin(tx, who, number, now=now)
    acts.only_staff(who)
    if not _seen(case, who):
        return
    case.event("ticket.page_seen", actor=who.actor)
    acts.finish(case)


def taken(tx: Tx, button: Row, agent: str | None, *, now: datetime) -> str:
    """`I take it` was pressed below a call, and chosen: the ticket is theirs. Return its number.

    `agent`: who is behind the chat it was pressed in. Raises Forbidden for whoever is no agent or was not called, Refused
    when somebody else has it.
    """
    who = accounts.principal(tx, "agent", agent) if agent else None
    called = tx.one(_CALLED, ticket_id=button.shard, id=button.message_id)
    if who is None or called is None or called.agent != who.id:
        raise Forbidden("only who was called takes it from here")
    case = Case.open(tx, button.shard, now=now)
    if case["assignee"] not in (None, who.id):
        raise Refused("somebody else has taken it")
    _seen(case, who)
    return tickets.take(tx, who, case["number"], now=now)


_CALLED = Prepared(
    select(page.c.agent).where(page.c.ticket_id == bindparam("ticket_id"), page.c.id == bindparam("id"))
)


def _seen(case: Case, who: Principal) -> bool:
    """Say so on their calls; False: there was none, or they said it before."""
    changed = case.tx.changed(_SEEN, of_ticket=case.id, of_agent=who.id, now=case.now)
    if changed:
        case.tx.tell(paging.KIND, who.id)
    return changed > 0
