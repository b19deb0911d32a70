"""What is inside a `winmail.dat`? Names, files and the text of a mail as Outlook packs them (MS-OXTNEF).

An own reader: the format is a row of lengths and values, each of which is held against what is left before it is
followed. Nothing is counted that is not there, nothing is read twice, and a broken value ends only its own list.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from channels.email.reading import charset_names, charsets

SIGNATURE = b"\x78\x9f\x3e\x22"
BYTES = 25 * 1024 * 1024
"""Of a larger file nothing is unpacked."""
ATTRIBUTES = 5_000
PROPERTIES = 5_000
"""In one file, all lists together …"""
VALUES = 1_000
"""… and in one property."""
FILES = 200
DEPTH = 3
"""Mails inside mails, each a TNEF of its own."""


@dataclass(slots=True)
class File:
    """A file inside; `name` as Outlook shows it, or empty."""

    name: str = ""
    type: str = ""
    content: bytes = b""
    content_id: str = ""
    message: Message | None = None
    """A mail that was attached as such."""


@dataclass(slots=True)
class Message:
    """What a TNEF says of a mail; each text is empty where it holds none."""

    subject: str = ""
    text: str = ""
    html: str = ""
    rtf: bytes = b""
    """Compressed (MS-OXRTFCP)."""
    files: list[File] = field(default_factory=list)
    complete: bool = True
    """False: it ends in the middle, or a limit was reached."""


def read(content: bytes, depth: int = 0) -> Message | None:
    """The message in these bytes; None where they are no TNEF or too many. Never raises."""
    if not content.startswith(SIGNATURE) or len(content) > BYTES:
        return None
    return _Reading(content, depth).run()


_ATTACHMENT_BEGINS = 0x9002
_FILE_DATA, _FILE_TITLE, _FILE_TRANSPORT_NAME, _FILE_PROPERTIES = 0x800F, 0x8010, 0x9001, 0x9005
_SUBJECT, _BODY, _MESSAGE_PROPERTIES, _CODE_PAGE = 0x8004, 0x800C, 0x9003, 0x9007

# Property ids of MS-OXPROPS.
_P_SUBJECT, _P_TEXT, _P_RTF, _P_HTML, _P_CODE_PAGE = 0x0037, 0x1000, 0x1009, 0x1013, 0x3FDE
_P_DISPLAY_NAME, _P_DATA, _P_SHORT_NAME, _P_LONG_NAME = 0x3001, 0x3701, 0x3704, 0x3707
_P_TYPE, _P_CONTENT_ID = 0x370E, 0x3712
_P_MESSAGE_CODE_PAGE = 0x3FFD

_I_MESSAGE = bytes.fromhex("0703020000000000c000000000000046")
"""Interface id in front of an attached mail."""

_FIXED = {
    0x0000: 0, 0x0001: 0, 0x0002: 2, 0x0003: 4, 0x0004: 4, 0x0005: 8, 0x0006: 8, 0x0007: 8, 0x000A: 4, 0x000B: 2,
    0x0014: 8, 0x0040: 8, 0x0048: 16,
}  # fmt: skip
_OBJECT, _STRING, _UNICODE, _BINARY = 0x000D, 0x001E, 0x001F, 0x0102
_MANY = 0x1000


@dataclass(slots=True)
class _Names:
    """What a file is called in the several places where a name may stand."""

    title: str = ""
    transport: str = ""
    long: str = ""
    short: str = ""
    shown: str = ""

    def best(self) -> str:
        title = self.title
        if self.long or not title:
            return self.long or self.shown or self.transport or self.short
        return title


class _Reading:
    def __init__(self, content: bytes, depth: int) -> None:
        self.content, self.depth = content, depth
        self.message = Message()
        self.code_page = "cp1252"
        self.properties = 0
        self.names = _Names()

    def run(self) -> Message:
        for name, value in self.attributes():
            self.take(name, value)
        self.end_file()
        return self.message

    def attributes(self) -> Iterator[tuple[int, bytes]]:
        content, at = self.content, 6
        for _ in range(ATTRIBUTES):
            if at + 9 > len(content):
                return
            level, name, _, size = struct.unpack_from("<BHHI", content, at)
            if level not in (1, 2):
                return  # what follows the last attribute is none
            value = content[at + 9 : at + 9 + size]
            if len(value) < size:
                self.message.complete = False
            yield name, value
            at += 9 + size + 2
        self.message.complete = False

    def take(self, name: int, value: bytes) -> None:
        message = self.message
        if name == _CODE_PAGE and len(value) >= 4:
            page = f"cp{int.from_bytes(value[:4], 'little')}"
            self.code_page = charset_names.canonical(page) or "cp1252"
        elif name == _SUBJECT:
            message.subject = self.string(value)
        elif name == _BODY:
            message.text = self.string(value)
        elif name == _MESSAGE_PROPERTIES:
            self.of_message(value)
        elif name == _ATTACHMENT_BEGINS:
            self.end_file()
            if len(message.files) >= FILES:
                message.complete = False
            else:
                message.files.append(File())
        elif message.files:
            file = message.files[-1]
            if name == _FILE_DATA:
                file.content = value
            elif name == _FILE_TITLE:
                self.names.title = self.string(value)
            elif name == _FILE_TRANSPORT_NAME:
                self.names.transport = self.string(value)
            elif name == _FILE_PROPERTIES:
                self.of_file(file, value)

    def end_file(self) -> None:
        if self.message.files and not self.message.files[-1].name:
            self.message.files[-1].name = self.names.best()
        self.names = _Names()

    def of_message(self, value: bytes) -> None:
        message = self.message
        html, page = b"", self.code_page
        for number, kind, data in self.each_property(value):
            if number == _P_RTF and kind == _BINARY:
                message.rtf = data
            elif number == _P_TEXT:
                message.text = message.text or self.text(kind, data)
            elif number == _P_SUBJECT:
                message.subject = message.subject or self.text(kind, data)
            elif number == _P_HTML:
                html = data if kind != _UNICODE else self.text(kind, data).encode()
                page = "utf-8" if kind == _UNICODE else page
            elif number in (_P_CODE_PAGE, _P_MESSAGE_CODE_PAGE) and kind == 0x0003:
                found = charset_names.canonical(f"cp{int.from_bytes(data, 'little')}")
                if number == _P_CODE_PAGE:
                    page = found or page
        if html:
            message.html = charsets.html(html.rstrip(b"\0"), page)

    def of_file(self, file: File, value: bytes) -> None:
        for number, kind, data in self.each_property(value):
            if number == _P_LONG_NAME:
                self.names.long = self.text(kind, data)
            elif number == _P_SHORT_NAME:
                self.names.short = self.text(kind, data)
            elif number == _P_DISPLAY_NAME:
                self.names.shown = self.text(kind, data)
            elif number == _P_TYPE:
                file.type = self.text(kind, data).lower()
            elif number == _P_CONTENT_ID:
                file.content_id = self.text(kind, data).strip("<> ")
            elif number == _P_DATA and kind == _BINARY:
                file.content = file.content or data
            elif number == _P_DATA and kind == _OBJECT:
                inside = data[16:]
                if data.startswith(_I_MESSAGE) and self.depth < DEPTH:
                    file.message = read(inside, self.depth + 1)
                file.content = file.content or inside

    def each_property(self, value: bytes) -> Iterator[tuple[int, int, bytes]]:
        """Id, type and first value of each property, as far as the list goes (MS-OXTNEF 2.1.3.4)."""
        if len(value) < 4:
            return
        count = int.from_bytes(value[:4], "little")
        at = 4
        for _ in range(count):
            self.properties += 1
            if self.properties > PROPERTIES or at + 4 > len(value):
                self.message.complete = self.message.complete and self.properties <= PROPERTIES
                return
            kind, number = struct.unpack_from("<HH", value, at)
            at += 4
            if number >= 0x8000:
                at = _behind_name(value, at)
            first, at = _values(value, at, kind)
            if at < 0:
                return
            if first is not None:
                yield number, kind & ~_MANY, first

    def text(self, kind: int, data: bytes) -> str:
        if kind == _UNICODE:
            return data.decode("utf-16-le", "replace").partition("\0")[0]
        return self.string(data) if kind == _STRING else ""

    def string(self, data: bytes) -> str:
        return charsets.text(data.partition(b"\0")[0], self.code_page)


def _behind_name(value: bytes, at: int) -> int:
    """Named properties carry a GUID, and a number or a name."""
    kind = int.from_bytes(value[at + 16 : at + 20], "little")
    if kind == 0:
        return at + 24
    size = int.from_bytes(value[at + 20 : at + 24], "little")
    return at + 24 + _padded(size)


def _values(value: bytes, at: int, kind: int) -> tuple[bytes | None, int]:
    """The first value of a property, and where the next property begins; -1 where that cannot be said."""
    several, simple = bool(kind & _MANY), kind & ~_MANY
    size = _FIXED.get(simple)
    count = 1
    if several or size is None:
        count = int.from_bytes(value[at : at + 4], "little")
        at += 4
    if size is not None:
        end = at + _padded(size) * count
        return (value[at : at + size] if count else None), end if end <= len(value) else -1
    if simple not in (_OBJECT, _STRING, _UNICODE, _BINARY) or count > VALUES:
        return None, -1
    first = None
    for _ in range(count):
        if at + 4 > len(value):
            return first, -1 if first is None else len(value)
        size = int.from_bytes(value[at : at + 4], "little")
        at += 4
        if first is None:
            first = value[at : at + size]
        at += _padded(size)
    return first, at


def _padded(size: int) -> int:
    return (size + 3) & ~3
