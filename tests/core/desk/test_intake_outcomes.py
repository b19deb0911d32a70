"""Everything that arrives is stored first, is understood once, and ends in exactly one outcome that staff can see."""

from __future__ import annotations

from datetime import datetime

import pytest

from core.desk import books, door, intake, joining, page, resolution, waiting
from core.envelope import Address, Arrival, Attachment, Authentication, Hints, Span, SpanKind
from core.store import blobs, tables
from tests.desk_at_work import MONDAY, PASSED, AtWork, a_mail, at_work


@pytest.fixture
async def desk(db) -> AtWork:
    return await at_work(db)


def an_arrival(**given) -> Arrival:
    return Arrival(
        **({"channel": "email", "raw": b"From: a@b.test\r\n\r\nhi", "received_at": MONDAY} | given)
    )


# --- At the door ---


async def test_bytes_are_kept_as_they_came_before_anybody_reads_them(desk):
    raw = b"\xff\x00 not a mail at all"
    inbound_id = await desk.db.write(door.accept, an_arrival(raw=raw), now=MONDAY)

    row = await desk.inbound(inbound_id)
    assert (row.outcome, row.size, row.copies) == (None, len(raw), 1)
    assert await desk.db.read(blobs.get, row.raw) == raw
    assert [job.kind for job in await desk.rows(tables.job, kind="understand")] == ["understand"]


async def test_the_same_id_of_a_channel_is_one_arrival_however_often_it_is_handed_in(desk):
    first = await desk.db.write(door.accept, an_arrival(external_id="INBOX/1/7"), now=MONDAY)
    again = await desk.db.write(
        door.accept, an_arrival(external_id="INBOX/1/7", raw=b"other bytes"), now=desk.passes(days=1)
    )
    other = await desk.db.write(door.accept, an_arrival(external_id="INBOX/1/8"), now=MONDAY)

    assert first == again != other
    assert (await desk.inbound(first)).copies == 2
    assert len(await desk.rows(tables.job, kind="understand")) == 2


async def test_without_an_id_the_same_bytes_for_the_same_people_are_one_arrival(desk):
    to = ("support@desk.test", "help@desk.test")
    first = await desk.db.write(door.accept, an_arrival(recipients=to), now=MONDAY)
    again = await desk.db.write(door.accept, an_arrival(recipients=to[::-1]), now=MONDAY)
    elsewhere = await desk.db.write(door.accept, an_arrival(recipients=to[:1]), now=MONDAY)
    otherwise = await desk.db.write(door.accept, an_arrival(recipients=to, channel="console"), now=MONDAY)

    assert first == again
    assert len({first, elsewhere, otherwise}) == 3


async def test_mails_of_one_author_are_understood_in_their_order_and_nobody_elses_waits_for_them(desk):
    for n, sender in enumerate(("ann@cust.test", "ann@cust.test", "bob@beta.test")):
        box = {"external_id": f"box/1/{n}", "sender": sender, "envelope": {"protocol": "IMAP"}}
        await desk.db.write(door.accept, an_arrival(raw=b"%d" % n, **box), now=MONDAY)

    jobs = sorted(await desk.rows(tables.job, kind="understand"), key=lambda one: one.id)
    first, second, other = (one.name for one in jobs)
    assert first == second != other


async def test_an_instant_without_a_zone_is_refused(desk):
    with pytest.raises(ValueError, match="zone"):
        await desk.db.write(door.accept, an_arrival(received_at=datetime(2026, 3, 2, 9)), now=MONDAY)  # noqa: DTZ001


async def test_a_reader_is_given_what_is_stored_and_only_what_is_not_understood_yet(desk):
    done = (await desk.mail("alice@acme.test"),)[0]
    waiting = await desk.arrive("bob@beta.test", external_id="7", envelope={"peer": "192.0.2.1"})
    row = (await desk.rows(tables.inbound, outcome="ticket"))[0]

    found = await desk.db.read(door.load, [row.id, waiting, "nothing"])

    assert done.outcome == "ticket"
    assert list(found) == [waiting]
    assert found[waiting].arrival["external_id"] == "7"
    assert found[waiting].arrival["envelope"] == {"peer": "192.0.2.1"}


