"""What does a sentence of the program say in the language of whoever reads?

Much of what goes wrong is found out far from people: in a process that reads, in a channel, in the reader of a document. It is said there in
English, for logs and for the API, and kept so. The same sentence stands in our English catalogue with places for its values: by that it is
found again, and said in another language; so is what stands at its places. What stands in no catalogue stays.
"""

from __future__ import annotations

import re
from functools import cache

from web.words import catalogue, say

_PLACE = re.compile(r"\\\{(\w+)\\\}")
_LONGEST = 2_000  # characters that are looked at
_DEEPEST = 4  # sentences within one another
_SENTENCES = frozenset(("why", "what", "wanted", "there", "part"))
"""Places at which a sentence or a kind of ours stands; at the others somebody's names and texts, which are nobody's words."""
_NUMBERS = frozenset(("line", "column", "char", "port"))
"""Places of which a sentence may have several: each a number, so that no text is taken apart in many ways."""
_NAMES = frozenset(("host", "server"))
"""Places where one word stands, a host with its port or without: what precedes it belongs to a sentence around."""


def in_words(sentence: str, language: str, of: str) -> str:
    """The sentence in this language. `of`: the section of the catalogue that has such sentences.

    >>> in_words("email is down: it ended by itself", "it", "health")
    'email è fermo: è finito da solo'
    """
    return sentence if language == "en" else _said(sentence, language, of, _DEEPEST)


def _said(sentence: str, language: str, of: str, depth: int) -> str:
    name, values = found(sentence, of) if depth else ("", {})
    if not name:
        return sentence
    return say(language)(
        name,
        **{
            key: _said(value, language, of, depth - 1) if key in _SENTENCES else value
            for key, value in values.items()
        },
    )


def found(sentence: str, of: str) -> tuple[str, dict[str, str]]:
    """Its name in our catalogues, and what stands at its places; "": it stands in none."""
    told = sentence[:_LONGEST]
    for name, form in _sentences(of):
        if (match := form.fullmatch(told)) is not None:
            return name, match.groupdict()
    return "", {}


@cache
def _sentences(of: str) -> list[tuple[str, re.Pattern[str]]]:
    """Names and forms, those that say most in words of their own first."""
    ours = {name: text for name, text in catalogue("en").items() if name.startswith(f"{of}.")}
    ordered = sorted(ours, key=lambda name: len(re.sub(r"\{\w+\}", "", ours[name])), reverse=True)
    return [(name, re.compile(_PLACE.sub(_place, re.escape(ours[name])), re.DOTALL)) for name in ordered]


def _place(found: re.Match[str]) -> str:
    form = "[0-9]+" if found[1] in _NUMBERS else r"\S+?" if found[1] in _NAMES else ".*?"
    return f"(?P<{found[1]}>{form})"
