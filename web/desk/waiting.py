"""What waits for somebody to decide: held messages, exceptions, and what could not be delivered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aiohttp import web

from core.desk import tickets, traffic, waiting
from core.desk.errors import Invalid, Refused
from web import files, guard
from web.desk.frame import around, staff
from web.site import SITE, now

VIEWS = {"held": "held", "exceptions": "exception"}


def routes(app: web.Application) -> None:
    """Add the pages."""
    app.router.add_get("/desk/waiting", show)
    app.router.add_post("/desk/inbound/{id}/{verb}", act)
    app.router.add_get("/desk/inbound/{id}/source", source)
    app.router.add_post("/desk/deliveries/{number}/{id}/retry", retry)


async def show(request: web.Request) -> web.StreamResponse:
    """One of the three lists."""
    site = request.app[SITE]
    who = staff(request)
    view = request.query.get("view", "held")
    cursor = request.query.get("cursor")
    if view in VIEWS:
        page = await site.db.read(traffic.inbound, who, outcome=VIEWS[view], cursor=cursor)
        template = "inbox/inbound.html"
    elif view == "undelivered":
        page = await site.db.read(traffic.deliveries, who, state="undelivered", cursor=cursor)
        template = "inbox/deliveries.html"
    else:
        raise web.HTTPNotFound
    values: dict[str, Any] = {
        "view": view,
        "given": {},
        "items": page.items,
        "more": page.next,
        "wrong": request.query.get("wrong", ""),
        "kept": (),
    }
    return site.pages.page(request, template, **values, **await around(request, who))


async def act(request: web.Request) -> web.StreamResponse:
    """Accept as message, ticket or note; discard; try again."""
    site = request.app[SITE]
    who = staff(request)
    form = await request.post()
    guard.check_token(request, str(form.get("csrf", "")))
    verb, inbound_id = request.match_info["verb"], request.match_info["id"]
    verbs: dict[str, tuple[Callable[..., Any], dict[str, Any]]] = {
        "accept": (
            waiting.release,
            {"as_": str(form.get("as", "")), "ticket": str(form.get("ticket", "")) or None},
        ),
        "discard": (waiting.discard, {}),
        "retry": (waiting.retry, {}),
    }
    if verb not in verbs:
        raise web.HTTPNotFound
    called, named = verbs[verb]
    view = "exceptions" if form.get("view") == "exceptions" else "held"
    try:
        await site.db.write(called, who, inbound_id, now=now(), **named)
    except (Refused, Invalid):
        raise web.HTTPSeeOther(f"/desk/waiting?view={view}&wrong=1") from None
    raise web.HTTPSeeOther(f"/desk/waiting?view={view}")


async def source(request: web.Request) -> web.StreamResponse:
    """The bytes as they came."""
    who = staff(request)
    db, inbound_id = request.app[SITE].db, request.match_info["id"]
    item = await db.read(traffic.inbound_item, who, inbound_id)
    raw = await db.read(traffic.inbound_bytes, who, inbound_id)
    if item.channel == "monitoring":
        return files.download(raw, "message.txt", "text/plain")
    return files.download(raw, "message.eml", "message/rfc822")


async def retry(request: web.Request) -> web.StreamResponse:
    """Send once more what came back or was given up."""
    who = staff(request)
    form = await request.post()
    guard.check_token(request, str(form.get("csrf", "")))
    number, delivery = request.match_info["number"], request.match_info["id"]
    await request.app[SITE].db.write(tickets.retry_delivery, who, number, delivery, now=now())
    raise web.HTTPSeeOther("/desk/waiting?view=undelivered")
