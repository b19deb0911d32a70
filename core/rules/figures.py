"""What are the figures of a period? Tickets as they stood at its end in, numbers out, each with the tickets it counts. Decisions only."""

from __future__ import annotations

import statistics
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from core.rules.clocks import ClockName
from core.rules.past import Ended, Past

AGES = (("0-1", 2), ("2-7", 8), ("8-30", 31), ("31-", None))
"""Days that a request of the backlog is old, and the first that is too many."""
PRIORITIES = ("P1", "P2", "P3", "P4")
TOP = 10
"""Assets, causes and alarms that are named."""
NINTH = 90  # percent
APART = ("merged", "cancelled")
LEGS = ("us", "customer", "vendor", "outside")


class Figure(NamedTuple):
    """One number. `value` None: there is nothing that it could be made of."""

    section: str
    name: str
    about: str  # of which channel, clock, asset ...; empty: of all
    unit: str  # tickets, percent, seconds, minutes, visits, cases or alarms
    value: float | None
    tickets: tuple[str, ...]  # numbers of those it was made of


class Used(NamedTuple):
    """What was used of a line in the period, and what of it is left at its end."""

    contract: str
    line: str
    unit: str  # minutes, tickets or visits
    used: int
    left: int | None  # None: it is not measured against anything
    tickets: tuple[str, ...]


class Alarm(NamedTuple):
    """Something that fired in the period."""

    what: str
    times: int
    tickets: tuple[str, ...]


class Problem(NamedTuple):
    """A cause that tickets of the period are put down to."""

    number: int
    title: str
    tickets: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """A period in numbers."""

    figures: tuple[Figure, ...]
    misses: tuple[Mapping[str, Any], ...]
    """number, clock, priority, target_s, elapsed_s, running."""
    exclusions: tuple[Mapping[str, Any], ...]
    """number, clock, reason, since, until, seconds: what those of a clock add up to is its paused time."""
    open: tuple[Mapping[str, Any], ...]
    """number, subject, state, priority, received_at, due_at."""
    planned: tuple[Mapping[str, Any], ...]
    """number, start: visits that are agreed."""


def figures(
    tickets: Iterable[Past],
    *,
    until: datetime,
    used: Iterable[Used] = (),
    vendors: Mapping[str, str] | None = None,
    problems: Iterable[Problem] = (),
    alarms: Iterable[Alarm] = (),
) -> Figures:
    """The figures of these tickets. `vendors`: id of a case to name."""
    known = sorted(tickets, key=lambda one: (len(one.number), one.number))
    resolved = [one for one in known if one.resolved_at is not None]
    clocks = [(one, ended) for one in known for ended in one.clocks]
    found = (
        *_volume(known),
        *_work(known, resolved, until),
        *_clocks(clocks),
        *_times(resolved),
        *_quality(resolved),
        *_legs(resolved),
        *_excluded(clocks),
        *_used(used),
        *_visits(known),
        *_vendors(known, vendors or {}),
        *_named("top", "assets", resolved, lambda one: one.check.asset if one.check else "", top=TOP),
        *_named("top", "causes", resolved, lambda one: one.cause, top=TOP),
        *(
            Figure("top", "alarms", one.what, "alarms", one.times, one.tickets)
            for one in sorted(alarms, key=lambda one: (-one.times, one.what))[:TOP]
        ),
        *(
            Figure(
                "problems",
                "problem",
                f"{one.number} {one.title}".rstrip(),
                "tickets",
                len(one.tickets),
                one.tickets,
            )
            for one in problems
        ),
    )
    return Figures(
        figures=found,
        misses=tuple(_misses(clocks)),
        exclusions=tuple(_exclusions(clocks, until)),
        open=tuple(_open(known)),
        planned=tuple(
            {"number": one.number, "start": visit.start}
            for one in known
            for visit in one.visits
            if visit.state == "confirmed"
        ),
    )


def percent(part: int, whole: int) -> float | None:
    """How many of a hundred, to one place; None: of nothing.

    >>> percent(2, 3), percent(0, 0)
    (66.7, None)
    """
    return round(100 * part / whole, 1) if whole else None


