"""How does a request stand, in the words of who asked? State, what happens next and when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, select

from core import texts
from core.desk import reference
from core.store import tables
from core.store.tx import Prepared, Tx

ticket, clock = tables.ticket, tables.sla_clock

_TICKET = Prepared(select(ticket).where(ticket.c.id == bindparam("id")))
_CLOCKS = Prepared(
    select(clock.c.name, clock.c.due_at).where(
        clock.c.ticket_id == bindparam("ticket_id"), clock.c.state == "running"
    )
)
_NEXT = ("response", "update")
"""Clocks that say when the customer hears of us again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One request, in words."""

    number: str
    subject: str
    state: str
    next_update: str
    """When they hear of us; empty: nothing is promised."""
    solution: str
    """When it is to be solved, where no sooner word is promised."""


def of(tx: Tx, ticket_id: str, language: str, *, now: datetime) -> Standing:
    """How this request stands. The caller has looked whether it is theirs."""
    row = tx.one(_TICKET, id=ticket_id)
    states = texts.voice(language)["state"]
    name = "workaround" if "workaround" in row.flags and row.open else row.state
    state = states.get(name, states["in_progress"])
    customer = reference.customer(tx, row.customer) if row.customer else None
    zone = ZoneInfo(customer.time_zone) if customer else tx.facts.zone
    clocks = tx.all(_CLOCKS, ticket_id=ticket_id)
    due = {one.name: one.due_at for one in clocks if one.due_at and one.due_at > now}
    heard = [due[name] for name in _NEXT if name in due]
    return Standing(
        number=row.number,
        subject=row.subject if row.requester_since is None else texts.title(language, number=row.number),
        state=f"{state[:1].upper()}{state[1:]}",
        next_update=texts.instant(min(heard), zone, language) if heard else "",
        solution=texts.instant(due["resolve"], zone, language) if "resolve" in due and not heard else "",
    )
