"""Web chats from a process of their own: all open, some that talk, and staff's pages that follow those.

`python -m bench.chat_load PORT COOKIE CHATS TALKING WATCHED SECONDS RATE IDLE` prints a line when all are open, waits for a line on
standard input, prints how long it was idle, waits for another, and prints one JSON line: milliseconds until each message had its
number (`stored`) and was in the part of the page that staff's browser fetches when it is told (`seen`).
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import random
import re
import secrets
import sys
import time
from dataclasses import dataclass, field
from uuid import uuid4

from aiohttp import ClientSession, ClientWebSocketResponse, TCPConnector

LATE = 60.0  # seconds after which a message counts as never seen; what is only late is in the figure
GATHER = 0.15  # seconds: see web/static/live.js


@dataclass(slots=True)
class Chat:
    """One that is open."""

    socket: ClientWebSocketResponse
    number: str = ""
    taken: asyncio.Event = field(default_factory=asyncio.Event)
    """The first thing said in it has a number."""
    waits: dict[str, float] = field(default_factory=dict)


class Load:
    """All of it."""

    def __init__(self, session: ClientSession, port: int, cookie: str) -> None:
        self.base = f"http://127.0.0.1:{port}"
        self.session = session
        self.staff = {"Cookie": f"centralino={cookie}"}
        self.stored: list[float] = []
        self.seen: list[float] = []
        self.expected: dict[str, float] = {}
        """Marks of messages that staff have not seen, and when they were sent."""
        self.chats: list[Chat] = []
        self._tasks: list[asyncio.Task[None]] = []

    async def open(self, count: int) -> None:
        """Open chats, some at a time."""
        for start in range(0, count, 50):
            self.chats += await asyncio.gather(*(self._open() for _ in range(start, min(start + 50, count))))

    async def _open(self) -> Chat:
        socket = await self.session.ws_connect(
            f"{self.base}/chat/ws?site=default", headers={"Origin": self.base}, compress=0
        )
        await socket.send_json(
            {"type": "hello", "secret": secrets.token_urlsafe(24), "since": 0, "language": "it"}
        )
        while (await socket.receive_json())["type"] != "standing":
            pass
        chat = Chat(socket)
        self._tasks.append(asyncio.create_task(self._listen(chat)))
        return chat

    async def _listen(self, chat: Chat) -> None:
        async for message in chat.socket:
            frame = json.loads(message.data)
            if frame["type"] == "done":
                self.stored.append((time.perf_counter() - chat.waits.pop(frame["id"])) * 1000)
                chat.number = chat.number or frame["ticket"]
                chat.taken.set()
            elif frame["type"] == "refused":
                raise RuntimeError(f"a message was refused: {frame}")

    async def say(self, chat: Chat, text: str) -> None:
        ref = str(uuid4())
        chat.waits[ref] = time.perf_counter()
        await chat.socket.send_json({"type": "say", "id": ref, "text": text})

    async def follow(self, number: str) -> None:
        """Staff's page of a ticket: it looks when it is told, at once and then at most every 150 ms."""
        page = f"{self.base}/desk/tickets/{number}"
        async with self.session.get(page, headers=self.staff) as answer:
            text = await answer.text()
        found = re.search(r'data-id="([0-9a-f-]{36})"', text)
        since = re.search(r'data-live="/desk/live\?since=([^"]*)"', text)
        assert found is not None, (answer.status, number)
        assert since is not None
        told = asyncio.Event()
        self._tasks.append(asyncio.create_task(self._look(page, told)))
        live = f"{self.base}/desk/live?since={since[1]}"
        async with self.session.get(live, headers=self.staff | {"Accept": "text/event-stream"}) as stream:
            async for line in stream.content:
                if line == f"data: {found[1]}\n".encode() or line == b"event: refresh\n":
                    told.set()

    async def _look(self, page: str, told: asyncio.Event) -> None:
        while True:
            await told.wait()
            told.clear()
            began = time.perf_counter()
            async with self.session.get(f"{page}?only=talk", headers=self.staff) as answer:
                text = await answer.text()
            now = time.perf_counter()
            for mark in [one for one in self.expected if one in text]:
                self.seen.append((now - self.expected.pop(mark)) * 1000)
            await asyncio.sleep(max(0.0, began + GATHER - now))

    async def talk(self, talking: int, watched: int, seconds: float, rate: float) -> None:
        """Some talk; staff look at some of those."""
        chance = random.Random(5)
        some = self.chats[:talking]
        for chat in some:
            await self.say(chat, f"La rete non va. {secrets.token_hex(8)}")
        await asyncio.gather(*(chat.taken.wait() for chat in some))
        followed = some[:watched]
        for chat in followed:
            self._tasks.append(asyncio.create_task(self.follow(chat.number)))
        await asyncio.sleep(0.5)
        self.stored.clear()
        began = time.perf_counter()
        for n in range(int(seconds * rate)):
            await asyncio.sleep(max(0.0, began + n / rate - time.perf_counter()))
            chat = chance.choice(some)
            mark = f"parola{secrets.token_hex(8)}"
            if chat in followed:
                self.expected[mark] = time.perf_counter()
            await self.say(chat, f"Ancora {mark}.")
        until = time.perf_counter() + LATE
        while self.expected and time.perf_counter() < until:
            for gone in (task for task in self._tasks if task.done()):
                gone.result()  # whoever followed and fell: that is what is told, not that a message was lost
            await asyncio.sleep(GATHER)

    async def end(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def _main(given: argparse.Namespace) -> None:
    async with ClientSession(connector=TCPConnector(limit=0)) as session:
        load = Load(session, given.port, given.cookie)
        await load.open(given.chats)
        print("open", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        await asyncio.sleep(given.idle)
        print(given.idle, flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        await load.talk(given.talking, given.watched, given.seconds, given.rate)
        print(json.dumps({"seen": load.seen, "stored": load.stored, "lost": len(load.expected)}), flush=True)
        with contextlib.suppress(Exception):
            await load.end()


def main() -> None:
    """See the module."""
    asked = argparse.ArgumentParser(prog="python -m bench.chat_load", description=__doc__)
    asked.add_argument("port", type=int)
    asked.add_argument("cookie")
    for name in ("chats", "talking", "watched"):
        asked.add_argument(name, type=int)
    for name in ("seconds", "rate", "idle"):
        asked.add_argument(name, type=float)
    asyncio.run(_main(asked.parse_args()))


if __name__ == "__main__":
    main()
