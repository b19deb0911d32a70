"""Which tools are understood? One line for each: where its parser is, and by what its messages are known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module

from channels.monitoring.source import NotUnderstood, Parser, Told

AUTO = "auto"
"""A source of this kind sends what its shape says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A tool."""

    module: str
    """Below channels.monitoring.sources; its `parse` is a Parser."""
    marks: tuple[str, ...] = ()
    """Fields of a document or a form that all stand in its messages and in no other tool's; `-name`: does not stand there."""
    function: str = "parse"


KINDS: Mapping[str, Kind] = {
    "alertmanager": Kind(module="alertmanager", marks=("alerts", "groupLabels", "-orgId")),
}
"""Nothing is discovered: what is not here is not understood."""


@cache
def parser(kind: str) -> Parser:
    """The parser of a tool. Raises NotUnderstood for a kind that nobody knows."""
    if kind not in KINDS:
        raise NotUnderstood(f"there is no kind of source {kind!r}: {', '.join(sorted(KINDS))}")
    found = KINDS[kind]
    module = import_module(f"channels.monitoring.sources.{found.module}")
    parse: Parser = getattr(module, found.function)
    return parse


def recognised(told: Told) -> str:
    """Which tool sent this, by the shape of it. Raises NotUnderstood."""
    first = told.json[0] if isinstance(told.json, list) and told.json else told.json
    there = set(first) if isinstance(first, dict) else set(told.form)
    there |= {f"header:{name}" for name in told.headers}
    for name, kind in KINDS.items():
        if kind.marks and all(
            (mark[1:] not in there) if mark[0] == "-" else mark in there for mark in kind.marks
        ):
            return name
    raise NotUnderstood("no tool that is known sends messages of this shape")
