"""What goes into a report of a contract and a period? Rows in slices, and the values that page, PDF, table and API are made of.

Only what was recorded before the end of the period is looked at (core.rules.past).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, exists, or_, select, type_coerce

from core.desk import alert_rows, clock_standing, reference
from core.desk.clock_notices import AGREED
from core.desk.errors import NotFound, Refused, invalid
from core.rules import figures as rules
from core.rules import past as pasts
from core.rules import periods
from core.rules.clocks import ClockEvent
from core.rules.coverage import Contract
from core.rules.figures import Alarm, Figures, Problem, Used
from core.rules.past import Check, Deed, Past
from core.rules.periods import Period
from core.rules.workflow import REOPEN_WITHIN
from core.store import tables
from core.store.columns import Id, Instant, Packed, Repeated, decode_json
from core.store.tx import Prepared, Row, Tx

SLICE = 100  # tickets that are read at once: some hundredths of a second
KEPT = 16_384  # documents of events
FIRST = "00000000-0000-0000-0000-000000000000"
"""Before every ticket."""
GRANTS = ("opening", "purchase", "rollover")

event, ticket, checked = tables.event, tables.ticket, tables.entitlement_check
alert, fired = tables.alert, tables.alert_episode
consumption, case, problem = tables.consumption, tables.vendor_case, tables.problem

_CONTRACT = Prepared(select(tables.contract.c.version).where(tables.contract.c.number == bindparam("number")))
# Everything that was ever judged to be of the contract, but for what had ended before and was not touched since.
_TICKETS = Prepared(
    select(ticket.c.id, ticket.c.number, ticket.c.subject, ticket.c.channel)
    .where(
        ticket.c.id > bindparam("after", type_=Id),
        ticket.c.received_at < bindparam("until", type_=Instant),
        or_(ticket.c.open.is_(True), ticket.c.updated_at >= bindparam("since", type_=Instant)),
        exists().where(checked.c.ticket_id == ticket.c.id, checked.c.contract == bindparam("contract")),
    )
    .order_by(ticket.c.id)
    .limit(bindparam("size"))
)
_IDS = [bindparam(f"id_{n}", type_=Id) for n in range(SLICE)]
_EVENTS = Prepared(
    select(
        event.c.ticket_id,
        event.c.kind,
        event.c.at,
        event.c.recorded_at,
        type_coerce(event.c.data, Repeated()).label("data"),
    )
    .where(
        event.c.ticket_id.in_(_IDS),
        or_(*(event.c.kind.like(f"{name}.%") for name in ("ticket", "clock", "visit", "vendor", "problem"))),
    )
    .order_by(event.c.ticket_id, event.c.seq)
)
_CHECKS = Prepared(
    select(
        checked.c.ticket_id,
        checked.c.at,
        checked.c.contract,
        checked.c.line,
        type_coerce(checked.c.evidence, Packed()).label("evidence"),
    )
    .where(checked.c.ticket_id.in_(_IDS))
    .order_by(checked.c.ticket_id, checked.c.seq)
)
_USED = Prepared(
    select(
        consumption.c.id,
        consumption.c.line,
        consumption.c.kind,
        consumption.c.unit,
        consumption.c.quantity,
        consumption.c.period,
        consumption.c.reverses,
        consumption.c.recorded_at,
        ticket.c.number,
    )
    .select_from(consumption.outerjoin(ticket, ticket.c.id == consumption.c.ticket_id))
    .where(
        consumption.c.contract == bindparam("contract"),
        consumption.c.recorded_at < bindparam("until", type_=Instant),
    )
    .order_by(consumption.c.id)
)
_CASES = Prepared(select(case.c.id, case.c.vendor).where(case.c.ticket_id.in_(_IDS)))
_FIRED = Prepared(
    select(
        fired.c.ticket_id,
        *(alert.c[name] for name in ("asset", "resource", "event", "summary", "dedup_key")),
    )
    .select_from(fired.join(alert, alert.c.id == fired.c.alert_id))
    .where(
        fired.c.ticket_id.in_(_IDS),
        fired.c.received_at >= bindparam("since", type_=Instant),
        fired.c.received_at < bindparam("until", type_=Instant),
    )
)
_PROBLEMS = Prepared(
    select(problem.c.id, problem.c.number, problem.c.title, problem.c.customer).where(problem.c.id.in_(_IDS))
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which report is to be made."""

    contract: str
    customer: str
    """Code."""
    customer_name: str
    language: str
    time_zone: str
    period: Period
    draft: bool
    """The period is not over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """Some tickets of the report."""

    tickets: tuple[Past, ...]
    vendors: Mapping[str, str]
    """Names by the ids of cases."""
    problems: tuple[tuple[int, str, str], ...]
    """Number, title, and the number of a ticket."""
    alarms: tuple[tuple[str, str], ...]
    """What fired in the period, once for each time, and the number of its ticket."""


def wanted(tx: Tx, contract: str, period: str, *, draft: bool, now: datetime) -> Wanted:
    """What a contract and the name of a period mean. Raises NotFound, Invalid, Refused for one that is not over."""
    of = contract_of(tx, contract)
    customer = reference.customer(tx, of.customer)
    zone = customer.time_zone if customer else of.time_zone
    try:
        found = periods.period(period, ZoneInfo(zone))
    except ValueError as error:
        raise invalid("/period", str(error)) from None
    if found.since >= now:
        raise Refused(f"{period} has not begun", code="report_ahead")
    running = found.until > now
    if running and not draft:
        raise Refused(f"{period} is not over: ask for a draft", code="report_not_over")
    return Wanted(
        contract=of.number,
        customer=of.customer,
        customer_name=customer.name if customer else of.customer,
        language=customer.language if customer else "it",
        time_zone=zone,
        period=found._replace(until=now) if running else found,
        draft=running,
    )


def contract_of(tx: Tx, number: str) -> Contract:
    """The contract as it is. Raises NotFound."""
    row = tx.one(_CONTRACT, number=number)
    if row is None:
        message = f"there is no contract {number}"
        raise NotFound(message)
    return reference.contract(tx, row.version)


def slices(tx: Tx, of: Wanted) -> Iterator[Slice]:
    """All tickets, as they stood at the end of the period. One that is not full is the last."""
    period = of.period
    after, full = FIRST, True
    while full:
        rows = tx.all(
            _TICKETS,
            contract=of.contract,
            after=after,
            until=period.until,
            since=period.since,
            size=SLICE,
        )
        full = len(rows) == SLICE
        if rows:
            after = rows[-1].id
            yield _slice(tx, of, rows)


def _slice(tx: Tx, of: Wanted, rows: Sequence[Row]) -> Slice:
    ids = [row.id for row in rows]
    deeds: dict[str, list[Deed]] = defaultdict(list)
    for row in tx.all(_EVENTS, **_named(ids)):
        deeds[row.ticket_id].append(_deed(row))
    checks: dict[str, list[Row]] = defaultdict(list)
    for row in tx.all(_CHECKS, **_named(ids)):
        checks[row.ticket_id].append(row)
    found: dict[str, Past] = {}
    for row in rows:
        one = _past(tx, row, deeds[row.id], checks[row.id], of.period)
        if one is not None and one.check is not None and one.check.contract == of.contract:
            found[row.id] = one
    engaged = any(one.vendors for one in found.values())
    return Slice(
        tickets=tuple(found.values()),
        vendors={row.id: row.vendor for row in tx.all(_CASES, **_named(list(found)))} if engaged else {},
        problems=tuple(_problems(tx, of, found.values())),
        alarms=tuple(_alarms(tx, of, {row.id: row.number for row in rows if row.id in found})),
    )


def used(tx: Tx, of: Wanted) -> tuple[Used, ...]:
    """What the books of the contract say: used in the period, and left at its end of the line's period that was newest then."""
    rows = tx.all(_USED, contract=of.contract, until=of.period.until)
    by_id = {row.id: row for row in rows}
    lines: dict[tuple[str, str], list[tuple[int, Row, Row]]] = defaultdict(list)
    for row in rows:
        first = by_id[row.reverses] if row.kind == "reversal" else row
        sign = -1 if row.kind == "reversal" else 1
        lines[row.line, row.unit].append((sign, first, row))
    found = []
    for (line, unit), entries in sorted(lines.items()):
        recent = [
            (sign, row)
            for sign, first, row in entries
            if first.kind == "use" and row.recorded_at >= of.period.since
        ]
        newest = max(first.period for _, first, _ in entries)
        here = [(sign, first) for sign, first, _ in entries if first.period == newest]
        granted = sum(sign * first.quantity for sign, first in here if first.kind in GRANTS)
        spent = sum(sign * first.quantity for sign, first in here if first.kind == "use")
        measured = any(first.kind in GRANTS for _, first in here)
        found.append(
            Used(
                contract=of.contract,
                line=line,
                unit=unit,
                used=sum(sign * row.quantity for sign, row in recent),
                left=granted - spent if measured else None,
                tickets=tuple(dict.fromkeys(row.number for _, row in recent if row.number)),
            )
        )
    return tuple(found)


