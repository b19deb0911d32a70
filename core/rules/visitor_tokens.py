"""Who does a website say its visitor is? A signed token of a few minutes (RFC 7519), of one algorithm, read strictly.

Whatever is odd about it is a reason to believe nothing: who asked stays a stranger.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

LIFE = timedelta(minutes=5)
"""The longest a token may be good for."""
SKEW = timedelta(seconds=60)
"""By which the clocks of a website and of this hub may differ."""
LONGEST = 4_096  # characters
_PARTS = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)")
_ID = re.compile(r"[!-~]{8,200}")
_FIELD = 320  # characters: the longest address there is


class BadToken(ValueError):
    """Nothing of it is believed; says why, in one word."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What a website says of its visitor, and signed."""

    subject: str
    """An e-mail address, or the id of a contact."""
    name: str
    once: str
    """The token's own id: no second token has it."""
    expires: datetime


def audience(site: str) -> str:
    """What a token for this site is addressed to.

    >>> audience("shop")
    'centralino:shop'
    """
    return f"centralino:{site}"


def signed(claims: dict[str, Any], secret: bytes) -> str:
    """A token, as a website makes it."""
    parts = [_encoded(json.dumps(one).encode()) for one in ({"alg": "HS256", "typ": "JWT"}, claims)]
    return ".".join([*parts, _encoded(_mac(".".join(parts), secret))])


def read(token: str, secret: bytes, site: str, *, now: datetime) -> Claim:
    """What a token says. Raises BadToken: forged, expired, for another site, good for too long, or no such token.

    That its id was not used before is for the caller to see.
    """
    found = _PARTS.fullmatch(token) if len(token) <= LONGEST else None
    if found is None or not secret:
        raise BadToken("form")
    head, body, mac = found.groups()
    if not hmac.compare_digest(_decoded(mac), _mac(f"{head}.{body}", secret)):
        raise BadToken("signature")
    kind, said = _document(head), _document(body)
    if kind.get("alg") != "HS256" or "crit" in kind or kind.get("typ", "JWT") != "JWT":
        raise BadToken("algorithm")
    if said.get("aud") != audience(site):
        raise BadToken("audience")
    expires = _instant(said.get("exp"), now)
    if expires <= now - SKEW:
        raise BadToken("expired")
    if expires > now + LIFE + SKEW:
        raise BadToken("too_long")
    for name in ("nbf", "iat"):
        if name in said and _instant(said[name], now) > now + SKEW:
            raise BadToken("early")
    subject, once, name = said.get("sub"), said.get("jti"), said.get("name", "")
    if not isinstance(subject, str) or not 0 < len(subject) <= _FIELD or not subject.isprintable():
        raise BadToken("subject")
    if not isinstance(once, str) or not _ID.fullmatch(once):
        raise BadToken("id")
    if not isinstance(name, str) or not name.isprintable():
        raise BadToken("name")
    return Claim(subject=subject.strip(), name=name.strip()[:_FIELD], once=once, expires=expires)


def _mac(text: str, secret: bytes) -> bytes:
    return hmac.digest(secret, text.encode(), hashlib.sha256)


def _encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _decoded(text: str) -> bytes:
    try:
        content = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        raise BadToken("form") from None
    if _encoded(content) != text:  # the same bytes are written in one way only
        raise BadToken("form")
    return content


def _document(part: str) -> dict[str, Any]:
    try:
        found = json.loads(_decoded(part))
    except (ValueError, RecursionError):
        raise BadToken("form") from None
    if not isinstance(found, dict):
        raise BadToken("form")
    return found


def _instant(value: object, now: datetime) -> datetime:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise BadToken("time")
    try:
        return datetime.fromtimestamp(value, now.tzinfo)
    except (OverflowError, ValueError, OSError):
        raise BadToken("time") from None
