"""A case at a vendor has a conversation of its own: nothing of it reaches a customer but what staff say in words of theirs."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from core.desk import (
    books,
    handover_facts,
    joining,
    page,
    resolution,
    search,
    tasks,
    vendor_cases,
    vendor_score,
    vendor_views,
    waiting,
)
from core.desk.errors import Forbidden, Invalid, NotFound, Refused
from core.envelope import Attachment, Kind
from core.store import tables
from core.store.opening import open_database
from tests.desk_at_work import CONFIGURED, DISOWNED, PASSED, SOLUTION, AtWork, at_work
from tests.desk_files import put

VENDORS = """
[[vendors]]
name = "Cumulus"
email = "support@cumulus.test"
domains = ["cumulus.test"]
reference_pattern = "SR[0-9]{7}"
contract = "V-1"
answer = "2h"
update = "4h"
fix = "2d"
mask = true
[[vendors]]
name = "Stratus"
email = "help@stratus.test"
domains = ["stratus.test", "acme.test"]
reference_pattern = "SR[0-9]{7}"
language = "en"
"""
SUPPORT = "support@cumulus.test"
WORDS = {"vendor": "Cumulus", "subject": "Ventola ferma su sw-1", "text": "La ventola 2 non gira."}
SAID = "zanzibar"
"""A word that only vendors say."""


@pytest.fixture
async def desk(sqlite_url, facts):
    database = open_database(sqlite_url, facts, readers=2, connections=4)
    yield await at_work(database, CONFIGURED + VENDORS)
    database.close()


@pytest.fixture
async def everywhere(db) -> AtWork:
    """The same on both databases, for what reads and writes most."""
    return await at_work(db, CONFIGURED + VENDORS)


async def opened(desk: AtWork, *, number: str = "", **fields) -> tuple[str, str]:
    """(number, case): a ticket of Alice's that Ann has, and a case that was sent to Cumulus."""
    number = number or await desk.taken()
    case = await desk.do(vendor_cases.open_case, await desk.who("ann"), number, **(WORDS | fields))
    await desk.work()
    return number, case


async def case_of(desk: AtWork, case: str):
    (row,) = await desk.rows(tables.vendor_case, id=case)
    return row


async def token(desk: AtWork) -> str:
    """Of the address that our last mail to Cumulus asked to be answered at."""
    return next(sent.reply_token for sent in reversed(desk.channel.sent) if sent.to.address == SUPPORT)


async def answer(desk: AtWork, text: str = f"{SAID}: mandiamo una ventola.", **said):
    given = {"reply_tokens": (await token(desk),), "authentication": PASSED} | said
    return await desk.mail(given.pop("sender", SUPPORT), given.pop("subject", "Re: Ventola"), text, **given)


async def faults(desk: AtWork):
    return (await desk.db.read(books.verify, now=desk.now)).faults


# --- Opening and writing --------------------------------------------------------------------------------------


async def test_a_vendor_gets_what_was_chosen_for_it_without_names_and_nobody_else_does(everywhere):
    desk = everywhere
    number = await desk.taken()
    before = [row.id for row in await desk.deliveries(number)]
    files = [Attachment(name="log.txt", type="text/plain", content=b"fan")]

    number, case = await opened(
        desk,
        number=number,
        subject="Acme: ventola",
        text="Alice di ACME (alice@acme.test) dice: ferma.",
        files=files,
    )

    row = await case_of(desk, case)
    assert (row.state, row.vendor, row.contract, row.opened_at) == ("opened", "Cumulus", "V-1", desk.now)
    assert row.next_update_due == desk.now + timedelta(hours=2)
    (delivery,) = [one for one in await desk.deliveries(number) if one.kind == "vendor"]
    assert delivery.id not in before
    (sent,) = [one for one in desk.channel.sent if one.to.address == SUPPORT]
    assert (sent.subject, sent.text) == ("[…]: ventola", "[…] di […] ([…]) dice: ferma.")
    assert [one.name for one in sent.attachments] == ["log.txt"]
    assert (sent.history, sent.author_name, sent.reply_token is not None) == ((), "Ann", True)
    assert "vendor_open" in (await desk.ticket(number)).flags
    assert (await desk.clocks(number))["vendor"].due_at == desk.now + timedelta(hours=2)
    assert await faults(desk) == ()


