"""What is somebody asked to do because of where a ticket stands? To approve, to look whether it holds, to read an answer.

Each is a task under a name of its own, and is settled when the ticket goes on from there.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from core.desk import reference, tasks
from core.desk.case import Case
from core.store import work
from core.store.tx import Tx

OBSERVED = "observed"
"""Of the job that wakes when nothing has come back for as long as was agreed."""
UNANSWERED = "unanswered"
"""Of the job that reminds a customer who was asked something (core.desk.no_answer)."""
APPROVE, HOLDS, ANSWERED = "approve", "observe_over", "customer_answered"
"""Kinds of tasks, and the names under which each is asked once."""
APPROVER = "shift-leader"

_OF_STATE = {"on_hold": APPROVE, "monitoring": HOLDS}


def about(case: Case) -> dict[str, Any]:
    """Values for the words of a task about this ticket, and where it leads."""
    customer = reference.customer(case.tx, case["customer"]) if case["customer"] else None
    return {
        "url": f"/desk/tickets/{case['number']}",
        "number": case["number"],
        "subject": case["subject"],
        "customer": customer.name if customer else case["requester_name"] or case["requester_address"],
    }


def ask(case: Case, kind: str, **more: Any) -> bool:
    """Of whoever has the ticket; of its group, where nobody has it; of those who lead, where no group has it.

    `more`: of `tasks.add`, and values for the words; `url`: where it leads, if not to the ticket. False: the same is asked already.
    """
    agent = case["assignee"]
    given = {"agent": agent, "group": None if agent else case["desk_group"], "once": kind} | more
    return tasks.add(case.tx, kind, ticket_id=case.id, now=case.now, **(about(case) | given)) is not None


def approval(case: Case) -> None:
    """The contract does not say so: somebody who leads decides before work begins."""
    ask(case, APPROVE, agent=None, group=None, role=APPROVER, due=case["next_due"])


def observe(case: Case, until: datetime) -> None:
    """Ask at that instant whether it holds."""
    work.set_timer(case.tx, shard=case.id, key=OBSERVED, kind=OBSERVED, payload={}, due=until, now=case.now)


def observed(tx: Tx, ticket_id: str, *, now: datetime) -> None:
    """The timer rang: whoever has the ticket is to resolve it, or to go on."""
    case = Case.open(tx, ticket_id, now=now)
    if case["state"] == "monitoring":
        ask(case, HOLDS, due=now)
        case.event("ticket.observed", actor="system")
        case.save()


def customer_answered(case: Case) -> None:
    """What was waited for is there."""
    ask(case, ANSWERED, due=case["next_due"])


def left(case: Case, state: str) -> None:
    """The ticket goes on from this state: what was asked because of it is no longer needed."""
    kind = _OF_STATE.get(state)
    if kind is not None:
        tasks.settle(case.tx, once=kind, now=case.now, ticket_id=case.id)
    if state == "monitoring":
        work.cancel(case.tx, shard=case.id, key=OBSERVED)
    if state == "waiting_customer":
        work.cancel(case.tx, shard=case.id, key=UNANSWERED)


def spoken(case: Case) -> None:
    """A person of ours wrote to the customer: their answer was read."""
    tasks.settle(case.tx, once=ANSWERED, now=case.now, ticket_id=case.id)
