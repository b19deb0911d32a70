"""What do chats have in common? Commands, the length of a message, and choices where the service has no buttons."""

from __future__ import annotations

import re
from collections.abc import Sequence

from core.envelope import Button

COMMANDS = ("start", "new", "status", "requests", "help", "language", "stop")
"""What a chat understands beside words; everything else is text."""

_COMMAND = re.compile(r"/([a-z_]{2,20})(?:@\S+)?(?:\s+(.*))?", re.DOTALL | re.IGNORECASE)
_ENDS = ("\n\n", "\n", ". ", " ")


def command(text: str) -> tuple[str, str]:
    """The command of a text and what stands behind it; empty: it is words.

    >>> command("/start abc"), command("/Status@our_bot"), command("/dev/sda1 is full")
    (('start', 'abc'), ('status', ''), ('', ''))
    """
    found = _COMMAND.fullmatch(text.strip())
    if found is None or found[1].lower() not in COMMANDS:
        return "", ""
    return found[1].lower(), (found[2] or "").strip()


def parts(text: str, longest: int) -> list[str]:
    """A text in messages of at most so many characters, cut where a paragraph, a line, a sentence or a word ends.

    Lengths are UTF-16 code units, which is how chat services count.

    >>> parts("One two three.\\n\\nFour.", 14)
    ['One two three.', 'Four.']
    """
    found, rest = [], text.strip()
    while units(rest) > longest:
        head = _first(rest, longest)
        # A blank that ends a part is not sent: it may stand just behind what fits.
        fits = {end: len(head) + (len(end) if end[0].isspace() else 1) for end in _ENDS}
        cut = next((at for end in _ENDS if (at := rest.rfind(end, 0, fits[end])) >= len(head) // 3), -1)
        here = rest[: cut + 1] if cut >= 0 else head
        found.append(here.rstrip())
        rest = rest[len(here) :].lstrip()
    return [*found, rest] if rest or not found else found


def units(text: str) -> int:
    """Length in UTF-16 code units."""
    return len(text) + sum(1 for letter in text if letter > "\uffff")


def _first(text: str, longest: int) -> str:
    room = longest
    for place, letter in enumerate(text):
        room -= 2 if letter > "\uffff" else 1
        if room < 0:
            return text[:place]
    return text


def numbered(text: str, buttons: Sequence[Button]) -> str:
    """The text with its choices as lines: who answers with the number has chosen (`core.desk.chat_buttons.numbered`).

    >>> numbered("Which?", [Button("a", "The printer"), Button("b", "New request")])
    'Which?\\n\\n1. The printer\\n2. New request'
    """
    lines = [f"{number}. {one.label}" for number, one in enumerate(buttons, 1)]
    return f"{text}\n\n" + "\n".join(lines) if lines else text
