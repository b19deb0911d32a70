"""How does somebody choose a time by the link in a mail? One page without a log-in, for one visit; only its buttons do anything."""

from __future__ import annotations

from aiohttp import web

from core.desk import visit_links
from core.desk.errors import Invalid, NotFound, Refused
from web import files
from web.site import SITE, now
from web.visit_words import VALUES

MAX_TOKEN = 100  # characters


def routes(app: web.Application) -> None:
    """Add the page."""
    app.router.add_get("/visit/{token}", show)
    app.router.add_post("/visit/{token}/choose", choose)
    app.router.add_post("/visit/{token}/none", none_fits)


async def show(request: web.Request) -> web.StreamResponse:
    """The times, or what was agreed. Looking at it uses nothing up: programs look at links too."""
    return await _page(request)


async def choose(request: web.Request) -> web.StreamResponse:
    """Take one of the times, once."""
    form, _ = await files.form(request)
    try:
        chosen = await request.app[SITE].db.write(
            visit_links.choose, _token(request), form.get("slot", ""), now=now()
        )
    except NotFound:
        return await _page(request, status=422, said="pick")
    except Refused:
        return await _page(request, status=409, said="chosen")
    if chosen is not None and not chosen.agreed:
        return await _page(request, status=409, said="gone")
    raise web.HTTPSeeOther(f"/visit/{_token(request)}")


async def none_fits(request: web.Request) -> web.StreamResponse:
    """None of them suits: in their words, once."""
    form, _ = await files.form(request)
    text = form.get("text", "")
    try:
        await request.app[SITE].db.write(visit_links.none_fits, _token(request), text, now=now())
    except Invalid:
        return await _page(request, status=422, said="words", typed=text)
    except Refused:
        return await _page(request, status=409, said="chosen", typed=text)
    raise web.HTTPSeeOther(f"/visit/{_token(request)}")


async def _page(request: web.Request, *, status: int = 200, said: str = "", typed: str = "") -> web.Response:
    site, token = request.app[SITE], _token(request)
    shown = await site.db.read(visit_links.show, token, now=now())
    spent = await site.db.read(visit_links.used, token) if shown is None else None
    given = shown or spent
    return site.pages.page(
        request,
        "visit.html",
        status=status if given else 404,
        visit=given.visit if given else None,
        said=said or ("thanks" if spent else ""),
        visit_typed=typed,
        may_choose=shown is not None,
        choose=f"/visit/{token}/choose",
        none_fits=f"/visit/{token}/none",
        **VALUES,
    )


def _token(request: web.Request) -> str:
    return request.match_info["token"][:MAX_TOKEN]
