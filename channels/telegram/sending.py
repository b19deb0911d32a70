"""How does a message of ours leave? As plain text, in as many parts as it takes, with its buttons below the last, then its files.

Telegram knows no idempotency key: a message whose answer was lost is sent again. What of one had left before something failed is
remembered as long as the hub lives, and is not sent again.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from telegram import (
    Bot,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    InputFile,
    LinkPreviewOptions,
    Message,
    ReplyParameters,
)
from telegram.constants import ChatAction
from telegram.error import BadRequest, ChatMigrated, RetryAfter, TelegramError

from channels import chatting
from channels.telegram import names
from channels.telegram.pace import Pace
from channels.telegram.refusals import refused, says, wait_of
from core.channel import DeliveryError
from core.envelope import Attachment, Button, Outgoing, Sent

LONGEST = 4096  # UTF-16 code units of a message (Bot API, sendMessage)
LARGEST_FILE = 50 * 10**6  # bytes that a bot may send (Bot API, sendDocument)
SHORT = 8  # characters of a label of which several stand side by side
IN_A_ROW = 5
REMEMBERED = 1000  # messages that left in part

_NO_PREVIEW = LinkPreviewOptions(is_disabled=True)
_CHANGED_ALREADY = ("message is not modified",)
_GONE_ALREADY = ("message to delete not found",)

Step = Callable[[int], Awaitable[Message]]
Moved = Callable[[int, int], Awaitable[None]]


@dataclass(slots=True, kw_only=True)
class Sender:
    """Writes to chats, changes what was written, and takes it back."""

    bot: Bot = field(repr=False)
    pace: Pace
    moved: Moved | None = None
    """Told when a group has another number: old, new."""
    _left: OrderedDict[str, list[int]] = field(default_factory=OrderedDict)
    """By ref, what of a message has left; forgotten once all of it has."""

    async def send(self, outgoing: Outgoing) -> Sent:
        """One message to one chat. Raises DeliveryError."""
        try:
            chat = names.chat_of(outgoing.to.address)
        except ValueError as error:
            raise DeliveryError(str(error), permanent=True) from None
        if outgoing.replaces and (changed := await self._changed(chat, outgoing)) is not None:
            return changed
        steps, texts = self._steps(outgoing, chat)
        if not steps:
            raise DeliveryError("there is nothing in it to be sent", permanent=True)
        left = self._left.setdefault(outgoing.ref, [])
        if len(self._left) > REMEMBERED:
            self._left.popitem(last=False)
        for step in steps[len(left) :]:
            chat, sent = await self._done(chat, step)
            left.append(sent.message_id)
        self._left.pop(outgoing.ref, None)
        return _sent(chat, [*left[texts:], *left[:texts]])

    async def typing(self, chat: int) -> None:
        """Show that somebody writes. Raises TelegramError."""
        await self.bot.send_chat_action(chat, ChatAction.TYPING)

    async def retract(self, remote_id: str) -> None:
        """Delete a message of ours, in all its parts. Raises DeliveryError: it stays, for Telegram allows that for 48 hours."""
        found = names.named(remote_id)
        if found is None:
            raise DeliveryError("this is no message of Telegram", permanent=True)
        for message in found.messages:
            try:
                await self.bot.delete_message(found.chat, message)
            except BadRequest as error:
                if not says(error, *_GONE_ALREADY):
                    raise refused(error) from None
            except TelegramError as error:
                raise refused(error) from None

    # --- A new message --------------------------------------------------------------------------------------

    def _steps(self, outgoing: Outgoing, chat: int) -> tuple[list[Step], int]:
        """What has to be done one after another, and how many of them are texts."""
        for file in outgoing.attachments:
            if len(file.content) > LARGEST_FILE:
                raise DeliveryError(f"{file.name} is larger than Telegram takes (50 MB)", permanent=True)
        pieces = chatting.parts(_text(outgoing), LONGEST) if outgoing.text.strip() else []
        answered = names.named(outgoing.in_reply_to)
        steps: list[Step] = []
        for place, piece in enumerate(pieces, 1):
            steps.append(
                partial(
                    self._write,
                    text=piece,
                    buttons=outgoing.buttons if place == len(pieces) else (),
                    answers=answered.messages[-1]
                    if answered and answered.chat == chat and place == 1
                    else None,
                )
            )
        steps += [partial(self._file, file=file) for file in outgoing.attachments]
        return steps, len(pieces)

    async def _write(
        self, chat: int, *, text: str, buttons: Sequence[Button], answers: int | None
    ) -> Message:
        return await self.bot.send_message(
            chat,
            text,
            link_preview_options=_NO_PREVIEW,
            reply_markup=_keyboard(buttons),
            reply_parameters=None
            if answers is None
            else ReplyParameters(answers, allow_sending_without_reply=True),
        )

    async def _file(self, chat: int, *, file: Attachment) -> Message:
        """As a document: nothing is made smaller on the way."""
        named = InputFile(file.content, filename=file.name or "file")
        return await self.bot.send_document(chat, named, disable_content_type_detection=True)

    async def _done(self, chat: int, step: Step) -> tuple[int, Message]:
        """Do it when it is our turn; the chat may have moved. Raises DeliveryError."""
        await self.pace.turn(chat)
        try:
            return chat, await step(chat)
        except ChatMigrated as error:
            new = error.new_chat_id
        except RetryAfter as error:
            self.pace.hold(chat, wait_of(error))
            raise refused(error) from None
        except TelegramError as error:
            raise refused(error) from None
        if self.moved is not None:
            await self.moved(chat, new)
        try:
            return new, await step(new)
        except TelegramError as error:
            raise refused(error) from None

    # --- In place of an earlier one -------------------------------------------------------------------------

    async def _changed(self, chat: int, outgoing: Outgoing) -> Sent | None:
        """Write it in place of the message that carries the buttons; None: it has to be said anew."""
        earlier = names.named(outgoing.replaces)
        pieces = chatting.parts(outgoing.text.strip(), LONGEST)
        if earlier is None or earlier.chat != chat or len(earlier.messages) < len(pieces):
            return None
        await self.pace.turn(chat)
        try:
            await self.bot.edit_message_text(
                pieces[-1],
                chat_id=chat,
                message_id=earlier.messages[-1],
                link_preview_options=_NO_PREVIEW,
                reply_markup=_keyboard(outgoing.buttons),
            )
        except BadRequest as error:
            if not says(error, *_CHANGED_ALREADY):
                return None  # it is gone, or too old
        except RetryAfter as error:
            self.pace.hold(chat, wait_of(error))
            raise refused(error) from None
        except ChatMigrated:
            return None
        except TelegramError as error:
            raise refused(error) from None
        return Sent(remote_id=outgoing.replaces, detail="changed")


def _text(outgoing: Outgoing) -> str:
    """It names its request, as text messages do: somebody may have several."""
    text = outgoing.text.strip()
    if outgoing.ticket_number and outgoing.ticket_number not in text:
        return f"[{outgoing.ticket_number}] {text}"
    return text


def _keyboard(buttons: Sequence[Button]) -> InlineKeyboardMarkup | None:
    """One below the other; short ones side by side."""
    rows: list[list[InlineKeyboardButton]] = []
    room = 0
    for one in buttons:
        key = InlineKeyboardButton(one.label, callback_data=one.id)
        if len(one.label) <= SHORT and room > 0:
            rows[-1].append(key)
            room -= 1
        else:
            rows.append([key])
            room = IN_A_ROW - 1 if len(one.label) <= SHORT else 0
    return InlineKeyboardMarkup(rows) if rows else None


def _sent(chat: int, messages: Sequence[int]) -> Sent:
    """Named as a whole, the one with the buttons last, and each part by itself: who quotes one means the message."""
    whole = names.ref(chat, *messages)
    parts = tuple(names.ref(chat, one) for one in messages) if len(messages) > 1 else ()
    return Sent(remote_id=whole, more_ids=parts, detail=f"message {messages[-1]}")
