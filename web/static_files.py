"""How do styles and scripts reach a browser? Read once, packed once, named by what is in them."""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from aiohttp import web

from web import icons

FOLDER = Path(__file__).parent / "static"
WORTH_PACKING = 1_000  # bytes; less is one packet either way


@dataclass(frozen=True, slots=True, kw_only=True)
class StaticFile:
    """One, as it is sent."""

    body: bytes
    packed: bytes | None
    """By gzip; None: not worth it."""
    type: str
    tag: str


@cache
def _files() -> dict[str, StaticFile]:
    found = {
        path.relative_to(FOLDER).as_posix(): path.read_bytes() for path in FOLDER.rglob("*") if path.is_file()
    }
    return {name: _packed(name, body) for name, body in (found | {icons.SHEET: icons.sheet()}).items()}


def _packed(name: str, body: bytes) -> StaticFile:
    packed = gzip.compress(body, mtime=0) if len(body) >= WORTH_PACKING else None
    return StaticFile(
        body=body,
        packed=packed,
        type=mimetypes.guess_type(name)[0] or "application/octet-stream",
        tag=hashlib.sha256(body).hexdigest()[:12],
    )


def address(name: str) -> str:
    """Of a static file, with its content's hash so that browsers may keep it."""
    return f"/static/{name}?v={_files()[name].tag}"


async def serve(request: web.Request) -> web.Response:
    """The file; a browser that has it already is told so."""
    found = _files().get(request.match_info["name"])
    if found is None:
        raise web.HTTPNotFound
    headers = {"ETag": f'"{found.tag}"', "Vary": "Accept-Encoding"}
    if any(one.value == found.tag for one in request.if_none_match or ()):
        return web.Response(status=304, headers=headers)
    body = found.body
    if found.packed is not None and "gzip" in request.headers.get("Accept-Encoding", ""):
        body, headers["Content-Encoding"] = found.packed, "gzip"
    charset = "utf-8" if found.type.startswith(("text/", "image/svg")) else None
    return web.Response(body=body, content_type=found.type, charset=charset, headers=headers)


def routes(app: web.Application) -> None:
    """Add the files."""
    app.router.add_get("/static/{name:.+}", serve)
