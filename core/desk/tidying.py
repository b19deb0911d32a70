"""What is forgotten once a day? Counters, keys, links and marks that have lapsed: the store grows by what was said alone."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import bindparam

from core.desk import links, repetition, restraint
from core.rules import sameness
from core.store import tables
from core.store.columns import Instant
from core.store.schedules import Schedule
from core.store.tx import Prepared, Tx

NIGHTLY = Schedule(name="tidy", rhythm="daily 03:30", kind="tidy", payload={})

_OLD_KEYS = Prepared(
    tables.content_key.delete().where(tables.content_key.c.at < bindparam("before", type_=Instant))
)


def tidy(tx: Tx, *, now: datetime) -> None:
    """Forget what has lapsed. Safe to repeat."""
    restraint.forget(tx, now=now)
    repetition.forget(tx, now=now)
    links.forget(tx, now=now)
    tx.run(_OLD_KEYS, before=now - sameness.WITH_ID)
