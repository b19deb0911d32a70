"""What is every channel given beside its own settings?"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from core.common import Common
from core.keys import Keys


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """The hub around a channel."""

    desk_name: str
    data_dir: Path
    keys: Keys
    max_mail_size: int  # bytes
    max_recipients: int
    public_url: str = ""
    """What our own addresses begin with, as everybody outside knows it."""
    language: str = "it"
    """Of who is not known."""
    languages: tuple[str, ...] = ("it", "en")
    """All that we answer in."""
    time_zone: str = "Europe/Rome"
    common: Common = field(default_factory=Common)
    """What the processes of the hub share: with several of them, ports are."""
