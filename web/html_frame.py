"""How is a stranger's HTML shown? Cleaned, in a frame that may run nothing, load nothing and reach nothing of ours."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping

from aiohttp import web

MAX_IMAGES = 2 * 1024 * 1024  # bytes of pictures of one message; the rest are placeholders
SHOWN = ("image/png", "image/jpeg", "image/gif", "image/webp")

CSP = (
    "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; img-src data:; "
    "style-src 'unsafe-inline'; frame-ancestors 'self'"
)


Clean = Callable[..., str]
"""`clean(html, cid_url=…)`: the e-mail channel's own; the pages know no channel and are given it."""


def response(clean: Clean, html: str, images: Mapping[str, tuple[str, bytes]]) -> web.Response:
    """The document for the frame. Pictures of the message come along as data; nothing is fetched."""
    left = MAX_IMAGES

    def picture(content_id: str) -> str | None:
        nonlocal left
        found = images.get(content_id)
        if found is None or found[0] not in SHOWN or len(found[1]) > left:
            return None
        left -= len(found[1])
        return f"data:{found[0]};base64,{base64.b64encode(found[1]).decode()}"

    body = clean(html, cid_url=picture)
    text = (
        '<!doctype html><meta charset="utf-8"><style>body{font:15px/1.45 system-ui,sans-serif;color:#111;'
        "background:#fff;margin:12px;overflow-wrap:anywhere}img{max-width:100%}</style>"
        f"{body}"
    )
    return web.Response(
        text=text,
        content_type="text/html",
        headers={"Content-Security-Policy": CSP, "X-Frame-Options": "SAMEORIGIN"},
    )
