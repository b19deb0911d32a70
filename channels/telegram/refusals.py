"""What does it mean when Telegram says no? Its errors as ours: is trying again of use, and when?"""

from __future__ import annotations

from datetime import timedelta

from telegram.error import (
    BadRequest,
    Conflict,
    Forbidden,
    InvalidToken,
    NetworkError,
    RetryAfter,
    TelegramError,
    TimedOut,
)

from core.channel import DeliveryError

WRONG_TOKEN = "Telegram does not know this token: look at channels.telegram.token"  # noqa: S105 - words
_FORBIDDEN = {
    "blocked": "they blocked the bot",
    "deactivated": "their account is gone",
    "kicked": "the bot was taken out of the group",
    "not a member": "the bot is not in the group any more",
    "initiate": "they have never written to the bot",
    "bots": "a bot cannot write to a bot",
}


def refused(error: TelegramError) -> DeliveryError:
    """The same as a channel says it. Of the network's own words nothing is told: they may hold the address with the token."""
    if isinstance(error, RetryAfter):
        return DeliveryError("Telegram wants fewer messages", retry_after=wait_of(error))
    if isinstance(error, Forbidden):
        said = error.message.lower()
        why = next(
            (words for part, words in _FORBIDDEN.items() if part in said), f"Telegram says: {error.message}"
        )
        return DeliveryError(why, permanent=True)
    if isinstance(error, InvalidToken):
        return DeliveryError(WRONG_TOKEN)
    if isinstance(error, BadRequest):  # what we ask is wrong, and stays wrong
        return DeliveryError(f"Telegram says: {error.message}"[:300], permanent=True)
    if isinstance(error, Conflict):
        return DeliveryError("Telegram says: somebody else uses the bot")
    if isinstance(error, TimedOut):
        return DeliveryError("Telegram did not answer in time")
    if isinstance(error, NetworkError):
        return DeliveryError("Telegram could not be asked")
    return DeliveryError(f"Telegram could not be asked: {type(error).__name__}")


def wait_of(error: RetryAfter) -> float:
    """Seconds that it asks us to wait."""
    wait = error.retry_after
    return wait.total_seconds() if isinstance(wait, timedelta) else float(wait)


def says(error: BadRequest, *words: str) -> bool:
    """Is it one of these?"""
    return any(one in error.message.lower() for one in words)
