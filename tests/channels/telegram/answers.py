"""How does the Bot API answer each method? With what the public description says of it, limits and errors included."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections import deque
from itertools import count
from typing import Any

from tests.channels.telegram.chats import Room, Shown

TOKEN = "4711:" + "t" * 35
USERNAME = "acme_desk_bot"
LONGEST = 4096
LARGEST_OUT = 50 * 10**6
LARGEST_IN = 20 * 10**6
DELETABLE = 48 * 3600  # seconds


class Refusal(Exception):
    """What the API says no with."""

    def __init__(self, code: int, description: str, **parameters: Any) -> None:
        super().__init__(description)
        self.code, self.description, self.parameters = code, description, parameters


class Answers:
    """What Telegram knows, and one method for each of the API. `BotApi` lets tests and people in, and serves."""

    def __init__(self, *, token: str = TOKEN, username: str = USERNAME) -> None:
        self.token, self.username = token, username
        self.bot_id = int(token.partition(":")[0])
        self.root = ""
        self.life = 0
        self._lock = threading.RLock()
        self._news = threading.Condition(self._lock)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._arrived: asyncio.Event | None = None
        self._ids = count(1000)
        self._updates_of = count(500_000)
        self._poll = 0
        self.renew()

    @property
    def url(self) -> str:
        """Where it is asked, until it is renewed."""
        return f"{self.root}/{self.life}"

    def renew(self) -> None:
        """Forget everything that happened; numbers go on. What was asked before and is still on its way comes to nobody."""
        self.life += 1
        self.rooms: dict[int, Room] = {}
        self.updates: deque[dict[str, Any]] = deque()
        """Those that nobody has confirmed."""
        self.calls: list[tuple[str, dict[str, Any]]] = []
        """Every method that was asked, with its parameters, in order."""
        self.sent_at: list[tuple[float, int]] = []
        """When a message was taken, and for which chat."""
        self.answered: list[str] = []
        """Callback queries that were answered."""
        self.typed: list[int] = []
        self.brought = 0
        """Updates that the webhook took."""
        self.faults: list[str] = []
        """What was asked and is not as the description wants it."""
        self.confirms = True
        """False: what confirms updates never arrives."""
        self.age = 0.0
        """Seconds that everything is older than it is."""
        self.webhook: dict[str, Any] = {"url": "", "secret_token": ""}
        self.last_error = ""
        self.file_delay = 0.0
        self._failing: dict[str, deque[Refusal]] = {}
        self._files: dict[str, tuple[str, bytes, int]] = {}
        self._told: list[dict[str, Any]] = []
        self._pressed: set[str] = set()

    async def _getMe(self, given: dict[str, Any]) -> Any:
        return self._me() | {
            "can_join_groups": True,
            "can_read_all_group_messages": False,
            "supports_inline_queries": False,
        }

    def _me(self) -> dict[str, Any]:
        return {"id": self.bot_id, "is_bot": True, "first_name": "Acme Desk", "username": self.username}

    async def _getUpdates(self, given: dict[str, Any]) -> Any:
        if self.webhook["url"]:
            raise Refusal(
                409,
                "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first",
            )
        offset, limit = given.get("offset", 0), given.get("limit", 100)
        end = time.monotonic() + given.get("timeout", 0)
        self._poll += 1
        mine = self._poll
        with self._news:
            if offset < 0:
                self.updates = deque(list(self.updates)[offset:])
            while self.confirms and self.updates and self.updates[0]["update_id"] < offset:
                self.updates.popleft()  # confirmed
            self._news.notify_all()
        self._arrived_event().set()  # whoever waits looks whether it is still its turn
        while True:
            with self._lock:
                found = [one for one in self.updates if self._wanted(one, given, offset)][:limit]
            if found or time.monotonic() >= end:
                return found
            self._arrived_event().clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._arrived_event().wait(), max(0.0, end - time.monotonic()))
            if self._poll != mine:
                raise Refusal(
                    409,
                    "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running",
                )

    def _wanted(self, update: dict[str, Any], given: dict[str, Any], offset: int) -> bool:
        kinds = given.get("allowed_updates")
        fresh = self.confirms or update["update_id"] >= offset
        return fresh and (not kinds or bool(set(kinds) & set(update)))

    def _arrived_event(self) -> asyncio.Event:
        assert self._arrived is not None
        return self._arrived

    async def _setWebhook(self, given: dict[str, Any]) -> Any:
        with self._news:
            self.webhook = {"url": given["url"], "secret_token": given.get("secret_token", "")}
            if given.get("drop_pending_updates"):
                self.updates.clear()
            self._news.notify_all()
        self._arrived_event().set()
        return True

    async def _deleteWebhook(self, given: dict[str, Any]) -> Any:
        with self._news:
            self.webhook = {"url": "", "secret_token": ""}
            if given.get("drop_pending_updates"):
                self.updates.clear()
            self._news.notify_all()
        return True

    async def _getWebhookInfo(self, given: dict[str, Any]) -> Any:
        return {
            "url": self.webhook["url"],
            "has_custom_certificate": False,
            "pending_update_count": len(self.updates),
            **(
                {"last_error_date": int(time.time()), "last_error_message": self.last_error}
                if self.last_error
                else {}
            ),
        }

    async def _setMyCommands(self, given: dict[str, Any]) -> Any:
        return True

    async def _sendMessage(self, given: dict[str, Any]) -> Any:
        text = given["text"]
        if given.get("parse_mode") and any(sign in text for sign in "<*_`["):
            raise Refusal(400, "Bad Request: can't parse entities: there is an entity without an end")
        if _units(text) > LONGEST:
            raise Refusal(400, "Bad Request: message is too long")
        if not text.strip():
            raise Refusal(400, "Bad Request: text must be non-empty")
        preview = not given.get("link_preview_options", {}).get("is_disabled", False)
        return self._said_by_bot(given, text=text.strip(), preview=preview)

    async def _sendDocument(self, given: dict[str, Any]) -> Any:
        name, content = given["document"]
        if len(content) > LARGEST_OUT:
            raise Refusal(413, "Request Entity Too Large")
        return self._said_by_bot(given, text=given.get("caption", ""), file=(name, content))

    def _said_by_bot(self, given: dict[str, Any], **more: Any) -> dict[str, Any]:
        with self._news:
            room = self._room(given["chat_id"])
            reply = given.get("reply_parameters")
            answers = int(reply["message_id"]) if reply else None
            if reply and answers not in room.messages:
                if not reply.get("allow_sending_without_reply"):
                    raise Refusal(400, "Bad Request: message to be replied not found")
                answers = None
            buttons, rows = _keys(given.get("reply_markup"))
            shown = Shown(
                id=next(room.next_id),
                chat=room.id,
                by_bot=True,
                buttons=buttons,
                rows=rows,
                answers=answers,
                at=time.time() - self.age,
                **more,
            )
            room.messages[shown.id] = shown
            self.sent_at.append((time.monotonic(), room.id))
            self._news.notify_all()
            return self.as_json(shown, self._me())

    async def _editMessageText(self, given: dict[str, Any]) -> Any:
        text = given["text"]
        if _units(text) > LONGEST:
            raise Refusal(400, "Bad Request: MESSAGE_TOO_LONG")
        with self._news:
            shown = self._room(given["chat_id"]).messages.get(given["message_id"])
            if shown is None or shown.deleted:
                raise Refusal(400, "Bad Request: message to edit not found")
            if not shown.by_bot:
                raise Refusal(400, "Bad Request: message can't be edited")
            buttons, rows = _keys(given.get("reply_markup"))
            if shown.text == text.strip() and shown.buttons == buttons:
                raise Refusal(
                    400,
                    "Bad Request: message is not modified: specified new message content and reply markup are exactly the "
                    "same as a current content and reply markup of the message",
                )
            shown.text, shown.buttons, shown.rows, shown.changed = (
                text.strip(),
                buttons,
                rows,
                shown.changed + 1,
            )
            self._news.notify_all()
            return self.as_json(shown, self._me())

    async def _deleteMessage(self, given: dict[str, Any]) -> Any:
        with self._news:
            shown = self._room(given["chat_id"]).messages.get(given["message_id"])
            if shown is None or shown.deleted:
                raise Refusal(400, "Bad Request: message to delete not found")
            if time.time() - shown.at > DELETABLE:
                raise Refusal(400, "Bad Request: message can't be deleted for everyone")
            shown.deleted = True
            self._news.notify_all()
        return True

    async def _sendChatAction(self, given: dict[str, Any]) -> Any:
        if given["action"] != "typing":
            raise Refusal(400, "Bad Request: wrong parameter action in request")
        with self._news:
            self.typed.append(self._room(given["chat_id"]).id)
            self._news.notify_all()
        return True

    async def _answerCallbackQuery(self, given: dict[str, Any]) -> Any:
        with self._news:
            if given["callback_query_id"] not in self._pressed:
                raise Refusal(
                    400, "Bad Request: query is too old and response timeout expired or query ID is invalid"
                )
            self._pressed.discard(given["callback_query_id"])
            self.answered.append(given["callback_query_id"])
            self._news.notify_all()
        return True

    async def _getFile(self, given: dict[str, Any]) -> Any:
        found = self._files.get(given["file_id"])
        if found is None:
            raise Refusal(400, "Bad Request: invalid file_id")
        if found[2] > LARGEST_IN:
            raise Refusal(400, "Bad Request: file is too big")
        return {
            "file_id": given["file_id"],
            "file_unique_id": f"u{given['file_id'].removeprefix('file')}",
            "file_size": found[2],
            "file_path": f"documents/{given['file_id']}",
        }

    def _room(self, chat: int) -> Room:
        room = self.rooms.get(chat)
        if room is None:
            raise Refusal(400, "Bad Request: chat not found")
        if room.moved_to is not None:
            raise Refusal(
                400,
                "Bad Request: group chat was upgraded to a supergroup chat",
                migrate_to_chat_id=room.moved_to,
            )
        if room.blocked:
            raise Refusal(403, f"Forbidden: {room.blocked}")
        return room

    def as_json(self, shown: Shown, author: dict[str, Any]) -> dict[str, Any]:
        """A message as updates and answers have it."""
        room = self.rooms[shown.chat]
        earlier = room.messages.get(shown.answers) if shown.answers else None
        return {
            "message_id": shown.id,
            "date": int(shown.at),
            "chat": room.as_json(),
            "from": author,
            **({"text": shown.text} if shown.text else {}),
            **({"reply_to_message": _brief(earlier, room, self._me())} if earlier else {}),
        }

    def pressed_by(self, person: dict[str, Any], shown: Shown, data: str) -> str:
        """A button below a message is pressed."""
        with self._lock:
            identity = str(next(self._ids))
            self._pressed.add(identity)
        self.tell(
            "callback_query",
            {
                "id": identity,
                "from": person,
                "message": self.as_json(shown, self._me()),
                "chat_instance": "1",
                "data": data,
            },
        )
        return identity


def _brief(shown: Shown, room: Room, me: dict[str, Any]) -> dict[str, Any]:
    return {
        "message_id": shown.id,
        "date": int(shown.at),
        "chat": room.as_json(),
        **({"from": me} if shown.by_bot else {}),
        "text": shown.text or "…",
    }


def _keys(markup: Any) -> tuple[tuple[tuple[str, str], ...], tuple[int, ...]]:
    keyboard = (markup or {}).get("inline_keyboard", [])
    for row in keyboard:
        for key in row:
            if not 1 <= len(key.get("callback_data", "").encode()) <= 64:
                raise Refusal(400, "Bad Request: BUTTON_DATA_INVALID")
            if not key.get("text"):
                raise Refusal(
                    400, "Bad Request: can't parse inline keyboard button: field text must be non-empty"
                )
    return (
        tuple((key["text"], key["callback_data"]) for row in keyboard for key in row),
        tuple(len(row) for row in keyboard),
    )


def _units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2
