"""How is a month of a provider played? By the readers, verbs and jobs of a hub, with a clock that is moved, and sending that reaches nobody.

What happens comes from core.desk.month_plan; between two happenings everything that falls due is done at its own instant, by the
same handlers as in a hub that runs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from email.utils import format_datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select

from core.channel import Channel, Door
from core.desk import demo_devices, door, month_acts, month_plan, month_told, reference
from core.desk.configuration import rows
from core.desk.configuration.document import Document
from core.desk.errors import DeskError, Refused
from core.desk.month_plan import Happening, Script
from core.desk.principal import HUB
from core.envelope import Arrival, Outgoing, Sent
from core.handlers import handlers
from core.isolation import Readers
from core.store import lanes, schedules, tables
from core.store.database import Database
from core.store.schedules import Schedule
from core.store.tx import Tx
from core.worker import Worker

LOOKED_AT = 3600
"""Seconds, at least, between looks at what a hub looks at more often: nobody waits for it here."""
SIGNED_AFTER = timedelta(minutes=9)
"""After the end of a shift: both leaders have signed, and the supervisor has read what was made."""
SHIFTS_END = (time(8), time(20))
OFFICE = "Office"
"""The calendar of the demo desk by which days are working days."""
APPROVED_FOR = timedelta(days=14)


@dataclass(slots=True, kw_only=True)
class Caught:
    """A channel (core.channel.Channel) that takes everything and brings it nowhere, and knows what was said last to whom."""

    name: str
    reader: str = ""
    reader_options: Mapping[str, Any] = field(default_factory=dict)
    keep: Callable[[Outgoing], Awaitable[Sent]] | None = None
    """Where what leaves is laid; None: nowhere."""
    last: dict[tuple[str, str], Outgoing] = field(default_factory=dict)
    """By number of the ticket, empty for a vendor's, and address."""

    async def run(self, _door: Door) -> None:
        """See Channel. Nothing comes by itself."""
        await asyncio.Event().wait()

    async def send(self, outgoing: Outgoing) -> Sent:
        """See Channel."""
        self.last[outgoing.ticket_number, outgoing.to.key] = outgoing
        if self.keep is not None:
            return await self.keep(outgoing)
        return Sent(remote_id=outgoing.ref, detail="played")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """How mail of the month is addressed, and what takes ours."""

    channel: Caught
    to: str
    """Our address."""
    answer_to: Callable[[Outgoing], str]
    """The address that whoever got this answers to."""
    message_id: Callable[[str], str]
    """Of the mail with this ref, without angle brackets."""


async def play(  # noqa: PLR0913 - what a hub is put together from
    db: Database,
    desk: Document,
    hashes: rows.Hashes,
    *,
    mail: Mail,
    also: Sequence[Channel],
    readers: Readers,
    periodic: Sequence[Schedule],
    first: date,
    until: datetime,
    seed: int,
    requests: int,
) -> list[str]:
    """Configure an empty database and let a month happen in it that begins on `first`; what happened, as lines of a table.

    `until`: aware; what falls due by then is done, the reports on the month among it if it is the morning after. `periodic`: what comes round again in a hub. `seed`: which ordinary requests come, and when; about `requests` of them.
    The readers are closed.
    """
    zone = db.facts.zone
    begins = datetime.combine(first, time(), zone).astimezone(UTC)
    await db.write(rows.apply, HUB, desk, hashes, now=begins - timedelta(days=1))
    script = month_plan.read()
    working = await db.read(_working, first, until.astimezone(zone))
    todo = month_plan.plan(script, working, zone=zone, seed=seed, requests=requests)
    played = Play(db, script, mail, also=also, readers=readers, periodic=periodic, begins=begins)
    try:
        await played.run(todo, until=until)
    finally:
        await readers.close()
    told = await db.read(month_told.stories, script.stories, played.numbers)
    counted = await db.read(month_told.figures) | {
        "requests on which something was refused": len(played.left)
    }
    return list(month_told.table(told, counted, zone))


