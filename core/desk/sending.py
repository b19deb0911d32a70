"""What is a channel given to send, and did the other side take it?

A send is at least once; the delivery's `ref` is fixed, so that the other side can tell a repetition.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from types import ModuleType
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, literal, select

from core import addresses, chat_addresses
from core.desk import (
    broadcasts,
    chat_buttons,
    chats,
    collecting,
    ladder,
    links,
    missed,
    outbox,
    page_ways,
    papers,
    participants,
    promise_notices,
    reference,
    roundups,
    staff_notices,
    stopped,
    subscriptions,
    surveys,
    visit_invitations,
    visit_notices,
    workaround_links,
)
from core.desk.case import Case
from core.desk.conversation import visible_text
from core.desk.papers import Undrawn
from core.envelope import Address, Attachment, Earlier, Outgoing, Sent
from core.ids import id_token, short_hash, token_key
from core.rules import reaching
from core.store import blobs, tables
from core.store.columns import Instant
from core.store.tx import Prepared, Row, Tx

WAITS = (60.0, 300.0, 900.0, 3600.0)  # seconds before each further try; then every hour
GIVE_UP_AFTER = timedelta(hours=48)
CHAT_WAITS = (
    30.0,
    120.0,
    300.0,
    450.0,
    900.0,
    3600.0,
)  # the fourth further try is a quarter of an hour after the first
CHAT_GIVES_UP_AFTER = timedelta(minutes=15)
HISTORY = 5  # earlier messages quoted below an answer
REFERENCES = 20  # ids kept in References: the first and the last 19

FOR_STAFF: Mapping[str, ModuleType] = {
    page_ways.KIND: page_ways,
    page_ways.ANSWER: page_ways,
    staff_notices.KIND: staff_notices,
    promise_notices.KIND: promise_notices,
    visit_notices.STAFF: visit_notices,
}
"""Kinds of deliveries that colleagues get, and who knows what they say and what becomes of them."""

delivery, delivery_attempt = tables.delivery, tables.delivery_attempt
message, thread = tables.message, tables.thread

_HERE = select(delivery).where(
    delivery.c.ticket_id == bindparam("ticket_id"), delivery.c.id == bindparam("id")
)
_ANYWHERE = select(delivery).where(delivery.c.id == bindparam("id"))
DELIVERY = Prepared(_HERE)
_LOCKED = Prepared(_HERE.with_for_update())
_SOMEWHERE = Prepared(_ANYWHERE)
_SOMEWHERE_LOCKED = Prepared(_ANYWHERE.with_for_update())


def find(tx: Tx, shard: str, delivery_id: str) -> Row | None:
    """The delivery that a job of this shard is about. It may hang at another ticket since: a merge leaves what is in hand where it is."""
    return tx.one(DELIVERY, ticket_id=shard, id=delivery_id) or tx.one(_SOMEWHERE, id=delivery_id)


def _in_hand(tx: Tx, shard: str, delivery_id: str) -> Row | None:
    """The same, staying where it is until the end of the transaction, also where several hubs work."""
    if tx.is_sqlite:
        return find(tx, shard, delivery_id)
    here = tx.one(_LOCKED, ticket_id=shard, id=delivery_id)
    return here or tx.one(_SOMEWHERE_LOCKED, id=delivery_id)


def begin(
    tx: Tx, ticket_id: str, delivery_id: str, *, now: datetime, bare: bool = False
) -> Outgoing | Undrawn | None:
    """What the channel is to send, marked `sending`; None when there is nothing to send any more.

    Undrawn: nothing is marked, and the paper that goes with it is to be drawn first. `bare`: it leaves without.
    """
    row = _in_hand(tx, ticket_id, delivery_id)
    if row is None or row.state not in ("queued", "sending"):
        return None
    ticket_id = row.ticket_id
    of = tx.one(_TICKET, id=ticket_id)
    if row.kind == collecting.KIND:
        return _roundup(tx, row, now=now)
    if of is None:
        if not chat_addresses.is_chat(row.address) and _stopped(tx, row, now=now):
            return None
        tx.update(
            delivery, {"ticket_id": ticket_id, "id": delivery_id}, state="sending", attempts=row.attempts + 1
        )
        return chats.outgoing(tx, row) or broadcasts.outgoing(tx, row)
    if row.kind in FOR_STAFF:
        if _stopped(tx, row, now=now):
            return None
        told: Outgoing | None = FOR_STAFF[row.kind].outgoing(tx, row, now=now)
        if told is not None:
            key = {"ticket_id": ticket_id, "id": delivery_id}
            tx.update(delivery, key, state="sending", attempts=row.attempts + 1)
            return _to_be_answered(tx, row, told)
        return None
    if not participants.may_leave(tx, of, row.thread_id, row.address):
        _withdraw(tx, row, now=now)
        return None
    if subscriptions.ended(tx, row):
        subscriptions.not_sent(tx, row, now=now)
        return None
    said = tx.one(_MESSAGE, ticket_id=ticket_id, id=row.message_id)
    if said.withdrawn_at is not None:
        tx.update(delivery, {"ticket_id": ticket_id, "id": delivery_id}, state="withdrawn")
        return None
    if _stopped(tx, row, now=now):
        return None
    asked_by_word = row.address.startswith("+") or chat_addresses.is_chat(row.address)
    if chats.left(tx, row.address):
        failed(tx, ticket_id, delivery_id, chats.LEFT, now=now)
        return None
    # By mail a report is a file too; a chat and a telephone have its words, and the link.
    paper = None if bare or asked_by_word else papers.carried(tx, said.made_from)
    if isinstance(paper, Undrawn):
        return paper
    key = {"ticket_id": ticket_id, "id": delivery_id}
    tx.update(delivery, key, state="sending", attempts=row.attempts + 1)
    where = tx.one(_THREAD, ticket_id=ticket_id, id=row.thread_id)
    customer = reference.customer(tx, of.customer) if of.customer else None
    zone = ZoneInfo(customer.time_zone) if customer else tx.facts.zone
    earlier = [
        m
        for m in outbox.quotable(
            tx, ticket_id, row.thread_id, address=addresses.key(row.address), audience=said.audience
        )
        if m.id < said.id and m.withdrawn_at is None
    ]
    files = tuple(
        Attachment(name=f.name, type=f.type, content=blobs.get(tx, f.blob))
        for f in tx.all(_FILES, ticket_id=ticket_id, message_id=said.id)
    )
    if paper is not None:
        files = (*files, Attachment(name=paper[0], type="application/pdf", content=paper[1]))
    beside, copies = ((), ()) if said.automatic else _beside(tx, row)
    return Outgoing(
        delivery_id=row.id,
        channel=row.channel,
        ref=id_token(row.id),
        kind=row.kind,
        automatic=said.automatic,
        to=Address(row.address, row.name),
        mailbox=where.mailbox,
        author_name=said.author_name,
        subject=said.subject,
        text=_as_it_leaves(tx, said, row, now=now),
        language=said.language,
        ticket_number=of.number,
        ticket_check=tx.facts.number_check(of.number),
        reply_token=_answers_to(tx, ticket_id, row.thread_id, row.address),
        bounce_token=id_token(row.id),
        in_reply_to=row.in_reply_to,
        references=_references(tx, row, earlier) if row.in_reply_to or row.kind != "received" else (),
        conversation=row.thread_id,
        thread_index=next((_index(m) for m in earlier if m.external_ref == row.in_reply_to), ""),
        unsubscribe=subscriptions.link(tx, row, now=now),
        history=()
        if said.automatic
        else tuple(
            Earlier(
                author=m.author_name or tx.facts.name,
                at=m.at.astimezone(zone),
                text=visible_text(m.text, m.spans),
            )
            for m in earlier[:HISTORY]
            if not m.automatic
        ),
        also_to=beside,
        copies=copies,
        attachments=files,
        invitation=visit_invitations.of_words(tx, said, row.address)
        if said.kind == visit_notices.KIND
        else None,
        buttons=chat_buttons.of_message(tx, ticket_id, said.id, row.address)
        if chat_addresses.is_chat(row.address)
        else (),
    )


def _beside(tx: Tx, row: Row) -> tuple[tuple[str, ...], tuple[Address, ...]]:
    """Who else gets these words, by name: each has a mail of their own, which nobody else's address stands in.

    But where the desk wants copies to be seen: then those who get it by mail are there by address, not by name.
    """
    told: dict[str, None] = {}
    copies: list[Address] = []
    for one in tx.all(_SAID_TO, ticket_id=row.ticket_id, message_id=row.message_id):
        if one.address.lower() == row.address.lower():
            continue
        if tx.facts.mail.visible_cc and row.channel == one.channel == reaching.MAIL:
            if one.state in _NOT_THERE:
                continue
            # An address of other letters needs a server that knows RFC 6531.
            if one.address.isascii() and addresses.plausible(one.address) and len(copies) < COPIES:
                copies.append(Address(one.address, one.name))
                continue
        local = "" if chat_addresses.is_chat(one.address) else one.address.rpartition("@")[0]
        if name := one.name or local:
            told[name] = None
    return tuple(told), tuple(copies)


COPIES = 50
"""Addresses in Cc; more stand by name in the text."""
_NOT_THERE = ("given_up", "bounced", "retracted")
"""States of deliveries to whom an answer to all would not get either."""
_SAID_TO = Prepared(
    select(delivery.c.address, delivery.c.name, delivery.c.channel, delivery.c.state)
    .where(
        delivery.c.ticket_id == bindparam("ticket_id"),
        delivery.c.message_id == bindparam("message_id"),
        delivery.c.state != literal("withdrawn"),
    )
    .order_by(delivery.c.id)
)


def _index(said: Row) -> str:
    return str((said.people or {}).get("thread_index", ""))


def _roundup(tx: Tx, row: Row, *, now: datetime) -> Outgoing | None:
    if _stopped(tx, row, now=now):
        return None
    if chats.left(tx, row.address):
        failed(tx, row.ticket_id, row.id, chats.LEFT, now=now)
        return None
    told = roundups.outgoing(tx, row, now=now)
    if told is not None:
        key = {"ticket_id": row.ticket_id, "id": row.id}
        tx.update(delivery, key, state="sending", attempts=row.attempts + 1)
    return told


def _stopped(tx: Tx, row: Row, *, now: datetime) -> bool:
    """Nothing may leave for this address: it is given up, and says why."""
    why = stopped.why(tx, row.address)
    if why:
        failed(tx, row.ticket_id, row.id, why, now=now)
    return bool(why)


def _as_it_leaves(tx: Tx, said: Row, row: Row, *, now: datetime) -> str:
    """What a message says, with the links that its reader alone is given."""
    text = workaround_links.with_link(tx, said, row, links.with_visit(tx, said, row.id), now=now)
    if "@" not in row.address or chat_addresses.is_chat(row.address):
        return text
    return surveys.with_link(tx, said.kind, text, said.language, row, now=now)


_MESSAGE = Prepared(
    select(message).where(message.c.ticket_id == bindparam("ticket_id"), message.c.id == bindparam("id"))
)
_THREAD = Prepared(
    select(thread).where(thread.c.ticket_id == bindparam("ticket_id"), thread.c.id == bindparam("id"))
)
_TICKET = Prepared(
    select(
        tables.ticket.c.id,
        tables.ticket.c.number,
        tables.ticket.c.customer,
        tables.ticket.c.requester_since,
        tables.ticket.c.requester_address,
    ).where(tables.ticket.c.id == bindparam("id"))
)
_FILES = Prepared(
    select(tables.attachment).where(
        tables.attachment.c.ticket_id == bindparam("ticket_id"),
        tables.attachment.c.message_id == bindparam("message_id"),
        tables.attachment.c.internal.is_(False),
    )
)


def _answers_to(tx: Tx, ticket_id: str, thread_id: str, address: str) -> str:
    """The token of one person's answers in one conversation: always the same, and known to the desk from now on.

    The hub that sends may have another key than the others: what it issues must be known to all.
    """
    address = addresses.key(address)
    token = tx.facts.reply_token(thread_id, address)
    given = {"ticket_id": ticket_id, "thread_id": thread_id, "address": address}
    tx.insert_missing(tables.reply_address, key=token_key(token), **given)
    return token


def _to_be_answered(tx: Tx, row: Row, told: Outgoing) -> Outgoing:
    """A notice to staff, with an address for what they say to it where the desk takes that (core.desk.comments).

    It is of the ticket and of no conversation: what comes there can reach no customer.
    """
    if not tx.facts.mail.agents_comment or row.channel != reaching.MAIL or row.thread_id != row.ticket_id:
        return told
    token = _answers_to(tx, row.ticket_id, row.ticket_id, addresses.key(row.address))
    return replace(told, reply_token=token)


def _withdraw(tx: Tx, row: Row, *, now: datetime) -> None:
    """Between the writing and the leaving its recipient became nobody of the ticket: a retired one, or another customer's."""
    tx.update(delivery, {"ticket_id": row.ticket_id, "id": row.id}, state="withdrawn")
    case = Case.open(tx, row.ticket_id, now=now)
    case.event("delivery.withdrawn", actor="system", delivery=row.id, what=row.kind)
    case.save()


