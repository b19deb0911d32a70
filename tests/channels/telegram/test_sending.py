"""What leaves is plain text as it was written, in parts where it is long, once each, at a pace that Telegram takes."""

from __future__ import annotations

import time

import pytest

from channels.telegram.pace import Pace
from channels.telegram.reading import read
from core.channel import DeliveryError, Linking, Retracting, Typing
from core.envelope import Address, Attachment, Button
from tests.channels.telegram.conftest import a_message, made, running, understood, until

BUTTONS = (Button("aaaaaaaaaaaaaaaa", "Solved"), Button("bbbbbbbbbbbbbbbb", "The problem is still there"))


@pytest.fixture
async def channel(telegram, tmp_path):
    """It only sends."""
    channel = made(telegram, tmp_path)
    yield channel
    await channel.close()


@pytest.fixture
def mario(telegram):
    mario = telegram.person("Mario Rossi", number=4242)
    mario.chat  # noqa: B018 - he has written before
    return mario


async def test_an_answer_names_its_request_and_what_it_answers_and_shows_no_preview(
    channel, mario, telegram
) -> None:
    question = mario.writes("Does it work again?")

    sent = await channel.send(a_message(mario.address, in_reply_to=f"telegram:4242/{question.id}"))

    shown = mario.sees()
    assert shown.text == "[26-000042] It works again."
    assert (shown.answers, shown.preview, shown.buttons) == (question.id, False, ())
    assert (sent.remote_id, sent.more_ids) == (f"telegram:4242/{shown.id}", ())


async def test_words_that_name_the_request_themselves_are_left_as_they_are(channel, mario) -> None:
    await channel.send(a_message(mario.address, "Your request 26-000042 is closed."))

    assert mario.screen == ["Your request 26-000042 is closed."]


@pytest.mark.parametrize(
    "text",
    [
        "*bold* _not closed [link](http://x",
        "<b>bold</b> & <script>alert(1)</script>",
        "a_b*c`d~e|f{g}h#i+j-k=l.m!",
        "line\n\n\tand tab  and  blanks",
        "👩‍👩‍👧‍👦 è 你好 שלום",
    ],
)
async def test_signs_that_mean_something_to_telegram_arrive_as_they_were_written(
    channel, mario, text
) -> None:
    await channel.send(a_message(mario.address, text, ticket_number=""))

    assert mario.screen == [text]


