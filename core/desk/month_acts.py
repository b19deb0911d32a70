"""How does a step of the played month happen? As the verb that the pages would call, by whoever would do it, in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select

from core.desk import (
    accounts,
    page_answers,
    people,
    periodic,
    periodic_schedule,
    ratings,
    resolution,
    tickets,
    vendor_cases,
    visits,
    workarounds,
)
from core.desk import handovers as shifts
from core.desk.errors import NotFound
from core.desk.month_plan import Happening, Report
from core.desk.principal import Principal
from core.store import tables
from core.store.tx import Tx

PAGED = "paged"
"""Who was called last, in place of an address."""


def _with_words(verb: Callable[..., Any]) -> Callable[..., Any]:
    """The words of the step are the verb's first."""

    def act(tx: Tx, who: Principal, number: str, text: str, *, now: datetime, **fields: Any) -> None:
        verb(tx, who, number, text, now=now, **fields)

    return act


def _named(verb: Callable[..., Any], name: str) -> Callable[..., Any]:
    """The words of the step are the verb's field of this name."""

    def act(tx: Tx, who: Principal, number: str, text: str, *, now: datetime, **fields: Any) -> None:
        verb(tx, who, number, now=now, **({name: text.strip()} if text else {}), **fields)

    return act


def _of_case(verb: Callable[..., Any]) -> Callable[..., Any]:
    """The verb is about the ticket's last case at a vendor."""

    def act(tx: Tx, who: Principal, number: str, text: str, *, now: datetime, **fields: Any) -> None:
        words = [text] if text else []
        verb(tx, who, number, _last(tx, tables.vendor_case, number), *words, now=now, **fields)

    return act


def _of_visit(verb: Callable[..., Any], name: str) -> Callable[..., Any]:
    """The verb is about the ticket's last visit."""

    def act(tx: Tx, who: Principal, number: str, text: str, *, now: datetime, **fields: Any) -> None:
        told = {name: text.strip()} if text else {}
        verb(tx, who, number, _last(tx, tables.visit, number), now=now, **told, **fields)

    return act


def _choose(tx: Tx, who: Principal, number: str, _text: str, *, now: datetime) -> None:
    """The first of the times that are offered."""
    visit = _last(tx, tables.visit, number)
    slot = tables.visit_slot
    first = tx.one(
        select(slot.c.id)
        .where(slot.c.visit_id == visit, slot.c.state == "offered")
        .order_by(slot.c.slot_start, slot.c.id)
        .limit(1)
    )
    visits.choose(tx, who, number, visit, first.id, now=now)


VERBS: Mapping[str, Callable[..., Any]] = {
    "qualify": _named(tickets.qualify, "text"),
    "take": _named(tickets.take, "text"),
    "reply": _with_words(tickets.reply),
    "note": _with_words(tickets.note),
    "wait": _with_words(tickets.wait),
    "workaround": _with_words(tickets.workaround),
    "accept_workaround": _named(workarounds.accept, "text"),
    "resolve": _named(resolution.resolve, "text"),
    "approve": _named(resolution.approve, "reason"),
    "know": _named(page_answers.know, "text"),
    "open_case": _named(vendor_cases.open_case, "text"),
    "promote": _of_case(vendor_cases.promote),
    "case_solved": _of_case(vendor_cases.solved),
    "plan_visit": _named(visits.plan, "purpose"),
    "choose": _choose,
    "none_fits": _of_visit(visits.none_fits, "text"),
    "move_visit": _of_visit(visits.move, "text"),
    "en_route": _of_visit(visits.en_route, "text"),
    "check_in": _of_visit(visits.check_in, "text"),
    "check_out": _of_visit(visits.check_out, "text"),
    "confirm": _named(resolution.confirm, "text"),
    "refuse": _named(resolution.refuse, "reason"),
    "rate": _named(ratings.rate, "comment"),
}
"""What can happen, by the name it has in the file."""


def act(tx: Tx, one: Happening, number: str, *, now: datetime) -> None:
    """Let it happen. Raises DeskError as the verb does, ValueError for somebody or something that there is not."""
    step = one.step
    if step.verb not in VERBS:
        message = f"{one.ticket}: there is no verb {step.verb!r}"
        raise ValueError(message)
    if step.agent == PAGED:
        who = _called(tx, number)
    else:
        who = somebody(tx, step.agent or step.contact)
    VERBS[step.verb](tx, who, number, step.text, now=now, **one.fields)


def somebody(tx: Tx, email: str) -> Principal:
    """Whoever has this address at the demo desk. Raises ValueError."""
    agent = people.agent_by_email(tx, email)
    found = [("agent", agent.id)] if agent else [("contact", one.id) for one in people.by_address(tx, email)]
    who = accounts.principal(tx, *found[0]) if found else None
    if who is None:
        message = f"{email} is nobody of the demo desk"
        raise ValueError(message)
    return who


def let(tx: Tx, email: str, number: str, *, reason: str, until: datetime, now: datetime) -> None:
    """Whoever leads lets the work on a ticket be done although its contract does not say so."""
    resolution.override(tx, somebody(tx, email), number, reason=reason, until=until, now=now)


def plan_reports(tx: Tx, email: str, wanted: Sequence[Report], *, now: datetime) -> None:
    """These contracts get reports from now on."""
    who = somebody(tx, email)
    for one in wanted:
        periodic_schedule.plan(tx, who, one.contract, one.every, now=now)


def approve_reports(tx: Tx, email: str, *, now: datetime) -> int:
    """What was made and waits is approved, and goes to the customers; how many that were."""
    who = somebody(tx, email)
    waiting = [one for one in periodic.reports(tx, who) if one.state == "made" and not one.draft]
    for one in waiting:
        periodic_schedule.approve(tx, who, one.contract, one.period, one.n, now=now)
    return len(waiting)


def hand_over(tx: Tx, *, leaders: tuple[str, str], sentence: str, now: datetime) -> int:
    """Shift leaders sign what waits for them, this sentence for each grave ticket first; how many handovers that were."""
    out, into = (somebody(tx, one) for one in leaders)
    waiting = shifts.unsigned(tx, out, now=now)
    for one in waiting:
        said = dict.fromkeys(one.unsaid, sentence)
        read = shifts.say(tx, out, one.id, said, now=now)
        if read.signed_out is None:
            shifts.sign(tx, out, one.id, side="out", seen=read.hash, now=now)
        shifts.sign(tx, into, one.id, side="in", seen=read.hash, now=now)
    return len(waiting)


def _called(tx: Tx, number: str) -> Principal:
    page = tables.page
    found = tx.one(
        select(page.c.agent)
        .where(page.c.ticket_id == _id(tx, number), page.c.agent != "")
        .order_by(page.c.at.desc(), page.c.id.desc())
        .limit(1)
    )
    who = accounts.principal(tx, "agent", found.agent) if found is not None else None
    if who is None:
        message = f"nobody was called to {number}"
        raise NotFound(message)
    return who


def _last(tx: Tx, table: Any, number: str) -> str:
    found = tx.one(
        select(table.c.id)
        .where(table.c.ticket_id == _id(tx, number))
        .order_by(table.c.made_at.desc(), table.c.id.desc())
        .limit(1)
    )
    if found is None:
        message = f"{number} has no {table.name}"
        raise NotFound(message)
    return str(found.id)


def _id(tx: Tx, number: str) -> str:
    return str(tx.one(select(tables.ticket.c.id).where(tables.ticket.c.number == number)).id)
