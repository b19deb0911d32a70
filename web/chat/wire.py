"""How does a page of the chat talk to the hub? By a WebSocket; where none gets through, by posts and a stream of events.

Only our own pages are answered, whatever page they are a frame of. The first frame of a socket says whose chat it is; secrets are
in no address. Frames are JSON objects of at most 16 kB; what is no such frame ends the talk, and says nothing of the inside.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from typing import Any

from aiohttp import WSCloseCode, WSMsgType, hdrs, web

from core.desk import visitor_talk
from core.desk.errors import DeskError
from core.log import get_logger
from web import files, guard
from web.chat import doing
from web.chat.doing import ROOM, Frame, Unknown
from web.chat.room import Page, TooMany
from web.chat.sites import ChatSite, own_origins
from web.site import SITE
from web.visitor import SIGN_IN

LARGEST = 16 * 1024  # bytes of a frame
PER_SECOND = 20  # frames of one page
HELLO_WITHIN = 10.0  # seconds
HEARTBEAT = 25.0  # seconds
FLOOD = 4429
"""Why a socket was closed: too many frames."""
FILES, FILES_SIZE = 10, 20 * 2**20
"""Of one conversation, as long as nobody knows who it is."""

log = get_logger("chat")


def routes(app: web.Application) -> None:
    """Add what pages ask."""
    app.router.add_get("/chat/ws", socket)
    app.router.add_post("/chat/messages", post)
    app.router.add_post("/chat/events", stream)
    app.router.add_post("/chat/files", upload)
    app.router.add_post("/chat/file", download)


# --- By a WebSocket -------------------------------------------------------------------------------------------


async def socket(request: web.Request) -> web.StreamResponse:
    """A page, from its first frame until it goes. 403 for a page that is not ours."""
    if request.headers.get(hdrs.ORIGIN) not in own_origins(request, request.app[SITE]):
        raise web.HTTPForbidden
    of = doing.site_of(request, request.query.get("site"))
    wire = web.WebSocketResponse(max_msg_size=LARGEST, heartbeat=HEARTBEAT, compress=False, timeout=5.0)
    if not wire.can_prepare(request).ok:
        raise web.HTTPUpgradeRequired
    await wire.prepare(request)
    try:
        await _talk(request, of, wire)
    except (ConnectionError, TimeoutError):
        pass
    except Unknown:
        await wire.close(code=WSCloseCode.POLICY_VIOLATION, message=b"not understood")
    except TooMany:
        await wire.close(code=WSCloseCode.TRY_AGAIN_LATER, message=b"too many pages are open")
    except Exception:
        log.exception("a chat fell over")
        await wire.close(code=WSCloseCode.INTERNAL_ERROR)
    return wire


async def _talk(request: web.Request, of: ChatSite, wire: web.WebSocketResponse) -> None:
    async with asyncio.timeout(HELLO_WITHIN):
        hello = _frame(await wire.receive())
    if hello is None:
        return
    if hello.get("type") != "hello":
        raise Unknown

    async def send(frame: Frame) -> None:
        await wire.send_str(_text(frame))

    page = _page(request, of, hello, send=send, close=wire.close)
    async with request.app[ROOM].open(page):
        await page.tell(_welcome(request, of))
        await request.app[ROOM].look(page)
        await _listen(request, of, page, wire)


async def _listen(request: web.Request, of: ChatSite, page: Page, wire: web.WebSocketResponse) -> None:
    second, count = 0.0, 0
    while (frame := _frame(await wire.receive())) is not None:
        clock = time.monotonic()
        if clock - second >= 1:
            second, count = clock, 0
        count += 1
        if count > PER_SECOND:
            await wire.close(code=FLOOD, message=b"too many messages")
            return
        try:
            answer = await doing.do(request, of, page, frame)
        except Unknown:
            answer = {"type": "error"}
        if answer is not None:
            await page.tell(answer)


def _frame(message: Any) -> Frame | None:
    """What came; None: the page is gone. Raises Unknown."""
    if message.type in (WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED, WSMsgType.ERROR):
        return None
    if message.type is not WSMsgType.TEXT:
        raise Unknown
    return _read(message.data)


def _read(text: str) -> Frame:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise Unknown from None
    if not isinstance(found, dict):
        raise Unknown
    return _whole(found) if "\\u" in text else found


def _whole(frame: Frame) -> Frame:
    """Half a character, which JSON may hold, is none: nothing could store it, and its page would send it for ever."""
    written = json.dumps(frame, ensure_ascii=False).encode("utf-16-le", "surrogatepass")
    found: Frame = json.loads(written.decode("utf-16-le", "replace"))
    return found


def _text(frame: Frame) -> str:
    return json.dumps(frame, ensure_ascii=False, separators=(",", ":"))


def _page(request: web.Request, of: ChatSite, hello: Frame, **ways: Any) -> Page:
    since = hello.get("since")
    signed_in = request.get(SIGN_IN)
    return Page(
        doing.visitor_of(request, of, hello.get("secret")),
        network=guard.client_address(request),
        sign_in=signed_in.hash if signed_in is not None else "",
        since=float(since) if isinstance(since, (int, float)) else 0.0,
        language=doing.language_of(request, hello.get("language")),
        **ways,
    )


def _welcome(request: web.Request, of: ChatSite) -> Frame:
    return {"type": "welcome", "proves": bool(request.app[SITE].also_by), "site": of.name}


# --- By posts and a stream ------------------------------------------------------------------------------------


async def post(request: web.Request) -> web.StreamResponse:
    """One frame; what is answered is what a socket would say."""
    of, hello, page = await _asked(request)
    frame = hello.get("frame")
    try:
        if not isinstance(frame, dict):
            raise Unknown
        if page.newest is None and frame.get("type") == "typing":
            await request.app[ROOM].know(page)
        answer = await doing.do(request, of, page, frame)
    except Unknown:
        raise web.HTTPUnprocessableEntity from None
    return web.json_response(answer or {"type": "ok"})


async def stream(request: web.Request) -> web.StreamResponse:
    """What a socket would tell, as server-sent events, until the page goes."""
    response = web.StreamResponse(
        headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    )

    async def send(frame: Frame) -> None:
        await response.write(f"data: {_text(frame)}\n\n".encode())

    over = asyncio.Event()

    async def close() -> None:
        over.set()

    of, _, page = await _asked(request, send=send, close=close)
    room = request.app[ROOM]
    try:
        async with room.open(page):
            await response.prepare(request)
            await page.tell(_welcome(request, of))
            await room.look(page)
            while not over.is_set():
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(HEARTBEAT):
                        await over.wait()
                await response.write(b":\n\n")
    except TooMany:
        raise web.HTTPTooManyRequests(headers={"Retry-After": "30"}) from None
    except ConnectionError:
        pass
    return response


async def _nowhere(*_: Any) -> None:
    """A page that asked once is told nothing later."""


async def _asked(request: web.Request, **ways: Any) -> tuple[ChatSite, Frame, Page]:
    """Site, what was sent, and the page that sent it. Raises 404, 413, 422."""
    if (request.content_length or 0) > LARGEST:
        raise web.HTTPRequestEntityTooLarge(LARGEST, request.content_length or 0)
    try:
        hello = _read((await request.read()).decode())
        of = doing.site_of(request, hello.get("site"))
        return of, hello, _page(request, of, hello, **(ways or {"send": _nowhere, "close": _nowhere}))
    except (Unknown, UnicodeDecodeError):
        raise web.HTTPUnprocessableEntity from None


# --- Files ----------------------------------------------------------------------------------------------------


async def upload(request: web.Request) -> web.StreamResponse:
    """Files, and words with them: as from the portal for who is known, few and late for who is not."""
    fields, sent = await files.form(request)
    of, page = _of_form(request, fields)
    found = await request.app[SITE].db.read(visitor_talk.files_sent, page.who)
    if not found.may:
        return web.json_response(
            {"type": "refused", "of": "files", "why": "files_late", "id": fields.get("id", "")}
        )
    count, size = found.count + len(sent), found.size + sum(len(one.content) for one in sent)
    if not found.known and (count > FILES or size > FILES_SIZE):
        return web.json_response(
            {"type": "refused", "of": "files", "why": "files_many", "id": fields.get("id", "")}
        )
    try:
        frame: Frame = {"type": "say", "id": fields.get("id"), "text": fields.get("text", "")}
        answer = await doing.say(request, of, page, frame, files=sent)
    except Unknown:
        raise web.HTTPUnprocessableEntity from None
    return web.json_response(answer)


async def download(request: web.Request) -> web.StreamResponse:
    """A file of the conversation, always as a download."""
    fields, _ = await files.form(request)
    _, page = _of_form(request, fields)
    try:
        name, kind, content = await request.app[SITE].db.read(
            visitor_talk.file, page.who, fields.get("file", "")
        )
    except DeskError:
        raise web.HTTPNotFound from None
    return files.download(content, name, kind)


def _of_form(request: web.Request, fields: dict[str, str]) -> tuple[ChatSite, Page]:
    of = doing.site_of(request, fields.get("site"))
    try:
        return of, _page(request, of, {**fields, "since": None}, send=_nowhere, close=_nowhere)
    except Unknown:
        raise web.HTTPUnprocessableEntity from None
