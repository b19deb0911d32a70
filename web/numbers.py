"""What number did somebody type, or a form carry? Small whole ones; anything else is none, however long it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

DIGITS = 9
"""What a column of whole numbers holds."""
LONGEST = 15
"""Digits of an event's number."""


def whole(text: object, *, digits: int = DIGITS) -> int | None:
    """A number from 0 on, in figures.

    >>> whole("25"), whole(""), whole("-1"), whole("9" * 5000)
    (25, None, None, None)
    """
    found = str(text)
    return int(found) if found.isascii() and found.isdecimal() and len(found) <= digits else None


def seen(form: Mapping[str, Any], name: str = "seen") -> int | None:
    """The newest event that whoever sent the form had before them; None: it does not say."""
    return whole(form.get(name, ""), digits=LONGEST)
