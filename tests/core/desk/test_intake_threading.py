"""Nobody gets into another's ticket by writing a mail, and who belongs there finds it by whatever link survives."""

from __future__ import annotations

import pytest

from core.desk import intake, page, resolution, tickets, waiting
from core.desk.errors import NotFound
from core.envelope import Address, Authentication
from core.ids import message_id_key, short_hash
from core.store import tables
from tests.desk_at_work import DISOWNED, PASSED, SOLUTION, AtWork, a_mail, at_work


@pytest.fixture
async def desk(db) -> AtWork:
    return await at_work(db)


async def texts(desk: AtWork, number: str) -> list[tuple[str, str]]:
    """(author, text) of what came in."""
    found = await desk.rows(tables.message, number, direction="in")
    return [(row.author_address, row.text) for row in found]


# --- Who belongs to the conversation ---


async def test_an_answer_to_the_reply_address_threads_by_that_alone(desk):
    number = await desk.qualified()

    done = await desk.mail(
        "alice@acme.test", "(no subject)", reply_tokens=(await desk.token(number, "alice@acme.test"),)
    )

    assert (done.outcome, done.reason, done.number) == ("attached", "reply_address", number)
    assert (await desk.ticket(number)).trust == "token"


async def test_a_reply_address_that_was_given_to_an_address_with_capitals_of_old_is_its_owners(desk):
    number = await desk.qualified()
    token = await desk.token(number, "alice@acme.test")
    key = {"ticket_id": (await desk.ticket(number)).id}
    await desk.db.write(lambda tx: tx.update(tables.reply_address, key, address="Alice@acme.test"))

    await desk.mail("alice@acme.test", "(no subject)", reply_tokens=(token,))

    assert (await desk.ticket(number)).trust == "token"


@pytest.mark.parametrize("place", [0, 13, 25])
async def test_one_flipped_character_of_the_address_threads_nothing(desk, place):
    number = await desk.qualified()
    token = await desk.token(number, "alice@acme.test")
    wrong = token[:place] + ("b" if token[place] == "a" else "a") + token[place + 1 :]

    done = await desk.mail("alice@acme.test", reply_tokens=(wrong,))

    assert done.outcome == "ticket"
    assert done.number != number


@pytest.mark.parametrize("link", ["own_refs", "in_reply_to", "references", "ticket_numbers"])
async def test_the_requester_continues_their_ticket_by_every_link(desk, link):
    first = await desk.mail("alice@acme.test", message_id="first@acme.test")
    links = {
        "own_refs": await desk.ref(first.number),
        "in_reply_to": "first@acme.test",
        "references": "first@acme.test",
        "ticket_numbers": first.number,
    }

    done = await desk.mail("alice@acme.test", **{link: (links[link],)})

    assert (done.outcome, done.number) == ("attached", first.number)


@pytest.mark.parametrize("authentication", [Authentication(), PASSED])
@pytest.mark.parametrize("link", ["reply_tokens", "own_refs", "in_reply_to"])
async def test_a_stranger_with_a_key_of_the_conversation_is_held_never_joined(desk, link, authentication):
    first = await desk.mail("alice@acme.test", message_id="first@acme.test")
    links = {
        "reply_tokens": await desk.token(first.number, "alice@acme.test"),
        "own_refs": await desk.ref(first.number),
        "in_reply_to": "first@acme.test",
    }

    done = await desk.mail(
        "eve@evil.test",
        cc=(Address("mallory@evil.test"),),
        authentication=authentication,
        **{link: (links[link],)},
    )

    if link == "in_reply_to":  # ids of a customer's own mails are looked up for that customer only
        assert done.outcome == "ticket"
        assert done.number != first.number
    else:
        assert (done.outcome, done.reason) == ("held", "third_party")
        assert done.number == first.number, "beside the ticket"
    assert await texts(desk, first.number) == [("alice@acme.test", "Non va niente.")]
    people = {row.address for row in await desk.rows(tables.participant, first.number)}
    assert people == {"alice@acme.test"}
    assert [row.address for row in await desk.deliveries(first.number)] == ["alice@acme.test"]