def _working(tx: Tx, first: date, until: datetime) -> list[date]:
    """The days of the month on which the office is open, as far as it goes."""
    office = reference.desk(tx).calendars[OFFICE].calendar
    days = (first + timedelta(days=n) for n in range(31))
    return [day for day in days if day.month == first.month and day <= until.date() and office.on(day)]


class Play:
    """One month on one database, which nobody else works on.

    `numbers`: of tickets, by their name in the plan. `left`: those on which something was refused or held; nothing
    more happens there.
    """

    def __init__(
        self,
        db: Database,
        script: Script,
        mail: Mail,
        *,
        also: Sequence[Channel],
        readers: Readers,
        periodic: Sequence[Schedule],
        begins: datetime,
    ) -> None:
        self.now = begins
        self.numbers: dict[str, str] = {}
        self.left: set[str] = set()
        self.done = 0
        """Happenings."""
        self._db = db
        self._script = script
        self._mail = mail
        self._periodic = periodic
        todo = handlers(db, [mail.channel, *also], readers, clock=lambda: self.now)
        self._worker = Worker(db, todo, owner="month", clock=lambda: self.now)

    @property
    def jobs(self) -> int:
        """That were done."""
        return self._worker.done

    async def run(self, plan: Sequence[Happening], *, until: datetime) -> None:
        """Let everything happen that lies before `until`, and what falls due by then."""
        for schedule in self._periodic:
            await self._db.write(schedules.ensure, _coarse(schedule), now=self.now)
        await self._db.write(
            month_acts.plan_reports, self._script.supervisor, self._script.reports, now=self.now
        )
        todo: list[tuple[datetime, Happening | None]] = [
            *((one.at.astimezone(UTC), one) for one in plan if one.at < until),
            *((at, None) for at in _shifts_end(self._db.facts.zone, self.now, until)),
        ]
        for at, one in sorted(todo, key=lambda pair: pair[0]):
            await self._until(at)
            if one is not None:
                await self._happen(one)
                await self._worker.drain()
            else:
                await self._come_round()
                await self._until(at + SIGNED_AFTER)
                await self._db.write(
                    month_acts.hand_over,
                    leaders=self._script.leaders,
                    sentence=self._script.sentence,
                    now=self.now,
                )
                await self._db.write(month_acts.approve_reports, self._script.supervisor, now=self.now)
        await self._until(until)

    async def _until(self, at: datetime) -> None:
        """Everything that falls due until then, each at its instant."""
        while (due := await self._db.read(_next)) is not None and due <= at:
            self.now = max(self.now, due)
            await self._come_round()
        self.now = max(self.now, at)

    async def _come_round(self) -> None:
        """What a hub does at this instant by itself."""
        if await self._db.read(schedules.due, now=self.now):
            await self._db.write(schedules.tick, now=self.now)
        await self._worker.drain()

    async def _happen(self, one: Happening) -> None:
        if one.ticket in self.left:
            return
        self.done += 1
        if one.step.mail:
            await self._arrive(one)
            return
        if one.step.source:
            await self._report(one)
            return
        try:
            await self._act(one)
        except DeskError as error:
            if not one.ordinary:
                error.add_note(f"{month_plan.MONTH}: {one.ticket}, {one.step.verb} at {one.at}")
                raise
            self.left.add(one.ticket)

    async def _act(self, one: Happening) -> None:
        """As somebody does it; where it takes the word of whoever leads, they give it and it is done again."""
        number = self.numbers[one.ticket]
        try:
            await self._db.write(month_acts.act, one, number, now=self.now)
        except Refused as refused:
            if not {"override", "approve"} & set(refused.allowed):
                raise
            await self._db.write(
                month_acts.let,
                self._script.supervisor,
                number,
                reason=self._script.approves,
                until=self.now + APPROVED_FOR,
                now=self.now,
            )
            await self._db.write(month_acts.act, one, number, now=self.now)

    async def _report(self, one: Happening) -> None:
        """What devices say, as an Alertmanager tells it. By the time they are well again there is a ticket of it."""
        step = one.step
        first, *rest = names = step.fires or step.ends
        told = [
            demo_devices.alarm(
                name,
                ends=bool(step.ends),
                at=self.now,
                severity="major",
                says="does not answer",
                **({"parent": first} if name in rest else {}),
            )
            for name in names
        ]
        await self._db.write(door.accept, demo_devices.arrival(step.source, told, self.now), now=self.now)
        await self._worker.drain()
        number = await self._db.read(demo_devices.number, step.source, first)
        if number is not None:
            self.numbers.setdefault(one.ticket, number)

    async def _arrive(self, one: Happening) -> None:
        """A mail as its sender's program makes it, at the door; the worker reads and understands it."""
        step = one.step
        address = step.mail.rpartition("<")[2].rstrip(">").lower()
        to, threading = self._mail.to, {}
        if step.answers:
            last = self._mail.channel.last
            asked = last.get((self.numbers[one.ticket], address)) or last.get(("", address))
            if asked is not None:  # else it has not left yet, and they write once more
                to = self._mail.answer_to(asked)
                threading = {"In-Reply-To": f"<{self._mail.message_id(asked.ref)}>"}
        headers = {
            "From": step.mail,
            "To": to,
            "Subject": f"Re: {step.subject}" if step.answers else step.subject,
            "Date": format_datetime(one.at),
            "Message-ID": f"<{one.ticket}.{self.done}@{address.rpartition('@')[2]}>",
            **threading,
            "MIME-Version": "1.0",
            "Content-Type": "text/plain; charset=utf-8",
            "Content-Transfer-Encoding": "8bit",
            **step.headers,
        }
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        arrival = Arrival(
            channel=self._mail.channel.name,
            raw=(head + "\r\n" + step.text.strip().replace("\n", "\r\n") + "\r\n").encode(),
            received_at=self.now,
            sender=address,
            recipients=(to,),
        )
        inbound = await self._db.write(door.accept, arrival, now=self.now)
        await self._worker.drain()
        number = await self._db.read(_number, inbound)
        if number is not None:
            self.numbers.setdefault(one.ticket, number)
        elif one.ticket not in self.numbers:
            self.left.add(one.ticket)  # staff were given it to look at, and nobody does in this month


