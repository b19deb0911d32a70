from __future__ import annotations

from datetime import timedelta

import pytest

from core.desk import page, ratings, requests, resolution, search
from core.desk.errors import Forbidden, Invalid, NotFound, Refused, Stale
from core.envelope import Attachment
from core.store import tables
from tests import rows
from tests.rows import ADA, ALICE, BOB, LEADER, NOON


@pytest.fixture
async def desk(db):
    def furnish(tx):
        rows.people(tx)
        tx.insert(tables.technology, name="Network", position=0)
        tx.insert(tables.site, customer="ACME", name="Milano")
        tx.insert(tables.asset, customer="ACME", name="sw-1", technology="Network")
        tx.insert(tables.desk_revision, one=1, revision=1, at=NOON)

    await db.write(furnish)
    return db


async def opened(desk, who, **asked):
    asked = {"subject": "Printer on fire", "text": "Smoke.", "now": NOON} | asked
    number = await desk.write(requests.open_request, who, **asked)
    return await desk.read(page.ticket, LEADER, number, now=NOON)


async def test_a_contact_opens_their_own_request(desk):
    shown = await opened(desk, ALICE, technology="Network", asset="sw-1", site="Milano", impact=3, urgency=2)

    assert (shown.row.customer, shown.contact, shown.row.channel) == ("ACME", ALICE.id, "portal")
    assert (shown.row.technology, shown.asset, shown.site) == ("Network", "sw-1", "Milano")
    assert shown.provenance["technology"] == "portal_form"
    assert [
        (one.text, one.trust, one.author_is_requester) for one in shown.messages if one.direction == "in"
    ] == [("Smoke.", "verified", True)]


async def test_answers_go_by_mail_as_well_where_there_is_mail(desk):
    shown = await opened(desk, ALICE, also_by="email")

    told = [one for one in shown.messages if one.direction == "out"]
    assert {one.channel for message in told for one in message.deliveries} == {"portal", "email"}


async def test_files_come_with_it(desk):
    shown = await opened(desk, ALICE, files=(Attachment(name="log.txt", type="text/plain", content=b"line"),))

    (file,) = shown.messages[0].files
    assert (await desk.read(page.file, ALICE, shown.row.number, file.id))[1] == b"line"


async def test_a_double_click_makes_one_request(desk):
    first = await opened(desk, ALICE, idem="form-1")
    again = await opened(desk, ALICE, idem="form-1", text="Smoke!")
    other = await opened(desk, ADA, idem="form-1")

    assert first.row.number == again.row.number != other.row.number
    assert len((await desk.read(search.tickets, LEADER)).items) == 2


async def test_an_agent_opens_it_for_a_contact_by_address_or_id(desk):
    by_address = await opened(desk, LEADER, contact="Alice@ACME.test", channel="api")
    by_id = await opened(desk, LEADER, contact=BOB.id, channel="api")

    assert (by_address.contact, by_address.row.channel) == (ALICE.id, "api")
    assert by_id.row.customer == "BETA"
    assert by_address.provenance == {}


async def test_who_is_not_known_yet_may_ask_too(desk):
    stranger = await opened(desk, LEADER, contact="new@elsewhere.test", customer="ACME")
    nobody = await opened(desk, LEADER, customer="ACME")

    assert (stranger.contact, stranger.row.requester_address) == (None, "new@elsewhere.test")
    assert (nobody.row.customer, nobody.row.state) == ("ACME", "triage")


async def test_a_person_of_two_customers_has_to_be_named_with_one(desk):
    await desk.write(
        lambda tx: tx.insert(tables.contact, id="alice-2", customer="BETA", name="Alice", email=ALICE.email)
    )

    with pytest.raises(Invalid, match="ACME, BETA: say for which"):
        await opened(desk, LEADER, contact=ALICE.email)
    assert (await opened(desk, LEADER, contact=ALICE.email, customer="BETA")).contact == "alice-2"


@pytest.mark.parametrize(
    ("asked", "where"),
    [
        ({"subject": " \n "}, "/subject"),
        ({"text": " "}, "/text"),
        ({"technology": "Magic"}, "/technology"),
        ({"request_type": "Wish"}, "/request_type"),
        ({"asset": "toaster"}, "/asset"),
        ({"site": "Mars"}, "/site"),
        ({"impact": 4}, "/impact"),
        ({"urgency": 0}, "/urgency"),
        ({"customer": "NOBODY"}, "/customer"),
        ({"contact": "somebody"}, "/contact"),
        ({"contact": "a b@c.test"}, "/contact"),
    ],
)
async def test_what_the_desk_does_not_know_is_refused_with_its_place(desk, asked, where):
    with pytest.raises(Invalid) as refusal:
        await opened(desk, LEADER, **{"customer": "ACME"} | asked)

    assert [fault.pointer for fault in refusal.value.faults] == [where]


