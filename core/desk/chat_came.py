"""What came in a chat, and who sent it there? What the rooms of a conversation hand to one another."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from core.desk.authors import Author
from core.envelope import Inbound
from core.store.tx import Row


@dataclass(frozen=True, slots=True, kw_only=True)
class Came:
    """Words or an act."""

    row: Row
    """Of `inbound`."""
    said: Inbound
    chat: Row
    """The room's where it was said in one."""
    author: Author
    now: datetime

    @property
    def address(self) -> str:
        """The author's, as inbound rows name it."""
        return self.said.author.address if self.said.author is not None else ""
