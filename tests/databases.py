"""Where do tests get their databases? A copy of a migrated SQLite file, and an emptied PostgreSQL database that stays open.

Any test may ask for `db`, and runs twice. `-m "not postgres"` leaves the second run out.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import Future, wait
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from sqlalchemy import Engine
from sqlalchemy.engine import Dialect

from core.facts import HubFacts
from core.store import migrate, sqlite, tables
from core.store.database import Database
from core.store.opening import open_database
from core.store.postgres import PostgresDatabase

__all__ = [
    "database_url",
    "db",
    "facts",
    "name_of_database",
    "new_postgres_url",
    "postgres_broom",
    "postgres_database",
    "postgres_desk",
    "postgres_server",
    "postgres_url",
    "sqlite_template",
    "sqlite_url",
    "statements_compiled_once",
]

SERVER = "postgresql://postgres@127.0.0.1:5432"
STAYS = "stays"
"""The name by which connections are known that outlive a test."""
RESTS_WITHIN = 30.0  # seconds
STALE = 3600  # seconds: databases of test runs that were killed
KINDS = [pytest.param("sqlite", id="sqlite"), pytest.param("postgresql", id="pg", marks=pytest.mark.postgres)]


@pytest.fixture
def facts() -> HubFacts:
    """A hub with a key, so that it can make reply addresses."""
    return HubFacts(name="Desk", mails_by="email", token_key=b"a key of 32 bytes for the tests.")


@pytest.fixture(params=KINDS)
def database_url(request: pytest.FixtureRequest) -> str:
    """A migrated, empty database of the test's own; each test runs on both kinds."""
    found: str = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url")
    return found


@pytest.fixture
def db(request: pytest.FixtureRequest, database_url: str, facts: HubFacts) -> Iterator[Database]:
    """The same, opened."""
    if not database_url.startswith("sqlite:///"):
        staying: Staying = request.getfixturevalue("postgres_desk")
        yield staying.open(facts)
        staying.rest()
        return
    database = open_database(database_url, facts, readers=2)
    yield database
    database.close()


@pytest.fixture(scope="session", autouse=True)
def statements_compiled_once() -> Iterator[None]:
    """What SQLAlchemy made of a statement for one file holds for all: compiling took three quarters of a small test."""
    make, first, compiled = sqlite._engine, dict[str, Dialect](), dict[Any, Any]()

    def sharing(path: Path, **how: Any) -> Engine:
        engine = make(path, **how)
        engine.dialect = first.setdefault("dialect", engine.dialect)
        return engine.execution_options(compiled_cache=compiled)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sqlite, "_engine", sharing)
        yield


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """A migrated SQLite file."""
    path = tmp_path / "centralino.db"
    shutil.copyfile(sqlite_template, path)
    return f"sqlite:///{path}"


@pytest.fixture
def postgres_url(
    request: pytest.FixtureRequest, postgres_database: str, postgres_broom: Broom, postgres_desk: Staying
) -> str:
    """A migrated, empty PostgreSQL database. The same for each test: emptying one is far quicker than making one."""
    if "db" not in request.fixturenames:  # whoever opens it has it alone
        postgres_desk.close()
    postgres_broom.sweep()
    return postgres_database


