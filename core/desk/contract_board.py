"""Which contracts are there, how do they stand, what is left of them, and which tickets are behind each number?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, func, literal, select

from core.desk import acts, contract_history, contracts, ledger_books, reference
from core.desk.account_managers import ROLES
from core.desk.contract_history import Version
from core.desk.contract_versions import EARLIEST
from core.desk.errors import Forbidden
from core.desk.ledger_books import book_of, counts
from core.desk.principal import Principal
from core.rules import consumption as rules
from core.rules.consumption import Balance, Forecast, Use
from core.rules.coverage import Contract, Line
from core.store import tables
from core.store.tx import Prepared, Row, Tx

consumption, ticket = tables.consumption, tables.ticket

STATES = ("ending", "grace", "valid", "not_started", "expired", "suspended", "draft", "terminated")
"""How a contract stands for a list, what needs somebody first: `ending` is valid for 90 days at most."""
ENDING = 90  # days
ENTRIES = 200  # rows of consumption that are shown of a line

_CONTRACTS = Prepared(
    select(tables.contract, tables.customer.c.name.label("customer_name"))
    .select_from(tables.contract.join(tables.customer, tables.customer.c.code == tables.contract.c.customer))
    .where(tables.customer.c.active.is_(True))
    .order_by(tables.contract.c.number)
)
_BALANCES = Prepared(select(tables.line_balance))
_REVERSED = Prepared(
    select(consumption.c.reverses)
    .where(consumption.c.contract == bindparam("contract"), consumption.c.line == bindparam("line"))
    .where(consumption.c.kind == literal("reversal"))
)
_ENTRIES = Prepared(
    select(
        consumption,
        ticket.c.number,
        ticket.c.subject,
        tables.activity.c.text.label("work"),
        tables.agent.c.name.label("by_name"),
    )
    .select_from(
        consumption.outerjoin(ticket, ticket.c.id == consumption.c.ticket_id)
        .outerjoin(
            tables.activity,
            (tables.activity.c.ticket_id == consumption.c.ticket_id)
            & (tables.activity.c.id == consumption.c.activity_id),
        )
        .outerjoin(tables.agent, literal("agent:") + tables.agent.c.id == consumption.c.actor)
    )
    .where(consumption.c.contract == bindparam("contract"), consumption.c.line == bindparam("line"))
    .where(consumption.c.period == bindparam("period"))
    .order_by(consumption.c.id.desc())
    .limit(ENTRIES + 1)
)
_OPEN = Prepared(
    select(func.count().label("count")).where(
        ticket.c.open.is_(True), ticket.c.contract == bindparam("contract")
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LineState:
    """A line and, where it is measured, its balance in the present period. Quantities are in the line's measure."""

    line: Line
    first: date | None
    """Of the period; None: it is not measured."""
    last: date | None
    granted: float
    used: float
    left: float
    percent: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A contract in a list."""

    contract: Contract
    customer_name: str
    state: str
    days_left: int
    lines: tuple[LineState, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One row of a line's books."""

    id: str
    kind: str
    quantity: float
    """In the line's measure; a reversal takes back."""
    at: datetime
    recorded_at: datetime
    ticket: str | None
    """Number, where it belongs to a ticket."""
    subject: str
    by: str
    """Their name; `system`, or an actor."""
    reason: str
    work: str
    reversible: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A measured line with its forecast and the rows behind its number."""

    state: LineState
    forecast: Forecast
    per_week: float
    """In the line's measure."""
    entries: tuple[Entry, ...]
    more: bool
    """There are older ones in this period."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """Everything of one contract, for staff."""

    listed: Listed
    versions: tuple[Version, ...]
    names: Mapping[str, str]
    """Actor to name, of those who changed it."""
    measured: tuple[Told, ...]
    open_tickets: int
    account_manager: str
    may_change: bool


def may_change(who: Principal) -> bool:
    """Supervisors and administrators change contracts and their books."""
    return who.configures


def only_changers(who: Principal) -> None:
    """Raise Forbidden for anybody else."""
    acts.only_staff(who)
    if not (may_change(who) or who.kind == "system"):
        message = "a supervisor or an administrator changes contracts"
        raise Forbidden(message)


def listing(
    tx: Tx, who: Principal, *, state: str = "", customer: str = "", q: str = "", now: datetime
) -> list[Listed]:
    """All contracts that staff may see, those that end soonest first; `q` is part of a number or a name."""
    acts.only_staff(who)
    balances: dict[str, list[Row]] = {}
    for row in tx.all(_BALANCES):
        balances.setdefault(row.contract, []).append(row)
    words = q.strip().casefold()
    found = [
        _listed(tx, row.customer_name, reference.contract(tx, row.version), balances.get(row.number, []), now)
        for row in tx.all(_CONTRACTS)
        if (not customer or row.customer == customer)
        and (not words or words in f"{row.number} {row.customer_name} {row.customer}".casefold())
    ]
    chosen = [one for one in found if not state or one.state == state]
    return sorted(chosen, key=lambda one: (STATES.index(one.state), one.days_left, one.contract.number))


def whole(tx: Tx, who: Principal, number: str, *, now: datetime) -> Whole:
    """One contract with versions, consumption and forecast. Staff only; raises NotFound."""
    contract = contracts.of_number(tx, who, number)
    acts.only_staff(who)
    customer = reference.customer(tx, contract.customer)
    versions = contract_history.of(tx, number)
    return Whole(
        listed=listed(tx, contract, now=now),
        versions=tuple(versions),
        names=_names(tx, {one.by for one in versions}),
        measured=tuple(told(tx, contract, line, now=now) for line in contract.lines if counts(line)),
        open_tickets=open_tickets(tx, number),
        account_manager=(customer.account_manager or "") if customer else "",
        may_change=may_change(who),
    )


def of_company(tx: Tx, who: Principal, *, now: datetime) -> list[tuple[Listed, tuple[Told, ...]]]:
    """The contracts of a contact's company with what is left of them; the rows behind are for managers and administrators."""
    found = []
    for contract in reference.contracts(tx, who.customer or "") if who.kind == "contact" else ():
        if contract.status == "draft":
            continue
        own = contract.customer == who.customer
        measured = tuple(told(tx, contract, line, now=now) for line in contract.lines if counts(line))
        found.append((listed(tx, contract, now=now), measured if own and decides(who) else ()))
    return sorted(found, key=lambda one: (STATES.index(one[0].state), one[0].contract.number))


