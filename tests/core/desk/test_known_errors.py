"""What comes again has a cause: problems are proposed and worked on, known errors suggested and applied in one act."""

from __future__ import annotations

from datetime import timedelta

import pytest

from core.desk import (
    joining,
    known_errors,
    page,
    problem_views,
    problems,
    resolution,
    suggestions,
    tickets,
    visits,
    workaround_books,
    workarounds,
)
from core.desk.errors import Forbidden, Invalid, NotFound, Refused, Stale
from core.desk.known_errors import Written
from core.store import tables
from core.store.opening import open_database
from tests.core.desk.test_visits import GOING
from tests.desk_at_work import PASSED, SOLUTION, AtWork, at_work

WRITTEN = Written(
    title="Il firmware 4.2 blocca le porte",
    public_text="Riavviate lo switch: la porta torna per qualche giorno.",
    symptom="Una porta non passa traffico.",
    steps="1. reload",
    technology="Network",
    pattern="*porta bloccata*",
    words=("switch", "porta"),
)


@pytest.fixture
async def desk(db) -> AtWork:
    return await at_work(db)


async def sound(desk: AtWork) -> None:
    assert await desk.db.read(lambda tx: list(workaround_books.faults(tx, now=desk.now))) == []


async def save(desk: AtWork, written: Written = WRITTEN, **fields) -> int:
    return await desk.db.write(known_errors.save, await desk.who("ann"), written, now=desk.now, **fields)


async def move(desk: AtWork, who: str, number: int, event: str, **fields) -> int:
    return await desk.db.write(problems.move, await desk.who(who), number, event, now=desk.now, **fields)


async def solved(desk: AtWork, subject: str) -> str:
    """One of Alice's, taken and solved; it is another one than those before."""
    number = await desk.taken(authentication=PASSED, subject=subject)
    await desk.do(resolution.resolve, await desk.who("ann"), number, **SOLUTION)
    return number


async def behind(desk: AtWork, number: str):
    return await desk.db.read(page.ticket, await desk.who("lea"), number, now=desk.now)


# --- Problems ---


async def test_what_is_said_three_times_in_a_week_is_proposed_once_as_a_problem(desk):
    for day in range(2):
        await solved(desk, f"Porta {day} bloccata")
        desk.passes(days=1)
    assert await desk.rows(tables.problem) == []

    await solved(desk, "Porta 7 bloccata")

    (problem,) = await desk.rows(tables.problem)
    assert (problem.state, problem.number, problem.by) == ("new", 1, "system")
    assert len(await desk.rows(tables.problem_ticket)) == 3
    (task,) = await desk.rows(tables.task, kind="problem_proposed")
    assert (task.role, task.about["problem"], task.about["count"]) == ("shift-leader", "PB-1", 3)

    await solved(desk, "Porta 9 bloccata")

    assert len(await desk.rows(tables.problem)) == 1
    assert len(await desk.rows(tables.problem_ticket)) == 4, "it is one of them"
    await sound(desk)


async def test_three_of_one_cause_on_one_asset_in_a_month_are_a_problem(desk):
    for subject in ("Lento", "Fermo", "Strano"):
        number = await desk.taken(authentication=PASSED, subject=subject)
        await desk.qualify(number, asset="sw-1")
        await desk.do(resolution.resolve, await desk.who("ann"), number, **SOLUTION)
        desk.passes(days=10)

    (problem,) = await desk.rows(tables.problem)
    assert (problem.asset, problem.cause, problem.customer) == ("sw-1", "network", "ACME")


async def test_a_problem_is_worked_on_by_staff_and_closed_by_who_leads(desk):
    number = await desk.taken()
    ann = await desk.who("ann")
    made = await desk.db.write(problems.begin, ann, title="Porte", number=number, now=desk.now)
    await move(desk, "ann", made, "investigate")
    with pytest.raises(Invalid):
        await move(desk, "ann", made, "schedule")
    with pytest.raises(Refused) as refused:
        await move(desk, "ann", made, "investigate")
    assert set(refused.value.allowed) == {"know", "schedule", "resolve"}
    await move(desk, "ann", made, "schedule", fix_due=desk.now + timedelta(days=3))
    await move(desk, "ann", made, "resolve")

    (task,) = await desk.rows(tables.task, number)
    assert (task.kind, task.agent) == ("problem_solved", ann.id), "its open tickets are proposed to be solved"
    with pytest.raises(Forbidden):
        await move(desk, "ann", made, "close")
    await move(desk, "lea", made, "close")
    with pytest.raises(Refused):
        await desk.db.write(problems.unlink, ann, made, number, now=desk.now)
    with pytest.raises(Forbidden):
        await desk.db.read(problem_views.problems, await desk.who("alice"))
    shown = await desk.db.read(problem_views.one, ann, made, now=desk.now)
    assert (shown.state, shown.owner, [one.number for one in shown.tickets]) == (
        "closed",
        "ann@hub.test",
        [number],
    )
    await sound(desk)