# --- Understood once ---


async def test_a_mail_of_a_known_contact_becomes_their_ticket_and_is_acknowledged(desk):
    done = await desk.mail("Alice@ACME.test", "Rete ferma", authentication=PASSED)

    ticket = await desk.ticket(done.number)
    assert (done.outcome, done.number) == ("ticket", "26-000001")
    assert (ticket.customer, ticket.requester_address, ticket.trust) == ("ACME", "alice@acme.test", "aligned")
    assert ticket.state == "triage"
    (told,) = await desk.outward(done.number)
    assert "26-000001" in told.text
    assert [row.address for row in await desk.deliveries(done.number)] == ["alice@acme.test"]


async def test_to_understand_again_changes_nothing_and_gives_the_same_answer(desk):
    inbound_id = await desk.arrive("alice@acme.test")
    first = await desk.understand(inbound_id, "alice@acme.test")
    again = await desk.understand(inbound_id, "alice@acme.test", "Quite another reading")

    assert again == first
    assert len(await desk.rows(tables.ticket)) == 1
    assert len(await desk.rows(tables.message, first.number)) == 2


async def test_numbers_count_up_within_the_year_of_the_hubs_zone(desk):
    desk.now = datetime.fromisoformat("2026-12-31T22:59:00+00:00")
    last = await desk.mail("alice@acme.test")
    desk.passes(minutes=2)  # in Rome it is the first of January
    first = await desk.mail("aldo@acme.test")

    assert (last.number, first.number) == ("26-000001", "27-000001")


async def test_the_same_mail_by_two_ways_is_one_ticket_and_the_second_points_to_the_first(desk):
    first = await desk.mail("alice@acme.test", content_key="one and the same")
    again = await desk.mail("alice@acme.test", content_key="one and the same")

    row = (await desk.rows(tables.inbound, outcome="duplicate"))[0]
    origin = (await desk.rows(tables.inbound, outcome="ticket"))[0]
    assert (first.outcome, again.outcome, again.reason) == ("ticket", "duplicate", "same_content")
    assert row.detail["first"] == origin.id
    assert len(await desk.rows(tables.ticket)) == 1


async def test_a_mail_that_was_kept_by_a_key_of_old_is_still_the_same_mail(desk):
    await desk.mail("alice@acme.test", content_key="of old")
    (kept,) = await desk.rows(tables.content_key)

    again = [
        await desk.mail("alice@acme.test", content_key="of now", content_key_of_old=kept.key)
        for _ in range(2)
    ]

    assert [(one.outcome, one.reason) for one in again] == [("duplicate", "same_content")] * 2
    desk.passes(days=8)  # not the same any more
    later = [
        await desk.mail("alice@acme.test", content_key="of now", content_key_of_old=kept.key) for _ in "12"
    ]
    assert [one.outcome for one in later] == ["ticket", "duplicate"]


@pytest.mark.parametrize(
    ("first", "second"), [("Ab@ACME.test", "Ab@acme.test"), ("Ab@acme.test", "Ab@ACME.test")]
)
async def test_a_mail_through_a_list_that_changed_the_capitals_of_its_domain_joins_the_first(
    desk, first, second
):
    one = await desk.mail("alice@acme.test", text="One.", message_id=first)

    done = await desk.mail(
        "alice@acme.test", "[it-all] Rete ferma", text="One.  A footer.", message_id=second
    )

    assert (done.outcome, done.reason, done.number) == ("attached", "same_id", one.number)


