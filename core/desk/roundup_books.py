"""Do the books of collected notices balance? Each waits for a roundup that will leave, and none is left behind by one that has."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import literal, select

from core.desk.collecting import KIND
from core.desk.outbox import COLLECTED
from core.store import tables
from core.store.tx import Tx

WORST = 20  # faults listed of each kind

delivery = tables.delivery
_roundup = delivery.alias()

OWN_DELIVERY = (delivery.c.kind == literal(KIND)) & (delivery.c.thread_id == delivery.c.ticket_id)
"""Of a delivery: it has nothing for a ticket, and needs none."""


def faults(tx: Tx, *, now: datetime) -> Iterator[tuple[str, str]]:
    """(what must not be, which row) each."""
    waits = (
        select(_roundup.c.id)
        .where(
            _roundup.c.kind == literal(KIND),
            _roundup.c.state.in_([literal("queued"), literal("sending")]),
            _roundup.c.address == delivery.c.address,
            _roundup.c.channel == delivery.c.channel,
        )
        .correlate(delivery)
        .exists()
    )
    lost = select(delivery.c.id).where(delivery.c.state == literal(COLLECTED), ~waits).limit(WORST)
    for row in tx.all(lost):
        yield "collected notice that nobody will tell", row.id
