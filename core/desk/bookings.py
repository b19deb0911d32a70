"""What is an engineer's time taken by? Visits, times that are held for a customer's choice, leave; nobody is in two places.

Whoever books moves on the row of the engineer first: two who want the same hour meet there, and the second finds it taken
(decision 0030). A hold ends by itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import bindparam, select, update

from core.desk import case, people
from core.desk.acts import only_staff
from core.desk.errors import Forbidden, NotFound, Refused, invalid
from core.desk.principal import Principal
from core.ids import new_id
from core.rules import slots
from core.rules.slots import Booked
from core.store import tables
from core.store.columns import Instant
from core.store.tx import Prepared, Row, Tx

VISIT, HOLD, LEAVE, OTHER = "visit", "hold", "leave", "other"
ABSENT = (LEAVE, OTHER)
"""What engineers, or those who lead them, enter themselves."""
TAKEN = "taken"
"""Code of the refusal."""
LONGEST = timedelta(days=366)
"""Of leave."""
MAX_NOTE = 300  # characters
TELL = "desk"
"""Who shows whose time is taken is told of leave under this word; what belongs to a ticket is told with it."""

booking, engineer = tables.booking, tables.engineer

_MEET = Prepared(
    update(engineer).where(engineer.c.agent == bindparam("of_agent")).values(revision=engineer.c.revision + 1)
)
_OF_AGENT = Prepared(
    select(booking)
    .where(
        booking.c.agent == bindparam("agent"),
        booking.c.until > bindparam("since", type_=Instant),
        booking.c.since < bindparam("until", type_=Instant),
        booking.c.expires_at.is_(None) | (booking.c.expires_at > bindparam("now", type_=Instant)),
    )
    .order_by(booking.c.since, booking.c.id)
)
_BETWEEN = Prepared(
    select(booking)
    .where(
        booking.c.until > bindparam("since", type_=Instant),
        booking.c.since < bindparam("until", type_=Instant),
        booking.c.expires_at.is_(None) | (booking.c.expires_at > bindparam("now", type_=Instant)),
    )
    .order_by(booking.c.since, booking.c.id)
)
_OF_VISIT = Prepared(
    select(booking).where(booking.c.visit_id == bindparam("visit_id")).order_by(booking.c.since, booking.c.id)
)
_ONE = Prepared(select(booking).where(booking.c.id == bindparam("id")))
_FREE = Prepared(
    booking.delete().where(booking.c.visit_id == bindparam("visit_id"), booking.c.kind == bindparam("kind"))
)
_FREE_ONE = Prepared(
    booking.delete().where(booking.c.agent == bindparam("agent"), booking.c.id == bindparam("id"))
)


def between(tx: Tx, since: datetime, until: datetime, *, now: datetime) -> list[Row]:
    """Everything that takes anybody's time in [since, until), in order of its beginning; holds that are over are not there."""
    return tx.all(_BETWEEN, since=since, until=until, now=now)


def of_visit(tx: Tx, visit_id: str) -> list[Row]:
    """What a visit takes: holds, and the time that was agreed."""
    return tx.all(_OF_VISIT, visit_id=visit_id)


def booked(rows: Iterable[Row]) -> tuple[Booked, ...]:
    """Rows as the rule takes them."""
    return tuple(Booked(since=row.since, until=row.until, travel=row.kind not in ABSENT) for row in rows)


