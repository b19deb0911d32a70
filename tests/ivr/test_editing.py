"""A flow is changed piece by piece, and a name that is changed is changed wherever it stands."""

from __future__ import annotations

import copy
import json

import pytest

from ivr import editing
from ivr.editing import BadName
from ivr.flow import of_plain
from ivr.validation import validate
from tests.ivr.flows import SHIPPED, SMALL

SCENARIO = {
    "name": "Uno",
    "expected": [{"node": "ask", "say": ["ask", "bye@en"]}, {"node": "bye", "say": ["bye"]}],
}
DRAWN = SMALL | {"metadata": {"layout": {"bye": {"x": 1, "y": 2}}, "scenarios": [SCENARIO]}}


@pytest.mark.parametrize("name", SHIPPED["nodes"])
def test_a_renamed_node_is_led_to_as_before(name):
    before = copy.deepcopy(SHIPPED)

    made = editing.renamed_node(SHIPPED, name, "another-name")

    assert before == SHIPPED
    assert validate(of_plain(made)) == ()
    assert f'"{name}"' not in json.dumps(_gotos(made))
    assert editing.renamed_node(made, "another-name", name) == SHIPPED


def _gotos(plain):
    return [inside[key] for inside, key in editing._gotos(plain)]


@pytest.mark.parametrize("name", SHIPPED["prompts"])
def test_a_renamed_prompt_is_said_as_before(name):
    made = editing.renamed_prompt(SHIPPED, name, "another-name")

    assert validate(of_plain(made)) == ()
    assert editing.renamed_prompt(made, "another-name", name) == SHIPPED


def test_layout_and_scenarios_follow_a_new_name():
    made = editing.renamed_prompt(editing.renamed_node(DRAWN, "bye", "end"), "bye", "ciao")

    assert made["metadata"]["layout"] == {"end": {"x": 1, "y": 2}}
    assert made["metadata"]["scenarios"][0]["expected"] == [
        {"node": "ask", "say": ["ask", "ciao@en"]},
        {"node": "end", "say": ["ciao"]},
    ]
    assert DRAWN["metadata"]["layout"] == {"bye": {"x": 1, "y": 2}}


@pytest.mark.parametrize("kind", editing.KINDS)
def test_a_new_node_of_each_kind_can_be_read_and_leads_on(kind):
    made = editing.new_node(SMALL, "more", kind)

    node = of_plain(made).nodes["more"]
    assert {goto for _, goto, _ in node.leads()} <= {"who"}
    assert "more" not in SMALL["nodes"]


def test_a_node_that_is_gone_is_missed_where_it_was_led_to():
    made = editing.without_node(DRAWN, "bye")

    assert {one.rule for one in validate(of_plain(made))} == {"unknown_node"}
    assert made["metadata"]["layout"] == {}
    assert "layout" not in editing.without_node(SMALL, "bye").get("metadata", {})


def test_prompts_come_and_go():
    made = editing.new_prompt(SMALL, "more")

    assert made["prompts"]["more"] == {"it": {"text": ""}, "en": {"text": ""}}
    assert editing.without_prompt(made, "more") == SMALL


@pytest.mark.parametrize(
    "change",
    [
        lambda: editing.new_node(SMALL, "bye", "say"),
        lambda: editing.new_node(SMALL, "a b", "say"),
        lambda: editing.new_node(SMALL, "", "say"),
        lambda: editing.new_node(SMALL, "x" * 41, "say"),
        lambda: editing.new_node(SMALL, "more", "jump"),
        lambda: editing.without_node(SMALL, "more"),
        lambda: editing.renamed_node(SMALL, "bye", "ask"),
        lambda: editing.renamed_node(SMALL, "more", "other"),
        lambda: editing.new_prompt(SMALL, "bye"),
        lambda: editing.new_prompt(SMALL, "bye@it"),
        lambda: editing.without_prompt(SMALL, "more"),
        lambda: editing.renamed_prompt(SMALL, "bye", "ask"),
        lambda: editing.without_scenario(DRAWN, 1),
        lambda: editing.without_scenario(SMALL, 0),
    ],
)
def test_a_name_that_is_none_or_taken_or_means_nothing_is_refused(change):
    with pytest.raises(BadName):
        change()


def test_a_scenario_replaces_the_one_of_its_name_and_can_be_taken_out():
    other = {"name": "Due"}

    made = editing.with_scenario(editing.with_scenario(DRAWN, other), {"name": "Uno", "events": []})

    assert made["metadata"]["scenarios"] == [other, {"name": "Uno", "events": []}]
    assert editing.without_scenario(made, 1)["metadata"]["scenarios"] == [other]
    assert editing.with_scenario(SMALL, other)["metadata"] == {"scenarios": [other]}
    broken = SMALL | {"metadata": {"scenarios": "x"}}
    assert editing.with_scenario(broken, other)["metadata"]["scenarios"] == [other]
