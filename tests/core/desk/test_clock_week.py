"""A week is played with the night on which the clock is set back, a holiday, and a calendar that is edited in the middle of it.

Then it is all worked out a second time.

The second way knows nothing of the rules: it reads the events as they are exported, walks through every minute, and asks a
wall clock whether the service was there.
"""

from __future__ import annotations

import random
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from core.desk import books, clock_changes, page, reference, resolution, tickets, timing
from core.desk.errors import DeskError
from core.desk.principal import HUB
from core.store import tables
from tests.desk_at_work import CONFIGURED, PASSED, SOLUTION, AtWork, at_work
from tests.desk_files import put

ROME = ZoneInfo("Europe/Rome")
SATURDAY = datetime(
    2026, 10, 24, 9, tzinfo=UTC
)  # the clock is set back in the night; All Saints' is the Sunday after
DAYS = 9
MINUTE = timedelta(minutes=1)
WEEK = (
    CONFIGURED.replace(
        'weekly = ["mon-fri 09:00-13:00", "mon-fri 14:00-18:00"]',
        'weekly = ["mon-sun 00:00-06:00", "mon-sun 09:00-13:00", "mon-sun 14:00-18:00"]\nholidays = "IT"',
    )
    .replace('response = "15m"\nupdate = "1h"', 'response = "1h"\nupdate = "2h"')
    .replace(
        "[slas.targets.P4]",
        '[slas.targets.P2]\nresponse = "1h"\nrestore = "12h"\nresolve = "16h"\n[slas.targets.P4]',
    )
)

EDITED = WEEK.replace('"mon-sun 14:00-18:00"', '"mon-sun 15:00-20:00"').replace("00:00-06:00", "00:00-04:00")
EDITED_AT = SATURDAY + timedelta(days=4, hours=5)  # in the middle of an afternoon

# --- The second way -----------------------------------------------------------------------------------------


def is_open(calendar: str, at: datetime) -> bool:
    if calendar == "24x7":
        return True
    local = at.astimezone(ROME)
    hour = local.hour + local.minute / 60
    # A bound that comes twice means the first time: none of these lies in the hour that does.
    if local.date() == date(2026, 11, 1):
        return False
    if calendar == "Office edited":
        return hour < 4 or 9 <= hour < 13 or 15 <= hour < 20
    return hour < 6 or 9 <= hour < 13 or 14 <= hour < 18


@dataclass
class Walked:
    """One cycle of a clock, walked through minute by minute."""

    start: datetime
    target: int
    calendar: str
    changes: list[tuple[datetime, str, str]] = field(default_factory=list)
    retargeted: bool = False
    before: str = ""
    """By which calendar it ran until this was edited; empty: by no other."""

    def until_edited(self) -> Walked:
        """As it ran before: what was found out then was true then."""
        changes = [one for one in self.changes if one[0] < EDITED_AT]
        return replace(self, calendar=self.before or self.calendar, changes=changes)

    def walk(self, now: datetime):
        """Counted and paused minutes, due, stop, and when each minute of the target was used up."""
        holding: list[str] = []
        stopped = None
        counted, paused, used = 0, 0, {}
        at, due = self.start, None
        changes = sorted(self.changes, key=lambda one: one[0])
        end = now + timedelta(days=20)
        ended_by = ""
        while at < end:
            while changes and changes[0][0] <= at:
                _, kind, reason = changes.pop(0)
                if kind == "pause" and stopped is None and reason not in holding:
                    holding.append(reason)
                elif kind == "resume" and stopped is None and reason in holding:
                    holding.remove(reason)
                elif kind == "resume" and stopped is not None and (ended_by, reason) == ("resolve", "reopen"):
                    stopped = None
                elif kind in ("stop", "cancel") and stopped is None:
                    stopped, ended_by, holding = at, reason, []
            past = at >= now
            if past and (holding or stopped is not None or due is not None):
                break
            if is_open(self.calendar, at):
                if stopped is not None or holding:
                    paused += 0 if past else 1
                else:
                    counted += 1
                    used.setdefault(counted, at)
                    if counted == self.target:
                        due = at + MINUTE
            at += MINUTE
        return counted, paused, due, stopped, used


