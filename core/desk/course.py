"""What happened to a ticket, how do its clocks stand, what does its contract say, and what comes next?"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import bindparam, func, literal, select

from core.desk import coming, entitle, follow_ups, reference, vendor_rows, visit_rows, workarounds
from core.desk.listing import Condition, Order, Walk, page_keys
from core.desk.principal import Principal
from core.desk.scope import find, hidden_before
from core.desk.views import ClockView, EntitlementView, EventView, NextAction, Page, TicketRow
from core.store import tables
from core.store.tx import Prepared, Row, Tx

event, agent, contact, clock = tables.event, tables.agent, tables.contact, tables.sla_clock

PUBLIC_EVENTS = frozenset(
    {
        "ticket.opened",
        "ticket.qualify",
        "ticket.take",
        "ticket.escalate",
        "ticket.wait_customer",
        "ticket.customer_message",
        "ticket.resume",
        "ticket.wait_vendor",
        "ticket.vendor_message",
        "ticket.observe",
        "ticket.workaround",
        "workaround.accepted",
        "workaround.refused",
        "ticket.resolve",
        "ticket.reopen",
        "ticket.close",
        "ticket.approve",
        "ticket.reject",
        "ticket.cancel",
        "ticket.schedule",
        "ticket.visit_off",
        "ticket.check_in",
        "ticket.check_out",
    }
)
"""What a contact may know to have happened; of the data only the states."""
INTERNAL_CLOCKS = frozenset({"triage", "vendor"})
"""Between us and ours: no promise to the customer."""

_EVENTS = (
    select(event, agent.c.name.label("agent_name"), contact.c.name.label("contact_name"))
    .select_from(
        event.outerjoin(agent, agent.c.id == func.substr(event.c.actor, len("agent:") + 1)).outerjoin(
            contact, contact.c.id == func.substr(event.c.actor, len("contact:") + 1)
        )
    )
    .where(event.c.ticket_id == bindparam("ticket_id"))
    .order_by(event.c.seq)
)
_ALL_EVENTS = Prepared(_EVENTS)
_SOME_EVENTS = Prepared(_EVENTS.where(event.c.seq >= bindparam("first"), event.c.seq <= bindparam("last")))
_EVENT_ORDER = Order(name="events", columns=(event.c.seq,))
_public_events = event.c.kind.in_([literal(kind) for kind in sorted(PUBLIC_EVENTS)])
_CLOCKS = Prepared(
    select(clock)
    .where(clock.c.ticket_id == bindparam("ticket_id"))
    .order_by(clock.c.started_at, clock.c.name)
)
_TIMER = Prepared(
    select(tables.job.c.due).where(
        tables.job.c.shard == bindparam("ticket_id"), tables.job.c.idem_key == bindparam("key")
    )
)


def events_of(tx: Tx, who: Principal, ticket: Row) -> tuple[EventView, ...]:
    """All of them, in order; outside those that are public."""
    return _events(tx.all(_ALL_EVENTS, ticket_id=ticket.id), who, ticket)


def events(tx: Tx, who: Principal, number: str, *, cursor: str | None = None, limit: int = 50) -> Page:
    """One page of EventView, in order. A contact gets what is public of them. Raises NotFound, Invalid."""
    found = find(tx, who, number)
    condition = Condition(shape=("public",), build=lambda: _public_events)
    conditions = [] if who.kind != "contact" else [condition]
    walks = [Walk((("ticket_id", found.id),))]
    keys, further = page_keys(tx, event, walks, _EVENT_ORDER, conditions, cursor=cursor, limit=limit)
    if not keys:
        return Page(items=(), next=None)
    first, last = keys[0][-1], keys[-1][-1]
    rows = tx.all(_SOME_EVENTS, ticket_id=found.id, first=first, last=last)
    return Page(items=_events(rows, who, found), next=further)


def _events(rows: list[Row], who: Principal, ticket: Row) -> tuple[EventView, ...]:
    """Of a ticket that somebody else had before, outside only that it was opened, and what is newer."""
    inside, since = who.kind != "contact", hidden_before(who, ticket)
    return tuple(
        EventView(
            seq=row.seq,
            kind=row.kind,
            at=row.at,
            recorded_at=row.recorded_at,
            actor=row.actor if inside else row.actor.partition(":")[0],
            actor_name=""
            if since is not None and row.at < since
            else row.agent_name or row.contact_name or "",
            data=row.data if inside else {key: row.data[key] for key in ("from", "to") if key in row.data},
        )
        for row in rows
        if inside
        or (row.kind in PUBLIC_EVENTS and (since is None or row.at >= since or row.kind == "ticket.opened"))
    )


def clocks_of(tx: Tx, ticket_id: str, now: datetime, *, inside: bool) -> tuple[ClockView, ...]:
    """Its clocks as of now; outside those that are promises to the customer."""
    return tuple(
        ClockView(
            name=row.name,
            cycle=row.cycle,
            state=row.state,
            target_s=row.target_s,
            elapsed_s=_elapsed(tx, row, now),
            started_at=row.started_at,
            due_at=row.due_at
            if inside or row.name != "onsite" or coming.holds(tx, ticket_id, row.due_at)
            else None,
            stopped_at=row.stopped_at,
            breached_at=row.breached_at,
        )
        for row in tx.all(_CLOCKS, ticket_id=ticket_id)
        if inside or row.name not in INTERNAL_CLOCKS
    )


def _elapsed(tx: Tx, row: Row, now: datetime) -> int:
    """Of a clock that runs the seconds until now; what is stored is as of its last event."""
    if row.state != "running":
        return int(row.elapsed_s)
    return reference.hours(tx, row.calendar).elapsed(row.started_at, now) - int(row.paused_s)


def entitlement_of(tx: Tx, ticket_id: str, *, inside: bool) -> EntitlementView | None:
    """The last check; outside without the reasons of staff. None: there was none yet."""
    row = tx.one(entitle.LATEST, ticket_id=ticket_id)
    if row is None:
        return None
    terms = None
    if row.contract_version:
        lines = reference.contract(tx, row.contract_version).lines
        terms = next((line for line in lines if line.name == row.line), None)
    return EntitlementView(
        verdict=row.verdict,
        decision=row.decision if inside else "",
        reasons=tuple(row.evidence["reasons"]) if inside else (),
        contract=row.contract,
        line=row.line,
        sla=terms.sla if terms else None,
        calendar=terms.calendar if terms else None,
        window_open=row.window_open,
        next_open_at=row.next_open_at,
        would_be=row.would_be if inside else None,
        at=row.at,
        candidates=tuple(row.evidence["candidates"]) if inside else (),
    )


def next_action(tx: Tx, row: TicketRow) -> NextAction:
    """What happens next and by when. The key names the sentence in the catalogue."""
    until = visit_rows.choice_until(tx, row.id) if row.open and visit_rows.FLAG in row.flags else None
    standing = workarounds.live(tx, row.id) if row.open and workarounds.FLAG in row.flags else None
    asked = standing is not None and standing.state == "asked"
    if standing is not None and asked and until is None and row.state != "waiting_customer":
        return NextAction(key="workaround", due=standing.review_by)
    match row.state:
        case "received" | "triage":
            return NextAction(key="identify", due=row.next_due)
        case "on_hold":
            return NextAction(key="approval", due=row.next_due)
        case "waiting_customer":
            return NextAction(key="customer", due=None)
        case "waiting_vendor":
            return NextAction(key="vendor", due=vendor_rows.next_update(tx, row.id))
        case "monitoring":
            timer = tx.one(_TIMER, ticket_id=row.id, key=follow_ups.OBSERVED)
            return NextAction(key="monitoring", due=timer.due if timer else row.next_due)
        case "scheduled":
            visit = visit_rows.next_agreed(tx, row.id)
            return NextAction(key=row.state, due=visit.window_start if visit else row.next_due)
        case "onsite":
            return NextAction(key=row.state, due=row.next_due)
        case "resolved":
            timer = tx.one(_TIMER, ticket_id=row.id, key="auto-close")
            return NextAction(key="confirm", due=timer.due if timer else None)
        case "closed" | "rejected" | "cancelled" | "merged":
            return NextAction(key="none", due=None)
        case _:
            if until is not None:
                return NextAction(key="visit", due=until)
            if standing is not None:
                return NextAction(key="fix", due=_fix_due(tx, row) or standing.review_by)
            return NextAction(key="answer" if row.next_clock == "response" else "work", due=row.next_due)


def _fix_due(tx: Tx, row: TicketRow) -> datetime | None:
    """When the final fix is promised; None: at no time, or its clock stands still."""
    return next(
        (
            one.due_at
            for one in tx.all(_CLOCKS, ticket_id=row.id)
            if one.name == "resolve" and one.state == "running"
        ),
        None,
    )
