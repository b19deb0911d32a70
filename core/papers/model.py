"""What is a paper made of? Blocks of plain words; numbers were made words before, by whoever knows the language."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import msgspec

_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ufdd0-\ufdef\ufffe\uffff\ud800-\udfff\U000e0000-\U000e0fff]"
)
"""Control characters, what turns the direction of text, and what nobody sees; tab and line feed stay."""


class _Block(msgspec.Struct, frozen=True, kw_only=True, tag_field="block"):
    heading: str = ""


class Facts(_Block, frozen=True, kw_only=True, tag="facts"):
    """Names and what they are, one a line."""

    rows: tuple[tuple[str, str], ...]


class Words(_Block, frozen=True, kw_only=True, tag="words"):
    """Paragraphs; a line feed is a line of its own."""

    text: str


class Grid(_Block, frozen=True, kw_only=True, tag="grid"):
    """A table; its head stands again on each page. `right`: columns of numbers. `widths`: in parts; empty: alike."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    right: tuple[int, ...] = ()
    widths: tuple[int, ...] = ()


class Moments(_Block, frozen=True, kw_only=True, tag="moments"):
    """A course of events: when, what, and how it came (a channel; may be empty)."""

    rows: tuple[tuple[str, str, str], ...]


class Picture(_Block, frozen=True, kw_only=True, tag="picture"):
    """A photo or a drawing. `name`: of its bytes, PNG or JPEG. `says`: for who does not see it."""

    name: str
    says: str
    width: int = 80
    """Millimetres on paper."""


class Signature(msgspec.Struct, frozen=True, kw_only=True):
    """Who signed, as what, when, and the name of what they drew; empty: they could not, and `words` says why."""

    who: str
    role: str = ""
    at: str = ""
    picture: str = ""
    words: str = ""


class Signatures(_Block, frozen=True, kw_only=True, tag="signatures"):
    """Signatures side by side."""

    signed: tuple[Signature, ...]


class Chart(_Block, frozen=True, kw_only=True, tag="chart"):
    """Bars, one for each label and series; on paper drawn from these numbers. `shown`: each number as people read it.

    `svg`: what a page shows in its place; empty: the same numbers in words.
    """

    labels: tuple[str, ...]
    series: tuple[tuple[str, tuple[float, ...]], ...]
    """Name and a number (0 or more) for each label."""
    shown: tuple[tuple[str, ...], ...]
    svg: str = ""

    def rows(self) -> Iterator[tuple[str, str]]:
        """Label, and what stands beside it: `name shown` of each series."""
        for n, label in enumerate(self.labels):
            told = [
                f"{name} {words[n]}" if name else words[n]
                for (name, _), words in zip(self.series, self.shown, strict=True)
            ]
            yield label, ", ".join(told)


Block = Facts | Words | Grid | Moments | Picture | Signatures | Chart


class Paper(msgspec.Struct, frozen=True, kw_only=True):
    """A whole document. `name`: what it is called and its version. `hash`: of the values it was drawn from."""

    title: str
    language: str
    hub: str
    name: str
    at: datetime
    hash: str
    blocks: tuple[Block, ...]
    subtitle: str = ""


_encode = msgspec.json.Encoder(order="sorted").encode
_decode = msgspec.json.Decoder(Paper).decode


def pack(paper: Paper) -> bytes:
    """The paper as bytes, for another process; cleaned."""
    return _encode(cleaned(paper))


def unpack(packed: bytes) -> Paper:
    """The same back. Raises ValueError for bytes that are none."""
    return _decode(packed)


def stored(paper: Paper) -> dict[str, Any]:
    """The paper in JSON's own types."""
    found: dict[str, Any] = msgspec.to_builtins(paper)
    return found


def restored(kept: Any) -> Paper:
    """The same back. Raises ValueError."""
    return msgspec.convert(kept, Paper)


def cleaned(paper: Paper) -> Paper:
    """The same, each text without what would turn its direction, hide a part of it or steer a printer."""
    return restored(_each(msgspec.to_builtins(paper)))


def _each(value: Any) -> Any:
    if isinstance(value, str):
        return plain(value)
    if isinstance(value, dict):
        return {name: part if name == "svg" else _each(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_each(part) for part in value]
    return value


def plain(text: str) -> str:
    """A text that shows what it says.

    >>> plain("in\\u202efdp.exe\\r\\nok\\x07")
    'infdp.exe\\nok'
    """
    return _HIDDEN.sub("", unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n")))


def pictures(paper: Paper) -> Iterator[str]:
    """Names of the pictures it shows."""
    for block in paper.blocks:
        if isinstance(block, Picture):
            yield block.name
        elif isinstance(block, Signatures):
            yield from (one.picture for one in block.signed if one.picture)
