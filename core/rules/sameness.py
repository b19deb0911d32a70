"""Is this the same message again, or a new one with the same words? A key for sameness has an age."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

WITH_ID = timedelta(days=7)
"""A mail server tries for five days (RFC 5321, 4.5.4.1), and not every program makes a new id for each mail."""
WITHOUT_ID = timedelta(days=1)
"""The same words tomorrow are another message, as those of an alarm are."""


def same(first_at: datetime, *, at: datetime, identified: bool, first_ended: bool) -> bool:
    """Is what came at `at` with the same key the first one again?

    `identified`: it has an id of its own, so that the same content means the same message. Without one it counts on the
    first only while what that opened is open. Instants are when the messages reached us.

    >>> from datetime import UTC
    >>> noon = datetime(2026, 3, 2, 12, tzinfo=UTC)
    >>> same(noon, at=noon + timedelta(hours=1), identified=False, first_ended=False)
    True
    >>> same(noon, at=noon + timedelta(days=30), identified=True, first_ended=False)
    False
    """
    if abs(at - first_at) >= (WITH_ID if identified else WITHOUT_ID):
        return False
    return identified or not first_ended


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What a message says, as far as its sameness with another goes."""

    subject: str
    text: str
    authors: frozenset[str]
    """Keys of who wrote it, and of whom it names as having written it: lists write in their own name, and put who
    wrote into Reply-To, into Cc or into a field of their own. Anybody can: it says what is a copy, and lets nobody in."""


def copies(first: Words, other: Words) -> bool:
    """Do two messages of one id say the same, but for what a list or a gateway wrote before the subject and around the text?

    >>> mail = Words(subject="WLAN", text="It is down.", authors=frozenset({"alice@acme.test"}))
    >>> copies(mail, Words(subject="(it-all) WLAN", text="It is down.  List it-all", authors=mail.authors))
    True
    """
    if not first.authors & other.authors:
        return False
    return _within(subject(first.subject), subject(other.subject), end=True) and _within(
        _flat(first.text), _flat(other.text), end=False
    )


def adds(first: Words, other: Words) -> bool:
    """Does the other, a copy of the first, say something that the first did not?

    >>> mail = Words(subject="WLAN", text="It is down.", authors=frozenset({"alice@acme.test"}))
    >>> adds(mail, Words(subject="[it-all] WLAN", text="It  is down.", authors=mail.authors))
    False
    """
    return _flat(other.text) not in _flat(first.text)


def _within(one: str, other: str, *, end: bool) -> bool:
    """Is one of them the other, or its end or a part of it? Nothing is a part of nothing only."""
    short, long = sorted((one, other), key=len)
    if not short:
        return not long
    return long.endswith(short) if end else short in long


def _flat(text: str) -> str:
    return " ".join(text.casefold().split())


def subject(text: str) -> str:
    """What is compared of a subject: without what lists put before it.

    >>> subject("[it-all] Printer on fire") == subject("Printer  on fire")
    True
    """
    return " ".join(_TAG.sub(" ", text[:1000]).casefold().split())


def topic(text: str) -> str:
    """What a mail is about, without what programs put before it when they answer or pass it on.

    >>> topic("Re: AW: [#26-000123] Printer on fire") == topic("[EXT] Printer on fire")
    True
    """
    return _BEFORE.sub("", subject(text))


_BEFORE = re.compile(r"\A(?:[^\W\d_]{1,5}(?: ?\(\d{1,3}\))? ?[:：] ?){1,5}")
_TAG = re.compile(r"\[[^\[\]]{1,60}\]")
