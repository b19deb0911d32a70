"""How do open pages of the desk learn what changed, and who else is there?"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from core.desk import presence, requests, tickets
from tests import rows
from web.desk import frame
from web.live import RING

TICKET = "/desk/tickets/26-000001"
LONG = 20.0  # seconds: more than a busy machine needs


class Stream:
    """One browser's stream of events."""

    def __init__(self, response):
        self.response = response
        self.last_id = ""

    async def next(self):
        """The next event as (topic, about); ids on the way are kept."""
        told = {}
        async with asyncio.timeout(LONG):
            while True:
                line = (await self.response.content.readline()).decode().rstrip("\n")
                if line.startswith("id: "):
                    self.last_id = line[4:]
                elif ": " in line:
                    name, _, value = line.partition(": ")
                    told[name] = value
                elif not line and "event" in told:
                    return told["event"], told.get("data", "")

    async def settled(self):
        """Wait until the hub has said where the stream stands."""
        async with asyncio.timeout(LONG):
            line = (await self.response.content.readline()).decode()
            assert line.startswith("id: "), line
            self.last_id = line[4:].rstrip("\n")
            assert await self.response.content.readline() == b"\n"
        return self.last_id


@asynccontextmanager
async def listening(person, *, since="", last_id=""):
    headers = person.headers | {"Accept": "text/event-stream"}
    if last_id:
        headers["Last-Event-ID"] = last_id
    async with person.client.get(f"/desk/live?since={since}", headers=headers) as response:
        assert response.status == 200
        assert response.content_type == "text/event-stream"
        yield Stream(response)


async def say(db, text):
    await db.write(tickets.note, rows.LEADER, "26-000001", text, now=rows.NOON)


def position(page):
    found = page.text.split('data-live="/desk/live?since=', 1)[1]
    return found.split('"', 1)[0]


async def test_an_open_page_is_told_which_ticket_changed_and_nothing_of_it(teo, db, desk):
    async with listening(teo) as stream:
        await stream.settled()
        await say(db, "SECRET")

        assert await stream.next() == ("ticket", desk.ticket)


async def test_an_open_page_is_told_of_a_storm_of_alarms_once_for_each_commit(teo, db):
    async with listening(teo) as stream:
        await stream.settled()
        await db.write(lambda tx: [tx.tell("alerts", str(n)) for n in range(500)] and None)
        await say(db, "and then")

        assert await stream.next() == ("alerts", "")
        assert (await stream.next())[0] == "ticket"


async def test_what_happened_between_the_page_and_the_listening_is_not_missed(teo, db, desk):
    page = await teo.get(TICKET)
    await say(db, "meanwhile")

    async with listening(teo, since=position(page)) as stream:
        assert await stream.next() == ("ticket", desk.ticket)


async def test_a_page_that_comes_back_hears_what_it_missed_once(teo, db, desk):
    async with listening(teo) as stream:
        last_id = await stream.settled()
    await say(db, "missed")

    async with listening(teo, last_id=last_id) as stream:
        assert await stream.next() == ("ticket", desk.ticket)
        last_id = stream.last_id
    async with listening(teo, last_id=last_id) as stream:
        await stream.settled()
        await say(db, "new")
        assert await stream.next() == ("ticket", desk.ticket)
        assert stream.last_id != last_id


@pytest.mark.parametrize("last_id", ["another-7", "garbage", "x-y-z"])
async def test_a_page_of_another_life_of_the_hub_looks_again(teo, last_id):
    async with listening(teo, last_id=last_id) as stream:
        assert await stream.next() == ("refresh", "")


async def test_a_page_that_was_away_too_long_looks_again(pages, teo, desk):
    async with listening(teo) as stream:
        last_id = await stream.settled()
    for _ in range(RING + 1):
        pages.site.live._told([("ticket", desk.ticket)])

    async with listening(teo, last_id=last_id) as stream:
        assert await stream.next() == ("refresh", "")


async def test_one_person_opens_only_so_many_streams(teo, lea):
    async with AsyncExitStack() as stack:
        for _ in range(10):
            await stack.enter_async_context(listening(teo))
        response = await teo.client.get("/desk/live", headers=teo.headers)
        assert response.status == 429
        assert response.headers["Retry-After"]
        async with listening(lea) as stream:
            await stream.settled()


async def test_who_leafs_quickly_through_tickets_is_not_refused(teo):
    for _ in range(15):
        async with listening(teo) as stream:
            await stream.settled()
            stream.response.close()


async def test_without_a_sign_in_there_is_no_stream(pages):
    response = await pages.client.get("/desk/live", headers={"Accept": "text/event-stream"})

    assert response.status == 401


