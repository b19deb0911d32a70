"""Tickets over the API: lists, one of them, its events, a new one, a message."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from core.desk import page, requests, search, tickets
from core.desk.errors import invalid
from core.store.tx import Tx
from web.api import shapes, shown
from web.api.endpoint import Body, Call, File, Query, api
from web.api.shapes import State

Name = Annotated[str, Field(min_length=1, max_length=200)]
Words = Annotated[str, Field(min_length=1, max_length=100_000, pattern=r"\S")]
Line = Annotated[str, Field(min_length=1, max_length=1000, pattern=r"\S")]
Seen = Annotated[
    int | None,
    Field(ge=0, le=2**63 - 1, description="The ticket's `last_event` as you know it; behind it: 409."),
]
Level = Annotated[int | None, Field(ge=1, le=4)]
Limit = Annotated[int, Field(ge=1, le=200)]
Cursor = Annotated[str | None, Field(max_length=500, description="`next` of the page before.")]


class TicketQuery(Query):
    """Which tickets, in which order."""

    state: State | None = None
    group: Name | None = None
    assignee: Annotated[
        str | None, Field(max_length=200, description="An agent's e-mail, `me`, or `none`.")
    ] = None
    customer: Annotated[str | None, Field(max_length=200, description="A customer's code.")] = None
    q: Annotated[str, Field(max_length=500, description="A number, an address, or words.")] = ""
    view: Annotated[
        Literal[
            "qualify", "mine", "groups", "unassigned", "chats", "due", "waiting", "open", "closed", "all"
        ],
        Field(description="A view of the inbox; contacts have open, closed and all."),
    ] = "all"
    sort: Literal["newest", "recent", "due"] = "newest"
    limit: Limit = 50
    cursor: Cursor = None


class PageQuery(Query):
    """Which page."""

    limit: Limit = 50
    cursor: Cursor = None


class NewTicket(Body):
    """A new request."""

    subject: Line
    text: Words
    customer: Annotated[Name | None, Field(description="Code. Agents only.")] = None
    contact: Annotated[Name | None, Field(description="E-mail or id of who asks. Agents only.")] = None
    request_type: Name | None = None
    technology: Name | None = None
    impact: Annotated[
        int | None, Field(ge=1, le=3, description="1 department or site, 2 service, 3 person.")
    ] = None
    urgency: Annotated[int | None, Field(ge=1, le=4, description="1 critical to 4 low.")] = None
    asset: Name | None = None
    site: Name | None = None


PromiseBy = Annotated[
    AwareDatetime | Literal["none"] | None,
    Field(
        description="For staff: by when the customer hears from us again, which the message says; ahead of now, at most 31 "
        "days. `none`: it was decided to promise nothing."
    ),
]


class NewMessage(Body):
    """Words for the customer, or for colleagues only."""

    audience: Literal["customer", "internal"]
    text: Words
    seen: Seen = None
    send_after: Annotated[AwareDatetime | None, Field(description="Not before this instant.")] = None
    by: Annotated[
        dict[Name, Name],
        Field(
            max_length=50,
            description="For staff: another way of somebody, out of the ticket's `answers`: their `address` there to that "
            "of the way.",
        ),
    ] = Field(default_factory=dict)
    from_now_on: Annotated[
        bool, Field(description="For staff: the ways of `by` hold until they write from elsewhere.")
    ] = False
    promise_by: PromiseBy = None


@api("GET", "/tickets", query=TicketQuery, answer=shapes.Tickets)
def list_tickets(tx: Tx, call: Call) -> shapes.Tickets:
    """Tickets in your scope, newest first.

    Filters meet. `due` sorts by the next promise; what has ended has none and comes newest first.
    """
    asked: TicketQuery = call.query
    found = search.tickets(
        tx,
        call.who,
        view=asked.view,
        q=asked.q,
        state=asked.state,
        group=asked.group,
        assignee=asked.assignee,
        customer=asked.customer,
        sort=asked.sort,
        cursor=asked.cursor,
        limit=asked.limit,
        now=call.now,
    )
    return shapes.Tickets(
        items=[shapes.Summary(**shown.summary(row)) for row in found.items], next=found.next
    )


@api("GET", "/tickets/{number}", answer=shapes.Ticket)
def get_ticket(tx: Tx, call: Call) -> shapes.Ticket:
    """A ticket with threads, messages, clocks, entitlement and flags.

    Agents find the notes of colleagues among the messages, with the audience `internal`.
    """
    return ticket_now(tx, call, call.number)


@api("GET", "/tickets/{number}/events", query=PageQuery, answer=shapes.Events)
def list_events(tx: Tx, call: Call) -> shapes.Events:
    """What happened on a ticket, in order, with reasons."""
    asked: PageQuery = call.query
    found = page.events(tx, call.who, call.number, cursor=asked.cursor, limit=asked.limit)
    return shapes.Events(items=[shown.event(one) for one in found.items], next=found.next)


@api("GET", "/tickets/{number}/files/{id}", answer=File)
def get_file(tx: Tx, call: Call) -> File:
    """A file that came with a message, as a download: its type is that of its first bytes, not of its name."""
    found, content = page.file(tx, call.who, call.number, call.path["id"])
    return File(name=found.name, type=found.type, content=content)


@api("POST", "/tickets", body=NewTicket, answer=shapes.Ticket, status=201)
def open_ticket(tx: Tx, call: Call) -> shapes.Ticket:
    """Open a request: a contact their own, an agent one for somebody.

    The entitlement is checked and the acknowledgement queued before you have the answer.
    """
    asked: NewTicket = call.body
    number = requests.open_request(
        tx,
        call.who,
        subject=asked.subject,
        text=asked.text,
        customer=asked.customer,
        contact=asked.contact,
        request_type=asked.request_type,
        technology=asked.technology,
        impact=asked.impact,
        urgency=asked.urgency,
        asset=asked.asset,
        site=asked.site,
        channel="api" if call.who.is_agent else requests.HERE,
        also_by=call.also_by,
        now=call.now,
    )
    return ticket_now(tx, call, number)


@api("POST", "/tickets/{number}/messages", body=NewMessage, answer=shapes.Message, status=201)
def add_message(tx: Tx, call: Call) -> shapes.Message:
    """Answer the customer, or write a note that only colleagues see.

    With `seen` behind the newest message the answer is 409 with what is newer. Contacts write for `customer`; what they
    write to a request that was merged is a message of the one that goes on with it.
    """
    asked: NewMessage = call.body
    if asked.audience == "internal":
        note_id = tickets.note(tx, call.who, call.number, asked.text, now=call.now)
        return shown.note(page.note(tx, call.who, call.number, note_id))
    if call.who.kind == "contact":
        if asked.send_after is not None:
            raise invalid("/send_after", "is for staff")
        if asked.by:
            raise invalid("/by", "is for staff")
        if asked.promise_by is not None:
            raise invalid("/promise_by", "is for staff")
        said = requests.write(tx, call.who, call.number, asked.text, now=call.now, seen=asked.seen)
        return shown.message(page.message(tx, call.who, said.number, said.message))
    message_id = tickets.reply(
        tx,
        call.who,
        call.number,
        asked.text,
        now=call.now,
        seen=asked.seen,
        send_after=asked.send_after,
        by=asked.by,
        from_now_on=asked.from_now_on,
        promise_by=asked.promise_by,
    )
    return shown.message(page.message(tx, call.who, call.number, message_id))


def ticket_now(tx: Tx, call: Call, number: str) -> shapes.Ticket:
    """The ticket as the caller sees it now."""
    return shown.ticket(page.ticket(tx, call.who, number, now=call.now))


ENDPOINTS = (list_tickets, open_ticket, get_ticket, list_events, get_file, add_message)