def decides(who: Principal) -> bool:
    """Managers of everything and administrators of a customer see what its contracts have used.

    A manager of some sites does not: a contract is of the whole company.
    """
    return who.kind == "contact" and bool(who.roles & set(ROLES)) and ("admin" in who.roles or not who.sites)


def consumed(tx: Tx, who: Principal, number: str, *, now: datetime) -> tuple[Contract, tuple[Told, ...]]:
    """What is left of a contract's lines and what used it: for staff, and for those who decide at the customer.

    Raises NotFound; Forbidden for anybody else of the company.
    """
    contract = contracts.of_number(tx, who, number)
    if not who.is_agent and not decides(who):
        message = "managers and administrators of the company see what a contract has used"
        raise Forbidden(message)
    return contract, tuple(told(tx, contract, line, now=now) for line in contract.lines if counts(line))


def open_tickets(tx: Tx, number: str) -> int:
    """How many open tickets are under the contract."""
    return int(tx.one(_OPEN, contract=number).count)


def listed(tx: Tx, contract: Contract, *, now: datetime) -> Listed:
    """One contract as lists show it."""
    customer = reference.customer(tx, contract.customer)
    rows = tx.all(_OF_CONTRACT, contract=contract.number) if any(map(counts, contract.lines)) else []
    return _listed(tx, customer.name if customer else contract.customer, contract, rows, now)


_OF_CONTRACT = Prepared(
    select(tables.line_balance).where(tables.line_balance.c.contract == bindparam("contract"))
)


