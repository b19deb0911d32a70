"""A request of each verdict, all the way: what is decided, where the ticket stands, what it is marked with, who is told and asked."""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple

import pytest

from core.desk import contract_changes, contract_round, entitle, resolution, tickets
from core.desk.errors import ConfigurationError, Invalid, Refused
from core.store import tables
from tests.desk_at_work import CONFIGURED, AtWork, at_work
from tests.desk_files import changed, put

CONTRACT = """
[[customers]]
name = "{code}"
code = "{code}"
account_manager = "tom@hub.test"
language = "en"
domains = ["{domain}"]
  [[customers.contacts]]
  name = "Pat"
  email = "pat@{domain}"
"""


def customer(code: str, terms: str = "", lines: str = "", *, more: str = "") -> str:
    text = CONTRACT.format(code=code, domain=f"{code.lower()}.test") + more
    if terms:
        text += f'  [[customers.contracts]]\n  number = "C-{code}"\n{terms}\n'
        text += "    [[customers.contracts.lines]]\n" + (lines or '    name = "All"')
    return text + "\n"


NOW = "  valid_from = 2026-01-01\n  valid_until = 2026-12-31"
OVER = "  valid_from = 2025-01-01\n  valid_until = 2026-02-28"
BOUGHT = '    name = "Hours"\n    measure = "hours"\n    quantity = 1\n    used = 1'
DESK = CONFIGURED + "".join(
    [
        customer(
            "SECOND",
            NOW + '\n  authorised_contacts = ["pam@second.test"]',
            more='  [[customers.contacts]]\n  name = "Pam"\n  email = "pam@second.test"\n',
        ),
        customer("NOTYET", "  valid_from = 2026-03-03\n  valid_until = 2026-12-31"),
        customer("GRACE", OVER + "\n  grace_days = 30"),
        customer("OVER", OVER),
        customer("PHONE", NOW, '    name = "By phone"\n    channels = ["phone"]'),
        customer("OTHER", NOW, '    name = "Servers"\n    technologies = ["Server"]'),
        customer("SPENT", NOW, BOUGHT),
        customer("ACCOUNT", NOW, BOUGHT + "\n    overdraft = true"),
        customer("NIGHT", NOW, '    name = "Day"\n    calendar = "Office"'),
        customer("POLICY", OVER + '\n  policy = { expired = "hold_for_approval" }'),
    ]
)


class Way(NamedTuple):
    sender: str
    verdict: str
    decision: str
    state: str
    flag: str | None = None
    task: str | None = None


WAYS = [
    Way("who@nowhere.test", "unknown_customer", "triage_unknown", "triage"),
    Way("new@spent.test", "insufficient_trust", "accept_unverified", "triage"),
    Way("pat@second.test", "unauthorised_caller", "hold_for_approval", "on_hold", task="approve"),
    Way("gina@gamma.test", "no_contract", "route_sales", "triage", "not_covered"),
    Way("bob@beta.test", "suspended", "hold_for_approval", "on_hold", "not_covered", "approve"),
    Way("pat@notyet.test", "not_started", "accept_with_warning", "triage", "not_started", "not_covered"),
    Way("pat@over.test", "expired", "route_sales", "triage", "not_covered"),
    Way("pat@policy.test", "expired", "hold_for_approval", "on_hold", "not_covered", "approve"),
    Way(
        "pat@phone.test", "channel_not_allowed", "accept_with_warning", "triage", "not_covered", "not_covered"
    ),
    Way("pat@spent.test", "exhausted", "hold_for_approval", "on_hold", "not_covered", "approve"),
    Way("pat@account.test", "exhausted", "accept_with_warning", "triage", "overdraft", "not_covered"),
    Way("pat@grace.test", "grace", "accept_with_warning", "triage", "grace", "not_covered"),
    Way("alice@acme.test", "covered", "accept", "triage"),
]


@pytest.fixture
async def desk(db) -> AtWork:
    return await at_work(db, DESK)


