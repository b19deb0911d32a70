"""What is behind requests that come again? Problems: proposed by the hub or opened by staff, worked on, linked to tickets, solved.

Each verb is one transaction. `problem_number`: PB-3 is 3. Raises NotFound (contacts: always), Forbidden (moves of leaders), Refused with
the moves that are allowed, Invalid. What happens is on a chain of events under the problem's id.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, false, func, literal, select, true

from core.desk import acts, follow_ups, people, problem_rows, reference, tasks
from core.desk.case import Case, record
from core.desk.errors import Forbidden, Refused, invalid
from core.desk.principal import Principal
from core.desk.problem_rows import name_of
from core.desk.scope import find
from core.ids import first_id, new_id
from core.rules import problems as rule
from core.rules.problems import Happened, State
from core.store import tables
from core.store.columns import Id, Instant
from core.store.tx import Prepared, Row, Tx

PROPOSED, SOLVED = "problem_proposed", "problem_solved"
"""Kinds of tasks: somebody who leads looks at a proposal; whoever has a ticket looks whether the fix solved it too."""
LEADER = "shift-leader"
MAX_TITLE = 300  # characters
LOOKED_AT = 500  # tickets of a customer, the newest

problem, problem_ticket, ticket = tables.problem, tables.problem_ticket, tables.ticket

_OF_CUSTOMER = Prepared(
    select(
        ticket.c.id,
        ticket.c.customer,
        ticket.c.subject,
        ticket.c.asset,
        ticket.c.resolution,
        ticket.c.received_at,
    )
    .where(
        ticket.c.customer == bindparam("customer"),
        ticket.c.open.in_([true(), false()]),  # along the index of a customer's tickets
        ticket.c.id >= bindparam("first", type_=Id),
        ticket.c.received_at >= bindparam("since", type_=Instant),
        ticket.c.state.not_in([literal("merged"), literal("cancelled"), literal("rejected")]),
        ~select(problem_ticket.c.problem_id)
        .where(problem_ticket.c.ticket_id == ticket.c.id)
        .correlate(ticket)
        .exists(),
    )
    .order_by(ticket.c.id.desc())
    .limit(LOOKED_AT)
)
_REPEATS = Prepared(
    select(problem).where(problem.c.repeats == bindparam("key"), problem.c.closed_at.is_(None)).limit(1)
)
_LINKED = Prepared(select(problem_ticket.c.problem_id).where(problem_ticket.c.ticket_id == bindparam("id")))
_LAST = Prepared(select(func.max(problem.c.number).label("number")))


# --- Proposed by the hub ------------------------------------------------------------------------------------


def look(case: Case) -> None:
    """A ticket is solved: is there a problem behind it and others? It is one of a problem that is worked on, or one is proposed, once."""
    if not case["customer"] or case.tx.one(_LINKED, id=case.id) is not None:
        return
    this = _happened(case)
    for key in rule.keys(this):
        before = case.tx.one(_REPEATS, key=key)
        if before is not None:
            problem_rows.link(case.tx, before.id, case.id, by="system", now=case.now)
            case.event("problem.linked", actor="system", problem=before.id)
            return
    since = case.now - rule.ON_ASSET_WITHIN
    first = first_id(int(since.timestamp() * 1000))
    rows = case.tx.all(_OF_CUSTOMER, customer=case["customer"], since=since, first=first)
    found = rule.propose(this, [_happened(row._asdict()) for row in rows], now=case.now)
    if found is None:
        return
    identity, number = _insert(
        case.tx,
        now=case.now,
        by="system",
        title=case["subject"][:MAX_TITLE],
        root_cause="",
        technology=case["technology"],
        customer=case["customer"],
        asset=case["asset"] if found.code == "asset" else None,
        cause=this.cause if found.code == "asset" else "",
        repeats=found.key,
    )
    for one in found.tickets:
        problem_rows.link(case.tx, identity, one, by="system", now=case.now)
    record(case.tx, identity, "problem.proposed", now=case.now, actor="system", code=found.code)
    case.event("problem.linked", actor="system", problem=identity)
    customer = reference.customer(case.tx, case["customer"])
    tasks.add(
        case.tx,
        PROPOSED,
        now=case.now,
        role=LEADER,
        once=f"{PROPOSED}:{identity}",
        due=case.now + timedelta(days=1),
        url=f"/desk/problems/{number}",
        problem=name_of(number),
        subject=case["subject"],
        count=len(found.tickets),
        customer=customer.name if customer else "",
    )


def _happened(row: Any) -> Happened:
    return Happened(
        ticket=row["id"],
        customer=row["customer"] or "",
        subject=row["subject"],
        asset=row["asset"] or "",
        cause=str(row["resolution"].get("cause", "")),
        received_at=row["received_at"],
    )


def _insert(tx: Tx, *, now: datetime, by: str, **values: Any) -> tuple[str, int]:
    identity = new_id()
    while True:  # two at once: the second finds the number taken
        number = 1 + (tx.one(_LAST).number or 0)
        row = values | {"id": identity, "number": number, "at": now, "changed_at": now, "by": by}
        if tx.insert_new(problem, **row):
            return identity, number


# --- By staff -----------------------------------------------------------------------------------------------


def begin(
    tx: Tx,
    who: Principal,
    *,
    now: datetime,
    title: str,
    number: str | None = None,
    technology: str | None = None,
    root_cause: str = "",
    owner: str | None = None,
) -> int:
    """Open a problem; return its number. `number`: of a ticket it is seen on. `owner`: e-mail; None: nobody yet."""
    acts.only_staff(who)
    row = find(tx, who, number) if number else None
    fields = _checked(tx, title=title, technology=technology, root_cause=root_cause, owner=owner)
    if technology is None and row is not None:
        fields["technology"] = row.technology
    identity, made = _insert(
        tx, now=now, by=who.actor, customer=row.customer if row is not None else None, **fields
    )
    record(tx, identity, "problem.opened", now=now, actor=who.actor)
    if row is not None:
        _link(tx, who, problem_rows.find(tx, who, made), row.id, now=now)
    return made


def change(  # noqa: PLR0913 - the fields of a problem
    tx: Tx,
    who: Principal,
    problem_number: int,
    *,
    now: datetime,
    title: str,
    root_cause: str,
    technology: str | None = None,
    owner: str | None = None,
    fix_due: datetime | None = None,
) -> int:
    """What is known of it now; each field is given as it is to be. `fix_due`: when the fix is planned; None: not yet."""
    row = _in_hand(tx, who, problem_number)
    fields = _checked(tx, title=title, technology=technology, root_cause=root_cause, owner=owner)
    changed = sorted(
        name for name, value in (fields | {"fix_due": fix_due}).items() if getattr(row, name) != value
    )
    if changed:
        tx.update(problem, {"id": row.id}, **fields, fix_due=fix_due, changed_at=now)
        record(tx, row.id, "problem.changed", now=now, actor=who.actor, fields=changed)
    return problem_number


def _checked(
    tx: Tx, *, title: str, technology: str | None, root_cause: str, owner: str | None
) -> dict[str, Any]:
    title = acts.plain(title, "/title")
    if len(title) > MAX_TITLE:
        raise invalid("/title", f"must be at most {MAX_TITLE} characters")
    if technology and technology not in reference.desk(tx).technologies:
        raise invalid("/technology", f"there is no technology {technology}")
    root_cause = root_cause.replace("\r\n", "\n").strip()
    if len(root_cause) > acts.MAX_TEXT:
        raise invalid("/root_cause", f"must be at most {acts.MAX_TEXT} characters")
    found = people.agent_by_email(tx, owner) if owner else None
    if owner and (found is None or not found.active):
        raise invalid("/owner", f"there is no agent {owner}")
    return {
        "title": title,
        "technology": technology or None,
        "root_cause": root_cause,
        "owner": found.id if found else None,
    }


def move(
    tx: Tx, who: Principal, problem_number: int, event: str, *, now: datetime, fix_due: datetime | None = None
) -> int:
    """The work on it goes on: `investigate`, `know`, `schedule` (with `fix_due`), `resolve`; leaders `close` and `reopen`.

    Resolved, it asks whoever has one of its open tickets to look whether that is solved too.
    """
    row = problem_rows.find(tx, who, problem_number)
    if event in rule.LEADERS and not (who.leads or who.kind == "system"):
        message = "a shift leader, a supervisor or an administrator closes and reopens problems"
        raise Forbidden(message)
    try:
        to = rule.move(row.state, event)
    except rule.MoveRefused as refusal:
        raise Refused(str(refusal), allowed=refusal.allowed) from None
    if event == "schedule" and fix_due is None and row.fix_due is None:
        raise invalid("/fix_due", "say when the fix is planned")
    if event == "schedule" and fix_due is not None and fix_due <= now:
        raise invalid("/fix_due", "must lie ahead")
    tx.update(
        problem,
        {"id": row.id},
        state=str(to),
        changed_at=now,
        closed_at=now if to is State.CLOSED else None,
        fix_due=fix_due or row.fix_due,
        owner=row.owner or (who.id if event == "investigate" and who.is_agent else None),
    )
    record(tx, row.id, f"problem.{event}", now=now, actor=who.actor, **{"from": row.state, "to": str(to)})
    tasks.settle(tx, once=f"{PROPOSED}:{row.id}", now=now, by=who.actor)
    for one in problem_rows.open_tickets(tx, row.id):
        case = Case.open(tx, one.id, now=now)
        if event == "resolve":
            follow_ups.ask(case, SOLVED, once=f"{SOLVED}:{row.id}", due=now, problem=name_of(row.number))
        elif event == "reopen":
            tasks.settle(tx, once=f"{SOLVED}:{row.id}", now=now, ticket_id=one.id)
        case.event("problem.moved", actor=who.actor, problem=row.id, to=str(to))
        case.save()
    return problem_number


def link(tx: Tx, who: Principal, problem_number: int, number: str, *, now: datetime) -> int:
    """This ticket has that cause too. Again, it changes nothing."""
    row = _in_hand(tx, who, problem_number)
    of = find(tx, who, number)
    if row.customer is not None and row.customer != of.customer:
        tx.update(problem, {"id": row.id}, customer=None)  # it is no longer one customer's alone
    _link(tx, who, row, of.id, now=now)
    return problem_number


def _link(tx: Tx, who: Principal, row: Row, ticket_id: str, *, now: datetime) -> None:
    if problem_rows.link(tx, row.id, ticket_id, by=who.actor, now=now):
        case = Case.open(tx, ticket_id, now=now)
        case.event("problem.linked", actor=who.actor, problem=row.id)
        case.save()
        tx.update(problem, {"id": row.id}, changed_at=now)


def unlink(tx: Tx, who: Principal, problem_number: int, number: str, *, now: datetime) -> int:
    """It has another cause."""
    row = _in_hand(tx, who, problem_number)
    of = find(tx, who, number)
    if problem_rows.unlink(tx, row.id, of.id):
        case = Case.open(tx, of.id, now=now)
        case.event("problem.unlinked", actor=who.actor, problem=row.id)
        case.save()
        tasks.settle(tx, once=f"{SOLVED}:{row.id}", now=now, ticket_id=of.id)
        tx.update(problem, {"id": row.id}, changed_at=now)
    return problem_number


def _in_hand(tx: Tx, who: Principal, number: int) -> Row:
    row = problem_rows.find(tx, who, number)
    if row.closed_at is not None:
        raise Refused(
            f"{name_of(number)} is closed: reopen it first",
            allowed=rule.allowed(row.state),
            code="problem_closed",
        )
    return row
