"""How do people's files come in and go out? A name is shown and decides nothing; a type is read from the first bytes."""

from __future__ import annotations

import mimetypes
from urllib.parse import quote

from aiohttp import web

from core.desk import call_history
from core.desk.principal import Principal
from core.envelope import Attachment
from web import guard, numbers
from web.site import SITE

MAX_FILES = 50
MAX_NAME = 200  # characters
DOWNLOADED = (
    "image/png",
    "image/jpeg",
    "image/gif",
    "image/webp",
    "application/pdf",
    "application/zip",
    "message/rfc822",
    "application/octet-stream",
)
"""Types that a download may name; everything else is `application/octet-stream`."""
_MAGIC = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"%PDF-", "application/pdf"),
    (b"PK\x03\x04", "application/zip"),
)


async def form(request: web.Request) -> tuple[dict[str, str], list[Attachment]]:
    """The text fields and the files of a form whose token is right. Raises 403; 413 for too large a file, or too much."""
    limits = request.app[SITE].settings.limits
    fields: dict[str, str] = {}
    files: list[Attachment] = []
    for name, value in (await request.post()).items():
        if not isinstance(value, web.FileField):
            fields[name] = str(value)
            continue
        if not value.filename or len(files) == MAX_FILES:
            continue
        content = value.file.read(limits.upload_file + 1)
        if len(content) > limits.upload_file:
            raise web.HTTPRequestEntityTooLarge(limits.upload_file, len(content))
        files.append(Attachment(name=file_name(value.filename), type=kind_of(content), content=content))
    guard.check_token(request, fields.get("csrf", ""))
    if (together := sum(len(one.content) for one in files)) > limits.upload_request:
        raise web.HTTPRequestEntityTooLarge(limits.upload_request, together)
    return fields, files


def file_name(name: str) -> str:
    """The last part of a file's name, printable; it is shown and never used as a path.

    >>> file_name("..\\\\..\\\\etc/passwd")
    'passwd'
    """
    last = name.replace("\\", "/").rpartition("/")[2]
    return "".join(c for c in last if c.isprintable()).lstrip(".")[:MAX_NAME] or "file"


def kind_of(content: bytes) -> str:
    """The type by the first bytes, of a list we allow.

    >>> kind_of(b"%PDF-1.7"), kind_of(b"<script>")
    ('application/pdf', 'application/octet-stream')
    """
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"
    known = (kind for magic, kind in _MAGIC if content.startswith(magic))
    return next(known, "application/octet-stream")


PLAYED = ("audio/wav", "audio/x-wav", "audio/mpeg", "audio/ogg", "audio/mp4", "audio/webm")
"""Types of sound that a page may play."""


def play(request: web.Request, content: bytes, kind: str) -> web.Response:
    """A sound for a player in a page, whole or the part that is asked for (RFC 9110 14)."""
    safe = kind if kind in PLAYED else "application/octet-stream"
    headers = {
        "Content-Type": safe,
        "Accept-Ranges": "bytes",
        "Cache-Control": "private, no-store",
        "Content-Disposition": "inline",
        "Content-Security-Policy": "sandbox; default-src 'none'; media-src 'self'",
    }
    whole = len(content)
    try:
        asked = request.http_range
    except ValueError:
        return web.Response(status=416, headers={"Content-Range": f"bytes */{whole}"})
    if asked.start is None and asked.stop is None:
        return web.Response(body=content, headers=headers)
    start, stop, _ = asked.indices(whole)
    if start >= stop:
        return web.Response(status=416, headers={"Content-Range": f"bytes */{whole}"})
    headers["Content-Range"] = f"bytes {start}-{stop - 1}/{whole}"
    return web.Response(status=206, body=content[start:stop], headers=headers)


async def played(request: web.Request, who: Principal) -> web.Response:
    """The sound of a call that the address names, as far as this person may hear it. Raises NotFound."""
    seq = numbers.whole(request.match_info["seq"])
    if seq is None:
        raise web.HTTPNotFound
    found, content = await request.app[SITE].db.read(call_history.sound, who, request.match_info["call"], seq)
    return play(request, content, found.type)


def download(content: bytes, name: str, kind: str) -> web.Response:
    """A download that runs nowhere: RFC 6266 name, no sniffing, sandboxed should a browser show it after all."""
    safe = kind if kind in DOWNLOADED else "application/octet-stream"
    plain = "".join(c if c.isascii() and (c.isalnum() or c in "._- ") else "_" for c in name)
    plain = plain or f"file{mimetypes.guess_extension(safe) or ''}"
    return web.Response(
        body=content,
        headers={
            "Content-Type": safe,
            "Content-Disposition": f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}",
            "Content-Security-Policy": "sandbox; default-src 'none'",
        },
    )
