from __future__ import annotations

from datetime import timedelta

import pytest

from core.desk import intake, page, reference, waiting
from core.desk.errors import Forbidden, NotFound
from core.envelope import Address, Inbound
from core.rules.calendar_definitions import definition_version
from core.store import blobs, tables
from tests import rows
from tests.rows import ADA, ALICE, BOB, LEADER, NOON, TECHNICIAN

SECRET = "MARKER-9f3b"


@pytest.fixture
async def desk(db):
    await db.write(rows.people)
    return db


def full_ticket(tx):
    """A ticket with everything on it; what is SECRET is for staff only."""
    one = rows.a_ticket(
        tx,
        "26-000001",
        desk_group="Network L1",
        assignee=TECHNICIAN.id,
        state="in_progress",
        provenance={"technology": SECRET},
        snippet=SECRET,
        flags=["workaround", f"breached:{SECRET}"],
        resolution={"workaround": "use the other", "by": SECRET},
        next_due=NOON + timedelta(hours=2),
        next_clock="resolve",
    )
    asked = rows.a_message(
        tx,
        one,
        "Broken.\n> old",
        direction="in",
        author_address=ALICE.email,
        author_name="Alice",
        contact=ALICE.id,
        trust="weak",
        spans=[[0, 8, "visible"], [8, 13, "quoted"]],
        notes=[SECRET],
        people={"to": [SECRET]},
        html=blobs.put(tx, b"<p>Broken. <img src='cid:pic'></p>", now=NOON),
        inbound_id=rows.an_inbound(tx, raw=b"From: alice", outcome="ticket", open=False),
    )
    told = rows.a_message(
        tx, one, "We look.", agent=TECHNICIAN.id, author_name="Teo", at=NOON + timedelta(minutes=1)
    )
    stranger = rows.a_message(tx, one, f"code {SECRET}", direction="in", author_address="noreply@shop.test")
    vendor = rows.a_message(tx, one, f"dear vendor {SECRET}", audience="vendor:1")
    noted = rows.a_note(tx, one, f"they have not paid {SECRET}")
    files = {
        "asked": rows.a_file(tx, one, asked, b"a picture", content_id="pic", type="image/png", inline=True),
        "noted": rows.a_file(tx, one, noted, SECRET.encode(), internal=True, name=f"{SECRET}.txt"),
        "stranger": rows.a_file(tx, one, stranger, SECRET.encode(), name=f"{SECRET}.txt"),
        "vendor": rows.a_file(tx, one, vendor, SECRET.encode(), name=f"{SECRET}.txt"),
    }
    rows.a_delivery(tx, one, told, ALICE.email, error=SECRET)
    rows.a_delivery(tx, one, told, f"{SECRET}@acme.test", state="bounced")
    rows.takes_part(tx, one, f"{SECRET}@cc.test", role="cc")
    rows.an_event(tx, one, 1, "ticket.opened", actor=f"contact:{ALICE.id}", trust=SECRET)
    rows.an_event(
        tx, one, 2, "ticket.take", actor=f"agent:{TECHNICIAN.id}", **{"from": "assigned", "to": "in_progress"}
    )
    rows.an_event(tx, one, 3, "note.added", actor=f"agent:{LEADER.id}", note=SECRET)
    for name in ("triage", "resolve"):
        tx.insert(
            tables.sla_clock,
            ticket_id=one,
            name=name,
            cycle=1,
            state="running",
            target_s=3600,
            calendar=definition_version(reference.always_open("Europe/Rome")),
            started_at=NOON,
            due_at=NOON + timedelta(hours=1),
        )
    tx.insert(
        tables.definition,
        version="v1",
        kind="contract",
        name="C-1",
        content={
            "number": "C-1",
            "customer": "ACME",
            "valid_from": "2026-01-01",
            "valid_until": "2026-12-31",
            "lines": [{"name": "Network", "sla": "Gold", "calendar": "24x7"}],
        },
        at=NOON,
    )
    tx.insert(
        tables.entitlement_check,
        ticket_id=one,
        seq=1,
        at=NOON,
        verdict="covered",
        decision="accept",
        evidence={
            "inputs": {},
            "reasons": [{"code": "ok", "sentence": SECRET}],
            "candidates": [{"contract": SECRET}],
        },
        contract="C-1",
        contract_version="v1",
        line="Network",
    )
    tx.insert(tables.draft, ticket_id=one, agent=LEADER.id, kind="reply", text=SECRET, updated_at=NOON)
    tx.insert(
        tables.presence,
        ticket_id=one,
        agent=TECHNICIAN.id,
        doing="writing",
        since=NOON,
        until=NOON + timedelta(seconds=30),
    )
    rows.a_ticket(tx, "25-000009", state="closed")
    return {"asked": asked, "told": told, "stranger": stranger, "vendor": vendor, "files": files, "id": one}


