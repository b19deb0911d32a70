"""Acts of a call flow: what does the contract say to this call, and when is somebody there?

What each does is said in `ivr.actions`, whose table compares names and answers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from core.desk import call_tickets, coverage, people, reference
from core.desk.call_around import Around, Branch, Given, local
from core.desk.live_calls import LiveCall
from core.envelope import Trust
from core.rules import entitlement
from core.rules.coverage import NO_CONTRACT, Line


def check_coverage(around: Around, _value: str, _given: Given) -> Branch:
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


def contract_hours(around: Around, _value: str, _given: Given) -> Branch:
    live = around.live
    opens = _opens(live, _lines(live)) if live["customer"] else None
    return ("open", {}) if opens is None else ("closed", {"next_open": opens})


def calendar_hours(around: Around, _value: str, given: Given) -> Branch:
    live = around.live
    desk = reference.desk(live.tx)
    name = given["calendar"] if given["calendar"] in desk.calendars else reference.ALWAYS
    is_open, opens = desk.window(name, live.now)
    return ("open", {}) if is_open or opens is None else ("closed", {"next_open": local(live, opens)})


def check_request(around: Around, _value: str, _given: Given) -> Branch:
    live = around.live
    if not live["customer"]:
        return "unknown", {}
    found = _verdict(live, {name: live.fact(name) for name in ("request_type", "technology")})
    if found.verdict == "covered_outside_window" and found.next_open_at:
        return "outside_window", {"next_open": local(live, found.next_open_at)}
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
    return local(live, min(later))


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
