"""What are accounts, rooms and messages of Telegram called here? Ids of messages count within their chat, so both are named."""

from __future__ import annotations

import re
from dataclasses import dataclass

from core import chat_addresses

CHANNEL = "telegram"

_REF = re.compile(r"telegram:(-?[0-9]{1,19})/([0-9]{1,19}(?:,[0-9]{1,19})*)")
_NUMBER = re.compile(r"-?[0-9]{1,19}")


def address(chat: int) -> str:
    """Where somebody, or a room, is reached. An account's own chat with us has the account's number.

    >>> address(-1001234)
    'telegram:-1001234'
    """
    return chat_addresses.address(CHANNEL, str(chat))


def chat_of(written: str) -> int:
    """The number of the chat at an address. Raises ValueError.

    >>> chat_of("telegram:4242")
    4242
    """
    name = chat_addresses.name_of(written)
    if chat_addresses.channel_of(written) != CHANNEL or not _NUMBER.fullmatch(name):
        message = f"{written!r} is no chat of Telegram"
        raise ValueError(message)
    return int(name)


def ref(chat: int, *messages: int) -> str:
    """What a message is called everywhere; of one that left in several, all of them.

    >>> ref(4242, 17), ref(4242, 18, 19)
    ('telegram:4242/17', 'telegram:4242/18,19')
    """
    return f"{CHANNEL}:{chat}/{','.join(map(str, messages))}"


@dataclass(frozen=True, slots=True)
class Named:
    """The messages behind a ref."""

    chat: int
    messages: tuple[int, ...]


def named(written: str) -> Named | None:
    """What a ref names; None: it is none of Telegram's.

    >>> named("telegram:4242/18,19"), named("<a@b.test>")
    (Named(chat=4242, messages=(18, 19)), None)
    """
    found = _REF.fullmatch(written)
    return Named(int(found[1]), tuple(map(int, found[2].split(",")))) if found else None
