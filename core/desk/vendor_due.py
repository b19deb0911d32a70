"""Has a vendor written by when they said? If not they are reminded, once, and whoever has the ticket is asked to see to it."""

from __future__ import annotations

from datetime import datetime

from core import texts
from core.desk import follow_ups, tasks, vendor_rows, vendor_sending
from core.desk.case import Case
from core.desk.principal import HUB
from core.rules import vendor as rule
from core.store.tx import Row, Tx


def look(tx: Tx, ticket_id: str, *, now: datetime) -> None:
    """The timer rang: whatever is overdue is looked at once, and the timer is set for what comes next. Safe to repeat."""
    case = Case.open(tx, ticket_id, now=now)
    for row in vendor_rows.standing(vendor_rows.of_ticket(tx, ticket_id)):
        if row.next_update_due and row.next_update_due <= now and not vendor_rows.reminded(tx, row):
            _overdue(case, row)
    vendor_rows.refresh(case)
    case.save()


def _overdue(case: Case, row: Row) -> None:
    tx, once = case.tx, vendor_rows.reminder_of(row)
    of = vendor_rows.named(tx, row.vendor)
    reminded = of is not None and bool(vendor_sending.recipients(tx, row))
    if reminded:
        language = tx.facts.language((of.language if of is not None else "") or None)
        due = texts.instant(row.next_update_due, tx.facts.zone, language)
        _, text = texts.notice(
            "vendor_reminder",
            language,
            vendor=row.vendor,
            reference=row.reference,
            about=row.subject,
            due=due,
            hub=tx.facts.name,
        )
        given = {"kind": rule.REMINDER, "idem": once, "language": language}
        vendor_sending.say(case, row, HUB, text, **given)  # type: ignore[arg-type]
    agent = case["assignee"]
    about = follow_ups.about(case) | {
        "url": f"/desk/tickets/{case['number']}/vendors/{row.id}",
        "vendor": row.vendor,
        "reference": row.reference,
    }
    tasks.add(
        tx,
        vendor_rows.LATE,
        ticket_id=case.id,
        now=case.now,
        agent=agent,
        group=None if agent else case["desk_group"],
        due=row.next_update_due,
        once=once,
        **about,
    )
    case.event("vendor.late", actor="system", vendor_case=row.id, reminded=reminded)
    vendor_rows.change(case, row, late=row.late + 1)