async def test_files_of_the_ticket_go_along_only_when_they_are_named(desk):
    photo = Attachment(name="rack.jpg", type="image/jpeg", content=b"jpeg")
    number = await desk.taken(attachments=(photo,))
    (file,) = await desk.rows(tables.attachment, number)
    await opened(desk, number=number)
    await opened(desk, number=number, of_ticket=[file.id])

    sent = [one.attachments for one in desk.channel.sent if one.to.address == SUPPORT]
    assert [[one.name for one in files] for files in sent] == [[], ["rack.jpg"]]
    with pytest.raises(Invalid, match="has no file"):
        await opened(desk, number=number, of_ticket=[number])


async def test_a_draft_keeps_its_words_for_its_author_and_is_opened_by_writing(desk):
    number = await desk.taken()
    ann, lea = await desk.who("ann"), await desk.who("lea")
    case = await desk.do(vendor_cases.open_case, ann, number, **WORDS, send=False)

    row = await case_of(desk, case)
    assert (row.state, row.opened_at) == ("draft", None)
    assert "vendor_open" not in (await desk.ticket(number)).flags
    assert (await desk.db.read(vendor_views.one, ann, number, case)).draft == WORDS["text"]
    assert (await desk.db.read(vendor_views.one, lea, number, case)).draft == ""
    assert (await desk.db.read(page.ticket, await desk.who("alice"), number, now=desk.now)).engaged == ()

    message = await desk.do(vendor_cases.write, ann, number, case, WORDS["text"], idem="once", wait=True)

    assert await desk.do(vendor_cases.write, ann, number, case, "again", idem="once") == message
    assert ((await case_of(desk, case)).state, (await desk.ticket(number)).state) == (
        "opened",
        "waiting_vendor",
    )
    assert (await desk.db.read(vendor_views.one, ann, number, case)).draft == ""
    assert [row.state for row in await desk.rows(tables.vendor_case)] == ["opened"]


async def test_a_vendor_is_asked_only_about_what_is_worked_on(desk):
    ann, lea = await desk.who("ann"), await desk.who("lea")
    held = (await desk.mail("bob@beta.test", authentication=PASSED)).number or ""
    unknown = (await desk.mail("gina@gamma.test")).number or ""
    closed = await desk.closed()
    for number, why in ((held, "approval"), (unknown, "worked on"), (closed, "worked on")):
        with pytest.raises(Refused, match=why):
            await desk.do(vendor_cases.open_case, lea, number, **WORDS)
    number = await desk.taken()
    with pytest.raises(Invalid, match="no vendor"):
        await opened(desk, number=number, vendor="Nimbus")
    with pytest.raises(Invalid, match="must not be empty"):
        await opened(desk, number=number, subject=" ")
    with pytest.raises(Forbidden):
        await desk.do(vendor_cases.open_case, await desk.who("alice"), number, **WORDS)
    case = await desk.do(vendor_cases.open_case, ann, number, **WORDS, idem="a")
    assert await desk.do(vendor_cases.open_case, ann, number, **WORDS, idem="a") == case
    with pytest.raises(NotFound):
        await desk.do(vendor_cases.solved, ann, number, number)


async def test_what_is_told_to_a_vendor_without_an_address_is_kept(desk):
    text = (CONFIGURED + VENDORS).replace('email = "help@stratus.test"', "")
    await desk.db.write(put, text, now=desk.now)
    number, case = await opened(desk, vendor="Stratus")
    assert (await case_of(desk, case)).state == "opened"
    (message,) = await desk.rows(tables.message, number, audience=f"vendor:{case}")
    assert await desk.rows(tables.delivery, number, message_id=message.id) == []
    assert await faults(desk) == ()


# --- What a vendor writes -------------------------------------------------------------------------------------


