"""Which database is behind a URL? Each driver is imported only where it is used."""

from __future__ import annotations

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
