"""Which notices wait to be told together? What goes beyond an address's share of an hour, of whatever requests.

Each such notice is a message of its own conversation with a delivery of its own, which has no job: its state says that it is
collected. One more delivery, the roundup, has the job, and nothing for a ticket; the events of its own chain name what it said
(core.desk.roundups). A roundup takes in what comes until it leaves.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import bindparam, literal, select

from core.desk import outbox
from core.envelope import Address
from core.ids import new_id
from core.store import tables
from core.store.tx import Prepared, Tx

KIND = "roundup"
"""Of the one delivery."""

delivery, job = tables.delivery, tables.job

_OPEN = Prepared(
    select(delivery.c.id, job.c.due)
    .select_from(delivery.join(job, job.c.shard == delivery.c.ticket_id))
    .where(
        delivery.c.state == literal("queued"),
        delivery.c.kind == literal(KIND),
        delivery.c.attempts == literal(0),
        delivery.c.address == bindparam("address"),
        delivery.c.channel == bindparam("channel"),
        job.c.kind == literal("send"),
    )
    .order_by(job.c.due)
    .with_for_update(of=delivery)  # it does not leave while something is added to it
)


def waiting(tx: Tx, to: Address, channel: str, *, earliest: datetime, latest: datetime) -> datetime | None:
    """When the roundup for this address that leaves in [earliest, latest] does; None: there is none."""
    rows = tx.all(_OPEN, address=to.address, channel=channel)
    return next((row.due for row in rows if earliest <= row.due <= latest), None)


def begin(tx: Tx, to: Address, channel: str, *, due: datetime, now: datetime) -> None:
    """A roundup for this address that leaves then."""
    shard = new_id()
    outbox.queue(
        tx,
        shard,
        message_id=shard,
        thread_id=shard,
        channel=channel,
        to=to,
        kind=KIND,
        now=now,
        due=due,
    )
