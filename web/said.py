"""Which words of a message does the reader want first, and which fold away?"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any

from babel.dates import format_date

from core.desk.filing import ALIKE, NAMES
from core.desk.views import MessageView

SIGNATURE = "\n-- \n"
"""The line that ends what was said (RFC 3676 4.3)."""
TWINS = "the plain text and the HTML of this mail say different things: look at both"
"""The remark with which a mail is shown both ways at once."""
ANSWERING_MACHINES = ("auto_reply", "ooo", "challenge_response")
"""Kinds of mail that no person wrote, though it came from theirs."""
BEGINNING = 100  # characters
DAYS = ("away until", "back on")
"""Remarks with a day behind them."""
NOTICES = ("received", "received_unknown", "progress")
"""Mails of ours that tell what the events beside them tell as well."""


def parts(message: MessageView) -> list[tuple[str, str]]:
    """The text as (kind, words), in order. `visible` is shown; quoted, signature and so on fold. Nothing is left out."""
    told = message.spans or _ours(message.text)
    cut = [(kind, message.text[start:end].strip("\n")) for start, end, kind in told]
    return [(kind, words) for kind, words in cut if words.strip()] or [("visible", message.text)]


def _ours(text: str) -> tuple[tuple[int, int, str], ...]:
    before, found, after = text.rpartition(SIGNATURE)
    if not found or not before.strip() or not after.strip():
        return ((0, len(text), "visible"),)
    start = len(before) + len(SIGNATURE)
    return ((0, len(before), "visible"), (start, len(text), "signature"))


def is_notice(message: MessageView) -> bool:
    """A mail of the hub that folds to one line: what it says stands in the events too. A person's words never fold."""
    return message.automatic and message.direction == "out" and message.kind in NOTICES and not message.words


def is_answered_by_machine(message: MessageView) -> bool:
    """What somebody's mail program answered by itself: it folds to one line, and opens with a click (email.md 9)."""
    return message.direction == "in" and message.kind in ANSWERING_MACHINES


def beginning(message: MessageView) -> str:
    """The first words of what it says, on one line."""
    words = " ".join((message.visible_text or message.text).split())
    return words if len(words) <= BEGINNING else f"{words[:BEGINNING].rsplit(' ', 1)[0]} …"


def remarks(notes: Iterable[str], t: Any) -> list[tuple[str, str]]:
    """What a reader should know of a message, in the words of the catalogue, and the number of a ticket it names.

    A note is a code, with or without a value behind a colon. One that no catalogue knows is shown as it is.
    """
    return [_remark(note, t) for note in notes]


def _remark(note: str, t: Any) -> tuple[str, str]:
    if t.has(f"remark.{note}"):
        return t(f"remark.{note}"), ""
    code, _, value = note.partition(": ")
    if code in (NAMES, ALIKE):
        return t(f"remark.{code}"), value
    if code in DAYS:
        value = _day(value, t.language)
    return t(f"remark.{code}", value=value) if t.has(f"remark.{code}") else note, ""


def _day(value: str, language: str) -> str:
    try:
        return str(format_date(date.fromisoformat(value), "EEEE d MMMM y", locale=language))
    except ValueError:
        return value
