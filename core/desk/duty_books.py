"""Do the books of duties balance? Every call to colleagues left or says why not, and nothing is pending once somebody knows."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import Select, exists, func, literal, select

from core.desk.page_ways import KIND
from core.store import tables
from core.store.tx import Tx

WORST = 20  # faults listed of each kind

page, delivery, event = tables.page, tables.delivery, tables.event
override, handover = tables.rota_override, tables.handover

_of_page = (delivery.c.ticket_id == page.c.ticket_id) & (delivery.c.message_id == page.c.id)
_other = page.alias()
_last = (
    select(func.max(_other.c.at))
    .where(_other.c.ticket_id == page.c.ticket_id)
    .correlate(page)
    .scalar_subquery()
)


def faults(tx: Tx, *, now: datetime) -> Iterator[tuple[str, str]]:
    """(what must not be, which row) each."""
    for row in tx.all(
        select(page.c.ticket_id, page.c.id, page.c.agent).where(~exists().where(_of_page)).limit(WORST)
    ):
        told = tx.all(
            select(event.c.data).where(
                event.c.ticket_id == row.ticket_id, event.c.kind == literal("ticket.paged")
            )
        )
        if not any(row.agent in one.data.get("unreached", ()) for one in told):
            yield "call to a colleague that never left, without a reason", row.id
    questions: tuple[tuple[str, Select[Any]], ...] = (
        (
            "call that still waits to leave although somebody knows",
            select(delivery.c.id.label("about"))
            .select_from(delivery.join(page, page.c.ticket_id == delivery.c.ticket_id))
            .where(
                delivery.c.kind == literal(KIND),
                delivery.c.state == literal("queued"),
                page.c.seen_at >= _last,
            ),
        ),
        (
            "override that ends before it begins",
            select(override.c.id.label("about")).where(override.c.until <= override.c.since),
        ),
        (
            "handover that one person signed for both sides",
            select(handover.c.id.label("about")).where(
                handover.c.signed_in.is_not(None),
                handover.c.signed_out.is_not(None),
                handover.c.signed_in_by == handover.c.signed_out_by,
            ),
        ),
    )
    for kind, question in questions:
        for row in tx.all(question.limit(WORST)):
            yield kind, row.about
