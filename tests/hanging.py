"""A folder of the network that gives no answer for now."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from core import kept_secrets

PATIENCE = 30.0  # seconds, for the slowest machine


class Folder:
    """All that `file:` refers to, while it hangs."""

    def __init__(self) -> None:
        self._asked, self._answers = threading.Event(), threading.Event()
        self._reads = kept_secrets.of_file

    async def is_asked(self) -> None:
        """Wait until somebody reads there. Whoever holds the event loop meanwhile lets nobody come so far."""
        assert await asyncio.to_thread(self._asked.wait, PATIENCE)

    def answers(self) -> None:
        """From now on."""
        self._answers.set()

    def of_file(self, text: str, longest: int) -> str:
        """In place of kept_secrets.of_file."""
        self._asked.set()
        self._answers.wait(PATIENCE)
        return self._reads(text, longest)


@contextmanager
def hanging() -> Iterator[Folder]:
    """It answers when it is told to, or at the end."""
    with pytest.MonkeyPatch.context() as patch:
        folder = Folder()
        patch.setattr(kept_secrets, "of_file", folder.of_file)
        patch.setattr(kept_secrets, "WITHIN", PATIENCE / 2)
        try:
            yield folder
        finally:
            folder.answers()