async def test_a_number_in_the_subject_is_no_right_of_a_stranger(desk):
    number = await desk.qualified()
    before = await desk.ticket(number)

    done = await desk.mail("eve@evil.test", f"Re: [#{number}]", ticket_numbers=(number,))

    assert done.outcome == "ticket"
    assert done.number != number
    assert await desk.ticket(number) == before
    assert (await desk.inbound()).detail["suggestions"] == [number]


@pytest.mark.parametrize("sender", ["alice@acme.test", "eve@evil.test"])
async def test_a_number_written_by_hand_is_a_suggestion_on_the_new_ticket_whoever_wrote_it(desk, sender):
    number = await desk.qualified()

    done = await desk.mail(sender, f"Ticket {number} still fails", named_numbers=(number, "26-099999"))

    assert done.outcome == "ticket"
    assert done.number != number
    opened = await desk.db.read(page.ticket, await desk.who("tom"), done.number, now=desk.now)
    assert opened.suggestions == (number,)


async def test_a_number_that_nobody_has_means_nothing(desk):
    assert (await desk.mail("alice@acme.test", ticket_numbers=("26-999999",))).reason == "no_thread"


async def test_a_contact_of_another_customer_who_names_our_mail_opens_their_own_ticket(desk):
    number = await desk.qualified("alice@acme.test")

    done = await desk.mail("gina@gamma.test", own_refs=(await desk.ref(number),))

    assert done.outcome == "ticket"
    assert (await desk.ticket(done.number)).customer == "GAMMA"
    assert (await desk.inbound()).detail["suggestions"] == []
    assert "held" not in (await desk.ticket(number)).flags


# --- Colleagues ---


async def test_a_colleague_in_copy_answers_as_himself_and_takes_part_from_then_on(desk):
    first = await desk.mail(
        "alice@acme.test", message_id="m1@acme.test", cc=(Address("aldo@acme.test", "Aldo"),)
    )
    aldo = await desk.who("aldo")
    with pytest.raises(NotFound):
        await desk.db.read(page.ticket, aldo, first.number, now=desk.now)

    done = await desk.mail(
        "aldo@acme.test", text="Anche da me.", in_reply_to=("m1@acme.test",), authentication=PASSED
    )

    assert (done.outcome, done.number) == ("attached", first.number)
    shown = await desk.db.read(page.ticket, aldo, first.number, now=desk.now)
    said = {
        one.text: (one.author_address, one.author_is_requester)
        for one in shown.messages
        if one.direction == "in"
    }
    assert said["Anche da me."] == ("aldo@acme.test", False)
    assert {row.address: row.role for row in await desk.rows(tables.participant, first.number)} == {
        "alice@acme.test": "requester",
        "aldo@acme.test": "participant",
    }


async def test_a_colleague_whose_mail_proves_nothing_is_held(desk):
    first = await desk.mail("alice@acme.test", message_id="m1@acme.test")

    done = await desk.mail("aldo@acme.test", in_reply_to=("m1@acme.test",))

    assert (done.outcome, done.reason) == ("held", "third_party")
    assert len(await texts(desk, first.number)) == 1


async def test_a_colleague_nobody_knows_joins_once_the_companys_domain_vouches_for_them(desk):
    first = await desk.mail("alice@acme.test", message_id="m1@acme.test", cc=(Address("new@acme.test"),))

    unproved = await desk.mail("new@acme.test", own_refs=(await desk.ref(first.number),))
    proved = await desk.mail("new@acme.test", own_refs=(await desk.ref(first.number),), authentication=PASSED)

    assert (unproved.outcome, proved.outcome) == ("held", "attached")
    people = {row.address: row.role for row in await desk.rows(tables.participant, first.number)}
    assert people["new@acme.test"] == "participant", "in copy before, confirmed now"


