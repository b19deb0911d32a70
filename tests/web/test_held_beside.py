"""What waits beside a request that has ended says so before somebody adds it where nobody looks."""

from __future__ import annotations

import pytest

from core.desk import resolution, waiting
from core.store import tables
from tests.desk_at_work import at_work
from tests.web.desk_pages import serving
from web.words import say


@pytest.fixture
async def desk(db):
    return await at_work(db)


@pytest.mark.parametrize("ended", [True, False])
async def test_what_is_held_beside_an_ended_request_says_what_becomes_of_it_there(desk, tmp_path, ended):
    number = await desk.taken()
    ref = await desk.ref(number)
    assert (await desk.mail("eve@evil.test", own_refs=(ref,))).outcome == "held"
    item = desk.last
    if ended:
        await desk.do(resolution.cancel, await desk.who("lea"), number, reason="A test.")

    async with serving(desk.db, tmp_path) as pages:
        lea = await pages.as_(await desk.who("lea"))
        shown = [
            (await lea.get(place)).words for place in ("/desk/waiting?view=held", f"/desk/inbound/{item}")
        ]

    told = say("it")("held.ended", number=number)
    assert [told in words for words in shown] == [ended, ended]

    await desk.db.write(waiting.release, await desk.who("lea"), item, as_="message", now=desk.now)
    done = await desk.understand(item, "eve@evil.test", own_refs=(ref,))
    assert (done.outcome, done.number) == ("attached", number), "staff decide"
    assert (await desk.ticket(number)).state == ("cancelled" if ended else "in_progress")
    assert len(await desk.rows(tables.message, number, direction="in")) == 2
