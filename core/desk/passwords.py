"""Is this the right password? argon2id (RFC 9106) off the event loop, two at once, with a bounded line of waiting."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import secrets
from concurrent.futures import ThreadPoolExecutor

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

AT_ONCE = 2  # 64 MiB and 0.2 s each
MAX_WAITING = 50  # more are refused: somebody is guessing
MIN_LENGTH = 10  # characters of a password people choose

_hasher = PasswordHasher(time_cost=3, memory_cost=64 * 1024, parallelism=1)
_pin_hasher = PasswordHasher(time_cost=1, memory_cost=19 * 1024, parallelism=1)
"""For a PIN, whose caller waits on the line: 13 ms. Whoever has the hash tries all of its million values in hours, at twice
the cost too: a PIN is guarded by counting tries (call_identity), and by who reads the database."""
_pool = ThreadPoolExecutor(max_workers=AT_ONCE, thread_name_prefix="argon2")
_pin_pool = ThreadPoolExecutor(max_workers=AT_ONCE, thread_name_prefix="argon2-pin")
_waiting = 0


def _nobodys(hasher: PasswordHasher) -> str:
    """What is compared where there is no hash, so that the answer takes as long.

    Random bytes in the form of a hash: nobody knows a password for them, and no process starts later for making one.
    """
    salt, digest = (
        base64.b64encode(secrets.token_bytes(size)).rstrip(b"=").decode()
        for size in (hasher.salt_len, hasher.hash_len)
    )
    costs = f"m={hasher.memory_cost},t={hasher.time_cost},p={hasher.parallelism}"
    return f"$argon2id$v=19${costs}${salt}${digest}"


def _touch() -> None:
    """Hash, verify and fail once, with the least memory: 0.1 ms.

    What is below the library (cffi 2, on Pythons with one lock) makes each type when it is first used, and two threads
    that do so at the same instant end the whole process: so one does it before there are others.
    """
    least = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    stored = least.hash("")
    least.verify(stored, "")
    with contextlib.suppress(VerificationError):
        least.verify(stored, "other")


_touch()
_NOBODY = _nobodys(_hasher)
_NOBODYS_PIN = _nobodys(_pin_hasher)


class TooManyWaiting(Exception):
    """Too many passwords are being checked just now; try again in a moment."""


def hash_now(password: str) -> str:
    """The hash to store. Takes 0.2 s: never on the event loop, never inside a transaction."""
    return _hasher.hash(password)


def hash_pin_now(pin: str) -> str:
    """The same for a PIN. Takes 13 ms."""
    return _pin_hasher.hash(pin)


def matches_now(stored: str | None, password: str) -> bool:
    """Does the password fit the stored hash? Takes as long when there is none."""
    try:
        _hasher.verify(stored or _NOBODY, password)
    except (VerificationError, InvalidHashError):
        return False
    return stored is not None


async def hashed(password: str) -> str:
    """See hash_now."""
    return await _later(hash_now, password)


async def matches(stored: str | None, password: str) -> bool:
    """See matches_now. Raises TooManyWaiting."""
    return bool(await _later(matches_now, stored, password))


async def pin_matches(stored: str | None, pin: str) -> bool:
    """The same for a PIN; where there is none it takes as long as with one. No log-in waits for it."""
    loop = asyncio.get_running_loop()
    same = await loop.run_in_executor(_pin_pool, matches_now, stored or _NOBODYS_PIN, pin)
    return same and stored is not None


async def _later(work: object, *args: object) -> str:
    global _waiting  # noqa: PLW0603 - one line of waiting for the process
    if _waiting >= MAX_WAITING:
        raise TooManyWaiting
    _waiting += 1
    try:
        return await asyncio.get_running_loop().run_in_executor(_pool, work, *args)  # type: ignore[arg-type]
    finally:
        _waiting -= 1


def new_password() -> str:
    """A password made for somebody: 4 groups that can be read aloud, 80 bits.

    >>> len(new_password())
    19
    """
    letters = "abcdefghjkmnpqrstuvwxyz23456789"
    return "-".join("".join(secrets.choice(letters) for _ in range(4)) for _ in range(4))


def new_pin() -> str:
    """A PIN made for somebody: six digits that are no row and no repetition.

    >>> len(new_pin())
    6
    """
    while True:
        pin = "".join(secrets.choice("0123456789") for _ in range(6))
        if len(set(pin)) > 3 and pin not in "01234567890" and pin not in "09876543210":  # noqa: PLR2004
            return pin


def cookie_hash(cookie: str) -> str:
    """What is stored of a sign-in cookie: 256 random bits need no slow hash."""
    return hashlib.sha256(cookie.encode()).hexdigest()
