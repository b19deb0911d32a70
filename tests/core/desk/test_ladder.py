"""What did not arrive is said to the same person another way, by what is proved theirs, and staff see both."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.channel import DeliveryError
from core.desk import books, chats, resolution, stopped, tickets
from core.envelope import Address, Chat, Kind, Report, ReportedRecipient
from core.facts import HubFacts
from core.ids import id_token
from core.store import tables
from tests.chatting import CHAT, connects, leaves, writes_by_chat
from tests.desk_at_work import CONFIGURED, PASSED, SOLUTION, AtWork, at_work

BLOCKED = DeliveryError("Forbidden: bot was blocked by the user", permanent=True)
SECOND = "telegram:777"
MOBILE = "+393405550101"


@pytest.fixture
def facts(facts: HubFacts) -> HubFacts:
    """Of a hub that texts."""
    return replace(facts, texts_by="sms")


@pytest.fixture
async def desk(db) -> AtWork:
    return await at_work(db)


async def in_chat(desk: AtWork) -> str:
    """A ticket that began by mail and goes on in Alice's chat; everything until now has left."""
    number = await desk.taken()
    desk.passes(minutes=5)
    await connects(desk)
    await writes_by_chat(desk, number)
    await desk.work()
    desk.channel.sent.clear()
    return number


async def reply(desk: AtWork, number: str, text: str = "Arriviamo.") -> None:
    await desk.do(tickets.reply, await desk.who("tom"), number, text)
    await desk.work()


async def went(desk: AtWork, number: str, kind: str = "reply") -> list[tuple[str, str, str]]:
    return [(row.channel, row.address, row.state) for row in await desk.deliveries(number, kind=kind)]


async def test_an_answer_that_a_blocked_chat_refuses_goes_by_mail_in_the_same_conversation(desk):
    number = await in_chat(desk)
    desk.telegram.fails_with = BLOCKED

    await reply(desk, number)

    assert await went(desk, number) == [
        ("telegram", CHAT, "passed_on"),
        ("email", "alice@acme.test", "sent"),
    ]
    (mailed,) = desk.channel.sent
    assert mailed.text.startswith("Arriviamo.")
    assert mailed.ticket_number == number
    assert len(await desk.outward(number, "reply")) == 1
    blocked, instead = await desk.deliveries(number, kind="reply")
    assert (instead.instead_of, instead.thread_id) == (blocked.id, blocked.thread_id)
    assert "blocked" in blocked.error
    assert "undelivered" not in (await desk.ticket(number)).flags
    (told,) = await desk.events(number, "delivery.fell_back")
    assert (told.data["delivery"], told.data["instead"], told.data["channel"]) == (
        blocked.id,
        instead.id,
        "email",
    )
    assert await desk.events(number, "delivery.given_up") == []


async def test_who_answers_that_mail_answers_into_the_conversation_of_the_chat(desk):
    number = await in_chat(desk)
    desk.telegram.fails_with = BLOCKED
    await reply(desk, number)
    (mailed,) = desk.channel.sent
    desk.passes(minutes=1)

    done = await desk.mail(
        "alice@acme.test", reply_tokens=(mailed.reply_token,), authentication=PASSED, text="Bene."
    )

    message = (await desk.rows(tables.message, number, id=done.message_id))[0]
    instead = (await desk.deliveries(number, kind="reply"))[-1]
    assert (message.thread_id, message.channel) == (instead.thread_id, "email")
    desk.passes(minutes=1)
    await reply(desk, number, "Prego.")
    assert (await went(desk, number))[2:] == [("email", "alice@acme.test", "sent")]


async def test_a_chat_that_takes_nothing_for_a_quarter_of_an_hour_is_given_up_for_the_next_way(desk):
    number = await in_chat(desk)
    desk.telegram.fails_with = DeliveryError("no route to the service")

    await reply(desk, number)
    for minutes in (1, 2, 5):
        desk.passes(minutes=minutes)
        await desk.work()
        assert desk.channel.sent == []
    desk.passes(minutes=8)
    await desk.work()

    assert await went(desk, number) == [
        ("telegram", CHAT, "passed_on"),
        ("email", "alice@acme.test", "sent"),
    ]


async def test_where_there_is_no_other_way_it_is_tried_on(desk):
    done = await desk.understand(await desk.arrive("telegram:9"), "telegram:9", channel="telegram")
    desk.telegram.fails_with = DeliveryError("no route to the service")

    await reply(desk, done.number)
    for _ in range(6):
        desk.passes(minutes=30)
        await desk.work()

    assert await went(desk, done.number) == [("telegram", "telegram:9", "queued")]


async def test_a_notice_waits_longer_than_a_persons_words(desk):
    number = await in_chat(desk)
    desk.telegram.fails_with = DeliveryError("no route to the service")
    desk.passes(minutes=3)

    await desk.do(tickets.workaround, await desk.who("ann"), number, "Usate la seconda linea.")
    for _ in range(5):
        desk.passes(minutes=10)
        await desk.work()

    assert (await went(desk, number, "progress"))[-1] == ("telegram", CHAT, "queued")


async def test_mail_that_comes_back_is_said_in_a_chat_that_is_proved_theirs_and_in_no_other(desk):
    await connects(desk, address=SECOND, proof="staff")
    await connects(desk)
    number = await desk.taken()
    await reply(desk, number)

    await _bounces(desk, number)
    await desk.work()

    assert await went(desk, number) == [
        ("email", "alice@acme.test", "passed_on"),
        ("telegram", CHAT, "sent"),
    ]
    assert "undelivered" not in (await desk.ticket(number)).flags


