"""What came in a chat, and who did it? What the rooms of a conversation hand to one another."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from core.desk import chats
from core.desk.authors import Author
from core.desk.principal import Principal
from core.envelope import Inbound, Kind
from core.store.tx import Row, Tx


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Here:
    """Somebody who does something in a chat, now."""

    tx: Tx
    chat: Row
    author: Author
    said: Inbound
    now: datetime

    @property
    def actor(self) -> str:
        """How events name them: only who is proved to be somebody is named."""
        return self.author.actor if self.author.proved else "address"

    @property
    def of_customer(self) -> bool:
        """Is it known that they speak for the customer whose room this is?"""
        return self.chat.kind == "person" or self.author.proved

    @property
    def who(self) -> Principal:
        """Who acts on a ticket that is theirs; nothing is looked up for this principal."""
        if self.author.proved and self.author.contact:
            return Principal(
                kind="contact",
                id=self.author.contact,
                name=self.author.name,
                email=self.author.address,
                customer=self.author.customer,
            )
        return Principal(kind="address", id=self.author.address, name=self.author.name)

    @property
    def language(self) -> str:
        """What is spoken in the chat."""
        return chats.language_of(self.tx, self.chat)

    @property
    def comments(self) -> bool:
        """Were they just asked what they think, and are these words?"""
        until = self.chat.comment_until
        asked = self.chat.comment_id is not None and until is not None and self.now < until
        return asked and self.of_customer and self.said.kind is Kind.HUMAN and bool(self.said.text.strip())

    def say(self, kind: str, **values: Any) -> str:
        """Words of ours into the chat; the row is read again, for an act may just have changed the language."""
        now_row = chats.one(self.tx, self.chat.id)
        assert now_row is not None  # noqa: S101 - rows of chats are never deleted
        return chats.say(self.tx, now_row, kind, now=self.now, **values)

    def remember(self, **values: Any) -> None:
        """Columns of the chat."""
        chats.change(self.tx, self.chat.id, **values)