def summed(found: Sequence[Slice], books: Iterable[Used], of: Wanted) -> Figures:
    """The figures of all slices."""
    problems: dict[tuple[int, str], list[str]] = defaultdict(list)
    alarms: dict[str, list[str]] = defaultdict(list)
    for one in found:
        for number, title, name in one.problems:
            problems[number, title].append(name)
        for what, name in one.alarms:
            alarms[what].append(name)
    return rules.figures(
        [ticket for one in found for ticket in one.tickets],
        until=of.period.until,
        used=books,
        vendors={name: vendor for one in found for name, vendor in one.vendors.items()},
        alarms=[Alarm(what, len(names), tuple(dict.fromkeys(names))) for what, names in alarms.items()],
        problems=[
            Problem(number, title, tuple(names)) for (number, title), names in sorted(problems.items())
        ],
    )


def values(found: Figures, of: Wanted) -> dict[str, Any]:
    """What is kept of a report: JSON's own types, instants in ISO 8601, times in seconds."""
    return {
        "contract": of.contract,
        "customer": of.customer_name,
        "period": of.period.name,
        "since": of.period.since.isoformat(),
        "until": of.period.until.isoformat(),
        "time_zone": of.time_zone,
        "draft": of.draft,
        "figures": [
            {
                "section": one.section,
                "name": one.name,
                "about": one.about,
                "unit": one.unit,
                "value": one.value,
                "tickets": list(one.tickets),
            }
            for one in found.figures
        ],
        "misses": [dict(one) for one in found.misses],
        "exclusions": [dict(one) for one in found.exclusions],
        "open": [dict(one) for one in found.open],
        "planned": [dict(one) for one in found.planned],
    }


