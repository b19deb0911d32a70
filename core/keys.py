"""Which secrets does the hub make for itself? Keys in data_dir/keys, made once, readable by the owner only."""

from __future__ import annotations

import contextlib
import hmac
import os
import secrets
from collections.abc import Callable
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

    @property
    def snmp_engine(self) -> bytes:
        """Who we are to devices that send informs by SNMP version 3 (SnmpEngineID, RFC 3411, 5): always the same, and nobody else's.

        We have no number of IANA: 0, which nobody has, and the form in which the owner makes up the rest.
        """
        made = hmac.digest(self.token, f"snmp-engine|{self.instance}".encode(), "sha256")
        return b"\x80\x00\x00\x00\x05" + made[:12]


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
    return kept(path, lambda: secrets.token_bytes(size))


def kept(path: Path, make: Callable[[], bytes]) -> bytes:
    """What is in this file, made first where it is missing. Safe in several processes at once: all get the same. Raises OSError."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        unfinished = path.with_name(f"{path.name}.{secrets.token_hex(4)}.new")
        try:
            with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(make())
                file.flush()
                os.fsync(file.fileno())
            with contextlib.suppress(FileExistsError):  # another one was faster
                os.link(unfinished, path)
        finally:
            unfinished.unlink(missing_ok=True)
        return path.read_bytes()


def keep_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read."""
    with os.fdopen(
        os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8"
    ) as file:
        file.write(text)
