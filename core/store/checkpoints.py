"""Who copies what was committed from the write-ahead log to its place in the file? A thread beside the writer.

SQLite does it by itself within the commit that makes the log too long, and everybody waits meanwhile: the larger the
desk, the more pages all over the file. Here that commit finds next to nothing left to copy, and the log begins anew.
https://www.sqlite.org/wal.html#ckpt
"""

from __future__ import annotations

import sqlite3
import threading
import time

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

AFTER = 500  # changes, some 8,000 pages or 32 MB: a page that changes all the time is copied once for many commits
ROWS = 50  # of one that goes through many rows: they weigh as much as one of the others
PASSES = 5  # each copies what came during the one before …
SHORT = 0.005  # … until one took no more than these seconds: so little is left for the writer
COPY = "PRAGMA wal_checkpoint(PASSIVE)"  # as far as no reader looks at what was before; waits for nobody


class Checkpoints:
    """Of one file. `committed` is for the writing thread, which also meets the errors: it knows what they mean."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._since = 0
        self._rows = 0
        self._wanted = threading.Event()
        self._copied = False
        self._failed: sqlite3.Error | DBAPIError | None = None
        self._ended = False
        self._thread = threading.Thread(target=self._run, name="checkpoints", daemon=True)
        self._thread.start()

    def committed(self, raw: sqlite3.Connection, changes: int) -> None:
        """So many changes more are in the log. Raises sqlite3.Error or DBAPIError when it could not be copied."""
        if self._failed is not None:
            failed, self._failed = self._failed, None
            raise failed
        rows = raw.total_changes
        self._since += max(changes, (rows - self._rows) // ROWS)
        self._rows = rows
        if self._copied:
            self._copied = False
            raw.execute(COPY).fetchone()
        elif self._since >= AFTER:
            self._since = 0
            self._wanted.set()

    def end(self) -> None:
        """Let go of the file."""
        self._ended = True
        self._wanted.set()
        self._thread.join(timeout=30)

    def _run(self) -> None:
        while True:
            self._wanted.wait()
            self._wanted.clear()  # before anything is looked at: what is wanted from now on is not missed
            if self._ended:
                return
            try:
                with self._engine.connect() as connection:
                    raw: sqlite3.Connection = connection.connection.driver_connection  # type: ignore[assignment]
                    for _ in range(PASSES):
                        began = time.monotonic()
                        raw.execute(COPY).fetchone()
                        if time.monotonic() - began < SHORT:
                            break
                self._copied = True
            # Not tried again: after a failed sync a second one only seems to succeed.
            except (sqlite3.Error, DBAPIError) as error:
                self._failed = error
