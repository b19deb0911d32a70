"""How long is the sound of calls kept, and what of one that never came? The time is the customer's; then its bytes are gone.

What lapsed is looked for in a reader, because that reads much; it is deleted in one transaction. Bytes are deleted only
where nothing else names them: the same bytes of one day are kept once, whoever sent them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, delete, select

from core.desk.calls import SOUND_WITHIN
from core.desk.case import Case
from core.store import blobs, tables
from core.store.columns import Digest, Instant
from core.store.schedules import Schedule
from core.store.tx import Prepared, Row, Tx

HOURLY = Schedule(name="sounds", rhythm="every 3600", kind="sounds", payload={})
AT_ONCE = 100
"""Recordings of one transaction; there is another within the hour."""

recording, attachment, blob = tables.recording, tables.attachment, tables.blob


@dataclass(frozen=True, slots=True, kw_only=True)
class Lapsed:
    """What there is to do now."""

    kept_long_enough: tuple[tuple[str, int], ...]
    """Call and step of each recording whose time is over."""
    nobody_else_names: frozenset[str]
    """Blobs of theirs that may go."""
    never_came: tuple[tuple[str, int], ...]

    @property
    def nothing(self) -> bool:
        """There is nothing to do."""
        return not (self.kept_long_enough or self.never_came)


_KEPT = Prepared(
    select(recording.c.call_id, recording.c.seq, recording.c.blob)
    .where(recording.c.state == "stored", recording.c.keep_until <= bindparam("now", type_=Instant))
    .order_by(recording.c.keep_until)
    .limit(AT_ONCE)
)
_NEVER_CAME = Prepared(
    select(recording.c.call_id, recording.c.seq)
    .where(recording.c.state == "expected", recording.c.at <= bindparam("before", type_=Instant))
    .order_by(recording.c.at)
    .limit(AT_ONCE)
)
_ONE = Prepared(
    select(recording).where(recording.c.call_id == bindparam("call_id"), recording.c.seq == bindparam("seq"))
)
_NO_FILE = Prepared(
    delete(attachment).where(
        attachment.c.ticket_id == bindparam("ticket_id"), attachment.c.id == bindparam("id")
    )
)
_NO_BYTES = Prepared(delete(blob).where(blob.c.name == bindparam("name")))


def lapsed(tx: Tx, *, now: datetime) -> Lapsed:
    """What is to be deleted, and what is missing. Of bytes of today nobody knows yet who else will name them."""
    today = blobs.name_of(b"", now=now)[:8]
    kept = [row for row in tx.all(_KEPT, now=now) if row.blob[:8] < today]
    never = tx.all(_NEVER_CAME, before=now - SOUND_WITHIN)
    return Lapsed(
        kept_long_enough=tuple((row.call_id, row.seq) for row in kept),
        nobody_else_names=_free(tx, {row.blob for row in kept}, [(row.call_id, row.seq) for row in kept]),
        never_came=tuple((row.call_id, row.seq) for row in never),
    )


def _free(tx: Tx, names: set[str], going: Sequence[tuple[str, int]]) -> frozenset[str]:
    """Of these blobs those that only recordings that go name, and their own files."""
    if not names:
        return frozenset()
    wanted = [bindparam(f"name_{n}", type_=Digest) for n in range(len(names))]
    given: dict[str, Any] = {f"name_{n}": name for n, name in enumerate(sorted(names))}
    named: set[str] = set()
    own_files = set()
    for row in tx.all(select(recording).where(recording.c.blob.in_(wanted)), **given):
        if (row.call_id, row.seq) in going:
            own_files.add((row.ticket_id, row.attachment_id))
        else:
            named.add(row.blob)
    for row in tx.all(select(attachment).where(attachment.c.blob.in_(wanted)), **given):
        if (row.ticket_id, row.id) not in own_files:
            named.add(row.blob)
    for column in (tables.inbound.c.raw, tables.message.c.html):
        named |= {row.name for row in tx.all(select(column.label("name")).where(column.in_(wanted)), **given)}
    bodies = [row.body for row in tx.all(select(tables.flow_version.c.body))]
    return frozenset(name for name in names - named if not any(name in body for body in bodies))


def forget(tx: Tx, found: Lapsed, *, now: datetime) -> None:
    """Delete what is over, and say on the tickets what was deleted and what did not come. Safe to repeat."""
    for call_id, seq in found.kept_long_enough:
        row = tx.one(_ONE, call_id=call_id, seq=seq)
        if row is None or row.state != "stored":
            continue
        if row.attachment_id:
            tx.run(_NO_FILE, ticket_id=row.ticket_id, id=row.attachment_id)
        if row.blob in found.nobody_else_names:
            tx.run(_NO_BYTES, name=row.blob)
        _now(tx, row, "deleted", now=now)
    for call_id, seq in found.never_came:
        row = tx.one(_ONE, call_id=call_id, seq=seq)
        if row is not None and row.state == "expected":
            _now(tx, row, "missing", now=now)


def _now(tx: Tx, row: Row, state: str, *, now: datetime) -> None:
    tx.update(
        recording,
        {"call_id": row.call_id, "seq": row.seq},
        state=state,
        blob=None,
        attachment_id=None,
        transcript=None,
    )
    if row.ticket_id:
        case = Case.open(tx, row.ticket_id, now=now)
        case.event(f"recording.{state}", actor="system", call=row.call_id, recording=row.seq)
        case.save()
