"""Which request do words in a chat belong to? Nothing in them says so: on with one, a new one, or the question which.

Facts in, one decision out with its reason; `rules.threading` judges whether the author belongs to what was decided on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Literal

CHOICE = timedelta(minutes=30)
"""How long what somebody chose to write about is remembered; each message about it renews that."""
NEW = timedelta(minutes=15)
"""How long somebody who asked for it has to write a new request, or the reason or comment they were asked for."""
LATELY = timedelta(hours=24)
"""Talk within this time is still about the same; after a longer silence it may be about anything."""
PATIENCE = timedelta(minutes=10)
"""How long words wait for their author to say which request they mean; then staff see them."""
MOST = 8
"""Requests offered in one question."""


class Why(StrEnum):
    """What decided."""

    QUOTED = "quoted"
    ASKED_FOR_NEW = "asked_for_new"
    CHOSEN = "chosen"
    GOES_ON = "goes_on"
    LINK = "link"
    """It came by a link that was given for a request."""
    NO_REQUEST = "no_request"
    WAITS = "waits"
    """They were asked, and have not said."""
    SEVERAL = "several"
    SILENT = "silent"
    """There is one, and nobody spoke of it for long."""


WORDS: Mapping[Why, str] = MappingProxyType(
    {
        Why.QUOTED: "the message quotes one of this request",
        Why.CHOSEN: "this request was chosen or talked about last in this chat",
        Why.LINK: "it came by a link for this request",
        Why.GOES_ON: "it is the author's only request, talked about in this chat lately",
    }
)
"""What the log of threading says of what was decided on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Talk:
    """A request that somebody could mean."""

    ticket: str
    number: str
    open: bool
    """Else it is solved and not closed: words to it open it again."""
    here: bool
    """This chat takes part in it."""
    at: datetime | None = None
    """When something was last said of it in this chat; None: never."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """What is known of a chat from before."""

    chosen: str | None = None
    chosen_until: datetime | None = None
    new_until: datetime | None = None
    asked: bool = False
    """A question is open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Meant:
    """Where it goes. `ask`: a question, and it waits; `wait`: it waits with those before it."""

    outcome: Literal["on", "new", "ask", "wait"]
    why: Why
    ticket: str | None = None
    offered: tuple[Talk, ...] = ()
    """What there was to choose from, newest first."""

    @property
    def unclear(self) -> bool:
        """Only its author can say."""
        return self.outcome in ("ask", "wait")


def decide(talks: Sequence[Talk], before: Remembered, *, quoted: str | None = None, now: datetime) -> Meant:
    """What the next words in a chat are about. `quoted`: the ticket of the message that they quote, if any.

    `talks`: what the author has that is open, and what is solved and was talked about in this chat.

    >>> decide([], Remembered(), now=datetime(2026, 3, 2)).outcome
    'new'
    """
    if quoted is not None:
        return Meant(outcome="on", why=Why.QUOTED, ticket=quoted)
    if _runs(before.new_until, now):
        return Meant(outcome="new", why=Why.ASKED_FOR_NEW)
    candidates = tuple(sorted((one for one in talks if one.open or one.here), key=_newest)[:MOST])
    if _runs(before.chosen_until, now) and any(one.ticket == before.chosen for one in talks):
        return Meant(outcome="on", why=Why.CHOSEN, ticket=before.chosen, offered=candidates)
    if before.asked:
        return Meant(outcome="wait", why=Why.WAITS, offered=candidates)
    if not candidates:
        return Meant(outcome="new", why=Why.NO_REQUEST)
    if len(candidates) > 1:
        return Meant(outcome="ask", why=Why.SEVERAL, offered=candidates)
    only = candidates[0]
    if only.at is not None and now - only.at <= LATELY:
        return Meant(outcome="on", why=Why.GOES_ON, ticket=only.ticket, offered=candidates)
    return Meant(outcome="ask", why=Why.SILENT, offered=candidates)


def _runs(until: datetime | None, now: datetime) -> bool:
    return until is not None and now < until


def _newest(one: Talk) -> tuple[bool, float, str]:
    """What was talked about here comes first, the last of it before the others; then by number, the newest first."""
    at = 0.0 if one.at is None else -one.at.timestamp()
    return one.at is None, at, "".join(chr(0x10FFFF - ord(letter)) for letter in one.number)
