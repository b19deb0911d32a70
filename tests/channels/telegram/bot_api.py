"""A Bot API server that behaves, with people at the other end. It runs in a thread of its own, so that whole days can use it too.

    with bot_api() as telegram:
        mario = telegram.person("Mario Rossi")
        mario.writes("The printer is on fire")
        mario.sees("26-000001")
        mario.presses("Solved")

What it promises is the public description's: updates wait until they are confirmed, errors have codes and parameters, limits hold.
`telegram.fails(…)` puts an error before the next answers of a method. What people see they wait for.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import aiohttp
from aiohttp import web

from tests.channels.telegram.methods import METHODS, Wrong, parsed

TOKEN = "4711:" + "t" * 35
USERNAME = "acme_desk_bot"
PATIENCE = 60.0  # seconds somebody looks at their telephone: the machine is shared
LONGEST = 4096
LARGEST_OUT = 50 * 10**6
LARGEST_IN = 20 * 10**6
DELETABLE = 48 * 3600  # seconds


class Refusal(Exception):
    """What the API says no with."""

    def __init__(self, code: int, description: str, **parameters: Any) -> None:
        super().__init__(description)
        self.code, self.description, self.parameters = code, description, parameters


@dataclass(slots=True, kw_only=True)
class Shown:
    """A message as somebody sees it in the chat."""

    id: int
    chat: int
    text: str
    by_bot: bool
    buttons: tuple[tuple[str, str], ...] = ()
    """(label, callback data)."""
    rows: tuple[int, ...] = ()
    """How many buttons stand in each row."""
    answers: int | None = None
    file: tuple[str, bytes] | None = None
    changed: int = 0
    deleted: bool = False
    at: float = field(default_factory=time.time)
    preview: bool = True

    @property
    def labels(self) -> list[str]:
        return [label for label, _ in self.buttons]


@dataclass(slots=True, kw_only=True)
class Room:
    """A chat: with one person, or a group."""

    id: int
    kind: str
    title: str
    messages: dict[int, Shown] = field(default_factory=dict)
    blocked: str = ""
    """What writing there is refused with."""
    moved_to: int | None = None
    next_id: Iterator[int] = field(default_factory=lambda: count(1))

    def as_json(self) -> dict[str, Any]:
        if self.kind == "private":
            return {"id": self.id, "type": "private", "first_name": self.title}
        return {"id": self.id, "type": self.kind, "title": self.title}


class BotApi:
    """The server; see the module."""

    def __init__(self, *, token: str = TOKEN, username: str = USERNAME) -> None:
        self.token, self.username = token, username
        self.bot_id = int(token.partition(":")[0])
        self.url = ""
        self._lock = threading.RLock()
        self._news = threading.Condition(self._lock)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._arrived: asyncio.Event | None = None
        self._ids = count(1000)
        self._updates_of = count(500_000)
        self._poll = 0
        self.renew()

    def renew(self) -> None:
        """Forget everything that happened; numbers go on."""
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
        self.age = 0.0
        """Seconds that everything is older than it is."""
        self.webhook: dict[str, Any] = {"url": "", "secret_token": ""}
        self.last_error = ""
        self.file_delay = 0.0
        self._failing: dict[str, deque[Refusal]] = {}
        self._files: dict[str, tuple[str, bytes, int]] = {}
        self._told: list[dict[str, Any]] = []
        self._pressed: set[str] = set()

    # --- What a test arranges -------------------------------------------------------------------------------

    def person(self, name: str = "Mario Rossi", *, number: int | None = None, language: str = "it") -> Person:
        """Somebody with an account; their chat with the bot is there once they write."""
        return Person(self, number or next(self._ids), name, language)

    def group(self, title: str = "Acme IT", *, number: int | None = None) -> Group:
        """A group, without the bot."""
        return Group(self, -(number or next(self._ids)), title)

    def fails(
        self, method: str, code: int, description: str = "", *, times: int = 1, **parameters: Any
    ) -> None:
        """The next answers of this method: 401, 403, 409, 429 with `retry_after`, 500 …"""
        words = description or {401: "Unauthorized", 429: "Too Many Requests: retry later"}.get(code, "Error")
        with self._lock:
            self._failing.setdefault(method, deque()).extend(
                Refusal(code, words, **parameters) for _ in range(times)
            )

    def works(self, method: str) -> None:
        """No error waits for this method any more."""
        with self._lock:
            self._failing.pop(method, None)

    def again(self, number: int = -1) -> None:
        """An update comes once more, although it was confirmed."""
        with self._lock:
            self.updates.append(self._told[number])
        self._wake()

    def swapped(self) -> None:
        """What waits comes in the other order, as far as numbers of updates allow: they go up whatever happens."""
        with self._lock:
            waiting = list(self.updates)
            numbers = sorted(one["update_id"] for one in waiting)
            turned = [one | {"update_id": n} for one, n in zip(reversed(waiting), numbers, strict=True)]
            self.updates.clear()
            self.updates.extend(turned)

    def of(self, method: str) -> list[dict[str, Any]]:
        """The parameters of each time it was asked."""
        with self._lock:
            return [given for name, given in self.calls if name == method]

    def until(
        self,
        question: Callable[[], Any],
        complaint: str | Callable[[], str] = "it did not happen",
        *,
        seconds: float = PATIENCE,
    ) -> Any:
        """Wait, in whatever thread, until this is true; return it."""
        end = time.monotonic() + seconds
        with self._news:
            while not (answer := question()):
                left = end - time.monotonic()
                assert left > 0, complaint if isinstance(complaint, str) else complaint()
                self._news.wait(min(left, 0.2))
            return answer

    def idle(self) -> None:
        """Wait until everything that came was confirmed, or brought."""
        self.until(lambda: not self.updates, "updates wait")

    # --- Updates --------------------------------------------------------------------------------------------

    def tell(self, kind: str, what: dict[str, Any]) -> dict[str, Any]:
        """Something happened."""
        with self._news:
            update = {"update_id": next(self._updates_of), kind: what}
            self._told.append(update)
            self.updates.append(update)
            self._news.notify_all()
        self._wake()
        return update

    def keep_file(self, name: str, content: bytes, *, size: int | None = None) -> dict[str, Any]:
        """A file that lies at Telegram; `size`: what is said of it."""
        number = next(self._ids)
        own = f"file{number}"
        with self._lock:
            self._files[own] = (name, content, size if size is not None else len(content))
        return {"file_id": own, "file_unique_id": f"u{number}", "file_size": self._files[own][2]}

    def _wake(self) -> None:
        if self._loop is not None and self._arrived is not None:
            self._loop.call_soon_threadsafe(self._arrived.set)

    # --- The server -----------------------------------------------------------------------------------------

    async def _take(self, request: web.Request) -> web.Response:
        token, method = request.match_info["token"], request.match_info["method"]
        try:
            if token != self.token:
                raise Refusal(401 if ":" in token else 404, "Unauthorized" if ":" in token else "Not Found")
            if method not in METHODS:
                raise Refusal(404, "Not Found")
            given = await _given(request)
            with self._news:
                self.calls.append((method, given))
                self._news.notify_all()
                if self._failing.get(method):
                    raise self._failing[method].popleft()
            try:
                wanted = parsed(method, given)
            except Wrong as wrong:
                self.faults.append(f"{method}: {wrong}")
                raise Refusal(400, f"Bad Request: {wrong}") from None
            result = await getattr(self, f"_{method}")(wanted)
        except Refusal as no:
            body = {"ok": False, "error_code": no.code, "description": no.description}
            if no.parameters:
                body["parameters"] = no.parameters
            return web.json_response(body, status=no.code)
        return web.json_response({"ok": True, "result": result})

    async def _file(self, request: web.Request) -> web.Response:
        if request.match_info["token"] != self.token:
            raise web.HTTPUnauthorized
        found = self._files.get(request.match_info["path"].rpartition("/")[2])
        if found is None:
            raise web.HTTPNotFound
        await asyncio.sleep(self.file_delay)
        return web.Response(body=found[1])

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
            while self.updates and self.updates[0]["update_id"] < offset:
                self.updates.popleft()  # confirmed
            self._news.notify_all()
        self._arrived_event().set()  # whoever waits looks whether it is still its turn
        while True:
            with self._lock:
                found = [one for one in self.updates if self._wanted(one, given)][:limit]
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

    def _wanted(self, update: dict[str, Any], given: dict[str, Any]) -> bool:
        kinds = given.get("allowed_updates")
        return not kinds or bool(set(kinds) & set(update))

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

    async def bring(self) -> None:
        """Bring updates to the webhook, while there is one: one after another, each until it is taken."""
        async with aiohttp.ClientSession() as session:
            while True:
                with self._lock:
                    url, secret = self.webhook["url"], self.webhook["secret_token"]
                    first = self.updates[0] if self.updates and url else None
                if first is None:
                    await asyncio.sleep(0.02)
                    continue
                try:
                    headers = {"X-Telegram-Bot-Api-Secret-Token": secret} if secret else {}
                    async with session.post(url, json=first, headers=headers) as answer:
                        taken, said = (
                            answer.status == 200,
                            f"Wrong response from the webhook: {answer.status}",
                        )
                except aiohttp.ClientError as error:
                    taken, said = False, f"Connection failed: {type(error).__name__}"
                with self._news:
                    if taken and self.updates and self.updates[0] is first:
                        self.updates.popleft()
                        self.brought += 1
                    self.last_error = "" if taken else said
                    self._news.notify_all()
                if not taken:
                    await asyncio.sleep(0.1)

    async def serve(self, started: threading.Event, ended: asyncio.Event) -> None:
        """Listen on loopback until told to stop."""
        self._loop, self._arrived = asyncio.get_running_loop(), asyncio.Event()
        app = web.Application(client_max_size=2 * LARGEST_OUT)
        app.router.add_route("*", "/bot{token}/{method}", self._take)
        app.router.add_get("/file/bot{token}/{path:.+}", self._file)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        bringing = asyncio.create_task(self.bring())
        started.set()
        await ended.wait()
        bringing.cancel()
        await asyncio.gather(bringing, return_exceptions=True)
        await runner.cleanup()


class Person:
    """Somebody with an account at Telegram."""

    def __init__(self, api: BotApi, number: int, name: str, language: str) -> None:
        self.api, self.id, self.name, self.language = api, number, name, language
        self._seen: set[tuple[int, int, int]] = set()

    @property
    def account(self) -> dict[str, Any]:
        first, _, last = self.name.partition(" ")
        return {
            "id": self.id,
            "is_bot": False,
            "first_name": first,
            **({"last_name": last} if last else {}),
            **({"language_code": self.language} if self.language else {}),
        }

    @property
    def address(self) -> str:
        return f"telegram:{self.id}"

    @property
    def chat(self) -> Room:
        """Their chat with the bot."""
        with self.api._lock:
            return self.api.rooms.setdefault(
                self.id, Room(id=self.id, kind="private", title=self.name.partition(" ")[0])
            )

    # --- What they do ---------------------------------------------------------------------------------------

    def starts(self, code: str = "") -> Shown:
        """Press "start", by a link with a code or without."""
        return self.writes(f"/start {code}".strip())

    def writes(
        self, text: str, *, answering: Shown | None = None, in_: Group | None = None, **more: Any
    ) -> Shown:
        """A message. `more`: further fields of the update's message."""
        return self._sends(text, {**({"text": text} if text else {}), **more}, answering, in_)

    def sends_photo(
        self,
        content: bytes = b"\xff\xd8photo",
        caption: str = "",
        *,
        album: str = "",
        in_: Group | None = None,
    ) -> Shown:
        """A picture, in two sizes; `album`: with others of the same name it is one message."""
        small = self.api.keep_file("s", b"small") | {"width": 90, "height": 67}
        large = self.api.keep_file("l", content) | {"width": 1280, "height": 960}
        return self._sends(
            caption,
            {
                "photo": [large, small],
                **({"caption": caption} if caption else {}),
                **({"media_group_id": album} if album else {}),
            },
            None,
            in_,
        )

    def sends_file(
        self,
        name: str,
        content: bytes = b"content",
        *,
        caption: str = "",
        size: int | None = None,
        kind: str = "application/pdf",
    ) -> Shown:
        """A document; `size`: larger than it is."""
        file = self.api.keep_file(name, content, size=size) | {"file_name": name, "mime_type": kind}
        return self._sends(
            caption, {"document": file, **({"caption": caption} if caption else {})}, None, None
        )

    def sends_sticker(self, emoji: str = "👍") -> Shown:
        """A sign instead of words."""
        sticker = self.api.keep_file("s", b"webp") | {
            "type": "regular",
            "width": 512,
            "height": 512,
            "is_animated": False,
            "is_video": False,
            "emoji": emoji,
        }
        return self._sends(emoji, {"sticker": sticker}, None, None)

    def edits(self, shown: Shown, text: str) -> None:
        """Say something else in place of an earlier message."""
        with self.api._lock:
            shown.text = text
            what = self.api.as_json(shown, self.account) | {"edit_date": int(time.time())}
        self.api.tell("edited_message", what)

    def presses(self, label: str, *, of: Shown | None = None, in_: Group | None = None) -> str:
        """A button, of the last message that has it."""

        def there() -> tuple[Shown, str] | None:
            room = in_.room if in_ else self.chat
            for shown in [of] if of else reversed(list(room.messages.values())):
                for text, data in shown.buttons:
                    if label in text and not shown.deleted:
                        return shown, data
            return None

        shown, data = self.api.until(there, f"no button says {label!r}")
        return self.api.pressed_by(self.account, shown, data)

    def blocks(self) -> None:
        """Want nothing more from the bot."""
        self.chat.blocked = "bot was blocked by the user"
        self._member("kicked", "member")

    def unblocks(self) -> None:
        """Think again."""
        self.chat.blocked = ""
        self._member("member", "kicked")

    def reacts(self, shown: Shown, emoji: str) -> None:
        """A sign below a message; empty: taken back."""
        self.api.tell(
            "message_reaction",
            {
                "chat": self.chat.as_json(),
                "message_id": shown.id,
                "user": self.account,
                "date": int(time.time()),
                "old_reaction": [],
                "new_reaction": [{"type": "emoji", "emoji": emoji}] if emoji else [],
            },
        )

    # --- What they see --------------------------------------------------------------------------------------

    @property
    def screen(self) -> list[str]:
        """What the bot says in their chat, oldest first."""
        with self.api._lock:
            return [one.text for one in self.chat.messages.values() if one.by_bot and not one.deleted]

    def sees(self, words: str = "", *, in_: Group | None = None, seconds: float = PATIENCE) -> Shown:
        """The next message of the bot that says this, new or changed since they looked; waited for."""

        def there() -> Shown | None:
            room = in_.room if in_ else self.chat
            for one in room.messages.values():
                mark = (room.id, one.id, one.changed)
                if one.by_bot and not one.deleted and words in one.text and mark not in self._seen:
                    self._seen.add(mark)
                    return one
            return None

        found = self.api.until(
            there, lambda: f"{self.name} never saw {words!r}, but {self.screen}", seconds=seconds
        )
        assert isinstance(found, Shown)
        return found

    def _sends(self, text: str, fields: dict[str, Any], answering: Shown | None, in_: Group | None) -> Shown:
        room = in_.room if in_ else self.chat
        with self.api._lock:
            shown = Shown(
                id=next(room.next_id),
                chat=room.id,
                text=text,
                by_bot=False,
                answers=answering.id if answering else None,
                at=time.time() - self.api.age,
            )
            room.messages[shown.id] = shown
            what = self.api.as_json(shown, self.account)
        what.pop("text", None)
        self.api.tell("message", {**what, **fields})
        return shown

    def _member(self, new: str, old: str) -> None:
        _membership(self.api, self.chat, self.account, new, old)


