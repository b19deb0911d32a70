"""What was worked on a ticket: minutes of somebody, when they ended, and what they were for. (desk.md 16)"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import bindparam, select

from core.desk import acts, ledger, search
from core.desk.case import Case
from core.desk.errors import Refused, invalid
from core.desk.principal import Principal
from core.ids import new_id
from core.rules import workflow
from core.store import tables
from core.store.tx import Prepared, Tx

KINDS = ("remote", "onsite", "travel", "vendor")
MAX_MINUTES = 100_000
"""Of one entry."""
MAX_TEXT = 10_000
TOLERANCE = timedelta(seconds=5)
"""By which the clock of who says so may go ahead of ours (desk.md 5)."""
ENDED = ("closed", "cancelled", "rejected", "merged")

activity = tables.activity

_OF_TICKET = Prepared(
    select(activity, tables.agent.c.name.label("agent_name"))
    .select_from(activity.outerjoin(tables.agent, tables.agent.c.id == activity.c.agent))
    .where(activity.c.ticket_id == bindparam("ticket_id"))
    .order_by(activity.c.at, activity.c.id)
)
_BY_IDEM = Prepared(
    select(activity.c.id).where(
        activity.c.ticket_id == bindparam("ticket_id"), activity.c.idem == bindparam("idem")
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """One entry."""

    id: str
    agent: str
    """Their name."""
    kind: str
    minutes: int
    text: str
    at: datetime
    """When it ended."""
    recorded_at: datetime


def log(
    tx: Tx,
    who: Principal,
    number: str,
    *,
    now: datetime,
    minutes: int,
    kind: str = "remote",
    at: datetime | None = None,
    text: str = "",
    idem: str = "",
) -> str:
    """Somebody worked on it; return the entry's id. `at`: when it ended; None: now. Staff only.

    Raises Invalid (422) for minutes that are none, after the ticket has ended, in the future and before the request; Refused
    (409) on a ticket that waits for approval, and when the contract line has less left. The same `idem` again is the same entry.
    """
    case = acts.begin(tx, who, number, now=now)
    acts.only_staff(who)
    found = tx.one(_BY_IDEM, ticket_id=case.id, idem=idem) if idem else None
    if found is not None:
        return str(found.id)
    if case["state"] in ENDED:
        raise invalid("/at", _ended(case))
    if case["state"] == "on_hold":
        raise Refused(
            f"{number} waits for approval: nobody works on it before",
            allowed=workflow.allowed(case["state"]),
            code="on_hold",
        )
    activity_id = enter(case, who, minutes=minutes, kind=kind, at=at or now, text=text, idem=idem)
    acts.finish(case)
    return activity_id


def _ended(case: Case) -> str:
    """Why no work is entered on it any more, and where it belongs."""
    number = case["number"]
    if case["state"] == "merged":
        survivor = case.tx.one(_NUMBER, id=case["merged_into"])
        return f"{number} was merged into {survivor.number}: enter the work there"
    if case["state"] == "closed":
        return f"{number} is closed: no work is entered after its end; reopen it, or open another"
    return f"{number} was {case['state']} and has ended for good: enter the work on another request"


_NUMBER = Prepared(select(tables.ticket.c.number).where(tables.ticket.c.id == bindparam("id")))


def enter(
    case: Case,
    who: Principal,
    *,
    minutes: int,
    kind: str = "remote",
    at: datetime,
    text: str = "",
    idem: str = "",
    agent: str = "",
) -> str:
    """The same on a ticket in hand, whatever its state. `agent`: who worked, where somebody else says so."""
    if kind not in KINDS:
        raise invalid("/kind", f"must be one of {', '.join(KINDS)}")
    if not 0 < minutes <= MAX_MINUTES:
        raise invalid("/minutes", f"must be 1 to {MAX_MINUTES}: the minutes that somebody worked on it")
    if at > case.now + TOLERANCE:
        raise invalid("/at", "is in the future: work is entered when it has ended")
    if at < case["received_at"]:
        raise invalid("/at", "is before the request was received")
    if len(text) > MAX_TEXT:
        raise invalid("/text", f"must be at most {MAX_TEXT} characters")
    activity_id = new_id()
    case.tx.insert(
        activity,
        ticket_id=case.id,
        id=activity_id,
        agent=agent or who.id,
        kind=kind,
        minutes=minutes,
        text=text.strip(),
        at=at,
        recorded_at=case.now,
        idem=idem,
    )
    case.event("activity.logged", actor=who.actor, at=at, activity=activity_id, work=kind, minutes=minutes)
    ledger.work(case, activity_id, minutes, actor=who.actor, at=at)
    return activity_id


def of_ticket(tx: Tx, who: Principal, number: str) -> list[Activity]:
    """What was worked, oldest first. Staff only."""
    found = search.find(tx, who, number)
    acts.only_staff(who)
    return [
        Activity(
            id=row.id,
            agent=row.agent_name or row.agent,
            kind=row.kind,
            minutes=row.minutes,
            text=row.text,
            at=row.at,
            recorded_at=row.recorded_at,
        )
        for row in tx.all(_OF_TICKET, ticket_id=found.id)
    ]
