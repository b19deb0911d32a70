"""Has the database the tables this program needs? Look with one query; change it only when it has not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from core.store.database import StoreUnavailable
from core.store.opening import connect_once

HEAD = "0013"
"""The newest migration. A test compares it with the folder."""

SCRIPTS = Path(__file__).resolve().parents[2] / "migrations"


class WrongDatabase(Exception):
    """The database belongs to another release; says which and what to do."""


def current(url: str) -> str | None:
    """The migration the database stands at; None: it has no tables of ours. A missing SQLite file is not made."""
    if url.startswith("sqlite:///") and not Path(url.removeprefix("sqlite:///")).exists():
        return None
    connection = connect_once(url)
    try:
        return _version(connection)
    finally:
        connection.close()


def upgrade(url: str) -> bool:
    """Bring the database to HEAD; return whether there was anything to do.

    Everything happens in one transaction, so that a start that is killed half-way leaves what was there. Several
    hubs may do it at once: one wins, the others find it done. Raises WrongDatabase for one that is newer than we,
    and StoreUnavailable when it cannot be reached, read or written.
    """
    try:
        return _bring_up(url)
    except DBAPIError as error:
        raise StoreUnavailable(str(error.orig).partition("\n")[0]) from error


def _bring_up(url: str) -> bool:
    if url.startswith("sqlite:///"):
        Path(url.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)
    connection = connect_once(url)
    try:
        if _version(connection) == HEAD:
            return False
        connection.rollback()
        try:
            _upgrade(connection)
        except DBAPIError:
            connection.rollback()
            if _version(connection) == HEAD:  # another hub was quicker
                return False
            raise
    finally:
        connection.close()
    return True


def _version(connection: Connection) -> str | None:
    table = "alembic_version"
    if connection.dialect.name == "sqlite":
        known = connection.exec_driver_sql("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'")
    else:
        known = connection.exec_driver_sql("SELECT to_regclass('alembic_version')")
    if known.scalar() is None:
        return None
    found: str | None = connection.exec_driver_sql(f"SELECT version_num FROM {table}").scalar()  # noqa: S608
    return found


def _upgrade(connection: Connection) -> None:
    from alembic import command  # noqa: PLC0415 - takes 0.2 s, and most starts do not need it
    from alembic.config import Config  # noqa: PLC0415
    from alembic.util import CommandError  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    config.attributes["connection"] = connection
    sqlite = connection.dialect.name == "sqlite"
    raw: Any = connection.connection.driver_connection
    if sqlite:  # its driver begins nothing by itself here, and alembic believes DDL has no transaction
        raw.execute("BEGIN IMMEDIATE")
    try:
        command.upgrade(config, HEAD)
    except BaseException as error:
        connection.rollback()
        if sqlite:
            raw.rollback()
        if isinstance(error, CommandError):
            message = (
                f"the database stands at {_version(connection)}, this program at {HEAD}: "
                "start the release that made it, or restore a backup"
            )
            raise WrongDatabase(message) from error
        raise
    if sqlite:
        raw.commit()
    connection.commit()
