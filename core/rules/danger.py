"""Does a text speak of danger to people? Whole words of a list that people edit, however they are written. (desk.md 2)"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

LOOKED_AT = 20_000  # characters of a text


def speaks_of(text: str, words: Iterable[str]) -> str | None:
    """The first word or phrase of the list that stands in the text; None: none does.

    Case, accents and line breaks do not count; a word is found whole, and with `*` at its end also as a beginning.

    >>> speaks_of("C'è FUMO dal quadro!", ["fumo", "incend*"])
    'fumo'
    >>> speaks_of("un incendio", ["fumo", "incend*"]), speaks_of("profumo", ["fumo"])
    ('incend*', None)
    """
    listed = tuple(words)
    if not listed:
        return None
    found = _pattern(listed).search(_plain(text[:LOOKED_AT]))
    return None if found is None or found.lastindex is None else listed[found.lastindex - 1]


@lru_cache(maxsize=16)
def _pattern(words: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(f"({_one(word)})" for word in words))


def _one(word: str) -> str:
    plain = _plain(word).strip()
    parts = r"\s+".join(re.escape(part) for part in plain.rstrip("*").split())
    return rf"\b{parts}" if plain.endswith("*") else rf"\b{parts}\b"


def _plain(text: str) -> str:
    spread = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in spread if not unicodedata.combining(letter))
