"""What does somebody decide comes next? That the customer hears from us by then, or that we watch whether it holds.

Principal, number, `seen` and what is raised are as in core.desk.tickets.
"""

from __future__ import annotations

from datetime import datetime

from core.desk import acts, follow_ups, notices, promises, timing
from core.desk.errors import Refused, invalid
from core.desk.principal import Principal
from core.rules.promising import NONE
from core.store.tx import Tx


def promise(
    tx: Tx, who: Principal, number: str, *, now: datetime, promise_by: str | datetime, seen: int | None = None
) -> str:
    """Promise the next words without writing any: the customer is told by a notice. "none": nothing is promised.

    `promise_by`: as `promises.meant` reads it. One that is open and not yet due is moved; one that is overdue is kept by
    writing to the customer, and by nothing else: Refused.
    """
    case = acts.begin(tx, who, number, now=now)
    acts.only_staff(who)
    acts.check_seen(case, who, seen, ("message.in", "message.out", "promise."))
    row = promises.open_of(tx, case.id)
    if row is not None and row.due <= now:
        raise Refused(
            f"what was promised by {promises.said(case, row.due)} is overdue: write to the customer first",
            code="promise_overdue",
            allowed=("reply",),
        )
    due = promises.meant(case, promise_by)
    if due is not None:
        promises.make(case, who, due)
        notices.progress(case, "promise", by=promises.said(case, due))
    elif promise_by == NONE and row is None:
        promises.decline(case, who)
    else:
        raise invalid("/promise_by", "a promise is kept or moved, not taken back: choose another time")
    acts.finish(case)
    return number


def observe(
    tx: Tx, who: Principal, number: str, *, now: datetime, until: str | datetime, seen: int | None = None
) -> str:
    """It seems to work: watch it until then. Whoever has the ticket is asked to resolve it at that instant.

    `until`: as `promises.instant` takes it.
    """
    case = acts.begin(tx, who, number, now=now)
    acts.only_staff(who)
    acts.check_seen(case, who, seen, ("message.in", "ticket."))
    at = promises.instant(case, until, pointer="/until")
    acts.move(case, who, "observe", until=at.isoformat())
    timing.apply(case, "observe")
    follow_ups.observe(case, at)
    notices.progress(case, "observe", until=promises.said(case, at))
    acts.finish(case)
    return number
