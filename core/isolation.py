"""How are strangers' bytes read without risk, and papers drawn beside the hub? In processes with limits, that may die at any time.

The parent (`Readers`) writes many requests ahead and gets the answers in the same order. The child
(`python -m core.isolation`) has no secrets, no network where the system allows that, and a ceiling on memory; a
message that takes too long ends the message, or the child. When the child dies, the first request without an answer
was the one in its hands: that one fails, all others are given to the next child. Papers (core.papers) are drawn by a child
of their own, so that no message waits for one.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import importlib
import os
import resource
import signal
import struct
import sys
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import msgspec

from core import redrawing
from core.envelope import Inbound
from core.log import get_logger

CPU_SOFT = 1.0  # seconds of CPU a message may take; then reading it is given up, and the child lives
CPU_HARD = 5.0  # seconds of CPU, for code that does not listen: the child is killed
WALL_HARD = 10.0  # seconds on the clock in which it wants no processor: the same
DRAWING = 20.0  # seconds of CPU a paper may take, of however many pages
DRAWING_HARD = 30.0  # seconds of CPU, and twice as many on the clock, until the child that draws is killed
MEMORY = 512 * 1024 * 1024  # bytes of address space
AHEAD = 64 * 1024 * 1024  # bytes of requests that one child may have waiting
LOOK_EVERY = 0.25  # seconds between looks at the child's clocks

_PIPE = 1024 * 1024  # bytes
_HEAD = struct.Struct(">I")
_ROOT = Path(__file__).resolve().parent.parent
_DONE, _UNREADABLE, _FAILED = b"+", b"?", b"!"
_CLONE_NEWUSER, _CLONE_NEWNET, _PR_SET_PDEATHSIG = 0x10000000, 0x40000000, 1

log = get_logger("readers")


class Unreadable(Exception):
    """The reader says that these bytes are no message, or gave up at a limit. Trying again is useless."""


class ReaderDied(Exception):
    """The reading process ended with this message in its hands: killed by a limit, or from outside."""


class ReaderFailed(Exception):
    """The reader has a bug: it raised something that it may not. Says what."""


@dataclass(slots=True)
class _Request:
    frame: bytes
    future: asyncio.Future[Any]
    unpack: Callable[[bytes], Any]


class Readers:
    """A few reading processes, and one that draws papers, each started when it is needed. `close` them at the end."""

    def __init__(
        self,
        processes: int = 1,
        *,
        cpu_hard: float = CPU_HARD,
        wall_hard: float = WALL_HARD,
        memory: int = MEMORY,
    ) -> None:
        self._children = [
            _Child(_unpack_inbound, CPU_SOFT, cpu_hard, wall_hard, memory) for _ in range(processes)
        ]
        self._drawing = _Child(_unpack_bytes, DRAWING, DRAWING_HARD, 2 * DRAWING_HARD, memory)

    async def read(
        self, reader: str, raw: bytes, arrival: Mapping[str, Any], options: Mapping[str, Any]
    ) -> Inbound:
        """What the reader makes of the bytes. `reader` is `package.module:function`; see core.channel.Channel.

        Raises Unreadable, ReaderFailed, or ReaderDied: the last may be tried once more, for it may have been
        somebody else's hand. Many may be awaited at once; one child answers in the order of the calls.
        """
        child = min(self._children, key=lambda one: one.waiting_bytes)
        while child.waiting_bytes > AHEAD:
            await child.less_waiting()
        found: Inbound = await child.ask(_pack([reader, [raw, arrival, options]]))
        return found

    async def questions(
        self, asker: str, head: bytes, arrival: Mapping[str, Any], options: Mapping[str, Any]
    ) -> dict[str, Any]:
        """What must be asked before these bytes can be read; see core.channel.Inquiring. Raises as `read`."""
        child = min(self._children, key=lambda one: one.waiting_bytes)
        while child.waiting_bytes > AHEAD:
            await child.less_waiting()
        found: dict[str, Any] = await child.ask(_pack([asker, [head, arrival, options]]), _unpack_facts)
        return found

    async def draw(self, writer: str, paper: bytes, pictures: Mapping[str, bytes]) -> bytes:
        """What the writer makes of a paper, such as `core.papers.pdf:draw`; the paper packed, its pictures by name.

        Raises as `read`.
        """
        while self._drawing.waiting_bytes > AHEAD:
            await self._drawing.less_waiting()
        drawn: bytes = await self._drawing.ask(_pack([writer, [paper, pictures]]))
        return drawn

    async def redraw(self, pictures: Mapping[str, bytes]) -> redrawing.Redrawn:
        """The pictures by name that may be shown, written anew (core.redrawing). Raises as `read`."""
        return redrawing.unpack(await self.draw(redrawing.REDRAW, b"", pictures))

    async def close(self) -> None:
        """Kill the children. What still waits for an answer gets ReaderDied."""
        for child in (*self._children, self._drawing):
            await child.close()

    @property
    def pids(self) -> list[int]:
        """The processes that live now."""
        return [child.pid for child in (*self._children, self._drawing) if child.pid is not None]


_pack = msgspec.msgpack.Encoder().encode
_unpack_inbound = msgspec.msgpack.Decoder(Inbound).decode
_unpack_facts = msgspec.msgpack.Decoder(dict[str, Any]).decode
_unpack_bytes = msgspec.msgpack.Decoder(bytes).decode


class _Child:
    """One process, started when there is something to do, and again when it dies. `unpack`: what most of its answers are."""

    def __init__(
        self,
        unpack: Callable[[bytes], Any],
        cpu_soft: float,
        cpu_hard: float,
        wall_hard: float,
        memory: int,
    ) -> None:
        self._unpack = unpack
        self._cpu_soft = cpu_soft
        self._memory = memory
        self._cpu_hard = cpu_hard
        self._wall_hard = wall_hard
        self.waiting_bytes = 0
        self._waiting: deque[_Request] = deque()
        self._transport: asyncio.SubprocessTransport | None = None
        self._pipes: _Pipes | None = None
        self._starting: asyncio.Task[None] | None = None
        self._watching: asyncio.Task[None] | None = None
        self._answered = asyncio.Event()
        self._closed = False
        self._head_stood = 0.0
        """Seconds in which the oldest request got no further by its own fault, as far as was looked."""
        self._head_cpu = -1.0
        """What its process had had of a processor when it was first looked at; negative: not yet."""

    @property
    def pid(self) -> int | None:
        return None if self._transport is None else self._transport.get_pid()

    async def less_waiting(self) -> None:
        self._answered.clear()
        await self._answered.wait()

    def ask(self, packed: bytes, unpack: Callable[[bytes], Any] | None = None) -> asyncio.Future[Any]:
        loop = asyncio.get_running_loop()
        request = _Request(_HEAD.pack(len(packed)) + packed, loop.create_future(), unpack or self._unpack)
        if self._closed:
            request.future.set_exception(ReaderDied("the readers are closed"))
            return request.future
        if not self._waiting:
            self._new_head()
        self._waiting.append(request)
        self.waiting_bytes += len(request.frame)
        if self._transport is not None:
            self._write(request.frame)
        elif self._starting is None:
            self._starting = loop.create_task(self._start(), name="reader-start")
        return request.future

    async def _start(self) -> None:
        loop = asyncio.get_running_loop()
        environment = {
            name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL", "TZ") if name in os.environ
        }
        try:
            transport, pipes = await loop.subprocess_exec(
                lambda: _Pipes(self),
                sys.executable,
                "-m",
                "core.isolation",
                str(self._memory),
                str(self._cpu_soft),
                cwd=_ROOT,
                env=environment,
                stderr=None,
            )
        except OSError as error:
            log.exception("a reading process could not be started")
            self._starting = None
            self._fail_all(f"a reading process could not be started: {error}")
            return
        self._starting = None
        if pipes.ended.is_set():  # dead before we looked; `died` took out the oldest, so this comes to an end
            transport.close()
            if self._waiting:
                self._starting = loop.create_task(self._start(), name="reader-start")
            return
        self._transport, self._pipes = transport, pipes
        self._new_head()
        for request in self._waiting:
            self._write(request.frame)
        if self._watching is None:
            self._watching = loop.create_task(self._watch(), name="reader-watch")

    def _write(self, frame: bytes) -> None:
        assert self._transport is not None
        cast(asyncio.WriteTransport, self._transport.get_pipe_transport(0)).write(frame)

    def answered(self, kind: bytes, body: bytes) -> None:
        """An answer came; it belongs to the oldest request."""
        if not self._waiting:
            return
        request = self._waiting.popleft()
        self.waiting_bytes -= len(request.frame)
        self._answered.set()
        self._new_head()
        if request.future.done():  # whoever asked has gone
            return
        if kind == _DONE:
            try:
                request.future.set_result(request.unpack(body))
            except (msgspec.MsgspecError, ValueError) as error:
                request.future.set_exception(ReaderFailed(f"the answer is not what was asked for: {error}"))
        elif kind == _UNREADABLE:
            request.future.set_exception(Unreadable(body.decode("utf-8", "replace")))
        else:
            request.future.set_exception(ReaderFailed(body.decode("utf-8", "replace")))

    def died(self) -> None:
        """The process has ended. The oldest request was in its hands."""
        if self._transport is not None:
            self._transport.close()
        self._transport = None
        self._answered.set()
        if self._closed:
            self._fail_all("the readers are closed")
            return
        if not self._waiting:
            return
        guilty = self._waiting.popleft()
        self.waiting_bytes -= len(guilty.frame)
        log.warning("a reading process died", waiting=len(self._waiting))
        if not guilty.future.done():
            guilty.future.set_exception(ReaderDied("the reading process died over this message"))
        if self._waiting and self._starting is None:
            self._starting = asyncio.get_running_loop().create_task(self._start(), name="reader-start")

    def _fail_all(self, why: str) -> None:
        while self._waiting:
            request = self._waiting.popleft()
            if not request.future.done():
                request.future.set_exception(ReaderDied(why))
        self.waiting_bytes = 0
        self._answered.set()

    def _new_head(self) -> None:
        self._head_stood = 0.0
        self._head_cpu = -1.0

    async def _watch(self) -> None:
        """End a process that hangs. One that waits for a processor does not, nor did it while we stood still ourselves."""
        loop = asyncio.get_running_loop()
        looked = loop.time()
        while not self._closed:
            await asyncio.sleep(LOOK_EVERY)
            passed, looked = min(loop.time() - looked, 2 * LOOK_EVERY), loop.time()
            if not self._waiting or self._transport is None:
                continue
            runs, cpu = _state(self._transport.get_pid())
            if self._head_cpu < 0:
                self._head_cpu = cpu
            elif not runs:
                self._head_stood += passed
            if self._head_stood > self._wall_hard or cpu - self._head_cpu > self._cpu_hard:
                log.warning("a message takes too long to read; its process is ended")
                with contextlib.suppress(ProcessLookupError):
                    self._transport.kill()

    async def close(self) -> None:
        self._closed = True
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)
        if self._starting is not None:
            await asyncio.gather(self._starting, return_exceptions=True)
        if self._transport is not None and self._pipes is not None:
            transport = self._transport
            with contextlib.suppress(ProcessLookupError):
                transport.kill()
            await self._pipes.ended.wait()
        self._fail_all("the readers are closed")


class _Pipes(asyncio.SubprocessProtocol):
    """Cuts what the child writes into answers, without a task for each."""

    def __init__(self, child: _Child) -> None:
        self._child = child
        self._buffer = bytearray()
        self.ended = asyncio.Event()
        self._open = 2  # the answers' pipe, and the process

    def connection_made(self, made: asyncio.BaseTransport) -> None:
        transport = cast(asyncio.SubprocessTransport, made)  # uvloop's is none by name
        for number in (0, 1):
            with contextlib.suppress(OSError, AttributeError):  # narrower pipes work too
                _widen(transport.get_pipe_transport(number).get_extra_info("pipe").fileno())  # type: ignore[union-attr]
        asks = cast(asyncio.WriteTransport, transport.get_pipe_transport(0))
        asks.set_write_buffer_limits(high=2 * AHEAD)  # bounded by AHEAD before it comes here

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        buffer = self._buffer
        buffer += data
        at = 0
        while len(buffer) - at >= _HEAD.size:
            (size,) = _HEAD.unpack_from(buffer, at)
            end = at + _HEAD.size + size
            if len(buffer) < end:
                break
            kind = bytes(buffer[at + _HEAD.size : at + _HEAD.size + 1])
            body = bytes(memoryview(buffer)[at + _HEAD.size + 1 : end])
            at = end
            self._child.answered(kind, body)
        if at:
            del buffer[:at]

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        if fd == 1:
            self._ended()

    def process_exited(self) -> None:
        self._ended()

    def _ended(self) -> None:
        # Only when both have come is every answer read that the child still gave.
        self._open -= 1
        if self._open == 0:
            self.ended.set()
            self._child.died()


def _widen(pipe: int) -> None:
    import fcntl  # noqa: PLC0415 - not on every system

    fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE)


def _state(pid: int) -> tuple[bool, float]:
    """Whether a process runs or would if it were let, and its user and system time in seconds (proc(5), stat).

    False and 0 where the system does not tell: then the clock on the wall decides.
    """
    try:
        fields = (
            Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
        )
        return fields[0] == "R", (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError):
        return False, 0.0


# --- The child ----------------------------------------------------------------------------------------------


class _TooSlow(BaseException):
    """Raised in the middle of a reader. Not an Exception, so that none of its handlers takes it for its own."""


_reading = False


def serve(memory: int = MEMORY, cpu_soft: float = CPU_SOFT) -> None:
    """Read requests until the parent closes the pipe. `memory`: bytes of address space; `cpu_soft`: seconds for each."""
    answers = os.dup(1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what a library prints is not an answer
    _confine(memory)
    signal.signal(signal.SIGPROF, _on_cpu_limit)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent
    functions: dict[str, Callable[..., Any]] = {}
    buffer = bytearray()
    while True:
        while len(buffer) < _HEAD.size:
            if not _more(buffer):
                return
        (size,) = _HEAD.unpack_from(buffer)
        end = _HEAD.size + size
        while len(buffer) < end:
            if not _more(buffer):
                return
        with memoryview(buffer) as view:
            name, arguments = msgspec.msgpack.decode(view[_HEAD.size : end])
        del buffer[:end]
        kind, body = _answer(functions, name, arguments, cpu_soft)
        _write(answers, _HEAD.pack(len(body) + 1) + kind + body)


def _answer(
    functions: dict[str, Callable[..., Any]], name: str, arguments: Sequence[Any], cpu_soft: float
) -> tuple[bytes, bytes]:
    global _reading  # noqa: PLW0603 - what the signal handler looks at
    try:
        function = functions.get(name)
        if function is None:
            module, _, inside = name.partition(":")
            function = functions[name] = getattr(importlib.import_module(module), inside)
        try:
            _reading = True
            signal.setitimer(signal.ITIMER_PROF, cpu_soft, cpu_soft / 2)
            answer = function(*arguments)
        finally:
            _reading = False
            signal.setitimer(signal.ITIMER_PROF, 0)
        return _DONE, _pack(answer)
    except _TooSlow:
        return _UNREADABLE, f"reading it took more than {cpu_soft:g} s".encode()
    except MemoryError:
        ceiling = resource.getrlimit(resource.RLIMIT_AS)[0]
        return _UNREADABLE, f"reading it took more than {ceiling // 2**20} MiB".encode()
    except RecursionError:
        return _UNREADABLE, b"it is nested too deeply"
    except ValueError as error:
        return _UNREADABLE, str(error)[:2000].encode("utf-8", "replace")
    except Exception as error:
        return _FAILED, f"{type(error).__name__}: {error}"[:2000].encode("utf-8", "replace")


def _on_cpu_limit(_signal: int, _frame: object) -> None:
    if _reading:
        raise _TooSlow


def _more(buffer: bytearray) -> bool:
    part = os.read(0, _PIPE)
    buffer += part
    return bool(part)


def _write(pipe: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(pipe, view) :]


def _confine(memory: int) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))  # it writes no file
    with contextlib.suppress(OSError, AttributeError):  # Linux only; elsewhere the closed pipe ends us
        library = ctypes.CDLL(None, use_errno=True)
        library.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        library.unshare(_CLONE_NEWUSER | _CLONE_NEWNET)  # where it is allowed: no network at all


if __name__ == "__main__":
    serve(int(sys.argv[1]), float(sys.argv[2]))
