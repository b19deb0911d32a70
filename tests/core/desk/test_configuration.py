"""The desk goes in and out as a file: every mistake at once, nothing twice, and nothing left hanging."""

from __future__ import annotations

import re
import shutil
import tomllib
from datetime import date, timedelta
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from core.desk import accounts, books, links, passwords, people, reference
from core.desk.configuration import checking, document, export, rows
from core.desk.errors import ConfigurationError
from core.store import tables
from core.store.columns import from_micros
from core.store.opening import open_database
from tests.desk_files import SMALL, changed, put, section, with_secrets
from tests.rows import NOON, a_ticket

LATER = NOON + timedelta(hours=1)


def mistakes(text: str) -> list[str]:
    with pytest.raises(ConfigurationError) as refused:
        checking.read(text)
    return list(refused.value.mistakes)


def row(tx, table, **key):
    return tx.one(select(table).where(*(table.c[name] == value for name, value in key.items())))


async def lines(db, text: str) -> list[str]:
    """The difference that a file would make."""
    return [str(change) for change in await db.read(rows.plan, checking.read(text), {})]


# Mistakes


def test_the_small_desk_has_no_mistake() -> None:
    assert set(checking.read(SMALL)) == set(document.PARTS)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('sla = "Gold"', 'sla = "Glod"', "customers[ACME].contracts[C-1].lines[Network].sla: 'Glod' is not a service level; did you mean 'Gold'?"),
        ('calendar = "Office"\n    sla', 'calendar = "Offce"\n    sla', "customers[ACME].contracts[C-1].lines[Network].calendar: 'Offce' is not a calendar; did you mean 'Office'?"),
        ("grace_days = 30", "grace_day = 30", "customers[ACME].contracts[C-1].grace_day: is not a field here; did you mean 'grace_days'?"),
        ("grace_days = 30", 'grace_days = "30"', "customers[ACME].contracts[C-1].grace_days: must be a whole number, not text"),
        ("grace_days = 30", "grace_days = -1", "customers[ACME].contracts[C-1].grace_days: must not be negative"),
        ("valid_until = 2026-12-31", "valid_until = 2025-12-31", "customers[ACME].contracts[C-1].valid_until: 2025-12-31 is before valid_from, 2026-01-01"),
        ('fallback = "Network L1"', 'sales = true\n[[groups]]\nname = "Sales"\nsales = true', "groups[Sales].sales: Systems is the one that sells already"),
        ("valid_from = 2026-01-01", "valid_from = 9999-12-31", "customers[ACME].contracts[C-1].valid_from: 9999-12-31 must be a day of the years 1900 to 2199"),
        ("valid_until = 2026-12-31", "", "customers[ACME].contracts[C-1].valid_until: is missing"),
        ("quantity = 40", "quantity = -40", "customers[ACME].contracts[C-1].lines[Hours].quantity: must not be negative"),
        ('measure = "hours"', 'measure = "hours"\n    channels = ["phone", "whatsap"]', "customers[ACME].contracts[C-1].lines[Hours].channels: 'whatsap' is none of email, phone, sms, whatsapp, telegram, xmpp, webchat, portal, api, console, monitoring; did you mean 'whatsapp'?"),
        ('measure = "hours"', 'measure = "hour"', "customers[ACME].contracts[C-1].lines[Hours].measure: 'hour' is none of none, hours, tickets, visits; did you mean 'hours'?"),
        ('["Alice@acme.test"]', '["bob@acme.test"]', "customers[ACME].contracts[C-1].authorised_contacts: 'bob@acme.test' is not a contact of this customer"),
        ('{ expired = "hold_for_approval" }', '{ expird = "hold_for_approval" }', "customers[ACME].policy: 'expird' is none of"),
        ('{ expired = "hold_for_approval" }', '{ expired = "hold" }', "customers[ACME].policy.expired: 'hold' is none of"),
        (
            "address = 'Via \"Roma\" 1'",
            'time_zone = "Europe/Rom"',
            "customers[ACME].sites[Verona].time_zone: 'Europe/Rom' is not a time zone such as Europe/Rome",
        ),
        (
            "address = 'Via \"Roma\" 1'",
            'holidays = "IT-XX"',
            'customers[ACME].sites[Verona].holidays: "IT-XX" is not known',
        ),
        (
            'phone = "+390455550101"',
            'language = "fr"',
            "customers[ACME].contacts[alice@acme.test].language: 'fr' is none of it, en",
        ),
        (
            'language = "en"',
            'time_zone = "Europe"',
            "customers[FIGLIA].time_zone: 'Europe' is not a time zone such as Europe/Rome",
        ),
        ('fallback = "Network L1"', "level = 4", "groups[Systems].level: 4 is not 1, 2 or 3"),
        (
            "valid_from = 2026-01-01",
            'valid_from = "soon"',
            "customers[ACME].contracts[C-1].valid_from: ",
        ),
        ('parent = "ACME"', 'parent = "FIGLIA"', "customers[FIGLIA].parent: is the customer itself"),
        ('parent = "ACME"', 'parent = "ACMEE"', "customers[FIGLIA].parent: 'ACMEE' is not a customer; did you mean 'ACME'?"),
        ('phone_code = "1002"', 'phone_code = "1001"', "customers[FIGLIA].phone_code: phone_code 1001 is that of ACME already"),
        ('phone_code = "1002"', 'phone_code = "10a2"', "customers[FIGLIA].phone_code: '10a2' must be digits; leave it out to have one made"),
        ('pin = "246810"', 'pin = "2468"', "customers[ACME].contacts[alice@acme.test].pin: must be at least 6 digits"),
        ('role = "manager"', 'role = "boss"', "customers[ACME].contacts[alice@acme.test].role: 'boss' is none of user, manager, admin"),
        ('sites = ["Verona"]', 'sites = ["Milano"]', "customers[ACME].contacts[alice@acme.test].sites: 'Milano' is not a site of this customer"),
        ('email = "alice@acme.test"', 'email = "alice"', "customers[ACME].contacts[alice].email: 'alice' is no e-mail address"),
        ('language = "en"', 'language = "eng"', "customers[FIGLIA].language: 'eng' is none of it, en; did you mean 'en'?"),
        ('domains = ["acme.test"]', 'domains = ["acme.test", "ACME.test"]', "customers[ACME].domains: 'acme.test' stands there twice"),
        ('response = "15m"', 'response = "soon"', 'slas[Gold].targets.P1.response: "soon" is not a target'),
        ('response = "15m"', 'respons = "15m"', "slas[Gold].targets.P1.respons: 'respons' is none of response"),
        ("[slas.targets.P4]", "[slas.targets.P5]", "slas[Gold].targets.P5: 'P5' is none of P1, P2, P3, P4"),
        ('"mon-fri 14:00-18:00"', '"mon-fri 18:00-14:00"', "calendars[Office].weekly mon"),
        ('holidays = "IT"', 'holidays = "XX"', 'calendars[Office].holidays: "XX" is not known'),
        ('weekly = ["mon-fri 09:00-13:00", "mon-fri 14:00-18:00"]', "weekly = []", "calendars[Office].weekly: the calendar is never open"),
        ('name = "Office"', 'name = "24x7"', "calendars[24x7]: is always there; give yours another name"),
        ('roles = ["contact-centre", "admin"]', 'roles = ["contact-center"]', "agents[Ann@hub.test].roles: 'contact-center' is none of"),
        ('fallback = "Network L1"', 'fallback = "Network L2"', "groups[Systems].fallback: 'Network L2' is not a group; did you mean 'Network L1'?"),
        ('customer = "ACME"\ngroup', 'customer = "ACNE"\ngroup', "routing[2].customer: 'ACNE' is not a customer; did you mean 'ACME'?"),
        ('"SR[0-9]{7}"', '"SR[0-9"', "vendors[Cumulus].reference_pattern: is no regular expression"),
        ('kind = "zabbix"\ncustomer = "ACME"', 'kind = "zabbix"\ncustomer = "X"', "alert_sources[zabbix].customer: 'X' is not a customer"),
        ('kind = "zabbix"', 'kind = "zabix"', "alert_sources[zabbix].kind: 'zabix' is none of alertmanager, auto, aws-sns, azure-monitor, checkmk,"),
        ('kind = "zabbix"', 'kind = "zabbix"\nrate = 0', "alert_sources[zabbix].rate: must be between 1 and 100000"),
        ('kind = "zabbix"', 'kind = "zabbix"\nburst = 2000000', "alert_sources[zabbix].burst: must be between 1 and 1000000"),
        ("{ticket.number}", "{ticket.nummer}", "quick_replies[Seen].texts.en: {ticket.nummer} is no place; there are contact.name, ticket.number, agent.name, clock.due; did you mean 'ticket.number'?"),
        ('it = "{contact.name}, ci siamo."', 'fr = "Bonjour"', "quick_replies[Seen].texts.fr: 'fr' is none of it, en"),
        ('it = "{contact.name}, ci siamo."', 'it = " "', "quick_replies[Seen].texts.it: is empty"),
        ('groups = ["Systems"]\n[quick', 'groups = ["Sistems"]\n[quick', "quick_replies[Seen].groups: 'Sistems' is not a group; did you mean 'Systems'?"),
        ("[[technologies]]", "[[technologie]]", "technologie: is not a section of a desk; did you mean 'technologies'?"),
        ('name = "Server"', 'name = "network"', "technologies[network]: stands there twice"),
        ("[[request_types]]", "[request_types]", "request_types: must be tables: [[request_types]]"),
        ("[[calendars]]", "[[calendars]", "not TOML: "),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_place(old: str, new: str, told: str) -> None:
    found = mistakes(changed(old, new))

    assert [line for line in found if line.startswith(told)] != [], found


