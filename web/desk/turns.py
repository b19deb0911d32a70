"""How is a conversation in a chat shown? As short turns: what one person says within minutes stands together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from core import chat_addresses
from core.desk.views import ButtonView, DeliveryView, FileView, MessageView, TicketView
from web import files
from web.words import Say

TOGETHER = timedelta(minutes=5)
"""What one person says within this time of their last words continues them."""
LARGEST_PREVIEW = 5 * 1024 * 1024  # bytes
PICTURES = ("image/png", "image/jpeg", "image/gif", "image/webp")
FAILED = ("bounced", "failed", "given_up")
PASSED_ON = "passed_on"
"""It did not arrive, and went another way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One message of a chat among its neighbours."""

    follows: bool
    """It continues the one before: who and when are said there."""
    trusted: bool
    """Nothing new is to be said of who vouches for it."""
    states: tuple[tuple[str, str], ...]
    """How far it got, as (words, class); what the next one of the run says as well is said there."""
    pictures: tuple[FileView, ...]
    sounds: tuple[FileView, ...]
    files: tuple[FileView, ...]
    """The others."""
    choices: tuple[tuple[ButtonView, ...], ...]
    """What was offered below it, for each to whom it was."""


def of(
    view: TicketView, timeline: Sequence[tuple[str, Any]], t: Say, moment: Callable[[datetime], str]
) -> Mapping[str, Turn]:
    """Message id to how it is shown, of those that were said in a chat. `moment` says a time shortly."""
    chats = {thread.id for thread in view.threads if chat_addresses.is_chat(thread.address)}
    said = [what if kind == "message" and what.thread in chats else None for kind, what in timeline]
    found: dict[str, Turn] = {}
    trust = ""
    for before, message, after in zip([None, *said], said, [*said[1:], None], strict=False):
        if message is None:
            continue
        words = states(message, t, moment)
        again = after is not None and continues(after, message) and states(after, t, moment) == words
        found[message.id] = Turn(
            follows=before is not None and continues(message, before),
            trusted=message.trust not in ("none", "weak") or message.trust == trust,
            states=() if again else words,
            pictures=tuple(one for one in message.files if is_picture(one)),
            sounds=tuple(one for one in message.files if is_sound(one)),
            files=tuple(one for one in message.files if not is_picture(one) and not is_sound(one)),
            choices=_by_person(message.buttons),
        )
        trust = message.trust or trust
    return found


def continues(message: MessageView, before: MessageView) -> bool:
    """Is this the next breath of the same person?"""
    same = (message.direction, message.channel, message.automatic, _author(message)) == (
        before.direction,
        before.channel,
        before.automatic,
        _author(before),
    )
    return same and message.at - before.at <= TOGETHER


def _author(message: MessageView) -> str:
    return message.agent or message.author_address or message.author_name


def states(message: MessageView, t: Say, moment: Callable[[datetime], str]) -> tuple[tuple[str, str], ...]:
    """How far our words got: once where that is the same for everybody, else for each of them by name."""
    told = [(one, *_state(one, t, moment)) for one in message.deliveries]
    if len({(words, sort) for _, words, sort in told}) <= 1:
        return tuple((words, sort) for _, words, sort in told[:1])
    another_way = any(one.state == PASSED_ON for one in message.deliveries)
    return tuple((f"{_whom(one, t, by_channel=another_way)}: {words}", sort) for one, words, sort in told)


def _whom(one: DeliveryView, t: Say, *, by_channel: bool) -> str:
    """To whom it went; by which channel, where one person has it by several, one after another."""
    name = one.name or one.address
    return f"{name}, {t.maybe('channel', one.channel)}" if by_channel else name  # type: ignore[attr-defined]


def _state(one: DeliveryView, t: Say, moment: Callable[[datetime], str]) -> tuple[str, str]:
    if one.seen_at is not None:
        return t("turn.seen", at=moment(one.seen_at)), "seen"
    words = str(t.maybe("delivery", one.state))  # type: ignore[attr-defined]
    if one.state in (*FAILED, PASSED_ON):
        sort = "late" if one.state in FAILED else one.state
        return (f"{words}: {one.error}" if one.error else words), sort
    return words, one.state


def is_picture(file: FileView) -> bool:
    """May a page show it as it is? Nothing in it can run."""
    return file.type in PICTURES and file.size <= LARGEST_PREVIEW


def is_sound(file: FileView) -> bool:
    """Can it be listened to?"""
    return file.type in files.PLAYED


def _by_person(buttons: Sequence[ButtonView]) -> tuple[tuple[ButtonView, ...], ...]:
    found: dict[str, tuple[ButtonView, ...]] = {}
    for one in buttons:
        found[one.address] = (*found.get(one.address, ()), one)
    return tuple(found.values())
