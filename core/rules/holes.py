"""For whom is nobody there? Every customer, covered technology and request type, over the hours of what they bought.

There is whoever the matrix leads to: a group by its calendar or its rota, one it hands over to, or its second on call. Shift
leaders and supervisors, who are called for everything in the end, fill no hole. Intervals instead of quarter hours: when a cell is served depends on few things, which most cells share (desk.md 4). Instants
are whole numbers of one unit, whatever it is; a span is [since, until).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from core.rules.routing import Asked, Group, Rule, by_weight, chain

Span = tuple[int, int]
Spans = tuple[Span, ...]
"""Sorted, without overlap, none empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bought:
    """A line of a contract, as far as it says when somebody has to be there. Empty tuples mean all."""

    technologies: tuple[str, ...] = ()
    request_types: tuple[str, ...] = ()
    open: Spans
    """When its calendar is open and its contract stands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Covered:
    """A customer with what they bought."""

    customer: str
    allowed: tuple[str, ...] = ()
    """Groups that may work for them; empty: all."""
    lines: tuple[Bought, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Hours:
    """When there is somebody in each group, and when the calendars of rules are open. What is not named is never."""

    groups: Mapping[str, Spans]
    """By their calendar or their rota."""
    seconds: Mapping[str, Spans]
    """When a second is on call for them."""
    calendars: Mapping[str, Spans]


class Gap(NamedTuple):
    """Nobody is there, from `since` until before `until`."""

    since: int
    until: int
    group: str | None
    """Which the matrix names; None: it names none."""


class Cell(NamedTuple):
    """A combination that a customer bought."""

    customer: str
    technology: str
    request_type: str


def find(
    customers: Iterable[Covered],
    technologies: Sequence[str],
    request_types: Sequence[str],
    rules: Sequence[Rule],
    groups: Mapping[str, Group],
    hours: Hours,
) -> dict[Cell, tuple[Gap, ...]]:
    """The cells that have gaps, in the order of what is given, each with its gaps in order."""
    finder = _Finder(rules, groups, hours)
    found: dict[Cell, tuple[Gap, ...]] = {}
    for one in customers:
        for technology in technologies:
            for request_type in request_types:
                wanted = tuple(
                    line.open
                    for line in one.lines
                    if (not line.technologies or technology in line.technologies)
                    and (not line.request_types or request_type in line.request_types)
                )
                if not wanted:
                    continue
                gaps = finder.gaps(wanted, one, technology, request_type)
                if gaps:
                    found[Cell(one.customer, technology, request_type)] = gaps
    return found


class _Finder:
    """Answers that many cells share are worked out once."""

    def __init__(self, rules: Sequence[Rule], groups: Mapping[str, Group], hours: Hours) -> None:
        self._rules, self._groups, self._hours = rules, groups, hours
        self._named = {rule.customer for rule in rules if rule.customer is not None}
        self._wanted: dict[tuple[Spans, ...], Spans] = {}
        self._ways: dict[tuple[object, ...], tuple[tuple[str | None, str | None], ...]] = {}
        self._there: dict[tuple[str, tuple[str, ...]], Spans] = {}
        self._gaps: dict[tuple[object, ...], tuple[Gap, ...]] = {}

    def gaps(
        self, wanted: tuple[Spans, ...], one: Covered, technology: str, request_type: str
    ) -> tuple[Gap, ...]:
        ways = self._ways_of(one, technology, request_type)
        key = (wanted, ways, one.allowed)
        found = self._gaps.get(key)
        if found is None:
            found = self._gaps[key] = self._look(self._joined(wanted), ways, one.allowed)
        return found

    def _ways_of(
        self, one: Covered, technology: str, request_type: str
    ) -> tuple[tuple[str | None, str | None], ...]:
        """(calendar, group) of the rules that may win, heaviest first; the last always does. Group None: nobody."""
        customer = one.customer if one.customer in self._named else None
        key = (customer, one.allowed, technology, request_type)
        found = self._ways.get(key)
        if found is None:
            asked = Asked(
                technology=technology, request_type=request_type, customer=customer, allowed=one.allowed
            )
            made: list[tuple[str | None, str | None]] = []
            for _, rule in by_weight(asked, self._rules, self._groups):
                made.append((rule.calendar, rule.group))
                if rule.calendar is None:
                    break
            else:
                made.append((None, None))  # it would be placed by competence, which is a guess and no matrix
            found = self._ways[key] = tuple(made)
        return found

    def _joined(self, wanted: tuple[Spans, ...]) -> Spans:
        found = self._wanted.get(wanted)
        if found is None:
            found = self._wanted[wanted] = union(span for spans in wanted for span in spans)
        return found

    def _look(
        self, wanted: Spans, ways: Sequence[tuple[str | None, str | None]], allowed: tuple[str, ...]
    ) -> tuple[Gap, ...]:
        """While a line is open the ladder of the group that is competent may be called, so its second is there."""
        gaps: list[Gap] = []
        rest = wanted
        for calendar, group in ways:
            won = rest if calendar is None else common(rest, self._hours.calendars.get(calendar, ()))
            rest = () if calendar is None else without(rest, self._hours.calendars.get(calendar, ()))
            missing = won if group is None else without(won, self._someone(group, allowed))
            gaps += [Gap(since, until, group) for since, until in missing]
        return _merged(gaps)

    def _someone(self, group: str, allowed: tuple[str, ...]) -> Spans:
        key = (group, allowed)
        found = self._there.get(key)
        if found is None:
            there = [self._hours.groups.get(one.name, ()) for one in chain(group, self._groups, allowed)]
            there.append(self._hours.seconds.get(group, ()))
            found = self._there[key] = union(span for spans in there for span in spans)
        return found


def union(spans: Iterable[Span]) -> Spans:
    """All of them as one; what touches is joined.

    >>> union([(3, 5), (0, 1), (1, 2), (4, 6)])
    ((0, 2), (3, 6))
    """
    joined: list[Span] = []
    for since, until in sorted(spans):
        if since >= until:
            continue
        if joined and since <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], until))
        else:
            joined.append((since, until))
    return tuple(joined)


def common(one: Spans, other: Spans) -> Spans:
    """What both hold.

    >>> common(((0, 4), (6, 9)), ((3, 7),))
    ((3, 4), (6, 7))
    """
    found: list[Span] = []
    i = j = 0
    while i < len(one) and j < len(other):
        since, until = max(one[i][0], other[j][0]), min(one[i][1], other[j][1])
        if since < until:
            found.append((since, until))
        if one[i][1] <= other[j][1]:
            i += 1
        else:
            j += 1
    return tuple(found)


def without(one: Spans, other: Spans) -> Spans:
    """What the first holds and the second does not.

    >>> without(((0, 4), (6, 9)), ((3, 7),))
    ((0, 3), (7, 9))
    """
    found: list[Span] = []
    j = 0
    for start, until in one:
        since = start
        while j < len(other) and other[j][1] <= since:
            j += 1
        k = j
        while k < len(other) and other[k][0] < until:
            if since < other[k][0]:
                found.append((since, other[k][0]))
            since = max(since, other[k][1])
            k += 1
        if since < until:
            found.append((since, until))
    return tuple(found)


def _merged(gaps: Iterable[Gap]) -> tuple[Gap, ...]:
    joined: list[Gap] = []
    for gap in sorted(gaps, key=lambda one: one.since):
        if joined and joined[-1].until == gap.since and joined[-1].group == gap.group:
            joined[-1] = joined[-1]._replace(until=gap.until)
        else:
            joined.append(gap)
    return tuple(joined)
