"""What does a calendar's answer to an invitation change? RFC 5546, as far as somebody who was invited may go. Decisions only.

An answer sets whether they come; another time is a proposal, and staff say whether it is taken. Whatever is not exactly
that changes nothing, and people look at it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from core.envelope import CalendarWord

PARTICIPATION = ("ACCEPTED", "DECLINED", "TENTATIVE")
LONGEST = timedelta(days=1)
"""Of a time that is proposed."""


class Does(StrEnum):
    """What an answer does."""

    PARTICIPATION = "participation"
    COUNTER = "counter"
    NOTHING = "nothing"
    """Staff look at it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The invitation that an answer names, and who wrote."""

    sequence: int
    """As it is now."""
    open: bool
    """It was agreed, and is still ahead."""
    under_way: bool = False
    """Somebody is there: a word that it suits may have left before, another time is too late."""
    invited: Collection[str]
    """Addresses, in lower case."""
    author: str
    """Address of whoever sent the mail, in lower case."""
    disowned: bool = False
    """Their domain says that it did not send it."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What it does, and why nothing where it does nothing."""

    does: Does
    why: str = ""


def decide(word: CalendarWord, asked: Asked | None, *, now: datetime) -> Decision:
    """What this word does. `asked` None: no invitation of ours has this name.

    >>> from core.envelope import CalendarWord
    >>> decide(CalendarWord(method="REPLY", uid="x"), None, now=datetime(2026, 12, 1)).why
    'unknown_uid'
    """
    why = _against(word, asked, now)
    if why:
        return Decision(Does.NOTHING, why)
    return Decision(Does.COUNTER if word.method == "COUNTER" else Does.PARTICIPATION)


def _against(word: CalendarWord, asked: Asked | None, now: datetime) -> str:
    if asked is None:
        return "unknown_uid"
    if word.method not in ("REPLY", "COUNTER"):
        return "method"
    if asked.disowned:
        return "disowned"
    if word.attendee not in asked.invited:
        return "not_invited"
    if word.attendee != asked.author:
        return "another_author"
    if word.sequence != asked.sequence:
        return "old_sequence" if word.sequence < asked.sequence else "unknown_sequence"
    if not asked.open and not (asked.under_way and word.method == "REPLY"):
        return "over"
    if word.method == "REPLY":
        return "" if word.partstat in PARTICIPATION else "no_answer"
    if word.start is None or word.start <= now:
        return "no_time"
    too_long = word.end is not None and not timedelta(0) < word.end - word.start <= LONGEST
    return "no_time" if too_long else ""
