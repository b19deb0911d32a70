"""What do we know to go wrong, and what helps until it is fixed? Known errors are kept in versions, verified, and applied in one act.

Each verb is one transaction. `number`: of the known error (KE-12 is 12). Raises NotFound, Forbidden for contacts, Stale, Invalid, Refused.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, func, literal, select

from core.desk import acts, known_error_rows, people, problem_rows, reference, workarounds
from core.desk.case import record
from core.desk.errors import Fault, Invalid, NotFound, Refused, Stale
from core.desk.known_error_rows import name_of
from core.desk.principal import Principal
from core.ids import new_id
from core.rules import known_errors as rule
from core.store import tables
from core.store.tx import Prepared, Row, Tx

KIND = "known_error"
"""Of its versions among the definitions."""
EXPIRED = "expired"
"""Code of the refusal to apply one that nobody looked at again in time, unless that is confirmed."""
MAX_TITLE, MAX_TEXT, MAX_SHORT = 300, 20_000, 2_000  # characters
MAX_NAMES = 50

known_error = tables.known_error

_LAST = Prepared(select(func.max(known_error.c.number).label("number")))
_VERSIONS = Prepared(
    select(tables.definition)
    .where(tables.definition.c.kind == literal(KIND), tables.definition.c.name == bindparam("name"))
    .order_by(tables.definition.c.at, tables.definition.c.version)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What stands in a known error. Texts as people typed them."""

    title: str
    public_text: str
    """What the customer is told when it is applied: the only part that leaves the house."""
    symptom: str = ""
    cause: str = ""
    steps: str = ""
    risk: str = ""
    fix: str = ""
    technology: str | None = None
    customer: str | None = None
    """Code, of whom it is alone; None: of anybody."""
    assets: Sequence[str] = ()
    """Names of assets of that customer."""
    pattern: str = ""
    words: Sequence[str] = ()
    problem: int | None = None
    verified_on: datetime | None = None
    expires_on: datetime | None = None


def save(
    tx: Tx,
    who: Principal,
    written: Written,
    *,
    now: datetime,
    number: int | None = None,
    version: int | None = None,
) -> int:
    """Keep it as a new version; return its number. `number` None: a new one. `version`: which was read; another one since is Stale.

    Every version stays. Raises Invalid with every mistake.
    """
    row = None if number is None else known_error_rows.find(tx, who, number)
    acts.only_staff(who)
    if row is not None and row.closed_at is not None:
        raise Refused(f"{name_of(row.number)} is over: write a new one", code="known_over")
    if row is not None and version is not None and version != row.version:
        raise Stale(
            f"somebody changed {name_of(row.number)} since you looked: read it, then decide",
            newer=(),
            last_event=row.version,
        )
    columns = _checked(tx, who, written, now=now)
    if row is None:
        identity, made = _insert(tx, columns, who, now=now)
        _keep(tx, identity, 1, columns, who, now=now)
        record(tx, identity, "known_error.written", now=now, actor=who.actor, version=1)
        return made
    if all(getattr(row, name) == value for name, value in columns.items()):
        return int(row.number)
    to = row.version + 1
    tx.update(known_error, {"id": row.id}, **columns, version=to)
    _keep(tx, row.id, to, columns, who, now=now)
    record(tx, row.id, "known_error.written", now=now, actor=who.actor, version=to)
    return int(row.number)


def _insert(tx: Tx, columns: Mapping[str, Any], who: Principal, *, now: datetime) -> tuple[str, int]:
    identity = new_id()
    while True:  # two at once: the second finds the number taken
        number = 1 + (tx.one(_LAST).number or 0)
        if tx.insert_new(known_error, **columns, id=identity, number=number, version=1, at=now, by=who.actor):
            return identity, number


def _keep(
    tx: Tx, identity: str, version: int, columns: Mapping[str, Any], who: Principal, *, now: datetime
) -> None:
    said = {
        name: value.isoformat() if isinstance(value, datetime) else value for name, value in columns.items()
    }
    tx.insert(
        tables.definition,
        version=f"{identity} {version}",
        kind=KIND,
        name=identity,
        content=said | {"n": version, "by": who.actor},
        at=now,
    )


