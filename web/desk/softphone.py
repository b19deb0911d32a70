"""A telephone in the browser: it calls the desk as anybody would, by the same flow, without any line or account.

The page draws it and presses its keys; what is said, and what comes next, is the switchboard's.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from aiohttp import web

from core.calling import Answer, Audio, CallEvent, Gather, Hold, Record, Ringing, Switchboard, Waiting, Words
from core.desk import call_desk, flows, practice
from core.desk.principal import Principal
from core.store.tx import Tx
from web import guard
from web.desk.frame import around, staff
from web.site import SITE, now

MAX_KEYS = 30
MAX_ID = 64  # characters
MAX_SECONDS = 600.0
TYPED = "typed"
MAX_WORDS = 5_000  # characters of what was typed in place of speaking

EVENTS = {
    "silence": CallEvent(kind="silence"),
    "empty": CallEvent(kind="done", value="empty"),
    "recorded": CallEvent(kind="done", value="recorded"),
    "bridged": CallEvent(kind="done", value="bridged"),
}
"""What the buttons beside the keypad mean."""


def routes(app: web.Application) -> None:
    """Add the page and its telephone."""
    app.router.add_get("/desk/softphone", show)
    app.router.add_get("/desk/softphone/messages", messages)
    app.router.add_post("/desk/softphone/ring", ring)
    app.router.add_get("/desk/softphone/sound/{name}", sound)
    app.router.add_post("/desk/softphone/{call}/{seq:\\d{1,9}}/{what}", act)


async def show(request: web.Request) -> web.StreamResponse:
    """The telephone, hung up."""
    site, who = request.app[SITE], staff(request)
    known, drafts = await site.db.read(_offered, who)
    return site.pages.page(
        request,
        "inbox/softphone.html",
        view="softphone",
        given={},
        numbers=known,
        drafts=drafts,
        chosen=request.query.get("flow", ""),
        **await around(request, who),
    )


def _offered(tx: Tx, who: Principal) -> tuple[tuple[practice.Number, ...], tuple[Any, ...]]:
    drafts = tuple(one for one in flows.versions(tx, who) if one.state == "draft")
    return practice.numbers(tx, who), drafts


async def ring(request: web.Request) -> web.StreamResponse:
    """Dial the desk."""
    staff(request)
    form = await _form(request)
    identity = form.get("id", "")[:MAX_ID]
    if not identity:
        raise web.HTTPUnprocessableEntity
    answer = await _switchboard(request).ring(
        Ringing(
            line=practice.LINE,
            external_id=identity,
            caller=form.get("number", "")[:MAX_KEYS],
            at=now(),
            flow=form.get("flow", "") if _is_digest(form.get("flow", "")) else "",
        )
    )
    return web.json_response(_shown(answer))


async def act(request: web.Request) -> web.StreamResponse:
    """A key, silence, words after the tone, hanging up, or asking how it stands while on hold."""
    site, who = request.app[SITE], staff(request)
    call, seq, what = request.match_info["call"], int(request.match_info["seq"]), request.match_info["what"]
    form = await _form(request)
    await site.db.read(practice.check, who, call)
    board = _switchboard(request)
    if what == "keys":
        keys = form.get("keys", "")
        if not keys or len(keys) > MAX_KEYS or set(keys) - set("0123456789*#"):
            raise web.HTTPUnprocessableEntity
        return web.json_response(_shown(await board.advance(call, seq, CallEvent(kind="digits", value=keys))))
    if what == "wait":
        found = await board.waiting(call, seq)
        names = await site.db.read(practice.answered_by, who, call)
        return web.json_response(_waiting(found, names))
    if what == "answer":
        await site.db.write(call_desk.answer, who, call, now=now())
        return web.json_response({"answered": True})
    if what == "hangup":
        await board.hung_up(call)
        return web.json_response({"over": True})
    if what not in EVENTS:
        raise web.HTTPNotFound
    if what == "recorded":
        await board.recorded(call, seq, await _audio(request, form, f"{call}-{seq}"))
    return web.json_response(_shown(await board.advance(call, seq, EVENTS[what])))


async def messages(request: web.Request) -> web.StreamResponse:
    """What came to the number that is called from: texts, and what a call of ours would say."""
    site, who = request.app[SITE], staff(request)
    found = await site.db.read(practice.messages, who, request.query.get("number", ""))
    return web.json_response(
        [dataclasses.asdict(one) | {"at": one.at.isoformat()} for one in found],
        headers={"Cache-Control": "no-store"},
    )


async def sound(request: web.Request) -> web.StreamResponse:
    """A recorded prompt."""
    staff(request)
    name = request.match_info["name"]
    if not _is_digest(name):
        raise web.HTTPNotFound
    try:
        content = await _switchboard(request).sound(name)
    except LookupError:
        raise web.HTTPNotFound from None
    return web.Response(body=content, content_type=flows.sound_type(content))


def _switchboard(request: web.Request) -> Switchboard:
    board = request.app[SITE].switchboard
    if board is None:
        raise web.HTTPServiceUnavailable
    return board


async def _form(request: web.Request) -> dict[str, str]:
    form = await request.post()
    fields = {name: str(value) for name, value in form.items() if isinstance(value, str)}
    guard.check_token(request, fields.get("csrf", ""))
    return fields


async def _audio(request: web.Request, form: dict[str, str], identity: str) -> Audio:
    """What the microphone gave; a browser without one sends a tone, and what was typed in its place."""
    file = (await request.post()).get("audio")
    if not isinstance(file, web.FileField):
        raise web.HTTPUnprocessableEntity
    limit = request.app[SITE].settings.limits.upload_file
    content = file.file.read(limit + 1)
    if len(content) > limit:
        raise web.HTTPRequestEntityTooLarge(limit, len(content))
    kind = file.content_type.partition(";")[0]
    try:
        seconds = min(max(float(form.get("seconds", "0")), 0.0), MAX_SECONDS)
    except ValueError:
        seconds = 0.0
    return Audio(
        content=content,
        type=kind if kind in ("audio/wav", "audio/webm", "audio/ogg", "audio/mp4") else "audio/webm",
        seconds=seconds,
        external_id=identity,
        words=form.get("words", "").strip()[:MAX_WORDS],
        engine=TYPED if form.get("words", "").strip() else "",
    )


def _is_digest(text: str) -> bool:
    return len(text) == 64 and not set(text) - set("0123456789abcdef")  # noqa: PLR2004 - SHA-256


def _shown(answer: Answer) -> dict[str, Any]:
    then = answer.then
    kind = {Gather: "gather", Record: "record", Hold: "hold"}.get(type(then), "hangup")
    return {
        "call": answer.call,
        "seq": answer.seq,
        "language": answer.language,
        "say": [_words(words) for words in answer.say],
        "then": {"kind": kind, **dataclasses.asdict(then)},
    }


def _waiting(found: Waiting, names: tuple[str, ...]) -> dict[str, Any]:
    return {
        "say": [_words(words) for words in found.say],
        "names": names,
        "connected": bool(found.bridged),
        "answer": _shown(found.answer) if found.answer else None,
        "ask_every": found.ask_every,
    }


def _words(words: Words) -> dict[str, str]:
    return {"text": words.text, "language": words.language, "recording": words.recording}
