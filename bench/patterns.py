"""What does an ordinary ticket look like? A few dozen, played through the real verbs, for `bench.seed` to multiply."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

from bench import mail_load
from bench.words import line, subject
from channels.email.reading.read import read
from core.desk import accounts, door, filing, intake, resolution, tickets
from core.desk.principal import Principal
from core.envelope import Arrival, Outgoing, Sent
from core.facts import HubFacts
from core.handlers import handlers
from core.isolation import Readers
from core.store.database import Database
from core.store.tx import Tx
from core.worker import Worker

MINUTES = timedelta(minutes=1)
OPTIONS = {
    "domain": "desk.test",
    "addresses": ["support@desk.test"],
    "reply_domain": "reply.desk.test",
    "authserv_ids": [],
    "trusted_peers": [],
    "instance": "bench",
    "loop_key": "00" * 32,
}
FACTS = HubFacts(name="Centralino", token_key=b"a key for measuring, 32 bytes ..")
LINES = 8
"""Of a mail: some 500 characters, the middle of what people write."""

KINDS = (
    ("Network", "davide.greco@nordest.test"),
    ("Server", "marta.rinaldi@nordest.test"),
    ("Workplace", "lucia.ferrari@nordest.test"),
    ("Security", "davide.greco@nordest.test"),
    ("Backup", "james.hill@nordest.test"),
    ("Network", "giulia.conti@nordest.test"),
)

COURSES: dict[str, int] = {
    # Course of a ticket to its share of all, in thousandths: 30 of 1,000 are open.
    "quick": 440,
    "dialogue": 300,
    "question": 180,
    "cancelled": 30,
    "resolved": 20,
    "new": 4,
    "assigned": 7,
    "working": 12,
    "waiting": 7,
}
OPEN = ("resolved", "new", "assigned", "working", "waiting")
"""Courses that are not over: they began lately."""
URGENT = "urgent "
"""Before one of OPEN: of a priority that has every clock."""


def is_open(course: str) -> bool:
    """Whether a ticket that took this course is not over."""
    return course.removeprefix(URGENT) in OPEN


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """A ticket that was played, and what of it is different in each copy."""

    course: str
    number: str
    person: int
    """See mail_load.address."""
    lines: tuple[str, ...]
    """Of its mails; each gives way to another line."""
    subject: str


@dataclass(slots=True, kw_only=True)
class Kept:
    """A channel that takes everything."""

    name: str = "email"
    reader: str = "channels.email.reading.read:read"
    reader_options: dict[str, Any] = field(default_factory=dict)

    async def run(self, door: object) -> None:
        await asyncio.Event().wait()

    async def send(self, outgoing: Outgoing) -> Sent:
        return Sent(detail="250 kept")


class Player:
    """Plays tickets on a desk, each verb at its time, with the worker's part done in between."""

    def __init__(self, db: Database) -> None:
        self.at = datetime.min.replace(tzinfo=UTC)
        self._db = db
        self._chance = random.Random(7)
        channel: Any = Kept()
        self._worker = Worker(
            db,
            handlers(db, [channel], Readers(), clock=lambda: self.at),
            owner="bench",
            clock=lambda: self.at,
        )

    async def play(self, course: str, kind: int, person: int, *, start: datetime) -> Pattern:
        """One ticket from its first mail on. `start`: when that came."""
        technology, email = KINDS[kind]
        self.at = start
        urgent, course = course.startswith(URGENT), course.removeprefix(URGENT)
        topic = subject(self._chance)
        lines = tuple(line(self._chance) for _ in range(2 * LINES))
        number = await self._mail(person, topic, lines[:LINES])
        agent: Principal = await self._db.read(_agent, email)
        helper: Principal = await self._db.read(_agent, "paolo.marin@nordest.test")
        step = _Steps(self, agent, number)
        if course != "new":
            values = {
                "request_type": "Incident",
                "technology": technology,
                "impact": 1 if urgent else 2 + kind % 2,
                "urgency": 2 if urgent else 3,
            }
            await step.do(tickets.qualify, after=12, who=helper, **values)
        if course == "cancelled":
            await step.do(resolution.cancel, after=9, reason="Sent twice")
        if course not in ("new", "assigned", "cancelled"):
            await step.do(tickets.take, after=25)
        if course == "working":
            await step.do(tickets.note, line(self._chance), after=14)
        if course in ("dialogue", "question", "waiting"):
            await step.do(tickets.wait, "Can you tell us since when, and on how many devices?", after=17)
        if course in ("dialogue", "question"):
            self.at += 40 * MINUTES
            await self._mail(person, f"Re: [#{number}] {topic}", lines[LINES:])
        if course == "dialogue":
            await step.do(tickets.note, line(self._chance), after=16)
            await step.do(tickets.reply, "We are on it and will call you within the hour.", after=8)
        if course in ("quick", "dialogue", "question", "resolved"):
            text = "The switch port was faulty; the device is connected to another one."
            await step.do(resolution.resolve, after=55, cause="hardware", text=text, minutes=35)
        if course in ("quick", "dialogue", "question"):
            await step.do(resolution.close, after=26 * 60)
        await self.settle()
        return Pattern(
            course=URGENT * urgent + course, number=number, person=person, lines=lines, subject=topic
        )

    async def settle(self) -> None:
        """Let the worker send and ring what is due within the next minutes."""
        self.at += 2 * MINUTES
        await self._worker.drain()

    async def _mail(self, person: int, topic: str, lines: tuple[str, ...]) -> str:
        raw = mail(
            mail_load.address(person), topic, lines, at=self.at, token=f"{self._chance.getrandbits(64):x}"
        )
        arrival = Arrival(
            channel="email",
            raw=raw,
            received_at=self.at,
            sender=mail_load.address(person),
            recipients=("support@desk.test",),
        )
        understood = await self._db.write(_receive, arrival, now=self.at)
        assert understood.number, understood
        await self.settle()
        return str(understood.number)


