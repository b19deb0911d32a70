"""Does what is played arrive once and whole? On a line in memory that sends with the clock, has little room, and may begin anew."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("baresip", reason="needs baresip-python")

from baresip import AudioNotActive, AudioRestarted

from channels.phone import sounds
from channels.phone.sip.pump import LATE, Bridge, Stream
from channels.phone.sip.recordings import SLACK, Dialogue, Recordings

SAID = b"".join(
    n.to_bytes(2, "little", signed=True) for n in range(-16000, 16000)
)  # four seconds, no two alike


@dataclass(slots=True)
class Line:
    """See baresip.CallAudio. `passes` lets time go by."""

    rate: int = 8000
    room: int = 32768
    ready: bool = True
    now: float = 100.0
    sent: bytearray = field(default_factory=bytearray)
    lies: bytearray = field(default_factory=bytearray)
    heard: bytearray = field(default_factory=bytearray)
    begins_anew: bool = False

    def passes(self, seconds: float) -> None:
        self.now += seconds
        due = round(seconds * self.rate) * 2
        self.sent += self.lies[:due]
        del self.lies[:due]

    def info(self) -> Any:
        if not self.ready:
            raise AudioNotActive("not yet")
        return SimpleNamespace(
            tx_ready=True,
            rx_ready=True,
            tx_sample_rate=self.rate,
            rx_sample_rate=self.rate,
            tx_buffered=len(self.lies),
        )

    def write(self, pcm: bytes) -> int:
        if self.begins_anew:
            self.begins_anew = False
            self.lies.clear()
            raise AudioRestarted("another codec")
        took = bytes(pcm[: self.room - len(self.lies)])
        self.lies += took
        return len(took)

    def read(self, most: int) -> bytes:
        heard = bytes(self.heard[:most])
        del self.heard[:most]
        return heard

    def flush_tx(self) -> None:
        self.lies.clear()


async def played(stream: Stream, line: Line, *, seconds: float, step: float = 0.05) -> None:
    for _ in range(round(seconds / step)):
        stream.turn(line.now)
        line.passes(step)
        await asyncio.sleep(0)


async def test_what_is_longer_than_the_line_has_room_for_is_sent_whole() -> None:
    line = Line()
    stream = Stream(line)
    playing = asyncio.create_task(stream.play(SAID))
    await asyncio.sleep(0)

    await played(stream, line, seconds=3.9)
    assert not playing.done()
    await played(stream, line, seconds=0.5)

    await asyncio.wait_for(playing, 1)
    assert bytes(line.sent) == SAID


async def test_nothing_is_said_before_the_line_is_open() -> None:
    line = Line(ready=False)
    stream = Stream(line)
    playing = asyncio.create_task(stream.play(SAID[:1600]))
    await asyncio.sleep(0)
    await played(stream, line, seconds=1.0)
    line.ready = True
    await played(stream, line, seconds=0.5)

    await asyncio.wait_for(playing, 1)
    assert bytes(line.sent) == SAID[:1600]


async def test_where_the_line_begins_anew_what_was_lost_is_said_again() -> None:
    line = Line()
    stream = Stream(line)
    playing = asyncio.create_task(stream.play(SAID))
    await asyncio.sleep(0)
    await played(stream, line, seconds=1.0)
    line.begins_anew = True
    await played(stream, line, seconds=4.5)

    await asyncio.wait_for(playing, 1)
    sent = memoryview(bytes(line.sent)).cast("h").tolist()
    assert sent == sorted(set(sent))  # nothing is said twice
    assert (sent[0], sent[-1]) == (-16000, 15999)
    assert 32000 - len(sent) <= 0.25 * sounds.RATE


async def test_what_is_interrupted_stops_at_once_and_is_over() -> None:
    line = Line()
    stream = Stream(line)
    playing = asyncio.create_task(stream.play(SAID))
    await asyncio.sleep(0)
    await played(stream, line, seconds=0.5)
    playing.cancel()
    await asyncio.gather(playing, return_exceptions=True)
    await played(stream, line, seconds=1.0)

    assert len(line.sent) == 8000


async def test_music_goes_round_until_somebody_speaks() -> None:
    line = Line()
    stream = Stream(line)
    stream.repeat(SAID[:8000])
    await played(stream, line, seconds=2.0)
    stream.hush()
    spoken = asyncio.create_task(stream.play(SAID[:1600]))
    await asyncio.sleep(0)
    await played(stream, line, seconds=0.4)

    await asyncio.wait_for(spoken, 1)
    assert bytes(line.sent) == SAID[:8000] * 4 + SAID[:1600]


async def test_who_waits_for_the_end_of_a_call_that_ends_is_let_go() -> None:
    stream = Stream(Line())
    playing = asyncio.create_task(stream.play(SAID))
    await asyncio.sleep(0)
    stream.close()

    await asyncio.wait_for(playing, 1)
    await asyncio.wait_for(stream.play(SAID), 1)


@pytest.mark.parametrize("rate", [8000, 16000])
async def test_two_hear_each_other_from_the_moment_they_are_connected_whatever_they_speak(rate: int) -> None:
    caller, operator = Line(rate=rate), Line()
    sides = Stream(caller), Stream(operator)
    caller.heard += b"\x01\x00" * 4000  # said before, to nobody
    bridge = Bridge(*sides)
    bridge.open()
    for side, line in zip(sides, (caller, operator), strict=True):
        side.turn(line.now)
    caller.heard += b"\x10\x00" * (rate // 50)
    operator.heard += b"\x20\x00" * 160
    for side, line in zip(sides, (caller, operator), strict=True):
        side.turn(line.now)

    assert operator.lies.endswith(b"\x10\x00" * 160)
    assert b"\x01\x00" not in bytes(operator.lies)
    assert caller.lies.endswith(b"\x20\x00" * (160 * rate // 8000))
    bridge.close()
    assert not any(side.listening for side in sides)


async def test_what_a_line_does_not_send_in_time_is_left_out() -> None:
    line = Line()
    stream = Stream(line)
    for _ in range(100):
        stream.pass_on(SAID[:320])

    assert len(line.lies) <= LATE + 320


def test_a_side_that_sends_nothing_is_silent_in_the_recording(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [50.0]
    monkeypatch.setattr("channels.phone.sip.recordings.time", SimpleNamespace(monotonic=lambda: now[0]))
    written: list[bytes] = []
    recordings = Recordings(tmp_path)
    monkeypatch.setattr(recordings, "write", lambda _file, pcm: written.append(pcm))
    file = (tmp_path / "x").open("wb")
    tape = Dialogue(recordings, tmp_path / "x", file)
    tape.go_on()
    for _ in range(50):  # a second in which the caller alone is heard
        now[0] += 0.02
        tape.hear(0, b"\x10\x00" * 160)
    tape.pause()
    now[0] += 60.0  # nobody is connected
    tape.go_on()
    now[0] += 0.5
    tape.pause()
    file.close()

    whole = memoryview(b"".join(written)).cast("h")
    assert len(whole) / 2 / sounds.RATE == pytest.approx(1.5, abs=0.01)
    assert set(whole[0 : 2 * int((1 - SLACK) * sounds.RATE) : 2]) == {16}
    assert set(whole[1::2]) == {0}