def _alarms(tx: Tx, of: Wanted, numbers: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    if numbers:
        for row in tx.all(_FIRED, since=of.period.since, until=of.period.until, **_named(list(numbers))):
            yield alert_rows.called(row), numbers[row.ticket_id]


def _problems(tx: Tx, of: Wanted, tickets: Iterable[Past]) -> Iterator[tuple[int, str, str]]:
    """Of a problem that others have as well the customer sees the number: its title may be in words of theirs."""
    tied = [(identity, one.number) for one in tickets for identity in one.problems]
    ids = list(dict.fromkeys(identity for identity, _ in tied))
    known = {
        row.id: row
        for n in range(0, len(ids), len(_IDS))
        for row in tx.all(_PROBLEMS, **_named(ids[n : n + len(_IDS)]))
    }
    for identity, number in tied:
        row = known[identity]
        yield row.number, row.title if row.customer == of.customer else "", number


def _named(ids: Sequence[str]) -> dict[str, str]:
    """At most as many as there are places; the last one fills the places that are left, so that there is one statement for any number."""
    return {f"id_{n}": ids[min(n, len(ids) - 1)] for n in range(len(_IDS))}


def _deed(row: Row) -> Deed:
    return Deed(row.kind, row.at, row.recorded_at, _document(row.data))


_document = lru_cache(maxsize=KEPT)(decode_json)
"""Of events: what they say is few things, said of every ticket. Nobody changes what they are given."""


def _check(row: Row) -> Check:
    inputs = decode_json(row.evidence)["inputs"]
    names = ("request_type", "technology", "asset", "site")
    return Check(row.at, row.contract or "", row.line or "", *(inputs.get(name) or "" for name in names))


def _past(tx: Tx, row: Row, deeds: list[Deed], checks: list[Row], period: Period) -> Past | None:
    received = pasts.received(deeds)
    if received is None or received >= period.until:
        return None
    for other in pasts.joined(deeds, period.until):
        received = min(received, _received(tx, other, period.until, {row.id}) or received)
    clock_events: list[tuple[datetime, ClockEvent]] = []
    for deed in deeds:
        if deed.kind in clock_standing.ACTIONS:
            told = clock_standing.read([(deed.kind, deed.at, deed.data)])
            clock_events += [(deed.recorded_at, one) for one in told]
    check = pasts.counting(checks, deeds, period.until)
    return pasts.past(
        [deed for deed in deeds if not deed.kind.startswith("clock.")],
        _check(check) if check is not None else None,
        clock_events,
        number=row.number,
        subject=row.subject,
        channel=row.channel,
        received_at=received,
        policies=clock_standing.policies(tx, [one for _, one in clock_events]),
        since=period.since,
        until=period.until,
        agreed=AGREED,
        reopened_within=REOPEN_WITHIN.total_seconds(),
    )


def _received(tx: Tx, ticket_id: str, until: datetime, seen: set[str]) -> datetime | None:
    """When a ticket that was joined was received, with those that were joined to it."""
    seen.add(ticket_id)
    deeds = [_deed(row) for row in tx.all(_EVENTS, **_named([ticket_id]))]
    found = [pasts.received(deeds)]
    found += [_received(tx, one, until, seen) for one in pasts.joined(deeds, until) - seen]
    return min((one for one in found if one is not None), default=None)
