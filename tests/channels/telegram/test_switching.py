"""One command changes how updates come, in the order that loses none, and one says how it is."""

from __future__ import annotations

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from channels.settings import TelegramSettings
from channels.telegram import switching
from channels.telegram.webhook import PATH
from core.settings_values import Secret
from tests.channels.telegram.bot_api import TOKEN
from tests.channels.telegram.conftest import SECRET, running, understood, until

PUBLIC = "https://desk.example.org"


def settings(telegram, mode: str = "polling", **more) -> TelegramSettings:
    own = {"token": Secret(TOKEN), "webhook_secret": Secret(SECRET), "api_url": telegram.url, "mode": mode}
    return TelegramSettings(**{**own, **more})


async def test_from_asking_to_being_told_and_back_no_message_is_lost(telegram, tmp_path) -> None:
    mario = telegram.person()
    async with running(telegram, tmp_path) as (_, door):
        mario.writes("One")
        await until(lambda: door.came and not telegram.updates)
    mario.writes("Two")

    async with running(telegram, tmp_path, mode="webhook", webhook_secret=Secret(SECRET)) as (channel, told):
        app = web.Application()
        app.add_routes(channel.webhooks())
        async with TestServer(app) as server:
            await until(lambda: channel.way_in._door)
            said = await switching.run("webhook", settings(telegram), str(server.make_url("")))
            assert said[0] == f"Telegram brings updates to {server.make_url(PATH)}"
            assert 'mode = "webhook"' in said[-1]
            mario.writes("Three")
            await until(lambda: len(told.came) == 2)
            said = await switching.run("polling", settings(telegram, "webhook"), PUBLIC)
            assert said[0] == "Telegram can be asked for updates"
            assert 'mode = "polling"' in said[-1]
    mario.writes("Four")

    async with running(telegram, tmp_path) as (_, last):
        await until(lambda: last.came)

    assert [understood(one, n).text for one, n in ((door, 0), (told, 0), (told, 1), (last, 0))] == [
        "One",
        "Two",
        "Three",
        "Four",
    ]
    assert not any(given.get("drop_pending_updates") == "true" for _, given in telegram.calls)


async def test_the_settings_and_the_state_of_the_bot_are_compared(telegram) -> None:
    said = await switching.run("status", settings(telegram), PUBLIC)
    assert said[:2] == [
        "@acme_desk_bot (4711), can be added to groups, reads commands, and answers to it there",
        "updates are asked for",
    ]

    with pytest.raises(switching.Wrong, match=r"main\.py telegram webhook"):
        await switching.run("status", settings(telegram, "webhook"), PUBLIC)
    await switching.run("webhook", settings(telegram, "webhook"), PUBLIC)
    said = await switching.run("status", settings(telegram, "webhook"), PUBLIC)
    assert "updates are brought to https://desk.example.org/in/telegram" in said
    with pytest.raises(switching.Wrong, match=r"main\.py telegram polling"):
        await switching.run("status", settings(telegram), PUBLIC)


async def test_a_webhook_without_a_secret_or_to_a_plain_address_is_not_set(telegram) -> None:
    with pytest.raises(switching.Wrong, match="webhook_secret is empty"):
        await switching.run("webhook", settings(telegram, webhook_secret=Secret("")), PUBLIC)
    with pytest.raises(switching.Wrong, match="https addresses only"):
        await switching.run("webhook", settings(telegram, api_url=""), "http://desk.example.org")
    with pytest.raises(switching.Wrong, match="token is empty"):
        await switching.run("status", settings(telegram, token=Secret("")), PUBLIC)

    assert telegram.calls == []


async def test_a_wrong_token_is_said_in_words(telegram) -> None:
    with pytest.raises(switching.Wrong, match="does not know this token"):
        await switching.run("status", settings(telegram, token=Secret("4711:" + "w" * 35)), PUBLIC)


async def test_whoever_opens_the_menu_sees_the_commands_in_their_language(telegram, tmp_path) -> None:
    async with running(telegram, tmp_path):
        await until(lambda: len(telegram.of("setMyCommands")) >= 3)

    shown = {one.get("language_code", ""): one["commands"] for one in telegram.of("setMyCommands")}
    assert set(shown) == {"", "it", "en"}
    assert shown[""] == shown["it"] != shown["en"]


async def test_a_menu_that_cannot_be_set_keeps_nobody_from_writing(telegram, tmp_path) -> None:
    telegram.fails("getMe", 502)
    telegram.fails("setMyCommands", 400, "Bad Request: BOT_COMMAND_INVALID")
    async with running(telegram, tmp_path) as (channel, door):
        telegram.person().writes("Help")
        await until(lambda: door.came and channel.link("x") and telegram.of("setMyCommands"))
        await until(lambda: not channel.down)
