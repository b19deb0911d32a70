"""Is a line a greeting, a closing formula, or one that a telephone wrote?"""

from __future__ import annotations

import re

from channels.email.reading import ending_tables, quote_tables


def greets(line: str) -> bool:
    """`Hi Ann,` and nothing else.

    >>> greets("Guten Tag Frau Huber,"), greets("Hi, the printer in room 12 is broken again.")
    (True, False)
    """
    words = line.rstrip(" ,.!:;，！").lower().split()
    if not words or len(words) > 5 or len(line) > 50:
        return False
    return words[0].strip(",") in quote_tables.GREETINGS or " ".join(words[:2]) in quote_tables.GREETINGS


def closes(line: str) -> bool:
    """A closing formula, with or without a name behind it.

    >>> closes("Best regards, Anna"), closes("Regards to the team that came on Monday")
    (True, False)
    """
    low = line[:80].lower().lstrip("*_ ")
    if is_closing(line):
        return True
    formula, comma, name = low.partition(",")
    return bool(comma) and formula in ending_tables.CLOSINGS and name.count(" ") <= 3


def is_closing(line: str) -> bool:
    """A closing formula alone in its line."""
    return len(line) <= _LONGEST and line.lower().strip(" ,.!;-*_") in ending_tables.CLOSINGS


_LONGEST = max(map(len, ending_tables.CLOSINGS)) + 10
"""With signs around it."""


def is_device_line(line: str) -> bool:
    """`Sent from my phone`, in any language.

    >>> is_device_line("Inviato da iPhone"), is_device_line("Sent from my desk, where nothing works")
    (True, False)
    """
    low = line[:120].lower().lstrip("*_ (<")
    if not (low[:3] in _BEGINNINGS and low.startswith(ending_tables.SENT_FROM)) and (
        low.isascii() or not low.rstrip(" .)>*_").endswith(ending_tables.SENT_ENDS)
    ):
        return False
    text = LINK.sub("", line.replace("<", " <")) if "://" in line else line
    text = text.strip(" *_()<>")
    device = ending_tables.DEVICE.search(low) is not None
    long = len(text) > ending_tables.DEVICE_CHARACTERS
    if device and ending_tables.APOLOGY.search(text) is not None:
        return len(text) <= 2 * ending_tables.DEVICE_CHARACTERS
    if (long and not low.startswith(ending_tables.LONG_SENT_FROM)) or len(text) > 120 or ", " in text:
        return False
    return device or low.startswith(ending_tables.ALWAYS_DEVICE)


_BEGINNINGS = frozenset(begins[:3] for begins in ending_tables.SENT_FROM)
"""Most lines are done with this."""
LINK = re.compile(r"<?(?:https?://|www\.)\S{1,500}>?|\[[^\]]{1,300}\]")
