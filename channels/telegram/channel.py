"""Telegram: a bot of the desk's own, by long polling or a webhook, and the Bot API out."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiohttp.web import RouteDef
from telegram import Bot
from telegram.error import InvalidToken, TelegramError
from telegram.request import BaseRequest

from channels.telegram import names
from channels.telegram.polling import FIRST_WAIT, LAST_WAIT, Polling
from channels.telegram.refusals import WRONG_TOKEN, refused
from channels.telegram.sending import Sender
from channels.telegram.taking import Taking
from channels.telegram.webhook import Webhook
from core import texts
from core.channel import Door, Unavailable
from core.envelope import Address, Outgoing, Sent
from core.log import get_logger

PART = "log-in"
TYPING_WITHIN = 5.0  # seconds

log = get_logger("telegram")


@dataclass(slots=True, kw_only=True)
class TelegramChannel:
    """See core.channel.Channel, Typing, Retracting and Linking."""

    bot: Bot = field(repr=False)
    requests: Sequence[BaseRequest]
    taking: Taking
    sender: Sender
    way_in: Polling | Webhook
    down: dict[str, str]
    """Why, by part: what does not work just now."""
    name: str = names.CHANNEL
    reader: str = "channels.telegram.reading:read"
    reader_options: Mapping[str, Any] = field(default_factory=dict)
    languages: Sequence[str] = ()
    """What we answer in; the first is spoken to who speaks none of them."""
    first_wait: float = FIRST_WAIT
    door: Door | None = None

    def __post_init__(self) -> None:
        self.sender.moved = self.moved

    async def run(self, door: Door) -> None:
        """Take updates in until cancelled."""
        self.door = door
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._introduce(), name="telegram-log-in")
                tasks.create_task(self.way_in.run(door), name="telegram-updates")
        finally:
            self.door = None

    def webhooks(self) -> Sequence[RouteDef]:
        """What Telegram asks of us, if it does."""
        return self.way_in.routes() if isinstance(self.way_in, Webhook) else ()

    async def send(self, outgoing: Outgoing) -> Sent:
        """One message to one chat. Raises DeliveryError."""
        return await self.sender.send(outgoing)

    async def typing(self, to: Address) -> None:
        """See core.channel.Typing."""
        with contextlib.suppress(TelegramError, TimeoutError, ValueError):
            async with asyncio.timeout(TYPING_WITHIN):
                await self.sender.typing(names.chat_of(to.address))

    async def retract(self, to: Address, remote_id: str) -> None:
        """See core.channel.Retracting."""
        await self.sender.retract(remote_id)

    def link(self, code: str) -> str:
        """See core.channel.Linking; empty as long as Telegram has not told us the bot's name."""
        return f"https://t.me/{self.taking.username}?start={code}" if self.taking.username else ""

    async def moved(self, old: int, new: int) -> None:
        """A group has another number, as an answer to a message of ours said."""
        if self.door is not None:
            with contextlib.suppress(Unavailable):  # Telegram says it again with the next one
                await self.taking.moved(old, new, self.door)

    async def close(self) -> None:
        """Let the connections go. Not at the end of `run`: what was to leave still leaves while the hub stops."""
        for one in self.requests:
            await one.shutdown()

    async def _introduce(self) -> None:
        """Ask what the bot is called, until Telegram says so, and say what it understands."""
        wait = self.first_wait
        while True:
            try:
                self.taking.username = (await self.bot.get_me()).username or ""
            except TelegramError as error:
                why = WRONG_TOKEN if isinstance(error, InvalidToken) else str(refused(error))
                self.down[PART] = why
                log.error("the bot cannot log in", reason=why, retry_in=wait)
                await asyncio.sleep(wait)
                wait = min(2 * wait, LAST_WAIT)
            else:
                break
        self.down.pop(PART, None)
        try:
            await self._menu()
        except TelegramError as error:  # commands work without being listed
            log.warning("the list of commands could not be set", reason=str(refused(error)))

    async def _menu(self) -> None:
        """The list of commands that Telegram shows, in the language of whoever looks at it."""
        for place, language in enumerate(self.languages):
            shown = list(texts.commands(language).items())
            if place == 0:
                await self.bot.set_my_commands(shown)
            await self.bot.set_my_commands(shown, language_code=language)
