"""Processes that make one hub are kept up, end together, and leave nobody behind."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = """
import os, select, signal, sys, time
from pathlib import Path
from core import processes

def work(number, parent):
    with open({began!r}, "a") as began:
        began.write(f"{{number}} {{os.getpid()}}\\n")
    {what}

sys.exit(processes.keep_up(2, work, ended=lambda number: print(f"ended {{number}}")))
"""
WAITS = "signal.signal(signal.SIGTERM, lambda *_: sys.exit(0)); select.select([parent], [], [])"


class Running:
    """A program of two processes, and which of them were started."""

    def __init__(self, folder: Path, what: str) -> None:
        self._began = folder / "began"
        self._began.touch()
        program = PROGRAM.format(began=str(self._began), what=what)
        self.process = subprocess.Popen(
            [sys.executable, "-c", program],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def began(self) -> list[tuple[int, int]]:
        """(number, process id) of each start so far."""
        return [(int(n), int(pid)) for n, pid in map(str.split, self._began.read_text().splitlines())]

    def end(self) -> tuple[int, list[dict[str, Any]]]:
        """Its exit code, and what it logged."""
        _, told = self.process.communicate(timeout=60)
        return self.process.returncode, [json.loads(line) for line in told.splitlines() if line[:1] == "{"]


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Callable[[str], Running]]:
    """Starts programs; ends whatever is left of them."""
    started: list[Running] = []

    def start(what: str) -> Running:
        started.append(Running(tmp_path, what))
        return started[-1]

    yield start
    for one in started:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(one.process.pid, signal.SIGKILL)
        one.process.communicate()


def until(question: Callable[[], Any]) -> None:
    end = time.monotonic() + 30
    while not question():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.02)


def lives(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_one_signal_ends_them_all(running: Callable[[str], Running], number: signal.Signals) -> None:
    program = running(WAITS)
    until(lambda: len(program.began()) == 2)

    program.process.send_signal(number)

    assert program.end() == (0, [])
    assert not any(lives(pid) for _, pid in program.began())


def test_one_that_is_killed_is_started_again_and_the_other_goes_on(
    running: Callable[[str], Running],
) -> None:
    program = running(WAITS)
    until(lambda: len(program.began()) == 2)
    first = dict(program.began())

    os.kill(first[2], signal.SIGKILL)
    until(lambda: len(program.began()) == 3)
    program.process.terminate()
    code, told = program.end()

    assert code == 0
    assert [(line["event"], line["process"], line["code"]) for line in told] == [
        ("a process ended and is started again", 2, -9)
    ]
    assert [n for n, _ in program.began()][2] == 2


def test_one_that_ends_at_every_start_ends_the_whole_with_its_code(
    running: Callable[[str], Running],
) -> None:
    program = running(f"if number == 2: sys.exit(3)\n    {WAITS}")

    code, told = program.end()

    assert code == 3
    assert (told[-1]["event"], told[-1]["process"]) == ("a process ends at every start", 2)
    assert [n for n, _ in program.began()].count(2) == told[-1]["tries"]
    assert not any(lives(pid) for _, pid in program.began())


def test_nobody_stays_when_the_one_that_runs_them_is_killed(running: Callable[[str], Running]) -> None:
    program = running(WAITS)
    until(lambda: len(program.began()) == 2)

    program.process.kill()

    until(lambda: not any(lives(pid) for _, pid in program.began()))
