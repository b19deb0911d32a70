"""Which secrets does the hub make for itself? Keys in data_dir/keys, made once, readable by the owner only."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """What must not be in the database."""

    token: bytes
    """Reply addresses and envelope senders are made with it."""
    loop: bytes
    """Our own mail is recognised by it."""
    instance: str
    """How this desk names itself in its mail."""


def load(data_dir: Path, *, instance: str = "") -> Keys:
    """The keys of this installation; those that are missing are made. Raises OSError."""
    data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)  # customers' mail will be in it
    folder = data_dir / "keys"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return Keys(
        token=_key(folder / "token.key", 32),
        loop=_key(folder / "loop.key", 32),
        instance=instance or _key(folder / "instance", 6).hex(),
    )


def _key(path: Path, size: int) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        made = secrets.token_bytes(size)
        unfinished = path.with_suffix(".new")
        with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(made)
            os.fsync(file.fileno())
        unfinished.replace(path)
        return made


def keep_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read."""
    with os.fdopen(
        os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8"
    ) as file:
        file.write(text)
