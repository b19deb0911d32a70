"""What does a source mean by a name? What staff said once of an alarm whose thing nobody knew holds for all that follow."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import bindparam, select

from core.desk.principal import Principal
from core.store import tables
from core.store.tx import Prepared, Row, Tx

_ONE = Prepared(
    select(tables.alert_name).where(
        tables.alert_name.c.source == bindparam("source"),
        tables.alert_name.c.resource == bindparam("resource"),
    )
)


def meant(tx: Tx, source: str, resource: str | None) -> Row | None:
    """`customer` and `asset` that staff gave this name of the source; None: nobody said."""
    key = (resource or "").strip().lower()
    return tx.one(_ONE, source=source, resource=key) if key else None


def foresee(tx: Tx, source: str, resource: str | None) -> None:
    """`meant` is going to be asked."""
    if key := (resource or "").strip().lower():
        tx.foresee(_ONE, source=source, resource=key)


def remember(
    tx: Tx, who: Principal, source: str, resource: str, *, customer: str, asset: str | None, now: datetime
) -> None:
    """From now on the source means this by that name; what was said of it before is over."""
    key = {"source": source, "resource": resource.strip().lower()}
    said = {"customer": customer, "asset": asset, "by": who.id, "at": now}
    if not tx.insert_new(tables.alert_name, **key, **said):
        tx.update(tables.alert_name, key, **said)
