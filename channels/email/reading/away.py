"""Do a subject or the first lines of a text say that a program answers for somebody who is away?"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from channels.email.reading import away_tables

SUBJECT_CHARACTERS = 200
TEXT_CHARACTERS = 2_000
"""Of a text that are looked at: whoever is away says so at once."""


def plain(text: str) -> str:
    """As the tables write: lower case, straight apostrophes, one space between words.

    >>> plain("Sono  fuori\\ndall’UFFICIO")
    "sono fuori dall'ufficio"
    """
    low = text.lower()
    if not low.isascii():
        low = unicodedata.normalize("NFC", low.translate(_STRAIGHT))
    return " ".join(low.split())


_STRAIGHT = str.maketrans({"’": "'", "‘": "'", "ʼ": "'", "´": "'", "\u0307": None, "\u00ad": None})


def names_itself(subject: str) -> str:
    """The name of an automatic answer with which this subject begins, or nothing.

    >>> names_itself("Automatická odpověď: Tiskárna"), names_itself("The automatic reply is wrong")
    ('automatická odpověď', '')
    """
    head = plain(subject[:SUBJECT_CHARACTERS]).lstrip("[(<*# ")
    named = [*_NAMES.get(head[:KEY], []), *_NAMES_ANYWHERE.get(head[:2], [])]
    return next((phrase.text for phrase in named if phrase.stands(head, 0)), "")


def said(text: str) -> str:
    """The first phrase of any language that says so, or nothing.

    >>> said("Jsem na dovolené do pátku."), said("Das Feriengebiet"), said("本日は不在です。")
    ('na dovolené', '', '不在です')
    """
    head = plain(text[:TEXT_CHARACTERS])
    return next((phrase.text for phrase, _ in _found(head, _WORDS, _ANYWHERE)), "")


def said_alone(subject: str, text: str) -> str:
    """The same where no mark of a machine stands beside it: more than a word about absences.

    A subject with nothing behind the phrase but a colon, a day or until when; a text in which somebody is away, not
    one about automatic answers.

    >>> said_alone("Out of office until Monday", ""), said_alone("Out of office does not work", "The automatic reply is lost")
    ('out of office', '')
    """
    head = plain(subject[:SUBJECT_CHARACTERS])
    for phrase, at in _found(head, _WORDS, _ANYWHERE):
        if _NOTHING_MORE.match(head, at + len(phrase.text)) is not None:
            return phrase.text
    head = plain(text[:TEXT_CHARACTERS])
    return next((phrase.text for phrase, _ in _found(head, _WORDS_AWAY, _ANYWHERE_AWAY)), "")


def _found(
    head: str, words: dict[str, list[_Phrase]], anywhere: dict[str, list[_Phrase]]
) -> Iterator[tuple[_Phrase, int]]:
    """Phrases that stand in this text, and where."""
    for word in _WORD.finditer(head):
        at = word.start()
        for phrase in words.get(head[at : at + KEY], ()):
            if phrase.stands(head, at):
                yield phrase, at
    if not head.isascii():
        for at in range(len(head) - 1):
            for phrase in anywhere.get(head[at : at + 2], ()):
                if phrase.stands(head, at):
                    yield phrase, at


_NOTHING_MORE = re.compile(
    r"\w{0,20}\s*(?:$|[^\w\s]|\d|\w{1,4}\s?:|(?:until|till|to|from|bis|ab|vom|fino|dal|jusqu|du|hasta|del|até|tot|van|do|od|til|fra|från|till|asti|kuni|"
    r"līdz|iki|până|до|з|с|έως|đến|עד|حتى)\b)"
)
_WORD = re.compile(r"\w+")
KEY = 3
"""Characters by which a phrase is looked up; none that stands as words is shorter."""


class _Phrase:
    """A phrase of the tables: whether it must stand as words of its own, and whether endings may follow."""

    __slots__ = ("closed", "text", "words")

    closed: bool
    text: str
    words: bool

    def __init__(self, written: str) -> None:
        self.text = written.rstrip("*")
        self.words = not any("\u0e00" <= c <= "\u0e7f" or c >= "\u3040" for c in self.text)
        self.closed = self.words and not written.endswith("*")

    def stands(self, head: str, at: int) -> bool:
        """Is it here, and does it end here? Where it begins is for the caller to know."""
        if not head.startswith(self.text, at):
            return False
        end = at + len(self.text)
        return not self.closed or end >= len(head) or not head[end].isalnum()


def _by_beginning(*tables: dict[str, tuple[str, ...]], words: bool) -> dict[str, list[_Phrase]]:
    written = dict.fromkeys(phrase for table in tables for phrases in table.values() for phrase in phrases)
    found: dict[str, list[_Phrase]] = {}
    for phrase in sorted(map(_Phrase, written), key=lambda one: -len(one.text)):
        if phrase.words is words:
            found.setdefault(phrase.text[: KEY if words else 2], []).append(phrase)
    return found


_WORDS = _by_beginning(away_tables.ANSWERS, away_tables.AWAY, words=True)
_ANYWHERE = _by_beginning(away_tables.ANSWERS, away_tables.AWAY, words=False)
_WORDS_AWAY = _by_beginning(away_tables.AWAY, words=True)
_ANYWHERE_AWAY = _by_beginning(away_tables.AWAY, words=False)
_NAMES = _by_beginning(away_tables.ANSWERS, words=True)
_NAMES_ANYWHERE = _by_beginning(away_tables.ANSWERS, words=False)
