"""The books of chats notice what must not be: each fault is made on purpose."""

from __future__ import annotations

from typing import Any

import pytest

from core.desk import books, waiting
from core.store import tables
from core.store.tx import Tx
from tests.chat_at_work import Chatter, chatting
from tests.desk_at_work import MONDAY


@pytest.fixture
async def mario(db) -> Chatter:
    """Mario was asked which of his two requests he means, and has not said."""
    mario = await chatting(db)
    await mario.writes("La stampante non va.")
    await mario.does(command="new")
    await mario.writes("La rete è lenta.")
    mario.desk.passes(minutes=31)
    await mario.writes("È urgente!")
    return mario


async def faults(mario: Chatter) -> set[str]:
    return {one.kind for one in (await mario.desk.db.read(books.verify, now=mario.desk.now)).faults}


async def test_the_books_of_a_chat_balance(mario):
    assert await faults(mario) == set()


def _run(*statements: Any) -> Any:
    def change(tx: Tx) -> None:
        for statement in statements:
            tx.run(statement)

    return change


_of_words = tables.delivery.c.ticket_id == tables.delivery.c.thread_id


@pytest.mark.parametrize(
    ("what", "kind"),
    [
        (_run(tables.delivery.delete().where(_of_words)), "words of a chat without their one delivery"),
        (_run(tables.chat_word.delete()), "button below nothing"),
        (_run(tables.chat_word.delete()), "delivery without its ticket"),
        (_run(tables.chat.delete()), "words of a chat that is not there"),
        (_run(tables.chat_button.update().values(value="nothing")), "button that chooses nothing"),
        (
            _run(tables.job.delete().where(tables.job.c.kind == "chat-silent")),
            "question that no timer ends",
        ),
        (_run(tables.chat.update().values(asked_at=None)), "words that wait where nothing was asked"),
        (
            _run(tables.chat.update().values(ticket_id=tables.chat.c.id)),
            "chat about a ticket that is not there",
        ),
        (
            lambda tx: tx.insert(tables.identity, address="telegram:1", contact="nobody", since=MONDAY),
            "account of somebody who does not exist",
        ),
        (
            lambda tx: tx.insert(tables.identity, address="telegram:1", since=MONDAY),
            "account of somebody who does not exist",
        ),
    ],
)
async def test_what_must_not_be_is_noticed(mario, what, kind):
    def change(tx: Tx) -> None:
        what(tx)

    await mario.desk.db.write(change)

    assert kind in await faults(mario)


async def test_words_that_wait_for_ever_are_noticed(mario):
    mario.desk.passes(minutes=21)  # and nobody rings the timer

    assert await faults(mario) == {"words that wait for a choice beyond their time"}


async def test_what_staff_took_or_discarded_waits_for_nobody(mario):
    (item,) = await mario.desk.rows(tables.inbound, outcome="held")
    mario.desk.passes(minutes=11)
    await mario.work()
    tom = await mario.desk.who("tom")
    await mario.desk.do(waiting.discard, tom, item.id)

    assert await faults(mario) == set()
    await mario.presses("26-000001")
    assert len(await mario.texts("26-000001")) == 1
