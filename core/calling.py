"""What does a telephone line hand in, and what is it told to do? Plain values: no provider, no network, no clock.

A line turns what it hears into a `CallEvent` and does what the `Answer` says; it never decides. Every answer speaks
first and then waits for one thing, or hangs up. Answers are stored: the same step asked twice gives the same answer.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol, runtime_checkable

SECRET = "•"  # noqa: S105 - what stands for one
"""What stands for a digit of a secret wherever it is kept or shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """Something that is said to a caller."""

    text: str
    """Ready to be spoken: numbers that are read digit by digit are spaced."""
    language: str
    """BCP 47."""
    recording: str = ""
    """Name of the blob with the sound, where there is one; the text stays true beside it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gather:
    """Wait for keys. What was said before may be interrupted by the first of them.

    Come back with `digits`, or with `silence` when nothing came within `timeout`.
    """

    minimum: int = 1
    maximum: int = 1
    finish: str = ""
    """The key that ends the entry and is no part of it; empty: `maximum` ends it, or `pause`."""
    timeout: float = 6.0
    """Seconds until the first key."""
    pause: float = 4.0
    """Seconds between two keys; then the entry is what there is."""
    secret: bool = False
    """Every key is shown, logged and kept as SECRET."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """Record the caller. Come back with `done` and `recorded`, or `empty` when nobody spoke; hand the sound in by `recorded`."""

    max_seconds: int = 120
    silence_seconds: int = 5
    finish: str = "#"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """Play music, and ask `waiting` at once and then every so often what there is to say or to ring.

    A key pressed meanwhile is an event of kind `digits`.
    """

    ask_every: float = 5.0
    """Seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HangUp:
    """Say goodbye; the call is over."""


Then = Gather | Record | Hold | HangUp


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What to do next with one call."""

    call: str
    """Our id of the call."""
    seq: int
    """Of this answer: named with the event that follows it."""
    say: tuple[Words, ...] = ()
    then: Then = field(default_factory=HangUp)
    language: str = "it"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ringing:
    """A call comes in."""

    line: str
    """Which back end: twilio, sip or softphone."""
    external_id: str
    """The line's own id; the same id is the same call."""
    caller: str
    """E.164 as far as the line gives it (`core.numbers` puts it in order); empty: withheld."""
    called: str = ""
    at: datetime
    """Aware: the first ring."""
    flow: str = ""
    """Digest of a version to try out; empty: the published one. Only the softphone says so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallEvent:
    """What the caller did."""

    kind: Literal["digits", "silence", "done"]
    value: str = ""
    """Of `digits`: the keys without the finishing one. Of `done`: `recorded`, `empty`, `bridged`, `failed`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Audio:
    """The sound of a Record, or of a conversation."""

    content: bytes
    type: str
    """MIME: audio/wav, audio/mpeg."""
    seconds: float
    external_id: str
    """The line's own id of the recording; the same id is stored once."""
    words: str = ""
    """What an engine made of it, where the line has one: a suggestion."""
    engine: str = ""
    """Which one, with its model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorLeg:
    """Ring this member of staff for a waiting caller: whisper, and connect when they press 1."""

    offer: str
    """Id; named with the answer."""
    address: str
    """A telephone number (E.164) or an extension, as the desk's configuration has it."""
    name: str
    whisper: tuple[Words, ...]
    ring_seconds: int = 25


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """How it stands with a caller on hold."""

    say: tuple[Words, ...] = ()
    """Place and estimated wait, now and then."""
    ring: tuple[OperatorLeg, ...] = ()
    """Begin to ring these now; each is named once."""
    stop: tuple[str, ...] = ()
    """Offers to let go of: somebody else was quicker."""
    bridged: str = ""
    """The offer that took the call: caller and operator are to hear each other."""
    record: bool = False
    """The conversation may be recorded: the caller agreed."""
    answer: Answer | None = None
    """The waiting is over and the flow goes on with this."""
    ask_every: float = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What an operator who answered hears."""

    connect: bool
    """Both hear each other now. False: somebody was quicker, or the caller left."""
    call: str = ""
    say: tuple[Words, ...] = ()
    record: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Dial:
    """Call a member of staff, whisper, and when they press 1 call the customer and connect both.

    Without a `number` there is nobody to connect: who presses 1 knows, and hears what `Switchboard.dialled` returns.
    """

    call: str
    """Our id: also the idempotency key."""
    operator: str
    number: str
    whisper: tuple[Words, ...]
    language: str
    record: bool = False


class Switchboard(Protocol):
    """What the hub gives a telephone line. Every method may be asked again with the same words."""

    async def ring(self, ringing: Ringing) -> Answer:
        """A call comes in: stored with its first ring, then the first answer. Raises Unavailable."""
        ...

    async def find(self, line: str, external_id: str) -> str | None:
        """Our id of a line's call."""
        ...

    async def advance(self, call: str, seq: int, event: CallEvent) -> Answer:
        """The caller reacted to answer `seq`. A step that was answered before gives the stored answer.

        Digits of a secret end here: they are checked, and no copy of them is kept. Raises Unavailable, NoSuchCall.
        """
        ...

    async def waiting(self, call: str, seq: int) -> Waiting:
        """Asked while the caller is on hold, and while they are connected."""
        ...

    async def operator(
        self, offer: str, answer: Literal["accepted", "declined", "busy", "no_answer", "failed"]
    ) -> Taken:
        """What came of ringing a member of staff. `accepted`: they pressed 1."""
        ...

    async def recorded(self, call: str, seq: int, audio: Audio) -> None:
        """The sound that the Record of answer `seq` gave, or (seq 0) of the conversation. May come much later."""
        ...

    async def hung_up(self, call: str, *, at: datetime | None = None, cause: str = "") -> None:
        """The call is over, whoever ended it."""
        ...

    async def lost(self, line: str) -> int:
        """The line begins anew: no call of it from before lives. How many there were."""
        ...

    async def dialled(
        self, call: str, how: Literal["operator", "connected", "declined", "busy", "no_answer", "failed"]
    ) -> tuple[Words, ...]:
        """How a call out goes on: the operator pressed 1, both are connected, or why not. What the operator hears then."""
        ...

    async def sound(self, recording: str) -> bytes:
        """The bytes of a recorded prompt (see Words.recording)."""
        ...


class NoSuchCall(LookupError):
    """No call has this id."""


@runtime_checkable
class Line(Protocol):
    """What a telephone line must be beside a channel, to call people."""

    async def dial(self, dial: Dial) -> None:
        """Begin; the rest is told by `Switchboard.dialled`. Raises DeliveryError."""
        ...
