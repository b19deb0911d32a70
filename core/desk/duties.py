"""Who is on duty? The rotas of the configuration with their overrides; whoever calls or waits for staff asks here."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import bindparam, select

from core.desk import reference
from core.rules import rotas
from core.rules.rotas import Override, Rota, Shift, Span
from core.store import tables
from core.store.columns import Instant
from core.store.tx import Prepared, Row, Tx

override = tables.rota_override

_OVERRIDES = Prepared(
    select(override)
    .where(
        override.c.removed_at.is_(None),
        override.c.until > bindparam("since", type_=Instant),
        override.c.since < bindparam("until", type_=Instant),
    )
    .order_by(override.c.at, override.c.id)
)


def on_duty(tx: Tx, duty: str, group: str | None, at: datetime) -> tuple[str, ...]:
    """Ids of who has a duty (on-call, second, shift-leader, supervisor) for a group at an instant.

    The group's own rotas first; where nobody is on duty by those, or `group` is None, the rotas that are for all groups.
    Asks nothing of the database where no rota concerns it.
    """
    concerning = _concerning(tx, duty, group)
    if not concerning:
        return ()
    return rotas.on_duty(concerning, overrides(tx, at, at + datetime.resolution), duty, group, at)


def on_duty_intervals(
    tx: Tx, duty: str, group: str | None, since: datetime, until: datetime
) -> tuple[Span, ...]:
    """When in [since, until) somebody has that duty for that group: merged intervals, in order."""
    concerning = _concerning(tx, duty, group)
    if not concerning:
        return ()
    return rotas.intervals(concerning, overrides(tx, since, until), duty, group, since, until)


def shifts(tx: Tx, rota: Rota, since: datetime, until: datetime) -> tuple[Shift, ...]:
    """Who has the duty of one rota in [since, until), in order."""
    return rotas.shifts(rota, overrides(tx, since, until), since, until)


def overrides(tx: Tx, since: datetime, until: datetime) -> list[Override]:
    """Those that are true in [since, until), the one that was made last at the end."""
    return [of_row(row) for row in tx.all(_OVERRIDES, since=since, until=until)]


def of_row(row: Row) -> Override:
    """An override as the rule takes it."""
    return Override(id=row.id, rota=row.rota, agent=row.agent, since=row.since, until=row.until)


def _concerning(tx: Tx, duty: str, group: str | None) -> list[Rota]:
    return [
        rota
        for rota in reference.desk(tx).rotas
        if rota.duty == duty and (not rota.groups or group in rota.groups)
    ]


def fallback(tx: Tx) -> str:
    """The telephone number that is called when nobody on any rung answers; empty: there is none."""
    found = [rota.fallback for rota in reference.desk(tx).rotas if rota.fallback]
    return found[0] if found else ""
