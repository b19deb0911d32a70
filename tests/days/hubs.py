"""How do whole days drive a hub? As its operator does: a process, its command line, signals, and its log."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any

from tests.days import warm
from tests.days.people import Api, Browser

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 120.0  # seconds a test waits for what must happen: the machine is shared
STOP_WITHIN = 15.0  # seconds from SIGTERM to the end: 10 as promised, and what a shared machine adds

SETTINGS = """
[hub]
log_level = "warning"
quiet_hours = ""
[limits]
requests_per_person = 1000
requests_per_address = 1000
disk_reserve = "1 MiB"
[brakes]
known_per_hour = 1000
known_per_day = 1000
unknown_per_day = 1000
unknown_of_domain = 100000
automatic_per_minute = 100000
automatic_per_hour = 100000
mails_of_sender = 100000
same_text = 100000
notices_per_hour = 100000
"""


class Hub:
    """One hub in a process group of its own.

    `url`: its database, if not the file in its data folder. `inside`: words before each command, which put it into
    a place of its own. Settings are named with __ for the dot.
    """

    def __init__(self, folder: Path, *, url: str = "", inside: tuple[str, ...] = (), **settings: Any) -> None:
        self.folder = folder
        self.inside = inside
        self.data = folder / "data"
        self.http, self.smtp = free_port(), free_port()
        self.base = f"http://127.0.0.1:{self.http}"
        self.log = folder / "hub.log"
        self.process: subprocess.Popen[bytes] | warm.Forked | None = None
        folder.mkdir(parents=True, exist_ok=True)
        self._file = folder / "my.toml"
        self._file.write_text(SETTINGS, encoding="utf-8")
        own = {"hub.data_dir": self.data, "http.port": self.http, "channels.email.smtp_port": self.smtp}
        if url:
            own["database.url"] = url
        named = {name.replace("__", "."): value for name, value in settings.items()}
        self.settings = {**own, **named}

    def also(self, settings: str) -> None:
        """Further tables of its settings, before it is started."""
        self._file.write_text(f"{self._file.read_text('utf-8')}\n{settings}", encoding="utf-8")

    @property
    def words(self) -> list[str]:
        """The settings, as every command of this hub is given them."""
        sets = [word for name, value in self.settings.items() for word in ("--set", f"{name}={value}")]
        return ["--settings", str(self._file), *sets]

    def start(self, *more: str, wait: bool = True) -> float:
        """Start it; return the seconds until it was ready."""
        started = time.monotonic()
        with self.log.open("ab") as log, Path(os.devnull).open("rb") as nothing:
            run = ("run", "--no-demo", *self.words, *more)
            self.process = _started(*run, inside=self.inside, files=(nothing, log, log))
        if wait:
            until(self.ready, f"the hub is not ready: {self.log}")
        return time.monotonic() - started

    def ready(self) -> bool:
        """What /health/ready says; a hub that has ended never is."""
        assert self.process is not None
        assert self.process.poll() is None, self.said()
        return self.health()[0] == 200

    def health(self) -> tuple[int, list[str]]:
        """Status and reasons; 0 when nobody listens."""
        try:
            with urllib.request.urlopen(f"{self.base}/health/ready", timeout=5) as answer:
                return answer.status, json.load(answer)["reasons"]
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)["reasons"]
        except (OSError, ValueError):
            return 0, []

    def kill(self) -> None:
        """As a power cut ends it: the whole process group at once, readers included."""
        assert self.process is not None
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(timeout=PATIENCE)

    def signal(self, number: signal.Signals) -> None:
        """To the hub itself, as a supervisor sends it."""
        assert self.process is not None
        self.process.send_signal(number)

    def stop(self) -> float:
        """SIGTERM; return the seconds it took. Fails when it did not end well."""
        started = time.monotonic()
        self.signal(signal.SIGTERM)
        assert self.process is not None
        assert self.process.wait(timeout=PATIENCE) == 0, self.said()
        return time.monotonic() - started

    def said(self) -> str:
        """Its log so far."""
        return self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""

    def astonished(self) -> list[str]:
        """The lines of its log in which an error is told that nobody expected."""
        return [line for line in self.said().splitlines() if "Traceback" in line]

    def parts(self) -> list[int]:
        """Process ids of what it started: reading processes, or with `hub.processes` whole hubs, in order."""
        assert self.process is not None
        return sorted(pid for pid, parent in _processes() if parent == self.process.pid)

    # --- The command line --------------------------------------------------------------------------------

    def line(self, *words: str, answer: str = "") -> subprocess.CompletedProcess[str]:
        """One command, with this hub's settings."""
        return command(*words, *self.words, answer=answer, inside=self.inside)

    def done(self, *words: str, answer: str = "") -> str:
        """What a command printed that ended well."""
        ended = self.line(*words, answer=answer)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return ended.stdout

    def balances(self) -> None:
        """`main.py verify` proves the books."""
        ended = self.line("verify")
        assert ended.returncode == 0, ended.stdout + ended.stderr
        assert "the books balance" in ended.stdout

    # --- People ------------------------------------------------------------------------------------------

    def token(self, *who: str) -> str:
        """A new API token, as the operator makes it."""
        return self.done("token", "create", *who).strip()

    def api(self, token: str) -> Api:
        """Somebody with a token."""
        return Api(self.base, token)

    def browser(self, email: str, password: str) -> Browser:
        """Somebody who has signed in."""
        browser = Browser(self.base)
        page = browser.submit(browser.get("/login"), "/login", email=email, password=password)
        assert page.status == 200, page.text
        assert "/login" not in page.path, page.text
        return browser


