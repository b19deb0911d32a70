"""What came back: a report is believed at its one delivery, an address that is dead gets nothing automatic, staff send again."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from core.channel import DeliveryError
from core.desk import mail_troubles, new_passwords, resolution, stopped, tickets, traffic
from core.desk import page as tickets_page
from core.desk.accounts import Limits
from core.desk.errors import Forbidden, NotFound, Refused
from core.envelope import Address, Kind, Report, ReportedRecipient
from core.ids import id_token
from core.rules import threading
from core.store import tables
from tests.chat_at_work import chatting
from tests.desk_at_work import PASSED, SOLUTION, AtWork, at_work

LIMITS = Limits()
REPORTS = sorted(threading.ABOUT_A_DELIVERY - {Kind.DMARC_REPORT})


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
    lea = await mario.desk.who("lea")
    (listed,) = (await mario.desk.db.read(traffic.deliveries, lea, state="undelivered")).items
    assert (listed.ticket, listed.outage, listed.kind) == ("", "", "help")


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
    await desk.work()
    ticket, (told, *_) = await desk.ticket(number), await desk.deliveries(number)

    done = await desk.mail("relay@acme.test", kind=kind, bounce_tokens=(await bounce_token(desk, number),))

    assert done.reason == str(kind)
    assert [row.outcome for row in await desk.rows(tables.delivery_attempt, number)] == [str(kind)]
    after = (await desk.deliveries(number))[0]
    assert (after.state, after.error, after.report["kind"]) == (told.state, "", str(kind))
    assert await desk.ticket(number) == ticket
    assert await desk.rows(tables.bad_address) == []


@pytest.mark.parametrize(
    ("action", "read"), [("displayed", True), ("", True), ("deleted", False), ("dispatched", False)]
)
async def test_a_receipt_is_the_mark_of_reading_only_when_somebody_read_it(desk, action, read):
    number = await desk.qualified()
    receipt = Report(recipients=(ReportedRecipient(recipient="alice@acme.test", action=action),))

    await desk.mail(
        "alice@acme.test", kind=Kind.MDN, bounce_tokens=(await bounce_token(desk, number),), report=receipt
    )

    (told, *_) = await desk.deliveries(number)
    assert (told.seen_at is not None) is read


async def test_all_that_a_report_says_stands_at_the_delivery_of_whom_it_names(desk):
    number = await desk.qualified()
    await desk.work()
    said = ReportedRecipient(
        recipient="Alice@acme.test",
        action="failed",
        status="5.1.1",
        reply="550",
        text="550 5.1.1 no such user",
        remote_host="mx.acme.test",
    )
    other = ReportedRecipient(recipient="other@acme.test", action="delivered", status="2.0.0")

    await desk.mail(
        "mailer-daemon@acme.test",
        kind=Kind.BOUNCE_HARD,
        bounce_tokens=(await bounce_token(desk, number),),
        report=Report(recipients=(other, said)),
    )

    page = await desk.db.read(tickets_page.ticket, await desk.who("lea"), number, now=desk.now)
    (view,) = [one for message in page.messages for one in message.deliveries if one.report is not None]
    report = view.report
    assert (view.course, report.kind, report.action, report.status) == (
        "bounced",
        "bounce_hard",
        "failed",
        "5.1.1",
    )
    assert (report.reply, report.text, report.host) == ("550", said.text, "mx.acme.test")
    (attempt,) = await desk.rows(tables.delivery_attempt, number)
    assert attempt.report == (await desk.deliveries(number))[0].report
    alice = await desk.db.read(tickets_page.ticket, await desk.who("alice"), number, now=desk.now)
    theirs = [one for message in alice.messages for one in message.deliveries]
    assert theirs
    assert {(one.report, one.error) for one in theirs} == {(None, "")}, "machines speak to staff"


async def test_nothing_leaves_for_who_complained_until_staff_allow_it(desk):
    number = await desk.qualified()
    await desk.work()
    (told, *_) = await desk.deliveries(number)

    await desk.mail(
        "fbl@provider.test", kind=Kind.ARF, report=a_report(id_token(told.id), recipient="someone@else.test")
    )

    assert [(row.address, row.reason) for row in await desk.rows(tables.bad_address)] == [
        ("alice@acme.test", "complaint")
    ], "the address we wrote to, whatever the report says"
    (task,) = await desk.rows(tables.task, number)
    assert (task.kind, task.about["address"]) == ("address_complained", "alice@acme.test")
    ann, left = await desk.who("ann"), len(desk.channel.sent)
    await desk.do(tickets.take, ann, number)
    assert (await desk.outward(number))[-1].kind == "progress", "it is on the ticket all the same"
    await desk.do(tickets.reply, ann, number, "Eccomi.")
    await desk.work()
    said = await desk.last_delivery(number)
    assert (said.kind, said.state) == ("reply", "given_up")
    assert "complained" in said.error
    assert "undelivered" in (await desk.ticket(number)).flags
    with pytest.raises(Refused, match="complained"):
        await desk.do(tickets.retry_delivery, ann, number, said.id)
    assert len(desk.channel.sent) == left

    await desk.do(stopped.lift, await desk.who("tom"), "alice@acme.test")
    await desk.do(tickets.retry_delivery, ann, number, said.id)
    await desk.work()

    assert [one.text for one in desk.channel.sent[left:]] == ["Eccomi."]
    assert [row.done_at is not None for row in await desk.rows(tables.task, number)] == [True]
    (event,) = await desk.events(number, "address.lifted")
    assert event.data["reason"] == "complaint"


async def test_an_address_with_capitals_for_the_answers_is_one_with_itself(desk):
    number = (
        await desk.mail("alice@acme.test", reply_to=Address("Aldo@ACME.test"), authentication=PASSED)
    ).number
    await desk.work()
    (told,) = await desk.deliveries(number)
    (given,) = await desk.rows(tables.reply_address, number)
    await desk.mail("fbl@provider.test", kind=Kind.ARF, report=a_report(id_token(told.id)))

    await desk.qualify(number)
    await desk.do(tickets.take, await desk.who("ann"), number)
    await desk.do(tickets.reply, await desk.who("ann"), number, "Fatto.")
    desk.passes(minutes=2)
    await desk.work()

    assert [one.address for one in await desk.rows(tables.bad_address)] == ["aldo@acme.test"]
    assert (told.address, given.address) == ("aldo@acme.test", "aldo@acme.test")
    assert "Fatto." not in [one.text for one in desk.channel.sent]
    assert (await desk.last_delivery(number, "aldo@acme.test")).state == "given_up"


async def test_a_complaint_outweighs_an_address_that_was_dead(desk):
    number = await desk.qualified()
    token = await bounce_token(desk, number)

    for kind in (Kind.BOUNCE_HARD, Kind.ARF, Kind.BOUNCE_HARD):
        await desk.mail("mailer-daemon@acme.test", kind=kind, bounce_tokens=(token,))

    assert [row.reason for row in await desk.rows(tables.bad_address)] == ["complaint"]


async def test_no_letter_leaves_for_who_complained(desk):
    number = await desk.qualified()
    await desk.mail("fbl@provider.test", kind=Kind.ARF, bounce_tokens=(await bounce_token(desk, number),))
    await desk.work()
    left = len(desk.channel.sent)

    await desk.db.write(
        new_passwords.ask, "alice@acme.test", "192.0.2.1", channel="email", limits=LIMITS, now=desk.now
    )
    await desk.work()

    assert len(desk.channel.sent) == left
    assert [event.kind for event in await desk.rows(tables.event, kind="letter.failed")] == ["letter.failed"]


async def test_a_dead_address_asks_whoever_has_the_ticket_for_another_way_once(desk):
    number = await desk.taken()
    ann = await desk.who("ann")
    for row in await desk.deliveries(number):
        await desk.mail(
            "mailer-daemon@acme.test",
            kind=Kind.BOUNCE_HARD,
            bounce_tokens=(id_token(row.id),),
            report=a_report(),
        )

    (task,) = await desk.rows(tables.task, number)
    assert (task.kind, task.agent, task.about["address"]) == ("address_dead", ann.id, "alice@acme.test")
    assert "5.1.1" in task.about["why"]

    await desk.do(stopped.lift, ann, "alice@acme.test")

    assert (await desk.rows(tables.task, number))[0].done_at is not None
    assert await desk.rows(tables.bad_address) == []


async def test_an_address_that_the_relay_knows_to_be_dead_is_stopped_like_one_that_came_back(desk):
    number = await desk.taken()
    ann = await desk.who("ann")
    await desk.do(tickets.reply, ann, number, "Eccoci.")
    desk.channel.fails_with = DeliveryError("550 5.1.1 no such user", permanent=True, dead=True)

    await desk.work()

    (bad,) = await desk.rows(tables.bad_address)
    assert (bad.address, bad.reason, bad.said) == ("alice@acme.test", stopped.HARD, "550 5.1.1 no such user")
    (task,) = await desk.rows(tables.task, number)
    assert (task.kind, task.agent) == ("address_dead", ann.id)


async def test_the_list_of_stopped_addresses_is_what_somebody_may_know(desk):
    number = await desk.taken()
    for row in await desk.deliveries(number):
        await desk.mail(
            "x@acme.test", kind=Kind.BOUNCE_HARD, bounce_tokens=(id_token(row.id),), report=a_report()
        )
    await desk.db.write(stopped.wished, "+390212345", stop=True, now=desk.now + timedelta(minutes=1))
    lea, ann, alice = [await desk.who(name) for name in ("lea", "ann", "alice")]
    stranger = replace(ann, id="zed", groups=("Nowhere",))

    listed = (await desk.db.read(stopped.page, lea)).items
    assert [(one.address, one.reason, one.ticket, one.lifts) for one in listed] == [
        ("+390212345", "opted out", "", False),
        ("alice@acme.test", "hard bounce", number, True),
    ]
    assert listed[1].said == "5.1.1 no such user"
    first = await desk.db.read(stopped.page, lea, limit=1)
    second = await desk.db.read(stopped.page, lea, limit=1, cursor=first.next)
    assert (first.items, second.items, second.next) == (listed[:1], listed[1:], None)
    assert (await desk.db.read(stopped.page, stranger)).items == ()
    with pytest.raises(Forbidden):
        await desk.db.read(stopped.page, alice)
    for who in (stranger, alice):
        with pytest.raises(NotFound):
            await desk.do(stopped.lift, who, "alice@acme.test")
    with pytest.raises(Refused, match="START"):
        await desk.do(stopped.lift, lea, "+390212345")
    with pytest.raises(NotFound):
        await desk.do(stopped.lift, lea, "nobody@acme.test")


async def test_reports_on_a_day_of_our_domain_are_counted_and_belong_to_no_list(desk):
    for _ in range(2):
        done = await desk.mail("noreply-dmarc@provider.test", kind=Kind.DMARC_REPORT, may_auto_reply=False)

    assert (done.outcome, done.reason) == ("machine", "dmarc_report")
    assert await desk.db.read(mail_troubles.counted, now=desk.now) == {"dmarc_report": 2}
    assert (await desk.db.read(traffic.inbound, await desk.who("lea"), unknown=True)).items == ()


async def test_reports_that_nobody_knows_are_a_list_of_their_own(desk):
    await desk.mail("eve@evil.test", kind=Kind.BOUNCE_HARD, bounce_tokens=("a" * 26,), report=a_report())
    number = await desk.qualified()
    await desk.mail("x@acme.test", kind=Kind.DELAYED, bounce_tokens=(await bounce_token(desk, number),))

    listed = await desk.db.read(traffic.inbound, await desk.who("lea"), unknown=True)

    assert [row.reason for row in listed.items] == ["bounce_hard_unknown"]


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