def take(
    tx: Tx,
    agent: str,
    kind: str,
    since: datetime,
    until: datetime,
    *,
    by: str,
    now: datetime,
    ticket_id: str | None = None,
    visit_id: str | None = None,
    expires_at: datetime | None = None,
    note: str = "",
) -> str:
    """Book it; return its id. What the same visit holds is not in the way. Raises Refused (409) when it is taken.

    Visits keep the way there and back clear; leave does not.
    """
    tx.insert_new(engineer, agent=agent, revision=0)
    tx.run(_MEET, of_agent=agent)
    way = timedelta(minutes=slots.TRAVEL)
    there = tx.all(_OF_AGENT, agent=agent, since=since - way, until=until + way, now=now)
    others = [row for row in there if visit_id is None or row.visit_id != visit_id]
    if kind in ABSENT:
        in_the_way = any(row.since < until and row.until > since for row in others)
    else:
        in_the_way = slots.taken(booked(others), since, until) is not None
    if in_the_way:
        raise Refused("somebody was quicker: this time is taken by now, choose another", code=TAKEN)
    identity = new_id()
    tx.insert(
        booking,
        agent=agent,
        id=identity,
        kind=kind,
        since=since,
        until=until,
        ticket_id=ticket_id,
        visit_id=visit_id,
        note=note,
        by=by,
        at=now,
        expires_at=expires_at,
    )
    return identity


def free(tx: Tx, visit_id: str, *kinds: str) -> None:
    """What a visit took of these kinds is free again."""
    for kind in kinds:
        tx.run(_FREE, visit_id=visit_id, kind=kind)


def free_one(tx: Tx, row: Row) -> None:
    """This booking is free again."""
    tx.run(_FREE_ONE, agent=row.agent, id=row.id)


def shorten(tx: Tx, visit_id: str, *, until: datetime) -> None:
    """They left earlier than was booked: the rest is free."""
    for row in of_visit(tx, visit_id):
        if row.kind == VISIT and row.since < until < row.until:
            tx.update(booking, {"agent": row.agent, "id": row.id}, until=until)


# --- Leave -------------------------------------------------------------------------------------------------


def leave(
    tx: Tx,
    who: Principal,
    *,
    agent: str,
    since: datetime,
    until: datetime,
    now: datetime,
    kind: str = LEAVE,
    note: str = "",
) -> str:
    """An engineer (e-mail) is not there, or is elsewhere (`kind` other); return the id. They say so themselves, or who leads.

    Raises Invalid; Forbidden; Refused where a visit or a hold is in the way, which is moved first.
    """
    only_staff(who)
    found = people.agent_by_email(tx, agent.strip().lower())
    if found is None or not found.active:
        raise invalid("/agent", f"there is no agent {agent}")
    if found.id != who.id and not who.leads:
        raise Forbidden("leave of others is entered by a shift leader, a supervisor or an administrator")
    if kind not in ABSENT:
        raise invalid("/kind", f"must be one of {', '.join(ABSENT)}")
    if until <= since:
        raise invalid("/until", "must be after it begins")
    if until - since > LONGEST or since < now - LONGEST:
        raise invalid("/until", "is more than a year")
    if until <= now:
        raise invalid("/until", "is past")
    if len(note) > MAX_NOTE:
        raise invalid("/note", f"must be at most {MAX_NOTE} characters")
    made = take(tx, found.id, kind, since, until, by=who.actor, now=now, note=note.strip())
    tx.tell(TELL)
    case.record(
        tx, case.ADMINISTRATION, "engineer.leave", now=now, actor=who.actor, agent=found.id, booking=made
    )
    return made


def remove(tx: Tx, who: Principal, identity: str, *, now: datetime) -> None:
    """They are there after all. Raises NotFound, also for what is no leave, and outside; Forbidden."""
    row = tx.one(_ONE, id=identity) if who.is_agent else None
    if row is None or row.kind not in ABSENT:
        message = "there is no such leave"
        raise NotFound(message)
    if row.agent != who.id and not who.leads:
        raise Forbidden("leave of others is removed by a shift leader, a supervisor or an administrator")
    tx.run(_FREE_ONE, agent=row.agent, id=row.id)
    case.record(
        tx,
        case.ADMINISTRATION,
        "engineer.leave_removed",
        now=now,
        actor=who.actor,
        agent=row.agent,
        booking=row.id,
    )
    tx.tell(TELL)
