"""What was there, after a month was played? Its stories with the ticket each became, and what was counted, as a table for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, select

from core.desk.month_plan import Story
from core.store import tables
from core.store.tx import Tx

ticket, event, clock = tables.ticket, tables.event, tables.sla_clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What became of a story."""

    name: str
    tells: str
    number: str
    state: str
    verdict: str
    began: datetime
    event: str
    times: int
    """How often that event is in its history."""


def stories(tx: Tx, of: Sequence[Story], numbers: Mapping[str, str]) -> list[Told]:
    """Those that happened, in their order."""
    found = []
    for one in of:
        row = tx.one(select(ticket).where(ticket.c.number == numbers.get(one.name, "")))
        if row is None:
            continue
        times = tx.one(_counted(event).where(event.c.ticket_id == row.id, event.c.kind == one.event)).n
        found.append(
            Told(
                name=one.name,
                tells=one.tells,
                number=row.number,
                state=row.state,
                verdict=row.verdict or "",
                began=row.received_at,
                event=one.event,
                times=times,
            )
        )
    return sorted(found, key=lambda told: told.began)


def figures(tx: Tx) -> dict[str, int]:
    """What was counted, each by what it is called."""
    stopped = _counted(clock).where(clock.c.stopped_at.is_not(None))
    questions: dict[str, Select[Any]] = {
        "messages that came in": _counted(tables.inbound),
        "requests": _counted(ticket),
        "of them open": _counted(ticket).where(ticket.c.open.is_(True)),
        "messages that left": _counted(tables.delivery).where(tables.delivery.c.state == "sent"),
        "clocks that stopped": stopped,
        "of them too late": stopped.where(clock.c.breached_at.is_not(None)),
        "calls to staff on duty": _counted(tables.page),
        "cases at vendors": _counted(tables.vendor_case),
        "visits on site": _counted(tables.visit).where(tables.visit.c.state == "done"),
        "papers": _counted(tables.paper),
        "reports on a period that were sent": _counted(tables.periodic_report).where(
            tables.periodic_report.c.state == "sent"
        ),
        "opinions of customers": _counted(tables.rating),
        "shifts that were handed over": _counted(tables.handover).where(
            tables.handover.c.signed_in.is_not(None)
        ),
        "checks that somebody overrode": _counted(event).where(event.c.kind == "entitlement.overridden"),
        "tasks that wait": _counted(tables.task).where(tables.task.c.done_at.is_(None)),
    }
    return {name: tx.one(question).n for name, question in questions.items()}


def table(told: Sequence[Told], counted: Mapping[str, int], zone: Any) -> Iterator[str]:
    """Both, line by line."""
    for one in told:
        began = one.began.astimezone(zone).strftime("%a %d %H:%M")
        yield f"{began}  {one.number}  {one.state:17} {one.verdict:10} {one.tells} ({one.event}: {one.times})"
    yield ""
    yield from (f"{number:7}  {name}" for name, number in counted.items())


def _counted(of: Any) -> Select[Any]:
    return select(func.count().label("n")).select_from(of)
