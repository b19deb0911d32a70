"""What a call flow may ask of the desk, by the names of `ivr.actions.ACTIONS`. Each answers a branch and new values.

An action reads and writes within the call's transaction and speaks to no network. Values are what prompts may say; ids
and what must not be read aloud are noted on the call.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, select

from core import numbers, texts
from core.desk import (
    accounts,
    call_identity,
    call_queue,
    call_tickets,
    coverage,
    outages,
    people,
    reference,
    resolution,
    restraint,
    search,
)
from core.desk.call_identity import Proof
from core.desk.errors import DeskError
from core.desk.live_calls import LiveCall
from core.desk.principal import Principal
from core.envelope import Trust
from core.rules import entitlement
from core.rules.coverage import NO_CONTRACT, Line
from core.store import tables
from core.store.tx import Prepared, Row

FLOOD = 20
"""Calls of one number in ten minutes that are answered; further ones are refused."""
MOST_READ = 9
"""Requests that are read aloud; who has more looks into the portal."""
ELSE = 9
"""The key behind "something else"."""

Branch = tuple[str, Mapping[str, Any]]

_SET_BY_FLOWS = ("impact", "urgency")
"""What a choice of the flow says of the request, by `set`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """What the actions of one step know beside the call."""

    live: LiveCall
    proof: Proof | None
    """Of the PIN that was entered, if it was one."""
    caller_id_allows: str
    """nothing, greeting or status: what a number alone lets its caller hear."""


Action = Callable[[Around, str, Mapping[str, str]], Branch]


def bind(around: Around) -> dict[str, Callable[[Any, str, Mapping[str, str]], Branch]]:
    """All of them, for one step of one call."""

    def bound(action: Action) -> Callable[[Any, str, Mapping[str, str]], Branch]:
        def asked(state: Any, value: str, given: Mapping[str, str]) -> Branch:
            for name in _SET_BY_FLOWS:
                if name in state.vars:
                    around.live.note(**{name: int(state.vars[name])})
            return action(around, value, given)

        return asked

    return {name: bound(action) for name, action in BY_NAME.items()}


# --- Who is it ----------------------------------------------------------------------------------------------


def _find_caller(around: Around, _value: str, _given: Mapping[str, str]) -> Branch:
    live = around.live
    number = live["caller"]
    if not number:
        return "withheld", {}
    if restraint.happened(live.tx, f"call:{number}", within=600, now=live.now) >= FLOOD:
        return "blocked", {}
    restraint.count(live.tx, f"call:{number}", now=live.now)
    said = {"caller": number}
    found = people.by_number(live.tx, number) if around.caller_id_allows != "nothing" else []
    customers = {one.customer for one in found}
    if not found:
        return "unknown", said
    if len(customers) > 1:
        return "several", said
    live.set(
        customer=found[0].customer, contact=found[0].id if len(found) == 1 else None, trust=str(Trust.WEAK)
    )
    language = call_tickets.language_of(live)
    return "known", said | ({"language": language} if language in live.tx.facts.languages else {})


def _note_code(around: Around, value: str, _given: Mapping[str, str]) -> Branch:
    around.live.note(code=value)
    return "ok", {}


def _check_pin(around: Around, _value: str, _given: Mapping[str, str]) -> Branch:
    live = around.live
    code = live.fact("code", "")
    whose = call_identity.whose(code, live["customer"])
    tried = live.fact("wrong_pins", 0)
    if tried >= call_identity.IN_A_CALL or call_identity.locked(live.tx, whose, live["caller"], now=live.now):
        return "locked", {}
    contact = people.contact(live.tx, around.proof.contact) if around.proof and around.proof.contact else None
    if contact is None or not contact.active:
        call_identity.failed(live.tx, whose, live["caller"], now=live.now)
        live.note(wrong_pins=tried + 1)
        return "wrong", {}
    live.set(customer=contact.customer, contact=contact.id, trust=str(Trust.VERIFIED))
    live.note(unidentified=False)
    return "ok", {"person": contact.name}


def _note_unidentified(around: Around, _value: str, _given: Mapping[str, str]) -> Branch:
    around.live.note(unidentified=True)
    return "ok", {}


