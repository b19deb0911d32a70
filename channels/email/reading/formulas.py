"""Is a line a greeting, a closing formula, or one that a telephone wrote?"""

from __future__ import annotations

import re
from functools import lru_cache

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


def may_be_one(line: str) -> bool:
    """Does a line begin as a closing formula or thanks do? Most lines are done with this."""
    return line[:3].lower() in _STARTS and len(line) <= 2 * _LONGEST


def is_closing(line: str) -> bool:
    """A closing formula alone in its line."""
    pieces = _pieces(line)
    return bool(pieces) and all(piece in ending_tables.CLOSINGS for piece in pieces)


def thanks(line: str) -> bool:
    """Thanks, alone or with a closing formula: what is below may be a signature, and this is said to the reader.

    >>> thanks("Grazie e buona giornata."), thanks("Many thanks,"), thanks("Thanks to the team"), thanks("Best regards")
    (True, True, False, False)
    """
    pieces = _pieces(line)
    known = bool(pieces) and all(
        piece in ending_tables.CLOSINGS or piece in ending_tables.THANKS for piece in pieces
    )
    return known and any(piece in ending_tables.THANKS for piece in pieces)


def _pieces(line: str) -> list[str]:
    """A formula, or several: in two languages (`Pozdrawiam / Best regards`), or `Muchas gracias y un saludo`. Empty: too long."""
    if not may_be_one(line):
        return []
    low = line.replace("İ", "i").lower()
    whole = low.strip(_AROUND)
    if whole in ending_tables.CLOSINGS or whole in ending_tables.THANKS:
        return [whole]
    return [piece.strip(_AROUND) for piece in _BETWEEN.split(low)]


_AROUND = " ,.!;-*_|。！"
_BETWEEN = re.compile(
    r"(?<=\S)\s*[/|]\s*(?=\S)|\s(?:and|e|ed|y|und|et|en|i|и|и|та|a|och|og|ja|ve|&|\+)\s|(?<=\w)[,;.]\s(?=\w)"
)
_STARTS = frozenset(one[:3] for one in (*ending_tables.CLOSINGS, *ending_tables.THANKS))
_STARTS |= {f"{mark}{one[: 3 - len(mark)]}" for one in _STARTS for mark in ("*", "_", "**", "__")}
_STARTS |= {"İyi".lower()}  # two signs for the first letter
_LONGEST = max(map(len, ending_tables.CLOSINGS)) + 10
"""With signs around it."""


@lru_cache(maxsize=64)  # each line is asked about from every line above that may begin an ending
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
