"""How does an update get to the door? With its files, stored before Telegram is told; then who pressed a button is answered.

What is asked of Telegram's types here is only which files to fetch: an update that they cannot read is stored all the same.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from telegram import Bot, Message, Update
from telegram.error import TelegramError

from channels.telegram import contents, names
from channels.telegram.contents import Wanted
from core.channel import Door
from core.envelope import Arrival
from core.log import get_logger

AT_ONCE = 4  # messages with files that are in memory at the same time
FILES_WITHIN = 20.0  # seconds for the files of all that came together: nobody's words wait longer for them
ANSWER_WITHIN = 5.0  # seconds to tell Telegram that a button was pressed

KINDS = ("message", "edited_message", "callback_query", "my_chat_member", "message_reaction")
"""What we ask Telegram for."""

log = get_logger("telegram")

Raw = Mapping[str, Any]
"""An update as Telegram wrote it."""


@dataclass(slots=True, kw_only=True)
class Taking:
    """Hands in what Telegram brings, by whatever way it comes."""

    bot: Bot = field(repr=False)
    bot_id: int
    username: str = ""
    """As far as we were told."""
    files_within: float = FILES_WITHIN
    _few: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))

    async def all(self, updates: Sequence[Raw], door: Door) -> None:
        """Store these: those of one chat in their order, chats side by side. Raises Unavailable: not all are stored."""
        until = asyncio.get_running_loop().time() + self.files_within
        by_chat: dict[int, list[Raw]] = {}
        for update in updates:
            by_chat.setdefault(chat_of(update), []).append(update)
        done = await asyncio.gather(
            *(self._in_order(ones, door, until) for ones in by_chat.values()), return_exceptions=True
        )
        for one in done:
            if isinstance(one, BaseException):
                raise one

    async def one(self, update: Raw, door: Door, *, until: float | None = None) -> None:
        """Store an update with its files. Raises Unavailable. Safe to repeat: its number tells it.

        `until`: on the loop's clock; what is not fetched by then has to come another way.
        """
        if until is None:
            until = asyncio.get_running_loop().time() + self.files_within
        async with contextlib.AsyncExitStack() as held:
            files, missing = await self._fetched(_wanted(update), until, held)
            what = {"update": update, "files": files, "missing": missing}
            await door.accept(self._arrival(what, f"{update['update_id']}", chat_of(update)))
        pressed = update.get("callback_query")
        if isinstance(pressed, Mapping) and "id" in pressed:
            with contextlib.suppress(TelegramError, TimeoutError):  # too late to answer is no loss
                async with asyncio.timeout(ANSWER_WITHIN):
                    await self.bot.answer_callback_query(str(pressed["id"]))

    async def moved(self, old: int, new: int, door: Door) -> None:
        """A group has another number, as we saw when we wrote to it. Raises Unavailable."""
        await door.accept(self._arrival({"moved": {"from": old, "to": new}}, f"moved/{old}", new))

    async def _in_order(self, updates: Sequence[Raw], door: Door, until: float) -> None:
        for update in updates:
            await self.one(update, door, until=until)

    def _arrival(self, what: Mapping[str, Any], number: str, chat: int) -> Arrival:
        kept = {"bot": {"id": self.bot_id, "username": self.username}, **what}
        return Arrival(
            channel=names.CHANNEL,
            raw=json.dumps(kept).encode(),  # in ASCII: JSON may hold half a character, bytes cannot
            received_at=datetime.now(UTC),
            external_id=f"{self.bot_id}/{number}",
            sender=names.address(chat) if chat else "",
        )

    # --- Files ----------------------------------------------------------------------------------------------

    async def _fetched(
        self, wanted: Sequence[Wanted], until: float, held: contextlib.AsyncExitStack
    ) -> tuple[list[dict[str, str]], list[str]]:
        """The files, and the names of those that have to come another way. `held`: until they are stored."""
        found: list[dict[str, str]] = []
        missing: list[str] = []
        try:
            if not all(one.too_large for one in wanted):
                async with asyncio.timeout_at(until):
                    await held.enter_async_context(self._few)
        except TimeoutError:
            return [], [one.name for one in wanted]
        for one in wanted:
            content = await self._content(one, until)
            if content is None:
                missing.append(one.name)
            else:
                encoded = base64.b64encode(content).decode()
                found.append({"name": one.name, "type": one.type, "content": encoded})
        return found, missing

    async def _content(self, one: Wanted, until: float) -> bytes | None:
        if one.too_large:
            return None
        try:
            async with asyncio.timeout_at(until):
                file = await self.bot.get_file(one.id)
                return bytes(await file.download_as_bytearray())
        except (TelegramError, TimeoutError, RuntimeError, ValueError) as error:
            log.warning("a file could not be fetched", error=type(error).__name__, size=one.size)
            return None


def chat_of(update: Raw) -> int:
    """The chat that an update belongs to; 0: none that we know."""
    for kind in KINDS:
        found = update.get(kind)
        if isinstance(found, Mapping):
            for holder in (found, found.get("message")):
                chat = holder.get("chat") if isinstance(holder, Mapping) else None
                if isinstance(chat, Mapping) and isinstance(chat.get("id"), int):
                    return int(chat["id"])
    return 0


def _wanted(update: Raw) -> list[Wanted]:
    message = update.get("message")
    if not isinstance(message, dict):
        return []
    try:
        read = Update.de_json({"update_id": 0, "message": message}).message
    except Exception:  # whatever the types say to it: it is stored, and staff see it
        return []
    return contents.files(read) if isinstance(read, Message) else []
