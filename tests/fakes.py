"""Doubles that behave: a channel and a door with knobs."""

from __future__ import annotations

import asyncio
import importlib
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any

import structlog

from core.alerting import Agreed, TrapUser
from core.channel import DeliveryError, Door, Unavailable
from core.domain_records import Finding, Looked, Wanted
from core.envelope import Arrival, Claims, Inbound, Outgoing, Sent
from core.isolation import Readers, Unreadable
from core.log import start_logging


@contextmanager
def logged() -> Iterator[list[Any]]:
    """What is said in the log meanwhile, whatever a test before this one chose to be shown: a command may leave errors only."""
    start_logging()
    with structlog.testing.capture_logs() as said:
        yield said


@dataclass(slots=True, kw_only=True)
class FakeChannel:
    """A channel (core.channel.Channel) that sends into a list and takes in what a test hands it."""

    name: str = "email"
    reader: str = "tests.fake_reader:read"
    reader_options: Mapping[str, Any] = field(default_factory=dict)
    fails_with: DeliveryError | Exception | None = None
    """Raised by each send until it is taken away."""
    takes: float = 0.0
    """Seconds a send takes."""
    down: dict[str, str] = field(default_factory=dict)
    """Parts of it that do not work, and why."""
    left: dict[str, str] = field(default_factory=dict)
    """What stays where it came to, and why."""
    breaks_with: Exception | None = None
    """Raised by `run`, once for each start, until it is taken away."""
    sent: list[Outgoing] = field(default_factory=list)
    warned: list[Outgoing] = field(default_factory=list)
    """What staff were told of clocks, which always arrives: it is beside what most tests are about."""
    tries: int = 0
    """How many other sends were tried."""
    starts: int = 0
    """How often it was started."""
    door: Door | None = None
    running: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self, door: Door) -> None:
        """See core.channel.Channel."""
        self.starts += 1
        if self.breaks_with is not None:
            raise self.breaks_with
        self.door = door
        self.running.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.running.clear()

    async def send(self, outgoing: Outgoing) -> Sent:
        """See core.channel.Channel."""
        if outgoing.kind == "sla":
            self.warned.append(outgoing)
            return Sent(remote_id=outgoing.ref, detail="250 taken")
        self.tries += 1
        if self.takes:
            await asyncio.sleep(self.takes)
        if self.fails_with is not None:
            raise self.fails_with
        self.sent.append(outgoing)
        return Sent(remote_id=outgoing.ref, detail="250 taken")

    async def receive(self, arrival: Arrival) -> str:
        """Hand a message in at the door, once the channel runs."""
        await self.running.wait()
        assert self.door is not None
        return await self.door.accept(arrival)


@dataclass(slots=True, kw_only=True)
class FakeDevices(FakeChannel):
    """The one that reads what devices say."""

    name: str = "monitoring"
    reader: str = "channels.monitoring.read:read"
    device_reader: str = "channels.monitoring.read:read"


@dataclass(slots=True, kw_only=True)
class FakeDoor:
    """A door (core.channel.Door) that keeps what comes in. A test may look at it from another thread."""

    fails_with: Exception | None = None
    """Raised by each `accept` until it is taken away."""
    open: threading.Event = field(default_factory=threading.Event)
    """Clear: what is handed in is not stored until it is set."""
    came: list[Arrival] = field(default_factory=list)
    """What is stored, by now."""
    tickets: dict[tuple[str, str], str] = field(default_factory=dict)
    """Source and key of a device's problem to the number of its ticket."""
    guessers: set[str] = field(default_factory=set)
    """From where reply addresses are guessed."""
    users: list[TrapUser] = field(default_factory=list)
    """Who may send by SNMP version 3."""
    clocks: dict[str, int] = field(default_factory=dict)
    """Our engine to how often it booted."""
    agreed: Mapping[str, Agreed] = field(default_factory=dict)
    """How fast sources may send."""
    asked: int = 0
    """How often something was handed in."""
    leases: dict[str, asyncio.Lock] = field(default_factory=dict)
    """Who shares this mapping with another door waits for its leases."""
    _news: threading.Condition = field(default_factory=threading.Condition)

    def __post_init__(self) -> None:
        self.open.set()

    async def accept(self, arrival: Arrival) -> str:
        """See core.channel.Door."""
        with self._news:
            self.asked += 1
            self._news.notify_all()
        if not self.open.is_set():
            await asyncio.to_thread(self.open.wait, 30)
        if self.fails_with is not None:
            raise self.fails_with
        with self._news:
            self.came.append(arrival)
            self._news.notify_all()
        return f"inbound-{len(self.came)}"

    async def admits(self, claims: Claims) -> None:
        """See core.channel.Door."""
        if self.fails_with is not None:
            raise self.fails_with

    async def guesses(self, whence: str) -> bool:
        """See core.channel.Door."""
        return whence in self.guessers

    async def trap_users(self) -> Sequence[TrapUser]:
        """See core.channel.Door."""
        if isinstance(self.fails_with, Unavailable):
            raise self.fails_with
        return self.users

    async def trap_boots(self, engine: str) -> int:
        """See core.channel.Door."""
        self.clocks[engine] = self.clocks.get(engine, 0) + 1
        return self.clocks[engine]

    async def trap_clock(self, source: str, engine: str) -> int:
        """See core.channel.Door."""
        proved = [
            one.claims.proved.clock
            for one in self.came
            if one.claims
            and one.claims.source == source
            and one.claims.proved
            and one.claims.proved.engine == engine
        ]
        return max(proved, default=0)

    async def paces(self) -> Mapping[str, Agreed]:
        """See core.channel.Door."""
        return self.agreed

    async def ticket_of(self, source: str, dedup_key: str) -> str:
        """See core.channel.Door."""
        return self.tickets.get((source, dedup_key), "")

    @asynccontextmanager
    async def lease(self, name: str) -> AsyncIterator[None]:
        """See core.channel.Door."""
        async with self.leases.setdefault(name, asyncio.Lock()):
            yield

    def wait_until(self, condition: Callable[[FakeDoor], bool], *, seconds: float = 20.0) -> None:
        """Wait, in a thread that is not the channel's, until something has happened here."""
        with self._news:
            assert self._news.wait_for(lambda: condition(self), seconds), f"{len(self.came)} came"


