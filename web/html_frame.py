"""How is a stranger's HTML shown? Cleaned, in a frame that may run nothing, load nothing and reach nothing of ours.

Pictures from elsewhere are grey dots until the reader asks for them, warned of what that tells; the hub fetches none.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping

from aiohttp import web
from markupsafe import escape

from core.isolation import ReaderDied, ReaderFailed, Unreadable
from core.log import get_logger
from core.redrawing import Redrawn
from web.site import Site
from web.words import say

_POLICY = (
    "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; img-src data:{outside}; "
    "style-src 'unsafe-inline'; frame-ancestors 'self'"
)
HOSTS = 3  # that are named in the warning
_OUTSIDE = re.compile(r'<img [^<>]{0,4000}?src="https?://([^/":?#<>\s]{1,255})')

log = get_logger("pages")


async def response(
    request: web.Request, site: Site, html: str, images: Mapping[str, tuple[str, bytes]], *, language: str
) -> web.Response:
    """The document for the frame. Pictures of the message come along as data, redrawn; `?pictures=outside` lets the browser load others."""
    outside = request.query.get("pictures") == "outside"
    redrawn = await _redrawn(site, images)

    def picture(content_id: str) -> str | None:
        found = redrawn.get(content_id)
        return None if found is None else f"data:{found[0]};base64,{base64.b64encode(found[1]).decode()}"

    body = site.clean(html, cid_url=picture, remote_images=outside)
    wanted = [] if outside else _hosts(site.clean(html, cid_url=picture, remote_images=True))
    text = (
        '<!doctype html><meta charset="utf-8"><style>body{font:15px/1.45 system-ui,sans-serif;color:#111;'
        "background:#fff;margin:12px;overflow-wrap:anywhere}img{max-width:100%}"
        "body>aside{background:#f3f0e4;border:1px solid #6b6552;padding:8px 12px;margin-bottom:12px}</style>"
        f"{_warning(wanted, language)}{body}"
    )
    policy = _POLICY.format(outside=" https:; upgrade-insecure-requests" if outside else "")
    return web.Response(
        text=text,
        content_type="text/html",
        headers={"Content-Security-Policy": policy, "X-Frame-Options": "SAMEORIGIN"},
    )


async def _redrawn(site: Site, images: Mapping[str, tuple[str, bytes]]) -> Redrawn:
    """Without the process that draws, none: a stranger's own bytes are not shown."""
    if not images or site.hub is None:
        return {}
    try:
        return await site.hub.readers.redraw({name: content for name, (_, content) in images.items()})
    except (Unreadable, ReaderFailed, ReaderDied) as error:
        log.warning("pictures of a message cannot be shown", error=str(error))
        return {}


def _hosts(shown: str) -> list[str]:
    return list(dict.fromkeys(host.lower() for host in _OUTSIDE.findall(shown)))


def _warning(hosts: list[str], language: str) -> str:
    """From where pictures were not loaded. The link that loads them is outside: cookies do not follow one in here."""
    if not hosts:
        return ""
    named = ", ".join(hosts[:HOSTS]) + (", …" if len(hosts) > HOSTS else "")
    return f"<aside>{escape(say(language)('ticket.pictures_outside', hosts=named))}</aside>"
