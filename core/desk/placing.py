"""What is it, how urgent, who should have it, and may they? Qualification, the check, priority and routing of a ticket."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select

from core import texts
from core.desk import (
    assigning,
    authors,
    describing,
    entitle,
    follow_ups,
    ledger,
    notices,
    people,
    reference,
    routing_again,
    routing_reach,
    tasks,
    timing,
)
from core.desk.case import Case
from core.desk.errors import Refused, invalid
from core.desk.principal import HUB, Principal
from core.envelope import Inbound, Trust
from core.rules import priority, routing, workflow
from core.store import tables
from core.store.tx import Prepared, Tx


def first(case: Case, said: Inbound, author: authors.Author, *, trust: Trust) -> None:
    """What intake can tell of a new ticket: hints, the check, and, when all is there, the whole way to a group."""
    hints = {
        name: getattr(said.hints, name)
        for name in describing.FIELDS
        if getattr(said.hints, name, None) is not None
    }
    if case["customer"]:
        hints.pop("customer", None)
    hints = describing.known(case, hints)
    case.set(provenance=dict.fromkeys(hints, said.hints.provenance), **hints)
    describing.only_choice(case)
    failed = said.authentication.verdict == "fail" and said.authentication.policy in ("quarantine", "reject")
    entitle.check(
        case,
        trust=trust,
        failed=failed,
        by_domain=author.by_domain,
        candidates=author.candidates,
        text=f"{said.subject or ''}\n{said.text or ''}",
    )
    if case["decision"] == "accept" and not describing.missing(case) and not ledger.claim(case):
        entitle.check(case, trust=trust)  # somebody else has the last one
    if case["decision"] == "hold_for_approval":
        _move(case, HUB, "hold")
        timing.apply(case, "triage")
        follow_ups.approval(case)
    elif case["decision"] == "accept" and not describing.missing(case):
        _qualified(case, HUB, tell=False)
    else:
        _move(case, HUB, "triage")
        timing.apply(case, "triage")
        if case["decision"] == "route_sales":
            _route(case, HUB)


def qualify(case: Case, who: Principal, *, handed_over: bool = False) -> None:
    """Leave triage if all is known; on a ticket that has left it, follow what changed. Raises Refused naming the rest.

    `handed_over`: to a requester who has not heard of it yet.
    """
    describing.name_requester(case, who)
    lacking = describing.missing(case)
    if lacking:
        raise Refused(f"not all is known yet: {', '.join(lacking)}", missing=lacking, allowed=("qualify",))
    if not case["open"]:
        raise Refused(f"{case['number']} is {case['state']}", allowed=workflow.allowed(case["state"]))
    if case["state"] in ("received", "triage"):
        entitle.check(case, trust=Trust(case["trust"]))
        if case["decision"] != "hold_for_approval" and not ledger.claim(case):
            entitle.check(case, trust=Trust(case["trust"]))  # somebody else has the last one
        if case["decision"] == "hold_for_approval":
            _held(case, who)
            return
        _qualified(case, who, tell=True)
        return
    before = case["priority"]
    _prioritise(case)
    entitle.check(case, trust=Trust(case["trust"]))
    timing.retarget(case)
    if case["decision"] == "hold_for_approval" and case["state"] in ("qualified", "assigned"):
        _held(case, who)
        return
    if case["state"] in ("qualified", "assigned"):
        _route(case, who)
    if case["priority"] != before or handed_over:
        notices.progress(case, "changed", **words(case))


def after_approval(case: Case, who: Principal) -> None:
    """An approved ticket goes on: to its group if all is known, else to the people who qualify."""
    if not describing.missing(case):
        _qualified(case, who, tell=True)


def next_open(case: Case) -> datetime | None:
    """When the service of the ticket's line opens again, if it is closed."""
    row = case.tx.one(entitle.LATEST, ticket_id=case.id)
    return row.next_open_at if row else None


