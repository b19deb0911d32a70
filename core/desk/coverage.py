"""What has this customer bought, and what would the contract answer to a request? Told before it is sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from core.desk import people, reference
from core.desk.principal import Principal
from core.envelope import Trust
from core.rules import entitlement
from core.rules import priority as priorities
from core.rules.coverage import NO_CONTRACT, STANDINGS, Contract, Line
from core.store.tx import Tx

LIKELY = (3, 3)
"""What a request counts as until somebody says more."""
COVERED = ("covered", "covered_outside_window", "grace")


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What the contract would answer. `verdict` as in core.rules.entitlement."""

    verdict: str
    covered: bool
    priority: str
    contract: str | None
    line: str | None
    window_open: bool
    next_open_at: datetime | None
    response_due: datetime | None
    """The first answer at the latest; None: nothing is promised."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One line of a contract, and whether somebody is there for it now."""

    name: str
    technologies: tuple[str, ...]
    request_types: tuple[str, ...]
    calendar: str
    open: bool
    next_open_at: datetime | None
    measure: str
    remaining: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bought:
    """A contract that stands, or stood lately."""

    number: str
    valid_from: date
    valid_until: date
    standing: str
    """valid, grace, suspended, not_started or expired."""
    services: tuple[Service, ...]


def preview(
    tx: Tx,
    who: Principal,
    *,
    now: datetime,
    request_type: str | None = None,
    technology: str | None = None,
    asset: str | None = None,
    site: str | None = None,
    impact: int | None = None,
    urgency: int | None = None,
) -> Preview:
    """What intake would decide of a contact's request that came now. Nothing is stored."""
    desk = reference.desk(tx)
    customer = reference.customer(tx, who.customer) if who.customer else None
    thing = people.asset(tx, customer.code, asset) if customer and asset else None
    rank = priorities.priority(
        impact or LIKELY[0], urgency or LIKELY[1], asset_criticality=thing.criticality if thing else None
    ).priority
    asked = entitlement.Asked(
        at=now,
        channel="portal",
        trust=Trust.VERIFIED,
        customer=customer.code if customer else None,
        contact=who.email,
        request_type=request_type,
        technology=technology or (thing.technology if thing else None),
        asset=asset,
        asset_known=thing is not None or not asset,
        site=site or (thing.site if thing and thing.site else None),
        priority=rank,
        always_page=bool(thing and thing.always_page),
    )

    contracts = reference.contracts(tx, customer.code) if customer else ()
    found = entitlement.check(
        asked, contracts, window=desk.window, policy=customer.policy if customer else {}
    )
    line = _line(contracts, found)
    return Preview(
        verdict=found.verdict or "",
        covered=found.verdict in COVERED,
        priority=rank,
        contract=found.contract,
        line=found.line,
        window_open=bool(found.window_open),
        next_open_at=found.next_open_at,
        response_due=_response(desk, line, rank, now) if found.verdict in COVERED else None,
    )


def bought(tx: Tx, who: Principal, *, now: datetime) -> tuple[Bought, ...]:
    """The contracts of the person's company, those that stand first; drafts and what was terminated are left out."""
    if not who.customer:
        return ()
    desk = reference.desk(tx)
    standing = [
        (contract.stands(now), contract)
        for contract in reference.contracts(tx, who.customer)
        if contract.status not in NO_CONTRACT
    ]
    standing.sort(key=lambda one: (STANDINGS.index(one[0]), one[1].number))
    return tuple(
        Bought(
            number=contract.number,
            valid_from=contract.valid_from,
            valid_until=contract.valid_until,
            standing=stands,
            services=tuple(_service(desk, line, now) for line in contract.lines),
        )
        for stands, contract in standing
    )


def choices(tx: Tx, who: Principal, *, now: datetime) -> Mapping[str, Sequence[Any]]:
    """What a new request may name: technologies and types that the contract covers now, the company's things and places.

    A contract line for everything offers everything the desk knows; without a contract so does the form.
    """
    desk = reference.desk(tx)
    code = who.customer or ""
    lines = [
        line
        for contract in reference.contracts(tx, code)
        if contract.status not in NO_CONTRACT and contract.stands(now) in ("valid", "grace")
        for line in contract.lines
    ]
    return {
        "technologies": _covered([line.technologies for line in lines], desk.technologies),
        "request_types": _covered([line.request_types for line in lines], desk.request_types),
        "assets": people.assets(tx, code),
        "sites": people.sites(tx, code),
    }


def _covered(named: Sequence[tuple[str, ...]], known: tuple[str, ...]) -> tuple[str, ...]:
    if not named or any(not one for one in named):
        return known
    return tuple(name for name in known if any(name in one for one in named))


def _service(desk: reference.Desk, line: Line, now: datetime) -> Service:
    hours = desk.calendars[line.calendar].calendar
    is_open = hours.is_open(now)
    return Service(
        name=line.name,
        technologies=line.technologies,
        request_types=line.request_types,
        calendar=line.calendar,
        open=is_open,
        next_open_at=None if is_open else hours.next_open(now),
        measure=line.measure,
        remaining=line.remaining,
    )


def _line(contracts: Sequence[Contract], found: entitlement.Verdict) -> Line | None:
    for contract in contracts:
        if contract.number == found.contract:
            return next((line for line in contract.lines if line.name == found.line), None)
    return None


def _response(desk: reference.Desk, line: Line | None, rank: str, now: datetime) -> datetime | None:
    level = desk.slas.get((line.sla if line else None) or reference.DEFAULT_SLA)
    promise = level.targets.get(rank) if level else None
    target = promise.times.get("response") if promise else None
    if promise is None or target is None:
        return None
    hours = desk.calendars[promise.calendar or (line.calendar if line else "") or reference.ALWAYS].calendar
    if target.seconds is not None:
        return hours.due(now, target.seconds)
    return hours.due_working_days(now, target.working_days or 0, end=target.end_of_day)
