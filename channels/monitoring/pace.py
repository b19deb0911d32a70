"""Does a source send faster than it should? Asked only when nothing can be stored: what can be stored is, however fast it comes."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from core.alerting import PACE, Agreed

SOURCES = 1000  # remembered
LEARNED = 60.0  # seconds after which what is agreed with each source is asked again


@dataclass(slots=True)
class Pace:
    """How fast each source sends. `clock`: seconds that never go back."""

    clock: Callable[[], float] = time.monotonic
    agreed: Mapping[str, Agreed] = field(default_factory=dict)
    """By source, where it is not PACE: as it was when it could last be asked."""
    _left: OrderedDict[str, tuple[float, float]] = field(default_factory=OrderedDict)
    _learned: float = float("-inf")

    def of(self, source: str) -> Agreed:
        """What it may."""
        return self.agreed.get(source, PACE)

    def ask(self) -> bool:
        """Is it time to ask what is agreed? True once in a while."""
        now = self.clock()
        if now - self._learned < LEARNED:
            return False
        self._learned = now
        return True

    def keeps(self, source: str) -> bool:
        """One more message. False: it is faster than its rate, and has used up its burst."""
        now, most = self.clock(), self.of(source)
        left, at = self._left.pop(source, (float(most.burst), now))
        left = min(most.burst, left + (now - at) * most.rate)
        within = left >= 1
        self._left[source] = (left - within, now)
        if len(self._left) > SOURCES:
            self._left.popitem(last=False)
        return within
