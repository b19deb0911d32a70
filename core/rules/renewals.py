"""Which notices of a contract's end are due on a day? (desk.md 2)

Ninety, sixty and thirty days before the last day, and before the day until which notice can be given. A contract that another
one follows without a gap does not end: nobody is told.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

DAYS_BEFORE = (90, 60, 30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """What is known of a contract."""

    valid_from: date
    valid_until: date
    notice_date: date | None = None
    renewal: str = "none"
    """none: it ends; tacit: it goes on unless somebody gives notice until `notice_date`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One to be given today."""

    what: str
    """end, renewal (it ends unless nobody says so) or notice (until when notice can be given)."""
    step: int
    """Which of DAYS_BEFORE: the lowest that has come."""
    days: int
    """Until the day it is about."""
    on: date


def due(contract: Ending, others: Iterable[Ending], *, today: date) -> tuple[Notice, ...]:
    """Those of today, at most one about each day. `others`: the customer's other contracts that count.

    A notice that was missed because nobody ran is still given, with the days there are; past the day itself none is.
    """
    if is_followed(contract, others):
        return ()
    dates = [("renewal" if contract.renewal == "tacit" else "end", contract.valid_until)]
    if contract.notice_date is not None:
        dates.append(("notice", contract.notice_date))
    found = []
    for what, on in dates:
        days = (on - today).days
        steps = [step for step in DAYS_BEFORE if days <= step]
        if days >= 0 and steps:
            found.append(Notice(what=what, step=min(steps), days=days, on=on))
    return tuple(found)


def is_followed(contract: Ending, others: Iterable[Ending]) -> bool:
    """Does another contract go on without a gap: valid on the next day, and for longer?"""
    if contract.valid_until == date.max:
        return False
    tomorrow = contract.valid_until + timedelta(days=1)
    return any(one.valid_from <= tomorrow and one.valid_until > contract.valid_until for one in others)
