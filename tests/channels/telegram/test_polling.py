"""Updates are asked for with patience, stored before they are confirmed, and none is lost or doubled by what goes wrong."""

from __future__ import annotations

import asyncio
import base64
import json

from channels.telegram.polling import LAST_WAIT
from core.channel import Unavailable
from core.envelope import Kind
from core.isolation import Readers
from core.settings_values import Secret
from tests.channels.telegram.conftest import made, running, understood, until
from tests.fakes import FakeDoor


async def test_what_somebody_writes_is_stored_and_then_confirmed(telegram, desk) -> None:
    _, door = desk
    mario = telegram.person("Mario Rossi", number=4242)

    mario.writes("The printer is on fire\nSecond floor")
    await until(lambda: door.came)
    await until(lambda: not telegram.updates)

    (arrival,) = door.came
    said = understood(door)
    assert (arrival.channel, arrival.sender) == ("telegram", "telegram:4242")
    confirmed = int(telegram.of("getUpdates")[-1]["offset"]) - 1
    assert arrival.external_id == f"4711/{confirmed}"
    assert (said.kind, said.author.address, said.author.name) == (Kind.HUMAN, "telegram:4242", "Mario Rossi")
    assert said.text == "The printer is on fire\nSecond floor"
    assert said.message_id == "telegram:4242/1"


async def test_nothing_is_confirmed_that_is_not_stored(telegram, desk) -> None:
    _, door = desk
    door.fails_with = Unavailable("the disk is full")

    telegram.person().writes("Help")
    await until(lambda: door.asked >= 2)
    assert len(telegram.updates) == 1
    door.fails_with = None
    await until(lambda: door.came)
    await until(lambda: not telegram.updates)

    assert {arrival.external_id for arrival in door.came} == {door.came[0].external_id}


async def test_a_hub_that_is_killed_between_storing_and_confirming_gets_the_same_again_with_the_same_number(
    telegram, tmp_path
) -> None:
    telegram.confirms = False
    door = FakeDoor()
    telegram.person().writes("Help")
    async with running(telegram, tmp_path, door=door):
        await until(lambda: door.came)
    assert len(telegram.updates) == 1

    async with running(telegram, tmp_path, door=door):
        await until(lambda: len(door.came) == 2)

    assert door.came[0].external_id == door.came[1].external_id


async def test_an_update_that_comes_twice_has_the_same_number_and_the_same_words(telegram, desk) -> None:
    _, door = desk
    telegram.person().writes("Help")
    await until(lambda: not telegram.updates and door.came)

    telegram.again()
    await until(lambda: len(door.came) == 2)

    assert door.came[0].external_id == door.came[1].external_id
    assert understood(door, 0) == understood(door, 1)


async def test_those_of_one_person_are_stored_in_their_order_while_others_do_not_wait_for_a_slow_file(
    telegram, tmp_path
) -> None:
    telegram.file_delay = 0.3
    mario, anna = telegram.person("Mario"), telegram.person("Anna")
    mario.sends_photo(caption="one")
    mario.writes("two")
    anna.writes("three")

    async with running(telegram, tmp_path) as (_, door):
        await until(lambda: len(door.came) == 3)

    assert [understood(door, n).text for n in range(3)] == ["three", "one", "two"]


async def test_files_are_fetched_side_by_side_and_come_with_the_message(telegram, desk) -> None:
    _, door = desk
    telegram.person().sends_photo(b"\xff\xd8" + b"x" * 300_000, caption="It looks like this")
    await until(lambda: door.came)

    said = understood(door)
    (file,) = said.attachments
    assert (said.text, file.type, file.content) == (
        "It looks like this",
        "image/jpeg",
        b"\xff\xd8" + b"x" * 300_000,
    )
    assert file.name.startswith("photo-")
    assert file.name.endswith(".jpg")
    stored = json.loads(door.came[0].raw)
    assert base64.b64decode(stored["files"][0]["content"]) == file.content


