"""How does a hub of the tests start at once? Forked from a process that has loaded the program already.

Loading takes a second and a half of a processor, and a day starts some ten commands. What is forked is as separate as
what is executed: with a session, an environment and files of its own. Each process of a test run has one server.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import json
import os
import pkgutil
import random
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NoReturn

ROOT = Path(__file__).resolve().parents[2]
SPACE = 128 * 1024  # bytes of an order: words and environment


class Forked:
    """A process that was forked, as far as tests know one of `subprocess`."""

    def __init__(self, link: socket.socket, pid: int) -> None:
        self._link = link
        self.pid = pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Its return code, or None while it runs."""
        return self._ended(0)

    def wait(self, timeout: float | None = None) -> int:
        """Its return code, once it has ended."""
        code = self._ended(timeout)
        if code is None:
            raise subprocess.TimeoutExpired("main.py", timeout or 0)
        return code

    def send_signal(self, number: int) -> None:
        """Unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def _ended(self, within: float | None) -> int | None:
        if self.returncode is None:
            self._link.settimeout(within)
            try:
                said = self._link.recv(64)
            except (BlockingIOError, TimeoutError):
                return None
            assert said, "the server of warm processes has died"
            self.returncode = os.waitstatus_to_exitcode(int(said))
            self._link.close()
        return self.returncode


def start(words: Sequence[str], *, stdin: int, stdout: int, stderr: int) -> Forked:
    """`main.py` with these words, in a process group of its own; the three are file descriptors."""
    link = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    link.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SPACE)
    link.connect(_server())
    order = json.dumps({"words": list(words), "environment": dict(os.environ)}).encode()
    socket.send_fds(link, [order], [stdin, stdout, stderr])
    return Forked(link, int(link.recv(64)))


@lru_cache(maxsize=1)
def _server() -> str:
    """The address of this process's server, which is started when it is first needed and ends with this process."""
    address = Path(tempfile.mkdtemp(prefix="centralino-warm-")) / "socket"
    ours, theirs = socket.socketpair()
    with theirs:
        server = subprocess.Popen(
            [sys.executable, "-m", "tests.days.warm", str(address), str(theirs.fileno())],
            cwd=ROOT,
            pass_fds=[theirs.fileno()],
            start_new_session=True,
        )
    assert ours.recv(1), "the server of warm processes did not start"
    atexit.register(_end, server, ours, address)
    return str(address)


def _end(server: subprocess.Popen[bytes], link: socket.socket, address: Path) -> None:
    link.close()
    server.wait(timeout=10)
    address.unlink(missing_ok=True)
    address.parent.rmdir()


# --- The server ---------------------------------------------------------------------------------------------


def serve(address: str, owner: socket.socket, program: Callable[[], Any]) -> None:
    """Fork whoever is asked for, and tell how each ended. Ends when whoever started it is no more."""
    door = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    door.bind(address)
    door.listen(64)
    told, tells = socket.socketpair()
    tells.setblocking(False)
    signal.set_wakeup_fd(tells.fileno())
    signal.signal(signal.SIGCHLD, lambda *_: None)
    running: dict[int, socket.socket] = {}
    owner.send(b"1")
    while True:
        ready, _, _ = select.select([owner, door, told], [], [])
        if owner in ready:
            return
        if told in ready:
            told.recv(4096)
            for pid in list(running):
                ended, status = os.waitpid(pid, os.WNOHANG)
                if ended == pid:
                    with running.pop(pid) as link, contextlib.suppress(OSError):  # nobody waits any more
                        link.send(str(status).encode())
        if door in ready:
            link, _ = door.accept()
            order, files, _, _ = socket.recv_fds(link, SPACE, 3)
            pid = os.fork()
            if pid == 0:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                for one in (owner, door, told, tells, link, *running.values()):
                    one.close()
                _become(json.loads(order), files, program)
            for one in files:
                os.close(one)
            running[pid] = link
            link.send(str(pid).encode())


def _become(order: dict[str, Any], files: list[int], program: Callable[[], Any]) -> NoReturn:
    """Be the process that was asked for, from here to its end."""
    os.setsid()
    for place, one in enumerate(files):
        os.dup2(one, place)
        os.close(one)
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - they stay open to its end
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", closefd=False, buffering=1)  # noqa: SIM115
    os.environ.clear()
    os.environ.update(order["environment"])
    sys.argv = ["main.py", *order["words"]]
    random.seed()
    code = 0
    try:
        program()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001 - as the interpreter ends
        traceback.print_exc()
        code = 1
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _everything() -> Callable[[], Any]:
    """The program, with what its commands load when they need it."""
    for room in ("core", "channels", "ivr", "web"):
        for module in pkgutil.walk_packages([str(ROOT / room)], f"{room}."):
            with contextlib.suppress(ImportError):  # what needs a library that is not here
                importlib.import_module(module.name)
    for name in ("alembic.command", "alembic.runtime.environment", "uvloop"):
        importlib.import_module(name)
    return importlib.import_module("main").app


if __name__ == "__main__":
    app = _everything()
    gc.collect()
    gc.freeze()
    serve(sys.argv[1], socket.socket(fileno=int(sys.argv[2])), app)
