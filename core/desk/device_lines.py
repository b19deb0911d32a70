"""How long are lines of devices kept that are no alarm? As long as the settings say; what began an alarm stays, with the lines that lie with it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Integer, bindparam, delete, literal_column, select

from core.ids import fixed_id
from core.store import tables, work
from core.store.columns import Instant
from core.store.schedules import Schedule
from core.store.tx import Prepared, Tx

LINES = "lines"
"""Why a row is put down in which messages of a device lie, and no alarm."""
KIND = "forget-lines"
NIGHTLY = Schedule(name=KIND, rhythm="daily 02:45", kind=KIND, payload={})
SLICE = 500  # rows that are forgotten in one transaction

inbound, blob = tables.inbound, tables.blob

_OLD = Prepared(
    select(inbound.c.id, inbound.c.raw)
    # Written out, not given: only so is the index of these rows used.
    .where(
        inbound.c.reason == literal_column(f"'{LINES}'"),
        inbound.c.received_at < bindparam("before", type_=Instant),
    )
    .order_by(inbound.c.received_at)
    .limit(bindparam("most", type_=Integer))
)
_GONE = Prepared(delete(inbound).where(inbound.c.id == bindparam("id")))
_BYTES_GONE = Prepared(delete(blob).where(blob.c.name == bindparam("name")))


def forget(tx: Tx, *, now: datetime) -> None:
    """A slice of those whose time is over, and a job for the next. Their bytes are nobody else's: no two rows of lines are the same."""
    old = tx.all(_OLD, before=now - tx.facts.keeps_lines, most=SLICE)
    for row in old:
        tx.run(_GONE, id=row.id)
        tx.run(_BYTES_GONE, name=row.raw)
    if len(old) == SLICE:
        work.enqueue(tx, shard=fixed_id(KIND), lane=KIND, kind=KIND, payload={}, due=now, now=now)
