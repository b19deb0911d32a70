"""Acts of a call flow: who calls, and how far that is believed.

What each does is said in `ivr.actions`, whose table compares names and answers.
"""

from __future__ import annotations

from core.desk import call_identity, call_tickets, people, restraint
from core.desk.call_around import Around, Branch, Given, person
from core.envelope import Trust

FLOOD = 20
"""Calls of one number in ten minutes that are answered; further ones are refused."""


def find_caller(around: Around, _value: str, _given: Given) -> Branch:
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


def note_code(around: Around, value: str, _given: Given) -> Branch:
    around.live.note(code=value)
    return "ok", {}


def check_pin(around: Around, _value: str, _given: Given) -> Branch:
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


def note_unidentified(around: Around, _value: str, _given: Given) -> Branch:
    around.live.note(unidentified=True)
    return "ok", {}


def may_hear(around: Around, _value: str, _given: Given) -> Branch:
    return ("yes" if person(around) else "no"), {}
