"""Web pages with the chat on them, and visitors who open it: a WebSocket each, and what they are told."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from aiohttp import DummyCookieJar, WSMsgType
from aiohttp.test_utils import TestClient, TestServer

from channels.email.cleaning import clean_html
from channels.settings import ChannelSettings, WebChatSettings, WebChatSiteSettings
from core.handlers import handlers
from core.settings import Hub, Limits, Secret, Settings
from core.store.database import Database
from core.worker import Worker
from tests.fakes import FakeChannel, ReadersHere
from tests.web.desk_pages import Pages
from web.app import make_app
from web.chat.channel import WebChatChannel

KEY = "the key of the shop, 32 characters."
SHOP = "https://shop.example.org"
LONG = 20.0  # seconds: more than a busy machine needs


class Browser:
    """One page of a visitor."""

    def __init__(self, socket: Any) -> None:
        self.socket = socket
        self.items: dict[str, dict[str, Any]] = {}
        self.standing: dict[str, Any] = {}
        self.others: list[dict[str, Any]] = []

    async def send(self, type_: str, **fields: Any) -> None:
        await self.socket.send_str(json.dumps({"type": type_, **fields}))

    async def say(self, text: str, ref: str = "") -> dict[str, Any]:
        ref = ref or str(uuid4())
        await self.send("say", id=ref, text=text)
        return await self.until("done", "refused")

    async def asks(self, type_: str, *answers: str, **fields: Any) -> dict[str, Any]:
        await self.send(type_, **fields)
        return await self.until(*answers, "refused", "error")

    async def until(self, *types: str) -> dict[str, Any]:
        """The next frame of one of these types; what comes before is taken in."""
        async with asyncio.timeout(LONG):
            while True:
                frame = await self._next()
                if frame["type"] in types:
                    return frame

    async def shows(self, text: str, *, by: str | None = None) -> dict[str, Any]:
        """The item with this text, once it is there."""
        async with asyncio.timeout(LONG):
            while True:
                for item in self.items.values():
                    if text in item.get("text", "") and by in (None, item["by"]):
                        return item
                await self._next()

    async def asked(self) -> dict[str, Any]:
        """The item with several things to choose from, once it is there."""
        async with asyncio.timeout(LONG):
            while True:
                for item in self.items.values():
                    if len(item.get("buttons", ())) > 1:
                        return item
                await self._next()

    async def loses(self, item: str) -> None:
        """Until the item of this id is there no more."""
        async with asyncio.timeout(LONG):
            while item in self.items:
                await self._next()

    async def stands(self, **wanted: Any) -> dict[str, Any]:
        async with asyncio.timeout(LONG):
            while any(self.standing.get(name) != value for name, value in wanted.items()):
                await self._next()
        return self.standing

    async def _next(self) -> dict[str, Any]:
        message = await self.socket.receive()
        assert message.type is WSMsgType.TEXT, (message, self.socket.close_code)
        frame: dict[str, Any] = json.loads(message.data)
        if frame["type"] == "items":
            for item in frame["items"]:
                self.items[item["id"]] = item
            for gone in frame["gone"]:
                del self.items[gone]
        elif frame["type"] == "standing":
            self.standing = frame
        else:
            self.others.append(frame)
        return frame

    @property
    def texts(self) -> list[str]:
        return [
            item["text"] for item in sorted(self.items.values(), key=lambda one: one["at"]) if "text" in item
        ]


class Chats(Pages):
    """The application with its web chat."""

    def __init__(self, db: Database, client: Any) -> None:
        super().__init__(db, client)
        self.mail = FakeChannel()

    @property
    def origin(self) -> str:
        return f"http://{self.client.host}:{self.client.port}"

    @asynccontextmanager
    async def visiting(
        self, secret: str = "", *, site: str = "default", since: float = 0, headers: Any = None, **hello: Any
    ) -> AsyncIterator[Browser]:
        headers = {"Origin": self.origin} | (headers or {})
        async with self.client.ws_connect(f"/chat/ws?site={site}", headers=headers) as socket:
            page = Browser(socket)
            first = {"secret": secret or a_secret(), "since": since, "language": "en"} | hello
            await page.send("hello", **first)
            await page.until("welcome")
            await page.until("standing")
            yield page

    async def work(self) -> None:
        """What is due is done, until nothing is."""
        readers: Any = ReadersHere()
        todo = handlers(self.db, [self.mail, WebChatChannel()], readers)
        await Worker(self.db, todo, owner="here").drain()


def a_secret() -> str:
    return secrets.token_urlsafe(24)


@asynccontextmanager
async def chatting(
    db: Database, folder: Path, *, also_by: str = "email", **limits: Any
) -> AsyncIterator[Chats]:
    """The pages on a port of their own."""
    shop = WebChatSiteSettings(name="shop", origins=(SHOP,), secret=Secret(KEY), customer="ACME")
    club = WebChatSiteSettings(name="club", origins=("https://club.example.org",), secret=Secret(KEY))
    channels = ChannelSettings(
        webchat=WebChatSettings(origins=("https://www.example.org",), sites=(shop, club))
    )
    settings = Settings(hub=Hub(data_dir=folder), limits=Limits(**limits), channels=channels)
    app = make_app(db, settings, clean=clean_html, also_by=also_by)
    async with TestClient(TestServer(app), cookie_jar=DummyCookieJar()) as client:
        yield Chats(db, client)
