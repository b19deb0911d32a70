"""Who has a chat open, and what do they not know yet? Each is woken for what is theirs, looks, and is told the difference.

A commit says which chat or ticket it was about; nothing of it is passed on. A page that is woken twice while it looks, looks once
more. One that does not take what it is told is closed, and comes back.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from aiohttp import web

from core.common import Common
from core.desk import visitor_states, visitor_talk, visitors
from core.desk.visitor_states import Standing
from core.desk.visitor_talk import Item
from core.desk.visitors import Visitor
from core.log import get_logger
from core.store.database import Database, StoreUnavailable, Topics
from web.live import ENDED
from web.site import now

TAKES_AT_MOST = 10.0  # seconds that a page may need to take what it is told
BEAT = 60.0  # seconds between two notes that pages are open
STANDINGS = 15.0  # seconds between two looks at who waits before whom
MARGIN = 300.0  # seconds: what a returning page may have missed although it saw later things

log = get_logger("chat")


class TooMany(Exception):
    """This visitor, or this network address, has enough pages open."""


class Page:
    """One open page. `send`: hands it one frame; `close`: ends it. `since`: the instant of the last thing it shows, in seconds."""

    def __init__(
        self,
        who: Visitor,
        *,
        send: Callable[[dict[str, Any]], Awaitable[None]],
        close: Callable[[], Awaitable[object]],
        network: str,
        sign_in: str = "",
        since: float = 0.0,
        language: str = "",
    ) -> None:
        self.who = who
        self.network = network
        self.sign_in = sign_in
        self.language = language
        self.typed_at = 0.0
        self.newest: str | None = None
        self.tickets: frozenset[str] = frozenset()
        self.standing: Standing | None = None
        self._send = send
        self._close = close
        self._since = since
        self._told: dict[str, Item] = {}
        self._looking = False
        self._again = False

    async def tell(self, frame: dict[str, Any]) -> None:
        """Hand it one frame. Raises ConnectionError when it is gone, or does not listen."""
        try:
            async with asyncio.timeout(TAKES_AT_MOST):
                await self._send(frame)
        except TimeoutError:
            await self.close()
            raise ConnectionResetError from None

    async def close(self) -> None:
        """End it."""
        with contextlib.suppress(ConnectionError, RuntimeError):
            await self._close()

    def news(self, items: tuple[Item, ...]) -> tuple[list[Item], list[str]]:
        """What it does not show yet, or shows otherwise; and what is not there any more."""
        fresh = [
            one
            for one in items
            if self._told.get(one.id) != one
            and (one.id in self._told or one.at.timestamp() >= self._since - MARGIN)
        ]
        there = {one.id for one in items}
        oldest = items[0].at if len(items) >= visitor_talk.SHOWN else None
        gone = [
            one.id  # what is merely older than what is told now stays on the page
            for one in self._told.values()
            if one.id not in there and (oldest is None or one.at >= oldest)
        ]
        self._told = {one.id: one for one in items}
        return fresh, gone

    @contextlib.asynccontextmanager
    async def alone(self) -> AsyncIterator[Callable[[], bool] | None]:
        """One look at a time; who comes meanwhile lets it be repeated. None: somebody looks already."""
        if self._looking:
            self._again = True
            yield None
            return
        self._looking = True

        def again() -> bool:
            wanted, self._again = self._again, False
            return wanted

        try:
            yield again
        finally:
            self._looking = False


class Room:
    """The open chats of one process. `common`: what it shares with the others; the limits are about all of them."""

    def __init__(self, db: Database, common: Common, *, per_visitor: int = 10, per_address: int = 50) -> None:
        self._db = db
        self._common = common
        self._most = (per_visitor, per_address)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._by_address: dict[str, set[Page]] = defaultdict(set)
        self._by_ticket: dict[str, set[Page]] = defaultdict(set)
        self._tasks: set[asyncio.Task[None]] = set()
        self._waiting: tuple[float, tuple[visitor_states.InLine, ...]] = (0.0, ())
        db.listen(self._heard)

    async def keep(self, _app: web.Application) -> AsyncIterator[None]:
        """Beside the application: notes whose pages are open, and tells those who wait how far they are."""
        tasks = [
            asyncio.create_task(self._beat(), name="chat-beat"),
            asyncio.create_task(self._tick(), name="chat-tick"),
        ]
        yield
        for task in (*tasks, *self._tasks):
            task.cancel()
        await asyncio.gather(*tasks, *self._tasks, return_exceptions=True)

    async def end(self, _app: web.Application) -> None:
        """The hub stops: pages are let go, and come back to the next one."""
        await asyncio.gather(*(page.close() for pages in self._by_address.values() for page in pages))

    @contextlib.asynccontextmanager
    async def open(self, page: Page) -> AsyncIterator[None]:
        """As long as the page is there. Raises TooMany."""
        address = page.who.address
        names = (f"chat {address}", page.network)
        if not self._common.pages.enter(*names, most=self._most):
            raise TooMany
        self._loop = asyncio.get_running_loop()
        self._by_address[address].add(page)
        try:
            yield
        finally:
            self._common.pages.leave(*names)
            self._forget(page)

    def _forget(self, page: Page) -> None:
        address = page.who.address
        for places, key in ((self._by_address, address), *((self._by_ticket, one) for one in page.tickets)):
            places[key].discard(page)
            if not places[key]:
                del places[key]
        if address not in self._by_address:
            with contextlib.suppress(StoreUnavailable):  # it counts as gone a little later
                self._db.submit(visitors.gone, address, now=now())

    # --- What is heard of commits -----------------------------------------------------------------------------

    def _heard(self, topics: Topics) -> None:
        if self._loop is None or not self._by_address:
            return
        wanted = {
            (topic, about)
            for topic, about in topics
            if (topic in ("ticket", "typing") and about.partition(" ")[0] in self._by_ticket)
            or (topic == "chat" and about in self._by_address)
            or topic == ENDED
        }
        if wanted:
            with contextlib.suppress(RuntimeError):  # the loop is closing
                self._loop.call_soon_threadsafe(self._wake, wanted)

    def _wake(self, wanted: set[tuple[str, str]]) -> None:
        for topic, about in wanted:
            subject, _, by = about.partition(" ")
            if topic == "chat":
                pages = self._by_address.get(subject, set())
            elif topic == ENDED:
                self._end(subject)
                continue
            else:
                pages = self._by_ticket.get(subject, set())
            for page in tuple(pages):
                if topic != "typing":
                    self._soon(self.look(page))
                elif by.startswith("staff"):
                    self._soon(page.tell({"type": "typing"}))

    def _end(self, sign_in: str) -> None:
        """Whoever was signed in is not any more."""
        for page in [
            page for pages in self._by_address.values() for page in pages if page.sign_in == sign_in
        ]:
            self._soon(page.close())

    def _soon(self, what: Any) -> None:
        task = asyncio.create_task(self._quietly(what), name="chat-news")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _quietly(self, what: Awaitable[None]) -> None:
        try:
            await what
        except ConnectionError:
            pass  # it comes back
        except StoreUnavailable as error:
            log.warning("a chat could not be read", reason=str(error))
        except Exception:
            log.exception("a chat could not be shown")

    # --- What pages are told ----------------------------------------------------------------------------------

    async def look(self, page: Page) -> None:
        """Tell it what it does not know yet."""
        async with page.alone() as again:
            if again is None:
                return
            while True:
                await self._look(page)
                if not again():
                    return

    async def _look(self, page: Page) -> None:
        found = await self._db.read(
            visitor_states.shown, page.who, language=page.language, line=await self._line(), now=now()
        )
        self._follow(page, frozenset(found.talk.tickets))
        page.newest = found.talk.newest
        fresh, gone = page.news(found.talk.items)
        if fresh or gone:
            await page.tell({"type": "items", "items": [_plain(one) for one in fresh], "gone": gone})
        if found.standing != page.standing:
            page.standing = found.standing
            await page.tell({"type": "standing", **found.standing.plain()})

    async def know(self, page: Page) -> None:
        """What a page that asks once writes about."""
        found = await self._db.read(visitor_talk.conversation, page.who)
        page.newest = found.newest

    def _follow(self, page: Page, tickets: frozenset[str]) -> None:
        if page not in self._by_address.get(page.who.address, ()):
            return  # gone meanwhile
        for old in page.tickets - tickets:
            self._by_ticket[old].discard(page)
            if not self._by_ticket[old]:
                del self._by_ticket[old]
        for new in tickets - page.tickets:
            self._by_ticket[new].add(page)
        page.tickets = tickets

    async def _line(self) -> tuple[visitor_states.InLine, ...]:
        """Who waits before whom, as of some seconds ago: one question for all pages."""
        at, line = self._waiting
        if time.monotonic() - at > STANDINGS / 3:
            self._waiting = (time.monotonic(), line)  # whoever asks meanwhile takes what was known
            line = await self._db.read(visitor_states.in_line)
            self._waiting = (time.monotonic(), line)
        return line

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(STANDINGS)
            for page in [page for pages in self._by_address.values() for page in pages]:
                if page.standing is not None and page.standing.moves:
                    await self._quietly(self.look(page))

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(BEAT)
            if self._by_address:
                await self._quietly(self._note())

    async def _note(self) -> None:
        await self._db.write(visitors.here, tuple(self._by_address), now=now())


def _plain(item: Item) -> dict[str, Any]:
    """As it goes over the wire; what is empty is left out."""
    said: dict[str, Any] = {
        "id": item.id,
        "at": round(item.at.timestamp(), 3),
        "by": item.by,
        "name": item.name,
        "text": item.text,
        "ref": item.ref,
        "ticket": item.ticket,
        "files": [{"id": one.id, "name": one.name, "size": one.size} for one in item.files],
        "buttons": [{"id": one.id, "label": one.label} for one in item.buttons],
        "chosen": item.chosen,
        "withdrawn": item.withdrawn,
    }
    return {name: value for name, value in said.items() if value}
