"""What does a visitor read, and where do they stand? Their own conversation, an honest place in line, and when somebody is there again."""

from __future__ import annotations

from uuid import uuid4

import pytest

from core import handlers
from core.desk import page, resolution, tickets, visitor_states, visitor_talk, visitors
from core.desk.errors import NotFound
from core.desk.visitors import Visitor
from core.envelope import Arrival
from core.store import tables
from core.worker import Worker
from tests.desk_at_work import CONFIGURED, SOLUTION, at_work
from tests.fakes import FakeChannel, ReadersHere
from web.chat import reading


@pytest.fixture
async def desk(db):
    return await at_work(db)


def visitor(name="one"):
    return visitors.by_secret("default", f"the secret of browser {name}")


async def alice(desk):
    who = await desk.who("alice")
    return visitors.by_sign_in("portal", who.id, "ACME")


async def do(desk, who, ref="", **what):
    ref = ref or uuid4().hex
    raw = reading.written(who.address, ref, contact=who.contact, **what)
    arrival = Arrival(
        channel="webchat",
        external_id=f"{who.address}/{ref}",
        raw=raw,
        received_at=desk.now,
        sender=who.address,
    )
    done = await desk.db.write(visitors.receive, who, arrival, reading.read(raw, {}, {}), now=desk.now)
    await work(desk)
    return done


async def work(desk):
    channels = [desk.channel, FakeChannel(name="webchat", reader="web.chat.reading:read")]
    todo = handlers.handlers(desk.db, channels, ReadersHere(), clock=lambda: desk.now)
    await Worker(desk.db, todo, owner="here", clock=lambda: desk.now).drain()


async def talk(desk, who):
    return (await desk.db.read(visitor_talk.conversation, who)).items


async def standing(desk, who):
    line = await desk.db.read(visitor_states.in_line)
    shown = await desk.db.read(visitor_states.shown, who, language="en", line=line, now=desk.now)
    return shown.standing


# --- Where they stand -------------------------------------------------------------------------------------------


async def test_the_place_in_line_is_counted_and_never_guessed(desk):
    one, two, three = visitor("one"), visitor("two"), visitor("three")
    for who in (one, two, three):
        await do(desk, who, text=f"Smoke, says {who.address}.")
        desk.passes(minutes=1)

    assert [(await standing(desk, who)).before for who in (one, two, three)] == [0, 1, 2]
    assert {(await standing(desk, who)).state for who in (one, two, three)} == {"waiting"}

    number = (await standing(desk, one)).number
    await desk.do(tickets.reply, await desk.who("lea"), number, "Where?")
    await work(desk)

    assert (await standing(desk, one)).state == "joined"
    assert (await standing(desk, one)).who == "Lea"
    assert [(await standing(desk, who)).before for who in (two, three)] == [0, 1]


async def test_whoever_wrote_nothing_stands_nowhere(desk):
    found = await standing(desk, visitor())

    assert (found.state, found.before, found.number, found.opens) == ("new", 0, "", "")


async def test_out_of_hours_somebody_known_is_told_when_their_contract_opens(db):
    by_day = CONFIGURED.replace(
        'name = "Network"\n    technologies', 'name = "Network"\n    calendar = "Office"\n    technologies'
    )
    desk = await at_work(db, by_day)
    who = await alice(desk)
    assert (await standing(desk, who)).opens == ""  # Monday, ten in the morning
    desk.passes(days=4, hours=10)  # Friday, eight in the evening

    assert (await standing(desk, who)).opens == "Monday 9 March, 09:00"
    assert (await standing(desk, visitor())).opens == ""  # of whom nothing is known


async def test_while_one_line_of_the_contract_is_open_somebody_is_there(desk):
    desk.passes(days=4, hours=10)

    assert (await standing(desk, await alice(desk))).opens == ""


# --- What they read ---------------------------------------------------------------------------------------------


async def test_a_solved_request_is_accepted_by_a_button_and_then_it_is_over(desk):
    who = await alice(desk)
    done = await do(desk, who, text="The tunnel is down.")
    number = done.number
    await desk.qualify(number)
    await desk.do(tickets.take, await desk.who("ann"), number)
    await desk.do(resolution.resolve, await desk.who("ann"), number, **SOLUTION)
    await work(desk)
    solved = next(item for item in reversed(await talk(desk, who)) if item.buttons)
    assert (await standing(desk, who)).state == "solved"
    assert [one.label for one in solved.buttons] == ["Risolto", "Il problema c'è ancora"]

    await do(desk, who, pressed=solved.buttons[0].id)

    assert (await desk.ticket(number)).state == "closed"
    assert (await standing(desk, who)).state == "ended"
    after = {item.id: item for item in await talk(desk, who)}[solved.id]
    assert (after.buttons, after.chosen) == ((), "Risolto")
    again = await do(desk, who, pressed=solved.buttons[1].id)
    assert again.outcome != "ticket"
    assert (await desk.ticket(number)).state == "closed"


async def test_somebody_elses_button_does_nothing(desk):
    who = await alice(desk)
    done = await do(desk, who, text="The tunnel is down.")
    await desk.qualify(done.number)
    await desk.do(tickets.take, await desk.who("ann"), done.number)
    await desk.do(resolution.resolve, await desk.who("ann"), done.number, **SOLUTION)
    await work(desk)
    solved = next(item for item in reversed(await talk(desk, who)) if item.buttons)

    await do(desk, visitor("thief"), pressed=solved.buttons[0].id)

    assert (await desk.ticket(done.number)).state == "resolved"


