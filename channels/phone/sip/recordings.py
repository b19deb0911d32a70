"""What becomes of what was recorded? It lies in a file until the hub has stored it, over a crash too."""

from __future__ import annotations

import asyncio
import contextlib
import os
import queue
import re
import secrets
import threading
import time
from concurrent.futures import Future
from pathlib import Path
from typing import IO

from channels.phone import sounds
from core.calling import Audio, NoSuchCall, Switchboard
from core.channel import Unavailable
from core.log import get_logger

SLACK = 0.25  # seconds that one side of a conversation may be heard after the other
LOUD = 180.0  # mean amplitude above which somebody speaks; the noise of a quiet line stays below
FIRST_WAIT = 1.0  # seconds before a recording is handed in again; doubled each time
LAST_WAIT = 60.0
CONVERSATION = 0  # what stands for the step, see core.calling.Switchboard.recorded
ENDS_WITHIN = 1.0  # seconds for what is just being handed in, when the hub stops
_NAME = re.compile(r"(?P<call>[A-Za-z0-9-]+)\.(?P<seq>\d+)\.(?P<own>[0-9a-f]+)\.(?P<channels>[12])\.pcm")

log = get_logger("phone")


class Recordings:
    """A folder of them, a thread that writes, and tasks that hand in."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._work: queue.SimpleQueue[tuple[IO[bytes], bytes | Future[None]] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._write, name="sip-tape", daemon=True)
        self._handing: set[asyncio.Task[None]] = set()

    def start(self, switchboard: Switchboard) -> None:
        """Begin, with what an earlier run left."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._thread.start()
        for path in sorted(self.folder.glob("*.pcm")):
            self._hand_in(path, switchboard)

    async def stop(self) -> None:
        """What is not handed in by then stays for the next run."""
        if self._handing:
            await asyncio.wait(self._handing, timeout=ENDS_WITHIN)
        for task in self._handing:
            task.cancel()
        await asyncio.gather(*self._handing, return_exceptions=True)
        self._work.put(None)
        await asyncio.to_thread(self._thread.join, 2)

    def mono(self, call: str, seq: int) -> Recorder:
        """One person speaks."""
        return Recorder(self, *self._new(call, seq, 1))

    def stereo(self, call: str) -> Dialogue:
        """Two people speak, each on a channel of their own."""
        return Dialogue(self, *self._new(call, CONVERSATION, 2))

    def keep(self, path: Path, file: IO[bytes], switchboard: Switchboard) -> None:
        """It is complete: hand it in, however long that takes."""
        self._hand_in(path, switchboard, self._closed(file))

    def drop(self, path: Path, file: IO[bytes]) -> None:
        """Nobody spoke."""
        self._closed(file)
        path.unlink(missing_ok=True)

    def write(self, file: IO[bytes], pcm: bytes) -> None:
        self._work.put((file, pcm))

    def _new(self, call: str, seq: int, channels: int) -> tuple[Path, IO[bytes]]:
        safe = re.sub(r"[^A-Za-z0-9-]", "-", call)
        path = self.folder / f"{safe}.{seq}.{secrets.token_hex(4)}.{channels}.pcm"
        return path, open(path, "xb", buffering=1 << 16, opener=_private)  # noqa: SIM115 - a thread closes it

    def _closed(self, file: IO[bytes]) -> Future[None]:
        """Done when all of it is in the file."""
        closed: Future[None] = Future()
        self._work.put((file, closed))
        return closed

    def _write(self) -> None:
        while (work := self._work.get()) is not None:
            file, pcm = work
            try:
                if isinstance(pcm, bytes):
                    file.write(pcm)
                else:
                    file.close()
            except (OSError, ValueError) as error:
                log.error("a recording could not be written", error=str(error))
            finally:
                if not isinstance(pcm, bytes) and pcm.set_running_or_notify_cancel():
                    pcm.set_result(None)

    def _hand_in(self, path: Path, switchboard: Switchboard, closed: Future[None] | None = None) -> None:
        task = asyncio.create_task(
            self._keep_handing(path, switchboard, closed), name=f"recording-{path.stem}"
        )
        self._handing.add(task)
        task.add_done_callback(self._handing.discard)

    async def _keep_handing(self, path: Path, switchboard: Switchboard, closed: Future[None] | None) -> None:
        if closed is not None:
            await asyncio.wrap_future(closed)
        wait = FIRST_WAIT
        while True:
            try:
                if (audio := await asyncio.to_thread(_read, path)) is not None:
                    await switchboard.recorded(*audio)
                await asyncio.to_thread(path.unlink, missing_ok=True)
                return
            except NoSuchCall:
                log.error("a recording belongs to no call and is kept beside", file=path.name)
                await asyncio.to_thread(path.replace, path.with_suffix(".orphan"))
                return
            except (Unavailable, OSError) as error:
                log.warning("a recording is handed in later", file=path.name, error=str(error))
            except Exception:
                log.exception("a recording is handed in later", file=path.name)
            await asyncio.sleep(wait)
            wait = min(2 * wait, LAST_WAIT)