def test_every_mistake_is_told_at_once() -> None:
    text = changed("grace_days = 30", "grace_day = 30")
    text = changed('sla = "Gold"', 'sla = "Glod"', text)
    text = changed('pin = "246810"', "pin = 246810", text)
    text = changed('technology = "Network"\ngroup', 'technology = "Netwrk"\ngroup', text)

    found = mistakes(text)

    assert len(found) == 4
    assert {line.split(":")[0] for line in found} == {
        "customers[ACME].contracts[C-1].grace_day",
        "customers[ACME].contracts[C-1].lines[Network].sla",
        "customers[ACME].contacts[alice@acme.test].pin",
        "routing[1].technology",
    }


def test_a_part_that_cannot_be_read_does_not_make_those_that_name_it_wrong() -> None:
    text = changed('[[groups]]\nname = "Systems"', '[[groups]]\nname = "Systems"\nlevel = "two"')

    assert mistakes(text) == ["groups[Systems].level: must be a whole number, not text"]


def test_what_is_no_table_is_told() -> None:
    assert mistakes('groups = ["Network L1"]') == ["groups[1]: must be a table"]
    with pytest.raises(ConfigurationError, match=r"agents\[1\]\.email: is missing"):
        document.read_plain({"agents": [{"name": "Ann"}]})


