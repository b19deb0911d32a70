"""What becomes of messages that nobody waits for an answer to? They are queued, and stored together: one row for many of one device."""

from __future__ import annotations

import asyncio
import time
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from channels.monitoring import batches, ber
from channels.monitoring.source import NotUnderstood
from core.alerting import BATCH
from core.channel import Door, NoSuchSource, NotAdmitted, Unavailable
from core.common import Meters, meter
from core.envelope import Arrival, Claims
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
ALARM = 60.0  # seconds for which messages that were lost are an alarm
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

    @property
    def kind(self) -> str:
        """Of the sources that send this."""
        return self.way.partition("-")[0]


_Sender = tuple[str, str, str]  # way, peer, community


class Gathering:
    """The queue, and whoever empties it."""

    def __init__(self, meters: Meters, *, most: int = MOST) -> None:
        self._meters = meters
        self._most = most
        self._waiting: deque[Came] = deque()
        self._bytes = 0
        self._news = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._refused: OrderedDict[tuple[str, str, str], float] = OrderedDict()
        self._unknown: Counter[tuple[str, str]] = Counter()
        self._unread: Counter[tuple[str, str]] = Counter()
        self._lost_at = -ALARM
        self._lost = 0

    def put(self, came: Came) -> bool:
        """Queue it; False: there is no room, it is lost and counted."""
        self._meters.add(meter(came.way, "received"))
        if len(self._waiting) >= self._most or self._bytes >= MOST_BYTES:
            self._lose(came.way, 1)
            return False
        self._waiting.append(came)
        self._bytes += len(came.raw)
        self._look()
        self._news.set()
        return True

    def _look(self) -> None:
        """Is there room for who can wait?"""
        if len(self._waiting) > self._most // 2 or self._bytes > MOST_BYTES // 2:
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

    @property
    def trouble(self) -> str:
        """What staff must know, in words; empty: nothing."""
        if time.monotonic() - self._lost_at >= ALARM:
            return ""
        return f"{self._lost} messages of devices were lost: they come faster than they can be stored"

    async def run(self, door: Door) -> None:
        """Store what comes, until cancelled; what waits then is stored too, if that can be done soon."""
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
                    while self._waiting and await self._store(door):
                        pass
            if self._waiting:
                log.error("messages of devices were not stored before the end", messages=len(self._waiting))

    async def _store(self, door: Door) -> bool:
        """A part of the queue, in the order it came; False: nothing can be stored just now, and it waits on."""
        taken = [self._waiting.popleft() for _ in range(min(AT_ONCE, len(self._waiting)))]
        self._bytes -= sum(len(one.raw) for one in taken)
        parts = list(self._parts(taken))
        # Each is handed in before the first is waited for, so that they lie in the store in order and share commits.
        found = await asyncio.gather(
            *(self._accept(door, sender, part) for sender, part in parts), return_exceptions=True
        )
        later: list[Came] = []
        for (sender, part), result in zip(parts, found, strict=True):
            if isinstance(result, Unavailable):
                later += part
            elif isinstance(result, (NoSuchSource, NotAdmitted)):
                self._refuse(sender, len(part))
            elif isinstance(result, BaseException):
                log.error("messages of a device cannot be stored", error=repr(result), messages=len(part))
                self._lose(sender[0], len(part))
            else:
                self._meters.add(meter(sender[0], "stored"), len(part))
                _answer(part)
        if later:
            self._waiting.extendleft(reversed(later))
            self._bytes += sum(len(one.raw) for one in later)
            self._news.set()
        if self._waiting:
            self._news.set()
        self._look()
        return not later

    def _parts(self, taken: Sequence[Came]) -> Iterator[tuple[_Sender, list[Came]]]:
        by_sender: dict[_Sender, list[Came]] = {}
        for one in taken:
            secret = self._secret(one)
            if secret is None:
                continue
            sender = (one.way, one.peer, secret)
            if self.refuses(one.kind, one.peer, secret):
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

    def _secret(self, one: Came) -> str | None:
        """Of SNMP the community; None: it says none."""
        if one.kind != "snmp":
            return ""
        try:
            return ber.community(one.raw)
        except NotUnderstood as error:
            self._meters.add(meter(one.way, "unread"))
            if len(self._unread) < REFUSED:
                self._unread[one.peer, str(error)] += 1
            return None

    async def _accept(self, door: Door, sender: _Sender, part: Sequence[Came]) -> None:
        _, peer, secret = sender
        identity = new_id()
        await door.accept(
            Arrival(
                channel="monitoring",
                raw=batches.pack(identity, [(one.at, one.raw) for one in part]),
                received_at=part[-1].at,
                external_id=identity,
                envelope={"peer": peer, BATCH: len(part)},
                claims=Claims(kind=part[0].kind, secret=secret, peer=peer),
            )
        )

    def _refuse(self, sender: _Sender, count: int, *, again: bool = False) -> None:
        way, peer, secret = sender
        self._meters.add(meter(way, "unknown"), count)
        if len(self._unknown) < REFUSED:
            self._unknown[way, peer] += count
        if not again:
            self._refused[way.partition("-")[0], peer, secret] = time.monotonic()
            if len(self._refused) > REFUSED:
                self._refused.popitem(last=False)

    def _lose(self, way: str, count: int) -> None:
        self._meters.add(meter(way, "overflow"), count)
        if time.monotonic() - self._lost_at >= ALARM:
            self._lost = 0
            log.error("messages of devices are lost: they come faster than they can be stored", way=way)
        self._lost += count
        self._lost_at = time.monotonic()

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


def _answer(part: Sequence[Came]) -> None:
    """To informs: they are in the store now."""
    for one in part:
        if one.answer is not None and one.kind == "snmp" and b"\xa6" in one.raw:
            with suppress(NotUnderstood):
                one.answer(ber.answer(one.raw))


def now() -> datetime:
    """When a message came."""
    return datetime.now(UTC)
