"""How is the database copied while it is used, and put back? SQLite's own online backup; PostgreSQL brings tools."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from datetime import datetime
from pathlib import Path

SQLITE = "sqlite:///"


class CopyError(Exception):
    """The copy cannot be made or put back; says why and what to do."""


def backup(url: str, to: Path) -> int:
    """Write a consistent copy to a new file that only its owner can read, durably; return its size in bytes.

    The hub may run meanwhile. Raises CopyError; a copy that was not finished is taken away.
    """
    source = _file(url, "pg_dump --format=custom --file=FILE")
    if not source.exists():
        raise CopyError(f"there is no database {source}")
    try:
        os.close(os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        raise CopyError(f"{to} exists already: name a new file") from None
    except OSError as error:
        raise CopyError(f"{to} cannot be written: {error.strerror}") from error
    try:
        with closing(sqlite3.connect(source)) as live, closing(sqlite3.connect(to)) as copy:
            live.backup(copy)
        with to.open("rb+") as file:
            os.fsync(file.fileno())
    except (sqlite3.Error, OSError) as error:
        to.unlink(missing_ok=True)
        raise CopyError(f"{source} could not be copied to {to}: {error}") from error
    return to.stat().st_size


def restore(url: str, copy: Path, *, now: datetime) -> Path | None:
    """Put a copy in the place of the database, which no hub may use meanwhile.

    Returns where the database that was there is kept; None: there was none. Raises CopyError, before anything is
    changed, when the file is no sound copy.
    """
    target = _file(url, "pg_restore --clean --dbname=NAME FILE")
    _examine(copy)
    kept = None
    try:
        if target.exists():
            kept = target.with_name(f"{target.name}.before-{now:%Y%m%dT%H%M%SZ}")
            backup(url, kept)
        target.parent.mkdir(parents=True, exist_ok=True)
        read_only = f"file:{copy}?mode=ro"
        with (
            closing(sqlite3.connect(read_only, uri=True)) as source,
            closing(sqlite3.connect(target)) as live,
        ):
            source.backup(live)
    except (sqlite3.Error, OSError) as error:
        where = f"; the old database is {kept}" if kept else ""
        raise CopyError(f"{copy} could not be put back: {error}{where}") from error
    return kept


def _examine(copy: Path) -> None:
    if not copy.is_file():
        raise CopyError(f"there is no file {copy}")
    try:
        with closing(sqlite3.connect(f"file:{copy}?mode=ro", uri=True)) as source:
            state = source.execute("PRAGMA integrity_check").fetchone()[0]
            ours = source.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone()
    except sqlite3.Error as error:
        raise CopyError(f"{copy} is no copy of a database: {error}") from error
    if state != "ok":
        raise CopyError(f"{copy} is damaged: {state}")
    if ours is None:
        raise CopyError(f"{copy} is a database, but none of this program's")


def _file(url: str, instead: str) -> Path:
    if not url.startswith(SQLITE):
        raise CopyError(f"this database is PostgreSQL: use its own tool, {instead}")
    return Path(url.removeprefix(SQLITE))
