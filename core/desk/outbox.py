"""What do we say, and to whom? One delivery row per recipient, written beside its cause.

Nothing is sent here: a delivery is a job on the lane of its recipient, see core.desk.sending.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, literal, select

from core import chat_addresses
from core.desk import chat_buttons, scope
from core.desk.case import Case
from core.envelope import Address, Attachment, Outgoing
from core.ids import id_token, new_id
from core.rules import chat_acts, reaching
from core.store import blobs, fulltext, tables, work
from core.store.tx import Prepared, Row, Tx

SOON = timedelta(seconds=60)
"""What is to leave later than this holds up nothing that is written meanwhile."""

COLLECTED = "collected"
"""State of a delivery that another one speaks for (core.desk.roundups): it has no job of its own."""

delivery, message, thread = tables.delivery, tables.message, tables.thread

WAITS = delivery.c.state.in_([literal("queued"), literal(COLLECTED)])
"""Of a delivery: it has not left."""

THREADS = Prepared(select(thread).where(thread.c.ticket_id == bindparam("ticket_id")).order_by(thread.c.at))
_QUOTABLE = Prepared(
    select(message)
    .where(
        message.c.ticket_id == bindparam("ticket_id"),
        message.c.thread_id == bindparam("thread_id"),
        scope.quotable(),
    )
    .order_by(message.c.id.desc())
    .limit(50)
)
_QUOTABLE_AT_A_VENDOR = Prepared(
    select(message)
    .where(
        message.c.ticket_id == bindparam("ticket_id"),
        message.c.thread_id == bindparam("thread_id"),
        message.c.audience == bindparam("audience"),
    )
    .order_by(message.c.id.desc())
    .limit(50)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A message of ours and how many deliveries carry it."""

    message_id: str
    deliveries: int


def say(
    case: Case,
    where: Row,
    to: Sequence[Address],
    *,
    kind: str,
    subject: str,
    text: str,
    automatic: bool,
    language: str,
    agent: str | None = None,
    author_name: str = "",
    due: datetime | None = None,
    files: Sequence[Attachment] = (),
    idem: str = "",
    made_from: dict[str, Any] | None = None,
    answers: str | None = None,
    leaves: Mapping[str, datetime] | None = None,
    collected: Collection[str] = (),
    offers: Sequence[chat_buttons.Offer] = (),
) -> Said:
    """Add our message to a thread and queue one delivery for each of these people (`core.desk.answering` says whom).

    `where`: the row of the thread. `due`: not before this instant; `leaves`: to these addresses not before that one; `collected`: to
    these not by itself. `answers`: id of the message it answers; None: the last one of the thread. `offers`: what can be
    chosen in a chat, beside what its kind offers; `made_from` keeps them as "offers", for who is reached another way.
    """
    tx, now = case.tx, case.now
    message_id = new_id()
    tx.insert(
        message,
        ticket_id=case.id,
        id=message_id,
        thread_id=where.id,
        channel=where.channel,
        direction="out",
        kind=kind,
        automatic=automatic,
        author_name=author_name,
        agent=agent,
        subject=subject,
        text=text,
        language=language,
        at=now,
        idem=idem,
        made_from=made_from,
    )
    keep_files(case, message_id, files, internal=False)
    if not automatic:
        fulltext.index(tx, ticket_id=case.id, item_id=message_id, audience="customer", body=text)
    in_reply_to = answers if answers is not None else _last_inward(case, where.id)
    count = 0
    for person in to:
        first = reaching.channel(
            where.channel,
            kind=kind,
            address=person.address,
            texts_by=tx.facts.texts_by,
            in_chat=chat_addresses.is_chat(where.address),
        )
        if chat_addresses.is_chat(person.address):
            _offer(case, message_id, kind, person, language, more=offers)
            if not automatic:
                chat_buttons.said(tx, person.key, message_id)
        for channel in (first, where.also_by):
            if channel:
                _deliver(
                    case,
                    where,
                    message_id,
                    channel,
                    person,
                    kind=kind,
                    in_reply_to=in_reply_to,
                    due=(leaves or {}).get(person.address) or due or now,
                    collected=channel == first and person.address in collected,
                )
                count += 1
    return Said(message_id=message_id, deliveries=count)


