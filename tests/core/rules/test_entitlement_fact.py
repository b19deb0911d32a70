"""What does `main.py facts entitlement` answer?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from core.rules.entitlement_fact import entitlement_fact

SAMPLE = Path(__file__).resolve().parents[3].parent / "shared" / "data" / "contracts" / "decision_table.json"
TABLE: dict[str, Any] = json.loads(SAMPLE.read_text()) if SAMPLE.exists() else {"cases": [], "desk": {}}


@pytest.mark.samples
@pytest.mark.skipif(not SAMPLE.exists(), reason="needs ../shared")
def test_the_decision_table_has_cases() -> None:
    assert TABLE["cases"]


@pytest.mark.samples
@pytest.mark.parametrize("case", TABLE["cases"], ids=lambda case: case["id"])
def test_every_case_of_the_decision_table_is_answered_as_it_says(case: dict[str, Any]) -> None:
    answer = entitlement_fact({"desk": TABLE["desk"], "request": case["request"]})

    expected = dict(case["expected"])
    assert set(expected.pop("reasons_include", ())) <= set(answer["reasons"])
    assert {name: answer[name] for name in expected} == expected


A_LINE = {"name": "Network", "technologies": ["Network"], "sla": "Gold"}
A_CONTRACT = {
    "number": "C-1",
    "valid_from": "2026-01-01",
    "valid_until": "2026-12-31",
    "lines": [A_LINE],
}
A_CUSTOMER = {
    "code": "ACME",
    "name": "Acme",
    "domains": ["acme.test"],
    "contacts": [{"name": "Anna", "email": "Anna@acme.test", "phone": "+39 02 5550001"}],
    "assets": [{"name": "sw-1", "technology": "Network", "site": "Milan"}],
    "contracts": [A_CONTRACT],
}


def answered(
    *customers: dict[str, Any], desk: dict[str, Any] | None = None, **request: Any
) -> dict[str, Any]:
    asked = {"at": "2026-03-09T10:00:00Z", "channel": "email", "trust": "aligned", "from": "anna@acme.test"}
    return entitlement_fact(
        {"desk": {"customers": customers or [A_CUSTOMER]} | (desk or {}), "request": asked | request}
    )


def a_customer(**different: Any) -> dict[str, Any]:
    return A_CUSTOMER | different


def with_line(**different: Any) -> dict[str, Any]:
    return a_customer(contracts=[A_CONTRACT | {"lines": [A_LINE | different]}])


def test_the_answer_is_json_and_says_everything() -> None:
    answer = answered(technology="Network")

    assert json.loads(json.dumps(answer)) == {
        "customer": "ACME",
        "verdict": "covered",
        "decision": "accept",
        "would_be": None,
        "contract": "C-1",
        "line": "Network",
        "window_open": True,
        "next_open_at": None,
        "channel_allowed": True,
        "remaining": None,
        "flag": None,
        "reasons": ["covered"],
        "sentences": ["Covered by contract C-1, line Network."],
        "considered": [{"contract": "C-1", "line": "Network", "why": ""}],
    }


def test_a_caller_is_known_by_a_contacts_number_however_it_is_written() -> None:
    answer = answered(channel="phone", trust="weak", **{"from": "+39025550001"})

    assert (answer["customer"], answer["verdict"]) == ("ACME", "covered")


@pytest.mark.parametrize(
    ("sender", "second"),
    [
        ("+39 02 555 0001", {"contacts": [{"phone": "+39025550001"}]}),
        ("eva@acme.test", {"domains": ["acme.test"]}),
        ("anna@acme.test", {"contacts": [{"email": "anna@acme.test"}]}),
    ],
)
def test_a_sender_of_two_customers_is_nobodys_until_a_person_says(
    sender: str, second: dict[str, Any]
) -> None:
    answer = answered(A_CUSTOMER, {"code": "BETA"} | second, **{"from": sender})

    assert (answer["customer"], answer["verdict"]) == (None, "unknown_customer")
    assert answer["reasons"] == ["ambiguous_identity"]


@pytest.mark.parametrize("sender", ["", "eva@freemail.test", "+4930555", "nobody"])
def test_a_sender_nobody_knows_has_no_customer(sender: str) -> None:
    answer = answered(**{"from": sender})

    assert (answer["customer"], answer["decision"]) == (None, "triage_unknown")


def test_a_colleague_known_by_the_domain_only_is_not_trusted_even_with_aligned_mail() -> None:
    answer = answered(**{"from": "eva@ACME.test"})

    assert (answer["verdict"], answer["would_be"]) == ("insufficient_trust", "covered")


def test_a_customer_may_be_named_and_the_sender_is_then_its_contact() -> None:
    closed = a_customer(contracts=[A_CONTRACT | {"authorised_contacts": ["anna@acme.test"]}])

    assert answered(closed, customer="ACME")["verdict"] == "covered"
    assert answered(closed, customer="ACME", **{"from": "eva@acme.test"})["verdict"] == "unauthorised_caller"


def test_a_failed_dmarc_check_is_no_trust() -> None:
    assert answered(dmarc="fail")["reasons"] == ["dmarc_failed"]


def test_a_company_is_covered_by_its_parents_contract_in_the_parents_zone() -> None:
    parent = {
        "code": "GROUP",
        "time_zone": "Asia/Tokyo",
        "contracts": [A_CONTRACT | {"covers_children": True}],
    }
    child = a_customer(parent="GROUP", contracts=[A_CONTRACT | {"number": "C-9", "status": "terminated"}])
    late = "2026-12-31T16:00:00Z"  # next year in Tokyo

    assert answered(parent, child)["contract"] == "C-1"
    assert answered(parent, child, at=late)["verdict"] == "expired"
    assert answered(parent | {"contracts": [A_CONTRACT]}, child)["verdict"] == "no_contract"


def test_an_asset_tells_its_technology_and_its_site() -> None:
    narrow = with_line(sites=["Milan"])

    assert answered(narrow, asset="sw-1")["verdict"] == "covered"
    assert answered(with_line(technologies=["Server"]), asset="sw-1")["verdict"] == "out_of_scope"


def test_an_asset_that_is_not_the_customers_is_told() -> None:
    assert answered(asset="beta-sw-01")["flag"] == "unknown_asset"


def test_a_customers_policy_is_followed() -> None:
    assert answered(a_customer(policy={"covered": "route_sales"}))["decision"] == "route_sales"


OFFICE = {"name": "Office", "weekly": ["mon-fri 09:00-18:00"], "closed": ["2026-03-09"], "holidays": "IT"}


def test_holidays_and_closed_dates_count() -> None:
    desk = {"calendars": [OFFICE]}

    closed = answered(with_line(calendar="Office"), desk=desk)
    easter = answered(with_line(calendar="Office"), desk=desk, at="2026-04-06T10:00:00Z")

    assert closed["next_open_at"] == "2026-03-10T08:00:00Z"
    assert (easter["window_open"], easter["next_open_at"]) == (False, "2026-04-07T07:00:00Z")


@pytest.mark.parametrize(
    ("targets", "winner"),
    [
        ({"A": {"resolve": "8h"}, "B": {"resolve": "4h"}}, "B"),
        ({"A": {"resolve": "2wd"}, "B": {"resolve": "1wd end"}}, "B"),
        ({"A": {"response": "1h"}, "B": {"resolve": "1wd", "calendar": "Office"}}, "B"),
        ({"A": {"response": "1h"}, "B": {"response": "1h"}}, "1"),
    ],
)
def test_of_lines_that_are_equal_the_one_that_promises_the_earliest_solution_wins(
    targets: dict[str, dict[str, str]], winner: str
) -> None:
    lines = [{"name": "1", "sla": "A"}, {"name": "B", "sla": "B"}, {"name": "C", "sla": None}]
    desk = {
        "calendars": [OFFICE],
        "slas": [{"name": name, "targets": {"P3": times}} for name, times in targets.items()],
    }

    answer = answered(a_customer(contracts=[A_CONTRACT | {"lines": lines}]), desk=desk, priority="P3")

    assert answer["line"] == winner


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"at": "2026-03-09T10:00:00"}, "at"),
        ({"channel": ""}, "channel: a request comes by some channel"),
        ({"trust": "much"}, "much"),
        ({"customer": "NONE"}, "customer: 'NONE' is not one of ACME"),
        ({"alert_source": "zabbix"}, "alert_source: there is no 'zabbix'"),
    ],
)
def test_a_request_that_cannot_be_judged_says_what_is_wrong(wrong: dict[str, Any], message: str) -> None:
    assert message in answered(**wrong)["error"]


def test_a_line_with_a_calendar_that_does_not_exist_is_told() -> None:
    assert answered(with_line(calendar="Night"))["error"] == "calendar: there is no 'Night'"


@pytest.mark.parametrize("question", [{}, {"desk": {}, "request": 1}, {"desk": [], "request": {}}])
def test_what_is_no_question_is_an_error_and_never_an_end(question: dict[str, Any]) -> None:
    assert set(entitlement_fact(question)) == {"error"}