async def test_a_long_text_comes_in_parts_with_the_buttons_below_the_last(channel, mario) -> None:
    text = "\n\n".join(f"Paragraph {number}. " + "😀 words " * 60 for number in range(14))

    sent = await channel.send(a_message(mario.address, text, ticket_number="", buttons=BUTTONS))

    shown = list(mario.chat.messages.values())
    assert len(shown) > 1
    assert all(len(one.text.encode("utf-16-le")) // 2 <= 4096 for one in shown)
    assert "".join("".join(one.text.split()) for one in shown) == "".join(text.split())
    assert [one.labels for one in shown[:-1]] == [[]] * (len(shown) - 1)
    assert shown[-1].labels == ["Solved", "The problem is still there"]
    assert sent.remote_id == f"telegram:4242/{','.join(str(one.id) for one in shown)}"
    assert sent.more_ids == tuple(f"telegram:4242/{one.id}" for one in shown)


async def test_exactly_what_telegram_takes_is_one_message_and_one_more_is_two(channel, mario) -> None:
    await channel.send(a_message(mario.address, "😀" * 2048, ticket_number=""))
    assert len(mario.screen) == 1

    await channel.send(a_message(mario.address, "x" * 4097, ticket_number=""))
    assert [len(one) for one in mario.screen[1:]] == [4096, 1]


async def test_short_choices_stand_side_by_side_and_long_ones_below_each_other(channel, mario) -> None:
    stars = tuple(Button(f"star{n}", f"{n} ★") for n in range(1, 6))
    await channel.send(a_message(mario.address, buttons=(*stars, Button("other", "Something else"))))

    assert mario.sees().rows == (5, 1)


async def test_files_follow_whole_as_documents(channel, mario) -> None:
    files = (
        Attachment(name="photo.jpg", type="image/jpeg", content=b"\xff\xd8" * 1000),
        Attachment(name="Rapporto à.pdf", type="application/pdf", content=b"%PDF"),
    )

    sent = await channel.send(a_message(mario.address, buttons=BUTTONS, attachments=files))

    text, photo, report = mario.chat.messages.values()
    assert (photo.file, report.file) == (("photo.jpg", b"\xff\xd8" * 1000), ("Rapporto à.pdf", b"%PDF"))
    assert sent.remote_id == f"telegram:4242/{photo.id},{report.id},{text.id}"


async def test_what_has_left_is_not_sent_again_when_the_rest_fails(channel, mario, telegram) -> None:
    files = (Attachment(name="report.pdf", type="application/pdf", content=b"%PDF"),)
    telegram.fails("sendDocument", 502)
    message = a_message(mario.address, attachments=files)

    with pytest.raises(DeliveryError) as failed:
        await channel.send(message)
    assert not failed.value.permanent
    await channel.send(message)

    assert [bool(one.file) for one in mario.chat.messages.values()] == [False, True]
    await channel.send(message)  # staff send it once more: that is another message
    assert len(mario.chat.messages) == 4


async def test_a_file_larger_than_a_bot_may_send_is_refused_before_anything_leaves(channel, mario) -> None:
    large = Attachment(name="film.mp4", type="video/mp4", content=bytes(50_000_001))

    with pytest.raises(DeliveryError, match=r"film\.mp4 is larger") as refused:
        await channel.send(a_message(mario.address, attachments=(large,)))

    assert refused.value.permanent
    assert mario.screen == []


# In place of an earlier message


async def test_a_choice_takes_the_place_of_the_question_and_its_buttons(channel, mario) -> None:
    asked = await channel.send(a_message(mario.address, "Is it solved?", ticket_number="", buttons=BUTTONS))

    changed = await channel.send(
        a_message(mario.address, "Is it solved?\n✓ Solved", ticket_number="", replaces=asked.remote_id)
    )

    (shown,) = mario.chat.messages.values()
    assert (shown.text, shown.buttons) == ("Is it solved?\n✓ Solved", ())
    assert changed.remote_id == asked.remote_id


async def test_a_change_that_is_made_already_is_made(channel, mario) -> None:
    asked = await channel.send(a_message(mario.address, "Is it?", ticket_number=""))

    again = await channel.send(a_message(mario.address, "Is it?", ticket_number="", replaces=asked.remote_id))

    assert again.remote_id == asked.remote_id
    assert mario.screen == ["Is it?"]


async def test_what_cannot_be_changed_any_more_is_said_anew(channel, mario) -> None:
    asked = await channel.send(a_message(mario.address, "Is it?", ticket_number="", buttons=BUTTONS))
    next(iter(mario.chat.messages.values())).deleted = True

    await channel.send(a_message(mario.address, "✓ Solved", ticket_number="", replaces=asked.remote_id))

    assert mario.screen == ["✓ Solved"]


async def test_below_a_message_in_parts_the_last_one_is_changed(channel, mario) -> None:
    text = "A long report. " * 400
    asked = await channel.send(a_message(mario.address, text, ticket_number="", buttons=BUTTONS))
    before = mario.screen

    await channel.send(
        a_message(mario.address, f"{text}\n\n✓ Solved", ticket_number="", replaces=asked.remote_id)
    )

    assert len(before) == len(mario.screen) == 2
    assert mario.screen[0] == before[0]
    assert mario.screen[1].endswith("✓ Solved")
    assert [one.labels for one in mario.chat.messages.values()] == [[], []]


# Taken back, and typing


async def test_a_message_is_taken_back_in_all_its_parts(channel, mario) -> None:
    sent = await channel.send(a_message(mario.address, "long " * 1000))

    await channel.retract(Address(mario.address), sent.remote_id)
    await channel.retract(Address(mario.address), sent.remote_id)  # gone is gone

    assert mario.screen == []
    assert len(mario.chat.messages) == 2


async def test_after_48_hours_a_message_stays(channel, mario, telegram) -> None:
    telegram.age = 49 * 3600
    sent = await channel.send(a_message(mario.address))

    with pytest.raises(DeliveryError, match="can't be deleted"):
        await channel.retract(Address(mario.address), sent.remote_id)

    assert len(mario.screen) == 1


async def test_typing_is_shown_and_its_failure_is_no_news(channel, mario, telegram) -> None:
    await channel.typing(Address(mario.address))
    assert telegram.typed == [4242]

    telegram.fails("sendChatAction", 500)
    await channel.typing(Address(mario.address))
    await channel.typing(Address("telegram:999"))
    await channel.typing(Address("xmpp:mario@acme.test"))


async def test_the_channel_does_what_the_core_may_ask_of_it(telegram, tmp_path) -> None:
    async with running(telegram, tmp_path) as (channel, _):
        assert isinstance(channel, Typing)
        assert isinstance(channel, Retracting)
        assert isinstance(channel, Linking)
        await until(lambda: channel.link("CODE"))
        assert channel.link("CODE") == "https://t.me/acme_desk_bot?start=CODE"


# What is refused


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("bot was blocked by the user", "they blocked the bot"),
        ("user is deactivated", "their account is gone"),
        ("bot was kicked from the supergroup chat", "the bot was taken out of the group"),
        ("bot can't initiate conversation with a user", "they have never written to the bot"),
        ("something new", "Telegram says: Forbidden: something new"),
    ],
)
async def test_who_cannot_be_written_to_is_not_tried_again(channel, mario, said, words) -> None:
    mario.chat.blocked = said

    with pytest.raises(DeliveryError) as refused:
        await channel.send(a_message(mario.address))

    assert (str(refused.value), refused.value.permanent) == (words, True)


