"""What is a call flow made of? `centralino-flow/1`: prompts, nodes and limits, read from JSON into frozen values.

Seven kinds of node. Four wait for the caller (menu, collect, record, queue), two act at once (say, action), one ends
(hangup). What a position or a colour is called in the drawing lives under `metadata` and changes nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import msgspec

from ivr.actions import produces

SCHEMA = "centralino-flow/1"
PERSON = "0"
"""The key that is always a person."""
KEYS = frozenset("0123456789*#")


class FlowError(ValueError):
    """The text is no flow; says where and why."""


class _Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    pass


class Prompt(_Part, frozen=True, kw_only=True):
    """One prompt in one language: a text with places such as `{ticket|digits}`, and a recording of it where there is one."""

    text: str
    recording: str = ""
    """Name of the blob."""


class Again(_Part, frozen=True, kw_only=True):
    """What silence, or a wrong entry, leads to. Each has a counter of its own."""

    goto: str
    tries: int = 2
    say: tuple[str, ...] = ()
    """Before the node is asked again."""
    last: tuple[str, ...] = ()
    """Before it is left."""


class Choice(_Part, frozen=True, kw_only=True):
    """What a key does."""

    goto: str
    set: dict[str, str] = {}


class _Node(_Part, frozen=True, kw_only=True, tag_field="type"):
    waits: ClassVar[bool] = False
    says: ClassVar[bool] = True

    def leads(self) -> Iterator[tuple[str, str, frozenset[str]]]:
        """(what happens, the node it leads to, names that are known from then on)."""
        return iter(())

    def speaks(self) -> Iterator[str]:
        """Every prompt that is said here."""
        return iter(())


class Say(_Node, frozen=True, kw_only=True, tag="say"):
    """Says something and goes on."""

    say: tuple[str, ...]
    goto: str

    def leads(self) -> Iterator[tuple[str, str, frozenset[str]]]:
        yield "", self.goto, frozenset()

    def speaks(self) -> Iterator[str]:
        yield from self.say


class Action(_Node, frozen=True, kw_only=True, tag="action"):
    """A named call of the desk: `call` is one of `ivr.actions.ACTIONS`, `branches` says where each answer leads."""

    says: ClassVar[bool] = False
    call: str
    branches: dict[str, str]
    given: dict[str, str] = {}
    """Constants that the call takes, such as the name of a calendar."""

    def leads(self) -> Iterator[tuple[str, str, frozenset[str]]]:
        for branch, goto in self.branches.items():
            yield branch, goto, produces(self.call, branch)


class _Waiting(_Node, frozen=True, kw_only=True):
    waits: ClassVar[bool] = True


class _Asking(_Waiting, frozen=True, kw_only=True):
    say: tuple[str, ...]
    no_input: Again
    invalid: Again
    choices: dict[str, Choice] = {}
    timeout: float = 6.0
    """Seconds until the first key."""

    def leads(self) -> Iterator[tuple[str, str, frozenset[str]]]:
        for key, choice in self.choices.items():
            yield key, choice.goto, frozenset(choice.set)
        yield "no_input", self.no_input.goto, frozenset()
        yield "invalid", self.invalid.goto, frozenset()

    def speaks(self) -> Iterator[str]:
        yield from self.say
        for again in (self.no_input, self.invalid):
            yield from again.say
            yield from again.last


class Menu(_Asking, frozen=True, kw_only=True, tag="menu"):
    """One key of several."""


class Collect(_Asking, frozen=True, kw_only=True, tag="collect"):
    """Several keys, ended by `finish` or by `maximum` of them, and looked at by the call `check`.

    A result of `check` that is no branch counts as `invalid`. `choices`: entries that mean something of their own,
    such as 0 alone.
    """

    minimum: int
    maximum: int
    check: str
    branches: dict[str, str]
    finish: str = ""
    secret: bool = False
    given: dict[str, str] = {}

    def leads(self) -> Iterator[tuple[str, str, frozenset[str]]]:
        for branch, goto in self.branches.items():
            yield branch, goto, produces(self.check, branch)
        yield from super().leads()


class Record(_Waiting, frozen=True, kw_only=True, tag="record"):
    """Records the caller after `consent` and `say`. `voicemail`: nobody was there to answer."""

    say: tuple[str, ...]
    recorded: str
    empty: str
    consent: tuple[str, ...] = ()
    voicemail: bool = False
    max_seconds: int = 120
    silence_seconds: int = 5
    finish: str = "#"

    def leads(self) -> Iterator[tuple[str, str, frozenset[str]]]:
        yield "recorded", self.recorded, frozenset()
        yield "empty", self.empty, frozenset()

    def speaks(self) -> Iterator[str]:
        yield from self.consent
        yield from self.say


class Queue(_Waiting, frozen=True, kw_only=True, tag="queue"):
    """Waits for a person of the group in the variable `group`."""

    say: tuple[str, ...]
    waiting: tuple[str, ...]
    """Said now and then, with `{place}` and `{eta}`."""
    outcomes: dict[str, str]
    """bridged (the operator hung up first), no_operator, full, failed."""
    choices: dict[str, Choice] = {}
    """Keys that mean something while the music plays, from `offer_after` on."""
    offer: tuple[str, ...] = ()
    """What says so."""
    offer_after: int = 60
    """Seconds."""
    max_wait: int = 900
    """Seconds; then it is no_operator."""

    def leads(self) -> Iterator[tuple[str, str, frozenset[str]]]:
        for outcome, goto in self.outcomes.items():
            yield outcome, goto, frozenset()
        for key, choice in self.choices.items():
            yield key, choice.goto, frozenset(choice.set)

    def speaks(self) -> Iterator[str]:
        yield from self.say
        yield from self.waiting
        yield from self.offer


class HangUp(_Node, frozen=True, kw_only=True, tag="hangup"):
    """Says goodbye and ends the call."""

    say: tuple[str, ...] = ()

    def speaks(self) -> Iterator[str]:
        yield from self.say


Node = Say | Action | Menu | Collect | Record | Queue | HangUp
QUEUE_OUTCOMES = ("bridged", "no_operator", "full", "failed")


class Limits(_Part, frozen=True, kw_only=True):
    """How long a call may be led."""

    then: str
    """Where a call goes that was led longer: a queue, or what records."""
    max_turns: int = 60
    max_seconds: int = 1800
    max_prompt_chars: int = 1000


class Flow(_Part, frozen=True, kw_only=True):
    """The whole flow."""

    schema: str
    id: str
    title: str
    languages: tuple[str, ...]
    default_language: str
    start: str
    limits: Limits
    prompts: dict[str, dict[str, Prompt]]
    nodes: dict[str, Node]
    metadata: dict[str, Any] = {}


def parse(text: str | bytes) -> Flow:
    """A flow from its JSON. Raises FlowError with the place of what is wrong."""
    try:
        return of_plain(json.loads(text))
    except ValueError as error:
        if isinstance(error, FlowError):
            raise
        raise FlowError(f"this is no JSON: {error}") from None


def of_plain(plain: Any) -> Flow:
    """A flow from JSON's own types. Raises FlowError."""
    try:
        flow = msgspec.convert(plain, Flow)
    except msgspec.ValidationError as error:
        raise FlowError(_in_words(str(error))) from None
    if flow.schema != SCHEMA:
        raise FlowError(f"schema is {flow.schema!r}, and this reads {SCHEMA!r}")
    return flow


