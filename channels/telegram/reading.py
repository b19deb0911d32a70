"""What does an update of Telegram say? Pure: the update as it came, with the files that were fetched beside it.

Kept as JSON: `bot` (its id and name), `update` as Telegram wrote it, `files` in base64, `missing` by name. The library's own
types read it (Bot API, "Update"); what they cannot read is an exception item, and what is no word of a person is a machine record.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from telegram import Chat as TelegramChat
from telegram import (
    ChatMember,
    ChatMemberUpdated,
    Message,
    MessageReactionUpdated,
    ReactionTypeEmoji,
    Update,
    User,
)

from channels import chatting
from channels.telegram import contents, names
from core.envelope import Address, Attachment, Chat, Inbound, Kind, Span, SpanKind

SUBJECT = 80  # characters
_GONE = (ChatMember.LEFT, ChatMember.BANNED)
_ROOMS = (TelegramChat.GROUP, TelegramChat.SUPERGROUP)
_TO_A_BOT = re.compile(r"/[A-Za-z0-9_]{1,32}@([A-Za-z0-9_]{3,32})(?:\s|$)")


def read(raw: bytes, arrival: Mapping[str, Any], options: Mapping[str, Any]) -> Inbound:
    """One update, or a move of a group that we noticed ourselves. Raises ValueError for what is neither."""
    stored = json.loads(raw)
    try:
        bot = stored["bot"]
        here = _Here(
            bot=int(bot["id"]), username=str(bot["username"]), stored=stored, id=str(arrival["external_id"])
        )
        if "moved" in stored:
            return here.moved(int(stored["moved"]["from"]), int(stored["moved"]["to"]))
        return here.update(Update.de_json(_printable(stored["update"])))
    except (
        KeyError,
        TypeError,
        AttributeError,
        OverflowError,
        OSError,
    ) as error:  # the last two: a day there is not
        message = f"this is not as Telegram describes it: {type(error).__name__}: {error}"
        raise ValueError(message) from error


def _printable(value: Any) -> Any:
    """Text that can be written down again: half of a character, which JSON may hold, is none."""
    if isinstance(value, str):
        return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    if isinstance(value, dict):
        return {key: _printable(one) for key, one in value.items()}
    return [_printable(one) for one in value] if isinstance(value, list) else value


@dataclass(frozen=True, slots=True, kw_only=True)
class _Here:
    """The update that is being read."""

    bot: int
    username: str
    stored: Mapping[str, Any]
    id: str

    def update(self, update: Update) -> Inbound:
        """Whatever happened: one thing in each update."""
        if update.message is not None:
            return self.message(update.message)
        if update.edited_message is not None:
            return self.edited(update.edited_message)
        if update.callback_query is not None:
            pressed = update.callback_query
            return self.pressed(pressed.from_user, pressed.message, pressed.data or "")
        if update.my_chat_member is not None:
            return self.member(update.my_chat_member)
        if update.message_reaction is not None:
            return self.reaction(update.message_reaction)
        kinds = sorted(set(self.stored["update"]) - {"update_id"})
        return self.nothing(f"an update of the kind {', '.join(kinds)}")

    def nothing(self, why: str, *, author: Address | None = None, kind: Kind = Kind.ACT) -> Inbound:
        """Kept, and nobody's word."""
        return self._inbound(kind=kind, kind_evidence=(why,), may_auto_reply=False, author=author)

    def moved(self, old: int, new: int, title: str = "") -> Inbound:
        """A group has become a supergroup, which has another number."""
        room = Address(names.address(new), title)
        chat = Chat(room=room, moved_from=names.address(old))
        return self._inbound(
            kind=Kind.ACT, kind_evidence=("a group has another number",), author=room, chat=chat
        )

    def message(self, said: Message) -> Inbound:
        """Something was said."""
        if said.migrate_to_chat_id:
            return self.moved(said.chat.id, said.migrate_to_chat_id, said.chat.title or "")
        if said.migrate_from_chat_id:
            return self.moved(said.migrate_from_chat_id, said.chat.id, said.chat.title or "")
        author = _author(said)
        if why := self._nobody(said):
            ours = said.from_user is not None and said.from_user.id == self.bot
            return self.nothing(why, author=author, kind=Kind.OWN_LOOP if ours else Kind.ACT)
        text, wanted = contents.words(said), contents.files(said)
        unshown = contents.unshown(said)
        if not text and not wanted and not unshown:
            return self.nothing("a message of the service", author=author)
        missing = tuple(self.stored.get("missing", ()))
        chat = self._chat(said, too_large=missing)
        command, argument = chatting.command(said.text or "")
        if command:
            return self._said(
                said,
                kind=Kind.ACT,
                text=f"/{command}",
                chat=replace(chat, command=command, argument=argument),
            )
        files = tuple(
            Attachment(name=one["name"], type=one["type"], content=base64.b64decode(one["content"]))
            for one in self.stored.get("files", ())
        )
        quoted = f"{said.quote.text.strip()}\n\n" if said.quote is not None and said.quote.is_manual else ""
        spans = (
            Span(0, len(quoted), SpanKind.QUOTED),
            Span(len(quoted), len(quoted) + len(text), SpanKind.VISIBLE),
        )
        return self._said(
            said,
            kind=Kind.REACTION if said.sticker is not None else Kind.HUMAN,
            text=quoted + text,
            spans=spans if quoted else (),
            subject=" ".join(text.split())[:SUBJECT] or next((one.name for one in wanted), ""),
            attachments=files,
            notes=(*_remarks(said, unshown), *(f"a file did not come: {name}" for name in missing)),
            chat=replace(chat, part_of=_part_of(said)),
        )

    def edited(self, said: Message) -> Inbound:
        """An earlier message says something else now."""
        author = _author(said)
        if why := self._nobody(said):
            return self.nothing(why, author=author)
        if said.location is not None:  # a place that moves is told again and again
            return self.nothing("a place that moves", author=author)
        earlier = names.ref(said.chat.id, said.message_id)
        return self._said(
            said,
            kind=Kind.ACT,
            text=contents.words(said),
            message_id=f"{earlier}#{self.id}",
            chat=replace(self._chat(said), changes=earlier),
        )

    def pressed(self, who: User, below: Any, button: str) -> Inbound:
        """A button of ours was pressed. Telegram tells below what, if it still knows."""
        if below is None or not button:
            return self.nothing("a button that is none of ours", author=_account(who))
        return self._inbound(
            kind=Kind.ACT,
            author=_account(who),
            in_reply_to=(names.ref(below.chat.id, below.message_id),),
            chat=Chat(pressed=button, room=_room(below.chat), language=who.language_code or ""),
        )

    def member(self, change: ChatMemberUpdated) -> Inbound:
        """We were blocked or taken back, added to a group or thrown out of it."""
        if change.chat.type == TelegramChat.CHANNEL:
            return self.nothing("a channel, where nobody writes to us", author=_account(change.from_user))
        gone = change.new_chat_member.status in _GONE
        return self._inbound(
            kind=Kind.ACT,
            kind_evidence=(f"we are {change.new_chat_member.status} there",),
            author=_account(change.from_user),
            chat=Chat(gone=gone, room=_room(change.chat), language=change.from_user.language_code or ""),
        )

    def reaction(self, sign: MessageReactionUpdated) -> Inbound:
        """A thumb below a message, or taken away from it."""
        author = _account(sign.user) if sign.user is not None else None
        shown = "".join(one.emoji if isinstance(one, ReactionTypeEmoji) else "★" for one in sign.new_reaction)
        if not shown or author is None or (sign.user is not None and sign.user.is_bot):
            return self.nothing("a reaction that was taken back, or nobody's", author=author)
        return self._inbound(
            kind=Kind.REACTION,
            author=author,
            text=shown,
            subject=shown[:SUBJECT],
            sent_at=sign.date,
            in_reply_to=(names.ref(sign.chat.id, sign.message_id),),
            chat=Chat(room=_room(sign.chat)),
        )

    # --- What all of them have ------------------------------------------------------------------------------

    def _said(self, said: Message, **more: Any) -> Inbound:
        earlier = said.reply_to_message
        if earlier is not None and earlier.forum_topic_created is not None:
            earlier = None  # every message of a topic answers its beginning
        return self._inbound(
            **{
                "message_id": names.ref(said.chat.id, said.message_id),
                "author": _author(said),
                "sent_at": said.edit_date or said.date,
                "in_reply_to": (names.ref(said.chat.id, earlier.message_id),) if earlier is not None else (),
                **more,
            }
        )

    def _inbound(self, **more: Any) -> Inbound:
        return Inbound(
            **{
                "channel": names.CHANNEL,
                "mailbox": self.username,
                "message_id": f"{names.CHANNEL}:update/{self.id}",
                "content_key": hashlib.sha256(f"{names.CHANNEL}|{self.id}".encode()).hexdigest(),
                **more,
            }
        )

    def _chat(self, said: Message, **more: Any) -> Chat:
        speaks = said.from_user.language_code if said.from_user is not None else None
        return Chat(room=_room(said.chat), language=speaks or "", **more)

    def _nobody(self, said: Message) -> str:
        """Why this is no person's message; empty: it is."""
        if said.chat.type == TelegramChat.CHANNEL or said.is_automatic_forward:
            return "a post of a channel"
        if said.from_user is not None and said.from_user.id == self.bot:
            return "our own message"
        if said.from_user is not None and said.from_user.is_bot and said.sender_chat is None:
            return "a message of another bot"
        if said.from_user is None and said.sender_chat is None:
            return "a message of nobody"
        to = _TO_A_BOT.match(said.text or "")
        if to and self.username and to[1].lower() != self.username.lower():
            return "a command for another bot"
        return ""


