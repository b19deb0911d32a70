"""Where is somebody on a chat? `channel:name`, so that no chat's account is ever taken for an e-mail address or a number."""

from __future__ import annotations

import re

_CHAT = re.compile(r"([a-z][a-z0-9]{1,15}):(\S{1,300})")


def address(channel: str, name: str) -> str:
    """The address of this account or room on a chat channel.

    >>> address("telegram", "4242")
    'telegram:4242'
    """
    return f"{channel}:{name}".lower()


def is_chat(written: str) -> bool:
    """Is this address of a conversation one of a chat?

    >>> is_chat("xmpp:mario@acme.test"), is_chat("mario@acme.test"), is_chat("+390455550101")
    (True, False, False)
    """
    return _CHAT.fullmatch(written) is not None


def channel_of(written: str) -> str:
    """Which channel carries it; empty where it is no chat's.

    >>> channel_of("telegram:-1004242"), channel_of("mario@acme.test")
    ('telegram', '')
    """
    found = _CHAT.fullmatch(written)
    return found[1] if found else ""


def name_of(written: str) -> str:
    """What the channel itself calls it.

    >>> name_of("xmpp:mario@acme.test")
    'mario@acme.test'
    """
    return written.partition(":")[2] if is_chat(written) else written
