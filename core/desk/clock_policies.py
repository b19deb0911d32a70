"""What was promised on a ticket, and by which hours? Its line's service level at its priority, at its site."""

from __future__ import annotations

from typing import Any, Protocol

from core.desk import people, reference
from core.desk.case import Case
from core.desk.reference import Hours, ServiceLevel, SiteHours
from core.rules.calendar_definitions import at_site, definition_to_json, definition_version
from core.rules.calendars import Calendar
from core.rules.clocks import ClockName, Policy, Target
from core.store import tables
from core.store.tx import Tx

TRIAGE = Target(seconds=30 * 60)
"""Within this time, day or night, somebody says who it is and what it is about (desk.md 2)."""
LONGER = "resolve_after_workaround"
_ITSELF = SiteHours(time_zone="", holidays="")


class Facts(Protocol):
    """The columns of a ticket, in hand or only read."""

    @property
    def tx(self) -> Tx:
        """Where it was read."""

    def __getitem__(self, column: str) -> Any:
        """What stands there."""


def of(case: Case) -> dict[ClockName, Policy]:
    """The promise of each clock that the ticket can have; triage for everybody."""
    desk = reference.desk(case.tx)
    always = desk.calendars[reference.ALWAYS]
    policies = {
        ClockName.TRIAGE: Policy(
            name="triage", target=TRIAGE, calendar=always.calendar, calendar_version=always.version
        )
    }
    level = desk.slas.get(level_name(case))
    if level is None or (case["priority"] or "") not in level.targets:
        return policies
    at_its_site(case, _usual_hours(case, level))
    return policies | promised(case, level)


def level_name(case: Facts) -> str:
    """The service level of the ticket's line; that of whoever has no line."""
    return line_says(case, "sla") or reference.DEFAULT_SLA


def promised(case: Facts, level: ServiceLevel) -> dict[ClockName, Policy]:
    """What this level, also one that is not kept, promises on the ticket at its priority and by the hours of its site."""
    promise = level.targets.get(case["priority"] or "")
    if promise is None:
        return {}
    hours = _local_hours(case, _usual_hours(case, level))
    times = dict(promise.times)
    longer = times.pop(LONGER, None)
    words = {name: f"{level.name} {case['priority']} {name}" for name in times}
    if longer is not None and "workaround" in case["flags"]:
        times["resolve"] = longer
        words["resolve"] = f"{level.name} {case['priority']} resolve after workaround"
    return {
        ClockName(name): Policy(
            name=words[name],
            target=target,
            calendar=hours.calendar,
            calendar_version=hours.version,
            retroactive=level.retroactive,
        )
        for name, target in times.items()
    }


def _usual_hours(case: Facts, level: ServiceLevel) -> Hours:
    own = level.targets[case["priority"]].calendar
    return reference.desk(case.tx).calendars[own or line_says(case, "calendar") or reference.ALWAYS]


def hours(case: Case) -> Hours:
    """When the service of the ticket's line is there for its site."""
    desk = reference.desk(case.tx)
    return at_its_site(case, desk.calendars[line_says(case, "calendar") or reference.ALWAYS])


def at_its_site(case: Case, usual: Hours) -> Hours:
    """A calendar with the holidays and the time zone of the ticket's site, which is its asset's where none is named.

    Another calendar than the one of the file is kept as a version of its own, for the clocks that name it.
    """
    found = _local_hours(case, usual)
    memo = f"calendar {found.version} is kept"
    if found.version != usual.version and memo not in case.tx.memo:
        case.tx.memo[memo] = True
        definition = found.calendar.definition
        case.tx.insert_missing(
            tables.definition,
            version=found.version,
            kind="calendar",
            name=definition.name,
            content=definition_to_json(definition),
            at=case.now,
        )
    return found


def _local_hours(case: Facts, usual: Hours) -> Hours:
    local = reference.desk(case.tx).local
    place = _site(case)
    if place == _ITSELF:
        return usual
    key = usual.version, place
    if key not in local:
        definition = at_site(usual.calendar.definition, time_zone=place.time_zone, holidays=place.holidays)
        version = definition_version(definition)
        same = version == usual.version
        local[key] = usual if same else Hours(version=version, calendar=Calendar(definition))
    return local[key]


def _site(case: Facts) -> SiteHours:
    sites = reference.desk(case.tx).sites
    if not sites or not case["customer"]:
        return _ITSELF
    name = case["site"]
    if not name and case["asset"] and any(customer == case["customer"] for customer, _ in sites):
        asset = people.asset(case.tx, case["customer"], case["asset"])
        name = asset.site if asset else None
    return sites.get((case["customer"], name or ""), _ITSELF)


def line_says(case: Facts, what: str) -> Any:
    """A term of the contract line the ticket is under; None where there is none."""
    if not case["contract_version"]:
        return None
    for line in reference.contract(case.tx, case["contract_version"]).lines:
        if line.name == case["line"]:
            return getattr(line, what)
    return None
