"""How fast may one caller ask? A bucket per caller that fills at a steady rate."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from math import ceil

KNOWN = 10_000  # callers remembered; the one that was longest quiet is forgotten first


@dataclass(slots=True)
class _Bucket:
    left: float
    at: float


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a caller has left."""

    granted: bool
    left: int
    wait: int
    """Seconds until the next call is granted; 0: now."""


class Limiter:
    """`rate` calls a second for each caller, `burst` at once. `clock`: seconds, never going back."""

    def __init__(self, *, rate: float, burst: int, clock: Callable[[], float]) -> None:
        self.rate = rate
        self.burst = burst
        self._clock = clock
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def take(self, caller: str) -> Allowance:
        """One call of this caller."""
        bucket = self.look(caller)
        granted = bucket.left >= 1
        if granted:
            bucket.left -= 1
        wait = 0 if bucket.left >= 1 else ceil((1 - bucket.left) / self.rate)
        return Allowance(granted=granted, left=int(bucket.left), wait=wait)

    def look(self, caller: str) -> _Bucket:
        """The caller's bucket as of now."""
        now = self._clock()
        bucket = self._buckets.get(caller)
        if bucket is None:
            bucket = self._buckets[caller] = _Bucket(float(self.burst), now)
            while len(self._buckets) > KNOWN:
                self._buckets.popitem(last=False)
        else:
            self._buckets.move_to_end(caller)
            bucket.left = min(self.burst, bucket.left + (now - bucket.at) * self.rate)
            bucket.at = now
        return bucket

    def headers(self, allowance: Allowance) -> dict[str, str]:
        """RateLimit fields (draft-ietf-httpapi-ratelimit-headers)."""
        window = ceil(self.burst / self.rate)
        return {
            "RateLimit-Policy": f'"calls";q={self.burst};w={window}',
            "RateLimit": f'"calls";r={allowance.left};t={allowance.wait}',
        }
