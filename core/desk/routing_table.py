"""What does the routing table say, and who changes it? Leaders of the whole desk, as one new revision of the configuration."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from core.desk import acts, people, reference
from core.desk.configuration import document, rows
from core.desk.errors import Fault, Forbidden, Invalid, Refused
from core.desk.principal import Principal
from core.rules import routing
from core.rules.routing import Asked, Group, Rule
from core.store.columns import to_json
from core.store.tx import Tx

FIELDS = ("customer", "technology", "request_type", "level", "calendar", "group")
MOST = 2_000  # rules
LEVELS = (1, 2, 3)
EMPTY = (
    "must have at least one rule: with none nothing says who gets what. Keep one that names only a group, which gets "
    "whatever no other rule gives away; a desk without a table is made by `routing = []` in its file"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """The routing table with all that its rules may name."""

    version: str
    """Of the rules: who saves says which they looked at."""
    rules: tuple[Rule, ...]
    ties: tuple[tuple[int, int], ...]
    """Pairs that ask for the same, counted from 1: the second never wins."""
    groups: tuple[str, ...]
    technologies: tuple[str, ...]
    request_types: tuple[str, ...]
    calendars: tuple[str, ...]
    customers: tuple[tuple[str, str], ...]
    """(code, name)"""
    may_edit: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Winner:
    """Which rule decides a cell of the grid for all customers that no rule names; levels and hours aside."""

    technology: str
    request_type: str
    group: str | None
    """None: no rule names one."""
    rule: int | None
    """Counted from 1."""
    others: int
    """Rules that decide for single customers, or at certain hours."""


def may_edit(who: Principal) -> bool:
    """Supervisors and administrators."""
    return who.configures


def table(tx: Tx, who: Principal) -> Table:
    """The table as it is. Raises Forbidden for anybody outside."""
    acts.only_staff(who)
    return of_rules(tx, who, reference.desk(tx).routing)


def of_rules(tx: Tx, who: Principal, rules: Sequence[Rule]) -> Table:
    """The same for an edited one; `version` is still that of the desk's own."""
    desk = reference.desk(tx)
    return Table(
        version=version(desk.routing),
        rules=tuple(rules),
        ties=routing.ties(rules, {name: group.level for name, group in desk.groups.items()}),
        groups=tuple(desk.groups),
        technologies=desk.technologies,
        request_types=desk.request_types,
        calendars=tuple(desk.calendars),
        customers=tuple(people.customers(tx)),
        may_edit=may_edit(who),
    )


def version(rules: Sequence[Rule]) -> str:
    """Two tables with the same version say the same."""
    return hashlib.sha256(to_json([asdict(rule) for rule in rules]).encode()).hexdigest()[:16]


def grid(tx: Tx, rules: Sequence[Rule]) -> tuple[tuple[Winner, ...], ...]:
    """A row for each technology, in it a cell for each request type."""
    desk = reference.desk(tx)
    groups = {
        name: Group(name=name, level=of.level, technologies=of.technologies, request_types=of.request_types)
        for name, of in desk.groups.items()
    }
    return tuple(
        tuple(_winner(technology, kind, rules, groups) for kind in desk.request_types)
        for technology in desk.technologies
    )


def _winner(technology: str, request_type: str, rules: Sequence[Rule], groups: Mapping[str, Group]) -> Winner:
    asked = Asked(technology=technology, request_type=request_type, customer=None)
    fitting = list(routing.by_weight(asked, rules, groups))
    first = next(((n, rule) for n, rule in fitting if rule.calendar is None), None)
    of_customers = sum(
        rule.customer is not None
        and rule.technology in (None, technology)
        and rule.request_type in (None, request_type)
        for rule in rules
    )
    return Winner(
        technology=technology,
        request_type=request_type,
        group=first[1].group if first else None,
        rule=first[0] if first else None,
        others=of_customers + sum(rule.calendar is not None for _, rule in fitting),
    )


def checked(tx: Tx, given: Sequence[Mapping[str, Any]]) -> tuple[Rule, ...]:
    """Rules as somebody wrote them, an empty value meaning anything. Raises Invalid with every mistake: /rules/0/group."""
    if len(given) > MOST:
        raise Invalid([Fault("/rules", f"must be at most {MOST:,} rules")])
    desk = reference.desk(tx)
    known = {
        "group": desk.groups,
        "technology": desk.technologies,
        "request_type": desk.request_types,
        "calendar": desk.calendars,
        "level": LEVELS,
    }
    faults, found = [], []
    for n, one in enumerate(given):
        values = {name: one.get(name) for name in FIELDS}
        plain = {name: value for name, value in values.items() if value not in (None, "")}
        if "group" not in plain:
            faults.append(Fault(f"/rules/{n}/group", f"is missing: one of {', '.join(desk.groups)}"))
        for name, value in plain.items():
            if name == "customer":
                if reference.customer(tx, str(value)) is None:
                    faults.append(Fault(f"/rules/{n}/customer", f"there is no customer {value}"))
            elif value not in known[name]:
                faults.append(
                    Fault(f"/rules/{n}/{name}", f"{value!r} is not one of {', '.join(map(str, known[name]))}")
                )
        found.append(plain)
    if faults:
        raise Invalid(faults)
    return tuple(Rule(**plain) for plain in found)


def save(
    tx: Tx, who: Principal, given: Sequence[Mapping[str, Any]], *, version: str | None, now: datetime
) -> tuple[rows.Change, ...]:
    """Make this the routing table: a new revision, an event of administration, and a look for holes; all or nothing.

    `version`: of the table that was looked at; None: whatever there is. Raises Forbidden, Invalid, also for a table without
    rules, which nobody means who edits one, and Refused with the code `changed` when somebody else saved meanwhile.
    """
    acts.only_staff(who)
    if not may_edit(who):
        message = "a supervisor or an administrator changes the routing table"
        raise Forbidden(message)
    reference.hold(tx)
    rules = checked(tx, given)
    if version is not None and version != table(tx, who).version:
        message = "somebody changed the routing table meanwhile: look at it, then change it again"
        raise Refused(message, code="changed")
    if not rules:
        raise Invalid([Fault("/rules", EMPTY)])
    parts = tuple(document.RoutingPart(**asdict(rule)) for rule in rules)
    return rows.write(tx, who, {"routing": parts}, {}, now=now)