async def test_an_answer_to_its_address_goes_onto_the_case_and_the_ticket_goes_on(everywhere):
    desk = everywhere
    number, case = await opened(desk, wait=True)
    customers = {row.id for row in await desk.deliveries(number) if row.kind != "vendor"}
    desk.passes(hours=1)

    done = await answer(desk)

    assert (done.outcome, done.reason, done.number) == ("attached", "vendor_token", number)
    row, ticket = await case_of(desk, case), await desk.ticket(number)
    assert (row.state, row.first_answer_at, row.kept) == ("waiting_us", desk.now, 1)
    assert row.next_update_due == desk.now + timedelta(hours=4)
    assert ticket.state == "in_progress"
    assert SAID not in ticket.snippet
    assert (await desk.clocks(number))["vendor"].due_at == desk.now + timedelta(days=2)
    (task,) = await desk.rows(tables.task, number, kind="vendor_answered")
    assert (task.agent, task.about["vendor"]) == ((await desk.who("ann")).id, "Cumulus")
    told = [row for row in await desk.outward(number, "progress") if row.at == desk.now]
    assert "Il fornitore ha risposto" in told[-1].text
    assert all(SAID not in row.text for row in told)
    assert customers
    assert await faults(desk) == ()


async def test_a_machines_receipt_gives_the_reference_and_is_the_first_answer(everywhere):
    desk = everywhere
    number, case = await opened(desk, wait=True)
    desk.passes(minutes=1)
    await answer(desk, "Case opened", subject="[SR1234567] Case opened", kind=Kind.AUTO_REPLY)

    row = await case_of(desk, case)
    assert (row.reference, row.state, row.first_answer_at) == ("SR1234567", "acknowledged", desk.now)
    assert (await desk.ticket(number)).state == "waiting_vendor", "nobody has said anything yet"
    assert [one.cycle for one in await desk.rows(tables.sla_clock, number, name="vendor")] == [1, 2]
    await answer(desk, "Fuori ufficio", subject="Assenza", kind=Kind.OUT_OF_OFFICE)
    assert (await case_of(desk, case)).state == "acknowledged"
    await desk.do(vendor_cases.write, await desk.who("ann"), number, case, "Novità?")
    await desk.work()
    assert [one.subject for one in desk.channel.sent if one.to.address == SUPPORT][-1].startswith(
        "SR1234567 "
    )
    done = await desk.mail("sysop@cumulus.test", "SR1234567 aggiornato", SAID, authentication=PASSED)
    assert (done.reason, done.number) == ("vendor_reference", number)


async def test_two_machines_that_answer_each_other_are_stopped(desk):
    await opened(desk)
    outcomes = []
    for n in range(25):
        outcomes.append((await answer(desk, f"{n}", kind=Kind.AUTO_REPLY)).outcome)
        desk.passes(minutes=2)

    assert (outcomes[0], outcomes[-1]) == ("attached", "machine")
    await desk.work()
    assert [one.to.address for one in desk.channel.sent].count(SUPPORT) == 1, "no machine is answered"


async def test_a_vendor_that_names_our_number_or_a_customers_mail_gets_into_no_conversation(desk):
    number, case = await opened(desk)
    ref = await desk.ref(number, kind="progress")
    (arrived,) = [row for row in await desk.rows(tables.message, number) if row.direction == "in"]
    for said in (
        {"subject": f"[{number}] aggiornamento", "ticket_numbers": (number,)},
        {"own_refs": (ref,)},
        {"in_reply_to": (arrived.external_ref,), "references": (arrived.external_ref,)},
    ):
        done = await desk.mail(SUPPORT, text=SAID, authentication=PASSED, **said)
        assert (done.outcome, done.reason) == ("held", "vendor_no_case")
    view = await desk.db.read(page.ticket, await desk.who("alice"), number, now=desk.now)
    assert SAID not in repr(view)
    assert len(await desk.db.read(vendor_views.triage, await desk.who("lea"))) == 3
    assert await desk.db.read(vendor_views.triage, await desk.who("ann")) == ()
    assert (await case_of(desk, case)).state == "opened"


async def test_a_vendor_that_goes_on_from_its_own_mail_reaches_its_case_whatever_the_capitals_of_a_domain(
    desk,
):
    number, case = await opened(desk)
    sent = next(one for one in desk.channel.sent if one.to.address == SUPPORT)
    first = {"message_id": "V.1@MX1.Stratus.test", "own_refs": (sent.ref,)}
    await desk.mail(SUPPORT, text=SAID, authentication=PASSED, **first)

    done = await desk.mail(SUPPORT, text=SAID, authentication=PASSED, references=("V.1@mx1.stratus.test",))

    assert (done.outcome, done.number) == ("attached", number)
    said = await desk.rows(tables.message, number, audience=f"vendor:{case}", direction="in")
    assert len(said) == 2


