"""A Bot API server that behaves, with people at the other end. It runs in a thread of its own, so that whole days can use it too.

    with bot_api() as telegram:
        mario = telegram.person("Mario Rossi")
        mario.writes("The printer is on fire")
        mario.sees("26-000001")
        mario.presses("Solved")

What it promises is the public description's: updates wait until they are confirmed, errors have codes and parameters, limits hold.
`telegram.fails(…)` puts an error before the next answers of a method. What people see they wait for.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

import aiohttp
from aiohttp import web

from tests.channels.telegram.answers import LARGEST_OUT, TOKEN, Answers, Refusal
from tests.channels.telegram.methods import METHODS, Wrong, parsed
from tests.channels.telegram.people import PATIENCE, Group, Person

__all__ = ["TOKEN", "BotApi", "bot_api"]


class BotApi(Answers):
    """The server; see the module."""

    # --- What a test arranges -------------------------------------------------------------------------------

    def person(self, name: str = "Mario Rossi", *, number: int | None = None, language: str = "it") -> Person:
        """Somebody with an account; their chat with the bot is there once they write."""
        return Person(self, number or next(self._ids), name, language)

    def group(self, title: str = "Acme IT", *, number: int | None = None) -> Group:
        """A group, without the bot."""
        return Group(self, -(number or next(self._ids)), title)

    def fails(
        self, method: str, code: int, description: str = "", *, times: int = 1, **parameters: Any
    ) -> None:
        """The next answers of this method: 401, 403, 409, 429 with `retry_after`, 500 …"""
        words = description or {401: "Unauthorized", 429: "Too Many Requests: retry later"}.get(code, "Error")
        with self._lock:
            self._failing.setdefault(method, deque()).extend(
                Refusal(code, words, **parameters) for _ in range(times)
            )

    def works(self, method: str) -> None:
        """No error waits for this method any more."""
        with self._lock:
            self._failing.pop(method, None)

    def again(self, number: int = -1) -> None:
        """An update comes once more, although it was confirmed."""
        with self._lock:
            self.updates.append(self._told[number])
        self._wake()

    def swapped(self) -> None:
        """What waits comes in the other order, as far as numbers of updates allow: they go up whatever happens."""
        with self._lock:
            waiting = list(self.updates)
            numbers = sorted(one["update_id"] for one in waiting)
            turned = [one | {"update_id": n} for one, n in zip(reversed(waiting), numbers, strict=True)]
            self.updates.clear()
            self.updates.extend(turned)

    def of(self, method: str) -> list[dict[str, Any]]:
        """The parameters of each time it was asked."""
        with self._lock:
            return [given for name, given in self.calls if name == method]

    def until(
        self,
        question: Callable[[], Any],
        complaint: str | Callable[[], str] = "it did not happen",
        *,
        seconds: float = PATIENCE,
    ) -> Any:
        """Wait, in whatever thread, until this is true; return it."""
        end = time.monotonic() + seconds
        with self._news:
            while not (answer := question()):
                left = end - time.monotonic()
                assert left > 0, complaint if isinstance(complaint, str) else complaint()
                self._news.wait(min(left, 0.2))
            return answer

    def idle(self) -> None:
        """Wait until everything that came was confirmed, or brought."""
        self.until(lambda: not self.updates, "updates wait")

    # --- Updates --------------------------------------------------------------------------------------------

    def tell(self, kind: str, what: dict[str, Any]) -> dict[str, Any]:
        """Something happened."""
        with self._news:
            update = {"update_id": next(self._updates_of), kind: what}
            self._told.append(update)
            self.updates.append(update)
            self._news.notify_all()
        self._wake()
        return update

    def keep_file(self, name: str, content: bytes, *, size: int | None = None) -> dict[str, Any]:
        """A file that lies at Telegram; `size`: what is said of it."""
        number = next(self._ids)
        own = f"file{number}"
        with self._lock:
            self._files[own] = (name, content, size if size is not None else len(content))
        return {"file_id": own, "file_unique_id": f"u{number}", "file_size": self._files[own][2]}

    def _wake(self) -> None:
        if self._loop is not None and self._arrived is not None:
            self._loop.call_soon_threadsafe(self._arrived.set)

    # --- The server -----------------------------------------------------------------------------------------

    async def _take(self, request: web.Request) -> web.Response:
        token, method = request.match_info["token"], request.match_info["method"]
        try:
            if request.match_info.get("life", str(self.life)) != str(self.life):
                raise Refusal(404, "Not Found")
            if token != self.token:
                raise Refusal(401 if ":" in token else 404, "Unauthorized" if ":" in token else "Not Found")
            if method not in METHODS:
                raise Refusal(404, "Not Found")
            given = await _given(request)
            with self._news:
                self.calls.append((method, given))
                self._news.notify_all()
                if self._failing.get(method):
                    raise self._failing[method].popleft()
            try:
                wanted = parsed(method, given)
            except Wrong as wrong:
                self.faults.append(f"{method}: {wrong}")
                raise Refusal(400, f"Bad Request: {wrong}") from None
            result = await getattr(self, f"_{method}")(wanted)
        except ConnectionResetError:  # whoever asked has gone
            return web.Response(status=400)
        except Refusal as no:
            body = {"ok": False, "error_code": no.code, "description": no.description}
            if no.parameters:
                body["parameters"] = no.parameters
            return web.json_response(body, status=no.code)
        return web.json_response({"ok": True, "result": result})

    async def _file(self, request: web.Request) -> web.Response:
        if request.match_info["token"] != self.token:
            raise web.HTTPUnauthorized
        found = self._files.get(request.match_info["path"].rpartition("/")[2])
        if found is None:
            raise web.HTTPNotFound
        await asyncio.sleep(self.file_delay)
        return web.Response(body=found[1])

    async def bring(self) -> None:
        """Bring updates to the webhook, while there is one: one after another, each until it is taken."""
        async with aiohttp.ClientSession() as session:
            while True:
                with self._lock:
                    url, secret = self.webhook["url"], self.webhook["secret_token"]
                    first = self.updates[0] if self.updates and url else None
                if first is None:
                    await asyncio.sleep(0.02)
                    continue
                try:
                    headers = {"X-Telegram-Bot-Api-Secret-Token": secret} if secret else {}
                    async with session.post(url, json=first, headers=headers) as answer:
                        taken, said = (
                            answer.status == 200,
                            f"Wrong response from the webhook: {answer.status}",
                        )
                except aiohttp.ClientError as error:
                    taken, said = False, f"Connection failed: {type(error).__name__}"
                with self._news:
                    if taken and self.updates and self.updates[0] is first:
                        self.updates.popleft()
                        self.brought += 1
                    self.last_error = "" if taken else said
                    self._news.notify_all()
                if not taken:
                    await asyncio.sleep(0.1)

    async def serve(self, started: threading.Event, ended: asyncio.Event) -> None:
        """Listen on loopback until told to stop."""
        self._loop, self._arrived = asyncio.get_running_loop(), asyncio.Event()
        app = web.Application(client_max_size=2 * LARGEST_OUT)
        for life in ("", "/{life}"):  # whole hubs take no address with a path
            app.router.add_route("*", life + "/bot{token}/{method}", self._take)
            app.router.add_get(life + "/file/bot{token}/{path:.+}", self._file)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.root = f"http://127.0.0.1:{runner.addresses[0][1]}"
        bringing = asyncio.create_task(self.bring())
        started.set()
        await ended.wait()
        bringing.cancel()
        await asyncio.gather(bringing, return_exceptions=True)
        await runner.cleanup()


async def _given(request: web.Request) -> dict[str, Any]:
    """Parameters, from wherever the description lets them stand: the address, a form, JSON, parts with files."""
    given: dict[str, Any] = dict(request.query)
    if request.content_type == "application/json":
        given |= json.loads(await request.text() or "{}")
    elif request.content_type.startswith(("multipart/", "application/x-www-form")):
        files = {}
        for name, value in (await request.post()).items():
            if isinstance(value, web.FileField):
                files[name] = (value.filename, value.file.read())
            else:
                given[name] = value
        for name, value in list(given.items()):
            if isinstance(value, str) and value.startswith("attach://"):
                given[name] = files.pop(value.removeprefix("attach://"))
        given |= files
    return given


@contextlib.contextmanager
def bot_api(**more: Any) -> Iterator[BotApi]:
    """A running server, gone afterwards. What was asked of it was as the description wants it."""
    api = BotApi(**more)
    started = threading.Event()
    ended: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    async def run() -> None:
        end = asyncio.Event()
        ended.append((asyncio.get_running_loop(), end))
        await api.serve(started, end)

    thread = threading.Thread(target=lambda: asyncio.run(run()), name="bot-api", daemon=True)
    thread.start()
    assert started.wait(PATIENCE)
    try:
        yield api
    finally:
        loop, end = ended[0]
        loop.call_soon_threadsafe(end.set)
        thread.join(PATIENCE)
    assert api.faults == []
