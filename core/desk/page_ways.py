"""By which ways does a call to colleagues leave, and in which words? A delivery by each way of a person, a minute apart."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import bindparam, func, literal, select

from core import texts
from core.desk import chat_buttons, duties, outbox, page_calls, people, reference, rungs, staff_ways
from core.desk.case import Case
from core.desk.people import Agent
from core.envelope import Outgoing
from core.rules import ladders, reaching
from core.rules.chat_acts import Act
from core.rules.ladders import Cause
from core.store import tables
from core.store.columns import Instant
from core.store.tx import Prepared, Row, Tx

KIND = "page"
"""Of its job, and of its deliveries."""
ANSWER = "page_answer"
"""What somebody is answered who acknowledged by a text message."""

page, delivery = tables.page, tables.delivery

PAGE = Prepared(select(page).where(page.c.ticket_id == bindparam("ticket_id"), page.c.id == bindparam("id")))
_LAST = Prepared(
    select(func.max(page.c.at, type_=Instant).label("at")).where(page.c.ticket_id == bindparam("ticket_id"))
)
_KNOWN_BY = Prepared(
    select(page.c.agent, page.c.seen_at)
    .where(page.c.ticket_id == bindparam("ticket_id"), page.c.seen_at >= bindparam("since", type_=Instant))
    .order_by(page.c.seen_at.desc())
    .limit(1)
)
_CARRIED = Prepared(
    select(delivery.c.channel).where(
        delivery.c.ticket_id == bindparam("ticket_id"),
        delivery.c.message_id == bindparam("id"),
        delivery.c.kind == literal(KIND),
    )
)


def queue(tx: Tx, called: Row, *, in_chat: bool, now: datetime) -> int:
    """Queue a delivery by each way of the person of this page; how many. Who waits in a chat is worth one way at a time."""
    ways = _ways(tx, called, in_chat=in_chat)
    for n, way in enumerate(ways):
        if way.is_chat:
            _offer(tx, called, way, in_chat=in_chat, now=now)
        late = ladders.NEXT_WAY * n
        if not called.agent:  # the number for when nobody answers: after who is on that rung
            late = ladders.ACKNOWLEDGE / 2
        staff_ways.send(tx, called.ticket_id, called.id, way, kind=KIND, now=now, due=now + late)
    return len(ways)


def known_by(tx: Tx, ticket_id: str) -> Row | None:
    """agent, seen_at: who said last that they know, since the last call; None: nobody did."""
    last = tx.one(_LAST, ticket_id=ticket_id)
    return None if last is None or last.at is None else tx.one(_KNOWN_BY, ticket_id=ticket_id, since=last.at)


def outgoing(tx: Tx, row: Row, *, now: datetime) -> Outgoing | None:
    """What the channel is to send for such a delivery, as things stand now; None: nothing, or a line calls by itself."""
    case = Case.open(tx, row.ticket_id, now=now)
    called = tx.one(PAGE, ticket_id=row.ticket_id, id=row.message_id)
    agent = people.agent(tx, called.agent) if called is not None and called.agent else None
    gone = called is None or (bool(called.agent) and (agent is None or not agent.active))
    if gone or (row.kind == KIND and not _wanted(case)):
        tx.update(delivery, {"ticket_id": row.ticket_id, "id": row.id}, state="withdrawn")
        return None
    language = tx.facts.language(agent.language if agent else None)
    if row.kind == ANSWER:
        return outbox.without_ticket(
            row, subject="", text=answer(tx, case, called, language), language=language
        )
    if row.channel == reaching.PHONE:
        page_calls.begin(tx, case, row, called, now=now)
        return None
    subject, text = _words(case, called, language, short=row.channel in reaching.TEXTS)
    return outbox.without_ticket(
        row,
        subject=subject,
        text=text,
        language=language,
        buttons=chat_buttons.of_message(tx, row.ticket_id, row.message_id, row.address),
    )


def undelivered(tx: Tx, row: Row, *, now: datetime) -> None:
    """This way does not reach them: by mail at least, once. Their other ways come in their turn."""
    if row.kind != KIND:
        return
    called = tx.one(PAGE, ticket_id=row.ticket_id, id=row.message_id)
    agent = people.agent(tx, called.agent) if called is not None and called.agent else None
    way = staff_ways.mailbox(tx, agent) if agent is not None else None
    if called is None or way is None:
        return
    carried = {one.channel for one in tx.all(_CARRIED, ticket_id=row.ticket_id, id=called.id)}
    if way.channel not in carried:
        staff_ways.send(tx, called.ticket_id, called.id, way, kind=KIND, now=now)


def answer(tx: Tx, case: Case, called: Row, language: str) -> str:
    """What somebody who acknowledged is told: that it is theirs to take or to answer, or who was quicker."""
    known = known_by(tx, case.id)
    promised = rungs.late_promise(case) is not None
    taken_by = case["assignee"] if case["state"] not in rungs.NOT_TAKEN and not promised else None
    first = taken_by or (known.agent if known is not None else called.agent)
    other = people.agent(tx, first) if first and first != called.agent else None
    _, text = texts.notice(
        ANSWER,
        language,
        number=case["number"],
        who=other.name if other else "",
        minutes=int(ladders.TAKE.total_seconds() // 60),
        promised=promised,
    )
    return text


def _wanted(case: Case) -> bool:
    return rungs.climb(case) is not None and known_by(case.tx, case.id) is None


def _ways(tx: Tx, called: Row, *, in_chat: bool) -> list[staff_ways.Way]:
    if called.agent == ladders.FALLBACK:
        way = staff_ways.by_number(tx, duties.fallback(tx))
        return [] if way is None else [way]
    agent: Agent | None = people.agent(tx, called.agent)
    if agent is None:
        return []
    if in_chat:
        way = staff_ways.way(tx, agent)
        return [] if way is None else [way]
    return staff_ways.by_order(tx, agent)


def _offer(tx: Tx, called: Row, way: staff_ways.Way, *, in_chat: bool, now: datetime) -> None:
    agent = people.agent(tx, called.agent)
    acts = (Act.TAKE,) if in_chat else (Act.KNOW, Act.TAKE)
    if called.cause == Cause.PROMISE:  # somebody may have it, and it is not to change hands
        acts = (Act.KNOW,)
    chat_buttons.offer(
        tx,
        [chat_buttons.Offer(act=act, value=called.ticket_id) for act in acts],
        shard=called.ticket_id,
        message_id=called.id,
        address=way.to.address,
        language=tx.facts.language(agent.language if agent else None),
        now=now,
    )


def reply(tx: Tx, called: Row, way: staff_ways.Way, *, now: datetime) -> None:
    """Answer somebody who acknowledged by a text message; the words are made when it leaves."""
    staff_ways.send(tx, called.ticket_id, called.id, way, kind=ANSWER, now=now)


def _words(case: Case, called: Row, language: str, *, short: bool) -> tuple[str, str]:
    tx = case.tx
    customer = reference.customer(tx, case["customer"]) if case["customer"] else None
    about = {
        "hub": tx.facts.name,
        "number": case["number"],
        "subject": case["subject"],
        "who": ", ".join(
            part for part in (case["requester_name"], customer.name if customer else "") if part
        ),
        "words": case["snippet"],
        "url": f"{tx.facts.public_url}/desk/tickets/{case['number']}",
    }
    if called.cause in (Cause.SOON, Cause.LATE):
        until = rungs.promise(case)
        ends = until.due_at if until is not None and until.due_at is not None else case.now
        return texts.notice(
            KIND,
            language,
            **about,
            minutes=int((ends - case.now).total_seconds() // 60),
            due=texts.instant(ends, tx.facts.zone, language),
        )
    kind = "short/ladder" if short else "ladder"
    late = rungs.late_promise(case)
    return texts.notice(
        kind,
        language,
        **about,
        cause=called.cause,
        priority=case["priority"] or "",
        group=case["desk_group"] or "",
        code=called.code,
        due=texts.instant(late, tx.facts.zone, language) if late is not None else "",
    )
