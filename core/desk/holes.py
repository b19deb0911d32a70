"""Where is nobody there for what customers bought? Looked at every night and after each change; a new hole is an alarm.

What was found lies in `finding`, whole. Finding only reads, so that nothing waits for it; keeping is a small transaction.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, select

from core.desk import acts, reference, routing_reach, tasks
from core.desk.case import ADMINISTRATION
from core.desk.principal import Principal
from core.rules.coverage import Contract
from core.rules.holes import Bought, Cell, Covered, Gap, Spans, find
from core.rules.routing import Group, Rule
from core.store import tables, work
from core.store.columns import from_micros, to_micros
from core.store.schedules import Schedule
from core.store.tx import Prepared, Tx

KIND = "holes"
NIGHTLY = Schedule(name=KIND, rhythm="daily 02:40", kind=KIND, payload={})
AHEAD = timedelta(days=14)
SOON = timedelta(seconds=5)
"""After a change; what is changed within this time is looked at together."""
NAMED = 3  # cells of a customer that an alarm names

_CUSTOMERS = Prepared(
    select(tables.customer.c.code, tables.customer.c.name)
    .where(tables.customer.c.active.is_(True))
    .order_by(tables.customer.c.code)
)
_STORED = Prepared(select(tables.finding).where(tables.finding.c.name == bindparam("name")))


@dataclass(frozen=True, slots=True, kw_only=True)
class Hole:
    """A combination that somebody bought and nobody is there for, at some time."""

    customer: str
    customer_name: str
    technology: str
    request_type: str
    gaps: tuple[tuple[datetime, datetime, str | None], ...]
    """(since, until, the group that the matrix names or None), in order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a look found."""

    since: datetime
    until: datetime
    holes: tuple[Hole, ...]
    names: Mapping[str, str]
    """Of all customers that were looked at, by code."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What the last look found, as it was kept. None was kept yet: `at` is None."""

    at: datetime | None
    holes: tuple[Hole, ...]


def look(tx: Tx, *, now: datetime, rules: Sequence[Rule] | None = None) -> Found:
    """All holes of the 14 days to come. `rules`: an edited table instead of the desk's own. Writes nothing."""
    desk = reference.desk(tx)
    since = now.replace(minute=now.minute // 15 * 15, second=0, microsecond=0)
    until = since + AHEAD
    names = {row.code: row.name for row in tx.all(_CUSTOMERS)}
    groups = {
        name: Group(
            name=name,
            level=of.level,
            technologies=of.technologies,
            request_types=of.request_types,
            fallback=of.fallback,
        )
        for name, of in desk.groups.items()
    }
    hours = routing_reach.hours(tx, since, until)
    found = find(
        _covered(tx, names, hours.calendars, since, until),
        desk.technologies,
        desk.request_types,
        desk.routing if rules is None else rules,
        groups,
        hours,
    )
    return Found(
        since=since, until=until, holes=tuple(_hole(*one, names) for one in found.items()), names=names
    )


def keep(tx: Tx, found: Found, *, now: datetime) -> None:
    """Store what was found; a customer with a hole that was not there before is an alarm, once. Safe to repeat."""
    row = tx.one(_STORED, name=KIND)
    before = _cells(_read(row.content, {}) if row is not None else ())
    after = _cells(found.holes)
    content = {
        "since": to_micros(found.since),
        "until": to_micros(found.until),
        "patterns": _patterns(found.holes),
    }
    if row is None:
        tx.insert(tables.finding, name=KIND, content=content, at=now)
    else:
        tx.update(tables.finding, {"name": KIND}, content=content, at=now)
    for code in sorted(set(before) | set(after)):
        cells = after.get(code, ())
        once = f"hole:{code}"
        if not cells or set(cells) - set(before.get(code, ())):
            tasks.settle(tx, once=once, now=now)
        if set(cells) - set(before.get(code, ())):
            tasks.add(
                tx,
                "hole",
                now=now,
                role="supervisor",
                alarm=True,
                once=once,
                customer=found.names.get(code, code),
                cells="; ".join(f"{technology}, {kind}" for technology, kind in cells[:NAMED]),
                count=len(cells),
                url=f"/desk/routing/holes?customer={code}",
            )
    tx.tell(KIND)


def soon(tx: Tx, *, now: datetime) -> None:
    """What decides who is there was changed by this transaction: look again."""
    work.set_timer(tx, shard=ADMINISTRATION, key=KIND, kind=KIND, payload={}, due=now + SOON, now=now)


def known(tx: Tx, who: Principal, *, customer: str | None = None) -> Known:
    """What the last look found, for staff. Raises Forbidden for anybody outside."""
    acts.only_staff(who)
    row = tx.one(_STORED, name=KIND)
    if row is None:
        return Known(at=None, holes=())
    names = {one.code: one.name for one in tx.all(_CUSTOMERS)}
    holes = _read(row.content, names)
    return Known(at=row.at, holes=tuple(one for one in holes if customer in (None, one.customer)))


def count(tx: Tx) -> int:
    """Cells with a hole, as the last look found them."""
    row = tx.one(_STORED, name=KIND)
    return 0 if row is None else sum(len(pattern["cells"]) for pattern in row.content["patterns"])


# --- What was bought ----------------------------------------------------------------------------------------


def _covered(
    tx: Tx, names: Iterable[str], calendars: Mapping[str, Spans], since: datetime, until: datetime
) -> list[Covered]:
    found = []
    for code in names:
        customer = reference.customer(tx, code)
        if customer is None:
            continue
        lines = []
        for contract in reference.contracts(tx, code):
            stands = _stands(contract, since, until)
            if stands is None:
                continue
            lines += [
                Bought(
                    technologies=line.technologies,
                    request_types=line.request_types,
                    open=_cut(calendars.get(line.calendar, ()), *stands),
                )
                for line in contract.lines
            ]
        found.append(Covered(customer=code, allowed=customer.groups, lines=tuple(lines)))
    return found


def _stands(contract: Contract, since: datetime, until: datetime) -> tuple[int, int] | None:
    """From when to when of the time looked at, days of grace included; None: not at all."""
    if contract.status != "active":
        return None
    begins = _midnight(contract.valid_from, contract.time_zone)
    ends = _midnight(contract.valid_until + timedelta(days=contract.grace_days + 1), contract.time_zone)
    first, last = max(begins, since), min(ends, until)
    return (to_micros(first), to_micros(last)) if first < last else None


def _midnight(day: date, zone: str) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone))