async def test_a_request_of_each_verdict_goes_its_way(desk):
    for way in WAYS:
        number = (await desk.mail(way.sender)).number
        ticket = await desk.ticket(number)
        asked = {task.kind for task in await desk.rows(tables.task, number)}
        marks = [flag for flag in ticket.flags if flag in entitle.entitlement.FLAGS]

        assert (ticket.verdict, ticket.decision, ticket.state) == way[1:4], way
        assert marks == ([way.flag] if way.flag else []), way
        assert asked & {"approve", "not_covered"} == ({way.task} if way.task else set()), way
        (told,) = await desk.outward(number, "received")
        assert (await desk.deliveries(number, message_id=told.id))[0].state == "queued", way
        if way.decision == "hold_for_approval":
            with pytest.raises(Refused):
                await desk.do(tickets.take, await desk.who("lea"), number)


async def test_no_line_for_it_and_a_closed_calendar_are_found_when_it_is_qualified(desk):
    number = (await desk.mail("pat@other.test")).number
    await desk.qualify(number, technology="Network")
    ticket = await desk.ticket(number)
    assert (ticket.verdict, ticket.decision, ticket.flags) == (
        "out_of_scope",
        "accept_with_warning",
        ["not_covered"],
    )
    await desk.qualify(number, technology="Server")
    ticket = await desk.ticket(number)
    assert (ticket.verdict, ticket.flags) == ("covered", [])
    tasks = await desk.rows(tables.task, number)
    assert [task.done_at is not None for task in tasks if task.kind == "not_covered"] == [True]

    desk.passes(hours=12)
    number = (await desk.mail("pat@night.test")).number
    (check,) = await desk.rows(tables.entitlement_check, number)
    assert (check.verdict, check.decision) == ("covered_outside_window", "accept")
    assert check.next_open_at > desk.now


async def test_the_evidence_says_what_it_was_decided_from(desk):
    number = (await desk.mail("pat@spent.test")).number

    (check,) = await desk.rows(tables.entitlement_check, number)

    assert check.evidence["remaining"] == 0
    assert check.evidence["channel_allowed"] is True
    assert len(check.evidence["inputs_hash"]) == 32
    assert [one["why"] for one in check.evidence["candidates"]] == [""]


async def test_danger_rings_although_nothing_is_covered(desk):
    number = (await desk.mail("pat@over.test", text="Esce fumo dal quadro!")).number

    ticket = await desk.ticket(number)
    assert (ticket.verdict, ticket.decision) == ("expired", "accept")
    assert "safety" in ticket.flags
    (alarm,) = [task for task in await desk.rows(tables.task, number) if task.kind == "safety"]
    assert alarm.alarm
    assert [event.kind for event in await desk.events(number, "ticket.safety")] == ["ticket.safety"]
    covered = (await desk.mail("alice@acme.test", text="Esce fumo dal quadro!")).number
    assert "safety" not in (await desk.ticket(covered)).flags


async def test_an_override_says_who_why_and_until_when_and_asks_when_it_is_over(desk):
    number = (await desk.mail("pat@spent.test")).number
    lea, until = await desk.who("lea"), desk.now + timedelta(days=2)
    for reason, at, pointer in (("short", until, "/reason"), ("A good customer.", desk.now, "/until")):
        with pytest.raises(Invalid) as refusal:
            await desk.do(resolution.override, lea, number, reason=reason, until=at)
        assert refusal.value.faults[0].pointer == pointer
    assert (await desk.ticket(number)).state == "on_hold", "nothing half applied"

    await desk.do(resolution.override, lea, number, reason="A good customer.", until=until)
    await desk.qualify(number)
    assert (await desk.ticket(number)).state == "assigned"

    desk.passes(days=3)
    await desk.work()

    ticket = await desk.ticket(number)
    assert (ticket.state, ticket.decision) == ("assigned", "accept"), "nothing changes by itself"
    checks = await desk.rows(tables.entitlement_check, number)
    assert (checks[-1].decision, checks[-1].overridden_by) == ("hold_for_approval", None)
    (task,) = [task for task in await desk.rows(tables.task, number) if task.kind == "override_lapsed"]
    assert (task.agent, task.about["verdict"]) == ((await desk.who("tom")).id, "exhausted")


