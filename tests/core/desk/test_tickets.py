"""Work on a ticket: take, assign, hand over, wait, resume. Each act has its guard, its event, its clocks and its notice."""

from __future__ import annotations

from datetime import timedelta

import pytest

from core.desk import acts, books, page, requests, resolution, search, tickets
from core.desk.errors import Forbidden, Invalid, NotFound, Refused, Stale
from core.envelope import Attachment
from core.rules import workflow
from core.store import tables
from tests.desk_at_work import SOLUTION, AtWork, at_work


@pytest.fixture
async def desk(db) -> AtWork:
    return await at_work(db)


async def state(desk: AtWork, number: str) -> str:
    return str((await desk.ticket(number)).state)


# --- Take and assign ---


async def test_who_takes_a_ticket_has_it_and_the_customer_is_told_who_works_on_it(desk):
    number = await desk.qualified()
    ann = await desk.who("ann")
    desk.passes(minutes=10)

    await desk.do(tickets.take, ann, number)

    ticket, clock = await desk.ticket(number), (await desk.clocks(number))["response"]
    assert (ticket.state, ticket.assignee, ticket.state_since) == ("in_progress", ann.id, desk.now)
    assert (clock.state, clock.elapsed_s) == ("met", 600)
    (event,) = await desk.events(number, "ticket.take")
    assert (event.actor, event.data) == (ann.actor, {"from": "assigned", "to": "in_progress"})
    assert "Ann ha preso in carico la richiesta" in (await desk.outward(number))[-1].text


async def test_to_take_it_twice_changes_nothing_and_a_colleague_takes_over_without_a_second_notice(desk):
    number = await desk.taken()
    last, told = (await desk.ticket(number)).last_event, len(await desk.outward(number))

    await desk.do(tickets.take, await desk.who("ann"), number)
    assert (await desk.ticket(number)).last_event == last

    lea = await desk.who("lea")
    await desk.do(tickets.take, lea, number)
    ticket = await desk.ticket(number)
    assert (ticket.assignee, ticket.state) == (lea.id, "in_progress")
    assert len(await desk.outward(number)) == told
    assert (await desk.events(number, "ticket.assigned"))[-1].data["from"] == (await desk.who("ann")).id


async def test_a_ticket_is_given_to_an_agent_a_group_or_back(desk):
    number = await desk.qualified()
    tom = await desk.who("tom")

    await desk.do(tickets.assign, tom, number, agent="Ann@Hub.test")
    assert (await desk.ticket(number)).assignee == (await desk.who("ann")).id

    await desk.do(tickets.assign, tom, number, group="Systems", agent="lea@hub.test")
    ticket = await desk.ticket(number)
    assert (ticket.desk_group, ticket.assignee) == ("Systems", (await desk.who("lea")).id)
    assert (await desk.events(number, "ticket.routed"))[-1].data["trace"] == [
        {"rule": "by hand", "matched": True}
    ]

    await desk.do(tickets.assign, tom, number, agent="")
    assert (await desk.ticket(number)).assignee is None

    await desk.do(tickets.assign, tom, number, agent="ann@hub.test")
    await desk.do(tickets.assign, tom, number, group="Network L2")
    ticket = await desk.ticket(number)
    assert (ticket.desk_group, ticket.level, ticket.assignee) == ("Network L2", 2, None), (
        "another group's now"
    )


async def test_a_group_or_an_agent_that_is_not_there_is_named(desk):
    number = await desk.qualified()
    tom = await desk.who("tom")
    await desk.db.write(lambda tx: tx.update(tables.agent, {"email": "lea@hub.test"}, active=False))

    with pytest.raises(Invalid, match="'Nobody' is not one of Network L1, Network L2, Systems"):
        await desk.do(tickets.assign, tom, number, group="Nobody")
    for agent in ("nobody@hub.test", "lea@hub.test"):
        with pytest.raises(Invalid, match=f"there is no agent {agent}"):
            await desk.do(tickets.assign, tom, number, agent=agent)


async def test_nobody_is_given_what_has_ended(desk):
    number = await desk.closed()

    with pytest.raises(Refused, match="nobody works on it") as refusal:
        await desk.do(tickets.assign, await desk.who("tom"), number, agent="ann@hub.test")

    assert refusal.value.allowed == ("reopen",)


