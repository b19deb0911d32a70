"""What hangs on what at a customer, and what of it is down? The things of a customer with what fires of each."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from sqlalchemy import bindparam, func, select

from core.desk import acts, alert_rows, alert_views, reference
from core.desk.alert_views import Shape
from core.desk.errors import NotFound
from core.desk.principal import Principal
from core.store import tables
from core.store.tx import Prepared, Tx

State = Literal["well", "held", "maintenance", "behind", "down"]
_STATES: dict[str, State] = {
    "held": "held",
    "maintenance": "maintenance",
    "suppressed": "behind",
    "firing": "down",
    "acknowledged": "down",
}
_WORST: tuple[State, ...] = ("well", "held", "maintenance", "behind", "down")

alert = tables.alert


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A thing of the tree."""

    name: str
    parent: str
    """Name of what it hangs on; empty: nothing."""
    site: str
    state: State
    severity: str
    """Of the worst that fires of it; empty: nothing does."""


def tree(tx: Tx, who: Principal, code: str) -> tuple[str, tuple[Node, ...]]:
    """Name of the customer, and their things by name. Raises NotFound for a customer there is not, Forbidden for contacts."""
    acts.only_staff(who)
    customer = reference.customer(tx, code)
    if customer is None:
        raise NotFound("there is no such customer")
    may = alert_views.condition(tx, who)
    states: dict[str, State] = {}
    severities: dict[str, str] = {}
    for row in tx.all(_firing(Shape(may)), customer=code, **may.values):
        state = _STATES[row.status]
        if _WORST.index(state) > _WORST.index(states.get(row.asset, "well")):
            states[row.asset] = state
        severities[row.asset] = min(
            severities.get(row.asset, row.severity), row.severity, key=alert_views.rank
        )
    found = alert_rows.assets(tx, code).by_name.values()
    return customer.name, tuple(
        Node(
            name=one.name,
            parent=one.parent,
            site=one.site,
            state=states.get(one.name, "well"),
            severity=severities.get(one.name, ""),
        )
        for one in sorted(found, key=lambda one: one.name)
    )


def looked_at_first(tx: Tx, who: Principal) -> str | None:
    """Code of the customer with the most that fires, of what this person may see. None: nothing fires anywhere."""
    acts.only_staff(who)
    may = alert_views.condition(tx, who)
    row = tx.one(_most(Shape(may)), **may.values)
    return None if row is None else str(row.customer)


@cache
def _most(of: Shape) -> Prepared:
    return Prepared(
        select(alert.c.customer)
        .where(
            alert.c.firing, alert.c.customer.is_not(None), alert.c.asset.is_not(None), of.condition.build()
        )
        .group_by(alert.c.customer)
        .order_by(func.count().desc(), alert.c.customer)
        .limit(1)
    )


@cache
def _firing(of: Shape) -> Prepared:
    columns: Any = (alert.c.asset, alert.c.status, alert.c.severity)
    return Prepared(
        select(*columns).where(
            alert.c.firing,
            alert.c.customer == bindparam("customer"),
            alert.c.asset.is_not(None),
            of.condition.build(),
        )
    )