def into_group(case: Case, who: Principal, group: str) -> None:
    """Put it where a person says. Raises Invalid."""
    groups = reference.desk(case.tx).groups
    if group not in groups:
        raise invalid("/group", f"{group!r} is not one of {', '.join(groups)}")
    if case["desk_group"] == group:
        return
    level, trace = groups[group].level, [{"rule": "by hand", "matched": True}]
    case.event("ticket.routed", actor=who.actor, group=group, level=level, trace=trace)
    case.set(desk_group=group, level=level, assignee=None)
    routing_again.no_longer(case)
    if case["state"] == "qualified":
        _move(case, who, "route")
    assigning.assign(case)


def escalate(case: Case, who: Principal, *, group: str | None, level: int | None) -> None:
    """To the group that is named, or to the competent one of the next or named level."""
    if group:
        if group == case["desk_group"]:
            raise invalid("/group", f"{group} has it already")
        into_group(case, who, group)
        return
    wanted = level or case["level"] + 1
    found = _ask(case, level=wanted)
    if found.group is None or found.group == case["desk_group"]:
        raise invalid("/level", f"no other group works on level {wanted} for this ticket: name a group")
    case.set(assignee=None)
    _place(case, who, found)


# --- Within one verb --------------------------------------------------------------------------------------


def _qualified(case: Case, who: Principal, *, tell: bool) -> None:
    _prioritise(case)
    _move(case, who, "qualify")
    if case["qualified_at"] is None:
        case.set(qualified_at=case.now)
    ledger.qualified(case)
    timing.apply(case, "qualified")
    answered = case.tx.one(_FIRST_ANSWER, ticket_id=case.id)
    if answered is not None:  # somebody wrote to the customer before it was known what was promised
        timing.apply(case, "public_answer", at=answered.at)
    _route(case, who)
    if tell:
        timing.settle(case)
        notices.progress(case, "qualified", **words(case))


_FIRST_ANSWER = Prepared(
    select(tables.message.c.at)
    .where(
        tables.message.c.ticket_id == bindparam("ticket_id"),
        tables.message.c.direction == "out",
        tables.message.c.audience == "customer",
        tables.message.c.automatic.is_(False),
    )
    .order_by(tables.message.c.at)
    .limit(1)
)


def _held(case: Case, who: Principal) -> None:
    """The contract does not say so: a leader decides before anybody works on it."""
    _move(case, who, "hold")
    follow_ups.approval(case)
    notices.progress(case, "approval")


def _prioritise(case: Case) -> None:
    """What the matrix says, unless a person said otherwise; that it would say something else is kept beside it."""
    decided = computed(case)
    if case["provenance"].get("priority") == "agent" or decided.priority == case["priority"]:
        return
    case.event(
        "ticket.prioritised", actor="system", priority=str(decided.priority), reason=str(decided.reason)
    )
    case.set(priority=str(decided.priority))


def computed(case: Case) -> priority.PriorityDecision:
    """The priority by impact and urgency, asset and flags (desk.md 6), whatever anybody said."""
    tx = case.tx
    asset = people.asset(tx, case["customer"], case["asset"]) if case["asset"] else None
    customer = reference.customer(tx, case["customer"]) if case["customer"] else None
    contact = people.contact(tx, case["contact"]) if case["contact"] else None
    return priority.priority(
        case["impact"],
        case["urgency"],
        asset_criticality=asset.criticality if asset else None,
        vip=contact is not None and contact.vip,
        safety="safety" in case["flags"],
        matrix=(customer.priorities if customer else None) or priority.DEFAULT_MATRIX,
    )


def words(case: Case) -> dict[str, Any]:
    """What a notice says of the request and of the times that were promised."""
    zone, language = notices.zone_of(case), case["language"]
    due = timing.due(case)
    opens = next_open(case) if case["verdict"] == "covered_outside_window" else None
    return {
        "next_open": texts.instant(opens, zone, language) if opens and opens > case.now else "",
        "request_type": case["request_type"],
        "technology": case["technology"],
        "priority": case["priority"],
        "response_due": texts.instant(due["response"], zone, language) if due.get("response") else "",
        "resolve_due": texts.instant(due["resolve"], zone, language) if due.get("resolve") else "",
    }