async def test_a_group_chosen_by_hand_is_enough_for_a_ticket_that_no_rule_places(db):
    from tests.desk_at_work import CONFIGURED

    desk = await at_work(
        db,
        CONFIGURED.replace(
            'technologies = ["Server"]\n[[agents]]', 'technologies = ["Network"]\n[[agents]]', 1
        ),
    )
    number = (await desk.mail("alice@acme.test")).number
    await desk.qualify(number, technology="Server")
    assert await state(desk, number) == "qualified"
    assert [row.kind for row in await desk.events(number, "ticket.unrouted")] == ["ticket.unrouted"]

    await desk.do(tickets.assign, await desk.who("tom"), number, group="Systems")

    assert await state(desk, number) == "assigned"


# --- Escalate ---


async def test_who_escalates_hands_over_with_a_note_and_the_next_level_has_it(desk):
    number = await desk.taken()
    ann = await desk.who("ann")

    await desk.do(tickets.escalate, ann, number, reason="Serve il livello 2: BGP.")

    ticket = await desk.ticket(number)
    assert (ticket.state, ticket.desk_group, ticket.level, ticket.assignee) == (
        "assigned",
        "Network L2",
        2,
        None,
    )
    assert [row.text for row in await desk.rows(tables.note, number)] == ["Serve il livello 2: BGP."]
    assert "più specializzato" in (await desk.outward(number))[-1].text
    found = await desk.db.read(search.tickets, await desk.who("tom"), q="BGP")
    assert [row.number for row in found.items] == [number], "the note is found"


async def test_the_group_that_escalated_goes_on_reading_and_leaves_notes_and_nothing_else(desk):
    number, mail = await desk.taken(), await desk.qualified()
    ann, lea = await desk.who("ann"), await desk.who("lea")
    await desk.do(tickets.escalate, ann, number, reason="Serve il livello 2: BGP.")
    await desk.do(tickets.assign, lea, mail, group="Systems")

    seen = await desk.db.read(page.ticket, ann, number, now=desk.now)
    await desk.do(tickets.note, ann, number, "Il collega di prima sono io.")
    with pytest.raises(Forbidden, match="Network L2 has it"):
        await desk.do(tickets.take, ann, number)

    assert seen.allowed == ("note",)
    assert (await desk.db.read(search.tickets, ann, view="all")).items == ()
    with pytest.raises(NotFound):  # it was only put right: nobody handed it on
        await desk.db.read(page.ticket, ann, mail, now=desk.now)


async def test_escalation_goes_to_the_group_or_level_that_is_named(desk):
    number = await desk.taken()
    tom = await desk.who("tom")
    await desk.do(tickets.escalate, tom, number, reason="x", group="Systems")
    assert (await desk.ticket(number)).desk_group == "Systems"
    await desk.do(tickets.escalate, tom, number, reason="x", level=2)
    assert (await desk.ticket(number)).desk_group == "Network L2"

    with pytest.raises(Invalid, match="no other group works on level 3"):
        await desk.do(tickets.escalate, tom, number, reason="x")
    with pytest.raises(Invalid, match="has it already"):
        await desk.do(tickets.escalate, tom, number, reason="x", group="Network L2")
    with pytest.raises(Invalid, match="/reason: must not be empty"):
        await desk.do(tickets.escalate, tom, number, reason="  ")


async def test_what_is_escalated_while_we_waited_does_not_stand_still(desk):
    number = await desk.taken()
    ann = await desk.who("ann")
    await desk.do(tickets.wait, ann, number, "Quale switch?")
    desk.passes(hours=2)

    await desk.do(tickets.escalate, ann, number, reason="non risponde, serve L2")

    clock = (await desk.clocks(number))["resolve"]
    assert (clock.state, clock.paused_s) == ("running", 2 * 3600)


# --- Wait and resume ---


async def test_to_wait_asks_the_customer_and_pauses_their_clocks(desk):
    number = await desk.taken()
    desk.passes(hours=1)

    await desk.do(tickets.wait, await desk.who("ann"), number, "Quale switch?")
    desk.passes(days=2)

    ticket, clocks = await desk.ticket(number), await desk.clocks(number)
    assert (ticket.state, ticket.next_due) == ("waiting_customer", None)
    assert {name: clocks[name].state for name in ("restore", "resolve")} == {
        "restore": "paused",
        "resolve": "paused",
    }
    (asked,) = await desk.outward(number, "reply")
    assert (asked.text, asked.author_name, asked.automatic) == ("Quale switch?", "Ann", False)
    assert await desk.rows(tables.job, kind="clocks") == [], "nothing falls due meanwhile"


