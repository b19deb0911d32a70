"""The list: one line a ticket, most urgent first; views, search, pages by key, and its live updates."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from aiohttp import web
from markupsafe import Markup, escape

from core.desk import search
from core.desk.principal import Principal
from core.desk.views import Page, TicketRow
from core.store.tx import Tx
from web import guard, visitor
from web.desk.frame import around, staff
from web.live import TooMany
from web.pages import ago, clock_shape, left
from web.site import SITE, Site, now

PAGE = 50  # rows
CACHED_ROWS = 20_000
CACHED_LISTS = 200  # 40 kB each
LIST_KEPT = 5.0  # seconds: times are said in minutes
FILTERS = ("q", "group", "customer", "assignee", "state", "sort")
OF_TICKETS = ("qualify", "mine", "groups", "unassigned", "chats", "due", "waiting", "open", "all", "closed")
HURRY = timedelta(minutes=3)
"""So long somebody may wait in a chat where no contract promises an answer."""
YEAR = 365 * 86400  # seconds
PREFERENCES = {"theme": ("light", "dark", ""), "density": ("compact", "")}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Listed:
    """The lines of a list as they were."""

    changes: int
    """Of the live updates, before they were asked for."""
    at: float
    text: str
    next: str | None


WITH_LIST = "?@list"
"""Where the address of a row takes the list it stands in: rows are kept without it."""

_lists: OrderedDict[tuple[Any, ...], _Listed] = OrderedDict()
_rows: OrderedDict[tuple[Any, ...], str] = OrderedDict()


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
    view = view_of(request)
    if view not in OF_TICKETS:
        raise web.HTTPSeeOther(f"/desk/waiting?view={view}")
    listed, framed = await asyncio.gather(listing(request, who), around(request, who))
    template = "inbox/list_live.html" if request.query.get("only") == "rows" else "inbox/list.html"
    return request.app[SITE].pages.page(request, template, **listed, **framed)


async def listing(request: web.Request, who: Principal) -> dict[str, Any]:
    """The values of the list, from the query of the request."""
    asked = Asked(request, who)
    return asked.values(None if asked.known else await request.app[SITE].db.read(asked.read))


class Asked:
    """A list that a request asks for. Beside a ticket its lines say less: they are narrow there.

    It is read again only when something changed or its times may read differently: who leafs through tickets sees the
    same lines beside each of them.
    """

    def __init__(self, request: web.Request, who: Principal) -> None:
        self._site, self._who = request.app[SITE], who
        self._number = request.match_info.get("number")
        self._beside = bool(self._number) or "beside" in request.query
        self._view, self._here = view_of(request), here(request)
        self._given: dict[str, Any] = {
            name: request.query[name] for name in FILTERS if request.query.get(name)
        }
        self._cursor = request.query.get("cursor", "")
        self._key = (id(self._site), who.id, who.language, self._here, self._cursor, self._beside)
        self._clock, self._changes = time.monotonic(), self._site.live.changes
        known = _lists.get(self._key)
        fresh = known and known.changes == self._changes and self._clock - known.at < LIST_KEPT
        self.known = known if fresh else None

    def read(self, tx: Tx) -> Page:
        """The lines. Raises Invalid for a list there is not."""
        return search.tickets(
            tx, self._who, view=self._view, cursor=self._cursor or None, limit=PAGE, **self._given
        )

    def values(self, page: Page | None) -> dict[str, Any]:
        """For the templates; `page`: what was read, None where the list is known."""
        found = self.known if page is None else self._kept(page)
        assert found is not None
        text = found.text
        if self._number:
            text = text.replace(f'" id="t{self._number}"', f' current" id="t{self._number}"', 1)
        return {
            "view": self._view,
            "given": self._given,
            "rows": Markup(text),  # noqa: S704 - each row was rendered with autoescape
            "empty": not text,
            "more": f"{self._here}&{urlencode({'cursor': found.next})}" if found.next else "",
            "here": self._here,
            "cursor": self._cursor,
            "beside": self._beside,
        }

    def _kept(self, page: Page) -> _Listed:
        text = render_rows(self._site, self._who, page, beside=self._beside, chats=self._view == "chats")
        text = text.replace(WITH_LIST, f"?{escape(self._here)}")
        found = _lists[self._key] = _Listed(changes=self._changes, at=self._clock, text=text, next=page.next)
        if len(_lists) > CACHED_LISTS:
            _lists.popitem(last=False)
        return found


def here(request: web.Request) -> str:
    """The list that is shown, as a query."""
    given = {name: request.query[name] for name in FILTERS if request.query.get(name)}
    return urlencode({"view": view_of(request), **given})


def view_of(request: web.Request) -> str:
    """The view that is asked for; who searches without one looks everywhere."""
    return request.query.get("view") or ("all" if request.query.get("q") else "open")


def render_rows(site: Site, who: Principal, page: Page, *, beside: bool, chats: bool = False) -> str:
    """The lines, those of chats with how long somebody waits.

    Each is rendered once for a version of its ticket, a language and what its times are called now.
    """
    at, language, zone = now(), who.language, site.settings.hub.time_zone
    parts = []
    for row in page.items:
        shape = clock_shape(row.next_due, at, paused=row.next_due is None, started=row.received_at)
        if chats and row.waits_since and row.next_clock != "response":  # as long as somebody is paged for
            shape = "risk" if at - row.waits_since >= HURRY else "running"
        times = {
            "age": ago(row.received_at, at, language),
            "left": left(row.next_due, at, language),
            "waits": ago(row.waits_since, at, language) if chats and row.waits_since else "",
            "shape": shape,
        }
        key = (row.id, row.last_event, language, zone, beside, chats, *times.values())
        text = _rows.get(key)
        if text is None:
            text = _rows[key] = _render(site, language, row, times, beside=beside, chats=chats)
            if len(_rows) > CACHED_ROWS:
                _rows.popitem(last=False)
        parts.append(text)
    return "".join(parts)


def _render(
    site: Site, language: str, row: TicketRow, times: Mapping[str, str], *, beside: bool, chats: bool
) -> str:
    return site.pages.render(
        "inbox/row.html",
        language=language,
        zone=ZoneInfo(site.settings.hub.time_zone),
        row=row,
        times=times,
        beside=beside,
        chats=chats,
    )


async def live(request: web.Request) -> web.StreamResponse:
    """Server-sent events: what changed, not how."""
    who = staff(request)
    try:
        return await request.app[SITE].live.stream(
            request,
            person=who.id,
            sign_in=request[visitor.SIGN_IN].hash,
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
