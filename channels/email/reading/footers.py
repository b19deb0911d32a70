"""Which paragraphs below a mail may be what a firm puts below all its mails? Only others like it can tell: here they are found.

A footer is a long paragraph below the line with which the author signed off, or one at the end that speaks as notices
do. What people write for the reader stands above that line, whatever they repeat.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from collections.abc import Set as AbstractSet

from channels.email.reading import endings, formulas, visible
from core.envelope import Footer, Span, SpanKind

LEAST = 100
"""Characters of the words of a footer. The shortest paragraph of a notice among the samples has 108. What people write below their name
by habit (`On Fridays I am in until noon; when it burns, please call my colleague Aldo.`) is a line of a telephone's width or two, some 80."""
MOST = 6
"""Footers of one mail. Notices in three languages, and the firm's advertisement."""
LINES, CHARACTERS = 120, 12_000
"""How far from the end they are looked for."""
NAME = 40
"""Characters of a line that is a name."""


def offered(text: str, spans: Sequence[Span], author: str) -> tuple[Footer, ...]:
    """The footers that this text may have, in order; most texts have none. `author`: name and address, as far as known.

    None is offered where nothing that says something, or only a greeting, would stand above them.
    """
    own = next((span for span in reversed(spans) if span.kind is SpanKind.VISIBLE), None)
    if own is None or own.end - own.start <= LEAST or len(text) > visible.CHARACTERS:
        return ()
    begin = own.start
    if own.end - begin > CHARACTERS:
        begin = text.find("\n", own.end - CHARACTERS, own.end) + 1 or own.end
    lines = text[begin : own.end].split("\n")
    if len(lines) > LINES:
        begin += sum(len(line) + 1 for line in lines[:-LINES])
        lines = lines[-LINES:]
    bare = [line.strip() for line in lines]
    blocks = [block for block in _blocks(bare) if len(block[2]) >= LEAST][-MOST:]
    if not blocks:
        return ()
    writer = visible.name_words(author)
    signed = next((n for n in range(len(bare) - 1, -1, -1) if _signs_off(bare[n], writer)), None)
    blocks = _notices(bare) if signed is None else [block for block in blocks if block[0] > signed]
    if not blocks:
        return ()
    first = blocks[0][0]
    signature = next(
        (n for n, kind in endings.find(lines, bare, 0, first, writer) if kind is SpanKind.SIGNATURE), None
    )
    above = min(n for n in (first, signed, signature) if n is not None)
    if not _says(text, spans, begin, bare[:above]):
        return ()
    starts = [begin]
    for line in lines:
        starts.append(starts[-1] + len(line) + 1)
    return tuple(
        Footer(
            start=starts[at],
            end=min(starts[behind], own.end),
            key=hashlib.sha256(words.encode("utf-8", "replace")).hexdigest()[:32],
            signature=starts[signature] if signature is not None and at == first else None,
        )
        for at, behind, words in blocks
    )


Block = tuple[int, int, str]
"""First line, the line behind, and the words."""


def _blocks(bare: Sequence[str]) -> list[Block]:
    """Paragraphs: between empty lines, and a line that nobody wraps is one by itself. Empty lines below belong to them."""
    found: list[Block] = []
    at, count = 0, len(bare)
    while at < count:
        if not bare[at]:
            at += 1
            continue
        begin = at
        at += 1
        if len(bare[begin]) < LEAST:
            while at < count and bare[at] and len(bare[at]) < LEAST:
                at += 1
        words = " ".join(_WORDS.findall(" ".join(bare[begin:at]).casefold()))
        while at < count and not bare[at]:
            at += 1
        found.append((begin, at, words))
    return found


def _notices(bare: Sequence[str]) -> list[Block]:
    """From the end up, as long as each is long and speaks as a notice."""
    found: list[Block] = []
    for begin, behind, words in reversed(_blocks(bare)):
        if len(words) < LEAST or not begin or bare[begin - 1]:
            break
        if not endings.speaks_as_notice(" ".join(bare[begin:behind])):
            break
        found.append((begin, behind, words))
    return found[:MOST][::-1]


def _signs_off(line: str, writer: AbstractSet[str]) -> bool:
    """The last thing that a person writes: a closing formula, their name, or what their telephone puts there for them."""
    if not line or len(line) >= LEAST:
        return False
    if line in ("--", "—") or formulas.closes(line) or formulas.is_device_line(line):
        return True
    if len(line) > NAME or not writer or any(c.isdigit() for c in line):
        return False
    words = [word for word in _LETTERS.findall(line.lower()) if len(word) > 1]
    return 0 < len(words) <= 4 and words[0] in writer and words[-1] in writer


def _says(text: str, spans: Sequence[Span], begin: int, above: Sequence[str]) -> bool:
    """Is there a line, in this stretch above or in one before, that is more than a greeting?"""
    before = "".join(
        text[span.start : min(span.end, begin)]
        for span in spans
        if span.kind is SpanKind.VISIBLE and span.start < begin
    )
    lines = [*above, *(line.strip() for line in before.split("\n"))]
    return any(
        line and not formulas.greets(line) and not endings.RULE.fullmatch(line) and _WORDS.search(line)
        for line in lines
    )


_WORDS = re.compile(r"\w+")
_LETTERS = re.compile(r"[^\W\d_]+")
