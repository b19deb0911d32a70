"""Who is told that a line is nearly used up, used up, or about to go below zero? Both sides, once each. (desk.md 16)"""

from __future__ import annotations

from datetime import datetime
from urllib.parse import quote

from core.desk import account_managers
from core.rules import consumption as rules
from core.rules.consumption import Balance, Period
from core.rules.coverage import Contract, Line
from core.store.tx import Tx

TO_CUSTOMER = "consumption"
TO_STAFF = "consumption_staff"
BELOW = "below"
"""The act that would go below zero, or does."""


def spent(
    tx: Tx,
    contract: Contract,
    line: Line,
    period: Period,
    before: Balance,
    after: Balance,
    *,
    below: bool,
    now: datetime,
) -> None:
    """Something was used: whichever thresholds were passed are told. `below`: there was less left than it took."""
    for threshold in rules.crossed(before, after):
        _tell(tx, contract, line, period, after, str(threshold), now=now)
    if below:
        _tell(tx, contract, line, period, after, BELOW, now=now)


def wanted(
    tx: Tx, contract: Contract, line: Line, period: Period, balance: Balance, *, now: datetime
) -> None:
    """Something is asked for that would go below zero; a leader is about to decide."""
    _tell(tx, contract, line, period, balance, BELOW, now=now)


def _tell(
    tx: Tx, contract: Contract, line: Line, period: Period, balance: Balance, what: str, *, now: datetime
) -> None:
    # What is bought afterwards is another quantity, whose end is told anew.
    key = f"consumption:{contract.number}:{line.name}:{period.first}:{balance.granted}:{what}"
    if not account_managers.once(tx, key, now=now):
        return
    about = {
        "contract": contract.number,
        "line": line.name,
        "measure": line.measure,
        "what": what,
        "left": number(rules.amount(line.measure, max(balance.left, 0))),
        "granted": number(rules.amount(line.measure, balance.granted)),
        "used": number(rules.amount(line.measure, balance.used)),
    }
    url = f"/desk/contracts/{quote(contract.number, safe='')}"
    account_managers.ask(
        tx, contract.customer, f"consumption_{what}", once=f"{key}:task", now=now, url=url, **about
    )
    account_managers.write(tx, contract.customer, TO_STAFF, now=now, **about)
    account_managers.write_to_customer(tx, contract.customer, TO_CUSTOMER, now=now, **about)


def number(value: float) -> str:
    """A quantity as it is written without words: 6.5, 12.

    >>> number(6.5), number(12.0), number(0.3333)
    ('6.5', '12', '0.33')
    """
    return f"{value:.2f}".rstrip("0").rstrip(".")