class Recorder:
    """One person speaks; `hear` is an ear (see pump)."""

    def __init__(self, recordings: Recordings, path: Path, file: IO[bytes]) -> None:
        self._recordings, self._path, self._file = recordings, path, file
        self._last = time.monotonic()
        self.spoken = False
        """Did anybody say anything?"""

    def hear(self, pcm: bytes) -> None:
        self._recordings.write(self._file, pcm)
        if sounds.level(pcm) > LOUD:
            self.spoken, self._last = True, time.monotonic()

    def quiet(self) -> float:
        """For how many seconds nobody has spoken."""
        return time.monotonic() - self._last

    def end(self, switchboard: Switchboard) -> bool:
        """Hand in what was said; False: nobody spoke."""
        if self.spoken:
            self._recordings.keep(self._path, self._file, switchboard)
        else:
            self._recordings.drop(self._path, self._file)
        return self.spoken


class Dialogue:
    """All that two people say in one call; see pump.Tape. Who is not heard for a while, or sends nothing, is silent there.

    A caller may talk to one member of staff and later to another: it goes on, and `end` comes with the call.
    """

    def __init__(self, recordings: Recordings, path: Path, file: IO[bytes]) -> None:
        self._recordings, self._path, self._file = recordings, path, file
        self._began = time.monotonic()
        self._sides = [bytearray(), bytearray()]
        self._written = 0  # samples
        self._lock = threading.Lock()
        self._runs = False

    def go_on(self) -> None:
        with self._lock:
            self._began, self._written, self._runs = time.monotonic(), 0, True

    def hear(self, side: int, pcm: bytes) -> None:
        with self._lock:
            if self._runs:
                self._sides[side] += pcm
                self._settle(SLACK)

    def pause(self) -> None:
        with self._lock:
            if self._runs:
                self._settle(0.0)
                self._runs = False

    def end(self, switchboard: Switchboard) -> None:
        """Hand it in."""
        self.pause()
        self._recordings.keep(self._path, self._file, switchboard)

    def _settle(self, slack: float) -> None:
        """Write what both have said, or could have said by now."""
        due = int((time.monotonic() - self._began - slack) * sounds.RATE) - self._written
        for side in self._sides:
            if (lacks := due * sounds.WIDTH - len(side)) > 0:
                side.extend(bytes(lacks))
        both = min(map(len, self._sides)) // sounds.WIDTH * sounds.WIDTH
        if both:
            left, right = (bytes(side[:both]) for side in self._sides)
            for side in self._sides:
                del side[:both]
            self._written += both // sounds.WIDTH
            self._recordings.write(self._file, sounds.side_by_side(left, right))


def _read(path: Path) -> tuple[str, int, Audio] | None:
    """Call, step and sound of a file; None: there is nothing in it."""
    named = _NAME.fullmatch(path.name)
    with contextlib.suppress(FileNotFoundError):
        pcm = path.read_bytes()
        if named is not None and pcm:
            channels = int(named["channels"])
            audio = Audio(
                content=sounds.wav(pcm, channels=channels),
                type="audio/wav",
                seconds=sounds.seconds(pcm) / channels,
                external_id=f"sip-{named['call']}-{named['seq']}-{named['own']}",
            )
            return named["call"], int(named["seq"]), audio
    return None


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
