"""Whatever is spoilt in the books of visits, vendors, workarounds and reports of periods, the hub says exactly what."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import insert, literal, select

from core.channel import DeliveryError
from core.desk import (
    known_errors,
    periodic,
    periodic_books,
    periodic_schedule,
    problems,
    tickets,
    vendor_books,
    vendor_cases,
    vendor_rows,
    visit_books,
    visit_steps,
    workaround_books,
    workarounds,
)
from core.desk.known_errors import Written
from core.ids import fixed_id
from core.store import tables
from tests.core.desk.test_vendor_cases import VENDORS, WORDS
from tests.core.desk.test_visit_steps import a_step, who_goes
from tests.core.desk.test_visits import GOING, _agreed, _planned
from tests.desk_at_work import AtWork, at_work

MORE = """
[[agents]]
email = "sue@hub.test"
name = "Sue"
roles = ["supervisor"]
"""
NOBODY = fixed_id("nobody")
booking, slot, visit, step, attendee = (
    tables.booking,
    tables.visit_slot,
    tables.visit,
    tables.visit_step,
    tables.visit_attendee,
)
case, thread, message, delivery, job = (
    tables.vendor_case,
    tables.thread,
    tables.message,
    tables.delivery,
    tables.job,
)
workaround, problem, known_error, ticket = (
    tables.workaround,
    tables.problem,
    tables.known_error,
    tables.ticket,
)
report, letter = tables.periodic_report, tables.report_delivery


@pytest.fixture
async def desk(db) -> AtWork:
    manager = GOING.replace('email = "aldo@acme.test"', 'email = "aldo@acme.test"\n  role = "manager"')
    return await at_work(db, manager + VENDORS + MORE)


class Undone(Exception):
    """Takes back what a transaction did, and brings what was found."""


async def found(desk: AtWork, chapter: Any, *statements: Any) -> set[str]:
    """What the books say with these done behind the desk's back; then they are undone."""

    def spoil(tx: Any) -> None:
        for one in statements:
            tx.run(one)
        raise Undone({kind for kind, _ in chapter.faults(tx, now=desk.now)})

    with pytest.raises(Undone) as undone:
        await desk.db.write(spoil)
    return set(undone.value.args[0])


async def test_what_is_spoilt_about_visits_is_named(desk):
    number, made = await _agreed(desk)
    await _planned(desk)
    gus = await who_goes(desk, number)
    await desk.do(visit_steps.record, gus, made, a_step("note", text="x"))
    await desk.work()
    assert await found(desk, visit_books) == set()
    of_ticket = ticket.update().where(ticket.c.id.in_(select(visit.c.ticket_id)))
    hold = booking.c.kind == literal("hold")
    for kind, statement in (
        ("arrival that was noted and changed nothing", step.update().values(kind="check_in")),
        ("step of no visit", step.update().values(visit_id=NOBODY)),
        ("calendar ahead of its visit", attendee.update().values(sequence=9)),
        ("visit of a ticket that has ended", of_ticket.values(state="closed")),
        ("time that was offered and is not held", booking.delete().where(hold)),
        ("hold of a time that nobody is offered", slot.update().values(state="expired")),
    ):
        assert await found(desk, visit_books, statement) == {kind}
    gone = await found(desk, visit_books, visit.update().values(ticket_id=NOBODY))
    assert "visit without its ticket" in gone


async def test_what_is_spoilt_about_vendors_is_named(desk):
    number = await desk.taken()
    await desk.do(vendor_cases.open_case, await desk.who("ann"), number, **WORDS)
    await desk.work()
    assert await found(desk, vendor_books) == set()
    for_vendor = message.c.audience.like("vendor:%")
    (said,) = [row for row in await desk.rows(message, number) if row.audience.startswith("vendor:")]
    one = delivery.update().where(delivery.c.message_id == said.id)
    lost = "vendor case without its conversation"
    alone = "vendor's conversation without its case"
    for kinds, statement in (
        ({"vendor that nobody will remind"}, job.delete().where(job.c.kind == vendor_rows.UPDATE_TIMER)),
        ({"ticket that says otherwise of its vendors"}, ticket.update().values(flags=[])),
        ({lost, alone}, case.update().values(thread_id=NOBODY)),
        ({lost}, thread.update().values(aside=False)),
        ({alone}, case.delete()),
        (
            {
                "words for a customer in a vendor's conversation",
                "vendor's words that left for somebody else",
            },
            message.update().where(for_vendor).values(audience="customer"),
        ),
        ({"vendor's words that left for somebody else"}, one.values(kind="reply")),
        ({"vendor case that says two things"}, case.update().values(opened_at=None)),
        ({"vendor case that says two things"}, case.update().values(closed_at=desk.now)),
    ):
        assert await found(desk, vendor_books, statement) == kinds


