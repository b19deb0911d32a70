"""In which words do pages speak? Catalogues of ours, one file a language; a missing word is a mistake, not a blank."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

CATALOGUES = Path(__file__).resolve().parent.parent / "templates" / "catalogues"

Say = Callable[..., str]

_RIGHT_TO_LEFT = re.compile(
    "[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff]"
)


@cache
def catalogue(language: str) -> Mapping[str, str]:
    """Every sentence of a language by its dotted name. Files of one language are `<name>.<language>.toml`."""
    words: dict[str, str] = {}
    for path in sorted(CATALOGUES.glob(f"*.{language}.toml")):
        _flatten(words, tomllib.loads(path.read_text(encoding="utf-8")), "")
    return words


def _flatten(words: dict[str, str], tree: Mapping[str, Any], place: str) -> None:
    for name, value in tree.items():
        if isinstance(value, dict):
            _flatten(words, value, f"{place}{name}.")
        else:
            words[f"{place}{name}"] = value


@cache
def say(language: str) -> Say:
    """`t("inbox.views.mine")`, `t("ticket.since", when="…")`: places are named, and filled with values only.

    Raises KeyError for a sentence the catalogue does not have. `t.maybe` gives the name's last word instead: for codes
    that come from the configuration or from rules. `t.has` says whether there is such a sentence, `t.language` which language it is.

    >>> say("it")("calls.perhaps", name="Anna")  # a place may have any name
    'Forse Anna'
    """
    words = catalogue(language)

    def t(name: str, /, **values: object) -> str:
        if not values:
            return words[name]
        return words[name].format(**{key: _apart(value) for key, value in values.items()})

    def maybe(prefix: str, code: object) -> str:
        text = str(code)
        return words.get(f"{prefix}.{text}", text.replace("_", " "))

    t.maybe = maybe  # type: ignore[attr-defined]
    t.has = words.__contains__  # type: ignore[attr-defined]
    t.language = language  # type: ignore[attr-defined]
    return t


def _apart(value: object) -> object:
    """A name that is written from the right turns no word around that stands beside it: what `<bdi>` is between tags (UAX 9, 2.4).

    >>> ascii(_apart("שלום")), _apart("Ann"), _apart(3)
    ("'\\\\u2068\\\\u05e9\\\\u05dc\\\\u05d5\\\\u05dd\\\\u2069'", 'Ann', 3)
    """
    if isinstance(value, str) and not value.isascii() and _RIGHT_TO_LEFT.search(value):
        return f"\u2068{value}\u2069"
    return value
