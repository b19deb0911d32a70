"""The measurements measure what they say, and lose nothing on the way."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from bench import sip_calls, table
from bench.__main__ import measure
from bench.databases import Sqlite
from bench.seed import seed
from bench.sizes import Sizes
from bench.table import Figure
from core.desk import books, threads
from core.store.database import Database
from core.store.opening import open_database
from core.store.tables import thread_ref, ticket
from core.store.tx import Tx

TINY = Sizes(tickets=40, rounds=1, mails=24, seconds=0.4, large=40)


def test_every_part_is_measured_with_real_processes(tmp_path: Path) -> None:
    figures = measure(Sqlite(tmp_path), TINY, within=tmp_path)

    said = table.text(figures, table.machine() | {"databases": {"sqlite": {"database": "SQLite"}}})
    for words in (
        "start to ready",
        "list page",
        "ticket page",
        "accepted with 250",
        "to tickets",
        "at 40 beside",
        "to staff's screen",
        "by HTTP, acknowledged",
        "lines by UDP",
        "in a storm",
        "repeats of one alarm",
        "memory",
        "room",
    ):
        assert words in said
    assert all(figure.measured > 0 for figure in figures)
    assert {figure.referred for figure in figures} >= {"null aiosmtpd", "static page", "empty desk"}
    kept = json.loads(table.keep(tmp_path, figures, {}, now=datetime.now(UTC)).read_text())
    assert len(kept["figures"]) == len(figures)


@pytest.mark.skipif(bool(sip_calls.missing()), reason=f"needs {sip_calls.missing()}")
@pytest.mark.xdist_group("sip-bench")
def test_callers_by_sip_are_counted_by_the_digits_that_arrived() -> None:
    (figure,) = sip_calls.measure((2,), speaks=0.5)

    assert figure.measured == 2
    assert "2 is the most that was tried" in figure.note


def test_a_desk_that_was_multiplied_is_a_desk(database_url: str) -> None:
    seed(database_url, 120)

    db = open_database(database_url)
    try:
        found = db.query(books.verify).result()
        assert found.faults == ()
        assert found.tickets == 120
        assert found.waiting == 0
        assert _texts(db) == found.received
        assert db.query(_lost_topics).result() == []
    finally:
        db.close()


def _lost_topics(tx: Tx) -> list[str]:
    """Tickets that are not found by what they are about."""
    kept = tx.all(select(thread_ref.c.ticket_id, thread_ref.c.ref).where(thread_ref.c.kind == threads.TOPIC))
    known = {(row.ticket_id, row.ref) for row in kept}
    return [
        row.number
        for row in tx.all(select(ticket))
        if (row.id, threads.ref_of_topic(row.requester_address, row.subject)) not in known
    ]


def _texts(db: Database) -> int:
    def count(tx: Tx) -> int:
        asked = "SELECT count(DISTINCT text) FROM message WHERE direction = 'in'"
        return int(tx.connection.exec_driver_sql(asked).scalar_one())

    return db.query(count).result()


@pytest.mark.parametrize(
    ("figure", "met"),
    [
        ({"measured": 60.0, "reference": 100.0, "at_least": 0.5}, True),
        ({"measured": 40.0, "reference": 100.0, "at_least": 0.5}, False),
        ({"measured": 9.0, "reference": 2.0, "at_most": 4.0}, False),
        ({"measured": 249.0, "at_most": 250.0}, True),
        ({"measured": 249.0}, None),
    ],
)
def test_a_line_is_about_the_ratio_where_there_is_one(figure: dict[str, float], *, met: bool | None) -> None:
    assert Figure(what="it", database="sqlite", unit="", **figure).met is met
