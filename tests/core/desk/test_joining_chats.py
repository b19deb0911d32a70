"""What is said in a chat goes on in the request that goes on: by choice, by quotation, by the buttons below."""

from __future__ import annotations

from core.desk import books, joining
from core.store import tables
from core.store.database import Database
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
