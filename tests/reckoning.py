"""A report, worked out a second time: from what was exported, by code that knows nothing of the rules.

It asks a wall clock at every minute whether the service was there, and makes the whole model of a report, lists and all:
a number that it does not make is missing in it, so that who compares the two notices.
"""

from __future__ import annotations

import json
import statistics
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import accumulate
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select

from core.desk import page, reference
from core.desk.principal import HUB
from core.store import tables
from core.store.database import Database
from core.store.tx import Tx

MINUTE, SECOND = timedelta(minutes=1), timedelta(seconds=1)
AGREED = ("response", "update", "restore", "resolve", "onsite")
ENDED = ("resolved", "closed", "merged", "cancelled", "rejected")
ACTIONS = tuple(f"clock.{kind}" for kind in ("start", "pause", "resume", "stop", "cancel", "retarget"))
TAKES_BACK = {("resolve", "reopen"), ("workaround", "re-armed")}


# --- What is there to reckon from -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What was exported of a desk. `events`, `checks`: by the number of a ticket, as recorded."""

    events: Mapping[str, Sequence[Any]]
    checks: Mapping[str, Sequence[Any]]
    """`at`, `contract`, `line`, `site` and `asset` of each."""
    subjects: Mapping[str, str]
    vendors: Mapping[str, str]
    """Names by the ids of cases."""
    problems: Mapping[str, tuple[int, str, str]]
    """Number, title and customer by id."""
    calendars: Mapping[str, str]
    """Names by version."""
    alarms: Sequence[tuple[str, str, datetime]] = ()
    """What fired, the number of its ticket, and when it began."""


async def export(db: Database) -> Told:
    """Everything that somebody who may see all of it gets."""
    subjects, found = await db.read(_tickets), {}
    for number in subjects:
        events, cursor = [], None
        while True:
            part = await db.read(page.events, HUB, number, cursor=cursor, limit=100)
            events += part.items
            if (cursor := part.next) is None:
                break
        found[number] = events
    return await db.read(_rest, subjects, found)


def _tickets(tx: Tx) -> dict[str, str]:
    of = tables.ticket
    return {
        row.number: row.subject for row in tx.all(select(of.c.number, of.c.subject).order_by(of.c.number))
    }


def _rest(tx: Tx, subjects: Mapping[str, str], events: Mapping[str, Sequence[Any]]) -> Told:
    check, ticket = tables.entitlement_check, tables.ticket
    checks: dict[str, list[Any]] = defaultdict(list)
    for row in tx.all(
        select(ticket.c.number, check.c.at, check.c.contract, check.c.line, check.c.evidence)
        .select_from(check.join(ticket, ticket.c.id == check.c.ticket_id))
        .order_by(check.c.ticket_id, check.c.seq)
    ):
        by = row.evidence["inputs"]
        told = {name: by.get(name) or "" for name in ("site", "asset", "request_type", "technology")}
        checks[row.number].append({"at": row.at, "contract": row.contract, "line": row.line, **told})
    return Told(
        events=events,
        checks=checks,
        subjects=subjects,
        vendors={row.id: row.vendor for row in tx.all(select(tables.vendor_case))},
        problems={
            row.id: (row.number, row.title, row.customer or "") for row in tx.all(select(tables.problem))
        },
        calendars={one.version: name for name, one in reference.desk(tx).calendars.items()},
        alarms=_alarms(tx),
    )


def _alarms(tx: Tx) -> list[tuple[str, str, datetime]]:
    """What was decided of alarms, told again: what began, the number of the ticket it came to, and when it began."""
    decision, alert = tables.alert_decision, tables.alert
    numbers = {row.id: row.number for row in tx.all(select(tables.ticket))}
    named = {row.id: f"{row.asset or row.resource}: {row.event}" for row in tx.all(select(alert))}
    found: list[tuple[str, str, datetime]] = []
    began: dict[str, datetime] = {}
    for row in tx.all(select(decision).order_by(decision.c.alert_id, decision.c.seq)):
        if row.kind == "begun":
            began[row.alert_id] = row.at
        elif "ticket" in row.data and row.alert_id in began:
            found.append((named[row.alert_id], numbers[row.data["ticket"]], began.pop(row.alert_id)))
    return found