def _in_words(error: str) -> str:
    what, _, where = error.partition(" - at `")
    return f"{where.rstrip('`')}: {what}" if where else what


def to_plain(flow: Flow) -> dict[str, Any]:
    """The same as JSON's own types; what is as by default is left out."""
    plain: dict[str, Any] = msgspec.to_builtins(flow)
    return plain


def text_of(flow: Flow) -> str:
    """The JSON that people edit."""
    return json.dumps(to_plain(flow), ensure_ascii=False, indent=2) + "\n"


def digest(flow: Flow) -> str:
    """SHA-256 of the canonical JSON without `metadata`: moving a box in the drawing makes no other flow."""
    plain = to_plain(flow)
    plain.pop("metadata", None)
    canonical = json.dumps(plain, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def prompt_name(said: str) -> tuple[str, str]:
    """Name and fixed language of what a node says: `welcome@en` is English whatever the call speaks.

    >>> prompt_name("welcome@en"), prompt_name("welcome")
    (('welcome', 'en'), ('welcome', ''))
    """
    name, _, language = said.partition("@")
    return name, language


def waits(node: Node) -> bool:
    """Does a call stop here until the caller does something?"""
    return node.waits


def spoken_in(flow: Flow, said: str, language: str) -> Mapping[str, Prompt]:
    """The prompts by the language they are spoken in there."""
    name, fixed = prompt_name(said)
    chosen = fixed or language
    return {chosen: flow.prompts[name][chosen]}