def _references(tx: Tx, row: Row, earlier: Sequence[Row]) -> tuple[str, ...]:
    """Oldest first: what was exchanged with this person before, our own as bare refs."""
    own = {
        r.message_id: id_token(r.id)
        for r in tx.all(_OWN_REFS, ticket_id=row.ticket_id, thread_id=row.thread_id, address=row.address)
    }
    refs = [ref for m in reversed(earlier) if (ref := own.get(m.id) or m.external_ref)]
    return tuple(refs if len(refs) <= REFERENCES else [refs[0], *refs[-(REFERENCES - 1) :]])


_OWN_REFS = Prepared(
    select(delivery.c.id, delivery.c.message_id).where(
        delivery.c.ticket_id == bindparam("ticket_id"),
        delivery.c.thread_id == bindparam("thread_id"),
        delivery.c.address == bindparam("address"),
    )
)


def sent(tx: Tx, ticket_id: str, delivery_id: str, what: Sent, *, now: datetime) -> None:
    """The other side took it."""
    row = _in_hand(tx, ticket_id, delivery_id)
    assert row is not None  # noqa: S101 - no delivery is ever deleted
    ticket_id = row.ticket_id
    key = {"ticket_id": ticket_id, "id": delivery_id}
    named = {"remote_id": what.remote_id} if what.remote_id else {}
    tx.update(delivery, key, state="sent", sent_at=now, error="", remote=what.detail[:500], **named)
    if chat_addresses.is_chat(row.address) and row.thread_id != ticket_id:
        _quotable(tx, row, (what.remote_id, *what.more_ids), now=now)
        said = tx.one(_MESSAGE, ticket_id=ticket_id, id=row.message_id)
        if said is not None and said.withdrawn_at is not None:  # taken back while it was on its way
            outbox.take_back(tx, row, now=now)
    if chat_addresses.is_chat(row.address):
        tx.tell("chat", row.address)
        if row.thread_id != ticket_id:
            missed.watch(tx, row, now=now)
    if row.attempts > 1:
        attempted(tx, row, "sent", what.detail, now=now)
    if row.kind == collecting.KIND:
        roundups.left(tx, row, detail=what.detail[:500], now=now)
    tx.tell("ticket", ticket_id)


