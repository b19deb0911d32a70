"""What becomes of messages that nobody waits for an answer to? They are queued, and stored together: one row for many of one device."""

from __future__ import annotations

import asyncio
import time
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import NamedTuple

from channels.monitoring import batches, ber, knocks
from channels.monitoring.engine import Engine, Taken, Waits
from channels.monitoring.source import NotUnderstood
from core.alerting import BATCH, TrapUser
from core.channel import Door, NoSuchSource, NotAdmitted, Unavailable
from core.common import Meters, meter
from core.envelope import Arrival, Claims, Proved
from core.ids import new_id
from core.log import get_logger

MOST = 100_000  # messages that wait
MOST_BYTES = 64 * 2**20  # of them
TOGETHER = 500  # messages of one row
TOGETHER_BYTES = 2**20
WAIT = 0.05  # seconds in which messages gather
AT_ONCE = 5_000  # messages taken out of the queue at a time
AGAIN = 1.0  # seconds, while nothing can be stored
REFUSED_FOR = 10.0  # seconds in which a sender that was not known is not asked about again
REFUSED = 10_000  # senders that this is remembered of
SAY = 60.0  # seconds between lines in the log
QUIET = 300.0  # seconds without a loss, after which another one is a new one
LAST = 3.0  # seconds to store what waits when the hub stops

log = get_logger("monitoring")


@dataclass(frozen=True, slots=True)
class Came:
    """One message."""

    way: str
    peer: str
    at: datetime
    raw: bytes
    answer: Callable[[bytes], None] | None = None
    """Of a datagram: sends one back."""
    taken: Taken | None = None
    """Of SNMP version 3, once somebody looked at it: it is believed, and opened."""

    @property
    def kind(self) -> str:
        """Of the sources that send this."""
        return self.way.partition("-")[0]


class _Sender(NamedTuple):
    """Who sends, as far as is known: what lies in one row is of one."""

    way: str
    peer: str
    secret: str = ""
    """The community."""
    source: str = ""
    """Of SNMP version 3, as the user and the engine."""
    user: str = ""
    engine: str = ""


@dataclass(frozen=True, slots=True)
class _Aside:
    """Messages of one sender that wait for a secret, in order; all others go on."""

    until: asyncio.Task[None]
    came: list[Came]