class Hours:
    """The opened minutes of a calendar from one instant to another, each asked for. `is_open`: of a local time."""

    def __init__(
        self, is_open: Callable[[datetime], bool], zone: ZoneInfo, since: datetime, until: datetime
    ) -> None:
        self.since, self.zone = since, zone
        local = [(since + n * MINUTE).astimezone(zone) for n in range((until - since) // MINUTE)]
        opened = [is_open(one) for one in local]
        self._before = [0, *accumulate(opened)]
        self._days: dict[date, list[datetime]] = defaultdict(list)
        for at, is_ in zip(local, opened, strict=True):
            if is_:
                self._days[at.date()].append(at)
        self._working = sorted(self._days)

    def seconds(self, since: datetime, until: datetime) -> int:
        """Opened ones in between."""
        return max(0, (self._until(until) - self._until(since)) // SECOND)

    def _until(self, at: datetime) -> timedelta:
        n, part = divmod(at - self.since, MINUTE)
        opened = self._before[n + 1] - self._before[n]
        return self._before[n] * MINUTE + opened * part

    def after(self, at: datetime, spent: timedelta) -> datetime:
        """When so much opened time has passed since."""
        wanted = self._until(at) + spent
        n = bisect_left(self._before, wanted / MINUTE)  # the end of the minute in which it is reached
        return self.since + n * MINUTE - (self._before[n] * MINUTE - wanted)

    def working_days(self, at: datetime, days: int, *, end: bool) -> datetime:
        """The same time so many working days on, or that day's last closing."""
        local = at.astimezone(self.zone)
        if not self._days[local.date()] or at > self._days[local.date()][-1] + MINUTE:
            local = self._days[next(day for day in self._working if day > local.date())][0]
        day = [day for day in self._working if day >= local.date()][days]
        if end:
            return self._days[day][-1] + MINUTE
        same = datetime.combine(day, local.time(), self.zone)
        return next(
            one for one in [*self._days[day], *self._later(day)] if one + MINUTE > same and one >= same
        )

    def _later(self, day: date) -> Iterable[datetime]:
        return self._days[next(one for one in self._working if one > day)]

    def openings(self, since: datetime, until: datetime) -> int:
        """How many working days begin in between."""
        return sum(since <= self._days[day][0] < until for day in self._working)


# --- Clocks ---------------------------------------------------------------------------------------------------


class Clock:
    """One cycle of a clock, walked minute by minute from its events."""

    def __init__(self, events: list[Any], hours: Mapping[str, Hours], end: datetime) -> None:
        merges = [e for e in events if e.data["reason"] == "merge" and e.kind != "clock.start"]
        undone = [e for pair in zip(merges[::2], merges[1::2], strict=False) for e in pair]
        events = [e for e in events if e not in undone]
        again = [
            e for e in events if e.kind == "clock.start" and e.data["reason"] in ("merge", "merge_undone")
        ]
        start = again[-1] if again else next(e for e in events if e.kind == "clock.start")
        theirs = [e for e in events if e.data["reason"] == "merged_answer"]
        back = [n for n, e in enumerate(theirs) if e.kind == "clock.resume"]
        theirs = [e for e in theirs[back[-1] + 1 if back else 0 :] if e.kind == "clock.stop"][-1:]
        self.start = start.at
        policy = next(e for e in events if e.kind == "clock.start").data["policy"]
        changes = [e for e in events if e.kind != "clock.start" and e.data["reason"] != "merged_answer"]
        changes = sorted([*changes, *theirs], key=lambda e: e.at)
        for change in changes:
            policy = change.data["policy"] or policy
        self.promise, version = policy.split("|")[:2]
        self.hours = hours[version]
        self.stop, self.why, self.cancelled = None, "", False
        self.pauses: list[list[Any]] = []
        self.holding: list[str] = []
        for e in changes:
            self._change(e.kind.removeprefix("clock."), e.data["reason"], e.at)
        self.pauses = [
            [max(a, self.start), b, why] for a, b, why in self.pauses if b is None or b > max(a, self.start)
        ]
        self.end = self.stop or end
        self.paused = sum(self.hours.seconds(a, self.over(b)) for a, b, _ in self.pauses)
        self.elapsed = self.hours.seconds(self.start, self.end) - self.paused
        self.due = self._due(self.pauses)
        due = self._due([[a, self.over(b), why] for a, b, why in self.pauses]) or end
        used = {at: self._used(at) for at in (due, self.end)}
        self.target = int(self.promise[:-1]) if self.promise.endswith("s") else used[due]
        self.late = self.end > due and used[self.end] > used[due]

    def _change(self, kind: str, reason: str, at: datetime) -> None:
        if kind == "pause" and self.stop is None and reason not in self.holding:
            if not self.holding:
                self.pauses.append([at, None, reason])
            self.holding.append(reason)
        elif kind == "resume" and self.stop is None and reason in self.holding:
            assert len(self.holding) == 1, "one reason at a time in what is played"
            self.holding.remove(reason)
            self.pauses[-1][1] = at
        elif kind == "resume" and self.stop is not None and (self.why, reason) in TAKES_BACK:
            self.pauses.append([self.stop, at, reason])
            self.stop, self.why = None, ""
        elif kind in ("stop", "cancel") and self.stop is None and at >= self.start:
            if self.holding:
                self.pauses[-1][1] = at
            self.stop, self.why, self.cancelled, self.holding = at, reason, kind == "cancel", []

    def over(self, until: datetime | None) -> datetime:
        """The end of a pause; of one that goes on, now."""
        return until or self.end

    def _used(self, at: datetime) -> int:
        """Opened seconds until then that no pause held."""
        held = sum(self.hours.seconds(min(a, at), min(self.over(b), at)) for a, b, _ in self.pauses)
        return self.hours.seconds(self.start, at) - held

    def _due(self, pauses: list[list[Any]]) -> datetime | None:
        if not self.promise.endswith("s"):
            days, _, end = self.promise.partition("wd")
            due = self.hours.working_days(self.start, int(days), end=bool(end))
            more = 0
            for since, until, _ in pauses:
                if since >= due:
                    break
                if until is None:
                    return None
                more += self.hours.openings(since, until)
                due = self.hours.working_days(self.start, int(days) + more, end=bool(end))
            return due
        left, at = int(self.promise[:-1]) * SECOND, self.start
        for since, until, _ in pauses:
            ran = self.hours.seconds(at, since) * SECOND
            if ran >= left:
                break
            if until is None:
                return None
            left, at = left - ran, until
        return self.hours.after(at, left)


def _clocks(events: list[Any], hours: Mapping[str, Hours], end: datetime) -> dict[tuple[str, int], Clock]:
    by: dict[tuple[str, int], list[Any]] = defaultdict(list)
    for e in events:
        if e.kind in ACTIONS:
            by[e.data["clock"], e.data["cycle"]].append(e)
    return {key: Clock(of, hours, end) for key, of in by.items() if any(e.kind == "clock.start" for e in of)}


# --- Tickets --------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Fact:
    """How a ticket stood at the end of a period."""

    opened: datetime
    channel: str
    state: str = "received"
    priority: str = ""
    level: int = 1
    cause: str = ""
    solved: datetime | None = None
    closed: bool = False
    reopened: bool = False
    others: bool = False
    """Somebody beside the first level had to do with it."""
    fields: dict[str, str] = field(default_factory=dict)
    states: list[tuple[datetime, str]] = field(default_factory=list)
    joined: dict[str, str] = field(default_factory=dict)
    visits: dict[str, list[Any]] = field(default_factory=dict)
    """State, start, and whether it ended in the period."""
    cases: list[str] = field(default_factory=list)
    problems: dict[str, None] = field(default_factory=dict)
    used: list[tuple[str, str, int, bool]] = field(default_factory=list)
    """Line, unit, quantity, and whether that was in the period."""
    clocks: dict[tuple[str, int], Clock] = field(default_factory=dict)
    was: dict[tuple[str, int], datetime | None] = field(default_factory=dict)

    def last(self, name: str) -> Clock | None:
        """The newest cycle of a clock."""
        cycles = [cycle for one, cycle in self.clocks if one == name]
        return self.clocks[name, max(cycles)] if cycles else None

    @property
    def hours(self) -> Hours | None:
        """By which its working time is measured."""
        return next(
            (one.hours for name in ("resolve", "restore", "response") if (one := self.last(name))), None
        )


def _fact(history: Sequence[Any], checks: Sequence[Any], since: datetime, until: datetime) -> Fact:
    opening = next(e for e in history if e.kind == "ticket.opened")
    fact = Fact(opening.at, opening.data["channel"])
    for e in history:
        if e.recorded_at >= until and e.recorded_at != opening.recorded_at:
            continue
        recent = e.recorded_at >= since
        if e.kind.startswith("ticket.") and e.data.get("to"):
            fact.state = e.data["to"]
            while fact.states and fact.states[-1][0] > e.at:
                fact.states.pop()
            if fact.states and fact.states[-1][1] == "merged":
                fact.states.pop()
            fact.states.append((e.at, e.data["to"]))
        fact.others |= e.kind in ("ticket.escalate", "ticket.wait_vendor", "visit.planned")
        fact.others |= e.kind.startswith("vendor.")
        match e.kind:
            case "ticket.described":
                fact.fields |= e.data["fields"]
            case "ticket.prioritised":
                fact.priority = e.data["priority"]
            case "ticket.routed":
                fact.level = e.data["level"]
            case "problem.linked":
                fact.problems[e.data["problem"]] = None
            case "problem.unlinked":
                fact.problems.pop(e.data["problem"])
            case "ticket.absorbed":
                fact.joined[e.data["joining"]] = e.data["number"]
            case "ticket.gave_back":
                fact.joined.pop(e.data["joining"])
            case "ticket.resolve":
                fact.cause, fact.solved = e.data["cause"], e.at if recent else None
            case "ticket.reopen":
                fact.closed = False
                fact.reopened |= fact.solved is not None and e.at - fact.solved <= timedelta(days=10)
            case "ticket.close":
                fact.closed = recent
            case "vendor.made" if recent:
                fact.cases.append(e.data["vendor_case"])
            case "visit.planned":
                fact.visits[e.data["visit"]] = ["planned", "", False]
            case "visit.confirmed" | "visit.moved":
                fact.visits[e.data["visit"]][:2] = ["confirmed", e.data["start"]]
            case "visit.check_out" | "visit.no_access" | "visit.cancelled":
                state = e.kind.removeprefix("visit.").replace("check_out", "done")
                fact.visits[e.data["visit"]] = [state, fact.visits[e.data["visit"]][1], recent]
            case "consumption.used":
                line = next(check["line"] for check in reversed(checks) if check["at"] <= e.at)
                fact.used.append((line, e.data["unit"], e.data["quantity"], recent))
    return fact


def _whose(state: str) -> str:
    return {"waiting_customer": "customer", "waiting_vendor": "vendor"}.get(
        state, "customer" if state in ENDED else "us"
    )


# --- The report -----------------------------------------------------------------------------------------------

Key = tuple[str, str, str]


@dataclass(slots=True)
class Sums:
    """Figures that are being made: by section, name and about the unit, the value and the tickets."""

    found: dict[Key, tuple[str, Any, list[str]]] = field(default_factory=dict)

    def put(self, section: str, name: str, about: str, unit: str, value: Any, of: Iterable[str]) -> None:
        """One figure."""
        assert (section, name, about) not in self.found
        self.found[section, name, about] = (unit, value, sorted(of))

    def count(self, section: str, name: str, about: str, of: Sequence[str], unit: str = "tickets") -> None:
        """How many these are."""
        self.put(section, name, about, unit, len(of), of)

    def share(self, section: str, name: str, about: str, part: int, whole: int, of: Iterable[str]) -> None:
        """How many of a hundred."""
        self.put(section, name, about, "percent", round(100 * part / whole, 1) if whole else None, of)

    def each(
        self, section: str, name: str, of: Sequence[str], key: Callable[[str], str], *, top: bool = False
    ) -> None:
        """How many of each kind; of the `top`, ten that have a name."""
        groups: dict[str, list[str]] = defaultdict(list)
        for n in of:
            groups[key(n)].append(n)
        if top:
            groups.pop("", None)
            best = sorted(groups, key=lambda about: (-len(groups[about]), about))[:10]
            groups = {about: groups[about] for about in best}
        for about, numbers in groups.items():
            self.count(section, name, about or "-", numbers)


def report(  # noqa: PLR0913 - what there is to reckon from
    told: Told,
    contract: str,
    customer: str,
    hours: Mapping[str, Hours],
    since: datetime,
    until: datetime,
    granted: Mapping[tuple[str, str], int],
) -> dict[str, Any]:
    """Figures and lists of a report, in the order of `comparable`. `granted`: by line and unit, what there was to be used when the events begin."""
    by_version = {version: hours[name] for version, name in told.calendars.items()}
    facts: dict[str, Fact] = {}
    received: dict[str, datetime] = {}
    for number, history in told.events.items():
        opening = next(e for e in history if e.kind == "ticket.opened")
        if opening.at >= until:
            continue
        fact = _fact(history, told.checks[number], since, until)
        first = opening.recorded_at
        fact.clocks = _clocks(
            [e for e in history if e.recorded_at < until or e.recorded_at == first], by_version, until
        )
        if first < since:
            was = _clocks([e for e in history if e.recorded_at < since], by_version, since)
            fact.was = {key: clock.stop for key, clock in was.items()}
        facts[number] = fact

    def receipt(number: str) -> datetime:
        fact = facts[number]
        return min([fact.opened, *(receipt(one) for one in fact.joined.values() if one in facts)])

    received = {number: receipt(number) for number in facts}
    check: dict[str, Any] = {}
    for number in list(facts):
        known = [one for one in told.checks[number] if one["at"] < until or one["at"] == facts[number].opened]
        check[number] = known[-1] if known else None
        if check[number] is None or check[number]["contract"] != contract:
            del facts[number]

    sums = Sums()
    arrived = [n for n in facts if since <= received[n] < until]
    counted = [n for n in arrived if facts[n].state not in ("merged", "cancelled")]
    sums.count("volume", "received", "", counted)
    for state in ("merged", "cancelled"):
        sums.count("volume", state, "", [n for n in arrived if facts[n].state == state])
    sums.each("volume", "by_channel", counted, lambda n: facts[n].channel)
    for name in ("request_type", "technology"):
        # What a device reports is known when its ticket is opened, and described by nobody.
        known = lambda n, name=name: facts[n].fields.get(name, check[n][name])  # noqa: E731
        sums.each("volume", f"by_{name}", counted, known)
    sums.each("volume", "by_site", counted, lambda n: check[n]["site"])
    solved = {n: at for n, fact in facts.items() if (at := fact.solved)}
    sums.count("work", "resolved", "", list(solved))
    sums.count("work", "closed", "", [n for n in facts if facts[n].closed])
    still = [n for n in facts if facts[n].state not in ENDED]
    sums.count("work", "backlog", "", still)
    for name, low, high in (("0-1", 0, 2), ("2-7", 2, 8), ("8-30", 8, 31), ("31-", 31, 99999)):
        of = [n for n in still if low <= (until - received[n]).days < high]
        sums.count("work", "backlog_age", name, of)

    misses, exclusions = _of_clocks(sums, facts)
    _of_times(sums, facts, solved, received)
    reopened = [n for n in solved if facts[n].reopened]
    alone = [n for n in solved if not facts[n].others and facts[n].level == 1]
    for name, of in (("reopened", reopened), ("first_contact", alone)):
        sums.count("quality", name, "", of)
        sums.share("quality", f"{name}_rate", "", len(of), len(solved), of)
    _of_legs(sums, facts, solved, received)
    for (line, unit), there in granted.items():
        used = [(n, q, now) for n in facts for of, u, q, now in facts[n].used if (of, u) == (line, unit)]
        recent = [(n, q) for n, q, now in used if now]
        about, numbers = f"{contract} {line}", {n for n, _ in recent}
        sums.put("consumption", "used", about, unit, sum(q for _, q in recent), numbers)
        sums.put("consumption", "left", about, unit, there - sum(q for _, q, _ in used), [])
    visits = [(n, *one) for n in facts for one in facts[n].visits.values()]
    for state in ("done", "no_access", "cancelled"):
        of = [n for n, is_, _, recent in visits if is_ == state and recent]
        sums.count("visits", state, "", of, "visits")
    agreed = [(n, start) for n, is_, start, _ in visits if is_ == "confirmed"]
    sums.count("visits", "agreed", "", [n for n, _ in agreed], "visits")
    cases = [(told.vendors[case], n) for n in facts for case in facts[n].cases]
    for vendor in {vendor for vendor, _ in cases}:
        sums.count("vendors", "cases", vendor, [n for name, n in cases if name == vendor], "cases")
    sums.each("top", "assets", list(solved), lambda n: check[n]["asset"], top=True)
    sums.each("top", "causes", list(solved), lambda n: facts[n].cause, top=True)
    fired: dict[str, list[str]] = defaultdict(list)
    for what, number, at in told.alarms:
        if number in facts and since <= at < until:
            fired[what].append(number)
    for what in sorted(fired, key=lambda one: (-len(fired[one]), one))[:10]:
        sums.put("top", "alarms", what, "alarms", len(fired[what]), set(fired[what]))
    for identity in {one for fact in facts.values() for one in fact.problems}:
        number, title, whose = told.problems[identity]
        of = [n for n in facts if identity in facts[n].problems]
        sums.count("problems", "problem", f"{number} {title if whose == customer else ''}".rstrip(), of)
    figures = [
        {"section": s, "name": n, "about": a, "unit": unit, "value": value, "tickets": of}
        for (s, n, a), (unit, value, of) in sums.found.items()
    ]
    return comparable(
        {
            "figures": figures,
            "misses": misses,
            "exclusions": exclusions,
            "planned": [{"number": n, "start": start} for n, start in agreed],
            "open": [_open(n, facts[n], told.subjects[n], received[n], until) for n in still],
        }
    )


def comparable(model: Mapping[str, Any]) -> dict[str, Any]:
    """All of a report's model, each list in an order that says nothing."""
    found = dict(model)
    found["figures"] = [one | {"tickets": sorted(one["tickets"])} for one in model["figures"]]
    for name, value in found.items():
        if isinstance(value, list):
            found[name] = sorted(value, key=lambda one: json.dumps(one, sort_keys=True))
    return found


def _of_clocks(sums: Sums, facts: Mapping[str, Fact]) -> tuple[list[Any], list[Any]]:
    """What was missed, and every pause."""
    outcome: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    paused: dict[str, int] = defaultdict(int)
    pausing: dict[str, set[str]] = defaultdict(set)
    misses, exclusions = [], []
    for number, fact in facts.items():
        for (name, cycle), clock in fact.clocks.items():
            if name not in AGREED or clock.cancelled:
                continue
            if clock.stop is None:
                how = "missed" if clock.late else "running"
            elif fact.was.get((name, cycle)) == clock.stop:
                continue
            else:
                how = "missed" if clock.late else "met"
            about = {"number": number, "clock": name}
            for which in (name, f"{name} {fact.priority or '-'}"):
                outcome[which][how].append(number)
            if how == "missed":
                times = {"target_s": clock.target, "elapsed_s": clock.elapsed}
                running = clock.stop is None
                misses.append({**about, "priority": fact.priority, **times, "running": running})
            for since, until, why in clock.pauses:
                over = clock.over(until)
                span = {"since": since.isoformat(), "until": over.isoformat()}
                seconds = clock.hours.seconds(since, over)
                exclusions.append({**about, "reason": why, **span, "seconds": seconds})
                paused[name] += seconds
                pausing[name].add(number)
    for about, by in outcome.items():
        for how in ("met", "missed", "running"):
            sums.count("clocks", how, about, by[how], "clocks")
        met, missed = len(by["met"]), len(by["missed"])
        sums.share("clocks", "kept", about, met, met + missed, {*by["met"], *by["missed"]})
    for name, seconds in paused.items():
        sums.put("exclusions", "paused", name, "seconds", seconds, pausing[name])
    return misses, exclusions


def _working(fact: Fact, since: datetime, until: datetime) -> int:
    return fact.hours.seconds(since, until) if fact.hours else max(0, (until - since) // SECOND)


def _of_times(
    sums: Sums,
    facts: Mapping[str, Fact],
    solved: Mapping[str, datetime],
    received: Mapping[str, datetime],
) -> None:
    answers = {
        n: clock.stop
        for n in solved
        if (clock := facts[n].last("response")) and clock.stop and not clock.cancelled
    }
    for name, ends in (("mtta", answers), ("mttr", solved)):
        wall = [(end - received[n]) // SECOND for n, end in ends.items()]
        working = [_working(facts[n], received[n], end) for n, end in ends.items()]
        for about, values in (("wall", wall), ("working", working)):
            ranked = sorted(values)
            enough = (k for k in range(len(values)) if 10 * (k + 1) >= 9 * len(values))
            found = {
                "mean": round(statistics.fmean(values)) if values else None,
                "median": round(statistics.median(values)) if values else None,
                "p90": ranked[next(enough)] if values else None,
            }
            for how, value in found.items():
                sums.put("times", f"{name}_{how}", about, "seconds", value, ends)


def _of_legs(
    sums: Sums,
    facts: Mapping[str, Fact],
    solved: Mapping[str, datetime],
    received: Mapping[str, datetime],
) -> None:
    legs: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for n, end in solved.items():
        turns = [(received[n], "received"), *((max(at, received[n]), to) for at, to in facts[n].states)]
        for (since, state), (ends, _) in zip(turns, [*turns[1:], (end, "")], strict=True):
            until = min(ends, end)
            if until > since:
                ours = _working(facts[n], since, until)
                legs[_whose(state)][n] += ours
                legs["outside"][n] += (until - since) // SECOND - ours
    whole = sum(sum(by.values()) for by in legs.values())
    for leg in ("us", "customer", "vendor", "outside"):
        of = [n for n, seconds in legs[leg].items() if seconds]
        sums.put("legs", "leg", leg, "seconds", sum(legs[leg].values()), of)
        sums.share("legs", "leg_share", leg, sum(legs[leg].values()), whole, of)


def _open(number: str, fact: Fact, subject: str, received: datetime, until: datetime) -> dict[str, str]:
    running = [one for one in fact.clocks.values() if one.stop is None and one.start <= until]
    due = [one.due for one in running if one.due and not one.holding]
    return {
        "number": number,
        "subject": subject,
        "state": fact.state,
        "priority": fact.priority,
        "received_at": received.isoformat(),
        "due_at": min(due).astimezone(received.tzinfo).isoformat() if due else "",
    }
