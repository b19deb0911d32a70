"""What an address hears beyond its share of an hour, of whatever requests, is told at once; each notice has its delivery."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from core.channel import DeliveryError
from core.desk import books, next_steps, resolution, returns, tickets, workaround_links, workarounds
from core.envelope import Kind
from core.ids import id_token
from core.rules import quiet_hours
from core.store import tables
from tests.desk_at_work import PASSED, AtWork, at_work

PER_HOUR = 3


@pytest.fixture
def facts(facts):
    few = replace(facts.brakes, notices_per_hour=PER_HOUR)
    return replace(facts, brakes=few, quiet=quiet_hours.read("21:00-08:00"))


@pytest.fixture
async def desk(db) -> AtWork:
    return await at_work(db)


async def _many(desk: AtWork) -> list[str]:
    """Requests of Alice that somebody works on, of which she has heard all that she hears in an hour."""
    numbers = [await desk.taken(authentication=PASSED, subject=f"Sede {n}") for n in range(PER_HOUR)]
    desk.passes(minutes=1)
    await desk.work()
    assert len(_told(desk)) == PER_HOUR
    await _more(desk, numbers)
    return numbers


async def _more(desk: AtWork, numbers: list[str]) -> None:
    for number in numbers:
        await desk.do(tickets.workaround, await desk.who("ann"), number, f"Usate il 4G, {number}.")


def _in_chat(tx, ticket_id: str, chat: str) -> None:
    thread = tables.thread.update().where(tables.thread.c.ticket_id == ticket_id)
    tx.run(thread.values(channel="telegram", address=chat))
    tx.run(
        tables.participant.update().values(address=chat).where(tables.participant.c.ticket_id == ticket_id)
    )
    tx.update(tables.ticket, {"id": ticket_id}, requester_address=chat)


def _told(desk: AtWork) -> list:
    return [one for one in desk.channel.sent if one.kind in ("progress", "roundup")]


async def _states(desk: AtWork, numbers: list[str]) -> list[str]:
    return [(await desk.deliveries(number, kind="progress"))[-1].state for number in numbers]


async def _balanced(desk: AtWork) -> None:
    assert (await desk.db.read(books.verify, now=desk.now)).faults == ()


async def test_what_waits_of_several_requests_leaves_as_one_with_each_as_it_stands_then(desk):
    numbers = await _many(desk)
    assert await _states(desk, numbers) == ["collected"] * 3
    desk.passes(minutes=20)
    await desk.do(tickets.escalate, await desk.who("ann"), numbers[0], reason="x")
    await _balanced(desk)
    assert len(_told(desk)) == PER_HOUR

    desk.passes(minutes=41)
    await desk.work()

    told = _told(desk)[PER_HOUR:]
    assert [one.kind for one in told] == ["roundup"]
    (one,) = told
    assert one.subject == "Novità su 3 delle Sue richieste"
    for number in numbers:
        assert f"{number} Sede" in one.text
        assert f"/portal/requests/{number}" in one.text
    assert one.text.count("soluzione provvisoria") == 3
    assert one.text.count("gruppo più specializzato") == 1
    assert (one.to.address, one.ticket_number, one.reply_token) == ("alice@acme.test", "", None)
    assert (one.in_reply_to, one.references) == ("", ()), "it is of none of their conversations"
    assert one.automatic
    assert await _states(desk, numbers) == ["sent"] * 3
    assert {row.sent_at for number in numbers for row in await desk.deliveries(number)} >= {desk.now}
    await _balanced(desk)
    desk.passes(hours=3)
    await desk.work()
    assert len(_told(desk)) == PER_HOUR + 1


async def test_what_a_workaround_asks_is_answered_by_a_link_of_each_request(desk):
    numbers = await _many(desk)
    await desk.do(workarounds.accept, await desk.who("alice"), numbers[2])
    desk.passes(minutes=61)
    await desk.work()

    text = _told(desk)[-1].text

    tokens = re.findall(r"/workaround/(\S+)", text)
    assert len(set(tokens)) == len(tokens) == 2, "the third was answered in the portal"
    assert [
        (await desk.db.read(workaround_links.show, one, now=desk.now)).number for one in tokens
    ] == numbers[:2]
    assert await desk.db.write(workaround_links.accept, tokens[0], now=desk.now)
    assert await desk.db.write(workaround_links.refuse, tokens[1], "Non va", now=desk.now)
    states = [(await desk.rows(tables.workaround, number))[-1].state for number in numbers]
    assert states == ["accepted", "refused", "accepted"]


async def test_one_that_waits_alone_leaves_in_its_conversation(desk):
    numbers = await _many(desk)
    for number in numbers[1:]:  # before a person's words it is told by itself
        await desk.do(tickets.reply, await desk.who("ann"), number, "Fatto.")

    desk.passes(minutes=61)
    await desk.work()

    last = _told(desk)[-1]
    assert (last.kind, last.ticket_number) == ("progress", numbers[0])
    assert last.reply_token
    assert "roundup" not in [one.kind for one in _told(desk)]
    assert await _states(desk, numbers) == ["sent"] * 3
    await _balanced(desk)


async def test_a_chat_is_told_at_once_and_shortly(desk):
    numbers = await _many(desk)
    for number in numbers:
        await desk.db.write(_in_chat, (await desk.ticket(number)).id, "telegram:1")
    desk.passes(minutes=62)
    await desk.work()
    for number in numbers:
        await desk.do(next_steps.promise, await desk.who("ann"), number, promise_by="16:00")
    desk.passes(minutes=2)
    await desk.work()
    await _more(desk, numbers)

    desk.passes(minutes=61)
    await desk.work()

    told = [one for one in desk.telegram.sent if one.kind in ("progress", "roundup")]
    assert [one.kind for one in told] == [*["progress"] * PER_HOUR, "roundup"]
    roundup = told[-1]
    assert "Gentile" not in roundup.text
    assert all(f"/portal/requests/{number}#workaround" in roundup.text for number in numbers)
    assert "/workaround/" not in roundup.text, "whoever reads there is not known to be hers"
    assert await _states(desk, numbers) == ["sent"] * 3
    await _balanced(desk)


async def test_what_becomes_urgent_leaves_by_itself_and_what_is_withdrawn_does_not_leave(desk):
    numbers = await _many(desk)
    await desk.qualify(numbers[0], impact=1, urgency=1)
    await desk.do(resolution.cancel, await desk.who("lea"), numbers[1], reason="Un doppione.")

    desk.passes(minutes=2)
    await desk.work()
    assert (_told(desk)[-1].kind, _told(desk)[-1].ticket_number) == ("progress", numbers[0])
    desk.passes(minutes=61)
    await desk.work()

    assert (_told(desk)[-1].kind, "annullata" in _told(desk)[-1].text) == ("roundup", True)
    await _balanced(desk)


async def test_one_that_is_not_taken_is_tried_again(desk):
    numbers = await _many(desk)
    desk.channel.fails_with = DeliveryError("greylisted")
    desk.passes(minutes=61)
    await desk.work()
    assert await _states(desk, numbers) == ["collected"] * 3
    await _balanced(desk)

    desk.channel.fails_with = None
    desk.passes(minutes=2)
    await desk.work()
    assert await _states(desk, numbers) == ["sent"] * 3
    assert [one.kind for one in _told(desk)][PER_HOUR:] == ["roundup"]
    await _balanced(desk)


async def test_what_comes_back_is_undelivered_on_every_request_it_was_about(desk):
    numbers = await _many(desk)
    desk.channel.fails_with = DeliveryError("unknown user", permanent=True)
    desk.passes(minutes=61)
    await desk.work()

    assert await _states(desk, numbers) == ["given_up"] * 3
    assert all(["undelivered" in (await desk.ticket(number)).flags for number in numbers])
    await _balanced(desk)


async def test_a_bounce_of_it_is_one_of_every_notice_in_it(desk):
    numbers = await _many(desk)
    desk.passes(minutes=61)
    await desk.work()
    roundup = _told(desk)[-1]

    token = id_token(roundup.delivery_id)
    await desk.db.write(returns.reported, Kind.BOUNCE_HARD, bounce_tokens=(token,), report=None, now=desk.now)

    assert await _states(desk, numbers) == ["bounced"] * 3
    await _balanced(desk)


async def test_nobody_who_left_a_request_is_told_of_it(desk):
    numbers = await _many(desk)
    ticket = await desk.ticket(numbers[0])
    await desk.db.write(
        lambda tx: tx.run(
            tables.participant.update()
            .where(tables.participant.c.ticket_id == ticket.id)
            .values(state="retired")
        )
    )
    await desk.do(next_steps.promise, await desk.who("ann"), numbers[1], promise_by="60m")

    desk.passes(minutes=61)
    await desk.work()

    assert numbers[0] not in _told(desk)[-1].text
    assert await _states(desk, numbers) == ["withdrawn", "sent", "sent"]
    await _balanced(desk)
