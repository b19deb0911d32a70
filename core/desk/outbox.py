"""What leaves, to whom, and what became of it? One delivery row per recipient, written beside its cause.

Nothing is sent here: a delivery is a job on the lane of its recipient, and a channel does the sending. A send is at
least once; the delivery's `ref` is fixed, so that the other side can tell a repetition.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, func, literal, select

from core.desk import reference
from core.desk.case import Case
from core.envelope import Address, Attachment, Earlier, Kind, Outgoing, Report, Sent
from core.ids import new_id, new_token, token_hash
from core.store import blobs, fulltext, tables, work
from core.store.columns import Instant
from core.store.tx import Prepared, Row, Tx

WAITS = (60.0, 300.0, 900.0, 3600.0)  # seconds before each further try; then every hour
SOFT_BOUNCES = 5  # within SOFT_WITHIN: then nothing automatic goes there any more
SOFT_WITHIN = timedelta(days=7)
GIVE_UP_AFTER = timedelta(hours=48)
SOON = timedelta(seconds=60)
"""What is to leave later than this holds up nothing that is written meanwhile."""
HISTORY = 5  # earlier messages quoted below an answer
REFERENCES = 20  # ids kept in References: the first and the last 19
ADDRESS_LIVES = timedelta(days=90)  # after closing, an answer to an old mail still finds its ticket

WRITTEN_TO = ("requester", "participant")
"""Roles in a thread that get what we say. `cc` waits for confirmation, `silent` gets no automatic mail."""

delivery, message, thread = tables.delivery, tables.message, tables.thread
participant, thread_ref = tables.participant, tables.thread_ref

THREADS = Prepared(select(thread).where(thread.c.ticket_id == bindparam("ticket_id")).order_by(thread.c.at))
_PEOPLE = Prepared(
    select(participant).where(
        participant.c.ticket_id == bindparam("ticket_id"), participant.c.thread_id == bindparam("thread_id")
    )
)
_ONE = Prepared(
    select(delivery).where(delivery.c.ticket_id == bindparam("ticket_id"), delivery.c.id == bindparam("id"))
)
_BY_REF = Prepared(select(delivery).where(delivery.c.ref == bindparam("ref")))
_BY_BOUNCE = Prepared(select(delivery).where(delivery.c.bounce_hash == bindparam("hash")))
_MESSAGES = Prepared(
    select(message)
    .where(message.c.ticket_id == bindparam("ticket_id"), message.c.thread_id == bindparam("thread_id"))
    .order_by(message.c.id.desc())
    .limit(50)
)
_FILES = Prepared(
    select(tables.attachment).where(
        tables.attachment.c.ticket_id == bindparam("ticket_id"),
        tables.attachment.c.message_id == bindparam("message_id"),
        tables.attachment.c.internal.is_(False),
    )
)
_BAD = Prepared(
    select(tables.bad_address.c.reason).where(tables.bad_address.c.address == bindparam("address"))
)
_OWN_REFS = Prepared(
    select(delivery.c.ref, delivery.c.message_id).where(
        delivery.c.ticket_id == bindparam("ticket_id"),
        delivery.c.thread_id == bindparam("thread_id"),
        delivery.c.address == bindparam("address"),
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A message of ours and how many deliveries carry it."""

    message_id: str
    deliveries: int


