"""Which contract is this? One by its number, for who may see it."""

from __future__ import annotations

from sqlalchemy import bindparam, select

from core.desk import reference
from core.desk.errors import NotFound
from core.desk.principal import Principal
from core.rules.entitlement import Contract
from core.store import tables
from core.store.tx import Prepared, Tx

_BY_NUMBER = Prepared(
    select(tables.contract.c.version).where(
        tables.contract.c.number == bindparam("number"),
        (tables.contract.c.customer == bindparam("customer")) | bindparam("everybody"),
    )
)


def of_number(tx: Tx, who: Principal, number: str) -> Contract:
    """The present version of a contract: staff see all, contacts those of their customer. Raises NotFound."""
    customer = who.customer or ""
    row = tx.one(_BY_NUMBER, number=number, customer=customer, everybody=who.kind in ("agent", "system"))
    if row is None:
        message = f"there is no contract {number} that you may see"
        raise NotFound(message)
    return reference.contract(tx, row.version)
