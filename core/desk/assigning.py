"""Who of a group gets a ticket, where the group gives them out? And who is away, as they said themselves (desk.md 4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, bindparam, func, literal, or_, select, type_coerce
from sqlalchemy import case as when

from core.desk import acts, reference
from core.desk.case import ADMINISTRATION, Case, record
from core.desk.errors import Forbidden, NotFound, invalid
from core.desk.principal import Principal
from core.rules import assigning
from core.store import tables
from core.store.columns import Instant
from core.store.tx import Prepared, Row, Tx

ACTIVE = timedelta(minutes=30)
"""Who did something in the desk within this time is there."""
LONGEST = timedelta(days=365)

agent, ticket, sign_in = tables.agent, tables.ticket, tables.sign_in

_AGENTS = Prepared(select(agent).where(agent.c.active.is_(True)).order_by(agent.c.name, agent.c.id))
_ONE = Prepared(select(agent).where(agent.c.email == bindparam("email"), agent.c.active.is_(True)))
_SEEN = Prepared(
    select(sign_in.c.person, type_coerce(func.max(sign_in.c.seen_at), Instant).label("seen_at"))
    .where(sign_in.c.kind == literal("agent"), sign_in.c.expires_at > bindparam("now", type_=Instant))
    .group_by(sign_in.c.person)
)
_COUNTED = or_(*(ticket.c.priority == literal(rank) for rank in assigning.COUNTED))
_WORK = Prepared(
    select(
        ticket.c.assignee,
        func.sum(when((_COUNTED, 1), else_=0)).label("counted"),
        func.count().label("number"),
        type_coerce(func.max(ticket.c.state_since), Instant).label("last"),
    )
    .where(and_(ticket.c.open.is_(True), ticket.c.assignee.is_not(None)))
    .group_by(ticket.c.assignee)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """A member of staff, and how much is theirs."""

    id: str
    email: str
    name: str
    groups: tuple[str, ...]
    skills: tuple[str, ...]
    capacity: int
    working_on: int
    """Open tickets of P1 to P3."""
    items: int
    """All open tickets that are theirs."""
    last: datetime | None
    """When the newest of these came to them, or went on; None: they have nothing."""
    present: bool
    away_until: datetime | None


def assign(case: Case) -> None:
    """Give the ticket to somebody of its group, if the group does that and nobody has it. Nobody: it stays with the group."""
    group = reference.desk(case.tx).groups.get(case["desk_group"] or "")
    if group is None or not group.assigns or case["assignee"] is not None:
        return
    people = [one for one in _loads(case.tx, case.now) if group.name in one.groups]
    choice = assigning.choose(
        [_candidate(one) for one in people], technology=case["technology"], now=case.now
    )
    case.event(
        "ticket.assigned",
        actor="system",
        agent=choice.agent,
        considered=[list(pair) for pair in choice.considered],
        **{"from": None},
    )
    case.set(assignee=choice.agent)


def loads(tx: Tx, who: Principal, *, now: datetime) -> Sequence[Load]:
    """Everybody of the staff with what is theirs, by name. Raises Forbidden for anybody outside."""
    acts.only_staff(who)
    return _loads(tx, now)


def set_away(
    tx: Tx, who: Principal, until: datetime | None, *, now: datetime, email: str | None = None
) -> None:
    """Nothing is given to them until then; None: they are here. Others than oneself: whoever leads.

    Raises Invalid for an instant that is past or more than a year ahead.
    """
    acts.only_staff(who)
    wanted = (email or who.email).casefold()
    if wanted != who.email.casefold() and not who.leads:
        message = "a shift leader, a supervisor or an administrator says so of others"
        raise Forbidden(message)
    if until is not None and not now < until <= now + LONGEST:
        raise invalid("/until", "must be a moment to come, within a year")
    row = tx.one(_ONE, email=wanted)
    if row is None:
        message = f"there is no agent {wanted}"
        raise NotFound(message)
    if row.away_until == until:
        return
    tx.update(agent, {"id": row.id}, away_until=until)
    record(
        tx,
        ADMINISTRATION,
        "agent.away" if until else "agent.back",
        now=now,
        actor=who.actor,
        agent=row.id,
        until=until.isoformat() if until else None,
    )


def _loads(tx: Tx, now: datetime) -> list[Load]:
    seen = {row.person: row.seen_at for row in tx.all(_SEEN, now=now)}
    work = {row.assignee: row for row in tx.all(_WORK)}
    return [_load(row, seen.get(row.id), work.get(row.id), now) for row in tx.all(_AGENTS)]


def _load(row: Row, seen: datetime | None, work: Any, now: datetime) -> Load:
    return Load(
        id=row.id,
        email=row.email,
        name=row.name,
        groups=tuple(row.groups),
        skills=tuple(row.skills),
        capacity=row.capacity,
        working_on=int(work.counted) if work else 0,
        items=int(work.number) if work else 0,
        last=work.last if work else None,
        present=seen is not None and now - seen <= ACTIVE,
        away_until=row.away_until if row.away_until is not None and row.away_until > now else None,
    )


def _candidate(one: Load) -> assigning.Candidate:
    return assigning.Candidate(
        agent=one.id,
        present=one.present,
        away_until=one.away_until,
        working_on=one.working_on,
        capacity=one.capacity,
        skills=one.skills,
        idle_since=one.last,
    )
