"""How does the desk do, at a glance? Drawings of the moment, each beside the same numbers as words."""

from __future__ import annotations

import asyncio

from aiohttp import web
from babel.dates import get_day_names
from babel.numbers import format_decimal

from core.desk import operations, periodic_charts
from core.desk.operations import Operations
from web import report_shown
from web.desk.frame import around, staff
from web.site import SITE, now
from web.words import say

MOST = 12  # groups that are drawn; the table has all


def routes(app: web.Application) -> None:
    """Add the pages."""
    app.router.add_get("/desk/operations", show)
    app.router.add_get("/desk/operations/charts/{name}", chart)


async def show(request: web.Request) -> web.StreamResponse:
    """Everything on one page."""
    site, who = request.app[SITE], staff(request)
    found = await site.db.read(operations.now_at, who, now=now())
    return site.pages.page(
        request,
        "inbox/operations.html",
        view="operations",
        given={},
        found=found,
        days=days(who.language),
        **await around(request, who),
    )


async def chart(request: web.Request) -> web.StreamResponse:
    """One drawing: load, risks, ages or hours. Raises 404."""
    site, who = request.app[SITE], staff(request)
    found: Operations = await site.db.read(operations.now_at, who, now=now())
    t = say(who.language)
    match request.match_info["name"]:
        case "load":
            busiest = found.load[:MOST]
            labels = tuple(one.group or t("operations.no_group") for one in busiest)
            numbers = tuple(one.open for one in busiest)
        case "risks":
            labels = tuple(t(f"operations.risk.{name}") for name in found.risks)
            numbers = tuple(found.risks.values())
        case "ages":
            labels = tuple(t(f"operations.age.{name}") for name in found.ages)
            numbers = tuple(found.ages.values())
        case "hours":
            week = await asyncio.to_thread(periodic_charts.week, days(who.language), found.hours)
            return report_shown.image(week)
        case _:
            raise web.HTTPNotFound
    shown = tuple(format_decimal(n, locale=who.language) for n in numbers)
    bars = await asyncio.to_thread(periodic_charts.bars, t("operations.title"), labels, numbers, shown)
    return report_shown.image(bars)


def days(language: str) -> tuple[str, ...]:
    """Short names, Monday first."""
    names = get_day_names("abbreviated", locale=language)
    return tuple(names[n] for n in range(7))