async def test_a_file_that_is_too_large_is_named_and_not_asked_for(telegram, desk) -> None:
    _, door = desk
    telegram.person().sends_file("film.mp4", size=20_000_001, caption="Look")
    await until(lambda: door.came)

    said = understood(door)
    assert said.chat.too_large == ("film.mp4",)
    assert (said.text, said.attachments) == ("Look", ())
    assert telegram.of("getFile") == []


async def test_a_file_that_cannot_be_fetched_is_named_and_the_words_come_all_the_same(
    telegram, tmp_path
) -> None:
    mario = telegram.person()
    telegram.fails("getFile", 500, times=2)
    async with running(telegram, tmp_path) as (channel, door):
        mario.sends_file("one.pdf", caption="The first")
        await until(lambda: len(door.came) == 1)
        mario.sends_file("two.pdf", caption="The second")
        await until(lambda: len(door.came) == 2)
        channel.taking.files_within = 0.05
        telegram.file_delay = 1.0
        mario.sends_file("three.pdf", caption="The third")
        await until(lambda: len(door.came) == 3)

    for number, name in enumerate(("one.pdf", "two.pdf", "three.pdf")):
        assert understood(door, number).chat.too_large == (name,)


async def test_files_that_take_too_long_hold_up_nobody_for_longer_than_all_of_them_may(
    telegram, tmp_path
) -> None:
    telegram.file_delay = 0.6
    for number in range(12):  # more than are fetched at the same time
        telegram.person(f"Person {number}").sends_photo(caption=f"{number}")
    async with running(telegram, tmp_path) as (channel, door):
        channel.taking.files_within = 1.0
        started = asyncio.get_running_loop().time()
        await until(lambda: len(door.came) == 12)
        took = asyncio.get_running_loop().time() - started

    said = [understood(door, number) for number in range(12)]
    assert {one.text for one in said} == {str(number) for number in range(12)}
    assert len([one for one in said if one.attachments]) <= 4
    assert all(len(one.attachments) + len(one.chat.too_large) == 1 for one in said)
    assert took < 5


async def test_an_update_that_the_library_cannot_read_keeps_nobody_back(telegram, desk) -> None:
    _, door = desk
    telegram.tell("message", {"message_id": 1, "chat": {"id": 5, "type": "private"}, "text": "no date"})
    telegram.person().writes("I am behind it")
    await until(lambda: len(door.came) == 2)

    texts = {arrival.sender: arrival.raw for arrival in door.came}
    assert b"no date" in texts["telegram:5"]


async def test_a_pressed_button_is_answered_at_once_after_it_was_stored(telegram, desk) -> None:
    _, door = desk
    mario = telegram.person()
    mario.starts()
    await until(lambda: door.came)
    shown = telegram._said_by_bot(
        {
            "chat_id": mario.id,
            "reply_markup": {"inline_keyboard": [[{"text": "Solved", "callback_data": "abc123"}]]},
        },
        text="Is it?",
    )
    door.open.clear()
    query = mario.presses("Solved")
    await until(lambda: door.asked == 2)
    assert telegram.answered == []
    door.open.set()
    await until(lambda: telegram.answered == [query])

    said = understood(door)
    assert (said.kind, said.chat.pressed) == (Kind.ACT, "abc123")
    assert said.in_reply_to == (f"telegram:{mario.id}/{shown['message_id']}",)


async def test_a_button_that_cannot_be_answered_any_more_stops_nothing(telegram, desk) -> None:
    _, door = desk
    telegram.fails("answerCallbackQuery", 400, "Bad Request: query is too old")
    mario = telegram.person()
    mario.chat  # noqa: B018 - the chat is there
    telegram._said_by_bot(
        {"chat_id": mario.id, "reply_markup": {"inline_keyboard": [[{"text": "Yes", "callback_data": "x"}]]}},
        text="?",
    )
    mario.presses("Yes")
    mario.writes("And this")

    await until(lambda: len(door.came) == 2)
    await until(lambda: not telegram.updates)


