"""The customer was asked and says nothing: two reminders, then the request counts as solved (desk.md 7).

After five working days of the line's calendar, two more, and three more. Whoever answers ends it, at any time.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import bindparam, literal, select

from core import texts
from core.desk import clock_policies, follow_ups, notices, resolution
from core.desk.case import Case
from core.store import tables, work
from core.store.tx import Prepared, Tx

WAITS = (5, 2, 3)
"""Working days until the first reminder, the second, and the end."""
REMINDED = "ticket.reminded"

event = tables.event

_SINCE = Prepared(
    select(event.c.kind, event.c.data)
    .where(
        event.c.ticket_id == bindparam("ticket_id"),
        (event.c.kind == literal("ticket.wait_customer")) | (event.c.kind == literal(REMINDED)),
    )
    .order_by(event.c.seq.desc())
    .limit(1)
)


def watch(case: Case) -> None:
    """The customer has the ball from `state_since` on: remind them when they keep it too long."""
    _ring(case, _later(case, case["state_since"], WAITS[0]))


def look(tx: Tx, ticket_id: str, *, now: datetime) -> None:
    """The timer rang: remind, or count it as solved. Does nothing when the ticket no longer waits for its customer."""
    case = Case.open(tx, ticket_id, now=now)
    if case["state"] != "waiting_customer":
        return
    last = tx.one(_SINCE, ticket_id=ticket_id)
    reminders = int(last.data["n"]) if last is not None and last.kind == REMINDED else 0
    if reminders == len(WAITS) - 1:
        if resolution.resolve_unanswered(case):
            return
        _ring(case, _later(case, now, 1))
        case.save()
        return
    following = _later(case, now, WAITS[reminders + 1])
    end = following if reminders == len(WAITS) - 2 else _later(case, following, WAITS[-1])
    asked = case["snippet"] if case["last_direction"] == "out" else ""
    notices.progress(
        case,
        "reminder",
        asked=asked,
        until=texts.instant(end, notices.zone_of(case), case["language"]),
    )
    case.event(REMINDED, actor="system", n=reminders + 1)
    _ring(case, following)
    case.save()


def _later(case: Case, since: datetime, days: int) -> datetime:
    hours = clock_policies.hours(case).calendar
    due = hours.due_working_days(since, days)
    assert due is not None  # noqa: S101 - only a pause could hold it
    return due


def _ring(case: Case, due: datetime) -> None:
    work.set_timer(
        case.tx,
        shard=case.id,
        key=follow_ups.UNANSWERED,
        kind=follow_ups.UNANSWERED,
        payload={},
        due=max(due, case.now),
        now=case.now,
    )
