"""How are rows named? UUIDv7 as text, in order of making; derived ids for what may be made twice."""

from __future__ import annotations

import hashlib
import os
import secrets
import threading
import time

_lock = threading.Lock()
_last = 0


def new_id() -> str:
    """A new UUIDv7 (RFC 9562, 5.7) as 36 characters; later ones of this process sort after earlier ones.

    The 12 bits after the milliseconds count up within one, so that rows made together keep their order.
    """
    global _last  # noqa: PLW0603 - the clock of this process, behind its lock
    with _lock:
        tick = (time.time_ns() // 1_000_000) << 12
        _last = tick if tick > _last else _last + 1
        tick = _last
    return _text(tick >> 12, tick & 0xFFF, int.from_bytes(os.urandom(8), "big"))


def derived_id(milliseconds: int, *parts: str) -> str:
    """The same id for the same parts, sorted by time like any other: a repeated step names the same row.

    >>> derived_id(0, "email", "x") == derived_id(0, "email", "x") != derived_id(0, "email", "y")
    True
    """
    digest = hashlib.sha256("\0".join(parts).encode()).digest()
    return _text(milliseconds, int.from_bytes(digest[:2], "big") & 0xFFF, int.from_bytes(digest[2:10], "big"))


def first_id(milliseconds: int) -> str:
    """No id of this millisecond or later sorts before it.

    >>> first_id(1) <= derived_id(1, "x") < first_id(2)
    True
    """
    return _text(milliseconds, 0, 0)


def fixed_id(name: str) -> str:
    """The shard of work that belongs to no ticket: always the same for one name."""
    return derived_id(0, "fixed", name)


def new_token() -> str:
    """128 random bits as 26 lower-case base32 characters: for addresses, refs and one-time links."""
    return token_text(secrets.token_bytes(16))


def token_text(bits: bytes) -> str:
    """128 bits as a token: RFC 4648 base32 in lower case, without padding.

    >>> token_text(bytes(range(16)))
    'aaaqeayeaudaocajbifqydiob4'
    """
    number = int.from_bytes(bits, "big") << 2  # 130 bits: 13 pairs of 5
    return "".join([_PAIRS[number >> shift & 1023] for shift in range(120, -1, -10)])


_LETTERS = "abcdefghijklmnopqrstuvwxyz234567"
_PAIRS = [first + second for first in _LETTERS for second in _LETTERS]


def token_hash(token: str) -> str:
    """What is stored of a token. Tokens carry 128 bits or more, so one plain hash is enough."""
    return hashlib.sha256(token.encode()).hexdigest()


def _text(milliseconds: int, twelve: int, sixty_four: int) -> str:
    number = (milliseconds & 0xFFFF_FFFF_FFFF) << 80 | 0x7 << 76 | twelve << 64
    number |= 0x2 << 62 | sixty_four & 0x3FFF_FFFF_FFFF_FFFF
    digits = f"{number:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
