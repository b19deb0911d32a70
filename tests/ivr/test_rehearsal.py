"""A call can be walked before anybody rings, kept as a scenario, and a scenario that goes another way is told."""

from __future__ import annotations

import json

import pytest

from core.calling import SECRET, Gather, HangUp
from ivr import rehearsal, rules
from ivr.actions import ACTIONS, ALWAYS
from ivr.flow import of_plain, to_plain
from ivr.rehearsal import Did, Met, Scenario, answers_of, did, scenarios, walk
from tests.ivr.flows import AGAIN, SHIPPED, small

DEFAULT = of_plain(SHIPPED)
PIN = [Did(kind="digits", value="1"), Did(kind="digits", value=SECRET * 6)]


def kept(flow, *found, change=None):
    """The flow with these scenarios, changed after they were kept."""
    plain = to_plain(flow) | {"metadata": {"scenarios": [rehearsal.plain(one) for one in found]}}
    if change:
        change(plain)
    return of_plain(json.loads(json.dumps(plain)))


def a_scenario(flow, *events, **answers):
    went = walk(flow, events, answers)
    return Scenario(name="Uno", answers=answers, events=events, expected=went.met)


def test_the_desk_answers_as_it_is_told_and_else_the_first_of_its_table():
    went = walk(DEFAULT, [], {"find_caller": ["unknown"]})

    assert went.asked == (("find_caller", "unknown"),)
    assert [turn.state.node for turn in went.turns] == ["language"]
    assert walk(DEFAULT, [], {}).asked == (("find_caller", "known"),)


def test_a_call_that_is_made_again_has_its_next_answer_and_then_the_last():
    again = [Did(kind="digits", value="123")] * 3
    flow = small(
        lambda plain: plain["nodes"]["pin"].update(minimum=1, check="check_pin", invalid=AGAIN | {"tries": 9})
    )

    went = walk(flow, [PIN[0], *again], {"check_pin": ["wrong", "wrong", "locked"]})

    assert [answer for name, answer in went.asked if name == "check_pin"] == ["wrong", "wrong", "locked"]
    assert went.over


def test_what_is_said_reads_well_in_both_languages():
    for language in ("it", "en"):
        went = walk(DEFAULT, [], {"find_caller": ["known"], "known_outage": ["yes"]}, language=language)
        assert went.turns[0].say[0].language == language
        assert "Centralino" in went.turns[0].say[0].text


def test_every_name_that_a_call_makes_known_has_a_sample():
    known = {name for call in ACTIONS.values() for names in call.branches.values() for name in names}

    assert known | ALWAYS <= set(rehearsal.SAMPLES)


def test_a_call_is_over_when_somebody_hung_up_and_nothing_happens_after_it():
    went = walk(small(), [Did(kind="silence")] * 5, {})

    assert len(went.turns) == 3
    assert went.over
    assert isinstance(went.turns[-1].then, HangUp)
    assert not walk(small(), [], {}).over


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda plain: plain["nodes"]["ask"]["choices"].update({"1": {"goto": "nowhere"}}), "nowhere"),
        (lambda plain: plain["prompts"]["pin"].pop("en"), "en"),
        (
            lambda plain: plain["nodes"].update(pin={"type": "say", "say": [], "goto": "pin"}),
            "50 nodes from pin",
        ),
    ],
)
def test_a_draft_that_cannot_be_walked_says_why(change, told):
    went = walk(small(change), PIN, {})

    assert told in went.broken
    assert went.over
    assert len(went.turns) == 1


def test_a_draft_that_breaks_at_once_is_broken_too():
    assert walk(small(lambda plain: plain.update(start="nowhere")), [], {}).over


@pytest.mark.parametrize(
    ("events", "typed", "what"),
    [
        ([], "1", Did(kind="digits", value="1")),
        ([], "", Did(kind="silence")),
        (PIN[:1], "123456", Did(kind="digits", value=SECRET * 6)),
        (PIN[:1], "0", Did(kind="digits", value="0")),
        (PIN, "1", Did(kind="digits", value="1")),
        (PIN, "bridged", Did(kind="done", value="bridged")),
        ([Did(kind="digits", value="3")], "recorded", Did(kind="done", value="recorded")),
        ([Did(kind="digits", value="3")], "", Did(kind="done", value="empty")),
    ],
)
def test_what_is_typed_is_what_a_caller_could_do_and_a_secret_is_not_kept(events, typed, what):
    flow = small()

    assert did(flow, walk(flow, events, {}).turns[-1].state, typed) == what


def test_an_entry_may_be_wrong_and_a_look_up_may_not():
    assert answers_of("check_pin") == ("ok", "locked", "wrong")
    assert answers_of("may_hear") == ("yes", "no")


def test_a_scenario_that_goes_as_it_went_is_no_finding():
    flow = small()

    again = kept(flow, a_scenario(flow, *PIN, check_pin=("ok",)))

    assert scenarios(again)[0].expected[-1] == Met(node="queue", say=("hold",))
    assert rules.findings(again) == ()
    assert rules.digest(again) == rules.digest(flow)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            lambda plain: plain["nodes"]["ask"]["choices"]["1"].update(goto="queue"),
            "Uno: 1: pin (pin) → queue (hold)",
        ),
        (
            lambda plain: plain["nodes"]["ask"].update(say=["ask", "again"]),
            "Uno: 0: ask (ask) → ask (ask, again)",
        ),
        (
            lambda plain: (
                plain["nodes"]["pin"].update(type="hangup")
                or [plain["nodes"]["pin"].pop(key) for key in set(plain["nodes"]["pin"]) - {"type", "say"}]
            ),
            "Uno: 3 → 2",
        ),
    ],
)
def test_a_scenario_that_goes_another_way_keeps_the_flow_from_being_published(change, told):
    flow = small()

    found = rehearsal.differences(kept(flow, a_scenario(flow, *PIN), change=change))

    assert [(one.rule, one.place, one.detail) for one in found] == [
        ("scenario", "metadata/scenarios/0", told)
    ]


def test_a_scenario_of_a_flow_that_breaks_says_why():
    flow = small()

    found = list(
        rehearsal.differences(kept(flow, a_scenario(flow), change=lambda plain: plain.update(start="x")))
    )

    assert [(one.rule, one.detail) for one in found] == [("scenario", "Uno: x")]


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("x", "Expected `array`"),
        ([{"name": 1}], "Expected `str`"),
        ([{"name": "Uno", "answers": {"guess": ["yes"]}}], "Uno: guess"),
        ([{"name": "Uno"}] * (rehearsal.MOST + 1), "101 > 100"),
    ],
)
def test_what_is_no_scenario_is_told(value, told):
    flow = small(lambda plain: plain.update(metadata={"scenarios": value}))

    (found,) = rules.findings(flow)

    assert found.rule == "bad_scenario"
    assert told in found.detail


def test_rules_come_before_scenarios():
    flow = small()
    broken = kept(flow, a_scenario(flow), change=lambda plain: plain.update(start="x"))

    assert {one.rule for one in rules.findings(broken)} == {"unknown_node"}


def test_a_rehearsal_waits_as_a_call_does():
    assert walk(small(), PIN[:1], {}).turns[-1].then == Gather(minimum=6, maximum=8, finish="#", secret=True)
