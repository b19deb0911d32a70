"""When is nobody on duty who should be? Looked at every night and whenever a plan changes; an alarm, a week before it comes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import bindparam, literal, select

from core.desk import duties, reference, tasks
from core.desk.case import ADMINISTRATION
from core.rules import rotas
from core.rules.rotas import Gap, Wanted
from core.store import tables, work
from core.store.columns import from_micros, to_micros
from core.store.schedules import Schedule
from core.store.tx import Prepared, Tx

KIND = "rotas"
NIGHTLY = Schedule(name=KIND, rhythm="daily 02:40", kind=KIND, payload={})
GAP = "rota_gap"
"""The alarm."""

finding, task = tables.finding, tables.task

_KEPT = Prepared(select(finding).where(finding.c.name == literal(KIND)))
_PLANNED = Prepared(select(tables.rota.c.name).limit(1))
_ALARMS = Prepared(
    select(task.c.once).where(
        task.c.ticket_id == bindparam("ticket_id"), task.c.kind == literal(GAP), task.c.done_at.is_(None)
    )
)


def soon(tx: Tx, *, now: datetime) -> None:
    """What plans depend on was changed in this transaction: look at them as soon as may be, where there are any."""
    if tx.one(_PLANNED) is None and tx.one(_KEPT) is None:
        return
    work.set_timer(tx, shard=ADMINISTRATION, key=KIND, kind=KIND, payload={}, due=now, now=now)


def look(tx: Tx, *, now: datetime) -> None:
    """Keep what is found for pages, raise an alarm for what comes within a week, and settle those that were closed."""
    found = gaps(tx, now=now)
    content = [
        {"what": gap.what, "of": list(gap.of), "since": to_micros(gap.since), "until": to_micros(gap.until)}
        for gap in found
    ]
    if tx.one(_KEPT) is None:
        tx.insert(finding, name=KIND, content=content, at=now)
    else:
        tx.update(finding, {"name": KIND}, content=content, at=now)
    near = {_key(gap): gap for gap in found if gap.since < now + rotas.ALARM_AHEAD}
    for row in tx.all(_ALARMS, ticket_id=ADMINISTRATION):
        if row.once not in near:
            tasks.settle(tx, once=row.once, now=now)
    for key, gap in near.items():
        tasks.add(
            tx,
            GAP,
            now=now,
            due=gap.since,
            alarm=True,
            once=key,
            what=gap.what,
            of=list(gap.of),
            since=gap.since.isoformat(),
            until=gap.until.isoformat(),
            url="/desk/rotas",
        )


def gaps(tx: Tx, *, now: datetime, ahead: datetime | None = None) -> tuple[Gap, ...]:
    """Those of the next 60 days (or until `ahead`), computed now. A desk without rotas has none: it plans no duties."""
    plans = reference.desk(tx).rotas
    if not plans:
        return ()
    until = ahead or now + rotas.AHEAD
    return rotas.gaps(plans, duties.overrides(tx, now, until), _wanted(tx), now, until)


def kept(tx: Tx) -> tuple[datetime | None, tuple[Gap, ...]]:
    """What the last look found, and when that was; None: nobody looked yet."""
    row = tx.one(_KEPT)
    if row is None:
        return None, ()
    return row.at, tuple(
        Gap(
            what=one["what"],
            of=tuple(one["of"]),
            since=from_micros(one["since"]),
            until=from_micros(one["until"]),
        )
        for one in row.content
    )


def _key(gap: Gap) -> str:
    return f"{GAP}:{gap.what}:{','.join(gap.of)}:{to_micros(gap.since)}"


def _wanted(tx: Tx) -> tuple[Wanted, ...]:
    desk = reference.desk(tx)
    groups = [(one.name, one.level, one.technologies) for one in desk.groups.values()]
    return rotas.wanted(groups, _covered(tx, desk.technologies))


def _covered(tx: Tx, known: Sequence[str]) -> list[str]:
    """Technologies that a contract names, in the order of the desk; a line that names none covers all."""
    named: set[str] = set()
    for row in tx.all(select(tables.contract.c.version)):
        for line in reference.contract(tx, row.version).lines:
            if not line.technologies:
                return list(known)
            named.update(line.technologies)
    return [technology for technology in known if technology in named]