async def test_staff_see_the_whole_ticket(desk):
    ids = await desk.write(full_ticket)

    shown = await desk.read(page.ticket, LEADER, "26-000001", now=NOON)

    assert shown.row.customer_name == "Acme S.p.A."
    assert (shown.row.assignee_name, shown.row.assignee_email) == ("Teo", "teo@desk.test")
    assert (shown.time_zone, shown.contact_phone) == ("Europe/Rome", "+39 02 1234")
    first, *_, last = shown.messages
    assert first.id == ids["asked"]
    assert (first.visible_text, first.text) == ("Broken.", "Broken.\n> old")
    assert (first.author_is_requester, first.has_html, first.trust) == (True, True, "weak")
    assert [file.name for file in first.files] == ["log.txt"]
    assert last.id == ids["told"]
    assert {one.state for one in last.deliveries} == {"sent", "bounced"}
    assert {one.audience for one in shown.messages} == {"customer", "vendor:1"}
    assert [(one.agent_name, len(one.files)) for one in shown.notes] == [("Lea", 1)]
    assert [(one.kind, one.actor_name) for one in shown.events] == [
        ("ticket.opened", "Alice"),
        ("ticket.take", "Teo"),
        ("note.added", "Lea"),
    ]
    assert [clock.name for clock in shown.clocks] == ["resolve", "triage"]
    assert (shown.entitlement.sla, shown.entitlement.calendar) == ("Gold", "24x7")
    assert [(one.name, one.doing) for one in shown.presence] == [("Teo", "writing")]
    assert shown.drafts == {"reply": SECRET}
    assert [row.number for row in shown.history] == ["25-000009"]
    assert {"take", "resolve"} & set(shown.allowed) == {"resolve"}
    assert (shown.next_action.key, shown.next_action.due) == ("work", NOON + timedelta(hours=2))


async def test_nobody_sees_their_own_presence_or_one_that_has_lapsed(desk):
    await desk.write(full_ticket)

    assert (await desk.read(page.ticket, TECHNICIAN, "26-000001", now=NOON)).presence == ()
    later = NOON + timedelta(seconds=31)
    assert (await desk.read(page.ticket, LEADER, "26-000001", now=later)).presence == ()


@pytest.mark.parametrize("who", [ALICE, ADA], ids=lambda who: who.name)
async def test_a_contact_gets_nothing_that_is_for_staff(desk, who):
    ids = await desk.write(full_ticket)

    shown = await desk.read(page.ticket, who, "26-000001", now=NOON)
    told = (await desk.read(page.events, who, "26-000001")).items

    assert SECRET not in repr(shown)
    assert SECRET not in repr(told)
    assert told == shown.events
    assert [one.id for one in shown.messages] == [ids["asked"], ids["told"]]
    assert [one.kind for one in shown.events] == ["ticket.opened", "ticket.take"]
    assert [clock.name for clock in shown.clocks] == ["resolve"]
    assert shown.entitlement.line == "Network"
    assert shown.allowed == ("reply",)
    seen = [one.address for message in shown.messages for one in message.deliveries]
    assert seen == ([ALICE.email] if who is ALICE else [])


async def test_a_clock_that_runs_has_run_until_now(desk):
    await desk.write(full_ticket)

    shown = await desk.read(page.ticket, LEADER, "26-000001", now=NOON + timedelta(minutes=10))

    assert {clock.elapsed_s for clock in shown.clocks} == {600}