async def test_a_mail_to_a_vendor_names_and_quotes_what_was_said_on_the_case_and_nothing_else(desk):
    number, case = await opened(desk)
    sent = next(one for one in desk.channel.sent if one.to.address == SUPPORT)
    first = {"message_id": "v.1@mx1.cumulus.test", "own_refs": (sent.ref,)}
    await desk.mail(SUPPORT, text=SAID, authentication=PASSED, **first)

    await desk.do(vendor_cases.write, await desk.who("ann"), number, case, "Novità?")
    await desk.work()

    again = [one for one in desk.channel.sent if one.to.address == SUPPORT][-1]
    assert again.text == "Novità?"
    assert (again.in_reply_to, again.references) == (
        "v.1@mx1.cumulus.test",
        (sent.ref, "v.1@mx1.cumulus.test"),
    ), "their program puts it where the first one is"
    assert [one.text for one in again.history] == [SAID, WORDS["text"]]


async def test_who_only_pretends_to_be_the_vendor_waits_for_staff(desk):
    number, case = await opened(desk, reference="SR1234567")
    sent = next(one for one in desk.channel.sent if one.to.address == SUPPORT)
    for sender, said, why in (
        (SUPPORT, {"subject": "SR1234567"}, "unproved"),
        (SUPPORT, {"authentication": DISOWNED, "reply_tokens": (sent.reply_token,)}, "failed"),
        ("eve@evil.test", {"authentication": PASSED, "reply_tokens": (sent.reply_token,)}, "third_party"),
        ("eve@evil.test", {"authentication": PASSED, "own_refs": (sent.ref,)}, "third_party"),
        ("help@stratus.test", {"authentication": PASSED, "subject": "SR1234567"}, "no_case"),
        ("alice@acme.test", {"authentication": PASSED, "reply_tokens": (sent.reply_token,)}, "third_party"),
    ):
        done = await desk.mail(sender, text=SAID, **said)
        assert (done.outcome, done.reason) == ("held", f"vendor_{why}"), sender
    assert [row.direction for row in await desk.rows(tables.message, number, audience=f"vendor:{case}")] == [
        "out"
    ]


async def test_a_customer_whose_domain_is_a_vendors_too_is_a_customer(desk):
    done = await desk.mail("alice@acme.test", "Rete lenta", authentication=PASSED)
    assert done.outcome == "ticket"


async def test_a_customers_mail_that_names_a_vendors_message_goes_to_the_customers_conversation(desk):
    number, case = await opened(desk)
    theirs, ours = await desk.ref(number, kind="vendor"), await desk.ref(number, kind="progress")
    done = await desk.mail("alice@acme.test", authentication=PASSED, own_refs=(theirs, ours))

    assert (done.outcome, done.number) == ("attached", number)
    (message,) = await desk.rows(tables.message, number, id=done.message_id)
    assert message.audience == "customer"
    assert (await case_of(desk, case)).thread_id != message.thread_id


async def test_staff_hand_what_waits_to_its_case(everywhere):
    desk = everywhere
    number, case = await opened(desk)
    lea = await desk.who("lea")
    await desk.mail(SUPPORT, "Ventola", SAID, authentication=PASSED)
    held = desk.last

    await desk.db.write(waiting.hand_to_vendor_case, lea, held, number=number, vendor_case=case, now=desk.now)
    assert (
        await desk.understand(held, SUPPORT, "Ventola", SAID, authentication=PASSED)
    ).reason == "vendor_chosen"

    assert (await case_of(desk, case)).state == "waiting_us"
    assert await desk.db.read(vendor_views.triage, lea) == ()
    assert [one.text for one in (await desk.db.read(vendor_views.one, lea, number, case)).messages][
        -1
    ] == SAID
    with pytest.raises(Refused, match="no longer waiting"):
        await desk.db.write(
            waiting.hand_to_vendor_case, lea, held, number=number, vendor_case=case, now=desk.now
        )
    assert await faults(desk) == ()