def _last_inward(case: Case, thread_id: str) -> str:
    for row in quotable(case.tx, case.id, thread_id, address=""):
        # Who asks since when may be known to the case alone: it is not saved yet.
        if row.direction == "in" and row.external_ref and shared(row, since=case["requester_since"]):
            return str(row.external_ref)
    return ""


def quotable(
    tx: Tx, ticket_id: str, thread_id: str, *, address: str, audience: str = "customer"
) -> Sequence[Row]:
    """What of a conversation may be quoted and named to who is written to at this address, the newest first, 50 at most.

    Without an address: to everybody of it. `audience`: of the message that leaves; of a case at a vendor what that may read.
    """
    if audience != "customer":
        return tx.all(_QUOTABLE_AT_A_VENDOR, ticket_id=ticket_id, thread_id=thread_id, audience=audience)
    return tx.all(_QUOTABLE, ticket_id=ticket_id, thread_id=thread_id, scope_address=address)


def shared(row: Row, *, since: datetime | None, address: str = "") -> bool:
    """May this message be shown to who asks now, and to who has this address?

    `since`: when somebody else asked before; what they wrote and were told stays theirs.
    """
    return since is None or row.at >= since or (address != "" and row.author_address == address)


def instead(case: Case, where: Row, said: Row, failed: Row, to: Address) -> str:
    """The same message to the same person at another address, which the failed delivery did not reach; return the delivery's id."""
    tx = case.tx
    if chat_addresses.is_chat(to.address):
        kept = (said.made_from or {}).get("offers", ())
        more = [
            chat_buttons.Offer(act=chat_acts.Act(act), value=value, label=label) for act, value, label in kept
        ]
        _offer(case, said.id, said.kind, to, said.language, more=more)
    channel = reaching.channel(
        where.channel, kind=said.kind, address=to.address, texts_by=tx.facts.texts_by, in_chat=True
    )
    about = {"kind": said.kind, "in_reply_to": "", "due": case.now, "instead_of": failed.id}
    return _deliver(case, where, said.id, channel, to, **about)


def offer(case: Case, said: Row, to: Sequence[Address], offers: Sequence[chat_buttons.Offer]) -> None:
    """What can be chosen in a chat below a message that has not left yet, in place of what could before."""
    for person in to if offers else ():
        if chat_addresses.is_chat(person.address):
            chat_buttons.withdraw(case.tx, case.id, said.id, person.key)
            _offer(case, said.id, said.kind, person, said.language, more=offers)


def _offer(
    case: Case,
    message_id: str,
    kind: str,
    to: Address,
    language: str,
    *,
    more: Sequence[chat_buttons.Offer] = (),
) -> None:
    usual = [chat_buttons.Offer(act=act, value=value) for act, value in chat_acts.offered(kind)]
    chat_buttons.offer(
        case.tx,
        [*usual, *more],
        shard=case.id,
        message_id=message_id,
        address=to.key,
        language=language,
        now=case.now,
    )


def _deliver(
    case: Case,
    where: Row,
    message_id: str,
    channel: str,
    to: Address,
    *,
    kind: str,
    in_reply_to: str,
    due: datetime,
    instead_of: str | None = None,
    collected: bool = False,
) -> str:
    return queue(
        case.tx,
        case.id,
        message_id=message_id,
        thread_id=where.id,
        channel=channel,
        to=to,
        kind=kind,
        now=case.now,
        due=due,
        in_reply_to=in_reply_to,
        collected=collected,
        **({"instead_of": instead_of} if instead_of else {}),
    )


def queue(
    tx: Tx,
    shard: str,
    *,
    message_id: str,
    thread_id: str,
    channel: str,
    to: Address,
    kind: str,
    now: datetime,
    due: datetime | None = None,
    in_reply_to: str = "",
    collected: bool = False,
    **more: Any,
) -> str:
    """One delivery and the job that sends it; its id. It is to the key of the address, by which everything else knows it.

    `shard`: the ticket, or what stands in its place. `due`: None, as soon as can be. `collected`: another one speaks for
    it, and has the job. `more`: further columns.
    """
    delivery_id, due = new_id(), due or now
    tx.insert(
        delivery,
        ticket_id=shard,
        id=delivery_id,
        message_id=message_id,
        thread_id=thread_id,
        channel=channel,
        address=to.key,
        name=to.name,
        kind=kind,
        state=COLLECTED if collected else "queued",
        attempts=0,
        in_reply_to=in_reply_to,
        created_at=now,
        **more,
    )
    if collected:
        return delivery_id
    soon = due - now <= SOON
    lane = lane_of(thread_id, to.key, channel) if soon else f"send:{delivery_id}:{channel}"
    _job(tx, shard, delivery_id, lane, due=due, now=now)
    return delivery_id


