"""What does the carrier do by itself: start, be refused, lose a caller, be busy, and come back? Each test starts one."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

pytest.importorskip("baresip", reason="needs baresip-python")

from baresip import RegistrationError

from channels.phone import sounds
from channels.phone.sip import carrier as carrier_module
from channels.phone.sip import engine as engine_module
from channels.phone.sip.carrier import SipCarrier
from channels.phone.sip.engine import Engine, NotAnswered
from channels.phone.speech import CannotSpeak, Speech
from core.calling import Dial, Ringing
from core.channel import DeliveryError
from core.settings_values import Secret
from tests.channels.phone.sip.a_carrier import Door, needs_sipp, needs_speech, running, setup
from tests.channels.phone.sip.a_pbx import MISSING, password, switch
from tests.channels.phone.sip.a_switchboard import Hotline
from tests.channels.phone.sip.sipp import WAIT_FOR_BYE, free_port

pytestmark = pytest.mark.xdist_group("sip-alone")


def a_carrier(tmp_path: Path, **changed: object) -> SipCarrier:
    return SipCarrier(
        **{
            "setup": setup(free_port()),
            "speech": Speech(folder=tmp_path),
            "folder": tmp_path / "recorded",
            "max_calls": 2,
            "calls_per_second": 2,
            **changed,
        }  # type: ignore[arg-type]
    )


@pytest.mark.skipif("kamailio" in MISSING, reason="needs kamailio")
@needs_speech
async def test_a_wrong_password_is_told_and_takes_no_calls(tmp_path: Path) -> None:
    async with switch(tmp_path) as port:
        wrong = {"domain": f"127.0.0.1:{port}", "registers": True, "password": Secret("wrong")}
        with pytest.raises(RegistrationError, match="401"):
            async with running(tmp_path, spoken=tmp_path, **wrong):
                pass


@pytest.mark.skipif("kamailio" in MISSING, reason="needs kamailio")
@needs_speech
async def test_a_switch_that_went_away_is_told_and_looked_for_again(
    tmp_path: Path, spoken: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_module, "REGISTER_EVERY", 2)
    monkeypatch.setattr(engine_module, "PATIENCE", 0.5)
    monkeypatch.setattr(carrier_module, "LOOK", 0.1)
    async with switch(tmp_path) as port:
        account = {"domain": f"127.0.0.1:{port}", "registers": True, "password": Secret(password("700"))}
        carrier = a_carrier(
            tmp_path, setup=setup(free_port(), transport="tcp", **account), speech=Speech(folder=spoken)
        )
        task = asyncio.create_task(carrier.run(Door()))
        async with asyncio.timeout(5):
            await carrier.up.wait()

    async with asyncio.timeout(45):
        with pytest.raises(carrier_module.LineLost, match="does not know us any more"):
            await task
    assert not carrier.up.is_set()


@pytest.mark.skipif("kamailio" in MISSING, reason="needs kamailio")
@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_a_number_that_the_switch_does_not_know_is_told_with_its_404(
    tmp_path: Path, transport: str
) -> None:
    async with switch(tmp_path) as port:
        account = {"domain": f"127.0.0.1:{port}", "registers": True, "password": Secret(password("700"))}
        engine = Engine(setup(free_port(), transport=transport, calls=5, **account), incoming=lambda _: None)
        try:
            await engine.start()
            with pytest.raises(NotAnswered, match="404 Not Found") as refused:
                await engine.ring("+39 06 99", within=5)
        finally:
            await engine.stop()

    assert (refused.value.how, refused.value.status) == ("failed", 404)


async def test_without_a_program_that_speaks_it_says_what_to_install(tmp_path: Path) -> None:
    carrier = a_carrier(tmp_path, speech=Speech(folder=tmp_path, program="no-such-program"))

    with pytest.raises(CannotSpeak, match="no-such-program is not installed"):
        await carrier.run(Door())
    with pytest.raises(DeliveryError, match="not there just now") as refused:
        await carrier.dial(Dial(call="1", operator="201", number="301", whisper=(), language="it"))
    assert not refused.value.permanent


@needs_speech
async def test_one_process_holds_the_account_and_another_takes_it_over(tmp_path: Path) -> None:
    door = Door()
    async with door.lease("sip"):
        waiting = a_carrier(tmp_path)
        task = asyncio.create_task(waiting.run(door))
        await asyncio.sleep(0.2)
        assert not waiting.up.is_set()

    async with asyncio.timeout(5):
        await waiting.up.wait()
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    assert not waiting.up.is_set()
    assert not door.held.locked()
    assert door.begun == ["sip"]  # what an earlier run left of calls was ended, once


@needs_sipp
@needs_speech
async def test_a_caller_who_vanishes_is_noticed_by_their_silence(tmp_path: Path, spoken: Path) -> None:
    async with running(tmp_path, spoken=spoken, rtp_timeout=2) as line:
        line.hotline("gone", start="queue")

        done = await line.call("gone", [WAIT_FOR_BYE])
        (kept,) = await line.ended("gone")

    assert done.well, done.errors
    assert "rtp" in kept.cause
    assert 1.5 < kept.lasted < 6


@needs_sipp
@needs_speech
async def test_a_hub_that_stops_hangs_up_and_tells_that_calls_are_over(tmp_path: Path, spoken: Path) -> None:
    async with running(tmp_path, spoken=spoken) as line:
        hotline = line.hotline("stop", start="queue")
        calling = asyncio.create_task(line.call("stop", [WAIT_FOR_BYE]))
        await hotline.came.wait()
        await asyncio.sleep(0.5)

    assert (await calling).well
    assert hotline.calls["stop-1"].over.is_set()


@needs_sipp
async def test_every_refusal_is_seen_though_the_hub_is_busy() -> None:
    """An answer may come before the call it is about is known: the stack tells it in the same turn of the loop."""
    port = free_port()
    engine = Engine(setup(free_port(), domain=f"127.0.0.1:{port}", calls=60), incoming=lambda _: None)
    async with refusing(port):
        await engine.start()
        busy = asyncio.create_task(a_busy_loop())
        try:
            began = time.monotonic()
            outcomes = await asyncio.gather(
                *(engine.ring(str(200 + n), within=8) for n in range(25)), return_exceptions=True
            )
            took = time.monotonic() - began
        finally:
            busy.cancel()
            await engine.stop()

    assert [one.how for one in outcomes if isinstance(one, NotAnswered)] == ["busy"] * 25
    assert took < 6


async def a_busy_loop() -> None:
    while True:
        time.sleep(0.02)  # noqa: ASYNC251 - that is the point
        await asyncio.sleep(0)


@contextlib.asynccontextmanager
async def refusing(port: int) -> AsyncIterator[None]:
    """A telephone that is engaged, whoever calls."""
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        Engaged, local_addr=("127.0.0.1", port)
    )
    try:
        yield
    finally:
        transport.close()


class Engaged(asyncio.DatagramProtocol):
    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        self.transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if data.startswith(b"INVITE"):
            lines = data.decode().split("\r\n")
            kept = [one for one in lines if one.startswith(("Via:", "From:", "To:", "Call-ID:", "CSeq:"))]
            answer = "\r\n".join(["SIP/2.0 486 Busy Here", *kept, "Content-Length: 0", "", ""])
            self.transport.sendto(answer.encode(), addr)


@needs_speech
async def test_what_was_recorded_before_a_crash_is_handed_in_after_it(tmp_path: Path, spoken: Path) -> None:
    folder = tmp_path / "recorded"
    folder.mkdir()
    said = sounds.music()
    (folder / "left-1.2.0a0b0c0d.1.pcm").write_bytes(said)
    (folder / "nobody-1.2.0a0b0c0e.1.pcm").write_bytes(said)
    (folder / "left-2.2.0a0b0c0f.2.pcm").write_bytes(b"")
    carrier = a_carrier(tmp_path, folder=folder, speech=Speech(folder=spoken))
    door = Door()
    hotlines = {number: door.hotlines.setdefault(number, Hotline(number)) for number in ("left", "nobody")}
    await hotlines["left"].ring(
        Ringing(line="sip", external_id="1", caller="", called="left", at=datetime.now(UTC))
    )
    hotlines["left"].refuse_audio = 1  # the hub is slow to come back

    task = asyncio.create_task(carrier.run(door))
    kept = hotlines["left"].calls["left-1"]
    async with asyncio.timeout(5):
        while not kept.audio:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.05)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task

    ((seq, audio),) = kept.audio
    assert (seq, audio.external_id) == (2, "sip-left-1-2-0a0b0c0d")
    assert sounds.pcm(audio.content) == said
    assert [path.name for path in folder.iterdir()] == ["nobody-1.2.0a0b0c0e.1.orphan"]