def say(
    case: Case,
    where: Row,
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
    only: Address | None = None,
    answers: str | None = None,
) -> Said:
    """Add our message to a thread and queue one delivery for each person in it.

    `where`: the row of the thread. `due`: not before this instant. `only`: this one recipient. `answers`: id of the message
    it answers; None: the last one of the thread. An automatic
    message is not sent to addresses that bounced, complained or answered by machine; it is still on the ticket.
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
        made_from=made_from or {},
    )
    keep_files(tx, case.id, message_id, files, internal=False)
    if not automatic:
        fulltext.index(tx, ticket_id=case.id, item_id=message_id, audience="customer", body=text)
    people = [only] if only else _recipients(tx, case.id, where.id, automatic=automatic)
    in_reply_to = answers if answers is not None else _last_inward(tx, case.id, where.id)
    count = 0
    for person in people:
        for channel in (where.channel, where.also_by):
            if channel:
                _deliver(
                    case,
                    where,
                    message_id,
                    channel,
                    person,
                    kind=kind,
                    in_reply_to=in_reply_to,
                    due=due or now,
                )
                count += 1
    return Said(message_id=message_id, deliveries=count)


def _recipients(tx: Tx, ticket_id: str, thread_id: str, *, automatic: bool) -> list[Address]:
    found = []
    for row in tx.all(_PEOPLE, ticket_id=ticket_id, thread_id=thread_id):
        if row.role not in WRITTEN_TO and not (row.role == "silent" and not automatic):
            continue
        if automatic and tx.one(_BAD, address=row.address) is not None:
            continue
        found.append(Address(row.address, row.name))
    return found


def _last_inward(tx: Tx, ticket_id: str, thread_id: str) -> str:
    for row in tx.all(_MESSAGES, ticket_id=ticket_id, thread_id=thread_id):
        if row.direction == "in" and row.external_ref:
            return str(row.external_ref)
    return ""


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
) -> None:
    tx, now = case.tx, case.now
    delivery_id, ref = new_id(), new_token()
    _answers_to(tx, case.id, where.id, to.address)
    tx.insert(
        delivery,
        ticket_id=case.id,
        id=delivery_id,
        message_id=message_id,
        thread_id=where.id,
        channel=channel,
        address=to.address,
        name=to.name,
        kind=kind,
        state="queued",
        attempts=0,
        ref=ref,
        bounce_hash=token_hash(tx.facts.token("bounce", delivery_id)),
        in_reply_to=in_reply_to,
        created_at=now,
    )
    tx.insert(
        thread_ref,
        ref=ref,
        ticket_id=case.id,
        thread_id=where.id,
        kind="own",
        customer=case["customer"],
        at=now,
    )
    work.enqueue(
        tx,
        shard=case.id,
        lane=_lane(where.id, to.address, channel) if due - now <= SOON else f"send:{delivery_id}:{channel}",
        kind="send",
        payload={"delivery": delivery_id},
        due=due,
        now=now,
        idem_key=f"send:{delivery_id}",
    )


def _lane(thread_id: str, address: str, channel: str) -> str:
    """What one person gets in one conversation leaves in order; nobody waits for another's address that does not answer."""
    return f"send:{thread_id}.{hashlib.sha256(address.encode()).hexdigest()[:12]}:{channel}"


def keep_files(
    tx: Tx, ticket_id: str, message_id: str, files: Sequence[Attachment], *, internal: bool
) -> list[str]:
    """Store the files of a message or a note; return their ids."""
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
            sha256=blobs.put(tx, file.content),
            inline=file.inline,
            content_id=file.content_id,
        )
    return ids


def _answers_to(tx: Tx, ticket_id: str, thread_id: str, address: str) -> str:
    """The token of one person's answers in one conversation: always the same, and known to the desk from now on."""
    token = tx.facts.token("reply", thread_id, address)
    tx.insert_new(
        tables.reply_address,
        hash=token_hash(token),
        ticket_id=ticket_id,
        thread_id=thread_id,
        address=address,
        expires_at=None,
    )
    return token


def begin(tx: Tx, ticket_id: str, delivery_id: str, *, now: datetime) -> Outgoing | None:
    """What the channel is to send, marked `sending`; None when there is nothing to send any more."""
    row = tx.one(_ONE, ticket_id=ticket_id, id=delivery_id)
    if row is None or row.state not in ("queued", "sending"):
        return None
    # The hub that sends may have another key than the one that wrote it down: what it issues must be known all the same.
    bounces_to = tx.facts.token("bounce", row.id)
    tx.update(
        delivery,
        {"ticket_id": ticket_id, "id": delivery_id},
        state="sending",
        attempts=row.attempts + 1,
        bounce_hash=token_hash(bounces_to),
    )
    said = tx.one(_MESSAGE, ticket_id=ticket_id, id=row.message_id)
    where = tx.one(_THREAD, ticket_id=ticket_id, id=row.thread_id)
    of = tx.one(_TICKET, id=ticket_id)
    customer = reference.customer(tx, of.customer) if of.customer else None
    zone = ZoneInfo(customer.time_zone) if customer else tx.facts.zone
    earlier = [m for m in tx.all(_MESSAGES, ticket_id=ticket_id, thread_id=row.thread_id) if m.id < said.id]
    files = tuple(
        Attachment(name=f.name, type=f.type, content=blobs.get(tx, f.sha256))
        for f in tx.all(_FILES, ticket_id=ticket_id, message_id=said.id)
    )
    return Outgoing(
        delivery_id=row.id,
        channel=row.channel,
        ref=row.ref,
        kind=row.kind,
        automatic=said.automatic,
        to=Address(row.address, row.name),
        mailbox=where.mailbox,
        author_name=said.author_name,
        subject=said.subject,
        text=said.text,
        language=said.language,
        ticket_number=of.number,
        reply_token=_answers_to(tx, ticket_id, row.thread_id, row.address),
        bounce_token=bounces_to,
        in_reply_to=row.in_reply_to,
        references=_references(tx, row, earlier),
        history=()
        if said.automatic
        else tuple(
            Earlier(author=m.author_name or tx.facts.name, at=m.at.astimezone(zone), text=_visible(m))
            for m in earlier[:HISTORY]
            if not m.automatic
        ),
        attachments=files,
    )


