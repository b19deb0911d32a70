"""How does a message get into a ticket? A new one, one that is there, or beside it until staff decide.

What becomes of it was decided before, see core.desk.intake.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from core import addresses, chat_addresses
from core.desk import (
    acts,
    alike,
    authors,
    door,
    footers,
    forwarding,
    links_between,
    notices,
    outbox,
    paging,
    participants,
    placing,
    resolution,
    restraint,
    threads,
    timing,
)
from core.desk.case import ID_BY_NUMBER, Case
from core.envelope import Address, Inbound, Kind, Trust
from core.ids import derived_id, new_id
from core.rules import brakes, reaching, threading
from core.rules.chatting import Meant
from core.rules.joining import Tie
from core.store import blobs, counters, fulltext, tables
from core.store.columns import to_micros
from core.store.tx import Row, Tx

MOST_TIED = 5  # tickets that one message names
HELD_TEXT = 2_000  # characters that the list of held messages shows
_TOLD = brakes.Acknowledge(allowed=False, reason="told_at_once")
NAMES = "names a ticket"
"""A remark on a message; the number stands behind it."""


ALIKE = "looks like a ticket"
"""The same of one that it only looks like."""

PART = "part"
"""Why a message is attached that completes one which came in several parts."""

SAID_BEFORE = (threading.How.SAME_ID, alike.REASON)
"""Why a message is attached that is no answer: it changes no state."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Understood:
    """What became of an inbound row."""

    outcome: str
    reason: str = ""
    ticket_id: str | None = None
    number: str | None = None
    message_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message on its way to a ticket: what it says, who that is, and why we think so."""

    row: Row
    said: Inbound
    author: authors.Author
    trust: Trust
    placed: threading.Threading
    detail: dict[str, Any]
    meant: Meant | None = None
    """Of words in a chat: what they are taken to be about."""

    @property
    def whose(self) -> str | None:
        """Whose ways of ending a mail it may teach: a customer's, or a vendor's."""
        vendor = self.detail.get("vendor")
        return f"vendor {vendor}" if vendor else self.author.customer


def open_ticket(tx: Tx, message: Message, known: restraint.Sender, *, now: datetime) -> Understood:
    """A new ticket, as far as it can be placed at once, and its acknowledgement where one may be sent."""
    said, author, row, placed = message.said, message.author, message.row, message.placed
    subject = said.subject.strip() or acts.snippet(said.text)[:80] or _of_files(said) or author.display
    case = Case.begin(
        tx,
        now=now,
        id=derived_id(to_micros(now) // 1000, row.id),
        number=next_number(tx, row.received_at),
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
        snippet=acts.snippet(visible(said)),
        last_direction="in",
        chat=_chat(said),
        waits_since=row.received_at,
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
        **({"suggestions": list(placed.suggestions)} if placed.suggestions else {}),
        **forwarding.named(said, author),
    )
    rights = threading.rights(said.kind)
    silent = not said.may_auto_reply or not rights.may_be_acknowledged
    where = threads.begin(case, said, author, silent=silent)
    _tie(case, placed)
    message_id = _keep(case, message, where.id)
    placing.first(case, said, author, trust=message.trust)
    brake = _TOLD
    if not said.told:
        # Each who speaks in a room is told, though all of them are told there.
        to = author.address if said.chat is not None else addresses.key(where.answers_go_to.address)
        brake = restraint.acknowledge(tx, said, author, message.trust, known, to=to, now=now)
    if brake.allowed:
        notices.received(
            case,
            where,
            plain=brake.plain,
            next_open=placing.next_open(case) if case["verdict"] == "covered_outside_window" else None,
            only=Address(where.answers_go_to.address, "" if brake.plain else where.answers_go_to.name),
            answers="" if brake.unnamed and said.channel == reaching.MAIL else said.message_id,
        )
    timing.settle(case)
    paging.watch(case)
    case.save()
    return conclude(
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


def _chat(said: Inbound) -> str | None:
    """The channel, where it is a chat."""
    return said.channel if said.chat is not None else None


def part_of(said: Inbound) -> str:
    """What all parts of one message of a chat have in common; empty: it came whole."""
    if said.chat is None or not said.chat.part_of or said.author is None:
        return ""
    where = said.chat.room or said.author
    return f"part:{where.key}/{said.chat.part_of}"


def _of_files(said: Inbound) -> str:
    """What somebody sent without a word."""
    return next((file.name for file in said.attachments if file.name), "")


def next_number(tx: Tx, received_at: datetime) -> str:
    """The next number of the year in the hub's zone, never used again."""
    year = received_at.astimezone(tx.facts.zone).year % 100
    return f"{year:02}-{counters.following(tx, f'ticket:{year:02}'):06}"


