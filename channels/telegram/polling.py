"""How do updates come without a public address? We ask, with patience, one hub at a time (Bot API, getUpdates).

Asking from a number on confirms everything before it: that number only moves when what came is stored, and it is kept nowhere
else. Who takes over asks from the beginning, gets what was not confirmed, and what of it is stored already is the same row.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import MutableMapping
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import urlencode

from telegram.error import Conflict, InvalidToken, RetryAfter, TelegramError
from telegram.request import BaseRequest

from channels.telegram.refusals import WRONG_TOKEN, refused, wait_of
from channels.telegram.taking import KINDS, Raw, Taking
from core.channel import Door, Unavailable
from core.log import get_logger

PATIENCE = 50  # seconds that Telegram holds a question until there is something
ANSWER_WITHIN = 15.0  # seconds more that an answer may take
AT_ONCE = 100  # updates
FIRST_WAIT = 1.0  # seconds after a failure, doubled up to LAST_WAIT
LAST_WAIT = 60.0  # seconds
PART = "polling"

WEBHOOK_SET = "a webhook is set for this bot: `main.py telegram polling` takes it away"
TWO_ASK = "another program asks for this bot's messages: stop it, or give this desk a bot of its own"

log = get_logger("telegram")


@dataclass(slots=True, kw_only=True)
class Polling:
    """Asks for updates as long as the lease is ours."""

    url: str = field(repr=False)
    """Where the bot is asked, with its token."""
    request: BaseRequest
    """Of its own: a question that waits takes no connection from what leaves."""
    taking: Taking
    down: MutableMapping[str, str]
    """See core.hub: why nothing comes in, as long as that is so."""
    patience: int = PATIENCE
    first_wait: float = FIRST_WAIT

    async def run(self, door: Door) -> None:
        """Until cancelled. Failures are waited out here: what leaves is not concerned."""
        while True:
            try:
                async with door.lease(f"telegram:{self.taking.bot_id}"):
                    await self._ask_on(door)
            except Exception as error:  # the lease was lost, or could not be asked for
                log.warning("updates are left to others for now", error=f"{type(error).__name__}: {error}")
            finally:
                self.down.pop(PART, None)
            await asyncio.sleep(self.first_wait)

    async def _ask_on(self, door: Door) -> None:
        offset, wait = 0, self.first_wait
        while True:
            try:
                # After a failure it is first found out whether it is over.
                updates = await self._updates(offset, 0 if PART in self.down else self.patience)
                await self.taking.all(updates, door)
            except RetryAfter as error:
                await asyncio.sleep(wait_of(error))
            except (TelegramError, Unavailable) as error:
                self._told(error, wait)
                await asyncio.sleep(wait)
                wait = min(2 * wait, LAST_WAIT)
            else:
                self.down.pop(PART, None)
                wait = self.first_wait
                offset = max([offset, *(int(one["update_id"]) + 1 for one in updates)])

    async def _updates(self, offset: int, patience: int) -> list[Raw]:
        """What is new, as Telegram wrote it: one that the library cannot read must not keep back those behind it."""
        asked = urlencode(
            {
                "offset": offset,
                "limit": AT_ONCE,
                "timeout": patience,
                "allowed_updates": json.dumps(KINDS),
            }
        )
        answer: Any = await self.request.post(
            f"{self.url}/getUpdates?{asked}", read_timeout=patience + ANSWER_WITHIN
        )
        found = [one for one in answer if isinstance(one, dict) and isinstance(one.get("update_id"), int)]
        return cast(list[Raw], found)

    def _told(self, error: Exception, wait: float) -> None:
        if isinstance(error, Conflict):
            why = WEBHOOK_SET if "webhook" in error.message.lower() else TWO_ASK
            self.down[PART] = why
            log.error("Telegram refuses to be asked", reason=why, retry_in=wait)
        elif isinstance(error, InvalidToken):
            self.down[PART] = WRONG_TOKEN
            log.error("Telegram refuses to be asked", reason=WRONG_TOKEN, retry_in=wait)
        elif isinstance(error, Unavailable):
            log.warning("updates wait at Telegram", reason=str(error), retry_in=wait)
        else:
            why = str(refused(cast(TelegramError, error)))
            if wait > self.first_wait:  # a single hiccup is no news
                self.down[PART] = why
            log.warning("Telegram could not be asked", reason=why, retry_in=wait)
