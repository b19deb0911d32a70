"""What does a website load? One script that draws a button, and in its frame a page of ours with the conversation."""

from __future__ import annotations

import json
import re
from functools import cache
from zoneinfo import ZoneInfo

from aiohttp import web

from core.settings import LANGUAGES
from web.chat import doing
from web.chat.sites import DEFAULT, PORTAL, frame_policy
from web.desk.frame import around, staff
from web.site import SITE
from web.static_files import FOLDER
from web.words import catalogue, say

ACCENT = re.compile(r"#[0-9a-fA-F]{6}")
THEMES = ("light", "dark")


def routes(app: web.Application) -> None:
    """Add the script, the frame, and a page to try them on."""
    app.router.add_get("/chat/widget.js", widget)
    app.router.add_get("/chat/frame", frame)
    app.router.add_get("/chat/try", try_out)


async def widget(request: web.Request) -> web.StreamResponse:
    """The script of the button. Any page may load it: what it draws is shown by the sites of the settings alone."""
    if not request.app[doing.SITES]:
        raise web.HTTPNotFound
    return web.Response(
        text=_script(),
        content_type="text/javascript",
        charset="utf-8",
        headers={
            "Cache-Control": "public, max-age=300",
            "Cross-Origin-Resource-Policy": "cross-origin",
        },
    )


@cache
def _script() -> str:
    words = {language: _words("chat_button", language) for language in LANGUAGES}
    return (
        (FOLDER / "chat/widget.js")
        .read_text("utf-8")
        .replace("WORDS", json.dumps(words, ensure_ascii=False), 1)
    )


async def frame(request: web.Request) -> web.StreamResponse:
    """The conversation, for a frame on the pages of this site alone."""
    site = request.app[SITE]
    of = doing.site_of(request, request.query.get("site") or DEFAULT)
    language = doing.language_of(request, request.query.get("language"))
    theme, accent = request.query.get("theme", ""), request.query.get("accent", "")
    text = site.pages.render(
        "chat/frame.html",
        language=language,
        zone=ZoneInfo(site.settings.hub.time_zone),
        site=of.name,
        origins=json.dumps([*of.origins, site.public_url]),
        words=json.dumps(_words("chat", language), ensure_ascii=False),
        theme=theme if theme in THEMES else "",
        accent=accent if ACCENT.fullmatch(accent) else "",
        signs=of.name == PORTAL,
    )
    return web.Response(
        text=text,
        content_type="text/html",
        headers={"Content-Security-Policy": frame_policy(request, site, of)},
    )


@cache
def _words(part: str, language: str) -> dict[str, str]:
    """What the script says, by name: all sentences of one part of the catalogue."""
    return {
        name.removeprefix(f"{part}."): text
        for name, text in catalogue(language).items()
        if name.startswith(f"{part}.")
    }


async def try_out(request: web.Request) -> web.StreamResponse:
    """In place of a customer's page, for staff."""
    who = staff(request)
    if not request.app[doing.SITES]:
        raise web.HTTPNotFound
    return request.app[SITE].pages.page(
        request,
        "chat/try.html",
        view="chat_try",
        given={},
        said=say(who.language),
        **await around(request, who),
    )
