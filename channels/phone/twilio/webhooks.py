"""How is a request of Twilio's taken? Signed or refused, answered within two seconds, and the same again when it comes again.

What a caller pressed is in the form alone. It is never logged: of what fails here only the place is told.
"""

from __future__ import annotations

import asyncio
import time
import traceback
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from multidict import MultiDict

from channels.phone import phrases
from channels.phone.twilio.account import SIGNATURE_HEADER, Account, fields
from channels.phone.twilio.twiml import Renderer
from core.channel import Door, Unavailable
from core.log import get_logger

BUDGET = 1.8  # seconds until a caller is told "one moment"
BODY_TIME = 10.0  # seconds a form may take to arrive
KEPT = 60.0  # seconds that an answer is kept for whoever asks again; Twilio asks again within 15
PATIENCE = 5  # times that somebody is told "one moment"; then the number's fallback takes over
TELL_EVERY = 60.0  # seconds between lines about wrong signatures: anybody can send one
AGAIN = "again"
"""How often we said "one moment": stands in the address we sent the caller on to."""

log = get_logger("phone")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One signed request."""

    query: Any
    """Of our own making, as we put it into the address."""
    form: MultiDict[str]
    door: Door
    body: bytes = b""
    type: str = ""

    def text(self, name: str, *, otherwise: str = "") -> str:
        """A field of the form."""
        return str(self.form.get(name, otherwise))

    def ours(self, name: str, otherwise: str = "") -> str:
        """A value that we put into the address."""
        return str(self.query.get(name, otherwise))

    def number(self, name: str) -> int:
        """The same as a number. Raises HTTPBadRequest."""
        value = self.ours(name, "0")
        if not value.isdecimal() or len(value) > 9:
            raise web.HTTPBadRequest(text=f"{name} is no number")
        return int(value)

    @property
    def again(self) -> int:
        """How often this was put off already."""
        return self.number(AGAIN)


Handler = Callable[[Asked], Awaitable[str]]


@dataclass(slots=True, kw_only=True)
class Webhooks:
    """Takes requests for whoever handles them, once the door is known."""

    account: Account
    language: str = phrases.FIRST
    budget: float = BUDGET
    door: Door | None = None
    _tasks: dict[str, asyncio.Task[str]] = field(default_factory=dict)
    _wrong: int = 0
    _told: float = -TELL_EVERY

    def route(self, path: str, handler: Handler) -> web.RouteDef:
        """A route under /in/twilio/ whose handler returns a document; empty: there is nothing to say."""

        async def take(request: web.Request) -> web.Response:
            return await self._take(request, handler)

        return web.post(f"/in/twilio/{path}", take)

    async def within(self, key: str, asked: Asked, work: Callable[[], Awaitable[str]], *, again: str) -> str:
        """The answer to one step of one call: made once, however often it is asked for.

        `again`: where the caller goes on when it is not there in time.
        """
        task = self._tasks.get(key)
        if task is None:
            task = asyncio.ensure_future(work())
            self._tasks[key] = task
            task.add_done_callback(lambda done: self._finished(key, done))
        await asyncio.wait([task], timeout=self.budget)
        if task.done():
            return task.result()
        if asked.again >= PATIENCE:
            raise Unavailable("the answer takes too long")
        log.warning("a caller has to wait for us", put_off=asked.again + 1)
        language = asked.ours("lang", self.language)
        return Renderer(url=self.account.url).later(phrases.words("one_moment", language), again)

    def close(self) -> None:
        """The hub stops: nobody is told any more."""
        self.door = None
        for task in list(self._tasks.values()):
            task.cancel()
        self._tasks.clear()

    def _finished(self, key: str, task: asyncio.Task[str]) -> None:
        if task.cancelled() or task.exception() is not None:
            self._tasks.pop(key, None)  # asking again is trying again
            return
        asyncio.get_running_loop().call_later(KEPT, self._tasks.pop, key, None)

    def _refused(self, path: str) -> None:
        self._wrong += 1
        if time.monotonic() - self._told >= TELL_EVERY:
            log.warning("webhooks with a wrong signature were refused", last=path, refused=self._wrong)
            self._told, self._wrong = time.monotonic(), 0

    async def _take(self, request: web.Request, handler: Handler) -> web.Response:
        if SIGNATURE_HEADER not in request.headers:
            return _refusal(403, "not signed")
        try:
            async with asyncio.timeout(BODY_TIME):
                body = await request.read()
        except TimeoutError:
            return _refusal(408, "the body took too long")
        if not self.account.signed(request.raw_path, body, request.content_type, request.headers):
            self._refused(request.path)
            return _refusal(403, "the signature is wrong")
        if self.door is None:
            return _refusal(503, "not ready yet", **{"Retry-After": "5"})
        form = fields(body) if request.content_type != "application/json" else MultiDict[str]()
        asked = Asked(query=request.query, form=form, door=self.door, body=body, type=request.content_type)
        try:
            document = await handler(asked)
        except Unavailable:
            return _refusal(503, "not just now", **{"Retry-After": "5"})
        except web.HTTPException as answer:
            return _refusal(answer.status, answer.text or "")
        except Exception as error:
            place = "".join(traceback.format_tb(error.__traceback__))  # its words may be a caller's
            log.error("a webhook failed", path=request.path, error=type(error).__name__, place=place)
            return _refusal(500, "this went wrong")
        if not document:
            return web.Response(status=204)
        return web.Response(text=document, content_type="application/xml")


def _refusal(status: int, why: str, **headers: str) -> web.Response:
    return web.Response(status=status, text=why + "\n", headers=headers)