async def test_a_vendors_answer_that_keeps_only_our_mark_goes_onto_its_case(desk):
    number, case = await opened(desk)
    ref = next(sent.ref for sent in reversed(desk.channel.sent) if sent.to.address == SUPPORT)

    done = await answer(desk, reply_tokens=(), body_refs=(ref,))

    assert (done.outcome, done.number) == ("attached", number)
    assert (await case_of(desk, case)).first_answer_at == desk.now


async def test_what_is_held_beside_a_ticket_can_be_a_vendors_word_which_no_customer_sees(everywhere):
    desk = everywhere
    number, case = await opened(desk)
    key = await desk.token_of(number, "alice@acme.test")
    done = await desk.mail("engineer@home.test", "La ventola", SAID, reply_tokens=(key,))
    assert (done.outcome, done.reason) == ("held", "third_party")
    tom, item = await desk.who("tom"), desk.last

    for wrong, other in ((Invalid, None), (NotFound, "01896e57-5430-763b-9e2e-ffc9cc3fa45d")):
        with pytest.raises(wrong):
            await desk.do(waiting.release, tom, item, as_="vendor", vendor_case=other)
    await desk.do(waiting.release, tom, item, as_="vendor", vendor_case=case)
    taken = await desk.understand(item, "engineer@home.test", "La ventola", SAID, reply_tokens=(key,))

    assert (taken.outcome, taken.number) == ("attached", number)
    (said,) = [row for row in await desk.rows(tables.message, number) if row.text == SAID]
    assert said.audience == f"vendor:{case}"
    shown = await desk.db.read(page.ticket, await desk.who("alice"), number, now=desk.now)
    assert SAID not in str(shown)
    assert "held" not in (await desk.ticket(number)).flags
    assert await faults(desk) == ()


async def test_words_after_the_end_bring_the_case_back_and_never_the_ticket(desk):
    number, case = await opened(desk)
    ann = await desk.who("ann")
    await desk.do(vendor_cases.close, ann, number, case)
    assert "vendor_open" not in (await desk.ticket(number)).flags
    await desk.do(resolution.resolve, ann, number, **SOLUTION)
    await answer(desk)

    row = await case_of(desk, case)
    assert (row.state, row.closed_at, row.reopened) == ("waiting_us", None, 0)
    assert (await desk.ticket(number)).state == "resolved"
    assert len(await desk.rows(tables.task, number, kind="vendor_answered")) == 1
    await desk.do(vendor_cases.close, ann, number, case)
    await desk.do(resolution.close, ann, number)
    assert (await answer(desk)).reason == "vendor_ticket_over"
    assert await faults(desk) == ()


# --- Staff ----------------------------------------------------------------------------------------------------


async def test_a_customer_knows_that_a_vendor_works_on_it_and_no_more(desk):
    number, case = await opened(desk, reference="SR1234567")
    ann, alice = await desk.who("ann"), await desk.who("alice")
    await answer(desk)

    (engaged,) = (await desk.db.read(page.ticket, alice, number, now=desk.now)).engaged
    assert (engaged.since, engaged.reference) == (desk.now, "")
    due = desk.now + timedelta(hours=9)
    await desk.do(
        vendor_cases.describe, ann, number, case, reference_shown=True, next_update_due=due, rma="R1"
    )
    view = await desk.db.read(page.ticket, alice, number, now=desk.now)
    assert [(one.reference, one.next_update_due) for one in view.engaged] == [("SR1234567", due)]
    assert "vendor" not in {clock.name for clock in view.clocks}, "that clock is between us and the vendor"
    assert not {"Cumulus", SAID, case} & set(repr(view).replace("'", " ").split())
    assert {one.channel for one in view.threads} == {"email"}
    for read in (vendor_views.of_ticket, lambda tx, who, of: vendor_views.one(tx, who, of, case)):
        with pytest.raises(Forbidden):
            await desk.db.read(read, alice, number)
    with pytest.raises(Invalid, match="is over"):
        await desk.do(vendor_cases.describe, ann, number, case, next_update_due=desk.now)