def test_a_contract_number_belongs_to_one_customer() -> None:
    text = changed(
        'language = "en"',
        'language = "en"\n[[customers.contracts]]\nnumber = "C-1"\nvalid_from = 2026-01-01\nvalid_until = 2026-12-31',
    )

    assert mistakes(text) == ["customers[FIGLIA].contracts[C-1]: contract C-1 is that of ACME already"]


def test_what_is_allowed_and_not_meant_is_remarked() -> None:
    text = (
        changed('"mon-fri 14:00-18:00"', '"fri 12:00-18:00"')
        + '[[routing]]\ncustomer = "ACME"\ngroup = "Network L1"\n'
    )

    told = checking.remarks(checking.read(text), {})
    (empty,) = checking.remarks(checking.read("routing = []"), {})

    assert empty.startswith("routing: has no rules")
    assert told == [
        "calendars[Office]: weekly fri: 09:00-13:00 and 12:00-18:00 overlap and are merged",
        "routing[3]: asks for the same as routing[2], which comes first and always wins",
    ]


async def test_a_name_is_looked_up_on_the_desk_when_the_file_lacks_its_section(db) -> None:
    await db.write(put, SMALL)

    assert await db.write(put, section("routing")) == ()
    with pytest.raises(ConfigurationError, match=r"routing\[1\]\.group: 'Nobody' is not a group"):
        await db.write(put, '[[routing]]\ngroup = "Nobody"\n')


