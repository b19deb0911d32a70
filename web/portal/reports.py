"""What did the provider report about a week, a month or a quarter? For those who decide at the customer, with the requests behind every number."""

from __future__ import annotations

from aiohttp import web

from core.desk import periodic
from core.desk.periodic import Whole
from core.desk.principal import Principal
from web import files, report_shown
from web.portal.frame import contact
from web.site import SITE

BASE = "/portal/reports"
ONE = f"{BASE}/{{contract}}/{{period}}/{{n}}"


def routes(app: web.Application) -> None:
    """Add the pages."""
    app.router.add_get(BASE, show)
    app.router.add_get(ONE, read)
    app.router.add_get(f"{ONE}/pdf", pdf)
    app.router.add_get(f"{ONE}/csv", table)
    app.router.add_get(f"{ONE}/charts/{{name}}", chart)
    app.router.add_get(f"{ONE}/figures/{{figure}}", behind)


async def show(request: web.Request) -> web.StreamResponse:
    """All that were approved."""
    site, who = request.app[SITE], contact(request)
    return site.pages.page(request, "portal/reports.html", reports=await site.db.read(periodic.reports, who))


async def read(request: web.Request) -> web.StreamResponse:
    """One with every number, each a way to its requests."""
    who = contact(request)
    found = await _whole(request, who)
    return request.app[SITE].pages.page(
        request,
        "portal/periodic.html",
        place=request.path,
        tickets="/portal/requests",
        **report_shown.shown(found),
    )


async def pdf(request: web.Request) -> web.StreamResponse:
    """On paper."""
    who = contact(request)
    name, content = await request.app[SITE].db.read(periodic.pdf, who, *report_shown.named(request))
    return files.download(content, name, "application/pdf")


async def table(request: web.Request) -> web.StreamResponse:
    """For a spreadsheet; `?sep=semicolon` for those that expect one."""
    who, semicolons = contact(request), request.query.get("sep") == "semicolon"
    name, content = await request.app[SITE].db.read(
        periodic.table, who, *report_shown.named(request), semicolons=semicolons
    )
    return files.download(content, name, "text/csv")


async def chart(request: web.Request) -> web.StreamResponse:
    """A drawing of it."""
    return await report_shown.chart(await _whole(request, contact(request)), request.match_info["name"])


async def behind(request: web.Request) -> web.StreamResponse:
    """The requests of one number."""
    found = report_shown.behind(await _whole(request, contact(request)), request.match_info["figure"])
    return request.app[SITE].pages.page(
        request,
        "portal/report_figure.html",
        place=request.path.rpartition("/figures/")[0],
        tickets="/portal/requests",
        **found,
    )


async def _whole(request: web.Request, who: Principal) -> Whole:
    return await request.app[SITE].db.read(periodic.whole, who, *report_shown.named(request))
