"""How is plain text sent so that every width of screen can show it? format=flowed (RFC 3676)."""

from __future__ import annotations

import re

WIDTH = 76  # characters of a line, its quote marks included

_QUOTE = re.compile(r">+")
_WORD = re.compile(r"\S*\s*")
_SIGNATURE = "-- "


def flowed(text: str) -> str:
    """The same text with long lines broken softly (at a space that stays), quotes kept as such.

    Spaces at the end of a line, which would mean a soft break, are dropped.

    >>> flowed("> a quote  \\nFrom here")
    '> a quote\\n From here'
    """
    return "\n".join(piece for line in text.split("\n") for piece in _pieces(line))


def _pieces(line: str) -> list[str]:
    if line == _SIGNATURE:
        return [line]
    marks = quoted[0] if (quoted := _QUOTE.match(line)) else ""
    content = line[len(marks) :].rstrip()
    if marks:
        content = content.removeprefix(" ")
    if not content:
        return [marks]
    room = WIDTH - len(marks) - 1
    return [f"{marks}{_stuffing(marks, piece)}{piece}" for piece in _broken(content, room)]


def _broken(content: str, room: int) -> list[str]:
    """Pieces that fit, each but the last with a space at its end; a longer word stays whole."""
    if len(content) <= room:
        return [content]
    pieces, piece = [], ""
    for word in _WORD.findall(content):
        if piece and piece.endswith(" ") and len(piece) + len(word.rstrip()) > room:
            pieces.append(piece)
            piece = ""
        piece += word
    return [*pieces, piece] if piece else pieces


def _stuffing(marks: str, piece: str) -> str:
    """RFC 3676 4.4: a space that is none of the text, where the line would mean something else."""
    return " " if marks or piece.startswith((" ", ">", "From ")) else ""
