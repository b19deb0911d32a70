"""Whatever a caller does, the next thing they hear ends with something to do, or with a goodbye; and no secret is kept."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from itertools import count
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.calling import CallEvent, Gather, HangUp, Hold, Record
from ivr import flow as shapes
from ivr.actions import ACTIONS
from ivr.flow import of_plain
from ivr.stepping import LAST_TURNS, FlowLoop, State, begin, is_secret, spoken, step
from tests.ivr.flows import AGAIN, SHIPPED, VALUES, answers, done, event, known, said, small, walk

FLOW = small()


# --- One turn after the other -------------------------------------------------------------------------------


def test_a_call_begins_at_the_first_thing_that_waits_for_the_caller():
    turn = walk(FLOW)

    assert (turn.state.node, turn.passed, said(turn)) == ("ask", ("who", "ask"), ["ask in italiano."])
    assert turn.then == Gather(timeout=6.0)


def test_a_call_speaks_the_language_it_began_with_if_the_flow_does():
    assert begin(FLOW, language="en").language == "en"
    assert begin(FLOW, language="de").language == "it"


def test_a_key_leads_where_its_choice_says_and_may_change_the_language():
    turn = walk(FLOW, "1")

    assert (turn.state.node, turn.state.language, said(turn)) == ("pin", "en", ["pin in English."])
    assert turn.then == Gather(minimum=6, maximum=8, finish="#", secret=True)


def test_a_language_that_the_flow_does_not_speak_changes_nothing():
    facts = answers() | {"find_caller": lambda *_: ("known", {"language": "de", "caller": "Ada"})}

    turn = walk(FLOW, facts=facts)

    assert (turn.state.language, turn.state.vars["caller"]) == ("it", "Ada")
    assert "language" not in turn.state.vars


@pytest.mark.parametrize(
    ("keys", "node", "heard"),
    [
        (["", ""], "bye", ["given_up in italiano.", "bye in italiano."]),
        (["9"], "ask", ["again in italiano.", "ask in italiano."]),
        (["9", "9"], "ask", ["again in italiano.", "ask in italiano."]),
        (["9", "9", "9"], "bye", ["given_up in italiano.", "bye in italiano."]),
        (["9", "", "9"], "ask", ["again in italiano.", "ask in italiano."]),
        (["9", "9", "", "1"], "pin", ["pin in English."]),
    ],
)
def test_silence_and_wrong_keys_are_counted_apart(keys, node, heard):
    turn = walk(FLOW, *keys)

    assert (turn.state.node, said(turn)) == (node, heard)


def test_another_node_begins_to_count_anew():
    turn = walk(FLOW, "9", "9", "1", "1")

    assert turn.state.misses == {"invalid": 1}
    assert turn.state.node == "pin"


def test_what_an_entry_means_by_itself_comes_before_what_it_is_compared_with():
    assert walk(FLOW, "1", "0").state.node == "queue"


@pytest.mark.parametrize("entry", ["12345", "123456789", "12a456", "*23456", ""])
def test_an_entry_that_cannot_be_one_is_not_compared(entry):
    def compared(*_: Any) -> Any:
        raise AssertionError(entry)

    turn = walk(FLOW, "1", entry, facts=answers() | {"check_pin": compared})

    assert turn.state.node == "pin"
    assert turn.state.misses == {"invalid" if entry else "no_input": 1}


def test_a_secret_that_was_masked_before_is_still_an_entry():
    seen = []
    facts = answers() | {"check_pin": lambda state, value, given: (seen.append(value) or "ok", {})}

    assert walk(FLOW, "1", "••••••", facts=facts).state.node == "queue"
    assert seen == ["••••••"]


def test_an_answer_that_is_no_branch_counts_as_wrong_and_what_it_made_known_stays():
    facts = answers() | {"check_pin": lambda *_: ("wrong", {"tries": 1})}

    turn = walk(FLOW, "1", "654321", facts=facts)

    assert (turn.state.node, turn.state.misses, turn.state.vars["tries"]) == ("pin", {"invalid": 1}, 1)


def test_whoever_waits_may_press_a_key_and_any_other_changes_nothing():
    assert walk(FLOW, "2").then == Hold()
    assert walk(FLOW, "2", "1").state.node == "message"
    assert walk(FLOW, "2", "9").state.node == "queue"
    assert walk(FLOW, "2", "").state.node == "queue"


@pytest.mark.parametrize(
    ("events", "node"),
    [
        (("2", done("bridged")), "bye"),
        (("2", done("no such outcome")), "queue"),
        (("3", done("recorded")), "bye"),
        (("3", done("no such outcome")), "message"),
        ((done("recorded"),), "ask"),
    ],
)
def test_what_was_waited_for_leads_on_and_what_was_not_does_not(events, node):
    assert walk(FLOW, *events).state.node == node


def test_consent_is_asked_before_anything_is_recorded():
    turn = walk(FLOW, "3")

    assert said(turn) == ["consent in italiano.", "message in italiano."]
    assert turn.then == Record(max_seconds=120, silence_seconds=5, finish="#")


def test_a_goodbye_ends_the_call():
    assert walk(FLOW, "3", done("empty")).then == HangUp()


def test_a_prompt_in_a_fixed_language_is_said_in_it_and_a_recording_is_named():
    flow = small(
        lambda plain: (
            plain["nodes"]["ask"].update(say=["ask@en", "ask"])
            or plain["prompts"]["ask"]["it"].update(recording="ab")
        )
    )

    assert [(words.language, words.recording) for words in walk(flow).say] == [("en", ""), ("it", "ab")]


def test_no_prompt_is_longer_than_the_flow_allows():
    flow = small(lambda plain: plain["limits"].update(max_prompt_chars=3))

    assert said(walk(flow)) == ["ask"]


def test_what_a_caller_is_told_depends_on_the_node_alone():
    assert is_secret(FLOW, begin(FLOW).go("pin"))
    assert not is_secret(FLOW, begin(FLOW).go("ask"))
    assert [words.text for words in spoken(FLOW, begin(FLOW), ("bye",))] == ["bye in italiano."]


def test_where_a_call_stands_is_kept_as_json():
    state = walk(FLOW, "1", "1").state

    assert State.of_plain(json.loads(json.dumps(state.to_plain()))) == state


def test_a_flow_that_goes_round_without_waiting_is_stopped():
    flow = small(lambda plain: plain["nodes"].update(who={"type": "say", "say": [], "goto": "who"}))

    with pytest.raises(FlowLoop, match="50 nodes from who"):
        walk(flow)


def test_a_call_that_was_led_long_enough_goes_to_a_person_and_then_ends():
    flow = small(
        lambda plain: (
            plain["limits"].update(max_turns=3, then="queue")
            or plain["nodes"]["ask"].update(invalid=AGAIN | {"tries": 999})
        )
    )

    assert walk(flow, *"999").state.node == "ask"
    assert walk(flow, *"9999").state.node == "queue"
    assert walk(flow, *"9" * (3 + LAST_TURNS)).then == Hold()
    assert walk(flow, *"9" * (4 + LAST_TURNS)).then == HangUp()


# --- Any call --------------------------------------------------------------------------------------------------

DEFAULT = of_plain(SHIPPED)
PINS = st.text(alphabet="0123456789", min_size=6, max_size=12).filter(
    lambda pin: pin not in json.dumps(dict(VALUES))
)
KEYS = st.sampled_from("0123456789*#")


def any_facts(draw: Any) -> Mapping[str, Any]:
    """The desk answers as it likes; a PIN is wrong, right or looked at too often."""

    def fact(name: str) -> Any:
        branches = [*ACTIONS[name].branches, *(["wrong"] if ACTIONS[name].takes else [])]

        def asked(state: State, value: str, given: Mapping[str, str]) -> Any:
            branch = draw(st.sampled_from(branches))
            return branch, known(name, branch) if branch in ACTIONS[name].branches else {}

        return asked

    return {name: fact(name) for name in ACTIONS}


@settings(max_examples=60)
@given(st.data())
def test_any_call_ends_or_waits_and_keeps_no_secret(data):
    pin = data.draw(PINS)
    facts = any_facts(data.draw)
    language = data.draw(st.sampled_from(["it", "en"]))
    state = begin(DEFAULT, language=language, values={"hub": "Desk"})
    turn = step(DEFAULT, state, None, facts)
    for number in count(1):
        kept = json.dumps([turn.state.to_plain(), [asdict(words) for words in turn.say], turn.passed])
        assert pin not in kept
        assert isinstance(turn.then, Gather | Record | Hold | HangUp)
        if isinstance(turn.then, HangUp):
            break
        assert number <= DEFAULT.limits.max_turns + LAST_TURNS + 1
        assert all(words.text and "{" not in words.text for words in turn.say)
        node = DEFAULT.nodes[turn.state.node]
        what: CallEvent = data.draw(any_event(node, pin))
        turn = step(DEFAULT, turn.state, what, facts)


def any_event(node: Any, pin: str) -> Any:
    """What may come where a caller is."""
    keys = KEYS.map(event)
    if is_pin(node):
        return st.just(event(pin)) | keys | st.just(event(""))
    if isinstance(node, shapes.Record):
        return st.sampled_from(["recorded", "empty"]).map(done)
    if isinstance(node, shapes.Queue):
        return st.sampled_from(["bridged", "no_operator", "full", "failed"]).map(done) | keys
    numbers = st.text(alphabet="0123456789", min_size=1, max_size=12).map(event)
    return keys | numbers | st.just(event(""))


def is_pin(node: Any) -> bool:
    return isinstance(node, shapes.Collect) and node.secret
