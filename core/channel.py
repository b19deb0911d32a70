"""What must a channel be? One way in, one way out, and an error that answers "retry?"."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from core.alerting import Agreed, GoingBack, TrapUser
from core.calling import Switchboard
from core.domain_records import Looked
from core.envelope import Address, Arrival, Claims, Outgoing, Sent


class Unavailable(Exception):
    """The message could not be stored just now. The channel refuses it so that the sender tries again (451, 503)."""


class NoSuchSource(LookupError):
    """Nobody of this name, or from there, is configured to report here. Nothing was stored."""


class NotAdmitted(PermissionError):
    """A device that cannot prove to be the one it says. Nothing was stored."""


class DeliveryError(Exception):
    """The message was not taken. `permanent`: trying again is useless; `dead`: so is anything else for this address.

    `retry_after`: seconds, at least.
    """

    def __init__(
        self, message: str, *, permanent: bool = False, dead: bool = False, retry_after: float | None = None
    ) -> None:
        super().__init__(message)
        self.permanent = permanent
        self.dead = dead
        self.retry_after = retry_after


class Door(Protocol):
    """What the hub gives a running channel."""

    async def accept(self, arrival: Arrival) -> str:
        """Store the bytes; return the inbound id once they are on disk. Safe to repeat.

        Raises Unavailable: nothing was stored, the sender must keep it; of what a device reports, NoSuchSource and
        NotAdmitted.
        """
        ...

    async def admits(self, claims: Claims) -> None:
        """May this device report? Raises NoSuchSource, NotAdmitted, Unavailable."""
        ...

    async def ticket_of(self, source: str, dedup_key: str) -> str:
        """The number of the ticket of a device's problem; empty: it has none. Raises Unavailable."""
        ...

    async def guesses(self, whence: str) -> bool:
        """Came so many reply addresses from there that were never issued, that none is taken for a while? Raises Unavailable."""
        ...

    async def trap_users(self) -> Sequence[TrapUser]:
        """Who may send traps by SNMP version 3 now. Raises Unavailable."""
        ...

    async def trap_boots(self, engine: str) -> int:
        """One more beginning of our engine of SNMP: how many there were. Raises Unavailable."""
        ...

    async def trap_clock(self, source: str, engine: str) -> int:
        """What the clock of a sender said last, as far as it is stored; 0: nothing is. Raises Unavailable."""
        ...

    async def paces(self) -> Mapping[str, Agreed]:
        """How fast devices may report, by source, where that is not core.alerting.PACE. Raises Unavailable."""
        ...

    def lease(self, name: str) -> AbstractAsyncContextManager[None]:
        """Hold `name` for this hub alone, waiting for it if need be; cancels the body if it is lost."""
        ...

    @property
    def switchboard(self) -> Switchboard:
        """Where telephone calls go."""
        ...


class Channel(Protocol):
    """How people reach us. Parses and phrases; never reads the database, never decides."""

    name: str
    reader: str
    """`package.module:function`, pure, run in a process of its own that may be killed:
    fn(raw: bytes, arrival: Mapping, options: Mapping) -> Inbound. It may raise ValueError: an exception item.
    `arrival` holds channel, external_id, sender, recipients, received_at and envelope."""

    @property
    def reader_options(self) -> Mapping[str, Any]:
        """What the reader needs of the channel's settings, in JSON's own types."""
        ...

    async def run(self, door: Door) -> None:
        """Take messages in until cancelled. Raises when it cannot go on: the hub starts it again, later."""
        ...

    async def send(self, outgoing: Outgoing) -> Sent:
        """Hand over one message. Raises DeliveryError."""
        ...


@runtime_checkable
class Devices(Protocol):
    """A channel that reads what devices say, by whatever channel they said it."""

    device_reader: str
    """As `Channel.reader`; of alert mail that another channel took in, too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Knock:
    """What the hub says to itself, to see whether it gets in."""

    source: str
    id: str
    """It must lie in the store by this external id."""
    secret: str = field(repr=False)


@runtime_checkable
class Listening(Protocol):
    """A channel with ways by which devices say something and hear no answer: what does not get in there is lost."""

    @property
    def ways(self) -> Sequence[str]:
        """What they are called (core.common.WAYS)."""
        ...

    async def knock(self, way: str, knock: Knock) -> bool:
        """Say it by this way. False: it was sent as far as it can be, and need not get in. Raises OSError, TimeoutError."""
        ...

    def lost(self, within: float) -> Mapping[str, int]:
        """How many messages, by way, were lost without a pause since; the last of them within so many seconds."""
        ...


@runtime_checkable
class Typing(Protocol):
    """A channel on which people see that somebody is writing to them."""

    async def typing(self, to: Address) -> None:
        """Show it, for some seconds. Nothing is lost when it fails."""
        ...


@runtime_checkable
class Retracting(Protocol):
    """A channel that can take back what it sent."""

    async def retract(self, to: Address, remote_id: str) -> None:
        """Delete our message there, in all its parts. Raises DeliveryError: it stays."""
        ...


@runtime_checkable
class Vouched(Protocol):
    """A channel that finds out more of what devices send than its reader can, which asks nobody."""

    async def vouch(
        self, raw: bytes, arrival: Mapping[str, Any], options: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        """What the reader is told on top of its options. Safe to repeat. Raises DeliveryError: later."""
        ...


@runtime_checkable
class Inquiring(Protocol):
    """A channel whose reader must know what others publish to say who wrote, such as keys; the reader itself asks nobody."""

    questions: str
    """As `Channel.reader`, but what it returns is what must be asked, in JSON's own types."""
    questions_in: int
    """Bytes at the beginning of a message that hold all of it."""

    def inquires(self, arrival: Mapping[str, Any]) -> bool:
        """Must anything be asked about this message?"""
        ...

    async def answers(self, key: str, questions: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """What was answered, to be kept in the envelope of the message as `answers`; None: not yet, ask again.

        Never waits for long. `key` is the message's. Safe to repeat.
        """
        ...


@runtime_checkable
class Returning(Protocol):
    """A channel that can tell a tool what becomes of its alarms."""

    async def give_back(self, back: GoingBack) -> None:
        """Say it. Safe to repeat. Raises DeliveryError."""
        ...

    async def still_fires(self, back: GoingBack) -> bool:
        """Does the tool know the alarm as firing? It is asked while we had it keep quiet. Raises DeliveryError."""
        ...


@runtime_checkable
class Publishing(Protocol):
    """A channel whose domains must say something in the DNS, so that others believe what it sends and find it."""

    async def records(self, *, look: bool) -> Sequence[Looked]:
        """What they must say; `look`: and what they say now, which takes seconds where nobody answers.

        Raises DeliveryError: what would be published cannot be made.
        """
        ...


@runtime_checkable
class LoggingIn(Protocol):
    """A channel that must be let in by other servers to do its work."""

    async def log_ins(self) -> Mapping[str, str]:
        """Log in at each now and leave again: what it is called, and why it does not work; empty: it does. Takes seconds."""
        ...


@runtime_checkable
class Linking(Protocol):
    """A channel on which a person's account is bound to who they are, by a code of one use."""

    name: str

    def link(self, code: str) -> str:
        """A URL that opens the service with this code; empty: they type `/start CODE` there."""
        ...
