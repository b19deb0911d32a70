"""What somebody of the desk wrote is taken back: gone for the customer, struck for colleagues, asked back where it can be."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.channel import DeliveryError
from core.desk import books, page, search, taking_back, tickets
from core.desk.errors import Forbidden, NotFound, Refused
from core.envelope import Outgoing, Sent
from tests.chatting import CHAT, connects, writes_by_chat
from tests.desk_at_work import AtWork, at_work
from tests.fakes import FakeChannel

WRONG = "La password è 1234."


class Chat(FakeChannel):
    """A chat that gives back what it took, until told otherwise."""

    def __init__(self) -> None:
        super().__init__(name="telegram")
        self.taken_back: list[tuple[str, str]] = []
        self.keeps: DeliveryError | None = None
        self.meanwhile = None
        """Awaited while a message is on its way."""

    async def send(self, outgoing: Outgoing) -> Sent:
        """See core.channel.Channel."""
        taken = await super().send(outgoing)
        if self.meanwhile is not None:
            await self.meanwhile()
        return replace(taken, remote_id=f"{CHAT}/1")

    async def retract(self, to, remote_id):
        """See core.channel.Retracting."""
        if self.keeps is not None:
            raise self.keeps
        self.taken_back.append((to.address, remote_id))


@pytest.fixture
async def desk(db) -> AtWork:
    made = await at_work(db)
    made.telegram = Chat()
    return made


async def said(desk: AtWork, *, in_chat: bool = False) -> tuple[str, str]:
    """A ticket on which Tom said something wrong: its number, and the message."""
    number = await desk.taken()
    await desk.work()
    desk.channel.sent.clear()
    if in_chat:
        desk.passes(minutes=5)
        await connects(desk)
        await writes_by_chat(desk, number)
    return number, await desk.do(tickets.reply, await desk.who("tom"), number, WRONG)


async def take_back(desk: AtWork, number: str, message: str, name: str = "tom") -> str:
    return await desk.do(taking_back.retract, await desk.who(name), number, message)


async def states(desk: AtWork, number: str) -> list[str]:
    return [row.state for row in await desk.deliveries(number, kind="reply")]


async def shown(desk: AtWork, number: str, name: str) -> list[str]:
    view = await desk.db.read(page.ticket, await desk.who(name), number, now=desk.now)
    return [one.text for one in view.messages if one.direction == "out" and not one.automatic]


async def test_what_waits_to_leave_does_not_leave(desk):
    number, message = await said(desk)

    await take_back(desk, number, message)
    await desk.work()

    assert [one.kind for one in desk.channel.sent if WRONG in one.text] == []
    assert await states(desk, number) == ["withdrawn"]


async def test_it_is_gone_for_the_customer_and_on_record_for_staff(desk):
    number, message = await said(desk)
    assert await shown(desk, number, "alice") == [WRONG]

    await take_back(desk, number, message)

    assert await shown(desk, number, "alice") == [""]
    assert await shown(desk, number, "lea") == [WRONG]
    (event,) = await desk.events(number, "message.withdrawn")
    assert (event.actor, event.data["message"]) == ((await desk.who("tom")).actor, message)


async def test_customers_do_not_find_it_by_its_words_and_colleagues_do(desk):
    number, message = await said(desk)

    async def found(name: str) -> int:
        who = await desk.who(name)
        return len((await desk.db.read(search.tickets, who, view="all", q="password", now=desk.now)).items)

    assert (await found("alice"), await found("lea")) == (1, 1)
    await take_back(desk, number, message)
    assert (await found("alice"), await found("lea")) == (0, 1)


async def test_a_chat_is_asked_and_it_is_noted_that_it_worked(desk):
    number, message = await said(desk, in_chat=True)
    await desk.work()

    await take_back(desk, number, message)
    await desk.work()

    assert desk.telegram.taken_back == [(CHAT, f"{CHAT}/1")]
    assert await states(desk, number) == ["retracted"]
    assert len(await desk.events(number, "delivery.retracted")) == 1
    assert (await desk.db.read(books.verify)).faults == ()


async def test_a_chat_that_keeps_it_is_on_record(desk):
    number, message = await said(desk, in_chat=True)
    await desk.work()
    desk.telegram.keeps = DeliveryError("it is older than 48 hours", permanent=True)

    await take_back(desk, number, message)
    await desk.work()

    assert await states(desk, number) == ["sent"]
    assert len(await desk.events(number, "delivery.kept")) == 1


async def test_a_chat_that_is_away_is_asked_again_and_then_it_is_on_record(desk):
    number, message = await said(desk, in_chat=True)
    await desk.work()
    desk.telegram.keeps = DeliveryError("no connection")
    await take_back(desk, number, message)
    await desk.work()
    assert not await desk.events(number, "delivery.kept")

    for _ in range(4):
        desk.passes(minutes=11)
        await desk.work()

    assert len(await desk.events(number, "delivery.kept")) == 1


async def test_what_was_on_its_way_is_asked_back_once_it_has_arrived(desk):
    number, message = await said(desk, in_chat=True)

    async def meanwhile():
        await take_back(desk, number, message)

    desk.telegram.meanwhile = meanwhile
    await desk.work()

    assert len(desk.telegram.taken_back) == 1
    assert await states(desk, number) == ["retracted"]


async def test_what_a_chat_does_not_take_goes_no_other_way_any_more(desk):
    number, message = await said(desk, in_chat=True)

    async def meanwhile():
        await take_back(desk, number, message)
        raise DeliveryError("blocked", permanent=True)

    desk.telegram.meanwhile = meanwhile
    await desk.work()

    assert [one.kind for one in desk.channel.sent if WRONG in one.text] == []


async def test_mail_that_left_stays_and_it_is_said_before(desk):
    number, message = await said(desk)
    await desk.work()
    view = await desk.db.read(page.message, await desk.who("tom"), number, message)
    assert taking_back.stays(view) == ("alice@acme.test",)

    await take_back(desk, number, message)
    await desk.work()

    assert await states(desk, number) == ["sent"]


async def test_later_mails_do_not_quote_it(desk):
    number, message = await said(desk)
    await desk.work()
    await take_back(desk, number, message)
    desk.channel.sent.clear()

    await desk.do(tickets.reply, await desk.who("tom"), number, "Scusate.")
    await desk.work()

    (sent,) = desk.channel.sent
    assert WRONG not in [one.text for one in sent.history]


async def test_colleagues_take_back_their_own_words_and_leaders_everybodys(desk):
    number, message = await said(desk)

    with pytest.raises(Forbidden):
        await take_back(desk, number, message, "ann")
    with pytest.raises(Forbidden):
        await take_back(desk, number, message, "alice")

    assert await take_back(desk, number, message, "lea") == message
    assert await take_back(desk, number, message, "lea") == message
    assert len(await desk.events(number, "message.withdrawn")) == 1


async def test_only_words_of_people_of_the_desk_are_taken_back(desk):
    number, _ = await said(desk)
    view = await desk.db.read(page.ticket, await desk.who("lea"), number, now=desk.now)

    for one in view.messages:
        if one.direction == "in" or one.automatic:
            assert not taking_back.may(await desk.who("lea"), one)
            with pytest.raises(Refused):
                await take_back(desk, number, one.id, "lea")
    with pytest.raises(NotFound):
        await take_back(desk, number, "01900000-0000-7000-8000-000000000000", "lea")
