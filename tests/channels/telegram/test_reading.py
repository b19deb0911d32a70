"""Whatever an update says, it is understood as far as it goes, or kept as nobody's word; no sign in it breaks anything."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.telegram.reading import read
from core.envelope import Address, Inbound, Kind, SpanKind

MARIO = {"id": 4242, "is_bot": False, "first_name": "Mario", "last_name": "Rossi", "language_code": "it"}
PRIVATE = {"id": 4242, "type": "private", "first_name": "Mario"}
GROUP = {"id": -500, "type": "group", "title": "Acme IT"}
BOT = {"id": 4711, "is_bot": True, "first_name": "Desk", "username": "acme_desk_bot"}


def a_message(**more: Any) -> dict[str, Any]:
    return {"message_id": 17, "date": 1_700_000_000, "chat": PRIVATE, "from": MARIO, **more}


def the_reader_on(update: dict[str, Any], **more: Any) -> Inbound:
    stored = {
        "bot": {"id": 4711, "username": "acme_desk_bot"},
        "update": {"update_id": 9, **update},
        "files": [],
        "missing": [],
        **more,
    }
    return read(json.dumps(stored).encode(), {"external_id": "4711/9", "channel": "telegram"}, {})


def said(**fields: Any) -> Inbound:
    return the_reader_on({"message": a_message(**fields)})


# Words


def test_a_message_is_an_account_and_its_words() -> None:
    found = said(text="Printer on fire\nSecond floor")

    assert found.kind is Kind.HUMAN
    assert found.author == Address("telegram:4242", "Mario Rossi")
    assert (found.subject, found.text) == ("Printer on fire Second floor", "Printer on fire\nSecond floor")
    assert (found.message_id, found.mailbox) == ("telegram:4242/17", "acme_desk_bot")
    assert (found.chat.room, found.chat.language, found.contact) == (None, "it", None)
    assert found.sent_at.isoformat() == "2023-11-14T22:13:20+00:00"


def test_two_updates_are_never_the_same_message_and_one_is_always_itself() -> None:
    again = [read(_stored(number), {"external_id": f"4711/{number}"}, {}).content_key for number in (1, 2, 1)]

    assert again[0] == again[2] != again[1]


def _stored(number: int) -> bytes:
    update = {"update_id": number, "message": a_message(text="Same")}
    return json.dumps({"bot": {"id": 4711, "username": ""}, "update": update}).encode()


@pytest.mark.parametrize(
    ("text", "command", "argument"),
    [
        ("/start", "start", ""),
        ("/start AbC-123_x", "start", "AbC-123_x"),
        ("/status@acme_desk_bot", "status", ""),
        ("/NEW", "new", ""),
        ("/stop", "stop", ""),
        ("/language", "language", ""),
        ("/help", "help", ""),
    ],
)
def test_a_command_is_an_act(text: str, command: str, argument: str) -> None:
    found = said(text=text)

    assert (found.kind, found.chat.command, found.chat.argument) == (Kind.ACT, command, argument)
    assert found.text == f"/{command}"
    assert argument not in found.subject or not argument


@pytest.mark.parametrize(
    "text", ["/dev/sda1 is full", "/unknown", "/", "start", "see /status", "/status_of_things"]
)
def test_everything_else_is_text(text: str) -> None:
    found = said(text=text)

    assert (found.kind, found.text, found.chat.command) == (Kind.HUMAN, text, "")


def test_a_command_for_another_bot_is_none_of_ours() -> None:
    found = said(text="/status@weather_bot", chat=GROUP)

    assert (found.kind, found.chat) == (Kind.ACT, None)


def test_an_answer_names_what_it_answers() -> None:
    found = said(text="Yes", reply_to_message=a_message(message_id=12, text="Is it?", **{"from": BOT}))

    assert found.in_reply_to == ("telegram:4242/12",)


def test_words_that_are_quoted_by_hand_fold_away() -> None:
    found = said(
        text="That one.",
        reply_to_message=a_message(message_id=12, text="The red or the green one?"),
        quote={"text": "the green one", "position": 11, "is_manual": True},
    )

    parts = [(span.kind, found.text[span.start : span.end]) for span in found.spans]
    assert parts == [(SpanKind.QUOTED, "the green one\n\n"), (SpanKind.VISIBLE, "That one.")]
    assert found.subject == "That one."


def test_an_answer_to_a_message_elsewhere_and_a_forwarded_one_say_so() -> None:
    forwarded = said(
        text="See below",
        forward_origin={
            "type": "user",
            "date": 1,
            "sender_user": {"id": 5, "is_bot": False, "first_name": "Anna"},
        },
    )
    hidden = said(text="x", forward_origin={"type": "hidden_user", "date": 1, "sender_user_name": "Somebody"})
    channel = said(
        text="x",
        forward_origin={
            "type": "channel",
            "date": 1,
            "chat": {"id": -1, "type": "channel", "title": "News"},
            "message_id": 3,
        },
    )
    elsewhere = said(
        text="x", external_reply={"origin": {"type": "hidden_user", "date": 1, "sender_user_name": "A"}}
    )

    assert forwarded.notes == ("forwarded, written by: Anna",)
    assert hidden.notes == ("forwarded, written by: Somebody",)
    assert channel.notes == ("forwarded, written by: News",)
    assert elsewhere.notes == ("answers a message of another chat",)
    assert not forwarded.forward


def test_the_address_behind_a_link_is_kept_where_it_stands() -> None:
    entities = [{"type": "text_link", "offset": 6, "length": 4, "url": "https://example.org/a"}]
    assert said(text="😀 See here, and 😀", entities=[{**entities[0], "offset": 7}]).text == (
        "😀 See here (https://example.org/a), and 😀"
    )

    shown = [{"type": "text_link", "offset": 0, "length": 19, "url": "https://example.org/"}]
    assert said(text="https://example.org", entities=shown).text == "https://example.org"


# What is no text


def test_a_place_is_text_with_a_map() -> None:
    found = said(location={"latitude": 45.438759, "longitude": 12.327145})

    assert found.text.splitlines() == [
        "45.438759, 12.327145",
        "https://www.openstreetmap.org/?mlat=45.438759&mlon=12.327145#map=17/45.438759/12.327145",
    ]


def test_a_venue_says_its_name_once() -> None:
    place = {"latitude": 45.0, "longitude": 12.0}
    found = said(location=place, venue={"location": place, "title": "Acme", "address": "Via Roma 1"})

    assert found.text.startswith("Acme\nVia Roma 1\n45.000000, 12.000000")
    assert found.text.count("openstreetmap") == 1


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        (
            {"contact": {"phone_number": "+393405550101", "first_name": "Anna", "last_name": "B"}},
            "Anna B\n+393405550101",
        ),
        ({"dice": {"emoji": "🎲", "value": 4}}, "🎲 4"),
        (
            {
                "poll": {
                    "id": "1",
                    "question": "When?",
                    "options": [
                        {"text": "Monday", "voter_count": 0, "persistent_id": "1"},
                        {"text": "Never", "voter_count": 0, "persistent_id": "2"},
                    ],
                    "total_voter_count": 0,
                    "is_closed": False,
                    "is_anonymous": True,
                    "type": "regular",
                    "allows_multiple_answers": False,
                    "allows_revoting": False,
                    "members_only": False,
                }
            },
            "When?\n- Monday\n- Never",
        ),
    ],
)
def test_what_somebody_shares_is_text_that_can_be_used(fields: dict[str, Any], text: str) -> None:
    found = said(**fields)

    assert (found.kind, found.text) == (Kind.HUMAN, text)


def test_a_sticker_is_a_sign() -> None:
    found = said(
        sticker={
            "file_id": "a",
            "file_unique_id": "b",
            "type": "regular",
            "width": 1,
            "height": 1,
            "is_animated": False,
            "is_video": False,
            "emoji": "👍",
        }
    )

    assert (found.kind, found.text, found.attachments) == (Kind.REACTION, "👍", ())


def test_what_nobody_can_show_is_named() -> None:
    found = said(story={"chat": PRIVATE, "id": 3})

    assert (found.kind, found.text, found.notes) == (Kind.HUMAN, "", ("holds what is not shown: story",))


# Files

FILE = {"file_id": "f", "file_unique_id": "u", "file_size": 7}


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"document": FILE | {"file_name": "a.pdf", "mime_type": "application/pdf"}}, "a.pdf"),
        ({"voice": FILE | {"duration": 3}}, "voice-u.ogg"),
        ({"audio": FILE | {"duration": 3, "file_name": "song.mp3"}}, "song.mp3"),
        ({"video": FILE | {"duration": 3, "width": 1, "height": 1}}, "video-u.mp4"),
        ({"video_note": FILE | {"duration": 3, "length": 1}}, "video-note-u.mp4"),
        ({"document": FILE | {"file_name": "../../etc/passwd\u202e\n"}}, "passwd"),
        ({"document": FILE}, "file-u.bin"),
    ],
)
def test_a_file_without_words_is_called_by_its_name(fields: dict[str, Any], name: str) -> None:
    found = said(**fields)

    assert (found.kind, found.text, found.subject) == (Kind.HUMAN, "", name)


def test_a_moving_picture_is_one_file_although_telegram_names_it_twice() -> None:
    from telegram import Update

    from channels.telegram.contents import files

    picture = FILE | {"duration": 1, "width": 1, "height": 1, "file_name": "cat.mp4"}
    update = Update.de_json({"update_id": 1, "message": a_message(animation=picture, document=picture)})

    assert [one.name for one in files(update.message)] == ["cat.mp4"]


def test_fetched_files_come_with_their_message_and_the_others_by_name() -> None:
    content = base64.b64encode(b"%PDF\x00\xff").decode()
    found = the_reader_on(
        {"message": a_message(document=FILE, caption="Here")},
        files=[{"name": "a.pdf", "type": "application/pdf", "content": content}],
        missing=["b.mp4"],
    )

    assert [(one.name, one.content) for one in found.attachments] == [("a.pdf", b"%PDF\x00\xff")]
    assert (found.text, found.chat.too_large) == ("Here", ("b.mp4",))


def test_parts_of_an_album_have_one_name() -> None:
    one = said(photo=[FILE | {"width": 1, "height": 1}], media_group_id="1234")

    assert one.chat.part_of == "telegram:4242/1234"


# Things done


def test_an_edit_is_the_new_text_of_an_earlier_message() -> None:
    found = the_reader_on({"edited_message": a_message(text="It is the green one", edit_date=1_700_000_060)})

    assert (found.kind, found.text, found.chat.changes) == (
        Kind.ACT,
        "It is the green one",
        "telegram:4242/17",
    )
    assert found.message_id != "telegram:4242/17"


def test_a_place_that_moves_is_no_news() -> None:
    found = the_reader_on(
        {"edited_message": a_message(location={"latitude": 1.0, "longitude": 2.0, "live_period": 60})}
    )

    assert (found.kind, found.chat, found.may_auto_reply) == (Kind.ACT, None, False)


def test_a_pressed_button_brings_its_id_back() -> None:
    found = the_reader_on(
        {
            "callback_query": {
                "id": "1",
                "from": MARIO,
                "chat_instance": "1",
                "data": "short-id",
                "message": {"message_id": 12, "date": 0, "chat": GROUP},  # one that Telegram has forgotten
            }
        }
    )

    assert (found.kind, found.chat.pressed, found.author.address) == (Kind.ACT, "short-id", "telegram:4242")
    assert (found.chat.room.address, found.in_reply_to) == ("telegram:-500", ("telegram:-500/12",))


@pytest.mark.parametrize(
    "query", [{"inline_message_id": "x", "data": "y"}, {"message": a_message(), "game_short_name": "g"}]
)
def test_a_button_that_is_none_of_ours_does_nothing(query: dict[str, Any]) -> None:
    found = the_reader_on({"callback_query": {"id": "1", "from": MARIO, "chat_instance": "1", **query}})

    assert (found.kind, found.chat) == (Kind.ACT, None)


def membership(chat: dict[str, Any], status: str) -> Inbound:
    until = {"until_date": 0} if status == "kicked" else {}
    return the_reader_on(
        {
            "my_chat_member": {
                "chat": chat,
                "from": MARIO,
                "date": 1_700_000_000,
                "old_chat_member": {"user": BOT, "status": "member"},
                "new_chat_member": {"user": BOT, "status": status, **until},
            }
        }
    )


@pytest.mark.parametrize(
    ("chat", "status", "gone", "room"),
    [
        (PRIVATE, "kicked", True, None),
        (PRIVATE, "member", False, None),
        (GROUP, "left", True, "telegram:-500"),
        (GROUP, "kicked", True, "telegram:-500"),
        (GROUP, "member", False, "telegram:-500"),
    ],
)
def test_who_blocks_us_or_takes_us_out_is_gone(
    chat: dict[str, Any], status: str, gone: object, room: str | None
) -> None:
    found = membership(chat, status)

    assert (found.kind, found.author.address, found.chat.gone) == (Kind.ACT, "telegram:4242", gone)
    assert (found.chat.room.address if found.chat.room else None) == room


def test_in_a_channel_nobody_writes_to_us() -> None:
    channel = {"id": -900, "type": "channel", "title": "News"}

    assert membership(channel, "member").chat is None
    assert said(text="Post", chat=channel, sender_chat=channel).chat is None
    assert the_reader_on({"channel_post": a_message(text="Post", chat=channel)}).kind is Kind.ACT


def test_a_reaction_is_a_sign_about_a_message_and_taking_it_back_is_nothing() -> None:
    sign = {"chat": PRIVATE, "message_id": 12, "user": MARIO, "date": 1_700_000_000, "old_reaction": []}
    found = the_reader_on({"message_reaction": {**sign, "new_reaction": [{"type": "emoji", "emoji": "❤"}]}})
    back = the_reader_on({"message_reaction": {**sign, "new_reaction": []}})

    assert (found.kind, found.text, found.in_reply_to) == (Kind.REACTION, "❤", ("telegram:4242/12",))
    assert (back.kind, back.chat) == (Kind.ACT, None)


# Groups


def test_in_a_group_the_author_is_a_person_and_the_room_has_its_title() -> None:
    found = said(text="/status", chat=GROUP)

    assert (found.author.address, found.chat.room) == ("telegram:4242", Address("telegram:-500", "Acme IT"))
    assert found.message_id == "telegram:-500/17"


def test_who_writes_in_the_name_of_the_group_is_the_group() -> None:
    anonymous = {"id": 1087968824, "is_bot": True, "first_name": "Group", "username": "GroupAnonymousBot"}
    found = said(text="Hello", chat=GROUP, sender_chat=GROUP, **{"from": anonymous})

    assert (found.kind, found.author) == (Kind.HUMAN, Address("telegram:-500", "Acme IT"))


@pytest.mark.parametrize(
    "fields",
    [
        {"chat": GROUP, "migrate_to_chat_id": -1000500},
        {"chat": GROUP | {"id": -1000500, "type": "supergroup"}, "migrate_from_chat_id": -500},
    ],
)
def test_a_group_that_becomes_a_supergroup_says_what_it_was_called(fields: dict[str, Any]) -> None:
    found = said(**fields)

    assert (found.kind, found.chat.moved_from) == (Kind.ACT, "telegram:-500")
    assert found.chat.room == Address("telegram:-1000500", "Acme IT")


def test_a_message_in_a_topic_answers_nothing_unless_it_does() -> None:
    began = a_message(message_id=3, forum_topic_created={"name": "Printers", "icon_color": 1}, chat=GROUP)
    topic = {"chat": GROUP, "is_topic_message": True, "message_thread_id": 3, "text": "x"}

    assert said(**topic, reply_to_message=began).in_reply_to == ()
    assert said(**topic, reply_to_message=a_message(message_id=9, text="y", chat=GROUP)).in_reply_to == (
        "telegram:-500/9",
    )


# Machines


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"text": "Hi", "from": BOT}, Kind.OWN_LOOP),
        ({"text": "Hi", "from": {"id": 99, "is_bot": True, "first_name": "Other"}}, Kind.ACT),
        (
            {
                "text": "Hi",
                "chat": GROUP,
                "is_automatic_forward": True,
                "sender_chat": {"id": -9, "type": "channel"},
            },
            Kind.ACT,
        ),
        ({"new_chat_members": [MARIO], "chat": GROUP}, Kind.ACT),
        ({"pinned_message": {"message_id": 1, "date": 0, "chat": GROUP}, "chat": GROUP}, Kind.ACT),
        ({"group_chat_created": True, "chat": GROUP}, Kind.ACT),
    ],
)
def test_what_no_person_said_opens_nothing(fields: dict[str, Any], kind: Kind) -> None:
    found = said(**fields)

    assert (found.kind, found.chat, found.may_auto_reply) == (kind, None, False)
    assert found.kind_evidence


def test_a_kind_of_update_that_nobody_knows_is_kept_with_its_name() -> None:
    found = the_reader_on({"telepathy": {"thought": "help"}})

    assert (found.kind, found.kind_evidence) == (Kind.ACT, ("an update of the kind telepathy",))


@pytest.mark.parametrize(
    "update",
    [
        {"message": {"message_id": 1}},
        {"message": "x"},
        {"message": {**a_message(text="x"), "date": "yesterday"}},
        {"callback_query": {"id": "1"}},
        {"my_chat_member": {"chat": PRIVATE}},
    ],
)
def test_what_is_not_as_telegram_describes_it_is_an_exception_for_staff(update: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="not as Telegram describes it"):
        the_reader_on(update)


# Signs that break things


@pytest.mark.parametrize(
    "text",
    ["half \ud83d of a sign", "\udc00", "nul \0 in it", "\u202eright to left", "{{ 7*7 }}", "'; DROP TABLE"],
)
def test_signs_that_break_things_are_text(text: str) -> None:
    found = said(text=text, **{"from": {**MARIO, "first_name": text}})

    assert found.kind is Kind.HUMAN
    found.text.encode()
    found.author.name.encode()


@given(st.text(max_size=200), st.text(max_size=60))
def test_any_text_and_any_name_is_read(text: str, name: str) -> None:
    found = said(text=text or "x", **{"from": {**MARIO, "first_name": name}})

    assert found.text == (text or "x") or found.chat.command
    assert found.author is not None


@given(
    st.recursive(
        st.none() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.dictionaries(
                st.sampled_from(
                    ["message", "chat", "from", "date", "text", "message_id", "id", "type", "edited_message"]
                ),
                inner,
                max_size=5,
            )
            | st.lists(inner, max_size=3)
        ),
    )
)
def test_any_update_is_read_or_refused_as_a_value(update: Any) -> None:
    try:
        found = the_reader_on(update if isinstance(update, dict) else {"message": update})
    except ValueError:
        return
    assert found.channel == "telegram"