async def test_what_is_spoilt_about_workarounds_and_what_is_known_is_named(desk):
    number, ann = await desk.taken(), await desk.who("ann")
    await desk.do(tickets.workaround, ann, number, "Usate il 4G.")
    await desk.do(workarounds.accept, await desk.who("alice"), number)
    behind = await desk.db.write(problems.begin, ann, title="The fans", number=number, now=desk.now)
    await desk.db.write(
        known_errors.save, ann, Written(title="Fan", public_text="x", problem=behind), now=desk.now
    )
    assert await found(desk, workaround_books) == set()
    (row,) = await desk.rows(workaround, number)
    twice = row._asdict() | {"id": NOBODY}
    for kind, statement in (
        ("two workarounds that stand at once", insert(workaround).values(**twice)),
        ("workaround of a ticket that is over", ticket.update().values(open=False)),
        ("workaround that its ticket does not show", ticket.update().values(flags=[])),
        ("workaround that nobody looks at again", job.delete().where(job.c.kind == workarounds.TIMER)),
        ("workaround that was answered by nobody", workaround.update().values(answered_by="")),
        ("workaround of an error that nobody knows", workaround.update().values(known_error=NOBODY)),
        (
            "problem of no ticket, or ticket of no problem",
            tables.problem_ticket.update().values(problem_id=NOBODY),
        ),
        ("problem that is over and is not, or the other way round", problem.update().values(state="closed")),
        ("known error of a problem that is not there", known_error.update().values(problem_id=NOBODY)),
    ):
        assert await found(desk, workaround_books, statement) == {kind}
    gone = await found(desk, workaround_books, workaround.update().values(ticket_id=NOBODY))
    assert "workaround without its ticket" in gone


async def _made(desk: AtWork, period: str = "2026-02") -> None:
    await desk.db.write(periodic.ask, await desk.who("lea"), "C-1", period, now=desk.now)
    await desk.work()


async def test_what_is_spoilt_about_reports_of_periods_is_named(desk):
    desk.draws = True
    sue = await desk.who("sue")
    await _made(desk)
    await _made(desk)
    await desk.db.write(periodic_schedule.approve, sue, "C-1", "2026-02", 2, now=desk.now)
    assert await found(desk, periodic_books) == set()
    waits = job.delete().where(job.c.kind == "letter")
    assert await found(desk, periodic_books, waits) == {"report that nobody will send"}
    await desk.work()
    assert await found(desk, periodic_books) == set()
    first, second = report.update().where(report.c.n == 1), report.update().where(report.c.n == 2)
    unapproved = {"report that was shown and not approved", "report that was sent and not approved"}
    for kinds, statement in (
        ({"versions of a report with a gap"}, report.delete().where(report.c.n == 1)),
        ({"report without its paper"}, first.values(paper_id=NOBODY)),
        (unapproved, second.values(approved_at=None)),
        (
            {"report that was sent and not approved", "report that was sent to nobody"},
            letter.update().values(n=1),
        ),
        ({"draft of a report that was shown"}, second.values(draft=True)),
        (
            {"two versions of a report that are shown at once"},
            first.values(state="approved", approved_at=desk.now),
        ),
        ({"report that was sent to nobody"}, letter.update().values(state="failed")),
    ):
        assert await found(desk, periodic_books, statement) == kinds


async def test_a_report_that_was_replaced_before_it_left_does_not_leave_and_is_never_the_one_that_counts(
    desk,
):
    desk.draws = True
    sue = await desk.who("sue")
    await _made(desk)
    await desk.db.write(periodic_schedule.approve, sue, "C-1", "2026-02", 1, now=desk.now)
    desk.channel.fails_with = DeliveryError("the relay is down")
    await desk.work()
    desk.channel.fails_with = None
    await _made(desk)
    await desk.db.write(periodic_schedule.approve, sue, "C-1", "2026-02", 2, now=desk.now)

    desk.passes(minutes=5)
    await desk.work()

    states = {row.n: row.state for row in await desk.rows(report)}
    assert states == {1: "superseded", 2: "sent"}
    (left,) = [one for one in desk.channel.sent if one.kind == "periodic_report"]
    assert left.attachments[0].name.endswith("-v2.pdf")
    assert {row.n: row.state for row in await desk.rows(letter)} == {1: "failed", 2: "sent"}
    assert await found(desk, periodic_books) == set()
