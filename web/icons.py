"""How are icons drawn? Each once, in a sheet that browsers keep; pages refer to it, which takes a fifth of the room."""

from __future__ import annotations

import re
from collections.abc import Iterable
from importlib.resources import files
from zipfile import ZipFile

SHEET = "icons.svg"
NAMES = frozenset(
    """
    archive-box arrow-down arrow-down-tray arrow-left arrow-path arrow-right
    arrow-right-start-on-rectangle arrow-up arrow-up-circle arrow-up-tray arrow-uturn-left
    arrows-pointing-in arrows-right-left arrows-up-down at-symbol backward beaker bell-alert bolt
    bookmark building-office-2 calendar-days chart-bar chart-pie chat-bubble-bottom-center-text
    chat-bubble-left chat-bubble-left-right chat-bubble-oval-left check check-badge check-circle
    chevron-down chevron-left
    chevron-right chevron-up clipboard-document-check clock code-bracket command-line
    computer-desktop device-phone-mobile document-magnifying-glass document-text ellipsis-horizontal
    envelope envelope-open exclamation-circle exclamation-triangle eye fire flag funnel hand-raised
    inbox inbox-stack link list-bullet magnifying-glass megaphone no-symbol paper-airplane
    paper-clip pause pencil pencil-square phone phone-arrow-down-left phone-arrow-up-right
    phone-x-mark play plus presentation-chart-bar puzzle-piece scissors share signal speaker-x-mark
    stop stop-circle trash truck tv user user-circle user-group user-plus wrench wrench-screwdriver
    x-circle x-mark
    """.split()
)
"""Heroicons of the size beside words that pages name; `tests/web/test_icons.py` says which lacks."""

_OUTSIDE = re.compile(r"<svg[^>]*>(.*)</svg>", re.DOTALL)
_GAP = re.compile(r"\s*\n\s*")


def drawn(name: str) -> str:
    """The drawing, whole: for a picture that is looked at by itself. Raises KeyError for a name that the library does not have."""
    return f'<svg viewBox="0 0 20 20" fill="currentColor" aria-hidden="true" width="16" height="16">{_paths((name,))[name]}</svg>'


def sheet() -> bytes:
    """All of them, as a file: each a symbol of its name."""
    symbols = (
        f'<symbol id="{name}" viewBox="0 0 20 20" fill="currentColor">{paths}</symbol>'
        for name, paths in _paths(sorted(NAMES)).items()
    )
    return f'<svg xmlns="http://www.w3.org/2000/svg">{"".join(symbols)}</svg>'.encode()


def _paths(names: Iterable[str]) -> dict[str, str]:
    """What is drawn in each. The library's own function opens its archive for each name: a second of a processor for all."""
    with (files("heroicons") / "heroicons.zip").open("rb") as raw, ZipFile(raw) as archive:
        return {
            name: _GAP.sub("", _OUTSIDE.sub(r"\1", archive.read(f"mini/{name}.svg").decode()).strip())
            for name in names
        }
