"""What was promised by four and not written: whoever has it is called, then who is on call, until the words are there."""

from __future__ import annotations

from datetime import timedelta

import pytest

from core.desk import books, ladder_board, next_steps, page_answers, tickets
from core.desk.errors import Refused
from core.facts import HubFacts
from core.store import tables
from tests.core.desk.test_ladder_at_night import NIGHT, Telephone, dialled, rungs
from tests.desk_at_work import AtWork, at_work
from tests.desk_files import put
from tests.fakes import FakeChannel

CALLED_FIRST = [("on_call", 0), ("second", 0), ("shift_leader", 0), ("supervisor", 0)]


@pytest.fixture
def facts() -> HubFacts:
    key = b"a key of 32 bytes for the tests."
    return HubFacts(name="Desk", token_key=key, mails_by="email", texts_by="sms", dials=True)


@pytest.fixture
async def desk(db) -> AtWork:
    desk = await at_work(db, NIGHT)
    phone = Telephone(name="phone")
    phone.dialled = []
    desk.also = [FakeChannel(name="sms"), phone]
    return desk


async def _late(desk: AtWork, **fields: str) -> str:
    """Tom has it and promised words within half an hour; that was half an hour ago."""
    number = await desk.taken()
    if fields:
        await desk.qualify(number, **fields)
    await desk.do(tickets.assign, await desk.who("lea"), number, agent="tom@hub.test")
    await desk.do(tickets.reply, await desk.who("ann"), number, "Guardo.", promise_by="30m")
    desk.passes(minutes=30)
    await desk.work()
    return number


async def _on(desk: AtWork, minutes: int) -> None:
    for _ in range(minutes // 5):
        desk.passes(minutes=5)
        await desk.work()


async def _called(desk: AtWork, number: str) -> list[str]:
    """Whom each rung called, by name."""
    names = {row.id: row.name for row in await desk.rows(tables.agent)} | {"": "the last number"}
    return [
        " ".join(names[one] for one in row.data["agents"])
        for row in await desk.events(number, "ticket.paged")
    ]


async def test_the_owner_is_called_then_who_is_on_call_and_at_last_the_last_number(desk):
    number = await _late(desk)

    await _on(desk, 15)

    assert await rungs(desk, number) == CALLED_FIRST
    assert await _called(desk, number) == ["Tom", "Ann", "Lea", "Sue the last number"]
    (first,) = [sent for sent in desk.also[0].sent if sent.to.address == "+393405550116"]
    assert "una promessa" in first.text
    assert [told.to.address for told in desk.channel.sent if "scaduta" in told.subject] == ["lea@hub.test"]
    await _on(desk, 5)
    assert dialled(desk)[-1] == "+390455550900"
    assert [
        one.cause for one in await desk.db.read(ladder_board.running, await desk.who("lea"), now=desk.now)
    ] == ["promise"]
    assert (await desk.db.read(books.verify, now=desk.now)).faults == ()


async def test_who_knows_stops_it_for_a_quarter_of_an_hour_and_the_words_for_good(desk):
    number, ann, tom = await _late(desk), await desk.who("ann"), await desk.who("tom")
    await _on(desk, 5)
    assert [one.cause for one in await desk.db.read(page_answers.mine, ann, now=desk.now)] == ["promise"]

    await desk.do(page_answers.know, ann, number)
    with pytest.raises(Refused) as refused:
        await desk.do(page_answers.know, tom, number)
    await _on(desk, 10)
    assert refused.value.code == "already_acknowledged"
    assert len(await rungs(desk, number)) == 2
    await _on(desk, 5)
    assert (await rungs(desk, number))[2:] == [("shift_leader", 0)]

    await desk.do(tickets.reply, tom, number, "Ecco.")
    await _on(desk, 30)

    assert len(await rungs(desk, number)) == 3
    assert {row.state for row in await desk.deliveries(number, kind="page")} == {"sent", "withdrawn"}
    assert await desk.db.read(page_answers.mine, await desk.who("lea"), now=desk.now) == ()
    assert await desk.db.read(ladder_board.running, await desk.who("lea"), now=desk.now) == ()
    assert (await desk.db.read(books.verify, now=desk.now)).faults == ()


async def test_what_is_promised_anew_is_called_for_when_that_is_late_and_from_the_first_rung(desk):
    number = await _late(desk)

    await desk.do(tickets.reply, await desk.who("tom"), number, "Quasi.", promise_by="60m")
    await _on(desk, 55)
    assert len(await rungs(desk, number)) == 1
    await _on(desk, 10)

    assert await rungs(desk, number) == [("on_call", 0), *CALLED_FIRST[:2]]


async def test_who_was_called_to_what_nobody_took_does_not_count_for_the_promise(desk):
    number = await desk.qualify((await desk.mail("alice@acme.test")).number or "", impact=1, urgency=1)
    await _on(desk, 10)
    ann = await desk.who("ann")
    await desk.do(tickets.take, ann, number)
    await desk.do(tickets.reply, ann, number, "Guardo.", promise_by="15m")
    climbed = len(await rungs(desk, number))

    await _on(desk, 20)

    assert (await rungs(desk, number))[climbed:] == CALLED_FIRST[:2]
    assert (await _called(desk, number))[climbed:] == ["Ann", "Tom"]


@pytest.mark.parametrize("always", [False, True])
async def test_outside_the_hours_of_the_contract_nobody_is_called_unless_it_is_about_what_one_always_is(
    desk, always
):
    if always:
        text = NIGHT.replace('name = "sw-1"\n', 'name = "sw-1"\nalways_page = true\n')
        await desk.db.write(put, text, now=desk.now)
    number = await desk.qualify((await desk.mail("alice@acme.test")).number or "", technology="Server")
    if always:
        await desk.do(tickets.qualify, await desk.who("tom"), number, asset="sw-1")
    lea = await desk.who("lea")
    await desk.do(tickets.take, lea, number)
    desk.now = desk.now.replace(hour=17) - timedelta(
        minutes=15
    )  # a quarter to six in Rome: they close at six
    before = len(await rungs(desk, number))
    await desk.do(next_steps.promise, lea, number, promise_by="30m")

    await _on(desk, 60)
    at_night = len(await rungs(desk, number)) - before
    told = [one.to.address for one in desk.channel.sent if one.subject.startswith("Promessa scaduta")]
    desk.now = (desk.now + timedelta(days=1)).replace(hour=8, minute=0)
    await desk.work()

    assert (at_night > 0, told) == (always, [] if always else ["lea@hub.test"])
    assert len(await rungs(desk, number)) > before
