"""May a person say that something is more urgent than the matrix does? Yes: with why, beside what the matrix says (desk.md 6)."""

from __future__ import annotations

from datetime import datetime

from core.desk import acts, notices, placing, timing
from core.desk.errors import Refused, invalid
from core.desk.principal import Principal
from core.rules.priority import PRIORITIES
from core.store.tx import Tx


def override(
    tx: Tx,
    who: Principal,
    number: str,
    *,
    priority: str | None,
    reason: str,
    now: datetime,
    seen: int | None = None,
) -> str:
    """Set the priority by hand; None: what the matrix says counts again. Promises move with it, and the customer is told.

    Who, why (as a note) and what the matrix said are kept. Raises Refused for a ticket that is not qualified yet or has
    ended, Invalid for a priority there is not.
    """
    case = acts.begin(tx, who, number, now=now)
    acts.only_staff(who)
    acts.check_seen(case, who, seen, ("ticket.",))
    reason = acts.plain(reason, "/reason")
    if priority is not None and priority not in PRIORITIES:
        raise invalid("/priority", f"{priority!r} is not one of {', '.join(PRIORITIES)}")
    if not case["open"]:
        raise Refused(f"{number} is {case['state']}", allowed=("reopen",))
    if case["priority"] is None:
        raise Refused(
            f"{number} has no priority yet: qualify it first", allowed=("qualify",), code="no_priority"
        )
    computed = str(placing.computed(case).priority)
    before, to = case["priority"], priority or computed
    sources = {name: source for name, source in case["provenance"].items() if name != "priority"}
    case.set(priority=to, provenance=sources | ({"priority": "agent"} if priority else {}))
    case.event(
        "ticket.prioritised",
        actor=who.actor,
        priority=to,
        computed=computed,
        by_hand=priority is not None,
        note=acts.note(case, who, reason),
    )
    if to != before:
        timing.retarget(case)
        notices.progress(case, "changed", **placing.words(case))
    acts.finish(case)
    return number
