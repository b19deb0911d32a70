"""What was bought of a contract line, what was used of it, and may this act use more? The books of consumption. (desk.md 16)

Rows are only added: openings, purchases, what is carried over, uses, and reversals that name what they take back. What is left
stands in `line_balance`, whose row is locked before anything is spent, so that two who spend the last unit meet there. How the
books are kept is in desk.ledger_books.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import bindparam, select

from core.desk import consumption_notices, ledger_books, ledger_periods, reference
from core.desk.case import Case
from core.desk.errors import Refused
from core.desk.ledger_books import Stand, as_booked, counts, stand
from core.rules import consumption as rules
from core.rules.coverage import Contract, Line
from core.store import tables
from core.store.tx import Prepared, Row, Tx

consumption = tables.consumption

__all__ = [
    "as_booked",
    "as_seen",
    "claim",
    "counts",
    "give_back",
    "is_counted",
    "line_of",
    "may_spend",
    "qualified",
    "settle",
    "stand",
    "use",
    "work",
]

ANOTHER_LINE = "another line"
"""The reason of what is given back because the ticket went to another line."""
ENDED_WITHOUT = ("cancelled", "merged", "rejected")
NOT_YET = ("received", "triage")

_OF_TICKET = Prepared(
    select(consumption).where(consumption.c.ticket_id == bindparam("ticket_id")).order_by(consumption.c.id)
)
_ACTIVITIES = Prepared(
    select(tables.activity)
    .where(tables.activity.c.ticket_id == bindparam("ticket_id"))
    .order_by(tables.activity.c.id)
)
_OVERRIDE = Prepared(
    select(
        tables.entitlement_check.c.decision,
        tables.entitlement_check.c.overridden_by,
        tables.entitlement_check.c.override_until,
    )
    .where(tables.entitlement_check.c.ticket_id == bindparam("ticket_id"))
    .order_by(tables.entitlement_check.c.seq.desc())
    .limit(1)
)


# --- Spending ------------------------------------------------------------------------------------------------


def line_of(case: Case) -> tuple[Contract, Line] | None:
    """The measured line that the ticket is under; None: nothing of it is counted."""
    if not case["contract_version"] or not case["line"]:
        return None
    pinned = reference.contract(case.tx, case["contract_version"])
    every = reference.contracts(case.tx, case["customer"]) if case["customer"] else ()
    # What is granted is what the contract grants now; a line that it no longer has is counted as it was.
    for contract in (*(one for one in every if one.number == pinned.number), pinned):
        found = next((line for line in contract.lines if line.name == case["line"]), None)
        if found is not None:
            return (contract, found) if counts(found) else None
    return None


def as_seen(case: Case, contracts: Sequence[Contract]) -> tuple[Contract, ...]:
    """The contracts as entitlement asks for them: with what is bought and used now, without what this ticket itself counts as."""
    booked = as_booked(case.tx, contracts, at=case.now)
    if case.new or not any(line.measure == "tickets" and counts(line) for c in contracts for line in c.lines):
        return booked
    mine = {(row.contract, row.line) for row in _live(case) if row.unit == "tickets"}
    if not mine:
        return booked
    return tuple(
        replace(
            contract,
            lines=tuple(
                replace(line, used=line.used - 1) if (contract.number, line.name) in mine else line
                for line in contract.lines
            ),
        )
        for contract in booked
    )


def claim(case: Case) -> bool:
    """Is there a ticket left for this one, where the line counts tickets? Whoever asks at the same time waits for the answer."""
    found = line_of(case)
    if found is None or found[1].measure != "tickets":
        return True
    contract, line = found
    now = ledger_books.opened(
        case.tx, contract, line, day=ledger_periods.day_of(contract, case.now), now=case.now
    )
    return not now.balance.lacks(1) or line.overdraft or _is_overridden(case)


def may_spend(case: Case, unit: str, quantity: int) -> None:
    """Raise Refused when an act that uses so much would go below zero; nothing is written."""
    found = line_of(case)
    if found is None or rules.UNITS[found[1].measure] != unit:
        return
    _check(case, stand(case.tx, *found, at=case.now), quantity)


def use(
    case: Case,
    unit: str,
    quantity: int,
    *,
    actor: str,
    at: datetime | None = None,
    reason: str = "",
    must: bool = True,
) -> bool:
    """Use so many units of the ticket's line; False: its line does not count these. Raises Refused below zero.

    `must` False: it is done already, and counts although it goes below zero. For hours see `activities`: they are rounded per ticket. A visit that is over calls this with unit `visits`.
    """
    found = line_of(case)
    if found is None or rules.UNITS[found[1].measure] != unit:
        return False
    _spend(case, *found, quantity, actor=actor, at=at or case.now, reason=reason, must=must)
    return True


def is_overridden(case: Case) -> bool:
    """Does whoever leads let the work be done, whatever the line says, and still now?"""
    return _is_overridden(case)


def work(case: Case, activity_id: str, minutes: int, *, actor: str, at: datetime, must: bool = True) -> None:
    """Minutes that somebody worked on the ticket, rounded up together with those of before. Raises Refused.

    `must` False: it is done already, and counts although it goes below zero.
    """
    found = line_of(case)
    if found is None or found[1].measure != "hours":
        return
    line = found[1]
    done = {row.activity_id for row in _mine(case, *found) if row.activity_id}
    before = sum(row.minutes for row in case.tx.all(_ACTIVITIES, ticket_id=case.id) if row.id in done)
    cost = rules.one_more(before, minutes, line.step)
    _spend(case, *found, cost, actor=actor, at=at, activity_id=activity_id, must=must)


def settle(case: Case) -> None:
    """Let the books say what the ticket has used of the line it is under now: at qualification, at its change, at the end.

    What was used of another line is given back there; a ticket counts once; work that is not on this line's books is added.
    """
    found = line_of(case)
    uses = [] if case.new else _live(case)
    for row in uses:
        if found is None or (row.contract, row.line) != (found[0].number, found[1].name):
            ledger_books.reverse(case.tx, row, reason=ANOTHER_LINE, actor="system", now=case.now)
    if found is None:
        return
    contract, line = found
    here = [row for row in uses if (row.contract, row.line) == (contract.number, line.name)]
    if line.measure == "tickets" and case["state"] not in (*NOT_YET, *ENDED_WITHOUT):
        if not here:
            _spend(case, contract, line, 1, actor="system", at=case.now, must=False)
    elif line.measure == "hours" and not case.new:
        charged = {row.activity_id for row in here} | _corrected(case, contract, line)
        for row in case.tx.all(_ACTIVITIES, ticket_id=case.id):
            if row.id not in charged:
                work(case, row.id, row.minutes, actor="system", at=row.at, must=False)


def qualified(case: Case) -> None:
    """A ticket that is qualified counts, where its line counts tickets; work that was entered before counts too."""
    if line_of(case) is not None:
        settle(case)


def is_counted(tx: Tx, version: str | None, line: str | None) -> bool:
    """Is anything counted of this line, in this version of its contract?"""
    if not version or not line:
        return False
    return any(one.name == line and counts(one) for one in reference.contract(tx, version).lines)


def give_back(case: Case, reason: str, *, actor: str = "system") -> None:
    """The ticket ends as none: cancelled, rejected or merged. What was worked on it stays used."""
    if case.new or not any(map(counts, _lines_of_customer(case))):
        return
    for row in _live(case):
        if row.unit == "tickets":
            ledger_books.reverse(case.tx, row, reason=reason, actor=actor, now=case.now)


def _lines_of_customer(case: Case) -> list[Line]:
    found = reference.contracts(case.tx, case["customer"]) if case["customer"] else ()
    pinned = (reference.contract(case.tx, case["contract_version"]),) if case["contract_version"] else ()
    return [line for contract in (*found, *pinned) for line in contract.lines]


def _mine(case: Case, contract: Contract, line: Line) -> list[Row]:
    """Uses that stand for the ticket on the line, those that a person took back included: they are not charged again."""
    elsewhere = (ANOTHER_LINE, ledger_books.ANOTHER_PERIOD)
    moved = {row.reverses for row in case.tx.all(_OF_TICKET, ticket_id=case.id) if row.reason in elsewhere}
    return [
        row
        for row in case.tx.all(_OF_TICKET, ticket_id=case.id)
        if row.kind == "use"
        and (row.contract, row.line) == (contract.number, line.name)
        and row.id not in moved
    ]


def _corrected(case: Case, contract: Contract, line: Line) -> set[str]:
    return {row.activity_id for row in _mine(case, contract, line) if row.activity_id}


def _live(case: Case) -> list[Row]:
    rows = case.tx.all(_OF_TICKET, ticket_id=case.id)
    gone = {row.reverses for row in rows if row.reverses}
    return [row for row in rows if row.kind == "use" and row.id not in gone]


def _check(case: Case, now: Stand, cost: int) -> bool:
    """May it be spent? True: only because somebody lets it go below zero. Raises Refused."""
    if not now.balance.lacks(cost):
        return False
    if now.line.overdraft or _is_overridden(case):
        return True
    left = max(now.balance.left, 0)
    raise Refused(
        f"line {now.line.name} of {now.contract.number} has {_said(now.line, left)} left, and this takes "
        f"{_said(now.line, cost)}: use no more than what is left, enter a purchase at the contract, or let a shift leader "
        "override the check of this ticket",
        allowed=("override",),
        code="exhausted",
    )


def _said(line: Line, counted: int) -> str:
    unit = rules.UNITS[line.measure]
    return f"{counted} {unit if counted != 1 else unit.removesuffix('s')}"


def _is_overridden(case: Case) -> bool:
    row = None if case.new else case.tx.one(_OVERRIDE, ticket_id=case.id)
    return bool(
        row is not None
        and row.overridden_by
        and row.decision in ("accept", "accept_with_warning")
        and (row.override_until is None or row.override_until > case.now)
    )


def _spend(
    case: Case,
    contract: Contract,
    line: Line,
    cost: int,
    *,
    actor: str,
    at: datetime,
    activity_id: str | None = None,
    reason: str = "",
    must: bool = True,
) -> None:
    now = ledger_books.opened(case.tx, contract, line, day=ledger_periods.day_of(contract, at), now=case.now)
    below = _check(case, now, cost) if must else bool(now.balance.lacks(cost))
    row_id = ledger_books.post(
        case.tx,
        now,
        "use",
        cost,
        ticket_id=case.id,
        actor=actor,
        at=at,
        now=case.now,
        activity_id=activity_id,
        reason=reason,
    )
    after = replace(now.balance, used=now.balance.used + cost)
    case.event("consumption.used", actor=actor, use=row_id, unit=rules.UNITS[line.measure], quantity=cost)
    if line.overdraft:
        case.flag("overdraft", on=after.left < 0)
    consumption_notices.spent(
        case.tx, contract, line, now.period, now.balance, after, below=below, now=case.now
    )
