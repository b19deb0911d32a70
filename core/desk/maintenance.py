"""When is somebody working on it? Windows in which alerts of a customer, a site, a thing or a label call nobody (monitoring.md 5)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import bindparam, literal, select

from core.store import tables
from core.store.columns import Instant
from core.store.tx import Prepared, Row, Tx

window = tables.maintenance_window

_NOW = Prepared(
    select(window).where(
        window.c.state == literal("planned"),
        window.c.since <= bindparam("now", type_=Instant),
        window.c.until > bindparam("now", type_=Instant),
        window.c.customer == bindparam("customer"),
    )
)


def until(tx: Tx, row: Row, *, now: datetime) -> datetime | None:
    """The end of the windows that an alert lies in now, the latest; None: nobody is working there."""
    ends = [one.until for one in tx.all(_NOW, now=now, customer=row.customer or "") if _matches(one, row)]
    return max(ends, default=None)


def _matches(one: Row, row: Row) -> bool:
    if one.site and one.site != row.site:
        return False
    if one.asset and one.asset != row.asset:
        return False
    name, _, value = one.tag.partition("=")
    return not one.tag or row.about.get("labels", {}).get(name) == value
