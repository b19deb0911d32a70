"""Which versions had a contract, who changed it and why, and what did each change? (desk.md 2)"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, select

from core.desk import reference
from core.desk.configuration.told import difference
from core.store import tables
from core.store.tx import Prepared, Row, Tx

contract_version = tables.contract_version

_OF_CONTRACT = Prepared(
    select(contract_version, tables.definition.c.content.label("written"))
    .select_from(
        contract_version.outerjoin(
            tables.definition, tables.definition.c.version == reference.FILE + contract_version.c.version
        )
    )
    .where(contract_version.c.number == bindparam("number"))
    .order_by(contract_version.c.n)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One of them."""

    n: int
    version: str
    at: datetime
    by: str
    """Actor; empty: from before anybody wrote it down."""
    why: str
    changes: tuple[str, ...]
    """In words, against the one before; empty: the first."""


def of(tx: Tx, number: str) -> list[Version]:
    """Oldest first, each with what it changed. None was written down: an empty list."""
    found: list[Version] = []
    before: Row | None = None
    for row in tx.all(_OF_CONTRACT, number=number):
        changes = tuple(difference(before.written or {}, row.written or {})) if before is not None else ()
        found.append(
            Version(n=row.n, version=row.version, at=row.at, by=row.by, why=row.why, changes=changes)
        )
        before = row
    return found
