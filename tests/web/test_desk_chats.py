"""A conversation in a chat, as staff see it: short turns, what became of each, who waits, and who is called."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest

from core.desk import chat_buttons, presence
from core.rules.chat_acts import Act
from core.store import tables
from tests import rows
from tests.rows import LEADER, NOON, TECHNICIAN
from tests.web.desk_pages import PNG

NUMBER = "26-000009"
PAGE = f"/desk/tickets/{NUMBER}"
MARIO = "telegram:4242"
OGG = b"OggS voice"


def at(minutes: float):
    return NOON + timedelta(minutes=minutes)


class Talk:
    """A chat with Mario, who is nobody's contact."""

    def __init__(self, tx):
        self.tx = tx
        self.ticket = rows.a_ticket(
            tx,
            NUMBER,
            by=None,
            subject="The till is dark",
            state="triage",
            channel="telegram",
            chat="telegram",
            waits_since=at(4),
            last_direction="in",
            snippet="It is <i>dark</i>.",
            requester_name="Mario",
            requester_address=MARIO,
        )
        self.tx.update(tables.thread, {"ticket_id": self.ticket}, channel="telegram", address=MARIO)

    def theirs(self, text, minutes, **columns):
        return rows.a_message(
            self.tx,
            self.ticket,
            text,
            **{
                "direction": "in",
                "channel": "telegram",
                "author_name": "Mario",
                "author_address": MARIO,
                "trust": "none",
                "at": at(minutes),
                **columns,
            },
        )

    def ours(self, text, minutes, *, kind="reply", **delivery):
        message = rows.a_message(
            self.tx,
            self.ticket,
            text,
            channel="telegram",
            author_name="Teo",
            agent=TECHNICIAN.id,
            at=at(minutes),
            kind=kind,
        )
        rows.a_delivery(self.tx, self.ticket, message, MARIO, channel="telegram", **delivery)
        return message


@pytest.fixture
async def talk(pages, desk):
    """`talk(verb)`: what `verb` says and hears in a chat; the ids it returns."""

    async def told(verb=lambda talk: None):
        return await pages.db.write(lambda tx: verb(Talk(tx)))

    return told


def turn(page, message):
    """The line of one message."""
    line = rf'<li class="msg turn([^"]*)" id="m-{message}">(.*?)</li>\s*(?=<li class="(?:msg|happened)|</ol>)'
    (found,) = re.findall(line, page.text, re.DOTALL)
    return found


async def test_what_one_person_says_within_minutes_stands_together(talk, lea):
    first, second, later, answer = await talk(
        lambda one: (
            one.theirs("It is dark.", 0),
            one.theirs("All of it.", 1),
            one.theirs("Hello?", 9),
            one.ours("I look.", 10),
        )
    )

    page = await lea.get(PAGE)

    assert [turn(page, one)[0] for one in (first, second, later, answer)] == [
        " in",
        " in follows",
        " in",
        " out",
    ]
    assert 'class="visually-hidden"' in turn(page, second)[1]  # and it still says who
    assert "Telegram" in page.words
    assert page.text.count("Nobody vouches for this address") <= 2  # at the first turn, and beside


async def test_each_of_our_words_says_how_far_it_got(talk, lea):
    sent, seen, waits, lost = await talk(
        lambda one: (
            one.ours("One.", 0),
            one.ours("Two.", 10, seen_at=at(11)),
            one.ours("Three.", 20, state="queued"),
            one.ours("Four.", 30, state="given_up", error="blocked by the user"),
        )
    )

    page = await lea.get(PAGE)

    told = [
        re.findall(r'<p class="state ([^"]*)">([^<]*)', turn(page, one)[1])
        for one in (sent, seen, waits, lost)
    ]
    assert [sort for ((sort, _),) in told] == ["secondary", "secondary", "secondary", "late"]
    words = [words for ((_, words),) in told]
    assert words[0] == "sent"
    assert words[1].startswith("seen ")
    assert words[2] == "queued"
    assert "blocked by the user" in words[3]


async def test_what_the_next_turn_says_as_well_is_said_once(talk, lea):
    one, two = await talk(lambda one: (one.ours("One.", 0), one.ours("Two.", 1)))

    page = await lea.get(PAGE)

    assert "state" not in turn(page, one)[1]
    assert "state" in turn(page, two)[1]


async def test_what_was_changed_keeps_its_earlier_words_and_what_was_taken_back_is_struck(talk, lea, pages):
    def verb(one):
        edited, withdrawn = (
            one.theirs("The till.", 0),
            one.theirs("My password is x.", 9, withdrawn_at=at(10)),
        )
        one.tx.insert(
            tables.message_version,
            ticket_id=one.ticket,
            message_id=edited,
            n=1,
            text="The <b>bill</b>.",
            at=at(2),
            by="x",
        )
        return edited, withdrawn

    edited, withdrawn = await talk(verb)
    page = await lea.get(PAGE)

    assert "&lt;b&gt;bill&lt;/b&gt;" in turn(page, edited)[1]
    assert "<details" in turn(page, edited)[1]
    assert re.search(r"<del>.*password.*</del>", turn(page, withdrawn)[1], re.DOTALL)


