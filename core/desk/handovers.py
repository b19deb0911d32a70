"""How does one shift hand over to the next? A brief when a shift ends, a sentence for what is grave, and two signatures.

Who leads (shift leader, supervisor, administrator) writes the sentences and signs; nobody signs for both sides. What is said after
a signature makes the brief another one, and both sign again. The brief as it was signed is kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import bindparam, literal, or_, select

from core.desk import case, duties, handover_facts, people, reference, tasks
from core.desk.errors import Forbidden, NotFound, Refused, Stale, invalid
from core.desk.principal import Principal
from core.ids import new_id
from core.rules import handover, rotas
from core.store import tables
from core.store.columns import Instant
from core.store.schedules import Schedule
from core.store.tx import Prepared, Row, Tx

KIND = "handover"
EVERY_MINUTE = Schedule(name=KIND, rhythm="every 60", kind=KIND, payload={})
LOOKS_BACK = timedelta(hours=12)
"""After a standstill: older shifts are not handed over any more."""
AROUND = timedelta(days=2)
LONGEST = 1000  # characters of a sentence
SIGN, UNSIGNED = "handover_sign", "handover_unsigned"
"""A task of both leaders; the alarm."""

Side = Literal["out", "in"]

table = tables.handover

_KNOWN = Prepared(select(tables.finding.c.content).where(tables.finding.c.name == literal(KIND)))
_ONE = Prepared(select(table).where(table.c.id == bindparam("id")))
_OF_END = Prepared(
    select(table.c.id).where(table.c.rota == bindparam("rota"), table.c.ends == bindparam("ends"))
)
_UNSIGNED = Prepared(
    select(table)
    .where(
        or_(table.c.signed_out.is_(None), table.c.signed_in.is_(None)),
        table.c.ends > bindparam("since", type_=Instant),
    )
    .order_by(table.c.ends)
)
_PAST = Prepared(
    select(table)
    .where(table.c.ends < bindparam("before", type_=Instant))
    .order_by(table.c.ends.desc(), table.c.id)
    .limit(bindparam("limit"))
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Handover:
    """One shift to the next."""

    id: str
    rota: str
    ends: datetime
    outgoing: str
    """Name."""
    incoming: str
    """Empty: nobody is on the plan."""
    brief: handover.Brief
    sentences: Mapping[str, str]
    hash: str
    unsaid: tuple[str, ...]
    """Numbers of tickets that need a sentence before anybody can sign."""
    signed_out: datetime | None
    signed_out_by: str
    signed_in: datetime | None
    signed_in_by: str

    @property
    def signed(self) -> bool:
        """By both."""
        return self.signed_out is not None and self.signed_in is not None


# --- By itself ----------------------------------------------------------------------------------------------


def look(tx: Tx, *, now: datetime) -> None:
    """Every minute: make the brief of a shift that has ended, and raise an alarm where one stays unsigned. Safe to repeat.

    Shifts that ended before their rota was first looked at are handed over to nobody.
    """
    leading = [rota for rota in reference.desk(tx).rotas if rota.duty == rotas.SHIFT_LEADER]
    if not leading:
        return
    known = _known_since(tx, [rota.name for rota in leading], now=now)
    overrides = duties.overrides(tx, now - AROUND, now + AROUND)
    for rota in leading:
        since = max(now - LOOKS_BACK, known[rota.name])
        changes = handover.changes_of_shift(rotas.shifts(rota, overrides, now - AROUND, now + AROUND))
        for at, outgoing, incoming in changes:
            if since < at <= now and tx.one(_OF_END, rota=rota.name, ends=at) is None:
                _begin(tx, rota.name, at, outgoing, incoming, now=now)
    for row in tx.all(_UNSIGNED, since=now - AROUND):
        if now >= row.ends + handover.UNSIGNED:
            tasks.add(tx, UNSIGNED, now=now, alarm=True, once=f"{UNSIGNED}:{row.id}", **_about(row))


def _known_since(tx: Tx, rotas_: Sequence[str], *, now: datetime) -> dict[str, datetime]:
    """Since when each of these rotas is looked at: who led before anybody could say so hands over nothing."""
    row = tx.one(_KNOWN)
    kept = row.content if row is not None else {}
    known = {name: kept.get(name) or now.isoformat() for name in rotas_}
    if row is None:
        tx.insert(tables.finding, name=KIND, content=known, at=now)
    elif known != kept:
        tx.update(tables.finding, {"name": KIND}, content=known, at=now)
    return {name: datetime.fromisoformat(at) for name, at in known.items()}


def _begin(tx: Tx, rota: str, ends: datetime, outgoing: str, incoming: str, *, now: datetime) -> None:
    content = handover.brief(handover_facts.now_open(tx, now=now))
    identity = new_id()
    tx.insert(
        table,
        id=identity,
        rota=rota,
        ends=ends,
        outgoing=outgoing,
        incoming=incoming,
        brief=content,
        hash=handover.digest(content, {}),
        sentences={},
        at=now,
    )
    case.record(
        tx, case.ADMINISTRATION, "handover.begun", now=now, actor="system", handover=identity, rota=rota
    )
    row = tx.one(_ONE, id=identity)
    for agent in dict.fromkeys(one for one in (outgoing, incoming) if one):
        tasks.add(tx, SIGN, now=now, agent=agent, once=f"{SIGN}:{identity}:{agent}", **_about(row))


def _about(row: Row) -> dict[str, Any]:
    return {"url": f"/desk/handovers/{row.id}", "rota": row.rota, "ends": row.ends.isoformat()}


# --- What people see ----------------------------------------------------------------------------------------


def listing(tx: Tx, who: Principal, *, before: datetime, limit: int = 50) -> list[Handover]:
    """Of shifts that ended before an instant, newest first. For staff who see every ticket. Raises NotFound."""
    _only_who_sees_all(who)
    return [_shown(tx, row) for row in tx.all(_PAST, before=before, limit=limit)]


def unsigned(tx: Tx, who: Principal, *, now: datetime) -> list[Handover]:
    """Those that somebody has to sign yet, the oldest first; nothing for who does not see every ticket."""
    if not (who.is_agent and who.sees_everything):
        return []
    return [_shown(tx, row) for row in tx.all(_UNSIGNED, since=now - AROUND)]


def one(tx: Tx, who: Principal, identity: str) -> Handover:
    """One handover. Raises NotFound."""
    _only_who_sees_all(who)
    return _shown(tx, _row(tx, identity))


# --- What they do -------------------------------------------------------------------------------------------


def say(tx: Tx, who: Principal, identity: str, sentences: Mapping[str, str], *, now: datetime) -> Handover:
    """What the next shift must know of these tickets (number to sentence; an empty one takes it back).

    The brief is made anew with what stands open now, and signatures that were given count no more: they were of another
    brief. Raises NotFound, Forbidden, Refused once both have signed, Invalid.
    """
    _only_leaders(who)
    row = _open_row(tx, identity)
    said = {**row.sentences, **{number: " ".join(text.split()) for number, text in sentences.items()}}
    said = {number: text for number, text in said.items() if text}
    for number, text in said.items():
        if len(text) > LONGEST:
            raise invalid(f"/sentences/{number}", f"must have at most {LONGEST} characters")
    content = handover.brief(handover_facts.now_open(tx, now=now))
    digest = handover.digest(content, said)
    if digest != row.hash:
        tx.update(
            table,
            {"id": identity},
            brief=content,
            sentences=said,
            hash=digest,
            signed_out=None,
            signed_in=None,
            signed_out_by="",
            signed_in_by="",
        )
        _recorded(tx, who, "handover.said", identity, now=now, hash=digest)
    return _shown(tx, _row(tx, identity))


def sign(tx: Tx, who: Principal, identity: str, *, side: Side, seen: str, now: datetime) -> Handover:
    """Sign for the shift that goes (`out`) or comes (`in`). `seen`: the hash of the brief that was read.

    Raises NotFound, Forbidden, Refused: with the tickets that have no sentence yet (`missing`), for who signed for the other
    side, and once that side has signed; Stale when the brief is another one by now.
    """
    _only_leaders(who)
    row = _row(tx, identity)
    signed_at, signed_by = (
        (row.signed_out, row.signed_out_by) if side == "out" else (row.signed_in, row.signed_in_by)
    )
    if signed_at is not None:
        if signed_by == who.actor:
            return _shown(tx, row)
        raise Refused(f"{_name(tx, signed_by)} has signed for this side already", code="signed_already")
    if seen != row.hash:
        raise Stale(
            "the brief was changed since you read it: read it again, then sign", newer=(), last_event=0
        )
    unsaid = handover.unsaid(row.brief, row.sentences)
    if unsaid:
        raise Refused(
            f"what the next shift must know is not said yet of {', '.join(unsaid)}: write a sentence for each",
            missing=unsaid,
            code="unsaid",
        )
    if who.actor == (row.signed_in_by if side == "out" else row.signed_out_by):
        raise Refused("you signed for the other side: somebody else signs for this one", code="both_sides")
    tx.update(table, {"id": identity}, **{f"signed_{side}": now, f"signed_{side}_by": who.actor})
    _recorded(tx, who, "handover.signed", identity, now=now, hash=row.hash, side=side)
    after = _row(tx, identity)
    if after.signed_out is not None and after.signed_in is not None:
        tasks.settle(tx, once=f"{UNSIGNED}:{identity}", now=now, by=who.actor)
        for agent in (row.outgoing, row.incoming):
            tasks.settle(tx, once=f"{SIGN}:{identity}:{agent}", now=now, by=who.actor)
    else:
        agent = row.outgoing if side == "out" else row.incoming
        tasks.settle(tx, once=f"{SIGN}:{identity}:{agent}", now=now, by=who.actor)
    return _shown(tx, after)


def _recorded(tx: Tx, who: Principal, kind: str, identity: str, *, now: datetime, **data: Any) -> None:
    case.record(tx, case.ADMINISTRATION, kind, now=now, actor=who.actor, handover=identity, **data)
    tx.tell(tasks.TELL)


def _open_row(tx: Tx, identity: str) -> Row:
    row = _row(tx, identity)
    if row.signed_out is not None and row.signed_in is not None:
        raise Refused("both have signed: this brief is kept as it is", code="signed")
    return row


def _row(tx: Tx, identity: str) -> Row:
    row = tx.one(_ONE, id=identity)
    if row is None:
        message = "there is no such handover"
        raise NotFound(message)
    return row


def _shown(tx: Tx, row: Row) -> Handover:
    return Handover(
        id=row.id,
        rota=row.rota,
        ends=row.ends,
        outgoing=_name(tx, f"agent:{row.outgoing}"),
        incoming=_name(tx, f"agent:{row.incoming}") if row.incoming else "",
        brief=row.brief,
        sentences=row.sentences,
        hash=row.hash,
        unsaid=handover.unsaid(row.brief, row.sentences),
        signed_out=row.signed_out,
        signed_out_by=_name(tx, row.signed_out_by),
        signed_in=row.signed_in,
        signed_in_by=_name(tx, row.signed_in_by),
    )


def _name(tx: Tx, actor: str) -> str:
    identity = actor.removeprefix("agent:")
    agent = people.agent(tx, identity) if identity else None
    return agent.name if agent is not None else identity


def _only_who_sees_all(who: Principal) -> None:
    if not (who.is_agent and who.sees_everything):
        message = "there are no handovers here"
        raise NotFound(message)


def _only_leaders(who: Principal) -> None:
    _only_who_sees_all(who)
    if not who.leads:
        raise Forbidden("a handover is written and signed by shift leaders, supervisors and administrators")
