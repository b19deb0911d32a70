"""How busy is the desk, and where does it get tight? Load, promises at risk, age of the backlog, busy hours, what waits for vendors.

What is open and what came are one query each on what tickets carry anyway; nothing is kept for it. For those who lead.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import BigInteger, bindparam, case, func, literal, literal_column, select

from core.desk import acts
from core.desk.principal import Principal
from core.ids import first_id
from core.store import tables
from core.store.columns import Id, Instant
from core.store.tx import Prepared, Row, Tx

DAYS = 28
"""Looked back on for the busy hours: four of each weekday."""
RISKS = ("late", "hour", "four_hours", "day", "later", "none")
"""When the next promise is due; none: nothing runs now."""
AGES = ("0-1", "2-7", "8-30", "31-")

ticket = tables.ticket


def _before(name: str) -> object:
    return bindparam(name, type_=Instant)


_RISK = case(
    (ticket.c.next_due.is_(None), literal("none")),
    (ticket.c.next_due < _before("now"), literal("late")),
    (ticket.c.next_due < _before("hour"), literal("hour")),
    (ticket.c.next_due < _before("four_hours"), literal("four_hours")),
    (ticket.c.next_due < _before("day"), literal("day")),
    else_=literal("later"),
)
_AGE = case(
    (ticket.c.received_at > _before("two"), literal("0-1")),
    (ticket.c.received_at > _before("eight"), literal("2-7")),
    (ticket.c.received_at > _before("thirty_one"), literal("8-30")),
    else_=literal("31-"),
)
_OPEN = Prepared(
    select(
        ticket.c.desk_group,
        ticket.c.state,
        _RISK.label("risk"),
        _AGE.label("age"),
        func.count().label("n"),
        func.count(ticket.c.assignee).label("had"),
    )
    .where(ticket.c.open.is_(True))
    .group_by(ticket.c.desk_group, ticket.c.state, literal_column("risk"), literal_column("age"))
)
_HOUR = literal_column("ticket.received_at / 3600000000", BigInteger)
_HOURS = Prepared(
    select(_HOUR.label("hour"), func.count().label("n"))
    .where(
        ticket.c.id >= bindparam("first", type_=Id), ticket.c.received_at >= bindparam("since", type_=Instant)
    )
    .group_by(_HOUR)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What a group has open."""

    group: str
    """Empty: none has them."""
    open: int
    unassigned: int
    vendor: int
    """Waiting for a vendor."""
    customer: int
    """Waiting for the customer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operations:
    """The desk now."""

    load: tuple[Load, ...]
    """The busiest first."""
    risks: Mapping[str, int]
    """Open tickets by when their next promise is due (RISKS)."""
    ages: Mapping[str, int]
    """Open tickets by full days since they were received (AGES)."""
    hours: tuple[tuple[int, ...], ...]
    """Requests received in the last 28 days: Monday first, 24 hours each, by the hub's clock."""

    @property
    def open(self) -> int:
        """All of them."""
        return sum(one.open for one in self.load)

    @property
    def vendor(self) -> int:
        """How many wait for a vendor."""
        return sum(one.vendor for one in self.load)


def now_at(tx: Tx, who: Principal, *, now: datetime) -> Operations:
    """The desk at this moment. Forbidden for whoever leads nothing."""
    acts.only_leaders(who)
    risks, ages = dict.fromkeys(RISKS, 0), dict.fromkeys(AGES, 0)
    rows = tx.all(_OPEN, now=now, **_ahead(now), **_back(now))
    for row in rows:
        risks[row.risk] += row.n
        ages[row.age] += row.n
    return Operations(
        load=_load(rows),
        risks=risks,
        ages=ages,
        hours=_hours(tx, now),
    )


def _ahead(now: datetime) -> dict[str, datetime]:
    hours = {"hour": 1, "four_hours": 4, "day": 24}
    return {name: now + timedelta(hours=n) for name, n in hours.items()}


def _back(now: datetime) -> dict[str, datetime]:
    days = {"two": 2, "eight": 8, "thirty_one": 31}
    return {name: now - timedelta(days=n) for name, n in days.items()}


def _load(rows: Iterable[Row]) -> tuple[Load, ...]:
    counted: dict[str, Counter[str]] = {}
    for row in rows:
        of = counted.setdefault(row.desk_group or "", Counter())
        of["open"] += row.n
        of["had"] += row.had
        of[row.state] += row.n
    found = [
        Load(
            group=group,
            open=of["open"],
            unassigned=of["open"] - of["had"],
            vendor=of["waiting_vendor"],
            customer=of["waiting_customer"],
        )
        for group, of in counted.items()
    ]
    return tuple(sorted(found, key=lambda one: (-one.open, one.group)))


def _hours(tx: Tx, now: datetime) -> tuple[tuple[int, ...], ...]:
    since = now - timedelta(days=DAYS)
    found = [[0] * 24 for _ in range(7)]
    first = first_id(int(since.timestamp() * 1000))
    for row in tx.all(_HOURS, first=first, since=since):
        local = datetime.fromtimestamp(int(row.hour) * 3600, tz=UTC).astimezone(tx.facts.zone)
        found[local.weekday()][local.hour] += row.n
    return tuple(tuple(day) for day in found)
