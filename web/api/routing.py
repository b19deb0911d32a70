"""Qualification and routing over the API: the queue and its suggestions, the table, its holes and its trial, why a ticket is here."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, Field

from core.desk import (
    assigning,
    holes,
    prioritising,
    qualification,
    routing_table,
    routing_trial,
    routing_why,
    suggestions,
)
from core.store.tx import Tx
from web.api import routing_shapes as shapes
from web.api import shapes as common
from web.api.endpoint import Body, Call, Query, api
from web.api.tickets import Cursor, Name, Seen, ticket_now

Unread = Annotated[Any, Field(exclude=True, description="As the table gives it; it is not looked at.")]
Suggested = Literal["technology", "request_type", "impact", "urgency", "asset", "site", "safety"]


class QualificationQuery(Query):
    """How many, and by which channel."""

    limit: Annotated[int, Field(ge=1, le=qualification.MOST)] = qualification.PAGE
    channel: Annotated[str | None, Field(max_length=50)] = None
    cursor: Cursor = None


class Accepted(Body):
    """Whose suggestions are taken."""

    fields: Annotated[list[Suggested], Field(min_length=1, max_length=7)]
    seen: Seen = None


class Priority(Body):
    """The priority, and why."""

    priority: Annotated[
        Literal["P1", "P2", "P3", "P4"] | None, Field(description="null: what the table says counts again.")
    ]
    reason: Annotated[str, Field(min_length=1, max_length=10_000, pattern=r"\S")]
    seen: Seen = None


class Line(Body):
    """A line of the table. What is left out matches everything."""

    customer: Annotated[Name | None, Field(description="Code.")] = None
    technology: Name | None = None
    request_type: Name | None = None
    level: Annotated[int | None, Field(ge=1, le=3, description="Left out: that of the group.")] = None
    calendar: Name | None = None
    group: Name
    weight: Unread = None


class NewTable(Body):
    """The whole table, in order."""

    rules: Annotated[list[Line], Field(max_length=routing_table.MOST)]
    version: Annotated[
        str | None, Field(max_length=50, description="Of the table that you changed; another one is refused.")
    ] = None
    ties: Unread = None
    groups: Unread = None
    technologies: Unread = None
    request_types: Unread = None
    calendars: Unread = None
    may_edit: Unread = None


class Trial(Body):
    """An edited table, and how far back."""

    rules: Annotated[list[Line], Field(max_length=routing_table.MOST)]
    days: Annotated[int, Field(ge=1, le=routing_trial.MOST_DAYS)] = 14


class HoleQuery(Query):
    """Of whom."""

    customer: Annotated[str | None, Field(max_length=100, description="Code.")] = None


class Away(Body):
    """Until when."""

    until: Annotated[AwareDatetime | None, Field(description="null: here again.")]
    agent: Annotated[Name | None, Field(description="E-mail of somebody else, for who leads.")] = None


@api("GET", "/qualification", query=QualificationQuery, answer=shapes.Qualification, errors=(403,))
def get_qualification(tx: Tx, call: Call) -> shapes.Qualification:
    """What waits to be qualified, what each lacks, what is suggested, and how long it took in the last days. For staff."""
    asked: QualificationQuery = call.query
    found = qualification.queue(
        tx, call.who, now=call.now, limit=asked.limit, channel=asked.channel, cursor=asked.cursor
    )
    return shapes.Qualification(
        items=[
            shapes.ToQualify(
                number=one.number,
                subject=one.subject,
                state=one.state,
                channel=one.channel,
                customer=one.customer,
                requester=one.requester,
                received_at=one.received_at,
                due_at=one.due_at,
                last_event=one.last_event,
                missing=list(one.missing),
                provenance=dict(one.provenance),
                suggestions=[
                    shapes.Suggestion(
                        field=it.field,
                        value=it.value,
                        provenance=it.provenance,
                        why=it.code,
                        because=it.because,
                    )
                    for it in one.suggestions
                ],
            )
            for one in found.items
        ],
        count=found.count,
        late=found.late,
        next=found.next,
        figures=[
            shapes.TimeToQualify(
                days=one.days, channel=one.channel, count=one.count, median=one.median, p90=one.p90
            )
            for one in qualification.figures(tx, now=call.now)
        ],
    )


@api("POST", "/tickets/{number}/suggestions", body=Accepted, answer=common.Ticket)
def accept_suggestions(tx: Tx, call: Call) -> common.Ticket:
    """Take what is suggested for these fields; once nothing is missing the ticket is qualified."""
    asked: Accepted = call.body
    suggestions.accept(tx, call.who, call.number, list(asked.fields), seen=asked.seen, now=call.now)
    return ticket_now(tx, call, call.number)


@api("POST", "/tickets/{number}/priority", body=Priority, answer=common.Ticket)
def set_priority(tx: Tx, call: Call) -> common.Ticket:
    """Set the priority by hand; who, why and what the table said are kept, promises move, the customer is told."""
    asked: Priority = call.body
    prioritising.override(
        tx,
        call.who,
        call.number,
        priority=asked.priority,
        reason=asked.reason,
        seen=asked.seen,
        now=call.now,
    )
    return ticket_now(tx, call, call.number)


@api("GET", "/tickets/{number}/why", answer=shapes.WhyHere, errors=(403,))
def get_why(tx: Tx, call: Call) -> shapes.WhyHere:
    """Why a ticket is where it is: every line that was looked at, and where its data come from. For staff."""
    found = routing_why.of_ticket(tx, call.who, call.number)
    return shapes.WhyHere(
        number=found.number,
        group=found.group,
        level=found.level,
        next_try_at=found.next_try_at,
        history=[
            shapes.WhyEvent(
                at=one.at,
                kind=one.kind,
                by=one.by,
                group=one.group,
                how=one.how,
                steps=[
                    shapes.WhyStep(
                        rule=step.rule,
                        group=step.group,
                        weight=step.weight,
                        matched=step.matched,
                        why=step.code,
                        value=step.value,
                    )
                    for step in one.steps
                ],
                agent=one.agent,
                considered=dict(one.considered),
                fields=list(one.fields),
                priority=one.priority,
                computed=one.computed,
            )
            for one in found.history
        ],
        provenance=dict(found.provenance),
    )


@api("GET", "/routing", answer=shapes.RoutingTable, errors=(403,))
def get_routing(tx: Tx, call: Call) -> shapes.RoutingTable:
    """The routing table, in order. For staff."""
    found = routing_table.table(tx, call.who)
    return shapes.RoutingTable(
        version=found.version,
        rules=[
            shapes.RoutingRule(
                customer=one.customer,
                technology=one.technology,
                request_type=one.request_type,
                level=one.level,
                calendar=one.calendar,
                group=one.group,
                weight=one.weight,
            )
            for one in found.rules
        ],
        ties=[shapes.RoutingTie(first=first, second=second) for first, second in found.ties],
        groups=list(found.groups),
        technologies=list(found.technologies),
        request_types=list(found.request_types),
        calendars=list(found.calendars),
        may_edit=found.may_edit,
    )


@api("PUT", "/routing", body=NewTable, answer=shapes.RoutingTable)
def put_routing(tx: Tx, call: Call) -> shapes.RoutingTable:
    """Save the whole table or nothing of it; holes are looked for at once. For supervisors and administrators.

    The table as it was read is one that can be saved. One without rules is refused.
    """
    asked: NewTable = call.body
    routing_table.save(tx, call.who, _lines(asked.rules), version=asked.version, now=call.now)
    return get_routing.run(tx, call)  # type: ignore[return-value]


@api("POST", "/routing/dry-run", body=Trial, answer=shapes.RoutingTrial, asks=True)
def try_routing(tx: Tx, call: Call) -> shapes.RoutingTrial:
    """Route the tickets of the last days by an edited table, and tell what differs. Nothing is written. For who leads."""
    asked: Trial = call.body
    rules = routing_table.checked(tx, _lines(asked.rules))
    found = routing_trial.run(tx, call.who, rules, days=asked.days, now=call.now)
    return shapes.RoutingTrial(
        days=found.days,
        looked_at=found.looked_at,
        different=found.different,
        moves=[
            shapes.RoutingMove(was=was, would_be=would_be, count=count)
            for was, would_be, count in found.moves
        ],
        differences=[
            shapes.RoutingDifference(
                number=one.number,
                customer=one.customer,
                technology=one.technology,
                request_type=one.request_type,
                at=one.at,
                was=one.was,
                would_be=one.would_be,
                has_it=one.has_it,
                why=one.why.rule if one.why else "",
            )
            for one in found.differences
        ],
    )


@api("GET", "/routing/holes", query=HoleQuery, answer=shapes.Holes, errors=(403,))
def get_holes(tx: Tx, call: Call) -> shapes.Holes:
    """What customers bought and nobody is there for in the 14 days to come, as the last look found it. For staff."""
    found = holes.known(tx, call.who, customer=call.query.customer)
    return shapes.Holes(
        at=found.at,
        items=[
            shapes.Hole(
                customer=one.customer,
                customer_name=one.customer_name,
                technology=one.technology,
                request_type=one.request_type,
                gaps=[shapes.Gap(since=a, until=b, group=group) for a, b, group in one.gaps],
            )
            for one in found.holes
        ],
    )


@api("GET", "/capacity", answer=shapes.Capacity, errors=(403,))
def get_capacity(tx: Tx, call: Call) -> shapes.Capacity:
    """Everybody of the staff: whether they are there, and how much is theirs. For staff."""
    return shapes.Capacity(
        items=[
            shapes.AgentLoad(
                email=one.email,
                name=one.name,
                groups=list(one.groups),
                skills=list(one.skills),
                capacity=one.capacity,
                working_on=one.working_on,
                open=one.items,
                present=one.present,
                away_until=one.away_until,
            )
            for one in assigning.loads(tx, call.who, now=call.now)
        ]
    )


@api("POST", "/capacity/away", body=Away, answer=shapes.Capacity)
def set_away(tx: Tx, call: Call) -> shapes.Capacity:
    """Nothing is given to you until then. For others: who leads."""
    asked: Away = call.body
    assigning.set_away(tx, call.who, asked.until, email=asked.agent, now=call.now)
    return get_capacity.run(tx, call)  # type: ignore[return-value]


def _lines(rules: list[Line]) -> list[dict[str, object]]:
    return [one.model_dump() for one in rules]


ENDPOINTS = (
    get_qualification,
    accept_suggestions,
    set_priority,
    get_why,
    get_routing,
    put_routing,
    try_routing,
    get_holes,
    get_capacity,
    set_away,
)
