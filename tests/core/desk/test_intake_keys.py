"""What ties a mail to a conversation when its address and ids are gone, and what only says that it looks alike?"""

from __future__ import annotations

import base64

import pytest

from core.envelope import Address, Authentication
from core.store import tables
from tests.desk_at_work import PASSED, AtWork, at_work

UNENFORCED = Authentication(verdict="fail", policy="none", evidence=("dmarc=fail p=none",))


@pytest.fixture
async def desk(db) -> AtWork:
    return await at_work(db)


async def remarks(desk: AtWork) -> list[str]:
    """At the last message that came in."""
    found: list[str] = (await desk.rows(tables.message, inbound_id=desk.last))[-1].notes
    return found


async def test_letters_behind_a_number_must_be_ours(desk):
    number = await desk.qualified()
    check = await desk.db.read(lambda tx: tx.facts.number_check(number))
    wrong = "aa" if check != "aa" else "bb"

    ours = await desk.mail("alice@acme.test", "Uno", ticket_numbers=(f"{number}-{check.upper()}",))
    theirs = await desk.mail("alice@acme.test", "Due", ticket_numbers=(f"{number}-{wrong}",))

    assert (ours.outcome, ours.reason, ours.number) == ("attached", "subject_number", number)
    assert theirs.outcome == "ticket"
    assert (await desk.inbound()).detail["considered"] == []


async def test_a_number_in_a_mail_that_fails_its_checks_is_a_suggestion(desk):
    number = await desk.qualified()

    done = await desk.mail("alice@acme.test", ticket_numbers=(number,), authentication=UNENFORCED)

    assert done.outcome == "ticket"
    assert await remarks(desk) == [f"names a ticket: {number}"]


async def test_our_mark_in_the_history_is_enough_for_who_takes_part_and_for_nobody_else(desk):
    number = await desk.qualified()
    ref = await desk.ref(number)

    by_alice = await desk.mail("alice@acme.test", "Uno", body_refs=(ref,))
    by_eve = await desk.mail("eve@evil.test", "Due", body_refs=(ref,))

    assert (by_alice.outcome, by_alice.reason, by_alice.number) == ("attached", "body_marker", number)
    assert by_eve.outcome == "ticket"


async def test_a_mail_that_was_answered_before_it_came_belongs_with_its_answer(desk):
    first = await desk.mail("alice@acme.test", references=("root@acme.test",), authentication=PASSED)

    root = await desk.mail("aldo@acme.test", message_id="root@acme.test", authentication=PASSED)

    assert (root.outcome, root.number) == ("attached", first.number)
    assert await remarks(desk) == []


async def test_nobody_gets_in_because_an_answer_named_their_mail(desk):
    first = await desk.mail("alice@acme.test", references=("root@elsewhere.test",))

    of_nobody = await desk.mail("eve@evil.test", "Ciao", message_id="root@elsewhere.test")

    assert of_nobody.outcome == "ticket"
    assert of_nobody.number != first.number


async def test_an_answer_sent_to_another_of_our_addresses_asks_somebody_else(desk):
    first = await desk.mail("alice@acme.test", message_id="m1@acme.test", mailbox="support@desk.test")

    there = await desk.mail(
        "alice@acme.test", "Uno", in_reply_to=("m1@acme.test",), mailbox="sales@desk.test"
    )
    noted = await remarks(desk)
    here = await desk.mail(
        "alice@acme.test", "Due", in_reply_to=("m1@acme.test",), mailbox="support@desk.test"
    )

    assert there.outcome == "ticket"
    assert noted == [f"names a ticket: {first.number}"]
    assert here.number == first.number


async def test_other_tickets_that_a_mail_names_are_related_to_the_one_that_gets_it(desk):
    one, two = await desk.qualified(), await desk.qualified(subject="Altro")

    for text in ("Uno", "Due"):
        done = await desk.mail(
            "alice@acme.test", text, own_refs=(await desk.ref(two),), ticket_numbers=(one,)
        )
        assert done.number == two

    ids = {(await desk.ticket(number)).id for number in (one, two)}
    ties = await desk.rows(tables.ticket_link)
    assert {(row.ticket_id, row.kind, row.by) for row in ties} == {(id_, "related", "system") for id_ in ids}
    assert len(await desk.events(one, "ticket.linked")) == 1, "said once"


async def test_a_stranger_relates_no_tickets(desk):
    one, two = await desk.qualified(), await desk.qualified(subject="Altro")

    await desk.mail("eve@evil.test", own_refs=(await desk.ref(two),), ticket_numbers=(one,))

    assert await desk.rows(tables.ticket_link) == []


# --- What only looks alike -----------------------------------------------------------------------------------


async def test_the_same_subject_by_the_same_sender_is_a_suggestion_for_thirty_days(desk):
    first = await desk.mail("alice@acme.test", "Stampante piano 2")

    desk.passes(days=29)
    soon = await desk.mail("alice@acme.test", "R: [EXT] stampante  piano 2")
    noted = await remarks(desk)
    desk.passes(days=31)
    late = await desk.mail("alice@acme.test", "Stampante piano 2")

    assert (soon.outcome, late.outcome) == ("ticket", "ticket")
    assert noted == [f"looks like a ticket: {first.number}"]
    assert await remarks(desk) == []


async def test_the_same_subject_by_somebody_else_suggests_nothing(desk):
    await desk.mail("alice@acme.test", "Stampante piano 2")

    await desk.mail("aldo@acme.test", "Stampante piano 2")

    assert await remarks(desk) == []


async def test_a_conversation_of_outlook_is_suggested_to_its_people_only(desk):
    root = bytes(range(22))
    one, two, short = (base64.b64encode(index).decode() for index in (root, root + b"later", root[:9]))
    first = await desk.mail("alice@acme.test", "Uno", thread_index=one, cc=(Address("aldo@acme.test"),))
    await desk.mail("alice@acme.test", "Due", thread_index=two)
    by_alice = await remarks(desk)

    await desk.mail("bob@beta.test", "Tre", thread_index=one)

    assert by_alice == [f"looks like a ticket: {first.number}"]
    assert await remarks(desk) == []
    await desk.mail("alice@acme.test", "Quattro", thread_index=short)
    assert await remarks(desk) == []
