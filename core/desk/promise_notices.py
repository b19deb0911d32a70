"""Who of the staff is reached when a promise falls due? Whoever has the ticket, and when it is late the shift leader, by their own way.

Where the ladder calls whoever has it (core.desk.rungs), they are not told a second time.

Like a call to a chat (core.desk.paging) such a delivery has the ticket in place of a conversation, and is put into words as
it leaves: what was kept meanwhile is not sent.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import bindparam, literal, select

from core import chat_addresses, texts
from core.desk import duties, outbox, people, reference, staff_ways
from core.desk.case import Case
from core.desk.people import Agent
from core.envelope import Outgoing
from core.ids import fixed_id
from core.store import tables
from core.store.tx import Prepared, Row, Tx

KIND = "promise"
"""Of the deliveries."""
SOON, LATE = "soon", "late"
LEADER = "shift-leader"

delivery, promise = tables.delivery, tables.promise

_OPEN = Prepared(
    select(promise).where(promise.c.ticket_id == bindparam("ticket_id"), promise.c.state == literal("open"))
)


def tell(case: Case, promise_id: str, step: str, *, called: bool = False) -> None:
    """Reach those it concerns. `step`: SOON, whoever has the ticket; LATE, the shift leader as well.

    `called`: the ladder calls whoever has the ticket.
    """
    for agent in _concerned(case, step):
        if called and agent.id == case["assignee"]:
            continue
        way = staff_ways.way(case.tx, agent)
        if way is not None:
            staff_ways.send(case.tx, case.id, _id(promise_id, step, agent.id), way, kind=KIND, now=case.now)


def _concerned(case: Case, step: str) -> list[Agent]:
    staff = people.agents(case.tx)
    found = [one for one in staff if one.id == case["assignee"]]
    if step == LATE:
        on_duty = duties.on_duty(case.tx, LEADER, case["desk_group"], case.now)
        leaders = [one for one in staff if one.id in on_duty]
        leaders = leaders or [one for one in staff if LEADER in one.roles]
        found += [one for one in leaders if one not in found]
    return found


def _id(promise_id: str, step: str, agent: str) -> str:
    """What stands for the message of such a delivery: one for each promise, step and person."""
    return fixed_id(f"promise {promise_id} {step} {agent}")


# --- On its way ---------------------------------------------------------------------------------------------


def outgoing(tx: Tx, row: Row, *, now: datetime) -> Outgoing | None:
    """What the channel is to send for such a delivery; None: the promise was kept meanwhile, and there is nothing to say."""
    case = Case.open(tx, row.ticket_id, now=now)
    open_one = tx.one(_OPEN, ticket_id=row.ticket_id)
    agent = _whose(tx, row, open_one) if open_one is not None else None
    if open_one is None or agent is None:
        tx.update(delivery, {"ticket_id": row.ticket_id, "id": row.id}, state="withdrawn")
        return None
    language = tx.facts.language(agent.language)
    customer = reference.customer(tx, case["customer"]) if case["customer"] else None
    subject, text = texts.notice(
        KIND,
        language,
        number=case["number"],
        subject=case["subject"],
        who=", ".join(part for part in (case["requester_name"], customer.name if customer else "") if part),
        due=texts.instant(open_one.due, tx.facts.zone, language),
        late=open_one.due <= now,
        url=f"{tx.facts.public_url}/desk/tickets/{case['number']}",
    )
    return outbox.without_ticket(row, subject=subject, text=text, language=language, buttons=())


def undelivered(tx: Tx, row: Row, *, now: datetime) -> None:
    """Their chat does not take it: by mail, then."""
    open_one = tx.one(_OPEN, ticket_id=row.ticket_id)
    agent = _whose(tx, row, open_one) if open_one is not None else None
    if agent is None or not chat_addresses.is_chat(row.address):
        return
    way = staff_ways.mailbox(tx, agent)
    if way is not None:
        staff_ways.send(tx, row.ticket_id, row.message_id, way, kind=KIND, now=now)


def _whose(tx: Tx, row: Row, open_one: Row) -> Agent | None:
    """For whom such a delivery is; None: it is of a promise that is over, or they are gone."""
    return next(
        (
            one
            for one in people.agents(tx)
            if one.active
            and row.message_id in (_id(open_one.id, SOON, one.id), _id(open_one.id, LATE, one.id))
        ),
        None,
    )