def walked(events, calendars: dict[str, str], now: datetime) -> dict[tuple[str, int], Walked]:
    """Each clock, from the events as they are exported."""
    found: dict[tuple[str, int], Walked] = {}
    for event in sorted((e for e in events if e.kind.startswith("clock.")), key=lambda e: (e.at, e.seq)):
        kind = event.kind.removeprefix("clock.")
        if kind == "recalendar":
            assert (event.at, event.data["cause"]) == (EDITED_AT, "Office")
            for moved in event.data["clocks"]:
                one = found[moved["clock"], moved["cycle"]]
                target, version, _, _ = moved["policy"].split("|", 3)
                assert int(target.removesuffix("s")) == one.target * 60, "the promise is the same"
                one.before, one.calendar = one.calendar, calendars[version]
            continue
        key = event.data["clock"], event.data["cycle"]
        if kind in ("start", "retarget"):
            target, version, _, _ = event.data["policy"].split("|", 3)
            minutes = int(target.removesuffix("s")) // 60
            if kind == "start":
                found[key] = Walked(event.at, minutes, calendars[version])
            else:
                one = found[key]
                one.target, one.calendar, one.retargeted = minutes, calendars[version], True
        elif kind in ("pause", "resume", "stop", "cancel"):
            found[key].changes.append((event.at, kind, event.data["reason"]))
    return found


# --- The week -----------------------------------------------------------------------------------------------


class Week:
    """Acts on a few tickets, at whole minutes; every timer rings at its instant."""

    def __init__(self, desk: AtWork, seed: int) -> None:
        self.desk, self.dice, self.numbers = desk, random.Random(seed), []

    async def until(self, at: datetime) -> None:
        """Let the timers of clocks ring that are due by then, each at its time."""
        while rings := [j for j in await self.desk.rows(tables.job, kind="clocks") if j.due <= at]:
            first = min(rings, key=lambda job: job.due)
            self.desk.now = max(first.due, self.desk.now)
            await self.desk.db.write(timing.check, first.shard, now=self.desk.now)
        self.desk.now = at

    async def edit(self) -> None:
        """The calendar has other hours from now on, and open tickets come under it."""
        await self.desk.db.write(put, EDITED, now=self.desk.now)
        await self.desk.db.write(clock_changes.begin, HUB, "Office", now=self.desk.now)
        while jobs := await self.desk.rows(tables.job, kind=clock_changes.KIND):
            await self.desk.work()
            assert len(jobs) == 1

    async def act(self) -> None:
        number = self.dice.choice(self.numbers)
        ann, lea = await self.desk.who("ann"), await self.desk.who("lea")
        state = (await self.desk.ticket(number)).state
        earlier = self.desk.now - self.dice.randrange(1, 30) * MINUTE
        acts = {
            "assigned": [lambda: self.desk.do(tickets.take, ann, number, at=earlier)],
            "in_progress": [
                lambda: self.desk.do(tickets.wait, ann, number, "Quale?"),
                lambda: self.desk.do(tickets.reply, ann, number, "Ecco."),
                lambda: self.desk.do(
                    tickets.escalate, ann, number, reason="serve un esperto", group=self.other
                ),
                lambda: self.desk.do(resolution.resolve, ann, number, **SOLUTION),
            ],
            "waiting_customer": [
                lambda: self.mail(number),
                lambda: self.desk.do(tickets.resume, lea, number),
            ],
            "resolved": [lambda: self.desk.do(resolution.reopen, lea, number, reason="non va")],
        }.get(state, [])
        change = lambda: self.desk.do(  # noqa: E731 - one of a list
            tickets.qualify,
            lea,
            number,
            impact=self.dice.choice((1, 2, 3)),
            urgency=self.dice.choice((1, 2, 3)),
        )
        if (
            number in self.numbers[:2]
        ):  # the others keep their promise, and every level of it can be worked out
            acts.append(change)
        if acts:
            with suppress(DeskError):
                await self.dice.choice(acts)()

    @property
    def other(self) -> str:
        return self.dice.choice(("Network L1", "Network L2", "Systems"))

    async def mail(self, number: str) -> None:
        await self.desk.mail(
            "alice@acme.test", own_refs=(await self.desk.ref(number),), authentication=PASSED
        )


