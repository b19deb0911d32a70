"""By which channel does a telephone number hear of us? By text where it takes texts, else by a call, and not for every step."""

from __future__ import annotations

from core import numbers

PHONE = "phone"
TEXTS = ("sms", "whatsapp")
"""Channels whose messages name nothing that they answer."""
SHORT = (PHONE, *TEXTS)
"""Channels on which nobody reads or hears a report of a page."""
_NOT_BY_CALL = ("progress", "received", "outage_updated")
"""What nobody is rung for: whoever asks hears it, and the answer at the end is told in any case."""


def channel(of_thread: str, *, kind: str, address: str, texts_by: str) -> str:
    """What a message of a conversation leaves by; empty: it is not told by telephone.

    `texts_by`: the channel that carries text messages, if the hub has one.

    >>> channel("phone", kind="progress", address="+393405550101", texts_by="sms")
    'sms'
    >>> channel("phone", kind="progress", address="+390455550101", texts_by="sms")
    ''
    >>> channel("phone", kind="closed", address="+390455550101", texts_by="sms")
    'phone'
    >>> channel("email", kind="progress", address="mario@acme.test", texts_by="sms")
    'email'
    """
    if of_thread != PHONE:
        return of_thread
    takes_texts = numbers.takes_texts(address)
    if texts_by and takes_texts:
        return texts_by
    return "" if kind in _NOT_BY_CALL and not takes_texts else PHONE
