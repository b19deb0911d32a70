"""How fast may one caller ask? A bucket per caller that fills at a steady rate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil

from core.common import Counts


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a caller has left."""

    granted: bool
    left: int
    wait: int
    """Seconds until the next call is granted; 0: now."""


class Limiter:
    """`rate` calls a second for each caller, `burst` at once, over all processes of the hub.

    `name`: what is counted, in `counts`. `clock`: seconds, never going back, and the same in all processes.
    """

    def __init__(
        self, name: str, counts: Counts, *, rate: float, burst: int, clock: Callable[[], float]
    ) -> None:
        self.rate = rate
        self.burst = burst
        self._name = name
        self._counts = counts
        self._clock = clock

    def take(self, caller: str) -> Allowance:
        """One call of this caller."""
        now = self._clock()
        with self._counts.of(f"{self._name} {caller}") as bucket:
            known = bucket.at != 0
            left = min(self.burst, bucket.amount + (now - bucket.at) * self.rate) if known else self.burst
            granted = left >= 1
            bucket.amount, bucket.at = left - granted, now
        wait = 0 if bucket.amount >= 1 else ceil((1 - bucket.amount) / self.rate)
        return Allowance(granted=granted, left=int(bucket.amount), wait=wait)

    def headers(self, allowance: Allowance) -> dict[str, str]:
        """RateLimit fields (draft-ietf-httpapi-ratelimit-headers)."""
        window = ceil(self.burst / self.rate)
        return {
            "RateLimit-Policy": f'"calls";q={self.burst};w={window}',
            "RateLimit": f'"calls";r={allowance.left};t={allowance.wait}',
        }