# Applying


async def test_the_same_file_twice_changes_nothing(db) -> None:
    first = await db.write(put, SMALL)
    revision = (await db.read(row, tables.desk_revision, one=1)).revision

    second = await db.write(put, SMALL, now=LATER)

    assert len(first) > 15
    assert second == ()
    assert (await db.read(row, tables.desk_revision, one=1)).revision == revision


async def test_a_plan_says_what_would_change_and_changes_nothing(db) -> None:
    await db.write(put, SMALL)
    text = changed('calendar = "Office"\n    sla', 'calendar = "24x7"\n    sla')
    text = changed('period = "year"', 'period = "month"', text)
    text = changed('[[technologies]]\nname = "Server"', '[[technologies]]\nname = "Backup"', text)
    text = changed('role = "manager"', 'role = "admin"', text)

    told = await lines(db, text)

    assert told == [
        "~ contacts alice@acme.test (role: manager → admin)",
        "~ contracts C-1 (lines[Network].calendar: Office → 24x7; lines[Hours].period: year → month)",
        "+ technologies Backup",
        "- technologies Server",
    ]
    assert await lines(db, text) == told


async def test_the_difference_names_what_was_moved_added_and_taken_away(db) -> None:
    await db.write(put, SMALL)
    first, second = (
        f"    [[customers.contracts.lines]]{part}"
        for part in SMALL.split("    [[customers.contracts.lines]]")[1:]
    )
    end = second.index("\n[[customers]]")
    swapped = SMALL.replace(first + second[:end], second[:end] + "\n" + first)
    renamed = changed(
        'name = "Hours"', 'name = "Prepaid"', changed('{ expired = "hold_for_approval" }', "{}")
    )

    assert await lines(db, swapped) == ["~ contracts C-1 (lines: in another order)"]
    assert await lines(db, renamed) == [
        "~ contracts C-1 (lines[Hours] removed; lines[Prepaid] added)",
        "~ customers ACME (policy.expired: hold_for_approval → nothing)",
    ]


async def test_what_leaves_the_desk_comes_back_by_applying_it(db) -> None:
    await db.write(put, SMALL)
    text = await db.read(export.export)

    assert await db.write(put, text, now=LATER) == ()
    assert 'address = "Via \\"Roma\\" 1"' in text


@given(st.text(st.characters(codec="utf-8"), min_size=1), st.floats(0, 1e9), st.booleans(), st.dates())
def test_any_value_survives_the_way_out_and_in(text: str, number: float, flag: bool, day: date) -> None:  # noqa: FBT001
    tree = {
        "vendors": [
            {"name": text, "quantity": number, "onsite": flag, "closed": [day], "inner": [{"name": text}]}
        ]
    }

    assert tomllib.loads("\n".join(export._toml(tree))) == tree


async def test_a_desk_moves_to_another_database_as_a_file(db, tmp_path, sqlite_template, facts) -> None:
    await db.write(put, SMALL)
    text = await db.read(export.export)
    shutil.copyfile(sqlite_template, tmp_path / "other.db")
    other = open_database(f"sqlite:///{tmp_path / 'other.db'}", facts, readers=1, connections=1)
    try:
        await other.write(put, text)
        assert await other.read(export.export) == text
    finally:
        other.close()


