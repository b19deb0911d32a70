"""Contracts over the API: how they stand, what is left, their versions and books; and on a ticket, why it was judged so."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from pydantic import AwareDatetime, Field

from core.desk import (
    activities,
    contract_board,
    contract_changes,
    contract_evidence,
    contract_versions,
    contracts,
    reference,
    resolution,
)
from core.desk.contract_board import LineState, Listed, Told
from core.desk.errors import invalid
from core.rules.calendar_definitions import WEEKDAYS
from core.rules.coverage import Contract
from core.store.tx import Tx
from web.api import contract_shapes as out
from web.api import shapes
from web.api.endpoint import Body, Call, api
from web.api.tickets import Name, PageQuery, Seen, ticket_now

Names = Annotated[list[Name], Field(max_length=500)]
Unread = Annotated[Any, Field(exclude=True, description="As the contract gives it; it is not looked at.")]
Why = Annotated[str, Field(min_length=1, max_length=10_000, pattern=r"\S")]


class ContractQuery(PageQuery):
    """Which contracts."""

    state: Annotated[str, Field(max_length=20, description="As in the answer.")] = ""
    customer: Annotated[str, Field(max_length=100, description="Code.")] = ""
    q: Annotated[str, Field(max_length=100, description="Part of a number or of a customer's name.")] = ""
    cursor: Annotated[str | None, Field(max_length=200, description="`next` of the page before.")] = None


class LineBody(Body):
    """A line, as in a desk's file. Empty lists mean all."""

    name: Name
    technologies: Names = Field(default_factory=list)
    request_types: Names = Field(default_factory=list)
    channels: Names = Field(default_factory=list)
    assets: Names = Field(default_factory=list)
    sites: Names = Field(default_factory=list)
    calendar: Name = "24x7"
    sla: Name | None = None
    onsite: bool = False
    vendor_pauses: bool = False
    measure: Annotated[str, Field(max_length=20, description="none, hours, tickets or visits.")] = "none"
    quantity: Annotated[float | None, Field(ge=0, le=1_000_000)] = None
    used_before: Annotated[
        float, Field(ge=0, le=1_000_000, description="Before its books began: `used` in a desk's file.")
    ] = 0.0
    period: Annotated[str, Field(max_length=20, description="contract, year, quarter or month.")] = "contract"
    overdraft: bool = False
    priority: Annotated[int, Field(ge=0, le=1_000_000)] = 100
    emergency: bool = False
    rollover: bool = False
    step: Annotated[int, Field(ge=1, le=1440)] = 15
    no_access_billable: bool = False
    hours: Unread = None
    used: Unread = None
    balance: Unread = None


class ContractBody(Body):
    """A whole contract, as in a desk's file; what is left out has its usual value."""

    customer: Annotated[Name, Field(description="Code.")]
    valid_from: date
    valid_until: date
    status: Annotated[str, Field(max_length=20, description="draft, active, suspended or terminated.")] = (
        "active"
    )
    grace_days: Annotated[int, Field(ge=0, le=3660)] = 0
    covers_children: bool = False
    authorised_contacts: Names = Field(default_factory=list)
    notice_date: date | None = None
    renewal: Annotated[str, Field(max_length=20, description="none or tacit.")] = "none"
    policy: Annotated[dict[Name, Name], Field(max_length=20, description="Verdict to decision.")] = Field(
        default_factory=dict
    )
    tell_breach: Annotated[
        bool, Field(description="The customer is told of a promise that was not kept.")
    ] = False
    lines: Annotated[list[LineBody], Field(max_length=200)] = Field(default_factory=list)
    why: Annotated[Why, Field(description="Kept with the version.")]
    seen: Annotated[
        str | None,
        Field(max_length=64, description="The contract's `version` as you know it; another one: 409."),
    ] = None
    number: Unread = None
    version: Unread = None
    stands: Unread = None


class Purchase(Body):
    """More of a line, in its measure, in its present period."""

    line: Name
    quantity: Annotated[float, Field(gt=0, le=contract_changes.MOST)]
    reason: Annotated[Why, Field(description="The order it comes from.")]


