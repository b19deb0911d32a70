"""Does the document of call flows say what there is: every call, answer, rule, field and command?"""

from __future__ import annotations

import re
from pathlib import Path

import msgspec.structs

from ivr import flow, validation
from ivr.actions import ACTIONS
from ivr.rehearsal import Scenario
from ivr.speech import FILTERS

TEXT = (Path(__file__).parents[2] / "docs" / "call-flows.md").read_text(encoding="utf-8")


def table(title: str) -> dict[str, list[str]]:
    """The rows below a heading, by the word in their first column."""
    part = TEXT.partition(f"\n{title}\n")[2].partition("\n#")[0]
    rows = [
        [cell.strip() for cell in line.strip("|").split(" | ")]
        for line in part.splitlines()
        if line.startswith("| `")
    ]
    return {row[0].strip("` "): row[1:] for row in rows}


def test_every_call_stands_there_with_what_it_does_and_answers():
    told = table("## Calls of the desk")

    assert set(told) == set(ACTIONS)
    for name, call in ACTIONS.items():
        does, answers = told[name]
        assert does.startswith(call.does)
        assert ("for `collect`" in does) == call.takes
        assert set(re.findall(r"constant `(\w+)`", does)) == call.given
        branches = {
            branch: frozenset(known.split(", ")) if known else frozenset()
            for branch, known in re.findall(r"`(\w+)`(?: \(([^)]*)\))?", answers)
        }
        assert branches == dict(call.branches), name


def test_every_rule_stands_there():
    folder = Path(validation.__file__).parent
    rules = {
        rule
        for name in ("validation.py", "rehearsal.py")
        for rule in re.findall(r'rule="(\w+)"', (folder / name).read_text(encoding="utf-8"))
    }

    assert set(table("## What keeps a flow from being published")) == rules


def test_every_kind_of_node_stands_there_with_its_fields():
    told = {kind: set(re.findall(r"`(\w+)`", row[-1])) for kind, row in table("### Nodes").items()}

    assert told == {
        str(kind.__struct_config__.tag): {one.name for one in msgspec.structs.fields(kind)}
        for kind in flow.Node.__args__
    }


def test_every_part_of_the_flow_and_of_a_scenario_stands_there():
    parts = set(re.findall(r"`(\w+)`", TEXT.partition("## The format")[2].partition("### Nodes")[0]))
    scenario = TEXT.partition("### Scenarios")[2].partition("\n## ")[0]

    assert {one.name for one in msgspec.structs.fields(flow.Flow)} <= parts
    assert {one.name for one in msgspec.structs.fields(flow.Limits)} <= parts
    assert set(FILTERS) <= parts | {"digits"}
    assert {one.name for one in msgspec.structs.fields(Scenario)} <= set(re.findall(r"`(\w+)`", scenario))
