"""What waits for staff: nothing is lost meanwhile, only staff decide, and what was held is in no conversation before."""

from __future__ import annotations

import pytest

from core.desk import books, door, page, search, waiting
from core.desk.errors import Forbidden, Invalid, NotFound, Refused
from core.envelope import Attachment
from core.store import tables
from tests.desk_at_work import DISOWNED, AtWork, at_work


@pytest.fixture
async def desk(db) -> AtWork:
    return await at_work(db)


# --- What cannot be understood ---


async def test_what_cannot_be_read_waits_for_staff_with_its_bytes_and_can_be_tried_again(desk):
    inbound_id = await desk.arrive("eve@evil.test", raw=b"broken")
    await desk.db.write(door.exception, inbound_id, "no header", now=desk.now)
    tom = await desk.who("tom")

    (item,) = (await desk.db.read(search.inbound, tom, outcome="exception")).items
    assert (item.id, item.reason, item.detail["error"]) == (inbound_id, "unreadable", "no header")
    await desk.do(waiting.retry, tom, inbound_id)
    again = await desk.understand(inbound_id, "alice@acme.test")

    assert again.outcome == "ticket"
    assert (await desk.db.read(search.inbound, tom, outcome="exception")).items == ()


async def test_an_exception_never_takes_back_an_outcome(desk):
    inbound_id = await desk.arrive("alice@acme.test")
    await desk.understand(inbound_id, "alice@acme.test")

    await desk.db.write(door.exception, inbound_id, "too late", now=desk.now)
    await desk.db.write(door.exception, "nothing", "not there", now=desk.now)

    assert (await desk.inbound(inbound_id)).outcome == "ticket"


async def test_staff_may_decide_that_nothing_is_to_be_done(desk):
    inbound_id = await desk.arrive("eve@evil.test")
    await desk.db.write(door.exception, inbound_id, "no header", now=desk.now)
    tom = await desk.who("tom")

    await desk.do(waiting.discard, tom, inbound_id)

    row = await desk.inbound(inbound_id)
    assert (row.outcome, row.open, row.detail["discarded_by"]) == ("exception", False, tom.id)
    for verb in (waiting.retry, waiting.discard):
        with pytest.raises(Refused, match="no longer waiting"):
            await desk.do(verb, tom, inbound_id)


async def test_only_staff_decide_and_only_about_what_is_there(desk):
    inbound_id = await desk.arrive("eve@evil.test")
    await desk.db.write(door.exception, inbound_id, "no header", now=desk.now)

    with pytest.raises(Forbidden):
        await desk.do(waiting.retry, await desk.who("alice"), inbound_id)
    with pytest.raises(NotFound):
        await desk.do(waiting.retry, await desk.who("tom"), "nothing")
    with pytest.raises(NotFound):
        await desk.do(waiting.retry, await desk.who("ann"), inbound_id)  # of no ticket of her groups


# --- What is held ---


async def held(desk: AtWork) -> tuple[str, str]:
    """A stranger's mail with the reply address of Alice's ticket: the ticket's number, the item's id."""
    number = await desk.qualified()
    token = await desk.token(number, "alice@acme.test")
    done = await desk.mail("eve@evil.test", "Your code", "It is 1234.", reply_tokens=(token,))
    assert done.outcome == "held"
    return number, (await desk.rows(tables.inbound, outcome="held"))[-1].id


async def test_what_is_held_is_beside_the_ticket_and_in_no_conversation(desk):
    number, item = await held(desk)

    ticket = await desk.ticket(number)
    assert "held" in ticket.flags
    assert [row.kind for row in await desk.events(number, "inbound.")] == ["inbound.held"]
    assert all(row.author_address != "eve@evil.test" for row in await desk.rows(tables.message, number))
    assert (await desk.inbound(item)).open


async def test_a_held_message_taken_into_the_conversation_can_be_read_by_the_customer(desk):
    number, item = await held(desk)

    await desk.do(waiting.release, await desk.who("tom"), item, as_="message")
    done = await desk.understand(item, "eve@evil.test", "Your code", "It is 1234.")

    assert (done.outcome, done.reason, done.number) == ("attached", "released", number)
    shown = await desk.db.read(page.ticket, await desk.who("alice"), number, now=desk.now)
    assert "It is 1234." in [one.text for one in shown.messages]
    assert (await desk.ticket(number)).flags == []
    roles = {row.address: row.role for row in await desk.rows(tables.participant, number)}
    assert roles["eve@evil.test"] == "visitor", "who is taken in once is not written to"