async def test_who_was_not_in_copy_is_heard_and_not_written_to(desk):
    first = await desk.mail("alice@acme.test")

    done = await desk.mail("new@acme.test", own_refs=(await desk.ref(first.number),), authentication=PASSED)

    assert done.outcome == "attached"
    people = {row.address: row.role for row in await desk.rows(tables.participant, first.number)}
    assert people == {"alice@acme.test": "requester", "new@acme.test": "visitor"}


# --- Roots, forwards, names that are proof of nothing ---


@pytest.mark.parametrize("authentication", [Authentication(), PASSED])
async def test_two_answers_to_a_mail_we_never_saw_meet_in_one_ticket(desk, authentication):
    first = await desk.mail(
        "alice@acme.test", references=("root@elsewhere.test",), authentication=authentication
    )
    second = await desk.mail(
        "alice@acme.test",
        in_reply_to=("root@elsewhere.test",),
        authentication=authentication,
    )

    assert (second.outcome, second.number) == ("attached", first.number)


MIXED, LOWER = "Ab.1@AM0PR04.Mail.ACME.test", "Ab.1@am0pr04.mail.acme.test"


@pytest.mark.parametrize(("came", "named"), [(MIXED, LOWER), (LOWER, MIXED), (MIXED, MIXED)])
@pytest.mark.parametrize("link", ["in_reply_to", "references"])
async def test_an_id_is_known_again_whatever_became_of_the_capitals_of_its_domain(desk, came, named, link):
    first = await desk.mail("alice@acme.test", message_id=came)

    done = await desk.mail("alice@acme.test", **{link: (named,)})

    assert (done.outcome, done.reason, done.number) == ("attached", "known_id", first.number)


@pytest.mark.parametrize(("first", "second"), [(MIXED, LOWER), (LOWER, MIXED)])
async def test_two_answers_to_a_mail_we_never_saw_meet_whatever_the_capitals_of_its_domain(
    desk, first, second
):
    one = await desk.mail("alice@acme.test", references=(first,))
    two = await desk.mail("alice@acme.test", in_reply_to=(second,))

    assert (two.outcome, two.number) == ("attached", one.number)


async def test_capitals_before_the_domain_make_another_id(desk):
    await desk.mail("alice@acme.test", message_id=MIXED)

    done = await desk.mail("alice@acme.test", in_reply_to=(MIXED.lower(),))

    assert done.outcome == "ticket"


@pytest.mark.parametrize("named", [MIXED, LOWER])
@pytest.mark.parametrize(
    ("author", "outcome"),
    [("eve@evil.test", "ticket"), ("bob@beta.test", "ticket"), ("aldo@acme.test", "held")],
)
async def test_nobody_gets_in_by_an_id_with_other_capitals_who_would_not_by_the_id_itself(
    desk, named, author, outcome
):
    first = await desk.mail("alice@acme.test", message_id=MIXED)

    done = await desk.mail(author, in_reply_to=(named,))

    assert done.outcome == outcome
    assert first.number != done.number or outcome == "held"
    assert len(await texts(desk, first.number)) == 1


async def test_an_id_that_was_kept_as_it_is_written_is_found_by_that(desk):
    first = await desk.mail("alice@acme.test", message_id=MIXED)
    as_before = {"ref": message_id_key(MIXED), "ticket_id": (await desk.ticket(first.number)).id}
    await desk.db.write(lambda tx: tx.update(tables.thread_ref, as_before, ref=short_hash(MIXED)))
    ghost = await desk.mail("eve@evil.test", "Anderes", references=(MIXED,))

    done = await desk.mail("alice@acme.test", in_reply_to=(MIXED,))

    assert ghost.number != first.number
    assert (done.outcome, done.number) == ("attached", first.number)


async def test_two_colleagues_who_answer_a_mail_we_never_saw_meet_once_their_domain_vouches(desk):
    first = await desk.mail("alice@acme.test", references=("root@acme.test",), authentication=PASSED)
    second = await desk.mail("aldo@acme.test", references=("root@acme.test",), authentication=PASSED)

    assert (second.outcome, second.number) == ("attached", first.number)


