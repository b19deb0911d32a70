"""Acts of a call flow: what does the caller want? A new request, an addition, a person, a call back.

What each does is said in `ivr.actions`, whose table compares names and answers.
"""

from __future__ import annotations

from core import numbers
from core.desk import call_queue, call_tickets, coverage
from core.desk.call_around import TICKET, Around, Branch, Given, hints_of
from core.desk.principal import Principal

ELSE = 9
"""The key behind "something else"."""


def _offer(around: Around, name: str, field: str, said: str) -> Branch:
    live = around.live
    who = Principal(kind="contact", id=live["contact"] or "", customer=live["customer"])
    found = list(coverage.choices(live.tx, who, now=live.now)[name]) if live["customer"] else []
    live.note(**{name: found, field: found[0] if len(found) == 1 else None})
    if not found:
        return "none", {}
    return ("one", {}) if len(found) == 1 else ("several", {said: found})


def offer_types(around: Around, _value: str, _given: Given) -> Branch:
    return _offer(around, "request_types", "request_type", "types")


def offer_technologies(around: Around, _value: str, _given: Given) -> Branch:
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


def choose_type(around: Around, value: str, _given: Given) -> Branch:
    return _choose(around, value, "request_types", "request_type")


def choose_technology(around: Around, value: str, _given: Given) -> Branch:
    return _choose(around, value, "technologies", "technology")


def put_down(around: Around, _value: str, _given: Given) -> Branch:
    around.live.set(ticket_id=None)
    return "ok", {}


def open_ticket(around: Around, value: str, given: Given) -> Branch:
    live = around.live
    voicemail = bool(live.fact("in_voicemail"))
    if voicemail and live["ticket_id"]:
        branch, said = add_to_ticket(around, value, given)
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


def add_to_ticket(around: Around, _value: str, _given: Given) -> Branch:
    live = around.live
    row = live.tx.one(TICKET, id=live["ticket_id"]) if live["ticket_id"] else None
    if row is None or not (row.open or row.state == "resolved"):
        return "nothing", {}
    voicemail = bool(live.fact("in_voicemail"))
    live.note(**{"voicemail" if voicemail else "recorded": True})
    call_tickets.add(live, row.id, "voicemail" if voicemail else "addition", at=live["first_ring_at"])
    return "attached", {"ticket": row.number}


def send_number(around: Around, _value: str, _given: Given) -> Branch:
    live = around.live
    if not (live["ticket_id"] and numbers.takes_texts(live["caller"])):
        return "cannot", {}
    return ("ok", {}) if call_queue.send_number(live) else ("cannot", {})


def who_answers(around: Around, _value: str, given: Given) -> Branch:
    live = around.live
    emergency = given.get("emergency") == "yes"
    live.note(asked_for_person=True, **({"emergency": True} if emergency else {}))
    found = call_queue.group_for(live, emergency=emergency)
    live.set(desk_group=found.group)
    somebody = found.open and bool(call_queue.operators(live))
    return ("somebody" if somebody else "nobody"), {}


def offer_callback(around: Around, _value: str, _given: Given) -> Branch:
    number = around.live["caller"]
    if not number:
        return "no_number", {}
    around.live.note(callback_number=number)
    return "ok", {"callback_number": number}


def note_number(around: Around, value: str, _given: Given) -> Branch:
    number = numbers.normal(value, around.live.tx.facts.country)
    if not number:
        return "wrong", {}
    around.live.note(callback_number=number)
    return "ok", {"callback_number": number}


def book_callback(around: Around, _value: str, _given: Given) -> Branch:
    live = around.live
    if live["ticket_id"] is None:
        done = call_tickets.open_request(live, "callback", hints=hints_of(live), at=live["first_ring_at"])
        if done.ticket_id is None:
            return "refused", {}
    if live["desk_group"] is None:
        live.set(desk_group=call_queue.group_for(live, emergency=False).group)
    live.note(callback=True)
    call_queue.owe_call(live, live["ticket_id"], reason="asked")
    row = live.tx.one(TICKET, id=live["ticket_id"])
    return "ok", {"ticket": row.number, "eta": call_queue.until_called_back(live).total_seconds()}
