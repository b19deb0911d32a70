"""What is in the body? Gzip, forms, multipart, any charset, JSON whatever the content type says; all within limits."""

from __future__ import annotations

import codecs
import email
import email.policy
import json
import re
import zlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

from channels.monitoring.source import NotUnderstood, Told

SIZE = 5 * 1024 * 1024  # bytes of a body, unpacked too (monitoring.md 8)
RATIO = 100  # of unpacked to packed bytes
DEPTH = 64  # of a JSON document
FIELDS = 1000  # of a form
_MARKS = re.compile(r'[][{}]|"(?:[^"\\]|\\.)*+"', re.DOTALL)  # a bracket, or a whole string
_CHARSET = re.compile(r"charset=\"?([\w.:-]{1,40})", re.IGNORECASE)
_CHARSETS = ("cp1250", "cp1252", "iso8859-1", "iso8859-2", "iso8859-15", "utf-16", "utf-16-be", "utf-16-le")
"""Beside UTF-8, as Python calls them: those that tools on Windows send and say so. Others are read as UTF-8."""
_IN_FIELDS = ("payload", "data")
"""Where tools put a JSON document into a form."""


def decode(
    raw: bytes,
    headers: Mapping[str, str],
    *,
    received_at: datetime,
    peer: str = "",
    query: Mapping[str, str] | None = None,
) -> Told:
    """The message, as far as it can be read without knowing the tool. Raises NotUnderstood at a limit, saying which.

    `headers`: names in lower case. The content type is believed of forms only: many tools send JSON as text.
    """
    content = unpacked(raw, headers)
    if len(content) > SIZE:
        raise NotUnderstood(f"the body has {len(content)} bytes: {SIZE} is the limit")
    kind = headers.get("content-type", "")
    charset = _charset(kind)
    form: dict[str, str] = {}
    if content.lstrip()[:1] in (b"{", b"["):
        pass  # JSON, whatever the header says: curl calls every body a form
    elif kind.startswith("application/x-www-form-urlencoded"):
        form = _form(content, charset)
    elif kind.startswith("multipart/form-data"):
        form = _parts(content, kind)
    text = content.decode(charset, "replace").removeprefix("\ufeff").replace("\0", "")
    document = next((form[name] for name in _IN_FIELDS if name in form), None)
    return Told(
        json=nested(document if document is not None else text) if document is not None or not form else None,
        form=form,
        text=text,
        raw=content,
        headers=headers,
        query=query or {},
        peer=peer,
        received_at=received_at,
    )


def unpacked(raw: bytes, headers: Mapping[str, str]) -> bytes:
    """The body as it was before its tool packed it. `headers`: names in lower case. Raises NotUnderstood: it is broken, or a bomb.

    What some send as deflate has no frame of zlib (RFC 9110, 8.4.1.2), and nothing else to know it by: what is no such stream is as it came.
    """
    deflated = headers.get("content-encoding", "").strip().lower() == "deflate"
    framed = raw[:2] == b"\x1f\x8b" or (deflated and _begins_zlib(raw))
    if not framed and (not deflated or raw.lstrip()[:1] in (b"{", b"[")):
        return raw  # whatever the header says: a server may have unpacked it
    most = min(SIZE, max(len(raw), 1024) * RATIO)
    unpack = zlib.decompressobj(zlib.MAX_WBITS | 32 if framed else -zlib.MAX_WBITS)
    try:
        content = unpack.decompress(raw, most + 1)
    except zlib.error as error:
        if not framed:
            return raw
        raise NotUnderstood(f"the body is packed, and cannot be unpacked: {error}") from None
    if len(content) > most or unpack.unconsumed_tail:
        raise NotUnderstood(f"unpacked, the body has more than {most} bytes: it is not read further")
    if not framed and (not unpack.eof or unpack.unused_data):
        return raw
    if not unpack.eof:
        raise NotUnderstood("the packed body ends too early")
    return content


def _begins_zlib(raw: bytes) -> bool:
    """RFC 1950, 2.2: method 8, and the first two bytes are a multiple of 31."""
    return len(raw) > 1 and raw[0] & 0x0F == 8 and int.from_bytes(raw[:2], "big") % 31 == 0


def _charset(kind: str) -> str:
    """That of a content type, where it is one of ours; else UTF-8."""
    found = _CHARSET.search(kind)
    try:
        name = codecs.lookup(found[1]).name if found is not None else ""
    except LookupError:
        name = ""
    return name if name in _CHARSETS else "utf-8"


def _form(content: bytes, charset: str) -> dict[str, str]:
    text = content.decode(charset, "replace")
    try:
        return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=FIELDS, encoding=charset))
    except ValueError as error:
        raise NotUnderstood(f"the form cannot be read: {error}") from None


def _parts(content: bytes, kind: str) -> dict[str, str]:
    head = b"Content-Type: " + kind.encode("latin-1", "replace") + b"\r\n\r\n"
    whole = email.message_from_bytes(head + content, policy=email.policy.HTTP)
    form: dict[str, str] = {}
    for part in whole.iter_parts() if whole.is_multipart() else ():
        name = part.get_param("name", header="content-disposition")
        body = part.get_payload(decode=True)
        if isinstance(name, str) and isinstance(body, bytes) and len(form) < FIELDS:
            form[name] = body.decode("utf-8", "replace")
    return form


def nested(text: str) -> Any:
    """The JSON document that a text is; None: it is none. Raises NotUnderstood for one that is nested too deeply."""
    if text.lstrip()[:1] not in ("{", "["):
        return None
    if text.count("{") + text.count("[") > DEPTH and _too_deep(text):
        raise NotUnderstood(f"the document is nested more than {DEPTH} levels deep")
    try:
        return json.loads(text)
    except ValueError:
        return None


def _too_deep(text: str) -> bool:
    """Is it nested beyond the limit? Told without reading it: brackets inside strings do not count."""
    depth = 0
    for one in _MARKS.finditer(text):
        mark = one[0]
        if mark in "{[":
            depth += 1
            if depth > DEPTH:
                return True
        elif mark in "}]":
            depth -= 1
    return False
