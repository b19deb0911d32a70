"""The times that were agreed for a request, as its customer sees them: kept or not, and whose turn it was."""

from __future__ import annotations

from functools import partial
from zoneinfo import ZoneInfo

from aiohttp import web

from core import texts
from core.desk import clock_views
from web import clock_strips
from web.portal.frame import contact
from web.site import SITE, now
from web.words import say


def routes(app: web.Application) -> None:
    """Add the page."""
    app.router.add_get("/portal/requests/{number}/clocks", show)


async def show(request: web.Request) -> web.StreamResponse:
    """The request as a strip, then one for each clock, with the same in tables."""
    site, who = request.app[SITE], contact(request)
    found = await site.db.read(clock_views.of_ticket, who, request.match_info["number"], now=now())
    t = say(who.language)
    return site.pages.page(
        request,
        "portal/clocks.html",
        found=found,
        whole=clock_strips.of_request(found, t),
        strips=[(one, *clock_strips.of_clock(one, t)) for one in found.clocks],
        there=ZoneInfo(found.time_zone),
        long=partial(texts.duration, language=who.language),
    )
