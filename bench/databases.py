"""Where do the measured databases come from? Templates made once per shape of the rows, and a copy for each run."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol
from uuid import uuid4

import psycopg

from bench.processes import ROOT
from bench.seed import seed

RESULTS = ROOT / "bench" / "results"
SERVER = os.environ.get("BENCH_POSTGRES", "postgresql://postgres@127.0.0.1:5432")
PREFIX = "centralino_bench_"
_SHAPE = (
    "core/store/tables.py",
    "core/store/fulltext.py",
    "core/store/packing.py",
    "core/desk/case.py",
    "templates/demo/desk.toml",
)
BUSY = {"urgent assigned": 30, "urgent working": 50, "urgent waiting": 20}
BY_OFFICE = (1, 2, 4)
_SEED = ("desk", "mail_load", "patterns", "seed", "words")


def version() -> str:
    """Which code made the rows: a template of another version is not used."""
    files = [ROOT / name for name in _SHAPE] + [ROOT / "bench" / f"{name}.py" for name in _SEED]
    digest = hashlib.sha256()
    for file in [*files, *sorted((ROOT / "migrations" / "versions").glob("*.py"))]:
        digest.update(file.read_bytes())
    return digest.hexdigest()[:10]


def _fill(url: str, tickets: int, *, busy: bool) -> None:
    """`busy`: every ticket is open, with four clocks, three of them by one calendar and going on."""
    if busy:
        seed(url, tickets, shares=BUSY, kinds=BY_OFFICE)
    else:
        seed(url, tickets)


class Kind(Protocol):
    """A kind of database."""

    name: str
    several: bool
    """May several processes work on it?"""

    def copy(
        self, tickets: int, folder: Path, *, busy: bool = False
    ) -> contextlib.AbstractContextManager[str]:
        """The URL of a desk with so many tickets, thrown away at the end. `busy`: see `_fill`."""
        ...

    def size(self, tickets: int) -> int:
        """Bytes of a desk with so many tickets."""
        ...

    def said(self) -> dict[str, str]:
        """What a figure depends on: version and how commits are synced."""
        ...


class Sqlite:
    """Files beside the results. `kept`: the folder of the templates."""

    name = "sqlite"
    several = False

    def __init__(self, kept: Path = RESULTS) -> None:
        self._kept = kept

    @contextlib.contextmanager
    def copy(self, tickets: int, folder: Path, *, busy: bool = False) -> Iterator[str]:
        """See Kind."""
        template = self._template(tickets, busy=busy)
        path = folder / f"{tickets}-{uuid4().hex[:6]}.db"
        shutil.copyfile(template, path)
        try:
            yield f"sqlite:///{path}"
        finally:
            for end in ("", "-wal", "-shm"):
                path.with_name(path.name + end).unlink(missing_ok=True)

    def size(self, tickets: int) -> int:
        """See Kind."""
        return self._template(tickets).stat().st_size

    def _template(self, tickets: int, *, busy: bool = False) -> Path:
        self._kept.mkdir(parents=True, exist_ok=True)
        path = self._kept / f"template-{version()}-{tickets}{'-busy' * busy}.db"
        if not path.exists():
            for old in self._kept.glob("template-*"):
                if version() not in old.name:
                    old.unlink()
            print(f"making a desk with {tickets:,} tickets on SQLite; kept for the next time", flush=True)
            unfinished = path.with_suffix(".new")
            for end in ("", "-wal", "-shm"):
                unfinished.with_name(unfinished.name + end).unlink(missing_ok=True)
            _fill(f"sqlite:///{unfinished}", tickets, busy=busy)
            with contextlib.closing(sqlite3.connect(unfinished)) as raw:
                raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            unfinished.replace(path)
        return path

    def said(self) -> dict[str, str]:
        """See Kind."""
        return {"database": f"SQLite {sqlite3.sqlite_version}", "sync": "WAL, synchronous=FULL, group commit"}


class Postgres:
    """Databases of a server on loopback; `BENCH_POSTGRES` names another one."""

    name = "postgresql"
    several = True

    @contextlib.contextmanager
    def copy(self, tickets: int, folder: Path, *, busy: bool = False) -> Iterator[str]:
        """See Kind."""
        template = self._template(tickets, busy=busy)
        name = f"{PREFIX}run_{uuid4().hex[:8]}"
        self._tell(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
        try:
            yield f"{SERVER}/{name}"
        finally:
            self._tell(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def size(self, tickets: int) -> int:
        """See Kind."""
        return int(self._ask("SELECT pg_database_size(%s)", self._template(tickets))[0][0])

    def _template(self, tickets: int, *, busy: bool = False) -> str:
        name = f"{PREFIX}{version()}_{tickets}{'_busy' * busy}"
        known = self._ask("SELECT datname FROM pg_database WHERE datname LIKE %s", f"{PREFIX}%")
        if (name,) not in known:
            for (old,) in known:
                if version() not in old and "_run_" not in old:
                    self._tell(f"DROP DATABASE IF EXISTS {old} WITH (FORCE)")
            print(f"making a desk with {tickets:,} tickets on PostgreSQL; kept for the next time", flush=True)
            unfinished = f"{PREFIX}{version()}_new"
            self._tell(f"DROP DATABASE IF EXISTS {unfinished} WITH (FORCE)")
            self._tell(f"CREATE DATABASE {unfinished}")
            _fill(f"{SERVER}/{unfinished}", tickets, busy=busy)
            self._tell(f"ALTER DATABASE {unfinished} RENAME TO {name}")
        return name

    def said(self) -> dict[str, str]:
        """See Kind."""
        (server,) = self._ask("SHOW server_version")[0]
        (commit,) = self._ask("SHOW synchronous_commit")[0]
        (fsync,) = self._ask("SHOW fsync")[0]
        return {
            "database": f"PostgreSQL {server.split()[0]}",
            "sync": f"synchronous_commit={commit}, fsync={fsync}",
        }

    def answers(self) -> bool:
        """Is the server there?"""
        try:
            self._ask("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True

    def _tell(self, what: str) -> None:
        with psycopg.connect(f"{SERVER}/postgres", autocommit=True, connect_timeout=3) as connection:
            connection.execute(what)

    def _ask(self, what: str, *values: Any) -> list[tuple[Any, ...]]:
        with psycopg.connect(f"{SERVER}/postgres", autocommit=True, connect_timeout=3) as connection:
            return connection.execute(what, values or None).fetchall()


class Look:
    """Counts what a hub has done, from beside it."""

    def __init__(self, url: str) -> None:
        self._sqlite = url.startswith("sqlite")
        self._raw: Any = (
            sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
            if self._sqlite
            else psycopg.connect(url, autocommit=True)
        )

    def count(self, question: str, *values: Any) -> int:
        """The one number that is asked for; values stand for `?`."""
        text = question if self._sqlite else question.replace("?", "%s")
        return int(self._raw.execute(text, values).fetchone()[0])

    def column(self, question: str, *values: Any) -> list[int]:
        """The numbers of one column."""
        text = question if self._sqlite else question.replace("?", "%s")
        return [int(number) for (number,) in self._raw.execute(text, values).fetchall()]

    def servers(self) -> list[int]:
        """Process ids of the database server that work for the hub; none where they are not on this machine."""
        if self._sqlite:
            return []
        asked = (
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        return [int(pid) for (pid,) in self._raw.execute(asked).fetchall()]

    def close(self) -> None:
        self._raw.close()
