"""The migrations make the tables that the program works with."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path
from uuid import UUID

import psycopg
import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from core.ids import new_id
from core.store import migrate, postgres, sqlite, tables
from core.store.opening import connect_once


def _sqlite_shape(path: Path) -> dict[str, object]:
    with sqlite3.connect(path) as connection:
        found = {}
        texts = dict(
            connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'index'").fetchall()
        )
        for name, sql in connection.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'table'"
        ).fetchall():
            if name.startswith(("search_", "alembic_", "sqlite_")):
                continue
            indexes = [
                (
                    unique,
                    partial,
                    texts.get(index),
                    connection.execute(f"PRAGMA index_info({index})").fetchall(),
                )
                for _, index, unique, _, partial in connection.execute(
                    f"PRAGMA index_list({name})"
                ).fetchall()
            ]
            found[name] = {
                "columns": [tuple(c) for c in connection.execute(f"PRAGMA table_xinfo({name})").fetchall()],
                "indexes": sorted(indexes, key=str),
                "rowid": "WITHOUT ROWID" not in sql,
            }
    connection.close()
    return found


def test_a_migrated_sqlite_file_has_the_tables_of_the_program(tmp_path: Path) -> None:
    migrate.upgrade(f"sqlite:///{tmp_path}/migrated.db")
    connection = sqlite.connect_once(f"sqlite:///{tmp_path}/made.db")
    tables.metadata.create_all(connection)
    connection.close()

    migrated, made = _sqlite_shape(tmp_path / "migrated.db"), _sqlite_shape(tmp_path / "made.db")

    assert migrated.keys() == made.keys()
    for name, shape in made.items():
        assert migrated[name] == shape, name


def _postgres_shape(url: str) -> tuple[list[tuple[object, ...]], list[str]]:
    with psycopg.connect(url) as connection:
        columns = connection.execute(
            "SELECT table_name, column_name, row_number() OVER (PARTITION BY table_name ORDER BY ordinal_position),"
            " data_type, is_nullable, column_default"  # the place of a column that was dropped stays empty
            " FROM information_schema.columns WHERE table_schema = current_schema() ORDER BY 1, 3"
        ).fetchall()
        indexes = connection.execute(
            "SELECT tablename, indexdef FROM pg_indexes WHERE schemaname = current_schema() ORDER BY 1, 2"
        ).fetchall()
    ours = [row for row in columns if row[0] not in ("search_text", "alembic_version")]
    return ours, [row[1] for row in indexes if row[0] not in ("search_text", "alembic_version")]


@pytest.mark.postgres
def test_a_migrated_postgresql_database_has_the_tables_of_the_program(new_postgres_url: str) -> None:
    migrate.upgrade(new_postgres_url)
    made = f"{new_postgres_url}?options=-csearch_path%3Dmade"
    with psycopg.connect(new_postgres_url, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA made")
    with postgres.engine(made).begin() as connection:
        tables.metadata.create_all(connection)

    migrated_columns, migrated_indexes = _postgres_shape(new_postgres_url)
    made_columns, made_indexes = _postgres_shape(made)

    assert migrated_columns == made_columns
    assert migrated_indexes == [text.replace(" made.", " public.") for text in made_indexes]


@pytest.fixture(params=["sqlite", pytest.param("pg", marks=pytest.mark.postgres)])
def new_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database without any table, of either kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/new.db"
    url: str = request.getfixturevalue("new_postgres_url")
    return url


def test_whoever_was_to_come_to_a_visit_comes_after_the_migration_too(
    new_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as before:
        before.setattr(migrate, "HEAD", "0006")
        migrate.upgrade(new_database_url)
    ticket, visit = new_id(), new_id()
    connection = connect_once(new_database_url)
    key = {"ticket_id": _stored(connection, ticket), "id": _stored(connection, visit)}
    connection.execute(
        text(
            "INSERT INTO visit (ticket_id, id, customer, site, place, time_zone, purpose, uid, technicians, sequence, made_at, made_by)"
            " VALUES (:ticket_id, :id, '', '', '', '', 'x', 'x', '[\"gus\"]', 2, 5, 'agent:ann')"
        ),
        key,
    )
    connection.commit()
    connection.close()

    migrate.upgrade(new_database_url)

    connection = connect_once(new_database_url)
    crew = connection.execute(
        text("SELECT visit_id, agent, leads, minutes, at, by FROM visit_crew ORDER BY agent")
    )
    asked = connection.execute(text("SELECT engineers, agreed FROM visit")).one()
    rows = [(str(_told(row[0])), row[1], bool(row[2]), *row[3:]) for row in crew]
    connection.close()
    assert rows == [(visit, "gus", True, 0, 5, "agent:ann")]
    assert tuple(asked) == (1, 2)


def test_what_was_known_against_an_address_in_another_spelling_holds_after_the_migration(
    new_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as before:
        before.setattr(migrate, "HEAD", "0012")
        migrate.upgrade(new_database_url)
    known = [
        ("Aldo@acme.test", "complaint"),
        ("aldo@acme.test", "hard bounce"),
        ("Bob@beta.test", "soft bounces"),
        ("carl@c.test", "hard bounce"),
    ]
    connection = connect_once(new_database_url)
    for address, reason in known:
        connection.execute(
            text("INSERT INTO bad_address (address, reason, at, said) VALUES (:address, :reason, 5, '')"),
            {"address": address, "reason": reason},
        )
    connection.commit()
    connection.close()

    migrate.upgrade(new_database_url)

    connection = connect_once(new_database_url)
    rows = connection.execute(text("SELECT address, reason FROM bad_address ORDER BY address")).all()
    connection.close()
    assert [tuple(row) for row in rows] == [
        ("aldo@acme.test", "complaint"),
        ("bob@beta.test", "soft bounces"),
        ("carl@c.test", "hard bounce"),
    ]


def _stored(connection: Connection, identity: str) -> object:
    return UUID(identity).bytes if connection.dialect.name == "sqlite" else UUID(identity)


def _told(stored: object) -> UUID:
    return UUID(bytes=stored) if isinstance(stored, bytes) else UUID(str(stored))


def test_head_is_the_newest_migration() -> None:
    config = Config()
    config.set_main_option("script_location", str(migrate.SCRIPTS))

    assert ScriptDirectory.from_config(config).get_current_head() == migrate.HEAD


def test_a_second_upgrade_has_nothing_to_do(database_url: str) -> None:
    assert migrate.current(database_url) == migrate.HEAD
    assert migrate.upgrade(database_url) is False


def test_looking_at_a_database_that_is_not_there_does_not_make_it(tmp_path: Path) -> None:
    assert migrate.current(f"sqlite:///{tmp_path}/none.db") is None
    assert not (tmp_path / "none.db").exists()


def test_a_start_on_a_finished_database_does_not_load_alembic(sqlite_url: str) -> None:
    script = f"import sys; from core.store import migrate; migrate.upgrade({sqlite_url!r}); print('alembic' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "False"


def test_a_newer_database_is_refused_with_what_to_do(sqlite_url: str) -> None:
    with sqlite3.connect(sqlite_url.removeprefix("sqlite:///")) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()

    with pytest.raises(migrate.WrongDatabase, match="stands at 9999"):
        migrate.upgrade(sqlite_url)


@pytest.fixture
def broken_migration(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The migrations, the first of which fails after its tables."""
    scripts = tmp_path / "migrations"
    (scripts / "versions").mkdir(parents=True)
    (scripts / "env.py").write_text((migrate.SCRIPTS / "env.py").read_text())
    for script in (migrate.SCRIPTS / "versions").glob("*.py"):
        broken = script.read_text().replace(
            "    _full_text()\n", "    raise RuntimeError('the power went')\n", 1
        )
        (scripts / "versions" / script.name).write_text(broken)
    monkeypatch.setattr(migrate, "SCRIPTS", scripts)


def test_a_migration_that_breaks_half_way_leaves_nothing_behind(
    broken_migration: None, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path}/half.db"

    with pytest.raises(RuntimeError, match="the power went"):
        migrate.upgrade(url)

    assert migrate.current(url) is None
    with sqlite3.connect(tmp_path / "half.db") as connection:
        assert connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)
    connection.close()
