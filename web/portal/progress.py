"""How far is a request? The few steps that everybody knows, each with when it was, and the one it stands at."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from core.desk.views import TicketView

STEPS = {
    "received": "ticket.opened",
    "examined": "ticket.qualify",
    "taken": "ticket.take",
    "solved": "ticket.resolve",
    "closed": "ticket.close",
}
"""In their order, and the event that makes each."""
ENDED = {"rejected": "ticket.reject", "cancelled": "ticket.cancel"}
"""States in which it goes no further."""
_DONE = {
    "received": 1,
    "triage": 1,
    "on_hold": 1,
    "qualified": 2,
    "assigned": 2,
    "resolved": 4,
    "closed": 5,
}
"""How many steps are behind a request in this state; in any other it is worked on."""
_AT_WORK = 3


class Step(NamedTuple):
    """One of them."""

    key: str
    at: datetime | None
    """When it was done; None: it is not, or nobody knows."""
    done: bool
    current: bool
    """Where the request stands."""


def steps(found: TicketView) -> tuple[Step, ...]:
    """All of them for this request; what was taken back by a reopening is ahead again."""
    row = found.row
    last = {event.kind: event.at for event in found.events}
    if row.state in ENDED:
        opened = Step("received", row.received_at, done=True, current=False)
        return opened, Step(row.state, last.get(ENDED[row.state]), done=True, current=True)
    behind = _DONE.get(row.state, _AT_WORK)
    told = []
    for n, (key, event) in enumerate(STEPS.items(), 1):
        done = n <= behind
        at = row.received_at if key == "received" else last.get(event)
        told.append(Step(key, at if done else None, done=done, current=n == behind))
    return tuple(told)
