"""Was this said before? The same message by two ways is one; a device that repeats its alarm counts on the first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, exists, literal, select, update

from core.desk import door
from core.desk.authors import Author
from core.envelope import Inbound
from core.rules import sameness
from core.rules.participation import State
from core.store import tables
from core.store.columns import Instant
from core.store.tx import Prepared, Row, Tx

AGAIN = "the same again"
"""A remark on a message; the id of the first one stands behind it."""
REASON = "same_words"
"""Why it is attached."""

content_key, inbound, message, participant = (
    tables.content_key,
    tables.inbound,
    tables.message,
    tables.participant,
)

_KEY = Prepared(select(content_key).where(content_key.c.key == bindparam("key")))
_ROW = Prepared(select(inbound).where(inbound.c.id == bindparam("id")))
_DATED = "00000001" + "00" * 16
"""Keys of what names no day begin with nothing: those of devices are among them."""
_OLD_KEYS = Prepared(
    content_key.delete().where(
        content_key.c.at < bindparam("before", type_=Instant),
        (content_key.c.key >= _DATED)
        | ~exists().where(
            inbound.c.id == content_key.c.inbound_id,
            tables.ticket.c.id == inbound.c.ticket_id,
            tables.ticket.c.open,
        ),
    )
)


def foresee(tx: Tx, said: Inbound) -> None:
    """What `first` and `again` are going to look up."""
    for key in _keys(said):
        tx.foresee(_KEY, key=key)
    if said.words_key:
        tx.foresee(_KEY, key=said.words_key)


def first(tx: Tx, row: Row, said: Inbound) -> str | None:
    """The inbound row that this is the same message as; None: it is new, and the key is its own from now on."""
    there = (tx.one(_KEY, key=key) for key in _keys(said))
    found = next((one for one in there if one is not None), None)
    if found is None:
        tx.insert(content_key, key=said.content_key, inbound_id=row.id, at=row.received_at)
        return None
    if found.inbound_id == row.id:  # it is looked at again, because staff said so
        return None
    before = tx.one(_ROW, id=found.inbound_id)
    ended = before is not None and door.ended(tx, before)
    if sameness.same(found.at, at=row.received_at, identified=said.identified, first_ended=ended):
        return str(found.inbound_id)
    tx.update(content_key, {"key": found.key}, inbound_id=row.id, at=row.received_at)
    return None


def count(tx: Tx, inbound_id: str) -> None:
    """It came once more: staff see how often."""
    tx.run(_COUNT, id=inbound_id)
    before = tx.one(_ROW, id=inbound_id)
    if before is not None and before.ticket_id:
        tx.tell("ticket", before.ticket_id)


def _keys(said: Inbound) -> tuple[str, ...]:
    """By what it may be known; a row that is kept by the key of old is so until it is forgotten."""
    return (said.content_key, said.content_key_of_old) if said.content_key_of_old else (said.content_key,)


_COUNT = Prepared(
    update(inbound).where(inbound.c.id == bindparam("id")).values(copies=inbound.c.copies + literal(1))
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Again:
    """What a message repeats: the first one, in its conversation."""

    ticket: str
    thread: str
    message: str


def again(tx: Tx, row: Row, said: Inbound, author: Author) -> Again | None:
    """The message whose words the same author says again, without an id, while its ticket is open.

    None: nobody said this before, or its ticket has ended, or it is no longer this author's. The words are then this one's.
    """
    key = said.words_key
    if not key:
        return None
    found = tx.one(_KEY, key=key)
    if found is None:
        tx.insert(content_key, key=key, inbound_id=row.id, at=row.received_at)
        return None
    before = tx.one(_SAID, id=found.inbound_id, address=author.address)
    if before is None or found.inbound_id == row.id:
        tx.update(content_key, {"key": key}, inbound_id=row.id, at=row.received_at)
        return None
    return Again(ticket=before.ticket_id, thread=before.thread_id, message=before.id)


_SAID = Prepared(
    select(message.c.ticket_id, message.c.thread_id, message.c.id)
    .select_from(
        inbound.join(
            message, (message.c.ticket_id == inbound.c.ticket_id) & (message.c.id == inbound.c.message_id)
        ).join(tables.ticket, tables.ticket.c.id == message.c.ticket_id)
    )
    .where(
        inbound.c.id == bindparam("id"),
        tables.ticket.c.open,
        (literal("") == bindparam("address"))
        | exists().where(
            participant.c.ticket_id == message.c.ticket_id,
            participant.c.thread_id == message.c.thread_id,
            participant.c.address == bindparam("address"),
            participant.c.state == literal(str(State.JOINED)),
        ),
    )
)


def forget(tx: Tx, *, before: datetime) -> None:
    """Drop keys from before this instant, but for those of devices whose ticket is worked on."""
    tx.run(_OLD_KEYS, before=before)
