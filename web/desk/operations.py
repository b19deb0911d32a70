"""How does the desk do, at a glance? Drawings of the moment, each beside the same numbers as words."""

from __future__ import annotations

from aiohttp import web
from babel.dates import get_day_names

from core.desk import operations, periodic_charts
from core.desk.operations import Operations
from web import report_shown
from web.desk.frame import around, staff
from web.site import SITE, now
from web.words import say


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
            labels = [one.group or t("operations.no_group") for one in found.load[:12]]
            numbers = [float(one.open) for one in found.load[:12]]
        case "risks":
            labels = [t(f"operations.risk.{name}") for name in found.risks]
            numbers = [float(n) for n in found.risks.values()]
        case "ages":
            labels = [t(f"operations.age.{name}") for name in found.ages]
            numbers = [float(n) for n in found.ages.values()]
        case "hours":
            return report_shown.image(periodic_charts.week(days(who.language), found.hours))
        case _:
            raise web.HTTPNotFound
    return report_shown.image(periodic_charts.bars(t("operations.title"), labels, numbers))


def days(language: str) -> list[str]:
    """Short names, Monday first."""
    names = get_day_names("abbreviated", locale=language)
    return [names[n] for n in range(7)]