async def test_events_come_page_by_page(desk):
    await desk.write(full_ticket)

    first = await desk.read(page.events, LEADER, "26-000001", limit=2)
    second = await desk.read(page.events, LEADER, "26-000001", limit=2, cursor=first.next)

    assert [[one.seq for one in part.items] for part in (first, second)] == [[1, 2], [3]]
    assert second.next is None


async def test_files_follow_the_message_they_came_with(desk):
    ids = await desk.write(full_ticket)
    files = ids["files"]

    for name in files:
        await desk.read(page.file, LEADER, "26-000001", files[name])
    shown, content = await desk.read(page.file, ALICE, "26-000001", files["asked"])
    assert (shown.type, content) == ("image/png", b"a picture")
    for name in ("noted", "stranger", "vendor"):
        with pytest.raises(NotFound):
            await desk.read(page.file, ALICE, "26-000001", files[name])
    with pytest.raises(NotFound):
        await desk.read(page.file, BOB, "26-000001", files["asked"])
    await desk.write(rows.a_ticket, "26-000002")
    with pytest.raises(NotFound):  # of another ticket
        await desk.read(page.file, LEADER, "26-000002", files["asked"])


async def test_the_html_comes_with_its_pictures_and_only_of_messages_one_may_read(desk):
    ids = await desk.write(full_ticket)

    text, pictures = await desk.read(page.html, ALICE, "26-000001", ids["asked"])

    assert text.startswith("<p>Broken.")
    assert pictures == {"pic": ("image/png", b"a picture")}
    for who, message in ((LEADER, "told"), (ALICE, "stranger"), (ALICE, "vendor"), (BOB, "asked")):
        with pytest.raises(NotFound):
            await desk.read(page.html, who, "26-000001", ids[message])


async def test_the_source_is_for_staff(desk):
    ids = await desk.write(full_ticket)

    assert await desk.read(page.source, LEADER, "26-000001", ids["asked"]) == b"From: alice"
    with pytest.raises(NotFound):
        await desk.read(page.source, LEADER, "26-000001", ids["told"])
    with pytest.raises(Forbidden):
        await desk.read(page.source, ALICE, "26-000001", ids["asked"])
    with pytest.raises(NotFound):
        await desk.read(page.source, ALICE, "26-000001", ids["stranger"])


async def test_a_held_mail_is_shown_to_the_customer_only_when_staff_take_it_in(desk):
    def world(tx):
        one = rows.a_ticket(tx, "26-000001", desk_group="Network L1")
        return rows.an_inbound(tx, ticket_id=one, detail={"ticket": one, "thread": rows.thread_of(one)})

    held = await desk.write(world)

    async def read():
        shown = await desk.read(page.ticket, ALICE, "26-000001", now=NOON)
        return [one.text for one in shown.messages]

    assert await read() == []
    await desk.write(waiting.release, TECHNICIAN, held, as_="message", now=NOON)
    said = Inbound(channel="email", author=Address("shop@shop.test"), text="Your parcel comes on Monday.")
    await desk.write(intake.understand, held, said, now=NOON)

    assert await read() == ["Your parcel comes on Monday."]


async def test_what_is_out_of_scope_looks_like_what_is_not_there(desk):
    await desk.write(full_ticket)

    async def refused(who, number):
        with pytest.raises(NotFound) as refusal:
            await desk.read(page.ticket, who, number, now=NOON)
        return str(refusal.value).replace(number, "…")

    assert await refused(BOB, "26-000001") == await refused(BOB, "26-999999")


async def test_a_follow_up_names_the_ticket_before_it_if_that_may_be_seen(desk):
    def world(tx):
        before = rows.a_ticket(tx, "26-000001", state="closed")
        foreign = rows.a_ticket(tx, "26-000002", by=BOB)
        rows.a_ticket(tx, "26-000003", follow_up_of=before)
        rows.a_ticket(tx, "26-000004", follow_up_of=foreign)

    await desk.write(world)

    async def earlier(who, number):
        return (await desk.read(page.ticket, who, number, now=NOON)).follow_up_of

    assert await earlier(ALICE, "26-000003") == "26-000001"
    assert await earlier(LEADER, "26-000004") == "26-000002"
    assert await earlier(ALICE, "26-000004") is None


