"""What is the next number of a row that people count by? Each is given once, from 1.

PostgreSQL's are sequences: a row that holds the last number would make everybody wait for everybody's commit. There,
what fails leaves its number out. https://www.postgresql.org/docs/15/functions-sequence.html
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from sqlalchemy import BigInteger, Text, bindparam, case, cast, func, null, select, text
from sqlalchemy.dialects.postgresql import REGCLASS

from core.store import tables
from core.store.tx import Prepared, Tx

counter = tables.counter

_KEEP = Prepared(
    lambda insert: (
        insert(counter)
        .values(name=bindparam("name"), value=bindparam("value"))
        .on_conflict_do_update(index_elements=["name"], set_={"value": insert(counter).excluded.value})
    )
)
_SEQUENCE = bindparam("sequence", type_=Text)
_NEXT = Prepared(
    select(
        case(
            (func.to_regclass(_SEQUENCE).is_(null()), cast(null(), BigInteger)),
            else_=func.nextval(cast(_SEQUENCE, REGCLASS), type_=BigInteger),
        ).label("value")
    )
)
_BEGUN = Prepared(select(counter.c.value).where(counter.c.name == bindparam("name")))


def following(tx: Tx, name: str) -> int:
    """The next number of this name: small letters, digits and `:`. A row in `counter` says where it begins."""
    if tx.is_sqlite:
        return _counted(tx, name)
    sequence = "count_" + re.sub(r"[^a-z0-9]", "_", name)
    value = tx.one(_NEXT, sequence=sequence).value
    if value is None:  # once a year
        begun = tx.one(_BEGUN, name=name)
        first = 1 + (begun.value if begun else 0)
        tx.run(text(f"CREATE SEQUENCE IF NOT EXISTS {sequence} START WITH {first}"))
        value = tx.one(_NEXT, sequence=sequence).value
    return int(value)


def _counted(tx: Tx, name: str) -> int:
    """Where nobody else writes meanwhile, the last number is read and kept once for all that share the commit."""
    last: dict[str, int] = tx.group.setdefault(_LAST, {})
    if name not in last:
        begun = tx.one(_BEGUN, name=name)
        last[name] = int(begun.value) if begun else 0
    last[name] += 1
    tx.later(_keep, name)
    return last[name]


_LAST = "last numbers, by the names of their counters"


def _keep(tx: Tx, names: Sequence[str]) -> None:
    last = tx.group.pop(_LAST)
    tx.run_all(_KEEP, [{"name": name, "value": last[name]} for name in sorted(set(names))])
