"""How do spans of time become a strip? Places in percent, a letter where it fits, and words for who does not see it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from core.desk.clock_views import ClockExplained, ClocksExplained
from core.rules.legs import Counted, Held, Leg, Segment
from web.words import Say

ROOM_FOR_A_LETTER = 2.5  # percent of the strip
LEAST = 0.15  # percent: what is shorter is still seen
MARKS = 400  # pieces of a strip; more cannot be told apart


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """One span of a strip."""

    x: float
    width: float
    """Both in percent."""
    kind: str
    """Its colour and its pattern: a leg, with ` paused` where the clock stood still."""
    letter: str
    """Of the leg; empty where there is no room."""
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One span in the table below."""

    since: datetime
    until: datetime
    seconds: int
    who: str
    leg: str
    what: str
    """Counted, paused or closed, in words; empty in the table of the whole request."""
    why: str


def of_request(found: ClocksExplained, t: Say) -> tuple[list[Piece], list[Row]]:
    """Whose turn it was, from the receipt to the end or to now."""
    spans = found.held
    rows = [
        Row(
            since=one.since,
            until=one.until,
            seconds=_seconds(one),
            who=t(f"clocks.leg.{one.leg}"),
            leg=one.leg,
            what="",
            why=_why(one.reason, t),
        )
        for one in spans
    ]
    kinds = [(str(one.leg), str(one.leg)) for one in spans]
    return _pieces(spans, kinds, t), rows


def of_clock(clock: ClockExplained, t: Say) -> tuple[list[Piece], list[Row]]:
    """What the clock made of every minute."""
    rows = [
        Row(
            since=one.since,
            until=one.until,
            seconds=_seconds(one),
            who=t(f"clocks.leg.{one.leg}"),
            leg=one.leg,
            what=t(f"clocks.counted.{one.counted}"),
            why=_why(one.reason, t),
        )
        for one in clock.segments
    ]
    kinds = [
        (str(one.leg), f"{one.leg} paused" if one.counted is Counted.PAUSED else str(one.leg))
        for one in clock.segments
    ]
    return _pieces(clock.segments, kinds, t), rows


def _pieces(spans: Sequence[Held | Segment], kinds: Sequence[tuple[str, str]], t: Say) -> list[Piece]:
    if not spans:
        return []
    start, whole = spans[0].since, (spans[-1].until - spans[0].since).total_seconds()
    found = []
    for one, (leg, kind) in list(zip(spans, kinds, strict=True))[-MARKS:]:
        width = max(100 * _exact(one) / whole, LEAST)
        x = 100 * (one.since - start).total_seconds() / whole
        fits = width >= ROOM_FOR_A_LETTER and leg != Leg.OUTSIDE
        found.append(
            Piece(
                x=round(min(x, 100 - LEAST), 3),
                width=round(min(width, 100 - x) if x < 100 - LEAST else LEAST, 3),
                kind=kind,
                letter=t(f"clocks.letter.{leg}") if fits else "",
                title=t(f"clocks.leg.{leg}"),
            )
        )
    return found


def _why(reason: str, t: Say) -> str:
    if not reason:
        return ""
    if t.has(f"clocks.why.{reason}"):  # type: ignore[attr-defined]
        return t(f"clocks.why.{reason}")
    return str(t.maybe("state", reason))  # type: ignore[attr-defined]


def _seconds(one: Held | Segment) -> int:
    return int(_exact(one))


def _exact(one: Held | Segment) -> float:
    return (one.until - one.since).total_seconds()
