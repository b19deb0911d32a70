"""What becomes of a message? Who wrote, which ticket, may they, what, where, by when: one transaction.

Facts are fetched here and decided in `core.rules`; every decision is kept with its reason in the inbound row's
`detail` and in the ticket's events.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select

from core.desk import (
    authors,
    door,
    notices,
    outbox,
    placing,
    restraint,
    shares,
    threads,
    tickets,
    timing,
    traffic,
)
from core.desk.case import Case
from core.desk.errors import Forbidden, Refused, invalid
from core.desk.principal import Principal
from core.desk.scope import PUBLISHED
from core.envelope import Address, Arrival, Inbound, Kind, Trust
from core.ids import derived_id, new_id
from core.rules import threading, trust, workflow
from core.store import blobs, fulltext, tables
from core.store.columns import to_micros
from core.store.tx import Prepared, Row, Tx

inbound_table = tables.inbound

_ROW = Prepared(select(inbound_table).where(inbound_table.c.id == bindparam("id")))
_KEY = Prepared(select(tables.content_key.c.inbound_id).where(tables.content_key.c.key == bindparam("key")))
_NUMBER = Prepared(select(tables.ticket.c.number).where(tables.ticket.c.id == bindparam("id")))
_COUNTER = Prepared(
    lambda insert: (
        insert(tables.counter)
        .values(name=bindparam("name"), value=1)
        .on_conflict_do_update(index_elements=["name"], set_={"value": tables.counter.c.value + 1})
        .returning(tables.counter.c.value)
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Understood:
    """What became of an inbound row."""

    outcome: str
    reason: str = ""
    ticket_id: str | None = None
    number: str | None = None
    message_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Message:
    """One message on its way to a ticket: what it says, who that is, and why we think so."""

    row: Row
    said: Inbound
    author: authors.Author
    trust: Trust
    placed: threading.Threading
    detail: dict[str, Any]


def receive(tx: Tx, arrival: Arrival, said: Inbound, *, now: datetime) -> Understood:
    """Store and understand in one transaction: for the portal and the API, where the person waits for the number."""
    inbound_id = door.accept(tx, arrival, now=now, later=False)
    return understand(tx, inbound_id, said, now=now)


def understand(tx: Tx, inbound_id: str, said: Inbound, *, now: datetime) -> Understood:
    """Give a stored message its outcome. Safe to repeat: a row that has one keeps it."""
    row = tx.one(_ROW, id=inbound_id)
    if row.outcome is not None:
        return Understood(
            outcome=row.outcome,
            reason=row.reason,
            ticket_id=row.ticket_id,
            number=tx.one(_NUMBER, id=row.ticket_id).number if row.ticket_id else None,
            message_id=row.message_id,
        )
    said = shares.own(tx, row, said, now=now)
    if said.content_key and not tx.insert_new(
        tables.content_key, key=said.content_key, inbound_id=inbound_id, at=now
    ):
        first = tx.one(_KEY, key=said.content_key).inbound_id
        if first != inbound_id:  # else it is looked at again, because staff said so
            return _conclude(tx, row, said, "duplicate", "same_content", now=now, detail={"first": first})
    if row.detail.get("take_as"):
        return _released(tx, row, said, now=now)
    if said.kind in threading.ABOUT_A_DELIVERY:
        return _report(tx, row, said, now=now)
    if said.kind is Kind.OWN_LOOP:
        return _conclude(tx, row, said, "machine", "own_loop", now=now)
    return _place(tx, _judge(tx, row, said, now=now), now=now)


def _judge(tx: Tx, row: Row, said: Inbound, *, now: datetime) -> _Message:
    """Who wrote it, how far that is believed, and where it belongs."""
    author = authors.find(tx, said)
    said = replace(said, notes=(*said.notes, *_same_id(tx, said)))
    candidates = threads.candidates(tx, said, author, now=now)
    decided = trust.decide(
        known=author.kind in ("contact", "agent"),
        proved=author.proved,
        defects=said.author_defects or (("no_author",) if author.kind == "nobody" else ()),
        authentication=said.authentication,
        token=any(c.how is threading.How.REPLY_ADDRESS and c.issued_to_author for c in candidates),
        own=said.under_our_name,
    )
    placed = threading.decide(
        threading.Asked(
            trust=decided.trust,
            aligned=said.authentication.verdict == "pass",
            customer=author.customer,
            forward=said.forward,
            authentication_failed=decided.reasons[:1] == ("dmarc_fail",),
        ),
        candidates,
        now=now,
    )
    detail = {
        "trust": decided.trust,
        "trust_reasons": list(decided.reasons),
        "authentication": list(said.authentication.evidence),
        "threading": placed.reason,
        "suggestions": list(placed.suggestions),
        "links": list(placed.links),
        "considered": [
            {"how": c.how, "number": c.number, "taken": c.taken, "why": c.why} for c in placed.log
        ],
        "kind": said.kind,
        "kind_evidence": list(said.kind_evidence),
    }
    return _Message(row=row, said=said, author=author, trust=decided.trust, placed=placed, detail=detail)


def _same_id(tx: Tx, said: Inbound) -> list[str]:
    """Two different messages under one id: both are kept, and the second says so."""
    if not said.message_id or all(row.kind != "seen" for row in tx.all(threads.BY_REF, ref=said.message_id)):
        return []
    return ["another message came with the same id before"]


def _place(tx: Tx, message: _Message, *, now: datetime) -> Understood:
    said, placed, rights = message.said, message.placed, threading.rights(message.said.kind)
    known = restraint.sender(tx, message.author, message.row.sender, now=now)
    if restraint.flooding(tx, known) and (rights.may_open or rights.may_attach):
        return _hold(tx, message, "sender_flood", now=now)
    if said.under_our_name and rights.may_open:  # web forms write so, and forgers
        return _hold(tx, message, "own_address", now=now)
    if placed.outcome == "attach" and rights.may_attach:
        if not rights.may_reopen and restraint.chattering(tx, str(placed.ticket), now=now):
            return _conclude(tx, message.row, said, "machine", "too_many", now=now, detail=message.detail)
        return _attach(tx, message, str(placed.ticket), str(placed.thread), now=now)
    if placed.outcome == "held" and rights.may_attach and not _automatic_beside(said, placed):
        return _hold(tx, message, placed.reason, now=now)
    if not rights.may_open:
        return _conclude(tx, message.row, said, "machine", said.kind, now=now, detail=message.detail)
    where = restraint.repeated(tx, said, message.author, known, now=now) if rights.may_reopen else None
    if where is not None and placed.follow_up_of is None:
        message = replace(message, placed=replace(placed, reason="same_text"))
        return _attach(tx, message, where.ticket, where.thread, now=now)
    return _open(tx, message, known, now=now)


def _automatic_beside(said: Inbound, placed: threading.Threading) -> bool:
    """An automatic answer of somebody else that only came to an envelope sender of ours: nothing to decide on."""
    keys = {one.how for one in placed.log}
    return not threading.rights(said.kind).may_open and keys == {threading.How.BOUNCE_ADDRESS}


# --- What staff decide ---------------------------------------------------------------------------------------


HELD_TEXT = 2_000  # characters that the list of held messages shows
TAKE_AS = ("message", "ticket", "note")


def release(tx: Tx, who: Principal, inbound_id: str, *, as_: str, now: datetime) -> None:
    """Take a held message: into the conversation it names, as a new ticket, or as a note. It is read again for that.

    Raises NotFound, Forbidden, Refused when it waits for nobody, Invalid.
    """
    row = _waiting(tx, who, inbound_id, "held")
    if as_ not in TAKE_AS:
        raise invalid("/as", f"must be one of {', '.join(TAKE_AS)}")
    if as_ != "ticket" and not row.detail.get("ticket"):
        raise invalid("/as", "the message names no ticket: take it as a ticket of its own")
    _again(tx, row, who, {**row.detail, "take_as": as_, "by": who.id}, now=now)


def retry(tx: Tx, who: Principal, inbound_id: str, *, now: datetime) -> None:
    """Try again what could not be read or decided, after a fix."""
    row = _waiting(tx, who, inbound_id, "exception")
    _again(tx, row, who, {}, now=now)


def discard(tx: Tx, who: Principal, inbound_id: str, *, now: datetime) -> None:
    """Decide that nothing is to be done. The bytes and the outcome stay; it is no longer in the list."""
    row = _waiting(tx, who, inbound_id)
    detail = {**row.detail, "discarded_by": who.id}
    tx.update(inbound_table, {"id": inbound_id}, open=False, decided_at=now, detail=detail)
    _no_longer_held(tx, row, who, "inbound.discarded", now=now)
    tx.tell("inbound", inbound_id)


def _waiting(tx: Tx, who: Principal, inbound_id: str, outcome: str | None = None) -> Row:
    if who.kind == "contact":
        raise Forbidden("only staff may do this")
    traffic.inbound_item(tx, who, inbound_id)  # raises NotFound for what is out of scope
    row = tx.one(_ROW, id=inbound_id)
    if not row.open or (outcome is not None and row.outcome != outcome):
        raise Refused(f"this item is no longer waiting: it is {row.outcome}")
    return row


def _again(tx: Tx, row: Row, who: Principal, detail: Mapping[str, Any], *, now: datetime) -> None:
    tx.update(
        inbound_table,
        {"id": row.id},
        outcome=None,
        reason="",
        detail=detail,
        open=False,
        tries=0,
        decided_at=None,
    )
    _no_longer_held(tx, row, who, "inbound.taken_up", now=now)
    door.enqueue(tx, row.id, row.sender, now=now)
    tx.tell("inbound", row.id)


def _no_longer_held(tx: Tx, row: Row, who: Principal, event: str, *, now: datetime) -> None:
    if row.detail.get("ticket"):
        case = Case.open(tx, row.detail["ticket"], now=now)
        case.flag("held", on=tx.one(_OTHER_HELD, ticket_id=case.id, id=row.id) is not None)
        case.event(event, actor=who.actor, inbound=row.id)
        case.save()


_OTHER_HELD = Prepared(
    select(inbound_table.c.id)
    .where(
        inbound_table.c.ticket_id == bindparam("ticket_id"),
        inbound_table.c.id != bindparam("id"),
        inbound_table.c.outcome == "held",
        inbound_table.c.open,
    )
    .limit(1)
)


def _released(tx: Tx, row: Row, said: Inbound, *, now: datetime) -> Understood:
    if said.under_our_name and said.reply_to is not None:
        # Staff took it in: whoever stands in Reply-To asked, as far as anybody can know.
        said = replace(said, author=said.reply_to, author_defects=("known by Reply-To only",))
    message = _judge(tx, row, said, now=now)
    message = replace(message, detail=message.detail | {"released_by": row.detail["by"]})
    take_as, ticket_id = row.detail["take_as"], row.detail.get("ticket")
    if take_as == "ticket" or not ticket_id:
        return _open(tx, message, restraint.sender(tx, message.author, row.sender, now=now), now=now)
    if take_as == "message":
        # Its author is nobody of the request: only now may the customer read it.
        published = replace(said, notes=(*said.notes, PUBLISHED))
        message = replace(message, said=published, placed=replace(message.placed, reason="released"))
        return _attach(tx, message, ticket_id, row.detail["thread"], now=now)
    case = Case.open(tx, ticket_id, now=now)
    note_id = new_id()
    text = f"{message.author.display}: {said.subject}\n\n{said.text}"
    tx.insert(tables.note, ticket_id=case.id, id=note_id, agent=row.detail["by"], text=text, at=now)
    outbox.keep_files(tx, case.id, note_id, said.attachments, internal=True)
    fulltext.index(tx, ticket_id=case.id, item_id=note_id, audience="internal", body=text)
    case.event("note.added", actor=f"agent:{row.detail['by']}", note=note_id, inbound=row.id)
    case.save()
    return _conclude(
        tx, row, said, "attached", "as_note", now=now, detail=message.detail, case=case, message_id=note_id
    )


# --- A new ticket ------------------------------------------------------------------------------------------


def _open(tx: Tx, message: _Message, known: restraint.Sender, *, now: datetime) -> Understood:
    said, author, row, placed = message.said, message.author, message.row, message.placed
    subject = said.subject.strip() or tickets.snippet(said.text)[:80] or author.display
    case = Case.begin(
        tx,
        now=now,
        id=derived_id(to_micros(now) // 1000, row.id),
        number=_number(tx, row.received_at),
        subject=subject[:1000],
        state="received",
        state_since=now,
        customer=author.customer,
        contact=author.contact,
        requester_name=author.name,
        requester_address=author.address,
        channel=said.channel,
        trust=message.trust,
        language=tx.facts.language(author.language),
        snippet=tickets.snippet(_visible(said)),
        last_direction="in",
        received_at=row.received_at,
        updated_at=now,
        follow_up_of=placed.follow_up_of,
    )
    case.event(
        "ticket.opened",
        actor=author.actor,
        at=row.received_at,
        inbound=row.id,
        channel=said.channel,
        trust=message.trust,
        threading=placed.reason,
    )
    rights = threading.rights(said.kind)
    silent = not said.may_auto_reply or not rights.may_be_acknowledged
    where = threads.begin(case, said, author, silent=silent)
    message_id = _keep(case, message, where.id)
    placing.first(case, said, author, trust=message.trust)
    brake = restraint.acknowledge(tx, said, author, message.trust, known, now=now)
    if brake.allowed:
        notices.received(
            case,
            where,
            plain=brake.plain,
            next_open=placing.next_open(case) if case["verdict"] == "covered_outside_window" else None,
            only=Address(author.address, "" if brake.plain else author.name),
            answers=said.message_id,
        )
    timing.settle(case)
    case.save()
    return _conclude(
        tx,
        row,
        said,
        "ticket",
        placed.reason,
        now=now,
        detail=message.detail | {"acknowledged": brake.reason},
        case=case,
        message_id=message_id,
    )


def _number(tx: Tx, received_at: datetime) -> str:
    """The next number of the year in the hub's zone, never used again."""
    year = received_at.astimezone(tx.facts.zone).year % 100
    return f"{year:02}-{tx.one(_COUNTER, name=f'ticket:{year:02}').value:06}"


