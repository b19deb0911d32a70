"""The chat on web pages: a button, a frame, and what the frame asks."""

from __future__ import annotations

from aiohttp import web

from core.common import Common
from web.chat import doing, frame, wire
from web.chat.room import Room
from web.chat.sites import sites as sites
from web.site import SITE

PARTS = (frame, wire)


def routes(app: web.Application, common: Common) -> None:
    """Add the pages of the chat, and keep those who have it open."""
    site = app[SITE]
    app[doing.SITES] = dict(sites(site.settings))
    app[doing.ROOM] = Room(
        site.db,
        common,
        per_visitor=site.settings.limits.live_per_person,
        per_address=site.settings.limits.live_per_address,
    )
    app.cleanup_ctx.append(app[doing.ROOM].keep)
    app.on_shutdown.append(app[doing.ROOM].end)
    for part in PARTS:
        part.routes(app)
