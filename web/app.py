"""How are the pages served? One aiohttp application: sign-in, the desk, the portal, the API, health, live updates."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from aiohttp import web

from core.calling import Switchboard
from core.channel import Linking, Publishing
from core.common import Common
from core.desk import accounts
from core.log import get_logger
from core.settings import Settings
from core.store.database import Database
from web import (
    account,
    api,
    chat,
    connecting,
    desk,
    forgotten,
    guard,
    metrics,
    portal,
    reading,
    sign_in,
    static_files,
    survey,
    unsubscribe,
    upload,
    visit,
    visitor,
    workaround,
)
from web.limits import Limiter
from web.live import Live
from web.pages import Pages
from web.site import SITE, Site

if TYPE_CHECKING:
    from core.hub import Hub

HEAD_LIMIT = 16 * 1024  # bytes of a request's head line or of one field
IDLE = 10.0  # seconds a connection may have until its next request is there; aiohttp counts from its first byte on
WEBHOOKS_PER_ADDRESS = 200  # a second: a provider brings the requests of all callers from a few addresses
DEVICES_PER_ADDRESS = (
    1000  # a second: one server reports for everything it watches, and a storm comes at once
)
BURST = 5  # seconds' worth of requests that may come at once: a page brings its parts along

log = get_logger("http")


def make_app(
    db: Database,
    settings: Settings,
    *,
    clean: Callable[..., str],
    also_by: str = "",
    common: Common | None = None,
    switchboard: Switchboard | None = None,
    telephone: str | None = None,
    webhooks: Sequence[web.RouteDef] = (),
    linking: Mapping[str, Linking] | None = None,
    publishing: Sequence[Publishing] = (),
) -> web.Application:
    """The application; `clean`, `also_by`, `switchboard` and `telephone` as in web.site.Site, `common` as in core.hub.Hub.

    `linking`: channels on which people connect their accounts, by name. `publishing`: those whose domains must say something in the DNS. `webhooks`: what providers ask of the channels, under /in/. Who asks there proves it by a signature, which the
    handler checks before anything else; nothing there knows a sign-in or answers with a page.
    """
    common = common or Common()
    app = web.Application(
        middlewares=[guard.middleware], client_max_size=settings.limits.upload_request + 64 * 1024
    )
    app[SITE] = Site(
        db=db,
        settings=settings,
        pages=Pages(
            settings.hub,
            web_chat=bool(chat.sites(settings)),
            files=(settings.limits.upload_file, settings.limits.upload_request),
        ),
        live=Live(
            db,
            common,
            per_person=settings.limits.live_per_person,
            per_address=settings.limits.live_per_address,
        ),
        limits=accounts.Limits(
            staff_idle=timedelta(seconds=settings.limits.staff_idle),
            portal_idle=timedelta(seconds=settings.limits.portal_idle),
            life=timedelta(seconds=settings.limits.sign_in_life),
            per_person=settings.limits.sign_ins_per_person,
            tries=settings.limits.sign_in_tries,
            window=settings.limits.sign_in_window,
            tries_per_address=settings.limits.sign_in_tries_per_address,
        ),
        clean=clean,
        endings=common.endings,
        also_by=also_by,
        switchboard=switchboard,
        telephone=telephone,
        linking=linking or {},
        publishing=publishing,
        people=_limiter("people", common, settings.limits.requests_per_person),
        strangers=_limiter("strangers", common, settings.limits.requests_per_address),
        providers=_limiter("providers", common, WEBHOOKS_PER_ADDRESS),
        devices=_limiter("devices", common, DEVICES_PER_ADDRESS),
    )
    db.listen(lambda topics: guard.forget(app[SITE], topics))
    app[api.API] = api.make_api(
        db,
        counts=common.counts,
        per_person=settings.limits.requests_per_person,
        per_address=settings.limits.requests_per_address,
        address=guard.client_address,
        also_by=also_by,
        linking=linking,
        outside=api.Outside(publishing=publishing, explain=lambda raw: reading.explained(app[SITE], raw)),
        max_body=settings.limits.http_body,
    )
    for part in (
        sign_in,
        forgotten,
        connecting,
        account,
        metrics,
        desk,
        portal,
        upload,
        survey,
        unsubscribe,
        visit,
        workaround,
        api,
    ):
        part.routes(app)
    chat.routes(app, common)
    app.router.add_routes(webhooks)
    app.router.add_get("/", _home)
    app.router.add_get("/health/live", _live)
    app.router.add_get("/health/ready", _ready)
    static_files.routes(app)
    return app


def _limiter(name: str, common: Common, rate: int) -> Limiter:
    return Limiter(name, common.counts, rate=rate, burst=rate * BURST, clock=time.monotonic)


async def _home(request: web.Request) -> web.Response:
    raise web.HTTPSeeOther("/desk/" if (who := visitor.who(request)) and who.is_agent else "/portal/")


async def _live(_request: web.Request) -> web.Response:
    return web.json_response({"live": True})


async def _ready(request: web.Request) -> web.Response:
    site = request.app[SITE]
    reasons = await site.hub.ready() if site.hub is not None else ("the hub is starting",)
    return web.json_response({"ready": not reasons, "reasons": list(reasons)}, status=503 if reasons else 200)


class WebServer:
    """The application on its port, as a service of the hub."""

    def __init__(self, app: web.Application, settings: Settings, *, idle: float = IDLE) -> None:
        self.app = app
        self._shared = settings.hub.processes > 1
        self._idle = idle
        self._http = settings.http
        self._pages_read = False
        self.port: int | None = None

    def attach(self, hub: Hub) -> None:
        """Let health pages ask the hub."""
        self.app[SITE].hub = hub

    def ready(self) -> bool:
        """Listening, and no page has to be compiled before somebody gets it: until then all of the hub is slow."""
        return self._listening() and self._pages_read

    def _listening(self) -> bool:
        return self.port is not None

    async def run(self) -> None:
        """Serve until cancelled."""
        runner = web.AppRunner(
            self.app,
            access_log=None,
            auto_decompress=False,  # what devices pack is stored as it came; nobody else packs a body
            max_line_size=HEAD_LIMIT,
            max_field_size=HEAD_LIMIT,
            keepalive_timeout=self._idle,
            shutdown_timeout=2.0,
        )
        await runner.setup()
        context = None
        if self._http.tls_certificate:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(self._http.tls_certificate, self._http.tls_key)
        try:
            listener = web.TCPSite(
                runner, self._http.host, self._http.port, ssl_context=context, reuse_port=self._shared or None
            )
            await listener.start()
            self.port = runner.addresses[0][1]
            await asyncio.to_thread(self.app[SITE].pages.read_all, self._listening)
            self._pages_read = True
            await asyncio.Event().wait()
        finally:
            self.port, self._pages_read = None, False
            await runner.cleanup()
