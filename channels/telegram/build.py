"""How is the channel of Telegram made from its settings?"""

from __future__ import annotations

import ssl
from functools import cache
from typing import TYPE_CHECKING

from telegram import Bot
from telegram.request import HTTPXRequest

from channels.telegram.channel import TelegramChannel
from channels.telegram.pace import OVERALL, Pace
from channels.telegram.polling import Polling
from channels.telegram.sending import Sender
from channels.telegram.taking import Taking
from channels.telegram.webhook import Webhook, address

if TYPE_CHECKING:
    from channels.settings import TelegramSettings
    from channels.surroundings import Surroundings

HOME = "https://api.telegram.org"
CONNECT = 10.0  # seconds
ANSWER = 20.0  # seconds
UPLOAD = 120.0  # seconds for a file
CONNECTIONS = 32


def build(settings: TelegramSettings, around: Surroundings) -> TelegramChannel:
    """The channel; nothing is asked of Telegram yet."""
    bot, requests = a_bot(settings)
    token = settings.token.reveal()
    down: dict[str, str] = {}
    taking = Taking(bot=bot, bot_id=int(token.partition(":")[0]))
    way_in: Polling | Webhook
    if settings.mode == "webhook":
        way_in = Webhook(
            bot=bot,
            secret=settings.webhook_secret.reveal(),
            url=address(around.public_url),
            taking=taking,
            down=down,
        )
    else:
        way_in = Polling(url=bot.base_url, request=requests[0], taking=taking, down=down)
    pace = Pace(overall=OVERALL / around.common.processes)
    return TelegramChannel(
        bot=bot,
        requests=requests,
        taking=taking,
        sender=Sender(bot=bot, pace=pace),
        way_in=way_in,
        down=down,
        languages=around.languages,
    )


def a_bot(settings: TelegramSettings) -> tuple[Bot, tuple[HTTPXRequest, HTTPXRequest]]:
    """The bot, and its connections: one that waits for updates, and those of everything else."""
    api = (settings.api_url or HOME).rstrip("/")
    trust = {"verify": _trusted()}
    asking = HTTPXRequest(
        connection_pool_size=1, connect_timeout=CONNECT, read_timeout=ANSWER, httpx_kwargs=trust
    )
    telling = HTTPXRequest(
        connection_pool_size=CONNECTIONS,
        connect_timeout=CONNECT,
        read_timeout=ANSWER,
        write_timeout=ANSWER,
        pool_timeout=ANSWER,
        media_write_timeout=UPLOAD,
        httpx_kwargs=trust,
    )
    bot = Bot(
        settings.token.reveal(),
        base_url=f"{api}/bot",
        base_file_url=f"{api}/file/bot",
        request=telling,
        get_updates_request=asking,
    )
    return bot, (asking, telling)


@cache
def _trusted() -> ssl.SSLContext:
    """Whom this machine trusts, as for everything else the hub asks."""
    return ssl.create_default_context()