async def test_to_go_on_without_the_answer_ends_the_wait_and_tells_the_customer(desk):
    number = await desk.taken()
    ann = await desk.who("ann")
    await desk.do(tickets.wait, ann, number, "Quale switch?")
    desk.passes(hours=4)

    await desk.do(tickets.resume, ann, number)

    assert await state(desk, number) == "in_progress"
    assert (await desk.clocks(number))["resolve"].paused_s == 4 * 3600
    assert "ripreso il lavoro" in (await desk.outward(number))[-1].text


async def test_the_same_question_sent_twice_is_one(desk):
    number = await desk.taken()
    ann = await desk.who("ann")

    await desk.do(tickets.wait, ann, number, "Quale switch?", idem="form-1")
    await desk.do(tickets.wait, ann, number, "Quale switch?", idem="form-1")

    assert len(await desk.outward(number, "reply")) == 1


# --- Reply and note ---


async def test_an_answer_goes_to_the_customer_with_its_files_and_meets_the_response(desk):
    number = await desk.qualified()
    ann = await desk.who("ann")
    await desk.db.write(
        lambda tx: [
            tx.insert(
                tables.draft,
                ticket_id=tx.one(tables.ticket.select()).id,
                agent=who,
                kind=kind,
                text="half",
                updated_at=desk.now,
            )
            for who, kind in ((ann.id, "reply"), (ann.id, "note"), ("other", "reply"))
        ]
    )
    desk.passes(minutes=30)

    message_id = await desk.do(
        tickets.reply,
        ann,
        number,
        "Prima riga\r\nseconda  ",
        files=(Attachment(name="a.txt", type="text/plain", content=b"x"),),
    )

    ticket = await desk.ticket(number)
    (said,) = await desk.outward(number, "reply")
    assert (said.id, said.text, said.agent) == (message_id, "Prima riga\nseconda", ann.id)
    assert (ticket.state, ticket.last_direction, ticket.snippet) == ("assigned", "out", "Prima riga seconda")
    assert (await desk.clocks(number))["response"].state == "met"
    assert [row.message_id for row in await desk.rows(tables.attachment, number)] == [message_id]
    left = [(row.agent, row.kind) for row in await desk.rows(tables.draft, number)]
    assert sorted(left) == sorted([(ann.id, "note"), ("other", "reply")]), "the draft became the answer"


async def test_a_double_click_sends_one_answer_and_writes_one_note(desk):
    number = await desk.taken()
    ann = await desk.who("ann")

    replies = {await desk.do(tickets.reply, ann, number, "Uno.", idem="a") for _ in range(2)}
    notes = {await desk.do(tickets.note, ann, number, "Uno.", idem="a") for _ in range(2)}
    await desk.do(tickets.reply, ann, number, "Uno.", idem="b")

    assert (len(replies), len(notes)) == (1, 1)
    assert len(await desk.outward(number, "reply")) == 2
    assert len(await desk.rows(tables.note, number)) == 1


async def test_an_answer_before_the_ticket_is_qualified_counts_as_the_first(desk):
    number = (await desk.mail("alice@acme.test")).number
    desk.passes(minutes=20)
    await desk.do(tickets.reply, await desk.who("tom"), number, "La chiamo.")
    desk.passes(hours=10)

    await desk.qualify(number)

    response = (await desk.clocks(number))["response"]
    assert (response.state, response.elapsed_s) == ("met", 20 * 60)


async def test_an_answer_that_would_reach_nobody_is_refused(desk):
    number = await desk.db.write(
        requests.open_request,
        await desk.who("tom"),
        subject="Per telefono",
        text="x",
        customer="ACME",
        now=desk.now,
    )

    with pytest.raises(Refused, match="add a contact first"):
        await desk.do(tickets.reply, await desk.who("tom"), number, "Chi legge?")

    await desk.qualify(number, contact="alice@acme.test")
    await desk.do(tickets.reply, await desk.who("tom"), number, "Alice legge.")
    assert (await desk.deliveries(number))[-1].address == "alice@acme.test"


