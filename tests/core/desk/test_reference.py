"""The configuration of the desk is read once per revision, and never mixed up."""

from __future__ import annotations

import asyncio
import shutil
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import delete

from core.desk import reference
from core.facts import HubFacts
from core.rules.durations import Target
from core.store import tables
from core.store.opening import open_database
from core.store.tx import Tx
from tests.desk_files import SMALL, changed, put
from tests.rows import NOON

LATER = NOON + timedelta(hours=1)


@pytest.fixture
async def desk(db):
    await db.write(put, SMALL)
    return await db.read(reference.desk)


async def test_an_empty_desk_has_the_calendar_that_is_always_open_in_the_hubs_zone(db) -> None:
    found = await db.read(reference.desk)

    always = found.calendars["24x7"]
    assert set(found.calendars) == {"24x7"}
    assert always.calendar.is_open(NOON)
    assert always.calendar.definition.time_zone == "Europe/Rome"
    assert (await db.read(reference.hours, always.version)).definition == always.calendar.definition


async def test_the_desk_is_what_the_file_said(desk) -> None:
    gold = desk.slas["Gold"].targets

    assert set(desk.calendars) == {"24x7", "Office"}
    assert desk.request_types == ("Incident",)
    assert desk.technologies == ("Network", "Server")
    assert list(desk.groups) == ["Network L1", "Systems"]
    assert desk.groups["Systems"].fallback == "Network L1"
    assert gold["P1"].times == {"response": Target(seconds=900), "resolve": Target(seconds=8 * 3600)}
    assert (gold["P1"].calendar, gold["P4"].calendar) == ("24x7", None)
    assert gold["P4"].times["resolve"] == Target(working_days=5, end_of_day=True)
    assert [(rule.technology, rule.customer, rule.group) for rule in desk.routing] == [
        ("Network", None, "Network L1"),
        (None, "ACME", "Systems"),
    ]


async def test_a_running_clock_keeps_the_calendar_it_was_started_with(db, desk) -> None:
    office = desk.calendars["Office"]
    sunday = NOON + timedelta(days=(6 - NOON.weekday()) % 7)

    await db.write(put, changed('"mon-fri 09:00-13:00"', '"mon-sun 09:00-13:00"'), now=LATER)
    now = (await db.read(reference.desk)).calendars["Office"]

    assert now.version != office.version
    assert now.calendar.is_open(sunday.replace(hour=9))
    assert not (await db.read(reference.hours, office.version)).is_open(sunday.replace(hour=9))


async def test_the_configuration_is_read_again_only_when_it_changed(db, desk) -> None:
    same = await db.read(reference.desk)
    await db.write(put, changed('name = "Server"', 'name = "Backup"'), now=LATER)
    new = await db.read(reference.desk)

    assert same is desk
    assert new.revision > desk.revision
    assert new.technologies == ("Network", "Backup")


async def test_a_verb_that_changes_the_desk_sees_it_changed(db) -> None:
    def verb(tx: Tx) -> tuple[int, int]:
        before = len(reference.desk(tx).groups)
        put(tx, SMALL)
        return before, len(reference.desk(tx).groups)

    assert await db.write(verb) == (0, 2)


async def test_two_databases_in_one_process_have_their_own_desks(db, desk, tmp_path, sqlite_template) -> None:
    shutil.copyfile(sqlite_template, tmp_path / "other.db")
    facts = HubFacts(time_zone="America/New_York")
    other = open_database(f"sqlite:///{tmp_path / 'other.db'}", facts, readers=1, connections=1)
    try:
        await other.write(
            put, changed('name = "Server"', 'name = "Mainframe"')
        )  # at the same instant: same revision
        theirs = await other.read(reference.desk)
        ours = await db.read(reference.desk)
    finally:
        other.close()

    assert theirs.revision == ours.revision
    assert theirs.technologies == ("Network", "Mainframe")
    assert ours.technologies == ("Network", "Server")
    assert theirs.calendars["24x7"].calendar.definition.time_zone == "America/New_York"


async def test_many_threads_read_while_the_desk_changes(db, desk) -> None:
    texts = [changed('name = "Server"', f'name = "T{n}"') for n in range(8)]

    async def change() -> None:
        for n, text in enumerate(texts):
            await db.write(put, text, now=LATER + timedelta(minutes=n))

    async def look() -> None:
        for _ in range(40):
            found = await db.read(reference.desk)
            assert len(found.technologies) == 2

    await asyncio.gather(change(), *(look() for _ in range(4)))

    assert (await db.read(reference.desk)).technologies == ("Network", "T7")


async def test_a_customer_and_its_contracts_are_found_by_code(db, desk) -> None:
    acme = await db.read(reference.customer, "ACME")
    (contract,) = await db.read(reference.contracts, "ACME")

    assert (acme.name, acme.phone_code, acme.groups) == ("Acme S.p.A.", "1001", ("Network L1",))
    assert acme.policy == {"expired": "hold_for_approval"}
    assert (contract.number, contract.customer, contract.grace_days) == ("C-1", "ACME", 30)
    assert contract.authorised_contacts == ("alice@acme.test",)
    assert [(line.name, line.remaining) for line in contract.lines] == [("Network", None), ("Hours", 37.5)]
    assert contract.stands(NOON) == "valid"
    assert ZoneInfo(contract.time_zone).key == "Europe/Rome"
    assert await db.read(reference.customer, "NOBODY") is None


async def test_a_child_is_covered_by_its_parents_contract_when_that_says_so(db, desk) -> None:
    assert [c.number for c in await db.read(reference.contracts, "FIGLIA")] == ["C-1"]

    await db.write(put, changed("covers_children = true", "covers_children = false"), now=LATER)

    assert await db.read(reference.contracts, "FIGLIA") == ()


async def test_a_customer_out_of_use_is_not_found(db, desk) -> None:
    routing = '[[routing]]\ngroup = "Systems"\n[[alert_sources]]\nname = "z"\nkind = "generic"\n'
    await db.write(put, routing + '[[customers]]\nname = "Other"\ncode = "OTHER"\n', now=LATER)

    assert await db.read(reference.customer, "ACME") is None
    assert await db.read(reference.customer, "OTHER") is not None


async def test_a_version_that_never_was_is_refused(db) -> None:
    with pytest.raises(LookupError, match="there is no definition nowhere"):
        await db.read(reference.contract, "nowhere")


async def test_a_contract_read_once_is_not_read_again(db, desk) -> None:
    (contract,) = await db.read(reference.contracts, "ACME")
    await db.write(lambda tx: tx.run(delete(tables.definition)))

    assert await db.read(reference.contract, contract.version) is contract
