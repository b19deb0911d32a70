"""A flow is read whole or refused with the place of what is wrong; drawing it differently makes no other flow."""

from __future__ import annotations

import copy
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr import rules
from ivr.flow import FlowError, digest, of_plain, parse, prompt_name, text_of, to_plain, waits
from tests.ivr.flows import SHIPPED, SMALL, small


def broken(path, value):
    plain = copy.deepcopy(SMALL)
    inside = plain
    for name in path[:-1]:
        inside = inside[name]
    inside[path[-1]] = value
    return plain


@pytest.mark.parametrize("plain", [SHIPPED, SMALL], ids=["shipped", "small"])
def test_a_flow_is_the_same_after_it_was_written_and_read(plain):
    flow = of_plain(plain)

    again = parse(text_of(flow))

    assert again == flow
    assert to_plain(again) == to_plain(flow)
    assert digest(again) == digest(flow)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-1000, 1000) | st.text(max_size=5),
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(st.text(max_size=4), inside, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(max_size=8), json_values, max_size=4))
def test_layout_and_comments_make_no_other_flow(metadata):
    assert digest(of_plain(SMALL | {"metadata": metadata})) == digest(of_plain(SMALL))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("title",), "Other"),
        (("nodes", "ask", "say"), ["bye"]),
        (("prompts", "bye", "it", "text"), "Ciao."),
        (("limits", "max_turns"), 61),
    ],
)
def test_what_a_caller_would_notice_makes_another_flow(path, value):
    assert digest(of_plain(broken(path, value))) != digest(small())


def test_what_is_as_by_default_may_be_written_or_not():
    for path, value in (
        (("nodes", "ask", "timeout"), 6),
        (("nodes", "queue", "max_wait"), 900),
        (("limits", "max_seconds"), 1800),
        (("nodes", "ask", "choices", "2", "set"), {}),
    ):
        assert digest(of_plain(broken(path, value))) == digest(small()), path
    assert digest(parse(json.dumps(SMALL, sort_keys=True))) == digest(small())


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("nodes", "ask", "choices", "1", "goto"), 1, "nodes/ask/choices/1/goto: Expected `str`, got `int`"),
        (("nodes", "ask", "choices", "1"), {}, "nodes/ask/choices/1: Object missing required field `goto`"),
        (("nodes", "ask", "no_input", "tries"), "2", "nodes/ask/no_input/tries: Expected `int`, got `str`"),
        (("nodes", "ask", "say"), [1], "nodes/ask/say/0: Expected `str`, got `int`"),
        (("nodes", "bye"), {"type": "jump"}, "nodes/bye/type: Invalid value 'jump'"),
        (("nodes", "bye"), 1, "nodes/bye: Expected `object`, got `int`"),
        (("nodes", "bye", "colour"), "red", "nodes/bye: Object contains unknown field `colour`"),
        (("prompts", "bye", "it"), {}, "prompts/bye/it: Object missing required field `text`"),
        (("prompts", "bye"), "Ciao", "prompts: Expected `object`, got `str`"),
        (("nodes",), [], "nodes: Expected `object`, got `array`"),
        (("limits",), {}, "limits: Object missing required field `then`"),
        (("schema",), "centralino-flow/2", "'centralino-flow/2', and this reads 'centralino-flow/1'"),
    ],
    ids=lambda value: "/".join(value) if isinstance(value, tuple) else "",
)
def test_what_is_wrong_is_told_with_its_place(path, value, said):
    with pytest.raises(FlowError) as refused:
        of_plain(broken(path, value))

    assert said in str(refused.value)


@pytest.mark.parametrize("part", ["nodes", "prompts"])
def test_a_flow_that_nobody_can_look_over_is_refused(part):
    one = SMALL[part]["bye"]

    with pytest.raises(FlowError, match=f"{part}: at most 500"):
        of_plain(SMALL | {part: SMALL[part] | {f"n{n}": one for n in range(500)}})


def test_a_missing_part_is_named():
    with pytest.raises(FlowError, match="missing required field `nodes`"):
        of_plain({name: value for name, value in SMALL.items() if name != "nodes"})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "no JSON"),
        (b"\xff{}", "no JSON"),
        ("[" * 100_000, "no JSON"),
        ('{"title": "\\ud800"}', "no JSON"),
        ("[]", "Expected `object`"),
        ('{"nodes": {"a": 1, "a": 2}}', "'a' stands twice"),
        ('{"timeout": NaN}', "NaN is no number"),
    ],
    ids=["open", "no UTF-8", "endless", "half a character", "a list", "twice", "no number"],
)
def test_what_is_no_flow_at_all_is_told_so(text, said):
    with pytest.raises(FlowError, match=said):
        parse(text)


def test_a_prompt_may_have_a_language_of_its_own():
    assert prompt_name("welcome@en") == ("welcome", "en")
    assert prompt_name("welcome") == ("welcome", "")


def test_menus_entries_recordings_and_queues_wait_for_the_caller():
    assert [name for name, node in small().nodes.items() if waits(node)] == ["ask", "pin", "queue", "message"]


def test_the_core_is_told_which_queue_a_call_waits_in_and_what_a_flow_plays():
    flow = small(lambda plain: plain["prompts"]["bye"]["it"].update(recording="ab"))
    state = rules.begin(flow)

    assert rules.queue(flow, state) is None
    assert rules.queue(flow, state.go("queue")) is flow.nodes["queue"]
    assert rules.recordings(flow) == {"ab"}
    assert rules.state(state.to_plain()) == state
