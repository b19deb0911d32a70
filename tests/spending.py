"""How much CPU time does something take? Other work on the machine does not count, nor other threads, nor what earlier tests left to be looked through."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(slots=True)
class Spent:
    """Of this thread, when the block has ended."""

    seconds: float = 0.0


@contextmanager
def spending() -> Iterator[Spent]:
    """Measures what is inside."""
    spent = Spent()
    collects = gc.isenabled()
    gc.disable()  # a look through all that a test process holds takes up to a second, at anybody's cost
    before = time.thread_time()
    try:
        yield spent
    finally:
        spent.seconds = time.thread_time() - before
        if collects:
            gc.enable()


@contextmanager
def quickly(seconds: float) -> Iterator[None]:
    """What is inside takes no more CPU time than this."""
    with spending() as spent:
        yield
    assert spent.seconds < seconds, f"{spent.seconds:.2f} s of CPU time, allowed are {seconds} s"