async def test_a_message_that_comes_by_another_way_too_changes_no_state(desk):
    number = await desk.resolved(message_id="same@client.test")

    again = await desk.mail("alice@acme.test", text="One, and a footer.", message_id="same@client.test")

    assert (again.outcome, again.reason, again.number) == ("attached", "same_id", number)
    assert (await desk.ticket(number)).state == "resolved"


async def test_nobody_gets_into_a_conversation_by_the_id_of_its_first_mail(desk):
    await desk.mail("alice@acme.test", message_id="same@client.test")

    assert (await desk.mail("eve@evil.test", message_id="same@client.test")).outcome == "held"
    assert (await desk.mail("bob@beta.test", message_id="same@client.test")).outcome == "ticket"


COPIED = {"message_id": "same@client.test", "authentication": PASSED}
"""Of a mail and of its copies: the words are the same but for what a copy adds."""


@pytest.mark.parametrize(
    "more",
    [
        {"text": "Non va niente.\nSend the new password to eve@evil.test."},
        {"attachments": (Attachment(name="x.pdf", type="application/pdf", content=b"x"),)},
        {"html": "<p>Send it to eve@evil.test</p>"},
        {"authentication": Authentication()},  # nothing new, and nobody who answers for it
    ],
)
@pytest.mark.parametrize("named", ["cc", "reply_to", "original_sender"])
async def test_nobody_gets_into_a_conversation_by_repeating_its_first_mail_with_words_of_their_own(
    desk, more, named
):
    alice = Address("alice@acme.test")
    number = (await desk.mail(alice.address, **COPIED)).number
    people = {named: (alice,) if named == "cc" else alice}

    done = await desk.mail("eve@evil.test", **COPIED | people | more)

    assert (done.outcome, done.reason, done.number) == ("held", "third_party", number)
    assert len(await desk.rows(tables.message, number, direction="in")) == 1


async def test_a_list_with_a_proof_brings_the_same_words_again_in_its_own_name(desk):
    html = {"html": "<p>Non va niente.</p>", "attachments": (Attachment(name="a", type="b/c", content=b"x"),)}
    number = (await desk.mail("alice@acme.test", **COPIED | html)).number

    done = await desk.mail(
        "staff@lists.elsewhere.test", "[staff] Rete ferma", cc=(Address("alice@acme.test"),), **COPIED | html
    )

    assert (done.outcome, done.reason, done.number) == ("attached", "same_id", number)


async def test_an_unknown_author_adds_to_their_mail_under_its_id_only_as_well_proved_as_before(desk):
    first = await desk.mail("new@elsewhere.test", **COPIED)
    unproved = COPIED | {"authentication": Authentication()}

    proved = await desk.mail("new@elsewhere.test", text="Non va niente.  Footer.", **COPIED)
    unproved = await desk.mail("new@elsewhere.test", text="Non va niente.  Another.", **unproved)

    assert (proved.outcome, proved.number) == ("attached", first.number)
    assert (unproved.outcome, unproved.number != first.number) == ("ticket", True)


@pytest.mark.parametrize(
    ("hours", "ended", "outcome"),
    [(2, False, "duplicate"), (2, True, "ticket"), (25, False, "ticket"), (720, True, "ticket")],
)
async def test_an_alarm_without_an_id_counts_on_the_first_while_that_is_open_and_a_day_at_most(
    desk, hours, ended, outcome
):
    alarm = {"content_key": "the same words", "identified": False, "message_id": "made@no-message-id.invalid"}
    number = (await desk.mail("alice@acme.test", **alarm)).number
    if ended:
        await desk.do(resolution.cancel, await desk.who("lea"), number, reason="A test.")
    desk.passes(hours=hours)

    assert (await desk.mail("alice@acme.test", **alarm)).outcome == outcome