async def test_a_contact_speaks_for_nobody_else(desk):
    with pytest.raises(Forbidden):
        await opened(desk, ALICE, customer="BETA")
    with pytest.raises(Forbidden):
        await opened(desk, ALICE, contact=ADA.email)


# --- Writing into it -----------------------------------------------------------------------------------------


async def test_a_colleague_who_writes_takes_part_from_then_on(desk):
    number = (await opened(desk, ALICE)).row.number

    written = await desk.write(requests.write, ADA, number, "Me too.", now=NOON, idem="f1")
    again = await desk.write(requests.write, ADA, number, "Me too.", now=NOON, idem="f1")

    shown = await desk.read(page.ticket, ALICE, number, now=NOON)
    assert written == again
    assert [one.text for one in shown.messages if one.direction == "in"] == ["Smoke.", "Me too."]
    assert {one.address: one.role for one in shown.threads[0].participants} == {
        ALICE.email: "requester",
        ADA.email: "participant",
    }


async def test_who_was_answered_meanwhile_reads_it_first(desk):
    number = (await opened(desk, ALICE)).row.number
    before = (await desk.read(page.ticket, ALICE, number, now=NOON)).row.last_event

    def answer(tx):
        from core.desk import tickets

        return tickets.reply(tx, LEADER, number, "Water.", now=NOON + timedelta(minutes=1))

    await desk.write(answer)

    with pytest.raises(Stale) as refusal:
        await desk.write(requests.write, ALICE, number, "Hello?", now=NOON, seen=before)
    assert [one.text for one in refusal.value.newer] == ["Water."]


async def test_only_contacts_write_so_and_only_into_their_own(desk):
    number = (await opened(desk, ALICE)).row.number

    with pytest.raises(Forbidden):
        await desk.write(requests.write, LEADER, number, "x", now=NOON)
    with pytest.raises(NotFound):
        await desk.write(requests.write, BOB, number, "x", now=NOON)
    await desk.write(rows.a_ticket, "20-000001", state="rejected")
    with pytest.raises(Refused, match="open a new request"):
        await desk.write(requests.write, ALICE, "20-000001", "x", now=NOON)


async def test_words_on_a_request_that_was_merged_are_said_on_the_one_that_goes_on(desk):
    def merged(tx):
        goes_on = rows.a_ticket(tx, "20-000002", state="in_progress")
        between = rows.a_ticket(tx, "20-000003", state="merged", open=False, merged_into=goes_on)
        rows.a_ticket(tx, "20-000004", state="merged", open=False, merged_into=between, last_event=7)

    await desk.write(merged)

    said = await desk.write(requests.write, ALICE, "20-000004", "It smokes.", now=NOON, seen=1, idem="f1")
    again = await desk.write(requests.write, ALICE, "20-000004", "It smokes.", now=NOON, seen=1, idem="f1")

    assert said == again
    assert said.number == "20-000002"
    shown = await desk.read(page.ticket, ALICE, "20-000002", now=NOON)
    assert [one.text for one in shown.messages if one.direction == "in"] == ["It smokes."]
    for verb, given in ((resolution.confirm, {}), (resolution.refuse, {"reason": "No."})):
        with pytest.raises(Refused, match="20-000004 was merged into 20-000002"):
            await desk.write(verb, ALICE, "20-000004", now=NOON, **given)
    with pytest.raises(Refused, match="20-000004 was merged into 20-000002"):
        await desk.write(ratings.rate, ALICE, "20-000004", now=NOON, score=5)


async def test_nobody_is_led_to_a_request_that_is_not_theirs_to_see(desk):
    def merged(tx):
        hidden = rows.a_ticket(tx, "20-000002", by=BOB, state="in_progress")
        rows.a_ticket(tx, "20-000004", state="merged", open=False, merged_into=hidden)

    await desk.write(merged)

    for verb, given in ((requests.write, {"text": "x"}), (resolution.refuse, {"reason": "No."})):
        with pytest.raises(Refused) as refusal:
            await desk.write(verb, ALICE, "20-000004", now=NOON, **given)
        assert "20-000002" not in str(refusal.value)
