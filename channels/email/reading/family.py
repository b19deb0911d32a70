"""Which parts of a mail stand for each other, and which of them is the root? RFC 2046 and RFC 2387, and what mailers do."""

from __future__ import annotations

from channels.email.reading import structure

BODIES = frozenset(("text/plain", "text/html"))


def root_of(part: structure.Part) -> structure.Part:
    """The root of a `related` (RFC 2387): the part that `start` names, else the first that can be one."""
    start = part.parameters.get("start", "").strip().strip("<>")
    if start:
        for child in part.children:
            if child.header.first("content-id").strip().strip("<>").strip() == start:
                return child
    wanted = part.parameters.get("type", "").lower()
    for child in part.children:
        if child.type == wanted or child.type in BODIES or child.type.startswith("multipart/"):
            return child
    return part.children[0]


def very_first_leaf(part: structure.Part) -> structure.Part:
    """What a mail begins with, whatever it is."""
    while part.children:
        part = part.children[0]
    return part


def shown_type(part: structure.Part) -> str:
    """What a child of an alternative would show: its own type, or that of the first text inside a multipart."""
    if not part.type.startswith("multipart/"):
        return part.type
    kinds = {leaf.type for leaf in leaves_of(part)}
    return "text/html" if "text/html" in kinds else "text/plain" if "text/plain" in kinds else part.type


def leaves_of(part: structure.Part) -> list[structure.Part]:
    """Every part that holds no others, in order."""
    return [
        one for one in structure.parts(part) if not one.children and not one.type.startswith("multipart/")
    ]


def shown_leaf(part: structure.Part) -> structure.Part | None:
    """The leaf of the type that this child of an alternative shows."""
    wanted = shown_type(part)
    return next((leaf for leaf in leaves_of(part) if leaf.type == wanted), None)


def is_file(part: structure.Part) -> bool:
    """Does the sender say that this is a file, whatever its type?"""
    return part.header.first("content-disposition").lower().startswith("attachment")


def is_twin(part: structure.Part) -> bool:
    """A text that says the same in another form; everything else beside the chosen one is kept as a file."""
    if is_file(part):
        return False
    if part.type.startswith("multipart/"):
        return all(leaf.type in _TWINS for leaf in leaves_of(part)) and bool(part.children)
    return part.type in _TWINS


_TWINS = frozenset(
    "text/plain text/html text/enriched text/richtext text/markdown text/x-markdown text/x-amp-html text/watch-html".split()
)