class Reversal(Body):
    """What was wrong."""

    entry: Annotated[Name, Field(description="Id of a use or a purchase.")]
    reason: Why


class Override(Body):
    """Let the work go on in spite of the check."""

    reason: Annotated[Why, Field(description="At least 10 characters: it is evidence.")]
    until: AwareDatetime
    seen: Seen = None


class Look(Body):
    """Nothing but what you have seen."""

    seen: Seen = None


class Work(Body):
    """Minutes that somebody worked."""

    minutes: Annotated[int, Field(ge=1, le=activities.MAX_MINUTES)]
    kind: Annotated[str, Field(max_length=20, description="remote, onsite, travel or vendor.")] = "remote"
    at: Annotated[AwareDatetime | None, Field(description="When it ended; left out: now.")] = None
    text: Annotated[
        str, Field(max_length=activities.MAX_TEXT, description="What was done, for colleagues.")
    ] = ""


# --- Contracts ----------------------------------------------------------------------------------------------


@api("GET", "/contracts", query=ContractQuery, answer=out.Contracts)
def list_contracts(tx: Tx, call: Call) -> out.Contracts:
    """Contracts, those that end soonest first. Staff see all, contacts those of their own company."""
    asked: ContractQuery = call.query
    if call.who.is_agent:
        found = contract_board.listing(
            tx, call.who, state=asked.state, customer=asked.customer, q=asked.q, now=call.now
        )
    else:
        found = [
            one
            for one, _ in contract_board.of_company(tx, call.who, now=call.now)
            if asked.state in ("", one.state) and asked.customer in ("", one.contract.customer)
        ]
    first = 0
    if asked.cursor is not None:
        numbers = [one.contract.number for one in found]
        if asked.cursor not in numbers:
            raise invalid("/cursor", "is none that a page before gave")
        first = numbers.index(asked.cursor) + 1
    page = found[first : first + asked.limit]
    more = first + asked.limit < len(found)
    return out.Contracts(
        items=[_summary(tx, one, call) for one in page], next=page[-1].contract.number if more else None
    )


@api("GET", "/contracts/{number}", answer=out.Contract)
def get_contract(tx: Tx, call: Call) -> out.Contract:
    """A contract with its lines, and what is left of them.

    Contacts see those of their own company: what was bought, not how we go about it.
    """
    return _now(tx, call, call.number)


@api("PUT", "/contracts/{number}", body=ContractBody, answer=out.Contract)
def save_contract(tx: Tx, call: Call) -> out.Contract:
    """Make or change a contract: a new version, with who and why; tickets keep the version of their check.

    For supervisors and administrators. A contract as it was read, with `why`, is one that can be saved; the same content
    again changes nothing.
    """
    asked: ContractBody = call.body
    plain: dict[str, Any] = asked.model_dump(exclude={"customer", "why", "seen"})
    for line in plain["lines"]:
        line["used"] = line.pop("used_before")
    contract_changes.save(
        tx,
        call.who,
        plain | {"number": call.number},
        customer=asked.customer,
        why=asked.why,
        seen=asked.seen,
        now=call.now,
    )
    return _now(tx, call, call.number)


@api("GET", "/contracts/{number}/versions", answer=out.Versions, errors=(403,))
def list_contract_versions(tx: Tx, call: Call) -> out.Versions:
    """Which versions there were, who made them and why, each against the one before, in words. For staff."""
    found = contract_board.whole(tx, call.who, call.number, now=call.now)
    return out.Versions(
        items=[
            out.Version(
                n=one.n,
                version=one.version,
                at=one.at,
                by=found.names.get(one.by, one.by),
                why=one.why,
                changes=list(one.changes),
            )
            for one in found.versions
        ]
    )


@api("GET", "/contracts/{number}/consumption", answer=out.Consumed, errors=(403,))
def get_consumption(tx: Tx, call: Call) -> out.Consumed:
    """What was used of each measured line in its present period, row by row, and when it will be used up.

    For staff, and for managers and administrators of the customer.
    """
    _, found = contract_board.consumed(tx, call.who, call.number, now=call.now)
    return out.Consumed(items=[_told(one, inside=call.who.is_agent) for one in found])