async def test_a_section_that_is_absent_stays_as_it_is(db) -> None:
    await db.write(put, SMALL)

    await db.write(put, '[[vendors]]\nname = "Other"\n', now=LATER)

    assert [a.email for a in await db.read(people.agents)] == ["ann@hub.test"]
    assert [v.name for v in await db.read(lambda tx: tx.all(select(tables.vendor)))] == ["Other"]


async def test_people_and_customers_that_are_left_out_are_kept_out_of_use(db) -> None:
    await db.write(put, SMALL)
    before = await db.read(people.agent_by_email, "ann@hub.test")
    colleague = '[[agents]]\nemail = "bob@hub.test"\nname = "Bob"\n'

    nights = section("rotas").replace("ann@", "bob@")
    on_call = colleague.replace("name =", 'phone = "+390455550198"\nname =')
    changes = await db.write(put, on_call + nights, now=LATER)
    after = await db.read(people.agent_by_email, "ann@hub.test")
    await db.write(put, on_call + section("agents"), now=LATER)
    again = await db.read(people.agent_by_email, "ann@hub.test")

    assert [str(c).partition(" (")[0] for c in changes] == [
        "- agents ann@hub.test",
        "+ agents bob@hub.test",
        "~ rotas Nights",
    ]
    assert (after.id, after.active) == (before.id, False)
    assert (again.id, again.active) == (before.id, True)


@pytest.mark.parametrize(
    ("leaves_out", "told"),
    [
        ('[[calendars]]\nname = "Night"\nweekly = ["mon 20:00-24:00"]\n', "groups[Network L1].calendar: 'Office' is not a calendar"),
        ('[[technologies]]\nname = "Server"\n', "customers[ACME].assets[sw-1].technology: 'Network' is not a technology"),
        ('[[slas]]\nname = "Silver"\n', "customers[ACME].contracts[C-1].lines[Network].sla: 'Gold' is not a service level"),
        ('[[groups]]\nname = "Systems"\n', "agents[ann@hub.test].groups: 'Network L1' is not a group"),
        ('[[customers]]\nname = "Figlia"\ncode = "FIGLIA"\n', "routing[2].customer: 'ACME' is not a customer"),
    ],
)  # fmt: skip
async def test_what_others_refer_to_cannot_be_left_out(db, leaves_out: str, told: str) -> None:
    await db.write(put, SMALL)
    before = await db.read(export.export)

    with pytest.raises(ConfigurationError) as refused:
        await db.write(put, leaves_out, now=LATER)

    assert [m for m in refused.value.mistakes if m.startswith(told) and "on the desk already" in m]
    assert await db.read(export.export) == before


async def test_a_group_with_open_tickets_cannot_be_left_out(db) -> None:
    alone = '[[groups]]\nname = "A"\n[[groups]]\nname = "B"\n'
    await db.write(put, alone)
    await db.write(lambda tx: a_ticket(tx, "26-000001", desk_group="B"))

    with pytest.raises(ConfigurationError, match=r"groups\[B\]: cannot be left out, 1 open tickets have it"):
        await db.write(put, '[[groups]]\nname = "A"\n', now=LATER)


async def test_a_contract_keeps_its_old_version_beside_the_new_one(db) -> None:
    await db.write(put, SMALL)
    (old,) = await db.read(reference.contracts, "ACME")

    await db.write(put, changed("grace_days = 30", "grace_days = 10"), now=LATER)
    (new,) = await db.read(reference.contracts, "ACME")

    assert (old.grace_days, new.grace_days) == (30, 10)
    assert await db.read(reference.contract, old.version) == old


