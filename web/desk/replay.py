"""What would the last quarter have been with another contract, table or service level? For who leads; nothing is written."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from aiohttp import web

from core.desk import replay
from core.desk.configuration.document import Document
from core.desk.errors import Fault, Forbidden, Invalid
from core.desk.principal import Principal
from core.store.database import Database
from web import files
from web.desk.frame import around, staff
from web.site import SITE, now
from web.words import Say, say

LOOKS = 100
"""Slices of one page: 20,000 tickets; the command line plays all there are."""


def routes(app: web.Application) -> None:
    """Add the page."""
    app.router.add_get("/desk/replay", show)
    app.router.add_post("/desk/replay", play)


async def show(request: web.Request) -> web.StreamResponse:
    """The form."""
    return await _page(request)


async def play(request: web.Request) -> web.StreamResponse:
    """The difference, below the form; what was pasted stays."""
    site, who = request.app[SITE], staff(request)
    fields, sent = await files.form(request)
    text = fields.get("desk", "").replace("\r\n", "\n")
    try:
        if sent:
            text = _text(sent[0].content)
        since, until = _days(fields, ZoneInfo(site.settings.hub.time_zone))
        found = await _whole(site.db, who, replay.read(text), since=since, until=until)
    except Invalid as error:
        return await _page(request, text=text, fields=fields, wrong=error)
    return await _page(request, text=text, fields=fields, found=found)


def _text(content: bytes) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        raise Invalid([Fault("/file", "is no text in UTF-8")]) from None


def _days(fields: dict[str, str], zone: ZoneInfo) -> tuple[datetime, datetime]:
    at = now()
    until = _day(fields, "until", zone)
    end = at if until is None else min(until + timedelta(days=1), at)
    return _day(fields, "since", zone) or end - replay.QUARTER, end


def _day(fields: dict[str, str], name: str, zone: ZoneInfo) -> datetime | None:
    text = fields.get(name, "").strip()
    if not text:
        return None
    try:
        day = datetime.strptime(text, "%Y-%m-%d")  # noqa: DTZ007 - its zone comes with the next line
    except ValueError:
        raise Invalid([Fault(f"/{name}", "is no date: write 2026-03-31")]) from None
    return day.replace(tzinfo=zone)


async def _whole(
    db: Database, who: Principal, edited: Document, *, since: datetime, until: datetime
) -> replay.Replayed:
    """All slices, each in a snapshot of its own, so that nobody waits for the page."""
    found, after = replay.Replayed(), None
    for _ in range(LOOKS):
        part = await db.read(replay.run, who, edited, since=since, until=until, after=after, now=now())
        found, after = found.plus(part), part.last
        if after is None:
            break
    return found


async def _page(
    request: web.Request,
    *,
    text: str = "",
    fields: dict[str, str] | None = None,
    found: replay.Replayed | None = None,
    wrong: Invalid | None = None,
) -> web.Response:
    site, who = request.app[SITE], staff(request)
    if not who.leads:
        message = "a shift leader, a supervisor or an administrator plays tickets again"
        raise Forbidden(message)
    given = fields or {}
    values: dict[str, Any] = {"plain": replay.plain(found) if found is not None else None}
    return site.pages.page(
        request,
        "inbox/replay.html",
        status=422 if wrong is not None else 200,
        view="replay",
        given={},
        text=text,
        since=given.get("since", ""),
        until=given.get("until", ""),
        found=found,
        wrong=_told(wrong, say(who.language)),
        **values,
        **await around(request, who),
    )


def _told(wrong: Invalid | None, t: Say) -> list[str]:
    """What is wrong with the form in the reader's words; with the file itself line by line, as the command line tells it."""
    words: Any = t
    told = []
    for fault in wrong.faults if wrong is not None else ():
        name = f"replay.fault.{fault.pointer.strip('/').replace('/', '_')}"
        told.append(t(name) if words.has(name) else fault.message)
    return told
