"""Whoever is on duty is called by way of Twilio: key 1 says that they know, and everything else goes to the next rung."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.desk import books, ladder_board
from core.facts import HubFacts
from core.store import tables
from core.store.opening import open_database
from tests.channels.phone.twilio_side import OURS, FakeCall, Hub, running, sid
from tests.core.desk.test_ladder_at_night import NIGHT, THREE
from tests.telephone import Exchange, exchange

ANN, TOM = "+393405550097", "+393405550116"


@pytest.fixture
def facts() -> HubFacts:
    """A hub that calls, and neither texts nor chats."""
    return HubFacts(name="Desk", token_key=b"a key of 32 bytes for the tests.", mails_by="email", dials=True)


async def a_p1(exchanged: Exchange) -> str:
    desk = exchanged.desk
    desk.now = THREE
    return await desk.qualify((await desk.mail("alice@acme.test")).number or "", impact=1, urgency=1)


async def rung(hub: Hub, n: int) -> tuple[FakeCall, dict]:
    """The n-th call that the hub asked Twilio for, answered."""
    made = hub.twilio.of("POST", "Calls")[n]
    call = hub.call()
    call.base |= {"CallSid": sid("CA", 0x700 + n), "From": OURS, "To": made["To"]}
    await call._follow(made["Twiml"])
    return call, made


async def ways(desk: Exchange, number: str) -> list[tuple[str, str, str]]:
    """Who was called, how that delivery stands, and why it did not arrive."""
    lea = await desk.desk.who("lea")
    shown = await desk.desk.db.read(ladder_board.of_ticket, lea, number)
    return [(one.name, way.state, way.error) for one in shown for way in one.sent]


async def test_the_sentence_is_said_and_key_1_acknowledges(db, tmp_path: Path) -> None:
    desk = await exchange(db, NIGHT)
    number = await a_p1(desk)
    async with running(tmp_path, board=desk.board) as hub:
        desk.desk.also = [hub.channel]
        await desk.desk.work()
        call, made = await rung(hub, 0)
        assert made["To"] == ANN
        said = "Desk. Priorità P1. Richiesta 2 6, 0 0 0 0 0 1, Acme S.p.A.: Rete ferma."
        assert call.heard[0].startswith(said)
        assert "Prema uno" in call.heard[0]
        assert "Prema 1 per rispondere." not in call.heard, "there is nobody to be connected with"

        await call.press("1", times=3)

        assert call.ended == "hangup"
        assert "entro 15 minuti" in call.heard[-1]
        await hub.post(made["StatusCallback"], again=2, CallSid=sid("CA", 0x700), CallStatus="completed")
        for _ in range(7):
            desk.desk.passes(minutes=2)
            await desk.desk.work()
        assert len(hub.twilio.of("POST", "Calls")) == 1, "nobody else is called within a quarter of an hour"

    (seen,) = await desk.desk.events(number, "ticket.page_seen")
    assert (seen.data["how"], seen.actor) == ("call", f"agent:{(await desk.desk.who('ann')).id}")
    (over,) = await desk.desk.rows(tables.call)
    assert (over.phase, over.outcome, over.cause) == ("over", "informed", "key 1")
    assert await ways(desk, number) == [("Ann", "sent", "")]
    assert (await db.read(books.verify, now=desk.desk.now)).faults == ()


async def test_key_1_counts_although_the_end_of_the_call_is_heard_before_it(db, tmp_path: Path) -> None:
    desk = await exchange(db, NIGHT)
    number = await a_p1(desk)
    async with running(tmp_path, board=desk.board) as hub:
        desk.desk.also = [hub.channel]
        await desk.desk.work()
        call, made = await rung(hub, 0)
        await hub.post(made["StatusCallback"], CallSid=sid("CA", 0x700), CallStatus="completed")
        assert await ways(desk, number) == [("Ann", "given_up", "declined")]

        await call.press("1")

    assert await ways(desk, number) == [("Ann", "sent", "")]
    assert len(await desk.desk.events(number, "ticket.page_seen")) == 1


async def another_key(hub: Hub) -> None:
    await (await rung(hub, 0))[0].press("5", times=2)


async def no_key(hub: Hub) -> None:
    """Also what a mailbox does: it answers, listens, and presses nothing."""
    await (await rung(hub, 0))[0].stay_silent()
    (made,) = hub.twilio.of("POST", "Calls")
    await hub.post(made["StatusCallback"], again=2, CallSid=sid("CA", 0x700), CallStatus="completed")


async def hangs_up(hub: Hub) -> None:
    """Before the sentence is over, or a mailbox that ends the call."""
    _, made = await rung(hub, 0)
    await hub.post(made["StatusCallback"], again=2, CallSid=sid("CA", 0x700), CallStatus="completed")


async def is_busy(hub: Hub) -> None:
    (made,) = hub.twilio.of("POST", "Calls")
    await hub.post(made["StatusCallback"], again=2, CallSid=sid("CA", 0x700), CallStatus="busy")


async def does_not_answer(hub: Hub) -> None:
    (made,) = hub.twilio.of("POST", "Calls")
    await hub.post(made["StatusCallback"], CallSid=sid("CA", 0x700), CallStatus="no-answer")


@pytest.mark.parametrize(
    ("ann", "why"),
    [
        (another_key, "declined"),
        (no_key, "declined"),
        (hangs_up, "declined"),
        (is_busy, "busy"),
        (does_not_answer, "no_answer"),
    ],
)
async def test_without_key_1_the_next_rung_is_called(
    sqlite_url: str, facts, tmp_path: Path, ann, why
) -> None:
    db = open_database(sqlite_url, facts, readers=2, connections=4)
    try:
        desk = await exchange(db, NIGHT)
        number = await a_p1(desk)
        async with running(tmp_path, board=desk.board) as hub:
            desk.desk.also = [hub.channel]
            await desk.desk.work()
            await ann(hub)
            desk.desk.passes(minutes=4)
            await desk.desk.work()
            assert len(hub.twilio.of("POST", "Calls")) == 1
            desk.desk.passes(minutes=1)
            await desk.desk.work()
            tom, made = await rung(hub, 1)
            assert made["To"] == TOM
            await tom.press("1")

        assert await ways(desk, number) == [("Ann", "given_up", why), ("Tom", "sent", "")]
        (seen,) = await desk.desk.events(number, "ticket.page_seen")
        assert seen.actor == f"agent:{(await desk.desk.who('tom')).id}"
    finally:
        db.close()


async def test_a_number_that_twilio_does_not_take_is_on_record_and_the_next_rung_is_called(
    db, tmp_path: Path
) -> None:
    desk = await exchange(db, NIGHT)
    number = await a_p1(desk)
    async with running(tmp_path, board=desk.board) as hub:
        desk.desk.also = [hub.channel]
        hub.twilio.refuses_once["POST Calls"] = (400, 21211, "The 'To' number is not valid")
        await desk.desk.work()
        desk.desk.passes(minutes=5)
        await desk.desk.work()
        assert [one["To"] for one in hub.twilio.of("POST", "Calls")] == [ANN, TOM]

    (ann, tom) = await ways(desk, number)
    assert ann[:2] == ("Ann", "given_up")
    assert "21211" in ann[2]
    assert tom == ("Tom", "sent", "")
