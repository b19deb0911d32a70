"""Which open requests does nobody look after? Looked for every night; each is asked of somebody, and all are listed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, exists, literal, or_, select

from core.desk import tasks
from core.desk.principal import Principal
from core.rules import next_step
from core.store import tables
from core.store.schedules import Schedule
from core.store.tx import Prepared, Tx

KIND = "next-steps"
"""Of the job, and of what it finds."""
NIGHTLY = Schedule(name=KIND, rhythm="daily 03:40", kind=KIND, payload={})
TASK = "no_next_step"
MOST = 200
"""Asked of people in one night, and named in the list: with more, one cause is behind them all."""

ticket, job, task, finding = tables.ticket, tables.job, tables.task, tables.finding

_SUSPECTS = Prepared(
    select(
        ticket.c.id,
        ticket.c.number,
        ticket.c.subject,
        ticket.c.state,
        ticket.c.assignee,
        ticket.c.desk_group,
        ticket.c.next_due,
        tables.customer.c.name.label("customer"),
        ticket.c.requester_name,
        ticket.c.requester_address,
        exists()
        .where(job.c.shard == ticket.c.id, job.c.name == literal("timer"), job.c.kind != literal("clocks"))
        .correlate(ticket)
        .label("timer"),
    )
    .select_from(ticket.outerjoin(tables.customer, tables.customer.c.code == ticket.c.customer))
    .where(
        ticket.c.open.is_(True),
        or_(
            ticket.c.next_due.is_(None),
            ticket.c.assignee.is_(None) & ticket.c.desk_group.is_(None),
        ),
    )
    .order_by(ticket.c.id)
)
_ASKED = Prepared(select(task.c.ticket_id).where(task.c.kind == literal(TASK), task.c.done_at.is_(None)))
_FINDING = Prepared(select(finding).where(finding.c.name == bindparam("name")))


@dataclass(frozen=True, slots=True, kw_only=True)
class Unattended:
    """One that lacks something."""

    id: str
    number: str
    subject: str
    customer: str
    agent: str | None
    group: str | None
    lacks: tuple[str, ...]
    """Words of `rules.next_step`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What the last look found."""

    count: int
    numbers: tuple[str, ...]
    """Of the oldest, at most MOST."""
    at: datetime


def look(tx: Tx) -> list[Unattended]:
    """All of them, oldest first. Reads only."""
    found = []
    for row in tx.all(_SUSPECTS):
        lacks = next_step.lacks(
            state=row.state,
            owner=row.assignee is not None,
            group=row.desk_group is not None,
            due=row.next_due is not None,
            timer=bool(row.timer),
        )
        if lacks:
            customer = row.customer or row.requester_name or row.requester_address
            found.append(
                Unattended(
                    id=row.id,
                    number=row.number,
                    subject=row.subject,
                    customer=customer,
                    agent=row.assignee,
                    group=row.desk_group,
                    lacks=lacks,
                )
            )
    return found


def note(tx: Tx, found: list[Unattended], *, now: datetime) -> None:
    """Ask somebody about each, take back what is no longer so, and keep the list. Safe to repeat."""
    missing = {one.id for one in found}
    for row in tx.all(_ASKED):
        if row.ticket_id not in missing:
            tasks.settle(tx, once=TASK, now=now, ticket_id=row.ticket_id)
    for one in found[:MOST]:
        tasks.add(
            tx,
            TASK,
            ticket_id=one.id,
            agent=one.agent,
            group=None if one.agent else one.group,
            once=TASK,
            now=now,
            url=f"/desk/tickets/{one.number}",
            number=one.number,
            subject=one.subject,
            customer=one.customer,
            lacks=list(one.lacks),
        )
    content: Mapping[str, Any] = {"count": len(found), "numbers": [one.number for one in found[:MOST]]}
    if tx.one(_FINDING, name=KIND) is None:
        tx.insert_missing(finding, name=KIND, content=content, at=now)
    else:
        tx.update(finding, {"name": KIND}, content=content, at=now)


def last(tx: Tx, who: Principal) -> Found | None:
    """What the last look found, for those who lead; None: nobody looked yet, or it is not theirs."""
    row = tx.one(_FINDING, name=KIND) if who.leads else None
    if row is None:
        return None
    return Found(count=row.content["count"], numbers=tuple(row.content["numbers"]), at=row.at)
