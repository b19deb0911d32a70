"""Whose number is in a SIP address, and what is the address of a number? RFC 3261 19.1."""

from __future__ import annotations

import re
from urllib.parse import unquote

_URI = re.compile(r"(?i)sips?:(?P<user>[^@;?>]*)@[^;?>]+")
_NUMBER = re.compile(r"\+?[0-9*#]{1,32}")
_EXTENSION = re.compile(r"[A-Za-z0-9_.*#+-]{1,64}")
_FILLING = re.compile(r"[\s().\-/]")


def number(uri: str | None) -> str:
    """The number or extension, as it is written there; empty where there is none: withheld.

    >>> number('"Anna" <sip:+39-06-123456@pbx.test;user=phone>'), number("sip:anonymous@anonymous.invalid")
    ('+3906123456', '')
    """
    match = _URI.search(uri or "")
    if match is None:
        return ""
    user = _FILLING.sub("", unquote(match["user"]).split(";")[0])
    return user if _NUMBER.fullmatch(user) else ""


def called(uri: str | None) -> str:
    """The number or the name that was called.

    >>> called("<sip:support@desk.test>"), called("<sip:%2B3906999@desk.test;user=phone>")
    ('support', '+3906999')
    """
    match = _URI.search(uri or "")
    user = unquote(match["user"]).split(";")[0] if match is not None else ""
    return number(uri) or (user if _EXTENSION.fullmatch(user) else "")


def uri(address: str, domain: str, *, plus: str = "+", transport: str = "udp") -> str | None:
    """Where a telephone number or an extension is called; None: it is neither. `plus`: what is dialled in place of a +.

    >>> uri("+39 06 123456", "pbx.test", plus="00"), uri("201", "pbx.test:5070", transport="tcp")
    ('sip:003906123456@pbx.test', 'sip:201@pbx.test:5070;transport=tcp')
    >>> uri("sip:201@elsewhere.test", "pbx.test") is None
    True
    """
    user = _FILLING.sub("", address) if _NUMBER.fullmatch(_FILLING.sub("", address)) else address
    if not _EXTENSION.fullmatch(user):
        return None
    if user.startswith("+"):
        user = plus + user[1:]
    user = user.replace("#", "%23")
    return f"sip:{user}@{domain}" + (f";transport={transport}" if transport != "udp" else "")
