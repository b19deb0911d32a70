"""What is it, how urgent, who should have it, and may they? Qualification, the check, approval, routing."""

from __future__ import annotations

from datetime import timedelta

import pytest

from core.desk import intake, resolution, tickets
from core.desk.errors import Forbidden, Invalid, Refused
from core.envelope import Arrival, Hints
from core.store import tables
from tests.desk_at_work import CONFIGURED, MONDAY, PASSED, AtWork, a_mail, at_work


@pytest.fixture
async def desk(db) -> AtWork:
    return await at_work(db)


async def checks(desk: AtWork, number: str) -> list[tuple[str, str]]:
    return [(row.verdict, row.decision) for row in await desk.rows(tables.entitlement_check, number)]


# --- Qualification ---


async def test_to_qualify_names_every_field_that_is_missing(desk):
    number = (await desk.mail("who@elsewhere.test")).number
    tom = await desk.who("tom")

    with pytest.raises(
        Refused, match="customer, contact, request_type, technology, impact, urgency"
    ) as refusal:
        await desk.do(tickets.qualify, tom, number)
    assert refusal.value.missing == ("customer", "contact", "request_type", "technology", "impact", "urgency")
    with pytest.raises(Refused) as refusal:
        await desk.do(tickets.qualify, tom, number, customer="ACME", request_type="Incident", impact=2)
    assert refusal.value.missing == ("technology", "urgency")

    assert (await desk.ticket(number)).customer is None, "what was refused left nothing behind"


async def test_to_qualify_names_every_value_that_the_desk_does_not_know_and_those_it_does(desk):
    number = (await desk.mail("alice@acme.test")).number

    with pytest.raises(Invalid) as refusal:
        await desk.do(
            tickets.qualify,
            await desk.who("tom"),
            number,
            request_type="Wish",
            technology="Magic",
            impact=9,
            urgency=7,
            asset="sw-9",
            site="Roma",
            contact="nobody@acme.test",
        )

    assert {fault.pointer: fault.message for fault in refusal.value.faults} == {
        "/request_type": "'Wish' is not one of Incident, Change",
        "/technology": "'Magic' is not one of Network, Server",
        "/impact": "must be one of 1, 2, 3",
        "/urgency": "must be one of 1, 2, 3, 4",
        "/asset": "customer ACME has no asset 'sw-9'",
        "/site": "customer ACME has no site 'Roma'",
        "/contact": "customer ACME has no contact 'nobody@acme.test'",
    }
    with pytest.raises(Invalid, match="there is no customer NADA"):
        await desk.do(
            tickets.qualify, await desk.who("tom"), number, customer="NADA", contact="alice@acme.test"
        )


async def test_a_qualified_ticket_has_a_priority_clocks_from_receipt_a_group_and_a_notice(desk):
    number = (await desk.mail("alice@acme.test")).number
    received = desk.now
    desk.passes(minutes=25)

    await desk.qualify(number, impact=1, urgency=2, site="Verona")

    ticket, clocks = await desk.ticket(number), await desk.clocks(number)
    assert (ticket.state, ticket.priority, ticket.desk_group, ticket.site) == (
        "assigned",
        "P1",
        "Network L1",
        "Verona",
    )
    assert {name: clocks[name].started_at for name in ("response", "restore", "resolve")} == dict.fromkeys(
        ("response", "restore", "resolve"), received
    )
    assert clocks["triage"].state == "met"
    assert (ticket.next_due, ticket.next_clock) == (received + timedelta(minutes=15), "response")
    assert set(ticket.provenance.values()) == {"agent"}
    (told,) = await desk.outward(number, "progress")
    assert "Incident, Network, priorità P1" in told.text
    assert "entro lunedì 2 marzo 2026, 10:15 (CET)" in told.text
    (routed,) = await desk.events(number, "ticket.routed")
    assert routed.data["trace"][-1]["why"], "why here"


async def test_an_important_thing_is_urgent_whatever_was_said(desk):
    number = (await desk.mail("alice@acme.test")).number

    await desk.qualify(number, impact=3, urgency=1, asset="sw-1")

    assert (await desk.ticket(number)).priority == "P1"
    assert (await desk.events(number, "ticket.prioritised"))[0].data["reason"]


async def test_another_priority_moves_the_promises_and_the_customer_is_told(desk):
    number = await desk.qualified()
    desk.passes(hours=1)

    await desk.qualify(number, impact=1, urgency=1)

    clock = (await desk.clocks(number))["resolve"]
    assert (clock.target_s, clock.elapsed_s, clock.started_at) == (8 * 3600, 3600, MONDAY)
    assert "I dati della richiesta sono cambiati" in (await desk.outward(number))[-1].text


