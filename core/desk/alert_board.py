"""What fires now? The board of the control room, by customer, and the count beside its name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from sqlalchemy import func, literal, select

from core.alerting import Severity
from core.desk import acts, alert_views
from core.desk.alert_views import Alarm, Shape, rank
from core.desk.principal import Principal
from core.desk.scope import scope
from core.store import tables
from core.store.tx import Prepared, Tx

SHOWN = 2_000
"""Alarms that a board counts; with more than this nobody reads one by one."""

alert = tables.alert


@dataclass(frozen=True, slots=True, kw_only=True)
class OfCustomer:
    """What fires at one customer now; those that another one explains are counted with it."""

    code: str | None
    name: str
    alarms: tuple[Alarm, ...]
    """Worst first, of these the oldest."""
    behind: int
    counts: Mapping[str, int] = field(default_factory=dict)
    """By severity, those that are explained left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """What the control room looks at."""

    customers: tuple[OfCustomer, ...]
    counts: Mapping[str, int]
    """By severity: of what stands for itself."""
    behind: int
    """Explained by others."""
    held: int
    """They wait a moment: they may be over."""
    maintenance: int
    quiet: int
    """Severity info, and nobody is called."""
    explained: Mapping[str, int]
    """Id of an alarm to how many hang on it, by whatever lies between."""
    more: bool
    """There are more than SHOWN."""


# --- The board ----------------------------------------------------------------------------------------------


def board(tx: Tx, who: Principal) -> Board:
    """What fires now, by customer: who has the worst first. Raises Forbidden for contacts."""
    acts.only_staff(who)
    mine, may = scope(who), alert_views.condition(tx, who)
    rows = tx.all(_firing(mine.shape, Shape(may)), **dict(mine.values) | dict(may.values))
    alarms = [alert_views.alarm(row) for row in rows[:SHOWN]]
    apart = {"held": 0, "maintenance": 0, "suppressed": 0}
    explained: dict[str, int] = {}
    parents = {one.id: one.parent for one in alarms if one.parent}
    standing: dict[tuple[str | None, bool], list[Alarm]] = {}
    quiet = 0
    hidden: dict[str | None, int] = {}
    for one in alarms:
        if one.status in apart:
            apart[one.status] += 1
            if one.status == "suppressed":
                hidden[one.customer] = hidden.get(one.customer, 0) + 1
                for above in alert_views.explaining(parents, one.id):
                    explained[above] = explained.get(above, 0) + 1
        elif one.severity == Severity.INFO and one.ticket is None and not one.elsewhere:
            quiet += 1
        else:
            # What the hub says by itself is not a stranger's.
            standing.setdefault((one.customer, one.of_hub and one.customer is None), []).append(one)
    customers = [
        OfCustomer(
            code=code,
            name=of[0].customer_name,
            alarms=tuple(sorted(of, key=lambda one: (rank(one.severity), one.started_at, one.id))),
            behind=0 if of_hub else hidden.get(code, 0),
            counts=_counted(of),
        )
        for (code, of_hub), of in standing.items()
    ]
    customers.sort(
        key=lambda one: (
            rank(one.alarms[0].severity),
            -len(one.alarms) - one.behind,
            one.alarms[0].started_at,
        )
    )
    return Board(
        customers=tuple(customers),
        counts=_counted([one for of in standing.values() for one in of]),
        behind=apart["suppressed"],
        held=apart["held"],
        maintenance=apart["maintenance"],
        quiet=quiet,
        explained=explained,
        more=len(rows) > SHOWN,
    )


def _counted(alarms: Sequence[Alarm]) -> dict[str, int]:
    found: dict[str, int] = {}
    for one in alarms:
        found[one.severity] = found.get(one.severity, 0) + 1
    return {name: found[name] for name in alert_views.SEVERITIES if name in found}


@cache
def _firing(shape: tuple[Any, ...], of: Shape) -> Prepared:
    return Prepared(
        alert_views.joined(shape)
        .where(alert.c.firing, alert.c.hidden.is_(False), of.condition.build())
        .order_by(alert.c.last_seen.desc(), alert.c.id)
        .limit(SHOWN + 1)
    )


def firing(tx: Tx, who: Principal) -> int:
    """How many fire and stand for themselves, for the count beside the name of the page: as the board counts."""
    if not who.is_agent:
        return 0
    may = alert_views.condition(tx, who)
    return int(tx.one(_count(Shape(may)), **may.values).items)


@cache
def _count(of: Shape) -> Prepared:
    stands = alert.c.status.in_([literal("firing"), literal("acknowledged")])
    quiet = (alert.c.severity == literal(str(Severity.INFO))) & alert.c.ticket_id.is_(None)
    return Prepared(
        select(func.count().label("items"))
        .select_from(alert)
        .where(alert.c.firing, alert.c.hidden.is_(False), stands, ~quiet, of.condition.build())
    )
