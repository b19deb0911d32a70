"""Where does what somebody wrote end in a signature, a device line or a confidentiality notice?

What is below must look like nothing but that. In doubt it is text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from collections.abc import Set as AbstractSet

from channels.email.reading import ending_tables as tables
from channels.email.reading import formulas, notice_tables, signature_lines
from core.envelope import SpanKind

RULE = re.compile(r"[-_=*–—─━═＊＝～~+#☆★◆◇□■]{2,200}|(?:[-_=*] ){3,60}[-_=*]?")
"""A line that only divides."""
_DRAWN = frozenset("-_=*–—─━═＊＝～~+#☆★◆◇□■")

SIGNATURE_LINES = 25
"""Below a line of `-- `, empty ones not counted. More is a text that somebody divided."""
FOOTER_LINES = 20
ASKED_WORDS = 3
"""Spaces in a question that somebody asks; `Need help?` is a firm's."""
RULES = 3
"""Dividing lines inside a signature."""
NOTICE_CHARACTERS = 120
"""Of the first line of a notice that begins as none of the tables say; nobody wraps a paragraph so, but programs do not wrap."""

Ending = tuple[int, SpanKind]


def find(
    lines: Sequence[str], bare: Sequence[str], start: int, stop: int, writer: AbstractSet[str] = frozenset()
) -> list[Ending]:
    """The endings of the stretch `lines[start:stop]`: the line at which each begins, the later ones inside the first.

    `bare` are the same lines without the white space around them; `writer` are the words of the writer's name as far
    as they are known, in lower case.
    """
    for at in range(start, stop):
        if not bare[at]:
            continue
        kind = _begins(lines, bare, at, start, stop, writer)
        if kind is SpanKind.SIGNATURE and lines[at].rstrip("\r") != "-- " and _announced(bare, at, start):
            continue
        if kind is SpanKind.SIGNATURE:
            notice = next(
                (
                    n
                    for n in range(at + 1, stop)
                    if not bare[n - 1] and _is_notice(bare, n, stop, below_name=True)
                ),
                None,
            )
            asked = _asked_below(bare, at + 1, stop if notice is None else notice)
            return [
                (at, kind),
                *([(asked, SpanKind.VISIBLE)] if asked else []),
                *([(notice, SpanKind.DISCLAIMER)] if notice is not None else []),
            ]
        if kind is not None:
            return [(at, kind)]
    return []


def _asked_below(bare: Sequence[str], at: int, stop: int) -> int:
    """A question in a paragraph of its own below a signature, that programs put above where somebody writes; or 0.

    `Must you print this?` is a firm's.
    """
    for number in range(at + 1, stop):
        if not bare[number] or bare[number - 1]:
            continue
        if bare[number].lower().lstrip("*_-#►• ").startswith(notice_tables.PRINTING):
            continue
        last = number
        while last + 1 < stop and bare[last + 1]:
            last += 1
        spaces = bare[last].count(" ")
        if bare[last][-1] in "?？" and (spaces >= ASKED_WORDS or not (spaces or bare[last].isascii())):
            return number
    return 0


def _begins(
    lines: Sequence[str], bare: Sequence[str], at: int, start: int, stop: int, writer: AbstractSet[str]
) -> SpanKind | None:
    """Does an ending begin with this line and run to `stop`?"""
    line = bare[at]
    if line == "--" and (at > start or start > 0):
        # RFC 3676, 4.3: the space belongs to it. Servers take it away; then the lines below must look like a signature.
        exact = lines[at].rstrip("\r") == "-- "
        fits = _is_short(bare, at + 1, stop) if exact else _is_signature(bare, at + 1, stop)
        return SpanKind.SIGNATURE if fits else None
    if line[0] in _DRAWN and RULE.fullmatch(line) is not None:
        return (
            SpanKind.SIGNATURE if _is_list_footer(bare, at, stop) or _is_card(bare, at, start, stop) else None
        )
    if formulas.is_device_line(line) and _only_links(bare, at + 1, stop):
        return SpanKind.SIGNATURE
    if (
        at > start
        and not bare[at - 1]
        and _is_notice(bare, at, stop)
        and not _goes_on(bare, at, stop, writer)
    ):
        return SpanKind.DISCLAIMER
    formula = formulas.may_be_one(line)
    if formula and formulas.is_closing(line):
        below = signature_lines.read(_block(bare, at + 1, stop))
        return SpanKind.SIGNATURE if below.is_card or below.names(writer) else None
    if formula and at > start and formulas.closes(line):
        # С уважением, Анна Зелёная
        name = line.partition(",")[2].strip()
        below = signature_lines.read([name, *(_block(bare, at + 1, stop) or ())])
        return SpanKind.SIGNATURE if name and (below.is_card or below.names(writer)) else None
    above = _last_text(bare, at, start) if at > start else ""
    if above and formulas.may_be_one(above) and formulas.thanks(above):
        below = signature_lines.read(_block(bare, at, stop))
        return SpanKind.SIGNATURE if below.is_card or below.names(writer) else None
    if at > start and not bare[at - 1] and writer and signature_lines.is_whole_name(line, writer):
        below = signature_lines.read(_block(bare, at + 1, stop))
        return SpanKind.SIGNATURE if below.contacts and below.is_card else None
    if line[0] in "/~-–—" and at > start and not bare[at - 1]:
        below = signature_lines.read(_block(bare, at, stop))
        return SpanKind.SIGNATURE if below.is_name and below.names(writer) else None
    return None