@api("POST", "/contracts/{number}/purchases", body=Purchase, answer=out.Contract)
def buy_more(tx: Tx, call: Call) -> out.Contract:
    """Enter a purchase: more of a line, in its present period. For supervisors and administrators."""
    asked: Purchase = call.body
    contract_changes.buy(tx, call.who, call.number, **dict(asked), now=call.now)
    return _now(tx, call, call.number)


@api("POST", "/contracts/{number}/reversals", body=Reversal, answer=out.Contract)
def take_back_consumption(tx: Tx, call: Call) -> out.Contract:
    """Take back a use or a purchase that was wrong, whole and with a reason. For supervisors and administrators."""
    asked: Reversal = call.body
    contract_changes.reverse(tx, call.who, call.number, asked.entry, reason=asked.reason, now=call.now)
    return _now(tx, call, call.number)


@api("GET", "/contracts/{number}/affected", answer=out.AffectedTickets, errors=(403,))
def list_affected_tickets(tx: Tx, call: Call) -> out.AffectedTickets:
    """Tickets received since the contract began and judged as not covered: what it may change. For staff."""
    contract_board.whole(tx, call.who, call.number, now=call.now)
    contract = contracts.of_number(tx, call.who, call.number)
    rows = contract_versions.affected(tx, contract, now=call.now)
    return out.AffectedTickets(
        items=[
            out.Affected(
                number=row.number,
                subject=row.subject,
                state=row.state,
                verdict=row.verdict,
                decision=row.decision,
                received_at=row.received_at,
            )
            for row in rows
        ]
    )


# --- On a ticket --------------------------------------------------------------------------------------------


@api("GET", "/tickets/{number}/checks", answer=out.Checks, errors=(403,))
def list_checks(tx: Tx, call: Call) -> out.Checks:
    """Every check of the ticket's contract as evidence: inputs, reasons, candidates, overrides. For staff."""
    found = contract_evidence.of_ticket(tx, call.who, call.number, now=call.now)
    return out.Checks(items=[out.Check(**_fields(one)) for one in found.checks])


@api("POST", "/tickets/{number}/override", body=Override, answer=shapes.Ticket)
def override_ticket(tx: Tx, call: Call) -> shapes.Ticket:
    """Let the work go on in spite of the check, until an instant; a ticket that waits for approval is approved.

    For shift leaders and above. When it lapses a task asks what is to be done.
    """
    asked: Override = call.body
    resolution.override(
        tx, call.who, call.number, reason=asked.reason, until=asked.until, seen=asked.seen, now=call.now
    )
    return ticket_now(tx, call, call.number)


@api("POST", "/tickets/{number}/recheck", body=Look, answer=shapes.Ticket)
def recheck_ticket(tx: Tx, call: Call) -> shapes.Ticket:
    """Judge it anew by the contracts as they are now. For shift leaders and above."""
    contract_changes.recheck(tx, call.who, call.number, seen=call.body.seen, now=call.now)
    return ticket_now(tx, call, call.number)


@api("GET", "/tickets/{number}/activities", answer=out.Activities, errors=(403,))
def list_activities(tx: Tx, call: Call) -> out.Activities:
    """What was worked on the ticket, and what that used of its contract. For staff."""
    return _activities(tx, call)


@api("POST", "/tickets/{number}/activities", body=Work, answer=out.Activities, status=201)
def log_activity(tx: Tx, call: Call) -> out.Activities:
    """Enter work on the ticket. With less left on its contract line than it takes the answer is 409. For staff."""
    asked: Work = call.body
    activities.log(tx, call.who, call.number, **dict(asked), now=call.now)
    return _activities(tx, call)


# --- Shapes -------------------------------------------------------------------------------------------------


def _activities(tx: Tx, call: Call) -> out.Activities:
    found = contract_evidence.of_ticket(tx, call.who, call.number, now=call.now)
    return out.Activities(
        items=[out.Activity(**_fields(one)) for one in found.activities],
        used=[
            out.Used(contract=contract, line=line, unit=unit, quantity=quantity)  # type: ignore[arg-type]
            for contract, line, unit, quantity in found.used
        ],
    )


def _fields(found: Any) -> dict[str, Any]:
    return {name: getattr(found, name) for name in found.__slots__}


