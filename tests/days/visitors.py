"""Who chats on a web page of a running hub: the frame's socket, without its script."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import aiohttp

from tests.days.hubs import Hub
from tests.days.people import Browser
from tests.web.chatting import Browser as ChatPage

R = TypeVar("R")


def in_portal_chat(hub: Hub, browser: Browser, do: Callable[[ChatPage], Awaitable[R]]) -> R:
    """Open the chat on the portal as whoever is signed in there, do something, and leave."""

    async def visit() -> R:
        async with _opened(hub, browser) as page:
            return await do(page)

    return asyncio.run(visit())


@asynccontextmanager
async def _opened(hub: Hub, browser: Browser) -> Any:
    headers = {"Origin": hub.base, "Cookie": browser.cookies}
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"{hub.base}/chat/ws?site=portal", headers=headers) as socket,
    ):
        page = ChatPage(socket)
        await page.send("hello", secret="", since=0, language="en")
        await page.until("welcome")
        await page.until("standing")
        yield page
