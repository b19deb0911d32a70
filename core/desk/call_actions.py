"""What a call flow may ask of the desk, by the names of `ivr.actions.ACTIONS`. Each answers a branch and new values.

An action reads and writes within the call's transaction and speaks to no network. Values are what prompts may say; ids
and what must not be read aloud are noted on the call.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from core.desk import call_contracts, call_persons, call_reading, call_visits, call_wishes
from core.desk.call_around import Around, Branch, Given

__all__ = ["BY_NAME", "Around", "bind"]

Action = Callable[[Around, str, Given], Branch]

_SET_BY_FLOWS = ("impact", "urgency")
"""What a choice of the flow says of the request, by `set`."""


def bind(around: Around) -> dict[str, Callable[[Any, str, Given], Branch]]:
    """All of them, for one step of one call."""

    def bound(action: Action) -> Callable[[Any, str, Given], Branch]:
        def asked(state: Any, value: str, given: Given) -> Branch:
            for name in _SET_BY_FLOWS:
                if name in state.vars:
                    around.live.note(**{name: int(state.vars[name])})
            return action(around, value, given)

        return asked

    return {name: bound(action) for name, action in BY_NAME.items()}


BY_NAME: Mapping[str, Action] = {
    "find_caller": call_persons.find_caller,
    "note_code": call_persons.note_code,
    "check_pin": call_persons.check_pin,
    "note_unidentified": call_persons.note_unidentified,
    "check_coverage": call_contracts.check_coverage,
    "known_outage": call_reading.known_outage,
    "tell_me": call_reading.tell_me,
    "may_hear": call_persons.may_hear,
    "waiting_question": call_reading.waiting_question,
    "accept_closure": call_reading.accept_closure,
    "refuse_closure": call_reading.refuse_closure,
    "offered_times": call_visits.offered_times,
    "choose_time": call_visits.choose_time,
    "open_requests": call_reading.open_requests,
    "read_request": call_reading.read_request,
    "offer_types": call_wishes.offer_types,
    "choose_type": call_wishes.choose_type,
    "offer_technologies": call_wishes.offer_technologies,
    "choose_technology": call_wishes.choose_technology,
    "check_request": call_contracts.check_request,
    "put_down": call_wishes.put_down,
    "open_ticket": call_wishes.open_ticket,
    "add_to_ticket": call_wishes.add_to_ticket,
    "send_number": call_wishes.send_number,
    "who_answers": call_wishes.who_answers,
    "offer_callback": call_wishes.offer_callback,
    "note_number": call_wishes.note_number,
    "book_callback": call_wishes.book_callback,
    "contract_hours": call_contracts.contract_hours,
    "calendar_hours": call_contracts.calendar_hours,
}
