"""Who is called to a ticket that nobody takes? A row for each of them, a delivery by each of their ways, and a timer for the next rung.

What is sent names a request and never goes to anybody but staff: its message is a row of `page`, its thread is the ticket
itself, and no reader of conversations knows either. What leaves by which way is in `core.desk.page_ways`.
"""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from itertools import groupby

from sqlalchemy import bindparam, literal, select

from core.desk import follow_ups, page_ways, rungs, tasks
from core.desk.case import Case
from core.desk.page_ways import KIND, PAGE
from core.desk.rungs import Climb
from core.ids import new_id
from core.rules import ladders
from core.rules.ladders import Call, Cause, Rung, Step
from core.store import tables, work
from core.store.tx import Prepared, Tx

SHOWN = timedelta(minutes=30)
"""So long the inbox shows a call to who was called."""
EXHAUSTED, NOBODY = "ladder_exhausted", "ladder_nobody"
"""Alarms: the ladder was climbed in vain; nobody stands on any rung."""

page, delivery = tables.page, tables.delivery

PAGES = Prepared(
    select(page).where(page.c.ticket_id == bindparam("ticket_id")).order_by(page.c.at, page.c.id)
)
_WAITING = Prepared(
    select(delivery.c.id).where(
        delivery.c.ticket_id == bindparam("ticket_id"),
        delivery.c.kind == literal(KIND),
        delivery.c.state == literal("queued"),
    )
)


def watch(case: Case) -> None:
    """Something was done on a ticket: look again when it may be time to call somebody, or never more."""
    climb = rungs.climb(case)
    if climb is None:
        if not case.new and rungs.may_have_been_called(case):
            _stop(case)
        return
    step = _step(case, climb)
    due = case.now if step.agents or (not climb.in_chat and step.next_at is None) else step.next_at
    if due is not None:
        work.set_timer(
            case.tx,
            shard=case.id,
            key=KIND,
            kind=KIND,
            payload={},
            due=max(due, case.now),
            now=case.now,
        )


def check(tx: Tx, ticket_id: str, *, now: datetime) -> None:
    """The timer rang: call who is to be called now, and set it again."""
    case = Case.open(tx, ticket_id, now=now)
    climb = rungs.climb(case)
    if climb is None:
        _settle(case)
        return
    step = _step(case, climb)
    if step.agents:
        _call(case, climb, step)
    elif step.exhausted:
        _alarm(case, EXHAUSTED)
    elif step.next_at is None and not climb.in_chat:
        _alarm(case, NOBODY)
        step = Step(next_at=now + ladders.ALARM_AGAIN)
    case.save()
    if step.next_at is not None:
        work.set_timer(tx, shard=case.id, key=KIND, kind=KIND, payload={}, due=step.next_at, now=now)


def calls(tx: Tx, ticket_id: str, *, since: datetime | None = None) -> list[Call]:
    """Those that went out, oldest first."""
    found = []
    for at, rows in groupby(tx.all(PAGES, ticket_id=ticket_id), key=lambda row: row.at):
        of_one = list(rows)
        if since is not None and at < since:
            continue
        seen = [row.seen_at for row in of_one if row.seen_at is not None]
        found.append(
            Call(
                rung=Rung(of_one[0].rung),
                cause=Cause(of_one[0].cause),
                at=at,
                seen_at=min(seen, default=None),
                round=of_one[0].round,
            )
        )
    return found


def withdraw(case: Case) -> None:
    """What has not left for anybody who was called does not leave: somebody knows, or has it."""
    for row in case.tx.all(_WAITING, ticket_id=case.id):
        case.tx.update(delivery, {"ticket_id": case.id, "id": row.id}, state="withdrawn")
        work.cancel(case.tx, shard=case.id, key=f"send:{row.id}")


def tell(case: Case) -> None:
    """Whoever was called is shown how it stands now."""
    for agent in {one.agent for one in case.tx.all(PAGES, ticket_id=case.id)}:
        case.tx.tell(KIND, agent)


def _step(case: Case, climb: Climb) -> Step:
    told = [] if case.new else [c for c in calls(case.tx, case.id, since=climb.since) if climb.counts(c)]
    return ladders.step(told, rungs.standing(case, climb), climb.promise, cause=climb.cause, now=case.now)


def _call(case: Case, climb: Climb, step: Step) -> None:
    unreached = [agent for agent in step.agents if not _one(case, climb, step, agent)]
    case.event(
        "ticket.paged",
        actor="system",
        rung=step.rung.name.lower(),
        cause=str(step.cause),
        round=step.round,
        agents=list(step.agents),
        count=len(step.agents),
        unreached=unreached,
    )


def _one(case: Case, climb: Climb, step: Step, agent: str) -> bool:
    """Call one person; False: there is no way to reach them but their inbox."""
    tx = case.tx
    row = {
        "ticket_id": case.id,
        "id": new_id(),
        "agent": agent,
        "rung": step.rung,
        "cause": step.cause,
        "at": case.now,
        "round": step.round,
        "code": "" if climb.in_chat else f"{secrets.randbelow(90_000) + 10_000}",
    }
    tx.insert(page, **row)
    if agent:
        tx.tell(KIND, agent)
    called = tx.one(PAGE, ticket_id=case.id, id=row["id"])
    return page_ways.queue(tx, called, in_chat=climb.in_chat, now=case.now) > 0


def _alarm(case: Case, kind: str) -> None:
    """On the board, and again as long as nobody comes."""
    asked = tasks.add(
        case.tx, kind, now=case.now, ticket_id=case.id, alarm=True, once=kind, **follow_ups.about(case)
    )
    if asked is not None:
        case.event(f"ticket.{kind}", actor="system")
    else:
        case.tx.tell(tasks.TELL)


def _stop(case: Case) -> None:
    if work.cancel(case.tx, shard=case.id, key=KIND):
        withdraw(case)
        _settle(case)
        tell(case)


def _settle(case: Case) -> None:
    for kind in (EXHAUSTED, NOBODY):
        tasks.settle(case.tx, once=kind, ticket_id=case.id, now=case.now)