def command(*words: str, answer: str = "", inside: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    """`main.py` with these words, as a process of its own."""
    with ExitStack() as stack:
        asked, said, told = (
            stack.enter_context(tempfile.TemporaryFile("w+", encoding="utf-8")) for _ in range(3)
        )
        asked.write(answer)
        asked.seek(0)
        process = _started(*words, inside=inside, files=(asked, said, told))
        try:
            code = process.wait(timeout=PATIENCE)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
        said.seek(0)
        told.seek(0)
        return subprocess.CompletedProcess(words, code, said.read(), told.read())


def _started(
    *words: str, inside: tuple[str, ...], files: tuple[IO[Any], IO[Any], IO[Any]]
) -> subprocess.Popen[bytes] | warm.Forked:
    """`main.py` in a process group of its own, with these as its input, output and errors.

    With words before it, it is executed within something else, and so from its first line.
    """
    stdin, stdout, stderr = (file.fileno() for file in files)
    if not inside:
        return warm.start(words, stdin=stdin, stdout=stdout, stderr=stderr)
    whole = [*inside, sys.executable, "main.py", *words]
    return subprocess.Popen(
        whole, cwd=ROOT, stdin=stdin, stdout=stdout, stderr=stderr, start_new_session=True
    )


def until(question: Any, complaint: str, *, seconds: float = PATIENCE, every: float = 0.05) -> Any:
    """Ask until the answer is true; return it. Between questions the hub has twice the time of one for its work."""
    end = time.monotonic() + seconds
    while True:
        asked = time.monotonic()
        if answer := question():
            return answer
        assert time.monotonic() < end, complaint
        time.sleep(max(every, 2 * (time.monotonic() - asked)))


WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:]) % 4
"""Which of the processes of a test run this is: each has ports of its own, so that none takes what another was given."""


def free_port() -> int:
    """A port nobody listens on now, below those that the system gives to clients, who would take it meanwhile."""
    while True:
        port = 15_000 + 2_750 * WORKER + secrets.randbelow(2_750)  # not `random`: all processes seed it alike
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


def _processes() -> Iterator[tuple[int, int]]:
    """(process id, its parent's) of everything that runs."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it has just ended
            yield int(stat.parent.name), int(stat.read_text(errors="replace").rpartition(")")[2].split()[1])


def copied(source: Path, target: Path) -> Path:
    """A data folder once more."""
    shutil.copytree(source, target)
    return target


@contextlib.contextmanager
def ended(*hubs: Hub) -> Iterator[None]:
    """Whatever happens, no process is left behind."""
    try:
        yield
    finally:
        for hub in hubs:
            if hub.process is not None and hub.process.poll() is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(hub.process.pid, signal.SIGCONT)
                hub.kill()