def _keep(case: Case, message: _Message, thread_id: str) -> str:
    """Store the message in the conversation, with its files; return its id."""
    said, author, tx = message.said, message.author, case.tx
    message_id = new_id()
    tx.insert(
        tables.message,
        ticket_id=case.id,
        id=message_id,
        thread_id=thread_id,
        channel=said.channel,
        direction="in",
        kind=said.kind,
        automatic=said.kind is not Kind.HUMAN,
        author_name=(author.name or said.author_text)[:200],
        author_address=author.address,
        agent=said.agent,
        contact=author.contact,
        trust=message.trust,
        subject=said.subject[:1000],
        text=said.text,
        spans=[[span.start, span.end, span.kind] for span in said.spans],
        html=blobs.put(tx, said.html.encode("utf-8", "replace")) if said.html else None,
        language=case["language"],
        at=message.row.received_at,
        inbound_id=message.row.id,
        external_ref=said.message_id,
        notes=list(said.notes),
        people={
            "to": [[a.name, a.address] for a in said.to],
            "cc": [[a.name, a.address] for a in said.cc],
            "reply_to": said.reply_to.address if said.reply_to else "",
        },
    )
    outbox.keep_files(tx, case.id, message_id, said.attachments, internal=False)
    fulltext.index(
        tx, ticket_id=case.id, item_id=message_id, audience="customer", body=f"{said.subject}\n{said.text}"
    )
    case.event(
        "message.in", actor=author.actor, at=message.row.received_at, message=message_id, trust=message.trust
    )
    return message_id