async def test_bytes_that_come_again_are_one_arrival_for_a_day_and_while_its_ticket_is_open(desk):
    async def comes() -> str:
        return await desk.arrive("alice@acme.test", raw=b"the very same bytes")

    first = await comes()
    desk.passes(hours=23)
    assert await comes() == first
    assert (await desk.inbound(first)).copies == 2
    number = (await desk.understand(first, "alice@acme.test")).number
    await desk.do(resolution.cancel, await desk.who("lea"), number, reason="A test.")
    second = await comes()
    assert second != first
    assert await comes() == second
    desk.passes(hours=2)
    assert await comes() == second
    desk.passes(days=2)
    assert await comes() not in (first, second)


@pytest.mark.parametrize(
    ("subject", "passed", "outcome"),
    [
        ("[it-all] Rete ferma", 1, "attached"),  # through a list, with its footer
        ("Rete ferma", 31, "ticket"),  # a program that has one id for all its mails, weeks later
        ("Altro guasto", 0, "ticket"),  # or at once
    ],
)
async def test_two_mails_under_one_id_are_both_kept_and_the_second_says_so(desk, subject, passed, outcome):
    await desk.mail("alice@acme.test", text="One.", message_id="same@client.test")
    desk.passes(days=passed)
    second = await desk.mail("alice@acme.test", subject, text="Two.", message_id="same@client.test")

    assert second.outcome == outcome
    texts = [(row.text, row.notes) for row in await desk.rows(tables.message, direction="in")]
    assert sorted(texts) == [("One.", []), ("Two.", ["another message came with the same id before"])]


async def test_a_mail_without_any_usable_author_is_a_ticket_that_nobody_is_told_of(desk):
    said = a_mail("", author_text="From: <", author_defects=("empty",))
    done = await desk.db.write(intake.understand, await desk.arrive(""), said, now=desk.now)

    ticket = await desk.ticket(done.number)
    assert (done.outcome, ticket.trust, ticket.customer) == ("ticket", "none", None)
    assert await desk.deliveries(done.number) == []
    assert (await desk.inbound()).detail["acknowledged"] == "no_address"


@pytest.mark.parametrize(
    ("subject", "text", "shown"),
    [
        ("  ", "Il server\nnon parte", "Il server non parte"),
        ("", " ", "alice@acme.test"),
        ("x" * 2000, "", "x" * 1000),
    ],
)
async def test_every_ticket_has_a_subject(desk, subject, text, shown):
    done = await desk.mail("alice@acme.test", subject, text)

    assert (await desk.ticket(done.number)).subject == shown


async def test_files_html_and_folded_text_are_kept_and_the_list_shows_the_visible_words(desk):
    text = "Ecco.\n> vecchio"
    done = await desk.mail(
        "alice@acme.test",
        text=text,
        spans=(Span(0, 6, SpanKind.VISIBLE), Span(6, len(text), SpanKind.QUOTED)),
        html="<p>Ecco.</p>",
        attachments=(Attachment(name="log.txt", type="text/plain", content=b"x"),),
        cc=(Address("carl@elsewhere.test", "Carl"),),
    )

    shown = await desk.db.read(page.ticket, await desk.who("tom"), done.number, now=desk.now)
    assert shown.row.snippet == "Ecco."
    assert (shown.messages[0].text, shown.messages[0].visible_text) == (text, "Ecco.")
    assert (shown.messages[0].has_html, shown.messages[0].files[0].name) == (True, "log.txt")
    people = {person.address: person.role for person in shown.threads[0].participants}
    assert people == {"alice@acme.test": "requester", "carl@elsewhere.test": "cc"}


async def test_what_a_channel_tells_is_kept_with_where_it_came_from_and_what_nobody_knows_is_left_out(desk):
    hints = Hints(
        asset="sw-1", technology="Wizardry", impact=9, urgency=2, site="Verona", provenance="mail_alias"
    )
    done = await desk.mail("alice@acme.test", hints=hints)

    ticket = await desk.ticket(done.number)
    assert (ticket.asset, ticket.site, ticket.urgency, ticket.impact) == ("sw-1", "Verona", 2, None)
    assert ticket.technology == "Network", "of the asset"
    assert ticket.provenance == {
        "asset": "mail_alias",
        "site": "mail_alias",
        "urgency": "mail_alias",
        "technology": "rule",
    }


