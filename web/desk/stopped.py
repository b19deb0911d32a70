"""Which addresses get nothing from us, and which reports name no mail of ours? Staff allow an address again."""

from __future__ import annotations

from aiohttp import web

from core.desk import stopped, traffic
from core.desk.errors import NotFound, Refused
from core.desk.principal import Principal
from core.desk.views import Page
from core.store.tx import Tx
from web import guard
from web.desk.frame import around, staff
from web.site import SITE, now

UNKNOWN = 30
"""Reports shown of those that nobody knows."""


def routes(app: web.Application) -> None:
    """Add the pages."""
    app.router.add_get("/desk/stopped", show)
    app.router.add_post("/desk/stopped/lift", lift)


async def show(request: web.Request) -> web.StreamResponse:
    """The newest first."""
    site, who = request.app[SITE], staff(request)
    page, unknown = await site.db.read(_shown, who, request.query.get("cursor"))
    return site.pages.page(
        request,
        "inbox/stopped.html",
        view="stopped",
        given={},
        items=page.items,
        more=page.next,
        unknown=unknown.items,
        unknown_more=unknown.next,
        lifted="lifted" in request.query,
        gone="gone" in request.query,
        **await around(request, who),
    )


def _shown(tx: Tx, who: Principal, cursor: str | None) -> tuple[Page, Page]:
    found = stopped.page(tx, who, cursor=cursor)
    return found, traffic.inbound(tx, who, unknown=True, limit=UNKNOWN)


async def lift(request: web.Request) -> web.StreamResponse:
    """Mail leaves for it again; somebody else may have been quicker."""
    site, who = request.app[SITE], staff(request)
    form = await request.post()
    guard.check_token(request, str(form.get("csrf", "")))
    address = str(form.get("address", ""))
    try:
        await site.db.write(stopped.lift, who, address, now=now())
    except (NotFound, Refused):
        raise web.HTTPSeeOther("/desk/stopped?gone=1") from None
    raise web.HTTPSeeOther("/desk/stopped?lifted=1")