# --- A ticket that is there already -------------------------------------------------------------------------


def _attach(tx: Tx, message: _Message, ticket_id: str, thread_id: str, *, now: datetime) -> Understood:
    said, author = message.said, message.author
    case = Case.open(tx, ticket_id, now=now)
    rights = threading.rights(said.kind)
    if case["state"] in workflow.ENDED and "released_by" not in message.detail:
        return _place(
            tx, _judge(tx, message.row, said, now=now), now=now
        )  # it ended while we waited for its row
    if case["state"] == "resolved" and rights.may_reopen and not restraint.may_reopen(tx, ticket_id, now=now):
        return _hold(tx, message, "reopened_too_often", now=now)
    if _another_subject(case["subject"], said.subject):
        said = replace(said, notes=(*said.notes, "the subject is another than the ticket's"))
    message_id = _keep(case, replace(message, said=said), thread_id)
    belongs = author.contact is not None or author.address == case["requester_address"]
    threads.listen(case, thread_id, said if belongs else replace(said, to=(), cc=()), author)
    if author.address and author.kind == "contact":
        threads.join(case, thread_id, author)
    elif (
        author.by_domain and message.placed.reason != "released"
    ):  # attached because the domain vouches for them
        threads.confirm(case, thread_id, author)
    if rights.may_reopen:  # a machine's word is no answer
        case.set(snippet=tickets.snippet(_visible(said)), last_direction="in", trust=message.trust)
        tickets.customer_wrote(case, at=message.row.received_at)
    timing.settle(case)
    case.save()
    return _conclude(
        tx,
        message.row,
        said,
        "attached",
        message.placed.reason,
        now=now,
        detail=message.detail,
        case=case,
        message_id=message_id,
    )


