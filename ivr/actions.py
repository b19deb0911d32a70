"""Which calls of the desk may a flow make, how may they answer, and what is known then?

A closed list: what a later act of the desk adds is a line here and a function in `core.desk.call_actions`. The step
function knows none of them by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

ALWAYS = frozenset({"hub"})
"""What every prompt may name: the name of the desk."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One of them."""

    does: str
    """In a sentence."""
    branches: Mapping[str, frozenset[str]]
    """Each answer with the names that are known once it was given."""
    takes: bool = False
    """It looks at what the caller entered: only a `collect` may make it."""
    given: frozenset[str] = field(default_factory=frozenset)
    """Constants it needs from the node."""


def _call(does: str, *, takes: bool = False, given: str = "", **branches: str) -> Call:
    return Call(
        does=does,
        branches={name: frozenset(known.split()) for name, known in branches.items()},
        takes=takes,
        given=frozenset(given.split()),
    )


ACTIONS: Mapping[str, Call] = {
    "find_caller": _call(
        "Looks the caller's number up among the contacts: a hint, never a proof.",
        known="caller",
        several="caller",
        unknown="caller",
        withheld="",
        blocked="",
    ),
    "note_code": _call(
        "Notes the customer code; the answer tells nobody whether it exists.", takes=True, ok=""
    ),
    "check_pin": _call(
        "Compares the PIN with those of the customer's contacts.", takes=True, ok="person", locked=""
    ),
    "note_unidentified": _call("Notes for staff that the caller could not be identified.", ok=""),
    "check_coverage": _call(
        "Judges the contract as it stands now.",
        covered="",
        outside_window="next_open",
        outside_window_emergency="next_open",
        not_covered="",
        blocked="",
        unknown="",
    ),
    "known_outage": _call(
        "Is there an outage that concerns this customer, of which they were not told in this call?",
        yes="outage outage_since",
        yes_with_update="outage outage_since outage_update",
        no="",
    ),
    "tell_me": _call("Tells the caller when the outage that was just read is over.", ok=""),
    "may_hear": _call("May the state of requests be read to this caller?", yes="", no=""),
    "waiting_question": _call(
        "Is there a request that waits for the customer's word?", solved="ticket subject_class", no=""
    ),
    "accept_closure": _call("The customer says that it is solved.", ok="", too_late=""),
    "refuse_closure": _call("The customer says that it is not solved.", ok="", too_late=""),
    "offered_times": _call(
        "Is there a visit with times to choose from, which were not read yet in this call?",
        yes="ticket subject_class times",
        no="",
    ),
    "choose_time": _call(
        "Takes one of them by its number: then somebody comes.",
        takes=True,
        ok="visit_at",
        gone="",
        too_late="",
    ),
    "open_requests": _call("Counts the open requests.", none="", one="open_count", several="open_count"),
    "read_request": _call(
        "Takes the next open request.",
        ok="ticket subject_class request_state",
        ok_with_update="ticket subject_class request_state next_update",
        ok_with_solution="ticket subject_class request_state solution_due",
        none="",
    ),
    "offer_types": _call("Lists the types of request the contract covers.", several="types", one="", none=""),
    "choose_type": _call("Takes one of them by its number.", takes=True, ok=""),
    "offer_technologies": _call(
        "Lists the technologies the contract covers.", several="technologies", one="", none=""
    ),
    "choose_technology": _call("Takes one of them by its number.", takes=True, ok=""),
    "check_request": _call(
        "Judges the request as far as it is described.",
        covered="",
        outside_window="next_open",
        not_covered="",
        unknown="",
    ),
    "put_down": _call("Lets go of the request that was read or asked about.", ok=""),
    "open_ticket": _call(
        "Opens a request of what was recorded; a voice message joins the request in hand.",
        ok="ticket",
        attached="ticket",
        held="",
    ),
    "add_to_ticket": _call("Adds what was recorded to the request in hand.", attached="ticket", nothing=""),
    "send_number": _call("Sends the number of the request to the caller's telephone.", ok="", cannot=""),
    "who_answers": _call(
        "Chooses the group, and says whether anybody of it is there.", somebody="", nobody=""
    ),
    "offer_callback": _call("Whose number may be called back?", ok="callback_number", no_number=""),
    "note_number": _call("Takes another number to call back.", takes=True, ok="callback_number"),
    "book_callback": _call("Puts the caller in line for a call back.", ok="ticket eta", refused=""),
    "contract_hours": _call("Is the service of the contract open now?", open="", closed="next_open"),
    "calendar_hours": _call(
        "Is a calendar of the desk open now?", given="calendar", open="", closed="next_open"
    ),
}


def produces(call: str, branch: str) -> frozenset[str]:
    """The names that are known once `call` gave this answer; nothing for what is not in the table."""
    found = ACTIONS.get(call)
    return found.branches.get(branch, frozenset()) if found else frozenset()