class Group:
    """A group that people and the bot are in. Bots with privacy see commands and answers to them; what a test sends is seen."""

    def __init__(self, api: BotApi, number: int, title: str) -> None:
        self.api = api
        self.room = Room(
            id=number, kind="group", title=title, blocked="bot is not a member of the group chat"
        )
        api.rooms[number] = self.room

    @property
    def address(self) -> str:
        return f"telegram:{self.room.id}"

    def is_joined_by_the_bot(self, by: Person) -> None:
        """Somebody adds it."""
        self.room.blocked = ""
        _membership(self.api, self.room, by.account, "member", "left")

    def throws_the_bot_out(self, by: Person) -> None:
        """Somebody takes it out."""
        self.room.blocked = "bot was kicked from the group chat"
        _membership(self.api, self.room, by.account, "kicked", "member")

    def becomes_a_supergroup(self, by: Person, *, told: bool = True) -> None:
        """It has another number. `told`: Telegram says so in both chats."""
        old = self.room
        new = Room(id=-1_000_000_000_000 + old.id, kind="supergroup", title=old.title)
        old.moved_to = new.id
        self.api.rooms[new.id] = new
        self.room = new
        if told:
            for room, fields in (
                (old, {"migrate_to_chat_id": new.id}),
                (new, {"migrate_from_chat_id": old.id}),
            ):
                what = {"message_id": next(room.next_id), "date": int(time.time()), "chat": room.as_json()}
                self.api.tell("message", {**what, "from": by.account, **fields})