async def test_a_held_message_taken_as_a_note_is_for_colleagues_only(desk):
    number, item = await held(desk)

    await desk.do(waiting.release, await desk.who("tom"), item, as_="note")
    done = await desk.understand(
        item,
        "eve@evil.test",
        "Your code",
        "It is 1234.",
        attachments=(Attachment(name="a.txt", type="text/plain", content=b"x"),),
    )

    assert (done.outcome, done.reason) == ("attached", "as_note")
    (note,) = await desk.rows(tables.note, number)
    assert note.text == "eve@evil.test: Your code\n\nIt is 1234."
    assert [row.internal for row in await desk.rows(tables.attachment, number)] == [True]
    found = await desk.db.read(search.tickets, await desk.who("tom"), q="1234")
    assert [row.number for row in found.items] == [number]
    assert not (await desk.db.read(books.verify)).faults


async def test_a_held_message_taken_as_a_ticket_is_one_of_its_own(desk):
    number, item = await held(desk)

    await desk.do(waiting.release, await desk.who("tom"), item, as_="ticket")
    done = await desk.understand(item, "eve@evil.test", "Your code")

    assert done.outcome == "ticket"
    assert done.number != number
    assert (await desk.inbound(item)).detail["released_by"] == (await desk.who("tom")).id


async def test_the_flag_stays_as_long_as_something_is_held(desk):
    number, first = await held(desk)
    token = await desk.token(number, "alice@acme.test")
    await desk.mail("mallory@evil.test", reply_tokens=(token,))

    await desk.do(waiting.discard, await desk.who("tom"), first)
    assert (await desk.ticket(number)).flags == ["held"]

    (second,) = await desk.rows(tables.inbound, open=True)
    await desk.do(waiting.discard, await desk.who("tom"), second.id)
    assert (await desk.ticket(number)).flags == []
    assert [row.kind for row in await desk.events(number, "inbound.discarded")] == ["inbound.discarded"] * 2


async def test_what_names_no_ticket_can_only_be_taken_as_one(desk):
    await desk.mail("alice@acme.test", authentication=DISOWNED)
    (item,) = await desk.rows(tables.inbound, outcome="held")
    tom = await desk.who("tom")

    with pytest.raises(Invalid, match="names no ticket"):
        await desk.do(waiting.release, tom, item.id, as_="message")
    with pytest.raises(Invalid, match="must be one of message, ticket, note"):
        await desk.do(waiting.release, tom, item.id, as_="spam")
    await desk.do(waiting.release, tom, item.id, as_="ticket")

    assert (await desk.understand(item.id, "alice@acme.test", authentication=DISOWNED)).outcome == "ticket"


# --- Everything at once, vendors, and the clock of what is held ---


async def test_after_a_fault_every_exception_is_tried_again_and_what_fails_again_stays(desk):
    ids = [await desk.arrive(f"eve{n}@evil.test") for n in range(waiting.AT_ONCE + 2)]
    for one in ids:
        await desk.db.write(door.exception, one, "no header", now=desk.now)
    discarded = ids.pop()
    tom = await desk.who("tom")
    await desk.do(waiting.discard, tom, discarded)
    desk.passes(minutes=1)

    counts = [await desk.db.write(waiting.retry_all, tom, before=desk.now, now=desk.now) for _ in range(3)]
    again = await desk.understand(ids[0], "alice@acme.test")
    await desk.db.write(door.exception, ids[1], "no header still", now=desk.now)

    assert counts == [waiting.AT_ONCE, 1, 0]
    assert again.outcome == "ticket"
    assert await desk.db.write(waiting.retry_all, tom, before=desk.now, now=desk.now) == 0
    assert (await desk.inbound(ids[1])).open
    assert not (await desk.inbound(discarded)).open


async def test_everybody_tries_again_only_what_they_may_see(desk):
    inbound_id = await desk.arrive("eve@evil.test")
    await desk.db.write(door.exception, inbound_id, "no header", now=desk.now)
    desk.passes(minutes=1)

    assert await desk.db.write(waiting.retry_all, await desk.who("ann"), before=desk.now, now=desk.now) == 0
    with pytest.raises(Forbidden):
        await desk.db.write(waiting.retry_all, await desk.who("alice"), before=desk.now, now=desk.now)
