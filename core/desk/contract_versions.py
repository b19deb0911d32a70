"""What follows when a contract is in another version from now on? (desk.md 2)"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from sqlalchemy import Select, bindparam, func, or_, select

from core.desk import account_managers, ledger_books, reference
from core.desk.errors import ConfigurationError
from core.desk.principal import Principal
from core.rules.consumption import UNITS
from core.rules.coverage import NO_CONTRACT, Contract
from core.store import tables
from core.store.tx import Prepared, Row, Tx

contract_version, ticket = tables.contract_version, tables.ticket

UNCOVERED = ("no_contract", "not_started", "expired", "suspended", "grace", "out_of_scope")
"""What may be otherwise under a contract that was signed later and began earlier."""
EARLIEST = date(1970, 1, 2)
LISTED = 200  # affected tickets on one page

_LAST = Prepared(
    select(func.max(contract_version.c.n).label("n")).where(contract_version.c.number == bindparam("number"))
)
_DEFINED = Prepared(select(tables.definition.c.at).where(tables.definition.c.version == bindparam("version")))


def begins(
    tx: Tx, who: Principal, number: str, before: str | None, after: str, *, why: str, now: datetime
) -> None:
    """The contract is in another version from now on: on record, its lines opened, and whom it may concern listed."""
    last = tx.one(_LAST, number=number).n or 0
    if last == 0 and before is not None:
        row = tx.one(_DEFINED, version=before)
        last = 1
        tx.insert(
            contract_version, number=number, n=1, version=before, at=row.at if row else now, by="", why=""
        )
    tx.insert(contract_version, number=number, n=last + 1, version=after, at=now, by=who.actor, why=why)
    contract = reference.contract(tx, after)
    earlier = reference.contract(tx, before) if before is not None else None
    if earlier is not None:
        _same_measures(tx, earlier, contract)
    if contract.status in NO_CONTRACT:
        return
    ledger_books.reconcile(tx, contract, now=now)
    begun = _begins(contract)
    counted = earlier is not None and earlier.status not in NO_CONTRACT
    if begun >= now or (counted and earlier is not None and earlier.valid_from <= contract.valid_from):
        return
    concerned = _count(tx, contract, begun, now)
    if concerned:
        account_managers.ask(
            tx,
            contract.customer,
            "contract_affects",
            once=f"affects:{number}",
            now=now,
            contract=number,
            count=concerned,
            url=f"/desk/contracts/{quote(number, safe='')}/affected",
        )


def _same_measures(tx: Tx, before: Contract, after: Contract) -> None:
    """What is on the books of a line is in its unit. Raises ConfigurationError for another one."""
    units = {line.name: UNITS.get(line.measure) for line in before.lines}
    wrong = [
        f"customers[{after.customer}].contracts[{after.number}].lines[{line.name}].measure: what was used of this line is "
        f"counted in {units[line.name]}; give a line that is measured otherwise another name"
        for line in after.lines
        if line.measure in UNITS
        and units.get(line.name) not in (None, UNITS[line.measure])
        and tx.one(_BOOKED, contract=after.number, line=line.name) is not None
    ]
    if wrong:
        raise ConfigurationError(wrong)


_BOOKED = Prepared(
    select(tables.line_balance.c.period)
    .where(
        tables.line_balance.c.contract == bindparam("contract"),
        tables.line_balance.c.line == bindparam("line"),
    )
    .limit(1)
)


def affected(tx: Tx, contract: Contract, *, now: datetime) -> Sequence[Row]:
    """Tickets received since the contract began whose last check says that they are not, or only just, covered."""
    begun = _begins(contract)
    return tx.all(
        _concerned(tx, contract, begun, now)
        .with_only_columns(
            ticket.c.number,
            ticket.c.subject,
            ticket.c.state,
            ticket.c.verdict,
            ticket.c.decision,
            ticket.c.received_at,
            ticket.c.open,
        )
        .order_by(ticket.c.received_at.desc())
        .limit(LISTED)
    )


def _begins(contract: Contract) -> datetime:
    """When it begins to be valid; as early as there are instants."""
    return datetime.combine(max(contract.valid_from, EARLIEST), time(), ZoneInfo(contract.time_zone))


def _count(tx: Tx, contract: Contract, since: datetime, now: datetime) -> int:
    question = _concerned(tx, contract, since, now).with_only_columns(func.count().label("count"))
    return int(tx.one(question).count)


def _concerned(tx: Tx, contract: Contract, since: datetime, now: datetime) -> Select[Any]:
    customers = [contract.customer]
    if contract.covers_children:
        customers += [
            row.code
            for row in tx.all(
                select(tables.customer.c.code).where(tables.customer.c.parent == contract.customer)
            )
        ]
    return select(ticket.c.id).where(
        or_(*(ticket.c.customer == code for code in customers)),
        ticket.c.received_at >= since,
        ticket.c.received_at <= now,
        or_(*(ticket.c.verdict == verdict for verdict in UNCOVERED)),
    )
