"""What may a page of the chat ask for? One frame in, one frame out; every change is one verb."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from aiohttp import web

from core.desk import visitor_codes, visitors
from core.desk.errors import Invalid, Refused
from core.desk.filing import Understood
from core.desk.visitors import Visitor
from core.envelope import Arrival, Attachment
from core.rules.visitor_tokens import BadToken
from core.store.database import StoreUnavailable
from web import guard
from web.chat import reading
from web.chat.room import Page, Room
from web.chat.sites import PORTAL, ChatSite
from web.site import SITE, Site, now
from web.visitor import who

MAX_TEXT = 8_000  # characters of one message
MAX_FIELD = 320  # characters of a name, an address, a code
TYPED_EVERY = 3.0  # seconds between two notes that somebody is writing
COMMANDS = ("new", "status")
_REF = re.compile(r"[A-Za-z0-9-]{16,64}")

R = TypeVar("R")
Frame = dict[str, Any]

ROOM = web.AppKey("chat_room", Room)
SITES = web.AppKey("chat_sites", dict[str, ChatSite])


class Unknown(Exception):
    """No such frame, or not like that: pages of ours never send it."""


def visitor_of(request: web.Request, of: ChatSite, secret: object) -> Visitor:
    """Who asks: who is signed in, on the portal; elsewhere whoever has this secret. Raises Unknown."""
    if of.name == PORTAL:
        signed_in = who(request)
        if signed_in is None or signed_in.kind != "contact":
            raise Unknown
        return visitors.by_sign_in(of.name, signed_in.id, signed_in.customer)
    if not isinstance(secret, str):
        raise Unknown
    try:
        return visitors.by_secret(of.name, secret, customer=of.customer)
    except Invalid:
        raise Unknown from None


def site_of(request: web.Request, name: object) -> ChatSite:
    """The website of this name. Raises 404."""
    found = request.app[SITES].get(name) if isinstance(name, str) else None
    if found is None:
        raise web.HTTPNotFound
    return found


def language_of(request: web.Request, wanted: object) -> str:
    """What the page is written in, if we speak it."""
    ours = request.app[SITE].settings.hub.languages
    return wanted if isinstance(wanted, str) and wanted in ours else ours[0]


async def do(request: web.Request, of: ChatSite, page: Page, frame: Frame) -> Frame | None:
    """What a page wants, done; the answer, if there is one. Raises Unknown."""
    act = _ACTS.get(str(frame.get("type")))
    if act is None:
        raise Unknown
    try:
        answer: Frame | None = await act(request, of, page, frame)
    except Refused as error:
        return _refused(frame, error.code or "refused")
    except Invalid:
        return _refused(frame, "invalid")
    except BadToken as error:
        return _refused(frame, "replayed" if str(error) == "replayed" else "token")
    except StoreUnavailable:
        return _refused(frame, "later")
    return answer


def _refused(frame: Frame, why: str) -> Frame:
    return {"type": "refused", "of": str(frame["type"]), "why": why, "id": str(frame.get("id") or "")[:64]}


async def say(
    request: web.Request,
    of: ChatSite,
    page: Page,
    frame: Frame,
    *,
    files: Sequence[Attachment] = (),
) -> Frame:
    """Words, a button or a command; the same id again is the same thing."""
    ref = frame.get("id")
    text = frame.get("text", "")
    pressed, command = frame.get("button", ""), frame.get("command", "")
    if not isinstance(ref, str) or not _REF.fullmatch(ref):
        raise Unknown
    if not all(isinstance(one, str) for one in (text, pressed, command)) or len(pressed) > MAX_FIELD:
        raise Unknown
    text = text.replace("\r\n", "\n").replace("\r", "\n").strip()
    if len(text) > MAX_TEXT:
        return _refused(frame, "long")
    if not (text or files or pressed or command) or (command and command not in COMMANDS):
        raise Unknown
    done = await _done(request, page, ref, text=text, pressed=pressed, command=command, files=files)
    at = now().timestamp()
    return {"type": "done", "id": ref, "outcome": done.outcome, "ticket": done.number or "", "at": at}


async def _done(
    request: web.Request,
    page: Page,
    ref: str,
    *,
    text: str,
    pressed: str,
    command: str,
    files: Sequence[Attachment],
) -> Understood:
    who = page.who
    told: dict[str, Any] = {"text": text, "pressed": pressed, "command": command}

    def made() -> tuple[bytes, Any]:
        raw = reading.written(who.address, ref, contact=who.contact, files=files, **told)
        return raw, reading.read(raw, {}, {})

    raw, said = await asyncio.to_thread(made) if files else made()
    at = now()
    arrival = Arrival(
        channel=visitors.CHANNEL,
        external_id=f"{who.address}/{ref}",
        raw=raw,
        received_at=at,
        sender=who.address,
    )
    return await first(
        request.app[SITE],
        visitors.receive,
        who,
        arrival,
        said,
        now=at,
        network=page.network,
        most=request.app[SITE].settings.limits.chats_per_address,
        language=page.language,
    )


async def first(site: Site, verb: Callable[..., R], *args: Any, **named: Any) -> R:
    """Before all that waits already, as for a caller; what has begun is stored, whoever closes the page meanwhile."""
    return await asyncio.shield(asyncio.wrap_future(site.db.submit_first(verb, *args, **named)))


async def _typing(request: web.Request, of: ChatSite, page: Page, frame: Frame) -> None:
    clock = time.monotonic()
    if page.newest is not None and clock - page.typed_at >= TYPED_EVERY:
        page.typed_at = clock
        await request.app[SITE].db.write(visitors.typing, page.newest)


async def _seen(request: web.Request, of: ChatSite, page: Page, frame: Frame) -> None:
    await request.app[SITE].db.write(visitors.seen, page.who, _field(frame, "id"), now=now())


async def _claim(request: web.Request, of: ChatSite, page: Page, frame: Frame) -> Frame:
    await request.app[SITE].db.write(
        visitors.claim,
        page.who,
        name=_field(frame, "name"),
        email=_field(frame, "email"),
        now=now(),
        network=page.network,
        most=request.app[SITE].settings.limits.chats_per_address,
        language=page.language,
    )
    return {"type": "claimed"}


async def _identify(request: web.Request, of: ChatSite, page: Page, frame: Frame) -> Frame:
    if not of.secret:
        return _refused(frame, "token")
    token = frame.get("token")
    if not isinstance(token, str):
        raise Unknown
    came = await request.app[SITE].db.write(
        visitors.identify, page.who, token, of.secret, now=now(), language=page.language
    )
    return {"type": "identified", "as": came}


async def _prove(request: web.Request, of: ChatSite, page: Page, frame: Frame) -> Frame:
    site = request.app[SITE]
    if not site.also_by:
        return _refused(frame, "no_mail")
    await site.db.write(
        visitor_codes.ask,
        page.who,
        _field(frame, "email"),
        channel=site.also_by,
        language=page.language,
        network=guard.client_address(request),
        now=now(),
    )
    return {"type": "sent"}


async def _code(request: web.Request, of: ChatSite, page: Page, frame: Frame) -> Frame:
    proved = await request.app[SITE].db.write(
        visitor_codes.prove, page.who, _field(frame, "email"), _field(frame, "code"), now=now()
    )
    return {"type": "proved"} if proved else _refused(frame, "code")


async def _ping(request: web.Request, of: ChatSite, page: Page, frame: Frame) -> Frame:
    return {"type": "pong"}


def _field(frame: Frame, name: str) -> str:
    value = frame.get(name, "")
    if not isinstance(value, str) or len(value) > MAX_FIELD:
        raise Unknown
    return value.strip()


_ACTS: dict[str, Callable[..., Any]] = {
    "say": say,
    "typing": _typing,
    "seen": _seen,
    "claim": _claim,
    "identify": _identify,
    "prove": _prove,
    "code": _code,
    "ping": _ping,
}