_WORDS = re.compile(r"[^\W\d_]{3,}")
_SAID_BY_PROGRAMS = frozenset({"fwd", "inoltra", "antwort", "wtr"})


def _another_subject(of_ticket: str, said: str) -> bool:
    """Not one word of the old subject is left: an old mail was taken to write about something else."""
    old, new = (set(_WORDS.findall(text.casefold())) - _SAID_BY_PROGRAMS for text in (of_ticket, said))
    return bool(old and new) and not old & new


# --- What is not for a ticket, or not yet -------------------------------------------------------------------


def _hold(tx: Tx, message: _Message, reason: str, *, now: datetime) -> Understood:
    """Staff decide. It is no part of any conversation, and nobody is told."""
    text = _visible(message.said).strip()[:HELD_TEXT]
    detail = message.detail | {"ticket": message.placed.ticket, "thread": message.placed.thread, "text": text}
    if message.said.reply_to is not None:
        detail["reply_to"] = message.said.reply_to.address
    case = Case.open(tx, message.placed.ticket, now=now) if message.placed.ticket else None
    done = _conclude(
        tx, message.row, message.said, "held", reason, now=now, detail=detail, case=case, waiting=True
    )
    if case is not None:  # beside it, so that whoever sees the ticket sees the item
        case.flag("held")
        case.event("inbound.held", actor="system", inbound=message.row.id, reason=reason)
        case.save()
    return done


