"""What do the tests of Telegram share? A Bot API server, and the channel as it runs against it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from channels.settings import TelegramSettings
from channels.telegram import reading
from channels.telegram.build import build
from channels.telegram.channel import TelegramChannel
from channels.telegram.polling import Polling
from core.envelope import Address, Inbound, Outgoing
from core.settings_values import Secret
from tests.channels.phone.twilio_side import around
from tests.channels.telegram.bot_api import TOKEN, BotApi, bot_api
from tests.fakes import FakeDoor

SECRET = "s" * 40
REF = "agew4v2ugb3dxhro77e4yp5elu"


@pytest.fixture(scope="module")
def server() -> Iterator[BotApi]:
    with bot_api() as api:
        yield api


@pytest.fixture
def telegram(server: BotApi) -> BotApi:
    """As if it were new."""
    server.renew()
    return server


def made(telegram: BotApi, folder: Any, **settings: Any) -> TelegramChannel:
    """The channel as it is built from settings, and hurried: nothing is waited for longer than need be."""
    own = {"enabled": True, "token": Secret(TOKEN), "api_url": telegram.url, **settings}
    channel = build(TelegramSettings(**own), around(folder))
    channel.first_wait = 0.02
    channel.sender.pace.per_chat = channel.sender.pace.per_group = 0.0
    if isinstance(channel.way_in, Polling):
        channel.way_in.first_wait = 0.02
    return channel


@asynccontextmanager
async def running(telegram: BotApi, folder: Any, *, door: FakeDoor | None = None, **settings: Any):
    """The channel while it runs; (channel, door)."""
    channel, door = made(telegram, folder, **settings), door or FakeDoor()
    task = asyncio.create_task(channel.run(door))
    try:
        yield channel, door
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await channel.close()


@pytest.fixture
async def desk(telegram: BotApi, tmp_path: Any):
    """(channel, door) with the channel polling."""
    async with running(telegram, tmp_path) as both:
        yield both


def understood(door: FakeDoor, number: int = -1) -> Inbound:
    """The reader's word on what came."""
    arrival = door.came[number]
    return reading.read(arrival.raw, {"external_id": arrival.external_id, "channel": "telegram"}, {})


def a_message(to: str, text: str = "It works again.", **more: Any) -> Outgoing:
    return Outgoing(
        **{
            "delivery_id": "d1",
            "channel": "telegram",
            "ref": REF,
            "kind": "reply",
            "automatic": False,
            "to": Address(to),
            "subject": "Printer",
            "text": text,
            "language": "en",
            "ticket_number": "26-000042",
            "reply_token": None,
            "bounce_token": REF,
            **more,
        }
    )


async def until(question: Any, *, seconds: float = 20.0) -> Any:
    """Wait, on this loop, until this is true."""
    async with asyncio.timeout(seconds):
        while not (answer := question()):  # noqa: ASYNC110 - it happens in another thread
            await asyncio.sleep(0.005)
        return answer
