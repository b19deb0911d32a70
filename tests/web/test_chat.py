"""Does the chat on a web page carry what is said in it? Every word once, both ways, and nobody else's."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from core.desk import presence, tickets
from core.store.opening import open_database
from tests import rows
from tests.web.chatting import a_secret, chatting
from tests.web.desk_pages import furnish


@pytest.fixture
async def chats(db, tmp_path):
    await db.write(furnish)
    async with chatting(db, tmp_path) as chats:
        yield chats


async def answer(chats, number, text):
    await chats.db.write(tickets.reply, rows.LEADER, number, text, now=datetime.now(UTC))
    await chats.work()


async def test_what_a_visitor_writes_is_a_ticket_and_the_answer_appears_in_the_frame(chats):
    async with chats.visiting() as page:
        done = await page.say("The printer burns.")
        assert done["outcome"] == "ticket"
        assert done["ticket"]
        await page.shows("The printer burns.", by="me")

        await answer(chats, done["ticket"], "Water is on its way.")

        said = await page.shows("Water is on its way.", by="us")
        assert said["name"] == "Lea"
        await page.stands(state="joined", who="Lea")


async def test_the_same_message_twice_is_one(chats):
    async with chats.visiting() as page:
        first = await page.say("Once.", ref="11111111-1111-4111-8111-111111111111")
        again = await page.say("Once.", ref="11111111-1111-4111-8111-111111111111")

        assert first | {"at": 0} == again | {"at": 0}
        await page.shows("Once.")
        assert page.texts.count("Once.") == 1


async def test_who_comes_back_sees_the_same_conversation_and_nobody_else_does(chats):
    secret = a_secret()
    async with chats.visiting(secret) as page:
        done = await page.say("Secret words.")
        await answer(chats, done["ticket"], "Secret answer.")
        await page.shows("Secret answer.")

    async with chats.visiting(secret) as page:
        await page.shows("Secret words.")
        await page.shows("Secret answer.")
    async with chats.visiting() as stranger, chats.visiting(secret, site="shop") as elsewhere:
        assert stranger.items == elsewhere.items == {}
        assert stranger.standing["state"] == elsewhere.standing["state"] == "new"


@pytest.mark.postgres
async def test_a_visitor_at_one_hub_hears_what_is_said_at_another(postgres_url, facts, tmp_path):
    dbs = [open_database(postgres_url, facts, readers=2, connections=4) for _ in range(2)]
    try:
        await dbs[0].write(furnish)
        async with chatting(dbs[0], tmp_path / "a") as here, chatting(dbs[1], tmp_path / "b") as there:
            secret = a_secret()
            async with here.visiting(secret) as page, there.visiting(secret) as other:
                done = await page.say("Heard everywhere?")
                await other.shows("Heard everywhere?", by="me")
                ticket = (await page.stands(state="waiting"))["number"]
                assert ticket == done["ticket"]

                await answer(there, ticket, "Everywhere.")

                await page.shows("Everywhere.", by="us")
                await there.db.write(
                    lambda tx: presence.typing(tx, rows.LEADER, ticket)  # the other hub says it
                )
                await page.until("typing")
    finally:
        for db in dbs:
            db.close()
