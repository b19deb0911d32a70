"""Which group is competent, can somebody there take it now, and why this one? (desk.md 4)"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

WEIGHTS = {"customer": 8, "technology": 4, "request_type": 2, "calendar": 1}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One line of the routing table. A field left out matches everything."""

    group: str
    technology: str | None = None
    request_type: str | None = None
    customer: str | None = None
    level: int | None = None
    calendar: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A group, as far as routing cares. Empty tuples mean all."""

    name: str
    level: int = 1
    technologies: tuple[str, ...] = ()
    request_types: tuple[str, ...] = ()
    fallback: str | None = None
    reachable: bool = True
    """Its calendar is open at the instant asked about."""
    next_open_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The request."""

    technology: str | None
    request_type: str | None
    customer: str | None
    level: int = 1
    allowed: tuple[str, ...] = ()
    """Groups that may work for this customer; empty: all."""
    open_calendars: frozenset[str] = frozenset()
    """Calendars open at the instant, for rules that name one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Considered:
    """A rule that was looked at."""

    rule: str
    group: str
    weight: int
    matched: bool
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Where it goes. `group` None: nobody is competent, staff decide."""

    group: str | None
    level: int
    reachable: bool
    next_try_at: datetime | None
    """When the group opens, if nobody is there now."""
    trace: tuple[Considered, ...]


def route(asked: Asked, rules: Sequence[Rule], groups: Mapping[str, Group]) -> Route:
    """The most specific rule wins; on equal weight the first in the file. Without a rule, the first competent group.

    A winner that is not reachable hands over to its fallback if that is; else the ticket waits for its opening.
    """
    trace = [_consider(n, rule, asked, groups) for n, rule in enumerate(rules, start=1)]
    matching = [(entry, rule) for entry, rule in zip(trace, rules, strict=True) if entry.matched]
    if matching:
        chosen = groups[max(matching, key=lambda pair: pair[0].weight)[1].group]
    else:
        competent = [group for group in groups.values() if _competent(group, asked)]
        if not competent:
            return Route(group=None, level=asked.level, reachable=False, next_try_at=None, trace=tuple(trace))
        chosen = min(competent, key=lambda g: (abs(g.level - asked.level), not g.technologies))
        trace.append(
            Considered(
                rule="competence",
                group=chosen.name,
                weight=0,
                matched=True,
                why="its technologies and types fit",
            )
        )
    seen = {chosen.name}
    first = chosen
    while (
        not chosen.reachable and chosen.fallback and chosen.fallback not in seen and chosen.fallback in groups
    ):
        chosen = groups[chosen.fallback]
        seen.add(chosen.name)
        trace.append(
            Considered(
                rule="fallback",
                group=chosen.name,
                weight=0,
                matched=chosen.reachable,
                why=f"{first.name} is closed",
            )
        )
    if not chosen.reachable:
        chosen = first
    return Route(
        group=chosen.name,
        level=chosen.level,
        reachable=chosen.reachable,
        next_try_at=None if chosen.reachable else chosen.next_open_at,
        trace=tuple(trace),
    )


def ties(rules: Sequence[Rule], levels: Mapping[str, int]) -> tuple[tuple[int, int], ...]:
    """Pairs of rules (counted from 1) that ask for exactly the same: where both groups may work, the second never wins.

    `levels`: of each group. A rule that names no level is for that of its group.
    """
    seen: dict[tuple[object, ...], int] = {}
    found = []
    for n, rule in enumerate(rules, start=1):
        level = rule.level or levels.get(rule.group)
        key = (rule.technology, rule.request_type, rule.customer, level, rule.calendar)
        if key in seen:
            found.append((seen[key], n))
        else:
            seen[key] = n
    return tuple(found)


def _consider(n: int, rule: Rule, asked: Asked, groups: Mapping[str, Group]) -> Considered:
    weight = sum(worth for name, worth in WEIGHTS.items() if getattr(rule, name) is not None)
    why = _mismatch(rule, asked, groups)
    return Considered(rule=f"rule {n}", group=rule.group, weight=weight, matched=not why, why=why or "fits")


def _mismatch(rule: Rule, asked: Asked, groups: Mapping[str, Group]) -> str:
    if rule.group not in groups:
        return f"there is no group {rule.group}"
    if asked.allowed and rule.group not in asked.allowed:
        return "the customer is served by other groups"
    for name in ("customer", "technology", "request_type"):
        wanted = getattr(rule, name)
        if wanted is not None and wanted != getattr(asked, name):
            return f"for {name.replace('_', ' ')} {wanted}"
    if (rule.level or groups[rule.group].level) != asked.level:
        return f"for level {rule.level or groups[rule.group].level}"
    if rule.calendar is not None and rule.calendar not in asked.open_calendars:
        return f"calendar {rule.calendar} is closed"
    return ""


def _competent(group: Group, asked: Asked) -> bool:
    return (
        group.level == asked.level
        and (not asked.allowed or group.name in asked.allowed)
        and (not group.technologies or asked.technology in group.technologies)
        and (not group.request_types or asked.request_type in group.request_types)
    )
