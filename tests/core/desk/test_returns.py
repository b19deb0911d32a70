"""What came back: a report is believed at its one delivery, an address that is dead gets nothing automatic, staff send again."""

from __future__ import annotations

import pytest

from core.channel import DeliveryError
from core.desk import resolution, tickets
from core.desk.errors import Refused
from core.envelope import Kind, Report, ReportedRecipient
from core.ids import id_token
from core.rules import threading
from core.store import tables
from tests.chat_at_work import chatting
from tests.desk_at_work import SOLUTION, AtWork, at_work

REPORTS = sorted(threading.ABOUT_A_DELIVERY)


@pytest.fixture
async def desk(db) -> AtWork:
    return await at_work(db)


def a_report(ref: str = "", recipient: str = "alice@acme.test", status: str = "5.1.1") -> Report:
    said = ReportedRecipient(recipient=recipient, action="failed", status=status, text="no such user")
    return Report(recipients=(said,), own_refs=(ref,) if ref else ())


async def bounce_token(desk: AtWork, number: str) -> str:
    (delivery, *_) = await desk.deliveries(number)
    return id_token(delivery.id)


# --- Reports about what we sent ---


async def test_words_beside_all_tickets_that_come_back_are_noted_at_their_delivery(db):
    mario = await chatting(db)
    await mario.does(command="help")
    (said,) = await mario.desk.rows(tables.delivery, kind="help")

    done = await mario.desk.mail(
        "a@b.test", kind=Kind.BOUNCE_HARD, bounce_tokens=(id_token(said.id),), report=a_report()
    )

    assert (done.outcome, done.reason) == ("machine", "bounce_hard")
    assert [row.state for row in await mario.desk.rows(tables.delivery, kind="help")] == ["bounced"]


@pytest.mark.parametrize("kind", [Kind.BOUNCE_HARD, Kind.BOUNCE_SOFT])
@pytest.mark.parametrize("known_by", ["token", "ref"])
async def test_a_bounce_is_attached_to_exactly_its_delivery(desk, kind, known_by):
    number = await desk.qualified()
    (acknowledgement, *others) = await desk.deliveries(number)
    before = await desk.ticket(number)
    by_token = known_by == "token"

    done = await desk.mail(
        "mailer-daemon@acme.test",
        kind=kind,
        bounce_tokens=(await bounce_token(desk, number),) if by_token else (),
        report=a_report("" if by_token else id_token(acknowledgement.id)),
    )

    (after, *rest) = await desk.deliveries(number)
    assert (done.outcome, done.reason) == ("machine", str(kind))
    assert (after.state, after.error) == ("bounced", "5.1.1 no such user")
    assert rest == others
    assert (await desk.inbound()).detail["delivery"] == acknowledgement.id
    (attempt,) = await desk.rows(tables.delivery_attempt, number)
    assert (attempt.outcome, attempt.n, attempt.delivery_id) == ("bounced", 1, acknowledgement.id)
    ticket = await desk.ticket(number)
    assert "undelivered" in ticket.flags
    assert ticket.state == before.state
    (event,) = await desk.events(number, "delivery.bounced")
    assert event.data["hard"] is (kind is Kind.BOUNCE_HARD)
    bad = [row.address for row in await desk.rows(tables.bad_address)]
    assert bad == (["alice@acme.test"] if kind is Kind.BOUNCE_HARD else [])


@pytest.mark.parametrize("kind", REPORTS)
async def test_a_forged_report_changes_nothing(desk, kind):
    number = await desk.qualified()
    before = (await desk.ticket(number), await desk.deliveries(number))

    done = await desk.mail(
        "eve@evil.test", kind=kind, bounce_tokens=("a" * 26,), report=a_report("b" * 26), may_auto_reply=False
    )

    assert (done.outcome, done.reason) == ("machine", f"{kind}_unknown")
    assert (await desk.ticket(number), await desk.deliveries(number)) == before
    assert await desk.rows(tables.bad_address) == []
    assert await desk.rows(tables.delivery_attempt) == []


@pytest.mark.parametrize("kind", [Kind.DELAYED, Kind.RELAYED_OK, Kind.MDN])
async def test_what_is_no_failure_is_noted_at_the_delivery_and_changes_no_state(desk, kind):
    number = await desk.qualified()
    before = (await desk.ticket(number), await desk.deliveries(number))

    done = await desk.mail("relay@acme.test", kind=kind, bounce_tokens=(await bounce_token(desk, number),))

    assert done.reason == str(kind)
    assert [row.outcome for row in await desk.rows(tables.delivery_attempt, number)] == [str(kind)]
    assert (await desk.ticket(number), await desk.deliveries(number)) == before


async def test_who_complained_gets_no_automatic_mail_any_more_but_a_persons_answer(desk):
    number = await desk.qualified()
    (told, *_) = await desk.deliveries(number)

    await desk.mail(
        "fbl@provider.test", kind=Kind.ARF, report=a_report(id_token(told.id), recipient="someone@else.test")
    )

    assert [(row.address, row.reason) for row in await desk.rows(tables.bad_address)] == [
        ("alice@acme.test", "complaint")
    ], "the address we wrote to, whatever the report says"
    sent = len(await desk.deliveries(number))
    await desk.do(tickets.take, await desk.who("ann"), number)
    assert len(await desk.deliveries(number)) == sent
    assert (await desk.outward(number))[-1].kind == "progress", "it is on the ticket all the same"
    await desk.do(tickets.reply, await desk.who("ann"), number, "Eccomi.")
    assert len(await desk.deliveries(number)) == sent + 1


