"""Where Telegram brings updates: only with the secret, stored before it is told so, and the same as by polling."""

from __future__ import annotations

import asyncio
import socket
from contextlib import asynccontextmanager

import pytest
from aiohttp import ClientSession, DummyCookieJar, web
from aiohttp.test_utils import TestClient, TestServer

import channels
from channels.telegram.webhook import HEADER, PATH, address
from core.channel import Unavailable
from core.settings import Hub, Settings
from core.settings_values import Secret
from tests.channels.telegram.conftest import SECRET, running, understood, until
from web.app import make_app

UPDATE = {
    "update_id": 7,
    "message": {
        "message_id": 1,
        "date": 1_700_000_000,
        "chat": {"id": 4242, "type": "private", "first_name": "Mario"},
        "from": {"id": 4242, "is_bot": False, "first_name": "Mario"},
        "text": "Help",
    },
}


@asynccontextmanager
async def waiting(telegram, tmp_path):
    """(client, channel, door): our page, and the channel behind it."""
    async with running(telegram, tmp_path, mode="webhook", webhook_secret=Secret(SECRET)) as (channel, door):
        app = web.Application()
        app.add_routes(channel.webhooks())
        async with TestClient(TestServer(app), cookie_jar=DummyCookieJar()) as client:
            await until(lambda: channel.way_in._door)
            yield client, channel, door


async def test_an_update_with_the_secret_is_stored_and_then_acknowledged(telegram, tmp_path) -> None:
    async with waiting(telegram, tmp_path) as (client, _, door):
        door.open.clear()
        posting = asyncio.create_task(client.post(PATH, json=UPDATE, headers={HEADER: SECRET}))
        await until(lambda: door.asked)
        assert not posting.done()
        door.open.set()
        assert (await posting).status == 200

    assert door.came[0].external_id == "4711/7"
    assert understood(door).text == "Help"


@pytest.mark.parametrize(
    "given", [{}, {HEADER: ""}, {HEADER: "wrong"}, {HEADER: SECRET[:-1]}, {HEADER: SECRET + "s"}]
)
async def test_without_the_secret_nothing_is_taken(telegram, tmp_path, given) -> None:
    async with waiting(telegram, tmp_path) as (client, _, door):
        answer = await client.post(PATH, json=UPDATE, headers=given)
        assert answer.status == 403

    assert door.came == []


async def test_who_does_not_know_the_secret_is_refused_before_their_bytes_are_read(
    telegram, tmp_path
) -> None:
    async with waiting(telegram, tmp_path) as (client, _, _door):
        reader, writer = await asyncio.open_connection("127.0.0.1", client.port)
        writer.write(
            f"POST {PATH} HTTP/1.1\r\nHost: x\r\n{HEADER}: wrong\r\nContent-Length: 100000\r\n\r\n".encode()
        )
        async with asyncio.timeout(5):
            assert b"403" in await reader.readline()
        writer.close()
        await writer.wait_closed()


async def test_what_cannot_be_stored_is_refused_so_that_telegram_brings_it_again(telegram, tmp_path) -> None:
    async with waiting(telegram, tmp_path) as (client, _, door):
        door.fails_with = Unavailable("full")
        answer = await client.post(PATH, json=UPDATE, headers={HEADER: SECRET})
        assert (answer.status, answer.headers["Retry-After"]) == (503, "5")


@pytest.mark.parametrize(
    "body", [b"", b"no json", b"[]", b'"x"', b"{}", b'{"update_id": "7"}', b"\xff\xfe", b"[" * 5000]
)
async def test_what_is_no_update_is_refused(telegram, tmp_path, body) -> None:
    async with waiting(telegram, tmp_path) as (client, _, door):
        answer = await client.post(PATH, data=body, headers={HEADER: SECRET})
        assert answer.status == 400

    assert door.came == []


async def test_before_it_runs_and_after_it_nothing_is_taken(telegram, tmp_path) -> None:
    async with waiting(telegram, tmp_path) as (client, channel, _):
        channel.way_in._door = None
        answer = await client.post(PATH, json=UPDATE, headers={HEADER: SECRET})
        assert answer.status == 503


async def test_with_polling_there_is_no_page_to_bring_anything_to(desk) -> None:
    channel, _ = desk
    assert list(channel.webhooks()) == []


async def test_a_webhook_that_telegram_does_not_know_is_named_with_the_command_that_tells_it(
    telegram, tmp_path
) -> None:
    async with running(telegram, tmp_path, mode="webhook", webhook_secret=Secret(SECRET)) as (channel, _):
        await until(lambda: "webhook" in channel.down)
        assert "main.py telegram webhook" in channel.down["webhook"]
        telegram.webhook = {"url": channel.way_in.url, "secret_token": SECRET}
        await channel.way_in._look()
        assert "webhook" not in channel.down


async def test_telegram_brings_every_update_until_it_is_taken_and_presses_are_answered(
    telegram, tmp_path
) -> None:
    async with waiting(telegram, tmp_path) as (client, _, door):
        door.fails_with = Unavailable("full")
        telegram.webhook = {"url": f"http://127.0.0.1:{client.port}{PATH}", "secret_token": SECRET}
        mario = telegram.person()
        mario.writes("One")
        mario.writes("Two")
        await until(lambda: "503" in telegram.last_error)
        door.fails_with = None
        await until(lambda: telegram.brought == 2)
        telegram._said_by_bot(
            {
                "chat_id": mario.id,
                "reply_markup": {"inline_keyboard": [[{"text": "Yes", "callback_data": "x"}]]},
            },
            text="?",
        )
        query = mario.presses("Yes")
        await until(lambda: telegram.answered == [query])

    assert [understood(door, n).text for n in range(2)] == ["One", "Two"]


def test_the_address_is_made_of_the_public_one() -> None:
    assert address("https://desk.example.org/") == "https://desk.example.org/in/telegram"


async def test_a_body_that_does_not_come_is_not_waited_for(telegram, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("channels.telegram.webhook.BODY_TIME", 0.05)
    async with waiting(telegram, tmp_path) as (client, _, _door), ClientSession():
        with socket.create_connection(("127.0.0.1", client.port)) as one:
            one.sendall(
                f"POST {PATH} HTTP/1.1\r\nHost: x\r\n{HEADER}: {SECRET}\r\nContent-Length: 100\r\n\r\n{{".encode()
            )
            one.settimeout(5)
            assert b"408" in await asyncio.to_thread(one.recv, 200)


async def test_through_the_front_door_of_the_hub_only_the_secret_counts(telegram, tmp_path, db) -> None:
    settings = Settings(channels={}, hub=Hub(public_url="https://desk.example.org"))
    async with running(telegram, tmp_path, mode="webhook", webhook_secret=Secret(SECRET)) as (channel, door):
        app = make_app(db, settings, clean=lambda html, **_: html, webhooks=channels.webhooks([channel]))
        async with TestClient(TestServer(app)) as client:
            await until(lambda: channel.way_in._door)
            refused = await client.post(PATH, json=UPDATE, headers={"Origin": "https://evil.test"})
            taken = await client.post(PATH, json=UPDATE, headers={HEADER: SECRET})
            asked = await client.get(PATH, headers={HEADER: SECRET})

    assert (refused.status, taken.status, asked.status) == (403, 200, 405)
    assert "Set-Cookie" not in taken.headers
    assert len(door.came) == 1