@pytest.fixture
def new_postgres_url(postgres_server: str) -> Iterator[str]:
    """A PostgreSQL database without any table, for tests that make some."""
    name = name_of_database("test")
    with psycopg.connect(f"{postgres_server}/postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    yield f"{postgres_server}/{name}"
    with psycopg.connect(f"{postgres_server}/postgres", autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The server on 5432, or a private one where Debian's server is installed."""
    with contextlib.ExitStack() as stack:
        server = SERVER if _answers(SERVER) else _private_server(stack)
        if server is None:
            pytest.skip("needs PostgreSQL")
        _drop_stale(server)
        yield server


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "centralino.db"
    migrate.upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def postgres_database(postgres_server: str) -> Iterator[str]:
    name = name_of_database("tests")
    with psycopg.connect(f"{postgres_server}/postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        connection.execute(f"ALTER DATABASE {name} SET synchronous_commit = off")  # no test of it loses power
    migrate.upgrade(f"{postgres_server}/{name}")
    yield f"{postgres_server}/{name}"
    with psycopg.connect(f"{postgres_server}/postgres", autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def postgres_broom(postgres_database: str) -> Iterator[Broom]:
    """For the database of all tests."""
    broom = Broom(postgres_database)
    yield broom
    broom.connection.close()


@pytest.fixture(scope="session")
def postgres_desk(postgres_database: str) -> Iterator[Staying]:
    """The same, opened."""
    staying = Staying(f"{postgres_database}?application_name={STAYS}")
    yield staying
    staying.close()


class Staying:
    """One database that many tests have open, each after the other: connections that have planned their statements
    answer several times as fast as new ones. What is remembered of one test is forgotten before the next.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._open: _Counted | None = None

    def open(self, facts: HubFacts) -> Database:
        """As if it were new. Where `facts` are others than before, or a test has changed those of before, it is."""
        if self._open is None or not self._open.as_opened or self._open.facts != facts:
            self.close()
            self._open = _Counted(self._url, facts, connections=4)
        return self._open

    def rest(self) -> None:
        """Wait for what is under way, and forget."""
        database = self._open
        if database is None or wait(database.under_way, timeout=RESTS_WITHIN).not_done:
            self.close()
            return
        database.under_way.clear()
        database.listeners.clear()
        database.shared.clear()

    def close(self) -> None:
        """What was open is open no more."""
        if self._open is not None:
            self._open.close()
            self._open = None


class _Counted(PostgresDatabase):
    """One that knows what it was asked for."""

    def __init__(self, url: str, facts: HubFacts, *, connections: int) -> None:
        self.under_way: set[Future[Any]] = set()
        self._given = facts
        super().__init__(url, facts, connections=connections)

    @property
    def as_opened(self) -> bool:
        """It is open, well, and knows of the hub what it was told at first: its connections remember that."""
        return not self.closed and not self.trouble and self.facts is self._given

    def _queue(self, work: Any) -> Future[Any]:
        future = super()._queue(work)
        self.under_way.add(future)
        return future


class Broom:
    """Empties all tables by a function that keeps its plans: to connect and to plan took forty times as long."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.connection = self._connected()

    def sweep(self) -> None:
        """And ends whoever is left at the database and has no leave to stay."""
        try:
            self.connection.execute(_END_OTHERS)
        except psycopg.OperationalError:  # a test ended everybody
            self.connection = self._connected()
            self.connection.execute(_END_OTHERS)
        self.connection.execute("SELECT pg_temp.sweep()")
        for (name,) in self.connection.execute("SELECT sequencename FROM pg_sequences").fetchall():
            self.connection.execute(f"DROP SEQUENCE {name}")

    def _connected(self) -> psycopg.Connection[Any]:
        connection = psycopg.connect(self._url, autocommit=True)
        every = "".join(f"DELETE FROM {name};" for name in [*tables.metadata.tables, "search_text"])
        connection.execute(
            f"CREATE FUNCTION pg_temp.sweep() RETURNS void LANGUAGE plpgsql AS $$ BEGIN {every} END $$"
        )
        return connection


_END_OTHERS = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    f" AND application_name <> '{STAYS}'"
)


def name_of_database(kind: str) -> str:
    """Of one that is dropped later if its test run was killed."""
    return f"centralino_{kind}_{int(time.time())}_{uuid4().hex[:12]}"


def _drop_stale(server: str) -> None:
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        names = connection.execute(
            "SELECT datname FROM pg_database WHERE datname LIKE 'centralino\\_t%'"
        ).fetchall()
        for (name,) in names:
            made = name.split("_")[2]
            if made.isdigit() and int(made) < time.time() - STALE:
                with contextlib.suppress(psycopg.Error):  # another run may be doing the same
                    connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def _answers(server: str) -> bool:
    try:
        with psycopg.connect(f"{server}/postgres", connect_timeout=3):
            return True
    except psycopg.Error:
        return False


def _private_server(stack: contextlib.ExitStack) -> str | None:
    """Start a server of our own on a free port; stopped when the tests end. None: not installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        return None
    programs = found[-1].parent
    # PostgreSQL refuses to run as root; Debian's package brings the user.
    who = "postgres" if os.geteuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="centralino-pg-"))
    stack.callback(shutil.rmtree, folder, ignore_errors=True)
    if who:
        shutil.chown(folder, who)
    data = folder / "data"
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    make = [programs / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"]
    subprocess.run(make, check=True, user=who, cwd=folder, stdout=subprocess.DEVNULL)
    start = [programs / "postgres", "-D", data, "-p", str(port), "-c", f"unix_socket_directories={folder}"]
    process = subprocess.Popen(
        [*start, "-c", "listen_addresses=127.0.0.1"], user=who, cwd=folder, stderr=subprocess.DEVNULL
    )
    stack.callback(process.wait)
    stack.callback(process.terminate)
    server = f"postgresql://postgres@127.0.0.1:{port}"
    for _ in range(100):
        if _answers(server):
            return server
        time.sleep(0.1)
    return None