_MESSAGE = Prepared(
    select(message).where(message.c.ticket_id == bindparam("ticket_id"), message.c.id == bindparam("id"))
)
_THREAD = Prepared(
    select(thread).where(thread.c.ticket_id == bindparam("ticket_id"), thread.c.id == bindparam("id"))
)
_TICKET = Prepared(
    select(tables.ticket.c.number, tables.ticket.c.customer).where(tables.ticket.c.id == bindparam("id"))
)


def _references(tx: Tx, row: Row, earlier: Sequence[Row]) -> tuple[str, ...]:
    """Oldest first: what was exchanged with this person before, our own as bare refs."""
    own = {
        r.message_id: r.ref
        for r in tx.all(_OWN_REFS, ticket_id=row.ticket_id, thread_id=row.thread_id, address=row.address)
    }
    refs = [ref for m in reversed(earlier) if (ref := own.get(m.id) or m.external_ref)]
    return tuple(refs if len(refs) <= REFERENCES else [refs[0], *refs[-(REFERENCES - 1) :]])


def _visible(row: Row) -> str:
    spans = [row.text[start:end] for start, end, kind in row.spans if kind == "visible"]
    return "".join(spans).strip() if row.spans else row.text


def sent(tx: Tx, ticket_id: str, delivery_id: str, what: Sent, *, now: datetime) -> None:
    """The other side took it."""
    row = tx.one(_ONE, ticket_id=ticket_id, id=delivery_id)
    key = {"ticket_id": ticket_id, "id": delivery_id}
    tx.update(delivery, key, state="sent", sent_at=now, error="", remote=what.detail[:500])
    _attempt(tx, row, "sent", what.detail, now=now)
    tx.tell("ticket", ticket_id)


def postponed(tx: Tx, ticket_id: str, delivery_id: str, error: str, *, now: datetime) -> bool:
    """It was not taken this time. Returns whether to try again: not 48 hours after the first try."""
    row = tx.one(_ONE, ticket_id=ticket_id, id=delivery_id)
    _attempt(tx, row, "retry", error, now=now)
    tx.update(delivery, {"ticket_id": ticket_id, "id": delivery_id}, state="queued", error=error[:500])
    tx.tell("ticket", ticket_id)
    first = tx.one(_FIRST_TRY, ticket_id=ticket_id, delivery_id=delivery_id, since=row.created_at)
    return bool(now - first.at < GIVE_UP_AFTER)


_FIRST_TRY = Prepared(
    select(tables.delivery_attempt.c.at)
    .where(
        tables.delivery_attempt.c.ticket_id == bindparam("ticket_id"),
        tables.delivery_attempt.c.delivery_id == bindparam("delivery_id"),
        tables.delivery_attempt.c.at >= bindparam("since", type_=Instant),
    )
    .order_by(tables.delivery_attempt.c.n)
    .limit(1)
)


def failed(tx: Tx, ticket_id: str, delivery_id: str, error: str, *, now: datetime) -> None:
    """It will not be taken: staff see it on the ticket and in the list of what was not delivered."""
    row = tx.one(_ONE, ticket_id=ticket_id, id=delivery_id)
    _attempt(tx, row, "failed", error, now=now)
    tx.update(delivery, {"ticket_id": ticket_id, "id": delivery_id}, state="given_up", error=error[:500])
    case = Case.open(tx, ticket_id, now=now)
    case.flag("undelivered")
    case.event("delivery.given_up", actor="system", delivery=delivery_id, what=row.kind)
    case.save()


def retry(case: Case, delivery_id: str) -> bool:
    """Queue a given-up or bounced delivery again; say whether there was one.

    Whoever asks for it believes that the address works: automatic mail may go there again too.
    """
    row = case.tx.one(_ONE, ticket_id=case.id, id=delivery_id)
    if row is None or row.state not in ("given_up", "bounced"):
        return False
    case.tx.update(
        delivery, {"ticket_id": case.id, "id": delivery_id}, state="queued", error="", created_at=case.now
    )
    work.enqueue(
        case.tx,
        shard=case.id,
        lane=_lane(row.thread_id, row.address, row.channel),
        kind="send",
        payload={"delivery": delivery_id},
        due=case.now,
        now=case.now,
    )
    case.tx.run(_WORKS, address=row.address)
    case.flag("undelivered", on=case.tx.one(_UNDELIVERED, ticket_id=case.id) is not None)
    return True