def _may_hear(around: Around, _value: str, _given: Mapping[str, str]) -> Branch:
    return ("yes" if _person(around) else "no"), {}


def _person(around: Around) -> Principal | None:
    """Whose eyes the caller hears with; None: nothing of any request is for them."""
    live = around.live
    if not live["contact"]:
        return None
    if live["trust"] != Trust.VERIFIED and around.caller_id_allows != "status":
        return None
    return accounts.principal(live.tx, "contact", live["contact"])


# --- What may they ------------------------------------------------------------------------------------------


def _check_coverage(around: Around, _value: str, _given: Mapping[str, str]) -> Branch:
    live = around.live
    if not live["customer"]:
        return "unknown", {}
    lines = _lines(live)
    if not lines:
        verdict = _verdict(live, {}).verdict
        return ("blocked" if verdict == "suspended" else "not_covered"), {}
    opens = _opens(live, lines)
    if opens is None:
        return "covered", {}
    emergency = any(line.emergency for line in lines)
    return "outside_window_emergency" if emergency else "outside_window", {"next_open": opens}


def _contract_hours(around: Around, _value: str, _given: Mapping[str, str]) -> Branch:
    live = around.live
    opens = _opens(live, _lines(live)) if live["customer"] else None
    return ("open", {}) if opens is None else ("closed", {"next_open": opens})


def _calendar_hours(around: Around, _value: str, given: Mapping[str, str]) -> Branch:
    live = around.live
    desk = reference.desk(live.tx)
    name = given["calendar"] if given["calendar"] in desk.calendars else reference.ALWAYS
    is_open, opens = desk.window(name, live.now)
    return ("open", {}) if is_open or opens is None else ("closed", {"next_open": _local(live, opens)})


def _check_request(around: Around, _value: str, _given: Mapping[str, str]) -> Branch:
    live = around.live
    if not live["customer"]:
        return "unknown", {}
    found = _verdict(live, {name: live.fact(name) for name in ("request_type", "technology")})
    if found.verdict == "covered_outside_window" and found.next_open_at:
        return "outside_window", {"next_open": _local(live, found.next_open_at)}
    return ("covered" if found.verdict in coverage.COVERED else "not_covered"), {}


def _lines(live: LiveCall) -> list[Line]:
    """What the customer may call about: lines of contracts that stand, for the telephone."""
    contact = people.contact(live.tx, live["contact"]) if live["contact"] else None
    return [
        line
        for contract in reference.contracts(live.tx, live["customer"])
        if contract.status not in NO_CONTRACT
        and contract.stands(live["first_ring_at"]) in ("valid", "grace")
        and (live["contact"] is None or contract.authorises(contact.email if contact else None))
        for line in contract.lines
        if not line.channels or call_tickets.CHANNEL in line.channels
    ]


def _opens(live: LiveCall, lines: Sequence[Line]) -> str | None:
    """When the first of the lines opens; None: one is open, or none ever opens."""
    desk = reference.desk(live.tx)
    windows = [desk.window(line.calendar, live.now) for line in lines]
    later = [at for is_open, at in windows if not is_open and at is not None]
    if any(is_open for is_open, _ in windows) or not later:
        return None
    return _local(live, min(later))


def _verdict(live: LiveCall, asked: Mapping[str, Any]) -> entitlement.Verdict:
    tx = live.tx
    customer = reference.customer(tx, live["customer"])
    contact = people.contact(tx, live["contact"]) if live["contact"] else None
    return entitlement.check(
        entitlement.Asked(
            at=live["first_ring_at"],
            channel=call_tickets.CHANNEL,
            trust=Trust(live["trust"]),
            customer=live["customer"],
            contact=contact.email if contact else None,
            **asked,
        ),
        reference.contracts(tx, live["customer"]) if customer else (),
        window=reference.desk(tx).window,
        policy=customer.policy if customer else {},
    )


def _local(live: LiveCall, at: datetime) -> str:
    customer = reference.customer(live.tx, live["customer"]) if live["customer"] else None
    zone = ZoneInfo(customer.time_zone) if customer else live.tx.facts.zone
    return at.astimezone(zone).isoformat()