# --- Who else is there ----------------------------------------------------------------------------------------


async def test_colleagues_see_who_looks_and_who_writes(teo, lea):
    for doing, said in (("looking", "Teo is looking at this"), ("writing", "Teo is writing a reply")):
        assert (await teo.post(f"{TICKET}/here", doing=doing)).status == 204
        assert said in (await lea.get(TICKET)).words

    await teo.post(f"{TICKET}/here", doing="gone")
    assert "Teo is" not in (await lea.get(TICKET)).words


async def test_nobody_is_told_that_they_are_there_themselves(teo):
    await teo.post(f"{TICKET}/here", doing="writing")

    assert 'class="presence' not in (await teo.get(TICKET)).text


async def test_a_colleague_who_begins_to_write_is_announced(teo, lea, desk):
    async with listening(lea) as stream:
        await stream.settled()
        await teo.post(f"{TICKET}/here", doing="writing")

        assert await stream.next() == ("presence", desk.ticket)


async def test_who_begins_to_write_is_not_told_of_it_themselves(teo, lea, desk, db):
    async with listening(teo) as stream:
        await stream.settled()
        await teo.post(f"{TICKET}/here", doing="writing")
        await lea.post(f"{TICKET}/here", doing="looking")
        await say(db, "Next.")

        assert await stream.next() == ("presence", desk.ticket)
        assert (await stream.next())[0] == "ticket"


async def test_who_comes_back_is_not_told_what_they_did_themselves(teo, lea, desk):
    async with listening(teo) as stream:
        since = await stream.settled()
    await teo.post(f"{TICKET}/here", doing="writing")
    await lea.post(f"{TICKET}/here", doing="looking")

    async with listening(teo, last_id=since) as stream:
        assert await stream.next() == ("presence", desk.ticket)
        assert int(stream.last_id.partition("-")[2]) == int(since.partition("-")[2]) + 2


async def test_who_lost_their_connection_is_gone_after_half_a_minute(lea, db):
    long_ago = rows.NOON
    await db.write(presence.here, rows.TECHNICIAN, "26-000001", "writing", now=long_ago)

    assert "Teo is" not in (await lea.get(TICKET)).words


async def test_doing_something_else_is_refused(teo):
    assert (await teo.post(f"{TICKET}/here", doing="sleeping")).status == 422


async def test_a_page_does_not_wait_for_counts_it_says_that_they_are_old_and_they_are_new_soon(
    lea, db, monkeypatch
):
    monkeypatch.setattr(frame, "COUNT_EVERY", 0.0)
    first = await lea.get("/desk/")
    await db.write(requests.open_request, rows.LEADER, subject="One more", text="…", now=rows.NOON)
    before = await lea.get("/desk/")

    assert side(before) == side(first)
    assert "data-old" in before.text
    for _ in range(200):
        after = await lea.get("/desk/")
        if "data-old" not in after.text:
            break
        await asyncio.sleep(LONG / 200)
    assert side(after) != side(first)


def side(page):
    counts = page.text.split('class="count')[1:]
    return [part.partition(">")[2].partition("<")[0] for part in counts]


async def test_who_is_writing_is_told_once_and_never_again(pages, desk, lea):
    def types(who):
        return lambda tx: tx.tell("typing", f"{desk.ticket} {who}")

    async with listening(lea) as stream:
        position = await stream.settled()
        await pages.db.write(types("staff"))  # of ourselves nobody here need be told
        await pages.db.write(types("customer"))
        assert await stream.next() == ("typing", desk.ticket)

    async with listening(lea, last_id=position) as stream:
        await stream.settled()
        await pages.db.write(lambda tx: tx.tell("ticket", desk.ticket))
        assert await stream.next() == ("ticket", desk.ticket)


async def test_a_call_to_a_chat_is_told_to_who_was_called_alone(pages, desk, lea, teo):
    async with listening(lea) as hers, listening(teo) as his:
        position = await hers.settled()
        await his.settled()
        changes = pages.site.live.changes
        await pages.db.write(lambda tx: tx.tell("page", rows.LEADER.id))
        assert pages.site.live.changes == changes  # no list is old
        await pages.db.write(lambda tx: tx.tell("ticket", desk.ticket))

        assert await hers.next() == ("page", rows.LEADER.id)
        assert await his.next() == ("ticket", desk.ticket)
    async with listening(teo, last_id=position) as his, listening(lea, last_id=position) as hers:
        assert await his.next() == ("ticket", desk.ticket)
        assert await hers.next() == ("page", rows.LEADER.id)
