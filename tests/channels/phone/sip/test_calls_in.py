"""Can people call, press keys and speak? Real calls by sipp on loopback."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

pytest.importorskip("baresip", reason="needs baresip-python")

from tests.channels.phone.sip.a_carrier import Running, needs_sipp, needs_speech, running
from tests.channels.phone.sip.sipp import WAIT_FOR_BYE, keys, pause

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    needs_sipp,
    needs_speech,
    pytest.mark.xdist_group("sip-in"),
]

IDENTIFIED = [pause(1.5), keys("1"), pause(1.5), keys("4711#"), pause(3.0), keys("915203#"), pause(4.0)]


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def line(tmp_path_factory: pytest.TempPathFactory, spoken: Path) -> AsyncIterator[Running]:
    async with running(tmp_path_factory.mktemp("sip"), spoken=spoken) as it:
        yield it


async def over(line: Running, call: str = "call-1") -> None:
    async with asyncio.timeout(5):
        await line.door.hotline.calls[call].over.wait()


async def test_a_caller_chooses_enters_code_and_pin_and_hears_the_status(line: Running) -> None:
    hotline = line.hotline()

    done = await line.call([*IDENTIFIED, keys("1"), WAIT_FOR_BYE])

    assert done.well, done.errors
    await over(line)
    kept = hotline.calls["call-1"]
    assert kept.path == ["language digits 1", "code digits 4711", "pin digits ••••••", "main digits 1"]
    assert kept.entered == "915203"
    assert (kept.ringing.caller, kept.ringing.called) == ("+390612345678", "700")