async def test_a_question_is_answered_by_a_choice_and_what_waited_finds_its_place(desk):
    who = await alice(desk)
    await desk.mail("alice@acme.test", "One", "One.")
    await desk.mail("alice@acme.test", "Two", "Two is another thing.")

    held = await do(desk, who, text="It got worse.")
    assert held.outcome == "held"
    question = next(item for item in reversed(await talk(desk, who)) if item.buttons)
    await do(desk, who, pressed=question.buttons[0].id)

    (placed,) = [item for item in await talk(desk, who) if item.text == "It got worse."]
    assert placed.ticket in question.buttons[0].label
    assert placed.by == "me"


async def test_nothing_of_the_inside_and_nothing_of_anybody_else_is_read(desk):
    one, two = visitor("one"), visitor("two")
    first = await do(desk, one, text="One asks.")
    second = await do(desk, two, text="Two asks.")
    lea = await desk.who("lea")
    await desk.do(tickets.note, lea, first.number, "INSIDE")
    await desk.do(tickets.reply, lea, first.number, "For one.")
    await desk.do(tickets.reply, lea, second.number, "For two.")
    await work(desk)

    seen = [item.text for item in await talk(desk, one)]

    assert "For one." in seen
    assert not any(secret in text for text in seen for secret in ("INSIDE", "For two.", "Two asks."))


async def test_what_has_not_left_is_not_shown(desk):
    who = visitor()
    done = await do(desk, who, text="Hello?")
    await desk.do(tickets.reply, await desk.who("lea"), done.number, "Not yet.")

    assert "Not yet." not in [item.text for item in await talk(desk, who)]
    await work(desk)
    assert "Not yet." in [item.text for item in await talk(desk, who)]


async def test_what_was_taken_back_is_shown_as_such(desk):
    who = visitor()
    done = await do(desk, who, text="Hello?")
    await desk.do(tickets.reply, await desk.who("lea"), done.number, "A mistake.")
    await work(desk)
    (row,) = await desk.outward(done.number, "reply")
    await desk.db.write(
        lambda tx: tx.update(
            tables.message, {"ticket_id": row.ticket_id, "id": row.id}, withdrawn_at=desk.now
        )
    )

    last = (await talk(desk, who))[-1]

    assert (last.text, last.withdrawn) == ("", True)


async def test_another_requester_does_not_read_what_the_one_before_wrote(desk):
    who = await alice(desk)
    done = await do(desk, who, text="My private words.")
    row = await desk.ticket(done.number)
    later = desk.passes(minutes=5)
    await desk.db.write(lambda tx: tx.update(tables.ticket, {"id": row.id}, requester_since=later))
    thread = (await desk.rows(tables.thread, done.number))[0]
    other = Visitor(address=visitor("aldo").address, site="default")
    key = {"ticket_id": row.id, "thread_id": thread.id}
    given = {"address": other.address, "name": "", "role": "participant", "state": "joined", "since": later}
    await desk.db.write(lambda tx: tx.insert(tables.participant, **key, **given))

    assert await talk(desk, other) == ()


async def test_whoever_was_taken_out_of_a_conversation_reads_it_no_longer(desk):
    who = visitor()
    done = await do(desk, who, text="Hello?")
    key = {"ticket_id": done.ticket_id, "address": who.address}
    await desk.db.write(lambda tx: tx.update(tables.participant, key, state="retired"))

    assert [item for item in await talk(desk, who) if item.ticket] == []


async def test_a_claimed_address_shows_no_mail_of_whose_it_is(desk):
    secret = await desk.mail("alice@acme.test", "Mine", "The password of the router.")
    thief = visitor("thief")
    await desk.db.write(visitors.claim, thief, name="Alice", email="alice@acme.test", now=desk.now)
    await do(desk, thief, text="I am Alice.")
    assert secret.number not in {item.ticket for item in await talk(desk, thief)}
    thread = (await desk.rows(tables.thread, secret.number))[0]
    given = {"address": thief.address, "name": "", "role": "visitor", "state": "joined", "since": desk.now}
    await desk.db.write(
        lambda tx: tx.insert(tables.participant, ticket_id=secret.ticket_id, thread_id=thread.id, **given)
    )

    assert "The password of the router." not in [item.text for item in await talk(desk, thief)]


async def test_a_file_of_another_conversation_is_not_there(desk):
    from core.envelope import Attachment

    one, two = visitor("one"), visitor("two")
    log = Attachment(name="log.txt", type="text/plain", content=b"words")
    await do(desk, one, text="See.", files=[log])
    (item,) = [item for item in await talk(desk, one) if item.files]

    assert (await desk.db.read(visitor_talk.file, one, item.files[0].id))[2] == b"words"
    for who in (two, visitor("nobody")):
        with pytest.raises(NotFound):
            await desk.db.read(visitor_talk.file, who, item.files[0].id)


async def test_staff_read_what_a_visitor_says_of_themselves_as_what_they_say(desk):
    who = visitor()
    done = await do(desk, who, text="Hello?")
    await desk.db.write(visitors.claim, who, name="Zoe Bruni", email="Zoe@elsewhere.test", now=desk.now)

    view = await desk.db.read(page.ticket, await desk.who("lea"), done.number, now=desk.now)

    assert (view.row.requester_name, view.claimed_email) == ("Zoe Bruni", "zoe@elsewhere.test")
    assert (view.contact, view.row.customer, view.row.trust) == (None, None, "none")


async def test_a_name_that_is_claimed_replaces_none_that_was_proved(desk):
    who = await alice(desk)
    done = await do(desk, who, text="Hello?")
    await desk.db.write(visitors.claim, who, name="Mallory", email="m@elsewhere.test", now=desk.now)

    view = await desk.db.read(page.ticket, await desk.who("lea"), done.number, now=desk.now)

    assert (view.row.requester_name, view.claimed_email) == ("Alice", "")