def _author(said: Message) -> Address | None:
    """Who wrote: an account; or a group or channel in whose name somebody writes who does not show themselves."""
    if said.sender_chat is not None:
        return Address(names.address(said.sender_chat.id), said.sender_chat.title or "")
    return _account(said.from_user) if said.from_user is not None else None


def _account(who: User) -> Address:
    return Address(names.address(who.id), who.full_name or "")  # who is gone has no name


def _room(where: TelegramChat) -> Address | None:
    return Address(names.address(where.id), where.title or "") if where.type in _ROOMS else None


def _part_of(said: Message) -> str:
    return f"{names.CHANNEL}:{said.chat.id}/{said.media_group_id}" if said.media_group_id else ""


def _remarks(said: Message, unshown: str) -> list[str]:
    """What staff should know, as codes of the catalogue."""
    remarks = []
    if said.forward_origin is not None:
        origin = said.forward_origin
        who = (
            getattr(getattr(origin, "sender_user", None), "full_name", "")
            or getattr(origin, "sender_user_name", "")
            or getattr(getattr(origin, "sender_chat", None) or getattr(origin, "chat", None), "title", "")
            or "?"
        )
        remarks.append(f"forwarded, written by: {who}")
    if said.external_reply is not None:
        remarks.append("answers a message of another chat")
    if unshown:
        remarks.append(f"holds what is not shown: {unshown}")
    return remarks
