"""Who waits for a thread of the database? Two lines: those at the door, whom somebody outside waits for, and all others."""

from __future__ import annotations

import queue
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

MAX_WAITING = 10_000  # requests; more are refused at once

T = TypeVar("T")


class Answers:
    """Where the answers to several requests come together: the future has all of them, failures among them, in order."""

    def __init__(self, several: int) -> None:
        self.future: Future[list[Any]] = Future()
        self.future.set_running_or_notify_cancel()
        self._found: list[Any] = [None] * several
        self._missing = several

    def put(self, place: int, answer: Any) -> None:
        """One of them. Always by the same thread."""
        self._found[place] = answer
        self._missing -= 1
        if not self._missing:
            self.future.set_result(self._found)


class Share:
    """The place of one request among several, as its future."""

    __slots__ = ("_all", "_done", "_place")

    def __init__(self, answers: Answers, place: int) -> None:
        self._all = answers
        self._place = place
        self._done = False

    def set_running_or_notify_cancel(self) -> bool:
        """See Future. What was asked for together is not taken back."""
        return True

    def done(self) -> bool:
        """See Future."""
        return self._done

    def set_result(self, answer: Any) -> None:
        """See Future."""
        self._done = True
        self._all.put(self._place, answer)

    set_exception = set_result


@dataclass(slots=True)
class Request:
    """A verb or a question that waits, and where its answer goes."""

    verb: Callable[..., Any]
    args: tuple[Any, ...]
    named: dict[str, Any]
    future: Future[Any] | Share
    first: bool = False
    """Somebody outside waits for it."""

    def begin(self) -> bool:
        """Take it in hand; False when whoever asked has gone. From here on it cannot be cancelled."""
        return self.future.set_running_or_notify_cancel()

    def fail(self, error: BaseException) -> None:
        """Tell whoever asked, unless they were told already."""
        if not self.future.done():
            self.future.set_exception(error)


class Line(Generic[T]):
    """Each of the two in the order of coming; any number of threads may put and take."""

    def __init__(self) -> None:
        self._waiting: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._hurried: queue.SimpleQueue[T] = queue.SimpleQueue()
        self._others: queue.SimpleQueue[T] = queue.SimpleQueue()

    def put(self, item: T, *, first: bool = False) -> None:
        """Queue up; `first`: before those who have time."""
        (self._hurried if first else self._others).put(item)
        self._waiting.put(None)

    def take(self) -> T:
        """The next one, as soon as there is one."""
        self._waiting.get()
        try:
            return self._hurried.get_nowait()
        except queue.Empty:
            return self._others.get_nowait()

    def take_other(self) -> T:
        """The next of those who have time: where only one thread takes, and `others` says that there is one."""
        self._waiting.get()
        return self._others.get_nowait()

    def hurried(self) -> bool:
        """Does somebody wait at the door?"""
        return not self._hurried.empty()

    def others(self) -> bool:
        """Does somebody wait who has time?"""
        return not self._others.empty()

    def empty(self) -> bool:
        """Does nobody wait?"""
        return self._hurried.empty() and self._others.empty()

    def length(self) -> int:
        """How many wait."""
        return self._hurried.qsize() + self._others.qsize()
