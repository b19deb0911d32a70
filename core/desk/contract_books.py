"""Do the books of contracts balance? What is left of a line is the sum of its rows, and each row is taken back once at most."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import func, select

from core.store import tables
from core.store.tx import Tx

WORST = 20  # faults listed of each kind

consumption, balance, version = tables.consumption, tables.line_balance, tables.contract_version


def faults(tx: Tx, *, now: datetime) -> Iterator[tuple[str, str]]:
    """(what must not be, which line or row) each."""
    yield from _balances(tx)
    twice = (
        select(consumption.c.reverses.label("about"))
        .where(consumption.c.reverses.is_not(None))
        .group_by(consumption.c.reverses)
        .having(func.count() > 1)
    )
    original = consumption.alias()
    wrong = select(consumption.c.id.label("about")).where(
        consumption.c.kind == "reversal",
        ~select(original.c.id)
        .where(
            original.c.ticket_id == consumption.c.ticket_id,
            original.c.id == consumption.c.reverses,
            original.c.kind != "reversal",
            original.c.quantity == consumption.c.quantity,
            original.c.contract == consumption.c.contract,
            original.c.line == consumption.c.line,
            original.c.period == consumption.c.period,
        )
        .exists(),
    )
    no_work = select(consumption.c.id.label("about")).where(
        consumption.c.activity_id.is_not(None),
        ~select(tables.activity.c.id)
        .where(
            tables.activity.c.ticket_id == consumption.c.ticket_id,
            tables.activity.c.id == consumption.c.activity_id,
        )
        .exists(),
    )
    no_version = select(version.c.number.label("about")).where(
        ~select(tables.definition.c.version).where(tables.definition.c.version == version.c.version).exists()
    )
    for kind, question in (
        ("consumption taken back twice", twice),
        ("reversal of what is not there", wrong),
        ("consumption by work that is not there", no_work),
        ("version of a contract without its content", no_version),
    ):
        for row in tx.all(question.limit(WORST)):
            yield kind, str(row.about)


def _balances(tx: Tx) -> Iterator[tuple[str, str]]:
    key = (consumption.c.contract, consumption.c.line, consumption.c.period)
    original = consumption.alias()
    added = select(*key, consumption.c.kind, func.sum(consumption.c.quantity).label("sum")).where(
        consumption.c.kind != "reversal"
    )
    reversed_ = (
        select(*key, original.c.kind, func.sum(consumption.c.quantity).label("sum"))
        .select_from(
            consumption.join(
                original,
                (original.c.ticket_id == consumption.c.ticket_id) & (original.c.id == consumption.c.reverses),
            )
        )
        .where(consumption.c.kind == "reversal")
    )
    sums: dict[tuple[str, str, str], list[int]] = {}
    for sign, question in (
        (1, added.group_by(*key, consumption.c.kind)),
        (-1, reversed_.group_by(*key, original.c.kind)),
    ):
        for row in tx.all(question):
            of = sums.setdefault((row.contract, row.line, row.period), [0, 0])
            of[row.kind == "use"] += sign * int(row.sum)
    stored = {
        (row.contract, row.line, row.period): [row.granted, row.used] for row in tx.all(select(balance))
    }
    for line in sorted(sums.keys() | stored.keys()):
        if sums.get(line, [0, 0]) != stored.get(line):
            about = f"{' '.join(line)}: the balance says {stored.get(line)}, its rows {sums.get(line)}"
            yield "balance of a contract line", about