def _announced(bare: Sequence[str], at: int, start: int) -> bool:
    """`Whom to call on site:` Then it is what the reader shall know."""
    above = _last_text(bare, at, start) if at > start else ""
    return above.endswith((":", "：")) and not (
        formulas.greets(above) or formulas.closes(above.rstrip(":： "))
    )


def _last_text(bare: Sequence[str], at: int, start: int) -> str:
    """The line above, an empty one between not counted."""
    return bare[at - 1] or (bare[at - 2] if at - 2 >= start else "")


def _block(bare: Sequence[str], at: int, stop: int) -> list[str] | None:
    """The lines from here to the end, or to a notice; None for too many."""
    block: list[str] = []
    rules = 0
    for number in range(at, stop):
        line = bare[number]
        if not line:
            continue
        if block and not bare[number - 1] and _is_notice(bare, number, stop, below_name=True):
            break
        if formulas.is_device_line(line) and _only_links(bare, number + 1, stop):
            break
        if line[0] in _DRAWN and RULE.fullmatch(line) is not None:
            rules += 1
            if rules > RULES:
                return None
            continue
        block.append(line)
        if len(block) > tables.CLOSING_LINES:
            return None
    return block


def _is_short(bare: Sequence[str], at: int, stop: int) -> bool:
    """Below `-- `: not many lines, and not mostly data that somebody forgot to write above."""
    texts = data = 0
    for number in range(at, stop):
        line = bare[number]
        if line:
            texts += 1
            data += signature_lines.is_data(line)
        if texts > SIGNATURE_LINES:
            return False
    return data < 2 or data * 2 <= texts


def _is_signature(bare: Sequence[str], at: int, stop: int) -> bool:
    """Below `--`: short lines, and nothing that is said to the reader or looks like data; or what a telephone wrote."""
    block = _block(bare, at, stop)
    if not block:
        below = next((bare[n] for n in range(at, stop) if bare[n]), "")
        return block is not None and formulas.is_device_line(below)
    return not any(signature_lines.is_content(line) for line in block)


def _is_card(bare: Sequence[str], at: int, start: int, stop: int) -> bool:
    """Name, company and several ways to reach somebody, below a line that divides them from the text."""
    if len(bare[at]) < 5 or at == start:
        return False
    below = signature_lines.read(_block(bare, at + 1, stop))
    return below.contacts >= 2 and below.is_card


def _is_notice(bare: Sequence[str], at: int, stop: int, *, below_name: bool = False) -> bool:
    """A paragraph that begins as notices do and speaks as they do, of secrecy or of printing.

    `below_name`: it stands below a signature, where it may begin in any way when all its words are a notice's.
    """
    low = bare[at][:80].lower().lstrip("*_-#►• ")
    opened = low.startswith(notice_tables.OPENINGS)
    certain = low.startswith(notice_tables.CERTAIN)
    printing = low.startswith(notice_tables.PRINTING)
    by_law = low.startswith(notice_tables.BY_LAW)
    if not (opened or certain or printing or by_law or (below_name and len(bare[at]) >= NOTICE_CHARACTERS)):
        return False
    paragraph = " ".join(bare[at : min(at + 12, stop)])[:1_500]
    if certain or (printing and notice_tables.NATURE.search(paragraph) is not None):
        return True
    if notice_tables.SECRECY.search(paragraph) is None:
        return False
    if low.startswith(notice_tables.ABOUT):
        return True
    others = [words.search(paragraph) is not None for words in notice_tables.OTHERS]
    if by_law:
        itself = notice_tables.ITSELF.search(paragraph) is not None
        secret = (opened and any(others)) or notice_tables.SECRET.search(paragraph) is not None
        return itself and secret and notice_tables.CLAIMS.search(paragraph) is None
    return any(others) if opened else all(others)


def _goes_on(bare: Sequence[str], at: int, stop: int, writer: AbstractSet[str]) -> bool:
    """Does somebody still speak below it: ask, add a postscript, or sign? Then they meant what only begins as a notice."""
    for number in range(at + 1, min(at + FOOTER_LINES, stop)):
        line = bare[number]
        if not line or bare[number - 1]:
            continue
        if line[-1] in "?？" or signature_lines.is_postscript(line):
            return True
        if formulas.may_be_one(line) and formulas.is_closing(line):
            return True
        if writer and signature_lines.is_whole_name(line, writer):
            return True
    return False


def speaks_as_notice(paragraph: str) -> bool:
    """Of secrecy or its law, and of who may read it or of what nobody may do, wherever and however it begins."""
    return notice_tables.SECRECY.search(paragraph) is not None and any(
        words.search(paragraph) is not None for words in notice_tables.OTHERS
    )


def _is_list_footer(bare: Sequence[str], at: int, stop: int) -> bool:
    if stop - at > FOOTER_LINES:
        return False
    below = [line for line in bare[at + 1 : stop] if line]
    return 0 < len(below) <= 6 and any("mailing list" in line.lower() for line in below[:2])


def _only_links(bare: Sequence[str], at: int, stop: int) -> bool:
    """Nothing below a device line but links, or a notice."""
    for number in range(at, stop):
        line = bare[number]
        if line and formulas.LINK.fullmatch(line) is None:
            return _is_notice(bare, number, stop)
    return True
