"""What does a customer need to know in five seconds? What waits for them, what we do next, what they bought."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from aiohttp import web
from babel.dates import format_date

from core.desk import (
    course,
    coverage,
    linking,
    outages,
    requests,
    search,
    window_views,
)
from core.desk.principal import Principal
from core.desk.views import NextAction, TicketRow
from core.store.tx import Tx
from web import files
from web.portal import notices
from web.portal.frame import company, contact
from web.site import SITE, now
from web.window_words import span, spoken

SHOWN = 50  # open requests on the home page
ENDED = 10  # closed ones there; the history has the rest
PER_PAGE = 30
NEEDS_THEM = ("waiting_customer", "resolved")
ASKED = ("visit", "workaround")
"""What comes next, where it is they who decide, whatever the state."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A request and what happens next with it."""

    row: TicketRow
    next: NextAction


def routes(app: web.Application) -> None:
    """Add the pages."""
    app.router.add_get("/portal", _there)
    app.router.add_get("/portal/", show)
    app.router.add_get("/portal/history", history)
    app.router.add_post("/portal/outages/{id}/tell-me", tell_me)


async def _there(_request: web.Request) -> web.StreamResponse:
    raise web.HTTPSeeOther("/portal/")


async def show(request: web.Request) -> web.StreamResponse:
    """The home page."""
    site, who = request.app[SITE], contact(request)
    found = await site.db.read(_home, who, now=now())
    days = {day for one in found["contracts"] for day in (one.valid_from, one.valid_until)}
    said = {day: format_date(day, "d MMMM y", locale=who.language) for day in days}
    code = found["company"].phone_code if found["company"] and site.telephone is not None else ""
    return site.pages.page(
        request,
        "portal/home.html",
        days=said,
        phone_code=code,
        phone_number=site.telephone,
        said_often=lambda one: spoken(one, who.language),
        span_of=lambda one: span(one.next.since, one.next.until, ZoneInfo(one.zone), now(), who.language),
        **found,
    )


async def history(request: web.Request) -> web.StreamResponse:
    """What has ended, newest first."""
    site, who = request.app[SITE], contact(request)
    found = await site.db.read(
        search.tickets, who, view="closed", cursor=request.query.get("from") or None, limit=PER_PAGE
    )
    return site.pages.page(request, "portal/history.html", found=found)


async def tell_me(request: web.Request) -> web.StreamResponse:
    """They want to know when it is over. Pressed again, or when it just ended, it changes nothing."""
    site, who = request.app[SITE], contact(request)
    fields, _ = await files.form(request)
    outage, progress = request.match_info["id"], "progress" in fields
    await site.db.write(
        outages.subscribe, who, outage, by=site.also_by or requests.HERE, progress=progress, now=now()
    )
    raise web.HTTPSeeOther("/portal/")


def _home(tx: Tx, who: Principal, *, now: datetime) -> dict[str, Any]:
    going_on = search.tickets(tx, who, view="open", limit=SHOWN)
    solved = search.tickets(tx, who, view="all", state="resolved", limit=SHOWN)
    ended = search.tickets(tx, who, view="closed", limit=SHOWN)
    rows = {row.id: row for row in (*solved.items, *going_on.items)}
    cards = [Card(row=row, next=course.next_action(tx, row)) for row in rows.values()]
    return {
        "company": company(tx, who),
        "linked": linking.fresh(tx, who, now=now),
        "outages": notices.of(tx, who, now=now),
        "maintenance": [
            one
            for one in window_views.listing(tx, who, now=now, ahead=window_views.AHEAD)
            if one.source == "person"
        ],
        "needed": [card for card in cards if _needs_them(card)],
        "cards": [card for card in cards if not _needs_them(card)],
        "more_open": going_on.next is not None,
        "ended": [row for row in ended.items if row.state != "resolved"][:ENDED],
        "contracts": coverage.bought(tx, who, now=now),
    }


def _needs_them(card: Card) -> bool:
    return card.row.state in NEEDS_THEM or card.next.key in ASKED
