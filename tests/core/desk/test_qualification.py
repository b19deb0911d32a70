"""What waits to be qualified is one queue: what it lacks, what is suggested and why, and how long it took."""

from __future__ import annotations

from datetime import timedelta

import pytest

from core.desk import qualification, suggestions, tickets
from core.desk.errors import Forbidden, Invalid, Refused
from core.envelope import Address
from core.store import tables
from tests.desk_at_work import CONFIGURED, AtWork, at_work
from tests.desk_files import put

HINTED = (
    CONFIGURED
    + """
[[intake_rules]]
mailbox = "noc@hub.test"
request_type = "Incident"
impact = 2
[[intake_rules]]
words = ["fuoco", "fire"]
urgency = 1
safety = true
"""
)


@pytest.fixture
async def desk(db) -> AtWork:
    found = await at_work(db)
    await db.write(put, HINTED, now=found.now)
    return found


async def waiting(desk: AtWork, **asked):
    return await desk.db.read(qualification.queue, await desk.who("tom"), now=desk.now, **asked)


async def test_the_queue_says_what_is_missing_and_how_long_each_may_wait(desk):
    known = (await desk.mail("alice@acme.test")).number
    unknown = (await desk.mail("who@elsewhere.test")).number
    await desk.qualified()

    found = await waiting(desk)

    assert {one.number: one.missing for one in found.items} == {
        known: ("request_type", "technology", "impact", "urgency"),
        unknown: ("customer", "contact", "request_type", "technology", "impact", "urgency"),
    }
    assert {one.due_at for one in found.items} == {desk.now + timedelta(minutes=30)}
    assert (found.count, found.late) == (2, 0)
    first = await waiting(desk, limit=1)
    rest = await waiting(desk, limit=1, cursor=first.next)
    assert [one.number for one in (*first.items, *rest.items)] == [one.number for one in found.items]
    assert (rest.count, rest.next, found.next) == (2, None, None)
    desk.passes(minutes=31)
    assert (await waiting(desk)).late == 2
    with pytest.raises(Forbidden):
        await desk.db.read(qualification.queue, await desk.who("alice"), now=desk.now)


async def test_what_lay_in_a_mailbox_is_suggested_by_the_address_that_its_mail_names(desk):
    inbound = await desk.arrive("alice@acme.test", recipients=())
    await desk.understand(inbound, "alice@acme.test", cc=(Address("NOC@hub.test"),))

    (found,) = (await waiting(desk)).items

    assert ("request_type", "mailbox") in {(one.field, one.code) for one in found.suggestions}


async def test_suggestions_name_their_source_and_accepting_them_qualifies(desk):
    number = (await desk.mail("alice@acme.test", subject="sw-1: there is fire")).number
    ticket = await desk.ticket(number)
    inbound = (await desk.rows(tables.inbound, number))[0]
    await desk.db.write(lambda tx: tx.update(tables.inbound, {"id": inbound.id}, recipients=["noc@hub.test"]))

    (found,) = (await waiting(desk)).items
    assert {one.field: (one.value, one.provenance, one.code) for one in found.suggestions} == {
        "request_type": ("Incident", "mail_alias", "mailbox"),
        "impact": (2, "mail_alias", "mailbox"),
        "asset": ("sw-1", "rule", "asset"),
        "technology": ("Network", "rule", "asset"),
        "urgency": (1, "rule", "words"),
        "safety": (True, "rule", "words"),
    }

    tom = await desk.who("tom")
    with pytest.raises(Invalid) as refusal:
        await desk.do(suggestions.accept, tom, number, ["site"])
    assert "nothing is suggested for 'site'" in str(refusal.value)
    await desk.do(suggestions.accept, tom, number, ["technology", "asset"])
    assert (await desk.ticket(number)).state == ticket.state == "triage"
    desk.passes(minutes=5)
    await desk.do(suggestions.accept, tom, number, ["request_type", "impact", "urgency", "safety"])

    ticket = await desk.ticket(number)
    assert (ticket.state, ticket.priority, ticket.desk_group) == ("assigned", "P1", "Network L1")
    assert ticket.provenance == {
        "technology": "rule",
        "asset": "rule",
        "request_type": "mail_alias",
        "impact": "mail_alias",
        "urgency": "rule",
        "safety": "rule",
    }
    assert ticket.qualified_at == desk.now
    assert [event.actor for event in await desk.events(number, "suggestion.accepted")] == [tom.actor] * 2
    with pytest.raises(Refused, match="qualified already"):
        await desk.do(suggestions.accept, tom, number, ["technology"])


async def test_what_a_person_says_counts_more_than_what_was_suggested(desk):
    number = (await desk.mail("alice@acme.test", subject="sw-1 is down")).number
    tom = await desk.who("tom")
    await desk.do(suggestions.accept, tom, number, ["technology"])

    await desk.qualify(number, technology="Server")

    ticket = await desk.ticket(number)
    assert (ticket.technology, ticket.provenance["technology"]) == ("Server", "agent")


async def test_what_somebody_asked_before_is_a_hint(desk):
    for _ in range(2):
        await desk.qualified("alice@acme.test")
        desk.passes(minutes=1)
    await desk.mail("alice@acme.test", subject="Again")

    found = {one.field: one for one in (await waiting(desk)).items[0].suggestions}

    assert (found["technology"].value, found["technology"].code, found["technology"].because) == (
        "Network",
        "history",
        "2/2",
    )


async def test_the_time_to_qualify_is_measured_by_channel(desk):
    for minutes in (1, 2, 30):
        number = (await desk.mail("alice@acme.test")).number
        desk.passes(minutes=minutes)
        await desk.qualify(number)
    await desk.do(tickets.qualify, await desk.who("tom"), number, impact=1)

    found = await desk.db.read(qualification.figures, now=desk.now)

    assert [(one.days, one.channel, one.count, one.median, one.p90) for one in found] == [
        (7, "", 3, 120, 1800),
        (7, "email", 3, 120, 1800),
        (30, "", 3, 120, 1800),
        (30, "email", 3, 120, 1800),
    ]
