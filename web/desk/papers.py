"""What was handed out of a ticket as documents: its versions with what differs, each to be read and downloaded."""

from __future__ import annotations

from collections.abc import Mapping

from aiohttp import web

from core.desk import papers, reports, resolution, search
from core.desk.errors import Invalid, Refused, Stale
from core.desk.papers import PaperView
from core.desk.principal import Principal
from core.store.tx import Row, Tx
from web import files, numbers
from web.desk.frame import around, staff
from web.pages import written
from web.site import SITE, now


def routes(app: web.Application) -> None:
    """Add the pages."""
    base = "/desk/tickets/{number}/papers"
    app.router.add_get(base, show)
    app.router.add_post(base, correct)
    app.router.add_get(f"{base}/{{paper}}", read)
    app.router.add_get(f"{base}/{{paper}}/pdf", download)


async def show(request: web.Request) -> web.StreamResponse:
    """All versions, the newest first, and the form that makes another."""
    return await _page(request)


async def _page(
    request: web.Request, *, status: int = 200, wrong: str = "", typed: Mapping[str, str] | None = None
) -> web.Response:
    site, who = request.app[SITE], staff(request)
    ticket, found, changed = await site.db.read(_all, who, request.match_info["number"])
    return site.pages.page(
        request,
        "inbox/papers.html",
        status=status,
        wrong=wrong,
        typed=typed or {},
        seen=ticket.last_event,
        view="papers",
        given={},
        ticket=ticket,
        papers=found[::-1],
        changed=changed,
        **await around(request, who),
    )


async def correct(request: web.Request) -> web.StreamResponse:
    """Another version takes the place of the last, and goes to the customer."""
    site, who, number = request.app[SITE], staff(request), request.match_info["number"]
    fields, _ = await files.form(request)
    given = {name: fields.get(name, "") for name in ("why", "text", *reports.LATER)}
    try:
        await site.db.write(resolution.correct, who, number, now=now(), seen=numbers.seen(fields), **given)
    except Invalid:
        return await _page(request, status=422, wrong="wrong", typed=given)
    except (Refused, Stale):
        return await _page(request, status=409, wrong="refused", typed=given)
    raise web.HTTPSeeOther(f"/desk/tickets/{number}/papers")


def _all(
    tx: Tx, who: Principal, number: str
) -> tuple[Row, tuple[PaperView, ...], dict[str, tuple[str, ...]]]:
    found = search.find(tx, who, number)
    return found, papers.of_ticket(tx, who, number), papers.changed(tx, who, number)


async def read(request: web.Request) -> web.StreamResponse:
    """One version, as its customer reads it."""
    site, who = request.app[SITE], staff(request)
    number, name = request.match_info["number"], request.match_info["paper"]
    view, html = await site.db.read(papers.html, who, number, name)
    return site.pages.page(
        request,
        "inbox/paper.html",
        view="papers",
        given={},
        number=number,
        paper=view,
        html=written(html),
        **await around(request, who),
    )


async def download(request: web.Request) -> web.StreamResponse:
    """Its PDF."""
    who = staff(request)
    number, name = request.match_info["number"], request.match_info["paper"]
    file, content = await request.app[SITE].db.read(papers.pdf, who, number, name)
    return files.download(content, file, "application/pdf")
