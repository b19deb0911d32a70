"""What leaves: one delivery for each person, with an address of their own, that names what it answers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.desk import sending, tickets
from core.envelope import Address, Attachment
from core.ids import id_token
from core.store.opening import open_database
from tests.desk_at_work import PASSED, AtWork, at_work


@pytest.fixture
async def desk(db) -> AtWork:
    return await at_work(db)


# --- One for each person ---


async def test_each_person_gets_a_mail_of_their_own_with_an_address_of_their_own(desk):
    number = await desk.two_people()

    await desk.do(tickets.reply, await desk.who("ann"), number, "Eccoci.")
    await desk.work()

    assert {one.to.address for one in desk.channel.sent} == {"alice@acme.test", "aldo@acme.test"}
    for what in ("ref", "reply_token", "bounce_token", "delivery_id"):
        assert len({getattr(one, what) for one in desk.channel.sent}) == 2, what
    assert {row.state for row in await desk.deliveries(number)} == {"sent"}
    assert (await desk.last_delivery(number)).remote == "250 taken"
    of_aldo = next(one for one in desk.channel.sent if one.to.address == "aldo@acme.test")
    answered = await desk.mail("aldo@acme.test", reply_tokens=(of_aldo.reply_token,))
    assert answered.number == number


async def test_what_a_hub_with_another_key_sends_can_be_answered(desk):
    number = await desk.two_people()
    await desk.do(tickets.reply, await desk.who("ann"), number, "Eccoci.")
    row = await desk.last_delivery(number)
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


async def test_a_mail_that_left_is_found_by_its_id_by_those_who_may_see_its_ticket(desk):
    from core.desk import traffic
    from core.desk.errors import Forbidden, NotFound

    number = await desk.two_people()
    ref = id_token((await desk.last_delivery(number)).id)

    assert await desk.db.read(traffic.delivery_of_ref, await desk.who("ann"), ref) == number
    with pytest.raises(Forbidden):
        await desk.db.read(traffic.delivery_of_ref, await desk.who("alice"), ref)
    with pytest.raises(NotFound, match="there is no delivery nothing"):
        await desk.db.read(traffic.delivery_of_ref, await desk.who("tom"), "nothing")
    await desk.do(tickets.assign, await desk.who("tom"), number, group="Systems")
    with pytest.raises(NotFound):
        await desk.db.read(traffic.delivery_of_ref, await desk.who("ann"), ref)
