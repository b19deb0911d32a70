"""What was said on a ticket, by whom, with which files, and did it arrive? One query for each part."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, literal, or_, select, true

from core import addresses, chat_addresses
from core.desk import alike, answering, participants
from core.desk.principal import Principal
from core.desk.scope import BELONGS, Scope, scope
from core.desk.views import (
    AnswerView,
    ButtonView,
    DeliveryView,
    FileView,
    MessageView,
    NoteView,
    PersonView,
    ReportView,
    ThreadView,
    VersionView,
)
from core.rules import participation, vendor
from core.rules.participation import State
from core.store import tables
from core.store.tx import Prepared, Row, Tx

message, attachment, delivery, note = tables.message, tables.attachment, tables.delivery, tables.note
button, version = tables.chat_button, tables.message_version

_NOTES = Prepared(
    select(note, tables.agent.c.name.label("agent_name"))
    .select_from(note.outerjoin(tables.agent, tables.agent.c.id == note.c.agent))
    .where(note.c.ticket_id == bindparam("ticket_id"))
    .order_by(note.c.id)
)
_DELIVERIES = Prepared(
    select(delivery).where(delivery.c.ticket_id == bindparam("ticket_id")).order_by(delivery.c.id)
)
_BUTTONS = Prepared(
    select(button)
    .where(button.c.shard == bindparam("ticket_id"))
    .order_by(button.c.message_id, button.c.position)
)
_VERSIONS = Prepared(
    select(version)
    .where(version.c.ticket_id == bindparam("ticket_id"))
    .order_by(version.c.message_id, version.c.n)
)
_FILES = Prepared(
    select(attachment).where(attachment.c.ticket_id == bindparam("ticket_id")).order_by(attachment.c.id)
)
_THREADS = Prepared(
    select(tables.thread)
    .where(
        tables.thread.c.ticket_id == bindparam("ticket_id"),
        tables.thread.c.channel != literal(vendor.CHANNEL),
    )
    .order_by(tables.thread.c.at, tables.thread.c.id)
)


def messages(tx: Tx, who: Principal, ticket: Row) -> tuple[MessageView, ...]:
    """What was said with the customer and the vendors, oldest first; a contact gets what is theirs to read."""
    mine = scope(who)
    found = tx.all(_messages(mine.shape), ticket_id=ticket.id, **mine.values)
    if not found:
        return ()
    inside = who.kind != "contact"
    files = _by_message(tx.all(_FILES, ticket_id=ticket.id), internal=False)
    sent = defaultdict(list)
    for row in tx.all(_DELIVERIES, ticket_id=ticket.id):
        if inside or row.address == who.email:
            sent[row.message_id].append(delivery_view(row, inside=inside))
    buttons, versions = defaultdict(list), defaultdict(list)
    if any(chat_addresses.is_chat(one.address) for one in tx.all(_THREADS, ticket_id=ticket.id)):
        for row in tx.all(_BUTTONS, ticket_id=ticket.id):
            buttons[row.message_id].append(_button_view(row, inside=inside))
        for row in tx.all(_VERSIONS, ticket_id=ticket.id):
            versions[row.message_id].append(VersionView(text=row.text, until=row.at))
    views = [
        _message_view(
            row,
            ticket,
            files.get(row.id, ()),
            tuple(sent[row.id]),
            tuple(buttons[row.id]),
            tuple(versions[row.id]),
            inside=inside,
        )
        for row in found
    ]
    return _counted(views) if inside else tuple(views)


def message_row(tx: Tx, who: Principal, ticket_id: str, message_id: str) -> Row | None:
    """One message that this person may read, as it is stored; None: there is none."""
    mine = scope(who)
    return tx.one(_message(mine.shape), ticket_id=ticket_id, id=message_id, **mine.values)


def file_row(tx: Tx, who: Principal, ticket_id: str, file_id: str) -> Row | None:
    """One file of a message that this person may read, or for staff of a note; None: there is none."""
    mine = scope(who)
    return tx.one(_file(mine.shape), ticket_id=ticket_id, id=file_id, **mine.values)


def notes(tx: Tx, ticket_id: str) -> tuple[NoteView, ...]:
    """What colleagues told each other. For staff only: the caller has looked who asks."""
    found = tx.all(_NOTES, ticket_id=ticket_id)
    files = _by_message(tx.all(_FILES, ticket_id=ticket_id), internal=True) if found else {}
    return tuple(
        NoteView(
            id=row.id,
            agent=row.agent,
            agent_name=row.agent_name or "",
            text=row.text,
            at=row.at,
            files=files.get(row.id, ()),
        )
        for row in found
    )


def threads(
    tx: Tx, who: Principal, ticket: Row, shown: Sequence[MessageView]
) -> tuple[tuple[ThreadView, ...], tuple[AnswerView, ...]]:
    """The conversations, with the people in them, and for staff who gets an answer how.

    A contact gets the conversations of which a message is shown.
    """
    inside, customer = who.kind != "contact", ticket.customer
    people = defaultdict(list)
    there = participants.of_ticket(tx, ticket.id, customer=customer, requester=ticket.requester_address)
    rows = tx.all(_THREADS, ticket_id=ticket.id)
    held = [row for row in rows if not row.aside]
    written_to = answering.written_to(there, customer, automatic=False)
    told = answering.chosen(tx, ticket.id, held, written_to, kind="reply")
    answered = {(one.thread, one.address) for one in told}
    for one in there:
        if inside or (one.role in BELONGS and one.state == State.JOINED):
            people[one.thread].append(
                PersonView(
                    address=one.address,
                    name=one.name,
                    role=one.role,
                    contact=one.contact,
                    state=one.state,
                    since=one.since,
                    why=participation.written_to(one.person, customer=customer, automatic=False),
                    why_automatic=participation.written_to(one.person, customer=customer, automatic=True),
                    customers=tuple(sorted(one.person.customers)) if inside else (),
                    outsider=participation.outsider(replace(one.person, admitted=False), customer=customer),
                    answered=(one.thread, one.address) in answered,
                )
            )
    of_contact = {one.thread for one in shown}
    views = tuple(
        ThreadView(
            id=row.id,
            channel=row.channel,
            address=row.address
            if inside or any(one.address == row.address for one in people[row.id])
            else "",
            participants=tuple(people[row.id]),
        )
        for row in rows
        if who.kind != "contact" or row.id in of_contact
    )
    return views, answering.answers(tx, (ticket.id, customer), told, written_to, held) if inside else ()


def file_view(row: Row) -> FileView:
    """A file as it is listed."""
    return FileView(
        id=row.id, name=row.name, type=row.type, size=row.size, inline=row.inline, content_id=row.content_id
    )


def delivery_view(row: Row, *, inside: bool) -> DeliveryView:
    """A delivery; outside without what other machines said about it."""
    return DeliveryView(
        id=row.id,
        address=row.address,
        name=row.name,
        channel=row.channel,
        kind=row.kind,
        state=row.state,
        attempts=row.attempts if inside else 0,
        error=row.error if inside else "",
        created_at=row.created_at,
        sent_at=row.sent_at,
        seen_at=row.seen_at,
        report=report_view(row.report) if inside else None,
    )


def report_view(kept: Mapping[str, Any]) -> ReportView | None:
    """What the row of a delivery keeps of a report; None: nothing was reported."""
    if not kept:
        return None
    said = {
        name: str(kept.get(name, "")) for name in ("recipient", "action", "status", "reply", "text", "host")
    }
    return ReportView(kind=kept["kind"], at=datetime.fromisoformat(kept["at"]), **said)


def _button_view(row: Row, *, inside: bool) -> ButtonView:
    return ButtonView(
        address=row.address if inside else "",
        act=row.act,
        value=row.value if inside else "",
        label=row.label,
        chosen=row.used_by != "",
        over=row.used_at is not None,
        at=row.used_at,
    )


def visible_text(text: str, spans: Sequence[Sequence[Any]]) -> str:
    """The text without what is folded: quotations, signatures, disclaimers.

    >>> visible_text("Yes.\\n> Really?", [(0, 5, "visible"), (5, 14, "quoted")])
    'Yes.'
    >>> visible_text("Yes.", [])
    'Yes.'
    """
    if not spans:
        return text
    return "".join(text[start:end] for start, end, kind in spans if kind == "visible").strip()


def _message_view(
    row: Row,
    ticket: Row,
    files: tuple[FileView, ...],
    sent: tuple[DeliveryView, ...],
    buttons: tuple[ButtonView, ...],
    versions: tuple[VersionView, ...],
    *,
    inside: bool,
) -> MessageView:
    taken_back = row.withdrawn_at is not None and not inside
    text = "" if taken_back else row.text
    spans = () if taken_back else tuple((int(start), int(end), str(kind)) for start, end, kind in row.spans)
    people = row.people or {}
    decided = (row.decided or {}) if inside else {}
    by_requester = row.direction == "in" and (
        (row.contact is not None and row.contact == ticket.contact)
        or (row.author_address != "" and row.author_address == ticket.requester_address)
    )
    return MessageView(
        id=row.id,
        thread=row.thread_id,
        channel=row.channel,
        direction=row.direction,
        audience=row.audience,
        kind=row.kind,
        automatic=row.automatic,
        words=any(step.get("text") for step in (row.made_from or {}).get("steps", ())),
        author_name=row.author_name,
        author_address=row.author_address,
        author_is_requester=by_requester,
        answers_to=_other(people.get("reply_to", ""), row.author_address) if inside else "",
        written_for=_other(people.get("original_sender", ""), row.author_address) if inside else "",
        trust=row.trust if inside else "",
        trust_reasons=tuple(decided.get("trust_reasons", ())),
        checks=tuple(decided.get("authentication", ())),
        subject=row.subject,
        text=text,
        spans=spans,
        visible_text=visible_text(text, spans),
        has_html=row.html is not None and not taken_back,
        language=row.language,
        at=row.at,
        notes=tuple(row.notes) if inside else (),
        times=(row.copies or 1) if inside else 1,
        repeats=next((n.partition(": ")[2] for n in row.notes if n.startswith(f"{alike.AGAIN}: ")), ""),
        people=people if inside else {},
        files=() if taken_back else files,
        deliveries=sent,
        withdrawn_at=row.withdrawn_at,
        edited_at=versions[-1].until if versions else None,
        versions=versions if inside else (),
        buttons=buttons,
        agent=row.agent if inside else None,
    )


def _counted(views: list[MessageView]) -> tuple[MessageView, ...]:
    """A message that was said again counts how often."""
    times: dict[str, int] = defaultdict(int)
    for one in views:
        if one.repeats:
            times[one.repeats] += one.times
    return tuple(replace(one, times=one.times + times[one.id]) if one.id in times else one for one in views)


def _other(address: str, author: str) -> str:
    return "" if addresses.key(address) == author else address


def _by_message(rows: Sequence[Row], *, internal: bool) -> dict[str, tuple[FileView, ...]]:
    found: dict[str, tuple[FileView, ...]] = {}
    for row in rows:
        if row.internal == internal:
            found[row.message_id] = (*found.get(row.message_id, ()), file_view(row))
    return found


@cache
def _messages(shape: tuple[Any, ...]) -> Prepared:
    mine = Scope(shape=shape, values={})
    # Why it is believed is for staff only, and not read for anybody else.
    decided = [tables.inbound.c.detail.label("decided")] if mine.inside else []
    return Prepared(
        select(message, tables.inbound.c.copies, *decided)
        .select_from(message.outerjoin(tables.inbound, tables.inbound.c.id == message.c.inbound_id))
        .where(message.c.ticket_id == bindparam("ticket_id"), mine.messages)
        .order_by(message.c.at, message.c.id)
    )


@cache
def _message(shape: tuple[Any, ...]) -> Prepared:
    readable = Scope(shape=shape, values={}).messages
    here = and_(message.c.ticket_id == bindparam("ticket_id"), message.c.id == bindparam("id"))
    return Prepared(select(message).where(here, readable, _there(shape)))


def _there(shape: tuple[Any, ...]) -> ColumnElement[bool]:
    """What was taken back is for staff only."""
    return true() if Scope(shape=shape, values={}).inside else message.c.withdrawn_at.is_(None)


@cache
def _file(shape: tuple[Any, ...]) -> Prepared:
    readable = Scope(shape=shape, values={}).messages
    of_message = select(message.c.id).where(
        message.c.ticket_id == attachment.c.ticket_id,
        message.c.id == attachment.c.message_id,
        readable,
        _there(shape),
    )
    internal = attachment.c.internal if shape[0] in ("everything", "groups") else ~true()
    here = and_(attachment.c.ticket_id == bindparam("ticket_id"), attachment.c.id == bindparam("id"))
    shown = or_(and_(~attachment.c.internal, of_message.exists()), internal)
    return Prepared(select(attachment).where(here, shown))
