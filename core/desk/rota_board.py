"""What do pages and programs see of duties, and how does somebody stand in for somebody else?

Every member of staff sees the plans. Who leads (shift leader, supervisor, administrator) puts overrides into them and takes them
out; the plans themselves are of the desk's configuration.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import MAXYEAR, MINYEAR, datetime, timedelta

from sqlalchemy import bindparam, select

from core.desk import case, duties, holes, people, reference, rota_gaps, staff_ways
from core.desk.errors import Forbidden, NotFound, invalid
from core.desk.principal import Principal
from core.ids import new_id
from core.rules import rotas
from core.rules.rotas import Rota, Shift
from core.store import tables
from core.store.tx import Prepared, Tx

LONGEST = timedelta(days=60)
MAX_REASON = 300  # characters
"""Of an override."""
LOOKS_AHEAD = timedelta(days=15)
"""For who comes next."""
MOST_DAYS = 62
"""Of a plan that is shown at once."""

override_table = tables.rota_override

_ONE = Prepared(
    select(override_table).where(
        override_table.c.rota == bindparam("rota"), override_table.c.id == bindparam("id")
    )
)
_ALL = Prepared(
    select(override_table)
    .where(override_table.c.rota == bindparam("rota"), override_table.c.removed_at.is_(None))
    .order_by(override_table.c.since, override_table.c.id)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A member of staff on a plan."""

    id: str
    name: str
    email: str
    phone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """Somebody's time on duty."""

    who: Person
    since: datetime
    until: datetime
    override: str | None
    """Id of the override that it is; None: as planned."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OnDuty:
    """How it stands with one rota."""

    rota: Rota
    now: Turn | None
    """None: nobody has this duty just now."""
    next: Turn | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StandIn:
    """An override that is not over."""

    id: str
    who: Person
    since: datetime
    until: datetime
    reason: str
    by: str
    """Name of who made it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One rota, from and until when."""

    rota: Rota
    since: datetime
    until: datetime
    turns: tuple[Turn, ...]
    open: tuple[tuple[datetime, datetime], ...]
    """When nobody has this duty by this rota."""
    stand_ins: tuple[StandIn, ...]


def may_change(who: Principal) -> bool:
    """Shift leaders, supervisors and administrators."""
    return who.leads


def listing(tx: Tx, who: Principal, *, at: datetime) -> tuple[OnDuty, ...]:
    """Every rota in the order of the configuration, with who is on duty at an instant and who comes next."""
    _only_staff(who)
    desk, found = reference.desk(tx), []
    standing_in = duties.overrides(tx, at - LOOKS_AHEAD, at + LOOKS_AHEAD)
    known: dict[str, Person] = {}
    for rota in desk.rotas:
        shifts = rotas.shifts(rota, standing_in, at - LOOKS_AHEAD, at + LOOKS_AHEAD)
        now = next((one for one in shifts if one.since <= at < one.until), None)
        after = next((one for one in shifts if one.since > at), None)
        found.append(OnDuty(rota=rota, now=_turn(tx, now, known), next=_turn(tx, after, known)))
    return tuple(found)


def plan(tx: Tx, who: Principal, name: str, *, since: datetime, until: datetime, now: datetime) -> Plan:
    """One rota in [since, until), at most 62 days. Raises NotFound, Invalid."""
    _only_staff(who)
    rota = _rota(tx, name)
    if not since < until <= since + timedelta(days=MOST_DAYS):
        raise invalid("/until", f"must be after since, and at most {MOST_DAYS} days later")
    shifts = duties.shifts(tx, rota, since, until)
    known: dict[str, Person] = {}
    turns = tuple(turn for one in shifts if (turn := _turn(tx, one, known)) is not None)
    return Plan(
        rota=rota,
        since=since,
        until=until,
        turns=turns,
        open=rotas.missing([(one.since, one.until) for one in shifts], since, until),
        stand_ins=tuple(_stand_ins(tx, rota, known, now=now)),
    )


def on_duty(tx: Tx, who: Principal, *, at: datetime) -> dict[tuple[str, str | None], tuple[Person, ...]]:
    """By duty and group (None: for all that have no rota of their own) who has it; duties that somebody has.

    Raises Invalid for an instant at either end of the calendar, which is another day somewhere.
    """
    _only_staff(who)
    if not MINYEAR < at.year < MAXYEAR:
        raise invalid("/at", "is no time at which anybody has a duty")
    desk, known = reference.desk(tx), dict[str, Person]()
    standing_in = duties.overrides(tx, at, at + datetime.resolution)
    found = {}
    for duty in rotas.DUTIES:
        for group in (None, *desk.groups):
            own = any(rota.duty == duty and group in rota.groups for rota in desk.rotas)
            there = rotas.on_duty(desk.rotas, standing_in, duty, group, at)
            if there and (group is None or own):
                found[duty, group] = tuple(_person(tx, one, known) for one in there)
    return found


def rota(tx: Tx, who: Principal, name: str) -> Rota:
    """One rota as it is planned. Raises NotFound."""
    _only_staff(who)
    return _rota(tx, name)


def gaps(tx: Tx, who: Principal, *, now: datetime) -> tuple[rotas.Gap, ...]:
    """What nobody has in the next 60 days."""
    _only_staff(who)
    return rota_gaps.gaps(tx, now=now)


def stand_in(
    tx: Tx,
    who: Principal,
    name: str,
    *,
    agent: str,
    since: datetime,
    until: datetime,
    reason: str,
    now: datetime,
) -> str:
    """Somebody (e-mail) has the duty instead, for a time; return the override's id. The same again is the same one.

    Raises NotFound, Forbidden, Invalid: an end before the beginning or in the past, no reason or an endless one, nobody we could call.
    """
    _only_leaders(who)
    rota = _rota(tx, name)
    chosen = people.agent_by_email(tx, agent)
    if chosen is None or not chosen.active:
        raise invalid("/agent", f"there is no member of staff {agent!r}")
    if all(way.channel == tx.facts.mails_by for way in staff_ways.by_order(tx, chosen)) and not chosen.phone:
        raise invalid(
            "/agent", f"{chosen.name} could not be called: they have neither a telephone nor a chat"
        )
    if until <= since:
        raise invalid("/until", "must be after the beginning")
    if until <= now:
        raise invalid("/until", "is over already: what was is not changed any more")
    if until - since > LONGEST:
        raise invalid("/until", f"is more than {LONGEST.days} days later: change the rota instead")
    reason = " ".join(reason.split())
    if not reason or len(reason) > MAX_REASON:
        raise invalid(
            "/reason",
            f"must say why in at most {MAX_REASON} characters, for whoever looks at the plan later",
        )
    for row in tx.all(_ALL, rota=rota.name):
        if (row.agent, row.since, row.until) == (chosen.id, since, until):
            return str(row.id)
    identity = new_id()
    tx.insert(
        override_table,
        rota=rota.name,
        id=identity,
        agent=chosen.id,
        since=since,
        until=until,
        by=who.actor,
        reason=reason,
        at=now,
    )
    _changed(tx, who, "rota.overridden", rota, identity, now=now)
    return identity


def take_out(tx: Tx, who: Principal, name: str, identity: str, *, now: datetime) -> None:
    """The override is no longer true; it stays on record. Raises NotFound, Forbidden."""
    _only_leaders(who)
    rota = _rota(tx, name)
    row = tx.one(_ONE, rota=rota.name, id=identity)
    if row is None:
        message = f"the rota {name!r} has no such override"
        raise NotFound(message)
    if row.removed_at is None:
        tx.update(override_table, {"rota": rota.name, "id": identity}, removed_at=now)
        _changed(tx, who, "rota.restored", rota, identity, now=now)


def _changed(tx: Tx, who: Principal, kind: str, rota: Rota, identity: str, *, now: datetime) -> None:
    case.record(tx, case.ADMINISTRATION, kind, now=now, actor=who.actor, rota=rota.name, override=identity)
    rota_gaps.soon(tx, now=now)
    holes.soon(tx, now=now)
    tx.tell("desk")


def _stand_ins(tx: Tx, rota: Rota, known: dict[str, Person], *, now: datetime) -> Sequence[StandIn]:
    return [
        StandIn(
            id=row.id,
            who=_person(tx, row.agent, known),
            since=row.since,
            until=row.until,
            reason=row.reason,
            by=_actor(tx, row.by, known),
        )
        for row in tx.all(_ALL, rota=rota.name)
        if row.until > now
    ]


def _actor(tx: Tx, actor: str, known: dict[str, Person]) -> str:
    kind, _, identity = actor.partition(":")
    return _person(tx, identity, known).name if kind == "agent" else tx.facts.name


def _rota(tx: Tx, name: str) -> Rota:
    found = next((rota for rota in reference.desk(tx).rotas if rota.name == name), None)
    if found is None:
        message = f"there is no rota {name!r}"
        raise NotFound(message)
    return found


def _turn(tx: Tx, shift: Shift | None, known: dict[str, Person]) -> Turn | None:
    if shift is None:
        return None
    who = _person(tx, shift.agent, known)
    return Turn(who=who, since=shift.since, until=shift.until, override=shift.override)


def _person(tx: Tx, identity: str, known: dict[str, Person]) -> Person:
    if identity not in known:
        agent = people.agent(tx, identity)
        known[identity] = Person(
            id=identity,
            name=agent.name if agent else identity,
            email=agent.email if agent else "",
            phone=agent.phone if agent else "",
        )
    return known[identity]


def _only_staff(who: Principal) -> None:
    if not who.is_agent:
        message = "there are no rotas here"
        raise NotFound(message)


def _only_leaders(who: Principal) -> None:
    _only_staff(who)
    if not may_change(who):
        raise Forbidden("only shift leaders, supervisors and administrators change who is on duty")
