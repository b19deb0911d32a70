"""A week is played in which staff are warned and called; who is told what, when, by which way and once, is worked out a second time.

The second way knows nothing of the rules: it reads the events as they are exported, and looks at a clock on the wall.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import pytest

from core.desk import books, call_out, resolution, tickets
from core.desk.views import EventView
from core.facts import HubFacts
from core.store import tables
from tests.core.desk.test_clock_week import MINUTE, ROME, WEEK, export
from tests.core.desk.test_ladder_at_night import Telephone
from tests.desk_at_work import PASSED, SOLUTION, AtWork, at_work
from tests.fakes import FakeChannel

FRIDAY = datetime(2026, 10, 23, 8, tzinfo=UTC)
LAST_RESORT = "+390455550900"
STAFF = f"""
[[calendars]]
name = "Days"
time_zone = "Europe/Rome"
weekly = ["mon-fri 09:00-17:00"]
holidays = "IT"
[[agents]]
email = "mia@hub.test"
name = "Mia"
phone = "+393405550005"
reach = ["mail", "sms"]
roles = ["technician"]
groups = ["Network L1"]
[[agents]]
email = "sue@hub.test"
name = "Sue"
roles = ["supervisor"]
phone = "+393405550001"
reach = ["call"]
[[agents]]
email = "max@hub.test"
name = "Max"
roles = ["technician"]
[[rotas]]
name = "Network"
groups = ["Network L1"]
  [[rotas.layers]]
  members = ["ann@hub.test", "mia@hub.test"]
  starts = 2026-10-20
  handoff = "20:00"
  length = "12h"
[[rotas]]
name = "Second"
duty = "second"
  [[rotas.layers]]
  members = ["tom@hub.test"]
  starts = 2026-10-20
[[rotas]]
name = "Leaders"
duty = "shift-leader"
  [[rotas.layers]]
  members = ["lea@hub.test"]
  starts = 2026-10-20
[[rotas]]
name = "Supervisors"
duty = "supervisor"
fallback = "{LAST_RESORT}"
  [[rotas.layers]]
  members = ["sue@hub.test"]
  starts = 2026-10-20
