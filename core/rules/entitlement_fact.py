"""What does `main.py facts entitlement` answer? One request against a desk configuration, from JSON to JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime
from typing import Annotated, Any

import msgspec

from core import addresses
from core.envelope import Trust
from core.rules.calendars import ALWAYS, Calendar, CalendarDefinition, holiday_dates, parse_weekly
from core.rules.coverage import Contract, Line
from core.rules.durations import parse_target
from core.rules.entitlement import Asked, check

Instant = Annotated[datetime, msgspec.Meta(tz=True)]


class _Hours(msgspec.Struct, frozen=True):
    name: str
    weekly: tuple[str, ...] = ()
    time_zone: str = "Europe/Rome"
    holidays: str = ""
    closed: tuple[date, ...] = ()
    cut_off: str | None = None


class _ServiceLevel(msgspec.Struct, frozen=True):
    name: str
    targets: Mapping[str, Mapping[str, str]] = {}


class _Contact(msgspec.Struct, frozen=True):
    email: str = ""
    phone: str = ""


class _Asset(msgspec.Struct, frozen=True):
    name: str
    technology: str = ""
    site: str = ""
    always_page: bool = False


class _Customer(msgspec.Struct, frozen=True):
    code: str
    parent: str | None = None
    domains: tuple[str, ...] = ()
    time_zone: str = "Europe/Rome"
    policy: Mapping[str, str] = {}
    contacts: tuple[_Contact, ...] = ()
    assets: tuple[_Asset, ...] = ()
    contracts: tuple[Contract, ...] = ()


class _Source(msgspec.Struct, frozen=True):
    name: str
    customer: str | None = None


class _Desk(msgspec.Struct, frozen=True):
    calendars: tuple[_Hours, ...] = ()
    slas: tuple[_ServiceLevel, ...] = ()
    customers: tuple[_Customer, ...] = ()
    alert_sources: tuple[_Source, ...] = ()


class _Request(msgspec.Struct, frozen=True, kw_only=True, rename={"sender": "from"}):
    at: Instant
    channel: str
    trust: Trust
    sender: str = ""
    alert_source: str = ""
    customer: str = ""
    request_type: str | None = None
    technology: str | None = None
    asset: str | None = None
    site: str | None = None
    priority: str | None = None
    dmarc: str = ""
    safety: bool = False
    page_anyway: bool = False
    spam: str | bool = False


class _Question(msgspec.Struct, frozen=True):
    desk: _Desk
    request: _Request


class _Who(msgspec.Struct, frozen=True, kw_only=True):
    customer: str | None = None
    candidates: tuple[str, ...] = ()
    contact: str | None = None
    by_domain: bool = False


def entitlement_fact(question: Mapping[str, Any]) -> dict[str, Any]:
    """What `main.py facts entitlement` answers for one line: the verdict, or {"error": "what is wrong with it"}.

    `desk` is the desk configuration in JSON; a line's `used` is what is consumed already. `request` has `at` (RFC
    3339 with its zone), `channel` and `trust`; who asks as `from` (an e-mail address, or a number for telephone
    channels), `alert_source` or `customer`; and as far as known `request_type`, `technology`, `asset`, `site`,
    `priority`, `dmarc` ("fail"), `safety`, `page_anyway` and `spam` ("high").

    The answer has `customer`, `verdict`, `decision`, `would_be`, `contract`, `line`, `window_open`, `next_open_at`,
    `channel_allowed`, `remaining`, `flag`, `reasons` (codes), `sentences`, and `considered`: every line with why it
    lost.
    """
    try:
        asked = msgspec.convert(question, _Question)
        return _answer(asked.desk, asked.request)
    except (ValueError, OverflowError) as error:
        return {"error": str(error)}


def _answer(desk: _Desk, request: _Request) -> dict[str, Any]:
    customers = {customer.code: customer for customer in desk.customers}
    who = _who(desk, request)
    if who.customer is not None and who.customer not in customers:
        raise ValueError(f"customer: {who.customer!r} is not one of {', '.join(customers)}")
    customer = customers[who.customer] if who.customer is not None else None
    assets = {asset.name: asset for asset in customer.assets} if customer else {}
    asset = assets.get(request.asset or "")
    asked = Asked(
        at=request.at,
        channel=request.channel,
        trust=request.trust,
        customer=who.customer,
        candidates=who.candidates,
        contact=who.contact,
        by_domain=who.by_domain,
        request_type=request.request_type,
        technology=request.technology or (asset.technology or None if asset else None),
        asset=request.asset,
        asset_known=asset is not None or request.asset is None,
        site=request.site or (asset.site or None if asset else None),
        priority=request.priority,
        authentication_failed=request.dmarc == "fail",
        always_page=asset is not None and asset.always_page,
        safety=request.safety,
        from_alert_source=bool(request.alert_source),
        page_anyway=request.page_anyway,
        spam=request.spam in ("high", True),
    )
    hours = {part.name: part for part in desk.calendars}
    levels = {level.name: level for level in desk.slas}

    def calendar(name: str) -> Calendar:
        return Calendar(_definition(name, hours, around=request.at.year))

    def window(name: str, at: datetime) -> tuple[bool, datetime | None]:
        asked_of = calendar(name)
        return asked_of.is_open(at), asked_of.next_open(at)

    def resolve_due(_: Contract, line: Line) -> datetime | None:
        targets = levels[line.sla].targets.get(request.priority or "", {}) if line.sla in levels else {}
        if "resolve" not in targets:
            return None
        target, by = parse_target(targets["resolve"]), calendar(targets.get("calendar", line.calendar))
        if target.seconds is not None:
            return by.due(request.at, target.seconds)
        return by.due_working_days(request.at, target.working_days or 0, end=target.end_of_day)

    verdict = check(
        asked,
        _contracts(customer, customers),
        window=window,
        policy=customer.policy if customer else None,
        resolve_due=resolve_due,
    )
    return {
        "customer": who.customer,
        "verdict": verdict.verdict,
        "decision": verdict.decision,
        "would_be": verdict.would_be,
        "contract": verdict.contract,
        "line": verdict.line,
        "window_open": verdict.window_open,
        "next_open_at": msgspec.to_builtins(verdict.next_open_at),
        "channel_allowed": verdict.channel_allowed,
        "remaining": verdict.remaining,
        "flag": verdict.flag,
        "reasons": [reason.code for reason in verdict.reasons],
        "sentences": [reason.sentence for reason in verdict.reasons],
        "considered": [
            {"contract": lost.contract, "line": lost.line, "why": lost.why} for lost in verdict.considered
        ],
    }


def _who(desk: _Desk, request: _Request) -> _Who:
    """Whose request it is: by name, by alert source, by a contact's address or number, else by the mail domain."""
    sender = addresses.key(request.sender)
    known_as = sender if "@" in sender else _number(sender)
    own = {
        customer.code: addresses.key(contact.email) or None
        for customer in desk.customers
        for contact in customer.contacts
        if known_as and known_as in (addresses.key(contact.email), _number(contact.phone))
    }
    if request.customer:
        return _Who(customer=request.customer, contact=own.get(request.customer))
    if request.alert_source:
        for source in desk.alert_sources:
            if source.name == request.alert_source:
                return _Who(customer=source.customer)
        raise ValueError(f"alert_source: there is no {request.alert_source!r}")
    if own:
        return _one_of(tuple(own), contact=next(iter(own.values())))
    domain = sender.rpartition("@")[2] if "@" in sender else ""
    named = tuple(
        customer.code
        for customer in desk.customers
        if domain and domain in {addresses.domain(known) for known in customer.domains}
    )
    return _one_of(named, by_domain=True)


