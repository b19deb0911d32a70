"""How does a file come that a chat does not hand over? By a link that works once, for whoever has it; it tells no more than a number."""

from __future__ import annotations

from aiohttp import web

from core.desk import upload_links, uploads
from core.desk.errors import Invalid, Refused
from web import files
from web.site import SITE, now

MAX_TOKEN = 100  # characters


def routes(app: web.Application) -> None:
    """Add the page."""
    app.router.add_get("/upload/{token}", show)
    app.router.add_post("/upload/{token}", send)


async def show(request: web.Request) -> web.StreamResponse:
    """The form, or that something has arrived. Looking at it uses nothing up: programs look at links too."""
    return await _page(request)


async def send(request: web.Request) -> web.StreamResponse:
    """Take the files, once."""
    _, sent = await files.form(request)
    try:
        number = await request.app[SITE].db.write(uploads.receive, _token(request), sent, now=now())
    except Invalid:
        return await _page(request, status=422, wrong="none")
    except Refused:
        return await _page(request, status=409, wrong="later")
    if number is None:
        return await _page(request)
    raise web.HTTPSeeOther(request.path)


async def _page(request: web.Request, *, status: int = 200, wrong: str = "") -> web.Response:
    site, token = request.app[SITE], _token(request)
    given = await site.db.read(upload_links.whose, token, now=now())
    arrived = await site.db.read(upload_links.used, token) if given is None else None
    limits = site.settings.limits
    return site.pages.page(
        request,
        "upload.html",
        status=status if given or arrived else 404,
        token=token,
        number=given.number if given else "",
        arrived=arrived,
        wrong=wrong,
        upload_file=limits.upload_file,
        upload_request=limits.upload_request,
    )


def _token(request: web.Request) -> str:
    return request.match_info["token"][:MAX_TOKEN]