"""
CONFIGURED = (
    WEEK.replace("[[customers]]", STAFF + "\n[[customers]]", 1)
    .replace('name = "Systems"', 'name = "Systems"\ncalendar = "Days"')
    .replace('code = "ACME"', 'code = "ACME"\naccount_manager = "max@hub.test"')
    .replace('email = "ann@hub.test"', 'email = "ann@hub.test"\nphone = "+393405550002"')
    .replace('email = "tom@hub.test"', 'email = "tom@hub.test"\nphone = "+393405550003"\nreach = ["call"]')
    .replace('email = "lea@hub.test"', 'email = "lea@hub.test"\nphone = "+393405550004"')
)


@pytest.fixture
def facts() -> HubFacts:
    """A hub that mails, texts and calls."""
    key = b"a key of 32 bytes for the tests."
    return HubFacts(name="Desk", token_key=key, mails_by="email", texts_by="sms", dials=True)


# --- The second way -----------------------------------------------------------------------------------------

PHONES = {name: f"+39340555{number:04}" for number, name in enumerate(("sue", "ann", "tom", "lea", "mia"), 1)}
CALLED_BY = {
    "ann": ("telegram", "sms", "phone"),
    "mia": ("email", "sms"),
    "tom": ("phone",),
    "lea": ("sms", "phone"),
    "sue": ("phone",),
    "nobody": ("phone",),
}
"""As they chose, of what there is: only Ann has a chat."""
RUNGS = ("on_call", "second", "shift_leader", "supervisor")
NEVER = datetime.max.replace(tzinfo=UTC)


class Left(NamedTuple):
    """One delivery to somebody of the staff."""

    kind: str
    channel: str
    address: str
    queued: datetime
    left: datetime | None
    """None: it was not true any more, or somebody knew."""


def address(name: str, channel: str) -> str:
    if channel == "telegram":
        return "telegram:7"
    if name == "nobody":
        return LAST_RESORT
    return f"{name}@hub.test" if channel == "email" else PHONES[name]


def by_day(at: datetime) -> bool:
    """Are the hours of Systems on the wall?"""
    local = at.astimezone(ROME)
    return local.weekday() < 5 and 9 <= local.hour < 17


def on_call(at: datetime) -> str:
    """Ann by night, Mia by day, whatever the clock does meanwhile."""
    return "mia" if 8 <= at.astimezone(ROME).hour < 20 else "ann"


@dataclass(frozen=True)
class Story:
    """What happened to a ticket, as it is exported."""

    events: Sequence[EventView]
    names: dict[str, str]
    """By actor."""

    def before(self, kind: str, name: str, at: datetime) -> str | None:
        """What stood in the last event of this kind."""
        found = [e for e in self.events if e.kind == kind and e.recorded_at <= at]
        return found[-1].data[name] if found else None

    def owner(self, at: datetime) -> str | None:
        found = [e for e in self.events if e.kind == "ticket.take" and e.recorded_at <= at]
        return self.names[found[-1].actor] if found else None

    def runs(self, clock: tuple[str, int], at: datetime) -> str:
        """How the clock stands: running, paused, stopped or cancelled."""
        state, holding = "", set()
        for e in self.events:
            if (e.data.get("clock"), e.data.get("cycle")) != clock or e.recorded_at > at:
                continue
            match e.kind, e.data.get("reason"):
                case "clock.start", _:
                    state = "running"
                case "clock.pause", reason:
                    holding.add(reason)
                case "clock.resume", reason:
                    holding.discard(reason)
                case "clock.stop", _:
                    state = "stopped"
                case "clock.cancel", _:
                    state = "cancelled"
        return "paused" if holding and state == "running" else state

    # --- Warnings ---

    def warned(self) -> Iterator[Left]:
        told = [e for e in self.events if e.kind in ("clock.warned", "clock.breached") and e.data["told"]]
        levels = [((e.data["clock"], e.data["cycle"]), e.data.get("level", 100), e.recorded_at) for e in told]
        for clock, level, at in levels:
            leaves = self.leaves(at)
            higher = any(
                one == clock and other > level and at <= when <= leaves for one, other, when in levels
            )
            state = self.runs(clock, leaves)
            true = state != "cancelled" if level >= 100 else state == "running"
            for name in self.to_be_told(level, at):
                channel = "telegram" if name == "ann" else "email"
                left = leaves if true and not higher else None
                yield Left("sla", channel, address(name, channel), at, left)

    def urgent(self, at: datetime) -> bool:
        return self.before("ticket.prioritised", "priority", at) in (None, "P1", "P2")

    def leaves(self, at: datetime) -> datetime:
        if self.urgent(at) or self.before("ticket.routed", "group", at) != "Systems":
            return at
        while not by_day(at):
            at = at.replace(second=0, microsecond=0) + MINUTE
        return at

    def to_be_told(self, level: int, at: datetime) -> list[str]:
        group = self.before("ticket.routed", "group", at)
        theirs = {None: ["tom"], "Systems": ["lea"], "Network L1": ["ann", "mia"]}[group]
        if group == "Network L1" and self.urgent(at):
            theirs = [on_call(at)]
        if level < 75:
            return theirs
        if level < 90:
            owner = self.owner(at)
            return list(dict.fromkeys([*([owner] if owner else theirs), "lea"]))
        return ["sue"] if level < 100 else ["sue", "max"]

    # --- Calls ---

    @property
    def taken(self) -> datetime:
        return next((e.recorded_at for e in self.events if e.kind == "ticket.take"), NEVER)

    def known(self, since: datetime) -> datetime:
        """When somebody said that they know, after they were called."""
        seen = [e.recorded_at for e in self.events if e.kind == "ticket.page_seen" and e.recorded_at >= since]
        return min(seen, default=NEVER)

    def calls(self) -> Iterator[tuple[datetime, str, int, list[str]]]:
        """Of a P1, from the moment on in which its group has it: instant, rung, round, who."""
        if not any(e.data.get("priority") == "P1" for e in self.events):
            return
        (at,) = [e.recorded_at for e in self.events if e.kind == "ticket.routed"]
        for n in range(3 * len(RUNGS)):
            if at > self.taken:
                return
            rung = RUNGS[n % len(RUNGS)]
            who = {"on_call": [on_call(at)], "second": ["tom"], "shift_leader": ["lea"]}.get(
                rung, ["sue", "nobody"]
            )
            yield at, rung, n // len(RUNGS), who
            known = self.known(at)
            at = (
                known + timedelta(minutes=15)
                if known < at + timedelta(minutes=5)
                else at + timedelta(minutes=5)
            )

    def called(self) -> Iterator[Left]:
        for at, _, _, who in self.calls():
            for name in who:
                for n, channel in enumerate(CALLED_BY[name]):
                    leaves = at + (n * MINUTE if name != "nobody" else timedelta(seconds=150))
                    left = leaves if leaves < min(self.taken, self.known(at)) else None
                    yield Left("page", channel, address(name, channel), at, left)


# --- The week -----------------------------------------------------------------------------------------------


async def until(desk: AtWork, at: datetime) -> None:
    """Let the worker do everything that falls due by then, each at its time."""
    while (due := min((job.due for job in await desk.rows(tables.job)), default=NEVER)) <= at:
        desk.now = max(desk.now, due)
        await rings_out(desk)
        await desk.work()
    desk.now = at


async def rings_out(desk: AtWork) -> None:
    """Nobody answers the telephones that ring."""
    phone = desk.also[1]
    while phone.dialled:
        await desk.db.write(call_out.dialled, phone.dialled.pop().call, "no_answer", now=desk.now)


def local(day: int, hour: int, minute: int = 0, *, fold: int = 0) -> datetime:
    """An instant by the clock on the wall; days from 32 on are of November."""
    when = datetime(2026, 10, 1, hour, minute, 30, tzinfo=ROME, fold=fold)
    return (when + timedelta(days=day - 1)).replace(fold=fold).astimezone(UTC)


async def played(desk: AtWork) -> list[str]:
    numbers: list[str] = []
    ann, lea = await desk.who("ann"), await desk.who("lea")

    async def opened(at: datetime, **fields: object) -> str:
        await until(desk, at)
        numbers.append((await desk.mail("alice@acme.test")).number or "")
        return await desk.qualify(numbers[-1], **fields) if fields else numbers[-1]

    # Nobody touches it: it passes every level, by night, on Sundays and on the holiday.
    await opened(FRIDAY, technology="Server", urgency=3)
    # In the night in which the hour from two to three comes twice; the third who is called takes it.
    night = await opened(local(25, 2, 58), impact=1, urgency=1)
    await until(desk, desk.now + timedelta(minutes=12))
    await desk.do(tickets.take, lea, night)
    await until(desk, desk.now + timedelta(hours=3))
    await desk.do(resolution.resolve, lea, night, **SOLUTION)
    # At work, waiting for the customer, at work again.
    calm = await opened(local(27, 10), impact=3, urgency=2)
    await until(desk, desk.now + timedelta(minutes=70))
    await desk.do(tickets.take, ann, calm)
    await until(desk, desk.now + timedelta(hours=4))
    await desk.do(tickets.wait, ann, calm, "Quale?")
    await until(desk, desk.now + timedelta(hours=9))
    await desk.mail("alice@acme.test", own_refs=(await desk.ref(calm),), authentication=PASSED)
    # Nobody looks at it for a while; then the second who is called knows, and does not take it.
    slow = await opened(local(28, 9))
    await until(desk, desk.now + timedelta(minutes=26))
    await desk.qualify(slow, impact=1, urgency=1)
    await until(desk, desk.now + timedelta(seconds=320))
    dial = desk.also[1].dialled.pop()
    await desk.db.write(call_out.dialled, dial.call, "operator", now=desk.now)
    await until(desk, desk.now + timedelta(minutes=21))
    await desk.do(tickets.take, ann, slow)
    await until(desk, desk.now + timedelta(minutes=65))
    await desk.do(resolution.resolve, ann, slow, **SOLUTION)
    # Over its time by night; before the morning in which that would be told it is solved.
    late = await opened(local(30, 16, 30), technology="Server", urgency=3)
    await until(desk, local(31, 2, 30))
    await desk.do(tickets.take, lea, late)
    await desk.do(resolution.resolve, lea, late, **SOLUTION)
    # On the evening of the holiday nobody comes, three times from the first to the last.
    holiday = await opened(local(32, 21), impact=1, urgency=1)
    await until(desk, desk.now + timedelta(minutes=75))
    await desk.do(tickets.take, ann, holiday)
    await until(desk, local(34, 12))
    return numbers


async def test_who_is_told_what_when_and_by_which_way_is_right_when_it_is_worked_out_a_second_time(db):
    desk = await at_work(db, CONFIGURED)
    phone = Telephone(name="phone")
    phone.dialled = []
    desk.also = [FakeChannel(name="sms"), phone]
    ann = await desk.who("ann")
    await db.write(
        lambda tx: tx.insert(
            tables.identity,
            address="telegram:7",
            channel="telegram",
            proof="link",
            since=FRIDAY,
            agent=ann.id,
        )
    )
    desk.now = FRIDAY
    numbers = await played(desk)
    await rings_out(desk)

    staff = {row.id: row.email.partition("@")[0] for row in await desk.rows(tables.agent)} | {"": "nobody"}
    seen: Counter[str] = Counter()
    for number in numbers:
        story = Story(await export(desk, number), {f"agent:{one}": name for one, name in staff.items()})
        rows = [row for kind in ("sla", "page") for row in await desk.deliveries(number, kind=kind)]
        actual = [
            Left(
                row.kind,
                row.channel,
                row.address,
                row.created_at,
                row.sent_at if row.state in ("sent", "given_up") else None,
            )
            for row in rows
        ]
        assert Counter(actual) == Counter([*story.warned(), *story.called()]), number
        assert [
            (e.recorded_at, e.data["rung"], e.data["round"], [staff[one] for one in e.data["agents"]])
            for e in story.events
            if e.kind == "ticket.paged"
        ] == list(story.calls())
        seen.update(f"{one.kind} {one.channel} {'left' if one.left else 'withdrawn'}" for one in actual)
        seen.update("waited" for one in actual if one.kind == "sla" and one.left and one.left > one.queued)
    assert seen.keys() >= {
        *(f"page {channel} left" for channel in ("telegram", "sms", "phone", "email")),
        *("page phone withdrawn", "sla telegram left", "sla email left", "sla email withdrawn", "waited"),
    }
    assert (await db.read(books.verify, now=desk.now)).faults == ()
