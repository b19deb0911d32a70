"""Acts of a call flow: what is there to hear, and what is asked of the caller? Outages, requests, solutions.

What each does is said in `ivr.actions`, whose table compares names and answers.
"""

from __future__ import annotations

from sqlalchemy import bindparam, select

from core import texts
from core.desk import call_tickets, outages, people, resolution, search
from core.desk.call_around import TICKET, Around, Branch, Given, local, person
from core.desk.errors import DeskError
from core.desk.live_calls import LiveCall
from core.store import tables
from core.store.tx import Prepared, Row

MOST_READ = 9
"""Requests that are read aloud; who has more looks into the portal."""

_CLOCK = Prepared(
    select(tables.sla_clock.c.name, tables.sla_clock.c.due_at).where(
        tables.sla_clock.c.ticket_id == bindparam("ticket_id"),
        tables.sla_clock.c.state == "running",
    )
)
_NEXT = ("response", "update")
"""Clocks that say when the customer hears of us again."""


def open_requests(around: Around, _value: str, _given: Given) -> Branch:
    live, who = around.live, person(around)
    found = search.tickets(live.tx, who, view="open", sort="newest", limit=MOST_READ).items if who else ()
    live.note(reading=[row.id for row in found], read=0, informed=True)
    if not found:
        return "none", {}
    return ("one" if len(found) == 1 else "several"), {"open_count": len(found)}


def read_request(around: Around, _value: str, _given: Given) -> Branch:
    live = around.live
    reading, at = live.fact("reading", []), live.fact("read", 0)
    if at >= len(reading):
        live.set(ticket_id=None)
        return "none", {}
    row = live.tx.one(TICKET, id=reading[at])
    live.note(read=at + 1, heard=list(dict.fromkeys([*live.fact("heard", []), row.id])))
    live.set(ticket_id=row.id)
    voice = texts.voice(live.tx.facts.language(live["language"]))
    state = "workaround" if "workaround" in row.flags and row.open else row.state
    said = {**named(live, row), "request_state": voice["state"].get(state, voice["state"]["in_progress"])}
    clocks = live.tx.all(_CLOCK, ticket_id=row.id)
    due = {clock.name: clock.due_at for clock in clocks if clock.due_at and clock.due_at > live.now}
    heard = [due[name] for name in _NEXT if name in due]
    if heard:
        return "ok_with_update", said | {"next_update": local(live, min(heard))}
    if "resolve" in due:
        return "ok_with_solution", said | {"solution_due": local(live, due["resolve"])}
    return "ok", said


def named(live: LiveCall, row: Row) -> dict[str, str]:
    """What a request is called aloud: its number, its type and technology, never a word of anybody's."""
    kind = " ".join(part for part in (row.request_type, row.technology) if part)
    return {
        "ticket": row.number,
        "subject_class": kind or texts.voice(live.tx.facts.language(live["language"]))["request"],
    }


def waiting_question(around: Around, _value: str, _given: Given) -> Branch:
    live, who = around.live, person(around)
    if who is None:
        return "no", {}
    asked = live.fact("asked", [])
    for row in search.tickets(live.tx, who, view="all", state="resolved", sort="newest", limit=5).items:
        if row.id not in asked:
            live.note(asked=[*asked, row.id])
            live.set(ticket_id=row.id)
            return "solved", named(live, live.tx.one(TICKET, id=row.id))
    live.set(ticket_id=None)
    return "no", {}


def accept_closure(around: Around, _value: str, _given: Given) -> Branch:
    live, who = around.live, person(around)
    row = live.tx.one(TICKET, id=live["ticket_id"]) if live["ticket_id"] else None
    if who is None or row is None:
        return "too_late", {}
    try:
        resolution.confirm(live.tx, who, row.number, now=live.now)
    except DeskError:  # somebody was quicker
        return "too_late", {}
    call_tickets.belongs(live, row.id, "heard")
    live.note(informed=True)
    return "ok", {}


def refuse_closure(around: Around, _value: str, _given: Given) -> Branch:
    live, who = around.live, person(around)
    row = live.tx.one(TICKET, id=live["ticket_id"]) if live["ticket_id"] else None
    if who is None or row is None or row.state != "resolved":
        return "too_late", {}
    call_tickets.add(live, row.id, "refused", at=live.now)
    live.note(recorded=True)
    return "ok", {}


def known_outage(around: Around, _value: str, _given: Given) -> Branch:
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
        "outage_since": local(live, one.since),
    }
    if one.next_update is not None and one.next_update > live.now:
        return "yes_with_update", said | {"outage_update": local(live, one.next_update)}
    return "yes", said


def tell_me(around: Around, _value: str, _given: Given) -> Branch:
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
