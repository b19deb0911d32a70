"""What would a caller hear? A call is walked with chosen answers of the desk; a walk that was right is kept as a scenario.

Scenarios stand under `metadata.scenarios` of the flow. All of them are walked before it is published, and one that goes
another way keeps it from that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from core.calling import SECRET, CallEvent, HangUp
from ivr.actions import ACTIONS
from ivr.flow import Collect, Flow, Record
from ivr.stepping import Fact, FlowLoop, State, Turn, begin, is_secret, step
from ivr.validation import Finding

MOST = 100
"""Scenarios of a flow, and events of one."""
WRONG = "wrong"
"""The answer to an entry that is none of its branches."""
_AT = "2026-03-02T09:30:00+01:00"
SAMPLES: Mapping[str, Any] = {
    "hub": "Centralino",
    "caller": "Mario Bellini",
    "person": "Mario Bellini",
    "next_open": _AT,
    "outage": "fibra interrotta / fibre cut.",
    "outage_since": _AT,
    "outage_update": _AT,
    "ticket": "26-000471",
    "subject_class": "guasto / incident",
    "request_state": "in lavorazione / in progress",
    "next_update": _AT,
    "solution_due": _AT,
    "open_count": 2,
    "times": [_AT, "2026-03-03T14:00:00+01:00"],
    "visit_at": _AT,
    "types": ["guasto / incident", "modifica / change"],
    "technologies": ["rete / network", "server"],
    "callback_number": "+390612345678",
    "eta": 420,
    "place": 2,
}
"""What is said where a call of the desk would know better."""


class _Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class Met(_Part, frozen=True, kw_only=True):
    """What one turn has to come to."""

    node: str
    say: tuple[str, ...] = ()
    """Prompts by name."""


class Did(_Part, frozen=True, kw_only=True):
    """What the caller does."""

    kind: str
    value: str = ""
    """Keys of a secret stand as SECRET."""


class Scenario(_Part, frozen=True, kw_only=True):
    """One call, and what it has to come to."""

    name: str
    language: str = ""
    answers: dict[str, tuple[str, ...]] = {}
    """Of each call of the desk: its first answer, its second …; the last stays. None: the first of the table."""
    events: tuple[Did, ...] = ()
    expected: tuple[Met, ...] = ()
    """From before the first event on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """How a call went."""

    turns: tuple[Turn, ...]
    asked: tuple[tuple[str, str], ...]
    """Calls of the desk in order, each with its answer."""
    counts: tuple[int, ...] = ()
    """How many of them came before each turn."""
    broken: str = ""
    """Why it could not go on: the flow names something that is not there, or goes round."""

    @property
    def over(self) -> bool:
        """Nothing more can happen."""
        return bool(self.broken) or isinstance(self.turns[-1].then, HangUp)

    @property
    def met(self) -> tuple[Met, ...]:
        """What a scenario keeps of it."""
        return tuple(Met(node=turn.state.node, say=turn.prompts) for turn in self.turns)


def walk(
    flow: Flow, events: Sequence[Did], answers: Mapping[str, Sequence[str]], *, language: str = ""
) -> Walk:
    """A call from its first word; what comes after its end is left out."""
    asked: list[tuple[str, str]] = []
    facts = {name: _fact(name, answers.get(name, ()), asked) for name in ACTIONS}
    state = begin(flow, language=language, values={"hub": SAMPLES["hub"]})
    turns: list[Turn] = []
    counts: list[int] = [0]
    broken = ""
    try:
        turns.append(step(flow, state, None, facts))
        for one in events[:MOST]:
            if isinstance(turns[-1].then, HangUp):
                break
            counts.append(len(asked))
            turns.append(step(flow, turns[-1].state, _event(one), facts))
    except FlowLoop as loop:
        broken = str(loop)
    except KeyError as missing:
        broken = str(missing.args[0])
    return Walk(turns=tuple(turns), asked=tuple(asked), counts=tuple(counts), broken=broken)


def answers_of(name: str) -> tuple[str, ...]:
    """What a call of the desk may answer in a rehearsal."""
    call = ACTIONS[name]
    return (*call.branches, WRONG) if call.takes else tuple(call.branches)


def did(flow: Flow, state: State, keys: str) -> Did:
    """What a caller did at this point, by what was typed: keys, or nothing. A secret is not kept."""
    node = flow.nodes[state.node]
    if isinstance(node, Record):
        return Did(kind="done", value=keys if keys in ("recorded", "empty") else "empty")
    if not keys:
        return Did(kind="silence")
    if keys in ("bridged", "no_operator", "full", "failed"):
        return Did(kind="done", value=keys)
    hidden = isinstance(node, Collect) and is_secret(flow, state) and keys not in node.choices
    return Did(kind="digits", value=SECRET * len(keys) if hidden else keys)


def scenarios(flow: Flow) -> tuple[Scenario, ...]:
    """Those of a flow. Raises ValueError for what is none."""
    found = flow.metadata.get("scenarios", [])
    try:
        return msgspec.convert(found, tuple[Scenario, ...])
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from None


def plain(scenario: Scenario) -> dict[str, Any]:
    """As JSON's own types."""
    made: dict[str, Any] = msgspec.to_builtins(scenario)
    return made


def differences(flow: Flow) -> Iterator[Finding]:
    """Scenarios that go another way now, each with its first difference."""
    try:
        known = scenarios(flow)
    except ValueError as error:
        yield Finding(rule="bad_scenario", place="metadata/scenarios", detail=str(error))
        return
    if len(known) > MOST:
        yield Finding(rule="bad_scenario", place="metadata/scenarios", detail=f"{len(known)} > {MOST}")
        return
    for number, scenario in enumerate(known):
        place = f"metadata/scenarios/{number}"
        unknown = [one for one in scenario.answers if one not in ACTIONS]
        if unknown:
            yield Finding(rule="bad_scenario", place=place, detail=f"{scenario.name}: {unknown[0]}")
            continue
        told = _difference(
            scenario, walk(flow, scenario.events, scenario.answers, language=scenario.language)
        )
        if told:
            yield Finding(rule="scenario", place=place, detail=f"{scenario.name}: {told}")


def _difference(scenario: Scenario, went: Walk) -> str:
    if went.broken:
        return went.broken
    for number, (wanted, met) in enumerate(zip(scenario.expected, went.met, strict=False)):
        if wanted != met:
            return f"{number}: {_words(wanted)} → {_words(met)}"
    if len(scenario.expected) != len(went.met):
        return f"{len(scenario.expected)} → {len(went.met)}"
    return ""


def _words(met: Met) -> str:
    return f"{met.node} ({', '.join(met.say)})"


def _fact(name: str, chosen: Sequence[str], asked: list[tuple[str, str]]) -> Fact:
    branches = ACTIONS[name].branches

    def answer(state: State, value: str, given: Mapping[str, str]) -> tuple[str, Mapping[str, Any]]:
        times = sum(1 for one, _ in asked if one == name)
        branch = chosen[min(times, len(chosen) - 1)] if chosen else next(iter(branches))
        asked.append((name, branch))
        return branch, {known: SAMPLES[known] for known in sorted(branches.get(branch, ()))}

    return answer


def _event(one: Did) -> CallEvent:
    return CallEvent(kind="silence" if one.kind not in ("digits", "done") else one.kind, value=one.value)  # type: ignore[arg-type]
