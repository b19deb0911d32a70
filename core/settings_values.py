"""What kinds of values do settings have, and what is wrong with one?"""

from __future__ import annotations

import contextlib
import difflib
import re
from collections.abc import Collection, Iterator
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

import msgspec

from core.rules.durations import parse_duration

_UNITS = {"": 1, "B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
_SIZE = re.compile(r"(\d{1,12}) ?(B|KiB|MiB|GiB|)", re.ASCII)


class Secret:
    """A password or key. Shows as ••• wherever it is printed; `reveal()` is the only way to the text.

    >>> Secret("hunter2"), str(Secret("hunter2")), Secret("hunter2").reveal(), bool(Secret(""))
    (•••, '•••', 'hunter2', False)
    """

    __slots__ = ("_text", "literal")

    def __init__(self, text: str, *, literal: bool = False) -> None:
        self._text = text
        self.literal = literal
        """It was written in the file itself, where others may read it."""

    def reveal(self) -> str:
        """The text, for the call that needs it."""
        return self._text

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._text == other._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __repr__(self) -> str:
        return "•••"


def parse_size(value: str | int) -> int:
    """Bytes of "50 MiB", "512 KiB" or 4096. Raises ValueError that says what is allowed.

    >>> parse_size("50 MiB")
    52428800
    """
    if not isinstance(value, str):
        return msgspec.convert(value, int)
    match = _SIZE.fullmatch(value.strip())
    if match is None:
        raise ValueError(f'"{value}" is not a size: write it like 512 KiB, 50 MiB or 1 GiB')
    return int(match[1]) * _UNITS[match[2]]


def parse_span(value: str | int) -> int:
    """Seconds of "15m", "12h", "7d" or 90. Raises ValueError that says what is allowed."""
    if not isinstance(value, str):
        return msgspec.convert(value, int)
    return parse_duration(value) if not value.strip().isdigit() else int(value)


def parse_encryption(value: str | bool) -> str:  # noqa: FBT001 - what the file may say
    """none, starttls or tls; false is none. Raises ValueError that says what is allowed."""
    if value is False or value == "false":
        return "none"
    if value in ("none", "starttls", "tls"):
        return str(value)
    raise ValueError(
        f'is "{str(value).lower()}": choose "none", "starttls" or "tls" (encrypted from the first byte)'
    )


Size = Annotated[int, parse_size]
"""Bytes; "50 MiB" in the file."""
Span = Annotated[int, parse_span]
"""Seconds; "15m", "12h" or "7d" in the file."""
Encryption = Annotated[str, parse_encryption]
"""none, starttls or tls."""


class Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of settings: its fields are the keys, with their types and defaults."""

    def mistakes(self) -> Iterator[tuple[str, str]]:
        """What no type can say: (key, what is wrong with it and what to do)."""
        return iter(())

    def remarks(self) -> Iterator[tuple[str, str]]:
        """What is allowed and unwise: (key, why)."""
        return iter(())


def without_password(url: str) -> str:
    """A URL fit for logs and errors.

    >>> without_password("postgresql://desk:hunter2@db/desk")
    'postgresql://desk:•••@db/desk'
    """
    return re.sub(r"(://[^:/@]*):.*@", r"\1:•••@", url)


def wrong_ports(table: Table, *names: str) -> Iterator[tuple[str, str]]:
    """A mistake for each field that is no TCP port. 0 means any free one."""
    for name in names:
        if not 0 <= getattr(table, name) <= 65535:
            yield name, f"{getattr(table, name)} is no port: 1 to 65535, or 0 for any free one"


def wrong_time_zone(name: str) -> str | None:
    """What is wrong with the name of a time zone; None if nothing is."""
    try:
        ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        return f'"{name}" is no time zone{did_you_mean(name, available_timezones())}'
    return None


def wrong_url(url: str) -> str | None:
    try:
        parts = urlsplit(url)
        port_is_number = parts.port is None or parts.port
    except ValueError:
        return f'"{url}" is no URL'
    if parts.scheme not in ("http", "https") or not parts.hostname or not port_is_number:
        return f'"{url}" must be absolute, such as https://desk.example.org'
    if parts.path.strip("/") or parts.query or parts.fragment or parts.username:
        return f'"{url}" must be scheme, host and port alone'
    return None


def is_network(text: str) -> bool:
    try:
        ip_network(text)
    except ValueError:
        return False
    return True


def ip_place(text: str, *, port: int) -> tuple[str, int]:
    """An IP address, and the port behind a colon if there is one, else `port`. Raises ValueError.

    >>> ip_place("192.0.2.1", port=53), ip_place("[::1]:5353", port=53), ip_place("2001:db8::1", port=53)
    (('192.0.2.1', 53), ('::1', 5353), ('2001:db8::1', 53))
    """
    host, colon, behind = text.rpartition(":")
    if text.startswith("[") and text.endswith("]"):
        return str(ip_address(text[1:-1])), port
    if not colon or (":" in host and not host.startswith("[")):
        return str(ip_address(text)), port
    if not (behind.isascii() and behind.isdigit() and 0 < int(behind) < 65536):
        raise ValueError(f"{behind!r} is no port")
    return str(ip_address(host.strip("[]"))), int(behind)


def is_place(text: str) -> bool:
    """Is it an IP address, with or without a port?"""
    try:
        ip_place(text, port=1)
    except ValueError:
        return False
    return True


def below(table: Table, least: int, *names: str) -> Iterator[tuple[str, str]]:
    for name in names:
        if getattr(table, name) < least:
            yield name, f"must be at least {least}"


def wrong_files(table: Table, *names: str) -> Iterator[tuple[str, str]]:
    """A mistake for each field that names a file which is not there; empty names none."""
    for name in names:
        if path := getattr(table, name):
            with contextlib.suppress(PermissionError):  # who may not look cannot know: `unreadable`
                if not Path(path).is_file():
                    yield name, f'names the file "{path}", which is not there'


def unreadable(table: Table) -> Iterator[tuple[str, str]]:
    """Each field that names a file of a key or a certificate which whoever runs this may not read: only who runs the hub must."""
    for name in ("tls_certificate", "tls_key", "dkim_key"):
        if path := getattr(table, name, ""):
            try:
                Path(path).open("rb").close()
            except PermissionError:
                yield name, f'names the file "{path}", which this user may not read: the user of the hub must'
            except OSError:
                continue


def wrong_certificate(table: Table) -> Iterator[tuple[str, str]]:
    """A mistake for a `tls_certificate` and a `tls_key` that no server could show; empty ones are none."""
    names = "tls_certificate", "tls_key"
    certificate, key = (getattr(table, name) for name in names)
    found = [*wrong_files(table, *names), *incomplete(table, *names)]
    yield from found
    if found or not certificate:
        return
    import ssl  # noqa: PLC0415 - loads what few settings need

    try:
        # Without a password it would be asked for at the terminal.
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password="")
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            yield "tls_key", f'"{key}" is not the key of tls_certificate'
        else:
            yield (
                "tls_certificate",
                f'"{certificate}" and tls_key cannot be used: each must be PEM, the server\'s own first, the key without a password',
            )
    except PermissionError:
        return  # `unreadable` says so
    except OSError as error:
        yield "tls_key", f"or tls_certificate cannot be read: {error.strerror}"


def incomplete(table: Table, *names: str) -> Iterator[tuple[str, str]]:
    """A mistake for each empty one of fields that only make sense together."""
    if any(getattr(table, name) for name in names):
        for name in names:
            if not getattr(table, name):
                yield name, f"is empty: {' and '.join(names)} go together"


def did_you_mean(word: str, known: Collection[str]) -> str:
    """The word that was probably meant, or all there are if they are few."""
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    return (
        f'; did you mean "{close[0]}"?'
        if close
        else f"; known: {', '.join(known)}"
        if len(known) < 30
        else ""
    )