def _coarse(one: Schedule) -> Schedule:
    """What a hub does every minute is done every hour; the next start of a hub puts it right."""
    word, _, seconds = one.rhythm.partition(" ")
    often = word == "every" and int(seconds) < LOOKED_AT
    return replace(one, rhythm=f"every {LOOKED_AT}") if often else one


def _shifts_end(zone: ZoneInfo, begins: datetime, until: datetime) -> list[datetime]:
    """When shifts end in between."""
    day, found = begins.astimezone(zone).date(), []
    while day <= until.astimezone(zone).date():
        found += [datetime.combine(day, ends, zone).astimezone(UTC) for ends in SHIFTS_END]
        day += timedelta(days=1)
    return [at for at in found if begins < at < until]


def _next(tx: Tx) -> datetime | None:
    """When something falls due next, or has its daily turn; what comes round more often comes with that."""
    slot = tx.one(_SLOT)
    found = [at for at in (lanes.next_due(tx), slot.next_at if slot is not None else None) if at is not None]
    return min(found, default=None)


_SLOT = (
    select(tables.schedule.c.next_at)
    .where(tables.schedule.c.enabled.is_(True), tables.schedule.c.rhythm.like("daily %"))
    .order_by(tables.schedule.c.next_at)
    .limit(1)
)


def _number(tx: Tx, inbound: str) -> str | None:
    row = tx.one(
        select(tables.ticket.c.number)
        .select_from(tables.inbound.join(tables.ticket, tables.ticket.c.id == tables.inbound.c.ticket_id))
        .where(tables.inbound.c.id == inbound)
    )
    return None if row is None else str(row.number)