@dataclass(frozen=True, slots=True, kw_only=True)
class FakeLinking:
    """A channel on which accounts are connected (core.channel.Linking)."""

    name: str = "telegram"

    def link(self, code: str) -> str:
        """See core.channel.Linking."""
        return f"https://chat.test/{self.name}?start={code}"


@dataclass(slots=True, kw_only=True)
class FakePublishing:
    """A channel whose domain must say something (core.channel.Publishing); `says`: what is said of it when somebody looks."""

    says: tuple[Finding, ...] = ()
    found: tuple[str, ...] = ()
    fails_with: DeliveryError | None = None
    looks: int = 0

    async def records(self, *, look: bool) -> list[Looked]:
        """See core.channel.Publishing."""
        if self.fails_with is not None:
            raise self.fails_with
        self.looks += look
        wanted = Wanted(
            what="dmarc", name="_dmarc.desk.test", type="TXT", value="v=DMARC1; p=none", domain="desk.test"
        )
        return [Looked(wanted=wanted, findings=self.says if look else (), found=self.found if look else ())]


NOT_DRAWN = b"%PDF-1.7 not drawn here"


class NothingDrawn(Readers):
    """Readers that read, and draw nothing."""

    async def draw(self, _writer: str, _paper: bytes, _pictures: Mapping[str, bytes]) -> bytes:
        """See core.isolation.Readers. Half a second of a process is not spent where nobody looks at it."""
        return NOT_DRAWN


class DrawnHere(Readers):
    """Readers that draw in the process of the test: the one of their own takes a second to come up."""

    async def draw(self, writer: str, paper: bytes, pictures: Mapping[str, bytes]) -> bytes:
        """See core.isolation.Readers."""
        module, _, name = writer.partition(":")
        try:
            drawn: bytes = getattr(importlib.import_module(module), name)(paper, pictures)
        except ValueError as error:
            raise Unreadable(str(error)) from error
        return drawn


class ReadersHere:
    """Readers (core.isolation.Readers) without a process of their own: what is read was written by the test."""

    async def read(
        self, reader: str, raw: bytes, arrival: Mapping[str, Any], options: Mapping[str, Any]
    ) -> Inbound:
        """See core.isolation.Readers."""
        module, _, name = reader.partition(":")
        try:
            found: Inbound = getattr(importlib.import_module(module), name)(raw, arrival, options)
        except ValueError as error:
            raise Unreadable(str(error)) from error
        return found

    async def questions(
        self, asker: str, head: bytes, arrival: Mapping[str, Any], options: Mapping[str, Any]
    ) -> dict[str, Any]:
        """See core.isolation.Readers."""
        module, _, name = asker.partition(":")
        found: dict[str, Any] = getattr(importlib.import_module(module), name)(head, arrival, options)
        return found

    async def close(self) -> None:
        """See core.isolation.Readers."""

    async def draw(self, _writer: str, _paper: bytes, _pictures: Mapping[str, bytes]) -> bytes:
        """See core.isolation.Readers. Half a second of a process is not spent where nobody looks at it."""
        return NOT_DRAWN
