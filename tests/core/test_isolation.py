"""A reading process may die, hang or be lied to; every message but the guilty one is read all the same."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from core.envelope import Address, Inbound
from core.isolation import ReaderDied, ReaderFailed, Readers, Unreadable

READER = "tests.fake_reader:read"
ARRIVAL = {
    "channel": "email",
    "received_at": datetime(2026, 3, 2, 9, tzinfo=UTC),
    "envelope": {"peer": "192.0.2.1"},
}


@pytest.fixture
async def readers() -> AsyncIterator[Readers]:
    made = Readers()
    yield made
    await made.close()


@pytest.fixture
async def hasty() -> AsyncIterator[Readers]:
    """Readers that end a process after a second."""
    made = Readers(cpu_hard=1, wall_hard=1)
    yield made
    await made.close()


async def read(readers: Readers, line: str) -> Inbound:
    return await readers.read(READER, line.encode(), ARRIVAL, {"domain": "desk.test"})


async def test_a_message_comes_back_as_the_reader_understood_it(readers: Readers) -> None:
    inbound = await read(readers, "alice@acme.test|Printer|It burns.")

    assert inbound.author == Address("alice@acme.test")
    assert (inbound.subject, inbound.text) == ("Printer", "It burns.")
    assert inbound.sent_at == ARRIVAL["received_at"]
    assert inbound.notes == ("domain=desk.test",)


async def test_many_are_read_at_once_and_each_gets_its_own_answer(readers: Readers) -> None:
    answers = await asyncio.gather(*(read(readers, f"a@b.test|{n}|{'x' * n * 100}") for n in range(300)))

    assert [answer.subject for answer in answers] == [str(n) for n in range(300)]
    assert len(readers.pids) == 1


async def test_what_the_reader_refuses_is_unreadable_and_the_next_is_read(readers: Readers) -> None:
    refused, good = await asyncio.gather(
        read(readers, "|unreadable|this"), read(readers, "|good|"), return_exceptions=True
    )

    assert isinstance(refused, Unreadable)
    assert str(refused) == "this cannot be read"
    assert isinstance(good, Inbound)


async def test_a_bug_in_a_reader_says_what_it_was(readers: Readers) -> None:
    with pytest.raises(ReaderFailed, match="KeyError: 'here'"):
        await read(readers, "|bug|here")


async def test_a_reader_that_is_not_there_is_a_failure_not_a_death(readers: Readers) -> None:
    with pytest.raises(ReaderFailed, match="no_such_module"):
        await readers.read("no_such_module:read", b"", ARRIVAL, {})


async def test_a_message_that_kills_the_process_fails_alone(readers: Readers) -> None:
    lines = [f"|good {n}|" for n in range(20)]
    lines[7] = "|die|"

    answers = await asyncio.gather(*(read(readers, line) for line in lines), return_exceptions=True)

    assert isinstance(answers.pop(7), ReaderDied)
    assert all(isinstance(answer, Inbound) for answer in answers)


async def test_a_process_killed_from_outside_loses_at_most_the_message_in_its_hands(readers: Readers) -> None:
    await read(readers, "|first|")
    (pid,) = readers.pids
    waiting = [asyncio.ensure_future(read(readers, f"|{n}|{'x' * 20_000}")) for n in range(200)]
    await asyncio.sleep(0)
    os.kill(pid, signal.SIGKILL)

    answers = await asyncio.gather(*waiting, return_exceptions=True)

    died = [answer for answer in answers if isinstance(answer, BaseException)]
    assert [type(one) for one in died] in ([], [ReaderDied])
    assert (await read(readers, "|last|")).subject == "last"
    assert readers.pids != [pid]


async def test_a_slow_message_is_given_up_and_its_process_lives(readers: Readers) -> None:
    await read(readers, "|first|")
    before = readers.pids

    with pytest.raises(Unreadable, match="more than 1 s"):
        await read(readers, "|slow|")

    assert readers.pids == before


@pytest.mark.parametrize("habit", ["deaf", "asleep"])
async def test_a_message_that_will_not_stop_is_ended_with_its_process(hasty: Readers, habit: str) -> None:
    hung, good = await asyncio.gather(
        read(hasty, f"|{habit}|"), read(hasty, "|good|"), return_exceptions=True
    )

    assert isinstance(hung, ReaderDied)
    assert isinstance(good, Inbound)


async def test_a_process_that_waits_for_a_processor_does_not_hang() -> None:
    hurried = Readers(wall_hard=0.3)
    await read(hurried, "|first|")
    (pid,) = hurried.pids
    (processor, *_) = os.sched_getaffinity(0)
    busy = [await asyncio.create_subprocess_exec("sh", "-c", "while :; do :; done") for _ in range(8)]
    try:
        for one in (pid, *(process.pid for process in busy)):
            os.sched_setaffinity(one, {processor})
        waiting = asyncio.ensure_future(read(hurried, "|thorough|"))
        done, _ = await asyncio.wait([waiting], timeout=1.0)
    finally:
        for process in busy:
            process.kill()
            await process.wait()

    assert not done
    assert (await waiting).subject == "thorough"
    assert hurried.pids == [pid]
    await hurried.close()


async def test_what_was_read_while_the_hub_itself_stood_still_is_read(hasty: Readers) -> None:
    await read(hasty, "|first|")
    before = hasty.pids
    waiting = asyncio.ensure_future(read(hasty, "|meanwhile|"))
    await asyncio.sleep(0)

    time.sleep(1.5)  # noqa: ASYNC251 - as a machine that is put to sleep

    assert (await waiting).subject == "meanwhile"
    assert hasty.pids == before


async def test_memory_has_a_ceiling(readers: Readers) -> None:
    with pytest.raises(Unreadable, match="512 MiB"):
        await read(readers, "|greedy|")

    assert (await read(readers, "|good|")).subject == "good"


async def test_what_a_library_prints_does_not_get_between_the_answers(readers: Readers) -> None:
    assert (await read(readers, "|chatty|still here")).text == "still here"


async def test_a_message_of_40_mib_passes(readers: Readers) -> None:
    text = "x" * (40 * 1024 * 1024)

    assert len((await read(readers, f"|big|{text}")).text) == len(text)


async def test_closing_answers_everybody_who_waits() -> None:
    readers = Readers()
    waiting = asyncio.ensure_future(read(readers, "|asleep|"))
    await asyncio.sleep(0.3)

    await readers.close()

    with pytest.raises(ReaderDied):
        await waiting
    with pytest.raises(ReaderDied):
        await read(readers, "|late|")


def test_the_child_ends_with_its_parent(tmp_path: Path) -> None:
    script = (
        "import asyncio, os, signal\n"
        "from core.isolation import Readers\n"
        "async def main():\n"
        "    readers = Readers()\n"
        f"    await readers.read({READER!r}, b'|x|', {{'channel': 'email'}}, {{}})\n"
        "    print(readers.pids[0], flush=True)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "asyncio.run(main())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=20
    )
    pid = int(done.stdout)

    for _ in range(100):
        if not _alive(pid):
            break
        signal.sigtimedwait([], 0.05)

    assert not _alive(pid)


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


async def test_the_child_is_given_no_secrets(readers: Readers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RELAY_PASSWORD", "hunter2")
    await read(readers, "|first|")

    environment = await asyncio.to_thread(Path(f"/proc/{readers.pids[0]}/environ").read_bytes)

    assert b"hunter2" not in environment
