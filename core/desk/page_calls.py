"""How is somebody on duty called by telephone? A call that says what it is about; key 1 says that they know.

The call is one like any other that the desk makes (`core.desk.call_out`), without a customer to be connected with; what
comes of it is written at the delivery that it is.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import bindparam, select

from core import texts
from core.calling import Dial, Words
from core.desk import people, reference
from core.desk.case import Case
from core.desk.live_calls import OVER, LiveCall
from core.envelope import Trust
from core.ids import new_id
from core.rules.ladders import Cause
from core.store import tables, work
from core.store.tx import Prepared, Row, Tx

delivery = tables.delivery

_DELIVERY = Prepared(
    select(delivery).where(delivery.c.ticket_id == bindparam("ticket_id"), delivery.c.id == bindparam("id"))
)
NO_FLOW = "0" * 64
"""It is led by nobody's flow."""
LOST = timedelta(minutes=5)
"""Without a word from the line."""


def begin(tx: Tx, case: Case, row: Row, called: Row, *, now: datetime) -> None:
    """Let a line call the person of this page."""
    identity = new_id()
    tx.insert(
        tables.call,
        id=identity,
        line="out",
        external_id=identity,
        direction="out",
        caller=row.address,
        called=row.address,
        customer=case["customer"],
        trust=str(Trust.NONE),
        language=tx.facts.languages[0],
        desk_group=case["desk_group"],
        flow=NO_FLOW,
        state={},
        seq=0,
        phase="flow",
        outcome="",
        cause="",
        ticket_id=case.id,
        facts={"page": called.id, "delivery": row.id, "on_duty": called.agent},
        first_ring_at=now,
        signal_at=now,
    )
    # From here on the line has it; what does not come of it is written when that is known.
    key = {"ticket_id": case.id, "id": row.id}
    tx.update(delivery, key, state="sent", sent_at=now, attempts=row.attempts + 1, remote=identity)
    start(tx, case.id, identity, now=now)


def start(tx: Tx, ticket_id: str, identity: str, *, now: datetime) -> None:
    """A line calls, in a job of its own; a call that nobody hears of any more is ended."""
    work.enqueue(
        tx,
        shard=ticket_id,
        lane=f"dial:{identity}",
        kind="dial",
        payload={"call": identity},
        due=now,
        now=now,
        idem_key=f"dial:{identity}",
    )
    work.set_timer(tx, shard=identity, key="silent", kind="call-silent", payload={}, due=now + LOST, now=now)


def of(live: LiveCall) -> bool:
    """Is this a call to somebody who is on duty?"""
    return live.fact("page") is not None


def dial(live: LiveCall) -> Dial:
    """What the line is to do: call, say what it is about, and wait for key 1."""
    tx = live.tx
    case = Case.open(tx, live["ticket_id"], now=live.now)
    agent = people.agent(tx, live.fact("on_duty")) if live.fact("on_duty") else None
    language = tx.facts.language(agent.language if agent else None)
    customer = reference.customer(tx, case["customer"]) if case["customer"] else None
    say = texts.voice(language)["page"]
    called = tx.one(_PAGE, ticket_id=case.id, id=live.fact("page"))
    late = called is not None and called.cause == Cause.PROMISE
    told = say["promise" if late else "call"].format(
        hub=tx.facts.name,
        priority=case["priority"] or say["unqualified"],
        number=", ".join(" ".join(part) for part in case["number"].split("-")),  # digit by digit
        customer=customer.name if customer else say["nobody"],
        subject=case["subject"],
    )
    return Dial(
        call=live.id,
        operator=live["called"],
        number="",
        whisper=(Words(text=f"{told} {say['press']}", language=language),),
        language=language,
    )


def over(live: LiveCall, *, heard: bool, how: str) -> Row | None:
    """The call is over. Heard: its delivery arrived; else that is on record, and the ladder goes on. The row of its page."""
    tx = live.tx
    live.set(phase=OVER, outcome="informed" if heard else "tried", cause=how, ended_at=live.now)
    key = {"ticket_id": live["ticket_id"], "id": live.fact("delivery")}
    if (
        tx.one(_DELIVERY, **key) is not None
    ):  # who hung up at once may have pressed 1 before: that is heard last
        tx.update(delivery, key, state="sent" if heard else "given_up", error="" if heard else how)
    work.cancel(tx, shard=live.id, key="silent")
    tx.tell("ticket", live["ticket_id"])
    return tx.one(_PAGE, ticket_id=live["ticket_id"], id=live.fact("page"))


_PAGE = Prepared(
    select(tables.page).where(
        tables.page.c.ticket_id == bindparam("ticket_id"), tables.page.c.id == bindparam("id")
    )
)