async def test_what_is_told_to_the_customer_is_a_text_of_our_own(desk):
    number, case = await opened(desk)
    ann = await desk.who("ann")
    message = (await answer(desk)).message_id

    said = await desk.do(
        vendor_cases.promote, ann, number, case, "Arriva un ricambio.", message=message, idem="p"
    )

    assert await desk.do(vendor_cases.promote, ann, number, case, "x", message=message, idem="p") == said
    (reply,) = await desk.outward(number, "reply")
    assert (reply.id, reply.text, reply.agent, reply.audience) == (
        said,
        "Arriva un ricambio.",
        ann.id,
        "customer",
    )
    (event,) = await desk.events(number, "vendor.promoted")
    assert (event.data["source"], event.actor) == (message, ann.actor)
    assert [
        row for row in await desk.rows(tables.task, number, kind="vendor_answered") if not row.done_at
    ] == []
    with pytest.raises(Invalid, match="has no message"):
        await desk.do(vendor_cases.promote, ann, number, case, "x", message=said)


async def test_an_open_case_keeps_the_ticket_from_its_end_by_its_name(desk):
    number, case = await opened(desk, reference="SR1234567")
    ann = await desk.who("ann")
    with pytest.raises(Refused) as refused:
        await desk.do(resolution.resolve, ann, number, **SOLUTION)
    assert [one.about for one in refused.value.obstacles] == [("Cumulus SR1234567",)]
    await desk.do(vendor_cases.solved, ann, number, case)
    await desk.do(resolution.resolve, ann, number, **SOLUTION)
    await desk.do(resolution.close, ann, number)

    row = await case_of(desk, case)
    assert (row.state, row.closed_at) == ("closed", desk.now)
    with pytest.raises(Refused, match="closed"):
        await desk.do(vendor_cases.reopen, ann, number, case)
    assert await faults(desk) == ()


async def test_the_last_case_that_ends_gives_the_ticket_back(desk):
    number, first = await opened(desk)
    _, second = await opened(desk, number=number, vendor="Stratus", wait=True)
    ann = await desk.who("ann")
    await desk.do(vendor_cases.solved, ann, number, first)
    assert (await desk.ticket(number)).state == "waiting_vendor"
    await desk.do(vendor_cases.close, ann, number, second)
    assert (await desk.ticket(number)).state == "in_progress"
    assert (await desk.clocks(number))["vendor"].state != "running"
    with pytest.raises(Refused, match="open it first"):
        await desk.do(vendor_cases.wait_for, ann, number, second)
    await desk.do(vendor_cases.reopen, ann, number, second)
    await desk.do(vendor_cases.working, ann, number, second)
    assert (await case_of(desk, second)).reopened == 1
    draft = await desk.do(vendor_cases.open_case, ann, number, **WORDS, send=False)
    await desk.do(vendor_cases.close, ann, number, draft)
    await desk.do(vendor_cases.reopen, ann, number, draft)
    assert ((await case_of(desk, draft)).state, (await case_of(desk, draft)).reopened) == ("draft", 0)


async def test_who_does_not_write_when_they_should_is_reminded_once_and_somebody_is_asked(everywhere):
    desk = everywhere
    number, case = await opened(desk, vendor="Stratus")
    ann = await desk.who("ann")
    due = desk.now + timedelta(hours=1)
    await desk.do(vendor_cases.describe, ann, number, case, next_update_due=due)
    desk.passes(hours=1)
    await desk.work()
    desk.passes(hours=5)
    await desk.work()

    reminders = [one for one in desk.channel.sent if one.kind == "vendor_reminder"]
    assert [(one.to.address, one.automatic) for one in reminders] == [("help@stratus.test", True)]
    assert "we expected an update from you by" in reminders[0].text
    (task,) = await desk.rows(tables.task, number, kind="vendor_late")
    assert (task.agent, task.done_at) == (ann.id, None)
    assert (await case_of(desk, case)).late == 1
    assert await faults(desk) == ()
    token = reminders[0].reply_token
    await desk.mail("help@stratus.test", text=SAID, reply_tokens=(token,))
    row = await case_of(desk, case)
    assert (row.late, row.kept, row.next_update_due) == (1, 0, None)
    (task,) = await desk.rows(tables.task, number, kind="vendor_late")
    assert task.done_at == desk.now


