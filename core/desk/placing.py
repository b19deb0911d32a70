"""What is it, how urgent, who should have it, and may they? Qualification, the check, priority and routing of a ticket."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select

from core import addresses, texts
from core.desk import authors, entitle, notices, outbox, participants, people, reference, timing
from core.desk.case import Case
from core.desk.errors import Fault, Invalid, Refused, contradiction, invalid
from core.desk.principal import HUB, Principal
from core.envelope import Address, Inbound, Trust
from core.ids import new_id
from core.rules import priority, routing, workflow
from core.rules.participation import Role, State
from core.store import tables
from core.store.tx import Prepared

REQUIRED = ("customer", "contact", "request_type", "technology", "impact", "urgency")
"""What a ticket needs to leave triage (desk.md 3)."""
FIELDS = (*REQUIRED, "asset", "site")


def first(case: Case, said: Inbound, author: authors.Author, *, trust: Trust) -> None:
    """What intake can tell of a new ticket: hints, the check, and, when all is there, the whole way to a group."""
    hints = {
        name: getattr(said.hints, name) for name in FIELDS if getattr(said.hints, name, None) is not None
    }
    if case["customer"]:
        hints.pop("customer", None)
    hints = _known(case, hints)
    case.set(provenance=dict.fromkeys(hints, said.hints.provenance), **hints)
    _only_choice(case)
    failed = said.authentication.verdict == "fail" and said.authentication.policy in ("quarantine", "reject")
    entitle.check(case, trust=trust, failed=failed, by_domain=author.by_domain, candidates=author.candidates)
    if case["decision"] == "hold_for_approval":
        _move(case, HUB, "hold")
        timing.apply(case, "triage")
    elif case["decision"] == "accept" and not missing(case):
        _qualified(case, HUB, tell=False)
    else:
        _move(case, HUB, "triage")
        timing.apply(case, "triage")
        if case["decision"] == "route_sales":
            _route(case, HUB)


def missing(case: Case) -> tuple[str, ...]:
    """Which of the required fields the ticket lacks."""
    return tuple(name for name in REQUIRED if case[name] is None)


def describe(case: Case, who: Principal, given: Mapping[str, Any]) -> bool:
    """Set fields of the request; say whether it is somebody else's now. Raises Invalid listing every value the desk does not know."""
    faults: list[Fault] = []
    values: dict[str, Any] = {}
    code = given.get("customer", case["customer"])
    if "customer" in given and reference.customer(case.tx, code) is None:
        faults.append(Fault("/customer", f"there is no customer {code}"))
        code = None
    values |= {"customer": code} if "customer" in given and code else {}
    desk = reference.desk(case.tx)
    for name, known in (("request_type", desk.request_types), ("technology", desk.technologies)):
        if name in given and given[name] not in known:
            faults.append(Fault(f"/{name}", f"{given[name]!r} is not one of {', '.join(known)}"))
        elif name in given:
            values[name] = given[name]
    for name, allowed in (("impact", (1, 2, 3)), ("urgency", (1, 2, 3, 4))):
        if name in given and given[name] not in allowed:
            faults.append(Fault(f"/{name}", f"must be one of {', '.join(map(str, allowed))}"))
        elif name in given:
            values[name] = given[name]
    for name, found in (("asset", people.asset), ("site", _site)):
        if name in given and (not code or not found(case.tx, code, given[name])):
            faults.append(Fault(f"/{name}", f"customer {code or '?'} has no {name} {given[name]!r}"))
        elif name in given:
            values[name] = given[name]
    if code and code != case["customer"] and case["contact"] and "contact" not in given:
        values |= {"contact": None, "language": _language(case, code, None)}
    contact = None
    if "contact" in given:
        contact = _contact(case, code, given["contact"])
        if contact is None:
            faults += _no_contact(case, code, given)
        else:
            values |= {
                "contact": contact.id,
                "requester_name": contact.name,
                "requester_address": contact.email,
                "language": _language(case, contact.customer, contact.language),
            }
    if faults:
        raise Invalid(faults)
    another = contact is not None and contact.id != case["contact"]
    if code and case["customer"] not in (None, code):
        # What was said and done stays the earlier customer's, who alone was told of it.
        values |= {"customer_since": case.now, "requester_since": case.now, "resolution": {}}
    elif another and contact is not None and case["contact"] is not None:
        if not participants.takes_part(case, contact.email):
            values |= {"requester_since": case.now}
    changed = [name for name in values if name in FIELDS and case[name] != values[name]]
    case.set(provenance=case["provenance"] | dict.fromkeys(changed, "agent"), **values)
    if another and contact is not None:
        _hand_over(case, who, Address(contact.email, contact.name), contact.id)
    if changed:
        case.event(
            "ticket.described",
            actor=who.actor,
            fields={n: values[n] for n in changed if n not in ("site", "asset")},
        )
    return another


