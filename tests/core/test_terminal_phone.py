"""The terminal phone: prompts are printed, digits are keys, an empty line is silence, ! hangs up; a PIN is never printed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from core import terminal_phone
from core.store import tables
from tests.telephone import ALICE, PIN, Exchange, exchange


@pytest.fixture
async def line(db) -> Exchange:
    return await exchange(db)


async def led(line: Exchange, *lines: str) -> tuple[str, list[str]]:
    """The call, and all that was printed; at the end of the lines the input is over."""
    typed: Iterator[str] = iter(lines)
    shown: list[str] = []

    async def ask(prompt: str) -> str:
        shown.append(prompt)
        for one in typed:
            return one
        raise EOFError

    call = await terminal_phone.call(line.board, caller=ALICE, ask=ask, show=shown.append)
    return call, shown


async def test_a_request_is_opened_by_keys_and_what_is_typed_after_the_tone_stands_beside_it(line):
    call, shown = await led(line, f"{PIN}#", "2", "1", "1", "3", "Il router è spento.", "!")

    (ticket,) = await line.desk.rows(tables.ticket)
    assert (ticket.channel, ticket.trust, ticket.technology) == ("phone", "verified", "Network")
    (kept,) = await line.desk.rows(tables.recording, call_id=call)
    assert kept.transcript["text"] == "Il router è spento."
    assert kept.transcript["engine"] == terminal_phone.TYPED
    assert "  ••••••" in shown
    assert PIN not in "\n".join(shown)


async def test_an_empty_line_is_silence_and_the_end_of_the_input_hangs_up(line):
    call, shown = await led(line, "", "")

    assert sum("digiti il Suo PIN" in words for words in shown) == 2
    (row,) = await line.desk.rows(tables.call, id=call)
    assert row.phase == "over"
