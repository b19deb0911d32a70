"""Who is at the other end of a bot? People with accounts, and groups of them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from tests.channels.telegram.chats import Room, Shown

if TYPE_CHECKING:
    from tests.channels.telegram.bot_api import BotApi

PATIENCE = 60.0  # seconds somebody looks at their telephone: the machine is shared


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
