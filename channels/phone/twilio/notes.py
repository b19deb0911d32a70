"""What must a line remember over a restart? Small files beside the hub's other things, one for each fact.

A recording that is still to be fetched, and the ringing telephone of a member of staff: what the provider calls
them. Several processes of one hub share the folder. No file holds what a caller said or pressed.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Note = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Notes:
    """Notes by kind and name; a name is letters, digits and dashes."""

    folder: Path

    async def keep(self, kind: str, name: str, note: Note) -> None:
        """Write it; it is on disk when this returns. Raises OSError."""
        await asyncio.to_thread(self._keep, kind, name, note)

    async def begin(self, kind: str, name: str) -> bool:
        """Write an empty one; False: it is there already, and whoever wrote it does what is to be done. Raises OSError."""
        return await asyncio.to_thread(self._begin, kind, name)

    async def get(self, kind: str, name: str) -> Note | None:
        """What was written under this name."""
        return await asyncio.to_thread(_read, self._path(kind, name))

    async def drop(self, kind: str, name: str) -> None:
        """Forget it."""
        await asyncio.to_thread(self._path(kind, name).unlink, missing_ok=True)

    async def all(self, kind: str) -> dict[str, Note]:
        """Every note of a kind, by name."""
        return await asyncio.to_thread(self._all, kind)

    async def forget(self, kind: str, *, older: float) -> None:
        """Drop those that nobody wrote to for so many seconds."""
        await asyncio.to_thread(self._forget, kind, older)

    def _path(self, kind: str, name: str) -> Path:
        if not name.replace("-", "").isalnum() or not name.isascii():
            message = f"{name!r} is no name of a note"
            raise ValueError(message)
        return self.folder / kind / f"{name}.json"

    def _begin(self, kind: str, name: str) -> bool:
        path = self._path(kind, name)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            with path.open("x", encoding="utf-8") as file:
                file.write("{}")
                file.flush()
                os.fsync(file.fileno())
        except FileExistsError:
            return False
        return True

    def _keep(self, kind: str, name: str, note: Note) -> None:
        path = self._path(kind, name)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        unfinished = path.with_suffix(f".{os.getpid()}.part")
        with unfinished.open("w", encoding="utf-8") as file:
            json.dump(note, file)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)

    def _all(self, kind: str) -> dict[str, Note]:
        found = {path.stem: _read(path) for path in sorted((self.folder / kind).glob("*.json"))}
        return {name: note for name, note in found.items() if note is not None}

    def _forget(self, kind: str, older: float) -> None:
        for path in (self.folder / kind).glob("*"):
            try:
                if time.time() - path.stat().st_mtime > older:
                    path.unlink(missing_ok=True)
            except FileNotFoundError:
                continue


def _read(path: Path) -> Note | None:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    return found if isinstance(found, dict) else None