def qualify(case: Case, who: Principal, *, handed_over: bool = False) -> None:
    """Leave triage if all is known; on a ticket that has left it, follow what changed. Raises Refused naming the rest.

    `handed_over`: to a requester who has not heard of it yet.
    """
    _requester(case, who)
    lacking = missing(case)
    if lacking:
        raise Refused(f"not all is known yet: {', '.join(lacking)}", missing=lacking, allowed=("qualify",))
    if not case["open"]:
        raise Refused(f"{case['number']} is {case['state']}", allowed=workflow.allowed(case["state"]))
    if case["state"] in ("received", "triage"):
        entitle.check(case, trust=Trust(case["trust"]))
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
        notices.progress(case, "changed", **_words(case))


def override(case: Case, who: Principal, reason: str) -> None:
    """Approve what the contract does not cover."""
    entitle.override(case, by=who.actor, reason=reason)


def after_approval(case: Case, who: Principal) -> None:
    """An approved ticket goes on: to its group if all is known, else to the people who qualify."""
    if not missing(case):
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
    case.event("ticket.routed", actor=who.actor, group=group, trace=[{"rule": "by hand", "matched": True}])
    case.set(desk_group=group, level=groups[group].level, assignee=None)
    if case["state"] == "qualified":
        _move(case, who, "route")


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
    timing.apply(case, "qualified")
    answered = case.tx.one(_FIRST_ANSWER, ticket_id=case.id)
    if answered is not None:  # somebody wrote to the customer before it was known what was promised
        timing.apply(case, "public_answer", at=answered.at)
    _route(case, who)
    if tell:
        timing.settle(case)
        notices.progress(case, "qualified", **_words(case))


_FIRST_ANSWER = Prepared(
    select(tables.message.c.at)
    .where(
        tables.message.c.ticket_id == bindparam("ticket_id"),
        tables.message.c.direction == "out",
        tables.message.c.automatic.is_(False),
    )
    .order_by(tables.message.c.at)
    .limit(1)
)


def _held(case: Case, who: Principal) -> None:
    """The contract does not say so: a leader decides before anybody works on it."""
    _move(case, who, "hold")
    notices.progress(case, "approval")


def _prioritise(case: Case) -> None:
    asset = people.asset(case.tx, case["customer"], case["asset"]) if case["asset"] else None
    decided = priority.priority(
        case["impact"], case["urgency"], asset_criticality=asset.criticality if asset else None
    )
    if decided.priority != case["priority"]:
        case.event(
            "ticket.prioritised", actor="system", priority=str(decided.priority), reason=str(decided.reason)
        )
        case.set(priority=str(decided.priority))


def _words(case: Case) -> dict[str, Any]:
    """What a notice says of the request and of the times that were promised."""
    zone, language = notices.zone_of(case), case["language"]
    due = timing.due(case)
    return {
        "request_type": case["request_type"],
        "technology": case["technology"],
        "priority": case["priority"],
        "response_due": texts.instant(due["response"], zone, language) if due.get("response") else "",
        "resolve_due": texts.instant(due["resolve"], zone, language) if due.get("resolve") else "",
    }


def _route(case: Case, who: Principal) -> None:
    found = _ask(case, level=1)
    if found.group is not None:
        _place(case, who, found)
    else:
        case.event("ticket.unrouted", actor=who.actor, trace=[_told(entry) for entry in found.trace])


def _ask(case: Case, *, level: int) -> routing.Route:
    desk = reference.desk(case.tx)
    customer = reference.customer(case.tx, case["customer"]) if case["customer"] else None
    open_now = {name for name, hours in desk.calendars.items() if hours.calendar.is_open(case.now)}
    groups = {
        group.name: routing.Group(
            name=group.name,
            level=group.level,
            technologies=group.technologies,
            request_types=group.request_types,
            fallback=group.fallback,
            reachable=group.calendar in open_now,
            next_open_at=None
            if group.calendar in open_now
            else desk.calendars[group.calendar].calendar.next_open(case.now),
        )
        for group in desk.groups.values()
    }
    asked = routing.Asked(
        technology=case["technology"],
        request_type=case["request_type"],
        customer=case["customer"],
        level=level,
        allowed=customer.groups if customer else (),
        open_calendars=frozenset(open_now),
    )
    return routing.route(asked, desk.routing, groups)


def _place(case: Case, who: Principal, found: routing.Route) -> None:
    case.event(
        "ticket.routed",
        actor=who.actor,
        group=found.group,
        level=found.level,
        reachable=found.reachable,
        trace=[_told(entry) for entry in found.trace],
    )
    if case["desk_group"] != found.group:
        case.set(assignee=None)
    case.set(desk_group=found.group, level=found.level)
    if case["state"] == "qualified":
        _move(case, who, "route")


def _told(entry: routing.Considered) -> dict[str, Any]:
    return {
        "rule": entry.rule,
        "group": entry.group,
        "weight": entry.weight,
        "matched": entry.matched,
        "why": entry.why,
    }