def _keep(case: Case, message: Message, thread_id: str) -> str:
    message_id = store(case, message, thread_id)
    case.event(
        "message.in",
        actor=message.author.actor,
        at=message.row.received_at,
        message=message_id,
        trust=message.trust,
    )
    return message_id


def store(case: Case, message: Message, thread_id: str, *, audience: str = "customer") -> str:
    """Keep the message in the conversation, with its files; return its id. `audience`: who may read it."""
    said, author, tx = message.said, message.author, case.tx
    message_id = new_id()
    tx.insert(
        tables.message,
        ticket_id=case.id,
        id=message_id,
        thread_id=thread_id,
        channel=said.channel,
        direction="in",
        audience=audience,
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
        html=blobs.put(tx, said.html.encode("utf-8", "replace"), now=case.now) if said.html else None,
        language=case["language"],
        at=message.row.received_at,
        inbound_id=message.row.id,
        external_ref=said.message_id,
        notes=[*said.notes, *forwarding.remarks(said), *_named(message.placed)],
        people={
            "to": [[a.name, a.address] for a in said.to],
            "cc": [[a.name, a.address] for a in said.cc],
            "reply_to": said.reply_to.address if said.reply_to else "",
            "original_sender": said.original_sender.address if said.original_sender else "",
            **({"thread_index": said.thread_index} if said.thread_index else {}),
        },
        idem=part_of(said),
    )
    if name := part_of(said):
        threads.name(case, thread_id, name)
    outbox.keep_files(case, message_id, said.attachments, internal=False)
    if message.placed.reason not in SAID_BEFORE:
        footers.learn(tx, said, whose=message.whose, now=case.now)
    fulltext.index(
        tx, ticket_id=case.id, item_id=message_id, audience=audience, body=f"{said.subject}\n{said.text}"
    )
    return message_id


def _named(placed: threading.Threading) -> list[str]:
    """Other tickets that the message names, or looks like: which of them are meant, staff see."""
    alike = {one.number for one in placed.log if one.how == threading.How.TOPIC}
    return [
        f"{ALIKE if number in alike else NAMES}: {number}"
        for number in dict.fromkeys((*placed.suggestions, *placed.links))
    ]


def _tie(case: Case, placed: threading.Threading) -> None:
    """Of several tickets of theirs that somebody names one gets the message: the others are related to it."""
    for number in placed.links[:MOST_TIED]:
        other = case.tx.one(ID_BY_NUMBER, number=number)
        if other is None or other.id == case.id or links_between.between(case.tx, case.id, other.id):
            continue
        named = Case.open(case.tx, other.id, now=case.now)
        links_between.make(case, named, Tie.RELATED, by="system")
        named.save()


