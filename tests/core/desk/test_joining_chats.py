"""What is said in a chat goes on in the request that goes on: by choice, by quotation, by the buttons below."""

from __future__ import annotations

from core.desk import books, joining
from core.ids import new_id
from core.store import tables
from core.store.database import Database
from core.store.tx import Tx
from tests.chat_at_work import Chatter
from tests.desk_at_work import at_work


async def test_a_chat_goes_on_in_the_request_that_goes_on_and_comes_back(db: Database) -> None:
    desk = await at_work(db)
    lea, mario = await desk.who("lea"), Chatter(desk)
    first = (await mario.writes("La stampante non va.")).number or ""
    quoted = next(iter(mario.said.values())).message_id
    desk.passes(minutes=1)
    into = (await desk.mail("stranger@else.test", subject="Stampante", text="Anche da me.")).number or ""

    await desk.do(joining.merge, lea, first, into=into)

    goes_on = (await desk.ticket(into)).id
    assert (await mario.chat()).ticket_id == goes_on
    assert {row.shard for row in await mario.buttons() if row.shard != (await mario.chat()).id} == {goes_on}
    desk.passes(minutes=2)
    assert (await mario.writes("Ancora niente.", quotes=quoted)).number == into
    assert (await mario.writes("Ci siete?")).number == into
    await desk.do(joining.undo, lea, first)
    assert (await mario.writes("Allora?", quotes=quoted)).number == first
    assert len(await desk.rows(tables.message, first, direction="in")) == 4
    assert (await db.read(books.verify, now=desk.now)).faults == ()


async def test_calls_and_who_waits_to_be_called_back_go_along_and_come_back(db: Database) -> None:
    desk = await at_work(db)
    lea = await desk.who("lea")
    first, into = await desk.qualified("alice@acme.test"), await desk.taken("aldo@acme.test")
    one, goes_on = (await desk.ticket(first)).id, (await desk.ticket(into)).id
    call = new_id()
    asked = {"ticket_id": one, "call_id": call}

    def ring(tx: Tx) -> None:
        times = {"first_ring_at": desk.now, "signal_at": desk.now}
        flow = {"flow": "00" * 32, "state": {}, "seq": 0, "phase": "over", "facts": {}, "ended_at": desk.now}
        heads = {"line": "sip", "external_id": "1", "direction": "in", "caller": "", "called": ""}
        tx.insert(tables.call, id=call, ticket_id=one, outcome="callback", cause="", **heads, **flow, **times)
        tx.insert(tables.ticket_call, how="opened", at=desk.now, **asked)
        waits = {"number": "+39045", "name": "", "desk_group": "", "reason": "asked", "state": "waiting"}
        tx.insert(tables.callback, id=new_id(), since=desk.now, **asked, **waits)

    await db.write(ring)

    async def where() -> set[str]:
        rows = [
            *await desk.rows(tables.ticket_call),
            *await desk.rows(tables.callback),
            *await desk.rows(tables.call),
        ]
        return {row.ticket_id for row in rows}

    await desk.do(joining.merge, lea, first, into=into)
    assert await where() == {goes_on}
    await desk.do(joining.undo, lea, first)
    assert await where() == {one}
