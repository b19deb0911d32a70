"""What does an engineer have on the phone? Their visits, and what they note on site, also where there is no network.

Without a script each step is a form. With one (static/engineer.js) steps are kept on the phone and sent when they can be; a worker
of the browser (static/engineer-worker.js) shows the pages that were seen before.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from aiohttp import hdrs, web

from core.desk import day_books, reports, visit_day, visit_notices, visit_steps
from core.desk.errors import DeskError, NotFound, invalid
from core.desk.principal import Principal
from core.desk.visit_steps import Step
from core.ids import new_id
from web import files, moments, refusals, static_files, visitor
from web.desk.frame import staff
from web.site import SITE, now
from web.words import say

BASE = "/desk/me/visits"
WORKER = "engineer-worker.js"
_NAMED = (
    "text",
    "done",
    "name",
    "serial",
    "removed",
    "role",
    "unable",
    "comment",
    "minutes",
    *reports.ON_SITE,
)


def routes(app: web.Application) -> None:
    """Add the pages."""
    app.router.add_get(BASE, mine)
    app.router.add_get(f"{BASE}/worker.js", worker)
    app.router.add_get(f"{BASE}/token", token)
    app.router.add_get(f"{BASE}/{{visit}}", show)
    app.router.add_post(f"{BASE}/{{visit}}/steps", note)
    app.router.add_get(f"{BASE}/{{visit}}/steps/{{step}}/picture", picture)


async def mine(request: web.Request) -> web.StreamResponse:
    """Today's visits and those to come."""
    site, who, at = request.app[SITE], staff(request), now()
    found = await site.db.read(visit_day.mine, who, now=at)
    today = await site.db.read(day_books.book, who, who.email, now=at)
    return site.pages.page(
        request,
        "inbox/engineer_visits.html",
        stops=found,
        today=today,
        spell=lambda stop: _spell(stop.start, stop.end, stop.time_zone, who),
    )


async def show(request: web.Request) -> web.StreamResponse:
    """One of them, with everything that can be noted."""
    return await _one(request)


async def _one(
    request: web.Request,
    *,
    wrong: DeskError | None = None,
    too_large: bool = False,
    typed: Mapping[str, str] | None = None,
) -> web.Response:
    site, who, at = request.app[SITE], staff(request), now()
    found = await site.db.read(visit_day.sheet, who, request.match_info["visit"], now=at)
    view, zone = found.visit, ZoneInfo(found.visit.time_zone)
    return site.pages.page(
        request,
        "inbox/engineer_visit.html",
        status=413 if too_large else refusals.status(wrong),
        too_large=too_large,
        sheet=found,
        visit=view,
        ticket=found.ticket,
        asked=next((one.visible_text for one in found.ticket.messages if one.direction == "in"), ""),
        map_link=f"geo:0,0?q={quote(view.place)}" if view.place else "",
        site_zone=zone,
        when=_spell(view.window_start, view.window_end, view.time_zone, who)
        if view.window_start and view.window_end
        else "",
        done={one.data["text"]: one.data["done"] for one in found.steps if one.kind == visit_steps.TASK},
        new_id=new_id,
        wrong=refusals.sentences(wrong, say(who.language), "engineer"),
        typed=typed or {},
    )


def _spell(since: datetime, until: datetime, zone: str, who: Principal) -> str:
    return visit_notices.spell(since, until, ZoneInfo(zone), who.language)


async def note(request: web.Request) -> web.StreamResponse:
    """One step, of a form or of the phone's queue; the same again is answered like the first time."""
    site, who = request.app[SITE], staff(request)
    identity = request.match_info["visit"]
    by_script = "application/json" in request.headers.get(hdrs.ACCEPT, "")
    try:
        fields, content = await _read(request)
    except web.HTTPRequestEntityTooLarge:
        if by_script:
            raise
        return await _one(request, too_large=True)
    try:
        step = Step(
            id=fields.get("id", ""),
            kind=fields.get("kind", ""),
            at=_instant(fields, "at"),
            given={name: fields[name] for name in _NAMED if name in fields},
            picture=content,
        )
        kept = await site.db.write(
            visit_steps.record, who, identity, step, now=now(), sent_at=_instant(fields, "sent_at")
        )
    except DeskError as error:
        if by_script:
            told = refusals.sentences(error, say(who.language), "engineer")
            return web.json_response({"detail": " ".join(told)}, status=refusals.status(error))
        if isinstance(error, NotFound):
            raise
        return await _one(request, wrong=error, typed=fields)
    if by_script:
        return web.json_response({"id": kept.id, "new": kept.new, "state": kept.state})
    raise web.HTTPSeeOther(f"{BASE}/{quote(identity)}")


async def _read(request: web.Request) -> tuple[dict[str, str], bytes]:
    """The fields of a step, and its picture. Raises 403, 413."""
    fields, sent = await files.form(request)
    content = sent[0].content if sent else b""
    if len(content) > visit_steps.PHOTO_SIZE:
        raise web.HTTPRequestEntityTooLarge(visit_steps.PHOTO_SIZE, len(content))
    return fields, content


def _instant(fields: Mapping[str, str], name: str) -> datetime | None:
    """What a phone says of its clock, with the distance from UTC; None: nothing. Raises Invalid."""
    text = fields.get(name, "")
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise moments.missing(name) from None
    if found.tzinfo is None:
        raise invalid(f"/{name}", "must say how far it is from UTC")
    return found.astimezone(UTC)


async def picture(request: web.Request) -> web.StreamResponse:
    """A photo or a signature of a step."""
    site, who = request.app[SITE], staff(request)
    identity, step = request.match_info["visit"], request.match_info["step"]
    content = await site.db.read(visit_steps.picture, who, identity, step)
    headers = {"Content-Security-Policy": "sandbox; default-src 'none'", "Cache-Control": "private, no-store"}
    return web.Response(body=content, content_type=files.kind_of(content), headers=headers)


async def token(request: web.Request) -> web.StreamResponse:
    """What a form of this sign-in carries, for steps that waited longer than the page they were noted on."""
    who = staff(request)
    return web.json_response({"csrf": visitor.csrf(request), "who": who.id})


async def worker(request: web.Request) -> web.StreamResponse:
    """The browser's worker for these pages and no others (Service Workers, 3.4.1: its scope is the folder it comes from)."""
    staff(request)
    body: Any = (static_files.FOLDER / WORKER).read_bytes()
    return web.Response(
        body=body, content_type="text/javascript", charset="utf-8", headers={"Service-Worker-Allowed": BASE}
    )