async def test_an_address_that_is_dead_gets_no_acknowledgement(desk):
    number = await desk.qualified()
    await desk.mail(
        "mailer-daemon@acme.test", kind=Kind.BOUNCE_HARD, bounce_tokens=(await bounce_token(desk, number),)
    )
    desk.passes(days=1)

    done = await desk.mail("alice@acme.test")

    assert done.outcome == "ticket"
    assert await desk.deliveries(done.number) == []
    assert (await desk.inbound()).detail["acknowledged"] == "address_does_not_work"


async def test_staff_who_send_again_say_that_the_address_works(desk):
    number = await desk.qualified()
    (first, *_) = await desk.deliveries(number)
    await desk.mail(
        "mailer-daemon@acme.test", kind=Kind.BOUNCE_HARD, bounce_tokens=(await bounce_token(desk, number),)
    )

    await desk.do(tickets.retry_delivery, await desk.who("tom"), number, first.id)
    await desk.do(tickets.take, await desk.who("ann"), number)
    await desk.do(resolution.resolve, await desk.who("ann"), number, **SOLUTION)

    assert await desk.rows(tables.bad_address) == []
    assert (await desk.ticket(number)).flags == []
    assert {row.kind for row in await desk.deliveries(number)} >= {"received", "progress", "resolved"}


async def test_an_address_whose_mail_comes_back_again_and_again_gets_nothing_automatic_any_more(desk):
    for days in range(6):
        number = await desk.qualified("gina@gamma.test" if days == 0 else "alice@acme.test")
        desk.passes(days=1)
        for row in (await desk.deliveries(number))[:1]:
            token = id_token(row.id)
            await desk.mail("mailer-daemon@acme.test", kind=Kind.BOUNCE_SOFT, bounce_tokens=(token,))
        marked = [(bad.address, bad.reason) for bad in await desk.rows(tables.bad_address)]
        assert marked == ([("alice@acme.test", "soft bounces")] if days == 5 else [])


async def test_mail_that_comes_back_now_and_then_is_no_dead_address(desk):
    for _ in range(6):
        number = await desk.qualified("alice@acme.test")
        token = await bounce_token(desk, number)
        await desk.mail("mailer-daemon@acme.test", kind=Kind.BOUNCE_SOFT, bounce_tokens=(token,))
        desk.passes(days=3)

    assert await desk.rows(tables.bad_address) == []


# --- Sent again ---


async def test_staff_send_again_what_was_given_up_and_only_that(desk):
    number = await desk.two_people()
    tom = await desk.who("tom")
    await desk.do(tickets.reply, await desk.who("ann"), number, "Eccoci.")
    desk.channel.fails_with = DeliveryError("550 no", permanent=True)
    await desk.work()
    desk.channel.fails_with = None
    one, two = await desk.last_delivery(number), await desk.last_delivery(number, "aldo@acme.test")

    await desk.do(tickets.retry_delivery, tom, number, one.id)
    assert "undelivered" in (await desk.ticket(number)).flags, "the other one"
    with pytest.raises(Refused, match="nothing to send again"):
        await desk.do(tickets.retry_delivery, tom, number, one.id)
    with pytest.raises(Refused, match="nothing to send again"):
        await desk.do(tickets.retry_delivery, tom, number, "nothing")
    await desk.do(tickets.retry_delivery, tom, number, two.id)
    await desk.work()

    assert {sent.ref for sent in desk.channel.sent} == {id_token(one.id), id_token(two.id)}, (
        "under the same id"
    )
    assert "undelivered" not in (await desk.ticket(number)).flags
    assert [event.actor for event in await desk.events(number, "delivery.retried")] == [tom.actor] * 2


async def test_what_came_back_and_is_sent_again_really_leaves_again(desk):
    """The hub remembers what the other side took, so that a failure to write it down sends nothing twice."""
    from core import handlers
    from core.envelope import Kind
    from core.isolation import Readers
    from core.worker import Worker

    number = await desk.two_people()
    await desk.do(tickets.reply, await desk.who("ann"), number, "Eccoci.")
    readers = Readers()
    todo = handlers.handlers(desk.db, [desk.channel], readers, clock=lambda: desk.now)
    worker = Worker(desk.db, todo, owner="here", clock=lambda: desk.now)
    await worker.drain()
    row = await desk.last_delivery(number)
    token = id_token(row.id)
    await desk.mail("mailer-daemon@acme.test", kind=Kind.BOUNCE_SOFT, bounce_tokens=(token,))
    desk.channel.sent.clear()

    await desk.do(tickets.retry_delivery, await desk.who("tom"), number, row.id)
    await worker.drain()

    assert [one.ref for one in desk.channel.sent] == [id_token(row.id)]
    assert (await desk.last_delivery(number)).state == "sent"
    await readers.close()