async def test_a_forward_of_our_mail_to_the_desk_is_a_new_ticket_that_names_the_old_one(desk):
    number = await desk.qualified()

    done = await desk.mail(
        "alice@acme.test", "FW: Rete ferma", forward=True, own_refs=(await desk.ref(number),)
    )

    assert (done.outcome, done.reason) == ("ticket", "forward")
    assert done.number != number
    assert (await desk.inbound()).detail["suggestions"] == [number]


async def test_of_two_tickets_named_one_gets_the_mail_and_the_other_is_noted(desk):
    one, two = await desk.qualified(), await desk.qualified()

    done = await desk.mail(
        "alice@acme.test", own_refs=(await desk.ref(two),), ticket_numbers=(one,), authentication=PASSED
    )

    assert done.number == two
    detail = (await desk.inbound()).detail
    assert detail["links"] == [one]
    assert [(c["number"], c["taken"]) for c in detail["considered"]] == [(two, True), (one, False)]


async def test_an_answer_to_a_merged_ticket_follows_the_signposts_even_in_a_circle(desk):
    one, two = await desk.qualified(), await desk.qualified()
    ref = await desk.ref(one)

    def merge(tx, circle):
        ids = {row.number: row.id for row in tx.all(tables.ticket.select())}
        tx.update(tables.ticket, {"number": one}, merged_into=ids[two], state="merged", open=False)
        if circle:
            tx.update(tables.ticket, {"number": two}, merged_into=ids[one])

    await desk.db.write(merge, False)  # noqa: FBT003
    straight = await desk.mail("alice@acme.test", own_refs=(ref,), authentication=PASSED)
    await desk.db.write(merge, True)  # noqa: FBT003
    circle = await desk.mail("alice@acme.test", own_refs=(ref,), authentication=PASSED)

    assert straight.number == two
    assert circle.outcome in ("attached", "ticket")


async def test_a_mail_that_its_domain_disowns_is_held_and_answered_by_nobody(desk):
    number = await desk.qualified()
    token = await desk.token(number, "alice@acme.test")
    told = len(await desk.rows(tables.delivery))

    alone = await desk.mail("alice@acme.test", authentication=DISOWNED)
    beside = await desk.mail("alice@acme.test", reply_tokens=(token,), authentication=DISOWNED)

    assert (alone.outcome, alone.reason, alone.number) == ("held", "authentication_failed", None)
    assert (beside.outcome, beside.reason, beside.number) == ("held", "authentication_failed", number)
    assert len(await desk.rows(tables.delivery)) == told


async def test_an_agents_name_in_a_mail_is_never_an_agents_act(desk):
    number = await desk.taken()
    before = await desk.ticket(number)
    token = await desk.token(number, "alice@acme.test")

    held = await desk.mail(
        "ann@hub.test", text="Close it.", reply_tokens=(token,), own_refs=(await desk.ref(number),)
    )
    opened = await desk.mail("ann@hub.test", f"[#{number}] close", ticket_numbers=(number,))

    after = await desk.ticket(number)
    assert (held.outcome, held.reason) == ("held", "third_party")
    assert (after.state, after.assignee, after.snippet) == (before.state, before.assignee, before.snippet)
    assert opened.number != number
    ann = await desk.who("ann")
    for row in await desk.rows(tables.event, opened.number):
        assert row.actor != ann.actor, row.kind
    assert all(row.agent is None for row in await desk.rows(tables.message, opened.number))


async def test_an_expired_reply_address_threads_nothing(desk):
    number = await desk.closed()
    token = await desk.token(number, "alice@acme.test")

    desk.passes(days=89)
    within = await desk.mail("alice@acme.test", reply_tokens=(token,))
    desk.passes(days=2)
    after = await desk.mail("alice@acme.test", reply_tokens=(token,))

    assert (await desk.ticket(within.number)).follow_up_of == (await desk.ticket(number)).id
    assert (await desk.ticket(after.number)).follow_up_of is None