def _cut(spans: Spans, since: int, until: int) -> Spans:
    if not spans or (since <= spans[0][0] and until >= spans[-1][1]):
        return spans
    return tuple((max(a, since), min(b, until)) for a, b in spans if a < until and b > since)


# --- As it is kept ------------------------------------------------------------------------------------------


def _hole(cell: Cell, gaps: Sequence[Gap], names: Mapping[str, str]) -> Hole:
    return Hole(
        customer=cell.customer,
        customer_name=names.get(cell.customer, cell.customer),
        technology=cell.technology,
        request_type=cell.request_type,
        gaps=tuple((from_micros(gap.since), from_micros(gap.until), gap.group) for gap in gaps),
    )


def _cells(holes: Iterable[Hole]) -> dict[str, tuple[tuple[str, str], ...]]:
    found: dict[str, list[tuple[str, str]]] = {}
    for one in holes:
        found.setdefault(one.customer, []).append((one.technology, one.request_type))
    return {code: tuple(cells) for code, cells in found.items()}


def _patterns(holes: Iterable[Hole]) -> list[dict[str, Any]]:
    """Many cells have the same gaps: these are written once."""
    by_gaps: dict[tuple[Any, ...], list[list[str]]] = {}
    for one in holes:
        by_gaps.setdefault(one.gaps, []).append([one.customer, one.technology, one.request_type])
    return [
        {"gaps": [[to_micros(a), to_micros(b), group] for a, b, group in gaps], "cells": cells}
        for gaps, cells in by_gaps.items()
    ]


def _read(content: Mapping[str, Any], names: Mapping[str, str]) -> tuple[Hole, ...]:
    found = []
    for pattern in content["patterns"]:
        gaps = tuple((from_micros(a), from_micros(b), group) for a, b, group in pattern["gaps"])
        found += [
            Hole(
                customer=customer,
                customer_name=names.get(customer, customer),
                technology=technology,
                request_type=request_type,
                gaps=gaps,
            )
            for customer, technology, request_type in pattern["cells"]
        ]
    return tuple(
        sorted(found, key=lambda one: (one.customer_name, one.customer, one.technology, one.request_type))
    )
