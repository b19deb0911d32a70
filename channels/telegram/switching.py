"""How does a bot change between being asked and being told? One at a time: Telegram refuses to be asked while there is a webhook.

What waits at Telegram is never dropped: it keeps updates for 24 hours, and hands them over by whatever way comes next.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType

from telegram import Bot, WebhookInfo
from telegram.error import TelegramError

from channels.settings import TelegramSettings
from channels.telegram.build import a_bot
from channels.telegram.refusals import refused
from channels.telegram.taking import KINDS
from channels.telegram.webhook import address

Lines = list[str]


class Wrong(Exception):
    """It cannot be done, or is not as the settings say. Says why, and what to do."""


async def webhook(bot: Bot, settings: TelegramSettings, public_url: str) -> Lines:
    """Telegram brings updates from now on. The hub has to expect them: `mode = "webhook"`."""
    url, secret = address(public_url), settings.webhook_secret.reveal()
    if not secret:
        raise Wrong(
            "channels.telegram.webhook_secret is empty: without it anybody could pretend to be Telegram"
        )
    if not settings.api_url and not url.startswith("https://"):
        raise Wrong(f"hub.public_url makes {url}: Telegram brings updates to https addresses only")
    await bot.set_webhook(url, secret_token=secret, allowed_updates=KINDS, drop_pending_updates=False)
    known = await bot.get_webhook_info()
    lines = [f"Telegram brings updates to {known.url}", *_trouble(known)]
    if settings.mode != "webhook":
        lines.append(
            'now set channels.telegram.mode = "webhook" and start the hub again: until then updates wait'
        )
    return lines


async def polling(bot: Bot, settings: TelegramSettings, public_url: str) -> Lines:
    """Telegram is asked from now on. The hub has to ask: `mode = "polling"`."""
    await bot.delete_webhook(drop_pending_updates=False)
    known = await bot.get_webhook_info()
    if known.url:
        raise Wrong(f"Telegram still brings updates to {known.url}: somebody else sets it")
    lines = ["Telegram can be asked for updates"]
    if settings.mode != "polling":
        lines.append(
            'now set channels.telegram.mode = "polling" and start the hub again: until then updates wait'
        )
    return lines


async def status(bot: Bot, settings: TelegramSettings, public_url: str) -> Lines:
    """How the bot is. Raises Wrong when nothing can come in as it is."""
    me = await bot.get_me()
    known = await bot.get_webhook_info()
    reads_all = "every message" if me.can_read_all_group_messages else "commands, and answers to it"
    lines = [
        f"@{me.username} ({me.id}), {'can' if me.can_join_groups else 'cannot'} be added to groups, reads {reads_all} there",
        f"updates are brought to {known.url}" if known.url else "updates are asked for",
        f"{known.pending_update_count} waiting",
        *_trouble(known),
    ]
    wanted = address(public_url) if settings.mode == "webhook" else ""
    if known.url != wanted:
        lines.append(
            f'but channels.telegram.mode is "{settings.mode}": run `main.py telegram {settings.mode}`'
        )
        raise Wrong("\n".join(lines))
    return lines


def _trouble(known: WebhookInfo) -> Lines:
    return [f"last trouble: {known.last_error_message}"] if known.last_error_message else []


COMMANDS: Mapping[str, Callable[[Bot, TelegramSettings, str], Awaitable[Lines]]] = MappingProxyType(
    {"webhook": webhook, "polling": polling, "status": status}
)


async def run(command: str, settings: TelegramSettings, public_url: str) -> Lines:
    """Do one of COMMANDS; what to tell whoever asked. Raises Wrong."""
    if not settings.token:
        raise Wrong("channels.telegram.token is empty: it is what @BotFather gave you for the bot")
    bot, requests = a_bot(settings)
    try:
        return await COMMANDS[command](bot, settings, public_url)
    except TelegramError as error:
        raise Wrong(str(refused(error))) from None
    finally:
        for one in requests:
            await one.shutdown()
