"""What waits for somebody to decide: held messages, exceptions, and what could not be delivered."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from aiohttp import web

from core.desk import tickets, traffic, vendor_views, waiting
from core.desk.errors import Invalid, Refused
from core.desk.principal import Principal
from core.rules import silence
from core.store.tx import Tx
from web import files, guard
from web.desk.frame import around, staff
from web.site import SITE, Site, now

VIEWS = {"held": "held", "exceptions": "exception"}


def routes(app: web.Application) -> None:
    """Add the pages."""
    app.router.add_get("/desk/waiting", show)
    app.router.add_post("/desk/exceptions/retry", retry_all)
    app.router.add_post("/desk/inbound/{id}/{verb}", act)
    app.router.add_get("/desk/inbound/{id}/source", source)
    app.router.add_post("/desk/deliveries/{number}/{id}/retry", retry)


async def show(request: web.Request) -> web.StreamResponse:
    """One of the three lists; what somebody must decide is listed by how long it waits, for the longest rings first."""
    site = request.app[SITE]
    who = staff(request)
    view = request.query.get("view", "held")
    cursor = request.query.get("cursor")
    cases: dict[str, Any] = {}
    if view in VIEWS:
        page, cases = await site.db.read(_inbound, who, VIEWS[view], cursor)
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
        "tried": request.query.get("tried", ""),
        "cases": cases,
        "did": request.query.get("did", ""),
        "late_since": late_since(site, view),
        "kept": (),
    }
    return site.pages.page(request, template, **values, **await around(request, who))


def late_since(site: Site, view: str) -> datetime:
    """What waits in this list from before then is an alarm of the hub's own."""
    return now() - (silence.STANDS if view == "exceptions" else site.db.facts.held_for)


def _inbound(tx: Tx, who: Principal, outcome: str, cursor: str | None) -> tuple[Any, dict[str, Any]]:
    page = traffic.inbound(tx, who, outcome=outcome, oldest_first=True, cursor=cursor)
    mails = [one.ticket for one in page.items if one.ticket and one.channel == "email"]
    return page, vendor_views.to_choose(tx, who, mails)


async def retry_all(request: web.Request) -> web.StreamResponse:
    """Every exception that one sees is tried again, a hundred in each transaction, so that nobody waits for it."""
    site, who = request.app[SITE], staff(request)
    guard.check_token(request, str((await request.post()).get("csrf", "")))
    began, tried = now(), 0
    while count := await site.db.write(waiting.retry_all, who, before=began, now=now()):
        tried += count
    raise web.HTTPSeeOther(f"/desk/waiting?view=exceptions&tried={tried}")


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
            {
                "as_": "vendor" if form.get("vendor_case") else str(form.get("as", "")),
                "ticket": str(form.get("ticket", "")) or None,
                "vendor_case": str(form.get("vendor_case", "")) or None,
            },
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
    except Refused as wrong:
        raise web.HTTPSeeOther(f"/desk/waiting?view={view}&wrong={wrong.code or 'now'}") from None
    except Invalid as wrong:
        field = wrong.faults[0].pointer.strip("/")
        raise web.HTTPSeeOther(f"/desk/waiting?view={view}&wrong={field}") from None
    did = verb if verb != "accept" else str(named["as_"] or "message")
    raise web.HTTPSeeOther(f"/desk/waiting?view={view}&did={did}")


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
    """Send once more what came back or was given up; to who complained only after they are allowed again."""
    who = staff(request)
    form = await request.post()
    guard.check_token(request, str(form.get("csrf", "")))
    number, delivery = request.match_info["number"], request.match_info["id"]
    try:
        await request.app[SITE].db.write(tickets.retry_delivery, who, number, delivery, now=now())
    except Refused as wrong:
        if wrong.code != "stopped":
            raise
        raise web.HTTPSeeOther("/desk/stopped") from None
    raise web.HTTPSeeOther("/desk/waiting?view=undelivered")
