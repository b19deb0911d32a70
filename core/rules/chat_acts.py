"""What may be chosen in a chat, and below which of our messages is it offered?

A button brings back an id; what it does stands in its row, by one of these names (`core.desk.chat_presses` does it).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class Act(StrEnum):
    """What a button does. `value` is what it does it to."""

    CHOOSE = "choose"
    """Write about this request; value: id of the ticket."""
    NEW = "new"
    """What waits, or what comes next, is a new request."""
    STATUS = "status"
    """Tell how a request stands; value: id of the ticket."""
    CONFIRM = "confirm"
    """It is solved: close it."""
    REFUSE = "refuse"
    """It is not solved: work goes on."""
    RATE = "rate"
    """How it went; value: 1 to 5."""
    LANGUAGE = "language"
    """Speak this one; value: its code."""
    VISIT = "visit"
    """Come then; value: id of a time that was offered for a visit."""
    VISIT_NONE = "visit_none"
    """None of the times fits; value: id of the visit."""
    ACCEPT = "accept"
    """The workaround works; value: its id."""
    FAILS = "fails"
    """The workaround does not work; value: its id."""
    KNOW = "know"
    """A member of staff who is on duty knows of it; whether they take it is another question."""
    TAKE = "take"
    """A member of staff takes the ticket they were paged for."""


Offer = tuple[Act, str]
"""Act and value."""

OFFERED: Mapping[str, tuple[Offer, ...]] = MappingProxyType(
    {
        "received": ((Act.STATUS, ""),),
        "resolved": ((Act.CONFIRM, ""), (Act.REFUSE, "")),
        "closed": tuple((Act.RATE, str(score)) for score in range(1, 6)),
    }
)
"""Kind of a message of ours to what it offers in a chat."""


def offered(kind: str) -> tuple[Offer, ...]:
    """What a message of this kind offers.

    >>> [str(act) for act, _ in offered("resolved")]
    ['confirm', 'refuse']
    """
    return OFFERED.get(kind, ())
