"""Who calls? A number is a hint; a customer code and a PIN are a proof, with brakes on guessing (security.md 3)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from core.desk import people, restraint
from core.store.tx import Tx

OF_CODE, OF_NUMBER, OF_ALL = 5, 10, 100
"""Wrong PINs of one customer code, from one number, and in all within an hour; then nobody's is looked at."""
IN_A_CALL = 3
LONGEST_LINE = 30
"""PINs of one customer that are compared: each takes some time, and a caller waits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What came of comparing a PIN, outside of any transaction. It holds no digit of it."""

    contact: str | None = None
    """Whose it is; None: nobody's."""
    customer: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidates:
    """What a PIN is compared with."""

    customer: str | None
    pins: tuple[tuple[str, str], ...]
    """(contact, hash), who has the caller's number first."""
    locked: bool


def candidates(tx: Tx, *, phone_code: str, customer: str | None, number: str, now: datetime) -> Candidates:
    """Whose PIN it may be: of the customer whose code was typed, else of the one the caller's number hints at."""
    code = people.customer_of_code(tx, phone_code) if phone_code else customer
    found = people.pins(tx, code) if code else []
    found.sort(key=lambda row: row.number != number or not number)
    return Candidates(
        customer=code,
        pins=tuple((row.id, row.pin_hash) for row in found[:LONGEST_LINE]),
        locked=locked(tx, _key(phone_code, customer), number, now=now),
    )


async def compare(
    with_: Candidates, pin: str, matches: Callable[[str | None, str], Awaitable[bool]]
) -> Proof:
    """Whose PIN this is. An unknown code is compared with something too, so that its answer takes as long."""
    for contact, stored in with_.pins:
        if await matches(stored, pin):
            return Proof(contact=contact, customer=with_.customer)
    if not with_.pins:
        await matches(None, pin)
    return Proof()


def locked(tx: Tx, whose: str, number: str, *, now: datetime) -> bool:
    """Were there so many wrong PINs that no further one is looked at?"""
    return any(
        restraint.happened(tx, key, within=restraint.HOUR, now=now) >= most
        for key, most in _limits(whose, number)
    )


def failed(tx: Tx, whose: str, number: str, *, now: datetime) -> None:
    """Count a wrong PIN."""
    for key, _ in _limits(whose, number):
        restraint.count(tx, key, now=now)


def whose(phone_code: str, customer: str | None) -> str:
    """What wrong PINs are counted by: the code that was typed, known or not, else the customer of the number."""
    return _key(phone_code, customer)


def _key(phone_code: str, customer: str | None) -> str:
    return phone_code or f"customer {customer or ''}"


def _limits(whose: str, number: str) -> list[tuple[str, int]]:
    limits = [(f"pin:{whose}", OF_CODE), ("pin", OF_ALL)]
    if number:
        limits.append((f"pin-from:{number}", OF_NUMBER))
    return limits
