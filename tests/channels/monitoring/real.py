"""A hub that runs beside programs that people really run, and how the tests drive those."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.days.hubs import Hub, until
from tests.devices_at_work import WITH_DEVICES

SERVICES = "/usr/sbin:/sbin:/usr/local/sbin"
"""Where programs of services are that nobody starts by hand."""


def found(program: str) -> str:
    """Where it is; empty: it is not on this machine."""
    return shutil.which(program) or shutil.which(program, path=SERVICES) or ""


def needs(program: str) -> pytest.MarkDecorator:
    """The test is skipped where the program is not."""
    return pytest.mark.skipif(not found(program), reason=f"needs {program}")


class Desk:
    """A hub with sources of alarms, and what lies in its store."""

    def __init__(self, folder: Path, sources: str, **settings: Any) -> None:
        self.hub = Hub(folder, **settings)
        wanted = folder / "desk.toml"
        wanted.write_text(WITH_DEVICES + sources, encoding="utf-8")
        self.hub.done("apply", str(wanted), "--yes")
        self.hub.start()

    def rows(self, words: str, *given: Any) -> list[sqlite3.Row]:
        """What the store answers."""
        with closing(sqlite3.connect(f"file:{self.hub.data}/centralino.db?mode=ro", uri=True)) as asked:
            asked.row_factory = sqlite3.Row
            return asked.execute(words, given).fetchall()

    def alerts(self, source: str, like: str) -> list[sqlite3.Row]:
        """Of this source, whose key is like this."""
        words = "SELECT * FROM alert WHERE source = ? AND dedup_key LIKE ? ORDER BY dedup_key"
        return self.rows(words, source, like)

    def alert(self, source: str, like: str, **state: Any) -> sqlite3.Row:
        """The one alert, once it is so."""

        def so() -> bool:
            return any(all(row[k] == v for k, v in state.items()) for row in self.alerts(source, like))

        until(
            so, f"no alert of {source} is like {like} {state}: {[dict(r) for r in self.alerts(source, '%')]}"
        )
        (row,) = self.alerts(source, like)
        return row

    def decisions(self, key: str) -> list[str]:
        """What was decided of an alarm, in order."""
        words = "SELECT d.kind FROM alert_decision d JOIN alert a ON a.id = d.alert_id WHERE a.dedup_key = ? ORDER BY d.seq"
        return [row["kind"] for row in self.rows(words, key)]

    def ticket(self, key: str) -> sqlite3.Row | None:
        """The request that an alarm belongs to."""
        rows = self.rows(
            "SELECT t.* FROM ticket t JOIN alert a ON a.ticket_id = t.id WHERE a.dedup_key = ?", key
        )
        return rows[0] if rows else None


def certificates(folder: Path) -> None:
    """An authority (ca.crt) and what it signs for localhost, without the extensions that Icinga's own leaves out (`icinga2 api setup`)."""
    folder.mkdir(parents=True)
    curve = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -config openssl.cnf"
    bare = "[req]\ndistinguished_name = none\n[none]\n[ca]\nbasicConstraints = critical,CA:TRUE\n[own]\nsubjectAltName = DNS:localhost\n"
    (folder / "openssl.cnf").write_text(bare)
    for line in (
        f"req -x509 {curve} -extensions ca -subj /CN=Icinga -days 2 -keyout ca.key -out ca.crt",
        f"req {curve} -subj /CN=localhost -keyout localhost.key -out localhost.csr",
        "x509 -req -in localhost.csr -CA ca.crt -CAkey ca.key -CAcreateserial -extfile openssl.cnf -extensions own -days 2 -out localhost.crt",
    ):
        subprocess.run(["openssl", *line.split()], cwd=folder, check=True, capture_output=True)


@contextlib.contextmanager
def running(*words: Any, into: Path | None = None, **more: Any) -> Iterator[subprocess.Popen[bytes]]:
    """A program, until it is needed no more. `into`: the file of what it says."""
    with contextlib.ExitStack() as stack:
        said: Any = stack.enter_context(into.open("ab")) if into is not None else subprocess.DEVNULL
        process = subprocess.Popen([str(word) for word in words], stdout=said, stderr=said, **more)
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(timeout=20)