async def test_nobody_is_there(channel, telegram) -> None:
    for address, words in (
        ("telegram:999", "Chat not found"),
        ("xmpp:mario@acme.test", "no chat of Telegram"),
    ):
        with pytest.raises(DeliveryError, match=words) as refused:
            await channel.send(a_message(address))
        assert refused.value.permanent


async def test_telegram_that_wants_fewer_messages_is_obeyed_by_all_that_goes_there(
    channel, mario, telegram
) -> None:
    telegram.fails("sendMessage", 429, retry_after=17)

    with pytest.raises(DeliveryError) as wait:
        await channel.send(a_message(mario.address))

    assert (wait.value.retry_after, wait.value.permanent) == (17.0, False)
    assert 15 < channel.sender.pace._chats[4242] - time.monotonic() < 18


@pytest.mark.parametrize(("code", "permanent"), [(500, False), (502, False), (401, False), (400, True)])
async def test_whether_trying_again_is_of_use(channel, mario, telegram, code, permanent) -> None:
    telegram.fails("sendMessage", code, "Bad Request: whatever" if code == 400 else "")

    with pytest.raises(DeliveryError) as refused:
        await channel.send(a_message(mario.address))

    assert refused.value.permanent is permanent


async def test_a_network_that_is_down_tells_nothing_of_the_token(telegram, tmp_path) -> None:
    channel = made(telegram, tmp_path, api_url="http://127.0.0.1:9")
    with pytest.raises(DeliveryError) as refused:
        await channel.send(a_message("telegram:1"))
    await channel.close()

    assert str(refused.value) == "Telegram could not be asked"
    assert not refused.value.permanent


async def test_a_group_that_has_moved_is_written_to_at_its_new_number_and_the_move_is_handed_in(
    telegram, tmp_path
) -> None:
    mario = telegram.person()
    group = telegram.group("Acme IT", number=777)
    group.is_joined_by_the_bot(mario)
    group.becomes_a_supergroup(mario, told=False)

    async with running(telegram, tmp_path) as (channel, door):
        await until(lambda: door.came)
        sent = await channel.send(a_message("telegram:-777"))
        await until(lambda: len(door.came) == 2)

    shown = mario.sees(in_=group)
    assert sent.remote_id == f"telegram:{group.room.id}/{shown.id}"
    said = understood(door)
    assert (said.chat.moved_from, said.chat.room.address) == ("telegram:-777", group.address)
    assert read(door.came[-1].raw, {"external_id": "x"}, {}).chat == said.chat


# The pace


class Clock:
    """Time that goes on when somebody sleeps."""

    now = 0.0

    async def sleep(self, seconds: float) -> None:
        self.now += seconds

    def pace(self, **more: float) -> Pace:
        return Pace(clock=lambda: self.now, sleep=self.sleep, **more)


@pytest.mark.parametrize(("chat", "expected"), [(5, [0, 0, 0, 1, 2]), (-5, [0, 0, 0, 3, 6])])
async def test_a_chat_gets_a_few_at_once_and_then_one_a_second_and_a_group_one_in_three(
    chat, expected
) -> None:
    clock = Clock()
    pace, left = clock.pace(overall=1e9), []
    for _ in expected:
        await pace.turn(chat)
        left.append(round(clock.now, 3))

    assert left == expected


async def test_all_chats_together_get_no_more_than_telegram_takes() -> None:
    clock = Clock()
    pace = clock.pace(overall=25.0)
    for chat in range(100):
        await pace.turn(chat)

    assert clock.now == pytest.approx(99 / 25, abs=0.05)


async def test_what_telegram_asks_to_wait_is_waited_in_that_chat_alone() -> None:
    clock = Clock()
    pace = clock.pace()
    pace.hold(1, 30.0)
    await pace.turn(2)
    assert clock.now < 1
    await pace.turn(1)
    assert clock.now == pytest.approx(30.0)
