"""Who is called to a conversation in a chat that nobody takes? A row for each of them, and a delivery by their own way.

What is sent names a request and never goes to anybody but staff: its message is a row of `page`, its thread is the ticket
itself, and no reader of conversations knows either.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import groupby

from sqlalchemy import bindparam, literal, select

from core import chat_addresses, texts
from core.desk import chat_buttons, outbox, people, placing, reference, staff_ways, timing
from core.desk.case import Case
from core.envelope import Outgoing
from core.ids import new_id
from core.rules import clocks, paging
from core.rules.chat_acts import Act
from core.rules.clocks import ClockState
from core.rules.paging import Call, Cause, Member, Promise, Rung, Step
from core.store import tables, work
from core.store.columns import Instant
from core.store.tx import Prepared, Row, Tx

KIND = "page"
"""Of its job, and of its deliveries."""
PRESENT = timedelta(minutes=15)
"""Since somebody who is signed in asked for anything."""
SHOWN = timedelta(minutes=30)
"""So long the inbox shows a call to who was called."""

page, delivery, message = tables.page, tables.delivery, tables.message

_PAGES = Prepared(
    select(page).where(page.c.ticket_id == bindparam("ticket_id")).order_by(page.c.at, page.c.id)
)
_PAGE = Prepared(select(page).where(page.c.ticket_id == bindparam("ticket_id"), page.c.id == bindparam("id")))
_ANSWERED = Prepared(
    select(message.c.id)
    .where(
        message.c.ticket_id == bindparam("ticket_id"),
        message.c.direction == literal("out"),
        message.c.automatic.is_(False),
    )
    .limit(1)
)
_THERE = Prepared(
    select(tables.sign_in.c.person).where(
        tables.sign_in.c.kind == literal("agent"),
        tables.sign_in.c.expires_at > bindparam("now", type_=Instant),
        tables.sign_in.c.seen_at > bindparam("since", type_=Instant),
    )
)


def watch(case: Case) -> None:
    """Something was done on a ticket: look again when it may be time to call somebody, or never more."""
    if case["chat"] is None:
        return
    step = _step(case) if waits(case) else Step()
    due = case.now if step.agents else step.next_at
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
    elif not case.new and work.cancel(case.tx, shard=case.id, key=KIND):
        for agent in {one.agent for one in case.tx.all(_PAGES, ticket_id=case.id)}:
            case.tx.tell(KIND, agent)


def check(tx: Tx, ticket_id: str, *, now: datetime) -> None:
    """The timer rang: call who is to be called now, and set it again."""
    case = Case.open(tx, ticket_id, now=now)
    if not waits(case):
        return
    step = _step(case)
    for agent in step.agents:
        _call(case, agent, step)
    if step.agents:
        case.event(
            "ticket.paged",
            actor="system",
            rung=step.rung.name.lower(),
            cause=str(step.cause),
            agents=list(step.agents),
            count=len(step.agents),
        )
        case.save()
    if step.next_at is not None:
        work.set_timer(tx, shard=case.id, key=KIND, kind=KIND, payload={}, due=step.next_at, now=now)


def waits(case: Case) -> bool:
    """Is it a conversation in a chat that nobody has taken, and no person has answered?"""
    return (
        case["chat"] is not None
        and case["open"]
        and case["assignee"] is None
        and (case.new or case.tx.one(_ANSWERED, ticket_id=case.id) is None)
    )


def calls(tx: Tx, ticket_id: str) -> list[Call]:
    """Those that went out, oldest first."""
    found = []
    for at, rows in groupby(tx.all(_PAGES, ticket_id=ticket_id), key=lambda row: row.at):
        of_one = list(rows)
        seen = [row.seen_at for row in of_one if row.seen_at is not None]
        found.append(
            Call(
                rung=Rung(of_one[0].rung),
                cause=Cause(of_one[0].cause),
                at=at,
                seen_at=min(seen, default=None),
            )
        )
    return found


def promise(case: Case) -> Promise | None:
    """Until when somebody is to answer; None: it stands still for now."""
    clock = timing.response(case)
    if clock is not None and clock.state in (ClockState.RUNNING, ClockState.PENDING):
        warn_at = clocks.level_at(clock, paging.WARN_AT)
        opens = clock.policy.calendar.next_open(case.now)
        if warn_at is None or clock.due_at is None:
            return None
        return Promise(
            warn_at=warn_at,
            due_at=clock.due_at,
            opens_at=opens if opens is None or opens > case.now else None,
        )
    if clock is not None and clock.state is ClockState.PAUSED:
        return None
    opens = placing.next_open(case) if case["verdict"] == "covered_outside_window" else None
    return paging.unpromised(case["waits_since"] or case["received_at"], opens)


def _step(case: Case) -> Step:
    until = promise(case)
    if until is None:
        return Step()
    told = [] if case.new else calls(case.tx, case.id)
    return paging.step(told, _members(case), until, now=case.now)


LEADING = frozenset({"shift-leader", "supervisor"})
EVERYWHERE = "contact-centre"
"""Who takes what belongs to no group yet."""


def _members(case: Case) -> list[Member]:
    tx, group = case.tx, case["desk_group"]
    there = {row.person for row in tx.all(_THERE, now=case.now, since=case.now - PRESENT)}
    staff = people.agents(tx)
    leading = {one.id for one in staff if LEADING.intersection(one.roles)}
    leading = leading or {one.id for one in staff if "admin" in one.roles}
    return [
        Member(
            agent=one.id,
            present=one.id in there,
            of_group=group in one.groups if group else EVERYWHERE in one.roles,
            leads=one.id in leading,
        )
        for one in staff
    ]


def _call(case: Case, agent_id: str, step: Step) -> None:
    tx, now = case.tx, case.now
    agent = people.agent(tx, agent_id)
    if agent is None:
        return
    page_id = new_id()
    tx.insert(page, ticket_id=case.id, id=page_id, agent=agent.id, rung=step.rung, cause=step.cause, at=now)
    tx.tell(KIND, agent.id)
    way = staff_ways.way(tx, agent)
    if way is None:
        return
    if way.is_chat:
        chat_buttons.offer(
            tx,
            [chat_buttons.Offer(act=Act.TAKE, value=case.id)],
            shard=case.id,
            message_id=page_id,
            address=way.to.address,
            language=tx.facts.language(agent.language),
            now=now,
        )
    _queue(tx, case.id, page_id, way, now=now)


def _queue(tx: Tx, ticket_id: str, page_id: str, way: staff_ways.Way, *, now: datetime) -> None:
    outbox.queue(
        tx,
        ticket_id,
        message_id=page_id,
        thread_id=ticket_id,
        channel=way.channel,
        to=way.to,
        kind=KIND,
        now=now,
    )


# --- On its way ---------------------------------------------------------------------------------------------


def outgoing(tx: Tx, row: Row, *, now: datetime) -> Outgoing | None:
    """What the channel is to send for such a delivery, as things stand now; None: somebody took it meanwhile."""
    case = Case.open(tx, row.ticket_id, now=now)
    called = tx.one(_PAGE, ticket_id=row.ticket_id, id=row.message_id)
    agent = people.agent(tx, called.agent) if called is not None else None
    until = promise(case)
    if agent is None or not agent.active or until is None or not waits(case):
        tx.update(delivery, {"ticket_id": row.ticket_id, "id": row.id}, state="withdrawn")
        return None
    language = tx.facts.language(agent.language)
    customer = reference.customer(tx, case["customer"]) if case["customer"] else None
    subject, text = texts.notice(
        KIND,
        language,
        hub=tx.facts.name,
        number=case["number"],
        subject=case["subject"],
        who=", ".join(part for part in (case["requester_name"], customer.name if customer else "") if part),
        words=case["snippet"],
        minutes=int((until.due_at - now).total_seconds() // 60),
        due=texts.instant(until.due_at, tx.facts.zone, language),
        url=f"{tx.facts.public_url}/desk/tickets/{case['number']}",
    )
    return outbox.without_ticket(
        row,
        subject=subject,
        text=text,
        language=language,
        buttons=chat_buttons.of_message(tx, row.ticket_id, row.message_id, row.address),
    )


def undelivered(tx: Tx, row: Row, *, now: datetime) -> None:
    """Their chat does not take it: by mail, then."""
    called = tx.one(_PAGE, ticket_id=row.ticket_id, id=row.message_id)
    agent = people.agent(tx, called.agent) if called is not None else None
    if agent is None or not chat_addresses.is_chat(row.address):
        return
    way = staff_ways.mailbox(tx, agent)
    if way is not None:
        _queue(tx, row.ticket_id, row.message_id, way, now=now)