async def test_a_request_that_arrives_complete_goes_all_the_way_to_its_group(desk):
    hints = Hints(
        request_type="Incident", technology="Network", impact=3, urgency=2, provenance="portal_form"
    )
    alice = await desk.who("alice")
    said = a_mail("alice@acme.test", hints=hints, contact=alice.id)

    done = await desk.db.write(intake.receive, an_arrival(channel="portal"), said, now=desk.now)

    ticket = await desk.ticket(done.number)
    assert (ticket.state, ticket.desk_group, ticket.priority, ticket.trust) == (
        "assigned",
        "Network L1",
        "P3",
        "verified",
    )
    assert {name for name, clock in (await desk.clocks(done.number)).items() if clock.state == "running"} == {
        "response",
        "restore",
        "resolve",
    }


async def test_what_was_received_is_the_sum_of_what_became_of_it(desk):
    number = await desk.qualified()
    await desk.mail("eve@evil.test", reply_tokens=(await desk.token(number, "alice@acme.test"),))
    await desk.mail("alice@acme.test", content_key="twice")
    await desk.mail("alice@acme.test", content_key="twice")
    await desk.mail("alice@acme.test", reply_tokens=(await desk.token(number, "alice@acme.test"),))
    await desk.arrive("bob@beta.test")
    await desk.db.write(door.exception, await desk.arrive("x@y.test"), "broken", now=desk.now)

    found = await desk.db.read(books.verify)

    assert {name: n for name, n in found.outcomes.items() if n} == {
        "ticket": 2,
        "attached": 1,
        "held": 1,
        "duplicate": 1,
        "exception": 1,
    }
    assert (found.received, found.waiting, found.faults) == (7, 1, ())


async def test_a_mail_for_two_customers_reaches_both_and_links_neither(desk):
    ours = await desk.qualified("alice@acme.test")
    theirs = (await desk.mail("gina@gamma.test")).number
    both = (await desk.token(ours, "alice@acme.test"), await desk.token(theirs, "gina@gamma.test"))
    inbound_id = await desk.arrive(
        "alice@acme.test", recipients=tuple(f"support+r-{token}@reply.desk.test" for token in both)
    )

    first = await desk.understand(inbound_id, "alice@acme.test", reply_tokens=both, content_key="both")

    assert (first.outcome, first.number) == ("attached", ours)
    (other,) = await desk.rows(tables.inbound, outcome=None)
    assert other.recipients == [f"support+r-{both[1]}@reply.desk.test"]
    second = await desk.understand(other.id, "alice@acme.test", reply_tokens=both[1:], content_key="both")
    assert (second.outcome, second.reason) == ("held", "third_party")
    assert "held" in (await desk.ticket(theirs)).flags
    assert not (await desk.db.read(books.verify)).faults


async def two_customers(desk) -> tuple[str, str, tuple[str, str]]:
    """Numbers of a request of Alice's and of one of Gina's, and the tokens of where each is answered."""
    ours = await desk.qualified("alice@acme.test")
    theirs = (await desk.mail("gina@gamma.test")).number
    return (
        ours,
        theirs,
        (await desk.token(ours, "alice@acme.test"), await desk.token(theirs, "gina@gamma.test")),
    )


async def test_a_mail_that_comes_to_each_of_two_customers_by_itself_reaches_both(desk):
    ours, theirs, tokens = await two_customers(desk)
    mail = {"content_key": "both", "identified": True}

    first = await desk.mail("alice@acme.test", reply_tokens=tokens[:1], **mail)
    second = await desk.mail("alice@acme.test", reply_tokens=tokens[1:], **mail)
    again = [await desk.mail("alice@acme.test", reply_tokens=(one,), **mail) for one in tokens]

    assert (first.outcome, first.number) == ("attached", ours)
    assert (second.outcome, second.reason) == ("held", "third_party")
    assert "held" in (await desk.ticket(theirs)).flags
    assert [one.outcome for one in again] == ["duplicate"] * 2
    assert (await desk.rows(tables.inbound, outcome="attached"))[0].copies == 2
    assert not (await desk.db.read(books.verify)).faults