@pytest.mark.parametrize("ended", ["closed", "cancelled", "rejected"])
async def test_nobody_answers_on_a_ticket_that_has_ended(desk, ended):
    number = await desk.closed()
    await desk.db.write(lambda tx: tx.update(tables.ticket, {"number": number}, state=ended))

    with pytest.raises(Refused, match=f"is {ended}: reopen it") as refusal:
        await desk.do(tickets.reply, await desk.who("ann"), number, "Ancora qui?")

    assert refusal.value.allowed == ("reopen",)


async def test_on_a_solved_ticket_an_answer_is_possible_and_leaves_it_solved(desk):
    number = await desk.resolved()

    await desk.do(tickets.reply, await desk.who("ann"), number, "Tutto bene?")

    assert await state(desk, number) == "resolved"


async def test_an_answer_for_later_leaves_later_and_holds_up_nothing_written_meanwhile(desk):
    number = await desk.taken()
    ann = await desk.who("ann")
    await desk.work()
    later = desk.now + timedelta(days=3)
    await desk.do(tickets.reply, ann, number, "Promemoria.", send_after=later)
    await desk.do(tickets.reply, ann, number, "Subito.")

    await desk.work()
    assert "Promemoria." not in [one.text for one in desk.channel.sent]
    assert desk.channel.sent[-1].text == "Subito."

    desk.now = later
    await desk.work()
    assert desk.channel.sent[-1].text == "Promemoria."


async def test_a_note_is_for_colleagues_and_in_nothing_that_leaves(desk):
    number = await desk.taken()
    ann = await desk.who("ann")
    await desk.do(
        tickets.note,
        ann,
        number,
        "Il cliente non paga",
        files=(Attachment(name="s.txt", type="text/plain", content=b"s"),),
    )
    await desk.do(tickets.reply, ann, number, "Quasi fatto.")
    await desk.do(tickets.workaround, ann, number, "Usate il 4G")
    await desk.do(resolution.resolve, ann, number, **SOLUTION)
    await desk.do(resolution.close, ann, number)
    desk.passes(minutes=5)
    await desk.work()

    assert len(desk.channel.sent) >= 5
    for one in desk.channel.sent:
        everything = [one.subject, one.text, one.author_name, *(earlier.text for earlier in one.history)]
        assert not any("non paga" in text for text in everything), one.kind
        assert "s.txt" not in [file.name for file in one.attachments], one.kind
    alice = await desk.who("alice")
    shown = await desk.db.read(page.ticket, alice, number, now=desk.now)
    assert shown.notes == ()
    assert (await desk.db.read(search.tickets, alice, q="paga")).items == ()


@pytest.mark.parametrize("text", ["", " \r\n ", "x" * (acts.MAX_TEXT + 1)])
async def test_a_text_must_say_something_and_end_somewhere(desk, text):
    number = await desk.taken()
    ann = await desk.who("ann")

    for verb in (tickets.reply, tickets.note, tickets.wait, tickets.workaround):
        with pytest.raises(Invalid, match="/text"):
            await desk.do(verb, ann, number, text)

    assert len(await desk.outward(number)) == 2


# --- Who, where, and with what in view ---

ACTS = {
    tickets.take: {},
    tickets.assign: {"agent": ""},
    tickets.reply: {"text": "x"},
    tickets.note: {"text": "x"},
    tickets.wait: {"text": "x"},
    tickets.resume: {},
    tickets.workaround: {"text": "x"},
    resolution.resolve: SOLUTION,
    resolution.close: {},
    resolution.reopen: {"reason": "x"},
    resolution.cancel: {"reason": "x"},
    tickets.escalate: {"reason": "x"},
    tickets.qualify: {},
    resolution.approve: {"reason": "because it is so"},
    resolution.reject: {"reason": "x", "text": "x"},
}


async def test_customers_do_none_of_this_and_strangers_to_a_ticket_do_not_see_it(desk):
    number = await desk.taken()
    alice, bob = await desk.who("alice"), await desk.who("bob")

    for verb, fields in ACTS.items():
        with pytest.raises(Forbidden):
            await desk.do(verb, alice, number, **fields)
        with pytest.raises(NotFound, match=f"there is no ticket {number} that you may see"):
            await desk.do(verb, bob, number, **fields)