async def test_a_ticket_that_is_opened_again_keeps_its_reply_addresses(desk):
    number = await desk.closed()
    await desk.do(resolution.reopen, await desk.who("lea"), number, reason="not solved")
    desk.passes(days=120)

    done = await desk.mail("alice@acme.test", reply_tokens=(await desk.token(number, "alice@acme.test"),))

    assert (done.outcome, done.number) == ("attached", number)


# --- What a customer's message does to a ticket ---


async def test_an_answer_ends_the_wait_at_the_instant_it_came(desk):
    number = await desk.taken()
    await desk.do(tickets.wait, await desk.who("ann"), number, "Quale switch?")
    desk.passes(hours=3)
    inbound_id = await desk.arrive("alice@acme.test")
    came = desk.now
    desk.passes(hours=1)  # the hub was down

    await desk.understand(inbound_id, "alice@acme.test", own_refs=(await desk.ref(number),))

    ticket = await desk.ticket(number)
    resolve = (await desk.clocks(number))["resolve"]
    assert (ticket.state, ticket.last_direction) == ("in_progress", "in")
    assert (resolve.state, resolve.paused_s) == ("running", 3 * 3600)
    (resumed,) = [row for row in await desk.events(number, "clock.resume") if row.data["clock"] == "resolve"]
    assert (resumed.at, resumed.recorded_at) == (came, desk.now)


async def test_an_answer_to_a_solved_ticket_opens_it_again_and_the_customer_is_told(desk):
    number = await desk.resolved()
    desk.passes(hours=5)

    done = await desk.mail("alice@acme.test", text="Ancora fermo.", own_refs=(await desk.ref(number),))

    ticket = await desk.ticket(number)
    assert (done.outcome, ticket.state, ticket.resolved_at) == ("attached", "in_progress", None)
    assert "reopened" in ticket.flags
    assert (await desk.events(number, "ticket.reopen"))[0].data["reason"] == "customer_message"
    assert "riaperta" in (await desk.outward(number))[-1].text
    assert await desk.rows(tables.job, kind="auto-close") == []
    clock = (await desk.clocks(number))["resolve"]
    assert (clock.state, clock.paused_s) == ("running", 5 * 3600)


async def test_an_answer_to_a_closed_ticket_is_a_new_one_that_continues_it(desk):
    number = await desk.closed()

    done = await desk.mail("alice@acme.test", own_refs=(await desk.ref(number),), authentication=PASSED)

    new = await desk.ticket(done.number)
    assert (done.outcome, done.reason) == ("ticket", "own_id_of_ended")
    assert new.follow_up_of == (await desk.ticket(number)).id
    assert (await desk.ticket(number)).state == "closed"


async def test_mail_opens_a_solved_ticket_so_often_and_then_staff_look_first(desk):
    number = await desk.resolved()
    ann = await desk.who("ann")
    for _ in range(3):
        ref = await desk.ref(number)
        assert (await desk.mail("alice@acme.test", own_refs=(ref,))).outcome == "attached"
        await desk.do(resolution.resolve, ann, number, **SOLUTION)
        desk.passes(minutes=20)

    done = await desk.mail("alice@acme.test", own_refs=(await desk.ref(number),))

    assert (done.outcome, done.reason) == ("held", "reopened_too_often")
    assert (await desk.ticket(number)).state == "resolved"


async def test_where_staff_answer_in_between_a_solved_ticket_is_opened_as_often_as_the_customer_says(desk):
    number = await desk.resolved()
    ann = await desk.who("ann")
    for _ in range(5):
        done = await desk.mail("alice@acme.test", own_refs=(await desk.ref(number),))
        assert done.outcome == "attached"
        await desk.do(tickets.reply, ann, number, "Guardo di nuovo.")
        await desk.do(resolution.resolve, ann, number, **SOLUTION)
        desk.passes(minutes=40)


