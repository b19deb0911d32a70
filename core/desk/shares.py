"""Is one message for several customers? Then each gets a share of its own, and neither learns of the other."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from sqlalchemy import bindparam, select

from core.desk import door
from core.envelope import Arrival, Inbound
from core.ids import short_hash, token_key
from core.store import blobs, tables
from core.store.tx import Prepared, Row, Tx

SHARE = "share"
"""In the envelope of a share: the ticket it is for. It is the same content, and no duplicate for that."""

_TICKET = Prepared(
    select(tables.ticket.c.id, tables.ticket.c.customer)
    .select_from(
        tables.reply_address.join(tables.ticket, tables.ticket.c.id == tables.reply_address.c.ticket_id)
    )
    .where(tables.reply_address.c.key == bindparam("key"))
)


def own(tx: Tx, row: Row, said: Inbound, *, now: datetime) -> Inbound:
    """What of the message is for its first customer; the shares of the others are stored as arrivals of their own."""
    if SHARE in row.envelope:
        of = row.envelope[SHARE]
        return replace(
            said,
            content_key=_share_key(said.content_key, of),
            content_key_of_old=_share_key(said.content_key_of_old, of),
        )
    if len(said.reply_tokens) < 2:  # noqa: PLR2004 - a pair
        return said
    tokens: dict[str, list[str]] = {}
    tickets: dict[str, str] = {}
    for token in said.reply_tokens:
        found = tx.one(_TICKET, key=token_key(token))
        if found is not None:
            owner = found.customer or found.id  # a ticket of nobody we know is apart from all others
            tokens.setdefault(owner, []).append(token)
            tickets.setdefault(owner, found.id)
    owners = list(tokens)
    for owner in owners[1:]:
        share = tuple(to for to in row.recipients if any(token in to.lower() for token in tokens[owner]))
        if share:  # named in the header only: it did not come to that address
            _store(tx, row, tickets[owner], share, now=now)
    others = {token for owner in owners[1:] for token in tokens[owner]}
    return replace(said, reply_tokens=tuple(token for token in said.reply_tokens if token not in others))


def _share_key(key: str, ticket_id: str) -> str:
    """The share of a message is a message of its own, on the same day."""
    return key and key[:8] + short_hash(f"{key}:{ticket_id}")


def _store(tx: Tx, row: Row, ticket_id: str, recipients: tuple[str, ...], *, now: datetime) -> None:
    arrival = Arrival(
        channel=row.channel,
        raw=blobs.get(tx, row.raw),
        received_at=row.received_at,
        external_id=f"{row.id}:{ticket_id}",
        sender=row.sender,
        recipients=recipients,
        envelope=row.envelope | {SHARE: ticket_id},
    )
    door.accept(tx, arrival, now=now)
