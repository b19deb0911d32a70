"""When is a ticket routed anew? When somebody is there again whom nobody was there of: a timer of the ticket."""

from __future__ import annotations

from datetime import datetime

from core.desk.case import Case
from core.store import work

KIND = "route-again"


def wait(case: Case, until: datetime | None) -> None:
    """Ask again then; None: somebody is there."""
    if until is None:
        no_longer(case)
        return
    work.set_timer(
        case.tx,
        shard=case.id,
        key=KIND,
        kind=KIND,
        payload={},
        due=max(until, case.now),
        now=case.now,
    )


def no_longer(case: Case) -> None:
    """Somebody has it."""
    if not case.new and case["desk_group"] is not None:
        work.cancel(case.tx, shard=case.id, key=KIND)