def _report(tx: Tx, row: Row, said: Inbound, *, now: datetime) -> Understood:
    """A machine's word about something we sent: noted at that delivery, or in the list of what nobody knows."""
    about = outbox.reported(tx, said.kind, bounce_tokens=said.bounce_tokens, report=said.report, now=now)
    reason = said.kind if about is not None else f"{said.kind}_unknown"
    return _conclude(
        tx,
        row,
        said,
        "machine",
        reason,
        now=now,
        detail={"kind_evidence": list(said.kind_evidence), "delivery": about.id if about else None},
    )


def _conclude(
    tx: Tx,
    row: Row,
    said: Inbound,
    outcome: str,
    reason: str,
    *,
    now: datetime,
    detail: Mapping[str, Any] | None = None,
    case: Case | None = None,
    message_id: str | None = None,
    waiting: bool = False,
) -> Understood:
    door.conclude(
        tx,
        row.id,
        outcome,
        now=now,
        reason=reason,
        detail=detail,
        ticket_id=case.id if case else None,
        message_id=message_id,
        author=said.author.address if said.author else said.author_text[:200],
        subject=said.subject,
        waiting=waiting,
    )
    return Understood(
        outcome=outcome,
        reason=reason,
        ticket_id=case.id if case else None,
        number=case["number"] if case else None,
        message_id=message_id,
    )


def _visible(said: Inbound) -> str:
    if not said.spans:
        return said.text
    return "".join(said.text[s.start : s.end] for s in said.spans if s.kind == "visible")