async def test_who_does_not_see_a_ticket_does_not_see_it_under_its_problem(desk):
    number = await desk.taken()
    other = await desk.qualify((await desk.mail("alice@acme.test", "Server")).number, technology="Server")
    lea = await desk.who("lea")
    made = await desk.db.write(problems.begin, lea, title="Porte", number=number, now=desk.now)
    await desk.db.write(problems.link, lea, made, other, now=desk.now)

    shown = await desk.db.read(problem_views.one, await desk.who("ann"), made, now=desk.now)

    assert ([one.number for one in shown.tickets], shown.count) == ([number], 2)
    with pytest.raises(NotFound):
        await desk.db.write(problems.link, await desk.who("ann"), made, other, now=desk.now)


async def test_a_merged_ticket_takes_its_problem_along_and_brings_it_back(desk):
    one, other = await desk.taken(), await desk.taken("aldo@acme.test")
    ann = await desk.who("ann")
    made = await desk.db.write(problems.begin, ann, title="Porte", number=one, now=desk.now)
    await desk.do(joining.merge, ann, one, into=other)
    assert [row.name for row in (await behind(desk, other)).problems] == [f"PB-{made}"]

    await desk.do(joining.undo, ann, one)

    assert (await behind(desk, other)).problems == ()
    await sound(desk)


# --- Known errors ---


async def test_a_known_error_is_suggested_where_a_request_is_qualified_and_says_where_it_came_from(desk):
    number = await save(desk)
    asked = (await desk.mail("alice@acme.test", "Aiuto: porta bloccata")).number

    await desk.do(suggestions.accept, await desk.who("tom"), asked, ["technology"])

    ticket = await desk.ticket(asked)
    assert (ticket.technology, ticket.provenance["technology"]) == ("Network", f"known error KE-{number}")
    (one,) = (await behind(desk, asked)).known_errors
    assert (one.name, one.why, one.expired) == ("KE-1", "pattern", False)


async def test_applying_one_is_a_single_act(desk):
    made = await desk.db.write(problems.begin, await desk.who("ann"), title="Porte", now=desk.now)
    number = await save(desk, _with(problem=made))
    asked = await desk.qualified(authentication=PASSED)
    await desk.qualify(asked, impact=1, urgency=1)
    ann = await desk.who("ann")
    await desk.do(tickets.take, ann, asked)

    for _ in range(2):  # again, it changes nothing
        await desk.do(known_errors.apply, ann, asked, number)

    (row,) = await desk.rows(tables.workaround, asked)
    assert (row.text, row.state) == (WRITTEN.public_text, "asked")
    assert WRITTEN.public_text in (await desk.outward(asked))[-1].text
    assert (await desk.clocks(asked))["resolve"].target_s == 5 * 86_400
    assert [one.name for one in (await behind(desk, asked)).problems] == [f"PB-{made}"]
    assert (await behind(desk, asked)).known_errors == (), "it is applied"
    with pytest.raises(Forbidden):
        await desk.do(known_errors.apply, await desk.who("alice"), asked, number)
    await sound(desk)


async def test_one_is_applied_before_anybody_took_it_and_whoever_takes_it_still_has_to_answer(desk):
    number = await save(desk)
    asked = await desk.qualified(authentication=PASSED)
    was = (await desk.ticket(asked)).state

    await desk.do(known_errors.apply, await desk.who("ann"), asked, number)

    ticket, clocks = await desk.ticket(asked), await desk.clocks(asked)
    assert (was, ticket.state, ticket.assignee) == ("assigned", "assigned", None)
    assert "workaround" in ticket.flags
    assert (clocks["restore"].state, clocks["response"].state) == ("met", "running")
    assert WRITTEN.public_text in (await desk.outward(asked))[-1].text
    await desk.do(workarounds.refuse, await desk.who("alice"), asked, reason="Non va")
    clocks = await desk.clocks(asked)
    assert ((await desk.ticket(asked)).state, clocks["restore"].state) == ("assigned", "running")
    await sound(desk)