async def test_another_technology_is_checked_again_and_goes_to_its_group(desk):
    number = await desk.qualified()

    await desk.qualify(number, technology="Server")

    ticket = await desk.ticket(number)
    assert (ticket.desk_group, ticket.line) == ("Systems", "Server by day")
    rows = await desk.rows(tables.entitlement_check, number)
    assert [(row.seq, row.line, row.evidence["inputs"].get("technology")) for row in rows][-2:] == [
        (2, "Network", "Network"),
        (3, "Server by day", "Server"),
    ]


async def test_what_somebody_works_on_stays_with_them_when_it_is_described_anew(desk):
    number = await desk.taken()

    await desk.qualify(number, technology="Server")

    ticket = await desk.ticket(number)
    assert (ticket.desk_group, ticket.assignee, ticket.line) == (
        "Network L1",
        (await desk.who("ann")).id,
        "Server by day",
    )


async def test_what_has_ended_is_not_described_any_more(desk):
    number = await desk.closed()

    with pytest.raises(Refused, match=f"{number} is closed"):
        await desk.qualify(number, technology="Server")


async def test_staff_say_whose_request_it_is_and_the_writer_becomes_a_contact_there(desk):
    number = (await desk.mail("new.person@elsewhere.test")).number

    await desk.qualify(number, customer="GAMMA")

    ticket = await desk.ticket(number)
    (contact,) = await desk.rows(tables.contact, email="new.person@elsewhere.test")
    assert (ticket.contact, contact.customer, contact.password_hash) == (contact.id, "GAMMA", None)
    assert ticket.language == "en", "the customer's"
    assert "has been examined" in (await desk.outward(number, "progress"))[0].text
    (there,) = await desk.rows(tables.participant, number)
    assert (there.contact, there.role) == (contact.id, "requester")


async def test_a_person_who_left_and_writes_again_is_who_they_were_without_a_log_in(desk):
    await desk.db.write(lambda tx: tx.update(tables.contact, {"email": "aldo@acme.test"}, active=False))
    number = (await desk.mail("aldo@acme.test")).number

    await desk.qualify(number, customer="ACME")

    (contact,) = await desk.rows(tables.contact, email="aldo@acme.test")
    assert ((await desk.ticket(number)).contact, contact.active) == (contact.id, False)


async def test_a_request_of_another_customer_after_all_loses_its_contact(desk):
    number = (await desk.mail("alice@acme.test")).number

    await desk.qualify(number, customer="GAMMA", contact="Gina@Gamma.test")

    ticket = await desk.ticket(number)
    assert (ticket.customer, ticket.requester_name, ticket.requester_address) == (
        "GAMMA",
        "Gina",
        "gina@gamma.test",
    )
    assert ticket.language == "en"
    people = {row.address: row.role for row in await desk.rows(tables.participant, number)}
    assert people["gina@gamma.test"] == "requester"
    assert (await desk.ticket(number)).verdict == "no_contract"


async def test_who_is_said_to_be_the_requester_gets_the_answers(desk):
    number = (await desk.mail("someone@elsewhere.test")).number
    await desk.qualify(number, customer="ACME", contact="aldo@acme.test")

    await desk.do(tickets.reply, await desk.who("tom"), number, "Eccomi.")

    last = (await desk.outward(number, "reply"))[0].id
    told = {row.address for row in await desk.deliveries(number, message_id=last)}
    assert told == {"aldo@acme.test"}, "and only the requester"


# --- The check and what the desk does with it ---


async def test_the_check_is_kept_as_evidence_with_its_inputs_and_reasons(desk):
    number = (await desk.mail("alice@acme.test", authentication=PASSED)).number

    (row,) = await desk.rows(tables.entitlement_check, number)
    assert (row.verdict, row.contract, row.trust) == ("covered", "C-1", "aligned")
    assert row.evidence["inputs"]["customer"] == "ACME"
    assert row.evidence["reasons"][0]["sentence"]
    assert {candidate["line"] for candidate in row.evidence["candidates"]} == {"Network", "Server by day"}


async def test_a_contract_that_changes_later_changes_nothing_that_was_judged(desk):
    from tests.desk_files import put

    number = await desk.qualified()
    before = await desk.rows(tables.entitlement_check, number)

    ended = CONFIGURED.replace('number = "C-1"', 'number = "C-1"\n  status = "terminated"')
    await desk.db.write(put, ended, now=desk.now)
    await desk.do(tickets.take, await desk.who("ann"), number)

    ticket = await desk.ticket(number)
    assert await desk.rows(tables.entitlement_check, number) == before
    assert ticket.contract_version == before[-1].contract_version
    assert (await desk.clocks(number))["resolve"].state == "running"


