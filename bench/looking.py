"""What does the inbox notice of something else that is done? A few people look at one page until that is over."""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TypeVar

from bench.pages import PACE, Browser
from bench.processes import Hub

LOOKING = 4
"""People who go through the inbox."""
OPEN = "/desk/?view=open"
"""What they look at: the list of open tickets."""

T = TypeVar("T")


def waiting(seconds: float) -> Callable[[], bool]:
    """Over after so many seconds."""
    until = time.monotonic() + seconds
    return lambda: time.monotonic() > until


def p95(hub: Hub, cookie: str, over: Callable[[], bool], path: str = OPEN) -> float:
    """In milliseconds, of a page. Raises what a look raised."""
    with ThreadPoolExecutor(LOOKING) as people:
        looks = [people.submit(_look, hub, cookie, over, path) for _ in range(LOOKING)]
    times = [one for look in looks for one in look.result()]
    return 1000 * statistics.quantiles(times, n=20)[-1]


def meanwhile_p95(hub: Hub, cookie: str, do: Callable[[], T]) -> tuple[float, T]:
    """In milliseconds, while something is done, and what came of that. Raises what it raised."""
    over = threading.Event()
    with ThreadPoolExecutor(1) as beside:
        doing = beside.submit(do)
        doing.add_done_callback(lambda _: over.set())
        found = p95(hub, cookie, over.is_set)
        return found, doing.result()


def _look(hub: Hub, cookie: str, over: Callable[[], bool], path: str) -> list[float]:
    times: list[float] = []
    with closing(Browser(hub.http, cookie)) as browser:
        while True:
            began = time.perf_counter()
            browser.get(path)
            times.append(time.perf_counter() - began)
            if over() and len(times) > 1:
                return times
            time.sleep(max(0.0, 1 / PACE - times[-1]))