def ninth(values: Sequence[int]) -> int:
    """The smallest that 90 % are not above.

    >>> ninth([5, 1, 9]), ninth(range(1, 11))
    (9, 9)
    """
    ordered = sorted(values)
    return ordered[-(-NINTH * len(ordered) // 100) - 1]


def of(section: str, name: str, tickets: Iterable[Past], about: str = "", unit: str = "tickets") -> Figure:
    """How many these are."""
    numbers = tuple(one.number for one in tickets)
    return Figure(section, name, about, unit, len(numbers), numbers)


def _volume(known: Sequence[Past]) -> Iterator[Figure]:
    arrived = [one for one in known if one.arrived]
    counted = [one for one in arrived if one.state not in APART]
    yield of("volume", "received", counted)
    for state in APART:
        yield of("volume", state, [one for one in arrived if one.state == state])
    yield from _named("volume", "by_channel", counted, lambda one: one.channel)
    for name in ("request_type", "technology", "site"):
        yield from _named(
            "volume", f"by_{name}", counted, lambda one, name=name: getattr(one.check, name, "") or ""
        )


def _named(
    section: str, name: str, tickets: Iterable[Past], key: Callable[..., str], *, top: int | None = None
) -> Iterator[Figure]:
    """How many of each, the most first; of `top` those without a name are left out."""
    groups: dict[str, list[Past]] = defaultdict(list)
    for one in tickets:
        groups[key(one)].append(one)
    if top is not None:
        groups.pop("", None)
    for about in sorted(groups, key=lambda about: (-len(groups[about]), about))[:top]:
        yield of(section, name, groups[about], about or "-")


def _work(known: Sequence[Past], resolved: Sequence[Past], until: datetime) -> Iterator[Figure]:
    yield of("work", "resolved", resolved)
    yield of("work", "closed", [one for one in known if one.closed])
    still = [one for one in known if one.open]
    yield of("work", "backlog", still)
    ages = {one.number: (until - one.received_at).days for one in still}
    first = 0
    for about, after in AGES:
        within = [
            one for one in still if first <= ages[one.number] and (after is None or ages[one.number] < after)
        ]
        yield of("work", "backlog_age", within, about)
        first = after or 0


def _clocks(clocks: Sequence[tuple[Past, Ended]]) -> Iterator[Figure]:
    groups: dict[str, list[tuple[Past, Ended]]] = defaultdict(list)
    for one, ended in clocks:
        groups[str(ended.clock.name)].append((one, ended))
        groups[f"{ended.clock.name} {one.priority or '-'}"].append((one, ended))
    order = [str(name) for name in ClockName]
    for about in sorted(groups, key=lambda about: (order.index(about.partition(" ")[0]), about)):
        by = Counter(ended.outcome for _, ended in groups[about])
        for outcome in ("met", "missed", "running"):
            numbers = tuple(one.number for one, ended in groups[about] if ended.outcome == outcome)
            yield Figure("clocks", outcome, about, "clocks", by[outcome], numbers)
        judged = [one.number for one, ended in groups[about] if ended.outcome != "running"]
        kept = percent(by["met"], by["met"] + by["missed"])
        yield Figure("clocks", "kept", about, "percent", kept, tuple(dict.fromkeys(judged)))


def _times(resolved: Sequence[Past]) -> Iterator[Figure]:
    answered = [one for one in resolved if one.responded_at is not None]
    for name, tickets, wall, working in (
        ("mtta", answered, _answered, lambda one: one.answered_working_s),
        ("mttr", resolved, _took, lambda one: one.working_s),
    ):
        numbers = tuple(one.number for one in tickets)
        for about, seconds in (("wall", wall), ("working", working)):
            values = [seconds(one) for one in tickets]
            for how, counted in (("mean", statistics.fmean), ("median", statistics.median), ("p90", ninth)):
                value = round(counted(values)) if values else None
                yield Figure("times", f"{name}_{how}", about, "seconds", value, numbers)


def _answered(one: Past) -> int:
    return _seconds(one.received_at, one.responded_at or one.received_at)


def _took(one: Past) -> int:
    return _seconds(one.received_at, one.resolved_at or one.received_at)


def _seconds(since: datetime, until: datetime) -> int:
    return int((until - since).total_seconds())


def _quality(resolved: Sequence[Past]) -> Iterator[Figure]:
    for name, tickets in (
        ("reopened", [one for one in resolved if one.reopened]),
        ("first_contact", [one for one in resolved if one.first_contact]),
    ):
        yield of("quality", name, tickets)
        numbers = tuple(one.number for one in tickets)
        yield Figure("quality", f"{name}_rate", "", "percent", percent(len(tickets), len(resolved)), numbers)


def _legs(resolved: Sequence[Past]) -> Iterator[Figure]:
    whole = sum(sum(one.legs.values()) for one in resolved)
    for leg in LEGS:
        seconds = sum(one.legs.get(leg, 0) for one in resolved)
        numbers = tuple(one.number for one in resolved if one.legs.get(leg))
        yield Figure("legs", "leg", leg, "seconds", seconds, numbers)
        yield Figure("legs", "leg_share", leg, "percent", percent(seconds, whole), numbers)


def _excluded(clocks: Sequence[tuple[Past, Ended]]) -> Iterator[Figure]:
    for name in ClockName:
        paused = [
            (one, ended.clock) for one, ended in clocks if ended.clock.name is name and ended.clock.pauses
        ]
        if paused:
            seconds = sum(clock.paused_s for _, clock in paused)
            numbers = tuple(dict.fromkeys(one.number for one, _ in paused))
            yield Figure("exclusions", "paused", str(name), "seconds", seconds, numbers)


def _used(used: Iterable[Used]) -> Iterator[Figure]:
    for one in used:
        about = f"{one.contract} {one.line}"
        yield Figure("consumption", "used", about, one.unit, one.used, one.tickets)
        if one.left is not None:
            yield Figure("consumption", "left", about, one.unit, one.left, ())


def _visits(known: Sequence[Past]) -> Iterator[Figure]:
    for state in ("done", "no_access", "cancelled"):
        numbers = [
            one.number for one in known for visit in one.visits if visit.in_period and visit.state == state
        ]
        yield Figure("visits", state, "", "visits", len(numbers), tuple(numbers))
    ahead = [one.number for one in known for visit in one.visits if visit.state == "confirmed"]
    yield Figure("visits", "agreed", "", "visits", len(ahead), tuple(ahead))


def _vendors(known: Sequence[Past], names: Mapping[str, str]) -> Iterator[Figure]:
    by: dict[str, list[str]] = defaultdict(list)
    for one in known:
        for case in one.vendors:
            by[names.get(case, "-")].append(one.number)
    for name in sorted(by):
        yield Figure("vendors", "cases", name, "cases", len(by[name]), tuple(by[name]))


def _misses(clocks: Sequence[tuple[Past, Ended]]) -> Iterator[Mapping[str, Any]]:
    for one, ended in clocks:
        if ended.outcome == "missed":
            yield {
                "number": one.number,
                "clock": str(ended.clock.name),
                "priority": one.priority,
                "target_s": ended.clock.target_s,
                "elapsed_s": ended.clock.elapsed_s,
                "running": not ended.clock.ended,
            }


def _exclusions(clocks: Sequence[tuple[Past, Ended]], until: datetime) -> Iterator[Mapping[str, Any]]:
    for one, (clock, _) in clocks:
        for pause in clock.pauses:
            end = min(pause.until or until, clock.stopped_at or until)
            yield {
                "number": one.number,
                "clock": str(clock.name),
                "reason": pause.reason,
                "since": pause.since.isoformat(),
                "until": end.isoformat(),
                "seconds": clock.policy.calendar.elapsed(pause.since, end),
            }


def _open(known: Sequence[Past]) -> Iterator[Mapping[str, Any]]:
    for one in known:
        if one.open:
            yield {
                "number": one.number,
                "subject": one.subject,
                "state": one.state,
                "priority": one.priority,
                "received_at": one.received_at.isoformat(),
                "due_at": one.due_at.isoformat() if one.due_at else "",
            }
