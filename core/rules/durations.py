"""How long is "4h" or "5wd end"? The durations of the desk configuration, read and written."""

from __future__ import annotations

import re
from dataclasses import dataclass

_UNITS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}  # seconds
_DURATION = re.compile(r"(?:(\d{1,6})d)?(?:(\d{1,6})h)?(?:(\d{1,6})m)?(?:(\d{1,9})s)?", re.ASCII)
_WORKING_DAYS = re.compile(r"(\d{1,4})wd( end)?", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What was promised: open seconds, or working days. Exactly one of `seconds` and `working_days` is given."""

    seconds: int | None = None
    working_days: int | None = None
    end_of_day: bool = False  # working days only: due at the last closing of the day, not at the same time

    def __str__(self) -> str:
        """The text that `parse_target` reads; equal targets have equal texts."""
        if self.working_days is None:
            return f"{self.seconds}s"
        return f"{self.working_days}wd{' end' if self.end_of_day else ''}"


def parse_duration(text: str) -> int:
    """Seconds of "15m", "4h", "2d" (of 24 h each), "1h30m", "90s". Raises ValueError that says what is allowed.

    >>> parse_duration("1h30m")
    5400
    """
    match = _DURATION.fullmatch(text.strip())
    if match is None or not any(match.groups()):
        raise ValueError(f'"{text}" is not a duration: write it like 15m, 4h, 2d or 1h30m')
    return sum(int(n) * unit for n, unit in zip(match.groups(), _UNITS.values(), strict=True) if n)


def parse_target(text: str) -> Target:
    """A target of a service level: a duration counted in open time, or working days.

    "4h" on a calendar of 9 hours a day is due on the same or the next day; "2d" is 48 open hours. "1wd" is the
    next working day at the same local time, "5wd end" the last closing of the fifth. Raises ValueError.

    >>> parse_target("5wd end")
    Target(seconds=None, working_days=5, end_of_day=True)
    """
    if match := _WORKING_DAYS.fullmatch(text.strip()):
        return Target(working_days=int(match[1]), end_of_day=match[2] is not None)
    try:
        return Target(seconds=parse_duration(text))
    except ValueError:
        raise ValueError(f'"{text}" is not a target: write it like 15m, 4h, 2d, 1wd or "5wd end"') from None