def _now(tx: Tx, call: Call, number: str) -> out.Contract:
    found = contracts.of_number(tx, call.who, number)
    inside = call.who.is_agent
    return out.Contract(
        number=found.number,
        version=found.version,
        customer=found.customer,
        valid_from=found.valid_from,
        valid_until=found.valid_until,
        status=found.status,
        stands=found.stands(call.now),
        grace_days=found.grace_days if inside else None,
        notice_date=found.notice_date,
        renewal=found.renewal,
        covers_children=found.covers_children,
        authorised_contacts=list(found.authorised_contacts) if inside else None,
        policy=dict(found.policy) if inside else None,
        tell_breach=found.tell_breach if inside else None,
        lines=_lines(tx, contract_board.listed(tx, found, now=call.now), call, found),
    )


def _summary(tx: Tx, one: Listed, call: Call) -> out.Summary:
    return out.Summary(
        number=one.contract.number,
        customer=shapes.CustomerRef(code=one.contract.customer, name=one.customer_name),
        state=one.state,
        valid_from=one.contract.valid_from,
        valid_until=one.contract.valid_until,
        days_left=one.days_left,
        lines=_lines(tx, one, call, one.contract),
    )


def _lines(tx: Tx, listed: Listed, call: Call, contract: Contract) -> list[out.Line]:
    own = contract.customer == call.who.customer and contract_board.decides(call.who)
    inside = call.who.is_agent
    return [
        _line(state, _hours(tx, state.line.calendar), inside=inside, counted=inside or own)
        for state in listed.lines
    ]


def _hours(tx: Tx, calendar: str) -> list[str]:
    found = reference.desk(tx).calendars.get(calendar)
    weekly = found.calendar.definition.weekly if found else {}
    return [f"{day} {start}-{end}" for day in WEEKDAYS for start, end in weekly.get(day, ())]


def _line(state: LineState, hours: list[str], *, inside: bool, counted: bool) -> out.Line:
    line = state.line
    return out.Line(
        name=line.name,
        technologies=list(line.technologies),
        request_types=list(line.request_types),
        channels=list(line.channels),
        calendar=line.calendar,
        sla=line.sla,
        onsite=line.onsite,
        measure=line.measure,
        quantity=line.quantity,
        used=state.used if counted and state.first else 0.0,
        hours=hours,
        used_before=line.used if counted else 0.0,
        assets=list(line.assets),
        sites=list(line.sites),
        period=line.period,
        rollover=line.rollover,
        step=line.step,
        overdraft=line.overdraft if inside else None,
        priority=line.priority if inside else None,
        vendor_pauses=line.vendor_pauses if inside else None,
        emergency=line.emergency,
        no_access_billable=line.no_access_billable if inside else None,
        balance=_balance(state) if counted else None,
    )


def _balance(state: LineState) -> out.Balance | None:
    if state.first is None or state.last is None:
        return None
    return out.Balance(
        first=state.first,
        last=state.last,
        granted=state.granted,
        used=state.used,
        left=state.left,
        percent=state.percent,
    )


def _told(one: Told, *, inside: bool) -> out.Consumption:
    balance = _balance(one.state)
    assert balance is not None  # noqa: S101 - only measured lines are told
    return out.Consumption(
        line=one.state.line.name,
        measure=one.state.line.measure,
        balance=balance,
        per_week=one.per_week,
        exhausted_on=one.forecast.exhausted_on,
        entries=[
            out.Entry(
                id=entry.id,
                kind=entry.kind,  # type: ignore[arg-type]
                quantity=entry.quantity,
                at=entry.at,
                ticket=entry.ticket,
                by=entry.by if inside else "",
                reason=entry.reason if inside else "",
                reversible=entry.reversible and inside,
            )
            for entry in one.entries
        ],
        more=one.more,
    )


ENDPOINTS = (
    list_contracts,
    get_contract,
    save_contract,
    list_contract_versions,
    get_consumption,
    buy_more,
    take_back_consumption,
    list_affected_tickets,
    list_checks,
    override_ticket,
    recheck_ticket,
    list_activities,
    log_activity,
)
