"""Which pictures stand in the HTML itself, as `data:` addresses? They become inline files, as those named by `cid:` are."""

from __future__ import annotations

import binascii
import hashlib
import re
from dataclasses import dataclass
from html import unescape
from urllib.parse import unquote_to_bytes

from core.envelope import Attachment

PICTURES = 50
"""Different ones of one text …"""
BYTES = 10 * 1024 * 1024
"""… and their bytes together. The others are in the original mail only."""
ADDRESSES = 20_000
TAG_CHARACTERS = 2_000
"""How far in front of an address its tag may begin."""

_SIGNATURES = (
    (b"\x89PNG\r\n\x1a\n", "image/png", ".png"),
    (b"\xff\xd8\xff", "image/jpeg", ".jpg"),
    (b"GIF87a", "image/gif", ".gif"),
    (b"GIF89a", "image/gif", ".gif"),
    (b"RIFF", "image/webp", ".webp"),
    (b"BM", "image/bmp", ".bmp"),
)
# What is not shown in a page of ours is a file of its own.
_FILES = (
    (re.compile(rb"\s*(?:<\?xml[^>]{0,200}>\s*)?(?:<!--.{0,500}?-->\s*|<!DOCTYPE[^>]{0,300}>\s*){0,3}<svg", re.DOTALL), "image/svg+xml", ".svg"),
    (re.compile(rb"II\*\x00|MM\x00\*"), "image/tiff", ".tif"),
    (re.compile(rb".{4}ftypavi[fs]", re.DOTALL), "image/avif", ".avif"),
    (re.compile(rb".{4}ftyp(?:hei|hev|mif)", re.DOTALL), "image/heic", ".heic"),
    (re.compile(rb"\x00\x00\x01\x00"), "image/x-icon", ".ico"),
)  # fmt: skip
_SCHEMES = ("data:", "DATA:", "Data:")
_TAG = re.compile(r"<([a-zA-Z][a-zA-Z0-9:]{0,30})")
_SOURCE = re.compile(r"\bsrc\s*=\s*$", re.IGNORECASE)
_ENDS_BARE = re.compile(r"[\s>]")


@dataclass(frozen=True, slots=True)
class Taken:
    """The HTML with `cid:` in place of the pictures, the pictures, and whether some were left out."""

    html: str
    files: tuple[Attachment, ...] = ()
    left_out: bool = False


def taken_out(html: str) -> Taken:
    """Every picture that an `img` shows from a `data:` address; other such addresses are emptied: nobody shows them.

    >>> found = taken_out('<img src="data:image/gif;base64,R0lGODlhAQ==">')
    >>> found.html.startswith('<img src="cid:'), [(f.name, f.type, f.inline) for f in found.files]
    (True, [('picture-1.gif', 'image/gif', True)])
    """
    return _Reading(html).run() if any(scheme in html for scheme in _SCHEMES) else Taken(html)


class _Reading:
    def __init__(self, html: str) -> None:
        self.html = html
        # Of the same length, or the addresses would not be found again.
        self.searched = html
        for scheme in _SCHEMES[1:]:
            self.searched = self.searched.replace(scheme, _SCHEMES[0])
        self.files: dict[str, Attachment] = {}
        self.left = BYTES
        self.left_out = False

    def run(self) -> Taken:
        html, out, at, search = self.html, [], 0, 0
        for _ in range(ADDRESSES):
            start = self.searched.find("data:", search)
            if start < 0:
                break
            search = start + 5
            place = _place(html, start)
            if place is None:
                continue
            end, shown = place
            out.append(html[at:start])
            if shown:
                out.append(self.address(html[start:end]))
            at = search = end
        out.append(html[at:])
        return Taken("".join(out), tuple(self.files.values()), self.left_out)

    def address(self, url: str) -> str:
        """Under which address this picture is shown from now on; empty where it is none, or one too many."""
        head, comma, payload = url.partition(",")
        if not comma or not head[5:].lower().startswith("image/") or len(head) > 200:
            return ""
        if len(payload) > self.left * 3 // 2 or len(self.files) >= PICTURES:
            self.left_out = True
            return ""
        content = _content(unescape(payload) if "&" in payload else payload, base64="base64" in head.lower())
        known = next(((kind, end) for mark, kind, end in _SIGNATURES if content.startswith(mark)), None)
        inline = known is not None
        if known is None:
            known = next(((kind, end) for mark, kind, end in _FILES if mark.match(content)), None)
        if known is None:
            return ""
        identity = hashlib.sha256(content).hexdigest()[:24]
        if identity not in self.files:
            if len(content) > self.left:
                self.left_out = True
                return ""
            self.left -= len(content)
            self.files[identity] = Attachment(
                name=f"picture-{len(self.files) + 1}{known[1]}",
                type=known[0],
                content=content,
                content_id=f"{identity}@data" if inline else "",
                inline=inline,
            )
        return f"cid:{identity}@data" if inline else ""


def _content(payload: str, *, base64: bool) -> bytes:
    raw = payload.encode("ascii", "ignore")
    if b"%" in raw:
        raw = unquote_to_bytes(raw)
    if not base64:
        return raw
    raw = raw.rstrip(b"= \r\n")
    try:
        return binascii.a2b_base64(raw + b"==")
    except binascii.Error:
        return b""


def _place(html: str, start: int) -> tuple[int, bool] | None:
    """Where the address that begins here ends, and whether an `img` shows it; None where it is only words."""
    before = html[max(start - 40, 0) : start].rstrip()
    quote = ""
    for mark in ('"', "'", "&quot;"):
        if before.endswith(mark):
            quote, before = mark, before.removesuffix(mark).rstrip()
            break
    if before.endswith("="):
        end = html.find(quote, start) if quote else -1
        if end < 0:
            bare = _ENDS_BARE.search(html, start)
            end = bare.start() if bare is not None else len(html)
        opened = html.rfind("<", max(start - TAG_CHARACTERS, 0), start)
        tag = _TAG.match(html, opened) if opened >= 0 else None
        shown = tag is not None and tag.group(1).lower() == "img" and _SOURCE.search(before) is not None
        return (end, shown) if tag is not None else None
    if before.lower().endswith("url("):
        end = html.find(quote or ")", start)
        return (end if end >= 0 else len(html)), False
    return None