async def test_buttons_stand_below_what_offered_them_with_the_one_that_was_chosen(talk, lea):
    def verb(one):
        report, open_one = one.ours("Done.", 0, kind="resolved"), one.ours("And that?", 9, kind="resolved")
        offers = [chat_buttons.Offer(act=Act.CONFIRM), chat_buttons.Offer(act=Act.REFUSE)]
        for message in (report, open_one):
            chat_buttons.offer(
                one.tx, offers, shard=one.ticket, message_id=message, address=MARIO, language="en", now=NOON
            )
        first = chat_buttons.of_message(one.tx, one.ticket, report, MARIO)[0]
        button = chat_buttons.find(one.tx, first.id)
        assert chat_buttons.use(one.tx, button, actor="contact:x", now=at(1))
        return report, open_one

    report, waiting = await talk(verb)
    page = await lea.get(PAGE)

    assert '<li class="chosen">✓ Solved' in turn(page, report)[1]
    assert '<li class="over">Still broken' in turn(page, report)[1]
    assert turn(page, waiting)[1].count('<li class="open">') == 2


async def test_a_voice_message_plays_a_photo_shows_and_everything_else_is_a_file(talk, lea):
    def verb(one):
        message = one.theirs("", 0)
        voice = rows.a_file(one.tx, one.ticket, message, OGG, name="voice.ogg", type="audio/ogg")
        photo = rows.a_file(one.tx, one.ticket, message, PNG, name="till.png", type="image/png")
        drawing = rows.a_file(one.tx, one.ticket, message, b"<svg/>", name="x.svg", type="image/svg+xml")
        return message, voice, photo, drawing

    message, voice, photo, drawing = await talk(verb)
    page = await lea.get(PAGE)
    (_, shown) = turn(page, message)
    sound = await lea.get(f"{PAGE}/files/{voice}/sound", Range="bytes=0-3")

    assert f'src="{PAGE}/files/{voice}/sound"' in shown
    assert f'<img src="{PAGE}/files/{photo}"' in shown
    assert f'src="{PAGE}/files/{drawing}' not in shown
    assert f'href="{PAGE}/files/{drawing}"' in shown
    assert (sound.status, sound.text, sound.headers["Content-Type"]) == (206, "OggS", "audio/ogg")
    assert (await lea.get(f"{PAGE}/files/{drawing}/sound")).headers[
        "Content-Type"
    ] == "application/octet-stream"


async def test_mail_keeps_its_own_look(lea):
    page = await lea.get("/desk/tickets/26-000001")

    assert "msg turn" not in page.text
    assert "data-chat" not in page.text


async def test_the_list_of_chats_says_how_long_each_waits_and_lets_one_take_it(talk, lea, pages):
    await talk()

    page = await lea.get("/desk/?view=chats")
    take = re.search(r'form="take" formaction="([^"]*)"', page.text)
    done = await lea.post(take[1].replace("&amp;", "&"))

    assert page.rows() == [NUMBER]
    assert "It is &lt;i&gt;dark&lt;/i&gt;." in page.text
    assert (done.status, done.headers["Location"]) == (303, f"{PAGE}?view=chats")
    after = await lea.get("/desk/?view=chats")
    assert "formaction" not in after.text.partition('class="rows"')[2].partition("</ul>")[0]
    assert "Lea" in after.words


async def test_a_reply_from_the_script_is_answered_with_what_changed(talk, lea):
    await talk(lambda one: one.theirs("It is dark.", 0))

    said = await lea.post(f"{PAGE}/do/reply?only=talk&view=chats", text="I look.", idem="1", seen="0")

    assert said.status == 303
    part = await lea.get(said.headers["Location"])
    assert "<html" not in part.text
    assert "I look." in part.text
    assert re.search(r'id="p-timeline"[^>]* data-form="[\w-]+', part.text)


async def test_who_writes_is_told_to_the_other_side_and_kept_nowhere(talk, lea, teo, pages):
    ticket = await talk(lambda one: one.ticket)
    told = []
    pages.db.listen(told.extend)

    assert (await lea.post(f"{PAGE}/typing")).status == 204
    assert (await teo.post(f"{PAGE}/typing")).status == 404  # not of his groups
    assert (await lea.post("/desk/tickets/26-000001/typing")).status == 204  # by mail: nobody sees that

    assert [one for one in told if one[0] == "typing"] == [("typing", f"{ticket} staff")]


async def test_the_addresses_of_a_chat_are_those_where_writing_can_be_shown(talk, pages, alice):
    await talk()

    assert await pages.db.write(presence.typing, LEADER, NUMBER) == (MARIO,)
    assert (await alice.post(f"{PAGE}/typing")).status == 404


async def test_whoever_is_called_is_told_on_every_page_until_they_say_so(talk, lea, teo, pages):
    def call(one):
        page = {"ticket_id": one.ticket, "id": one.ticket, "rung": 1, "cause": "soon"}
        one.tx.insert(tables.page, agent=LEADER.id, at=datetime.now(UTC), **page)

    await talk(call)
    shown = await lea.get("/desk/calls")

    assert 'data-page="' in shown.text
    assert "The till is dark" in shown.words
    assert "data-page" not in (await teo.get("/desk/calls")).text
    done = await lea.post(f"{PAGE}/know", back="/desk/?view=mine")
    assert (done.status, done.headers["Location"]) == (303, "/desk/?view=mine")
    assert (await lea.post(f"{PAGE}/know", back="https://evil.test/")).headers["Location"] == "/desk/"
    assert "data-page" not in (await lea.get("/desk/calls/now")).text


async def test_a_contact_reads_no_words_that_were_taken_back_nor_earlier_ones(pages, desk, alice):
    def verb(tx):
        ticket = rows.a_ticket(tx, "26-000010")
        said = rows.a_message(tx, ticket, "Secret.", withdrawn_at=NOON)
        rows.a_file(tx, ticket, said, b"secret")
        return ticket

    await pages.db.write(verb)

    shown = await alice.get("/portal/requests/26-000010")

    assert shown.status == 200
    assert "Secret." not in shown.text
    assert "log.txt" not in shown.text
