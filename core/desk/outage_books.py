"""Do the books of outages balance? Who asked was told of the end once or there is a reason, and nothing was told twice."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import func, literal, or_, select

from core.desk.broadcasts import LAST
from core.store import tables
from core.store.tx import Tx

WORST = 20  # faults listed of each kind

outage, update = tables.outage, tables.outage_update
subscriber, telling = tables.outage_subscriber, tables.outage_telling
delivery, event = tables.delivery, tables.event

_OVER = outage.c.state.in_([literal(state) for state in LAST])
_LAST_TELLING = (
    select(telling.c.seq)
    .where(
        telling.c.outage_id == outage.c.id,
        telling.c.subscriber_id == subscriber.c.id,
        telling.c.seq == outage.c.last_update,
    )
    .correlate(outage, subscriber)
    .exists()
)
_ASKED = subscriber.join(outage, outage.c.id == subscriber.c.outage_id)

OWN_DELIVERY = (
    select(telling.c.seq)
    .where(
        telling.c.outage_id == delivery.c.ticket_id,
        telling.c.subscriber_id == delivery.c.thread_id,
        telling.c.shard == delivery.c.ticket_id,
        telling.c.message_id == delivery.c.message_id,
    )
    .correlate(delivery)
    .exists()
)
"""A delivery by which an outage told somebody an update; it has no ticket."""


def faults(tx: Tx) -> Iterator[tuple[str, str]]:
    """(what must not be, which outage) each."""
    not_told = or_(
        subscriber.c.state == literal("waiting"), (subscriber.c.state == literal("told")) & ~_LAST_TELLING
    )
    told_all_the_same = (subscriber.c.state != literal("told")) & _LAST_TELLING
    early = outage.c.state == literal("running"), subscriber.c.state != literal("waiting")
    for kind, conditions in (
        ("who asked was not told of the end", (_OVER, not_told)),
        ("who was to hear nothing was told of the end", (_OVER, told_all_the_same)),
        ("who asked counts as told before the end", early),
    ):
        for row in tx.all(select(outage.c.id).select_from(_ASKED).where(*conditions).distinct().limit(WORST)):
            yield kind, row.id
    yield from _tellings(tx)
    yield from _history(tx)


def _tellings(tx: Tx) -> Iterator[tuple[str, str]]:
    """Each lies in exactly one message of a ticket, or went out by exactly one delivery of the outage."""
    of_own = (
        select(func.count())
        .select_from(delivery)
        .where(
            delivery.c.ticket_id == telling.c.outage_id,
            delivery.c.thread_id == telling.c.subscriber_id,
            delivery.c.message_id == telling.c.message_id,
        )
        .correlate(telling)
        .scalar_subquery()
    )
    in_ticket = (
        select(tables.message.c.id)
        .where(tables.message.c.ticket_id == telling.c.shard, tables.message.c.id == telling.c.message_id)
        .correlate(telling)
        .exists()
    )
    own = telling.c.shard == telling.c.outage_id
    wrong = or_(own & (of_own != 1), ~own & ~in_ticket)
    for row in tx.all(select(telling.c.outage_id).where(wrong).distinct().limit(WORST)):
        yield "told without a delivery, or twice", row.outage_id


def _history(tx: Tx) -> Iterator[tuple[str, str]]:
    """The updates are without a gap, the state is that of the last, and each is on the chain of events."""
    last = {kind: kind for kind in LAST} | {"published": "running", "updated": "running"}
    for row in tx.all(select(outage.c.id, outage.c.state, outage.c.last_update)):
        kinds = [
            one.kind
            for one in tx.all(
                select(update.c.kind).where(update.c.outage_id == row.id).order_by(update.c.seq)
            )
        ]
        chained = [
            one.kind.partition(".")[2]
            for one in tx.all(select(event.c.kind).where(event.c.ticket_id == row.id).order_by(event.c.seq))
            if one.kind not in ("outage.asked", "outage.widened") and one.kind.startswith("outage.")
        ]
        if len(kinds) != row.last_update or not kinds or last[kinds[-1]] != row.state:
            yield "outage whose updates are not all there", row.id
        elif chained != kinds:
            yield "outage whose events are not its updates", row.id
