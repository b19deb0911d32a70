"""What did the hub give up on? Dead jobs with their last error: try again, or dismiss."""

from __future__ import annotations

from aiohttp import web

from core.desk import stuck
from core.desk.errors import NotFound
from web import guard
from web.desk.frame import around, staff
from web.site import SITE, now

VERBS = {"retry": stuck.retry, "dismiss": stuck.dismiss}


def routes(app: web.Application) -> None:
    """Add the pages."""
    app.router.add_get("/desk/stuck", show)
    app.router.add_post("/desk/stuck/{shard}/{id}/{verb}", act)


async def show(request: web.Request) -> web.StreamResponse:
    """All of them, newest first."""
    site, who = request.app[SITE], staff(request)
    items = await site.db.read(stuck.jobs, who)
    return site.pages.page(
        request,
        "inbox/stuck.html",
        view="stuck",
        given={},
        items=items,
        gone="gone" in request.query,
        **await around(request, who),
    )


async def act(request: web.Request) -> web.StreamResponse:
    """One of the two; somebody else may have been quicker."""
    site, who = request.app[SITE], staff(request)
    guard.check_token(request, str((await request.post()).get("csrf", "")))
    verb = VERBS.get(request.match_info["verb"])
    if verb is None:
        raise web.HTTPNotFound
    try:
        await site.db.write(verb, who, request.match_info["shard"], request.match_info["id"], now=now())
    except NotFound:
        raise web.HTTPSeeOther("/desk/stuck?gone=1") from None
    raise web.HTTPSeeOther("/desk/stuck")
