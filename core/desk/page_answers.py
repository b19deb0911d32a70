"""What does whoever was called see of it, and what do they answer? They know; or they take it.

Who knows stops the ladder, for a quarter of an hour (desk.md 8): by the inbox, a button in a chat, the code of a text message,
or key 1 of a call. Whoever comes second is told who was quicker.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import and_, bindparam, exists, literal, or_, select, update

from core import numbers
from core.calling import Words
from core.desk import (
    accounts,
    acts,
    filing,
    page_calls,
    page_ways,
    paging,
    people,
    rungs,
    staff_ways,
    tickets,
)
from core.desk.case import Case
from core.desk.errors import DeskError, Forbidden, Refused
from core.desk.filing import Understood
from core.desk.live_calls import LiveCall
from core.desk.principal import Principal
from core.envelope import Inbound
from core.rules import reaching
from core.rules.ladders import Cause
from core.store import tables
from core.store.columns import Instant
from core.store.tx import Prepared, Row, Tx

page, ticket = tables.page, tables.ticket
_known = page.alias()

CODE_LIVES = timedelta(hours=12)
"""So long a text message with a code is understood."""
_CODE = re.compile(r"\s*(\d{5})\W*", re.ASCII)

_MINE = Prepared(
    select(
        page.c.id,
        page.c.cause,
        page.c.at,
        ticket.c.id.label("ticket_id"),
        ticket.c.number,
        ticket.c.subject,
        ticket.c.requester_name,
        ticket.c.waits_since,
        ticket.c.chat,
        ticket.c.priority,
        ticket.c.desk_group,
        tables.customer.c.name.label("customer_name"),
    )
    .select_from(
        page.join(ticket, ticket.c.id == page.c.ticket_id).outerjoin(
            tables.customer, tables.customer.c.code == ticket.c.customer
        )
    )
    .where(
        page.c.agent == bindparam("agent"),
        page.c.at > bindparam("since", type_=Instant),
        page.c.seen_at.is_(None),
        ticket.c.open,
        or_(
            and_(
                page.c.cause.in_([literal(str(Cause.SOON)), literal(str(Cause.LATE))]),
                ticket.c.assignee.is_(None),
                ticket.c.waits_since.is_not(None),
            ),
            and_(
                page.c.cause.not_in([literal(str(one)) for one in (Cause.SOON, Cause.LATE, Cause.PROMISE)]),
                ticket.c.state.in_([literal(state) for state in (*rungs.NOT_TAKEN, *rungs.UNKNOWN)]),
            ),
            rungs.FOR_PROMISE,
        ),
        ~exists().where(_known.c.ticket_id == page.c.ticket_id, _known.c.seen_at >= page.c.at),
    )
    .order_by(page.c.at.desc(), page.c.id.desc())
)
_SEEN = Prepared(
    update(page)
    .where(
        page.c.ticket_id == bindparam("of_ticket"),
        page.c.agent == bindparam("of_agent"),
        page.c.seen_at.is_(None),
    )
    .values(seen_at=bindparam("now", type_=Instant))
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Paged:
    """A ticket to which somebody is called now."""

    id: str
    """Of the last call."""
    number: str
    subject: str
    requester_name: str
    customer_name: str
    channel: str
    waits_since: datetime
    late: bool
    """The promise of a first answer is broken."""
    cause: str = Cause.SOON
    """See core.rules.ladders.Cause."""
    priority: str = ""
    group: str = ""


def mine(tx: Tx, who: Principal, *, now: datetime) -> tuple[Paged, ...]:
    """What whoever asks is called to now and has not said that they know: the newest call of each, newest first."""
    found: dict[str, Paged] = {}
    if not who.is_agent:
        return ()
    for row in tx.all(_MINE, agent=who.id, since=now - paging.SHOWN):
        found.setdefault(
            row.number,
            Paged(
                id=row.id,
                number=row.number,
                subject=row.subject,
                requester_name=row.requester_name,
                customer_name=row.customer_name or "",
                channel=row.chat or "",
                waits_since=row.at if row.cause == Cause.PROMISE else row.waits_since or row.at,
                late=row.cause == Cause.LATE,
                cause=row.cause,
                priority=row.priority or "",
                group=row.desk_group or "",
            ),
        )
    return tuple(found.values())


def know(tx: Tx, who: Principal, number: str, *, now: datetime, how: str = "inbox") -> None:
    """They know of it: nobody else is called, and the next rung only when nobody takes it after a while.

    Whoever was called may say so, also of a ticket that they do not see otherwise. Raises NotFound, Forbidden, Refused for
    who was not called, and when somebody else was quicker (code already_acknowledged).
    """
    case = acts.begin(tx, who, number, now=now)
    acts.only_staff(who)
    _acknowledge(case, who.id, actor=who.actor, how=how)


def known(tx: Tx, button: Row, agent: str | None, *, now: datetime) -> str:
    """`I know` was pressed below a call: the words they are answered. Raises Forbidden for whoever was not called."""
    who = accounts.principal(tx, "agent", agent) if agent else None
    called = tx.one(page_ways.PAGE, ticket_id=button.shard, id=button.message_id)
    if who is None or called is None or called.agent != who.id:
        raise Forbidden("only who was called says so from here")
    case = Case.open(tx, button.shard, now=now)
    _or_who_was_quicker(case, who.id, actor=who.actor, how="chat")
    return page_ways.answer(tx, case, called, tx.facts.language(who.language))


def taken(tx: Tx, button: Row, agent: str | None, *, now: datetime) -> str:
    """`I take it` was pressed below a call, and chosen: the ticket is theirs. Return its number.

    `agent`: who is behind the chat it was pressed in. Raises Forbidden for whoever is no agent or was not called, Refused
    when somebody else has it.
    """
    who = accounts.principal(tx, "agent", agent) if agent else None
    called = tx.one(page_ways.PAGE, ticket_id=button.shard, id=button.message_id)
    if who is None or called is None or called.agent != who.id:
        raise Forbidden("only who was called takes it from here")
    case = Case.open(tx, button.shard, now=now)
    if case["assignee"] not in (None, who.id):
        raise Refused("somebody else has taken it", code="taken_by_another")
    _seen(case, who.id)
    return tickets.take(tx, who, case["number"], now=now)


def by_telephone(live: LiveCall, how: str) -> tuple[Words, ...]:
    """What came of a call to who is on duty. Key 1: they know, and hear so, or who was quicker."""
    tx = live.tx
    if how != "operator":
        if live["phase"] != "over":
            page_calls.over(live, heard=False, how=how)
            live.save()
        return ()
    called = page_calls.over(live, heard=True, how="key 1")
    live.save()
    if called is None:
        return ()
    case = Case.open(tx, called.ticket_id, now=live.now)
    agent = people.agent(tx, called.agent) if called.agent else None
    actor = f"agent:{called.agent}" if called.agent else "system"
    _or_who_was_quicker(case, called.agent, actor=actor, how="call")
    language = tx.facts.language(agent.language if agent else None)
    return (Words(text=page_ways.answer(tx, case, called, language), language=language),)


def by_text(tx: Tx, row: Row, said: Inbound, *, now: datetime) -> Understood | None:
    """A text message with nothing but the code of a call to its sender is an acknowledgement; None: it is something else."""
    match = _CODE.fullmatch(said.text) if said.channel in reaching.TEXTS else None
    if match is None or said.author is None:
        return None
    for agent in people.agents(tx):
        if not agent.phone or numbers.normal(agent.phone, tx.facts.country) != said.author.key:
            continue
        called = tx.one(_BY_CODE, agent=agent.id, code=match[1], since=now - CODE_LIVES)
        if called is None:
            continue
        case = Case.open(tx, called.ticket_id, now=now)
        _or_who_was_quicker(case, agent.id, actor=f"agent:{agent.id}", how="sms")
        way = staff_ways.Way(said.channel, said.author, is_chat=False)
        page_ways.reply(tx, called, way, now=now)
        return filing.conclude(tx, row, said, "machine", "page_acknowledged", now=now)
    return None


_BY_CODE = Prepared(
    select(page)
    .where(
        page.c.agent == bindparam("agent"),
        page.c.at > bindparam("since", type_=Instant),
        page.c.code == bindparam("code"),
    )
    .order_by(page.c.at.desc())
    .limit(1)
)


def _acknowledge(case: Case, agent: str, *, actor: str, how: str) -> None:
    """Raises Refused when somebody else was quicker, and for who is not called."""
    before = page_ways.known_by(case.tx, case.id)
    if before is not None and before.agent == agent:
        return
    if before is not None:
        raise Refused(f"{_name(case.tx, before.agent)} knows of it already", code="already_acknowledged")
    others = case["assignee"] not in (None, agent) and case["state"] not in rungs.NOT_TAKEN
    if others and rungs.late_promise(case) is None:
        raise Refused(f"{_name(case.tx, case['assignee'])} has taken it already", code="already_acknowledged")
    if not _seen(case, agent):
        raise Refused(f"nobody calls you to {case['number']}", code="not_called")
    case.event("ticket.page_seen", actor=actor, how=how)
    paging.withdraw(case)
    paging.tell(case)
    acts.finish(case)


def _or_who_was_quicker(case: Case, agent: str, *, actor: str, how: str) -> None:
    """From a chat, a text message and a call everybody is answered, also who comes second."""
    with suppress(DeskError):
        _acknowledge(case, agent, actor=actor, how=how)


def _name(tx: Tx, agent: str) -> str:
    found = people.agent(tx, agent) if agent else None
    return found.name if found is not None else "the number for when nobody answers"


def _seen(case: Case, agent: str) -> bool:
    """Say so on their calls; False: there was none, or they said it before."""
    changed = case.tx.changed(_SEEN, of_ticket=case.id, of_agent=agent, now=case.now)
    if changed and agent:
        case.tx.tell(page_ways.KIND, agent)
    return changed > 0
