"""What is in a chat of Telegram? Its messages, as whoever looks at it sees them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any


@dataclass(slots=True, kw_only=True)
class Shown:
    """A message as somebody sees it in the chat."""

    id: int
    chat: int
    text: str
    by_bot: bool
    buttons: tuple[tuple[str, str], ...] = ()
    """(label, callback data)."""
    rows: tuple[int, ...] = ()
    """How many buttons stand in each row."""
    answers: int | None = None
    file: tuple[str, bytes] | None = None
    changed: int = 0
    deleted: bool = False
    at: float = field(default_factory=time.time)
    preview: bool = True

    @property
    def labels(self) -> list[str]:
        return [label for label, _ in self.buttons]


@dataclass(slots=True, kw_only=True)
class Room:
    """A chat: with one person, or a group."""

    id: int
    kind: str
    title: str
    messages: dict[int, Shown] = field(default_factory=dict)
    blocked: str = ""
    """What writing there is refused with."""
    moved_to: int | None = None
    next_id: Iterator[int] = field(default_factory=lambda: count(1))

    def as_json(self) -> dict[str, Any]:
        if self.kind == "private":
            return {"id": self.id, "type": "private", "first_name": self.title}
        return {"id": self.id, "type": self.kind, "title": self.title}