# --- What is there ------------------------------------------------------------------------------------------

_CLOCK = Prepared(
    select(tables.sla_clock.c.name, tables.sla_clock.c.due_at).where(
        tables.sla_clock.c.ticket_id == bindparam("ticket_id"),
        tables.sla_clock.c.state == "running",
    )
)
_NEXT = ("response", "update")
"""Clocks that say when the customer hears of us again."""
_TICKET = Prepared(select(tables.ticket).where(tables.ticket.c.id == bindparam("id")))


def _open_requests(around: Around, _value: str, _given: Mapping[str, str]) -> Branch:
    live, who = around.live, _person(around)
    found = search.tickets(live.tx, who, view="open", sort="newest", limit=MOST_READ).items if who else ()
    live.note(reading=[row.id for row in found], read=0, informed=True)
    if not found:
        return "none", {}
    return ("one" if len(found) == 1 else "several"), {"open_count": len(found)}


def _read_request(around: Around, _value: str, _given: Mapping[str, str]) -> Branch:
    live = around.live
    reading, at = live.fact("reading", []), live.fact("read", 0)
    if at >= len(reading):
        live.set(ticket_id=None)
        return "none", {}
    row = live.tx.one(_TICKET, id=reading[at])
    live.note(read=at + 1, heard=list(dict.fromkeys([*live.fact("heard", []), row.id])))
    live.set(ticket_id=row.id)
    voice = texts.voice(live.tx.facts.language(live["language"]))
    state = "workaround" if "workaround" in row.flags and row.open else row.state
    said = {**_named(live, row), "request_state": voice["state"].get(state, voice["state"]["in_progress"])}
    clocks = live.tx.all(_CLOCK, ticket_id=row.id)
    due = {clock.name: clock.due_at for clock in clocks if clock.due_at and clock.due_at > live.now}
    heard = [due[name] for name in _NEXT if name in due]
    if heard:
        return "ok_with_update", said | {"next_update": _local(live, min(heard))}
    if "resolve" in due:
        return "ok_with_solution", said | {"solution_due": _local(live, due["resolve"])}
    return "ok", said


def _named(live: LiveCall, row: Row) -> dict[str, str]:
    """What a request is called aloud: its number, its type and technology, never a word of anybody's."""
    kind = " ".join(part for part in (row.request_type, row.technology) if part)
    return {
        "ticket": row.number,
        "subject_class": kind or texts.voice(live.tx.facts.language(live["language"]))["request"],
    }


def _waiting_question(around: Around, _value: str, _given: Mapping[str, str]) -> Branch:
    live, who = around.live, _person(around)
    if who is None:
        return "no", {}
    asked = live.fact("asked", [])
    for row in search.tickets(live.tx, who, view="all", state="resolved", sort="newest", limit=5).items:
        if row.id not in asked:
            live.note(asked=[*asked, row.id])
            live.set(ticket_id=row.id)
            return "solved", _named(live, live.tx.one(_TICKET, id=row.id))
    live.set(ticket_id=None)
    return "no", {}


def _accept_closure(around: Around, _value: str, _given: Mapping[str, str]) -> Branch:
    live, who = around.live, _person(around)
    row = live.tx.one(_TICKET, id=live["ticket_id"]) if live["ticket_id"] else None
    if who is None or row is None:
        return "too_late", {}
    try:
        resolution.confirm(live.tx, who, row.number, now=live.now)
    except DeskError:  # somebody was quicker
        return "too_late", {}
    call_tickets.belongs(live, row.id, "heard")
    live.note(informed=True)
    return "ok", {}


def _refuse_closure(around: Around, _value: str, _given: Mapping[str, str]) -> Branch:
    live, who = around.live, _person(around)
    row = live.tx.one(_TICKET, id=live["ticket_id"]) if live["ticket_id"] else None
    if who is None or row is None or row.state != "resolved":
        return "too_late", {}
    call_tickets.add(live, row.id, "refused", at=live.now)
    live.note(recorded=True)
    return "ok", {}


# --- What do they want --------------------------------------------------------------------------------------


