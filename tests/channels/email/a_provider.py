"""Who gives tokens and says whose they are, as a test wants it: a small server on loopback."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from channels.settings import OAuthSettings
from core.settings_values import Secret
from tests.channels.email.running_mail import in_a_thread

SECRET = "s3cret-of-the-client"


@dataclass(slots=True, kw_only=True)
class Provider:
    """Gives each who shows SECRET, or the right refresh token, a new token for `user`."""

    user: str = "desk"
    lives: Any = 3600
    length: int = 1500
    """Characters of a token; so many has Microsoft's."""
    refresh_token: str = ""
    """What it wants instead of SECRET alone."""
    says: list[tuple[int, Mapping[str, Any]]] = field(default_factory=list)
    """Answers in place of tokens, once each."""
    asked: list[Mapping[str, str]] = field(default_factory=list)
    """Every request for a token."""
    good: set[str] = field(default_factory=set)
    """Tokens that count."""
    judged: int = 0
    """How often somebody wanted to know whose a token is."""
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/token"

    def settings(self, **changed: Any) -> OAuthSettings:
        """What an administrator writes to log in with its tokens."""
        known = {
            "token_url": self.url,
            "client_id": "desk-client",
            "client_secret": Secret(SECRET),
            "scope": "mail",
        }
        return OAuthSettings(**known | changed)

    def answer(self, form: Mapping[str, str]) -> tuple[int, Mapping[str, Any]]:
        """To a request for a token."""
        self.asked.append(form)
        if self.says:
            return self.says.pop(0)
        if form.get("client_secret") != SECRET:
            why = f"AADSTS7000215: Invalid client secret provided: {form.get('client_secret')}."
            return 401, {"error": "invalid_client", "error_description": why}
        if form.get("refresh_token", "") != self.refresh_token:
            return 400, {"error": "invalid_grant", "error_description": "Token has been expired or revoked."}
        token = f"t{len(self.asked)}.".ljust(self.length, "x")
        self.good.add(token)
        return 200, {"access_token": token, "token_type": "Bearer", "expires_in": self.lives}

    async def _token(self, request: web.Request) -> web.Response:
        status, document = self.answer(dict(await request.post()))  # type: ignore[arg-type]
        return web.json_response(document, status=status)

    async def _introspect(self, request: web.Request) -> web.Response:
        self.judged += 1
        token = (await request.post()).get("token")
        return web.json_response({"active": token in self.good, "username": self.user})

    @contextmanager
    def running(self, port: int = 0) -> Iterator[Provider]:
        """At this port, or any free one, until the block ends."""

        async def work(stop: asyncio.Event, ready: Any) -> None:
            app = web.Application()
            app.add_routes([web.post("/token", self._token), web.post("/introspect", self._introspect)])
            runner = web.AppRunner(app, shutdown_timeout=0.1)
            await runner.setup()
            site = web.TCPSite(runner, "127.0.0.1", port)
            await site.start()
            self.port = runner.addresses[0][1]
            ready()
            await stop.wait()
            await runner.cleanup()

        with in_a_thread(work):
            yield self
