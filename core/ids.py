"""How are rows named? UUIDv7 in order of making, as text in the program; derived ids for what may be made twice.

And which short names go out into the world? Tokens of 26 characters, and the keys by which they are found again.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import threading
import time
from datetime import UTC, datetime, timedelta

_lock = threading.Lock()
_last = 0
POOL = 512  # random bytes asked of the system at once
_random = b""


def new_id() -> str:
    """A new UUIDv7 (RFC 9562, 5.7) as 36 characters; later ones of this process sort after earlier ones.

    The 12 bits after the milliseconds count up within one, so that rows made together keep their order.
    """
    global _last, _random  # noqa: PLW0603 - the clock and the pool of this process, behind its lock
    with _lock:
        tick = (time.time_ns() // 1_000_000) << 12
        _last = tick if tick > _last else _last + 1
        tick = _last
        if not _random:
            _random = os.urandom(POOL)
        bits, _random = _random[:8], _random[8:]
    return _text(tick >> 12, tick & 0xFFF, int.from_bytes(bits, "big"))


def _forget_pool() -> None:
    global _random  # noqa: PLW0603 - parent and child must not draw the same bits
    _random = b""


os.register_at_fork(after_in_child=_forget_pool)


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


TOKEN = 26  # characters
_LETTERS = "abcdefghijklmnopqrstuvwxyz234567"
_PAIRS = [first + second for first in _LETTERS for second in _LETTERS]


def id_token(identity: str) -> str:
    """An id as a token: 62 of its bits are random, so that nobody guesses it who has not seen it.

    >>> id_token("01896e57-5430-763b-9e2e-ffc9cc3fa45d"), token_id(id_token("01896e57-5430-763b-9e2e-ffc9cc3fa45d"))
    ('agew4v2ugb3dxhro77e4yp5elu', '01896e57-5430-763b-9e2e-ffc9cc3fa45d')
    """
    return token_text(bytes.fromhex(identity.replace("-", "")))


def token_id(token: str) -> str | None:
    """The id that a token was made of; None for a text that is no token."""
    number = 0
    for letter in token:
        place = _LETTERS.find(letter)
        if place < 0:
            return None
        number = number << 5 | place
    if len(token) != TOKEN or number & 3:
        return None
    digits = f"{number >> 2:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def day_of(identity: str) -> int:
    """The day since 1970 in which a UUIDv7 was made."""
    return int(identity[:8] + identity[9:13], 16) // 86_400_000


def time_of(identity: str) -> datetime:
    """When this id was made, to the millisecond; UTC.

    >>> time_of(derived_id(1_000, "x")).isoformat()
    '1970-01-01T00:00:01+00:00'
    """
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=int(identity.replace("-", "")[:12], 16))


def dated_token(day: int, secret: bytes) -> str:
    """A token that begins with its day (16 bits), 112 bits of a secret behind it."""
    return token_text((day & 0xFFFF).to_bytes(2, "big") + secret[:14])


def token_key(token: str) -> str:
    """What a dated token is found by, as hexadecimal: its day, so that those of one day lie together, and a hash.

    The token itself is not stored. It carries 112 bits, so one plain hash is enough.
    """
    day = token_id(token.lower())
    return (day or "0000")[:4] + hashlib.sha256(token.encode()).hexdigest()[:28]


def token_hash(token: str) -> str:
    """What is stored of a token that lies in a small table. Tokens carry 128 bits or more: one plain hash is enough."""
    return hashlib.sha256(token.encode()).hexdigest()


def short_hash(text: str) -> str:
    """What a foreign id is found by: 128 bits of its hash, as hexadecimal."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def one_message_id(message_id: str) -> str:
    """The Message-ID of a mail as it is compared. Relays and clients change the case of its domain, so that does not count.

    >>> one_message_id("a.B@Mail.ACME.test"), one_message_id("No-At-Sign")
    ('a.B@mail.acme.test', 'No-At-Sign')
    """
    local, at, domain = message_id.rpartition("@")
    return local + at + domain.lower() if at else message_id


def message_id_key(message_id: str) -> str:
    """What the Message-ID of a mail is found by, see `one_message_id`."""
    return short_hash(one_message_id(message_id))


def message_id_keys(message_id: str) -> tuple[str, ...]:
    """The same, then what it was found by of old, as it is written, if that is another."""
    return tuple(dict.fromkeys((message_id_key(message_id), short_hash(message_id))))


def _text(milliseconds: int, twelve: int, sixty_four: int) -> str:
    number = (milliseconds & 0xFFFF_FFFF_FFFF) << 80 | 0x7 << 76 | twelve << 64
    number |= 0x2 << 62 | sixty_four & 0x3FFF_FFFF_FFFF_FFFF
    digits = f"{number:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
