"""What does the core need of call flows? It is given this module as a value, because nobody below looks up."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from ivr.flow import Flow, FlowError, Queue, Record, digest, of_plain, parse
from ivr.rehearsal import differences
from ivr.stepping import State, begin, is_secret, spoken, step
from ivr.validation import Finding, validate

__all__ = [
    "DEFAULT",
    "Finding",
    "Flow",
    "FlowError",
    "State",
    "begin",
    "digest",
    "findings",
    "is_secret",
    "of_plain",
    "parse",
    "queue",
    "record",
    "recordings",
    "spoken",
    "state",
    "step",
    "validate",
]

DEFAULT = Path(__file__).parent / "flows" / "default.json"
"""The flow a hub begins with."""

state = State.of_plain


def recordings(flow: Flow) -> frozenset[str]:
    """The blobs it plays instead of reading a text."""
    return frozenset(
        prompt.recording
        for languages in flow.prompts.values()
        for prompt in languages.values()
        if prompt.recording
    )


def findings(flow: Flow, *, recordings: Collection[str] = ()) -> tuple[Finding, ...]:
    """Everything that keeps it from being published: rules it breaks, else scenarios that go another way."""
    return validate(flow, recordings=recordings) or tuple(differences(flow))


def queue(flow: Flow, at: State) -> Queue | None:
    """The queue a call waits in; None: it waits in none."""
    node = flow.nodes[at.node]
    return node if isinstance(node, Queue) else None


def record(flow: Flow, at: State) -> Record | None:
    """What records the caller there; None: nothing does."""
    node = flow.nodes[at.node]
    return node if isinstance(node, Record) else None