_WORKS = Prepared(tables.bad_address.delete().where(tables.bad_address.c.address == bindparam("address")))
_UNDELIVERED = Prepared(
    select(delivery.c.id)
    .where(
        delivery.c.ticket_id == bindparam("ticket_id"),
        delivery.c.state.in_([literal("given_up"), literal("bounced")]),
    )
    .limit(1)
)


def reported(
    tx: Tx, kind: Kind, *, bounce_tokens: Sequence[str], report: Report | None, now: datetime
) -> Row | None:
    """A report about something we sent: note it at the delivery. None: no delivery of ours is meant.

    Believed only through the address that belongs to the one delivery, or our own ref in the returned headers. Only
    a bounce changes its state, and the certified proof that it was delivered after all; an address that is dead or
    complained gets no automatic mail until staff say so.
    """
    row = None
    for token in bounce_tokens:
        row = row or tx.one(_BY_BOUNCE, hash=token_hash(token))
    for ref in report.own_refs if report else ():
        row = row or tx.one(_BY_REF, ref=ref)
    if row is None:
        return None
    said = report.recipients[0] if report and report.recipients else None
    detail = " ".join(part for part in (said.status, said.text) if part) if said else ""
    key = {"ticket_id": row.ticket_id, "id": row.id}
    bounced = kind in (Kind.BOUNCE_HARD, Kind.BOUNCE_SOFT)
    certified = report is not None and report.certified and said is not None
    proved = certified and said is not None and said.action == "delivered"
    outcome = "bounced" if bounced else "delivered" if proved else "accepted" if certified else str(kind)
    _attempt(tx, row, outcome, detail, now=now)
    if proved:
        _proved(tx, row, now=now)
    if kind is Kind.ARF:
        tx.insert_new(tables.bad_address, address=row.address, reason="complaint", at=now)
    if bounced:
        tx.update(delivery, key, state="bounced", error=detail[:500])
        case = Case.open(tx, row.ticket_id, now=now)
        case.flag("undelivered")
        case.event("delivery.bounced", actor="system", delivery=row.id, hard=kind is Kind.BOUNCE_HARD)
        case.save()
        if kind is Kind.BOUNCE_HARD:
            tx.insert_new(tables.bad_address, address=row.address, reason="hard bounce", at=now)
        elif _bounces(tx, row.address, now=now) >= SOFT_BOUNCES:
            tx.insert_new(tables.bad_address, address=row.address, reason="soft bounces", at=now)
    return row


def _proved(tx: Tx, row: Row, *, now: datetime) -> None:
    """A provider of certified mail put it into the recipient's mailbox, whatever was reported before."""
    if row.state in ("bounced", "given_up"):
        tx.update(delivery, {"ticket_id": row.ticket_id, "id": row.id}, state="sent", error="")
    case = Case.open(tx, row.ticket_id, now=now)
    case.flag("undelivered", on=tx.one(_UNDELIVERED, ticket_id=row.ticket_id) is not None)
    case.event("delivery.proved", actor="system", delivery=row.id)
    case.save()


def _bounces(tx: Tx, address: str, *, now: datetime) -> int:
    """How often mail to this address came back lately, on whatever ticket."""
    return int(tx.one(_BOUNCES, address=address, since=now - SOFT_WITHIN).n)


_BOUNCES = Prepared(
    select(func.count().label("n"))
    .select_from(
        participant.join(
            delivery,
            (delivery.c.ticket_id == participant.c.ticket_id)
            & (delivery.c.thread_id == participant.c.thread_id)
            & (delivery.c.address == participant.c.address),
        ).join(
            tables.delivery_attempt,
            (tables.delivery_attempt.c.ticket_id == delivery.c.ticket_id)
            & (tables.delivery_attempt.c.delivery_id == delivery.c.id),
        )
    )
    .where(
        participant.c.address == bindparam("address"),
        tables.delivery_attempt.c.at > bindparam("since", type_=Instant),
        tables.delivery_attempt.c.outcome == "bounced",
    )
)


def _attempt(tx: Tx, row: Row, outcome: str, detail: str, *, now: datetime) -> None:
    n = tx.one(_ATTEMPTS, ticket_id=row.ticket_id, delivery_id=row.id)
    tx.insert(
        tables.delivery_attempt,
        ticket_id=row.ticket_id,
        delivery_id=row.id,
        n=1 if n is None else n.n + 1,
        at=now,
        outcome=outcome,
        detail=detail[:500],
    )


_ATTEMPTS = Prepared(
    select(tables.delivery_attempt.c.n)
    .where(
        tables.delivery_attempt.c.ticket_id == bindparam("ticket_id"),
        tables.delivery_attempt.c.delivery_id == bindparam("delivery_id"),
    )
    .order_by(tables.delivery_attempt.c.n.desc())
    .limit(1)
)
