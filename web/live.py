"""How do open pages learn that something changed? Server-sent events with an id, resumed from a ring, else "look again".

An event says which ticket and nothing of it: the page fetches what it may see. Each browser has a bounded queue; one
that does not keep up is closed and comes back with its last id.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter, deque

from aiohttp import web

from core.ids import new_token
from core.log import get_logger
from core.store.database import Database, Topics

HEARTBEAT = 15.0  # seconds
RING = 2_000  # events that a returning page can be told again
QUEUE = 256  # events waiting for one browser
TOPICS = frozenset({"ticket", "inbound", "presence", "desk"})

log = get_logger("live")


class TooMany(Exception):
    """This person, or this address, has enough pages open."""


class Live:
    """The open pages of one hub."""

    def __init__(self, db: Database, *, per_person: int = 10, per_address: int = 50) -> None:
        self._run = new_token()[:8]
        self._ring: deque[tuple[int, str, str]] = deque(maxlen=RING)
        self._last = 0
        self._open: dict[asyncio.Queue[tuple[int, str, str] | None], str] = {}
        self._people: Counter[str] = Counter()
        self._per_person = per_person
        self._addresses: Counter[str] = Counter()
        self._per_address = per_address
        self._loop: asyncio.AbstractEventLoop | None = None
        self.changes = 0
        """Goes up with every change of a ticket or list: what was counted before is old."""
        db.listen(self._told)

    def _told(self, topics: Topics) -> None:
        wanted = [(topic, about) for topic, about in topics if topic in TOPICS]
        if not wanted:
            return
        self.changes += 1
        if self._loop is not None and self._open:
            with contextlib.suppress(RuntimeError):  # the loop is closing
                self._loop.call_soon_threadsafe(self._spread, wanted)

    def _spread(self, topics: Topics) -> None:
        for topic, about in dict.fromkeys(topics):
            self._last += 1
            event = (self._last, topic, about)
            self._ring.append(event)
            for queue in list(self._open):
                if queue.qsize() >= QUEUE - 1:
                    self._open.pop(queue, None)
                    queue.put_nowait(None)
                else:
                    queue.put_nowait(event)

    async def stream(self, request: web.Request, person: str, address: str) -> web.StreamResponse:
        """Serve one browser until it goes, falls behind, or the hub stops. Raises TooMany."""
        if self._people[person] >= self._per_person or self._addresses[address] >= self._per_address:
            raise TooMany
        self._loop = asyncio.get_running_loop()
        response = web.StreamResponse(
            headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"}
        )
        queue: asyncio.Queue[tuple[int, str, str] | None] = asyncio.Queue(QUEUE)
        self._people[person] += 1
        self._addresses[address] += 1
        self._open[queue] = person
        try:
            await response.prepare(request)
            for missed in self._missed(request.headers.get("Last-Event-ID", "")):
                await response.write(self._line(missed))
            while True:
                try:
                    async with asyncio.timeout(HEARTBEAT):
                        event = await queue.get()
                except TimeoutError:
                    await response.write(b":\n\n")
                    continue
                if event is None:
                    return response
                await response.write(self._line(event))
        except (ConnectionResetError, asyncio.CancelledError):
            return response
        finally:
            self._open.pop(queue, None)
            self._people[person] -= 1
            self._addresses[address] -= 1

    def _missed(self, last_id: str) -> list[tuple[int, str, str]]:
        run, _, number = last_id.partition("-")
        if not last_id:
            return []
        first = self._ring[0][0] if self._ring else self._last + 1
        if run != self._run or not number.isdecimal() or int(number) < first - 1:
            return [(self._last, "refresh", "")]
        return [event for event in self._ring if event[0] > int(number)]

    def _line(self, event: tuple[int, str, str]) -> bytes:
        number, topic, about = event
        return f"id: {self._run}-{number}\nevent: {topic}\ndata: {about}\n\n".encode()
