"""Which keys did somebody press, and what entry do they make? No key is ever logged, whether it is secret or not."""

from __future__ import annotations

import asyncio
from collections import deque

from core.calling import CallEvent, Gather

ECHO = (
    0.04  # seconds after a key went up in which the same key again is its second report, not a second press
)
HELD = 2.0  # seconds a key may be down; then its end was lost on the way
GRACE = 1.0  # seconds a full entry waits for the finishing key, which would else be the first of the next one
MOST = 64  # keys typed ahead that are kept
KEYS = frozenset("0123456789*#")


class Presses:
    """Tells presses from reports: a telephone may report one press as an event in the sound and by INFO too.

    The second report begins while the key is down, or as it goes up. What goes up and comes down again at once may also be a
    second press of which the network brought both together; so the first press that has no second report shows that
    this telephone makes none.

    >>> presses = Presses()
    >>> [presses.down("5", at=1.0), presses.down("5", at=1.01), presses.up(at=1.1), presses.down("5", at=1.2)]
    [True, False, None, True]
    """

    def __init__(self) -> None:
        self._key = ""
        self._since = 0.0
        self._up_since: float | None = None  # None: it is down
        self._reported_twice = False
        self._once_each = False

    def down(self, key: str, *, at: float) -> bool:
        """Is this a press? `at`: seconds of a clock that never goes back."""
        if key == self._key:
            held = self._up_since is None and at - self._since < HELD
            echoed = (
                self._up_since is not None
                and at - self._up_since < ECHO
                and not (self._once_each or self._reported_twice)
            )
            if held or echoed:
                self._reported_twice = True
                return False
        self._once_each = self._once_each or bool(self._key and not self._reported_twice)
        self._key, self._since, self._up_since, self._reported_twice = key, at, None, False
        return True

    def up(self, *, at: float) -> None:
        """The key, or its second report, ended."""
        self._up_since = at


class Keys:
    """What was pressed and nobody has used yet: keys typed ahead wait for the next who wants some."""

    def __init__(self) -> None:
        self._waiting: deque[str] = deque(maxlen=MOST)
        self._some = asyncio.Event()

    def press(self, key: str) -> None:
        if key in KEYS:
            self._waiting.append(key)
            self._some.set()

    def put_back(self, key: str) -> None:
        """It belongs to the next entry."""
        self._waiting.appendleft(key)
        self._some.set()

    def clear(self) -> None:
        self._waiting.clear()
        self._some.clear()

    async def some(self) -> None:
        """Wait until there is one; it stays."""
        await self._some.wait()

    async def next(self, within: float) -> str | None:
        """The next one, or None when there is none within so many seconds."""
        try:
            async with asyncio.timeout(within):
                await self._some.wait()
        except TimeoutError:
            return None
        return self.take()

    def take(self) -> str | None:
        """The next one, if there is one."""
        if not self._waiting:
            return None
        key = self._waiting.popleft()
        if not self._waiting:
            self._some.clear()
        return key

    async def entry(self, wanted: Gather) -> CallEvent:
        """What somebody enters: `digits`, or `silence` when nothing came in time."""
        entered = ""
        while True:
            full = len(entered) >= wanted.maximum
            if full and not wanted.finish:
                break
            wait = GRACE if full else wanted.pause if entered else wanted.timeout
            key = await self.next(wait)
            if key is None or key == wanted.finish:
                break
            if full:
                self.put_back(key)
                break
            entered += key
        return CallEvent(kind="digits", value=entered) if entered else CallEvent(kind="silence")