def _membership(api: BotApi, room: Room, by: dict[str, Any], new: str, old: str) -> None:
    me = api._me()
    until = {"until_date": 0}
    api.tell(
        "my_chat_member",
        {
            "chat": room.as_json(),
            "from": by,
            "date": int(time.time()),
            "old_chat_member": {"user": me, "status": old, **(until if old == "kicked" else {})},
            "new_chat_member": {"user": me, "status": new, **(until if new == "kicked" else {})},
        },
    )


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


async def _given(request: web.Request) -> dict[str, Any]:
    """Parameters, from wherever the description lets them stand: the address, a form, JSON, parts with files."""
    given: dict[str, Any] = dict(request.query)
    if request.content_type == "application/json":
        given |= json.loads(await request.text() or "{}")
    elif request.content_type.startswith(("multipart/", "application/x-www-form")):
        files = {}
        for name, value in (await request.post()).items():
            if isinstance(value, web.FileField):
                files[name] = (value.filename, value.file.read())
            else:
                given[name] = value
        for name, value in list(given.items()):
            if isinstance(value, str) and value.startswith("attach://"):
                given[name] = files.pop(value.removeprefix("attach://"))
        given |= files
    return given


@contextlib.contextmanager
def bot_api(**more: Any) -> Iterator[BotApi]:
    """A running server, gone afterwards. What was asked of it was as the description wants it."""
    api = BotApi(**more)
    started = threading.Event()
    ended: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    async def run() -> None:
        end = asyncio.Event()
        ended.append((asyncio.get_running_loop(), end))
        await api.serve(started, end)

    thread = threading.Thread(target=lambda: asyncio.run(run()), name="bot-api", daemon=True)
    thread.start()
    assert started.wait(PATIENCE)
    try:
        yield api
    finally:
        loop, end = ended[0]
        loop.call_soon_threadsafe(end.set)
        thread.join(PATIENCE)
    assert api.faults == []
