"""What did a visitor miss since they closed the page? It goes to them by mail, together; what they answer goes on in the chat."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, literal, select

from core import texts
from core.desk import answering, chats, identities, notices, outbox, people
from core.desk.case import Case
from core.envelope import Address
from core.rules.participation import State
from core.store import tables, work
from core.store.tx import Prepared, Row, Tx

CHANNEL = "webchat"
"""The one that pages show."""
KIND = "chat-missed"
"""Kind and key of the timer, one for each ticket."""
MESSAGE = "missed"
"""Kind of the message that says it."""
GONE = timedelta(minutes=10)
"""Without a page, after which somebody counts as gone."""
EVERY = timedelta(minutes=15)
"""At most one mail in this time."""
NOT_MISSED = ("received",)
"""Kinds that tell nothing new by mail: whoever wrote knows that they wrote."""

delivery, message = tables.delivery, tables.message


def watch(tx: Tx, row: Row, *, now: datetime) -> None:
    """Something was said to a visitor: look after a while whether they saw it. `row`: of the delivery."""
    if row.channel == CHANNEL and row.kind not in NOT_MISSED and tx.facts.mails_by:
        _again(tx, row.ticket_id, due=now + GONE, now=now)


def _again(tx: Tx, ticket_id: str, *, due: datetime, now: datetime) -> None:
    about: dict[str, Any] = {"lane": "timer", "kind": KIND, "payload": {}, "idem_key": KIND}
    work.enqueue(tx, shard=ticket_id, due=due, now=now, **about)


def look(tx: Tx, ticket_id: str, *, now: datetime) -> None:
    """Mail what was not seen to whoever is gone, and look again at who may still see it."""
    unseen = [row for row in tx.all(_UNSEEN, ticket_id=ticket_id) if row.kind not in NOT_MISSED]
    places = {(row.thread_id, row.address) for row in unseen}
    for thread_id, address in sorted(places):
        theirs = [row for row in unseen if (row.thread_id, row.address) == (thread_id, address)]
        due = _look(tx, ticket_id, thread_id, address, theirs, now=now)
        if due is not None:
            _again(tx, ticket_id, due=due, now=now)


def _look(
    tx: Tx, ticket_id: str, thread_id: str, address: str, unseen: list[Row], *, now: datetime
) -> datetime | None:
    """Write to one visitor about one conversation, or say when to look again; None: there is nothing to do."""
    chat = chats.known(tx, address)
    if (
        chat is None
        or tx.one(_RETIRED, ticket_id=ticket_id, thread_id=thread_id, address=address) is not None
    ):
        return None
    earlier = tx.all(_EARLIER, ticket_id=ticket_id, thread_id=thread_id)
    mailed = {one for row in earlier for one in (row.made_from or {}).get("deliveries", ())}
    missed = [row for row in unseen if row.id not in mailed]
    to = _mailbox(tx, chat)
    if not missed or to is None:
        return None
    free: datetime = max(chat.online_until or chat.last_at, *(row.sent_at for row in missed)) + GONE
    if earlier:
        free = max(free, earlier[0].at + EVERY)
    if free > now:
        return free
    _write(Case.open(tx, ticket_id, now=now), thread_id, to, missed)
    return None


def _mailbox(tx: Tx, chat: Row) -> Address | None:
    """Of who they proved to be, else the one they named. Who was a contact and left is written to nowhere."""
    contact = identities.proved_contact(tx, chat.address)
    person = people.contact(tx, contact) if contact else None
    if person is not None and not person.active:
        return None
    email = person.email if person is not None else chat.email
    return Address(email, chat.name) if email and answering.works(tx, email) else None


def _write(case: Case, thread_id: str, to: Address, missed: list[Row]) -> None:
    where = next(row for row in case.tx.all(outbox.THREADS, ticket_id=case.id) if row.id == thread_id)
    zone, language = notices.zone_of(case), case["language"]
    subject, text = texts.notice(
        "chat_missed",
        language,
        number=case["number"],
        hub=case.tx.facts.name,
        said=[
            {
                "who": row.author_name if not row.automatic else "",
                "at": texts.instant(row.sent_at, zone, language),
                "text": row.text.strip(),
            }
            for row in missed
        ],
    )
    outbox.say(
        case,
        where,
        [to],
        kind=MESSAGE,
        subject=subject,
        text=text,
        automatic=True,
        language=language,
        made_from={"deliveries": [row.id for row in missed]},
        answers="",
    )
    case.event("chat.missed", actor="system", count=len(missed))
    case.save()


_UNSEEN = Prepared(
    select(
        delivery.c.id,
        delivery.c.thread_id,
        delivery.c.address,
        delivery.c.sent_at,
        delivery.c.kind,
        message.c.text,
        message.c.automatic,
        message.c.author_name,
    )
    .select_from(
        delivery.join(
            message, (message.c.ticket_id == delivery.c.ticket_id) & (message.c.id == delivery.c.message_id)
        )
    )
    .where(
        delivery.c.ticket_id == bindparam("ticket_id"),
        delivery.c.channel == literal(CHANNEL),
        delivery.c.state == literal("sent"),
        delivery.c.seen_at.is_(None),
        message.c.withdrawn_at.is_(None),
    )
    .order_by(delivery.c.id)
)
_RETIRED = Prepared(
    select(tables.participant.c.address).where(
        tables.participant.c.ticket_id == bindparam("ticket_id"),
        tables.participant.c.thread_id == bindparam("thread_id"),
        tables.participant.c.address == bindparam("address"),
        tables.participant.c.state == literal(str(State.RETIRED)),
    )
)
_EARLIER = Prepared(
    select(message.c.at, message.c.made_from)
    .where(
        message.c.ticket_id == bindparam("ticket_id"),
        message.c.thread_id == bindparam("thread_id"),
        message.c.kind == literal(MESSAGE),
    )
    .order_by(message.c.id.desc())
)
