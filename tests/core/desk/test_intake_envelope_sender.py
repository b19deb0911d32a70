"""What comes to the envelope sender of a delivery, what certified mail proves, and signs that change no state."""

from __future__ import annotations

import pytest

from core.desk import tickets, waiting
from core.envelope import Address, Kind, Report, ReportedRecipient
from core.ids import id_token
from core.store import tables
from tests.desk_at_work import AtWork, at_work


@pytest.fixture
async def desk(db) -> AtWork:
    return await at_work(db)


async def token_of_the_last(desk: AtWork, number: str) -> tuple[str, ...]:
    """The token in the envelope sender of our last mail, which the relay took."""
    delivery = (await desk.deliveries(number))[-1]
    return (id_token(delivery.id),)


async def standing(desk: AtWork, number: str) -> list[tuple[str, str]]:
    return [(row.address, row.state) for row in await desk.deliveries(number)]


# --- The place names a delivery, and is no evidence ---


@pytest.mark.parametrize("kind", [Kind.OUT_OF_OFFICE, Kind.AUTO_REPLY])
async def test_an_automatic_answer_leaves_the_delivery_sent_and_the_address_good(desk, kind):
    number = await desk.resolved()
    await desk.work()
    before = await standing(desk, number)

    for _ in range(3):
        done = await desk.mail(
            "alice@acme.test",
            kind=kind,
            may_auto_reply=False,
            bounce_tokens=await token_of_the_last(desk, number),
        )
        assert (done.outcome, done.number) == ("attached", number)

    assert await standing(desk, number) == before
    assert {state for _, state in before} == {"sent"}
    assert await desk.rows(tables.bad_address) == []
    assert (await desk.ticket(number)).state == "resolved"
    assert (await desk.ticket(number)).flags == []


async def test_an_automatic_answer_of_somebody_else_is_recorded_and_asks_nobody_to_decide(desk):
    number = await desk.taken()

    done = await desk.mail(
        "info@elsewhere.test", kind=Kind.OUT_OF_OFFICE, bounce_tokens=await token_of_the_last(desk, number)
    )

    assert (done.outcome, done.reason) == ("machine", "ooo")


async def test_the_requester_who_writes_there_continues_the_request(desk):
    number = await desk.taken()

    done = await desk.mail("alice@acme.test", bounce_tokens=await token_of_the_last(desk, number))

    assert (done.outcome, done.reason, done.number) == ("attached", "bounce_address", number)
    assert {state for _, state in await standing(desk, number)} == {"queued"}


async def test_a_stranger_who_writes_there_is_held_beside_the_request(desk):
    number = await desk.taken()

    done = await desk.mail("eve@evil.test", bounce_tokens=await token_of_the_last(desk, number))

    assert (done.outcome, done.reason, done.number) == ("held", "third_party", number)
    assert "held" in (await desk.ticket(number)).flags


async def test_somebody_without_an_address_who_writes_there_is_seen(desk):
    number = await desk.taken()

    done = await desk.mail("", bounce_tokens=await token_of_the_last(desk, number))

    assert done.outcome in ("held", "ticket")


async def test_at_an_envelope_sender_that_was_never_issued_a_person_opens_a_request(desk):
    done = await desk.mail("alice@acme.test", bounce_tokens=("a" * 26,))

    assert done.outcome == "ticket"


# --- Certified mail ---


def a_receipt(action: str, ref: str, *, hard: bool = False) -> Report:
    said = ReportedRecipient(recipient="alice@acme.test", action=action, hard=hard, text="Ricevuta")
    return Report(recipients=(said,), own_refs=(ref,), certified=True)


async def test_proof_of_delivery_is_recorded_at_its_delivery(desk):
    number = await desk.taken()
    desk.passes(minutes=10)
    await desk.work()
    ref, before = await desk.ref(number), await standing(desk, number)

    accepted = await desk.mail("pec@gestore.test", kind=Kind.RELAYED_OK, report=a_receipt("relayed", ref))
    done = await desk.mail("pec@gestore.test", kind=Kind.RELAYED_OK, report=a_receipt("delivered", ref))

    assert (accepted.outcome, done.outcome) == ("machine", "machine")
    last = (await desk.deliveries(number))[-1]
    attempts = await desk.rows(tables.delivery_attempt, number, delivery_id=last.id)
    assert [row.outcome for row in attempts] == ["accepted", "delivered"]
    assert await standing(desk, number) == before
    (event,) = await desk.events(number, "delivery.proved")
    assert event.data["delivery"] == last.id


