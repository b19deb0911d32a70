"""Is a message of SNMP version 3 in time, and was it here before? What is known of the clocks of those who send traps (RFC 3414, 3.2, 7 b)."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from channels.monitoring.version_3 import MOST, Message
from core.alerting import trap_clock

WINDOW = 150
"""Seconds by which a message may be older than the newest of its sender, or than ours (RFC 3414, 2.2.3)."""
REMEMBERED = 2 * WINDOW  # seconds: one may be as far ahead of our clock as it may be behind
SEEN = 100_000  # messages remembered, so that none is taken twice
SENDERS = 10_000  # whose clocks are remembered; of others the store is asked

Clocks = Callable[[str, str], Awaitable[int]]
"""Source and engine to what its clock said in the newest message that is stored (core.alerting.trap_clock); 0: nothing is."""


@dataclass(slots=True)
class _Clock:
    """What is known of the time of a sender."""

    boots: int
    latest: int
    """The latest time it said, in seconds."""
    at: float
    """When that was, by our clock."""

    def now(self, at: float) -> int:
        return self.latest + int(max(0.0, at - self.at))


@dataclass(slots=True, kw_only=True)
class Seen:
    """A message that was here."""

    at: float
    answered: bool = False
    """It is an inform, which is stored: who says the same again did not hear the answer."""


class Senders:
    """Those of all sources, each source's apart: what one's say moves no clock of another's. `clock`: seconds that never go back."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._clocks: OrderedDict[tuple[str, str], _Clock] = OrderedDict()
        self._seen: OrderedDict[tuple[str, bytes, bytes], Seen] = OrderedDict()

    async def in_time(self, source: str, message: Message, known: Clocks) -> bool:
        """By what its sender said before; asked only of a message whose key fits. Raises what `known` raises."""
        key = (source, message.engine.hex())
        clock = self._clocks.get(key)
        if message.boots == MOST:
            return False
        if clock is None:  # since we began: what is stored already is not taken again
            stored = await known(*key)
            return not stored or trap_clock(message.boots, message.time) > stored
        if message.boots != clock.boots:
            return message.boots > clock.boots
        return message.time > clock.latest or message.time >= clock.now(self._clock()) - WINDOW

    def move_on(self, source: str, message: Message) -> None:
        """A message of its sender is taken."""
        key = (source, message.engine.hex())
        clock = self._clocks.pop(key, None)
        if clock is None or (message.boots, message.time) > (clock.boots, clock.latest):
            clock = _Clock(message.boots, message.time, self._clock())
        self._clocks[key] = clock
        if len(self._clocks) > SENDERS:
            self._clocks.popitem(last=False)

    def before(self, source: str, message: Message) -> Seen | None:
        """Was a signed message here within the window? The RFC would take it again as often as somebody sends it.

        None: it was not, and is noted now.
        """
        at = self._clock()
        while self._seen and (
            len(self._seen) >= SEEN or at - next(iter(self._seen.values())).at > REMEMBERED
        ):
            self._seen.popitem(last=False)
        key = _key(source, message)
        if key in self._seen:
            return self._seen[key]
        self._seen[key] = Seen(at=at)
        return None

    def seen(self, source: str, message: Message) -> Seen:
        """What is noted of it."""
        return self._seen.get(_key(source, message)) or Seen(at=self._clock())


def _key(source: str, message: Message) -> tuple[str, bytes, bytes]:
    return source, message.engine, message.mac