async def test_one_is_applied_while_somebody_is_going_to_come(sqlite_url, facts):
    db = open_database(sqlite_url, facts, readers=1, connections=1)
    desk = await at_work(db, GOING)
    number = await save(desk)
    asked = await desk.taken(authentication=PASSED)
    ann = await desk.who("ann")
    visit = await desk.do(visits.plan, ann, asked, purpose="Lo switch")
    (first, *_) = sorted(await desk.rows(tables.visit_slot, asked), key=lambda row: row.slot_start)
    await desk.do(visits.choose, await desk.who("alice"), asked, visit, first.id)

    await desk.do(known_errors.apply, ann, asked, number)

    ticket = await desk.ticket(asked)
    assert (ticket.state, (await desk.clocks(asked))["restore"].state) == ("scheduled", "met")
    assert (await desk.rows(tables.visit, asked))[0].state == "confirmed", "the visit stands"
    await sound(desk)
    db.close()


async def test_before_a_request_is_qualified_none_can_be_applied(desk):
    number = await save(desk)
    asked = (await desk.mail("alice@acme.test", "Aiuto: porta bloccata")).number

    with pytest.raises(Refused) as refused:
        await desk.do(known_errors.apply, await desk.who("tom"), asked, number)

    assert "qualify" in refused.value.allowed


def _with(**fields) -> Written:
    given = {name: getattr(WRITTEN, name) for name in WRITTEN.__dataclass_fields__}
    return Written(**(given | fields))


async def test_an_expired_one_warns_and_is_applied_only_when_that_is_confirmed(desk):
    number = await save(desk, _with(expires_on=desk.now + timedelta(days=1)))
    desk.passes(days=2)
    asked = await desk.taken(subject="porta bloccata")
    ann = await desk.who("ann")
    (one,) = (await behind(desk, asked)).known_errors
    assert one.expired
    with pytest.raises(Refused) as refused:
        await desk.do(known_errors.apply, ann, asked, number)
    assert refused.value.code == known_errors.EXPIRED

    await desk.do(known_errors.apply, ann, asked, number, confirm_expired=True)

    assert len(await desk.rows(tables.workaround, asked)) == 1


async def test_what_is_of_one_customers_asset_is_shown_to_nobody_elses_request(desk):
    number = await save(desk, _with(customer="ACME", assets=("sw-1",), words=("4711",)))
    theirs = await desk.taken("gina@gamma.test", subject="porta bloccata 4711 sw-1")
    assert (await behind(desk, theirs)).known_errors == ()
    with pytest.raises(NotFound):
        await desk.do(known_errors.apply, await desk.who("ann"), theirs, number)
    for wrong in (
        _with(assets=("sw-1",)),
        _with(customer="GAMMA", assets=("sw-1",)),
        _with(title=" "),
        _with(expires_on=desk.now),
        _with(verified_on=desk.now + timedelta(days=1)),
        _with(problem=99),
        _with(technology="Cobol"),
    ):
        with pytest.raises(Invalid):
            await save(desk, wrong)


async def test_every_version_of_a_known_error_stays(desk):
    number = await save(desk)
    await save(desk, _with(steps="2. reload"), number=number, version=1)
    with pytest.raises(Stale):
        await save(desk, _with(steps="3."), number=number, version=1)
    ann = await desk.who("ann")
    shown = await desk.db.read(problem_views.known_one, ann, number, now=desk.now)
    assert [(one.n, one.by, one.content["steps"]) for one in shown.versions] == [
        (1, "Ann", "1. reload"),
        (2, "Ann", "2. reload"),
    ]

    await desk.db.write(known_errors.retire, ann, number, reason="Firmware 4.3", now=desk.now)

    asked = await desk.taken(subject="porta bloccata")
    assert (await behind(desk, asked)).known_errors == ()
    with pytest.raises(Refused):
        await desk.do(known_errors.apply, ann, asked, number)