async def test_a_mail_by_a_person_with_two_customers_waits_for_staff_to_say_for_which(db):
    from tests.desk_at_work import CONFIGURED

    twice = CONFIGURED.replace(
        'name = "Gina"\n  email = "gina@gamma.test"', 'name = "Alice"\n  email = "alice@acme.test"'
    )
    desk = await at_work(db, twice)

    done = await desk.mail("alice@acme.test", authentication=PASSED)

    ticket = await desk.ticket(done.number)
    (check,) = await desk.rows(tables.entitlement_check, done.number)
    assert (ticket.customer, ticket.contact, ticket.verdict) == (None, None, "unknown_customer")
    assert check.evidence["inputs"]["candidates"] == ["ACME", "GAMMA"]
    assert ticket.state == "triage"


async def test_an_address_in_a_customers_domain_is_that_customers_but_unverified(desk):
    done = await desk.mail("new@acme.test", authentication=PASSED)

    ticket = await desk.ticket(done.number)
    assert (ticket.customer, ticket.contact) == ("ACME", None)
    assert (ticket.verdict, ticket.decision) == ("insufficient_trust", "accept_unverified")
    (check,) = await desk.rows(tables.entitlement_check, done.number)
    assert (check.would_be, check.evidence["reasons"][0]["code"]) == ("covered", "known_by_domain_only")


async def test_an_author_who_cannot_be_relied_on_is_no_customers_for_a_domain(desk):
    done = await desk.mail("new@acme.test", author_defects=("letters of several alphabets in the address",))

    ticket = await desk.ticket(done.number)
    assert (ticket.customer, ticket.contact, ticket.verdict) == (None, None, "unknown_customer")


async def test_a_contact_named_by_a_channel_that_is_not_there_is_nobody(desk):
    from core.desk import authors

    found = await desk.db.read(authors.find, a_mail("alice@acme.test", contact="nobody"))

    assert (found.kind, found.display, found.actor) == ("nobody", "?", "address")


async def test_a_mail_for_a_ticket_that_is_deleted_is_a_new_request(desk):
    number = await desk.qualified()
    ref = await desk.ref(number)
    await desk.db.write(lambda tx: tx.run(tables.ticket.delete().where(tables.ticket.c.number == number)))

    done = await desk.mail("alice@acme.test", own_refs=(ref,))

    assert (done.outcome, done.reason) == ("ticket", "no_thread")


async def test_a_mail_of_nobody_with_a_key_is_held(desk):
    number = await desk.qualified()
    said = a_mail("", reply_tokens=(await desk.token(number, "alice@acme.test"),))

    done = await desk.db.write(intake.understand, await desk.arrive(""), said, now=desk.now)

    assert (done.outcome, done.reason, done.number) == ("held", "third_party", number)


async def test_a_ticket_that_ends_while_a_mail_waits_for_it_is_continued_by_a_new_one(desk):
    number = await desk.resolved()
    ann, ref = await desk.who("ann"), await desk.ref(number)
    inbound_id = await desk.arrive("alice@acme.test")

    def at_once(tx):
        row = tx.one(tables.inbound.select().where(tables.inbound.c.id == inbound_id))
        judged = intake._judge(tx, row, a_mail("alice@acme.test", own_refs=(ref,)), now=desk.now)
        resolution.close(tx, ann, number, now=desk.now)
        return intake._place(tx, judged, now=desk.now)

    done = await desk.db.write(at_once)

    assert (done.outcome, done.number != number) == ("ticket", True)
    assert (await desk.ticket(done.number)).follow_up_of == (await desk.ticket(number)).id


async def test_staff_may_take_a_held_message_into_a_ticket_that_ended_meanwhile(desk):
    number = await desk.taken()
    await desk.mail("eve@evil.test", own_refs=(await desk.ref(number),))
    item = desk.last
    await desk.do(resolution.cancel, await desk.who("ann"), number, reason="x")

    await desk.do(waiting.release, await desk.who("tom"), item, as_="message")

    assert (await desk.understand(item, "eve@evil.test")).number == number
    assert (await desk.ticket(number)).state == "cancelled"


