"""May this request be served, and what does the desk do with it?"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.envelope import Trust
from core.rules.coverage import Contract, Line
from core.rules.entitlement import DECISIONS, DEFAULT_POLICY, VERDICTS, Asked, Verdict, check

MONDAY_NOON = datetime(2026, 3, 9, 12, tzinfo=UTC)
NEXT_MORNING = datetime(2026, 3, 10, 8, tzinfo=UTC)
ROME = ZoneInfo("Europe/Rome")


def window(calendar: str, at: datetime) -> tuple[bool, datetime | None]:
    """Office is closed whenever it is asked; every other calendar is open."""
    return (False, NEXT_MORNING) if calendar == "Office" else (True, at)


def a_line(name: str = "Network", **different: object) -> Line:
    return replace(Line(name=name, technologies=("Network",), request_types=("Incident",)), **different)


def a_contract(number: str = "C-1", *lines: Line, **different: object) -> Contract:
    contract = Contract(
        number=number,
        version=f"v-{number}",
        valid_from=date(2026, 1, 1),
        valid_until=date(2026, 12, 31),
        lines=lines or (a_line(),),
    )
    return replace(contract, **different)


ENDED = {"valid_from": date(2025, 1, 1), "valid_until": date(2026, 3, 4)}
FUTURE = {"valid_from": date(2026, 4, 1), "valid_until": date(2027, 3, 31)}


def asked(**different: object) -> Asked:
    request = Asked(
        at=MONDAY_NOON,
        channel="email",
        trust=Trust.ALIGNED,
        customer="ACME",
        contact="anna@acme.test",
        request_type="Incident",
        technology="Network",
    )
    return replace(request, **different)


def judged(*contracts: Contract, policy: dict[str, str] | None = None, **request: object) -> Verdict:
    return check(asked(**request), contracts, window=window, policy=policy)


def codes(verdict: Verdict) -> list[str]:
    return [reason.code for reason in verdict.reasons]


# --- The rows of the table ----------------------------------------------------------------------------------

ROWS = {
    "covered": ((a_contract(),), {}),
    "covered_outside_window": ((a_contract("C-1", a_line(calendar="Office")),), {}),
    "grace": ((a_contract(**ENDED, grace_days=30),), {}),
    "exhausted": ((a_contract("C-1", a_line(measure="hours", quantity=40, used=40)),), {}),
    "out_of_scope": ((a_contract(),), {"technology": "Security"}),
    "channel_not_allowed": ((a_contract("C-1", a_line(channels=("phone",))),), {}),
    "expired": ((a_contract(**ENDED),), {}),
    "not_started": ((a_contract(**FUTURE),), {}),
    "suspended": ((a_contract(status="suspended"),), {}),
    "no_contract": ((a_contract(status="draft"), a_contract("C-2", status="terminated")), {}),
    "unauthorised_caller": ((a_contract(authorised_contacts=("boss@acme.test",)),), {}),
    "insufficient_trust": ((a_contract(),), {"trust": Trust.NONE}),
    "unknown_customer": ((), {"customer": None}),
}


@pytest.mark.parametrize("verdict", VERDICTS)
def test_every_row_of_the_table_has_its_verdict_and_its_decision(verdict: str) -> None:
    contracts, request = ROWS[verdict]

    found = judged(*contracts, **request)

    assert (found.verdict, found.decision) == (verdict, DEFAULT_POLICY[verdict])
    assert found.reasons[0].sentence.endswith(".")


def test_a_covered_request_names_contract_version_line_and_channel() -> None:
    found = judged(a_contract())

    assert (found.contract, found.contract_version, found.line) == ("C-1", "v-C-1", "Network")
    assert (found.window_open, found.channel_allowed, found.next_open_at) == (True, True, None)
    assert (found.flag, found.overrides, found.remaining) == (None, (), None)


def test_outside_the_window_the_next_opening_is_told() -> None:
    found = judged(a_contract("C-1", a_line(calendar="Office")))

    assert (found.window_open, found.next_open_at) == (False, NEXT_MORNING)


def test_spam_is_kept_aside_before_any_check() -> None:
    found = judged(a_contract(), spam=True, always_page=True, asset="lift-01")

    assert (found.verdict, found.decision, codes(found)) == (None, "quarantine", ["spam"])
    assert found.flag is None


# --- Who asks -----------------------------------------------------------------------------------------------


def test_a_sender_of_several_customers_is_ambiguous_and_all_are_named() -> None:
    found = judged(customer=None, candidates=("ACME", "BETA"))

    assert codes(found) == ["ambiguous_identity"]
    assert "ACME, BETA" in found.reasons[0].sentence


@pytest.mark.parametrize(
    ("doubt", "code"),
    [
        ({"trust": Trust.NONE}, "trust_below_weak"),
        ({"authentication_failed": True}, "dmarc_failed"),
        ({"by_domain": True, "contact": None}, "known_by_domain_only"),
    ],
)
def test_a_doubtful_author_gets_a_ticket_and_staff_see_what_full_trust_would_give(
    doubt: dict[str, object], code: str
) -> None:
    found = judged(a_contract("C-1", a_line(calendar="Office")), **doubt)

    assert (found.verdict, found.decision) == ("insufficient_trust", "accept_unverified")
    assert found.would_be == "covered_outside_window"
    assert codes(found) == [code]


def test_every_doubt_about_an_author_is_told() -> None:
    found = judged(a_contract(), trust=Trust.NONE, authentication_failed=True, by_domain=True)

    assert codes(found) == ["dmarc_failed", "known_by_domain_only", "trust_below_weak"]


def test_authorised_contacts_are_compared_without_case() -> None:
    contract = a_contract(authorised_contacts=("Anna@Acme.test",))

    assert judged(contract).verdict == "covered"
    assert judged(contract, contact=None).verdict == "unauthorised_caller"


def test_another_contract_that_is_open_to_everybody_serves_who_may_not_ask_under_the_first() -> None:
    closed = a_contract("C-1", authorised_contacts=("boss@acme.test",))

    found = judged(closed, a_contract("C-2"))

    assert (found.verdict, found.contract) == ("covered", "C-2")
    assert [(c.contract, c.why) for c in found.considered] == [
        ("C-2", ""),
        ("C-1", "this person may not ask under the contract"),
    ]


def test_a_source_of_alerts_is_no_caller_and_needs_no_authorisation() -> None:
    found = judged(
        a_contract(authorised_contacts=("boss@acme.test",)),
        contact=None,
        from_alert_source=True,
        channel="monitoring",
    )

    assert found.verdict == "covered"


# --- Validity -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("local", "verdict"),
    [
        (datetime(2025, 12, 31, 23, 59, 59, tzinfo=ROME), "not_started"),
        (datetime(2026, 1, 1, tzinfo=ROME), "covered"),
        (datetime(2026, 12, 31, 23, 59, 59, tzinfo=ROME), "covered"),
        (datetime(2027, 1, 1, tzinfo=ROME), "grace"),
        (datetime(2027, 1, 10, 23, 59, 59, tzinfo=ROME), "grace"),
        (datetime(2027, 1, 11, tzinfo=ROME), "expired"),
    ],
)
def test_a_contract_is_valid_to_the_last_second_of_its_last_local_day(local: datetime, verdict: str) -> None:
    assert judged(a_contract(grace_days=10), at=local.astimezone(UTC)).verdict == verdict


@pytest.mark.parametrize(
    ("local", "verdict"),
    [
        (datetime(2026, 3, 29, 23, 59, tzinfo=ROME), "covered"),  # the night with one hour less
        (datetime(2026, 3, 30, tzinfo=ROME), "expired"),
        (datetime(2026, 10, 25, 2, 30, fold=1, tzinfo=ROME), "covered"),  # the hour that comes twice
        (datetime(2026, 10, 26, tzinfo=ROME), "expired"),
    ],
)
def test_the_night_of_a_clock_change_belongs_to_its_local_day(local: datetime, verdict: str) -> None:
    contract = a_contract(valid_until=local.date() if verdict == "covered" else local.date() - timedelta(1))

    assert judged(contract, at=local.astimezone(UTC)).verdict == verdict


def test_the_customers_zone_decides_what_day_it_is() -> None:
    late_in_new_york = datetime(2027, 1, 1, 3, tzinfo=UTC)

    assert judged(a_contract(time_zone="America/New_York"), at=late_in_new_york).verdict == "covered"
    assert judged(a_contract(time_zone="Europe/Rome"), at=late_in_new_york).verdict == "expired"


def test_a_contract_without_an_end_may_say_so_with_the_last_date_there_is() -> None:
    assert judged(a_contract(valid_until=date.max, grace_days=30)).verdict == "covered"


def test_a_renewal_without_a_gap_is_one_continuous_validity() -> None:
    old = a_contract("C-2025", valid_from=date(2025, 1, 1), valid_until=date(2025, 12, 31))
    new = a_contract("C-2026")
    midnight = datetime(2026, 1, 1, tzinfo=ROME).astimezone(UTC)

    before, after = (judged(old, new, at=at) for at in (midnight - timedelta(microseconds=1), midnight))

    assert [(v.verdict, v.contract) for v in (before, after)] == [
        ("covered", "C-2025"),
        ("covered", "C-2026"),
    ]


def test_while_one_contract_is_valid_the_others_are_left_out_and_the_list_says_why() -> None:
    security = a_line("Security", technologies=("Security",))

    found = judged(
        a_contract("C-1"),
        a_contract("C-2", security, **ENDED, grace_days=30),
        a_contract("C-3", security, **FUTURE),
        a_contract("C-4", security, status="suspended"),
        a_contract("C-5", security, **ENDED),
        technology="Security",
    )

    assert (found.verdict, found.contract) == ("out_of_scope", "C-1")
    assert [(c.contract, c.why) for c in found.considered] == [
        ("C-1", "technology Security not in the line"),
        ("C-2", "the contract is over and in its grace period, and another one is valid"),
        ("C-3", "the contract has not begun"),
        ("C-4", "the contract is suspended"),
        ("C-5", "the contract is over"),
    ]


@pytest.mark.parametrize(
    ("best", "others", "speaks"),
    [
        ("grace", ("suspended", "not_started", "expired"), "C-grace"),
        ("suspended", ("not_started", "expired"), "C-suspended"),
        ("not_started", ("expired",), "C-not_started"),
    ],
)
def test_without_a_valid_contract_the_best_of_the_others_speaks(
    best: str, others: tuple[str, ...], speaks: str
) -> None:
    contracts = {
        "grace": a_contract("C-grace", **ENDED, grace_days=30),
        "suspended": a_contract("C-suspended", status="suspended"),
        "not_started": a_contract("C-not_started", **FUTURE),
        "expired": a_contract("C-expired", **ENDED),
    }

    found = judged(*(contracts[name] for name in (*others, best)))

    assert (found.verdict, found.contract) == (best, speaks)


def test_of_several_ended_contracts_the_last_one_speaks_and_of_future_ones_the_first() -> None:
    later = {"valid_from": date(2027, 1, 1), "valid_until": date(2027, 12, 31)}
    earlier = {"valid_from": date(2024, 1, 1), "valid_until": date(2024, 12, 31)}

    assert judged(a_contract("C-1", **earlier), a_contract("C-2", **ENDED)).contract == "C-2"
    assert judged(a_contract("C-1", **later), a_contract("C-2", **FUTURE)).contract == "C-2"


def test_a_suspended_contract_is_suspended_whatever_its_dates() -> None:
    assert judged(a_contract(status="suspended", **ENDED)).verdict == "suspended"
    assert judged(a_contract(status="suspended", **FUTURE)).verdict == "suspended"


# --- What is left -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "verdict", "remaining"),
    [
        (a_line(measure="hours", quantity=40, used=39.75), "covered", 0.25),
        (a_line(measure="tickets", quantity=0), "exhausted", 0),
        (a_line(measure="hours", quantity=40, used=41), "exhausted", -1),
        (a_line(measure="hours"), "covered", None),
        (a_line(measure="none", quantity=0), "covered", None),
    ],
)
def test_a_measured_line_without_anything_left_is_exhausted(
    line: Line, verdict: str, remaining: float | None
) -> None:
    found = judged(a_contract("C-1", line))

    assert (found.verdict, found.remaining) == (verdict, remaining)


def test_an_overdraft_lets_work_begin_with_a_warning() -> None:
    found = judged(a_contract("C-1", a_line(measure="hours", quantity=40, used=40, overdraft=True)))

    assert (found.verdict, found.decision, found.flag) == ("exhausted", "accept_with_warning", "overdraft")
    assert codes(found) == ["exhausted", "overdraft"]


# --- Policy and overrides -----------------------------------------------------------------------------------


def test_a_customers_policy_decides_differently_about_the_same_verdict() -> None:
    found = judged(a_contract(**ENDED), policy={"expired": "hold_for_approval"})

    assert (found.verdict, found.decision) == ("expired", "hold_for_approval")


def test_a_policy_that_repeats_the_defaults_changes_nothing() -> None:
    spent = a_contract("C-1", a_line(measure="hours", quantity=1, used=1, overdraft=True))

    assert judged(spent, policy=dict(DEFAULT_POLICY)) == judged(spent)


def test_a_policy_with_an_unknown_decision_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="'ignore' for covered is not one of accept, "):
        judged(a_contract(), policy={"covered": "ignore"})


def test_an_alert_without_a_contract_is_stored_only_and_pages_if_its_source_insists() -> None:
    alert = {"from_alert_source": True, "channel": "monitoring", "contact": None, "priority": "P1"}

    quiet = judged(a_contract(**ENDED), **alert)
    loud = judged(a_contract(**ENDED), **alert, page_anyway=True)

    assert (quiet.decision, quiet.overrides) == ("store_alert_only", ())
    assert (loud.decision, loud.overrides) == ("store_alert_only", ("page_anyway",))


@pytest.mark.parametrize(
    "row", ["suspended", "expired", "no_contract", "exhausted", "out_of_scope", "covered", "not_started"]
)
def test_an_asset_that_is_always_paged_is_worked_on_whatever_the_contract_says(row: str) -> None:
    contracts, request = ROWS[row]

    found = judged(*contracts, **request, always_page=True, asset="lift-01")

    assert found.verdict == row
    assert found.decision in ("accept", "accept_with_warning")
    assert found.overrides == ("always_page",)


@pytest.mark.parametrize("danger", [{"safety": True}, {"priority": "P1"}])
@pytest.mark.parametrize("row", ["suspended", "expired", "no_contract", "exhausted"])
def test_danger_on_an_uncovered_request_rings_the_duty_phone_and_lets_work_begin(
    row: str, danger: dict[str, object]
) -> None:
    contracts, request = ROWS[row]

    found = judged(*contracts, **request, **danger)

    assert (found.verdict, found.decision, found.overrides) == (row, "accept", ("safety",))
    assert found.flag == "not_covered"


@pytest.mark.parametrize("row", ["covered", "covered_outside_window", "grace"])
def test_danger_on_a_covered_request_changes_nothing(row: str) -> None:
    contracts, request = ROWS[row]

    assert judged(*contracts, **request, safety=True) == judged(*contracts, **request)


def test_a_doubtful_author_in_danger_is_covered_if_full_trust_would_be() -> None:
    assert judged(a_contract(), trust=Trust.NONE, safety=True).overrides == ()
    assert judged(a_contract(**ENDED), trust=Trust.NONE, safety=True).overrides == ("safety",)


@pytest.mark.parametrize("row", ["unknown_customer", "insufficient_trust", "unauthorised_caller"])
def test_no_danger_makes_a_stranger_known(row: str) -> None:
    contracts, request = ROWS[row]

    found = judged(*contracts, **request, safety=True, always_page=True, asset="lift-01")

    assert found.decision == DEFAULT_POLICY[row]
    assert "always_page" in found.overrides


@pytest.mark.parametrize(
    ("row", "flag"),
    [
        ("covered", None),
        ("grace", "grace"),
        ("not_started", "not_started"),
        ("out_of_scope", "not_covered"),
        ("channel_not_allowed", "not_covered"),
        ("unknown_customer", None),
    ],
)
def test_a_ticket_is_marked_with_what_is_wrong_about_its_coverage(row: str, flag: str | None) -> None:
    contracts, request = ROWS[row]

    assert judged(*contracts, **request).flag == flag


# --- Scope and channel --------------------------------------------------------------------------------------


def test_what_is_not_known_yet_rules_nothing_out() -> None:
    assert judged(a_contract(), technology=None, request_type=None).verdict == "covered"


def test_an_asset_of_somebody_else_is_covered_by_nothing() -> None:
    found = judged(a_contract("C-1", Line(name="All")), asset="beta-sw-01", asset_known=False)

    assert (found.verdict, found.decision, found.flag) == (
        "out_of_scope",
        "accept_with_warning",
        "unknown_asset",
    )
    assert codes(found) == ["out_of_scope", "unknown_asset"]


def test_an_uncovered_request_is_named_in_the_reason() -> None:
    found = judged(a_contract(), technology="Security", asset="fw-1")

    assert found.reasons[0].sentence == "No line covers Incident, Security, fw-1."
    assert found.line is None


def test_a_request_of_which_nothing_is_known_can_still_be_out_of_scope() -> None:
    found = judged(a_contract("C-1", a_line(sites=("Milan",))), technology=None, request_type=None)

    assert found.reasons[0].sentence == "No line covers a request of which nothing is known."


def test_a_line_not_sold_for_the_channel_is_named_as_the_one_that_would_fit() -> None:
    found = judged(a_contract("C-1", a_line(channels=("phone", "portal"))))

    assert (found.verdict, found.line, found.channel_allowed) == ("channel_not_allowed", "Network", False)
    assert found.considered[0].why == "not for requests by email"


# --- Evidence -----------------------------------------------------------------------------------------------


def test_the_inputs_of_a_check_are_kept_as_they_were() -> None:
    inputs = asked(candidates=("ACME", "BETA")).inputs()

    assert json.loads(json.dumps(inputs)) == inputs
    assert (inputs["at"], inputs["trust"]) == ("2026-03-09T12:00:00+00:00", "aligned")
    assert inputs["candidates"] == ["ACME", "BETA"]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [({"at": datetime(2026, 3, 9, 12)}, "at: .* has no time zone"), ({"channel": ""}, "channel: ")],
)
def test_a_request_without_channel_or_zone_is_refused(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        asked(**wrong)


# --- Whatever comes -----------------------------------------------------------------------------------------

names = st.sampled_from(["Network", "Security", "Server"])
some = st.lists(names, max_size=2, unique=True).map(tuple)
lines = st.builds(
    Line,
    name=st.sampled_from(["A", "B", "C"]),
    technologies=some,
    request_types=st.sampled_from([(), ("Incident",), ("Change",)]),
    channels=st.sampled_from([(), ("email",), ("phone",)]),
    assets=st.sampled_from([(), ("sw-1",)]),
    sites=st.sampled_from([(), ("Milan",)]),
    calendar=st.sampled_from(["24x7", "Office"]),
    measure=st.sampled_from(["none", "hours"]),
    quantity=st.sampled_from([None, 0, 10]),
    used=st.sampled_from([0, 10]),
    overdraft=st.booleans(),
    priority=st.integers(1, 3),
)
days = st.dates(date(2026, 2, 1), date(2026, 4, 30))
contracts_of_a_customer = st.lists(
    st.builds(
        Contract,
        number=st.sampled_from(["C-1", "C-2", "C-3"]),
        valid_from=days,
        valid_until=days,
        status=st.sampled_from(["draft", "active", "active", "suspended", "terminated"]),
        grace_days=st.integers(0, 40),
        authorised_contacts=st.sampled_from([(), ("anna@acme.test",), ("boss@acme.test",)]),
        lines=st.lists(lines, max_size=3).map(tuple),
    ),
    max_size=3,
)
requests = st.builds(
    Asked,
    at=st.just(MONDAY_NOON),
    channel=st.sampled_from(["email", "phone", "monitoring"]),
    trust=st.sampled_from(Trust),
    customer=st.sampled_from(["ACME", "ACME", None]),
    candidates=st.sampled_from([(), ("ACME", "BETA")]),
    contact=st.sampled_from(["anna@acme.test", None]),
    by_domain=st.booleans(),
    request_type=st.sampled_from(["Incident", "Change", None]),
    technology=st.none() | names,
    asset=st.sampled_from(["sw-1", "sw-2", None]),
    asset_known=st.booleans(),
    site=st.sampled_from(["Milan", "Rome", None]),
    priority=st.sampled_from(["P1", "P3", None]),
    authentication_failed=st.booleans(),
    always_page=st.booleans(),
    safety=st.booleans(),
    from_alert_source=st.booleans(),
    page_anyway=st.booleans(),
)


@given(requests, contracts_of_a_customer)
def test_every_request_gets_one_verdict_one_decision_and_a_reason(
    request_: Asked, contracts: list[Contract]
) -> None:
    found = check(request_, contracts, window=window)

    assert found.verdict in VERDICTS
    assert found.decision in DECISIONS
    assert found.reasons
    assert all("{" not in reason.sentence for reason in found.reasons)
    assert (found.would_be is not None) == (found.verdict == "insufficient_trust")
    assert (found.channel_allowed is None) == (found.line is None)
    winners = [lost for lost in found.considered if not lost.why]
    assert len(winners) == (1 if found.channel_allowed else 0)
    if winners:
        assert (winners[0].contract, winners[0].line) == (found.contract, found.line)


@given(requests, contracts_of_a_customer)
def test_every_line_of_a_contract_that_counts_is_listed(request_: Asked, contracts: list[Contract]) -> None:
    if request_.customer is None:
        return

    found = check(request_, contracts, window=window)

    listed = sorted((lost.contract, lost.line) for lost in found.considered)
    assert listed == sorted(
        (c.number, line.name)
        for c in contracts
        if c.status not in ("draft", "terminated")
        for line in c.lines
    )


@given(requests, contracts_of_a_customer)
def test_the_order_of_contracts_and_lines_in_the_file_decides_nothing(
    request_: Asked, contracts: list[Contract]
) -> None:
    numbered = [replace(c, number=f"C-{n}", lines=_renamed(c.lines)) for n, c in enumerate(contracts)]
    turned = [replace(c, lines=tuple(reversed(c.lines))) for c in reversed(numbered)]

    one, other = check(request_, numbered, window=window), check(request_, turned, window=window)

    assert (one.verdict, one.decision, one.contract, one.line, one.reasons) == (
        other.verdict,
        other.decision,
        other.contract,
        other.line,
        other.reasons,
    )


def _renamed(lines: tuple[Line, ...]) -> tuple[Line, ...]:
    return tuple(replace(line, name=f"L{n}") for n, line in enumerate(lines))


WIDER = ("technologies", "request_types", "channels", "assets", "sites")
NOT_ABOUT_IT = ("out_of_scope", "channel_not_allowed")


@given(requests, contracts_of_a_customer, st.data())
def test_widening_a_line_never_takes_a_covered_request_out_of_scope(
    request_: Asked, contracts: list[Contract], data: st.DataObject
) -> None:
    before = check(request_, contracts, window=window)
    place = data.draw(st.sampled_from([(c, n) for c in contracts for n in range(len(c.lines))] or [None]))
    if place is None or before.verdict in NOT_ABOUT_IT or before.would_be in NOT_ABOUT_IT:
        return
    contract, n = place
    wider = replace(contract.lines[n], **{data.draw(st.sampled_from(WIDER)): ()})
    changed = replace(contract, lines=(*contract.lines[:n], wider, *contract.lines[n + 1 :]))

    after = check(request_, [changed if c is contract else c for c in contracts], window=window)

    assert after.verdict not in NOT_ABOUT_IT
    assert after.would_be not in NOT_ABOUT_IT


@given(requests, contracts_of_a_customer)
def test_more_trust_never_changes_what_is_true_about_coverage(
    request_: Asked, contracts: list[Contract]
) -> None:
    doubtful = check(request_, contracts, window=window)
    trusted = check(
        replace(request_, trust=Trust.VERIFIED, authentication_failed=False, by_domain=False),
        contracts,
        window=window,
    )

    assert (doubtful.would_be or doubtful.verdict) == trusted.verdict
