"""How do updates come where Telegram can reach us? It posts each to /in/telegram, with the secret that we gave it (setWebhook)."""

from __future__ import annotations

import asyncio
import hmac
import json
import time
from collections.abc import MutableMapping
from dataclasses import dataclass, field

from aiohttp import web
from telegram import Bot
from telegram.error import InvalidToken, TelegramError

from channels.telegram.refusals import WRONG_TOKEN, refused
from channels.telegram.taking import Taking
from core.channel import Door, Unavailable
from core.log import get_logger

PATH = "/in/telegram"
HEADER = "X-Telegram-Bot-Api-Secret-Token"
BODY_TIME = 10.0  # seconds an update may take to arrive
LOOK_EVERY = 300.0  # seconds between looks at what Telegram says of the webhook
LOOK_AGAIN = 30.0  # while something is wrong
TELL_EVERY = 60.0  # seconds between lines about wrong secrets: anybody can send one
PART = "webhook"
ELSEWHERE = "Telegram brings nothing here: `main.py telegram webhook` tells it where"

log = get_logger("telegram")


def address(public_url: str) -> str:
    """Where Telegram brings updates."""
    return f"{public_url.rstrip('/')}{PATH}"


@dataclass(slots=True, kw_only=True)
class Webhook:
    """Takes updates while it runs, and looks from time to time whether Telegram knows where."""

    bot: Bot = field(repr=False)
    secret: str = field(repr=False)
    url: str
    taking: Taking
    down: MutableMapping[str, str]
    look_every: float = LOOK_EVERY
    _door: Door | None = None
    _wrong: int = 0
    _told: float = -TELL_EVERY

    async def run(self, door: Door) -> None:
        """Until cancelled."""
        self._door = door
        try:
            while True:
                await self._look()
                await asyncio.sleep(
                    min(LOOK_AGAIN, self.look_every) if PART in self.down else self.look_every
                )
        finally:
            self._door = None
            self.down.pop(PART, None)

    def routes(self) -> list[web.RouteDef]:
        """What Telegram asks."""
        return [web.post(PATH, self.take)]

    async def take(self, request: web.Request) -> web.Response:
        """Who does not know the secret is refused before their bytes are read; 200 only when the update is stored."""
        given = request.headers.get(HEADER, "")
        if not hmac.compare_digest(given.encode("utf-8", "surrogateescape"), self.secret.encode()):
            self._refused()
            return _answer(403, "the secret is wrong")
        if self._door is None:
            return _answer(503, "not ready yet")
        try:
            async with asyncio.timeout(BODY_TIME):
                update = json.loads(await request.read())
        except TimeoutError:
            return _answer(408, "the update took too long")
        except (ValueError, RecursionError):
            return _answer(400, "this is no JSON")
        if not isinstance(update, dict) or not isinstance(update.get("update_id"), int):
            return _answer(400, "this is no update")
        try:
            await self.taking.one(update, self._door)
        except Unavailable:
            return _answer(503, "not just now")
        return web.Response()

    async def _look(self) -> None:
        try:
            known = await self.bot.get_webhook_info()
        except InvalidToken:
            self.down[PART] = WRONG_TOKEN
            log.error("Telegram refuses to be asked", reason=WRONG_TOKEN)
        except TelegramError as error:  # it may bring updates all the same
            log.warning("Telegram could not be asked for the webhook", reason=str(refused(error)))
        else:
            if known.url == self.url:
                self.down.pop(PART, None)
            else:
                self.down[PART] = ELSEWHERE
                log.error("Telegram has another webhook, or none", reason=ELSEWHERE)
            if known.pending_update_count and known.last_error_message:
                log.warning(
                    "Telegram could not bring everything",
                    reason=known.last_error_message,
                    waiting=known.pending_update_count,
                )

    def _refused(self) -> None:
        self._wrong += 1
        if time.monotonic() - self._told >= TELL_EVERY:
            log.warning("updates with a wrong secret were refused", refused=self._wrong)
            self._told, self._wrong = time.monotonic(), 0


def _answer(status: int, why: str) -> web.Response:
    return web.Response(status=status, text=f"{why}\n", headers={"Retry-After": "5"} if status == 503 else {})
