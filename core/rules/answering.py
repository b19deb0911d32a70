"""Where is each person of a ticket answered? Once, where they spoke last; the closing report where they began.

Somebody may have written by mail, from a chat and in the portal: these are ways to one person, who gets one answer.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

AT_THE_END = ("resolved", "closed", "corrected")
"""Kinds of messages that go where the request began."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """An address of a person in one conversation of the ticket."""

    thread: str
    address: str
    person: str
    """Who that is: the same for all of their addresses."""
    began: datetime
    """When the conversation began."""
    beside: bool = False
    """Not the address with which it began."""
    used: datetime | None = None
    """When they last said something from here."""
    chosen: datetime | None = None
    """When staff said: here."""
    works: bool = True
    """Nothing is known that keeps a message from arriving: it did not come back, they did not leave."""
    channel: str = ""
    """Of the conversation."""
    carried_by: str = ""
    """Another channel that carries the words of this conversation to the same address: they are read on a page."""


def choose(ways: Sequence[Way], *, kind: str) -> list[Way]:
    """One way for each person, in the order in which persons come. `kind`: of the message.

    The last one they used, or that staff chose since; at the end the one they began with, unless staff chose another.
    What does not work is passed over as long as anything else does.
    """
    of_person: dict[str, list[Way]] = {}
    for way in ways:
        of_person.setdefault(way.person, []).append(way)
    return [_one(theirs, at_the_end=kind in AT_THE_END) for theirs in of_person.values()]


def next_address(
    tried: Collection[str],
    ways: Sequence[Way],
    *,
    chats: Sequence[str],
    mail: Sequence[str],
    texts: Sequence[str],
) -> str:
    """Where the same is said to the same person when it did not arrive; empty: there is no other way.

    Their other conversations of the ticket, the last used first; then the chats that are proved theirs, their mail, their
    telephone, each as far as it works. `tried`: addresses.

    >>> next_address({"telegram:1"}, [], chats=["telegram:1", "xmpp:a@b.test"], mail=["a@b.test"], texts=[])
    'xmpp:a@b.test'
    >>> next_address({"a@b.test"}, [], chats=[], mail=["a@b.test"], texts=[])
    ''
    """
    spoken = sorted(
        (way for way in ways if way.works),
        key=_lately,
        reverse=True,
    )
    all_ways = (*(way.address for way in spoken), *chats, *mail, *texts)
    return next((address for address in all_ways if address not in tried), "")


def _one(ways: Sequence[Way], *, at_the_end: bool) -> Way:
    if len(ways) == 1:
        return ways[0]
    working = [way for way in ways if way.works] or list(ways)
    last = max(working, key=_lately)
    by_staff = _by_staff(last)
    way = min(working, key=lambda way: (way.began, way.beside)) if at_the_end and not by_staff else last
    return _in_the_mail(way, working)


def _lately(way: Way) -> tuple[bool, datetime, bool, bool]:
    at = _last(way)
    return at is not None, at or way.began, _by_staff(way), not way.beside


def _by_staff(way: Way) -> bool:
    return way.chosen is not None and way.chosen == _last(way)


def _last(way: Way) -> datetime | None:
    return max((at for at in (way.used, way.chosen) if at is not None), default=None)


def _in_the_mail(way: Way, working: Sequence[Way]) -> Way:
    """What is read on a page is mailed too: in the conversation that they have by mail, if they have one."""
    same = (
        other
        for other in working
        if way.carried_by and other.channel == way.carried_by and other.address == way.address
    )
    return next(same, way)