def _one_of(codes: tuple[str, ...], *, contact: str | None = None, by_domain: bool = False) -> _Who:
    if len(codes) == 1:
        return _Who(customer=codes[0], contact=contact, by_domain=by_domain)
    return _Who(candidates=codes)


def _number(phone: str) -> str:
    return "".join(c for c in phone if c.isdigit() or c == "+")


def _contracts(customer: _Customer | None, customers: Mapping[str, _Customer]) -> list[Contract]:
    """The customer's own, and those of its parent that cover children; each in the zone of who signed it."""
    if customer is None:
        return []
    found = [replace(contract, time_zone=customer.time_zone) for contract in customer.contracts]
    parent = customers.get(customer.parent or "")
    if parent is not None:
        found += [replace(c, time_zone=parent.time_zone) for c in parent.contracts if c.covers_children]
    return found


def _definition(name: str, hours: Mapping[str, _Hours], *, around: int) -> CalendarDefinition:
    if name == ALWAYS.name:
        return ALWAYS
    if name not in hours:
        raise ValueError(f"calendar: there is no {name!r}")
    part = hours[name]
    holidays = holiday_dates(part.holidays, range(around - 1, around + 3)) if part.holidays else frozenset()
    return CalendarDefinition(
        name=part.name,
        time_zone=part.time_zone,
        weekly=parse_weekly(part.weekly),
        closed=holidays | frozenset(part.closed),
        cut_off=part.cut_off,
    )
