"""Which words of a message does the reader want first, and which fold away?"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from core.desk.filing import NAMES
from core.desk.views import MessageView

SIGNATURE = "\n-- \n"
"""The line that ends what was said (RFC 3676 4.3)."""
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


def remarks(notes: Iterable[str], t: Any) -> list[tuple[str, str]]:
    """What a reader should know of a message, in the words of the catalogue, and the number of a ticket it names.

    A note is a code, with or without a value behind a colon. One that no catalogue knows is shown as it is.
    """
    return [_remark(note, t) for note in notes]


def _remark(note: str, t: Any) -> tuple[str, str]:
    if t.has(f"remark.{note}"):
        return t(f"remark.{note}"), ""
    code, _, value = note.partition(": ")
    if code == NAMES:
        return t(f"remark.{code}"), value
    return t(f"remark.{code}", value=value) if t.has(f"remark.{code}") else note, ""
