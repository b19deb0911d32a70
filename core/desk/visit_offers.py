"""Which times is a customer given for a visit, and what do they make of them? Held for four hours; the first acceptance wins.

A hold that is over is looked at again when somebody chooses it: they get it if it is still free, else new times.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import bindparam, select

from core.desk import (
    acts,
    bookings,
    follow_ups,
    resolution,
    visit_crew,
    visit_notices,
    visit_rows,
    visit_times,
)
from core.desk.case import Case
from core.desk.errors import NotFound, Refused
from core.desk.principal import HUB, Principal
from core.desk.visit_rows import (
    AGREEABLE,
    AGREED,
    COUNTER,
    NO_CHOICE,
    NO_TIME,
    PROPOSED,
    WANTS_ANOTHER,
    change,
    end_offers,
    offered,
    settle_tasks,
)
from core.ids import new_id
from core.rules.slots import Why
from core.store import tables
from core.store.tx import Prepared, Row

HELD = timedelta(hours=4)
"""So long a time that was offered is nobody else's."""

visit_slot = tables.visit_slot

_SLOT = Prepared(
    select(visit_slot).where(
        visit_slot.c.ticket_id == bindparam("ticket_id"), visit_slot.c.id == bindparam("id")
    )
)

# --- Offering ----------------------------------------------------------------------------------------------


def offer(case: Case, who: Principal, row: Row, *, not_before: datetime | None = None) -> Why | None:
    """Hold the best times and tell the customer; those of before are free. Return why there are none; None: there are."""
    end_offers(case, row, "released", by=who.actor)
    found = visit_times.find(case, row, not_before=not_before)
    if not found.slots:
        case.event("visit.no_time", actor=who.actor, visit=row.id, why=str(found.why))
        follow_ups.ask(case, NO_TIME, once=f"{NO_TIME}:{row.id}", **_leads_to(case, row))
        return found.why
    until = case.now + HELD
    ids = {one: new_id() for one in found.slots}
    taken = [(who, one) for one in found.slots for who in (one.engineer, *one.others)]
    for who_comes, one in sorted(taken, key=lambda pair: pair[0]):  # two hubs meet in one order
        bookings.take(
            case.tx,
            who_comes,
            bookings.HOLD,
            one.start,
            one.end,
            by=who.actor,
            now=case.now,
            ticket_id=case.id,
            visit_id=row.id,
            expires_at=until,
        )
    for one in found.slots:
        case.tx.insert(
            visit_slot,
            ticket_id=case.id,
            visit_id=row.id,
            id=ids[one],
            technician=one.engineer,
            others=list(one.others),
            slot_start=one.start,
            slot_end=one.end,
            expires_at=until,
            state="offered",
            by=who.actor,
            at=case.now,
        )
    if row.state == COUNTER:
        row = change(case, row, state=PROPOSED)
    case.event(
        "visit.offered",
        actor=who.actor,
        visit=row.id,
        slots=[{"slot": ids[one], "why": str(one.reason), "late": one.late} for one in found.slots],
    )
    settle_tasks(case, row, WANTS_ANOTHER, NO_CHOICE, NO_TIME)
    visit_notices.tell(case, row, visit_notices.OFFERED, slots=offered(case.tx, case.id, row.id), until=until)
    return None


def expire(case: Case, row: Row) -> None:
    """Nobody chose within four hours: the times are free, and whoever has the ticket sees to it."""
    waiting = offered(case.tx, case.id, row.id)
    if waiting and waiting[0].expires_at <= case.now:
        end_offers(case, row, "expired", by="system")
        case.event("visit.expired", actor="system", visit=row.id)
        follow_ups.ask(case, NO_CHOICE, once=f"{NO_CHOICE}:{row.id}", **_leads_to(case, row))


# --- Choosing ----------------------------------------------------------------------------------------------


def is_agreed(case: Case, row: Row, slot_id: str) -> bool:
    """This time was chosen before, and it is the one that holds: who did not see the answer presses again."""
    slot = case.tx.one(_SLOT, ticket_id=case.id, id=slot_id)
    return (
        slot is not None
        and slot.visit_id == row.id
        and slot.state == "taken"
        and row.state in AGREED
        and slot.slot_start == row.window_start
        and visit_crew.ids(case.tx, row)[:1] == [slot.technician]
    )


def take(case: Case, who: Principal, row: Row, slot_id: str) -> Row | None:
    """The slot that is chosen, free for it; None: it is gone, and new times were offered. Raises NotFound, Refused."""
    slot = case.tx.one(_SLOT, ticket_id=case.id, id=slot_id)
    if slot is None or slot.visit_id != row.id:
        message = f"{case['number']} was offered no such time"
        raise NotFound(message)
    if row.state not in AGREEABLE:
        raise Refused(f"this visit is {row.state}: no time is chosen any more", code="visit_over")
    if slot.state in ("taken", "released", "declined"):
        raise Refused(
            "this time is offered no longer: another was chosen, or others were offered", code="chosen"
        )
    held = slot.state == "offered" and slot.expires_at > case.now and slot.slot_start > case.now
    crew = [slot.technician, *slot.others]
    if not held and visit_times.obstacle(case, row, crew, slot.slot_start) is not None:
        offer(case, who, row)
        return None
    case.tx.update(
        visit_slot,
        {"ticket_id": case.id, "visit_id": row.id, "id": slot.id},
        state="taken",
        by=who.actor,
        at=case.now,
    )
    return slot


def decline(case: Case, who: Principal, row: Row, text: str) -> Row:
    """None of the times fits, or the one that was agreed does not any more: in their words. Staff see to it.

    `text`: empty in a chat, where they say it next.
    """
    if row.state not in AGREEABLE:
        raise Refused(f"this visit is {row.state}: ask for another", code="visit_over")
    end_offers(case, row, "declined", by=who.actor)
    if text:
        _heard(case, who, acts.plain(text))
    if row.state == PROPOSED:
        row = change(case, row, state=COUNTER)
    case.event("visit.another_wanted", actor=who.actor, visit=row.id)
    settle_tasks(case, row, NO_CHOICE)
    follow_ups.ask(case, WANTS_ANOTHER, once=f"{WANTS_ANOTHER}:{row.id}", **_leads_to(case, row))
    return row


def _heard(case: Case, who: Principal, text: str) -> None:
    if who.kind == "contact":
        acts.hear(case, who, text)
        resolution.customer_wrote(case, at=case.now)
    elif who.is_agent:
        acts.note(case, who, text)
    else:
        acts.note(case, HUB, f"{who.name or who.id}: {text}")


def _leads_to(case: Case, row: Row) -> dict[str, object]:
    return {"due": case["next_due"], "url": visit_rows.page(case, row)}
