"""Where does what somebody wrote end in a signature, a device line or a confidentiality notice?

What is below must look like nothing but that. In doubt it is text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from channels.email.reading import quote_tables as tables
from core.envelope import SpanKind

RULE = re.compile(r"[-_=*–—─]{2,200}|(?:[-_=*] ){3,60}[-_=*]?")
"""A line that only divides."""

SIGNATURE_LINES = 25
"""Below a line of `-- `, empty ones not counted. More is a text that somebody divided."""
FOOTER_LINES = 20

Ending = tuple[int, SpanKind]


def find(lines: Sequence[str], bare: Sequence[str], start: int, stop: int) -> list[Ending]:
    """The endings of the stretch `lines[start:stop]`: the line at which each begins, the later ones inside the first.

    `bare` are the same lines without the white space around them.
    """
    for at in range(start, stop):
        if not bare[at]:
            continue
        kind = _begins(lines, bare, at, start, stop)
        if kind is SpanKind.SIGNATURE:
            notice = next(
                (n for n in range(at + 1, stop) if not bare[n - 1] and _is_notice(bare, n, stop)), None
            )
            return [(at, kind)] + ([(notice, SpanKind.DISCLAIMER)] if notice is not None else [])
        if kind is not None:
            return [(at, kind)]
    return []


def _begins(lines: Sequence[str], bare: Sequence[str], at: int, start: int, stop: int) -> SpanKind | None:
    """Does an ending begin with this line and run to `stop`?"""
    line = bare[at]
    if line == "--" and (at > start or start > 0):
        # RFC 3676, 4.3: the space belongs to it. Servers take it away; then the lines below must look like a signature.
        exact = lines[at].rstrip("\r") == "-- "
        fits = _is_short(bare, at + 1, stop) if exact else _is_signature(bare, at + 1, stop)
        return SpanKind.SIGNATURE if fits else None
    if line[0] in "_-=" and RULE.fullmatch(line) is not None:
        return SpanKind.SIGNATURE if _is_list_footer(bare, at, stop) else None
    low = line[:80].lower().lstrip("*_ ")
    if low.startswith(tables.SENT_FROM) and _is_device_line(line, low) and _only_links(bare, at + 1, stop):
        return SpanKind.SIGNATURE
    if at > start and not bare[at - 1] and _is_notice(bare, at, stop):
        return SpanKind.DISCLAIMER
    if low.rstrip(" ,.!;-*") in tables.CLOSINGS and _is_signature(bare, at + 1, stop):
        return SpanKind.SIGNATURE
    return None


def _is_short(bare: Sequence[str], at: int, stop: int) -> bool:
    texts = 0
    for number in range(at, stop):
        texts += bool(bare[number])
        if texts > SIGNATURE_LINES:
            return False
    return True


def _is_signature(bare: Sequence[str], at: int, stop: int) -> bool:
    """Name, company, phone: short lines, and nothing that is said to the reader."""
    texts = 0
    for number in range(at, stop):
        line = bare[number]
        if not line:
            continue
        if texts and not bare[number - 1] and _is_notice(bare, number, stop):
            return True
        texts += 1
        if texts > tables.CLOSING_LINES or len(line) > tables.CLOSING_LINE_CHARACTERS or _is_said(line):
            return False
    return texts > 0


_POSTSCRIPT = re.compile(r"(?:p\.?\s?p?\.?s\.?|n\.?b\.?|nota ?bene|edit|update)(?:[\s:.]|$)", re.IGNORECASE)


def _is_said(line: str) -> bool:
    """A question, a postscript, or a whole sentence."""
    if line[-1] in "?？" or _POSTSCRIPT.match(line) is not None:
        return True
    last = line.rpartition(" ")[2].rstrip(".!。！")
    # Cust A s.r.l. and Example Ltd. are no sentences.
    return (
        line[-1] in ".!。！"
        and line.count(" ") >= 2
        and len(last) > 3
        and "." not in last
        and "@" not in line
    )


def _is_notice(bare: Sequence[str], at: int, stop: int) -> bool:
    """A paragraph that begins as notices do and speaks of secrecy, or of printing."""
    low = bare[at][:80].lower().lstrip("*_ ")
    if not low.startswith(tables.DISCLAIMERS):
        return False
    paragraph = " ".join(bare[at : min(at + 12, stop)])[:1_500]
    return tables.SECRECY.search(paragraph) is not None


def _is_list_footer(bare: Sequence[str], at: int, stop: int) -> bool:
    if stop - at > FOOTER_LINES:
        return False
    below = [line for line in bare[at + 1 : stop] if line]
    return 0 < len(below) <= 6 and any("mailing list" in line.lower() for line in below[:2])


_LINK = re.compile(r"<?(?:https?://|www\.)\S{1,500}>?|\[[^\]]{1,300}\]")


def _is_device_line(line: str, low: str) -> bool:
    text = _LINK.sub("", line.replace("<", " <")) if "://" in line else line
    if len(text) > tables.DEVICE_CHARACTERS or ", " in text:
        return False
    return low.startswith(tables.ALWAYS_DEVICE) or tables.DEVICE.search(low) is not None


def _only_links(bare: Sequence[str], at: int, stop: int) -> bool:
    """Nothing below a device line but links, or a notice."""
    for number in range(at, stop):
        line = bare[number]
        if line and _LINK.fullmatch(line) is None:
            return _is_notice(bare, number, stop)
    return True
