"""What left, and what is about to: every delivery, and the mails that are kept as files where there is no relay."""

from __future__ import annotations

import asyncio
from typing import Any

from aiohttp import web

from core.desk import traffic
from web import files
from web.desk.frame import around, staff
from web.site import SITE

FOLDER = "outgoing"


def routes(app: web.Application) -> None:
    """Add the pages."""
    app.router.add_get("/desk/outgoing", show)
    app.router.add_get("/desk/outgoing/{ref:[a-z2-7]{26}}.eml", mail)


async def show(request: web.Request) -> web.StreamResponse:
    """Newest first."""
    site = request.app[SITE]
    who = staff(request)
    page = await site.db.read(traffic.deliveries, who, cursor=request.query.get("cursor"))
    folder = site.settings.hub.data_dir / FOLDER
    kept = await asyncio.to_thread(
        lambda: {path.stem for path in folder.glob("*.eml")} if folder.is_dir() else set()
    )
    values: dict[str, Any] = {
        "view": "outgoing",
        "given": {},
        "items": page.items,
        "more": page.next,
        "kept": kept,
    }
    return site.pages.page(request, "inbox/deliveries.html", **values, **await around(request, who))


async def mail(request: web.Request) -> web.StreamResponse:
    """A mail as it left, for a mail program to open. The delivery must be within the person's scope."""
    site = request.app[SITE]
    who = staff(request)
    ref = request.match_info["ref"]
    await site.db.read(traffic.delivery_of_ref, who, ref)
    path = site.settings.hub.data_dir / FOLDER / f"{ref}.eml"
    try:
        content = await asyncio.to_thread(path.read_bytes)
    except FileNotFoundError:
        raise web.HTTPNotFound from None
    return files.download(content, f"{ref}.eml", "message/rfc822")
