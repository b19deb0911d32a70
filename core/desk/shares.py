"""Is one message for several customers? Then each gets a share of its own, and neither learns of the other."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from sqlalchemy import bindparam, select

from core.desk import door, threads
from core.envelope import Arrival, Inbound
from core.ids import short_hash, token_key
from core.rules.threading import How
from core.store import blobs, tables
from core.store.tx import Prepared, Row, Tx

SHARE = "share"
"""In the envelope of a share: the ticket it is for. It is the same content, and no duplicate for that."""

_ROW = Prepared(select(tables.inbound).where(tables.inbound.c.id == bindparam("id")))
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
        return _share(said, row.envelope[SHARE], _of_owner(tx, said, row.envelope[SHARE]))
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
        # Of what has an envelope one that only the header names did not come there; in a mailbox there is one copy for all.
        if share or not row.recipients:
            _store(tx, row, tickets[owner], share, now=now)
    others = {token for owner in owners[1:] for token in tokens[owner]}
    return replace(said, reply_tokens=tuple(token for token in said.reply_tokens if token not in others))


def after(tx: Tx, first: str, said: Inbound, *, now: datetime) -> Inbound | None:
    """What came before (`first`), and now to a reply address of another ticket, is for that one: a share of its own. None: it is not."""
    before = tx.one(_ROW, id=first) if said.reply_tokens else None
    if before is None:
        return None
    known = {one["number"] for one in before.detail.get("considered", ()) if one["how"] == How.REPLY_ADDRESS}
    for token in said.reply_tokens:
        found = threads.of_token(tx, token, now=now)
        if found is not None and found.id != before.ticket_id and found.number not in known:
            return _share(said, found.id, _of_owner(tx, said, found.id))
    return None


def _share(said: Inbound, ticket_id: str, tokens: tuple[str, ...]) -> Inbound:
    return replace(
        said,
        reply_tokens=tokens,
        content_key=_share_key(said.content_key, ticket_id),
        content_key_of_old=_share_key(said.content_key_of_old, ticket_id),
    )


def _of_owner(tx: Tx, said: Inbound, ticket_id: str) -> tuple[str, ...]:
    """The tokens of whoever has this ticket."""
    found = [(token, tx.one(_TICKET, key=token_key(token))) for token in said.reply_tokens]
    whose = {one.customer or one.id for _, one in found if one is not None and one.id == ticket_id}
    return tuple(token for token, one in found if one is not None and (one.customer or one.id) in whose)


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
