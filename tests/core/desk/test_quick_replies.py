"""What staff give often is offered where it concerns, in the customer's language, filled in; a place without a value is seen."""

from __future__ import annotations

from datetime import timedelta

import pytest

from core.desk import quick_replies, reference
from core.desk.errors import Forbidden, NotFound
from core.rules.calendar_definitions import definition_version
from core.store import tables
from tests import rows
from tests.rows import ALICE, LEADER, NOON, TECHNICIAN


def furnish(tx):
    rows.people(tx)
    for position, (name, texts, groups) in enumerate(
        [
            ("Seen", {"it": "Buongiorno {contact.name}: {ticket.number}.", "en": "Dear {contact.name}"}, []),
            ("Promise", {"it": "Entro {clock.due}. {agent.name}"}, []),
            ("Servers", {"it": "Riavviare?"}, ["Servers L1"]),
            ("Money", {"en": "It costs {this much}."}, ["Commercial"]),
        ]
    ):
        tx.insert(tables.quick_reply, name=name, position=position, texts=texts, groups=groups)
    return rows.a_ticket(tx, "26-000001", desk_group="Commercial", requester_name="Alice {agent.name}")


@pytest.fixture
async def desk(db):
    await db.write(furnish)
    return db


async def offered(desk, who, number="26-000001"):
    return {one.name: one for one in await desk.read(quick_replies.of_ticket, who, number, now=NOON)}


async def test_it_is_filled_in_once_and_what_people_are_called_is_never_a_place(desk):
    found = (await offered(desk, LEADER))["Seen"]

    assert (found.text, found.missing, found.language) == (
        "Buongiorno Alice {agent.name}: 26-000001.",
        (),
        "it",
    )


async def test_a_place_without_a_value_stays_to_be_seen(desk):
    found = (await offered(desk, LEADER))["Promise"]

    assert (found.text, found.missing) == ("Entro {clock.due}. Lea", ("clock.due",))


async def test_the_next_promise_is_said_in_the_customers_zone(desk):
    def promise(tx):
        ticket = tx.one(tables.ticket.select()).id
        for name, hours in (("resolve", 5), ("update", 2), ("triage", 1)):
            tx.insert(
                tables.sla_clock,
                ticket_id=ticket,
                name=name,
                cycle=1,
                state="running",
                calendar=definition_version(reference.always_open("Europe/Rome")),
                target_s=3600 * hours,
                started_at=NOON,
                due_at=NOON + timedelta(hours=hours),
            )

    await desk.write(promise)

    assert "lunedì 2 marzo 2026, 15:00 (CET)" in (await offered(desk, LEADER))["Promise"].text


async def test_it_is_offered_at_tickets_of_its_groups_and_to_their_people(desk):
    assert list(await offered(desk, LEADER)) == ["Seen", "Promise", "Money"]
    await desk.write(rows.a_ticket, "26-000002", desk_group="Network L1")
    assert list(await offered(desk, TECHNICIAN, "26-000002")) == ["Seen", "Promise", "Servers"]


async def test_who_may_not_see_the_ticket_sees_none_of_its_values(desk):
    with pytest.raises(NotFound):
        await offered(desk, TECHNICIAN)
    with pytest.raises(Forbidden):
        await offered(desk, ALICE)
