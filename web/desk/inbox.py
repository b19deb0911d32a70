"""The list: one line a ticket, most urgent first; views, search, pages by key, and its live updates."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from aiohttp import web
from markupsafe import Markup, escape

from core.desk import search
from core.desk.principal import Principal
from core.desk.views import Page, TicketRow
from web import guard
from web.desk.frame import around, staff
from web.live import TooMany
from web.site import SITE, Site, now

PAGE = 50  # rows
CACHED_ROWS = 20_000
FILTERS = ("q", "group", "customer", "assignee", "state", "sort")
OF_TICKETS = ("qualify", "mine", "groups", "unassigned", "due", "waiting", "open", "all", "closed")
CHANNEL_ICONS = {
    "email": "envelope",
    "portal": "computer-desktop",
    "console": "command-line",
    "api": "code-bracket",
}
YEAR = 365 * 86400  # seconds
PREFERENCES = {"theme": ("light", "dark", ""), "density": ("compact", "")}

WITH_LIST = "?@list"
"""Where the address of a row takes the list it stands in: rows are kept without it."""

_rows: OrderedDict[tuple[str, int, str, str, int], str] = OrderedDict()


def routes(app: web.Application) -> None:
    """Add the pages."""
    app.router.add_get("/desk", _slash)
    app.router.add_get("/desk/", show)
    app.router.add_get("/desk/live", live)
    app.router.add_post("/desk/preferences", prefer)


async def _slash(_request: web.Request) -> web.Response:
    raise web.HTTPMovedPermanently("/desk/")


async def show(request: web.Request) -> web.StreamResponse:
    """The list of a view; with `only=rows` just the lines and the counts, for a page that brings itself up to date."""
    who = staff(request)
    view = request.query.get("view", "open")
    if view not in OF_TICKETS:
        raise web.HTTPSeeOther(f"/desk/waiting?view={view}")
    listed, framed = await asyncio.gather(listing(request, who), around(request, who))
    template = "inbox/list_live.html" if request.query.get("only") == "rows" else "inbox/list.html"
    return request.app[SITE].pages.page(request, template, **listed, **framed)


async def listing(request: web.Request, who: Principal) -> dict[str, Any]:
    """The values of the list, from the query of the request."""
    site = request.app[SITE]
    view = request.query.get("view", "open")
    given: dict[str, Any] = {name: request.query[name] for name in FILTERS if request.query.get(name)}
    page: Page = await site.db.read(
        search.tickets,
        who,
        view="all" if given.get("q") and "view" not in request.query else view,
        cursor=request.query.get("cursor"),
        limit=PAGE,
        **given,
    )
    text = render_rows(site, who, page).replace(WITH_LIST, f"?{escape(here(request))}")
    number = request.match_info.get("number")
    if number:
        text = text.replace(f'" id="t{number}"', f' current" id="t{number}"', 1)
    return {
        "view": view,
        "given": given,
        "rows": Markup(text),  # noqa: S704 - each row was rendered with autoescape
        "empty": not page.items,
        "more": f"{here(request)}&{urlencode({'cursor': page.next})}" if page.next else "",
        "here": here(request),
        "cursor": request.query.get("cursor", ""),
    }


def here(request: web.Request) -> str:
    """The list that is shown, as a query."""
    given = {name: request.query[name] for name in FILTERS if request.query.get(name)}
    return urlencode({"view": request.query.get("view", "open"), **given})


def render_rows(site: Site, who: Principal, page: Page) -> str:
    """The lines, each rendered once for a version of its ticket, a language and a minute."""
    at = now()
    minute = int(at.timestamp()) // 60
    zone = site.settings.hub.time_zone
    parts = []
    for row in page.items:
        key = (row.id, row.last_event, who.language, zone, minute)
        text = _rows.get(key)
        if text is None:
            text = _rows[key] = _render(site, who.language, row, at)
            if len(_rows) > CACHED_ROWS:
                _rows.popitem(last=False)
        parts.append(text)
    return "".join(parts)


def _render(site: Site, language: str, row: TicketRow, at: Any) -> str:
    return site.pages.render(
        "inbox/row.html",
        language=language,
        zone=ZoneInfo(site.settings.hub.time_zone),
        row=row,
        now=at,
        channel_icon=CHANNEL_ICONS.get(row.channel, "chat-bubble-left"),
    )


async def live(request: web.Request) -> web.StreamResponse:
    """Server-sent events: what changed, not how."""
    who = staff(request)
    try:
        return await request.app[SITE].live.stream(
            request,
            person=who.id,
            sign_in=request[guard.SIGN_IN].hash,
            address=guard.client_address(request),
            since=request.query.get("since", ""),
        )
    except TooMany:
        raise web.HTTPTooManyRequests(headers={"Retry-After": "30"}) from None


async def prefer(request: web.Request) -> web.StreamResponse:
    """Keep how somebody likes to see pages, on this browser."""
    form = await request.post()
    guard.check_token(request, str(form.get("csrf", "")))
    to = str(form.get("back", "/desk/"))
    response = web.Response(status=303, headers={"Location": to if to.startswith("/desk") else "/desk/"})
    for name, allowed in PREFERENCES.items():
        if name in form and form[name] in allowed:
            response.set_cookie(name, str(form[name]), max_age=YEAR, samesite="Lax", path="/")
    return response
