"""When does the desk hold back? Counters of what happened, for the brakes in `rules.brakes`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, func, or_, select

from core.desk.authors import Author
from core.envelope import Inbound, Trust
from core.rules import brakes
from core.store import tables
from core.store.tx import Prepared, Tx

MINUTE = 60  # seconds
HOUR = 60 * MINUTE
DAY = 24 * HOUR
FLOOD_WINDOW = 10 * MINUTE
AUTOMATIC = "automatic"
THIS_MINUTE = "automatic:minute"
SLOT = 5 * MINUTE
"""Counts are kept in slots of five minutes and summed: a window of an hour is right to five minutes."""
SHORT_SLOT = 10
"""Of what is allowed in a minute."""

brake = tables.brake

_COUNT = Prepared(
    lambda insert: (
        insert(brake)
        .values(key=bindparam("key"), slot=bindparam("slot"), count=1)
        .on_conflict_do_update(index_elements=["key", "slot"], set_={"count": brake.c.count + 1})
    )
)
_SUM = Prepared(
    select(func.coalesce(func.sum(brake.c.count), 0).label("count")).where(
        brake.c.key == bindparam("key"), brake.c.slot > bindparam("since")
    )
)
_OF_SENDER = Prepared(
    select(brake.c.key, brake.c.slot, brake.c.count).where(
        or_(
            (brake.c.key == bindparam("ack")) & (brake.c.slot >= bindparam("day")),
            (brake.c.key == bindparam("mail")) & (brake.c.slot >= bindparam("hour")),
            (brake.c.key == AUTOMATIC) & (brake.c.slot >= bindparam("hour")),
            (brake.c.key == THIS_MINUTE) & (brake.c.slot >= bindparam("minute")),
        )
    )
)
_FORGET = Prepared(brake.delete().where(brake.c.slot < bindparam("before")))


def count(tx: Tx, key: str, *, now: datetime, slot: int = SLOT) -> None:
    """Note that something happened."""
    seconds = int(now.timestamp())
    tx.run(_COUNT, key=key, slot=seconds - seconds % slot)


def happened(tx: Tx, key: str, *, within: int, now: datetime) -> int:
    """How often it happened within so many seconds."""
    return int(tx.one(_SUM, key=key, since=int(now.timestamp()) - within).count)


def forget(tx: Tx, *, now: datetime) -> int:
    """Drop counters older than two days."""
    return tx.run(_FORGET, before=int(now.timestamp()) - 2 * DAY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """What is known of an address: how often it wrote, and how often we answered it and anybody by ourselves."""

    mails: int
    counts: brakes.Counts


def sender(tx: Tx, author: Author, *, now: datetime) -> Sender:
    """Look the address up and count this message. One query: this is on the way of every mail."""
    seconds = int(now.timestamp())
    rows = tx.all(
        _OF_SENDER,
        ack=f"ack:{author.address}",
        mail=f"mail:{author.address}",
        day=seconds - DAY,
        hour=seconds - HOUR,
        minute=seconds - MINUTE,
    )

    def total(key: str, since: int) -> int:
        return sum(row.count for row in rows if row.key == key and row.slot > since)

    mails = total(f"mail:{author.address}", seconds - FLOOD_WINDOW)
    if author.address and not author.proved:
        count(tx, f"mail:{author.address}", now=now)
    return Sender(
        mails=0 if author.proved else mails,
        counts=brakes.Counts(
            address_hour=total(f"ack:{author.address}", seconds - HOUR),
            address_day=total(f"ack:{author.address}", seconds - DAY),
            automatic_minute=total(THIS_MINUTE, seconds - MINUTE),
            automatic_hour=total(AUTOMATIC, seconds - HOUR),
        ),
    )


def flooding(tx: Tx, known: Sender) -> bool:
    """Does this sender write faster than anybody reads?"""
    return brakes.flooding(mails_of_sender=known.mails, limits=tx.facts.brakes)


def acknowledge(
    tx: Tx, said: Inbound, author: Author, trust: Trust, known: Sender, *, now: datetime
) -> brakes.Acknowledge:
    """May the desk answer this message by itself? A yes is counted."""
    if not author.address:
        return brakes.Acknowledge(allowed=False, reason="no_address")
    if tx.one(_BAD, address=author.address) is not None:
        return brakes.Acknowledge(allowed=False, reason="address_does_not_work")
    decided = brakes.may_acknowledge(
        kind=said.kind,
        may_auto_reply=said.may_auto_reply,
        known=author.contact is not None,
        trust=trust,
        counts=known.counts,
        limits=tx.facts.brakes,
    )
    if decided.allowed:
        count(tx, f"ack:{author.address}", now=now)
        if trust is not Trust.VERIFIED:
            count(tx, AUTOMATIC, now=now)
            count(tx, THIS_MINUTE, now=now, slot=SHORT_SLOT)
    return decided


def may_reopen(tx: Tx, ticket_id: str, *, now: datetime) -> bool:
    """May one more mail open this solved ticket again? Counts the reopening."""
    key = f"reopen:{ticket_id}"
    if not brakes.may_reopen(reopens_today=happened(tx, key, within=DAY, now=now), limits=tx.facts.brakes):
        return False
    count(tx, key, now=now)
    return True


_BAD = Prepared(
    select(tables.bad_address.c.reason).where(tables.bad_address.c.address == bindparam("address"))
)