def _route(case: Case, who: Principal) -> None:
    found = _to_sales(case) or _ask(case, level=1)
    if found.group is not None:
        _place(case, who, found)
        return
    case.event("ticket.unrouted", actor=who.actor, trace=[_told(entry) for entry in found.trace])
    if case["state"] in ("received", "triage"):
        return  # who qualifies it has it anyway, and says what a group could be found by
    tasks.add(
        case.tx,
        "unrouted",
        now=case.now,
        ticket_id=case.id,
        role="shift-leader",
        alarm=True,
        once="unrouted",
        technology=case["technology"] or "",
        request_type=case["request_type"] or "",
    )


def again(tx: Tx, ticket_id: str, *, now: datetime) -> None:
    """The timer of who waits for a group to open: ask who is there now, and put it there."""
    case = Case.open(tx, ticket_id, now=now)
    if case["state"] != "assigned" or case["assignee"] is not None:
        return
    sells = case["desk_group"] == reference.desk(tx).sales
    found = (_to_sales(case) if sells else None) or _ask(case, level=case["level"])
    if found.group is None:
        return
    _place(case, HUB, found)
    case.save()


def _to_sales(case: Case) -> routing.Route | None:
    """The way of what the check sends to sales; None: it is not sent there, or no group sells."""
    desk = reference.desk(case.tx)
    if case["decision"] != "route_sales" or desk.sales is None:
        return None
    open_now = routing_reach.open_calendars(desk, case.now)
    return routing.to_sales(desk.sales, routing_reach.groups(case.tx, case.now, open_now))


def _ask(case: Case, *, level: int) -> routing.Route:
    return competent(
        case.tx,
        technology=case["technology"],
        request_type=case["request_type"],
        customer=case["customer"],
        level=level,
        line=_calendar_of_line(case),
        now=case.now,
    )


def _calendar_of_line(case: Case) -> str | None:
    if not case["contract_version"] or not case["line"]:
        return None
    lines = reference.contract(case.tx, case["contract_version"]).lines
    return next((line.calendar for line in lines if line.name == case["line"]), None)


def competent(
    tx: Tx,
    *,
    technology: str | None,
    request_type: str | None,
    customer: str | None,
    level: int,
    now: datetime,
    line: str | None = None,
) -> routing.Route:
    """The group that such a request goes to now. `line`: the calendar of its contract line."""
    desk = reference.desk(tx)
    known = reference.customer(tx, customer) if customer else None
    open_now = routing_reach.open_calendars(desk, now)
    closed = line is not None and line in desk.calendars and line not in open_now
    asked = routing.Asked(
        technology=technology,
        request_type=request_type,
        customer=customer,
        level=level,
        allowed=known.groups if known else (),
        open_calendars=open_now,
        line_open=not closed,
        line_opens_at=desk.calendars[line].calendar.next_open(now) if closed and line else None,
    )
    return routing.route(asked, desk.routing, routing_reach.groups(tx, now, open_now))


def _place(case: Case, who: Principal, found: routing.Route) -> None:
    case.event(
        "ticket.routed",
        actor=who.actor,
        group=found.group,
        level=found.level,
        reachable=found.reachable,
        by=found.by,
        trace=[_told(entry) for entry in found.trace],
    )
    if case["state"] == "qualified" and not case.new:
        tasks.settle(case.tx, once="unrouted", now=case.now, ticket_id=case.id)
    if case["desk_group"] != found.group:
        case.set(assignee=None)
    case.set(desk_group=found.group, level=found.level)
    routing_again.wait(case, found.next_try_at)
    if case["state"] == "qualified":
        _move(case, who, "route")
    assigning.assign(case)


def _told(entry: routing.Considered) -> dict[str, Any]:
    return {
        "rule": entry.rule,
        "group": entry.group,
        "weight": entry.weight,
        "matched": entry.matched,
        "why": entry.code,
        "value": entry.value,
    }


def _move(case: Case, who: Principal, event: str) -> None:
    to = workflow.move(case["state"], event)
    case.event(f"ticket.{event}", actor=who.actor, **{"from": case["state"], "to": to})
    case.set(state=to, state_since=case.now, open=workflow.is_open(to))
