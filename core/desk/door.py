"""How does anything get in? Bytes are stored before they are acknowledged; understanding them is a job.

Every inbound row ends in exactly one outcome: ticket, attached, held, alert, machine, exception or duplicate.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select, union_all, update

from core.alerting import BATCH, PACE, Agreed
from core.desk import alert_sources, reference, source_states, trap_senders
from core.envelope import Arrival, Claims, Inbound, NotRead
from core.ids import derived_id, fixed_id, new_id
from core.rules import correlation, sameness
from core.store import blobs, tables, work
from core.store.database import StoreUnavailable
from core.store.tx import Prepared, Row, Tx

LANES = 16
"""Intake lanes: many senders share one, and none waits for another's broken message."""

DAY = 86_400  # seconds
ALERT_SOURCE = "alert_source"
"""In the envelope of what a device sent: by whom."""

ANSWERS = "answers"
"""In the envelope of what came to us directly: what was published about its sender (core.channel.Inquiring)."""

_SHARDS = tuple(fixed_id(f"intake:{n:02}") for n in range(LANES))

inbound = tables.inbound

_ONE = Prepared(select(inbound).where(inbound.c.id == bindparam("id")))
_WITH_BYTES = Prepared(
    select(inbound, tables.blob.c.content)
    .select_from(inbound.outerjoin(tables.blob, tables.blob.c.name == inbound.c.raw))
    .where(inbound.c.id == bindparam("id"))
    .order_by(tables.blob.c.piece)
)
# Two look-ups and no OR: PostgreSQL reads a table that was empty yesterday from end to end rather than look twice.
_WHEN = Prepared(
    union_all(
        *(
            select(inbound.c.id, inbound.c.received_at, inbound.c.ticket_id).where(
                inbound.c.id == bindparam(name)
            )
            for name in ("before", "today")
        )
    ).order_by("id")
)
_OPEN = Prepared(select(tables.ticket.c.open).where(tables.ticket.c.id == bindparam("id")))
_AGAIN = Prepared(update(inbound).where(inbound.c.id == bindparam("id")).values(copies=inbound.c.copies + 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """An inbound row with its bytes, for the reader of its channel."""

    id: str
    channel: str
    raw: bytes
    arrival: Mapping[str, Any]
    """channel, external_id, sender, recipients, received_at, envelope."""
    tries: int
    options: Mapping[str, Any] = field(default_factory=dict)
    """What its reader needs beside the settings of the channel."""
    asked: bool = False
    """Its envelope holds answers that are not kept yet."""


def accept(tx: Tx, arrival: Arrival, *, now: datetime, later: bool = True) -> str:
    """Store what arrived; return its id. Once this is committed the sender may be told that we have it.

    Safe to repeat: the same (channel, external id), or without one the same bytes for the same recipients within a
    day, is the same row, and is counted. `later=False`: the caller understands it in this transaction. Raises ValueError for a
    naive instant, and StoreUnavailable when the disk has no room for more; of what a device reports what
    alert_sources.admitted raises.
    """
    if arrival.received_at.tzinfo is None:
        message = f"received_at: {arrival.received_at} has no time zone"
        raise ValueError(message)
    if full := tx.facts.full():
        raise StoreUnavailable(full)
    source, new = None, False
    if arrival.claims is not None:
        source = alert_sources.admitted(
            reference.desk(tx).alert_sources, arrival.claims, signed=arrival.raw, now=now
        )
        if arrival.claims.proved is not None:
            trap_senders.heard(tx, source.name, arrival.claims.proved)
        new = arrival.external_id is None  # it is given an id that nobody had before
        # The same words again are another message: whether they mean anything new is for the alert to say.
        arrival = replace(
            arrival,
            sender=source.name,
            external_id=f"{source.name}/{arrival.external_id or new_id()}",
            envelope={**arrival.envelope, ALERT_SOURCE: source.name},
        )
    elif later:
        reference.foresee(tx)  # answered together with what is asked next: mail waits for one answer, not two
    identity, there = _identity(tx, arrival, new=new)
    if there:
        tx.run(_AGAIN, id=identity)
        return identity
    if arrival.claims is None and later:
        source = alert_sources.only_to(reference.desk(tx).alert_sources, arrival.recipients)
        if source is not None:
            arrival = replace(arrival, envelope={**arrival.envelope, ALERT_SOURCE: source.name})
    tx.insert(  # whoever is handed in at the same moment by another is looked for again
        inbound,
        id=identity,
        channel=arrival.channel,
        external_id=arrival.external_id,
        received_at=arrival.received_at,
        sender=arrival.sender,
        recipients=arrival.recipients,
        envelope=arrival.envelope,
        raw=blobs.put(tx, arrival.raw, now=arrival.received_at),
        size=len(arrival.raw),
        detail={},
    )
    if later:
        enqueue(tx, identity, arrival.sender, now=now, source=source.name if source else None)
    return identity


def handed_on(tx: Tx, inbound_id: str, said: Inbound, *, now: datetime) -> bool:
    """Is it a device's, by an address that only its reader found? Then it is read again, as that, in the lane of its source.

    What lies in a mailbox has no envelope by which `accept` could tell. Where its server says that it delivered it counts; whom it
    is written to counts unless it answers us or is written to the desk as well: somebody may have left in copy what they only
    quote, and their words are not to be lost for it.
    """
    if said.delivered_to is None:
        return False
    row = tx.one(_ONE, id=inbound_id)
    if row is None or row.outcome is not None or row.recipients or source_of(row) is not None:
        return False
    if "take_as" in row.detail:  # staff have said what it is
        return False
    source = for_device(tx, said)
    if source is None:
        return False
    tx.update(inbound, {"id": inbound_id}, envelope={**row.envelope, ALERT_SOURCE: source.name})
    enqueue(tx, inbound_id, row.sender, now=now, source=source.name)
    return True


def for_device(tx: Tx, said: Inbound) -> alert_sources.AlertSource | None:
    """The source whose mail this is, of a mail without an envelope; None: it is mail like any other. See `handed_on`."""
    sources = reference.desk(tx).alert_sources
    source = alert_sources.by_address(sources, said.delivered_to or ())
    if source is None and not (said.reply_tokens or said.bounce_tokens or said.own_refs):
        named = [one.key for one in (*said.to, *said.cc)]
        theirs = {one.address.lower() for one in sources.values()}
        if not any(one in said.own_addresses and one not in theirs for one in named):
            source = alert_sources.by_address(sources, named)
    return source


def admits(tx: Tx, claims: Claims) -> None:
    """May this device report? Nothing is stored. Raises NoSuchSource, NotAdmitted."""
    alert_sources.admitted(reference.desk(tx).alert_sources, claims, signed=None)


def signs_with(tx: Tx, source: str) -> str:
    """Where the key is that this source signs with: see Claims.keys. Empty: it signs nothing."""
    found = reference.desk(tx).alert_sources.get(source)
    return found.signature.secret if found is not None and found.enabled and found.signature else ""


def paces(tx: Tx) -> dict[str, Agreed]:
    """How fast each source may send, where that is not what holds for all."""
    return {one.name: one.pace for one in reference.desk(tx).alert_sources.values() if one.pace != PACE}


def enqueue(tx: Tx, inbound_id: str, sender: str, *, now: datetime, source: str | None = None) -> None:
    """Let a worker understand it. `source`: a device's, which has a lane of its own: a storm of it delays nobody else."""
    if source is not None:
        name = source_states.lane_of(source)
        work.enqueue(
            tx,
            shard=fixed_id(name),
            lane=name,
            kind="understand",
            payload={"inbound": inbound_id},
            due=now,
            now=now,
        )
        return
    lane = hashlib.sha256(sender.encode("utf-8", "replace")).digest()[0] % LANES
    work.enqueue(
        tx,
        shard=_SHARDS[lane],
        lane=f"intake:{lane:02}",
        kind="understand",
        payload={"inbound": inbound_id},
        due=now,
        now=now,
    )


def _identity(tx: Tx, arrival: Arrival, *, new: bool) -> tuple[str, bool]:
    """The id of its row, and whether the row is there. `new`: it cannot be.

    An id begins with its day, so that those of one day lie together.
    """
    if arrival.external_id is not None:
        # Time is left out: the same id tomorrow is still the same message.
        identity = derived_id(0, arrival.channel, arrival.external_id)
        first = None if new else tx.one(_WHEN, today=identity, before=identity)
        if first is None or arrival.claims is None or _repeated(first, arrival):
            return identity, first is not None
        return _of_its_time(tx, arrival, arrival.external_id)
    content = blobs.digest(arrival.raw)
    day = int(arrival.received_at.timestamp() // DAY)
    n = 0
    while True:
        parts = (arrival.channel, content, *sorted(arrival.recipients), *([f"again {n}"] if n else []))
        today, before = (derived_id((day - back) * DAY * 1000, *parts) for back in (0, 1))
        rows = tx.all(_WHEN, today=today, before=before)
        if not rows:
            return today, False
        for row in rows:
            if _lately(row, arrival) and not ended(tx, row):
                return row.id, True
        n += 1  # a day has passed, or what it opened has ended: whoever says the same now means something new


def _repeated(row: Row, arrival: Arrival) -> bool:
    return bool(abs(arrival.received_at - row.received_at) <= correlation.SAME_BODY)


def _of_its_time(tx: Tx, arrival: Arrival, external_id: str) -> tuple[str, bool]:
    """An id that a device gives again, after it was restarted or because it counts from one: another message (monitoring.md 4, step 2)."""
    n = int(arrival.received_at.timestamp() // correlation.SAME_BODY.total_seconds())
    now, before = (derived_id(0, arrival.channel, external_id, f"of {n - back}") for back in (0, 1))
    rows = tx.all(_WHEN, today=now, before=before)
    repeated = next((row for row in rows if _repeated(row, arrival)), None)
    return (now, False) if repeated is None else (repeated.id, True)


def _lately(row: Row, arrival: Arrival) -> bool:
    return sameness.same(row.received_at, at=arrival.received_at, identified=False, first_ended=False)


def understood(tx: Tx, channel: str, source: str, external_id: str) -> bool:
    """Did this of a device come in, and does it have its outcome?"""
    row = tx.one(_ONE, id=derived_id(0, channel, f"{source}/{external_id}"))
    return row is not None and row.outcome is not None


def ended(tx: Tx, row: Row) -> bool:
    """Is the ticket of this inbound row no longer worked on?"""
    found = tx.one(_OPEN, id=row.ticket_id) if row.ticket_id else None
    return found is not None and not found.open


def load(tx: Tx, ids: Sequence[str]) -> dict[str, Stored]:
    """Rows with their bytes, for those of the ids that are not understood yet."""
    found = {}
    for identity in ids:
        tx.foresee(_WITH_BYTES, id=identity)
    for identity in ids:
        rows = tx.all(_WITH_BYTES, id=identity)
        if not rows or rows[0].outcome is not None:
            continue
        row = rows[0]
        found[identity] = Stored(
            id=row.id,
            channel=row.channel,
            raw=blobs.joined(row.raw, [piece.content for piece in rows]),
            arrival={
                "channel": row.channel,
                "external_id": row.external_id,
                "sender": row.sender,
                "recipients": row.recipients,
                "received_at": row.received_at,
                "envelope": row.envelope,
            },
            tries=row.tries,
            options=_options(tx, row),
        )
    return found


def with_answers(stored: Stored, answers: Mapping[str, Any]) -> Stored:
    """The same with what others published about whoever sent it, as it was asked now."""
    envelope = {**stored.arrival["envelope"], ANSWERS: answers}
    return replace(stored, arrival={**stored.arrival, "envelope": envelope}, asked=True)


def keep_answers(tx: Tx, inbound_id: str, envelope: Mapping[str, Any]) -> None:
    """Keep the envelope that holds them: whoever reads the message again, in a year, comes to the same."""
    tx.update(inbound, {"id": inbound_id}, envelope=envelope)


def _options(tx: Tx, row: Row) -> dict[str, Any]:
    """A device's words are read as its source is configured now."""
    name = source_of(row)
    if name is None:
        return {}
    return {"source": alert_sources.for_reader(reference.alert_source(tx, name), tx.facts.time_zone)}


def source_of(row: Row) -> str | None:
    """The alert source of an inbound row; None: nobody's device sent it."""
    found: str | None = row.envelope.get(ALERT_SOURCE)
    return found


def conclude(  # noqa: PLR0913 - the columns of an outcome
    tx: Tx,
    inbound_id: str,
    outcome: str,
    *,
    now: datetime,
    reason: str = "",
    detail: Mapping[str, Any] | None = None,
    ticket_id: str | None = None,
    message_id: str | None = None,
    author: str = "",
    subject: str = "",
    waiting: bool = False,
) -> None:
    """Give an inbound row its one outcome. `waiting`: staff must decide; it is listed until they do."""
    tx.update(
        inbound,
        {"id": inbound_id},
        outcome=outcome,
        reason=reason,
        detail=detail or {},
        ticket_id=ticket_id,
        message_id=message_id,
        author=author,
        subject=subject[:1000],
        decided_at=now,
        open=waiting,
    )
    if waiting or outcome in ("held", "exception"):
        tx.tell("inbound", inbound_id)


def apart(tx: Tx, row: Row, left: NotRead, *, now: datetime) -> str:
    """What nobody understood among messages of one row is an exception item by itself, which can be tried again without the others; return its id."""
    identity = new_id()
    tx.insert(
        inbound,
        id=identity,
        channel=row.channel,
        external_id=f"{row.external_id}/left",
        received_at=row.received_at,
        sender=row.sender,
        recipients=row.recipients,
        envelope={**row.envelope, BATCH: left.messages},
        raw=blobs.put(tx, left.raw, now=row.received_at),
        size=len(left.raw),
        detail={},
    )
    exception(tx, identity, left.error, now=now)
    return identity


def exception(tx: Tx, inbound_id: str, error: str, *, now: datetime) -> None:
    """It could not be read or decided: staff see it in the inbox, with its bytes, and can try again."""
    row = tx.one(_ONE, id=inbound_id)
    if row is None or row.outcome is not None:
        return
    conclude(
        tx,
        inbound_id,
        "exception",
        now=now,
        reason="unreadable",
        detail={"error": error[:2000]},
        author=row.sender,
        waiting=True,
    )
