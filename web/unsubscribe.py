"""Who wants no more progress notices or reports? One click of a mail program (RFC 8058), or a page with one button; looking at it does nothing."""

from __future__ import annotations

from aiohttp import web

from core.desk import subscriptions
from web.guard import ONE_CLICK
from web.site import SITE, now

MAX_TOKEN = 100  # characters


def routes(app: web.Application) -> None:
    """Add the page."""
    app.router.add_get(f"{ONE_CLICK}{{token}}", show)
    app.router.add_post(f"{ONE_CLICK}{{token}}", act)


async def show(request: web.Request) -> web.StreamResponse:
    """What comes, and a button that ends it, or lets it come again."""
    return await _page(request)


async def act(request: web.Request) -> web.StreamResponse:
    """End it; `again`: let it come again. Safe to repeat."""
    form = await request.post()
    verb = subscriptions.begin if "again" in form else subscriptions.end
    await request.app[SITE].db.write(verb, _token(request), now=now())
    return await _page(request)


async def _page(request: web.Request) -> web.Response:
    site = request.app[SITE]
    found = await site.db.read(subscriptions.of_token, _token(request))
    return site.pages.page(
        request,
        "unsubscribe.html",
        status=404 if found is None else 200,
        token=_token(request),
        found=found,
    )


def _token(request: web.Request) -> str:
    return request.match_info["token"][:MAX_TOKEN]
