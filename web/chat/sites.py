"""Which websites carry the chat, and what may they say of their visitors? Those of the settings, and our own portal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from aiohttp import hdrs, web

from core.settings import Settings
from web.site import Site

PORTAL = "portal"
"""Our own: who is signed in is known."""
DEFAULT = "default"
"""Websites that are named by their origins alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatSite:
    """A website."""

    name: str
    origins: tuple[str, ...]
    """That may show the chat in a frame, beside our own."""
    secret: bytes = b""
    """What it signs its visitors' tokens with; empty: it knows none of them."""
    customer: str | None = None


def sites(settings: Settings) -> Mapping[str, ChatSite]:
    """By name; empty when there is no web chat."""
    chat: Any = getattr(settings.channels, "webchat", None)
    if chat is None or not chat.enabled:
        return {}
    found = [
        ChatSite(name=PORTAL, origins=()),
        ChatSite(name=DEFAULT, origins=tuple(chat.origins)),
        *(
            ChatSite(
                name=one.name,
                origins=tuple(one.origins),
                secret=one.secret.reveal().encode(),
                customer=one.customer or None,
            )
            for one in chat.sites
        ),
    ]
    return {one.name: one for one in found}


def own_origins(request: web.Request, site: Site) -> frozenset[str]:
    """What browsers call pages of ours."""
    return frozenset((site.public_url, f"http://{request.headers.get(hdrs.HOST, '')}")) - {""}


def frame_policy(request: web.Request, site: Site, of: ChatSite) -> str:
    """What the frame may do, and who may show it. Sockets are named: not every browser takes `self` to mean them."""
    host = request.headers.get(hdrs.HOST, "")
    sockets = f"ws://{host} wss://{urlsplit(site.public_url).netloc or host}"
    return (
        f"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self' {sockets}; "
        f"form-action 'self'; base-uri 'none'; frame-ancestors 'self' {' '.join(of.origins)}"
    )
