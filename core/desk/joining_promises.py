"""What becomes of a promise to write by some time when its ticket ends in another one? Whoever was promised it still hears by then."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from core.desk import follow_ups, promises
from core.desk.case import Case
from core.desk.principal import Principal
from core.store.columns import from_micros, to_micros


def carry(case: Case, other: Case, who: Principal) -> dict[str, int]:
    """The one that goes on promises the earlier of what both promised; return what each did, by ticket."""
    rows = {one.id: promises.open_of(one.tx, one.id) for one in (case, other)}
    was = {ticket: to_micros(row.due) for ticket, row in rows.items() if row is not None}
    mine, theirs = rows[case.id], rows[other.id]
    promises.dropped(case)
    if mine is not None and mine.due > case.now and (theirs is None or mine.due < theirs.due):
        promises.make(other, who, mine.due, message=mine.message_id)
    return was


def give_back(case: Case, other: Case, who: Principal, was: Mapping[str, Any]) -> None:
    """As long as nobody has written since, each promises again what it did, as far as there is still time."""
    standing = promises.open_of(other.tx, other.id)
    if case.id not in was or standing is None or to_micros(standing.due) != min(was.values()):
        return
    if was.get(other.id) != to_micros(standing.due):
        promises.dropped(other)
        _make(other, who, was.get(other.id))
    _make(case, who, was[case.id])


def _make(case: Case, who: Principal, due: int | None) -> None:
    at: datetime | None = None if due is None else from_micros(due)
    if at is not None and at > case.now:
        promises.make(case, who, at)


def asked_again(case: Case) -> None:
    """What somebody was asked to do because of where the ticket stood is asked again."""
    if case["state"] == "on_hold":
        follow_ups.approval(case)
    elif case["state"] == "monitoring":
        follow_ups.ask(case, follow_ups.HOLDS, due=case.now)
