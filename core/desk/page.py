"""What does the page of one ticket show to this person? The ticket with all its parts, one query for each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, bindparam, select

from core import chat_addresses
from core.desk import (
    call_history,
    conversation,
    course,
    forwarding,
    problem_views,
    ratings,
    search,
    vendor_rows,
    visit_views,
)
from core.desk.course import events
from core.desk.errors import Forbidden, NotFound
from core.desk.principal import Principal
from core.desk.scope import EVERYTHING, Scope, beyond, find, no_ticket, scope
from core.desk.views import (
    EventView,
    FileView,
    MessageView,
    NoteView,
    OtherView,
    PresenceView,
    TicketRow,
    TicketView,
)
from core.rules import workflow
from core.store import blobs, tables
from core.store.columns import Id
from core.store.tx import Prepared, Row, Tx

__all__ = ["allowed", "events", "file", "html", "message", "note", "source", "ticket"]

event, agent, contact = tables.event, tables.agent, tables.contact
clock, presence = tables.sla_clock, tables.presence

VERBS = {
    "qualify": "qualify",
    "take": "take",
    "escalate": "escalate",
    "wait_customer": "wait",
    "resume": "resume",
    "observe": "observe",
    "workaround": "workaround",
    "resolve": "resolve",
    "close": "close",
    "reopen": "reopen",
    "cancel": "cancel",
    "approve": "approve",
    "reject": "reject",
}
"""Moves of the workflow that staff make by a verb of the same meaning."""

PUBLIC_RESOLUTION = frozenset(
    {"cause", "text", "minutes", "workaround", "review_by", "tests", "limits", "safety", "next_steps"}
)
HISTORY = 10  # other tickets of the same people

_HEAD_COLUMNS = (
    tables.ticket.c.language,
    tables.ticket.c.contact,
    tables.ticket.c.impact,
    tables.ticket.c.urgency,
    tables.ticket.c.asset,
    tables.ticket.c.site,
    tables.ticket.c.provenance,
    tables.ticket.c.resolution,
    tables.ticket.c.follow_up_of,
    tables.ticket.c.merged_into,
    tables.ticket.c.decision,
    tables.customer.c.time_zone,
    contact.c.phone.label("contact_phone"),
)
_HERE = Prepared(
    select(presence, agent.c.name.label("name"))
    .select_from(presence.join(agent, agent.c.id == presence.c.agent))
    .where(
        presence.c.ticket_id == bindparam("ticket_id"),
        presence.c.until > bindparam("now", type_=presence.c.until.type),
        presence.c.agent != bindparam("who"),
    )
    .order_by(presence.c.since)
)
_DRAFTS = Prepared(
    select(tables.draft.c.kind, tables.draft.c.text).where(
        tables.draft.c.ticket_id == bindparam("ticket_id"), tables.draft.c.agent == bindparam("who")
    )
)


def ticket(tx: Tx, who: Principal, number: str, *, now: datetime) -> TicketView:
    """The whole ticket. Raises NotFound, also for what this person may not see.

    A contact gets it without notes, events of the inside, trust, staff's reasons, vendors' messages and mails that
    staff have not published.
    """
    mine = scope(who)
    head, way = tx.one(_head(mine.shape), number=number, **mine.values), None
    if head is None and (way := beyond(tx, who, number)):
        head = tx.one(_head(EVERYTHING.shape), number=number)
    if head is None:
        raise NotFound(no_ticket(number))
    inside = who.kind != "contact"
    row = search.shown(tx, who, head)
    said = conversation.messages(tx, who, head)
    links = _links(tx, mine, head)
    told = course.events_of(tx, who, head)
    threads, answers = conversation.threads(tx, who, head, said)
    return TicketView(
        row=row,
        language=head.language,
        time_zone=head.time_zone or tx.facts.time_zone,
        contact=head.contact,
        claimed_email=_claimed(tx, head) if inside and head.contact is None else "",
        contact_phone=(head.contact_phone or "") if inside or head.contact in who.ids else "",
        impact=head.impact,
        urgency=head.urgency,
        asset=head.asset,
        site=head.site,
        provenance=head.provenance if inside else {},
        resolution={
            name: value for name, value in head.resolution.items() if inside or name in PUBLIC_RESOLUTION
        },
        follow_up_of=_number(links, head.follow_up_of),
        reopenable_until=_reopenable(links.get(head.follow_up_of), now) if inside else None,
        merged_into=_number(links, head.merged_into),
        offered_requester=forwarding.offered(told, row.requester_address, ours=tx.facts.mail.addresses)
        if inside
        else "",
        suggestions=_suggestions(told) if inside else (),
        messages=said,
        notes=conversation.notes(tx, head.id) if inside else (),
        events=told,
        clocks=course.clocks_of(tx, head.id, now, inside=inside),
        entitlement=course.entitlement_of(tx, head.id, inside=inside),
        threads=threads,
        answers=answers,
        presence=_present(tx, who, head.id, now) if inside else (),
        drafts={one.kind: one.text for one in tx.all(_DRAFTS, ticket_id=head.id, who=who.id)}
        if inside
        else {},
        allowed=("note",)
        if way == "follows"
        else allowed(who, row, now=now) + _opinion(tx, who, head, now=now),
        next_action=course.next_action(tx, row),
        history=_history(tx, who, head) if inside else (),
        calls=call_history.of_ticket(tx, who, head),
        rating=ratings.opinion(tx, head.id) if head.closed_at is not None else None,
        visits=visit_views.of_ticket(tx, who, head),
        engaged=vendor_rows.engaged(tx, head.id) if vendor_rows.FLAG in head.flags else (),
        workarounds=problem_views.workarounds_of(tx, who, head),
        problems=problem_views.behind(tx, head) if inside else (),
        known_errors=problem_views.hints(tx, head, now=now) if inside else (),
    )


def _claimed(tx: Tx, head: Row) -> str:
    if not chat_addresses.is_chat(head.requester_address):
        return ""
    row = tx.one(_CHAT, address=head.requester_address)
    return row.email if row is not None else ""


_CHAT = Prepared(select(tables.chat.c.email).where(tables.chat.c.address == bindparam("address")))


def html(tx: Tx, who: Principal, number: str, message_id: str) -> tuple[str, dict[str, tuple[str, bytes]]]:
    """The HTML of a message as it came, not cleaned, and its inline pictures by content id: (type, bytes).

    Raises NotFound, also where the message has none.
    """
    row = _message(tx, who, number, message_id)
    if row.html is None:
        message = "this message has no HTML"
        raise NotFound(message)
    pictures = {
        one.content_id: (str(one.type), blobs.get(tx, one.blob))
        for one in tx.all(_INLINE, ticket_id=row.ticket_id, message_id=row.id)
    }
    return blobs.get(tx, row.html).decode("utf-8", "replace"), pictures


def file(tx: Tx, who: Principal, number: str, file_id: str) -> tuple[FileView, bytes]:
    """A file of a message, or for staff of a note. Raises NotFound."""
    row = conversation.file_row(tx, who, find(tx, who, number).id, file_id)
    if row is None:
        message = f"there is no file {file_id} on {number} that you may see"
        raise NotFound(message)
    return conversation.file_view(row), blobs.get(tx, row.blob)


def source(tx: Tx, who: Principal, number: str, message_id: str) -> bytes:
    """A message as it arrived, byte by byte, for staff. Raises NotFound, also where it did not come from outside."""
    row = _message(tx, who, number, message_id)
    if who.kind == "contact":
        message = "only staff see how a message arrived"
        raise Forbidden(message)
    arrived = tx.one(_RAW, id=row.inbound_id) if row.inbound_id else None
    if arrived is None:
        message = "this message was written here; there are no bytes of it"
        raise NotFound(message)
    return blobs.get(tx, arrived.raw)


def arrival(tx: Tx, who: Principal, number: str, message_id: str) -> str:
    """The id of what a message arrived as, for staff. Raises NotFound, Forbidden."""
    source(tx, who, number, message_id)
    return str(_message(tx, who, number, message_id).inbound_id)


def message(tx: Tx, who: Principal, number: str, message_id: str) -> MessageView:
    """One message of a ticket. Raises NotFound."""
    found = find(tx, who, number)
    for one in conversation.messages(tx, who, found):
        if one.id == message_id:
            return one
    raise NotFound(_no_message(number, message_id))


def note(tx: Tx, who: Principal, number: str, note_id: str) -> NoteView:
    """One note of a ticket, for staff. Raises NotFound, Forbidden."""
    found = find(tx, who, number)
    if who.kind == "contact":
        message = "only staff see notes"
        raise Forbidden(message)
    for one in conversation.notes(tx, found.id):
        if one.id == note_id:
            return one
    raise NotFound(_no_message(number, note_id))


def allowed(who: Principal, row: TicketRow, *, now: datetime) -> tuple[str, ...]:
    """Verbs that the state of the ticket allows to this person."""
    if who.kind == "contact":
        talk = ("reply",) if row.open or row.state == "resolved" else ()
        return (*talk, "confirm", "refuse") if row.state == "resolved" else talk
    verbs = {VERBS[move] for move in workflow.allowed(row.state) if move in VERBS}
    if row.open:
        verbs.add("assign")
    if row.open or row.state == "resolved":
        verbs.add("reply")
    if (
        row.chat is not None and row.state in ("received", "triage") and row.assignee != who.id
    ):  # see tickets.take
        verbs.add("take")
    if "approve" in verbs and not who.leads:
        verbs.discard("approve")
    if row.state == "closed" and not (who.leads and _lately(row.closed_at, now)):
        verbs.discard("reopen")
    verbs.add("note")
    return tuple(sorted(verbs))


def _opinion(tx: Tx, who: Principal, head: Row, *, now: datetime) -> tuple[str, ...]:
    return ("rate",) if who.kind == "contact" and ratings.may_rate(tx, head, now=now) else ()


def _lately(closed_at: datetime | None, now: datetime) -> bool:
    within: timedelta = workflow.REOPEN_WITHIN
    return closed_at is not None and now - closed_at <= within


def _message(tx: Tx, who: Principal, number: str, message_id: str) -> Row:
    row = conversation.message_row(tx, who, find(tx, who, number).id, message_id)
    if row is None:
        raise NotFound(_no_message(number, message_id))
    return row


def _no_message(number: str, message_id: str) -> str:
    return f"there is no message {message_id} on {number} that you may see"


def _links(tx: Tx, mine: Scope, head: Row) -> dict[str | None, Row]:
    """The tickets this one came from or went into, as far as they may be seen."""
    wanted = [one for one in (head.follow_up_of, head.merged_into) if one]
    if not wanted:
        return {}
    rows = tx.all(_linked(mine.shape), one=wanted[0], other=wanted[-1], **mine.values)
    return {row.id: row for row in rows}


def _number(links: Mapping[str | None, Row], of: str | None) -> str | None:
    return links[of].number if of in links else None


def _reopenable(before: Row | None, now: datetime) -> datetime | None:
    if before is None or before.state != "closed" or not _lately(before.closed_at, now):
        return None
    until: datetime = before.closed_at + workflow.REOPEN_WITHIN
    return until


def _suggestions(told: Sequence[EventView]) -> tuple[str, ...]:
    opened = next((one for one in told if one.kind == "ticket.opened"), None)
    return tuple(opened.data.get("suggestions", ())) if opened is not None else ()


def _present(tx: Tx, who: Principal, ticket_id: str, now: datetime) -> tuple[PresenceView, ...]:
    return tuple(
        PresenceView(agent=row.agent, name=row.name, doing=row.doing, since=row.since)
        for row in tx.all(_HERE, ticket_id=ticket_id, now=now, who=who.id)
    )


def _history(tx: Tx, who: Principal, head: Row) -> tuple[OtherView, ...]:
    if not head.contact and not head.customer:
        return ()
    return search.related(tx, who, head, limit=HISTORY)


_INLINE = Prepared(
    select(tables.attachment).where(
        tables.attachment.c.ticket_id == bindparam("ticket_id"),
        tables.attachment.c.message_id == bindparam("message_id"),
        tables.attachment.c.internal.is_(False),
        tables.attachment.c.content_id != "",
    )
)
_RAW = Prepared(select(tables.inbound.c.raw).where(tables.inbound.c.id == bindparam("id")))


@cache
def _head(shape: tuple[Any, ...]) -> Prepared:
    statement = search.ROW.add_columns(*_HEAD_COLUMNS).outerjoin(
        contact, contact.c.id == tables.ticket.c.contact
    )
    readable = Scope(shape=shape, values={}).tickets
    return Prepared(statement.where(tables.ticket.c.number == bindparam("number"), readable))


@cache
def _linked(shape: tuple[Any, ...]) -> Prepared:
    either: list[ColumnElement[str]] = [bindparam(name, type_=Id) for name in ("one", "other")]
    return Prepared(
        select(
            tables.ticket.c.id, tables.ticket.c.number, tables.ticket.c.state, tables.ticket.c.closed_at
        ).where(tables.ticket.c.id.in_(either), Scope(shape=shape, values={}).tickets)
    )
