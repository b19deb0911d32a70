"""Who sends traps by SNMP version 3, and what must outlive the hub for that: how often it began, and what the clocks of senders said."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import bindparam, select

from core.alerting import TrapUser
from core.desk import reference
from core.envelope import Proved
from core.store import counters, tables
from core.store.tx import Prepared, Tx

counter = tables.counter

_VALUE = Prepared(select(counter.c.value).where(counter.c.name == bindparam("name")))
_RAISED = Prepared(
    lambda insert: (
        new := insert(counter).values(name=bindparam("name"), value=bindparam("value"))
    ).on_conflict_do_update(
        index_elements=["name"],
        set_={"value": new.excluded.value},
        where=new.excluded.value > counter.c.value,
    )
)


def users(tx: Tx) -> Sequence[TrapUser]:
    """All of them, of sources that are switched on."""
    sources = reference.desk(tx).alert_sources.values()
    return [user for one in sources if one.enabled and one.kind == "snmp" for user in one.users]


def begun(tx: Tx, engine: str) -> int:
    """How often our engine booted, this time included. `engine`: its id in hexadecimal numbers."""
    return counters.following(tx, f"snmp:boots:{engine}")


def clock(tx: Tx, source: str, engine: str) -> int:
    """What the clock of a sender said in the newest message that is stored; 0: there is none. See core.alerting.trap_clock."""
    row = tx.one(_VALUE, name=_name(source, engine))
    return int(row.value) if row is not None else 0


def heard(tx: Tx, source: str, proved: Proved) -> None:
    """Its message is stored in this transaction: what is as old is not stored again."""
    if proved.engine:
        tx.run(_RAISED, name=_name(source, proved.engine), value=proved.clock)


def _name(source: str, engine: str) -> str:
    """One source's senders move no clock of another's, whatever engine they name."""
    return f"snmp:clock:{engine}:{source}"
