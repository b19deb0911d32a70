"""How is a flow changed piece by piece? Each change takes the flow as JSON's own types and gives another one.

Names are changed everywhere they are used. What a change leaves pointing to nothing is told by `validate`.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator
from typing import Any

from ivr.flow import prompt_name

Plain = dict[str, Any]

NAME = re.compile(r"\w[\w.-]{0,39}")
SAYINGS = ("say", "last", "consent", "waiting", "offer")
"""Fields that name prompts."""
KINDS = ("menu", "collect", "say", "action", "record", "queue", "hangup")


class BadName(ValueError):
    """What something shall be called is no name, or taken, or means nothing."""


def blank(kind: str, goto: str) -> Plain:
    """A node of this kind that everything leads on from to `goto`."""
    again = {"goto": goto}
    made: dict[str, Plain] = {
        "menu": {"say": [], "choices": {"1": again}, "no_input": again, "invalid": again | {"tries": 3}},
        "collect": {
            "say": [],
            "minimum": 1,
            "maximum": 10,
            "finish": "#",
            "check": "note_code",
            "branches": {"ok": goto},
            "no_input": again,
            "invalid": again | {"tries": 3},
        },
        "say": {"say": [], "goto": goto},
        "action": {"call": "find_caller", "branches": {}},
        "record": {"say": [], "recorded": goto, "empty": goto},
        "queue": {
            "say": [],
            "waiting": [],
            "outcomes": dict.fromkeys(("bridged", "no_operator", "full", "failed"), goto),
        },
        "hangup": {},
    }
    if kind not in made:
        raise BadName(kind)
    return {"type": kind} | copy.deepcopy(made[kind])


def with_node(plain: Plain, name: str, node: Plain) -> Plain:
    """The same with this node, new or instead of the one of its name. Raises BadName."""
    return plain | {"nodes": plain["nodes"] | {_name(name): node}}


def new_node(plain: Plain, name: str, kind: str) -> Plain:
    """One more. Raises BadName."""
    if name in plain["nodes"]:
        raise BadName(name)
    return with_node(plain, name, blank(kind, plain["start"]))


def without_node(plain: Plain, name: str) -> Plain:
    """One fewer; what led there leads to nothing now. Raises BadName."""
    _known(plain["nodes"], name)
    return plain | {
        "nodes": {one: node for one, node in plain["nodes"].items() if one != name},
        **_layout(plain, lambda layout: {one: at for one, at in layout.items() if one != name}),
    }


def renamed_node(plain: Plain, name: str, to: str) -> Plain:
    """Another name, wherever it is named. Raises BadName."""
    _free(plain["nodes"], name, to)

    def other(one: Any) -> Any:
        return to if one == name else one

    made = copy.deepcopy(plain)
    made["start"] = other(made["start"])
    made["limits"]["then"] = other(made["limits"]["then"])
    made["nodes"] = {other(one): node for one, node in made["nodes"].items()}
    for inside, key in _gotos(made):
        inside[key] = other(inside[key])
    for scenario in _scenarios(made):
        for met in scenario.get("expected", ()):
            met["node"] = other(met.get("node"))
    return made | _layout(made, lambda layout: {other(one): at for one, at in layout.items()})


def with_prompt(plain: Plain, name: str, languages: Plain) -> Plain:
    """The same with this prompt, new or instead of the one of its name. Raises BadName."""
    return plain | {"prompts": plain["prompts"] | {_name(name): languages}}


def new_prompt(plain: Plain, name: str) -> Plain:
    """One more, with nothing to say yet. Raises BadName."""
    if name in plain["prompts"]:
        raise BadName(name)
    return with_prompt(plain, name, {language: {"text": ""} for language in plain["languages"]})


def without_prompt(plain: Plain, name: str) -> Plain:
    """One fewer. Raises BadName."""
    _known(plain["prompts"], name)
    return plain | {"prompts": {one: prompt for one, prompt in plain["prompts"].items() if one != name}}


def renamed_prompt(plain: Plain, name: str, to: str) -> Plain:
    """Another name, wherever it is said. Raises BadName."""
    _free(plain["prompts"], name, to)

    def other(said: Any) -> Any:
        if not isinstance(said, str) or prompt_name(said)[0] != name:
            return said
        fixed = prompt_name(said)[1]
        return f"{to}@{fixed}" if fixed else to

    made = copy.deepcopy(plain)
    made["prompts"] = {to if one == name else one: prompt for one, prompt in made["prompts"].items()}
    for inside in (*made["nodes"].values(), *_agains(made)):
        for key in SAYINGS:
            if key in inside:
                inside[key] = [other(said) for said in inside[key]]
    for scenario in _scenarios(made):
        for met in scenario.get("expected", ()):
            met["say"] = [other(said) for said in met.get("say", ())]
    return made


def with_scenario(plain: Plain, scenario: Plain) -> Plain:
    """One more, or instead of the one of its name."""
    kept = [one for one in _scenarios(plain) if one.get("name") != scenario["name"]]
    return plain | {"metadata": plain.get("metadata", {}) | {"scenarios": [*kept, scenario]}}


def without_scenario(plain: Plain, number: int) -> Plain:
    """One fewer. Raises BadName."""
    kept = list(_scenarios(plain))
    if not 0 <= number < len(kept):
        raise BadName(str(number))
    del kept[number]
    return plain | {"metadata": plain.get("metadata", {}) | {"scenarios": kept}}


def _gotos(plain: Plain) -> Iterator[tuple[Plain, str]]:
    """Every place that names a node."""
    for node in plain["nodes"].values():
        for key in ("goto", "recorded", "empty"):
            if key in node:
                yield node, key
        for part in ("branches", "outcomes"):
            for key in node.get(part, {}):
                yield node[part], key
        for choice in node.get("choices", {}).values():
            yield choice, "goto"
    for again in _agains(plain):
        yield again, "goto"


def _agains(plain: Plain) -> Iterator[Plain]:
    for node in plain["nodes"].values():
        for key in ("no_input", "invalid"):
            if key in node:
                yield node[key]


def _scenarios(plain: Plain) -> Iterator[Plain]:
    found = plain.get("metadata", {}).get("scenarios", [])
    if isinstance(found, list):
        yield from (one for one in found if isinstance(one, dict))


def _layout(plain: Plain, change: Callable[[Plain], Plain]) -> Plain:
    """The metadata with another layout, where there is one."""
    layout = plain.get("metadata", {}).get("layout")
    return {"metadata": plain["metadata"] | {"layout": change(layout)}} if isinstance(layout, dict) else {}


def _name(name: str) -> str:
    if not NAME.fullmatch(name):
        raise BadName(name)
    return name


def _known(there: Plain, name: str) -> None:
    if name not in there:
        raise BadName(name)


def _free(there: Plain, name: str, to: str) -> None:
    _known(there, name)
    if _name(to) in there:
        raise BadName(to)
