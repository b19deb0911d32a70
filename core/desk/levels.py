"""How long did each group have a ticket? For staff only: what we promise each other is never shown to a customer."""

from __future__ import annotations

from sqlalchemy import bindparam, select

from core.desk import acts, search
from core.desk.errors import NotFound
from core.desk.principal import Principal
from core.rules import levels
from core.rules.levels import Stay
from core.store import tables
from core.store.tx import Prepared, Tx

event = tables.event

_EVENTS = Prepared(
    select(event.c.kind, event.c.at, event.c.data)
    .where(event.c.ticket_id == bindparam("ticket_id"), event.c.kind.like("ticket.%"))
    .order_by(event.c.seq)
)


def of_ticket(tx: Tx, who: Principal, number: str) -> tuple[Stay, ...]:
    """One stay after the other. Raises NotFound."""
    if not who.is_agent:
        message = f"there is no ticket {number}"
        raise NotFound(message)
    found = search.find(tx, who, number)
    acts.only_staff(who)
    return levels.stays((row.kind, row.at, row.data) for row in tx.all(_EVENTS, ticket_id=found.id))