def told(tx: Tx, contract: Contract, line: Line, *, now: datetime) -> Told:
    """A measured line: balance, forecast, and its rows in the present period, newest first."""
    stand = ledger_books.stand(tx, contract, line, at=now)
    gone = {row.reverses for row in tx.all(_REVERSED, contract=contract.number, line=line.name)}
    zone = ZoneInfo(contract.time_zone)
    rows = tx.all(_ENTRIES, contract=contract.number, line=line.name, period=str(stand.period.first))
    uses = [
        Use(at=row.at, quantity=row.quantity)
        for row in tx.all(_LIVE, contract=contract.number, line=line.name)
    ]
    forecast = rules.forecast(
        uses,
        stand.balance.left,
        since=datetime.combine(max(contract.valid_from, EARLIEST), time(), zone).astimezone(UTC),
        until=stand.period.last,
        now=now.astimezone(zone),
    )
    return Told(
        state=_state(stand.line, stand.period, stand.balance),
        forecast=forecast,
        per_week=rules.amount(line.measure, 1) * forecast.per_week,
        entries=tuple(_entry(row, line, gone) for row in rows[:ENTRIES]),
        more=len(rows) > ENTRIES,
    )


_RECENT = consumption.alias()
_LIVE = Prepared(
    select(consumption.c.at, consumption.c.quantity)
    .where(consumption.c.contract == bindparam("contract"), consumption.c.line == bindparam("line"))
    .where(consumption.c.kind == literal("use"), consumption.c.reason != literal(ledger_books.OPENING))
    .where(
        ~select(_RECENT.c.id)
        .where(_RECENT.c.ticket_id == consumption.c.ticket_id, _RECENT.c.reverses == consumption.c.id)
        .exists()
    )
)


def _entry(row: Row, line: Line, gone: set[str]) -> Entry:
    return Entry(
        id=row.id,
        kind=row.kind,
        quantity=rules.amount(line.measure, row.quantity),
        at=row.at,
        recorded_at=row.recorded_at,
        ticket=None if row.ticket_id == book_of(row.contract) else row.number,
        subject=row.subject or "",
        by=row.by_name or row.actor,
        reason=row.reason,
        work=row.work or "",
        reversible=row.kind in ("use", "purchase")
        and row.id not in gone
        and row.reason != ledger_books.OPENING,
    )


def _listed(tx: Tx, customer_name: str, contract: Contract, rows: Sequence[Row], now: datetime) -> Listed:
    today = now.astimezone(ZoneInfo(contract.time_zone)).date()
    days = (contract.valid_until - today).days
    stands = contract.status if contract.status in ("draft", "terminated") else contract.stands(now)
    return Listed(
        contract=contract,
        customer_name=customer_name,
        state="ending" if stands == "valid" and days <= ENDING else stands,
        days_left=days,
        lines=tuple(_of_line(tx, contract, line, rows, now) for line in contract.lines),
    )


def _of_line(tx: Tx, contract: Contract, line: Line, rows: Sequence[Row], now: datetime) -> LineState:
    if not counts(line):
        return LineState(line=line, first=None, last=None, granted=0, used=0, left=0, percent=0)
    stand = ledger_books.stand_of(tx, contract, line, rows, at=now)
    return _state(line, stand.period, stand.balance)


def _state(line: Line, period: rules.Period, balance: Balance) -> LineState:
    return LineState(
        line=line,
        first=period.first,
        last=period.last,
        granted=rules.amount(line.measure, balance.granted),
        used=rules.amount(line.measure, balance.used),
        left=rules.amount(line.measure, balance.left),
        percent=balance.percent,
    )


def _names(tx: Tx, actors: set[str]) -> dict[str, str]:
    rows = tx.all(_AGENTS)
    return {f"agent:{row.id}": row.name for row in rows if f"agent:{row.id}" in actors}


_AGENTS = Prepared(select(tables.agent.c.id, tables.agent.c.name))