async def calendars(desk: AtWork) -> dict[str, str]:
    """By the versions that are in force."""
    return await desk.db.read(
        lambda tx: {h.version: name for name, h in reference.desk(tx).calendars.items()}
    )


async def export(desk: AtWork, number: str):
    """All events of a ticket, page by page as the API gives them."""
    found, cursor = [], None
    while True:
        part = await desk.db.read(page.events, await desk.who("lea"), number, cursor=cursor, limit=100)
        found += part.items
        if (cursor := part.next) is None:
            return found


async def test_a_week_is_right_minute_by_minute_when_it_is_worked_out_a_second_time(db):
    desk = await at_work(db, WEEK)
    desk.now = SATURDAY
    week = Week(desk, 7)
    for technology, impact, urgency in (
        ("Server", 3, 2),
        ("Network", 2, 2),
        ("Server", 1, 2),
        ("Server", 3, 3),
    ):
        number = (await desk.mail("alice@acme.test")).number
        await desk.qualify(number, technology=technology, impact=impact, urgency=urgency)
        week.numbers.append(number)
        desk.passes(minutes=37)
    acts = 60
    instants = sorted(week.dice.randrange(DAYS * 1440) for _ in range(acts))
    known = await calendars(desk)
    for minutes in instants:
        at = SATURDAY + timedelta(hours=4) + minutes * MINUTE
        if desk.now < EDITED_AT <= at:
            await week.until(EDITED_AT - timedelta(hours=2))
            left_alone = await desk.qualify(
                (await desk.mail("alice@acme.test")).number, technology="Server", urgency=3
            )
            await week.until(EDITED_AT)
            await week.edit()
            known |= {v: "Office edited" for v, name in (await calendars(desk)).items() if name == "Office"}
        await week.until(at)
        await week.act()
    end = SATURDAY + timedelta(days=DAYS + 1)
    await week.until(end)

    seen: dict[str, int] = defaultdict(int)
    for number in (*week.numbers, left_alone):
        exported = await export(desk, number)
        notices = defaultdict(dict)
        for row in await desk.rows(tables.sla_notice, number):
            notices[row.clock, row.cycle][row.level] = row
        standing = {(row.name, row.cycle): row for row in await desk.rows(tables.sla_clock, number)}
        again = walked(exported, known, end)
        assert again.keys() == standing.keys()
        for key, one in again.items():
            cached = standing[key]
            as_of = cached.stopped_at or desk.now
            counted, paused, due, stopped, used = one.walk(as_of if cached.stopped_at else end)
            where = (number, key)
            assert stopped == cached.stopped_at, where
            assert due == cached.due_at or (stopped is not None and due is None), where
            assert (cached.breached_at is not None) == (
                one.target in used and used[one.target] < as_of - MINUTE
            ), where
            seen[cached.state] += 1
            if stopped is not None:
                assert (cached.elapsed_s, cached.paused_s) == (counted * 60, paused * 60), where
            if not one.retargeted:
                then = one.until_edited().walk(min(as_of, EDITED_AT) if cached.stopped_at else EDITED_AT)[-1]
                for level, row in notices[key].items():
                    passed = used if row.at > EDITED_AT else then
                    crossing = passed[-(-one.target * level // 100)] + MINUTE
                    assert row.fell_due == crossing, (where, level)
                    seen[f"level {level}"] += 1
                    if one.before:
                        seen["noted by the old hours" if passed is then else "noted by the new hours"] += 1
            seen["moved"] += bool(one.before)
        breaches = {
            (e.data["clock"], e.data["cycle"]): e.data["leg"] for e in exported if e.kind == "clock.breached"
        }
        assert breaches == {key: levels[100].leg for key, levels in notices.items() if 100 in levels}, (
            "a breach is an event once, with its leg"
        )
    assert (await db.read(books.verify, now=desk.now)).faults == ()
    assert {"met", "breached", "level 50", "level 100", "moved", "noted by the new hours"} <= {
        name for name, count in seen.items() if count
    }
