"""When does the desk hold back? Counters of what happened, for the brakes in `rules.brakes`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, func, literal_column, or_, select

from core.desk.authors import Author
from core.envelope import Inbound, Trust
from core.ids import first_id
from core.rules import brakes
from core.store import tables
from core.store.columns import Instant, to_micros
from core.store.tx import Prepared, Row, Tx

MINUTE = 60  # seconds
HOUR = 60 * MINUTE
DAY = 24 * HOUR
TEN_MINUTES = FLOOD_WINDOW = 10 * MINUTE
AUTOMATIC = "automatic"
THIS_MINUTE = "automatic:minute"
HELD_BACK = "breaker"
"""Somebody was not told that we have their mail, because too much was said by itself."""
SLOT = 5 * MINUTE
"""Counts are kept in slots of five minutes and summed: a window of an hour is right to five minutes."""
FLOOD_SLOT = MINUTE
"""Of mails of one sender: a window of ten minutes is right to one."""
SHORT_SLOT = 10
"""Of what is allowed in a minute."""

brake = tables.brake

_COUNT = Prepared(
    lambda insert: (
        insert(brake)
        .values(key=bindparam("key"), slot=bindparam("slot"), count=bindparam("count"))
        .on_conflict_do_update(
            index_elements=["key", "slot"], set_={"count": brake.c.count + literal_column("excluded.count")}
        )
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
            (brake.c.key == bindparam("mail")) & (brake.c.slot >= bindparam("flood")),
            (brake.c.key == bindparam("domain")) & (brake.c.slot >= bindparam("hour")),
            (brake.c.key == AUTOMATIC) & (brake.c.slot >= bindparam("hour")),
            (brake.c.key == THIS_MINUTE) & (brake.c.slot >= bindparam("minute")),
        )
    )
)
_CLEAR = Prepared(brake.delete().where(brake.c.key == bindparam("key")))
_FORGET = Prepared(brake.delete().where(brake.c.slot < bindparam("before")))


def count(tx: Tx, key: str, *, now: datetime, slot: int = SLOT) -> None:
    """Note that something happened.

    It waits for the end of the transaction: everybody counts in a few rows, which are then locked for the commit alone.
    """
    seconds = int(now.timestamp())
    slots = tx.group.setdefault(_UNCOUNTED, {}).setdefault(key, Counter())
    slots[seconds - seconds % slot] += 1
    tx.later(_write, key)


_UNCOUNTED = "what happened, of which the table knows nothing yet: by key and slot"


def _write(tx: Tx, keys: Sequence[str]) -> None:
    counts = tx.group.pop(_UNCOUNTED, {})
    rows = [
        {"key": key, "slot": slot, "count": count}
        for key in sorted(counts)  # in one order, so that nobody waits in a circle
        for slot, count in sorted(counts[key].items())
    ]
    tx.run_all(_COUNT, rows)


def happened(tx: Tx, key: str, *, within: int, now: datetime) -> int:
    """How often it happened within so many seconds."""
    since = int(now.timestamp()) - within
    return int(tx.one(_SUM, key=key, since=since).count) + _lately(tx, key, since)


def _lately(tx: Tx, key: str, since: int) -> int:
    slots = tx.group.get(_UNCOUNTED, {}).get(key, {})
    return sum(count for slot, count in slots.items() if slot > since)


def clear(tx: Tx, key: str) -> None:
    """As if it had never happened."""
    tx.group.get(_UNCOUNTED, {}).pop(key, None)
    tx.run(_CLEAR, key=key)


def forget(tx: Tx, *, now: datetime) -> int:
    """Drop counters older than two days."""
    return tx.changed(_FORGET, before=int(now.timestamp()) - 2 * DAY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """What is known of an address: how often it wrote, and how often we answered it and anybody by ourselves."""

    mails: int
    counts: brakes.Counts


def sender(tx: Tx, author: Author, envelope: str, *, now: datetime) -> Sender:
    """Look the address up and count this message. One query: this is on the way of every mail.

    `envelope`: who the transport said it was, which counts where the message has no usable author.
    """
    seconds = int(now.timestamp())
    writer = author.address or f"envelope {envelope.lower()}"
    rows = tx.all(_OF_SENDER, **_asked(author.address, writer, now=now))
    mails = _total(tx, rows, f"mail:{writer}", seconds - FLOOD_WINDOW)
    if not author.proved:
        count(tx, f"mail:{writer}", now=now, slot=FLOOD_SLOT)
    return Sender(mails=0 if author.proved else mails, counts=_answered(tx, rows, author.address, now=now))


def _answered(tx: Tx, rows: Sequence[Row], address: str, *, now: datetime) -> brakes.Counts:
    """How often this address, and anybody, was answered by itself. `rows`: of _OF_SENDER, asked for this address."""
    seconds = int(now.timestamp())
    return brakes.Counts(
        address_hour=_total(tx, rows, _ack(address), seconds - HOUR),
        address_day=_total(tx, rows, _ack(address), seconds - DAY),
        domain_hour=_total(tx, rows, _ack_of(address), seconds - HOUR),
        automatic_minute=_total(tx, rows, THIS_MINUTE, seconds - MINUTE),
        automatic_hour=_total(tx, rows, AUTOMATIC, seconds - HOUR),
    )


def _total(tx: Tx, rows: Sequence[Row], key: str, since: int) -> int:
    known = sum(int(row.count) for row in rows if row.key == key and row.slot > since)
    return known + _lately(tx, key, since)


def _ack(address: str) -> str:
    """Under which name the acknowledgements to an address are counted: a tag in it makes nobody another person (RFC 5233).

    >>> _ack("bot+17@b.test"), _ack("+390212345")
    ('ack:bot@b.test', 'ack:+390212345')
    """
    local, at, domain = address.rpartition("@")
    return f"ack:{local[:1]}{local[1:].partition('+')[0]}{at}{domain}"


def _ack_of(address: str) -> str:
    return f"ack-of:{address.rpartition('@')[2]}"


def _asked(address: str, writer: str, *, now: datetime) -> dict[str, Any]:
    seconds = int(now.timestamp())
    return {
        "ack": _ack(address),
        "domain": _ack_of(address),
        "mail": f"mail:{writer}",
        "day": seconds - DAY,
        "hour": seconds - HOUR,
        "flood": seconds - FLOOD_WINDOW,
        "minute": seconds - MINUTE,
    }


def foresee(tx: Tx, address: str, *, now: datetime) -> None:
    """This address is most likely going to be looked up, and whether anything may be sent to it."""
    tx.foresee(_OF_SENDER, **_asked(address, address, now=now))
    tx.foresee(_BAD, address=address)


def flooding(tx: Tx, known: Sender, *, in_chat: bool = False) -> bool:
    """Does this sender write faster than anybody reads?"""
    return brakes.flooding(mails_of_sender=known.mails, limits=tx.facts.brakes, in_chat=in_chat)


def doing_too_much(tx: Tx, author: Author, address: str, *, now: datetime) -> bool:
    """Does somebody in a chat, or a machine that talks to ours, ask for answers without end? Counts this once."""
    key = f"chat-act:{address}"
    if brakes.flooding(
        mails_of_sender=happened(tx, key, within=FLOOD_WINDOW, now=now), limits=tx.facts.brakes, in_chat=True
    ):
        return True
    if not author.proved:
        count(tx, key, now=now, slot=FLOOD_SLOT)
    return False


def acknowledge(
    tx: Tx, said: Inbound, author: Author, trust: Trust, known: Sender, *, to: str, now: datetime
) -> brakes.Acknowledge:
    """May the desk answer this message by itself? A yes is counted. `to`: the address that would be written to, which decides."""
    if not author.address:
        return brakes.Acknowledge(allowed=False, reason="no_address")
    counts = known.counts
    if to != author.address:
        counts = _answered(tx, tx.all(_OF_SENDER, **_asked(to, to, now=now)), to, now=now)
    if tx.one(_BAD, address=to) is not None:
        return brakes.Acknowledge(allowed=False, reason="address_does_not_work")
    decided = brakes.may_acknowledge(
        kind=said.kind,
        may_auto_reply=said.may_auto_reply,
        known=author.contact is not None,
        trust=trust,
        counts=counts,
        limits=tx.facts.brakes,
    )
    if decided.reason == "breaker":
        count(tx, HELD_BACK, now=now)
    if decided.allowed:
        count(tx, _ack(to), now=now)
        if decided.reason == "unknown":
            count(tx, _ack_of(to), now=now)
        if trust is not Trust.VERIFIED:
            count(tx, AUTOMATIC, now=now)
            count(tx, THIS_MINUTE, now=now, slot=SHORT_SLOT)
    return decided


def repeated(tx: Tx, said: Inbound, author: Author, known: Sender, *, now: datetime) -> Where | None:
    """Where this sender said the same before, so often that it is one request; None: it is a new one."""
    limits = tx.facts.brakes
    if author.proved or not author.address or not brakes.repeats(same_text=known.mails, limits=limits):
        return None  # who wrote so little cannot have repeated it so often: most mails end here
    words = _words(said.subject, said.text)
    since = now - timedelta(seconds=FLOOD_WINDOW)
    same = [
        row
        for row in tx.all(
            _SAID, address=author.address, since=since, first=first_id(to_micros(since) // 1000)
        )
        if _words(row.subject, row.text) == words
    ]
    if not brakes.repeats(same_text=len(same), limits=limits):
        return None
    return Where(ticket=same[0].ticket_id, thread=same[0].thread_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """A conversation of a ticket."""

    ticket: str
    thread: str


def _words(subject: str, text: str) -> list[str]:
    """What is compared: not spaces, not capitals."""
    return f"{subject}\n{text}".casefold().split()


_SAID = Prepared(
    select(
        tables.message.c.ticket_id,
        tables.message.c.thread_id,
        tables.message.c.subject,
        tables.message.c.text,
    )
    .select_from(
        tables.participant.join(
            tables.message,
            (tables.message.c.ticket_id == tables.participant.c.ticket_id)
            & (tables.message.c.author_address == tables.participant.c.address),
        ).join(tables.ticket, tables.ticket.c.id == tables.message.c.ticket_id)
    )
    .where(
        tables.participant.c.address == bindparam("address"),
        tables.participant.c.state == "joined",  # else it is no longer their request
        tables.participant.c.ticket_id
        >= bindparam("first"),  # of tickets opened since: the index has them in order
        tables.message.c.at > bindparam("since", type_=Instant),
        tables.message.c.direction == "in",
        tables.ticket.c.open,
    )
    .order_by(tables.message.c.at, tables.message.c.id)
    .limit(100)
)


def chattering(tx: Tx, ticket_id: str, *, now: datetime) -> bool:
    """Has this ticket taken enough of machines for an hour? Counts one more."""
    key = f"machine:{ticket_id}"
    if brakes.chattering(of_machines=happened(tx, key, within=HOUR, now=now), limits=tx.facts.brakes):
        return True
    count(tx, key, now=now)
    return False


def may_reopen(tx: Tx, ticket_id: str, *, now: datetime) -> bool:
    """May one more mail open this solved ticket again? Counts the reopening."""
    key = f"reopen:{ticket_id}"
    if not brakes.may_reopen(reopens_today=happened(tx, key, within=DAY, now=now), limits=tx.facts.brakes):
        return False
    count(tx, key, now=now)
    return True


def answered(tx: Tx, ticket_id: str) -> None:
    """A person of ours wrote to the customer: what mail opens again from now on is a conversation, and counted anew."""
    clear(tx, f"reopen:{ticket_id}")


_BAD = Prepared(
    select(tables.bad_address.c.reason).where(tables.bad_address.c.address == bindparam("address"))
)
