"""A month is played, with the night on which the clock is set back, merges, reopenings, other priorities and late entries.

Then everything in its report is worked out a second time, from the events as they are exported and by code that knows
nothing of the rules (tests.reckoning).
"""

from __future__ import annotations

import random
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from core.desk import books, joining, periodic, periodic_values, prioritising, resolution, tickets
from core.desk.errors import DeskError
from tests import reckoning
from tests.desk_at_work import CONFIGURED, PASSED, SOLUTION, AtWork, at_work

ROME = ZoneInfo("Europe/Rome")
BEGIN = datetime(2026, 10, 24, 9, tzinfo=UTC)
UNTIL = datetime(2026, 10, 31, 23, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
DESK = CONFIGURED.replace(
    'weekly = ["mon-fri 09:00-13:00", "mon-fri 14:00-18:00"]',
    'weekly = ["mon-sun 00:00-06:00", "mon-sun 09:00-18:00"]',
).replace(
    "[slas.targets.P4]",
    '[slas.targets.P2]\nresponse = "1h"\nupdate = "9h"\nrestore = "6h"\nresolve = "8h"\n[slas.targets.P4]',
)


def in_service(local: datetime) -> bool:
    """As DESK says. A bound that comes twice means the first time: none lies in the hour that does."""
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

    told = await reckoning.export(db)
    assert told.events.keys() == set(month.numbers)
    around = (BEGIN - timedelta(days=1), UNTIL + timedelta(days=9))
    hours = {name: reckoning.Hours(in_service, ROME, *around) for name in told.calendars.values()}
    hours["24x7"] = reckoning.Hours(lambda _: True, ROME, *around)
    zone = {"2026-10": (datetime(2026, 9, 30, 22, tzinfo=UTC), UNTIL)}
    zone["2026-W44"] = (datetime(2026, 10, 25, 23, tzinfo=UTC), datetime(2026, 11, 1, 23, tzinfo=UTC))
    seen: set[str] = set()
    for period, (since, until) in zone.items():
        of = await desk.db.read(periodic_values.wanted, "C-1", period, draft=False, now=desk.now)
        made = await desk.db.read(periodic.made, of)
        about = {"contract": "C-1", "customer": "Acme S.p.A.", "period": period, "time_zone": "Europe/Rome"}
        about |= {"since": since.isoformat(), "until": until.isoformat(), "draft": False}
        second = reckoning.report(told, "C-1", "ACME", hours, since, until, {})
        assert reckoning.comparable(made.values) == about | second
        seen |= {f"{one['name']} {one['about']}".strip() for one in second["figures"] if one["value"]}
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
