"""What does the desk show of problems and known errors? Lists, one with its tickets in scope, and what concerns one ticket."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import bindparam, func, select

from core.desk import acts, known_error_rows, known_errors, people, problem_rows, reference, workarounds
from core.desk.principal import HUB, Principal
from core.desk.scope import Scope, find, hidden_before, scope
from core.desk.views import KnownErrorHint, ProblemRef, WorkaroundView
from core.rules import known_errors as known_rule
from core.rules import problems as rule
from core.rules import workarounds as workaround_rule
from core.store import tables
from core.store.tx import Prepared, Row, Tx

SHOWN = 200  # of a list; closed problems are the oldest in it

problem, problem_ticket, ticket = tables.problem, tables.problem_ticket, tables.ticket
known_error, event = tables.known_error, tables.event

_PROBLEMS = Prepared(
    select(
        problem,
        select(func.count())
        .select_from(problem_ticket)
        .where(problem_ticket.c.problem_id == problem.c.id)
        .correlate(problem)
        .scalar_subquery()
        .label("count"),
    )
    .order_by(problem.c.closed_at.is_not(None), problem.c.changed_at.desc(), problem.c.id)
    .limit(SHOWN)
)
_COUNT = Prepared(
    select(func.count().label("count"))
    .select_from(problem_ticket)
    .where(problem_ticket.c.problem_id == bindparam("problem_id"))
)
_KNOWN = Prepared(
    select(known_error)
    .order_by(known_error.c.closed_at.is_not(None), known_error.c.number.desc())
    .limit(SHOWN)
)
_OF_PROBLEM = Prepared(
    select(known_error)
    .where(known_error.c.problem_id == bindparam("problem_id"))
    .order_by(known_error.c.number)
)
_EVENTS = Prepared(select(event).where(event.c.ticket_id == bindparam("chain")).order_by(event.c.seq))


@dataclass(frozen=True, slots=True, kw_only=True)
class Linked:
    """A ticket that has a problem, as far as the reader may see it."""

    number: str
    subject: str
    customer: str
    state: str
    received_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """Something that happened to a problem."""

    kind: str
    at: datetime
    by: str
    """Name; empty: the hub."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A problem, for staff."""

    number: int
    name: str
    title: str
    state: str
    root_cause: str
    owner: str
    """E-mail; empty: nobody."""
    owner_name: str
    technology: str | None
    customer: str | None
    """Code, of whom it is alone."""
    customer_name: str
    asset: str | None
    cause: str
    proposed: bool
    """By the hub."""
    fix_due: datetime | None
    at: datetime
    changed_at: datetime
    closed_at: datetime | None
    count: int
    """Tickets, those out of scope among them."""
    moves: tuple[str, ...] = ()
    """That this reader may make."""
    tickets: tuple[Linked, ...] = ()
    known_errors: tuple[KnownError, ...] = ()
    events: tuple[Happening, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """A known error as it was."""

    n: int
    at: datetime
    by: str
    """Name."""
    content: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownError:
    """A known error, for staff."""

    number: int
    name: str
    title: str
    symptom: str
    cause: str
    steps: str
    public_text: str
    risk: str
    fix: str
    technology: str | None
    customer: str | None
    customer_name: str
    assets: tuple[str, ...]
    pattern: str
    words: tuple[str, ...]
    problem: int | None
    verified_on: datetime | None
    expires_on: datetime | None
    expired: bool
    version: int
    at: datetime
    closed_at: datetime | None
    versions: tuple[Version, ...] = ()


def problems(tx: Tx, who: Principal) -> list[Problem]:
    """Open ones first, what changed last on top; at most SHOWN."""
    acts.only_staff(who)
    return [_problem(tx, row, row.count) for row in tx.all(_PROBLEMS)]


def one(tx: Tx, who: Principal, number: int, *, now: datetime) -> Problem:
    """One problem with its tickets in scope. Raises NotFound."""
    row = problem_rows.find(tx, who, number)
    mine = scope(who)
    linked = tx.all(_tickets(mine.shape), problem_id=row.id, **mine.values)
    names = _names(tx)
    return _problem(
        tx,
        row,
        tx.one(_COUNT, problem_id=row.id).count,
        moves=tuple(name for name in rule.allowed(row.state) if name not in rule.LEADERS or who.leads),
        tickets=tuple(
            Linked(
                number=of.number,
                subject=of.subject,
                customer=of.customer or "",
                state=of.state,
                received_at=of.received_at,
            )
            for of in linked
        ),
        known_errors=tuple(_known(tx, of, now=now) for of in tx.all(_OF_PROBLEM, problem_id=row.id)),
        events=tuple(
            Happening(kind=of.kind, at=of.at, by=names.get(of.actor, ""))
            for of in tx.all(_EVENTS, chain=row.id)
        ),
    )


def known(tx: Tx, who: Principal, *, now: datetime) -> list[KnownError]:
    """Those that are not over first, the newest on top; at most SHOWN."""
    acts.only_staff(who)
    return [_known(tx, row, now=now) for row in tx.all(_KNOWN)]


def known_one(tx: Tx, who: Principal, number: int, *, now: datetime) -> KnownError:
    """One with its versions. Raises NotFound."""
    row = known_error_rows.find(tx, who, number)
    names = _names(tx)
    told = [
        Version(n=said["n"], at=of.at, by=names.get(said["by"], ""), content=said)
        for of in known_errors.versions(tx, row.id)
        if (said := known_errors.content(of))
    ]
    return _known(tx, row, now=now, versions=tuple(sorted(told, key=lambda one: one.n)))


def behind(tx: Tx, row: Row) -> tuple[ProblemRef, ...]:
    """The problems that a row of `ticket` has, for staff."""
    return tuple(
        ProblemRef(number=of.number, name=problem_rows.name_of(of.number), title=of.title, state=of.state)
        for of in problem_rows.of_ticket(tx, row.id)
    )


def hints(tx: Tx, row: Row, *, now: datetime) -> tuple[KnownErrorHint, ...]:
    """What a row of `ticket` that is open may be about, for staff; what is applied is not said again."""
    found = known_error_rows.suggested(tx, row, now=now) if row.open else ()
    standing = workarounds.live(tx, row.id) if found else None
    applied = standing.known_error if standing is not None else None
    rows = [(match, known_error_rows.find(tx, HUB, match.number)) for match in found]
    return tuple(
        KnownErrorHint(
            number=of.number,
            name=known_error_rows.name_of(of.number),
            title=of.title,
            steps=of.steps,
            public_text=of.public_text,
            risk=of.risk,
            why=match.code,
            because=match.because,
            expired=match.expired,
            expires_on=of.expires_on,
        )
        for match, of in rows
        if of.id != applied
    )


def hints_for(tx: Tx, who: Principal, number: str, *, now: datetime) -> tuple[KnownErrorHint, ...]:
    """The same for a ticket by its number. Raises NotFound, Forbidden outside."""
    acts.only_staff(who)
    return hints(tx, find(tx, who, number), now=now)


def workarounds_of(tx: Tx, who: Principal, row: Row) -> tuple[WorkaroundView, ...]:
    """Those of a row of `ticket` that the reader may see, in their order."""
    inside = who.kind != "contact"
    found = workarounds.of_ticket(tx, row.id)
    names = _names(tx) if found else {}
    since = hidden_before(who, row)
    return tuple(
        WorkaroundView(
            id=of.id,
            text=of.text,
            applied_at=of.applied_at,
            by=names.get(of.by, "") if inside else "",
            review_by=of.review_by,
            state=of.state,
            answered_by=_who(tx, of.answered_by, names) if inside else "",
            answered_at=of.answered_at,
            why=of.why if inside else "",
            known_error=_name_of_known(tx, of.known_error) if inside else "",
            answerable=row.open and workaround_rule.may_answer(of.state),
        )
        for of in found
        if inside or since is None or of.applied_at >= since
    )


def _name_of_known(tx: Tx, identity: str | None) -> str:
    row = known_error_rows.by_id(tx, identity) if identity else None
    return known_error_rows.name_of(row.number) if row is not None else ""


def _who(tx: Tx, actor: str, names: Mapping[str, str]) -> str:
    if actor in names:
        return names[actor]
    kind, _, identity = actor.partition(":")
    contact = people.contact(tx, identity) if kind == "contact" else None
    return contact.name if contact is not None else ""


def _names(tx: Tx) -> dict[str, str]:
    return {f"agent:{one.id}": one.name for one in people.agents(tx)}


def _problem(tx: Tx, row: Row, count: int, **more: Any) -> Problem:
    owner = people.agent(tx, row.owner) if row.owner else None
    customer = reference.customer(tx, row.customer) if row.customer else None
    return Problem(
        number=row.number,
        name=problem_rows.name_of(row.number),
        title=row.title,
        state=row.state,
        root_cause=row.root_cause,
        owner=owner.email if owner else "",
        owner_name=owner.name if owner else "",
        technology=row.technology,
        customer=row.customer,
        customer_name=customer.name if customer else "",
        asset=row.asset,
        cause=row.cause,
        proposed=row.by == "system",
        fix_due=row.fix_due,
        at=row.at,
        changed_at=row.changed_at,
        closed_at=row.closed_at,
        count=count,
        **more,
    )


def _known(tx: Tx, row: Row, *, now: datetime, versions: tuple[Version, ...] = ()) -> KnownError:
    customer = reference.customer(tx, row.customer) if row.customer else None
    of = problem_rows.by_id(tx, row.problem_id) if row.problem_id else None
    return KnownError(
        number=row.number,
        name=known_error_rows.name_of(row.number),
        title=row.title,
        symptom=row.symptom,
        cause=row.cause,
        steps=row.steps,
        public_text=row.public_text,
        risk=row.risk,
        fix=row.fix,
        technology=row.technology,
        customer=row.customer,
        customer_name=customer.name if customer else "",
        assets=tuple(row.assets),
        pattern=row.pattern,
        words=tuple(row.words),
        problem=of.number if of is not None else None,
        verified_on=row.verified_on,
        expires_on=row.expires_on,
        expired=known_rule.expired(row.expires_on, now),
        version=row.version,
        at=row.at,
        closed_at=row.closed_at,
        versions=versions,
    )


@cache
def _tickets(shape: tuple[Any, ...]) -> Prepared:
    return Prepared(
        select(ticket.c.number, ticket.c.subject, ticket.c.customer, ticket.c.state, ticket.c.received_at)
        .select_from(problem_ticket.join(ticket, ticket.c.id == problem_ticket.c.ticket_id))
        .where(problem_ticket.c.problem_id == bindparam("problem_id"), Scope(shape=shape, values={}).tickets)
        .order_by(ticket.c.received_at.desc(), ticket.c.id)
    )
