"""What does the closing report say? Its values, drawn from the ticket's own events and clocks."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, select

from core import texts
from core.desk import notices, people, reference
from core.desk.case import Case
from core.store import tables
from core.store.tx import Prepared

_EVENTS = Prepared(
    select(tables.event.c.kind, tables.event.c.at, tables.event.c.actor)
    .where(tables.event.c.ticket_id == bindparam("ticket_id"), tables.event.c.kind.like("ticket.%"))
    .order_by(tables.event.c.seq)
)
_CLOCKS = Prepared(
    select(tables.sla_clock)
    .where(tables.sla_clock.c.ticket_id == bindparam("ticket_id"))
    .order_by(tables.sla_clock.c.started_at, tables.sla_clock.c.name)
)

_TOLD = {
    "ticket.opened": "received",
    "ticket.qualify": "qualified",
    "ticket.take": "taken",
    "ticket.workaround": "workaround",
    "ticket.wait_customer": "waiting",
    "ticket.customer_message": "resumed",
    "ticket.resume": "resumed",
    "ticket.resolve": "resolved",
    "ticket.reopen": "reopened",
    "ticket.close": "closed",
}
"""Events a report tells, and the key of their words. `triage` is a clock of the inside."""

NOT_AGREED = ("triage", "promise")
"""Clocks of which no contract speaks."""


def said(case: Case, at: datetime) -> str:
    """An instant in the words and the zone of the customer."""
    return texts.instant(at, notices.zone_of(case), case["language"])


def values(case: Case) -> dict[str, Any]:
    """Everything `notices/*/_report.txt` shows. The case may hold events that are not saved yet."""
    language = case["language"]
    resolution = case["resolution"]
    customer = reference.customer(case.tx, case["customer"]) if case["customer"] else None
    stored = [(row.kind, row.at, row.actor) for row in case.tx.all(_EVENTS, ticket_id=case.id)]
    fresh = [(row["kind"], row["at"], row["actor"]) for row in case.new_events()]
    since = case["requester_since"]
    events = [
        (kind, at, actor)
        for kind, at, actor in stored + fresh
        if kind in _TOLD and (since is None or at >= since or kind == "ticket.opened")
    ]
    return {
        "version": 1 + sum(kind == "ticket.resolve" for kind, _, _ in events[:-1]),
        "customer": customer.name if customer else "",
        "requester": case["requester_name"] or case["requester_address"],
        "contract": case["contract"],
        "line": case["line"],
        "asset": case["asset"],
        "request_subject": notices.title(case),
        "request_type": case["request_type"] or "",
        "technology": case["technology"] or "",
        "priority": case["priority"] or "",
        "timeline": [
            {"at": said(case, at), "key": _TOLD[kind], "who": _name(case, actor)}
            for kind, at, actor in events
        ],
        "cause": resolution.get("cause", ""),
        "solution": resolution.get("text", ""),
        "work": texts.duration(int(resolution.get("minutes", 0)) * 60, language),
        "clocks": [
            {
                "name": row.name,
                "elapsed": texts.duration(row.elapsed_s, language),
                "target": texts.duration(row.target_s, language),
                "paused": texts.duration(row.paused_s, language) if row.paused_s >= 60 else "",  # noqa: PLR2004
                "met": row.state == "met" and row.breached_at is None,
            }
            for row in case.tx.all(_CLOCKS, ticket_id=case.id)
            if row.name not in NOT_AGREED and row.state in ("met", "breached")
        ],
    }


def working_days_later(case: Case, days: int) -> datetime:
    """The same time that many working days later, by the calendar named Office, else around the clock."""
    desk = reference.desk(case.tx)
    hours = desk.calendars.get("Office") or desk.calendars[reference.ALWAYS]
    due = hours.calendar.due_working_days(case.now, days)
    return due or case.now + timedelta(days=days)  # None only under a pause, and there is none


def _name(case: Case, actor: str) -> str:
    kind, _, identity = actor.partition(":")
    if kind == "agent":
        agent = people.agent(case.tx, identity)
        return agent.name if agent else ""
    return case.tx.facts.name
