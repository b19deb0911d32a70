"""Joining over the API: merge, split, move, their undoing, links, and incidents with children."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field

from core.desk import (
    incident,
    incident_outages,
    incident_telling,
    incident_views,
    joining,
    joining_views,
    links_between,
)
from core.rules.clocks import Clock
from core.store.tx import Tx
from web.api import joining_shapes, shapes
from web.api.endpoint import Body, Call, Query, api
from web.api.tickets import Name, Seen, Words, ticket_now
from web.api.verbs import Cause, Minutes, Nothing

Number = Annotated[str, Field(min_length=1, max_length=20, description="Number of a ticket.")]
Language = Annotated[str, Field(pattern=r"^[a-z]{2}$")]
Tie = Annotated[
    Literal["related", "duplicate", "parent", "child", "follow_up", "followed"],
    Field(description="What the other ticket is to this one."),
]
SeenInto = Annotated[
    int | None,
    Field(ge=0, le=2**63 - 1, description="The other ticket's `last_event` as you know it; behind it: 409."),
]
Children = Annotated[list[Number], Field(max_length=incident.MOST, description="Numbers.")]
ByLanguage = Annotated[dict[Language, Words], Field(min_length=1, description="Language to text.")]


class Merge(Body):
    """Into which ticket."""

    into: Number
    seen: Seen = None
    seen_into: SeenInto = None


class Split(Body):
    """Which messages begin a ticket of their own."""

    messages: Annotated[list[Name], Field(max_length=500, description="Ids, at least one that came in.")]
    subject: Annotated[str, Field(max_length=1000, description="Empty: that of the first message.")] = ""
    seen: Seen = None


class Move(Merge):
    """Which conversation, to which ticket."""

    thread: Annotated[Name, Field(description="Id, out of the ticket's `threads`.")]


class Undo(Body):
    """Which merge, split or move; the last one unless it is named."""

    joining: Annotated[Name | None, Field(description="Id, out of the ticket's joinings.")] = None
    seen: Seen = None


class LinkTo(Body):
    """To which ticket, and how."""

    to: Number
    kind: Tie
    seen: Seen = None


class PreviewQuery(Query):
    """Into which ticket."""

    into: Number


class NewIncident(Body):
    """Its first children, if there are any."""

    children: Children = Field(default_factory=list)
    seen: Seen = None


class Named(Body):
    """Which requests."""

    children: Annotated[Children, Field(min_length=1)]
    seen: Seen = None


class Inform(Body):
    """What everybody of the incident is told, in each of its `languages`."""

    words: ByLanguage
    seen: Seen = None


class Resolve(Body):
    """Which children are solved, and what each of them is told, in its language."""

    children: Annotated[Children, Field(min_length=1)]
    cause: Cause
    words: ByLanguage
    minutes: Minutes


@api("POST", "/tickets/{number}/merge", body=Merge, answer=shapes.Ticket)
def merge(tx: Tx, call: Call) -> shapes.Ticket:
    """The ticket ends in another one, which has its conversations from now on.

    Late answers find the one that goes on. For 30 days it can be undone.
    """
    asked: Merge = call.body
    given = {"seen": asked.seen, "seen_into": asked.seen_into}
    joining.merge(tx, call.who, call.number, into=asked.into, now=call.now, **given)
    return ticket_now(tx, call, call.number)


@api(
    "GET",
    "/tickets/{number}/merge-preview",
    query=PreviewQuery,
    answer=joining_shapes.MergePreview,
    errors=(403,),
)
def preview_merge(tx: Tx, call: Call) -> joining_shapes.MergePreview:
    """What a merge would do. For staff."""
    found = joining_views.preview(tx, call.who, call.number, call.query.into, now=call.now)
    return joining_shapes.MergePreview(
        may=not found.why_not,
        why_not=found.why_not,
        ends=_half(found.one),
        goes_on=_half(found.other),
        received_at=found.received_at,
    )


@api("POST", "/tickets/{number}/split", body=Split, answer=shapes.Ticket)
def split(tx: Tx, call: Call) -> shapes.Ticket:
    """Chosen messages begin a ticket of their own; it is named among the links of this one.

    It counts from the first of them; what it is and whether the contract covers it is asked anew.
    """
    asked: Split = call.body
    joining.split(
        tx,
        call.who,
        call.number,
        messages=asked.messages,
        subject=asked.subject,
        seen=asked.seen,
        now=call.now,
    )
    return ticket_now(tx, call, call.number)


@api("POST", "/tickets/{number}/move", body=Move, answer=shapes.Ticket)
def move(tx: Tx, call: Call) -> shapes.Ticket:
    """One conversation goes to another ticket of the same customer. The last one stays: merge instead."""
    asked: Move = call.body
    given = {"seen": asked.seen, "seen_into": asked.seen_into}
    joining.move(tx, call.who, call.number, thread=asked.thread, into=asked.into, now=call.now, **given)
    return ticket_now(tx, call, call.number)


@api("POST", "/tickets/{number}/undo", body=Undo, answer=shapes.Ticket)
def undo(tx: Tx, call: Call) -> shapes.Ticket:
    """Take back a merge, a split or a move; what came since stays in its conversation.

    409 when a later act is in the way, when it is more than 30 days ago, or when the ticket that goes on is closed.
    """
    asked: Undo = call.body
    joining.undo(tx, call.who, call.number, act=asked.joining, seen=asked.seen, now=call.now)
    return ticket_now(tx, call, call.number)


@api("GET", "/tickets/{number}/joinings", answer=joining_shapes.Joinings, errors=(403,))
def list_joinings(tx: Tx, call: Call) -> joining_shapes.Joinings:
    """What was merged, split or moved from or into the ticket, and what is in the way of an undo. For staff."""
    found = joining_views.joined(tx, call.who, call.number, now=call.now)
    return joining_shapes.Joinings(items=[_joining(one) for one in found])


@api("GET", "/tickets/{number}/links", answer=joining_shapes.Links)
def list_ticket_links(tx: Tx, call: Call) -> joining_shapes.Links:
    """Tickets that have to do with this one, as far as you may see them."""
    return _links(tx, call)


@api("POST", "/tickets/{number}/link", body=LinkTo, answer=joining_shapes.Links)
def link_ticket(tx: Tx, call: Call) -> joining_shapes.Links:
    """Say what another ticket is to this one; of another customer too."""
    asked: LinkTo = call.body
    links_between.link_to(
        tx, call.who, call.number, to=asked.to, kind=asked.kind, seen=asked.seen, now=call.now
    )
    return _links(tx, call)


@api("POST", "/tickets/{number}/unlink", body=LinkTo, answer=joining_shapes.Links)
def unlink_ticket(tx: Tx, call: Call) -> joining_shapes.Links:
    """Take such a link away."""
    asked: LinkTo = call.body
    links_between.unlink(
        tx, call.who, call.number, to=asked.to, kind=asked.kind, seen=asked.seen, now=call.now
    )
    return _links(tx, call)


@api("GET", "/incidents", answer=joining_shapes.Incidents, errors=(403,))
def list_incidents(tx: Tx, call: Call) -> joining_shapes.Incidents:
    """Tickets with children. For staff."""
    found = incident_views.listing(tx, call.who)
    return joining_shapes.Incidents(items=[_summary(row, all_, left) for row, all_, left in found])


@api("GET", "/incidents/{number}", answer=joining_shapes.Incident, errors=(403,))
def get_incident(tx: Tx, call: Call) -> joining_shapes.Incident:
    """An incident with its children, their channels and clocks, and what they were told. For staff."""
    return _incident(tx, call)


@api("POST", "/tickets/{number}/incident", body=NewIncident, answer=joining_shapes.Incident)
def open_incident(tx: Tx, call: Call) -> joining_shapes.Incident:
    """The ticket is a major incident, with these children. For the contact centre and who leads."""
    asked: NewIncident = call.body
    incident.open_incident(tx, call.who, call.number, children=asked.children, seen=asked.seen, now=call.now)
    return _incident(tx, call)


@api("POST", "/incidents/{number}/attach", body=Named, answer=joining_shapes.Incident)
def attach_children(tx: Tx, call: Call) -> joining_shapes.Incident:
    """These requests belong to it: all, or none when one cannot."""
    asked: Named = call.body
    incident.attach(tx, call.who, call.number, children=asked.children, seen=asked.seen, now=call.now)
    return _incident(tx, call)


@api("POST", "/incidents/{number}/detach", body=Named, answer=joining_shapes.Incident)
def detach_children(tx: Tx, call: Call) -> joining_shapes.Incident:
    """These requests do not belong to it any more."""
    asked: Named = call.body
    incident.detach(tx, call.who, call.number, children=asked.children, seen=asked.seen, now=call.now)
    return _incident(tx, call)


@api("POST", "/incidents/{number}/inform", body=Inform, answer=joining_shapes.Incident)
def inform_children(tx: Tx, call: Call) -> joining_shapes.Incident:
    """Tell everybody of it: each person once, in their request, on their channel, in its language."""
    asked: Inform = call.body
    incident_telling.inform(
        tx, call.who, call.number, words=asked.words, idem=call.key, seen=asked.seen, now=call.now
    )
    return _incident(tx, call)


@api("POST", "/incidents/{number}/announce", body=Nothing, answer=joining_shapes.Incident)
def announce_incident(tx: Tx, call: Call) -> joining_shapes.Incident:
    """Publish the draft: the phone line, the portal and acknowledgements tell exactly those it concerns. Again changes nothing."""
    incident_outages.publish(tx, call.who, call.number, now=call.now)
    return _incident(tx, call)


@api("POST", "/incidents/{number}/resolve-children", body=Resolve, answer=joining_shapes.ChildrenResolved)
def resolve_children(tx: Tx, call: Call) -> joining_shapes.ChildrenResolved:
    """Solve children together: each gets its own report. Those that cannot be solved now stay, with the reason."""
    asked: Resolve = call.body
    stays = incident.resolve_children(
        tx,
        call.who,
        call.number,
        children=asked.children,
        cause=asked.cause,
        words=asked.words,
        minutes=asked.minutes,
        now=call.now,
    )
    return joining_shapes.ChildrenResolved(
        incident=_incident(tx, call),
        stays=[joining_shapes.Unresolved(number=one.number, why=one.why) for one in stays],
    )


# --- Answers ------------------------------------------------------------------------------------------------


def _links(tx: Tx, call: Call) -> joining_shapes.Links:
    found = links_between.of_ticket(tx, call.who, call.number)
    return joining_shapes.Links(items=[_link(one) for one in found])


def _link(one: Any) -> joining_shapes.Link:
    return joining_shapes.Link(
        kind=one.kind, number=one.number, subject=one.subject, state=one.state, at=one.at
    )


def _joining(one: Any) -> joining_shapes.Joining:
    return joining_shapes.Joining(
        id=one.id,
        kind=one.kind,
        number=one.number,
        into=one.into,
        at=one.at,
        by=one.by,
        undone_at=one.undone_at,
        may_undo=not one.why_not,
        why_not=one.why_not,
        conversations=one.conversations,
        messages=one.said,
        since=one.since,
    )


def _summary(row: Any, children: int, left: int) -> joining_shapes.IncidentSummary:
    return joining_shapes.IncidentSummary(
        number=row.number, subject=row.subject, state=row.state, children=children, children_open=left
    )


def _half(half: Any) -> joining_shapes.SideOfMerge:
    return joining_shapes.SideOfMerge(
        number=half.row.number,
        subject=half.row.subject,
        state=half.row.state,
        received_at=half.row.received_at,
        messages=half.said,
        notes=half.notes,
        people=list(half.people),
        would_read=list(half.readers),
        clocks=_due(half.clocks),
        clocks_after=_due(half.after),
    )


def _due(clocks: Sequence[Clock]) -> dict[str, datetime | None]:
    return {str(one.name): one.due_at for one in clocks}


def _incident(tx: Tx, call: Call) -> joining_shapes.Incident:
    found: Any = incident_views.of_ticket(tx, call.who, call.number, now=call.now)
    draft = found.draft
    return joining_shapes.Incident(
        number=found.row.number,
        subject=found.row.subject,
        state=found.row.state,
        major=found.major,
        languages=list(found.languages),
        children=[
            joining_shapes.IncidentChild(
                number=one.row.number,
                subject=one.row.subject,
                state=one.row.state,
                customer=one.row.customer,
                language=one.language,
                channels=list(one.channels),
                next_due=one.row.next_due,
                told=one.told,
            )
            for one in found.children
        ],
        updates=[
            joining_shapes.IncidentUpdate(
                id=one.id, at=one.at, by=one.by, words=one.words, requests=one.requests
            )
            for one in found.updates
        ],
        outage=found.outage,
        draft=joining_shapes.OutageDraft(
            words={language: dict(said) for language, said in draft.words.items()},
            since=draft.since,
            customers=list(draft.scope.customers),
            sites=list(draft.scope.sites),
            technologies=list(draft.scope.technologies),
        )
        if draft is not None
        else None,
    )


ENDPOINTS = (
    merge,
    preview_merge,
    split,
    move,
    undo,
    list_joinings,
    list_ticket_links,
    link_ticket,
    unlink_ticket,
    list_incidents,
    get_incident,
    open_incident,
    attach_children,
    detach_children,
    inform_children,
    announce_incident,
    resolve_children,
)
