"""How do words become sound? A program speaks them, or a recording is played; what was spoken once is kept.

Programs are run, never loaded: `espeak-ng` as it is found on the path, or `piper` with a voice file for each language.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from channels.phone import sounds
from core.calling import Words
from core.log import get_logger

AT_ONCE = 2  # programs speaking
WITHIN = 20.0  # seconds a program may take
MOST = 4000  # characters of one text; what follows is not spoken
SWEEP = 50  # new files between looks whether there are too many
MIB = 2**20

log = get_logger("phone")

Recorded = Callable[[str], Awaitable[bytes]]
"""See core.calling.Switchboard.sound."""


class CannotSpeak(Exception):
    """There is no program, or it failed; says what to do."""


@dataclass(slots=True, kw_only=True)
class Speech:
    """Speaks. May be shared by whoever runs on one event loop."""

    folder: Path
    """Where spoken texts are kept, by the hash of what they were made from."""
    engine: str = "espeak-ng"
    program: str = ""
    """Path of it; empty: as it is called, on the path."""
    voices: Mapping[str, str] = field(default_factory=dict)
    """By language: the name of a voice, for piper the path of its file. espeak-ng has one of its own for each."""
    room: int = 200 * MIB
    """Bytes that are kept at most."""
    _threads: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(AT_ONCE, "speech"), repr=False
    )
    _speaking: dict[str, asyncio.Task[bytes]] = field(default_factory=dict, repr=False)
    _since_sweep: int = field(default=SWEEP, repr=False)

    def trouble(self) -> str:
        """Why it cannot speak, and what to install or set; empty: it can."""
        if shutil.which(self.program or self.engine) is None:
            hint = " (Debian: apt-get install espeak-ng)" if self.engine == "espeak-ng" else ""
            return f"the speech program {self.program or self.engine} is not installed{hint}"
        if self.engine == "piper":
            missing = [voice for voice in self.voices.values() if not Path(voice).is_file()]
            if missing or not self.voices:
                return f"piper has no voice file{': ' + missing[0] if missing else ''}: see channels.sip.speech_voices"
        return ""

    async def render(self, words: Words, recorded: Recorded | None = None) -> bytes:
        """A WAV for the telephone: 8000 samples a second, mono. Raises CannotSpeak.

        A recording that is missing, or cannot be played, is replaced by its text.
        """
        if words.recording and recorded is not None:
            try:
                content = await recorded(words.recording)
                return await self._kept(f"recording|{words.recording}", lambda: _converted(content))
            except Exception as error:
                log.warning(
                    "a recorded prompt is spoken instead", recording=words.recording, error=str(error)
                )
        said = " ".join("".join(c if c.isprintable() else " " for c in words.text).split())[:MOST]
        if not said:
            return sounds.wav(b"")
        voice = self._voice(words.language)
        if not voice:
            raise CannotSpeak(f'{self.engine} has no voice for "{words.language}"')
        made_from = f"{self.engine}|{self.program}|{voice}|{said}"
        return await self._kept(made_from, lambda: self._speak(said, voice))

    async def _kept(self, made_from: str, make: Callable[[], bytes]) -> bytes:
        """Made once, however many ask at the same time."""
        name = hashlib.sha256(made_from.encode()).hexdigest()
        task = self._speaking.get(name)
        if task is None:
            running = asyncio.get_running_loop().run_in_executor(self._threads, self._from_file, name, make)
            task = self._speaking[name] = asyncio.ensure_future(_result(running))
            task.add_done_callback(lambda _: self._speaking.pop(name, None))
        return await asyncio.shield(task)

    def _from_file(self, name: str, make: Callable[[], bytes]) -> bytes:
        path = self.folder / name[:2] / f"{name}.wav"
        with contextlib.suppress(OSError):
            content = path.read_bytes()
            os.utime(path)  # used again: the last to go
            return content
        content = make()
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False) as file:
                file.write(content)
            Path(file.name).replace(path)
            self._since_sweep += 1
            if self._since_sweep >= SWEEP:
                self._since_sweep = 0
                self._sweep()
        except OSError as error:  # the disk is full: it is spoken all the same
            log.warning("a spoken text was not kept", error=str(error))
        return content

    def _sweep(self) -> None:
        """Let go of what was not used for longest."""
        files = sorted(self.folder.glob("*/*.*"), key=lambda path: path.stat().st_mtime, reverse=True)
        held = 0
        for path in files:
            held += path.stat().st_size
            if held > self.room:
                path.unlink(missing_ok=True)

    def _voice(self, language: str) -> str:
        base = language.partition("-")[0]
        own = base if self.engine == "espeak-ng" else ""
        return self.voices.get(language) or self.voices.get(base) or own

    def _speak(self, text: str, voice: str) -> bytes:
        if self.engine == "espeak-ng":
            return _converted(self._run("-v", voice, "--stdin", "--stdout", text=text))
        with tempfile.TemporaryDirectory(prefix="speech-") as folder:
            out = Path(folder) / "said.wav"
            self._run("-m", voice, "-f", str(out), text=text)
            try:
                return _converted(out.read_bytes())
            except OSError as error:
                raise CannotSpeak(f"{self.engine} wrote nothing: {error}") from error

    def _run(self, *arguments: str, text: str) -> bytes:
        """The text goes in by standard input, where nobody else on the machine can read it."""
        program = self.program or self.engine
        try:
            done = subprocess.run(
                [program, *arguments], input=text.encode(), capture_output=True, timeout=WITHIN, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise CannotSpeak(f"{program} could not be run: {error}") from error
        if done.returncode:
            said = done.stderr.decode("utf-8", "replace").strip()[-200:]
            raise CannotSpeak(f"{program} ended with {done.returncode}: {said}")
        return done.stdout


async def _result(running: asyncio.Future[bytes]) -> bytes:
    return await running


def _converted(content: bytes) -> bytes:
    try:
        return sounds.wav(sounds.pcm(content))
    except sounds.NoSound as error:
        raise CannotSpeak(str(error)) from error
