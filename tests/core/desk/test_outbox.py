"""What leaves: one delivery for each person, tried again when it may help, given up where staff see it, sent once."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest

from core.channel import DeliveryError
from core.desk import books, search, sending, tickets
from core.desk.errors import Refused
from core.envelope import Address, Attachment
from core.store import tables
from core.store.opening import open_database
from tests.desk_at_work import PASSED, AtWork, at_work


@pytest.fixture
async def desk(db) -> AtWork:
    return await at_work(db)


async def two_people(desk: AtWork) -> str:
    """A ticket whose conversation has Alice and Aldo in it; what went out so far has left."""
    number = await desk.taken()
    await desk.mail("aldo@acme.test", own_refs=(await desk.ref(number),), authentication=PASSED)
    desk.passes(minutes=2)
    await desk.work()
    desk.channel.sent.clear()
    desk.channel.tries = 0
    return number


async def last(desk: AtWork, number: str, address: str = "alice@acme.test"):
    return (await desk.deliveries(number, address=address))[-1]


# --- One for each person ---


async def test_each_person_gets_a_mail_of_their_own_with_an_address_of_their_own(desk):
    number = await two_people(desk)

    await desk.do(tickets.reply, await desk.who("ann"), number, "Eccoci.")
    await desk.work()

    assert {one.to.address for one in desk.channel.sent} == {"alice@acme.test", "aldo@acme.test"}
    for what in ("ref", "reply_token", "bounce_token", "delivery_id"):
        assert len({getattr(one, what) for one in desk.channel.sent}) == 2, what
    assert {row.state for row in await desk.deliveries(number)} == {"sent"}
    assert (await last(desk, number)).remote == "250 taken"
    of_aldo = next(one for one in desk.channel.sent if one.to.address == "aldo@acme.test")
    answered = await desk.mail("aldo@acme.test", reply_tokens=(of_aldo.reply_token,))
    assert answered.number == number


async def test_what_a_hub_with_another_key_sends_can_be_answered(desk):
    number = await two_people(desk)
    await desk.do(tickets.reply, await desk.who("ann"), number, "Eccoci.")
    row = await last(desk, number)
    other = open_database(desk.db.url, replace(desk.db.facts, token_key=b"another key of another hub......"))
    try:
        sent = await other.write(sending.begin, row.ticket_id, row.id, now=desk.now)
    finally:
        other.close()

    done = await desk.mail("alice@acme.test", reply_tokens=(sent.reply_token,))

    assert (done.outcome, done.reason, done.number) == ("attached", "reply_address", number)


async def test_an_answer_names_what_it_answers_and_quotes_what_was_said(desk):
    first = await desk.mail("alice@acme.test", "Rete", "Non va.", message_id="m1@acme.test")
    number = await desk.qualify(first.number)
    ann = await desk.who("ann")
    await desk.do(tickets.take, ann, number)
    await desk.do(tickets.reply, ann, number, "Da quando?")
    await desk.mail(
        "alice@acme.test", text="Da ieri.", message_id="m2@acme.test", own_refs=(await desk.ref(number),)
    )
    await desk.do(
        tickets.reply,
        ann,
        number,
        "Fatto.",
        files=(Attachment(name="r.pdf", type="application/pdf", content=b"%"),),
    )
    desk.passes(minutes=2)
    await desk.work()

    (sent,) = [one for one in desk.channel.sent if one.text == "Fatto."]
    assert (sent.in_reply_to, sent.ticket_number, sent.author_name) == ("m2@acme.test", number, "Ann")
    assert sent.references[0] == "m1@acme.test"
    assert sent.references[-1] == "m2@acme.test"
    asked = next(one for one in desk.channel.sent if one.text == "Da quando?")
    assert asked.ref in sent.references
    assert [earlier.text for earlier in sent.history] == ["Da ieri.", "Da quando?", "Non va."]
    assert {earlier.at.tzname() for earlier in sent.history} <= {"CET", "CEST"}  # where the customer reads it
    assert [(file.name, file.content) for file in sent.attachments] == [("r.pdf", b"%")]
    assert not sent.automatic
    assert all(one.history == () for one in desk.channel.sent if one.automatic)


async def test_of_many_references_the_first_and_the_last_nineteen_stay(desk):
    number = await desk.taken(message_id="first@acme.test")
    ann = await desk.who("ann")
    for n in range(25):
        desk.passes(minutes=3)
        await desk.mail(
            "alice@acme.test",
            message_id=f"{n}@acme.test",
            own_refs=(await desk.ref(number),),
            authentication=PASSED,
        )
    await desk.do(tickets.reply, ann, number, "Fatto.")
    await desk.work()

    references = desk.channel.sent[-1].references
    assert len(references) == 20
    assert references[0] == "first@acme.test"
    assert references[-1] == "24@acme.test"


async def test_folded_text_is_not_quoted_again(desk):
    from core.envelope import Span, SpanKind

    text = "Nuovo.\n> vecchio"
    number = await desk.taken(
        text=text, spans=(Span(0, 7, SpanKind.VISIBLE), Span(7, len(text), SpanKind.QUOTED))
    )
    await desk.do(tickets.reply, await desk.who("ann"), number, "Sì.")
    await desk.work()

    assert [earlier.text for earlier in desk.channel.sent[-1].history] == ["Nuovo."]


async def test_who_is_only_in_copy_is_not_written_to(desk):
    number = await desk.taken(cc=(Address("carl@elsewhere.test"),))

    await desk.do(tickets.reply, await desk.who("ann"), number, "Eccomi.")

    assert {row.address for row in await desk.deliveries(number)} == {"alice@acme.test"}


async def test_what_a_portal_user_asked_is_answered_there_and_by_mail(desk):
    from core.desk import requests

    alice = await desk.who("alice")
    number = await desk.db.write(
        requests.open_request, alice, subject="Rete", text="x", also_by="email", now=desk.now
    )

    await desk.do(tickets.reply, await desk.who("tom"), number, "Eccomi.")

    reply = (await desk.outward(number, "reply"))[0].id
    assert {row.channel for row in await desk.deliveries(number, message_id=reply)} == {"portal", "email"}


# --- Not taken this time ---


async def test_a_passing_failure_is_tried_again_after_one_five_and_fifteen_minutes_then_hourly(desk):
    number = await two_people(desk)
    await desk.do(tickets.reply, await desk.who("ann"), number, "Eccoci.")
    desk.channel.fails_with = DeliveryError("450 greylisted")
    tries = []
    for _ in range(60 * 4):
        before = desk.channel.tries
        await desk.work()
        if desk.channel.tries > before:
            tries.append(desk.now)
        desk.passes(minutes=1)

    waits = [round((b - a).total_seconds() / 60) for a, b in pairwise(tries)]
    assert waits == [1, 5, 15, 60, 60, 60]
    row = await last(desk, number)
    assert (row.state, row.attempts, row.error) == ("queued", len(tries), "450 greylisted")
    desk.channel.fails_with = None
    desk.passes(hours=1)
    await desk.work()
    assert (await last(desk, number)).state == "sent"
    assert len(desk.channel.sent) == 2


async def test_after_two_days_it_is_given_up_where_staff_see_it(desk):
    number = await two_people(desk)
    desk.passes(days=3)  # nothing was due meanwhile
    await desk.do(tickets.reply, await desk.who("ann"), number, "Eccoci.")
    desk.passes(days=3)  # the hub was down: the two days begin with the first try
    desk.channel.fails_with = DeliveryError("450 later")
    await desk.work()
    assert (await last(desk, number)).state == "queued"
    for _ in range(50):
        desk.passes(hours=1)
        await desk.work()

    row = await last(desk, number)
    assert (row.state, row.error) == ("given_up", "450 later")
    assert "undelivered" in (await desk.ticket(number)).flags
    assert [event.data["what"] for event in await desk.events(number, "delivery.given_up")] == ["reply"] * 2
    listed = await desk.db.read(search.deliveries, await desk.who("tom"), state="undelivered")
    assert {row.ticket for row in listed.items} == {number}
    attempts = await desk.rows(tables.delivery_attempt, number, delivery_id=row.id)
    assert [one.n for one in attempts] == list(range(1, len(attempts) + 1))
    assert (attempts[0].outcome, attempts[-1].outcome) == ("retry", "failed")
    assert (await desk.db.read(books.verify)).faults == ()


async def test_a_final_no_is_given_up_at_once(desk):
    number = await two_people(desk)
    await desk.do(tickets.reply, await desk.who("ann"), number, "Eccoci.")
    desk.channel.fails_with = DeliveryError("550 no such user", permanent=True)

    await desk.work()

    assert (await last(desk, number)).state == "given_up"
    assert desk.channel.tries == 2


async def test_an_address_that_does_not_answer_holds_up_nobody_else(desk):
    number = await two_people(desk)
    ann = await desk.who("ann")

    class Half:
        name, reader, reader_options = "email", "", {}

        async def send(self, outgoing):
            if outgoing.to.address == "alice@acme.test":
                raise DeliveryError("450 greylisted")
            return await desk_channel.send(outgoing)

    desk_channel, desk.channel = desk.channel, Half()
    await desk.do(tickets.reply, ann, number, "Uno.")
    await desk.work()
    await desk.do(tickets.reply, ann, number, "Due.")
    await desk.work()

    assert [(one.to.address, one.text) for one in desk_channel.sent] == [
        ("aldo@acme.test", "Uno."),
        ("aldo@acme.test", "Due."),
    ]
    waiting = [
        row for row in await desk.deliveries(number, address="alice@acme.test") if row.state == "queued"
    ]
    assert len(waiting) == 2, "in order, when the address answers again"


@pytest.mark.parametrize(
    ("error", "told"),
    [(RuntimeError("bug"), "RuntimeError: bug"), (DeliveryError("450 busy", retry_after=7200.0), "450 busy")],
)
async def test_a_bug_in_a_channel_or_its_own_wish_to_wait_is_a_passing_failure(desk, error, told):
    number = await two_people(desk)
    await desk.do(tickets.reply, await desk.who("ann"), number, "Eccoci.")
    desk.channel.fails_with = error

    await desk.work()

    assert ((await last(desk, number)).state, (await last(desk, number)).error) == ("queued", told)
    due = min(job.due for job in await desk.rows(tables.job, kind="send"))
    assert due - desk.now == timedelta(seconds=getattr(error, "retry_after", None) or 60)


async def test_what_is_for_a_channel_that_is_switched_off_waits_for_it(desk):
    number = await two_people(desk)
    await desk.do(tickets.reply, await desk.who("ann"), number, "Eccoci.")
    desk.channel.name = "something else"

    await desk.work()

    assert (await last(desk, number)).error == "the channel 'email' is switched off"
    desk.channel.name = "email"
    desk.passes(minutes=2)
    await desk.work()
    assert (await last(desk, number)).state == "sent"


# --- Once ---


async def test_what_left_is_not_sent_again(desk):
    number = await two_people(desk)
    await desk.do(tickets.reply, await desk.who("ann"), number, "Eccoci.")
    await desk.work()
    row = await last(desk, number)

    assert await desk.db.write(sending.begin, row.ticket_id, row.id, now=desk.now) is None
    assert await desk.db.write(sending.begin, row.ticket_id, "nothing", now=desk.now) is None


async def test_staff_send_again_what_was_given_up_and_only_that(desk):
    number = await two_people(desk)
    tom = await desk.who("tom")
    await desk.do(tickets.reply, await desk.who("ann"), number, "Eccoci.")
    desk.channel.fails_with = DeliveryError("550 no", permanent=True)
    await desk.work()
    desk.channel.fails_with = None
    one, two = await last(desk, number), await last(desk, number, "aldo@acme.test")

    await desk.do(tickets.retry_delivery, tom, number, one.id)
    assert "undelivered" in (await desk.ticket(number)).flags, "the other one"
    with pytest.raises(Refused, match="nothing to send again"):
        await desk.do(tickets.retry_delivery, tom, number, one.id)
    with pytest.raises(Refused, match="nothing to send again"):
        await desk.do(tickets.retry_delivery, tom, number, "nothing")
    await desk.do(tickets.retry_delivery, tom, number, two.id)
    await desk.work()

    assert {sent.ref for sent in desk.channel.sent} == {one.ref, two.ref}, "under the same id"
    assert "undelivered" not in (await desk.ticket(number)).flags
    assert [event.actor for event in await desk.events(number, "delivery.retried")] == [tom.actor] * 2


async def test_what_came_back_and_is_sent_again_really_leaves_again(desk):
    """The hub remembers what the other side took, so that a failure to write it down sends nothing twice."""
    from core import handlers
    from core.envelope import Kind
    from core.isolation import Readers
    from core.worker import Worker

    number = await two_people(desk)
    await desk.do(tickets.reply, await desk.who("ann"), number, "Eccoci.")
    readers = Readers()
    todo = handlers.handlers(desk.db, [desk.channel], readers, clock=lambda: desk.now)
    worker = Worker(desk.db, todo, owner="here", clock=lambda: desk.now)
    await worker.drain()
    row = await last(desk, number)
    token = await desk.db.read(lambda tx: tx.facts.token("bounce", row.id))
    await desk.mail("mailer-daemon@acme.test", kind=Kind.BOUNCE_SOFT, bounce_tokens=(token,))
    desk.channel.sent.clear()

    await desk.do(tickets.retry_delivery, await desk.who("tom"), number, row.id)
    await worker.drain()

    assert [one.ref for one in desk.channel.sent] == [row.ref]
    assert (await last(desk, number)).state == "sent"
    await readers.close()


async def test_a_mail_that_left_is_found_by_its_id_by_those_who_may_see_its_ticket(desk):
    from core.desk import traffic
    from core.desk.errors import Forbidden, NotFound

    number = await two_people(desk)
    ref = (await last(desk, number)).ref

    assert await desk.db.read(traffic.delivery_of_ref, await desk.who("ann"), ref) == number
    with pytest.raises(Forbidden):
        await desk.db.read(traffic.delivery_of_ref, await desk.who("alice"), ref)
    with pytest.raises(NotFound, match="there is no delivery nothing"):
        await desk.db.read(traffic.delivery_of_ref, await desk.who("tom"), "nothing")
    await desk.do(tickets.assign, await desk.who("tom"), number, group="Systems")
    with pytest.raises(NotFound):
        await desk.db.read(traffic.delivery_of_ref, await desk.who("ann"), ref)


async def test_a_delivery_whose_job_is_given_up_is_given_up_at_its_ticket(desk):
    from core import handlers

    number = await two_people(desk)
    await desk.do(tickets.reply, await desk.who("ann"), number, "Eccoci.")
    row = await last(desk, number)
    sending = handlers.Sending(desk.db, {}, clock=lambda: desk.now)
    (job,) = [one for one in await desk.rows(tables.job, kind="send") if one.payload["delivery"] == row.id]

    assert await desk.db.write(sending.dead, job, "a bug of ours", now=desk.now), "no second place to look"

    assert ((await last(desk, number)).state, (await last(desk, number)).error) == (
        "given_up",
        "a bug of ours",
    )
    assert "undelivered" in (await desk.ticket(number)).flags