async def test_outside_the_hours_of_the_line_the_customer_reads_when_it_goes_on(desk):
    desk.now = MONDAY + timedelta(hours=12)
    done = await desk.mail("alice@acme.test", authentication=PASSED, hints=Hints(technology="Server"))

    ticket = await desk.ticket(done.number)
    assert ticket.verdict == "covered_outside_window"
    assert "riprenderemo martedì 3 marzo 2026, 09:00" in (await desk.outward(done.number))[0].text


async def test_without_a_contract_the_request_is_not_lost_and_the_answer_is_polite(desk):
    done = await desk.mail("gina@gamma.test", authentication=PASSED)

    ticket = await desk.ticket(done.number)
    assert (ticket.state, ticket.verdict, ticket.decision) == ("triage", "no_contract", "route_sales")
    assert "our sales office will contact you" in (await desk.outward(done.number))[0].text


async def test_what_nothing_covers_goes_to_the_group_that_sells_whatever_the_table_says(db):
    selling = CONFIGURED.replace(
        "[[agents]]", '[[groups]]\nname = "Commercial"\ncalendar = "Office"\nsales = true\n[[agents]]', 1
    )
    desk = await at_work(db, selling)
    number = (await desk.mail("gina@gamma.test", authentication=PASSED)).number
    assert ((await desk.ticket(number)).state, (await desk.ticket(number)).desk_group) == (
        "triage",
        "Commercial",
    )
    (routed,) = await desk.events(number, "ticket.routed")
    assert [(step["rule"], step["why"]) for step in routed.data["trace"]] == [("sales", "sales")]

    await desk.qualify(number)
    assert (await desk.ticket(number)).desk_group == "Commercial", "not Network L1"


async def test_that_no_group_fits_is_an_alarm_when_it_is_known_what_the_request_is_about(db):
    nobody = CONFIGURED.replace('technologies = ["Network"]', 'technologies = ["Server"]')
    desk = await at_work(db, nobody)

    number = (await desk.mail("gina@gamma.test", authentication=PASSED)).number
    assert await desk.rows(tables.task, kind="unrouted") == []
    await desk.qualify(number)
    assert [task.alarm for task in await desk.rows(tables.task, kind="unrouted")] == [True]


async def test_a_suspended_contract_holds_the_request_until_a_leader_decides(desk):
    done = await desk.mail("bob@beta.test", authentication=PASSED)

    ticket = await desk.ticket(done.number)
    assert (ticket.state, ticket.verdict, ticket.decision) == ("on_hold", "suspended", "hold_for_approval")
    assert "An approval is needed" in (await desk.outward(done.number))[0].text
    with pytest.raises(Refused, match="cannot take from on_hold") as refusal:
        await desk.do(tickets.take, await desk.who("lea"), done.number)
    assert refusal.value.allowed == ("approve", "reject", "merge", "cancel")
    await desk.do(tickets.reply, await desk.who("tom"), done.number, "We are looking into it.")


async def test_a_complete_request_of_theirs_is_held_too(desk):
    hints = Hints(
        request_type="Incident", technology="Network", impact=3, urgency=2, provenance="portal_form"
    )
    bob = await desk.who("bob")
    arrival = Arrival(channel="portal", raw=b"x", received_at=desk.now)

    done = await desk.db.write(
        intake.receive, arrival, a_mail("bob@beta.test", hints=hints, contact=bob.id), now=desk.now
    )

    assert (await desk.ticket(done.number)).state == "on_hold"


async def test_an_approved_request_goes_on_and_who_and_why_are_kept(desk):
    number = (await desk.mail("bob@beta.test")).number
    lea = await desk.who("lea")

    await desk.do(resolution.approve, lea, number, reason="Renewal is signed, paper follows.")

    assert (await desk.ticket(number)).state == "triage"
    row = (await desk.rows(tables.entitlement_check, number))[-1]
    assert (row.verdict, row.decision, row.overridden_by) == ("suspended", "accept", lea.actor)
    assert row.override_reason == "Renewal is signed, paper follows."
    assert "has been approved" in (await desk.outward(number, "progress"))[0].text

    await desk.qualify(number)
    ticket = await desk.ticket(number)
    assert (ticket.state, ticket.verdict, ticket.decision) == ("assigned", "suspended", "accept"), (
        "not asked again"
    )
    assert (await checks(desk, number))[-1] == ("suspended", "accept")


async def test_a_request_that_was_complete_goes_straight_to_its_group_when_approved(desk):
    hints = Hints(request_type="Incident", technology="Network", impact=3, urgency=2)
    number = (await desk.mail("bob@beta.test", hints=hints)).number

    await desk.do(resolution.approve, await desk.who("lea"), number, reason="Renewal is signed.")

    ticket = await desk.ticket(number)
    assert (ticket.state, ticket.desk_group) == ("assigned", "Network L1")
    (told,) = await desk.outward(number, "progress")
    assert "has been approved" in told.text
    assert "has been examined" in told.text


