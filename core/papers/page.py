"""How is a paper shown on a page? A part of one, every word escaped; pictures inside, so that nothing is fetched."""

from __future__ import annotations

import base64
from collections.abc import Mapping

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from core.papers import model, wording

PNG, JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"

_environment = Environment(
    loader=FileSystemLoader(wording.FOLDER),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_environment.filters["svg_source"] = lambda svg: _source(svg.encode(), "image/svg+xml")


def write(paper: model.Paper, pictures: Mapping[str, bytes]) -> str:
    """The paper as a part of a page. A picture that is neither PNG nor JPEG is left out; its words stay."""
    paper = model.cleaned(paper)
    sources = {
        name: _source(content, kind)
        for name, content in pictures.items()
        if (kind := kind_of(content)) is not None
    }
    blocks = [(type(block).__struct_config__.tag, block) for block in paper.blocks]
    return _environment.get_template("paper.html").render(paper=paper, blocks=blocks, sources=sources)


def kind_of(content: bytes) -> str | None:
    """The type of a picture that may be shown, by its first bytes.

    >>> kind_of(b"<svg onload=...>"), kind_of(PNG + b"...")
    (None, 'image/png')
    """
    if content.startswith(PNG):
        return "image/png"
    return "image/jpeg" if content.startswith(JPEG) else None


def _source(content: bytes, kind: str) -> str:
    """An address that holds what it names (RFC 2397): an image there runs nothing and loads nothing."""
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
