"""How does sound get to the lines and from them? One thread feeds and hears all of them, beside the event loop.

The engine sends every 20 ms by itself what it was given; nothing here has to be on time to better than its buffer.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable
from typing import Any, Protocol

from baresip import AudioNotActive, AudioRestarted

from channels.phone import sounds
from core.log import get_logger

LISTENING = 0.02  # seconds between rounds while somebody is listened to
IDLE = 0.05  # while nobody is
PIECE = sounds.SECOND  # bytes handed over at once, at most
LATE = round(
    0.3 * sounds.SECOND
)  # bytes on their way to somebody who is talked to; more would make talking hard
LEAD = sounds.silence(
    0.06
)  # before the first words of a conversation, so that a round that comes late is not heard
AGAIN = 0.2  # seconds between pieces, at most: so much is lost where the line begins anew, which only a piece notices
DRAINED = 0.03  # seconds between looks whether the last of it was sent

log = get_logger("phone")

Ear = Callable[[bytes], None]
"""Is told what was said: samples for `channels.phone.sounds`, in the pump's thread."""


class Audio(Protocol):
    """The two directions of one call: `baresip.CallAudio`. Bytes are at the rate that the call has."""

    def info(self) -> Any: ...
    def write(self, pcm: Any) -> int: ...
    def read(self, max_bytes: int) -> bytes: ...
    def flush_tx(self) -> None: ...


class Stream:
    """What one call hears, and who listens to it. Its methods may be called from any thread, and never wait for the network."""

    def __init__(self, audio: Audio) -> None:
        self._audio = audio
        self._lock = threading.Lock()
        self._piece: _Piece | None = None
        self._ear: Ear | None = None
        self._fresh = False  # somebody begins to listen: what lies there is old
        self._open = False
        self._twice = (False, False)  # is what it sends, and hears, at 16000 samples a second?
        self._look = 0.0  # when there is something to do again
        self._ahead: tuple[float, int] = (0.0, 0)  # what lay there to be sent, and when
        self.over = False

    async def play(self, pcm: bytes) -> None:
        """Until it was sent. Cancelled: what is left is not sent, at once."""
        piece = _Piece(pcm, done=asyncio.get_running_loop().create_future())
        self._put(piece)
        try:
            await piece.done
        except asyncio.CancelledError:
            self.hush()
            raise

    def repeat(self, pcm: bytes) -> None:
        """Over and over, until something else is played or `hush`."""
        self._put(_Piece(pcm, again=True))

    def hush(self) -> None:
        """Play nothing more, what was handed over already included."""
        with self._lock:
            self._piece = None
            self._flush()

    def listen(self, ear: Ear | None) -> None:
        """Let `ear` hear from now on what is said; None: nobody."""
        with self._lock:
            self._ear, self._fresh = ear, True

    @property
    def listening(self) -> bool:
        return self._ear is not None

    def pass_on(self, pcm: bytes) -> None:
        """What the other side of a conversation says just now; it is left out where the line does not keep up."""
        with self._lock, contextlib.suppress(AudioNotActive, AudioRestarted):
            if self._piece is None and self._opened() and self._audio.info().tx_buffered < LATE * self._times:
                self._audio.write(sounds.doubled(pcm) if self._twice[0] else pcm)

    def close(self) -> None:
        """The call is over: nobody waits for the end of what was played any more."""
        with self._lock:
            self.over, self._ear = True, None
            if self._piece is not None:
                self._piece.end()
                self._piece = None

    def turn(self, now: float) -> None:
        """One round of the pump."""
        heard = b""
        with self._lock:
            ear = self._ear
            if not self.over and (ear is not None or (self._piece is not None and now >= self._look)):
                try:
                    if self._opened():
                        self._feed(now)
                        heard = self._heard() if ear is not None else b""
                except AudioNotActive:  # not yet, or not any more
                    self._open = False
                except AudioRestarted:  # another way through the network: what lay there is lost
                    self._open = False
                    self._again(now)
        if heard and ear is not None:
            ear(heard)

    @property
    def _times(self) -> int:
        return 2 if self._twice[0] else 1

    def _put(self, piece: _Piece) -> None:
        with self._lock:
            if self._piece is not None:
                self._piece.end()
                self._flush()
            if self.over:
                piece.end()
                return
            self._piece, self._look = piece, 0.0

    def _flush(self) -> None:
        with contextlib.suppress(AudioNotActive, AudioRestarted):
            self._audio.flush_tx()

    def _opened(self) -> bool:
        if not self._open:
            info = self._audio.info()
            self._open = info.tx_ready and info.rx_ready
            self._twice = (info.tx_sample_rate > sounds.RATE, info.rx_sample_rate > sounds.RATE)
        return self._open

    def _feed(self, now: float) -> None:
        piece = self._piece
        if piece is None or now < self._look:
            return
        while (rest := piece.rest()) and (took := self._write(rest)):
            piece.at += took
        lies = self._audio.info().tx_buffered // self._times
        self._ahead = now, lies
        if piece.rest():
            self._look = now + min(AGAIN, lies / sounds.SECOND / 2)
        elif lies:
            self._look = now + max(DRAINED, lies / sounds.SECOND - DRAINED)
        else:
            piece.end()
            self._piece = None

    def _write(self, pcm: bytes) -> int:
        if self._twice[0]:
            return self._audio.write(sounds.doubled(pcm)) // 4 * 2
        return self._audio.write(pcm) // 2 * 2

    def _heard(self) -> bytes:
        heard = self._audio.read(4 * sounds.SECOND)
        if self._fresh:
            self._fresh = False
            return b""
        return sounds.halved(heard) if self._twice[1] else heard

    def _again(self, now: float) -> None:
        """Go back to what was not sent."""
        since, lay = self._ahead
        if self._piece is not None:
            lost = max(0, lay - round((now - since) * sounds.RATE) * sounds.WIDTH)
            self._piece.at = max(0, self._piece.at - lost)
            self._look = 0.0


