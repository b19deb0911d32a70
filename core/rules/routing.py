"""Which group is competent, can somebody there take it now, and why this one? (desk.md 4)"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
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

    @property
    def weight(self) -> int:
        """How specific it is."""
        return sum(worth for name, worth in WEIGHTS.items() if getattr(self, name) is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A group, as far as routing cares. Empty tuples mean all."""

    name: str
    level: int = 1
    technologies: tuple[str, ...] = ()
    request_types: tuple[str, ...] = ()
    fallback: str | None = None
    reachable: bool = True
    """At the instant asked about its calendar is open, or its on-call rota names somebody."""
    on_call: bool = False
    """It is reachable by its rota alone: whoever is on call has to be told."""
    ladder: bool = False
    """Its on-call ladder names somebody beyond the rota: a second, a shift leader, a supervisor."""
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
    line_open: bool = True
    """The calendar of its contract line is open, so that somebody may be called; a ticket without a line counts as such."""
    line_opens_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Considered:
    """A rule that was looked at, or a further step."""

    rule: str
    """`rule N` as the table counts from 1, `sales`, `competence`, `fallback`, `on-call`, `ladder` or `waits`."""
    group: str
    weight: int
    matched: bool
    code: str
    """Why, as a word of the catalogue `routing.why`."""
    value: str = ""
    """What the word is about: the technology the rule is for, the calendar that is closed."""

    @property
    def why(self) -> str:
        """The same as a sentence."""
        return SENTENCES[self.code].format(value=self.value)