async def test_what_comes_in_another_order_is_stored_as_it_comes(telegram, tmp_path) -> None:
    mario = telegram.person()
    shown = mario.writes("The rde one")
    mario.edits(shown, "The red one")
    telegram.swapped()

    async with running(telegram, tmp_path) as (_, door):
        await until(lambda: len(door.came) == 2)

    first, second = understood(door, 0), understood(door, 1)
    assert (first.chat.changes, first.text) == (second.message_id, "The red one")


async def test_a_picture_of_twenty_megabytes_is_read_within_the_limits_of_a_reading_process(
    telegram, desk
) -> None:
    _, door = desk
    content = b"\xff\xd8" + bytes(20_000_000 - 2)
    telegram.person().sends_file("photo.raw", content)
    await until(lambda: door.came)
    readers = Readers()
    try:
        said = await readers.read(desk[0].reader, door.came[0].raw, {"external_id": "4711/1"}, {})
    finally:
        await readers.close()

    assert said.attachments[0].content == content


# What goes wrong


async def test_another_poller_is_told_and_waited_out(telegram, desk) -> None:
    channel, door = desk
    await until(lambda: telegram.of("getUpdates"))
    telegram.fails("getUpdates", 409, "Conflict: terminated by other getUpdates request", times=2)
    telegram.person().writes("Help")
    await until(lambda: "polling" in channel.down)
    assert "another program" in channel.down["polling"]

    await until(lambda: door.came)
    await until(lambda: not channel.down)


async def test_a_webhook_that_is_set_is_named_with_the_command_that_takes_it_away(telegram, tmp_path) -> None:
    telegram.webhook = {"url": "http://127.0.0.1:9/nowhere", "secret_token": ""}
    async with running(telegram, tmp_path) as (channel, door):
        await until(lambda: "polling" in channel.down)
        assert "main.py telegram polling" in channel.down["polling"]
        telegram.webhook = {"url": "", "secret_token": ""}
        telegram.person().writes("Help")
        await until(lambda: door.came)

    assert channel.down == {}


async def test_a_wrong_token_is_said_in_words_and_does_not_stand_in_the_log(
    telegram, tmp_path, capfd
) -> None:
    wrong = "4711:" + "w" * 35
    async with running(telegram, tmp_path, token=Secret(wrong)) as (channel, _):
        await until(lambda: {"polling", "log-in"} <= channel.down.keys())
        assert channel.down["polling"] == "Telegram does not know this token: look at channels.telegram.token"

    said = capfd.readouterr()
    assert "Telegram refuses to be asked" in said.err
    assert "w" * 35 not in said.err + said.out


async def test_telegram_that_wants_fewer_questions_is_obeyed(telegram, tmp_path) -> None:
    telegram.fails("getUpdates", 429, retry_after=1)
    telegram.person().writes("Help")
    started = asyncio.get_running_loop().time()
    async with running(telegram, tmp_path) as (_, door):
        await until(lambda: door.came)

    assert asyncio.get_running_loop().time() - started >= 1.0


async def test_a_network_that_is_down_is_waited_out_longer_and_longer_and_told(telegram, tmp_path) -> None:
    channel = made(telegram, tmp_path, api_url="http://127.0.0.1:9")
    door = FakeDoor()
    task = asyncio.create_task(channel.run(door))
    await until(lambda: channel.down.get("polling") == "Telegram could not be asked")
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await channel.close()

    assert door.came == []
    assert LAST_WAIT == 60.0


async def test_two_hubs_ask_one_after_the_other(telegram, tmp_path) -> None:
    leases: dict = {}
    one, two = FakeDoor(leases=leases), FakeDoor(leases=leases)
    mario = telegram.person()
    async with running(telegram, tmp_path, door=one):
        mario.writes("First")
        await until(lambda: one.came)
        async with running(telegram, tmp_path, door=two):
            mario.writes("Second")
            await until(lambda: len(one.came) == 2)
    assert two.came == []
    assert not any("Conflict" in str(call) for call in telegram.calls)
