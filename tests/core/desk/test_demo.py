"""The demo desk looks like a morning at a provider, made by the same verbs as any other."""

from __future__ import annotations

import shutil
import stat
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

import running
from channels.settings import ChannelSettings
from core import settings
from core.desk import (
    accounts,
    alert_sources,
    books,
    demo,
    demo_devices,
    demo_reports,
    month_acts,
    outages,
    people,
    periodic,
    reference,
)
from core.desk.passwords import matches_now
from core.envelope import Claims
from core.facts import HubFacts
from core.rules.coverage import STANDINGS
from core.store import tables
from core.store.database import Database
from core.store.opening import open_database
from tests.desk_at_work import AtWork

NOW = datetime(2026, 11, 24, 10, 30, tzinfo=UTC)  # a Tuesday
IN_TWO_YEARS = datetime(2028, 7, 3, 22, 15, tzinfo=UTC)
JUST_MONDAY = datetime(2026, 11, 29, 23, 30, tzinfo=UTC)  # half past midnight in Rome


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> demo.Read:
    """The reader of mails as a hub with the shipped settings has it."""
    folder = tmp_path_factory.mktemp("hub")
    return running.mail_reader(settings.load(None, [f"hub.data_dir={folder}"], channels=ChannelSettings))


@pytest.fixture(scope="module")
def logins(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo") / "logins.txt"


@pytest.fixture(scope="module")
def loaded(logins: Path, read: demo.Read, sqlite_template: Path, cheap_hashes: None) -> Iterator[Database]:
    """A database with the demo desk and its log-ins, as `make run` leaves it."""
    path = logins.parent / "centralino.db"
    shutil.copyfile(sqlite_template, path)
    database = open_database(f"sqlite:///{path}", HubFacts(token_key=b"k" * 32), readers=1, connections=1)
    assert demo.load_if_empty(
        database, logins, read, base="http://127.0.0.1:8080", now=NOW, lead=running.demo_calls
    )
    yield database
    database.close()


async def tickets(db: Database) -> list:
    return await db.read(lambda tx: tx.all(select(tables.ticket).order_by(tables.ticket.c.number)))


async def test_a_dozen_tickets_stand_in_many_states(db, read) -> None:
    await db.write(demo.load, demo.desk({}, now=NOW), {}, read, now=NOW)

    found = await tickets(db)

    assert len(found) >= 12
    assert {ticket.state for ticket in found} >= {
        "triage",
        "assigned",
        "in_progress",
        "waiting_customer",
        "on_hold",
        "resolved",
        "closed",
    }
    assert {ticket.verdict for ticket in found} >= {
        "covered",
        "grace",
        "expired",
        "suspended",
        "insufficient_trust",
        "unknown_customer",
    }
    assert {ticket.language for ticket in found} == {"it", "en"}
    assert {ticket.desk_group for ticket in found} >= {"Network L1", "Systems L1", "Contact centre"}


async def test_nothing_of_it_is_left_out_of_the_books(db, read) -> None:
    await db.write(demo.load, demo.desk({}, now=NOW), {}, read, now=NOW)

    found = await db.read(books.verify)
    waiting = await db.read(
        lambda tx: tx.one(select(func.count().label("n")).where(tables.inbound.c.open.is_(True))).n
    )

    assert found.faults == ()
    assert found.received == sum(found.outcomes.values())
    assert waiting == 2  # a stranger in somebody else's conversation, and a vendor that nothing vouches for


async def test_a_mail_that_answers_joins_its_ticket(db, read) -> None:
    await db.write(demo.load, demo.desk({}, now=NOW), {}, read, now=NOW)

    slow = next(ticket for ticket in await tickets(db) if ticket.subject.startswith("Rete della sede"))
    said = await db.read(
        lambda tx: tx.all(
            select(tables.message.c.direction, tables.message.c.author_name)
            .where(tables.message.c.ticket_id == slow.id, tables.message.c.automatic.is_(False))
            .order_by(tables.message.c.at)
        )
    )

    assert [(message.direction, message.author_name) for message in said] == [
        ("in", "Mario Bellini"),
        ("out", "Giulia Conti"),
        ("in", "Mario Bellini"),
    ]


async def test_most_of_it_is_in_time_so_that_what_is_late_stands_out(db, read) -> None:
    await db.write(demo.load, demo.desk({}, now=NOW), {}, read, now=NOW)

    due = [ticket.next_due for ticket in await tickets(db) if ticket.open and ticket.next_due]

    assert sum(at < NOW for at in due) <= 2
    assert sum(NOW <= at < NOW + timedelta(hours=1) for at in due) >= 3


async def test_the_morning_has_chats_one_done_with_a_button_one_that_waits_and_one_of_a_stranger(
    db, read
) -> None:
    await db.write(demo.load, demo.desk({}, now=NOW), {}, read, now=NOW)

    found = {ticket.chat: ticket for ticket in await tickets(db) if ticket.chat and ticket.open}
    done = next(ticket for ticket in await tickets(db) if ticket.chat and not ticket.open)
    words = await db.read(lambda tx: tx.all(select(tables.delivery).where(tables.delivery.c.kind == "reply")))

    assert (done.state, done.requester_name) == ("closed", "Sara Dal Forno")
    assert found["webchat"].last_direction == "in"
    assert found["webchat"].waits_since is not None
    assert (found["telegram"].state, found["telegram"].customer) == ("triage", None)
    assert {row.state for row in words if row.channel in ("telegram", "webchat")} == {"sent"}
    assert await db.read(lambda tx: tx.all(select(tables.page))) == []
    assert (await db.read(books.verify)).faults == ()


@pytest.mark.parametrize("now", [IN_TWO_YEARS, JUST_MONDAY])
async def test_one_report_of_the_last_week_is_sent_and_one_waits_for_its_approval(db, read, now) -> None:
    await db.write(demo.load, demo.desk({}, now=now), {}, read, now=now, draw=running.demo_drawing)
    desk = AtWork(db, now=now)
    await desk.work()

    who = await db.read(month_acts.somebody, demo.REPORTS_BY)
    found = {one.contract: one for one in await db.read(periodic.reports, who)}
    sent, waits = found[demo_reports.APPROVED], found[demo_reports.WAITS]
    assert (sent.state, waits.state, waits.draft) == ("sent", "made", False)
    assert now - timedelta(days=7) <= sent.until <= now
    for one in (sent, waits):
        whole = await db.read(periodic.whole, who, one.contract, one.period, one.n)
        told = {figure["name"]: figure["value"] for figure in whole.values["figures"] if not figure["about"]}
        assert told["received"] >= told["resolved"] >= 1
    mails = [one for one in desk.channel.sent if one.kind == "periodic_report"]
    assert [file.type for one in mails for file in one.attachments] == ["application/pdf", "text/csv"]
    theirs = await db.read(month_acts.somebody, mails[0].to.key)
    assert [one.contract for one in await db.read(periodic.reports, theirs)] == [demo_reports.APPROVED]
    assert (await db.read(books.verify, now=now)).faults == ()


async def test_everybody_who_is_printed_can_sign_in_and_nobody_else_reads_it(loaded, logins) -> None:
    lines = [line.split() for line in logins.read_text().splitlines()[1:]]
    told = [words for words in lines if words[0] in ("desk", "portal")]
    kinds = set()
    for place, email, password, *_ in told:
        account = await loaded.read(accounts.account, email)
        assert matches_now(account.password_hash, password)
        assert await loaded.read(accounts.principal, account.kind, account.person) is not None
        kinds.add((place, account.kind))

    assert kinds == {("desk", "agent"), ("portal", "contact")}
    assert len(told) >= 9
    assert len({password for _, _, password, *_ in told}) == len(told)
    phones = [words for words in lines if words[0] == "phone"]
    assert len(phones) == 4
    for _, number, _, code, _, pin, *_ in phones:
        (person,) = await loaded.read(people.by_number, number)
        assert await loaded.read(people.customer_of_code, code) == person.customer
        stored = {row.id: row.pin_hash for row in await loaded.read(people.pins, person.customer)}
        assert matches_now(stored[person.id], pin), "they can prove on the telephone who they are"
    assert stat.S_IMODE(logins.stat().st_mode) == 0o600


async def test_a_desk_that_is_not_empty_stays_as_it_is(loaded, read, logins) -> None:
    before = logins.read_text()

    assert not demo.load_if_empty(loaded, logins, read, base="http://127.0.0.1:8080", now=NOW)
    assert logins.read_text() == before
    assert await loaded.read(demo.is_loaded)


async def test_the_contracts_are_of_several_kinds_whenever_it_is_loaded(db, read) -> None:
    await db.write(demo.load, demo.desk({}, now=IN_TWO_YEARS), {}, read, now=IN_TWO_YEARS)

    customers = await db.read(people.customers)
    found = [c for code, _ in customers for c in await db.read(reference.contracts, code)]

    assert len(customers) >= 6
    assert {contract.stands(IN_TWO_YEARS) for contract in found} >= set(STANDINGS) - {"not_started"}
    assert {line.calendar for contract in found for line in contract.lines} >= {"24x7", "Office"}
    assert {line.measure for contract in found for line in contract.lines} >= {"none", "hours"}


async def test_every_address_is_one_that_cannot_exist() -> None:
    text = demo.DESK.read_text(encoding="utf-8") + demo.DAY.read_text(encoding="utf-8")
    words = [word.strip("<>\"'.,;[]") for word in text.split() if "@" in word]

    assert len(words) > 50
    assert [word for word in words if not word.endswith(".test")] == []


async def test_a_start_that_is_interrupted_leaves_an_empty_desk(db) -> None:
    def broken(raw: bytes, arrival: object) -> object:
        raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"):
        await db.write(demo.load, demo.desk({}, now=NOW), {}, broken, now=NOW)

    assert await tickets(db) == []
    assert not await db.read(demo.is_loaded)


async def test_an_outage_goes_on_that_one_customer_is_told_of(db, read) -> None:
    await db.write(demo.load, demo.desk({}, now=NOW), {}, read, now=NOW)

    def known(tx, customer):
        return outages.concerning(tx, customer=customer, now=NOW)

    (one,) = await db.read(known, "CANTINE")
    assert one.title == "Linea internet della sede di Negrar"
    assert one.news.startswith("L'operatore ha trovato il guasto")
    assert one.next_update is not None
    assert one.next_update > NOW
    assert await db.read(known, "ALPINE") == []
    assert (await db.read(books.verify)).faults == ()


async def test_the_morning_has_calls_one_heard_one_spoken_one_missed_and_one_on_the_recorder(loaded) -> None:
    called = await loaded.read(lambda tx: tx.all(select(tables.call).order_by(tables.call.c.first_ring_at)))

    assert [call.outcome for call in called] == ["informed", "recorded", "missed", "voicemail"]
    assert {call.phase for call in called} == {"over"}
    owed = await loaded.read(lambda tx: tx.all(select(tables.callback.c.reason)))
    assert sorted(row.reason for row in owed) == ["missed", "voicemail"]
    assert (await loaded.read(books.verify, now=NOW)).faults == ()


async def test_a_visit_is_agreed_and_another_waits_for_the_customer(loaded) -> None:
    found = {row.state: row for row in await loaded.read(lambda tx: tx.all(select(tables.visit)))}

    assert set(found) == {"confirmed", "proposed"}
    assert found["confirmed"].window_start > NOW
    engineers = await loaded.read(lambda tx: tx.all(select(tables.agent).where(tables.agent.c.onsite)))
    assert len(engineers) == 2
    assert all(one.calendar for one in engineers)


async def test_devices_have_reported_and_one_alarm_is_a_ticket_that_stands(loaded, logins) -> None:
    found = await loaded.read(lambda tx: tx.all(select(tables.alert)))
    of_devices = [one for one in await tickets(loaded) if one.channel == "monitoring"]

    assert {one.status for one in found} == {"firing", "resolved"}
    assert [one.subject for one in of_devices if one.open and one.customer == "SANZENO"] == [
        "sz-ups-01 runs on battery"
    ]
    windows = await loaded.read(lambda tx: tx.all(select(tables.maintenance_window)))
    planned = sorted((one for one in windows if one.source == "person"), key=lambda one: one.since)
    assert [(one.customer, one.since > NOW) for one in planned] == [("CANTINE", False), ("SANZENO", True)]
    told = logins.read_text(encoding="utf-8")
    secret = demo_devices.secrets_of(told)[demo_devices.SOURCE]
    claims = Claims(source=demo_devices.SOURCE, secret=secret, peer="127.0.0.1")
    sources = await loaded.read(lambda tx: reference.desk(tx).alert_sources)
    assert alert_sources.admitted(sources, claims).customer == "CANTINE"
    assert "http://127.0.0.1:8080/in/alerts/cantine-net -d '{" in told  # a line that can be pasted
    above = await loaded.read(lambda tx: {one.name: one.parent for one in people.assets(tx, "CANTINE")})
    assert (above["vr-ap-03"], above[demo_devices.ABOVE]) == (demo_devices.ABOVE, "vr-core-sw-01")
