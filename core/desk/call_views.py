"""What do pages and the API show of calls? The shapes; `call_desk` and `call_history` fill them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenTicket:
    """A request that a call may be about."""

    number: str
    subject: str
    state: str
    own: bool
    """Of the person who seems to call; else of their company."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveView:
    """A call that is not over."""

    id: str
    line: str
    direction: str
    phase: str
    """flow, queue or bridged."""
    caller: str
    """E.164, or masked; empty: withheld."""
    customer: str | None
    customer_name: str
    contact: str | None
    """Id of who it seems to be."""
    contact_name: str
    trust: str
    """verified: the PIN proved who it is; weak: only their number says so."""
    language: str
    request_type: str | None
    technology: str | None
    emergency: bool
    group: str | None
    began_at: datetime
    queued_at: datetime | None
    bridged_at: datetime | None
    offer: str | None
    """Id of the offer with which my telephone, or my inbox, rings."""
    rung: tuple[str, ...]
    """Names of staff who are rung."""
    agent_name: str
    """Who speaks with the caller, or calls."""
    mine: bool
    """I speak with the caller, or my telephone rings to call somebody back."""
    may_answer: bool
    ticket: str | None
    """Number of the request in hand, if it may be seen."""
    about: bool
    """Staff said that this is what the call is about."""
    telephone: bool
    """Whoever takes it does so on their telephone; else here."""
    tickets: tuple[OpenTicket, ...]
    """First those of the person."""

    @property
    def proved(self) -> bool:
        """It is certain who calls."""
        return self.trust == "verified"

    @property
    def since(self) -> datetime:
        """What they have waited, or spoken, since."""
        return self.bridged_at or self.queued_at or self.began_at


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryView:
    """One thing the caller did, by name."""

    seq: int
    at: datetime
    event: str
    """digits, silence or done."""
    keys: str
    """What was entered; dots for each digit of a secret."""
    node: str
    """Where in the flow."""
    asked: str
    """What had been said before."""
    to: str
    """The step that the entry chose; empty: it chose none."""
    meaning: str
    """The type or technology that the entry named."""
    sets: Mapping[str, str]
    """What the choice said of the request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingView:
    """A sound of a call."""

    seq: int
    """Of the step that recorded it; 0: the conversation."""
    state: Literal["expected", "stored", "missing", "deleted"]
    file: str | None
    """Id of the file of the message it is beside."""
    type: str
    seconds: float
    at: datetime
    keep_until: datetime | None
    transcript: str
    """What an engine made of it: a suggestion, the sound stays the record. Empty: nothing."""
    engine: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CallView:
    """A call, over or not, with what happened in it."""

    id: str
    line: str
    direction: str
    caller: str
    """As in LiveView; empty also for a contact who looks."""
    customer: str | None
    customer_name: str
    contact_name: str
    """Empty unless it was proved who called."""
    trust: str
    language: str
    group: str | None
    phase: str
    outcome: str
    """See rules.call_outcomes; empty until it is over."""
    cause: str
    """What the line said of its end."""
    began_at: datetime
    queued_at: datetime | None
    bridged_at: datetime | None
    ended_at: datetime | None
    agent_name: str
    """Who spoke with the caller."""
    how: str
    """opened, added, heard, missed, spoke or callback: how it belongs to the ticket it is shown with."""
    tickets: tuple[str, ...]
    """Numbers of the tickets it belongs to, as far as they may be seen."""
    entries: tuple[EntryView, ...]
    recordings: tuple[RecordingView, ...]
    messages: tuple[str, ...]
    """Ids of the messages of the ticket that tell of it."""

    @property
    def talked(self) -> int | None:
        """Seconds of conversation; None: there was none, or it goes on."""
        if self.bridged_at is None or self.ended_at is None:
            return None
        return max(0, round((self.ended_at - self.bridged_at).total_seconds()))

    @property
    def lasted(self) -> int | None:
        """Seconds from the first ring to the end; None: it goes on."""
        return None if self.ended_at is None else round((self.ended_at - self.began_at).total_seconds())


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackView:
    """Somebody who waits to be called back."""

    ticket: str
    """Number."""
    subject: str
    customer_name: str
    call: str
    """Id of the call that it is owed for."""
    number: str
    name: str
    group: str
    reason: str
    """asked, missed or voicemail."""
    since: datetime
    """Their place in line."""
