"""What must a channel be? One way in, one way out, and an error that answers "retry?"."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol, runtime_checkable

from core.alerting import GoingBack
from core.calling import Switchboard
from core.envelope import Address, Arrival, Claims, Outgoing, Sent


class Unavailable(Exception):
    """The message could not be stored just now. The channel refuses it so that the sender tries again (451, 503)."""


class NoSuchSource(LookupError):
    """Nobody of this name, or from there, is configured to report here. Nothing was stored."""


class NotAdmitted(PermissionError):
    """A device that cannot prove to be the one it says. Nothing was stored."""


class DeliveryError(Exception):
    """The message was not taken. `permanent`: trying again is useless. `retry_after`: seconds, at least."""

    def __init__(self, message: str, *, permanent: bool = False, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.permanent = permanent
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
class Returning(Protocol):
    """A channel that can tell a tool what becomes of its alarms."""

    async def give_back(self, back: GoingBack) -> None:
        """Say it. Safe to repeat. Raises DeliveryError."""
        ...

    async def still_fires(self, back: GoingBack) -> bool:
        """Does the tool know the alarm as firing? It is asked while we had it keep quiet. Raises DeliveryError."""
        ...


@runtime_checkable
class Linking(Protocol):
    """A channel on which a person's account is bound to who they are, by a code of one use."""

    name: str

    def link(self, code: str) -> str:
        """A URL that opens the service with this code; empty: they type `/start CODE` there."""
        ...
