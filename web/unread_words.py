"""Why was a message of a device not understood, in the language of whoever reads? Whoever reads messages says so in English, which is kept with the message."""

from __future__ import annotations

from web import known_words
from web.known_words import in_words

_OF = "unread"
_KEPT = "unreadable: "
"""Before the sentence, where the message is an exception (core.handlers): the page says that itself."""


def unread(error: str, language: str) -> str:
    """The sentence in this language.

    >>> unread("snmpTrapOID.0 is missing", "it"), unread("state: 'odd' is none of up, down", "it")
    ('manca snmpTrapOID.0', "state: 'odd' non è tra up, down")
    >>> unread("a bug", "it"), unread("unreadable: the body is no JSON", "en")
    ('a bug', 'the body is no JSON')
    """
    # What a device wrote stands at its places, and stays as it wrote it.
    return in_words(error.removeprefix(_KEPT), language, _OF)


def sentence(error: str) -> tuple[str, dict[str, str]]:
    """Its name in our catalogues, and what stands at its places; "": it stands in none."""
    return known_words.found(error.removeprefix(_KEPT), _OF)
