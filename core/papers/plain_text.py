"""How is a paper read without any form? Lines of text, in the order of the other writers."""

from __future__ import annotations

from collections.abc import Iterator

from core.papers import model


def write(paper: model.Paper) -> str:
    """The whole of it, with its title."""
    paper = model.cleaned(paper)
    title = paper.title.upper()
    parts = [f"{title}\n{paper.subtitle}" if paper.subtitle else title]
    parts += ["\n".join(_block(block)) for block in paper.blocks]
    return "\n\n".join(part for part in parts if part) + "\n"


def _block(block: model.Block) -> Iterator[str]:  # noqa: PLR0912 - one case a kind
    heading = block.heading
    if heading and not (isinstance(block, model.Words) and _short(block.text)):
        yield heading
    match block:
        case model.Facts():
            for name, value in block.rows:
                yield f"{name}: {value}"
        case model.Words():
            yield f"{heading}: {block.text}" if heading and _short(block.text) else block.text
        case model.Grid():
            for row in block.rows:
                beside = [
                    f"{head.lower()} {cell}"
                    for head, cell in zip(block.head[1:], row[1:], strict=True)
                    if cell
                ]
                yield f"- {row[0]}: {', '.join(beside)}" if beside else f"- {row[0]}"
        case model.Moments():
            for at, what, way in block.rows:
                yield f"- {at}: {what} ({way})" if way else f"- {at}: {what}"
        case model.Picture():
            yield f"[{block.says}]"
        case model.Signatures():
            for one in block.signed:
                said = [part for part in (one.role, one.at, one.words) if part]
                yield f"- {one.who}: {', '.join(said)}" if said else f"- {one.who}"
        case model.Chart():
            for label, told in block.rows():
                yield f"- {label}: {told}"


def _short(text: str) -> bool:
    return "\n" not in text