async def test_one_copy_in_a_mailbox_that_names_two_customers_reaches_both_and_ties_neither_to_the_other(
    desk,
):
    ours, theirs, tokens = await two_customers(desk)
    mail = {"content_key": "both", "identified": True, "reply_tokens": tokens}
    there = {"recipients": (), "external_id": "INBOX/1/7"}

    first = await desk.understand(await desk.arrive("alice@acme.test", **there), "alice@acme.test", **mail)
    (share,) = await desk.rows(tables.inbound, outcome=None)
    second = await desk.understand(share.id, "alice@acme.test", **mail)
    other = await desk.arrive("alice@acme.test", **there | {"external_id": "INBOX/1/8"})
    again = await desk.understand(other, "alice@acme.test", **mail | {"reply_tokens": tokens[1:]})

    assert (first.outcome, first.number, second.outcome, second.reason) == (
        "attached",
        ours,
        "held",
        "third_party",
    )
    assert (await desk.inbound(share.id)).ticket_id == (await desk.ticket(theirs)).id
    assert again.outcome == "duplicate"
    assert await desk.rows(tables.ticket_link) == []


async def test_what_staff_accept_is_no_copy_of_what_was_held_beside_a_request_that_was_joined_since(desk):
    first, second = [await desk.qualified("alice@acme.test") for _ in "12"]
    held = []
    for number in (first, second):
        token = await desk.token(number, "alice@acme.test")
        mail = {"content_key": "both", "identified": True, "reply_tokens": (token,)}
        held.append(await desk.mail("eve@evil.test", **mail))
        item = desk.last
    assert [(one.outcome, one.reason) for one in held] == [("held", "third_party")] * 2
    await desk.do(joining.merge, await desk.who("lea"), first, into=second)

    await desk.do(waiting.release, await desk.who("tom"), item, as_="message")
    done = await desk.understand(item, "eve@evil.test", **mail)

    assert (done.outcome, done.number) == ("attached", second)


async def test_the_same_mail_again_is_no_second_request_where_its_reply_address_leads_to_an_ended_one(desk):
    number = await desk.closed()
    mail = {"content_key": "same", "identified": True}
    mail["reply_tokens"] = (await desk.token(number, "alice@acme.test"),)

    outcomes = [(await desk.mail("alice@acme.test", **mail)).outcome for _ in "12"]

    desk.passes(days=100)  # the address leads nowhere any more
    late = mail | {"content_key": "later"}
    assert (
        outcomes + [(await desk.mail("alice@acme.test", **late)).outcome for _ in "12"]
        == [
            "ticket",
            "duplicate",
        ]
        * 2
    )


async def test_two_addresses_of_one_customer_or_one_named_in_the_header_only_make_no_second_arrival(desk):
    one, two = await desk.qualified("alice@acme.test"), await desk.qualified("alice@acme.test")
    theirs = (await desk.mail("gina@gamma.test")).number
    tokens = [await desk.token(number, "alice@acme.test") for number in (one, two)]
    before = len(await desk.rows(tables.inbound))

    same = await desk.mail("alice@acme.test", reply_tokens=(*tokens, "a" * 26))
    foreign = await desk.token(theirs, "gina@gamma.test")
    header = await desk.mail("alice@acme.test", reply_tokens=(tokens[1], foreign))

    assert (same.number, header.number) == (one, two)
    assert len(await desk.rows(tables.inbound)) == before + 2
    assert "held" not in (await desk.ticket(theirs)).flags