SENTENCES = {
    "fits": "fits",
    "no_group": "there is no group {value}",
    "not_allowed": "the customer is served by other groups",
    "customer": "for customer {value}",
    "technology": "for technology {value}",
    "request_type": "for request type {value}",
    "level": "for level {value}",
    "calendar": "calendar {value} is closed",
    "sales": "nothing that was bought covers it, so the desk does not work on it: it sells",
    "competence": "its technologies and types fit",
    "closed": "{value} is closed",
    "on_call": "somebody is on call",
    "ladder": "nobody is there, and the ladder names somebody",
    "waits": "nobody is there until {value}",
    "nobody": "nobody is there, and nothing says when",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Where it goes. `group` None: nobody is competent, staff decide."""

    group: str | None
    level: int
    reachable: bool
    """Somebody can take it now, though perhaps by the ladder only."""
    next_try_at: datetime | None
    """When somebody is there again, if nobody is now."""
    trace: tuple[Considered, ...]
    by: str = "hours"
    """How somebody is reached: hours, on-call, ladder; or nobody: waits."""


def route(asked: Asked, rules: Sequence[Rule], groups: Mapping[str, Group]) -> Route:
    """The most specific rule wins; on equal weight the first in the file. Without a rule, the first competent group.

    A winner that is not reachable hands over to its fallback if that is; else its ladder is called when the contract
    line is open, and otherwise the ticket stays with it and waits for the first opening of any of them.
    """
    trace = [_consider(n, rule, asked, groups) for n, rule in enumerate(rules, start=1)]
    matching = [entry for entry in trace if entry.matched]
    if matching:
        chosen = groups[max(matching, key=lambda entry: entry.weight).group]
    else:
        found = competent(asked, groups)
        if found is None:
            return Route(
                group=None,
                level=asked.level,
                reachable=False,
                next_try_at=None,
                trace=tuple(trace),
                by="waits",
            )
        chosen = found
        trace.append(
            Considered(rule="competence", group=chosen.name, weight=0, matched=True, code="competence")
        )
    return _handed_over(asked, chosen.name, groups, trace)


def to_sales(group: str, groups: Mapping[str, Group]) -> Route:
    """The way of a request that the check sends to sales: to that group whatever the table says.

    No ladder is called for it, and the delivery model, which is about work, does not count.
    """
    trace = [Considered(rule="sales", group=group, weight=0, matched=True, code="sales")]
    asked = Asked(technology=None, request_type=None, customer=None, line_open=False)
    return _handed_over(asked, group, groups, trace)


def _handed_over(asked: Asked, chosen: str, groups: Mapping[str, Group], trace: list[Considered]) -> Route:
    first, *others = chain(chosen, groups, asked.allowed)
    there = first if first.reachable else None
    for other in others:
        if there is not None:
            break
        trace.append(
            Considered(
                rule="fallback",
                group=other.name,
                weight=0,
                matched=other.reachable,
                code="closed",
                value=first.name,
            )
        )
        there = other if other.reachable else None
    if there is not None:
        by = "on-call" if there.on_call else "hours"
        if there.on_call:
            trace.append(Considered(rule="on-call", group=there.name, weight=0, matched=True, code="on_call"))
        return Route(
            group=there.name, level=there.level, reachable=True, next_try_at=None, trace=tuple(trace), by=by
        )
    return _with_nobody(asked, first, others, trace)


def _with_nobody(asked: Asked, first: Group, others: Sequence[Group], trace: list[Considered]) -> Route:
    if first.ladder and asked.line_open:
        trace.append(Considered(rule="ladder", group=first.name, weight=0, matched=True, code="ladder"))
        return Route(
            group=first.name,
            level=first.level,
            reachable=True,
            next_try_at=None,
            trace=tuple(trace),
            by="ladder",
        )
    openings = [one.next_open_at for one in (first, *others) if one.next_open_at is not None]
    if first.ladder and asked.line_opens_at is not None:
        openings.append(asked.line_opens_at)
    again = min(openings, default=None)
    trace.append(
        Considered(
            rule="waits",
            group=first.name,
            weight=0,
            matched=False,
            code="nobody" if again is None else "waits",
            value="" if again is None else again.isoformat(),
        )
    )
    return Route(
        group=first.name,
        level=first.level,
        reachable=False,
        next_try_at=again,
        trace=tuple(trace),
        by="waits",
    )


def chain(name: str, groups: Mapping[str, Group], allowed: Sequence[str] = ()) -> list[Group]:
    """A group and those it hands over to, in order. Who may not work for the customer is no fallback."""
    found = [groups[name]]
    while (
        (after := found[-1].fallback) is not None
        and after in groups
        and all(after != one.name for one in found)
        and (not allowed or after in allowed)
    ):
        found.append(groups[after])
    return found


def competent(asked: Asked, groups: Mapping[str, Group]) -> Group | None:
    """Where no rule says: of those whose technologies and types fit, one that names the technology before others."""
    fitting = [group for group in groups.values() if _competent(group, asked)]
    return min(fitting, key=lambda g: (abs(g.level - asked.level), not g.technologies), default=None)


def by_weight(asked: Asked, rules: Sequence[Rule], groups: Mapping[str, Group]) -> Iterator[tuple[int, Rule]]:
    """The rules that match but for their calendar, heaviest first and then as the table has them, with their numbers."""
    fitting = [
        (n, rule)
        for n, rule in enumerate(rules, start=1)
        if not _mismatch(rule, asked, groups, timeless=True)
    ]
    yield from sorted(fitting, key=lambda pair: -pair[1].weight)


def winner(asked: Asked, rules: Iterable[tuple[int, Rule]], groups: Mapping[str, Group]) -> str | None:
    """The group that `route` begins with. `rules`: as `by_weight` gave them."""
    for _, rule in rules:
        if rule.calendar is None or rule.calendar in asked.open_calendars:
            return rule.group
    found = competent(asked, groups)
    return None if found is None else found.name


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
    why = _mismatch(rule, asked, groups)
    code, value = why or ("fits", "")
    return Considered(
        rule=f"rule {n}", group=rule.group, weight=rule.weight, matched=why is None, code=code, value=value
    )


def _mismatch(
    rule: Rule, asked: Asked, groups: Mapping[str, Group], *, timeless: bool = False
) -> tuple[str, str] | None:
    """Why it is not for this request, as a code and what that is about. `timeless`: whatever its calendar says."""
    if rule.group not in groups:
        return "no_group", rule.group
    if asked.allowed and rule.group not in asked.allowed:
        return "not_allowed", ""
    if rule.customer is not None and rule.customer != asked.customer:
        return "customer", rule.customer
    if rule.technology is not None and rule.technology != asked.technology:
        return "technology", rule.technology
    if rule.request_type is not None and rule.request_type != asked.request_type:
        return "request_type", rule.request_type
    if (rule.level or groups[rule.group].level) != asked.level:
        return "level", str(rule.level or groups[rule.group].level)
    if not timeless and rule.calendar is not None and rule.calendar not in asked.open_calendars:
        return "calendar", rule.calendar
    return None


def _competent(group: Group, asked: Asked) -> bool:
    return (
        group.level == asked.level
        and (not asked.allowed or group.name in asked.allowed)
        and (not group.technologies or asked.technology in group.technologies)
        and (not group.request_types or asked.request_type in group.request_types)
    )
