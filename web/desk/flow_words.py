"""Where in the pages is a place of the flow, and what differs between two flows?"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from ivr.editing import Plain
from ivr.flow import Flow, prompt_name, text_of, to_plain

AROUND = 3
"""Lines that stay the same, around those that do not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """Of a comparison."""

    sign: str
    """`+`, `-`, a blank, or `@` where lines are left out."""
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What a version changes."""

    nodes: dict[str, tuple[str, ...]]
    """added, changed and removed, with the names of each."""
    prompts: dict[str, tuple[str, ...]]
    settings: tuple[str, ...]
    lines: tuple[Line, ...]


def difference(before: Flow, after: Flow) -> Difference:
    """From one to the other."""
    old, new = to_plain(before), to_plain(after)
    parts = ("nodes", "prompts")
    return Difference(
        nodes=_names(old["nodes"], new["nodes"]),
        prompts=_names(old["prompts"], new["prompts"]),
        settings=tuple(name for name in sorted({*old, *new} - {*parts}) if old.get(name) != new.get(name)),
        lines=tuple(_lines(text_of(before), text_of(after))),
    )


def _names(old: Plain, new: Plain) -> dict[str, tuple[str, ...]]:
    return {
        "added": tuple(name for name in new if name not in old),
        "changed": tuple(name for name in new if name in old and new[name] != old[name]),
        "removed": tuple(name for name in old if name not in new),
    }


def _lines(old: str, new: str) -> Iterator[Line]:
    for line in difflib.unified_diff(old.splitlines(), new.splitlines(), n=AROUND, lineterm=""):
        if line.startswith(("---", "+++")):
            continue
        yield Line(sign=line[0], text="" if line[0] == "@" else line[1:])


def leads_to(version: int, place: str) -> str:
    """The page where a place of the flow is changed.

    >>> leads_to(3, "nodes/main/choices/1"), leads_to(3, "prompts/bye/it")
    ('/desk/flows/3?node=main#chosen', '/desk/flows/3?prompt=bye#chosen')
    """
    part, _, rest = place.partition("/")
    name = rest.partition("/")[0]
    if part == "metadata":
        return f"/desk/flows/{version}/rehearse#scenarios"
    query = {"nodes": {"node": name}, "prompts": {"prompt": name}}.get(part, {"part": "settings"})
    return f"/desk/flows/{version}?{urlencode(query)}#chosen"


def said_at(node: Plain) -> tuple[str, ...]:
    """The prompts that a node says, each once, without their languages."""
    sayings: list[Any] = []
    for inside in (node, node.get("no_input", {}), node.get("invalid", {})):
        for field in ("consent", "say", "waiting", "offer", "last"):
            sayings += inside.get(field, ())
    return tuple(dict.fromkeys(prompt_name(said)[0] for said in sayings))