async def test_a_message_that_came_before_we_asked_and_is_read_after_ends_the_wait_all_the_same(desk):
    number = await desk.taken()
    inbound_id = await desk.arrive("alice@acme.test")
    desk.passes(minutes=5)
    await desk.do(tickets.wait, await desk.who("ann"), number, "Quale switch?")
    desk.passes(minutes=5)

    await desk.understand(inbound_id, "alice@acme.test", own_refs=(await desk.ref(number),))

    clock = (await desk.clocks(number))["resolve"]
    assert (await desk.ticket(number)).state == "in_progress"
    assert (clock.state, clock.paused_s) == ("running", 0)


@pytest.mark.parametrize(
    ("subject", "flagged"),
    [
        ("Re: Rete ferma", False),
        ("R: [#26-000001-k7] rete FERMA di nuovo", False),
        ("Re: la rete", False),
        ("", False),
        ("Re: 123", False),
        ("Nuova stampante in ufficio", True),
    ],
)
async def test_an_answer_under_quite_another_subject_is_kept_and_says_so(desk, subject, flagged):
    number = await desk.qualified()

    done = await desk.mail("alice@acme.test", subject, own_refs=(await desk.ref(number),))

    kept = (await desk.rows(tables.message, number, direction="in"))[-1]
    assert done.number == number
    assert kept.notes == (["the subject is another than the ticket's"] if flagged else [])


async def test_only_people_of_the_conversation_bring_others_into_copy(desk):
    number = await desk.qualified()
    ref = await desk.ref(number)
    await desk.mail("eve@evil.test", cc=(Address("mallory@evil.test"),), own_refs=(ref,))
    item = desk.last
    await desk.do(waiting.release, await desk.who("tom"), item, as_="message")
    await desk.understand(item, "eve@evil.test", cc=(Address("mallory@evil.test"),), own_refs=(ref,))
    await desk.mail("alice@acme.test", cc=(Address("carl@elsewhere.test"),), own_refs=(ref,))

    people = {row.address: row.role for row in await desk.rows(tables.participant, number)}
    assert people == {
        "alice@acme.test": "requester",
        "eve@evil.test": "visitor",
        "carl@elsewhere.test": "cc",
    }


@pytest.mark.parametrize("key", ["reply_tokens", "own_refs", "in_reply_to", "ticket_numbers"])
async def test_whoever_writes_again_to_an_ended_request_goes_on_with_what_the_first_mail_opened(desk, key):
    number = await desk.closed(message_id="m1@client.test", authentication=PASSED)
    await desk.mail("aldo@acme.test")  # something else meanwhile
    keys = {
        "reply_tokens": await desk.token(number, "alice@acme.test"),
        "own_refs": await desk.ref(number, address="alice@acme.test"),
        "in_reply_to": "m1@client.test",
        "ticket_numbers": number,
    }
    again = {key: (keys[key],), "authentication": PASSED}

    first = await desk.mail("alice@acme.test", text="Di nuovo.", **again)
    desk.passes(minutes=2)
    second = await desk.mail("alice@acme.test", text="Una foto.", **again)
    other = await desk.mail("aldo@acme.test", text="Anche a me.", **again)

    assert (first.outcome, (await desk.ticket(first.number)).follow_up_of) == (
        "ticket",
        (await desk.ticket(number)).id,
    )
    assert (second.outcome, second.number) == ("attached", first.number)
    assert (await desk.ticket(number)).state == "closed"
    # A colleague whom the domain vouches for belongs where the id itself is known, and has no part in what it only leads to.
    assert (other.number == first.number) is (key == "in_reply_to")
    assert await desk.rows(tables.ticket_link, first.number) == []

    await desk.do(resolution.cancel, await desk.who("lea"), first.number, reason="A test.")
    third = await desk.mail("alice@acme.test", text="Ancora.", **again)
    fourth = await desk.mail("alice@acme.test", text="E ancora.", **again)
    assert (third.outcome, fourth.outcome, fourth.number) == ("ticket", "attached", third.number)
