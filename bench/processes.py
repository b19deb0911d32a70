"""Which processes are measured? A hub and the null server, started on loopback, watched, and killed at the end."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
READY_WITHIN = 120.0  # seconds: a machine may be shared
MANY = 1_000_000


def free_port() -> int:
    """A port that nobody uses just now, below those that the system gives to clients, who would take it meanwhile."""
    while True:
        port = 27_000 + secrets.randbelow(5_000)
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as telephone:
                telephone.bind(("127.0.0.1", port))
            return port


@contextlib.contextmanager
def silent_relay() -> Iterator[int]:
    """A mail server that accepts connections and never says a word: what is queued for it stays queued."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(128)
        yield int(listening.getsockname()[1])


@dataclass(frozen=True, slots=True, kw_only=True)
class Null:
    """A running null server."""

    port: int
    pid: int

    def cpu(self) -> float:
        """Seconds of processor time it has used."""
        return cpu(self.pid)


@contextlib.contextmanager
def null_server() -> Iterator[Null]:
    """Stock aiosmtpd that throws every mail away."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.null_smtp", str(port)], cwd=ROOT, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    process.stdout.readline()
    try:
        yield Null(port=port, pid=process.pid)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


class Hub:
    """One hub on a database, started when made and ready when that returns."""

    def __init__(
        self,
        folder: Path,
        url: str,
        *,
        relay: int,
        plain: bool = False,
        processes: int = 1,
        more: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        self.url = url
        self.http, self.smtp = free_port(), free_port()
        self.static = folder / "static"
        self.static.mkdir(parents=True, exist_ok=True)
        settings = folder / "settings.toml"
        settings.write_text(
            _settings(folder / "data", url, self.http, self.smtp, relay, processes, more or {}),
            encoding="utf-8",
        )
        program = ["main.py"] if plain else ["-m", "bench.served", str(self.static)]
        began = time.perf_counter()
        self.errors = folder / "errors.txt"
        with self.errors.open("ab") as errors:
            self._process = subprocess.Popen(
                [sys.executable, *program, "run", "--no-demo", "--settings", str(settings)],
                cwd=ROOT,
                stdout=subprocess.DEVNULL,
                stderr=errors,
            )
        self._wait()
        self.started_within = time.perf_counter() - began
        """Seconds from the start of the process until it says that it is ready."""
        self._peak: dict[str, float] = {"hub": 0.0, "readers": 0.0}
        self._watch = threading.Event()
        self._watching = threading.Thread(target=self._look, daemon=True)
        self._watching.start()

    def _wait(self) -> None:
        until = time.monotonic() + READY_WITHIN
        while time.monotonic() < until:
            with contextlib.suppress(OSError, HTTPException), closing(self._ask()) as asking:
                asking.request("GET", "/health/ready")
                if asking.getresponse().status == 200:
                    return
            if self._process.poll() is not None:
                break
            time.sleep(0.01)
        self._end()
        raise RuntimeError(f"the hub did not start: {self.errors.read_text(encoding='utf-8')[-2000:]}")

    def _ask(self) -> HTTPConnection:
        return HTTPConnection("127.0.0.1", self.http, timeout=5)

    def _look(self) -> None:
        while not self._watch.wait(0.2):
            self.memory()

    def memory(self) -> dict[str, float]:
        """The most that hub, and its readers together, held so far: resident, in MB."""
        now = self._sums(_resident)
        self._peak = {name: max(self._peak[name], now[name]) for name in now}
        return self._peak

    def resident(self) -> float:
        """What the hub holds now, without its readers: in MB."""
        return self._sums(_resident)["hub"]

    def cpu(self) -> dict[str, float]:
        """Seconds of processor time used by the hub and by its readers."""
        return self._sums(cpu)

    def _sums(self, of: Callable[[int], float]) -> dict[str, float]:
        sums = {"hub": 0.0, "readers": 0.0}
        for pid in _tree(self._process.pid):
            sums["readers" if _reads(pid) else "hub"] += of(pid)
        return sums

    @property
    def pid(self) -> int:
        return self._process.pid

    def kill(self) -> None:
        """End it at once: its database is thrown away."""
        self._watch.set()
        self._watching.join()
        self._end()

    def _end(self) -> None:
        for pid in _tree(self._process.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait()


def _settings(
    data: Path,
    url: str,
    http: int,
    smtp: int,
    relay: int,
    processes: int,
    more: Mapping[str, Mapping[str, Any]],
) -> str:
    # The brakes are opened: on loopback two thousand people write as much in seconds as in life in months, and each
    # mail has to become a ticket with an acknowledgement. Their counters are kept and asked all the same.
    values: dict[str, dict[str, Any]] = {
        "hub": {"data_dir": str(data), "log_level": "warning", "processes": processes},
        "database": {"url": url},
        "http": {"port": http},
        "limits": {"requests_per_person": MANY, "requests_per_address": MANY},
        "brakes": dict.fromkeys(
            (
                "known_per_hour",
                "known_per_day",
                "automatic_per_minute",
                "automatic_per_hour",
                "mails_of_sender",
                "same_text",
                "notices_per_hour",
            ),
            MANY,
        ),
        "channels.email": {"smtp_port": smtp, "relay_host": "127.0.0.1", "relay_port": relay},
        **more,
    }
    return "".join(
        f"[{section}]\n" + "".join(f"{name} = {json.dumps(value)}\n" for name, value in table.items())
        for section, table in values.items()
    )


def _resident(pid: int) -> float:
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
    return 0.0


def _tree(pid: int) -> list[int]:
    """The process, before all that it started."""
    found = [pid]
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text(encoding="ascii").split():
                found += _tree(int(child))
    return found


def _reads(pid: int) -> bool:
    """Is it one that reads mail?"""
    with contextlib.suppress(OSError):
        return b"core.isolation" in Path(f"/proc/{pid}/cmdline").read_bytes()
    return False


def cpu(pid: int) -> float:
    """Seconds of processor time that a process has used, with those that it started and that have ended."""
    with contextlib.suppress(OSError):
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return sum(int(field) for field in fields[11:15]) / os.sysconf("SC_CLK_TCK")
    return 0.0