def _offer(around: Around, name: str, field: str, said: str) -> Branch:
    live = around.live
    who = Principal(kind="contact", id=live["contact"] or "", customer=live["customer"])
    found = list(coverage.choices(live.tx, who, now=live.now)[name]) if live["customer"] else []
    live.note(**{name: found, field: found[0] if len(found) == 1 else None})
    if not found:
        return "none", {}
    return ("one", {}) if len(found) == 1 else ("several", {said: found})


def _offer_types(around: Around, _value: str, _given: Mapping[str, str]) -> Branch:
    return _offer(around, "request_types", "request_type", "types")


def _offer_technologies(around: Around, _value: str, _given: Mapping[str, str]) -> Branch:
    return _offer(around, "technologies", "technology", "technologies")


def _choose(around: Around, value: str, name: str, field: str) -> Branch:
    found = around.live.fact(name, [])
    number = int(value)
    if number == ELSE and len(found) >= ELSE:
        around.live.note(**{field: None})
        return "ok", {}
    if not 1 <= number <= min(len(found), ELSE - 1):
        return "wrong", {}
    around.live.note(**{field: found[number - 1]})
    return "ok", {}


def _choose_type(around: Around, value: str, _given: Mapping[str, str]) -> Branch:
    return _choose(around, value, "request_types", "request_type")


def _choose_technology(around: Around, value: str, _given: Mapping[str, str]) -> Branch:
    return _choose(around, value, "technologies", "technology")


def _put_down(around: Around, _value: str, _given: Mapping[str, str]) -> Branch:
    around.live.set(ticket_id=None)
    return "ok", {}


def _open_ticket(around: Around, value: str, given: Mapping[str, str]) -> Branch:
    live = around.live
    voicemail = bool(live.fact("in_voicemail"))
    if voicemail and live["ticket_id"]:
        branch, said = _add_to_ticket(around, value, given)
        if branch == "attached":
            return branch, said
    live.note(**{"voicemail" if voicemail else "recorded": True})
    done = call_tickets.open_request(
        live, "voicemail" if voicemail else "request", hints=hints_of(live), at=live["first_ring_at"]
    )
    if done.ticket_id is None:
        return "held", {}
    if voicemail:
        call_queue.owe_call(live, done.ticket_id, reason="voicemail")
    return "ok", {"ticket": done.number}


def _add_to_ticket(around: Around, _value: str, _given: Mapping[str, str]) -> Branch:
    live = around.live
    row = live.tx.one(_TICKET, id=live["ticket_id"]) if live["ticket_id"] else None
    if row is None or not (row.open or row.state == "resolved"):
        return "nothing", {}
    voicemail = bool(live.fact("in_voicemail"))
    live.note(**{"voicemail" if voicemail else "recorded": True})
    call_tickets.add(live, row.id, "voicemail" if voicemail else "addition", at=live["first_ring_at"])
    return "attached", {"ticket": row.number}


def hints_of(live: LiveCall) -> dict[str, Any]:
    """What the caller said of the request, as far as the keys went."""
    given = {name: live.fact(name) for name in ("request_type", "technology", "impact", "urgency")}
    if live.fact("emergency"):
        given |= {"impact": 1, "urgency": 1}
    return {name: value for name, value in given.items() if value}


def _send_number(around: Around, _value: str, _given: Mapping[str, str]) -> Branch:
    live = around.live
    if not (live["ticket_id"] and numbers.takes_texts(live["caller"])):
        return "cannot", {}
    return ("ok", {}) if call_queue.send_number(live) else ("cannot", {})


# --- A person -----------------------------------------------------------------------------------------------


def _who_answers(around: Around, _value: str, given: Mapping[str, str]) -> Branch:
    live = around.live
    emergency = given.get("emergency") == "yes"
    live.note(asked_for_person=True, **({"emergency": True} if emergency else {}))
    found = call_queue.group_for(live, emergency=emergency)
    live.set(desk_group=found.group)
    somebody = found.open and bool(call_queue.operators(live))
    return ("somebody" if somebody else "nobody"), {}


