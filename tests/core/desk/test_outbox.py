"""What leaves: one delivery for each person, with an address of their own, that names what it answers."""

from __future__ import annotations

import ast
from dataclasses import replace
from pathlib import Path

import pytest

from core.desk import outbox, page, sending, tickets, waiting
from core.envelope import Address, Attachment
from core.facts import Mail
from core.ids import id_token, new_id
from core.store import tables
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


async def test_an_answer_says_by_name_who_else_got_it_and_a_notice_does_not(desk):
    number = await desk.two_people()
    ann = await desk.who("ann")
    await desk.do(tickets.reply, ann, number, "Eccoci.")
    await desk.do(tickets.workaround, ann, number, "Usate il 4G.")
    desk.passes(minutes=2)
    await desk.work()

    told = {(one.kind, one.to.address): one.also_to for one in desk.channel.sent}
    assert told["reply", "alice@acme.test"] == ("Aldo",)
    assert told["reply", "aldo@acme.test"] == ("Alice",)
    assert told["progress", "alice@acme.test"] == told["progress", "aldo@acme.test"] == ()


async def test_where_the_desk_wants_copies_to_be_seen_an_answer_shows_who_else_got_it_and_a_notice_does_not(
    desk,
):
    number = await desk.two_people()
    await desk.do(tickets.reply, await desk.who("ann"), number, "Eccoci.")
    await desk.do(tickets.workaround, await desk.who("ann"), number, "Usate il 4G.")
    rows_ = [row for row in await desk.deliveries(number) if row.state == "queued"]
    open_ = open_database(desk.db.url, replace(desk.db.facts, mail=Mail(visible_cc=True)))
    try:
        sent = [
            await open_.write(sending.begin, row.ticket_id, row.id, now=desk.passes(minutes=5))
            for row in rows_
        ]
    finally:
        open_.close()

    told = {(one.kind, one.to.address): ([c.address for c in one.copies], one.also_to) for one in sent}
    assert told["reply", "alice@acme.test"] == (["aldo@acme.test"], ())
    assert told["reply", "aldo@acme.test"] == (["alice@acme.test"], ())
    assert told["progress", "alice@acme.test"] == ([], ())


async def test_a_copy_that_is_seen_is_of_somebody_whom_mail_reaches_and_more_than_fifty_are_named(desk):
    number = await desk.two_people()
    await desk.do(tickets.reply, await desk.who("ann"), number, "Eccoci.")
    row = await desk.last_delivery(number)

    def more(tx):
        for n in range(60):
            address, state = f"p{n}@acme.test", "bounced" if n == 0 else "sent"
            given = {"id": new_id(), "address": address, "name": f"P {n}", "state": state}
            tx.insert(tables.delivery, **(row._asdict() | given))

    await desk.db.write(more)
    open_ = open_database(desk.db.url, replace(desk.db.facts, mail=Mail(visible_cc=True)))
    try:
        sent = await open_.write(sending.begin, row.ticket_id, row.id, now=desk.now)
    finally:
        open_.close()

    seen = [one.address for one in sent.copies]
    assert (len(seen), "p0@acme.test" in seen) == (sending.COPIES, False)
    assert len(sent.also_to) == 10
    assert "P 0" not in sent.also_to


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
        "alice@acme.test",
        text="Da ieri.",
        message_id="m2@acme.test",
        own_refs=(await desk.ref(number),),
        thread_index="AQ" + "A" * 28 + "==",
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
    assert (asked.thread_index, sent.thread_index) == ("", "AQ" + "A" * 28 + "==")
    assert asked.conversation == sent.conversation == (await desk.rows(tables.thread, number))[0].id
    assert asked.ref in sent.references
    assert [earlier.text for earlier in sent.history] == ["Da ieri.", "Da quando?", "Non va."]
    assert {earlier.at.tzname() for earlier in sent.history} <= {"CET", "CEST"}  # where the customer reads it
    assert [(file.name, file.content) for file in sent.attachments] == [("r.pdf", b"%")]
    assert not sent.automatic
    assert all(one.history == () for one in desk.channel.sent if one.automatic)


@pytest.mark.parametrize(
    ("who", "authentication", "released"),
    [
        ("aldo@acme.test", PASSED, False),  # a contact, who takes part from now on
        ("new@acme.test", PASSED, False),  # heard, and not written to until staff say so
        ("eve@evil.test", PASSED, True),  # let in by staff, who show it to the customer
    ],
)
async def test_a_mail_quotes_and_names_what_its_reader_sees_in_the_portal_and_no_more(
    desk, who, authentication, released
):
    number = await desk.taken(message_id="m1@acme.test", authentication=PASSED)
    words = {"text": "Words beside.", "message_id": "m2@acme.test", "authentication": authentication}
    done = await desk.mail(who, own_refs=(await desk.ref(number),), **words)
    if released:
        assert done.outcome == "held"
        await desk.db.write(waiting.release, await desk.who("tom"), desk.last, as_="message", now=desk.now)
        await desk.understand(desk.last, who, own_refs=(await desk.ref(number),), **words)
    desk.passes(minutes=2)
    await desk.do(tickets.reply, await desk.who("ann"), number, "Fatto.")
    desk.passes(minutes=2)
    await desk.work()

    alice = await desk.who("alice")
    read = [one.text for one in (await desk.db.read(page.ticket, alice, number, now=desk.now)).messages]
    sent = next(
        one for one in desk.channel.sent if (one.text, one.to.address) == ("Fatto.", "alice@acme.test")
    )
    shown = "Words beside." in read
    assert shown is (who != "new@acme.test")
    assert ("Words beside." in [one.text for one in sent.history]) is shown
    assert ("m2@acme.test" in sent.references) is shown
    assert sent.in_reply_to == ("m2@acme.test" if shown else "m1@acme.test")
    assert "Non va niente." in [one.text for one in sent.history]


async def test_what_was_asked_is_quoted_also_where_its_author_wants_the_answer_elsewhere(desk):
    number = await desk.taken(reply_to=Address("aldo@acme.test"), authentication=PASSED)
    await desk.do(tickets.reply, await desk.who("ann"), number, "Fatto.")
    desk.passes(minutes=2)
    await desk.work()

    (sent,) = [one for one in desk.channel.sent if one.text == "Fatto."]
    assert (sent.to.address, [one.text for one in sent.history]) == ("aldo@acme.test", ["Non va niente."])


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


def test_what_leaves_by_itself_is_made_where_it_is_marked_as_that():
    """Every place in the core that makes something to send: automatic, but for the words of a message that somebody wrote."""
    calls = [
        (path.name, {word.arg: ast.unparse(word.value) for word in call.keywords})
        for path in Path(outbox.__file__).parents[1].rglob("*.py")
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call)
        and ast.unparse(call.func).rpartition(".")[2] in ("Outgoing", "say")
        and any(word.arg == "automatic" for word in call.keywords)
    ]
    made = {(name, words["automatic"]) for name, words in calls if "delivery_id" in words}
    said = [words for _, words in calls if "delivery_id" not in words]

    assert made == {
        ("outbox.py", "True"),
        ("letters.py", "True"),
        ("mail_tests.py", "True"),
        ("visitor_codes.py", "True"),
        ("sending.py", "said.automatic"),
    }
    assert said
    for words in said:
        assert words["automatic"] == "True" or "agent" in words, words