def _job(tx: Tx, shard: str, delivery_id: str, lane: str, *, due: datetime, now: datetime) -> None:
    work.enqueue(
        tx,
        shard=shard,
        lane=lane,
        kind="send",
        payload={"delivery": delivery_id},
        due=due,
        now=now,
        idem_key=f"send:{delivery_id}",
    )


def without_ticket(row: Row, *, subject: str, text: str, language: str, **more: Any) -> Outgoing:
    """What the channel is to send for a delivery that is no word of a ticket: nobody may answer it. `more`: what else it has."""
    return Outgoing(
        delivery_id=row.id,
        channel=row.channel,
        ref=id_token(row.id),
        kind=row.kind,
        automatic=True,
        to=Address(row.address, row.name),
        subject=subject,
        text=text,
        language=language,
        ticket_number="",
        reply_token=None,
        bounce_token=id_token(row.id),
        **more,
    )


def lane_of(thread_id: str, address: str, channel: str) -> str:
    """What one person gets in one conversation leaves in order; nobody waits for another's address that does not answer."""
    return f"send:{thread_id}.{hashlib.sha256(address.encode()).hexdigest()[:12]}:{channel}"


def keep_files(case: Case, message_id: str, files: Sequence[Attachment], *, internal: bool) -> list[str]:
    """Store the files of a message or a note; return their ids."""
    tx, ticket_id, now = case.tx, case.id, case.now
    ids = []
    for file in files:
        identity = new_id()
        ids.append(identity)
        tx.insert(
            tables.attachment,
            ticket_id=ticket_id,
            id=identity,
            message_id=message_id,
            internal=internal,
            name=file.name,
            type=file.type,
            size=len(file.content),
            blob=blobs.put(tx, file.content, now=now),
            inline=file.inline,
            content_id=file.content_id,
        )
    return ids


def withdraw(case: Case, addresses: Sequence[str] | None) -> None:
    """What still waits to leave for these people (None: for anybody) does not leave; it stays on record as withdrawn."""
    for row in case.tx.all(_WAITING, ticket_id=case.id):
        if addresses is None or row.address.lower() in addresses:
            not_sent(case, row.id)


def not_sent(case: Case, delivery_id: str) -> None:
    """What waits to leave does not; it stays on record as withdrawn."""
    case.tx.update(delivery, {"ticket_id": case.id, "id": delivery_id}, state="withdrawn")
    work.cancel(case.tx, shard=case.id, key=f"send:{delivery_id}")


def hurry(case: Case, row: Row, *, due: datetime) -> None:
    """What was put off leaves at `due`, before whatever is said to the same person in the same conversation from now on."""
    if row.state == COLLECTED:  # by itself, after all
        case.tx.update(delivery, {"ticket_id": case.id, "id": row.id}, state="queued")
    work.cancel(case.tx, shard=case.id, key=f"send:{row.id}")
    _job(case.tx, case.id, row.id, lane_of(row.thread_id, row.address, row.channel), due=due, now=case.now)


def take_back(tx: Tx, row: Row, *, now: datetime) -> None:
    """Ask the service that took this delivery to take it back; `desk.taking_back` notes what it says."""
    work.enqueue(
        tx,
        shard=row.ticket_id,
        lane=f"retract:{row.id}",  # of its own: a service that does not answer holds up no message
        kind="retract",
        payload={"delivery": row.id},
        due=now,
        now=now,
        idem_key=f"retract:{row.id}",
    )


_WAITING = Prepared(
    select(delivery.c.id, delivery.c.address).where(
        delivery.c.ticket_id == bindparam("ticket_id"),
        WAITS,
    )
)
