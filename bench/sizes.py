"""How much is measured?"""

from __future__ import annotations

from dataclasses import dataclass

LARGE = 1_000_000
SMALL = 1_000
"""Tickets, below which a bench is only tried out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """Of one run."""

    tickets: int
    rounds: int
    mails: int
    """In a round."""
    seconds: float
    """Of looking at pages, in a round."""
    large: int = 0
    """Tickets of a further desk on which mails become tickets; 0: none."""


FULL = Sizes(tickets=100_000, rounds=5, mails=2_000, seconds=10.0)
QUICK = Sizes(tickets=10_000, rounds=1, mails=800, seconds=5.0)
