"""Is this request about an error that is known? Decisions only (desk.md 11)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase

from core.rules.suggesting import holds

LIKELIHOOD = ("pattern", "asset", "words")
"""Why, the most telling first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """An error with a verified workaround."""

    number: int
    customer: str | None
    """Of whom it is alone; None: of anybody."""
    technology: str | None
    assets: tuple[str, ...] = ()
    pattern: str = ""
    """Of subjects and of keys of alarms, with * for anything."""
    words: tuple[str, ...] = ()
    """All of them in one text."""
    expires_on: datetime | None = None
    """From then on somebody has to look whether it is still true."""


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What is known of a request."""

    customer: str | None
    technology: str | None
    asset: str | None
    keys: tuple[str, ...]
    """Its subject, and whatever else it is counted under."""
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """One that fits."""

    number: int
    code: str
    """One of LIKELIHOOD."""
    because: str
    """The pattern, the asset, the words."""
    expired: bool


def matches(known: Iterable[Known], about: About, *, now: datetime) -> tuple[Match, ...]:
    """Those that fit, the most telling first; expired ones come after those that are not.

    What is one customer's alone fits nobody else's request, whatever it says.
    """
    found = [
        Match(number=one.number, code=why[0], because=why[1], expired=expired(one.expires_on, now))
        for one in known
        if fits(one, about) and (why := _why(one, about)) is not None
    ]
    return tuple(sorted(found, key=lambda one: (one.expired, LIKELIHOOD.index(one.code), one.number)))


def fits(one: Known, about: About) -> bool:
    """May it be that at all: of this customer, of this technology?"""
    if one.customer is not None and one.customer != about.customer:
        return False
    return one.technology is None or about.technology is None or one.technology == about.technology


def expired(expires_on: datetime | None, now: datetime) -> bool:
    """Has somebody to look first whether it is still true?"""
    return expires_on is not None and expires_on <= now


def _why(one: Known, about: About) -> tuple[str, str] | None:
    pattern = one.pattern.casefold().strip()
    if pattern and any(fnmatchcase(key.casefold(), pattern) for key in about.keys):
        return "pattern", one.pattern
    if about.asset and about.asset in one.assets and one.customer is not None:
        return "asset", about.asset
    text = about.text.casefold()
    if one.words and all(holds(text, word) for word in one.words):
        return "words", ", ".join(one.words)
    return None