def _checked(tx: Tx, who: Principal, written: Written, *, now: datetime) -> dict[str, Any]:
    given = asdict(written)
    texts = {
        name: str(given[name]).replace("\r\n", "\n").strip()
        for name in ("title", "public_text", "symptom", "cause", "steps", "risk", "fix", "pattern")
    }
    faults = [Fault(f"/{name}", "must not be empty") for name in ("title", "public_text") if not texts[name]]
    for name, text in texts.items():
        most = (
            MAX_TITLE if name in ("title", "pattern") else MAX_SHORT if name in ("risk", "fix") else MAX_TEXT
        )
        if len(text) > most:
            faults.append(Fault(f"/{name}", f"must be at most {most} characters"))
    if written.technology and written.technology not in reference.desk(tx).technologies:
        faults.append(Fault("/technology", f"there is no technology {written.technology}"))
    customer = reference.customer(tx, written.customer) if written.customer else None
    if written.customer and customer is None:
        faults.append(Fault("/customer", f"there is no customer {written.customer}"))
    assets = list(dict.fromkeys(name.strip() for name in written.assets if name.strip()))
    words = list(dict.fromkeys(word.strip() for word in written.words if word.strip()))
    if assets and customer is None:
        faults.append(Fault("/assets", "are somebody's: say whose"))
    elif customer is not None:
        there = {one.name for one in people.assets(tx, written.customer or "")}
        missing = [name for name in assets if name not in there]
        if missing:
            faults.append(Fault("/assets", f"{customer.name} has no {', '.join(missing)}"))
    for name, many in (("assets", assets), ("words", words)):
        if len(many) > MAX_NAMES:
            faults.append(Fault(f"/{name}", f"must be at most {MAX_NAMES}"))
    if written.verified_on is not None and written.verified_on > now:
        faults.append(Fault("/verified_on", "lies ahead: say when it was verified"))
    ends = written.expires_on
    if ends is not None and ends <= (written.verified_on or now):
        faults.append(Fault("/expires_on", "must come after it was verified"))
    problem = None
    if written.problem is not None:
        try:
            problem = problem_rows.find(tx, who, written.problem)
        except NotFound as error:
            faults.append(Fault("/problem", str(error)))
    if faults:
        raise Invalid(faults)
    return texts | {
        "technology": written.technology or None,
        "customer": written.customer or None,
        "assets": assets,
        "words": words,
        "problem_id": problem.id if problem is not None else None,
        "verified_on": written.verified_on,
        "expires_on": written.expires_on,
    }


def retire(tx: Tx, who: Principal, number: int, *, now: datetime, reason: str) -> int:
    """It is fixed for good, or was wrong: it is suggested no longer. What was applied stands."""
    row = known_error_rows.find(tx, who, number)
    reason = acts.plain(reason, "/reason")
    if row.closed_at is None:
        tx.update(known_error, {"id": row.id}, closed_at=now)
        _keep(tx, row.id, row.version + 1, {"retired": reason}, who, now=now)
        tx.update(known_error, {"id": row.id}, version=row.version + 1)
        record(tx, row.id, "known_error.retired", now=now, actor=who.actor)
    return number


def versions(tx: Tx, identity: str) -> list[Row]:
    """All there were, oldest first."""
    return tx.all(_VERSIONS, name=identity)


def apply(
    tx: Tx,
    who: Principal,
    number: str,
    known: int,
    *,
    now: datetime,
    confirm_expired: bool = False,
    review_by: datetime | None = None,
    seen: int | None = None,
) -> str:
    """It is that: the workaround is applied, the ticket linked to the problem, the customer told the public text; the fix gets its long target.

    `number`: of the ticket; `known`: of the known error. One act, which again changes nothing. Raises NotFound for what is
    another customer's alone, Refused (EXPIRED) for one that nobody looked at again in time, unless `confirm_expired`.
    """
    case = acts.begin(tx, who, number, now=now)
    acts.only_staff(who)
    acts.check_seen(case, who, seen, ("ticket.", "workaround."))
    row = known_error_rows.find(tx, who, known)
    if row.customer is not None and row.customer != case["customer"]:
        message = f"there is no known error {name_of(known)} for this request"
        raise NotFound(message)
    standing = workarounds.live(tx, case.id)
    if standing is not None and standing.known_error == row.id:
        return number
    if row.closed_at is not None:
        raise Refused(f"{name_of(known)} is over: it is applied no longer", code="known_over")
    late = rule.expired(row.expires_on, now)
    if late and not confirm_expired:
        raise Refused(
            f"{name_of(known)} expired on {row.expires_on:%Y-%m-%d}: look whether it is still true, and confirm that",
            code=EXPIRED,
        )
    workarounds.apply(case, who, row.public_text, since=now, review_by=review_by, known_error=row.id)
    case.event("known_error.applied", actor=who.actor, known_error=row.id, version=row.version, expired=late)
    if row.problem_id and problem_rows.link(tx, row.problem_id, case.id, by=who.actor, now=now):
        case.event("problem.linked", actor=who.actor, problem=row.problem_id)
    acts.finish(case)
    return number


def content(row: Row) -> Mapping[str, Any]:
    """What a version says."""
    found: Mapping[str, Any] = row.content if isinstance(row.content, dict) else json.loads(row.content)
    return found
