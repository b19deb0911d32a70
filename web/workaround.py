"""What does whoever has the link in a mail see of a workaround? Its text, and two buttons: it works, it does not. Once, without a log-in."""

from __future__ import annotations

from aiohttp import web

from core.desk import workaround_links
from core.desk.errors import Invalid, Refused
from web import files
from web.site import SITE, now

MAX_TOKEN = 100  # characters


def routes(app: web.Application) -> None:
    """Add the page."""
    app.router.add_get("/workaround/{token}", show)
    app.router.add_post("/workaround/{token}", answer)


async def show(request: web.Request) -> web.StreamResponse:
    """The text and the buttons. Looking at it uses nothing up: programs look at links too."""
    return await _page(request)


async def answer(request: web.Request) -> web.StreamResponse:
    """It works, or it does not and why."""
    fields, _ = await files.form(request)
    site, token = request.app[SITE], _token(request)
    try:
        if fields.get("says") == "works":
            done = await site.db.write(workaround_links.accept, token, now=now())
        else:
            done = await site.db.write(workaround_links.refuse, token, fields.get("reason", ""), now=now())
    except Invalid:
        return await _page(request, status=422, wrong=True)
    except Refused:
        return await _page(request, status=409, typed=fields.get("reason", ""))
    if not done:
        return await _page(request, typed=fields.get("reason", ""))
    raise web.HTTPSeeOther(request.path)


async def _page(
    request: web.Request, *, status: int = 200, wrong: bool = False, typed: str = ""
) -> web.Response:
    site, token = request.app[SITE], _token(request)
    given = await site.db.read(workaround_links.show, token, now=now())
    return site.pages.page(
        request,
        "workaround.html",
        status=status if given is not None else 404,
        token=token,
        given=given,
        wrong=wrong,
        typed=typed,
    )


def _token(request: web.Request) -> str:
    return request.match_info["token"][:MAX_TOKEN]
