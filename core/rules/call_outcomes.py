"""What became of a call, and does it leave work behind? Exactly one outcome for each, whoever hung up (phone.md 4)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

SHORT = timedelta(seconds=5)
"""Who hangs up sooner and has chosen nothing dialled the wrong number."""
TOGETHER = timedelta(minutes=30)
"""A further unanswered call of one number within this time belongs to the first."""

OUTCOMES = ("spoke", "recorded", "voicemail", "callback", "informed", "missed", "short", "tried")
"""`tried`: a practice call, or a call of ours that reached nobody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    """What is known of a call that is over."""

    first_ring: datetime
    ended: datetime
    bridged: bool = False
    """Somebody of the staff spoke with the caller."""
    recorded: bool = False
    """A request or an addition was recorded, and is in a ticket."""
    voicemail: bool = False
    """The same, because nobody was there."""
    callback: bool = False
    """A call back is booked."""
    informed: bool = False
    """The state of a request or of an outage was read, or a closure was accepted or refused."""
    asked_for_person: bool = False
    """The caller wanted to speak to somebody."""
    chose: bool = False
    """Any key was pressed."""
    lost: bool = False
    """The line went away, and nobody knows when."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The code, and whether a ticket of a missed call is owed for it."""

    code: str
    owes_ticket: bool = False


def outcome(happened: Happened, *, short: timedelta = SHORT) -> Outcome:
    """Top to bottom, the first that fits.

    Who only asked for the state and heard it is served; who wanted a person as well and did not get one is not.
    """
    if happened.bridged:
        return Outcome("spoke")
    if happened.callback:
        return Outcome("callback")
    if happened.voicemail:
        return Outcome("voicemail")
    if happened.recorded:
        return Outcome("recorded")
    if happened.informed and not happened.asked_for_person:
        return Outcome("informed")
    if not happened.chose and not happened.lost and happened.ended - happened.first_ring < short:
        return Outcome("short")
    return Outcome("missed", owes_ticket=True)