async def test_a_technician_acts_on_tickets_of_their_groups_only(desk):
    number = await desk.qualified()
    await desk.do(tickets.assign, await desk.who("tom"), number, group="Systems")

    with pytest.raises(NotFound):
        await desk.do(tickets.take, await desk.who("ann"), number)


SEEN_OR_NOT = (
    tickets.note,
    tickets.qualify,
    resolution.approve,
    resolution.reject,
    resolution.reopen,
    tickets.resume,
    resolution.close,
)
"""Acts that are refused here anyway, or to which it does not matter."""


async def test_who_has_not_seen_what_a_colleague_did_is_stopped_and_shown_it(desk):
    number = await desk.taken()
    seen = (await desk.ticket(number)).last_event
    await desk.mail("alice@acme.test", text="Aspettate!", own_refs=(await desk.ref(number),))
    await desk.do(tickets.escalate, await desk.who("lea"), number, reason="x", group="Systems")
    await desk.do(tickets.assign, await desk.who("lea"), number, group="Network L1")
    ann, now_there = await desk.who("ann"), (await desk.ticket(number)).last_event

    for verb, fields in ACTS.items():
        if verb not in SEEN_OR_NOT:
            with pytest.raises(Stale) as stale:
                await desk.do(verb, ann, number, seen=seen, **fields)
            assert stale.value.newer, verb.__name__
            assert stale.value.last_event == now_there


async def test_a_stale_answer_gets_the_messages_that_were_not_seen(desk):
    number = await desk.taken()
    seen = (await desk.ticket(number)).last_event
    await desk.mail("alice@acme.test", text="Adesso funziona!", own_refs=(await desk.ref(number),))

    with pytest.raises(Stale, match="read it, then decide") as stale:
        await desk.do(tickets.reply, await desk.who("ann"), number, "Provi a spegnere.", seen=seen)

    assert [row.text for row in stale.value.newer] == ["Adesso funziona!"]
    assert await desk.outward(number, "reply") == []
    await desk.do(tickets.reply, await desk.who("ann"), number, "Bene!", seen=stale.value.last_event)


async def test_what_the_hub_did_or_one_did_oneself_stops_nobody(desk):
    number = await desk.taken()
    ann = await desk.who("ann")
    seen = (await desk.ticket(number)).last_event
    await desk.do(tickets.reply, ann, number, "Uno.")

    await desk.do(tickets.reply, ann, number, "Due.", seen=seen)
    await desk.do(tickets.wait, ann, number, "Tre?", seen=seen)

    assert len(await desk.outward(number, "reply")) == 3


@pytest.mark.parametrize(
    ("where", "verbs"),
    [
        (
            "qualified",
            (
                tickets.wait,
                resolution.resolve,
                resolution.close,
                tickets.resume,
                resolution.reopen,
                resolution.approve,
                resolution.reject,
            ),
        ),
        ("taken", (resolution.close, resolution.reopen)),
        ("resolved", (tickets.take, tickets.wait, tickets.escalate, resolution.cancel)),
        ("closed", (resolution.resolve, tickets.take, resolution.cancel)),
    ],
    ids=["qualified", "taken", "resolved", "closed"],
)
async def test_a_move_that_the_table_does_not_have_is_refused_with_those_it_has(desk, where, verbs):
    number = await getattr(desk, where)()
    before, told = await desk.ticket(number), len(await desk.outward(number))

    for verb in verbs:
        with pytest.raises(Refused, match=f"cannot .* from {before.state}") as refusal:
            await desk.do(verb, await desk.who("lea"), number, **ACTS[verb])
        assert refusal.value.allowed == workflow.allowed(before.state)
        assert await desk.ticket(number) == before, verb.__name__

    assert len(await desk.outward(number)) == told


async def test_after_a_day_of_work_the_books_balance(desk):
    number = await desk.closed()
    await desk.do(resolution.reopen, await desk.who("lea"), number, reason="non va")
    await desk.do(tickets.note, await desk.who("ann"), number, "vediamo")
    await desk.work()

    assert (await desk.db.read(books.verify)).faults == ()
