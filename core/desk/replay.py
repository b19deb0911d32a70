"""What would an edited contract, routing table or service level have done? Tickets of before, judged again by both; nothing is written.

The desk as it is and the desk as edited answer the same questions about each ticket: what the contract says, which group gets it,
what its clocks would have come to. Read in slices, each in one snapshot. What was left of counted lines is not played again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import BigInteger, bindparam, select

from core.desk import (
    acts,
    clock_policies,
    clock_standing,
    duties,
    entitle,
    reference,
    routing_reach,
    routing_trial,
)
from core.desk.configuration import checking, export, rows
from core.desk.configuration.document import CustomerPart, Document
from core.desk.errors import ConfigurationError, Forbidden, Invalid, invalid
from core.desk.principal import Principal
from core.desk.reference import Desk, Hours, ServiceLevel
from core.envelope import Trust
from core.ids import first_id
from core.rules import entitlement, replaying
from core.rules.calendar_definitions import definition_version
from core.rules.calendars import Calendar
from core.rules.coverage import Contract, Line
from core.rules.replaying import Measured
from core.rules.rotas import ON_CALL
from core.rules.routing import Rule
from core.store import tables
from core.store.columns import Id, Instant
from core.store.tx import Prepared, Row, Tx

SLICE = 200  # tickets of one snapshot
QUARTER = timedelta(days=92)
"""How far back, where nobody says."""
LONGEST = timedelta(days=366)
TOLD = 200  # differences told one by one; all are counted
SECTIONS = ("calendars", "slas", "routing", "customers")
"""What may be edited. Of `calendars`, `slas` and contracts those that are named; `routing` is the whole table."""

ticket, event = tables.ticket, tables.event

_TICKETS = Prepared(
    select(ticket)
    .where(
        ticket.c.id > bindparam("after", type_=Id),
        ticket.c.id >= bindparam("first", type_=Id),
        ticket.c.received_at >= bindparam("since", type_=Instant),
        ticket.c.received_at < bindparam("until", type_=Instant),
    )
    .order_by(ticket.c.id)
    .limit(bindparam("limit", type_=BigInteger))
)
_EVENTS = Prepared(
    select(event.c.kind, event.c.at, event.c.data)
    .where(event.c.ticket_id == bindparam("ticket_id"), event.c.kind.like("clock.%"))
    .order_by(event.c.seq)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockDifference:
    """A clock that would have come out otherwise; None: there is no such promise."""

    clock: str
    was: Measured | None
    would_be: Measured | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A ticket that the edit would have treated otherwise. Pairs are (as it is, as edited)."""

    number: str
    customer: str | None
    received_at: datetime
    verdict: tuple[str, str] | None
    """Verdict of the contract; None: the same."""
    line: tuple[str, str] | None
    group: tuple[str | None, str | None] | None
    clocks: tuple[ClockDifference, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """What came out of a slice, or of many."""

    looked_at: int = 0
    different: int = 0
    verdicts: Mapping[tuple[str, str], int] = field(default_factory=dict)
    """(as it is, as edited) to how many."""
    groups: Mapping[tuple[str | None, str | None], int] = field(default_factory=dict)
    was: Mapping[tuple[str, str], int] = field(default_factory=dict)
    """(clock, met, missed, running or cancelled) to how many tickets, by the desk as it is."""
    would_be: Mapping[tuple[str, str], int] = field(default_factory=dict)
    differences: tuple[Difference, ...] = ()
    """In the order in which they came in, at most TOLD."""
    last: str | None = None
    """Id of the last ticket looked at; None: there are no more."""

    def plus(self, other: Replayed) -> Replayed:
        """Both together, in this order."""
        return Replayed(
            looked_at=self.looked_at + other.looked_at,
            different=self.different + other.different,
            verdicts=Counter(self.verdicts) + Counter(other.verdicts),
            groups=Counter(self.groups) + Counter(other.groups),
            was=Counter(self.was) + Counter(other.was),
            would_be=Counter(self.would_be) + Counter(other.would_be),
            differences=(*self.differences, *other.differences)[:TOLD],
            last=other.last,
        )


def read(text: str) -> Document:
    """The edited sections, out of the text of a desk's file. Raises Invalid with every mistake that can be seen without the desk."""
    try:
        return checking.read(text)
    except ConfigurationError as error:
        raise Invalid([*map(_fault, error.mistakes)]) from None


def run(  # noqa: PLR0913 - what is played again
    tx: Tx,
    who: Principal,
    edited: Document,
    *,
    since: datetime,
    until: datetime,
    after: str | None = None,
    limit: int = SLICE,
    now: datetime,
) -> Replayed:
    """The next tickets that were received from `since` to `until`; `after`: the last one of the slice before, None: the first slice.

    For who leads. `edited`: sections of a desk's file. Raises Forbidden, Invalid for a time out of range and for every mistake of
    the file.
    """
    acts.only_staff(who)
    if not (who.leads or who.kind == "system"):
        message = "a shift leader, a supervisor or an administrator plays tickets again"
        raise Forbidden(message)
    if not timedelta(0) < until - since <= LONGEST:
        raise invalid("/since", f"must be before until, by at most {LONGEST.days} days")
    is_, edit = _Side(tx, reference.desk(tx), {}), _edited(tx, edited)
    found = tx.all(
        _TICKETS,
        after=after or routing_trial.FIRST,
        first=first_id(int(since.timestamp() * 1000)),
        since=since,
        until=until,
        limit=limit,
    )
    routers = _routers(tx, is_, edit, found, now=now) if "routing" in edited else None
    verdicts: Counter[tuple[str, str]] = Counter()
    groups: Counter[tuple[str | None, str | None]] = Counter()
    was: Counter[tuple[str, str]] = Counter()
    would_be: Counter[tuple[str, str]] = Counter()
    differences: list[Difference] = []
    for row in found:
        one = _compare(tx, row, is_, edit, routers, (was, would_be), now=now)
        if one.verdict:
            verdicts[one.verdict] += 1
        if one.group:
            groups[one.group] += 1
        if one.verdict or one.line or one.group or one.clocks:
            differences.append(one)
    return Replayed(
        looked_at=len(found),
        different=len(differences),
        verdicts=verdicts,
        groups=groups,
        was=was,
        would_be=would_be,
        differences=tuple(differences[:TOLD]),
        last=found[-1].id if len(found) == limit else None,
    )


def plain(found: Replayed) -> dict[str, Any]:
    """The same in JSON's own types, but for instants."""
    return {
        "looked_at": found.looked_at,
        "different": found.different,
        "verdicts": [
            {"was": was, "would_be": would_be, "count": count}
            for (was, would_be), count in sorted(found.verdicts.items())
        ],
        "groups": [
            {"was": was, "would_be": would_be, "count": count}
            for (was, would_be), count in found.groups.items()
        ],
        "clocks": [
            {
                "clock": clock,
                "state": state,
                "was": found.was.get((clock, state), 0),
                "would_be": found.would_be.get((clock, state), 0),
            }
            for clock, state in sorted({*found.was, *found.would_be})
        ],
        "differences": [_plain(one) for one in found.differences],
    }


def _plain(one: Difference) -> dict[str, Any]:
    pairs = {
        name: None if pair is None else {"was": pair[0], "would_be": pair[1]}
        for name, pair in (("verdict", one.verdict), ("line", one.line), ("group", one.group))
    }
    clocks = [
        {
            "clock": of.clock,
            "was": asdict(of.was) if of.was else None,
            "would_be": asdict(of.would_be) if of.would_be else None,
        }
        for of in one.clocks
    ]
    about = {"number": one.number, "customer": one.customer, "received_at": one.received_at}
    return about | pairs | {"clocks": clocks}


# --- The two desks ------------------------------------------------------------------------------------------


class _Side:
    """A desk, as it is or as edited, and its answers."""

    def __init__(self, tx: Tx, desk: Desk, contracts: Mapping[str, Mapping[str, Contract]]) -> None:
        self.tx, self.desk, self._contracts = tx, desk, contracts

    @contextmanager
    def asked(self) -> Iterator[None]:
        """Whoever asks for the configuration of this transaction meanwhile gets this one."""
        before = self.tx.memo.get("desk")
        self.tx.memo["desk"] = self.desk
        try:
            yield
        finally:
            self.tx.memo["desk"] = before

    def contracts(self, customer: str) -> tuple[Contract, ...]:
        """Those of a customer, and of its parent that cover children; edited ones in place of their numbers."""
        stored = {one.number: one for one in reference.contracts(self.tx, customer)}
        own = self._contracts.get(customer, {})
        of = reference.customer(self.tx, customer)
        above = self._contracts.get(of.parent, {}) if of is not None and of.parent else {}
        changed = {
            number: one
            for number, one in {**above, **own}.items()
            if number in own or one.covers_children or number in stored
        }
        return tuple({**stored, **changed}.values())

    def judge(self, asked: entitlement.Asked) -> tuple[str, Line | None]:
        """What the contract says, and the line that says so."""
        customer = reference.customer(self.tx, asked.customer) if asked.customer else None
        contracts = self.contracts(asked.customer) if customer and asked.customer else ()
        found = entitlement.check(
            asked,
            contracts,
            window=self.desk.window,
            policy=customer.policy if customer else {},
            resolve_due=entitle.resolve_due(self.desk, asked),
        )
        line = next(
            (
                line
                for contract in contracts
                if contract.number == found.contract
                for line in contract.lines
                if line.name == found.line
            ),
            None,
        )
        return found.verdict or "", line

    def measured(self, row: Row, line: Line | None, events: Any, now: datetime) -> dict[str, Measured]:
        """How the clocks of a ticket come out under this line."""
        level = self.desk.slas.get((line.sla if line else None) or reference.DEFAULT_SLA)
        if level is None or not row.priority:
            return {}
        usual = line.calendar if line is not None else reference.ALWAYS
        targets = {
            priority: replace(said, calendar=said.calendar or usual)
            for priority, said in level.targets.items()
        }
        facts = _Facts(self.tx, row)
        with self.asked():
            promised = clock_policies.promised(
                facts, ServiceLevel(name=level.name, targets=targets, retroactive=level.retroactive)
            )
        return replaying.under(
            events, promised, received_at=row.received_at, resolved_at=row.resolved_at, now=now
        )


class _Facts:
    """A ticket as `clock_policies` asks for it."""

    __slots__ = ("_values", "tx")

    def __init__(self, tx: Tx, row: Row) -> None:
        self.tx = tx
        self._values = row._asdict()

    def __getitem__(self, column: str) -> Any:
        return self._values[column]


def _edited(tx: Tx, edited: Document) -> _Side:
    """The desk with what the file says. Raises Invalid with every mistake."""
    unknown = [name for name in edited if name not in SECTIONS]
    if unknown or not edited:
        raise invalid("/with", f"must have some of {', '.join(SECTIONS)}, and nothing else")
    stored = export.stored(tx)
    document = {**edited}
    for section in ("calendars", "slas"):
        if section in edited:
            document[section] = _by_name(stored.get(section, ()), edited[section])
    if "customers" in edited:
        document["customers"] = _customers(stored.get("customers", ()), edited["customers"])
    before = tuple(_mistakes(stored, {}))  # what is wrong already is not the edit's
    made = [one for one in _mistakes(document, stored) if not (before and one.startswith(before))]
    if made:
        raise Invalid([*map(_fault, made)])
    desk = reference.desk(tx)
    calendars = dict(desk.calendars)
    for part in edited.get("calendars", ()):
        hours = part.definition()
        calendars[part.name] = Hours(version=definition_version(hours), calendar=Calendar(hours))
    slas = dict(desk.slas) | {
        part.name: ServiceLevel(
            name=part.name,
            targets={priority: reference.promise_of(said) for priority, said in part.targets.items()},
            retroactive=part.retroactive,
        )
        for part in edited.get("slas", ())
    }
    routing = desk.routing
    if "routing" in edited:
        names = ("group", "technology", "request_type", "customer", "level", "calendar")
        routing = tuple(Rule(**{name: getattr(part, name) for name in names}) for part in edited["routing"])
    contracts = {
        part.code: {
            contract.number: reference.contract_of(
                rows.contract_content(part, contract) | {"version": f"edited {contract.number}"}
            )
            for contract in part.contracts
        }
        for part in edited.get("customers", ())
    }
    return _Side(tx, replace(desk, calendars=calendars, slas=slas, routing=routing, local={}), contracts)


def _mistakes(document: Document, stored: Document) -> tuple[str, ...]:
    try:
        checking.check(document, stored)
    except ConfigurationError as error:
        return error.mistakes
    return ()


def _fault(mistake: str) -> Any:
    return invalid("/with", mistake).faults[0]


def _by_name(stored: tuple[Any, ...], edited: tuple[Any, ...]) -> tuple[Any, ...]:
    named = {part.name: part for part in edited}
    known = {part.name for part in stored}
    return (*(named.get(part.name, part) for part in stored), *(p for p in edited if p.name not in known))


def _customers(stored: tuple[CustomerPart, ...], edited: tuple[CustomerPart, ...]) -> tuple[Any, ...]:
    """Customers as they are, with the contracts of the file in place of those of their numbers."""
    given = {part.code: {one.number: one for one in part.contracts} for part in edited}
    missing = [code for code in given if code not in {part.code for part in stored}]
    if missing:
        raise invalid("/with/customers", f"there is no customer {', '.join(missing)}")
    return tuple(
        msgspec.structs.replace(
            part,
            contracts=tuple(
                ({one.number: one for one in part.contracts} | given.get(part.code, {})).values()
            ),
        )
        for part in stored
    )


# --- One ticket ---------------------------------------------------------------------------------------------

_Routers = tuple[routing_trial.Router, routing_trial.Router]
_Counts = tuple[Counter[tuple[str, str]], Counter[tuple[str, str]]]


def _routers(tx: Tx, is_: _Side, edit: _Side, found: list[Row], *, now: datetime) -> _Routers:
    since = min((row.received_at for row in found), default=now)
    on_call = {
        name: spans
        for name in is_.desk.groups
        if (spans := duties.on_duty_intervals(tx, ON_CALL, name, since, now + timedelta(seconds=1)))
    }
    return (
        routing_trial.Router(tx, is_.desk.routing, on_call),
        routing_trial.Router(tx, edit.desk.routing, on_call),
    )


def _compare(
    tx: Tx,
    row: Row,
    is_: _Side,
    edit: _Side,
    routers: _Routers | None,
    counts: _Counts,
    *,
    now: datetime,
) -> Difference:
    checked = tx.one(entitle.LATEST, ticket_id=row.id)
    verdict: tuple[str, str] = ("", "")
    lines: tuple[Line | None, Line | None] = (None, None)
    if checked is not None:
        asked = _asked(checked)
        (one, line), (other, other_line) = is_.judge(asked), edit.judge(asked)
        verdict, lines = (one, other), (line, other_line)
    group: tuple[str | None, str | None] | None = None
    if routers is not None and (row.technology or row.request_type):
        open_then = routing_reach.open_calendars(is_.desk, routing_trial.instant(row))
        group = (routers[0].group(row, open_then), routers[1].group(row, open_then))
    clocks: list[ClockDifference] = []
    if row.priority:
        events = clock_standing.read(tuple(one) for one in tx.all(_EVENTS, ticket_id=row.id))
        pair = [side.measured(row, line, events, now) for side, line in zip((is_, edit), lines, strict=True)]
        for name in sorted({*pair[0], *pair[1]}):
            was, would_be = pair[0].get(name), pair[1].get(name)
            for measured, count in ((was, counts[0]), (would_be, counts[1])):
                if measured is not None:
                    count[name, measured.state] += 1
            if was != would_be:
                clocks.append(ClockDifference(clock=name, was=was, would_be=would_be))
    names = tuple(line.name if line is not None else "" for line in lines)
    return Difference(
        number=row.number,
        customer=row.customer,
        received_at=row.received_at,
        verdict=verdict if verdict[0] != verdict[1] else None,
        line=(names[0], names[1]) if names[0] != names[1] else None,
        group=group if group is not None and group[0] != group[1] else None,
        clocks=tuple(clocks),
    )


def _asked(checked: Row) -> entitlement.Asked:
    """What was asked about a ticket last, out of its evidence."""
    names = entitlement.Asked.__dataclass_fields__
    said = {name: value for name, value in checked.evidence["inputs"].items() if name in names}
    said |= {"at": datetime.fromisoformat(said["at"]), "trust": Trust(checked.trust)}
    said["candidates"] = tuple(said.get("candidates", ()))
    return entitlement.Asked(**{"customer": None, "channel": "api"} | said)
