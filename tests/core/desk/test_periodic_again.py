"""A month is played, with the night on which the clock is set back, merges, reopenings, other priorities and late entries.

Then every number of its report is worked out a second time, from the events as they are exported and by code that knows
nothing of the rules: it walks through every minute, and asks a wall clock whether the service was there.
"""

from __future__ import annotations

import random
import statistics
from collections import defaultdict
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from core.desk import (
    books,
    joining,
    page,
    periodic,
    periodic_values,
    prioritising,
    reference,
    resolution,
    tickets,
)
from core.desk.errors import DeskError
from tests.desk_at_work import CONFIGURED, PASSED, SOLUTION, AtWork, at_work

ROME = ZoneInfo("Europe/Rome")
BEGIN = datetime(2026, 10, 24, 9, tzinfo=UTC)
UNTIL = datetime(2026, 10, 31, 23, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
AGREED = ("response", "update", "restore", "resolve", "onsite")
DESK = CONFIGURED.replace(
    'weekly = ["mon-fri 09:00-13:00", "mon-fri 14:00-18:00"]',
    'weekly = ["mon-sun 00:00-06:00", "mon-sun 09:00-18:00"]',
).replace(
    "[slas.targets.P4]",
    '[slas.targets.P2]\nresponse = "1h"\nupdate = "9h"\nrestore = "6h"\nresolve = "8h"\n[slas.targets.P4]',
)


def is_open(calendar: str, at: datetime) -> bool:
    if calendar == "24x7":
        return True
    local = at.astimezone(
        ROME
    )  # a bound that comes twice means the first time: none lies in the hour that does
    return local.hour < 6 or 9 <= local.hour < 18


# --- The month ----------------------------------------------------------------------------------------------


class Month:
    def __init__(self, desk: AtWork, seed: int) -> None:
        self.desk, self.dice, self.numbers = desk, random.Random(seed), []

    async def comes(self) -> None:
        number = (await self.desk.mail("alice@acme.test")).number
        technology, urgency = self.dice.choice(("Network", "Server")), self.dice.choice((2, 3))
        await self.desk.qualify(
            number, technology=technology, impact=self.dice.choice((2, 3)), urgency=urgency
        )
        self.numbers.append(number)

    async def turns_out_well(self) -> None:
        """Solved in time, opened again and solved; and one that was the same request."""
        ann, lea = await self.desk.who("ann"), await self.desk.who("lea")
        first, second = await self.desk.taken(), await self.desk.taken()
        self.numbers += [first, second]
        self.desk.passes(minutes=20)
        await self.desk.do(resolution.resolve, ann, first, **SOLUTION)
        self.desk.passes(minutes=30)
        await self.desk.do(resolution.reopen, lea, first, reason="non va")
        await self.desk.do(joining.merge, lea, second, into=first)
        await self.desk.do(resolution.resolve, ann, first, **SOLUTION)
        await self.desk.do(resolution.close, ann, first)

    async def act(self) -> None:
        number = self.dice.choice(self.numbers)
        ann, lea = await self.desk.who("ann"), await self.desk.who("lea")
        state = (await self.desk.ticket(number)).state
        earlier = self.desk.now - self.dice.randrange(1, 30) * MINUTE
        do = self.desk.do
        acts: list[Any] = {
            "assigned": [lambda: do(tickets.take, ann, number, at=earlier)],
            "in_progress": [
                lambda: do(tickets.wait, ann, number, "Quale?"),
                lambda: do(tickets.escalate, ann, number, reason="un esperto", group="Network L2"),
                lambda: do(resolution.resolve, ann, number, **SOLUTION, at=earlier),
                lambda: do(resolution.resolve, ann, number, **SOLUTION | {"cause": "hardware"}),
            ],
            "waiting_customer": [
                lambda: self.mail(number),
                lambda: do(tickets.resume, lea, number),
            ],
            "resolved": [
                lambda: do(resolution.reopen, lea, number, reason="non va"),
                lambda: do(resolution.reopen, lea, number, reason="ancora"),
                lambda: do(resolution.close, ann, number),
            ],
            "merged": [lambda: do(joining.undo, lea, number)],
        }.get(state, [])
        if state not in ("closed", "resolved", "merged"):
            other = self.dice.choice(self.numbers)
            acts.append(
                lambda: do(
                    prioritising.override, lea, number, priority=self.dice.choice(("P2", "P3")), reason="così"
                )
            )
            if self.dice.random() < 0.6:
                acts.append(lambda: do(joining.merge, lea, number, into=other))
        if acts:
            with suppress(DeskError):
                await self.dice.choice(acts)()

    async def mail(self, number: str) -> None:
        refs = (await self.desk.ref(number),)
        await self.desk.mail("alice@acme.test", own_refs=refs, authentication=PASSED)


# --- The second way -----------------------------------------------------------------------------------------


def target_of(policy: str) -> int:
    return int(policy.split("|", maxsplit=1)[0].removesuffix("s")) // 60


class Clock:
    """One cycle of a clock, walked minute by minute from its events."""

    def __init__(self, events: list[Any], calendars: dict[str, str], end: datetime) -> None:
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
        self.target, self.calendar = target_of(policy), calendars[policy.split("|")[1]]
        self.stop, self.why, self.cancelled = None, "", False
        self.pauses: list[list[Any]] = []
        holding: list[str] = []
        for e in changes:
            kind, reason = e.kind.removeprefix("clock."), e.data["reason"]
            if kind == "pause" and self.stop is None and reason not in holding:
                if not holding:
                    self.pauses.append([e.at, None, reason])
                holding.append(reason)
            elif kind == "resume" and self.stop is None and reason in holding:
                assert len(holding) == 1, "one reason at a time in this play"
                holding.remove(reason)
                self.pauses[-1][1] = e.at
            elif kind == "resume" and self.stop is not None and (self.why, reason) == ("resolve", "reopen"):
                self.pauses.append([self.stop, e.at, reason])
                self.stop, self.why = None, ""
            elif kind in ("stop", "cancel") and self.stop is None and e.at >= self.start:
                if holding:
                    self.pauses[-1][1] = e.at
                self.stop, self.why, self.cancelled, holding = e.at, reason, kind == "cancel", []
        self.pauses = [
            [max(a, self.start), b, why] for a, b, why in self.pauses if b is None or b > max(a, self.start)
        ]
        self.end = self.stop or end
        self.elapsed = sum(
            is_open(self.calendar, at) and not self.held(at) for at in minutes(self.start, self.end)
        )
        self.late = self.elapsed > self.target

    def held(self, at: datetime) -> bool:
        return any(a <= at < (b or self.end) for a, b, _ in self.pauses)


def minutes(since: datetime, until: datetime):
    at = since
    while at < until:
        yield at
        at += MINUTE


def opened_minutes(calendar: str, since: datetime, until: datetime) -> int:
    return sum(is_open(calendar, at) for at in minutes(since, until))


def clocks_of(events: list[Any], calendars: dict[str, str], end: datetime) -> dict[tuple[str, int], Clock]:
    by: dict[tuple[str, int], list[Any]] = defaultdict(list)
    for e in events:
        if e.kind in tuple(f"clock.{k}" for k in ("start", "pause", "resume", "stop", "cancel", "retarget")):
            by[e.data["clock"], e.data["cycle"]].append(e)
    return {
        key: Clock(of, calendars, end) for key, of in by.items() if any(e.kind == "clock.start" for e in of)
    }


def whose(states: list[tuple[datetime, str]], at: datetime) -> str:
    state = "received"
    for when, to in states:
        if when <= at:
            state = to
    theirs = {"waiting_customer": "customer", "resolved": "customer", "closed": "customer"}
    return theirs.get(state, "us")


def again(
    history: dict[str, list[Any]],
    lines: dict[str, str],
    calendars: dict[str, str],
    since: datetime,
    until: datetime,
):
    """Every number of the report: (section, name, about) to its value and its tickets."""
    found: dict[tuple[str, str, str], tuple[Any, list[str]]] = {}
    facts: dict[str, dict[str, Any]] = {}
    opened = {
        number: next(e for e in events if e.kind == "ticket.opened") for number, events in history.items()
    }
    for number in sorted(history):
        if opened[number].at >= until:
            continue
        first = opened[number].recorded_at
        events = [e for e in history[number] if e.recorded_at < until or e.recorded_at == first]
        before = [e for e in history[number] if e.recorded_at < since or e.recorded_at == first]
        fact: dict[str, Any] = {"state": "received", "priority": "", "level": 1, "states": []}
        joined: dict[str, str] = {}
        for e in events:
            if e.kind.startswith("ticket.") and e.data.get("to"):
                fact["state"] = e.data["to"]
                while fact["states"] and fact["states"][-1][0] > e.at:
                    fact["states"].pop()
                if fact["states"] and fact["states"][-1][1] == "merged":
                    fact["states"].pop()
                fact["states"].append((e.at, e.data["to"]))
            match e.kind:
                case "ticket.prioritised":
                    fact["priority"] = e.data["priority"]
                case "ticket.routed":
                    fact["level"] = e.data["level"]
                case "ticket.escalate":
                    fact["escalated"] = True
                case "problem.linked":
                    fact["problem"] = e.data["problem"]
                case "ticket.absorbed":
                    joined[e.data["joining"]] = e.data["number"]
                case "ticket.gave_back":
                    joined.pop(e.data["joining"])
                case "ticket.resolve":
                    fact |= {"cause": e.data["cause"], "solved": e.at if e.recorded_at >= since else None}
                case "ticket.reopen":
                    fact["closed"] = False
                    if fact.get("solved") and e.at - fact["solved"] <= timedelta(days=10):
                        fact["reopened"] = True
                case "ticket.close":
                    fact["closed"] = e.recorded_at >= since
        fact["joined"] = joined.values()
        fact["clocks"] = clocks_of(events, calendars, until)
        was = clocks_of(before, calendars, since) if first < since else {}
        fact["was"] = {key: clock.stop for key, clock in was.items()}
        facts[number] = fact

    def received(number: str) -> datetime:
        return min(
            [opened[number].at, *(received(one) for one in facts.get(number, {"joined": ()})["joined"])]
        )

    def count(section: str, name: str, about: str, numbers: list[str]) -> None:
        found[section, name, about] = (len(numbers), numbers)

    def share(section: str, name: str, part: int, whole: int, about: str, numbers: list[str]) -> None:
        found[section, name, about] = (round(100 * part / whole, 1) if whole else None, numbers)

    arrived = [n for n in facts if since <= received(n) < until]
    counted = [n for n in arrived if facts[n]["state"] not in ("merged", "cancelled")]
    count("volume", "received", "", counted)
    for state in ("merged", "cancelled"):
        count("volume", state, "", [n for n in arrived if facts[n]["state"] == state])
    if counted:
        count("volume", "by_channel", "email", counted)
        count("volume", "by_request_type", "Incident", counted)
        count("volume", "by_site", "-", counted)
    for line in ("Network", "Server"):
        of = [n for n in counted if lines[n] == line]
        if of:
            count("volume", "by_technology", line, of)
    solved = [n for n in facts if facts[n].get("solved")]
    count("work", "resolved", "", solved)
    count("work", "closed", "", [n for n in facts if facts[n].get("closed")])
    ended = ("resolved", "closed", "merged", "cancelled", "rejected")
    still = [n for n in facts if facts[n]["state"] not in ended]
    count("work", "backlog", "", still)
    for name, low, high in (("0-1", 0, 2), ("2-7", 2, 8), ("8-30", 8, 31), ("31-", 31, 99999)):
        count("work", "backlog_age", name, [n for n in still if low <= (until - received(n)).days < high])

    outcome: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    paused: dict[str, int] = defaultdict(int)
    pausing: dict[str, list[str]] = defaultdict(list)
    for number, fact in facts.items():
        for (name, cycle), clock in sorted(fact["clocks"].items(), key=lambda one: one[1].start):
            if name not in AGREED or clock.cancelled:
                continue
            if clock.stop is None:
                how = "missed" if clock.late else "running"
            elif fact["was"].get((name, cycle)) == clock.stop:
                continue
            else:
                how = "missed" if clock.late else "met"
            for about in (name, f"{name} {fact['priority']}"):
                outcome[about][how].append(number)
            seconds = 60 * sum(opened_minutes(clock.calendar, a, b or clock.end) for a, b, _ in clock.pauses)
            if clock.pauses:
                paused[name] += seconds
                pausing[name].append(number)
    for about, by in outcome.items():
        for how in ("met", "missed", "running"):
            count("clocks", how, about, sorted(by[how]))
        met, missed = len(by["met"]), len(by["missed"])
        share("clocks", "kept", met, met + missed, about, sorted({*by["met"], *by["missed"]}))
    for name, seconds in paused.items():
        found["exclusions", "paused", name] = (seconds, sorted(set(pausing[name])))

    def calendar(number: str) -> str:
        return next(
            facts[number]["clocks"][name, 1].calendar
            for name in ("resolve", "response")
            if (name, 1) in facts[number]["clocks"]
        )

    answers = {
        n: facts[n]["clocks"]["response", 1].stop
        for n in solved
        if not facts[n]["clocks"]["response", 1].cancelled
    }
    answered = [n for n in solved if answers.get(n)]
    for name, of, end in (
        ("mtta", answered, answers),
        ("mttr", solved, {n: facts[n]["solved"] for n in solved}),
    ):
        wall = [(end[n] - received(n)).total_seconds() for n in of]
        working = [60 * opened_minutes(calendar(n), received(n), end[n]) for n in of]
        for about, values in (("wall", wall), ("working", working)):
            nine = (
                sorted(values)[next(k for k in range(len(values)) if 10 * (k + 1) >= 9 * len(values))]
                if values
                else None
            )
            for how, value in (
                ("mean", values and round(statistics.fmean(values))),
                ("median", values and round(statistics.median(values))),
                ("p90", nine),
            ):
                found["times", f"{name}_{how}", about] = (value if values else None, of)
    reopened = [n for n in solved if facts[n].get("reopened")]
    alone = [n for n in solved if not facts[n].get("escalated") and facts[n]["level"] == 1]
    for name, of in (("reopened", reopened), ("first_contact", alone)):
        count("quality", name, "", of)
        share("quality", f"{name}_rate", len(of), len(solved), "", of)
    legs: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for n in solved:
        for at in minutes(received(n), facts[n]["solved"]):
            leg = whose(facts[n]["states"], at) if is_open(calendar(n), at) else "outside"
            legs[leg][n] += 60
    whole = sum(sum(by.values()) for by in legs.values())
    for leg in ("us", "customer", "vendor", "outside"):
        found["legs", "leg", leg] = (sum(legs[leg].values()), sorted(legs[leg]))
        share("legs", "leg_share", sum(legs[leg].values()), whole, leg, sorted(legs[leg]))
    for state in ("done", "no_access", "cancelled", "agreed"):
        count("visits", state, "", [])
    linked = [n for n in facts if facts[n].get("problem")]
    if linked:
        assert len({facts[n]["problem"] for n in linked}) == 1
        count("problems", "problem", "1 Rete ferma", linked)
    for cause in ("hardware", "network"):
        of = [n for n in solved if facts[n]["cause"] == cause]
        if of:
            count("top", "causes", cause, of)
    return found


async def export(desk: AtWork, number: str) -> list[Any]:
    found, cursor = [], None
    while True:
        part = await desk.db.read(page.events, await desk.who("lea"), number, cursor=cursor, limit=100)
        found += part.items
        if (cursor := part.next) is None:
            return found


async def test_every_number_of_a_report_comes_out_again_from_the_events(db):
    desk = await at_work(db, DESK)
    desk.now = BEGIN
    month = Month(desk, 11)
    for _ in range(6):
        await month.comes()
        desk.passes(minutes=41)
    instants = sorted(month.dice.randrange(9 * 1440) for _ in range(130))
    for n, minute in enumerate(instants):
        desk.now = max(desk.now, BEGIN + timedelta(hours=5) + minute * MINUTE)
        await (month.comes() if n % 12 == 0 else month.act())
        if n == len(instants) // 2:
            await month.turns_out_well()
    desk.now = UNTIL + timedelta(days=4)

    calendars = await desk.db.read(
        lambda tx: {h.version: name for name, h in reference.desk(tx).calendars.items()}
    )
    history = {}
    for number in month.numbers:
        history[number] = await export(desk, number)
    lines = {number: (await desk.ticket(number)).technology for number in month.numbers}
    zone = {"2026-10": (datetime(2026, 9, 30, 22, tzinfo=UTC), UNTIL)}
    zone["2026-W44"] = (datetime(2026, 10, 25, 23, tzinfo=UTC), datetime(2026, 11, 1, 23, tzinfo=UTC))
    seen: set[str] = set()
    for period, (since, until) in zone.items():
        of = await desk.db.read(periodic_values.wanted, "C-1", period, draft=False, now=desk.now)
        made = await desk.db.read(periodic.made, of)
        assert (made.values["since"], made.values["until"]) == (since.isoformat(), until.isoformat())
        second = again(history, lines, calendars, since, until)
        first = {
            (one["section"], one["name"], one["about"]): (one["value"], sorted(one["tickets"]))
            for one in made.values["figures"]
        }
        assert first.keys() == second.keys(), first.keys() ^ second.keys()
        for key, (value, of) in second.items():
            assert first[key] == (value, sorted(of)), (period, key)
        sums: dict[str, int] = defaultdict(int)
        for one in made.values["exclusions"]:
            sums[one["clock"]] += one["seconds"]
        assert sums == {about: first[s, n, about][0] for s, n, about in first if n == "paused"}
        seen |= {f"{n} {about}".strip() for s, n, about in first if first[s, n, about][0]}
    assert {
        "reopened",
        "merged",
        "met resolve",
        "missed resolve",
        "running resolve",
        "paused restore",
        "backlog",
    } <= seen
    assert (await db.read(books.verify, now=desk.now)).faults == ()
