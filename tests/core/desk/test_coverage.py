"""The contract card and the answer before the question: told in the portal, and the same that intake then decides."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from core.desk import coverage, requests
from core.desk.principal import Principal
from core.store import tables
from tests.desk_at_work import CONFIGURED, MONDAY, AtWork, at_work

EVENING = MONDAY + timedelta(hours=12)


@pytest.fixture
async def desk(db) -> AtWork:
    return await at_work(db)


async def told(desk: AtWork, name: str, **asked) -> coverage.Preview:
    return await desk.db.read(coverage.preview, await desk.who(name), now=desk.now, **asked)


async def test_a_customer_reads_what_the_contract_answers_and_when_somebody_will(desk):
    found = await told(desk, "alice", technology="Network", request_type="Incident")

    assert (found.verdict, found.covered, found.contract, found.line) == ("covered", True, "C-1", "Network")
    assert (found.priority, found.window_open, found.next_open_at) == ("P3", True, None)
    assert found.response_due == MONDAY + timedelta(hours=2)


async def test_outside_the_hours_they_read_when_it_goes_on(desk):
    desk.now = EVENING

    found = await told(desk, "alice", technology="Server")

    assert (found.verdict, found.covered, found.window_open) == ("covered_outside_window", True, False)
    assert found.next_open_at == datetime(2026, 3, 3, 8, tzinfo=UTC)
    assert found.response_due == datetime(2026, 3, 3, 10, tzinfo=UTC)


async def test_an_important_thing_is_urgent_and_names_its_technology(desk):
    found = await told(desk, "alice", asset="sw-1")

    assert (found.priority, found.line) == ("P2", "Network")
    urgent = await told(desk, "alice", asset="sw-1", impact=1, urgency=1)
    assert (urgent.priority, urgent.response_due) == ("P1", MONDAY + timedelta(minutes=15))


@pytest.mark.parametrize(("name", "verdict"), [("bob", "suspended"), ("gina", "no_contract")])
async def test_without_cover_nothing_is_promised(desk, name, verdict):
    found = await told(desk, name)

    assert (found.verdict, found.covered, found.response_due) == (verdict, False, None)


async def test_what_is_promised_in_working_days_is_told_as_a_day(db):
    days = CONFIGURED.replace('[slas.targets.P3]\nresponse = "2h"', '[slas.targets.P3]\nresponse = "1wd"')
    desk = await at_work(db, days)

    found = await told(desk, "alice", technology="Server")

    assert found.response_due == datetime(2026, 3, 3, 9, tzinfo=UTC)


async def test_a_line_without_a_service_level_promises_no_time(db):
    desk = await at_work(db, CONFIGURED.replace('status = "suspended"', 'status = "active"'))

    found = await told(desk, "bob")

    assert (found.covered, found.response_due) == (True, None)


async def test_the_answer_before_is_the_answer_after(desk):
    alice = await desk.who("alice")
    for technology in ("Network", "Server"):
        before = await told(desk, "alice", technology=technology)
        number = await desk.db.write(
            requests.open_request, alice, subject="x", text="x", technology=technology, now=desk.now
        )
        (check,) = await desk.rows(tables.entitlement_check, number)
        assert (check.verdict, check.contract, check.line) == (before.verdict, before.contract, before.line)


async def test_the_card_lists_what_was_bought_and_whether_somebody_is_there(desk):
    desk.now = EVENING

    (card,) = await desk.db.read(coverage.bought, await desk.who("alice"), now=desk.now)

    assert (card.number, card.standing, card.valid_until) == ("C-1", "valid", date(2026, 12, 31))
    assert [(service.name, service.open, service.remaining) for service in card.services] == [
        ("Network", True, None),
        ("Server by day", False, None),
    ]
    assert card.services[1].next_open_at == datetime(2026, 3, 3, 8, tzinfo=UTC)


async def test_contracts_that_stand_come_first_and_drafts_are_not_shown(db):
    several = CONFIGURED.replace(
        '[[customers]]\nname = "Beta Ltd"',
        """  [[customers.contracts]]
  number = "C-0"
  valid_from = 2025-01-01
  valid_until = 2025-12-31
  [[customers.contracts]]
  number = "C-9"
  valid_from = 2026-01-01
  valid_until = 2026-12-31
  status = "draft"
[[customers]]
name = "Beta Ltd\"""",
    )
    desk = await at_work(db, several)

    cards = await desk.db.read(coverage.bought, await desk.who("alice"), now=desk.now)

    assert [(card.number, card.standing) for card in cards] == [("C-1", "valid"), ("C-0", "expired")]


async def test_a_form_offers_what_the_contract_covers_or_everything_where_none_does(desk):
    of_acme = await desk.db.read(coverage.choices, await desk.who("alice"), now=desk.now)
    of_gamma = await desk.db.read(coverage.choices, await desk.who("gina"), now=desk.now)

    assert of_acme["technologies"] == of_gamma["technologies"] == ("Network", "Server")
    assert of_acme["request_types"] == ("Incident", "Change")
    assert [asset.name for asset in of_acme["assets"]] == ["sw-1"]
    assert of_acme["sites"] == ["Verona"]
    assert of_gamma["assets"] == []


async def test_a_narrow_contract_offers_only_what_it_names(db):
    narrow = CONFIGURED.replace(
        'name = "Server by day"\n    technologies = ["Server"]',
        'name = "More"\n    technologies = ["Network"]',
    )
    desk = await at_work(db, narrow)

    found = await desk.db.read(coverage.choices, await desk.who("alice"), now=desk.now)

    assert found["technologies"] == ("Network",)


async def test_who_belongs_to_no_customer_is_told_nothing_of_any(desk):
    nobody = Principal(kind="contact", id="x", email="x@y.test")

    assert await desk.db.read(coverage.bought, nobody, now=desk.now) == ()
    assert (await desk.db.read(coverage.preview, nobody, now=desk.now)).verdict == "unknown_customer"