async def test_a_contract_signed_later_lists_what_it_may_change_and_staff_decide(desk):
    number = (await desk.mail("pat@over.test")).number
    desk.passes(days=1)
    text = DESK.replace(
        customer("OVER", OVER), customer("OVER", "  valid_from = 2025-01-01\n  valid_until = 2027-02-28")
    ).replace('number = "C-OVER"', 'number = "C-OVER-2"')
    await desk.db.write(put, text, now=desk.now)

    (task,) = await desk.rows(tables.task, kind="contract_affects")
    assert (task.about["contract"], task.about["count"]) == ("C-OVER-2", 1)
    assert (await desk.ticket(number)).verdict == "expired", "nothing changes by itself"

    await desk.do(contract_changes.recheck, await desk.who("lea"), number)
    ticket = await desk.ticket(number)
    assert (ticket.verdict, ticket.contract, ticket.flags) == ("covered", "C-OVER-2", [])


async def test_a_renewal_without_a_gap_is_one_validity_and_nobody_is_warned_of_its_end(desk):
    follows = '  [[customers.contracts]]\n  number = "C-NEXT"\n  valid_from = 2026-03-01\n  valid_until = 2027-02-28\n    [[customers.contracts.lines]]\n    name = "All"\n'
    text = DESK.replace(customer("OVER", OVER), customer("OVER", OVER) + follows)
    desk.now = desk.now.replace(month=2, day=27)
    await desk.db.write(put, text, now=desk.now)
    await desk.db.write(contract_round.look, lost=0, now=desk.now)
    told = {task.about["contract"] for task in await desk.rows(tables.task) if task.kind == "contract_end"}
    assert told == {"C-GRACE", "C-POLICY"}

    desk.now = desk.now.replace(month=3, day=1)
    number = (await desk.mail("pat@over.test")).number
    assert (await desk.ticket(number)).verdict == "covered"


async def test_whose_an_asset_was_when_the_request_came_counts(desk):
    number = (await desk.mail("alice@acme.test")).number
    await desk.qualify(number, asset="sw-1")
    desk.passes(days=1)
    asset = '  [[customers.assets]]\n  name = "sw-1"\n  technology = "Network"\n  criticality = "critical"\n'
    moved = changed(asset, "", DESK).replace(customer("NIGHT"), "")
    moved = moved.replace('  email = "pat@night.test"\n', f'  email = "pat@night.test"\n{asset}')
    await desk.db.write(put, moved, now=desk.now)

    await desk.do(contract_changes.recheck, await desk.who("lea"), number)
    assert (await desk.ticket(number)).verdict == "covered", "it was theirs then"

    later = await desk.mail("pat@night.test")
    await desk.qualify(later.number, asset="sw-1")
    assert (await desk.ticket(later.number)).verdict == "covered"
    desk.passes(hours=1)
    early = await desk.arrive("pat@night.test", received_at=desk.now - timedelta(days=2))
    old = (await desk.understand(early, "pat@night.test")).number
    await desk.qualify(old, asset="sw-1")
    ticket = await desk.ticket(old)
    assert ticket.verdict == "out_of_scope"
    assert "unknown_asset" in ticket.flags


async def test_a_line_that_has_books_is_not_measured_otherwise_and_an_end_before_the_beginning_is_refused(
    desk,
):
    for wrong, place in (
        (
            changed('measure = "hours"', 'measure = "visits"', DESK),
            r"lines\[Hours\].measure: .* another name",
        ),
        (changed(OVER, "  valid_from = 2026-01-01\n  valid_until = 2025-01-01", DESK), "valid_until"),
    ):
        with pytest.raises(ConfigurationError, match=place):
            await desk.db.write(put, wrong, now=desk.now)
    versions = await desk.rows(tables.contract_version)
    assert {row.n for row in versions} == {1}, "nothing half applied"
