"""Who is given work? Everybody of the staff with what is theirs, and who is away until when."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from aiohttp import web

from core.desk import assigning, reference
from core.desk.assigning import Load
from core.desk.errors import Invalid, NotFound
from core.desk.principal import Principal
from core.store.tx import Tx
from web import guard
from web.desk.frame import around, staff
from web.site import SITE, now


def routes(app: web.Application) -> None:
    """Add the pages."""
    app.router.add_get("/desk/capacity", show)
    app.router.add_post("/desk/capacity", away)


async def show(request: web.Request) -> web.StreamResponse:
    """Oneself first, then all others by name."""
    return await _page(request)


async def _page(request: web.Request, wrong_for: str = "") -> web.Response:
    site, who = request.app[SITE], staff(request)
    found, assigns = await site.db.read(_read, who, now())
    return site.pages.page(
        request,
        "inbox/capacity.html",
        status=422 if wrong_for else 200,
        view="capacity",
        given={},
        people=sorted(found, key=lambda one: one.email != who.email),
        assigns=assigns,
        wrong_for=wrong_for,
        **await around(request, who),
    )


def _read(tx: Tx, who: Principal, at: datetime) -> tuple[list[Load], frozenset[str]]:
    groups = reference.desk(tx).groups.values()
    return list(assigning.loads(tx, who, now=at)), frozenset(one.name for one in groups if one.assigns)


async def away(request: web.Request) -> web.StreamResponse:
    """Away until then, or here again."""
    site, who = request.app[SITE], staff(request)
    sent = await request.post()
    guard.check_token(request, str(sent.get("csrf", "")))
    email, text = str(sent.get("email", "")), str(sent.get("until", ""))
    zone = ZoneInfo(site.settings.hub.time_zone)
    try:
        until = None if "back" in sent else datetime.fromisoformat(text).replace(tzinfo=zone)
        await site.db.write(assigning.set_away, who, until, email=email, now=now())
    except (Invalid, ValueError):
        return await _page(request, wrong_for=email)
    except NotFound:
        raise web.HTTPNotFound from None
    raise web.HTTPSeeOther("/desk/capacity")
