"""Why was this ticket judged so? Each check of its contract as evidence, who overrode it, and what was used. For staff."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select

from core.desk import activities, acts, ledger_books, reference, search
from core.desk.activities import Activity
from core.desk.ledger_books import Stand, counts
from core.desk.principal import Principal
from core.rules import consumption as rules
from core.store import tables
from core.store.tx import Prepared, Row, Tx

evidence = tables.entitlement_check

_CHECKS = Prepared(
    select(evidence, tables.agent.c.name.label("by_name"))
    .select_from(evidence.outerjoin(tables.agent, ("agent:" + tables.agent.c.id) == evidence.c.overridden_by))
    .where(evidence.c.ticket_id == bindparam("ticket_id"))
    .order_by(evidence.c.seq.desc())
)
_USES = Prepared(
    select(tables.consumption)
    .where(tables.consumption.c.ticket_id == bindparam("ticket_id"))
    .order_by(tables.consumption.c.id)
)
_TICKET = Prepared(select(tables.ticket).where(tables.ticket.c.id == bindparam("id")))


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One of them, as it was."""

    seq: int
    at: datetime
    verdict: str
    would_be: str | None
    decision: str
    reasons: Sequence[Mapping[str, Any]]
    inputs: Mapping[str, Any]
    inputs_hash: str
    candidates: Sequence[Mapping[str, Any]]
    contract: str | None
    contract_version: str | None
    line: str | None
    remaining: float | None
    channel_allowed: bool | None
    window_open: bool
    next_open_at: datetime | None
    trust: str
    overridden_by: str | None
    """Their name."""
    override_reason: str
    override_until: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """All of a ticket."""

    ticket: Row
    checks: tuple[Check, ...]
    """Newest first."""
    activities: tuple[Activity, ...]
    minutes: int
    used: tuple[tuple[str, str, str, int], ...]
    """(contract, line, unit, how many) each, reversals taken off."""
    stand: Stand | None
    """Of its line, where that is measured."""
    left: float
    overridden: bool
    """The newest override is in force."""


def of_ticket(tx: Tx, who: Principal, number: str, *, now: datetime) -> Evidence:
    """Everything. Staff only; raises NotFound."""
    ticket_id = search.find(tx, who, number).id
    acts.only_staff(who)
    ticket = tx.one(_TICKET, id=ticket_id)
    checks = tuple(_check(row) for row in tx.all(_CHECKS, ticket_id=ticket_id))
    worked = activities.of_ticket(tx, who, number)
    stand = _stand(tx, ticket, now)
    last = checks[0] if checks else None
    return Evidence(
        ticket=ticket,
        checks=checks,
        activities=tuple(worked),
        minutes=sum(one.minutes for one in worked),
        used=_used(tx, ticket_id),
        stand=stand,
        left=rules.amount(stand.line.measure, stand.balance.left) if stand else 0,
        overridden=last is not None
        and last.overridden_by is not None
        and (last.override_until is None or last.override_until > now),
    )


def _used(tx: Tx, ticket_id: str) -> tuple[tuple[str, str, str, int], ...]:
    sums: dict[tuple[str, str, str], int] = {}
    for row in tx.all(_USES, ticket_id=ticket_id):
        key = (row.contract, row.line, row.unit)
        sums[key] = sums.get(key, 0) + (-1 if row.kind == "reversal" else 1) * row.quantity
    return tuple((*key, total) for key, total in sorted(sums.items()))


def _stand(tx: Tx, ticket: Row, now: datetime) -> Stand | None:
    if not ticket.contract_version or not ticket.line:
        return None
    pinned = reference.contract(tx, ticket.contract_version)
    every = reference.contracts(tx, ticket.customer) if ticket.customer else ()
    for contract in (*(one for one in every if one.number == pinned.number), pinned):
        line = next((one for one in contract.lines if one.name == ticket.line), None)
        if line is not None:
            return ledger_books.stand(tx, contract, line, at=now) if counts(line) else None
    return None


def _check(row: Row) -> Check:
    kept = row.evidence
    return Check(
        seq=row.seq,
        at=row.at,
        verdict=row.verdict,
        would_be=row.would_be,
        decision=row.decision,
        reasons=kept["reasons"],
        inputs=kept["inputs"],
        inputs_hash=kept.get("inputs_hash", ""),
        candidates=kept["candidates"],
        contract=row.contract,
        contract_version=row.contract_version,
        line=row.line,
        remaining=kept.get("remaining"),
        channel_allowed=kept.get("channel_allowed"),
        window_open=row.window_open,
        next_open_at=row.next_open_at,
        trust=row.trust,
        overridden_by=(row.by_name or row.overridden_by) if row.overridden_by else None,
        override_reason=row.override_reason,
        override_until=row.override_until,
    )
