"""Is there room on the disk? Below the reserve nothing new is taken in, so that the database keeps room to work."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from pathlib import Path

LOOK_EVERY = 0.1  # seconds between looks: a flood of mail fills tens of megabytes a second
MIB = 2**20
NEARLY = 2  # times the reserve


class Disk:
    """The folders that grow, and how much must stay free beside them. `reserve`: bytes."""

    def __init__(self, folders: Sequence[Path], reserve: int) -> None:
        self._folders = folders
        self._reserve = reserve
        self._looked = 0.0
        self._full = ""

    def full(self) -> str:
        """What is wrong, in words; empty: there is room. From any thread; looks every LOOK_EVERY at most."""
        now = time.monotonic()
        if now - self._looked > LOOK_EVERY or not self._looked:
            self._looked = now
            self._full = next(filter(None, map(self._look, self._folders)), "")
        return self._full

    def low(self) -> str:
        """Whether it is nearly so, in words: less than NEARLY times the reserve is left. Looks each time."""
        return next(filter(None, (self._look(folder, NEARLY) for folder in self._folders)), "")

    def _look(self, folder: Path, times: int = 1) -> str:
        try:
            free = shutil.disk_usage(folder).free
        except OSError as error:
            return f"the disk of {folder} cannot be looked at: {error.strerror}"
        if free >= times * self._reserve:
            return ""
        how = "is full" if free < self._reserve else "is nearly full"
        return f"the disk {how}: {free // MIB} MiB are left, and limits.disk_reserve keeps {self._reserve // MIB} MiB"