async def test_a_calendar_is_stored_with_the_dates_of_its_holidays(db) -> None:
    await db.write(put, SMALL)

    version = (await db.read(row, tables.calendar, name="Office")).version
    stored = (await db.read(row, tables.definition, version=version)).content

    assert date(2026, 12, 25).isoformat() in stored["closed"]
    assert "closed" not in await db.read(export.export)


async def test_a_phone_code_is_made_once_when_there_is_none(db) -> None:
    text = '[[customers]]\nname = "A"\ncode = "A"\n[[customers]]\nname = "B"\ncode = "B"\n'
    await db.write(put, text)
    codes = [(await db.read(reference.customer, code)).phone_code for code in "AB"]

    assert await db.write(put, text, now=LATER) == ()
    assert all(code.isdecimal() and len(code) >= 4 for code in codes)
    assert codes[0] != codes[1]


async def test_every_change_is_an_event_and_wakes_who_shows_the_desk(db) -> None:
    told: list[tuple[str, str]] = []
    db.listen(told.extend)

    await db.write(put, SMALL)
    await db.write(put, SMALL, now=LATER)
    found = await db.read(books.verify)

    events = await db.read(
        lambda tx: tx.all(select(tables.event).where(tables.event.c.kind == "desk.applied"))
    )
    assert [event.actor for event in events] == ["system"]
    assert told.count(("desk", "")) == 1
    assert found.faults == ()


# Secrets


async def test_passwords_and_pins_are_kept_as_hashes_and_never_leave(db) -> None:
    with_secrets(db, SMALL)

    alice = await db.read(row, tables.contact, email="alice@acme.test")
    ann = await db.read(row, tables.agent, email="ann@hub.test")
    text = await db.read(export.export)

    assert passwords.matches_now(alice.password_hash, "battery staple")
    assert passwords.matches_now(alice.pin_hash, "246810")
    assert passwords.matches_now(ann.password_hash, "correct horse")
    assert not any(
        word in text for word in ("argon2", "battery", "246810", "correct horse", "password", "pin")
    )


async def test_the_same_password_is_not_hashed_again_and_a_new_one_signs_everybody_out(db) -> None:
    with_secrets(db, SMALL)
    found = await db.read(accounts.account, "ann@hub.test")
    cookie, _ = await db.write(accounts.begin, found, device="", limits=accounts.Limits(), now=NOON)

    assert with_secrets(db, SMALL, now=LATER) == ()
    assert await db.read(accounts.principal_of_cookie, cookie, accounts.Limits(), now=LATER) is not None

    changes = with_secrets(db, changed("correct horse", "another horse"), now=LATER)
    assert [str(c) for c in changes] == ["~ agents ann@hub.test (password changed)"]
    assert await db.read(accounts.principal_of_cookie, cookie, accounts.Limits(), now=LATER) is None


async def test_a_file_without_passwords_leaves_them_as_they_are(db) -> None:
    with_secrets(db, SMALL)
    without = changed('password = "correct horse"\n', "", changed('  password = "battery staple"\n', ""))

    assert with_secrets(db, without, now=LATER) == ()


async def test_a_contact_does_not_get_the_password_of_an_agent_with_the_same_address(db) -> None:
    with_secrets(db, SMALL)
    text = (
        section("customers")
        .replace("alice@acme.test", "ann@hub.test")
        .replace("Alice@acme.test", "ann@hub.test")
    )

    with_secrets(db, text.replace('  password = "battery staple"\n', ""), now=LATER)

    assert (await db.read(row, tables.contact, email="ann@hub.test")).password_hash is None


async def test_a_revision_that_was_taken_back_is_never_given_again(db) -> None:
    def fails(tx):
        put(tx, SMALL, now=NOON)
        assert "Office" in reference.desk(tx).calendars
        raise RuntimeError

    with pytest.raises(RuntimeError):
        await db.write(fails)
    await db.write(put, SMALL.replace('"Office"', '"Night"'), now=LATER)

    assert set((await db.read(reference.desk)).calendars) == {"24x7", "Night"}
    assert from_micros((await db.read(reference.desk)).revision) == LATER


