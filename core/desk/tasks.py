"""What has somebody to do, besides the tickets in front of them? Tasks, and alarms on the board.

A task is one person's, a group's or a role's; whoever it is for sees it until somebody says that it is done.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, bindparam, case, func, or_, select

from core.desk import search
from core.desk.case import ADMINISTRATION, Case
from core.desk.errors import Forbidden, NotFound
from core.desk.principal import Principal
from core.ids import new_id
from core.store import tables
from core.store.tx import Prepared, Row, Tx

task = tables.task

TELL = "tasks"
"""Who shows tasks is told under this word."""

SHOWN = 300
"""Of one person; who has more has other worries than to read them."""

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
    done_at: datetime | None = None


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
    """Whoever it is for says that it is done; again, it stays done by who said so first.

    Raises NotFound; Forbidden for whom it is not. On a ticket, it is among what happened there.
    """
    row = tx.one(_ONE, id=task_id)
    if row is None or not _in_scope(tx, who, row):
        message = "there is no such task"
        raise NotFound(message)
    if not _for(who, row):
        message = "this is for somebody else"
        raise Forbidden(message)
    if row.done_at is None:
        tx.update(task, {"ticket_id": row.ticket_id, "id": row.id}, done_at=now, done_by=who.actor)
        if row.number is not None:
            of = Case.open(tx, row.ticket_id, now=now)
            of.event("task.done", actor=who.actor, task=row.id, what=row.kind)
            of.save()
        tx.tell(TELL)


def mine(tx: Tx, who: Principal) -> list[Task]:
    """What is open for this person, at most SHOWN: alarms first, then the most urgent; what is due at no time comes last."""
    if not who.is_agent:
        return []
    shape, values = _whose(who)
    return [_task(row) for row in tx.all(_open(shape), **values)]


def one(tx: Tx, who: Principal, task_id: str) -> Task:
    """A task in scope, done or not. Raises NotFound."""
    row = tx.one(_ONE, id=task_id)
    if row is None or not _in_scope(tx, who, row):
        message = "there is no such task"
        raise NotFound(message)
    return _task(row)


class Count(NamedTuple):
    """How many tasks are open for somebody."""

    tasks: int
    alarms: int


def count(tx: Tx, who: Principal) -> Count:
    """Of this person's."""
    if not who.is_agent:
        return Count(0, 0)
    shape, values = _whose(who)
    row = tx.one(_count(shape), **values)
    return Count(int(row.items), int(row.alarms or 0))


_Shape = tuple[int, int, bool, bool]
"""How many groups and roles somebody has, whether they lead, and whether they administrate."""


def _whose(who: Principal) -> tuple[_Shape, dict[str, str]]:
    roles = sorted(who.roles)
    values = {"me": who.id}
    values |= {f"group_{n}": name for n, name in enumerate(who.groups)}
    values |= {f"role_{n}": name for n, name in enumerate(roles)}
    return (len(who.groups), len(roles), who.leads, who.is_admin), values


def _theirs(shape: _Shape) -> ColumnElement[bool]:
    """The same as `_for`, asked of the table."""
    groups, roles, leads, administrates = shape
    of_nobody = task.c.agent.is_(None)
    of_no_group = of_nobody & task.c.desk_group.is_(None)
    ways: list[ColumnElement[bool]] = [task.c.agent == bindparam("me")]
    if leads:
        ways += [of_nobody & task.c.desk_group.is_not(None), of_no_group & task.c.role.is_(None)]
    elif groups:
        ways.append(of_nobody & or_(*(task.c.desk_group == bindparam(f"group_{n}") for n in range(groups))))
    if administrates:
        ways.append(of_no_group & task.c.role.is_not(None))
    elif roles:
        ways.append(of_no_group & or_(*(task.c.role == bindparam(f"role_{n}") for n in range(roles))))
    return task.c.done_at.is_(None) & or_(*ways)


@cache
def _open(shape: _Shape) -> Prepared:
    return Prepared(
        select(task, tables.ticket.c.number)
        .select_from(task.outerjoin(tables.ticket, tables.ticket.c.id == task.c.ticket_id))
        .where(_theirs(shape))
        .order_by(task.c.alarm.desc(), task.c.due.is_(None), task.c.due, task.c.id)
        .limit(SHOWN)
    )


@cache
def _count(shape: _Shape) -> Prepared:
    alarms = func.sum(case((task.c.alarm, 1), else_=0))
    return Prepared(
        select(func.count().label("items"), alarms.label("alarms")).select_from(task).where(_theirs(shape))
    )


def _in_scope(tx: Tx, who: Principal, row: Row) -> bool:
    if not who.is_agent or row.number is None:
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
        done_at=row.done_at,
    )