async def test_cases_go_with_a_merge_and_come_back_with_its_undoing(everywhere):
    desk = everywhere
    number, case = await opened(desk)
    other = await desk.taken("aldo@acme.test")
    ann, lea = await desk.who("ann"), await desk.who("lea")
    await desk.do(joining.merge, ann, number, into=other)

    assert (await case_of(desk, case)).ticket_id == (await desk.ticket(other)).id
    assert "vendor_open" in (await desk.ticket(other)).flags
    assert "vendor_open" not in (await desk.ticket(number)).flags
    assert (await answer(desk)).number == other
    thread = (await case_of(desk, case)).thread_id
    with pytest.raises(Invalid):
        await desk.do(joining.move, ann, other, thread=thread, into=number)
    message = (await desk.rows(tables.message, other, audience=f"vendor:{case}"))[-1]
    with pytest.raises(Invalid, match="no message"):
        await desk.do(joining.split, ann, other, messages=[message.id])
    assert await faults(desk) == ()
    await desk.do(joining.undo, lea, number)
    assert (await case_of(desk, case)).ticket_id == (await desk.ticket(number)).id
    assert ["vendor_open" in (await desk.ticket(one)).flags for one in (number, other)] == [True, False]
    desk.passes(hours=9)
    await desk.work()
    assert (await case_of(desk, case)).late == 1
    assert await faults(desk) == ()


async def test_a_month_of_a_vendor_adds_up_for_who_leads(everywhere):
    desk = everywhere
    number, case = await opened(desk, wait=True)
    desk.passes(hours=1)
    await answer(desk)
    lea, ann = await desk.who("lea"), await desk.who("ann")
    await desk.do(vendor_cases.solved, ann, number, case)
    await desk.do(vendor_cases.reopen, ann, number, case)
    desk.passes(hours=1)

    month = await desk.db.read(vendor_score.of_month, lea, now=desk.now)

    (one,) = month.vendors
    assert (month.month, one.vendor, one.score.cases, one.score.reopened) == ("2026-03", "Cumulus", 1, 1)
    assert (one.score.answered.percent, one.score.promises.percent, one.score.leg.percent) == (100, 100, 50)
    assert (await desk.db.read(vendor_score.of_month, lea, now=desk.now, month="2026-04")).vendors == ()
    with pytest.raises(Invalid, match="2026-03"):
        await desk.db.read(vendor_score.of_month, lea, now=desk.now, month="March")
    with pytest.raises(Forbidden):
        await desk.db.read(vendor_score.of_month, ann, now=desk.now)


async def test_lists_show_what_waits_for_us_first_and_only_ones_own(desk):
    number, first = await opened(desk)
    _, second = await opened(desk, vendor="Stratus")
    await answer(desk)
    listed = await desk.db.read(vendor_views.listing, await desk.who("lea"))
    assert [one.id for one in listed] == [first, second]
    assert [
        one.number for one in await desk.db.read(vendor_views.of_ticket, await desk.who("ann"), number)
    ] == [number]
    with pytest.raises(Forbidden):
        await desk.db.read(vendor_views.listing, await desk.who("alice"))
    assert await desk.db.read(vendor_views.names, await desk.who("ann")) == ("Cumulus", "Stratus")
    shown = await desk.db.read(
        vendor_views.preview, await desk.who("ann"), number, vendor="Cumulus", text="Acme!"
    )
    assert shown == "[…]!"
    assert await desk.db.read(tasks.mine, await desk.who("ann"))
    found = await desk.db.read(search.tickets, await desk.who("alice"), q=SAID, now=desk.now)
    assert found.items == ()
    assert [one.kind for one in await desk.events(number, "message.") if one.kind == "message.in"] == [
        "message.in"
    ]
    assert (
        await desk.db.read(
            lambda tx: tx.all(
                select(tables.participant.c.address).where(tables.participant.c.address == SUPPORT)
            )
        )
        == []
    )


async def test_the_brief_of_a_shift_says_when_a_vendors_news_is_due(desk):
    number, _ = await opened(desk, wait=True)
    ((one,),) = ((await desk.db.read(handover_facts.now_open, now=desk.now))["vendors"],)
    assert (one["number"], one["next_update_due"]) == (number, desk.now + timedelta(hours=2))