def _offer_callback(around: Around, _value: str, _given: Mapping[str, str]) -> Branch:
    number = around.live["caller"]
    if not number:
        return "no_number", {}
    around.live.note(callback_number=number)
    return "ok", {"callback_number": number}


def _note_number(around: Around, value: str, _given: Mapping[str, str]) -> Branch:
    number = numbers.normal(value, around.live.tx.facts.country)
    if not number:
        return "wrong", {}
    around.live.note(callback_number=number)
    return "ok", {"callback_number": number}


def _book_callback(around: Around, _value: str, _given: Mapping[str, str]) -> Branch:
    live = around.live
    if live["ticket_id"] is None:
        done = call_tickets.open_request(live, "callback", hints=hints_of(live), at=live["first_ring_at"])
        if done.ticket_id is None:
            return "refused", {}
    if live["desk_group"] is None:
        live.set(desk_group=call_queue.group_for(live, emergency=False).group)
    live.note(callback=True)
    call_queue.owe_call(live, live["ticket_id"], reason="asked")
    row = live.tx.one(_TICKET, id=live["ticket_id"])
    return "ok", {"ticket": row.number, "eta": call_queue.until_called_back(live).total_seconds()}


def _known_outage(around: Around, _value: str, _given: Mapping[str, str]) -> Branch:
    """The next one that concerns this customer, as far as the number or the PIN says who that is."""
    live = around.live
    if not live["customer"]:
        return "no", {}
    told = live.fact("outages", [])
    channel, address = _reach(live)
    known = outages.concerning(
        live.tx,
        customer=live["customer"],
        language=live["language"],
        contact=live["contact"],
        channel=channel,
        address=address,
        now=live.now,
    )
    one = next((one for one in known if one.id not in told), None)
    if one is None:
        return "no", {}
    live.note(outages=[*told, one.id], informed=True)
    said = {
        "outage": ". ".join(part.rstrip(".") for part in (one.title, one.news or one.text) if part) + ".",
        "outage_since": _local(live, one.since),
    }
    if one.next_update is not None and one.next_update > live.now:
        return "yes_with_update", said | {"outage_update": _local(live, one.next_update)}
    return "yes", said


def _tell_me(around: Around, _value: str, _given: Mapping[str, str]) -> Branch:
    live = around.live
    contact = people.contact(live.tx, live["contact"]) if live["contact"] else None
    channel, address = _reach(live)
    told = live.fact("outages", [])
    if told and address:
        outages.tell_me(
            live.tx,
            told[-1],
            customer=live["customer"],
            contact=live["contact"],
            channel=channel,
            address=address,
            name=contact.name if contact else "",
            language=live["language"],
            now=live.now,
        )
    return "ok", {}


def _reach(live: LiveCall) -> tuple[str, str]:
    """On which channel the caller is told of something later: where they call from, else where they are written to."""
    if live["caller"]:
        return call_tickets.CHANNEL, live["caller"]
    contact = people.contact(live.tx, live["contact"]) if live["contact"] else None
    if contact and contact.number:
        return call_tickets.CHANNEL, contact.number
    return "email", contact.email if contact else ""


BY_NAME: Mapping[str, Action] = {
    "find_caller": _find_caller,
    "note_code": _note_code,
    "check_pin": _check_pin,
    "note_unidentified": _note_unidentified,
    "check_coverage": _check_coverage,
    "known_outage": _known_outage,
    "tell_me": _tell_me,
    "may_hear": _may_hear,
    "waiting_question": _waiting_question,
    "accept_closure": _accept_closure,
    "refuse_closure": _refuse_closure,
    "open_requests": _open_requests,
    "read_request": _read_request,
    "offer_types": _offer_types,
    "choose_type": _choose_type,
    "offer_technologies": _offer_technologies,
    "choose_technology": _choose_technology,
    "check_request": _check_request,
    "put_down": _put_down,
    "open_ticket": _open_ticket,
    "add_to_ticket": _add_to_ticket,
    "send_number": _send_number,
    "who_answers": _who_answers,
    "offer_callback": _offer_callback,
    "note_number": _note_number,
    "book_callback": _book_callback,
    "contract_hours": _contract_hours,
    "calendar_hours": _calendar_hours,
}
