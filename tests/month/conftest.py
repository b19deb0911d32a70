"""What do tests of the played month share? The month, played once on each kind of database; who looks at it stays in one process."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from core.facts import HubFacts
from core.store import migrate
from core.store.opening import open_database
from tests.databases import KINDS, name_of_database
from tests.month import playing
from tests.month.playing import Lived


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One process plays the month for all of them."""
    for item in items:
        if "lived" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.xdist_group("month"))


@pytest.fixture(scope="session", params=KINDS)
def lived(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lived]:
    """The month; nobody may change what it says."""
    folder = tmp_path_factory.mktemp("month")
    if request.param == "sqlite":
        shutil.copyfile(request.getfixturevalue("sqlite_template"), folder / "centralino.db")
        yield from _played(f"sqlite:///{folder / 'centralino.db'}", folder)
        return
    server, name = request.getfixturevalue("postgres_server"), name_of_database("month")
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        connection.execute(f"ALTER DATABASE {name} SET synchronous_commit = off")
        migrate.upgrade(f"{server}/{name}")
        yield from _played(f"{server}/{name}", folder)
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def _played(url: str, folder: Path) -> Iterator[Lived]:
    key = b"a key of 32 bytes for the tests."
    facts = HubFacts(name="Desk", token_key=key, mails_by="email", texts_by="sms")
    db = open_database(url, facts, readers=2, connections=4)
    try:
        yield asyncio.run(playing.lived(db, folder))
    finally:
        db.close()
