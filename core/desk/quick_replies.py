"""Which quick replies are offered at a ticket, and what do they say there? In the customer's language; nothing is sent by them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import select

from core import texts
from core.desk import course, page
from core.desk.errors import Forbidden
from core.desk.principal import Principal
from core.desk.views import TicketView
from core.rules import quick_replies
from core.store import tables
from core.store.tx import Prepared, Tx

_ALL = Prepared(select(tables.quick_reply).order_by(tables.quick_reply.c.position))


@dataclass(frozen=True, slots=True, kw_only=True)
class QuickReply:
    """One that may be put into an answer."""

    name: str
    text: str
    language: str
    missing: tuple[str, ...]
    """Places without a value, which stand in the text as they were written."""


def of_ticket(tx: Tx, who: Principal, number: str, *, now: datetime) -> tuple[QuickReply, ...]:
    """Those for its group and for the agent's own, in their order, filled in. Raises NotFound, Forbidden."""
    if not who.is_agent:
        message = "quick replies are for staff"
        raise Forbidden(message)
    view = page.ticket(tx, who, number, now=now)
    values = _values(tx, who, view)
    found = []
    for row in tx.all(_ALL):
        if not quick_replies.concerns(row.groups, of_ticket=view.row.desk_group, of_agent=who.groups):
            continue
        if language := quick_replies.spoken(row.texts, view.language, tx.facts.languages):
            said = quick_replies.fill(row.texts[language], values)
            found.append(QuickReply(name=row.name, text=said.text, language=language, missing=said.missing))
    return tuple(found)


def _values(tx: Tx, who: Principal, view: TicketView) -> dict[str, str]:
    promised = [
        clock.due_at
        for clock in view.clocks
        if clock.state == "running" and clock.due_at and clock.name not in course.INTERNAL_CLOCKS
    ]
    due = texts.instant(min(promised), ZoneInfo(view.time_zone), view.language) if promised else ""
    return {
        "contact.name": view.row.requester_name,
        "ticket.number": view.row.number,
        "agent.name": who.name,
        "clock.due": due,
    }
