"""Does a text speak of danger to people? Whole words of a list that people edit, however they are written. (desk.md 2)"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

LOOKED_AT = 20_000  # characters of a text


def speaks_of(text: str, words: Iterable[str]) -> str | None:
    """The first word or phrase of the list that stands anywhere in the text; None: none does.

    Case, accents and line breaks do not count; a word is found whole, and with `*` at its end also as a beginning.

    >>> speaks_of("C'è FUMO dal quadro!", ["fumo", "incend*"])
    'fumo'
    >>> speaks_of("un incendio", ["fumo", "incend*"]), speaks_of("profumo", ["fumo"])
    ('incend*', None)
    """
    plain = _plain(text[:LOOKED_AT])
    for word in words:
        part, pattern = _known(word)
        # To look for a word as it stands is a hundred times quicker than any pattern; most texts have none.
        if part in plain and pattern.search(plain):
            return word
    return None


_MARKS = re.compile("[\u0300-\u036f]")


@lru_cache(maxsize=1000)
def _known(word: str) -> tuple[str, re.Pattern[str]]:
    """Its longest part, and the whole as a pattern."""
    plain = _plain(word).strip()
    parts = plain.rstrip("*").split()
    found = r"\b" + r"\s+".join(map(re.escape, parts))
    return max(parts, key=len, default=word), re.compile(found if plain.endswith("*") else rf"{found}\b")


def _plain(text: str) -> str:
    folded = text.casefold()
    return folded if folded.isascii() else _MARKS.sub("", unicodedata.normalize("NFKD", folded))