async def test_who_leads_is_told_until_when_the_request_before_a_follow_up_may_be_reopened(desk):
    def world(tx):
        lately = rows.a_ticket(tx, "26-000001", state="closed", closed_at=NOON - timedelta(days=10))
        long_ago = rows.a_ticket(
            tx, "26-000002", state="closed", closed_at=NOON - timedelta(days=10, seconds=1)
        )
        rows.a_ticket(tx, "26-000003", follow_up_of=lately)
        rows.a_ticket(tx, "26-000004", follow_up_of=long_ago)

    await desk.write(world)

    async def until(who, number):
        return (await desk.read(page.ticket, who, number, now=NOON)).reopenable_until

    assert await until(LEADER, "26-000003") == NOON
    assert await until(LEADER, "26-000004") is None
    assert await until(ALICE, "26-000003") is None


@pytest.mark.parametrize(
    ("state", "key"),
    [
        ("triage", "identify"),
        ("on_hold", "approval"),
        ("waiting_customer", "customer"),
        ("waiting_vendor", "vendor"),
        ("scheduled", "scheduled"),
        ("assigned", "work"),
        ("resolved", "confirm"),
        ("closed", "none"),
    ],
)
async def test_every_state_has_a_next_action(desk, state, key):
    await desk.write(rows.a_ticket, "26-000001", state=state)

    shown = await desk.read(page.ticket, ALICE, "26-000001", now=NOON)

    assert shown.next_action.key == key


async def test_who_may_reopen_what_is_closed(desk):
    await desk.write(rows.a_ticket, "26-000001", state="closed", closed_at=NOON, desk_group="Network L1")

    async def may(who, days):
        later = NOON + timedelta(days=days)
        return "reopen" in (await desk.read(page.ticket, who, "26-000001", now=later)).allowed

    assert await may(LEADER, 9)
    assert not await may(LEADER, 11)
    assert not await may(TECHNICIAN, 1)


async def test_a_contact_confirms_or_refuses_a_solution(desk):
    await desk.write(rows.a_ticket, "26-000001", state="resolved")

    shown = await desk.read(page.ticket, ALICE, "26-000001", now=NOON)

    assert shown.allowed == ("reply", "confirm", "refuse")


async def test_notes_and_messages_one_by_one(desk):
    ids = await desk.write(full_ticket)
    noted = (await desk.read(page.ticket, LEADER, "26-000001", now=NOON)).notes[0].id

    assert (await desk.read(page.note, LEADER, "26-000001", noted)).agent_name == "Lea"
    assert (await desk.read(page.message, ALICE, "26-000001", ids["told"])).text == "We look."
    with pytest.raises(Forbidden):
        await desk.read(page.note, ALICE, "26-000001", noted)
    for who, question, wanted in (
        (LEADER, page.note, "nothing"),
        (LEADER, page.message, "nothing"),
        (ALICE, page.message, ids["vendor"]),
    ):
        with pytest.raises(NotFound):
            await desk.read(question, who, "26-000001", wanted)


async def test_what_has_no_events_has_an_empty_page_of_them(desk):
    await desk.write(rows.a_ticket, "26-000001", by=None, customer=None)

    found = await desk.read(page.events, LEADER, "26-000001")
    shown = await desk.read(page.ticket, LEADER, "26-000001", now=NOON)

    assert (found.items, found.next) == ((), None)
    assert (shown.history, shown.entitlement, shown.clocks) == ((), None, ())


async def test_a_clock_that_waits_stands_still(desk):
    await desk.write(full_ticket)
    await desk.write(lambda tx: tx.run(tables.sla_clock.update().values(state="paused", elapsed_s=60)))

    shown = await desk.read(page.ticket, LEADER, "26-000001", now=NOON + timedelta(hours=3))

    assert {clock.elapsed_s for clock in shown.clocks} == {60}


async def test_only_who_leads_may_approve(desk):
    await desk.write(rows.a_ticket, "26-000001", state="on_hold", desk_group="Network L1")

    assert "approve" in (await desk.read(page.ticket, LEADER, "26-000001", now=NOON)).allowed
    assert "approve" not in (await desk.read(page.ticket, TECHNICIAN, "26-000001", now=NOON)).allowed
