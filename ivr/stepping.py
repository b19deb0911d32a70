"""How does a call go on? One pure function: where it stands and what happened in, where it stands then and what to do out.

Whatever runs a call (a provider, a SIP engine, a page, the terminal) does what comes out, and decides nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from core.calling import SECRET, CallEvent, Gather, HangUp, Hold, Record, Then, Words
from ivr import flow as shapes
from ivr.flow import Flow, prompt_name
from ivr.speech import fill, printable, within

MAX_HOPS = 50
"""Nodes between two waits; `validate` proves that published flows stay below."""
LAST_TURNS = 20
"""What is left to a call that was led as long as it may, and went to a person or a recorder; then it ends."""
LANGUAGE = "language"
"""The name that, set, changes what the call speaks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """Where a call stands. It never holds a secret."""

    node: str
    language: str
    turns: int = 0
    misses: Mapping[str, int] = field(default_factory=dict)
    """How often nothing (`no_input`), or nothing of use (`invalid`), came at this node."""
    vars: Mapping[str, Any] = field(default_factory=dict)

    def go(self, node: str, new: Mapping[str, Any] | None = None) -> State:
        """At another node, with what is known there; the counters begin anew."""
        new = new or {}
        return replace(
            self,
            node=node,
            misses={},
            vars={**self.vars, **new},
            language=str(new.get(LANGUAGE, self.language)),
        )

    def to_plain(self) -> dict[str, Any]:
        """As JSON's own types."""
        return {
            "node": self.node,
            "language": self.language,
            "turns": self.turns,
            "misses": dict(self.misses),
            "vars": dict(self.vars),
        }

    @classmethod
    def of_plain(cls, plain: Mapping[str, Any]) -> State:
        """From JSON's own types."""
        return cls(**plain)


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What one event led to."""

    state: State
    say: tuple[Words, ...]
    then: Then
    passed: tuple[str, ...]
    """The nodes that were gone through, the last one first waited at."""
    chosen: str = ""
    """What the caller's keys meant there, by name: `2 main`; never a secret."""
    prompts: tuple[str, ...] = ()
    """What is said, by its names."""


Fact = Callable[[State, str, Mapping[str, str]], tuple[str, Mapping[str, Any]]]
"""A call of the desk: where the call stands, what was entered and the node's constants in; its answer and new values out."""


class FlowLoop(RuntimeError):
    """A flow that nobody validated goes round without waiting."""


def begin(flow: Flow, *, language: str = "", values: Mapping[str, Any] | None = None) -> State:
    """Before the first word."""
    return State(
        node=flow.start,
        language=language if language in flow.languages else flow.default_language,
        vars=values or {},
    )


def step(flow: Flow, state: State, event: CallEvent | None, facts: Mapping[str, Fact]) -> Turn:
    """Advance one call by one event; None: it begins. What comes out always waits for the caller or ends."""
    out: list[Words] = []
    names: list[str] = []
    passed: list[str] = []

    def say(said: Sequence[str]) -> None:
        names.extend(said)
        out.extend(spoken(flow, state, said))

    if event is not None:
        state = replace(state, turns=state.turns + 1)
        state, first = _answered(flow, state, event, facts)
        say(first)
        if state.turns > flow.limits.max_turns + LAST_TURNS:
            return Turn(
                state=state, say=tuple(out), then=HangUp(), passed=(state.node,), prompts=tuple(names)
            )
        if state.turns == flow.limits.max_turns + 1:
            state = state.go(flow.limits.then)
    for _ in range(MAX_HOPS):
        passed.append(state.node)
        node = flow.nodes[state.node]
        if isinstance(node, shapes.Action):
            branch, new = facts[node.call](state, "", node.given)
            state = state.go(node.branches[branch], _sayable(flow, new))
            continue
        if isinstance(node, shapes.Say):
            say(node.say)
            state = state.go(node.goto)
            continue
        say((*node.consent, *node.say) if isinstance(node, shapes.Record | shapes.Queue) else node.say)
        return Turn(state=state, say=tuple(out), then=_then(node), passed=tuple(passed), prompts=tuple(names))
    raise FlowLoop(f"{flow.id}: {MAX_HOPS} nodes from {passed[0]} on without waiting for the caller")


def spoken(flow: Flow, state: State, said: Sequence[str]) -> tuple[Words, ...]:
    """Prompts as they are said to this caller."""
    words = []
    for one in said:
        name, fixed = prompt_name(one)
        language = fixed or state.language
        prompt = flow.prompts[name][language]
        text = printable(fill(prompt.text, state.vars, language))
        words.append(
            Words(
                text=within(text, flow.limits.max_prompt_chars),
                language=language,
                recording=prompt.recording,
            )
        )
    return tuple(words)


def is_secret(flow: Flow, state: State) -> bool:
    """Is what the caller enters now a secret? Asked for every key, and by nothing but the node."""
    node = flow.nodes[state.node]
    return isinstance(node, shapes.Collect) and node.secret


def _answered(
    flow: Flow, state: State, event: CallEvent, facts: Mapping[str, Fact]
) -> tuple[State, tuple[str, ...]]:
    """Where the event leads, and what to say first if the node is asked again."""
    node = flow.nodes[state.node]
    if event.kind == "digits" and isinstance(node, shapes.Menu | shapes.Collect | shapes.Queue):
        choice = node.choices.get(event.value)
        if choice is not None:
            return state.go(choice.goto, choice.set), ()
    if event.kind == "digits" and isinstance(node, shapes.Collect) and _fits(node, event.value):
        branch, new = facts[node.check](state, event.value, node.given)
        if branch in node.branches:
            return state.go(node.branches[branch], _sayable(flow, new)), ()
        state = replace(state, vars={**state.vars, **new})
    if event.kind == "done":
        goto = _outcome(node, event.value)
        if goto:
            return state.go(goto), ()
    if not isinstance(node, shapes.Menu | shapes.Collect):
        return state, ()  # a key where none counts: it goes on as it was
    kind = "no_input" if event.kind == "silence" else "invalid"
    rule = node.no_input if kind == "no_input" else node.invalid
    count = state.misses.get(kind, 0) + 1
    if count >= rule.tries:
        return state.go(rule.goto), rule.last
    return replace(state, misses={**state.misses, kind: count}), rule.say


def _sayable(flow: Flow, new: Mapping[str, Any]) -> Mapping[str, Any]:
    """A customer's language that the flow does not speak changes nothing."""
    if new.get(LANGUAGE, flow.default_language) in flow.languages:
        return new
    return {name: value for name, value in new.items() if name != LANGUAGE}


def _outcome(node: shapes.Node, value: str) -> str:
    if isinstance(node, shapes.Record):
        return {"recorded": node.recorded, "empty": node.empty}.get(value, "")
    if isinstance(node, shapes.Queue):
        return node.outcomes.get(value, "")
    return ""


def _fits(node: shapes.Collect, value: str) -> bool:
    digits = all(c in "0123456789" or (node.secret and c == SECRET) for c in value)
    return digits and node.minimum <= len(value) <= node.maximum


def _then(node: shapes.Node) -> Then:
    match node:
        case shapes.Menu():
            return Gather(timeout=node.timeout)
        case shapes.Collect():
            return Gather(
                minimum=node.minimum,
                maximum=node.maximum,
                finish=node.finish,
                timeout=node.timeout,
                secret=node.secret,
            )
        case shapes.Record():
            return Record(
                max_seconds=node.max_seconds, silence_seconds=node.silence_seconds, finish=node.finish
            )
        case shapes.Queue():
            return Hold()
        case _:
            return HangUp()