async def test_a_desk_is_empty_until_somebody_is_asked_to_set_it_up(db) -> None:
    assert await db.read(rows.is_empty)

    await db.write(links.create, "setup", "first", life=timedelta(hours=1), now=NOON)

    assert not await db.read(rows.is_empty)


def test_every_field_of_the_file_is_in_its_document() -> None:
    page = Path(checking.__file__).parents[3] / "docs" / "desk-configuration.md"
    sections = dict(
        re.findall(r"`\[\[([a-z_.]+)\]\]`(.*?)(?=`\[\[|\Z)", page.read_text(encoding="utf-8"), re.DOTALL)
    )
    sections["request_types"] = sections["technologies"]

    def missing(path: str, shape: type) -> list[str]:
        found = []
        for field in msgspec.structs.fields(shape):
            inner = document._inner(field.type)
            if inner is not None:
                found += missing(f"{path}.{field.name}", inner)
            elif f"`{field.name}`" not in sections.get(path, ""):
                found.append(f"{path}.{field.name}")
        return found

    assert [name for path, (shape, _) in document.PARTS.items() for name in missing(path, shape)] == []


NAMED = 'holidays = "IT"\nclosed = [2026-12-24]\nclosed_names = { 2026-12-24 = "Vigilia" }'


async def test_what_a_closed_day_is_called_moves_no_clock_and_is_kept(db):
    named = changed('holidays = "IT"', NAMED)
    await db.write(put, named)
    before = (await db.read(reference.desk)).calendars["Office"].version
    again = await db.write(put, named)
    other = await db.write(put, named.replace('"Vigilia"', '"Chiuso"'))

    assert (again, [str(one) for one in other]) == (
        (),
        ["~ calendars Office (closed_names.2026-12-24: Vigilia → Chiuso)"],
    )
    assert (await db.read(reference.desk)).calendars["Office"].version == before
    assert '2026-12-24 = "Chiuso"' in await db.read(export.export)
    with pytest.raises(ConfigurationError, match=r"calendars\[Office\].closed_names"):
        await db.write(put, named.replace("closed = [2026-12-24]", "closed = []"))


def depending(*names: str, parent: str = "") -> str:
    """A daughter's switch, which hangs on these; `parent`: what Acme's own hangs on."""
    wanted = ", ".join(f'"{name}"' for name in names)
    daughters = f'language = "en"\n  [[customers.assets]]\n  name = "sw-2"\n  depends_on = [{wanted}]'
    more = f'name = "sw-1"\n{parent}'
    return changed('language = "en"', daughters).replace('name = "sw-1"', more)


async def test_a_thing_may_depend_on_other_customers_things_and_is_exported_so(db):
    await db.write(put, depending("ACME/sw-1"))
    text = await db.read(export.export)
    assert 'depends_on = ["ACME/sw-1"]' in text
    assert await lines(db, text) == []


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (depending("ACME/sw-9"), "'ACME/sw-9' is no CUSTOMER/asset there is; did you mean 'ACME/sw-1'?"),
        (depending("sw-1"), "'sw-1' is no CUSTOMER/asset there is"),
        (depending("FIGLIA/sw-2"), "'FIGLIA/sw-2' is this customer's own: say parent"),
        (
            depending("ACME/sw-1", parent='depends_on = ["FIGLIA/sw-2"]'),
            "customers[ACME].assets[sw-1]: hangs on itself in the end: ACME/sw-1, FIGLIA/sw-2",
        ),
        (
            changed('name = "sw-1"', 'name = "sw-1"\n  parent = "sw-1"'),
            "assets[sw-1]: hangs on itself in the end",
        ),
    ],
)
def test_what_does_not_exist_and_what_hangs_on_itself_is_refused(text, told):
    assert any(told in mistake for mistake in mistakes(text)), mistakes(text)