def attach(case: Case, message: Message, thread_id: str) -> Understood:
    """Into a conversation of a ticket that is there."""
    said, author = message.said, message.author
    if _another_subject(case["subject"], said.subject):
        said = replace(said, notes=(*said.notes, "the subject is another than the ticket's"))
    message_id = _keep(case, replace(message, said=said), thread_id)
    belongs = author.contact is not None or author.address == case["requester_address"].lower()
    _tie(case, message.placed)
    threads.listen(case, thread_id, said if belongs else replace(said, to=(), cc=()), author)
    again = message.placed.reason in SAID_BEFORE
    if author.contact is not None or not again:  # a list is nobody of the conversation
        participants.wrote(case, thread_id, author, said, vouched=message.placed.reason != "released")
    if threading.rights(said.kind).may_reopen and not again:  # a machine's word is no answer
        acts.spoke(case, visible(said), chat=_chat(said), at=message.row.received_at)
        case.set(trust=message.trust)
        resolution.customer_wrote(case, at=message.row.received_at)
    timing.settle(case)
    paging.watch(case)
    case.save()
    return conclude(
        case.tx,
        message.row,
        said,
        "attached",
        message.placed.reason,
        now=case.now,
        detail=message.detail,
        case=case,
        message_id=message_id,
    )


def _another_subject(of_ticket: str, said: str) -> bool:
    """Not one word of the old subject is left: an old mail was taken to write about something else."""
    old, new = (set(_WORDS.findall(text.casefold())) - _SAID_BY_PROGRAMS for text in (of_ticket, said))
    return bool(old and new) and not old & new


_WORDS = re.compile(r"[^\W\d_]{3,}")
_SAID_BY_PROGRAMS = frozenset({"fwd", "inoltra", "antwort", "wtr"})


def as_note(case: Case, message: Message) -> Understood:
    """Beside the conversations: colleagues read it, no customer does."""
    tx, now, row, said = case.tx, case.now, message.row, message.said
    by = row.detail["by"]
    note_id = new_id()
    text = f"{message.author.display}: {said.subject}\n\n{said.text}"
    tx.insert(tables.note, ticket_id=case.id, id=note_id, agent=by, text=text, at=now)
    outbox.keep_files(case, note_id, said.attachments, internal=True)
    fulltext.index(tx, ticket_id=case.id, item_id=note_id, audience="internal", body=text)
    case.event("note.added", actor=f"agent:{by}", note=note_id, inbound=row.id)
    case.save()
    return conclude(
        tx, row, said, "attached", "as_note", now=now, detail=message.detail, case=case, message_id=note_id
    )


def hold(tx: Tx, message: Message, reason: str, *, now: datetime, waiting: bool = True) -> Understood:
    """Staff decide. It is no part of any conversation, and nobody is told. `waiting`: they are shown it now."""
    text = visible(message.said).strip()[:HELD_TEXT]
    said = message.said
    detail = message.detail | {
        "ticket": message.placed.ticket,
        "thread": message.placed.thread,
        "text": text,
        "reply_to": said.reply_to.address if said.reply_to else "",
        "written_for": said.original_sender.address if said.original_sender else "",
        "notes": [*said.notes, *_named(message.placed)],
    }
    case = Case.open(tx, message.placed.ticket, now=now) if message.placed.ticket else None
    done = conclude(
        tx, message.row, message.said, "held", reason, now=now, detail=detail, case=case, waiting=waiting
    )
    if case is not None:  # beside it, so that whoever sees the ticket sees the item
        case.flag("held")
        case.event("inbound.held", actor="system", inbound=message.row.id, reason=reason)
        case.save()
    return done


def conclude(
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
    """Write its outcome down, the one it keeps. `waiting`: staff have to look."""
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
    if said.author is not None and chat_addresses.is_chat(said.author.key):
        tx.tell("chat", said.author.key)
    return Understood(
        outcome=outcome,
        reason=reason,
        ticket_id=case.id if case else None,
        number=case["number"] if case else None,
        message_id=message_id,
    )


def visible(said: Inbound) -> str:
    """What its author wrote now: no quotations, no signature."""
    if not said.spans:
        return said.text
    return "".join(said.text[s.start : s.end] for s in said.spans if s.kind == "visible")
