"""How are the books of a contract line kept? Periods are opened, rows added, and the balance and what is carried over follow.

See desk.ledger for what is spent, and by whom.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from sqlalchemy import bindparam, select

from core.desk import ledger_periods, reference
from core.desk.errors import Refused
from core.desk.ledger_periods import Course, day_of
from core.ids import fixed_id, new_id
from core.rules import consumption as rules
from core.rules.consumption import Balance, Period
from core.rules.coverage import Contract, Line
from core.store import tables
from core.store.tx import Prepared, Row, Tx

consumption, line_balance = tables.consumption, tables.line_balance

OPENING = "opening"
"""The reason of what the contract says was used before its books began."""
ANOTHER_PERIOD = "another period"
"""The reason of what is taken back because the contract counts from another day: it stands in the period of that day."""

_BALANCES = Prepared(select(line_balance).where(line_balance.c.contract == bindparam("contract")))
_ONE = (
    select(line_balance)
    .where(line_balance.c.contract == bindparam("contract"))
    .where(line_balance.c.line == bindparam("line"), line_balance.c.period == bindparam("period"))
)
_BALANCE = Prepared(_ONE)
_BALANCE_LOCKED = Prepared(_ONE.with_for_update())
_OF_LINE = Prepared(
    select(consumption)
    .where(consumption.c.contract == bindparam("contract"), consumption.c.line == bindparam("line"))
    .order_by(consumption.c.id)
)
_OF_PERIOD = Prepared(
    select(consumption)
    .where(consumption.c.contract == bindparam("contract"), consumption.c.line == bindparam("line"))
    .where(consumption.c.period == bindparam("period"))
    .order_by(consumption.c.id)
)


def book_of(number: str) -> str:
    """The id under which a contract's rows stand that belong to no ticket."""
    return fixed_id(f"contract:{number}")


def counts(line: Line) -> bool:
    """Is there a limit to what may be used of the line?"""
    return line.measure in rules.UNITS and line.quantity is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stand:
    """A line as its books stand in one period."""

    contract: Contract
    line: Line
    period: Period
    balance: Balance


def as_booked(tx: Tx, contracts: Sequence[Contract], *, at: datetime) -> tuple[Contract, ...]:
    """The contracts with what is bought and used now, as entitlement asks for it. Those without measured lines cost nothing."""
    return tuple(
        _as_booked(tx, contract, at) if any(map(counts, contract.lines)) else contract
        for contract in contracts
    )


def _as_booked(tx: Tx, contract: Contract, at: datetime) -> Contract:
    rows = tx.all(_BALANCES, contract=contract.number)
    return replace(contract, lines=tuple(_booked(tx, contract, line, rows, at) for line in contract.lines))


def _booked(tx: Tx, contract: Contract, line: Line, rows: Iterable[Row], at: datetime) -> Line:
    if not counts(line):
        return line
    stand = stand_of(tx, contract, line, rows, at=at)
    return replace(
        line,
        quantity=rules.amount(line.measure, stand.balance.granted),
        used=rules.amount(line.measure, stand.balance.used),
    )


def stand(tx: Tx, contract: Contract, line: Line, *, at: datetime) -> Stand:
    """How the line stands in the period of this instant, which is now; nothing is written."""
    return stand_of(tx, contract, line, tx.all(_BALANCES, contract=contract.number), at=at)


def stand_of(tx: Tx, contract: Contract, line: Line, rows: Iterable[Row], *, at: datetime) -> Stand:
    """The same from rows of `line_balance` that were read already."""
    period, known = _period(contract, line, day_of(contract, at)), _known(line, rows)
    found = known.get(period.first)
    if found is None:  # what its opening would be
        used = 0 if known else rules.units(line.measure, line.used)
        found = Balance(granted=rules.units(line.measure, line.quantity or 0), used=used)
        if known and line.rollover:
            course = ledger_periods.course(tx, contract, line)
            (*_, (_, granted, handed)) = _missing(course, line, known, period)
            found = Balance(granted=granted + handed, used=0)
    return Stand(contract=contract, line=line, period=period, balance=found)


def _known(line: Line, rows: Iterable[Row]) -> dict[date, Balance]:
    """By the first day of their periods."""
    return {
        date.fromisoformat(row.period): Balance(granted=row.granted, used=row.used)
        for row in rows
        if row.line == line.name
    }


def _missing(
    course: Course, line: Line, known: Mapping[date, Balance], wanted: Period
) -> Iterator[tuple[Period, int, int]]:
    """Each period from the last one before it that is open, what it is granted, and what it is handed; itself at least."""
    last = ledger_periods.handing(course, known, wanted.first)
    if last is None:
        yield wanted, course.granted(wanted), 0
        return
    before, around = known[last], course.period(last)
    following = around if last < around.first else course.after(around)
    while following is not None and following.first < wanted.first:
        granted, handed = course.granted(following), rules.carried(before, rollover=line.rollover)
        yield following, granted, handed
        before = Balance(granted=granted + handed, used=0)
        following = course.after(following)
    yield wanted, course.granted(wanted), rules.carried(before, rollover=line.rollover)


