"""People and things are found by what a message or a form says of them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from core.desk import people
from tests.desk_files import SMALL, changed, put, section
from tests.rows import NOON

LATER = NOON + timedelta(hours=1)
TWO_COMPANIES = changed(
    'parent = "ACME"\nlanguage = "en"\n',
    'parent = "ACME"\ndomains = ["acme.test"]\n'
    '[[customers.contacts]]\nname = "Alice at Figlia"\nemail = "alice@acme.test"\n',
)


@pytest.fixture
async def desk(db):
    await db.write(put, SMALL)
    return db


async def test_an_address_finds_its_contact_whatever_its_case(desk) -> None:
    (alice,) = await desk.read(people.by_address, "ALICE@Acme.Test")

    assert (alice.name, alice.customer, alice.role, alice.sites) == ("Alice", "ACME", "manager", ("Verona",))
    assert await desk.read(people.contact, alice.id) == alice
    assert await desk.read(people.by_address, "bob@acme.test") == []


async def test_one_person_of_two_customers_is_found_twice(desk) -> None:
    await desk.write(put, TWO_COMPANIES, now=LATER)

    assert {c.customer for c in await desk.read(people.by_address, "alice@acme.test")} == {"ACME", "FIGLIA"}
    assert await desk.read(people.customers_of_domain, "ACME.test") == ["ACME", "FIGLIA"]


async def test_a_domain_names_its_customers(desk) -> None:
    assert await desk.read(people.customers_of_domain, "acme.test") == ["ACME"]
    assert await desk.read(people.customers_of_domain, "evil.test") == []


async def test_a_contact_who_left_is_remembered_and_no_longer_found_by_address(desk) -> None:
    (alice,) = await desk.read(people.by_address, "alice@acme.test")
    without = section("customers").split("  [[customers.contacts]]")
    rest = (
        without[1]
        .split("  [[customers.assets]]")[1]
        .replace('authorised_contacts = ["Alice@acme.test"]\n', "")
    )

    await desk.write(put, without[0] + "  [[customers.assets]]" + rest, now=LATER)

    assert await desk.read(people.by_address, "alice@acme.test") == []
    assert await desk.read(people.contacts, "ACME") == []
    remembered = await desk.read(people.contact, alice.id)
    assert (remembered.name, remembered.active) == ("Alice", False)


async def test_staff_are_found_by_address_and_id(desk) -> None:
    ann = await desk.read(people.agent_by_email, "ann@HUB.test")

    assert (ann.name, ann.roles, ann.groups) == ("Ann", ("contact-centre", "admin"), ("Network L1",))
    assert await desk.read(people.agent, ann.id) == ann
    assert await desk.read(people.agents) == [ann]
    assert await desk.read(people.agent_by_email, "alice@acme.test") is None


async def test_what_a_customer_has_is_listed(desk) -> None:
    (switch,) = await desk.read(people.assets, "ACME")

    assert (switch.technology, switch.site, switch.criticality) == ("Network", "Verona", "high")
    assert await desk.read(people.asset, "ACME", "sw-1") == switch
    assert await desk.read(people.asset, "FIGLIA", "sw-1") is None
    assert await desk.read(people.sites, "ACME") == ["Verona"]
    assert await desk.read(people.customers) == [("FIGLIA", "Acme Figlia"), ("ACME", "Acme S.p.A.")]
