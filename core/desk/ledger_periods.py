"""In which period of a contract line does a day count, and which periods handed on to which? What was opened stays as it was.

A contract that begins on another day has other periods, from the one on in which that was decided. The days before keep
the periods that they had: what is entered late counts where its day stands already, so that no day is granted twice
(decision 0031).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, literal, select

from core.desk import reference
from core.rules import consumption as rules
from core.rules.consumption import Period
from core.rules.coverage import NO_CONTRACT, Contract, Line
from core.store import tables
from core.store.tx import Prepared, Tx

consumption, contract_version = tables.consumption, tables.contract_version

_VERSIONS = Prepared(
    select(contract_version.c.version, contract_version.c.at)
    .where(contract_version.c.number == bindparam("contract"))
    .order_by(contract_version.c.n)
)
_OPENED = Prepared(
    select(consumption.c.period, consumption.c.recorded_at)
    .where(consumption.c.contract == bindparam("contract"), consumption.c.line == bindparam("line"))
    .where(consumption.c.kind == literal("opening"))
    .order_by(consumption.c.id)
)


def day_of(contract: Contract, at: datetime) -> date:
    """The local date of the customer."""
    return at.astimezone(ZoneInfo(contract.time_zone)).date()


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How the periods of a line were counted for a while."""

    contract: Contract
    """The last version that counted so."""
    line: Line
    first: date
    """The days from here on count so; `date.min` for the first."""
    since: datetime | None
    """When that was decided; None: from the beginning."""

    @property
    def counted(self) -> tuple[str, date]:
        """What makes periods begin on other days."""
        return self.line.period, self.contract.valid_from

    def period(self, day: date) -> Period:
        """Of a day; one outside the contract counts in the first or the last."""
        return rules.period_of(self.line.period, self.contract.valid_from, self.contract.valid_until, day)


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """All of them, the oldest first. The last ones are those of the contract as it is."""

    terms: Sequence[Terms]

    def of(self, day: date) -> Terms:
        """By which a day counts."""
        found = next(one for one in reversed(self.terms) if day >= one.first)
        if day >= found.contract.valid_from or found is not self.terms[0]:
            return found
        # Before the contract began: it may have been made to begin earlier since.
        return next((one for one in reversed(self.terms) if day >= one.contract.valid_from), found)

    def period(self, day: date) -> Period:
        """In which a day counts."""
        return self.of(day).period(day)

    def after(self, period: Period) -> Period | None:
        """The one that follows; None: the contract ends with it. It ends early where the contract counted from another day."""
        days = [one.first for one in self.terms if one.first > period.first]
        if period.last < date.max:
            days.append(period.last + timedelta(days=1))
        for day in sorted(days):
            following = self.period(day)
            if following.first > period.first:
                return following
        return None

    def granted(self, period: Period) -> int:
        """What a period is worth that is opened now, in whole units: only for days that count in it."""
        of = self.of(period.first)
        bought = rules.units(of.line.measure, of.line.quantity or 0)
        if period.first >= of.first:
            return bought
        days = [period.first + timedelta(days=n) for n in range((period.last - period.first).days + 1)]
        return rules.share(bought, sum(self.period(day) == period for day in days), len(days))

    def as_of(self, at: datetime) -> Course:
        """As it was known then."""
        return Course(terms=[one for one in self.terms if one.since is None or one.since <= at])


def course(tx: Tx, contract: Contract, line: Line) -> Course:
    """How the periods of this line were counted, up to the contract as it is given."""
    found: list[Terms] = []
    for row in tx.all(_VERSIONS, contract=contract.number):
        version = reference.contract(tx, row.version)
        then = next((one for one in version.lines if one.name == line.name), None)
        if version.status in NO_CONTRACT or then is None or then.quantity is None:
            continue
        today = day_of(version, row.at)
        terms = Terms(contract=version, line=then, first=date.min, since=None)
        if found and found[-1].counted == terms.counted:
            found[-1] = replace(found[-1], contract=version, line=then)
        elif found:
            found.append(replace(terms, first=min(terms.period(today).first, today), since=row.at))
        else:
            found.append(terms)
    present = Terms(contract=contract, line=line, first=date.min, since=None)
    if not found or found[-1].counted != present.counted:
        return Course(terms=(present,))
    return Course(terms=(*found[:-1], replace(found[-1], contract=contract, line=line)))


def handed_on(tx: Tx, contract: Contract, line: Line, first: date) -> list[tuple[date, date]]:
    """What follows from the period that began on this day, one after the other: from which to which something was handed."""
    over = course(tx, contract, line)
    touched, found, books = {first}, [], dict[date, None]()
    for row in tx.all(_OPENED, contract=contract.number, line=line.name):
        began = date.fromisoformat(row.period)
        if began in books:  # its quantity was another one later
            continue
        before = handing(over.as_of(row.recorded_at), books, began)
        if before in touched:
            touched.add(began)
            found.append((before, began))
        books[began] = None
    return found


def handing(over: Course, known: Collection[date], began: date) -> date | None:
    """Which of the open periods hands on to the one that begins on this day: they go by the day they began. None: none of them.

    What was counted over into another one hands nothing on.
    """
    last = max((first for first in known if first < began), default=None)
    if last is None:
        return None
    around = over.period(last).first
    return around if around in known and around < began else last
