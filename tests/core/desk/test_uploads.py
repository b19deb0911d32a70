"""A file that a chat does not hand over comes by a link: once, for a day, to that request, as a message of who was given it."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from core.desk import books, tidying, upload_links, uploads
from core.desk.errors import Invalid, Refused
from core.envelope import Address, Attachment, Chat
from core.store import tables
from tests.chat_at_work import Chatter, chatting

FILM = Attachment(name="film.mp4", type="application/octet-stream", content=b"a long film")


@pytest.fixture
async def mario(db) -> Chatter:
    return await chatting(db)


async def given(mario: Chatter, text: str = "Guardi il filmato", **more) -> tuple[str, str]:
    """(number of his request, token of the link he was given)."""
    done = await mario.writes(text, too_large=("film.mp4",), **more)
    (words,) = [one for one in mario.heard() if one.kind == "too_large"][-1:]
    return done.number, re.search(r"/upload/(\S+)", words.text)[1]


async def uploaded(mario: Chatter, token: str, *files: Attachment) -> str | None:
    return await mario.desk.db.write(uploads.receive, token, files or (FILM,), now=mario.desk.now)


async def test_who_sends_a_file_that_is_too_large_gets_a_link_at_once_and_the_words_are_there_already(mario):
    number, _ = await given(mario)

    (words,) = [one for one in mario.heard() if one.kind == "too_large"]
    assert "film.mp4" in words.text
    assert number in words.text
    assert await mario.texts(number) == ["Guardi il filmato"]


async def test_what_comes_by_the_link_is_a_message_of_theirs_in_the_chats_conversation(mario):
    number, token = await given(mario)

    assert await uploaded(mario, token, FILM, replace(FILM, name="second.mp4")) == number

    first, second = sorted(await mario.desk.rows(tables.message, number, direction="in"), key=lambda m: m.id)
    files = await mario.desk.rows(tables.attachment, number)
    assert second.thread_id == first.thread_id
    assert (second.author_address, second.author_name) == ("telegram:4242", "Mario")
    assert second.channel == "telegram"
    assert {(one.name, one.message_id) for one in files} == {
        ("film.mp4", second.id),
        ("second.mp4", second.id),
    }
    found = await mario.desk.db.read(books.verify, now=mario.desk.now)
    assert not found.faults, found.faults


async def test_a_link_works_once(mario):
    number, token = await given(mario)
    await uploaded(mario, token)

    assert await uploaded(mario, token) is None
    assert await mario.desk.db.read(upload_links.used, token) == number
    assert await mario.desk.db.read(upload_links.whose, token, now=mario.desk.now) is None
    assert len(await mario.desk.rows(tables.attachment, number)) == 1


async def test_a_link_works_for_a_day(mario):
    _, token = await given(mario)
    mario.desk.passes(hours=23, minutes=59)
    assert await mario.desk.db.read(upload_links.whose, token, now=mario.desk.now) is not None
    mario.desk.passes(minutes=2)

    assert await mario.desk.db.read(upload_links.whose, token, now=mario.desk.now) is None
    assert await uploaded(mario, token) is None
    assert await mario.desk.db.read(upload_links.used, token) is None


async def test_each_file_that_did_not_come_has_a_link_of_its_own(mario):
    _, one = await given(mario)
    _, two = await given(mario, "E anche questo")

    assert one != two
    assert await uploaded(mario, one) is not None
    assert await uploaded(mario, two) is not None


async def test_the_token_stands_in_no_row(mario):
    _, token = await given(mario)

    for table in tables.metadata.tables.values():
        for row in await mario.desk.rows(table):
            assert token not in str(row), table.name


async def test_a_guess_is_no_link(mario):
    await given(mario)

    for token in ("", "x", "a" * 26, "a" * 5000, "%00", "' OR 1=1"):
        assert await uploaded(mario, token) is None


async def test_without_a_file_nothing_is_used_up(mario):
    _, token = await given(mario)
    with pytest.raises(Invalid):
        await mario.desk.db.write(uploads.receive, token, [], now=mario.desk.now)

    assert await uploaded(mario, token) is not None


async def test_what_comes_to_a_request_that_was_solved_opens_it_again(mario):
    number, token = await given(mario)
    await mario.desk.db.write(
        lambda tx: tx.update(tables.ticket, {"number": number}, state="resolved", open=False)
    )

    assert await uploaded(mario, token) == number
    assert (await mario.desk.ticket(number)).open


async def test_what_comes_to_a_request_that_has_ended_is_a_new_one_that_follows_it(mario):
    number, token = await given(mario)
    old = await mario.desk.ticket(number)
    await mario.desk.db.write(
        lambda tx: tx.update(
            tables.ticket,
            {"number": number},
            state="closed",
            open=False,
            closed_at=mario.desk.now,
        )
    )

    new = await uploaded(mario, token)

    assert new != number
    assert (await mario.desk.ticket(new)).follow_up_of == old.id


async def test_a_sender_whose_words_staff_look_at_first_keeps_the_link(mario):
    _, token = await given(mario)
    for _ in range(200):
        if (await mario.writes("ancora")).outcome == "held":
            break

    with pytest.raises(Refused):
        await uploaded(mario, token)
    mario.desk.passes(minutes=20)

    assert await uploaded(mario, token) is not None


async def test_in_a_room_it_is_the_word_of_who_sent_it(mario):
    room = replace(mario, room=Address("telegram:-500", "Acme IT"))
    await mario.desk.db.write(
        lambda tx: tx.insert(
            tables.chat,
            id="01900000-0000-7000-8000-00000000abcd",
            channel="telegram",
            address="telegram:-500",
            kind="room",
            name="Acme IT",
            customer="ACME",
            created_at=mario.desk.now,
            last_at=mario.desk.now,
        )
    )
    number, token = await given(room)

    assert await uploaded(room, token) == number
    messages = await mario.desk.rows(tables.message, number, direction="in")
    assert {one.author_address for one in messages} == {"telegram:4242"}


async def test_words_that_wait_for_their_author_get_the_link_when_it_is_known_what_they_are_about(mario):
    await mario.writes("La stampante non va.")
    await mario.does(command="new")
    second = (await mario.writes("La rete è lenta.")).number
    mario.desk.passes(minutes=31)
    await mario.writes("Guardi", too_large=("film.mp4",))
    assert "too_large" not in [one.kind for one in mario.heard()]

    await mario.presses(second)

    (words,) = [one for one in mario.heard() if one.kind == "too_large"]
    token = re.search(r"/upload/(\S+)", words.text)[1]
    assert await uploaded(mario, token) == second


async def test_a_part_of_an_album_that_is_too_large_gets_a_link_too_and_is_named_with_the_others(mario):
    first = await mario.writes("Guardi", files=1, part_of="telegram:4242/77")
    await mario.comes(
        text="",
        chat=Chat(part_of="telegram:4242/77", too_large=("film.mp4",)),
        notes=("a file did not come: film.mp4",),
    )

    (words,) = [one for one in mario.heard() if one.kind == "too_large"]
    assert first.number in words.text
    (message,) = await mario.desk.rows(tables.message, first.number, direction="in")
    assert message.notes == ["a file did not come: film.mp4"]


async def test_links_that_lapsed_are_forgotten(mario):
    await given(mario)
    mario.desk.passes(days=3)
    await mario.desk.db.write(tidying.tidy, now=mario.desk.now)

    assert await mario.desk.rows(tables.one_time_link) == []
