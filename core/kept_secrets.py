"""What is behind a reference of the desk, which people may change while the hub runs? `env:NAME`, or `file:PATH` of a plain file.

A folder of the network that hangs holds whoever reads in it, for ever if need be, and who asks may hold the database. So a file is read by a
thread that nobody waits for longer than WITHIN. In a folder one file is read at a time: while that hangs the others give no answer either, at once,
so that a folder costs one thread and one wait, however many files are asked for.
"""

from __future__ import annotations

import stat
import threading
import time
from pathlib import Path

from core.settings_file import resolved

LONGEST = 64 * 1024
"""Bytes of a file: a secret is no more."""
BUNDLE = 1024 * 1024
"""The same of certificates: all the public authorities of a machine are a quarter of it."""
WITHIN = 2.0  # seconds
MOST = 16  # folders that may hang, each with one read; beyond, no file is read until one of them comes back


class GivesNoAnswer(ValueError):
    """Whoever reads the file hears nothing."""


def kept_secret(text: str, *, longest: int = LONGEST) -> str:
    """The secret. Waits, so keep it off the event loop. A device or a pipe is refused: reading one may never end. Raises ValueError that never holds it.

    `longest`: bytes of a file, at most.
    """
    if not text.removeprefix("file:") or not text.startswith("file:"):
        return resolved(text)
    until = time.monotonic() + WITHIN
    reading = _begun(text, longest)
    while (reading.text, reading.longest) != (text, longest):  # another file of the folder goes first
        _wait(reading, until, text)
        reading = _begun(text, longest)
    found = _wait(reading, until, text)
    if isinstance(found, ValueError):
        raise found
    return found


def _wait(reading: _Reading, until: float, text: str) -> str | ValueError:
    """What was found, by `until` and before it counts as hanging. Raises GivesNoAnswer."""
    reading.join(max(0.0, min(until, reading.since + WITHIN) - time.monotonic()))
    if reading.found is None:
        raise GivesNoAnswer(f'asks for "{text[5:]}", and whoever reads its folder gets no answer')
    return reading.found


class _Reading(threading.Thread):
    def __init__(self, text: str, longest: int) -> None:
        super().__init__(name="kept-secret", daemon=True)
        self.text, self.longest = text, longest
        self.since = time.monotonic()
        self.found: str | ValueError | None = None

    def run(self) -> None:
        try:
            self.found = of_file(self.text, self.longest)
        except ValueError as error:
            self.found = error

    @property
    def hangs(self) -> bool:
        return self.is_alive() and time.monotonic() - self.since >= WITHIN


_readings: dict[Path, _Reading] = {}
"""By folder."""
_lock = threading.Lock()


def _begun(text: str, longest: int) -> _Reading:
    """The read that goes on in its folder, maybe of another file, or one that begins. Raises GivesNoAnswer where too many hang."""
    folder = Path(text[5:]).parent
    with _lock:
        for over in [one for one, reading in _readings.items() if not reading.is_alive()]:
            del _readings[over]
        known = _readings.get(folder)
        if known is not None:
            return known
        if sum(one.hangs for one in _readings.values()) >= MOST:
            raise GivesNoAnswer(
                f'asks for "{text[5:]}", which is not read while so many folders give no answer'
            )
        reading = _readings[folder] = _Reading(text, longest)
        reading.start()
        return reading


def of_file(text: str, longest: int = LONGEST) -> str:
    """The same of `file:PATH`, however long that takes. Raises ValueError."""
    path = text.removeprefix("file:")
    try:
        known = Path(path).stat()
    except OSError as error:
        raise ValueError(f'asks for the file "{path}", which cannot be read: {error.strerror}') from error
    if not stat.S_ISREG(known.st_mode) or known.st_size > longest:
        raise ValueError(f'asks for "{path}", which is no file of at most {longest} bytes')
    return resolved(text)