class _Piece:
    """Something that is being played."""

    __slots__ = ("_loop", "again", "at", "done", "pcm")

    def __init__(self, pcm: bytes, *, done: asyncio.Future[None] | None = None, again: bool = False) -> None:
        self.pcm = pcm
        self.done: asyncio.Future[None] = done  # type: ignore[assignment]  # only who waits reads it
        self._loop = done.get_loop() if done is not None else None
        self.again = again
        self.at = 0

    def rest(self) -> bytes:
        if self.again and self.at >= len(self.pcm):
            self.at = 0
        return self.pcm[self.at : self.at + PIECE]

    def end(self) -> None:
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
                self._loop.call_soon_threadsafe(self._tell)

    def _tell(self) -> None:
        if not self.done.done():
            self.done.set_result(None)


class Pump:
    """The thread that goes round."""

    def __init__(self) -> None:
        self._streams: tuple[Stream, ...] = ()
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sip-sound", daemon=True)
        self.slowest = 0.0
        """Seconds that the longest round took."""

    def start(self) -> None:
        self._thread.start()

    async def stop(self) -> None:
        self._stop.set()
        if self._thread.is_alive():
            await asyncio.to_thread(self._thread.join, 2)

    def add(self, audio: Audio) -> Stream:
        stream = Stream(audio)
        with self._lock:
            self._streams = (*self._streams, stream)
        return stream

    def remove(self, stream: Stream) -> None:
        stream.close()
        with self._lock:
            self._streams = tuple(one for one in self._streams if one is not stream)

    def _run(self) -> None:
        while not self._stop.is_set():
            now = time.monotonic()
            listening = False
            for stream in self._streams:
                try:
                    stream.turn(now)
                except Exception:
                    log.exception("the sound of a call is left out")
                listening = listening or stream.listening
            took = time.monotonic() - now
            self.slowest = max(self.slowest, took)
            self._stop.wait(max(0.001, (LISTENING if listening else IDLE) - took))


class Bridge:
    """Two people talk. `tape` records both, if somebody wants it."""

    def __init__(self, caller: Stream, operator: Stream, tape: Tape | None = None) -> None:
        self._sides = caller, operator
        self._tape = tape

    def open(self) -> None:
        if self._tape is not None:
            self._tape.go_on()
        for side, (mine, other) in enumerate((self._sides, self._sides[::-1])):
            mine.hush()
            mine.pass_on(LEAD)
            mine.listen(self._ear(side, other))

    def close(self) -> None:
        for side in self._sides:
            side.listen(None)
        if self._tape is not None:
            self._tape.pause()

    def _ear(self, side: int, other: Stream) -> Ear:
        tape = self._tape

        def hear(pcm: bytes) -> None:
            other.pass_on(pcm)
            if tape is not None:
                tape.hear(side, pcm)

        return hear


class Tape(Protocol):
    """What records a conversation."""

    def go_on(self) -> None: ...
    def pause(self) -> None: ...
    def hear(self, side: int, pcm: bytes) -> None:
        """Side 0 is the caller."""
        ...
