"""What has somebody to do, besides the tickets in front of them? Tasks, and alarms on the board.

A task is one person's, a group's or a role's; whoever it is for sees it until somebody says that it is done.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select

from core.desk import search
from core.desk.case import ADMINISTRATION
from core.desk.errors import Forbidden, NotFound
from core.desk.principal import Principal
from core.ids import new_id
from core.store import tables
from core.store.tx import Prepared, Row, Tx

task = tables.task

TELL = "tasks"
"""Who shows tasks is told under this word."""

_OPEN = Prepared(
    select(task, tables.ticket.c.number)
    .select_from(task.outerjoin(tables.ticket, tables.ticket.c.id == task.c.ticket_id))
    .where(task.c.done_at.is_(None))
    .order_by(task.c.alarm.desc(), task.c.due, task.c.id)
)
_ONE = Prepared(
    select(task, tables.ticket.c.number)
    .select_from(task.outerjoin(tables.ticket, tables.ticket.c.id == task.c.ticket_id))
    .where(task.c.id == bindparam("id"))
)
_ONCE = Prepared(
    select(task.c.id).where(
        task.c.ticket_id == bindparam("ticket_id"), task.c.once == bindparam("once"), task.c.done_at.is_(None)
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One that is open."""

    id: str
    kind: str
    """A word of the catalogue: tasks.<kind>."""
    alarm: bool
    agent: str | None
    """Id; None with `group` and `role` None: of everybody who leads."""
    group: str | None
    role: str | None
    about: Mapping[str, Any]
    """Values for its words; `url`: where it leads."""
    number: str | None
    """Of its ticket; None: it belongs to none."""
    at: datetime
    due: datetime | None


def add(
    tx: Tx,
    kind: str,
    *,
    now: datetime,
    ticket_id: str = ADMINISTRATION,
    agent: str | None = None,
    group: str | None = None,
    role: str | None = None,
    due: datetime | None = None,
    alarm: bool = False,
    once: str = "",
    **about: Any,
) -> str | None:
    """Ask for something to be done; return its id. None: the same (`once`) is asked on this ticket already."""
    if once and tx.one(_ONCE, ticket_id=ticket_id, once=once) is not None:
        return None
    task_id = new_id()
    tx.insert(
        task,
        ticket_id=ticket_id,
        id=task_id,
        kind=kind,
        alarm=alarm,
        agent=agent,
        desk_group=group,
        role=role,
        about=about,
        at=now,
        due=due,
        once=once,
    )
    tx.tell(TELL)
    return task_id


def settle(tx: Tx, *, once: str, now: datetime, ticket_id: str = ADMINISTRATION, by: str = "system") -> None:
    """What was asked under this name is no longer needed, or done by itself."""
    row = tx.one(_ONCE, ticket_id=ticket_id, once=once)
    if row is not None:
        tx.update(task, {"ticket_id": ticket_id, "id": row.id}, done_at=now, done_by=by)
        tx.tell(TELL)


def done(tx: Tx, who: Principal, task_id: str, *, now: datetime) -> None:
    """Whoever it is for says that it is done. Raises NotFound; Forbidden for whom it is not."""
    row = tx.one(_ONE, id=task_id)
    if row is None or not _in_scope(tx, who, row):
        message = "there is no such task"
        raise NotFound(message)
    if not _for(who, row):
        message = "this is for somebody else"
        raise Forbidden(message)
    if row.done_at is None:
        tx.update(task, {"ticket_id": row.ticket_id, "id": row.id}, done_at=now, done_by=who.actor)
        tx.tell(TELL)


def mine(tx: Tx, who: Principal) -> list[Task]:
    """What is open for this person: alarms first, then the most urgent."""
    if not who.is_agent:
        return []
    return [_task(row) for row in tx.all(_OPEN) if _for(who, row)]


def _in_scope(tx: Tx, who: Principal, row: Row) -> bool:
    if row.number is None:
        return who.is_agent
    try:
        search.find(tx, who, row.number)
    except NotFound:
        return False
    return True


def _for(who: Principal, row: Row) -> bool:
    if row.agent is not None:
        return bool(row.agent == who.id)
    if row.desk_group is not None:
        return row.desk_group in who.groups or who.leads
    if row.role is not None:
        return row.role in who.roles or who.is_admin
    return who.leads


def _task(row: Row) -> Task:
    return Task(
        id=row.id,
        kind=row.kind,
        alarm=row.alarm,
        agent=row.agent,
        group=row.desk_group,
        role=row.role,
        about=row.about,
        number=row.number,
        at=row.at,
        due=row.due,
    )
