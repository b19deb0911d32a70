"""What does a telephone line say by itself? A file of sentences for each language: templates/phone."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache

from core.calling import Words
from core.texts import TEMPLATES

FOLDER = TEMPLATES / "phone"
FIRST = "it"


@cache
def sentences(language: str) -> Mapping[str, str]:
    """All of a language, by name; of one that we do not speak: in Italian."""
    path = FOLDER / f"{language.partition('-')[0]}.toml"
    return tomllib.loads((path if path.is_file() else FOLDER / f"{FIRST}.toml").read_text(encoding="utf-8"))


def phrase(name: str, language: str, **values: object) -> str:
    """One sentence, its places filled with values that stay values. Raises KeyError.

    >>> phrase("goodbye", "en")
    'Goodbye.'
    """
    return sentences(language)[name].format(**values) if values else sentences(language)[name]


def words(name: str, language: str) -> Words:
    """One sentence to be spoken."""
    return Words(text=phrase(name, language), language=language)
