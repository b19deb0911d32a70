"""In which words do pages speak? Catalogues of ours, one file a language; a missing word is a mistake, not a blank."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

CATALOGUES = Path(__file__).resolve().parent.parent / "templates" / "catalogues"

Say = Callable[..., str]


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
    that come from the configuration or from rules.
    """
    words = catalogue(language)

    def t(name: str, **values: object) -> str:
        return words[name].format(**values) if values else words[name]

    def maybe(prefix: str, code: object) -> str:
        text = str(code)
        return words.get(f"{prefix}.{text}", text.replace("_", " "))

    t.maybe = maybe  # type: ignore[attr-defined]
    t.has = words.__contains__  # type: ignore[attr-defined]
    return t
