"""Which word does a picture in a mail stand for? An emoji, a drawn word; never a tracking dot, never a file's name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

CHARACTERS = 200
EMOJI_CHARACTERS = 24

_SMALL = re.compile(r"\s*[0-2](?:\.\d+)?\s*(?:px|pt)?\s*")
_SMALL_STYLE = re.compile(
    r"(?:^|;)\s*(?:max-)?(?:width|height)\s*:\s*[0-2](?:px|pt)?\s*(?:;|$|!)", re.IGNORECASE
)
_FILE_NAME = re.compile(
    r"\S.{0,150}\.(?:png|jpe?g|gif|bmp|svg|webp|tiff?|ico|emz|wmz)|(?:cid|https?|data|file):\S*|www\.\S*"
    r"|(?:inline ?|pasted ?|embedded ?)?(?:image|img|picture|photo|bild|immagine|imagen|grafik|logo|icon|spacer|pixel|oledata)"
    r"[ _-]?(?:\d{0,20}|\.\w{1,5})|[0-9a-f-]{16,}",
    re.IGNORECASE,
)
"""What programs write there when nobody chose a word."""


@dataclass(frozen=True, slots=True)
class Words:
    """The text, and whether it is an emoji: read wherever it stands."""

    text: str
    emoji: bool = False


def said(attributes: Mapping[str, str]) -> Words | None:
    """What stands for an `img` with these attributes; None where nothing does.

    >>> said({"alt": "👍", "src": "cid:e1"}), said({"alt": "image001.png"}), said({"alt": "Save", "width": "1"})
    (Words(text='👍', emoji=True), None, None)
    >>> said({"alt": ":thumbsup:", "class": "emoji"}), said({"alt": "OK button"})
    (Words(text=':thumbsup:', emoji=True), Words(text='OK button', emoji=False))
    """
    text = " ".join(attributes.get("alt", "").split())
    drawn = attributes.get("data-emoji", "").strip()
    if drawn and _is_emoji(drawn):
        return Words(drawn, emoji=True)
    if not text or len(text) > CHARACTERS or _is_small(attributes):
        return None
    if len(text) <= EMOJI_CHARACTERS and (_is_emoji(text) or _is_marked(attributes)) and text != "[?]":
        return Words(text, emoji=True)
    if _FILE_NAME.fullmatch(text) is not None or not any(map(str.isalnum, text)):
        return None
    return Words(text)


def _is_emoji(text: str) -> bool:
    """A pictograph, or a face of punctuation such as `:-)`.

    >>> [_is_emoji(text) for text in ("👍🏽", "1️⃣", "☎", "🇮🇹", ":-)", "OK", "-", "...")]
    [True, True, True, True, True, False, False, False]
    """
    if len(text) > EMOJI_CHARACTERS:
        return False
    if any("\u2190" <= c <= "\u2bff" or c >= "\U0001f000" or c in "\ufe0f\u20e3" for c in text):
        return not any(c.isalpha() and c.isascii() for c in text)
    return _FACE.fullmatch(text) is not None


_FACE = re.compile(r"[:;8=xX][-o']?[()\[\]DPpOo/|*3]|<3|[(\[]:")


def _is_marked(attributes: Mapping[str, str]) -> bool:
    marks = " ".join(
        attributes.get(name, "") for name in ("class", "itemtype", "goomoji", "data-emoji")
    ).lower()
    return (
        any(word in marks for word in ("emoji", "emoticon", "smiley"))
        or "goomoji" in attributes
        or "data-emoji" in attributes
    )


def _is_small(attributes: Mapping[str, str]) -> bool:
    """One or two dots wide: a picture to count readers by."""
    return (
        any(name in attributes and _SMALL.fullmatch(attributes[name]) for name in ("width", "height"))
        or _SMALL_STYLE.search(attributes.get("style", "")[:1_000]) is not None
    )
