"""Which group is competent, and why this one: the most specific rule, whoever is there, and a trace that says so."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from core.rules import routing
from core.rules.routing import Asked, Group, Rule

TOMORROW = datetime(2026, 3, 3, 8, tzinfo=UTC)


def desk(*groups: Group) -> dict[str, Group]:
    return {group.name: group for group in groups}


NETWORK = Group(name="Network L1", technologies=("Network",))
EXPERTS = Group(name="Network L2", level=2, technologies=("Network",))
ACME_TEAM = Group(name="Acme team")
FRONT = Group(name="Front")
GROUPS = desk(NETWORK, EXPERTS, ACME_TEAM, FRONT)
REQUEST = Asked(technology="Network", request_type="Incident", customer="ACME")


def why(found: routing.Route) -> dict[str, str]:
    return {entry.rule: entry.why for entry in found.trace}


# --- Which rule ---


def test_the_most_specific_rule_wins_whatever_the_order_of_the_file() -> None:
    rules = [Rule(group="Network L1", technology="Network"), Rule(group="Acme team", customer="ACME")]

    for order in (rules, rules[::-1]):
        assert routing.route(REQUEST, order, GROUPS).group == "Acme team"


def test_a_customer_weighs_more_than_technology_type_and_hours_together() -> None:
    rules = [
        Rule(group="Network L1", technology="Network", request_type="Incident", calendar="Night"),
        Rule(group="Acme team", customer="ACME"),
    ]
    asked = Asked(
        technology="Network", request_type="Incident", customer="ACME", open_calendars=frozenset({"Night"})
    )

    assert routing.route(asked, rules, GROUPS).group == "Acme team"


def test_of_two_equally_specific_rules_the_first_in_the_file_wins_and_check_names_the_pair() -> None:
    rules = [
        Rule(group="Front", technology="Network"),
        Rule(group="Network L1", technology="Network"),
        Rule(group="Front"),
    ]

    assert routing.route(REQUEST, rules, GROUPS).group == "Front"
    levels = {name: group.level for name, group in GROUPS.items()}
    assert routing.ties(rules, levels) == ((1, 2),)
    assert routing.ties(rules[1:], levels) == ()


def test_the_same_words_for_groups_of_two_levels_are_no_tie() -> None:
    rules = [Rule(group="Network L1", technology="Network"), Rule(group="Network L2", technology="Network")]

    assert routing.ties(rules, {"Network L1": 1, "Network L2": 2}) == ()
    assert routing.route(replace(REQUEST, level=2), rules, GROUPS).group == "Network L2"


def test_every_rule_is_in_the_trace_with_why_it_did_or_did_not_match() -> None:
    rules = [
        Rule(group="Gone"),
        Rule(group="Front", customer="BETA"),
        Rule(group="Front", technology="Server"),
        Rule(group="Front", request_type="Change"),
        Rule(group="Front", calendar="Night"),
        Rule(group="Network L2", technology="Network"),
        Rule(group="Network L2", level=1),
        Rule(group="Front", level=3),
        Rule(group="Network L1", technology="Network"),
    ]

    found = routing.route(REQUEST, rules, GROUPS)

    assert why(found) == {
        "rule 1": "there is no group Gone",
        "rule 2": "for customer BETA",
        "rule 3": "for technology Server",
        "rule 4": "for request type Change",
        "rule 5": "calendar Night is closed",
        "rule 6": "for level 2",
        "rule 7": "fits",
        "rule 8": "for level 3",
        "rule 9": "fits",
    }
    assert [entry.weight for entry in found.trace] == [0, 8, 4, 2, 1, 4, 0, 0, 4]
    assert found.group == "Network L1"


def test_a_rule_for_a_time_counts_while_its_calendar_is_open() -> None:
    rules = [
        Rule(group="Network L1", technology="Network"),
        Rule(group="Front", technology="Network", calendar="Night"),
    ]
    night = Asked(
        technology="Network", request_type="Incident", customer=None, open_calendars=frozenset({"Night"})
    )

    assert routing.route(night, rules, GROUPS).group == "Front"
    assert routing.route(REQUEST, rules, GROUPS).group == "Network L1"


def test_only_groups_that_may_work_for_the_customer_are_chosen() -> None:
    asked = Asked(
        technology="Network", request_type="Incident", customer="ACME", allowed=("Acme team", "Network L1")
    )
    rules = [Rule(group="Front", customer="ACME")]

    found = routing.route(asked, rules, GROUPS)

    assert found.group == "Network L1", "of those that may, the one that names the technology"
    assert why(found)["rule 1"] == "the customer is served by other groups"


# --- Without a rule ---


def test_without_a_rule_the_group_that_names_the_technology_comes_before_one_for_everything() -> None:
    found = routing.route(REQUEST, [], GROUPS)

    assert (found.group, found.level, found.reachable) == ("Network L1", 1, True)
    assert found.trace[-1].rule == "competence"


def test_another_level_has_other_groups() -> None:
    asked = Asked(technology="Network", request_type="Incident", customer="ACME", level=2)

    assert routing.route(asked, [], GROUPS).group == "Network L2"


def test_when_nobody_is_competent_staff_decide() -> None:
    for asked in (
        Asked(technology="Network", request_type="Incident", customer=None, level=3),
        Asked(technology=None, request_type="Incident", customer=None),
        Asked(technology="Network", request_type="Change", customer=None),
        Asked(technology="Network", request_type="Incident", customer=None, allowed=("Elsewhere",)),
    ):
        found = routing.route(
            asked, [], desk(Group(name="A", technologies=("Network",), request_types=("Incident",)))
        )
        assert (found.group, found.reachable, found.level) == (None, False, asked.level)


# --- Who is there ---


def test_a_closed_group_hands_over_to_the_next_that_is_there() -> None:
    groups = desk(
        Group(name="A", reachable=False, fallback="B"),
        Group(name="B", reachable=False, fallback="C", level=2),
        Group(name="C", level=3),
    )

    found = routing.route(REQUEST, [Rule(group="A")], groups)

    assert (found.group, found.level, found.reachable) == ("C", 3, True)
    assert [(entry.rule, entry.group, entry.matched) for entry in found.trace[1:]] == [
        ("fallback", "B", False),
        ("fallback", "C", True),
    ]
    assert found.trace[-1].why == "A is closed"


def test_when_nobody_is_there_it_waits_for_the_first_to_open() -> None:
    groups = desk(
        Group(name="A", reachable=False, fallback="B", next_open_at=TOMORROW),
        Group(name="B", reachable=False, fallback="A"),
    )

    found = routing.route(REQUEST, [Rule(group="A")], groups)

    assert (found.group, found.reachable, found.next_try_at) == ("A", False, TOMORROW)


def test_a_fallback_that_is_not_there_any_more_is_no_fallback() -> None:
    groups = desk(Group(name="A", reachable=False, fallback="Gone"))

    assert routing.route(REQUEST, [Rule(group="A")], groups).group == "A"


# --- Whatever the table ---

NAMES = ("A", "B", "C", "D")
WORDS = (None, "x", "y")
rule_lines = st.builds(
    Rule,
    group=st.sampled_from((*NAMES, "gone")),
    technology=st.sampled_from(WORDS),
    request_type=st.sampled_from(WORDS),
    customer=st.sampled_from(WORDS),
    level=st.sampled_from((None, 1, 2)),
    calendar=st.sampled_from(WORDS),
)
some_groups = st.fixed_dictionaries(
    {
        name: st.builds(
            Group,
            name=st.just(name),
            level=st.sampled_from((1, 2)),
            technologies=st.sampled_from(((), ("x",), ("x", "y"))),
            request_types=st.sampled_from(((), ("y",))),
            fallback=st.sampled_from((None, *NAMES, "gone")),
            reachable=st.booleans(),
        )
        for name in NAMES
    }
)
requests = st.builds(
    Asked,
    technology=st.sampled_from(WORDS),
    request_type=st.sampled_from(WORDS),
    customer=st.sampled_from(WORDS),
    level=st.sampled_from((1, 2, 3)),
    allowed=st.sampled_from(((), ("A", "B"))),
    open_calendars=st.sampled_from((frozenset(), frozenset({"x"}))),
)


@given(requests, st.lists(rule_lines, max_size=8), some_groups)
def test_the_winner_is_a_heaviest_match_and_of_those_the_first(asked, rules, groups) -> None:
    found = routing.route(asked, rules, groups)
    entries = found.trace[: len(rules)]
    matching = [entry for entry in entries if entry.matched]

    assert [entry.rule for entry in entries] == [f"rule {n}" for n in range(1, len(rules) + 1)]
    if not matching:
        return
    best = next(entry for entry in matching if entry.weight == max(m.weight for m in matching))
    handed_over = [entry for entry in found.trace if entry.rule == "fallback" and entry.matched]
    assert found.group == (handed_over[-1].group if handed_over else best.group)
    assert not asked.allowed or best.group in asked.allowed


@given(requests, st.lists(rule_lines, max_size=8), some_groups)
def test_whatever_is_chosen_is_there_and_says_how_far_it_can_be_reached(asked, rules, groups) -> None:
    found = routing.route(asked, rules, groups)

    if found.group is None:
        assert not any(entry.matched for entry in found.trace)
    else:
        assert found.level == groups[found.group].level
        assert found.reachable == groups[found.group].reachable
        assert found.reachable or all(not entry.matched for entry in found.trace if entry.rule == "fallback")


@given(requests, st.lists(rule_lines, max_size=8), some_groups)
def test_the_second_of_a_tie_never_wins(asked, rules, groups) -> None:
    everybody = replace(asked, allowed=())
    rules = [rule for rule in rules if rule.group in groups]
    losers = {second - 1 for _, second in routing.ties(rules, {name: g.level for name, g in groups.items()})}
    kept = [rule for n, rule in enumerate(rules) if n not in losers]

    with_them, without = routing.route(everybody, rules, groups), routing.route(everybody, kept, groups)

    assert (with_them.group, with_them.level) == (without.group, without.level)