class Gathering:
    """The queue, and whoever empties it."""

    def __init__(self, meters: Meters, *, most: int = MOST, engine: bytes = b"") -> None:
        self._meters = meters
        self._identity = engine
        self._engine: Engine | None = None
        self._most = most
        self._waiting: deque[Came] = deque()
        self._aside: dict[tuple[str, str], _Aside] = {}
        """By way and peer."""
        self._apart = 0
        """Messages that lie there."""
        self._bytes = 0
        self._news = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._refused: OrderedDict[tuple[str, str, str], float] = OrderedDict()
        self._unknown: Counter[tuple[str, str]] = Counter()
        self._unread: Counter[tuple[str, str]] = Counter()
        self._left: Counter[tuple[str, str]] = Counter()
        self._lost: dict[str, tuple[int, float]] = {}

    def put(self, came: Came) -> bool:
        """Queue it; False: there is no room, it is lost and counted."""
        self._meters.add(meter(came.way, "received"))
        if len(self._waiting) + self._apart >= self._most or self._bytes >= MOST_BYTES:
            self._lose(came.way, 1)
            return False
        self._waiting.append(came)
        self._bytes += len(came.raw)
        self._look()
        self._news.set()
        return True

    def _look(self) -> None:
        """Is there room for who can wait?"""
        if len(self._waiting) + self._apart > self._most // 2 or self._bytes > MOST_BYTES // 2:
            self._room.clear()
        else:
            self._room.set()

    async def room(self) -> None:
        """Wait until at most half of the queue is taken: who can be made to wait loses nothing."""
        await self._room.wait()

    def refuses(self, kind: str, peer: str, secret: str = "") -> bool:
        """Was this sender unknown a moment ago?"""
        since = self._refused.get((kind, peer, secret))
        return since is not None and time.monotonic() - since < REFUSED_FOR

    def lost(self, within: float) -> dict[str, int]:
        """See core.channel.Listening."""
        now = time.monotonic()
        return {way: count for way, (count, at) in self._lost.items() if now - at < within}

    def dropped(self, way: str, count: int) -> None:
        """The system dropped so many before we saw them."""
        self._meters.add(meter(way, "kernel"), count)
        log.error("the system dropped datagrams: its buffer was full", way=way, dropped=count)
        self._note_lost(way, count)

    async def run(self, door: Door) -> None:
        """Store what comes, until cancelled; what waits then is stored too, if that can be done soon."""
        self._engine = None  # another process may have been it meanwhile
        said = time.monotonic()
        try:
            while True:
                with suppress(TimeoutError):
                    async with asyncio.timeout(SAY):
                        await self._news.wait()
                if time.monotonic() - said >= SAY:
                    self._say()
                    said = time.monotonic()
                if len(self._waiting) < AT_ONCE:
                    await asyncio.sleep(WAIT)
                self._news.clear()
                if not await self._store(door):
                    await asyncio.sleep(AGAIN)
        finally:
            self._say()
            with suppress(TimeoutError):
                async with asyncio.timeout(LAST):
                    while (self._waiting or await self._some_are_back()) and await self._store(door):
                        pass
            if left := len(self._waiting) + self._apart:
                log.error("messages of devices were not stored before the end", messages=left)

    async def _store(self, door: Door) -> bool:
        """A part of the queue, in the order it came; False: nothing can be stored just now, and it waits on."""
        self._take_back()
        taken = [self._waiting.popleft() for _ in range(min(AT_ONCE, len(self._waiting)))]
        self._bytes -= sum(len(one.raw) for one in taken)
        later = deque(taken)
        here: list[Came] = []
        try:
            await self._open(door, later, here)
        except asyncio.CancelledError:  # the hub stops: what is here is stored after that
            self._put_back([*here, *later])
            raise
        parts = list(self._parts(here))
        # Each is handed in before the first is waited for, so that they lie in the store in order and share commits.
        found = await asyncio.gather(
            *(self._accept(door, sender, part) for sender, part in parts), return_exceptions=True
        )
        waiting: list[Came] = []
        for (sender, part), result in zip(parts, found, strict=True):
            if isinstance(result, Unavailable):
                waiting += part
            elif isinstance(result, (NoSuchSource, NotAdmitted)):
                self._refuse(sender, len(part))
            elif isinstance(result, BaseException):
                log.error("messages of a device cannot be stored", error=repr(result), messages=len(part))
                self._lose(sender.way, len(part))
            else:
                self._meters.add(meter(sender.way, "stored"), len(part))
                _answer(part)
        waiting += later
        self._put_back(waiting)
        if self._waiting:
            self._news.set()
        self._look()
        return not waiting

    def _put_back(self, came: Sequence[Came]) -> None:
        """In front of what came since."""
        self._waiting.extendleft(reversed(came))
        self._bytes += sum(len(one.raw) for one in came)

    def _put_aside(self, one: Came, until: asyncio.Task[None]) -> None:
        by = (one.way, one.peer)
        if by not in self._aside:
            self._aside[by] = _Aside(until, [])
            until.add_done_callback(lambda _: self._news.set())
        self._aside[by].came.append(one)
        self._apart += 1
        self._bytes += len(one.raw)

    def _take_back(self) -> None:
        """What need not wait any more, in front of what came since. Only between two parts of the queue: so it stays in order."""
        for by in [by for by, one in self._aside.items() if one.until.done()]:
            came = self._aside.pop(by).came
            self._apart -= len(came)
            self._bytes -= sum(len(one.raw) for one in came)
            self._put_back(came)

    async def _some_are_back(self) -> bool:
        """Wait until something that lies aside need not any more; False: nothing lies there."""
        if self._aside:
            await asyncio.wait(
                {one.until for one in self._aside.values()}, return_when=asyncio.FIRST_COMPLETED
            )
        return bool(self._aside)

    async def _open(self, door: Door, came: deque[Came], here: list[Came]) -> None:
        """Take from `came` what may be stored; of SNMP version 3 only what is believed. What is left there waits: nobody can say now."""
        users: Sequence[TrapUser] = ()
        with suppress(Unavailable):
            if any(map(_sealed, came)):
                users = await door.trap_users()
            while came:
                if _sealed(came[0]):
                    await self._unseal(door, came[0], users, here)
                else:
                    here.append(came[0])
                came.popleft()

    async def _unseal(self, door: Door, one: Came, users: Sequence[TrapUser], here: list[Came]) -> None:
        if self._engine is None:
            self._engine = Engine(self._identity, await door.trap_boots(self._identity.hex()))
        if (before := self._aside.get((one.way, one.peer))) is not None:
            self._put_aside(one, before.until)  # what a device says stays in order
            return
        found = await self._engine.take(one.raw, one.peer, users, door.trap_clock)
        if isinstance(found, Waits):
            self._put_aside(one, found.until)
            return
        if isinstance(found, Taken):
            here.append(replace(one, raw=found.raw, taken=found))
            return
        self._meters.add(meter(one.way, found.fate))
        if found.report is not None and one.answer is not None:
            one.answer(found.report)
        noted = self._unread if found.fate == "unread" else self._left
        if found.fate != "asked" and len(noted) < REFUSED:
            noted[one.peer, found.why] += 1

    def _parts(self, taken: Sequence[Came]) -> Iterator[tuple[_Sender, list[Came]]]:
        by_sender: dict[_Sender, list[Came]] = {}
        for one in taken:
            sender = self._sender(one)
            if sender is None:
                continue
            if (knock := knocks.found(one.raw)) is not None:
                yield _Sender(one.way, one.peer, knock.secret, source=knock.source), [one]
                continue
            if one.taken is None and self.refuses(one.kind, one.peer, sender.secret):
                self._refuse(sender, 1, again=True)
            else:
                by_sender.setdefault(sender, []).append(one)
        for sender, all_of in by_sender.items():
            part: list[Came] = []
            size = 0
            for one in all_of:
                if part and (len(part) == TOGETHER or size + len(one.raw) > TOGETHER_BYTES):
                    yield sender, part
                    part, size = [], 0
                part.append(one)
                size += len(one.raw)
            yield sender, part

    def _sender(self, one: Came) -> _Sender | None:
        """None: it does not say who sends it."""
        if (by := one.taken) is not None:
            return _Sender(one.way, one.peer, source=by.source, user=by.user, engine=by.engine)
        if one.kind != "snmp":
            return _Sender(one.way, one.peer)
        try:
            return _Sender(one.way, one.peer, ber.community(one.raw))
        except NotUnderstood as error:
            self._meters.add(meter(one.way, "unread"))
            if len(self._unread) < REFUSED:
                self._unread[one.peer, str(error)] += 1
            return None

    async def _accept(self, door: Door, sender: _Sender, part: Sequence[Came]) -> None:
        proved = None
        if sender.user:
            clocks = [one.taken.clock for one in part if one.taken is not None]
            proved = Proved(user=sender.user, engine=sender.engine, clock=max(clocks))
        knock = knocks.found(part[0].raw)  # which lies alone
        identity = knock.id if knock is not None else new_id()
        await door.accept(
            Arrival(
                channel="monitoring",
                raw=batches.pack(identity, [(one.at, one.raw) for one in part]),
                received_at=part[-1].at,
                external_id=identity,
                envelope={"peer": sender.peer, BATCH: len(part)},
                claims=Claims(
                    kind=part[0].kind,
                    secret=sender.secret,
                    peer=sender.peer,
                    source=sender.source,
                    proved=proved,
                ),
            )
        )

    def _refuse(self, sender: _Sender, count: int, *, again: bool = False) -> None:
        way, peer, secret = sender[:3]
        self._meters.add(meter(way, "unknown"), count)
        if len(self._unknown) < REFUSED:
            self._unknown[way, peer] += count
        if not again and not sender.user:
            self._refused[way.partition("-")[0], peer, secret] = time.monotonic()
            if len(self._refused) > REFUSED:
                self._refused.popitem(last=False)

    def _lose(self, way: str, count: int) -> None:
        self._meters.add(meter(way, "overflow"), count)
        if not self.lost(QUIET):
            log.error("messages of devices are lost: they come faster than they can be stored", way=way)
        self._note_lost(way, count)

    def _note_lost(self, way: str, count: int) -> None:
        self._lost[way] = (self.lost(QUIET).get(way, 0) + count, time.monotonic())

    def _say(self) -> None:
        """One line of those who may not report here, and one of what could not be read, however many they are."""
        if self._unknown:
            most = {f"{peer} ({way})": n for (way, peer), n in self._unknown.most_common(10)}
            log.warning(
                "devices that are no alert source's were not heard: name their addresses or community at a source",
                messages=self._unknown.total(),
                senders=len(self._unknown),
                most=most,
            )
            self._unknown.clear()
        if self._unread:
            most = {f"{peer}: {why}": n for (peer, why), n in self._unread.most_common(10)}
            log.warning("datagrams could not be read", messages=self._unread.total(), most=most)
            self._unread.clear()
        if self._left:
            most = {f"{peer}: {why}": n for (peer, why), n in self._left.most_common(10)}
            log.warning(
                "messages of SNMP version 3 were not believed", messages=self._left.total(), most=most
            )
            self._left.clear()


def _answer(part: Sequence[Came]) -> None:
    """To informs: they are in the store now."""
    for one in part:
        if one.answer is None or one.kind != "snmp":
            continue
        with suppress(NotUnderstood):
            if one.taken is None and b"\xa6" in one.raw:
                one.answer(ber.answer(one.raw))
            elif one.taken is not None and one.taken.answer is not None:
                one.answer(one.taken.answer())


def _sealed(one: Came) -> bool:
    """Is it of SNMP version 3, and nobody looked at it?"""
    return one.kind == "snmp" and one.taken is None and ber.version(one.raw) == 3


def now() -> datetime:
    """When a message came."""
    return datetime.now(UTC)