async def test_an_override_holds_until_it_lapses_or_the_verdict_is_another(desk):
    number = (await desk.mail("bob@beta.test")).number
    await desk.do(resolution.approve, await desk.who("lea"), number, reason="Renewal is signed.")
    (_, allowed) = await desk.rows(tables.entitlement_check, number)
    key = {"ticket_id": allowed.ticket_id, "seq": allowed.seq}
    until = desk.now + timedelta(days=1)
    await desk.db.write(lambda tx: tx.update(tables.entitlement_check, key, override_until=until))
    desk.passes(days=2)

    await desk.qualify(number)

    assert (await desk.ticket(number)).state == "on_hold"
    assert (await checks(desk, number))[-1] == ("suspended", "hold_for_approval")
    assert "An approval is needed before we begin" in (await desk.outward(number))[-1].text


async def test_only_a_leader_approves_and_says_why_at_length(desk):
    number = (await desk.mail("bob@beta.test")).number

    with pytest.raises(Forbidden, match="a shift leader, a supervisor or an administrator approves"):
        await desk.do(resolution.approve, await desk.who("tom"), number, reason="Renewal is signed.")
    with pytest.raises(Invalid, match="at least 10 characters"):
        await desk.do(resolution.approve, await desk.who("lea"), number, reason="yes")


async def test_a_ticket_whose_new_description_is_not_covered_waits_for_a_leader(db):
    strict = CONFIGURED.replace(
        'domains = ["acme.test"]', 'domains = ["acme.test"]\npolicy = { out_of_scope = "hold_for_approval" }'
    ).replace(
        'name = "Server by day"\n    technologies = ["Server"]',
        'name = "Changes"\n    request_types = ["Change"]',
    )
    desk = await at_work(db, strict)
    number = await desk.qualified()

    await desk.qualify(number, technology="Server")

    assert (await desk.ticket(number)).state == "on_hold"
    assert "Serve un'approvazione" in (await desk.outward(number))[-1].text


async def test_what_we_will_not_do_is_answered_by_a_person_and_ends(desk):
    number = (await desk.mail("bob@beta.test", authentication=PASSED)).number
    tom = await desk.who("tom")

    await desk.do(resolution.reject, tom, number, reason="Non paga.", text="Please settle the invoice first.")

    ticket = await desk.ticket(number)
    assert (ticket.state, ticket.open) == ("rejected", False)
    (answer,) = await desk.outward(number, "rejected")
    assert (answer.automatic, answer.agent, answer.author_name) == (False, tom.id, "Tom")
    assert "Dear Bob" in answer.text
    assert "Please settle the invoice first." in answer.text
    assert "Non paga" not in answer.text
    assert [row.text for row in await desk.rows(tables.note, number)] == ["Non paga."]
    assert {row.state for row in (await desk.clocks(number)).values()} == {"cancelled"}


async def test_a_warning_is_a_flag_that_a_better_description_takes_back(db):
    only = CONFIGURED.replace(
        'name = "Server by day"\n    technologies = ["Server"]',
        'name = "Changes"\n    technologies = ["Network"]',
    )
    desk = await at_work(db, only)
    number = await desk.qualified()
    await desk.qualify(number, technology="Server")
    assert (await desk.ticket(number)).flags == ["not_covered"]

    await desk.qualify(number, technology="Network")

    assert (await desk.ticket(number)).flags == []


async def test_one_customers_contact_is_not_made_anothers_without_a_word(desk):
    number = (await desk.mail("alice@acme.test")).number

    with pytest.raises(Refused) as refusal:
        await desk.qualify(number, customer="GAMMA")

    assert refusal.value.missing == ("contact",)
    assert (await desk.ticket(number)).customer == "ACME"
    assert await desk.rows(tables.contact, email="alice@acme.test", customer="GAMMA") == []


async def test_the_group_it_has_is_no_change(desk):
    number = await desk.qualified()
    before = len(await desk.events(number))

    await desk.do(tickets.assign, await desk.who("tom"), number, group="Network L1")

    assert len(await desk.events(number)) == before


async def test_a_colleague_who_passes_a_request_on_does_not_become_the_customers_contact(desk):
    number = (await desk.mail("ann@hub.test", "Fwd: Rete")).number

    with pytest.raises(Refused) as refusal:
        await desk.qualify(number, customer="ACME")
    assert refusal.value.missing == ("contact",)

    await desk.qualify(number, customer="ACME", contact="alice@acme.test")
    assert (await desk.ticket(number)).requester_address == "alice@acme.test"
    assert await desk.rows(tables.contact, email="ann@hub.test") == []
