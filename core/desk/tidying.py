"""What is forgotten once a day? Counters, keys, footers, links and marks that have lapsed: the store grows by what was said alone."""

from __future__ import annotations

from datetime import datetime

from core.desk import alike, footers, links, repetition, restraint
from core.rules import sameness
from core.store.schedules import Schedule
from core.store.tx import Tx

NIGHTLY = Schedule(name="tidy", rhythm="daily 03:30", kind="tidy", payload={})


def tidy(tx: Tx, *, now: datetime) -> None:
    """Forget what has lapsed. Safe to repeat."""
    restraint.forget(tx, now=now)
    repetition.forget(tx, now=now)
    footers.forget(tx, now=now)
    links.forget(tx, now=now)
    alike.forget(tx, before=now - sameness.WITH_ID)
