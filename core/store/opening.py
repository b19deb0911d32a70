"""Which database is behind a URL? Each driver is imported only where it is used: a start on SQLite does not pay for PostgreSQL's."""

from __future__ import annotations

from sqlalchemy import Connection

from core.facts import HubFacts
from core.store.database import Database


def open_database(
    url: str, facts: HubFacts | None = None, *, readers: int = 3, connections: int = 8
) -> Database:
    """The database behind a URL: `sqlite:///path` or `postgresql://…`. Raises ValueError for anything else.

    `readers`: reading threads on SQLite. `connections`: threads with a connection each on PostgreSQL.
    """
    if url.startswith("sqlite:///"):
        from core.store.sqlite import SqliteDatabase  # noqa: PLC0415

        return SqliteDatabase(url, facts or HubFacts(), readers=readers)
    if url.startswith(("postgresql://", "postgres://")):
        from core.store.postgres import PostgresDatabase  # noqa: PLC0415

        return PostgresDatabase(url, facts or HubFacts(), connections=connections)
    message = f"database.url {url!r} must begin with sqlite:/// or postgresql://"
    raise ValueError(message)


def connect_once(url: str) -> Connection:
    """A connection of one's own, for migrations and tools. BEGIN and COMMIT are the caller's."""
    if url.startswith("sqlite:///"):
        from core.store import sqlite  # noqa: PLC0415

        return sqlite.connect_once(url)
    from core.store import seats  # noqa: PLC0415

    return seats.engine(url).connect()