def opened(tx: Tx, contract: Contract, line: Line, *, day: date, now: datetime) -> Stand:
    """The line's period of that day, opened if it is not, and locked until the end of the transaction.

    What comes late for a day of before the contract began on another one counts where that day stands.
    """
    period = _period(contract, line, day)
    if day < _period(contract, line, day_of(contract, now)).first:
        period = ledger_periods.course(tx, contract, line).period(day)
    wanted = Stand(contract=contract, line=line, period=period, balance=Balance(granted=0, used=0))
    row = _locked(tx, wanted)
    if row is None:
        _open_until(tx, contract, line, period, now=now)
        row = _locked(tx, wanted)
    return replace(wanted, balance=Balance(granted=row.granted, used=row.used))


def _locked(tx: Tx, of: Stand) -> Row:
    statement = _BALANCE if tx.is_sqlite else _BALANCE_LOCKED
    return tx.one(statement, contract=of.contract.number, line=of.line.name, period=str(of.period.first))


def _open_until(tx: Tx, contract: Contract, line: Line, wanted: Period, *, now: datetime) -> None:
    """Each period from the last one that is open: what it hands on depends on it."""
    known = _known(line, tx.all(_BALANCES, contract=contract.number))
    course = ledger_periods.course(tx, contract, line)
    used = rules.units(line.measure, line.used) if not known else 0
    for period, granted, handed in list(_missing(course, line, known, wanted)):
        _open(tx, contract, line, period, granted=granted, handed=handed, used=used, now=now)


def _open(
    tx: Tx,
    contract: Contract,
    line: Line,
    period: Period,
    *,
    granted: int,
    handed: int,
    used: int,
    now: datetime,
) -> None:
    key = {"contract": contract.number, "line": line.name, "period": str(period.first)}
    if not tx.insert_new(line_balance, **key, granted=0, used=0):
        return  # somebody else was quicker, and wrote the rest
    stand = Stand(contract=contract, line=line, period=period, balance=Balance(granted=0, used=0))
    _by_itself(tx, stand, "opening", granted, now=now)
    if handed:
        _by_itself(tx, stand, "rollover", handed, now=now)
    if used:
        _by_itself(tx, stand, "use", used, now=now, reason=OPENING)


def reconcile(tx: Tx, contract: Contract, *, now: datetime) -> None:
    """The contract is in another version: what it grants, and what it says was used before, is so from this period on.

    Where periods begin on other days now, what was used and bought since the present one began counts in it.
    """
    for line in contract.lines:
        if not counts(line):
            continue
        astray = _astray(tx, contract, line, now)
        for row in astray:
            reverse(tx, row, reason=ANOTHER_PERIOD, actor="system", now=now)
        here = opened(tx, contract, line, day=day_of(contract, now), now=now)
        for row in astray:
            post(
                tx,
                here,
                row.kind,
                row.quantity,
                ticket_id=row.ticket_id,
                actor=row.actor,
                at=row.at,
                now=now,
                reason=row.reason,
                activity_id=row.activity_id,
            )
        for kind, reason, wanted in (
            ("opening", "", rules.units(line.measure, line.quantity or 0)),
            ("use", OPENING, rules.units(line.measure, line.used)),
        ):
            _renew(tx, here, kind, reason, wanted, now=now)


def _astray(tx: Tx, contract: Contract, line: Line, now: datetime) -> list[Row]:
    """What was used and bought in the present period of the contract and stands in another one."""
    period = _period(contract, line, day_of(contract, now))
    every = tx.all(_OF_LINE, contract=contract.number, line=line.name)
    gone = {row.reverses for row in every if row.reverses}
    return [
        row
        for row in every
        if row.kind in ("use", "purchase")
        and row.id not in gone
        and row.period != str(period.first)
        and period.first <= day_of(contract, row.at) <= period.last
    ]


def _renew(tx: Tx, here: Stand, kind: str, reason: str, wanted: int, *, now: datetime) -> None:
    every = tx.all(_OF_LINE, contract=here.contract.number, line=here.line.name)
    gone = {row.reverses for row in every if row.reverses}
    standing = [row for row in every if row.kind == kind and row.reason == reason and row.id not in gone]
    if kind == "opening":
        standing = [row for row in standing if row.period == str(here.period.first)]
    if sum(row.quantity for row in standing) == wanted:
        return
    for row in standing:
        reverse(tx, row, reason="another version", actor="system", now=now)
    if wanted or kind == "opening":
        _by_itself(tx, here, kind, wanted, now=now, reason=reason)


