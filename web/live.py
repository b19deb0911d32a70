"""How do open pages learn that something changed? Server-sent events with an id, resumed from a ring, else "look again".

An event says which ticket and nothing of it: the page fetches what it may see. A page carries the position it was made
at and begins from there, so that nothing is missed between its making and its listening. Each browser has a bounded
queue; one that does not keep up is closed and comes back with its last id.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import deque
from dataclasses import dataclass

from aiohttp import web

from core.common import Common
from core.ids import new_token
from core.log import get_logger
from core.store.database import Database, Topics
from web import numbers

HEARTBEAT = 15.0  # seconds
RING = 2_000  # events that a returning page can be told again
QUEUE = 256  # events waiting for one browser
TYPING = "typing"
"""The topic of somebody who is writing: told to who listens now, and never again. Who writes stands behind the ticket."""
CALLED = "page"
"""The topic of a call to one member of staff, and told to nobody else (core.desk.paging)."""
ALARMS = "alerts"
"""The topic of alarms: once for each commit, whichever they are (core.desk.alert_rows)."""
TOPICS = frozenset(
    {"ticket", "inbound", "presence", "desk", "call", "tasks", "maintenance", ALARMS, CALLED, TYPING}
)
NOT_LISTED = frozenset({"presence", "call", "maintenance", CALLED, TYPING})
"""Topics that make no list old."""
ENDED = "sign_in"
"""The topic of a sign-in that is over: its pages are told nothing more."""

log = get_logger("live")


class TooMany(Exception):
    """This person, or this address, has enough pages open."""


Event = tuple[int, str, str, str]
"""Number, topic, what about, and who did it and need not be told: the topics of a commit say it behind a space."""


@dataclass(frozen=True, slots=True)
class _Browser:
    """Who listens."""

    person: str
    address: str
    sign_in: str
    request: web.Request

    @property
    def gone(self) -> bool:
        """Its connection is closed."""
        transport = self.request.transport
        return transport is None or transport.is_closing()


class Live:
    """The open pages of one process. `common`: what it shares with the others; the limits are about all of them."""

    def __init__(self, db: Database, common: Common, *, per_person: int = 10, per_address: int = 50) -> None:
        self._run = new_token()[:8]
        self._lock = threading.Lock()  # commits are told from any thread
        self._ring: deque[Event] = deque(maxlen=RING)
        self._last = 0
        self._forgotten = 0  # the number of the last event that is told no more
        self._open: dict[asyncio.Queue[Event | None], _Browser] = {}
        self._common = common
        self._per_person = per_person
        self._per_address = per_address
        self._loop: asyncio.AbstractEventLoop | None = None
        db.listen(self._told)

    @property
    def position(self) -> str:
        """Where the stream stands: a page made now has missed nothing when it listens from here."""
        return f"{self._run}-{self._last}"

    @property
    def changes(self) -> int:
        """See core.common.Common: another process may have told a page that asks here now."""
        return self._common.changes.count

    @property
    def calls(self) -> int:
        """The same of telephone calls, and of whoever is called to a chat."""
        return self._common.calls.count

    def _told(self, topics: Topics) -> None:
        for topic, about in topics:
            if topic == ENDED and self._loop is not None:
                with contextlib.suppress(RuntimeError):  # the loop is closing
                    self._loop.call_soon_threadsafe(self._end, about)
        wanted = dict.fromkeys(
            (topic, "" if topic == ALARMS else about) for topic, about in topics if topic in TOPICS
        )
        wanted = {one: None for one in wanted if one[0] != TYPING or one[1].endswith(" customer")}
        if not wanted:
            return
        with self._lock:
            if any(topic not in NOT_LISTED for topic, _ in wanted):
                self._common.changes.add()
            if any(topic in ("call", CALLED) for topic, _ in wanted):
                self._common.calls.add()
            events = [_event(self._last + n, *one) for n, one in enumerate(wanted, 1)]
            for event in events:
                if event[1] != TYPING:
                    self._forgotten = self._ring[0][0] if len(self._ring) == RING else 0
                    self._ring.append(event)
            self._last += len(events)
        if self._loop is not None and self._open:
            with contextlib.suppress(RuntimeError):  # the loop is closing
                self._loop.call_soon_threadsafe(self._spread, events)

    def _spread(self, events: list[Event]) -> None:
        for queue, browser in list(self._open.items()):
            for event in events:
                if not _is_for(event, browser.person):
                    continue
                if queue.qsize() >= QUEUE - 1:
                    self._let_go(queue)
                    queue.put_nowait(None)
                    break
                queue.put_nowait(event)

    def _end(self, sign_in: str) -> None:
        for queue in [queue for queue, one in self._open.items() if one.sign_in == sign_in]:
            self._let_go(queue)
            if queue.full():
                queue.get_nowait()
            queue.put_nowait(None)

    async def stream(
        self, request: web.Request, *, person: str, sign_in: str, address: str, since: str = ""
    ) -> web.StreamResponse:
        """Serve one browser until it goes, falls behind, is signed out, or the hub stops. Raises TooMany.

        `since`: the position the page was made at; a browser that comes back says its own Last-Event-ID instead.
        """
        if not self._enter(person, address):
            raise TooMany
        self._loop = asyncio.get_running_loop()
        response = web.StreamResponse(
            headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"}
        )
        queue: asyncio.Queue[Event | None] = asyncio.Queue(QUEUE)
        self._open[queue] = _Browser(person, address, sign_in, request)
        try:
            await response.prepare(request)
            since = request.headers.get("Last-Event-ID", "") or since
            written = await self._catch_up(response, since, person)
            while True:
                try:
                    async with asyncio.timeout(HEARTBEAT):
                        event = await queue.get()
                except TimeoutError:
                    await response.write(b":\n\n")
                    continue
                if event is None:
                    return response
                if event[0] > written:
                    await response.write(self._line(event))
        except (ConnectionResetError, asyncio.CancelledError):
            return response
        finally:
            self._let_go(queue)

    def _enter(self, person: str, address: str) -> bool:
        """Pages that were left hold no place here, although their end is noticed at the next heartbeat only."""
        for queue in [queue for queue, one in self._open.items() if one.gone]:
            self._let_go(queue)
        return self._common.pages.enter(person, address, most=(self._per_person, self._per_address))

    def _let_go(self, queue: asyncio.Queue[Event | None]) -> None:
        one = self._open.pop(queue, None)
        if one is not None:
            self._common.pages.leave(one.person, one.address)

    async def _catch_up(self, response: web.StreamResponse, last_id: str, person: str) -> int:
        """Tell what was missed, and an id for the next time even when that is nothing; the number of the last one told."""
        with self._lock:
            missed, last = [one for one in self._missed(last_id) if _is_for(one, person)], self._last
        for event in missed:
            await response.write(self._line(event))
        if not missed:
            await response.write(f"id: {self._run}-{last}\n\n".encode())
        return last

    def _missed(self, last_id: str) -> list[Event]:
        run, _, number = last_id.partition("-")
        if not last_id:
            return []
        last = numbers.whole(number, digits=numbers.LONGEST)
        if run != self._run or last is None or last < self._forgotten:
            return [(self._last, "refresh", "", "")]
        return [event for event in self._ring if event[0] > last]

    def _line(self, event: Event) -> bytes:
        number, topic, about, _ = event
        return f"id: {self._run}-{number}\nevent: {topic}\ndata: {about}\n\n".encode()


def _is_for(event: Event, person: str) -> bool:
    _, topic, about, by = event
    return by != person and (topic != CALLED or about == person)


def _event(number: int, topic: str, told: str) -> Event:
    about, _, by = told.partition(" ")
    return number, topic, about, by
