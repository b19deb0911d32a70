"""What would the hub do with this mail, and why? The answer is what it then does, and asking changes nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select

import running
from channels.settings import ChannelSettings
from core import settings
from core.desk import demo, explaining, intake
from core.envelope import Arrival
from core.ids import id_token
from core.store import blobs, tables
from web.desk import explained
from web.words import say

NOW = datetime(2026, 11, 24, 10, 30, tzinfo=UTC)
LATER = NOW + timedelta(minutes=1)


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> explaining.Read:
    folder = tmp_path_factory.mktemp("hub")
    return running.mail_reader(settings.load(None, [f"hub.data_dir={folder}"], channels=ChannelSettings))


@pytest.fixture
async def desk(db, read):
    await db.write(demo.load, demo.desk({}, now=NOW), {}, read, now=NOW)
    return db


def a_mail(sender: str, subject: str, text: str = "Help.", **headers: str) -> bytes:
    head = {"From": sender, "To": "support@desk.test", "Subject": subject, **headers}
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in head.items()]
    return ("\r\n".join([*lines, "", text]) + "\r\n").encode()


async def everything(db) -> list[int]:
    counted = [select(func.count().label("n")).select_from(table) for table in tables.metadata.sorted_tables]
    return [(await db.read(lambda tx, q=query: tx.one(q))).n for query in counted]


async def last_ref(db, subject: str) -> str:
    """The Message-ID of the last mail we wrote about it."""
    row = await db.read(
        lambda tx: tx.one(
            select(tables.delivery.c.id)
            .join(tables.ticket, tables.ticket.c.id == tables.delivery.c.ticket_id)
            .where(tables.ticket.c.subject == subject)
            .order_by(tables.delivery.c.created_at.desc())
            .limit(1)
        )
    )
    return f"<m.{id_token(row.id)}@desk.test>"


async def test_the_answer_is_what_then_happens(desk, read) -> None:
    raw = a_mail("Sara Dal Forno <sara.dalforno@cantine-valpolicella.test>", "Monitor spento")

    told = explaining.explain(desk, raw, read, now=LATER)
    inbound = Arrival(channel="email", raw=raw, received_at=LATER, recipients=("support@desk.test",))
    said = read(
        raw, {"external_id": None, "sender": "", "recipients": [], "received_at": LATER, "envelope": {}}
    )
    happened = await desk.write(intake.receive, inbound, said, now=LATER)

    ticket = await desk.read(
        lambda tx: tx.one(select(tables.ticket).where(tables.ticket.c.id == happened.ticket_id))
    )
    assert told["outcome"] == happened.outcome == "ticket"
    assert told["ticket"]["state"] == ticket.state
    assert told["ticket"]["customer"] == ticket.customer == "CANTINE"
    assert told["entitlement"]["verdict"] == ticket.verdict
    assert told["trust"]["level"] == ticket.trust


async def test_asking_changes_nothing(desk, read) -> None:
    before = await everything(desk)

    explaining.explain(desk, a_mail("Mario <mario.bellini@cantine-valpolicella.test>", "A"), read, now=LATER)
    explaining.explain(desk, a_mail("Eve <eve@evil.test>", "B"), read, now=LATER)

    assert await everything(desk) == before


async def test_a_mail_that_answers_names_its_ticket_and_how_it_was_found(desk, read) -> None:
    subject = "Rete della sede di Verona molto lenta"
    raw = a_mail(
        "Mario <mario.bellini@cantine-valpolicella.test>",
        f"Re: {subject}",
        In_Reply_To=await last_ref(desk, subject),
    )

    told = explaining.explain(desk, raw, read, now=LATER)

    number = (
        await desk.read(
            lambda tx: tx.one(select(tables.ticket.c.number).where(tables.ticket.c.subject == subject))
        )
    ).number
    assert told["outcome"] == "attached"
    assert told["ticket"]["number"] == number
    assert [found["number"] for found in told["threading"] if found["taken"]] == [number]


async def test_a_stranger_in_a_conversation_is_said_to_be_held(desk, read) -> None:
    subject = "Rete della sede di Verona molto lenta"
    raw = a_mail("Eve <eve@evil.test>", f"Re: {subject}", In_Reply_To=await last_ref(desk, subject))

    told = explaining.explain(desk, raw, read, now=LATER)

    assert told["outcome"] == "held"
    assert told["reason"]
    assert "answers" not in told or told["answers"] == []


@pytest.mark.parametrize(("to", "ours"), [("Support+web@DESK.test", True), ("nobody@desk.test", False)])
async def test_a_mail_that_names_no_address_of_the_desk_is_said_to_be_refused(desk, read, to, ours):
    raw = a_mail("Eve <eve@evil.test>", "Here?", To=to)

    told = explaining.explain(desk, raw, read, now=LATER)

    assert told["mail"]["ours"] is ours
    said = explained.plain(told, say("en"), str)
    assert ("by SMTP and LMTP it is refused" in said) is not ours
    assert ("Came to support@desk.test" in said) is ours


async def test_a_mail_that_came_before_is_said_to_be_a_duplicate(desk, read) -> None:
    stored = await desk.read(
        lambda tx: tx.one(
            select(tables.inbound.c.id)
            .where(tables.inbound.c.outcome == "ticket")
            .order_by(tables.inbound.c.id.desc())
            .limit(1)
        )
    )  # of this morning: what is a week old is known as that no more
    raw = await desk.read(_bytes_of, stored.id)

    assert explaining.explain(desk, raw, read, now=LATER)["outcome"] == "duplicate"


def _bytes_of(tx, inbound_id: str) -> bytes:
    row = tx.one(select(tables.inbound.c.raw).where(tables.inbound.c.id == inbound_id))
    return blobs.get(tx, row.raw)


async def test_a_mail_that_cannot_be_read_is_said_to_be_an_exception(desk) -> None:
    def broken(raw: bytes, arrival: object) -> object:
        raise ValueError("no header at all")

    told = explaining.explain(desk, b"", broken, now=LATER)

    assert told == {"outcome": "exception", "reason": "unreadable", "error": "no header at all"}
