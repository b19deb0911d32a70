"""What does a tool hear of its own alarm? That there is a ticket, that somebody has it, that it is left as it is, that it is over.

`due` compares how the alarm stands with what the tool heard last (monitoring.md 4, step 15). All values are plain.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Act(StrEnum):
    """What is said."""

    OPENED = "opened"
    """There is a ticket, and this is its number."""
    TAKEN = "taken"
    """Somebody works on it: nobody else need be woken."""
    RELEASED = "released"
    """Nobody does any more."""
    ACCEPTED = "accepted"
    """A person ended the ticket while it fires."""
    OVER = "over"
    """It fires no more: what was silenced may speak again."""


QUIETS = frozenset({Act.TAKEN, Act.ACCEPTED})
"""While this was said last, the tool keeps quiet about the alarm."""
HEARS: Mapping[str, frozenset[Act]] = {
    "alertmanager": frozenset({Act.TAKEN, Act.RELEASED, Act.ACCEPTED, Act.OVER}),
    "icinga2": frozenset({Act.OPENED, Act.TAKEN, Act.RELEASED, Act.ACCEPTED}),
    "zabbix": frozenset({Act.OPENED, Act.TAKEN, Act.RELEASED, Act.ACCEPTED}),
}
"""Kinds of sources that have an interface, and what each understands. Alertmanager keeps no remarks on an alert that nobody silenced; the
others take an acknowledgement back by themselves when the problem is over."""

_MARK = re.compile(r"\[Centralino [0-9A-Za-z-]+\]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """An alarm and its ticket, now."""

    firing: bool
    open: bool
    """The ticket."""
    at_work: bool
    """A person has the ticket in hand, or acknowledged the alarm."""
    accepted: bool
    """A person ended the ticket while it fired."""
    number: str
    episode: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What the tool was told last."""

    act: Act
    number: str
    episode: int


def due(now: Standing, last: Heard | None) -> Act | None:
    """What it must hear now; None: nothing new.

    >>> fires = Standing(firing=True, open=True, at_work=False, accepted=False, number="26-1", episode=1)
    >>> due(fires, None), due(fires, Heard(act=Act.OPENED, number="26-1", episode=1))
    (<Act.OPENED: 'opened'>, None)
    """
    quiet = last is not None and last.act in QUIETS
    if not now.firing:
        return Act.OVER if quiet else None
    again = last is not None and (last.number, last.episode) == (now.number, now.episode)
    if now.open and now.at_work:
        wanted = Act.TAKEN
    elif now.accepted and not now.open:
        wanted = Act.ACCEPTED
    elif quiet:
        return Act.RELEASED
    elif now.open:
        wanted = Act.OPENED
    else:
        return None
    if (
        again
        and last is not None
        and (last.act is wanted or {last.act, wanted} == {Act.OPENED, Act.RELEASED})
    ):
        return None
    return wanted


def mark(number: str) -> str:
    """What stands in everything that we say there, so that it is known when it comes back.

    >>> mark("26-000123")
    '[Centralino 26-000123]'
    """
    return f"[Centralino {number}]"


def marks(text: str) -> frozenset[str]:
    """The marks in a text.

    >>> marks("acknowledged: [Centralino 26-000123] Somebody works on it")
    frozenset({'[Centralino 26-000123]'})
    """
    return frozenset(_MARK.findall(text))