def bought(
    tx: Tx, contract: Contract, line: Line, quantity: int, *, actor: str, reason: str, now: datetime
) -> str:
    """More of a line, in its present period; return the row's id."""
    here = opened(tx, contract, line, day=day_of(contract, now), now=now)
    book = book_of(contract.number)
    return post(tx, here, "purchase", quantity, ticket_id=book, actor=actor, at=now, now=now, reason=reason)


def taken_back(tx: Tx, row: Row, *, reason: str, actor: str, now: datetime) -> str:
    """A use or a purchase that was wrong is reversed whole. Raises Refused when it is already."""
    rows = tx.all(_OF_LINE, contract=row.contract, line=row.line)
    if any(other.reverses == row.id for other in rows):
        raise Refused("this was taken back already", code="reversed")
    return reverse(tx, row, reason=reason, actor=actor, now=now)


def reverse(tx: Tx, row: Row, *, reason: str, actor: str, now: datetime) -> str:
    contract = reference.contract(tx, row.contract_version)
    line = next(one for one in contract.lines if one.name == row.line)
    first = date.fromisoformat(row.period)
    here = Stand(
        contract=contract,
        line=line,
        period=Period(first=first, last=first),  # it goes by the day it began
        balance=Balance(granted=0, used=0),
    )
    _locked(tx, here)
    return post(
        tx,
        here,
        "reversal",
        row.quantity,
        ticket_id=row.ticket_id,
        actor=actor,
        at=now,
        now=now,
        reason=reason,
        reverses=row,
        activity_id=row.activity_id,
    )


def post(
    tx: Tx,
    to: Stand,
    kind: str,
    quantity: int,
    *,
    ticket_id: str,
    actor: str,
    at: datetime,
    now: datetime,
    reason: str = "",
    reverses: Row | None = None,
    activity_id: str | None = None,
    carry: bool = True,
) -> str:
    """Add a row, return its id, and let the balance follow; what the next period was handed follows too."""
    row_id = new_id()
    first = str(to.period.first) if reverses is None else reverses.period
    tx.insert(
        consumption,
        ticket_id=ticket_id,
        id=row_id,
        contract=to.contract.number,
        contract_version=to.contract.version,
        line=to.line.name,
        kind=kind,
        unit=rules.UNITS[to.line.measure] if reverses is None else reverses.unit,
        quantity=quantity,
        period=first,
        activity_id=activity_id,
        reverses=None if reverses is None else reverses.id,
        reason=reason,
        actor=actor,
        at=at,
        recorded_at=now,
    )
    of, sign = (kind, 1) if reverses is None else (reverses.kind, -1)
    column = line_balance.c.used if of == "use" else line_balance.c.granted
    tx.run(
        _MOVE[column.name],
        contract=to.contract.number,
        line=to.line.name,
        period=first,
        more=sign * quantity,
    )
    if carry:
        _carry(tx, to, now=now)
    return row_id


def _by_itself(
    tx: Tx,
    to: Stand,
    kind: str,
    quantity: int,
    *,
    now: datetime,
    reason: str = "",
    reverses: Row | None = None,
    carry: bool = True,
) -> None:
    """A row of no ticket that nobody asked for."""
    post(
        tx,
        to,
        kind,
        quantity,
        ticket_id=book_of(to.contract.number),
        actor="system",
        at=now,
        now=now,
        reason=reason,
        reverses=reverses,
        carry=carry,
    )


_MOVE = {
    column.name: Prepared(
        line_balance.update()
        .where(line_balance.c.contract == bindparam("contract"), line_balance.c.line == bindparam("line"))
        .where(line_balance.c.period == bindparam("period"))
        .values({column: column + bindparam("more")})
    )
    for column in (line_balance.c.granted, line_balance.c.used)
}


def _carry(tx: Tx, of: Stand, *, now: datetime) -> None:
    """What later periods were handed is put right after an earlier one has changed."""
    if not of.line.rollover:
        return
    key = {"contract": of.contract.number, "line": of.line.name}
    for first, following in ledger_periods.handed_on(tx, of.contract, of.line, of.period.first):
        here = tx.one(_BALANCE, **key, period=str(first))
        handed = rules.carried(Balance(granted=here.granted, used=here.used), rollover=True)
        rows = tx.all(_OF_PERIOD, **key, period=str(following))
        gone = {row.reverses for row in rows if row.reverses}
        standing = [row for row in rows if row.kind == "rollover" and row.id not in gone]
        if sum(row.quantity for row in standing) == handed:
            continue
        to = replace(of, period=Period(first=following, last=following))
        for row in standing:
            _by_itself(
                tx, to, "reversal", row.quantity, now=now, reason="carried anew", reverses=row, carry=False
            )
        if handed:
            _by_itself(tx, to, "rollover", handed, now=now, carry=False)


def _period(contract: Contract, line: Line, day: date) -> Period:
    return rules.period_of(line.period, contract.valid_from, contract.valid_until, day)
