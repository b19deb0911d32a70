"""A line typed becomes a request, answers are printed: the smallest channel, through a real terminal's pipes."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC

import pytest

import channels
from channels import console
from channels.settings import ChannelSettings, ConsoleSettings, TelegramSettings
from core.channel import Unavailable
from core.envelope import Address, Arrival, Kind, Outgoing
from core.settings_values import Secret

ARRIVAL = {"sender": "ann", "external_id": "console-1"}


class Hall:
    """A door that remembers what came through it; `full`: how often it refuses first. `wanted` come, then `complete`."""

    def __init__(self, *, full: int = 0, wanted: int = 1) -> None:
        self.full = full
        self.wanted = wanted
        self.complete = asyncio.Event()
        self.came: list[Arrival] = []
        self.asked = asyncio.Event()

    async def accept(self, arrival: Arrival) -> str:
        self.asked.set()
        if self.full:
            self.full -= 1
            raise Unavailable("full")
        self.came.append(arrival)
        if len(self.came) == self.wanted:
            self.complete.set()
        return str(len(self.came))

    def lease(self, name: str) -> AbstractAsyncContextManager[None]:
        raise NotImplementedError


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Where the person at the terminal types."""
    ours, theirs = os.pipe()
    with os.fdopen(ours, encoding="utf-8") as typed:
        monkeypatch.setattr(sys, "stdin", typed)
        yield theirs
        with contextlib.suppress(OSError):
            os.close(theirs)


@asynccontextmanager
async def running(channel: console.ConsoleChannel, hall: Hall) -> AsyncIterator[asyncio.Task[None]]:
    """The channel at work, until the end of the block; it goes as it is told."""
    task = asyncio.create_task(channel.run(hall))
    try:
        async with asyncio.timeout(5):
            yield task
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def test_a_typed_line_is_handed_in_as_it_was_typed(terminal: int) -> None:
    hall = Hall(wanted=2)
    async with running(console.ConsoleChannel(), hall):
        os.write(terminal, "La stampante è ferma\nand again\n".encode())
        await hall.complete.wait()

    first, second = hall.came
    assert first.raw == "La stampante è ferma\n".encode()
    assert (first.channel, first.received_at.tzinfo) == ("console", UTC)
    assert first.sender
    assert first.external_id != second.external_id


async def test_the_same_line_typed_twice_is_two_requests(terminal: int) -> None:
    hall = Hall(wanted=2)
    async with running(console.ConsoleChannel(), hall):
        os.write(terminal, b"help\nhelp\n")
        await hall.complete.wait()

    read = [console.read(a.raw, {"sender": a.sender, "external_id": a.external_id}, {}) for a in hall.came]
    assert read[0].content_key != read[1].content_key


async def test_a_line_that_could_not_be_stored_is_asked_for_again(
    terminal: int, capsys: pytest.CaptureFixture[str]
) -> None:
    hall = Hall(full=1)
    async with running(console.ConsoleChannel(), hall):
        os.write(terminal, b"help\n")
        await hall.asked.wait()
        os.write(terminal, b"help me\n")
        await hall.complete.wait()

    assert "Not stored just now; please type it again." in capsys.readouterr().out
    assert [arrival.raw for arrival in hall.came] == [b"help me\n"]


async def test_answers_are_still_printed_when_nobody_types_any_more(
    terminal: int, capsys: pytest.CaptureFixture[str]
) -> None:
    channel = console.ConsoleChannel()
    async with running(channel, Hall()) as task:
        os.close(terminal)
        await asyncio.sleep(0.05)
        sent = await channel.send(an_answer())
        assert not task.done()

    assert sent.detail == "printed"
    assert "[#26-000001] The printer\nIt prints again.\n" in capsys.readouterr().out


def an_answer() -> Outgoing:
    return Outgoing(
        delivery_id="d",
        channel="console",
        ref="r" * 26,
        kind="reply",
        automatic=False,
        to=Address("ann"),
        subject="The printer",
        text="It prints again.\n",
        language="en",
        ticket_number="26-000001",
        reply_token=None,
        bounce_token="",
    )


def test_a_line_is_read_as_a_request_by_somebody_unproved() -> None:
    said = console.read("  La stampante è ferma\n".encode(), ARRIVAL, {})

    assert (said.channel, said.kind, said.author) == ("console", Kind.HUMAN, Address("ann"))
    assert said.subject == said.text == "La stampante è ferma"
    assert said.contact is None
    assert said.message_id == "console-1"


def test_a_long_line_has_its_first_words_as_subject() -> None:
    said = console.read(("word " * 100).encode(), ARRIVAL, {})

    assert len(said.subject) <= 80
    assert len(said.text) == 499


@pytest.mark.parametrize("raw", [b"", b"  \n", b"\xff\xfe broken \n"])
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    if raw.strip():
        assert "broken" in console.read(raw, ARRIVAL, {}).text
    else:
        with pytest.raises(ValueError, match="an empty line is no request"):
            console.read(raw, ARRIVAL, {})


# The table of channels


def around(tmp_path) -> channels.Surroundings:
    from core import keys

    return channels.Surroundings(
        desk_name="Desk",
        data_dir=tmp_path,
        keys=keys.load(tmp_path),
        max_mail_size=1_000_000,
        max_recipients=10,
    )


def test_every_channel_with_settings_is_in_the_table_and_the_other_way_round() -> None:
    known = set(channels.CHANNELS) | channels.CARRIERS | channels.PAGES
    assert known == set(ChannelSettings.__struct_fields__)


def test_only_what_is_switched_on_is_made(tmp_path) -> None:
    tables = ChannelSettings(console=ConsoleSettings(enabled=True))

    made = channels.enabled(tables, around(tmp_path))
    shipped = channels.enabled(ChannelSettings(), around(tmp_path))

    assert [channel.name for channel in made] == ["email", "phone", "monitoring", "console"]
    assert [channel.name for channel in shipped] == ["email", "phone", "monitoring"]


@pytest.mark.parametrize("name", list(channels.CHANNELS))
def test_the_reader_a_channel_names_is_there(name: str, tmp_path) -> None:
    import importlib

    settings = ChannelSettings(telegram=TelegramSettings(token=Secret("4711:" + "t" * 35)))
    channel = channels.CHANNELS[name](settings, around(tmp_path))
    module, _, function = channel.reader.partition(":")

    assert channel.name == name
    assert callable(getattr(importlib.import_module(module), function))
