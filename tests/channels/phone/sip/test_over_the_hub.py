"""Does a real call go through the real hub: from a telephone by a switch to the default flow, a ticket, and a person?"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

pytest.importorskip("baresip", reason="needs baresip-python")

from channels.phone import sounds
from channels.phone.sip.carrier import SipCarrier
from channels.phone.speech import Speech
from core.settings_values import Secret
from core.store import blobs, tables
from core.store.opening import open_database
from tests.channels.phone.sip.a_carrier import needs_speech, setup
from tests.channels.phone.sip.a_pbx import MISSING, Phone, holds, password, sides, switch
from tests.channels.phone.sip.sipp import free_port
from tests.telephone import ALICE, PIN, exchange

pytestmark = [
    pytest.mark.skipif(bool(MISSING), reason=f"needs {', '.join(MISSING)}"),
    needs_speech,
    pytest.mark.xdist_group("sip-hub"),
]

TOM = "+390110000001"


@dataclass(slots=True)
class Door:
    """See core.channel.Door."""

    switchboard: Any

    @asynccontextmanager
    async def lease(self, name: str) -> AsyncIterator[None]:
        yield


async def test_a_request_is_spoken_and_then_a_person_takes_the_call(
    sqlite_url: str, facts: Any, tmp_path: Path, spoken: Path
) -> None:
    db = open_database(sqlite_url, facts, readers=2, connections=4)
    try:
        desk = await exchange(db)
        await desk.signed_in("tom")
        async with switch(tmp_path) as port, phones(tmp_path, port) as (alice, tom):
            carrier = SipCarrier(
                setup=setup(
                    free_port(), domain=f"127.0.0.1:{port}", registers=True, password=Secret(password("700"))
                ),
                speech=Speech(folder=spoken),
                folder=tmp_path / "recorded",
                max_calls=5,
                calls_per_second=5,
            )
            answering = asyncio.create_task(carrier.run(Door(desk.board)))
            async with asyncio.timeout(10):
                await carrier.up.wait()

            await alice.do("dial", f"sip:700@127.0.0.1:{port}")
            await alice.happened("CALL_ESTABLISHED")
            await asyncio.sleep(0.5)
            await alice.press(f"{PIN}#2112")
            await until(lambda: asked(desk, "describe"))
            # Not by the clock: keys that are pressed before the tone are not heard.
            await until(lambda: asyncio.to_thread(begun, tmp_path / "recorded"), within=60)
            await asyncio.sleep(2.0)
            await alice.press("#0")
            await tom.happened("CALL_ESTABLISHED", within=60)
            await asyncio.sleep(0.5)
            await tom.press("1")
            await until(lambda: in_phase(desk, "bridged"))
            await asyncio.sleep(1.5)
            await alice.do("hangup")
            await tom.happened("CALL_CLOSED")
            await until(lambda: in_phase(desk, "over"))

            answering.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await answering
        (call,) = await desk.desk.rows(tables.call)
        assert (call.line, call.caller, call.trust, call.outcome) == ("sip", ALICE, "verified", "spoke")
        (ticket,) = await desk.desk.rows(tables.ticket)
        assert (ticket.channel, ticket.customer, ticket.request_type) == ("phone", "ACME", "Incident")
        assert ticket.assignee == (await desk.desk.who("tom")).id
        kept = {row.seq: await db.read(blobs.get, row.blob) for row in await desk.desk.rows(tables.recording)}
        request, talk = kept.pop(max(kept)), kept.pop(0)
        assert kept == {}
        assert holds(sounds.pcm(request), alice.tone) > 0.8
        assert min(holds(side, one.tone) for side, one in zip(sides(talk), (alice, tom), strict=True)) > 0.8
        assert holds(tom.heard()[-16000:], alice.tone) > 0.8
        assert list((tmp_path / "recorded").iterdir()) == []
        for table in tables.metadata.sorted_tables:
            for row in await db.read(lambda tx, t=table: tx.all(select(t))):
                assert PIN not in " ".join(str(value) for value in row), table.name
    finally:
        db.close()


@asynccontextmanager
async def phones(folder: Path, port: int) -> AsyncIterator[tuple[Phone, Phone]]:
    both = Phone(ALICE, folder / "alice", 620.0), Phone(TOM, folder / "tom", 440.0)
    try:
        await asyncio.gather(*(phone.start(port) for phone in both))
        yield both
    finally:
        await asyncio.gather(*(phone.stop() for phone in both))


async def asked(desk: Any, node: str) -> bool:
    turns = await desk.desk.rows(tables.call_turn)
    return any(node in turn.passed or turn.node == node for turn in turns)


def begun(folder: Path) -> bool:
    return any(folder.glob("*.1.pcm"))


async def in_phase(desk: Any, phase: str) -> bool:
    (call,) = await desk.desk.rows(tables.call)
    return bool(call.phase == phase)


async def until(ask: Any, within: float = 20.0) -> None:
    async with asyncio.timeout(within):
        while not await ask():  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.1)
