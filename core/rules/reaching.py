"""By which channel does an address hear of us? A chat's by that chat; a number by text, or by a call that is worth it."""

from __future__ import annotations

from core import chat_addresses, numbers

PHONE = "phone"
MAIL = "email"
TEXTS = ("sms", "whatsapp")
"""Channels whose messages name nothing that they answer."""
SHORT = (PHONE, *TEXTS)
"""Channels on which nobody reads or hears a report of a page."""
_NOT_BY_CALL = ("progress", "received", "outage_updated", "corrected")
"""What nobody is rung for: whoever asks hears it, and the answer at the end is told in any case."""


def channel(of_thread: str, *, kind: str, address: str, texts_by: str, in_chat: bool = False) -> str:
    """What a message of a conversation leaves by; empty: it is not told by telephone.

    `texts_by`: the channel that carries text messages, if the hub has one. `in_chat`: it is the conversation of a chat.

    >>> channel("phone", kind="progress", address="+393405550101", texts_by="sms")
    'sms'
    >>> channel("phone", kind="progress", address="+390455550101", texts_by="sms")
    ''
    >>> channel("phone", kind="closed", address="+390455550101", texts_by="sms")
    'phone'
    >>> channel("email", kind="progress", address="mario@acme.test", texts_by="sms")
    'email'

    Who left a chat, or came to a call later, is written to elsewhere, in the same conversation:

    >>> channel("telegram", kind="reply", address="telegram:4242", texts_by="")
    'telegram'
    >>> channel("telegram", kind="reply", address="mario@acme.test", texts_by="", in_chat=True)
    'email'
    >>> channel("phone", kind="reply", address="mario@acme.test", texts_by="sms")
    'email'
    >>> channel("email", kind="reply", address="+393405550101", texts_by="sms")
    'sms'
    """
    if chat := chat_addresses.channel_of(address):
        return chat
    if numbers.is_number(address):
        of_thread = of_thread if of_thread in SHORT else PHONE
    elif in_chat or (of_thread in SHORT and "@" in address):
        of_thread = MAIL
    if of_thread != PHONE:
        return of_thread
    takes_texts = numbers.takes_texts(address)
    if texts_by and takes_texts:
        return texts_by
    return "" if kind in _NOT_BY_CALL and not takes_texts else PHONE


def short(of_thread: str, address: str) -> bool:
    """Are words kept short there? On a telephone, in a text message and in a chat nobody reads a report of a page."""
    return of_thread in SHORT or chat_addresses.is_chat(address)
