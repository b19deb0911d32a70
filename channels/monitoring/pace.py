"""Does a source send faster than it should? Asked only when nothing can be stored: what can be stored is, however fast it comes."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

RATE, BURST = 100.0, 2000.0
"""Messages a second of one source, and how many at once."""
SOURCES = 1000  # remembered


@dataclass(slots=True)
class Pace:
    """How fast each source sends. `clock`: seconds that never go back."""

    clock: Callable[[], float] = time.monotonic
    _left: OrderedDict[str, tuple[float, float]] = field(default_factory=OrderedDict)

    def keeps(self, source: str) -> bool:
        """One more message. False: it is faster than RATE, and has used up BURST."""
        now = self.clock()
        left, at = self._left.pop(source, (BURST, now))
        left = min(BURST, left + (now - at) * RATE)
        within = left >= 1
        self._left[source] = (left - within, now)
        if len(self._left) > SOURCES:
            self._left.popitem(last=False)
        return within