def _quotable(tx: Tx, row: Row, remote_ids: Sequence[str], *, now: datetime) -> None:
    """Who quotes one of these in a chat writes about this ticket."""
    for remote_id in remote_ids:
        if remote_id:
            tx.insert_missing(
                tables.thread_ref,
                ref=short_hash(remote_id),
                ticket_id=row.ticket_id,
                thread_id=row.thread_id,
                kind="sent",
                customer=None,
                at=now,
            )


def postponed(tx: Tx, ticket_id: str, delivery_id: str, error: str, *, now: datetime) -> tuple[float, ...]:
    """It was not taken this time. Returns the seconds before each further try; none 48 hours after the first.

    What a person of ours says in a chat is said another way after a quarter of an hour, if there is one.
    """
    row = _in_hand(tx, ticket_id, delivery_id)
    assert row is not None  # noqa: S101 - no delivery is ever deleted
    ticket_id = row.ticket_id
    attempted(tx, row, "retry", error, now=now)
    tx.update(delivery, {"ticket_id": ticket_id, "id": delivery_id}, state="queued", error=error[:500])
    tx.tell("ticket", ticket_id)
    first = tx.one(_FIRST_TRY, ticket_id=ticket_id, delivery_id=delivery_id, since=row.created_at)
    tried, in_chat = now - first.at, chat_addresses.is_chat(row.address)
    if tried >= GIVE_UP_AFTER or (
        in_chat and tried >= CHAT_GIVES_UP_AFTER and ladder.there_is(tx, row, now=now)
    ):
        return ()
    return CHAT_WAITS if in_chat else WAITS