async def test_a_closing_report_in_the_chat_that_it_falls_back_to_has_its_buttons(desk):
    await connects(desk)
    number = await desk.taken()
    await desk.do(resolution.resolve, await desk.who("ann"), number, **SOLUTION)
    await desk.work()

    await _bounces(desk, number, "resolved")
    await desk.work()

    (sent,) = desk.telegram.sent
    assert [button.label for button in sent.buttons] == ["Risolto", "Il problema c'è ancora"]


async def test_with_a_dead_address_automatic_words_go_to_the_chat_at_once(desk):
    await connects(desk)
    number = await desk.taken()
    await reply(desk, number)
    await _bounces(desk, number)
    desk.passes(minutes=2)

    await desk.do(tickets.workaround, await desk.who("ann"), number, "Usate la seconda linea.")

    assert (await went(desk, number, "progress"))[-1] == ("telegram", CHAT, "queued")


async def test_when_no_way_works_staff_see_it(desk):
    number = await in_chat(desk)
    desk.telegram.fails_with = BLOCKED
    desk.channel.fails_with = DeliveryError("550 no such user", permanent=True)

    await reply(desk, number)

    assert await went(desk, number) == [
        ("telegram", CHAT, "passed_on"),
        ("email", "alice@acme.test", "given_up"),
    ]
    assert "undelivered" in (await desk.ticket(number)).flags
    assert len(await desk.events(number, "delivery.given_up")) == 1


async def test_a_chat_that_is_gone_or_opted_out_is_no_way(desk):
    await connects(desk)
    await connects(desk, address=SECOND)
    await desk.db.write(leaves, CHAT, now=desk.now)
    await desk.db.write(stopped.wished, SECOND, stop=True, now=desk.now)
    number = await desk.taken()
    await reply(desk, number)

    await _bounces(desk, number)

    assert await went(desk, number) == [("email", "alice@acme.test", "bounced")]
    assert "undelivered" in (await desk.ticket(number)).flags


async def test_nobody_elses_chat_is_written_to(desk):
    await connects(desk, "aldo")
    number = await desk.taken()
    await reply(desk, number)

    await _bounces(desk, number)

    assert await went(desk, number) == [("email", "alice@acme.test", "bounced")]


async def test_who_is_no_longer_of_the_request_is_told_nowhere(desk):
    await connects(desk, "aldo")
    number = await desk.two_people()
    await reply(desk, number)
    await desk.do(tickets.exclude, await desk.who("ann"), number, address="aldo@acme.test")

    await _bounces(desk, number, address="aldo@acme.test")

    assert [one for one in await went(desk, number) if one[0] == "telegram"] == []


async def test_a_number_is_texted_last_and_only_what_fits(db):
    text = CONFIGURED.replace('email = "alice@acme.test"', f'email = "alice@acme.test"\n  phone = "{MOBILE}"')
    desk = await at_work(db, text)
    number = await desk.taken()

    for words in ("Arriviamo.", "parola " * 200):
        await reply(desk, number, words)
        await _bounces(desk, number)

    assert [one[:2] for one in await went(desk, number)] == [
        ("email", "alice@acme.test"),
        ("sms", MOBILE),
        ("email", "alice@acme.test"),
    ]


async def test_a_visitor_gets_what_was_said_in_their_chat_at_the_address_they_typed(desk):
    where = "telegram:visitor"
    done = await desk.understand(await desk.arrive(where), where, channel="telegram")
    await desk.db.write(_types, where, "visitor@home.test", now=desk.now)
    desk.telegram.fails_with = BLOCKED

    await reply(desk, done.number)

    assert await went(desk, done.number) == [
        ("telegram", where, "passed_on"),
        ("email", "visitor@home.test", "sent"),
    ]


async def test_the_books_hold(desk):
    number = await in_chat(desk)
    desk.telegram.fails_with = BLOCKED
    await reply(desk, number)

    assert (await desk.db.read(books.verify)).faults == ()
    await desk.db.write(lambda tx: tx.run(tables.delivery.update().values(instead_of=None)))
    (fault,) = (await desk.db.read(books.verify)).faults
    assert fault.kind == "delivery passed on to nobody"


async def _bounces(desk: AtWork, number: str, kind: str = "reply", address: str = "alice@acme.test") -> None:
    row = (await desk.deliveries(number, kind=kind, address=address))[-1]
    said = ReportedRecipient(recipient=address, action="failed", status="5.1.1", text="no such user")
    await desk.mail(
        "mailer-daemon@acme.test",
        kind=Kind.BOUNCE_HARD,
        bounce_tokens=(id_token(row.id),),
        report=Report(recipients=(said,)),
    )


def _types(tx, address: str, email: str, *, now) -> None:
    row = chats.came(tx, "telegram", Address(address), now=now)
    chats.change(tx, row.id, email=email)


async def test_what_waits_in_a_chat_that_somebody_leaves_goes_by_mail_at_once(desk):
    number = await in_chat(desk)
    desk.telegram.fails_with = DeliveryError("no route to the service")
    await reply(desk, number)

    left = Chat(gone=True)
    await desk.mail(CHAT, channel="telegram", kind=Kind.ACT, text="", chat=left)
    await desk.work()

    assert await went(desk, number) == [
        ("telegram", CHAT, "passed_on"),
        ("email", "alice@acme.test", "sent"),
    ]
