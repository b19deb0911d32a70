"""What is a call flow made of? `centralino-flow/1`: prompts, nodes and limits, read from JSON into frozen values.

Seven kinds of node. Four wait for the caller (menu, collect, record, queue), two act at once (say, action), one ends
(hangup). What a position or a colour is called in the drawing lives under `metadata` and changes nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from functools import cache
from typing import Any, ClassVar

import msgspec
import msgspec.structs

from ivr.actions import produces

SCHEMA = "centralino-flow/1"
KEYS = frozenset("0123456789*#")


MOST = 500
"""Nodes, and prompts, of a flow: what nobody can look over any more, nobody has to draw."""


class FlowError(ValueError):
    """The text is no flow; says where and why."""


class _Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
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
    """Waits for a person of the group in the variable `group`, after `consent` and `say`.

    Without `consent`, which says that the conversation may be recorded, it is not.
    """

    say: tuple[str, ...]
    consent: tuple[str, ...] = ()
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
        yield from self.consent
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
        plain = json.loads(text, object_pairs_hook=_once, parse_constant=_no_number)
        json.dumps(plain, ensure_ascii=False).encode()  # half a character is no text
    except FlowError:
        raise
    except (ValueError, RecursionError) as error:
        raise FlowError(f"this is no JSON: {error}") from None
    return of_plain(plain)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Of two parts of the same name JSON keeps the last, and nobody sees that the first is gone."""
    made = dict(pairs)
    if len(made) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise FlowError(f"the name {twice!r} stands twice in the same part")
    return made


def _no_number(name: str) -> float:
    raise FlowError(f"{name} is no number here")


def of_plain(plain: Any) -> Flow:
    """A flow from JSON's own types. Raises FlowError."""
    try:
        flow = msgspec.convert(plain, Flow)
    except msgspec.ValidationError as error:
        raise FlowError(_exactly(plain, _in_words("", str(error)))) from None
    if flow.schema != SCHEMA:
        raise FlowError(f"schema is {flow.schema!r}, and this reads {SCHEMA!r}")
    for name, part in (("nodes", flow.nodes), ("prompts", flow.prompts)):
        if len(part) > MOST:
            raise FlowError(f"{name}: at most {MOST}, and these are {len(part)}")
    return flow


def _exactly(plain: Any, otherwise: str) -> str:
    """The same mistake with the name of its node or prompt, which the reader of JSON does not tell."""
    for place, part, kind in _parts(plain):
        try:
            msgspec.convert(part, kind)
        except msgspec.ValidationError as error:
            return _in_words(place, str(error))
    return otherwise


def _parts(plain: Any) -> Iterator[tuple[str, Any, Any]]:
    """Everything that has a name, the small within the large first."""
    for name, node in _items(plain, "nodes"):
        for key, choice in _items(node, "choices"):
            yield f"nodes/{name}/choices/{key}", choice, Choice
        yield f"nodes/{name}", node, Node
    for name, languages in _items(plain, "prompts"):
        for language, prompt in _items({"": languages}, ""):
            yield f"prompts/{name}/{language}", prompt, Prompt


def _items(plain: Any, name: str) -> Iterator[tuple[str, Any]]:
    inside = plain.get(name) if isinstance(plain, dict) else None
    if isinstance(inside, dict):
        yield from inside.items()


def _in_words(place: str, error: str) -> str:
    """The mistake with its whole place.

    >>> _in_words("nodes/main", "Expected `int`, got `str` - at `$.no_input.tries`")
    'nodes/main/no_input/tries: Expected `int`, got `str`'
    """
    what, _, where = error.partition(" - at `$")
    inside = where.rstrip("`").replace("[...]", "").replace(".", "/").replace("[", "/").replace("]", "")
    return f"{place}{inside}".strip("/") + f": {what}" if place or inside else what


def to_plain(flow: Flow) -> dict[str, Any]:
    """The same as JSON's own types; what is as by default is left out."""
    plain: dict[str, Any] = _plain(flow)
    return plain


def _plain(value: Any) -> Any:
    """msgspec leaves a default out only where it is the very same object."""
    if isinstance(value, msgspec.Struct):
        tag = value.__struct_config__.tag
        made = {"type": tag} if tag else {}
        for name, usual in _fields(type(value)):
            own = getattr(value, name)
            if own != usual:
                made[name] = _plain(own)
        return made
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list | tuple) else value


@cache
def _fields(kind: type[msgspec.Struct]) -> tuple[tuple[str, Any], ...]:
    """Name and default of each; msgspec takes its time to tell."""
    return tuple(
        (one.name, one.default_factory() if callable(one.default_factory) else one.default)
        for one in msgspec.structs.fields(kind)
    )


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