async def test_a_warning_is_taken_back_by_the_proof_that_comes_later(desk):
    number = await desk.taken()
    desk.passes(minutes=10)
    await desk.work()
    ref = await desk.ref(number)
    await desk.mail("pec@gestore.test", kind=Kind.BOUNCE_SOFT, report=a_receipt("failed", ref))
    assert "undelivered" in (await desk.ticket(number)).flags

    await desk.mail("pec@gestore.test", kind=Kind.RELAYED_OK, report=a_receipt("delivered", ref))

    assert {state for _, state in await standing(desk, number)} == {"sent"}
    assert (await desk.ticket(number)).flags == []


@pytest.mark.parametrize("kind", [Kind.RELAYED_OK, Kind.BOUNCE_SOFT, Kind.BOUNCE_HARD])
async def test_a_receipt_about_a_mail_of_nobody_opens_nothing_and_is_not_answered(desk, kind):
    done = await desk.mail("pec@gestore.test", kind=kind, report=a_receipt("delivered", "b" * 26))

    assert (done.outcome, done.reason) == ("machine", f"{kind}_unknown")
    assert await desk.rows(tables.ticket) == []
    assert await desk.rows(tables.delivery) == []


# --- Signs ---


@pytest.mark.parametrize("kind", [Kind.REACTION, Kind.CALENDAR_REPLY])
async def test_a_sign_is_kept_with_its_request_and_changes_no_state(desk, kind):
    number = await desk.resolved()
    before, told = await desk.ticket(number), len(await desk.deliveries(number))

    done = await desk.mail("alice@acme.test", text="👍", kind=kind, own_refs=(await desk.ref(number),))

    after = await desk.ticket(number)
    assert (done.outcome, done.number) == ("attached", number)
    assert (after.state, after.last_direction) == ("resolved", before.last_direction)
    assert len(await desk.deliveries(number)) == told
    assert [row.kind for row in await desk.rows(tables.message, number, direction="in")][-1] == kind


@pytest.mark.parametrize("kind", [Kind.REACTION, Kind.CALENDAR_REPLY])
async def test_a_sign_that_belongs_nowhere_opens_nothing(desk, kind):
    done = await desk.mail("alice@acme.test", text="👍", kind=kind, may_auto_reply=False)

    assert (done.outcome, done.reason) == ("machine", kind)


# --- Our own address as the writer ---


FORM = {"under_our_name": True, "may_auto_reply": False, "reply_to": Address("lucia@acme.test", "Lucia")}


@pytest.mark.parametrize("kind", [Kind.HUMAN, Kind.SYSTEM_NOTIFICATION])
async def test_our_own_address_without_our_mark_is_held_with_where_answers_go(desk, kind):
    done = await desk.mail("support@desk.test", kind=kind, **FORM)

    assert (done.outcome, done.reason) == ("held", "own_address")
    item = await desk.inbound()
    assert item.open
    assert item.detail["reply_to"] == "lucia@acme.test"
    assert await desk.rows(tables.delivery) == []


async def test_a_form_that_staff_take_in_is_a_request_of_whoever_is_to_be_answered(desk):
    await desk.mail("support@desk.test", **FORM)
    held = desk.last
    await desk.db.write(waiting.release, await desk.who("tom"), held, as_="ticket", now=desk.now)

    done = await desk.understand(held, "support@desk.test", **FORM)

    assert done.outcome == "ticket"
    ticket = await desk.ticket(done.number)
    assert (ticket.requester_address, ticket.trust) == ("lucia@acme.test", "none")
    assert await desk.deliveries(done.number) == [], "nothing goes out by itself"
    await desk.qualify(done.number, customer="ACME")
    await desk.do(tickets.take, await desk.who("ann"), done.number)
    await desk.do(tickets.reply, await desk.who("ann"), done.number, "Ecco.")
    assert {row.address for row in await desk.deliveries(done.number)} == {"lucia@acme.test"}
