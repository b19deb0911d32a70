"""Whose was an asset when a request came in? Who had it before is kept when the configuration moves it. (desk.md 2)"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import bindparam, select

from core.store import tables
from core.store.columns import to_micros
from core.store.tx import Prepared, Tx

asset_owner = tables.asset_owner

_OF_ASSET = Prepared(select(asset_owner).where(asset_owner.c.name == bindparam("name")))
_OPEN = Prepared(
    select(asset_owner).where(
        asset_owner.c.name == bindparam("name"),
        asset_owner.c.customer == bindparam("customer"),
        asset_owner.c.until.is_(None),
    )
)


def owned(tx: Tx, name: str, customer: str, *, at: datetime, now_theirs: bool) -> bool:
    """Had the customer this asset then? `now_theirs`: they have it now; what never moved was always theirs."""
    rows = [row for row in tx.all(_OF_ASSET, name=name) if row.customer == customer]
    if not rows:
        return now_theirs
    return any(row.since <= to_micros(at) and (row.until is None or at < row.until) for row in rows)


def moved(tx: Tx, gone: Iterable[tuple[str, str]], come: Iterable[tuple[str, str]], *, now: datetime) -> None:
    """The configuration changed: (customer, asset) that are no longer there, and that are new.

    An asset that nobody had before is its customer's from always on, so that a name entered late is not unknown.
    """
    come = list(come)
    for customer, name in gone:
        row = tx.one(_OPEN, name=name, customer=customer)
        if row is None:
            tx.insert(asset_owner, name=name, customer=customer, since=0, until=now)
        else:
            tx.update(asset_owner, {"name": name, "customer": customer, "since": row.since}, until=now)
    for customer, name in come:
        if tx.all(_OF_ASSET, name=name):
            tx.insert_new(asset_owner, name=name, customer=customer, since=to_micros(now), until=None)
