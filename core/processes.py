"""How do several processes make one hub? One starts them, keeps them up, and they stop together.

The one that starts them does nothing else, and must have no thread when it begins: the others are forked from it, with
the settings that it read. They listen at the same ports (SO_REUSEPORT), and notice its end by a pipe.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

from core.log import get_logger

FIRST_WAIT = 0.5  # seconds before one that ended is started again; doubled each time
LAST_WAIT = 60.0  # seconds
STOOD = 30.0  # seconds up, after which it counts as started, and the waiting begins anew
TRIES = 5  # ends at the start, one after the other, before any process has stood: more are of no use
STOP_WITHIN = 9.7  # seconds from the signal; a hub stops within 9.5 by itself

_STOP = (signal.SIGTERM, signal.SIGINT)
_TOLD = (*_STOP, signal.SIGCHLD)

log = get_logger("processes")


def keep_up(count: int, work: Callable[[int, int], None], *, ended: Callable[[int], None]) -> int:
    """Run `work` in so many processes until SIGTERM or SIGINT; return the exit code: 0, or that of one that never starts.

    `work(number, parent)`: numbers from 1, and what becomes readable when this process is gone; it returns after SIGTERM.
    A process ends with 0 when it returns, with a SystemExit's code, else with 1. `ended` is told the number of each that did.
    """
    return _Processes(count, work, ended).run()


def wait(falls: int) -> float:
    """Seconds until one is started again that ended so many times, one after the other, before it stood.

    >>> [wait(falls) for falls in (1, 2, 3, 20)]
    [0.5, 1.0, 2.0, 60.0]
    """
    return min(FIRST_WAIT * 2.0 ** (falls - 1), LAST_WAIT)


@dataclass(slots=True)
class _Place:
    """One of them."""

    number: int
    pid: int = 0
    """0: it does not run."""
    since: float = 0.0
    """When it was started last."""
    due: float = 0.0
    """When it is started next."""
    falls: int = 0


class _Processes:
    def __init__(self, count: int, work: Callable[[int, int], None], ended: Callable[[int], None]) -> None:
        self._places = [_Place(number) for number in range(1, count + 1)]
        self._work = work
        self._ended = ended
        self._stood = False
        self._parent = os.pipe()

    def run(self) -> int:
        signal.pthread_sigmask(signal.SIG_BLOCK, _TOLD)  # they are asked for, and interrupt nothing
        try:
            while True:
                for place in self._places:
                    if not place.pid and place.due <= time.monotonic():
                        self._start(place)
                told = signal.sigtimedwait(_TOLD, self._patience())
                if told is not None and told.si_signo in _STOP:
                    self._stop()
                    return 0
                for place, code in self._who_ended():
                    if self._hopeless(place, code):
                        self._stop()
                        return code if code > 0 else 1
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _TOLD)
            for end in self._parent:
                os.close(end)

    def _start(self, place: _Place) -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        place.since = time.monotonic()
        place.pid = os.fork()
        if not place.pid:
            self._be(place.number)

    def _be(self, number: int) -> None:
        """In the child: it never comes back from here."""
        code = 1
        try:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _TOLD)
            os.close(self._parent[1])
            if number > 1:  # there is one terminal: the others find theirs at its end
                ended, other_end = os.pipe()
                os.dup2(ended, 0)
                os.close(ended)
                os.close(other_end)
            self._work(number, self._parent[0])
            code = 0
        except SystemExit as error:
            code = error.code if isinstance(error.code, int) else 1
        except BaseException:
            log.exception("a process failed")
        finally:
            with contextlib.suppress(OSError, ValueError):
                sys.stdout.flush()
                sys.stderr.flush()
            os._exit(code)

    def _patience(self) -> float:
        """Seconds until something has to be done although nobody says so."""
        due = [place.due for place in self._places if not place.pid]
        return max(0.0, min(due) - time.monotonic()) if due else LAST_WAIT

    def _who_ended(self) -> list[tuple[_Place, int]]:
        found = []
        for place in self._places:
            if place.pid and (status := os.waitpid(place.pid, os.WNOHANG))[0]:
                place.pid = 0
                self._ended(place.number)
                found.append((place, os.waitstatus_to_exitcode(status[1])))
        return found

    def _hopeless(self, place: _Place, code: int) -> bool:
        """Say that it ended, and when it is started again; True: it never is."""
        now = time.monotonic()
        if now - place.since > STOOD:
            self._stood, place.falls = True, 0
        place.falls += 1
        self._stood = self._stood or any(one.pid and now - one.since > STOOD for one in self._places)
        if place.falls >= TRIES and not self._stood:
            log.error("a process ends at every start", process=place.number, code=code, tries=place.falls)
            return True
        after = wait(place.falls)
        place.due = now + after
        log.error("a process ended and is started again", process=place.number, code=code, after=after)
        return False

    def _stop(self) -> None:
        for place in self._places:
            if place.pid:
                os.kill(place.pid, signal.SIGTERM)
        end = time.monotonic() + STOP_WITHIN
        while any(place.pid for place in self._places):
            signal.sigtimedwait(_TOLD, max(0.0, min(1.0, end - time.monotonic())))
            self._who_ended()
            if time.monotonic() < end:
                continue
            for place in self._places:
                if place.pid:
                    log.error("a process did not stop in time", process=place.number)
                    os.kill(place.pid, signal.SIGKILL)
                    os.waitpid(place.pid, 0)
                    place.pid = 0
