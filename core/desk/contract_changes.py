"""What is changed at a contract by hand: a new version, a purchase, a reversal, tickets that are checked again. (desk.md 2, 16)

Supervisors and administrators. A contract is saved as the configuration's file would be: by the same checks, as a new
version that never changes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import bindparam, select

from core.desk import (
    account_managers,
    acts,
    contract_board,
    contracts,
    entitle,
    ledger_books,
    placing,
    reference,
    timing,
)
from core.desk.case import ADMINISTRATION, record
from core.desk.configuration import export, rows
from core.desk.configuration.document import ContractPart, CustomerPart, read_plain
from core.desk.errors import ConfigurationError, Fault, Invalid, NotFound, Refused, invalid
from core.desk.ledger_books import counts
from core.desk.principal import Principal
from core.envelope import Trust
from core.rules import consumption as rules
from core.rules.coverage import Contract, Line
from core.store import tables
from core.store.tx import Prepared, Tx

MOST = 100_000
"""Of a purchase, in the line's measure."""
LONGEST = 100  # characters of a number or of a line's name
MIN_REASON = 5

_ENTRY = Prepared(
    select(tables.consumption).where(
        tables.consumption.c.id == bindparam("id"), tables.consumption.c.contract == bindparam("contract")
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What saving would do."""

    changes: tuple[str, ...]
    """In words; empty: nothing."""
    open_tickets: int
    """Under the contract now: they keep the version of their check until they are checked again."""


def written(tx: Tx, number: str) -> dict[str, Any]:
    """The contract as its file would say it, with every field. Raises NotFound."""
    for customer in export.stored(tx)["customers"]:
        for part in customer.contracts:
            if part.number == number:
                plain: dict[str, Any] = msgspec.to_builtins(part)
                return plain | {"customer": customer.code}
    message = f"there is no contract {number}"
    raise NotFound(message)


def save(
    tx: Tx,
    who: Principal,
    plain: Mapping[str, Any],
    *,
    customer: str,
    why: str,
    seen: str | None = None,
    new: bool = False,
    now: datetime,
) -> str:
    """Make the contract what `plain` (the fields of its file) says, as a new version; return its number.

    Raises Invalid with a pointer for each mistake; Refused when `seen` is not its present version any more, or a `new`
    one has a number that is taken. The same content again changes nothing.
    """
    if not who.is_agent:  # what is there for nobody outside looks as if it were not
        contracts.of_number(tx, who, str(plain.get("number", "")))
    contract_board.only_changers(who)
    why = acts.plain(why, "/why")
    reference.hold(tx)
    part, wanted = _document(tx, plain, customer=customer)
    current = present(tx, part.number)
    if new and current is not None:
        raise invalid("/number", f"{part.number} is the number of another contract")
    if seen is not None and current != seen:
        raise Refused(
            f"{part.number} was changed meanwhile: read what is new, then save again", code="changed"
        )
    try:
        rows.apply(tx, who, wanted, rows.known_hashes(tx), now=now, why=why)
    except ConfigurationError as error:
        raise _told(error, customer, part) from error
    return part.number


def preview(tx: Tx, who: Principal, plain: Mapping[str, Any], *, customer: str) -> Preview:
    """What `save` would change, in words, and how many open tickets are under the contract. Raises Invalid as it does."""
    contract_board.only_changers(who)
    part, wanted = _document(tx, plain, customer=customer)
    try:
        found = rows.plan(tx, wanted, rows.known_hashes(tx))
    except ConfigurationError as error:
        raise _told(error, customer, part) from error
    lines: list[str] = []
    for change in found:
        lines += change.details or (f"{change.section} {change.name} {change.what}",)
    return Preview(changes=tuple(lines), open_tickets=contract_board.open_tickets(tx, part.number))


def buy(
    tx: Tx,
    who: Principal,
    number: str,
    *,
    line: str,
    quantity: float,
    reason: str,
    idem: str = "",
    now: datetime,
) -> str:
    """More of a line, in its measure, for its present period: the order it comes from is the reason. Returns the contract's number."""
    contract, found = _line(tx, who, number, line)
    reason = _reason(reason)
    counted = rules.units(found.measure, quantity) if 0 < quantity <= MOST else 0
    if counted <= 0:
        raise invalid("/quantity", f"must be more than 0, and at most {MOST}")
    if _again(tx, number, idem, now):
        return number
    entry = ledger_books.bought(tx, contract, found, counted, actor=who.actor, reason=reason, now=now)
    _record(tx, who, "contract.bought", number, line, entry, now=now)
    return number


def reverse(tx: Tx, who: Principal, number: str, entry: str, *, reason: str, now: datetime) -> str:
    """A use or a purchase was wrong: it is taken back whole, with the reason. Raises NotFound, Refused when it is already."""
    contracts.of_number(tx, who, number)
    contract_board.only_changers(who)
    reason = _reason(reason)
    row = tx.one(_ENTRY, id=entry, contract=number)
    if row is None:
        message = f"contract {number} has no such entry"
        raise NotFound(message)
    if row.kind not in ("use", "purchase") or row.reason == ledger_books.OPENING:
        raise Refused(
            "only what was used or bought is taken back; what a contract grants is changed in the contract",
            code="not_reversible",
        )
    made = ledger_books.taken_back(tx, row, reason=reason, actor=who.actor, now=now)
    _record(tx, who, "contract.reversed", number, row.line, made, now=now)
    return number


def recheck(tx: Tx, who: Principal, number: str, *, now: datetime, seen: int | None = None) -> str:
    """Judge a ticket anew by the contracts as they are now: one that was signed later may cover it.

    A ticket that waited for approval and is covered goes on. Leaders; Refused when it has ended.
    """
    case = acts.begin(tx, who, number, now=now)
    acts.only_leaders(who)
    acts.check_seen(case, who, seen, ("ticket.",))
    if not case["open"]:
        entitle.check(case, trust=Trust(case["trust"]), only_look=True)
        acts.finish(case)
        return number
    entitle.check(case, trust=Trust(case["trust"]))
    if case["state"] == "on_hold" and case["decision"] in ("accept", "accept_with_warning"):
        acts.move(case, who, "approve", reason="checked again")
        placing.after_approval(case, who)
    elif case["state"] not in ("on_hold", "triage", "received"):
        timing.retarget(case)
    acts.finish(case)
    return number


# --- Within one verb -----------------------------------------------------------------------------------------


def _document(tx: Tx, plain: Mapping[str, Any], *, customer: str) -> tuple[ContractPart, dict[str, Any]]:
    try:
        read = read_plain({"customers": [{"name": "-", "code": "-", "contracts": [dict(plain)]}]})
    except ConfigurationError as error:
        raise _told(error, "-", None, plain) from error
    part: ContractPart = read["customers"][0].contracts[0]
    named = {"/number": part.number} | {f"/lines/{n}/name": line.name for n, line in enumerate(part.lines)}
    if endless := [place for place, name in named.items() if len(name) > LONGEST]:
        raise Invalid([Fault(place, f"must be at most {LONGEST} characters") for place in endless])
    stored = export.stored(tx)["customers"]
    if not any(one.code == customer for one in stored):
        raise invalid("/customer", f"there is no customer {customer}")
    return part, {"customers": tuple(_with(one, part, customer) for one in stored)}


def _with(one: CustomerPart, part: ContractPart, customer: str) -> CustomerPart:
    if one.code != customer:
        return one
    kept = [part if c.number == part.number else c for c in one.contracts]
    if part not in kept:
        kept.append(part)
    return msgspec.structs.replace(one, contracts=tuple(kept))


def _told(
    error: ConfigurationError,
    customer: str,
    part: ContractPart | None,
    plain: Mapping[str, Any] | None = None,
) -> Invalid:
    """Mistakes by their place in the form: /valid_until, /lines/0/calendar."""
    given = plain or {}
    number = part.number if part else given.get("number") or 1
    names: Sequence[Any] = (
        [line.name for line in part.lines]
        if part
        else [line.get("name") for line in given.get("lines", ()) if isinstance(line, Mapping)]
    )
    return Invalid(
        [_fault(line, f"customers[{customer}].contracts[{number}]", names) for line in error.mistakes]
    )


def _fault(line: str, at: str, names: Sequence[Any]) -> Fault:
    if not line.startswith(at):
        return Fault("", line)
    rest = line.removeprefix(at)
    for n, name in enumerate(names):
        for called in (name, n + 1):
            inside = f".lines[{called}]"
            if rest.startswith(inside):
                field, _, message = rest.removeprefix(inside).partition(": ")
                return Fault(f"/lines/{n}/{field.lstrip('.') or 'name'}", message)
    field, _, message = rest.partition(": ")
    return Fault(f"/{field.lstrip('.').replace('.', '/')}" if field else "/number", message)


def _line(tx: Tx, who: Principal, number: str, line: str) -> tuple[Contract, Line]:
    contract = contracts.of_number(tx, who, number)
    contract_board.only_changers(who)
    found = next((one for one in contract.lines if one.name == line), None)
    measured = [one.name for one in contract.lines if counts(one)]
    if found is None or not counts(found):
        raise invalid(
            "/line", f"must be a line of {number} with a quantity: {', '.join(measured) or 'it has none'}"
        )
    return contract, found


def _reason(reason: str) -> str:
    reason = acts.plain(reason, "/reason")
    if len(reason) < MIN_REASON:
        raise invalid("/reason", f"say why in at least {MIN_REASON} characters: it stays in the books")
    return reason


def _again(tx: Tx, number: str, idem: str, now: datetime) -> bool:
    """Was this very form sent before?"""
    return bool(idem) and not account_managers.once(tx, f"purchase:{number}:{idem}", now=now)


def _record(tx: Tx, who: Principal, kind: str, number: str, line: str, entry: str, *, now: datetime) -> None:
    about = {"contract": number, "line": line, "entry": entry}
    record(tx, ADMINISTRATION, kind, now=now, actor=who.actor, **about)


def present(tx: Tx, number: str) -> str | None:
    """The present version: what `seen` of `save` must be. None: there is no such contract."""
    row = tx.one(_PRESENT, number=number)
    return None if row is None else str(row.version)


_PRESENT = Prepared(select(tables.contract.c.version).where(tables.contract.c.number == bindparam("number")))
