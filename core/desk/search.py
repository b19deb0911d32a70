"""Which tickets are there, for this person? Lists, counts and search; every statement carries the scope."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Select, bindparam, select

from core import texts
from core.desk import coming, ticket_walks
from core.desk.counts import DUE_WITHIN, counts
from core.desk.errors import invalid
from core.desk.listing import Condition, Walk, page_keys
from core.desk.principal import Principal
from core.desk.scope import find, hidden_before, scope
from core.desk.ticket_walks import SORTS
from core.desk.traffic import deliveries, inbound, inbound_item
from core.desk.views import OtherView, Page, TicketRow
from core.rules import workflow
from core.store import tables
from core.store.columns import Id, to_micros
from core.store.tx import Prepared, Row, Tx

__all__ = [
    "SORTS",
    "STATES",
    "counts",
    "deliveries",
    "find",
    "inbound",
    "inbound_item",
    "related",
    "row_of",
    "rows",
    "scope",
    "tickets",
]

STATES = tuple(str(state) for state in workflow.State)
TICKET_VIEWS = ("qualify", "mine", "groups", "unassigned", "chats", "due", "waiting", "open", "closed", "all")
OWN_ORDER = {"closed": SORTS["newest"], "all": SORTS["newest"], "chats": ticket_walks.WAITS}
"""What `due` means in views where nothing is due, or where it is not what counts."""
CONTACT_VIEWS = ("open", "closed", "all")
PUBLIC_FLAGS = frozenset({"workaround", "reopened", "confidential", "major", "visit_planned"})
"""Flags that a contact may see."""

ticket, agent, customer = tables.ticket, tables.agent, tables.customer

ROW: Select[Any] = select(
    ticket.c.id,
    ticket.c.number,
    ticket.c.subject,
    ticket.c.snippet,
    ticket.c.state,
    ticket.c.state_since,
    ticket.c.priority,
    ticket.c.request_type,
    ticket.c.technology,
    ticket.c.customer,
    ticket.c.customer_since,
    ticket.c.requester_since,
    ticket.c.requester_name,
    ticket.c.requester_address,
    ticket.c.desk_group,
    ticket.c.level,
    ticket.c.assignee,
    ticket.c.channel,
    ticket.c.trust,
    ticket.c.verdict,
    ticket.c.flags,
    ticket.c.next_due,
    ticket.c.next_clock,
    ticket.c.breached_at,
    ticket.c.received_at,
    ticket.c.updated_at,
    ticket.c.resolved_at,
    ticket.c.closed_at,
    ticket.c.last_direction,
    ticket.c.open,
    ticket.c.last_event,
    ticket.c.chat,
    ticket.c.waits_since,
    customer.c.name.label("customer_name"),
    agent.c.name.label("assignee_name"),
    agent.c.email.label("assignee_email"),
).select_from(
    ticket.outerjoin(customer, customer.c.code == ticket.c.customer).outerjoin(
        agent, agent.c.id == ticket.c.assignee
    )
)
"""A ticket with the names that every list shows."""


def tickets(  # noqa: PLR0913 - the filters of a list
    tx: Tx,
    who: Principal,
    *,
    view: str = "open",
    q: str = "",
    state: str | Sequence[str] | None = None,
    group: str | None = None,
    assignee: str | None = None,
    customer: str | None = None,
    sort: str = "due",
    cursor: str | None = None,
    limit: int = 50,
    now: datetime | None = None,
) -> Page:
    """One page of TicketRow. Raises Invalid for a view, a state, a sort or a cursor there is not.

    `q`: a ticket number, an address, or words. `assignee`: an agent's e-mail or id, `me`, or `none`. `closed` lists
    what has ended, resolved included; nothing of it is due, so `due` means `newest` there and in `all`; in
    `chats` who waits longest comes first. `now` is what the view `due` is measured from; None: this moment.
    """
    mine = scope(who)
    if sort not in SORTS:
        raise invalid("/sort", f"must be one of {', '.join(SORTS)}")
    order = OWN_ORDER.get(view, SORTS[sort]) if sort == "due" else SORTS[sort]
    allowed = CONTACT_VIEWS if who.kind == "contact" else TICKET_VIEWS
    if view not in allowed:
        raise invalid("/view", f"must be one of {', '.join(allowed)}")
    states = (state,) if isinstance(state, str) else tuple(state or ())
    if unknown := [name for name in states if name not in STATES]:
        raise invalid("/state", f"{unknown[0]!r} is not a state; there are {', '.join(STATES)}")
    given: dict[str, Any] = {"customer": customer} if customer else {}
    if group:
        given["desk_group"] = group
    if assignee:
        given["assignee"] = ticket_walks.assignee_of(tx, who, assignee)
    conditions = [Condition(shape=mine.shape, build=lambda: mine.tested, values=mine.values)]
    if view == "due":
        conditions.append(ticket_walks.due_until(to_micros((now or datetime.now(UTC)) + DUE_WITHIN)))
    walks, used = ticket_walks.walks_of(who, view, order.name, states, given)
    if states and "state" not in used:
        conditions.append(ticket_walks.one_of("state", states))
    conditions += [ticket_walks.one_of(name, (value,)) for name, value in given.items() if name not in used]
    words = q.strip()
    if words:
        conditions += [ticket_walks.any_of(walks), ticket_walks.asked_for(tx, mine, words)]
        walks = [Walk()]
    keys, further = page_keys(tx, ticket, walks, order, conditions, cursor=cursor, limit=limit)
    return Page(items=tuple(rows(tx, who, [key[-1] for key in keys])), next=further)


def related(tx: Tx, who: Principal, ticket_row: Row, *, limit: int) -> tuple[OtherView, ...]:
    """Other tickets of the same requester, else of the same customer, newest first."""
    mine = scope(who)
    same = {"contact": ticket_row.contact} if ticket_row.contact else {"customer": ticket_row.customer}
    walks = ticket_walks.of_the_same(same)
    condition = Condition(shape=mine.shape, build=lambda: mine.tested, values=mine.values)
    keys, _ = page_keys(tx, ticket, walks, SORTS["newest"], [condition], cursor=None, limit=limit + 1)
    ids = [key[-1] for key in keys if key[-1] != ticket_row.id][:limit]
    found = _of_ids(tx, _others, ids)
    return tuple(OtherView(number=row.number, subject=row.subject, state=row.state) for row in found)


def rows(tx: Tx, who: Principal, ids: Sequence[str]) -> list[TicketRow]:
    """The tickets with these ids, in this order. The scope let the ids through; this only shows them."""
    return [shown(tx, who, row) for row in _of_ids(tx, _rows, ids)]


def _of_ids(tx: Tx, statement: Callable[[int], Prepared], ids: Sequence[str]) -> list[Row]:
    if not ids:
        return []
    size = next((size for size in _SIZES if size >= len(ids)), len(ids))
    values = {f"id_{n}": ids[min(n, len(ids) - 1)] for n in range(size)}
    found = {row.id: row for row in tx.all(statement(size), **values)}
    return [found[one] for one in ids]


def shown(tx: Tx, who: Principal, row: Row) -> TicketRow:
    """A row of ROW as this person may see it, without what does not hold any more."""
    found = row_of(who, row)
    if who.kind != "contact" or found.next_clock != "onsite" or coming.holds(tx, row.id, row.next_due):
        return found
    return replace(found, next_due=None, next_clock=None)


def row_of(who: Principal, row: Row) -> TicketRow:
    """A row of ROW as this person may see it."""
    inside = who.kind != "contact"
    promised = inside or row.next_clock != "vendor"  # that one is between us and the vendor
    return TicketRow(
        id=row.id,
        number=row.number,
        subject=row.subject
        if hidden_before(who, row) is None
        else texts.title(who.language, number=row.number),
        snippet=row.snippet if inside else "",
        state=row.state,
        state_since=row.state_since,
        priority=row.priority,
        request_type=row.request_type,
        technology=row.technology,
        customer=row.customer,
        customer_name=row.customer_name or "",
        requester_name=row.requester_name,
        requester_address=row.requester_address,
        desk_group=row.desk_group,
        level=row.level,
        assignee=row.assignee if inside else None,
        assignee_name=row.assignee_name or "",
        assignee_email=(row.assignee_email or "") if inside else "",
        channel=row.channel,
        trust=row.trust if inside else "",
        verdict=row.verdict,
        flags=tuple(flag for flag in row.flags if inside or flag in PUBLIC_FLAGS),
        next_due=row.next_due if promised else None,
        next_clock=row.next_clock if promised else None,
        breached_at=row.breached_at if inside else None,
        received_at=row.received_at,
        updated_at=row.updated_at,
        resolved_at=row.resolved_at,
        closed_at=row.closed_at,
        last_direction=row.last_direction,
        open=row.open,
        last_event=row.last_event,
        chat=row.chat,
        waits_since=row.waits_since,
    )


_SIZES = (1, 10, 25, 50, 100, 200)
"""Numbers of ids that get a statement of their own; the last id fills up what is missing."""


@cache
def _rows(size: int) -> Prepared:
    return Prepared(ROW.where(_one_of(size)))


@cache
def _others(size: int) -> Prepared:
    columns = (ticket.c.id, ticket.c.number, ticket.c.subject, ticket.c.state)
    return Prepared(select(*columns).where(_one_of(size)))


def _one_of(size: int) -> ColumnElement[bool]:
    return ticket.c.id.in_([bindparam(f"id_{n}", type_=Id) for n in range(size)])
