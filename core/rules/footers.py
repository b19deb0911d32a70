"""When is a paragraph below a mail its firm's, and what folds with it?"""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from core.envelope import Footer, Span, SpanKind

MAILS = 3
"""Different mails that end in the same words."""
KEPT = timedelta(days=60)
"""How long words are remembered that too few ended with."""
KNOWN_FOR = timedelta(days=400)
"""The same of those that are a footer, since a mail last had them."""
SEEN_AGAIN = timedelta(days=7)
"""How often it is written down that mails still have a footer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """In how many mails of one customer's domain words stood at the end."""

    mails: int
    several: bool
    """More than one person wrote them."""
    at: datetime
    """When it was last written down."""


def is_footer(seen: Seen) -> bool:
    """One person's habit is theirs: they may mean what they repeat. What colleagues end with in the same words is their firm's."""
    return seen.mails >= MAILS and seen.several


def to_be_counted(seen: Seen | None, *, now: datetime) -> bool:
    """Whether one more mail tells anything new."""
    return seen is None or not is_footer(seen) or now - seen.at >= SEEN_AGAIN


def folded(spans: Sequence[Span], footers: Sequence[Footer], known: Container[str]) -> tuple[Span, ...]:
    """The spans with these footers folded. A signature above the first goes with it, where all below it is known.

    >>> folded([Span(0, 9, SpanKind.VISIBLE)], [Footer(start=4, end=9, key="k")], {"k"})[-1]
    Span(start=4, end=9, kind=<SpanKind.DISCLAIMER: 'disclaimer'>)
    """
    stretches = [(one.start, one.end, SpanKind.DISCLAIMER) for one in footers if one.key in known]
    first = footers[0] if footers else None
    if first is not None and first.signature is not None and all(one.key in known for one in footers):
        stretches.insert(0, (first.signature, first.start, SpanKind.SIGNATURE))
    found = list(spans)
    for start, end, kind in stretches:
        found = [piece for span in found for piece in _cut(span, start, end, kind)]
    return tuple(_joined(found))


def _cut(span: Span, start: int, end: int, kind: SpanKind) -> list[Span]:
    """What is visible of the span and lies in the stretch is of the kind; nothing else changes."""
    start, end = max(start, span.start), min(end, span.end)
    if span.kind is not SpanKind.VISIBLE or start >= end:
        return [span]
    pieces = [Span(span.start, start, span.kind), Span(start, end, kind), Span(end, span.end, span.kind)]
    return [piece for piece in pieces if piece.start < piece.end]


def _joined(spans: Sequence[Span]) -> list[Span]:
    out: list[Span] = []
    for span in spans:
        if out and out[-1].kind is span.kind:
            out[-1] = Span(out[-1].start, span.end, span.kind)
        else:
            out.append(span)
    return out
