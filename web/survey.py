"""How did it go? The page behind the link in the mail with the final report; it tells no more than a number, and nothing is done by looking."""

from __future__ import annotations

from collections.abc import Mapping

from aiohttp import web

from core.desk import surveys
from core.desk.errors import Invalid, Refused
from web import files, numbers
from web.site import SITE, now

MAX_TOKEN = 100  # characters


def routes(app: web.Application) -> None:
    """Add the page."""
    app.router.add_get("/survey/{token}", show)
    app.router.add_post("/survey/{token}", send)


async def show(request: web.Request) -> web.StreamResponse:
    """Five choices and a comment, with what was chosen before."""
    return await _page(request)


async def send(request: web.Request) -> web.StreamResponse:
    """Keep it; by the same link it may be changed as long as any opinion may."""
    fields, _ = await files.form(request)
    score = numbers.whole(fields.get("score", "")) or 0
    try:
        number = await request.app[SITE].db.write(
            surveys.rate, _token(request), score=score, comment=fields.get("comment", ""), now=now()
        )
    except Invalid:
        return await _page(request, status=422, wrong="score", typed=fields)
    except Refused:
        return await _page(request, status=409, wrong="late")
    return await _page(request, thanks=number is not None)


async def _page(
    request: web.Request,
    *,
    status: int = 200,
    wrong: str = "",
    typed: Mapping[str, str] | None = None,
    thanks: bool = False,
) -> web.Response:
    site = request.app[SITE]
    found = await site.db.read(surveys.of_token, _token(request), now=now())
    return site.pages.page(
        request,
        "survey.html",
        status=status if found is not None else 404,
        token=_token(request),
        survey=found,
        wrong=wrong,
        typed=typed or {},
        thanks=thanks,
    )


def _token(request: web.Request) -> str:
    return request.match_info["token"][:MAX_TOKEN]