_FIRST_TRY = Prepared(
    select(delivery_attempt.c.at)
    .where(
        delivery_attempt.c.ticket_id == bindparam("ticket_id"),
        delivery_attempt.c.delivery_id == bindparam("delivery_id"),
        delivery_attempt.c.at >= bindparam("since", type_=Instant),
    )
    .order_by(delivery_attempt.c.n)
    .limit(1)
)


def failed(
    tx: Tx, ticket_id: str, delivery_id: str, error: str, *, dead: bool = False, now: datetime
) -> None:
    """It will not be taken: staff see it on the ticket and in the list of what was not delivered. `dead`: its address does not exist."""
    row = _in_hand(tx, ticket_id, delivery_id)
    assert row is not None  # noqa: S101 - no delivery is ever deleted
    ticket_id = row.ticket_id
    attempted(tx, row, "failed", error, now=now)
    tx.update(delivery, {"ticket_id": ticket_id, "id": delivery_id}, state="given_up", error=error[:500])
    new = dead and stopped.mark(tx, row.address, stopped.HARD, delivery_id=delivery_id, said=error, now=now)
    if row.kind in FOR_STAFF:
        FOR_STAFF[row.kind].undelivered(tx, row, now=now)
    if row.kind == collecting.KIND:
        for one in roundups.waits_for(tx, row):
            failed(tx, one.ticket_id, one.id, error, now=now)
    if row.thread_id == ticket_id:  # words of a chat beside all tickets, of several, or for colleagues
        return
    if broadcasts.recorded(tx, row, "delivery.given_up", now=now, what=row.kind):
        return
    case = Case.open(tx, ticket_id, now=now)
    if not ladder.another_way(case, row):
        case.flag("undelivered")
        if new:
            stopped.ask(case, row.address, stopped.HARD, name=row.name, said=error)
        case.event("delivery.given_up", actor="system", delivery=delivery_id, what=row.kind)
    case.save()


def attempted(
    tx: Tx, row: Row, outcome: str, detail: str, *, now: datetime, report: Mapping[str, Any] | None = None
) -> None:
    """Note at a delivery what was tried, or what was heard of it since: then with the `report`."""
    n = tx.one(_ATTEMPTS, ticket_id=row.ticket_id, delivery_id=row.id)
    tx.insert(
        delivery_attempt,
        ticket_id=row.ticket_id,
        delivery_id=row.id,
        n=1 if n is None else n.n + 1,
        at=now,
        outcome=outcome,
        detail=detail[:500],
        report=report or {},
    )


_ATTEMPTS = Prepared(
    select(delivery_attempt.c.n)
    .where(
        delivery_attempt.c.ticket_id == bindparam("ticket_id"),
        delivery_attempt.c.delivery_id == bindparam("delivery_id"),
    )
    .order_by(delivery_attempt.c.n.desc())
    .limit(1)
)