@dataclass(slots=True)
class _Steps:
    player: Player
    agent: Principal
    number: str

    async def do(
        self, verb: Callable[..., Any], *words: str, after: int, who: Principal | None = None, **values: Any
    ) -> None:
        """`after`: minutes since the step before."""
        self.player.at += after * MINUTES
        await self.player._db.write(
            verb, who or self.agent, self.number, *words, now=self.player.at, **values
        )
        await self.player.settle()


def mail(sender: str, topic: str, lines: tuple[str, ...], *, at: datetime, token: str) -> bytes:
    """A plain mail as a program sends it."""
    head = (
        f"From: {sender.partition('@')[0].title()} <{sender}>\r\nTo: Support <support@desk.test>\r\n"
        f"Subject: {topic}\r\nDate: {format_datetime(at)}\r\nMessage-ID: <{token}@bench.test>\r\n"
        "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
        "Content-Transfer-Encoding: 8bit\r\n\r\n"
    )
    return (head + "\r\n".join(lines) + "\r\n").encode()


def _receive(tx: Tx, arrival: Arrival, *, now: datetime) -> filing.Understood:
    inbound_id = door.accept(tx, arrival, now=now, later=False)
    stored = door.load(tx, [inbound_id])[inbound_id]
    return intake.understand(tx, inbound_id, read(stored.raw, stored.arrival, OPTIONS), now=now)


def _agent(tx: Tx, email: str) -> Principal:
    account = accounts.account(tx, email)
    assert account is not None, email
    found = accounts.principal(tx, account.kind, account.person)
    assert found is not None
    return found


async def play_all(
    db: Database,
    courses: Iterable[str] = COURSES,
    *,
    kinds: Sequence[int] = range(len(KINDS)),
    now: datetime,
) -> list[Pattern]:
    """Each course for each kind of request: those that are over ended days ago, the others began lately."""
    player = Player(db)
    found: list[Pattern] = []
    for course in courses:
        for n, kind in enumerate(kinds):
            ago = timedelta(hours=4 + 4 * n) if is_open(course) else timedelta(days=4)
            person = (len(found) * 37) % mail_load.PEOPLE
            found.append(await player.play(course, kind, person, start=now - ago))
    return found
