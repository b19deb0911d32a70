"""How fast may we write? Telegram takes about one message a second in a chat, 20 a minute in a group, and 30 a second in all."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

PER_CHAT = 1.0  # seconds
PER_GROUP = 3.0
AT_ONCE = 3  # messages of a chat that may follow each other: an answer and its files
OVERALL = 25.0  # messages a second, a little less than what is allowed
REMEMBERED = 10_000  # chats


@dataclass(slots=True, kw_only=True)
class Pace:
    """Whoever is about to write waits for their turn, in the order in which they asked."""

    per_chat: float = PER_CHAT
    per_group: float = PER_GROUP
    overall: float = OVERALL
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    _chats: dict[int, float] = field(default_factory=dict)
    """When the next message would be due, were they evenly spread."""
    _all: float = 0.0

    async def turn(self, chat: int) -> None:
        """Return when a message may leave for this chat; groups have negative numbers."""
        now = self.clock()
        apart = self.per_group if chat < 0 else self.per_chat
        due = max(self._chats.get(chat, 0.0), now)
        at = max(now, due - (AT_ONCE - 1) * apart, self._all)
        if len(self._chats) >= REMEMBERED:
            self._chats = {one: when for one, when in self._chats.items() if when > now}
        self._chats[chat] = due + apart
        self._all = max(self._all, now) + 1 / self.overall
        if at > now:
            await self.sleep(at - now)

    def hold(self, chat: int, seconds: float) -> None:
        """Telegram asked us to wait: nothing goes there before."""
        apart = self.per_group if chat < 0 else self.per_chat
        self._chats[chat] = max(self._chats.get(chat, 0.0), self.clock() + seconds + (AT_ONCE - 1) * apart)