def _move(case: Case, who: Principal, event: str) -> None:
    to = workflow.move(case["state"], event)
    case.event(f"ticket.{event}", actor=who.actor, **{"from": case["state"], "to": to})
    case.set(state=to, state_since=case.now, open=workflow.is_open(to))


def _known(case: Case, hints: Mapping[str, Any]) -> dict[str, Any]:
    """Hints are a stranger's or a channel's words: what the desk does not know is left out, staff fill it in."""
    desk = reference.desk(case.tx)
    customer = case["customer"] or hints.get("customer")
    right = {
        "request_type": lambda value: value in desk.request_types,
        "technology": lambda value: value in desk.technologies,
        "impact": lambda value: value in (1, 2, 3),
        "urgency": lambda value: value in (1, 2, 3, 4),
        "asset": lambda value: bool(customer and people.asset(case.tx, customer, value)),
        "site": lambda value: bool(customer and _site(case.tx, customer, value)),
        "customer": lambda value: reference.customer(case.tx, value) is not None,
    }
    return {name: value for name, value in hints.items() if name in right and right[name](value)}


def _only_choice(case: Case) -> None:
    """A named asset says which technology."""
    if case["technology"] is None and case["asset"] and case["customer"]:
        asset = people.asset(case.tx, case["customer"], case["asset"])
        if asset and asset.technology:
            case.set(technology=asset.technology, provenance=case["provenance"] | {"technology": "rule"})


def _requester(case: Case, who: Principal) -> None:
    """Staff who say whose request it is make an unknown writer a contact there, without any log-in."""
    if case["customer"] is None or case["contact"] is not None or not case["requester_address"]:
        return
    address = addresses.key(case["requester_address"])
    if people.agent_by_email(case.tx, address) is not None:
        return  # whose request a colleague passed on is for staff to say: they are nobody's contact
    known = case.tx.one(_BY_EMAIL, customer=case["customer"], email=address)
    if known is None and (answered := _answered(case)) is not None:
        case.set(requester_name=answered.name, requester_address=answered.email)
        address, known = answered.email, answered
    if (known is None or not known.active) and people.by_address(case.tx, address):
        return  # somebody else's contact is not made this customer's without a word: staff name the contact
    if known is None:
        contact_id = new_id()
        case.tx.insert(
            tables.contact,
            id=contact_id,
            customer=case["customer"],
            name=case["requester_name"],
            email=address,
            role="user",
        )
        case.event("contact.added", actor=who.actor, contact=contact_id)
    else:  # also one who left: the request is theirs, a log-in it does not give
        contact_id = known.id
    case.set(
        contact=contact_id, language=_language(case, case["customer"], known.language if known else None)
    )
    _hand_over(case, who, Address(address, case["requester_name"]), contact_id)


def _hand_over(case: Case, who: Principal, to: Address, contact_id: str) -> None:
    found = people.contact(case.tx, contact_id)
    known = found is not None and found.active
    retired = participants.hand_over(case, who, to, contact_id, known=known)
    outbox.withdraw(case, None if participants.moved(case) else retired)


def _answered(case: Case) -> people.Contact | None:
    """Where the requester's mail asked to be answered: who wrote through a group or a form."""
    requester = case["requester_address"]
    there = participants.of_ticket(case.tx, case.id, customer=case["customer"], requester=requester)
    if not any(one.role == Role.SENDER and one.person.requester for one in there):
        return None
    joined = [one for one in there if one.role == Role.PARTICIPANT and one.state == State.JOINED]
    found = next((one for one in joined if case["customer"] in one.person.customers), None)
    return people.contact(case.tx, found.contact) if found and found.contact else None


_BY_EMAIL = Prepared(
    select(tables.contact.c.id, tables.contact.c.language, tables.contact.c.active).where(
        tables.contact.c.customer == bindparam("customer"), tables.contact.c.email == bindparam("email")
    )
)


def _language(case: Case, code: str | None, own: str | None) -> str:
    """What a person of this customer is written to in."""
    customer = reference.customer(case.tx, code) if code else None
    return case.tx.facts.language(own or (customer.language if customer else None))


def _contact(case: Case, customer: str | None, wanted: str) -> people.Contact | None:
    if customer is None:
        return None
    for contact in people.contacts(case.tx, customer):
        if wanted == contact.id or addresses.key(wanted) == contact.email:
            return contact
    return None


def _no_contact(case: Case, code: str | None, given: Mapping[str, Any]) -> list[Fault]:
    """Why there is no such contact: nobody has them, or another customer does."""
    wanted = str(given["contact"])
    by_id = people.contact(case.tx, wanted)
    owners = {by_id.customer} if by_id else {one.customer for one in people.by_address(case.tx, wanted)}
    if "customer" in given and code and owners:
        return contradiction(code, wanted, owners)
    of = f", but {', '.join(sorted(owners))} has: say so in customer" if owners else ""
    return [Fault("/contact", f"customer {code or '?'} has no contact {wanted!r}{of}")]


def _site(tx: Any, customer: str, name: str) -> bool:
    return name in people.sites(tx, customer)
