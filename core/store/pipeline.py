"""How do many statements cross to PostgreSQL at once? Sent as they come, answered when somebody asks (libpq's pipeline mode).

What changes rows is sent and not waited for; a question sends what is still under way and waits for its own answer. So
a transaction costs as many round trips as it asks questions, and one for its commit. An error shows at the next
question or at the commit, and undoes everything, as it would have at once.
https://www.postgresql.org/docs/15/libpq-pipeline-mode.html
"""

from __future__ import annotations

import contextlib
import select
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import errors, pq

if TYPE_CHECKING:
    from psycopg.pq.abc import PGconn, PGresult

AHEAD = 200  # statements under way before their answers are read: both sides' buffers are finite
PREPARED = 2_000  # statements kept prepared on one connection; then all are forgotten

_DONE = (pq.ExecStatus.COMMAND_OK, pq.ExecStatus.TUPLES_OK, pq.ExecStatus.SINGLE_TUPLE)
_READ_ONLY = b"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"

Parameters = tuple[Sequence[bytes | None], Sequence[int]]
"""Values as the protocol has them, and the format of each: 0 text, 1 binary."""


class _Sent:
    """A statement under way, and what is to be done with its answer."""

    __slots__ = ("answer", "must", "prepares")

    def __init__(self, prepares: str = "", must: Exception | None = None) -> None:
        self.prepares = prepares
        """The text that it prepares, or nothing."""
        self.must = must
        """What it means if it touched no row, where that is a failure."""
        self.answer: PGresult | None = None


_PLAIN = _Sent()
"""One whose answer says nothing."""


class Pipeline:
    """One connection's. Belongs to one thread."""

    def __init__(self, raw: psycopg.Connection[Any]) -> None:
        self._pg: PGconn = raw.pgconn
        self._pg.nonblocking = 1
        self._readable = select.poll()
        self._readable.register(self._pg.socket, select.POLLIN)
        self._names: dict[str, bytes] = {}
        self._under_way: deque[_Sent] = deque()
        """In the order of sending."""
        self._pushed = False
        """Whether the server was told to answer all of them."""
        self._foreseen: dict[tuple[str, Any], _Sent] = {}
        self._missed: Exception | None = None
        self._musts = 0
        self._told = False
        self.heard = False
        """Whether the server said anything since the transaction began."""

    # --- Transactions ---------------------------------------------------------------------------------------

    def begin(self, *, writes: bool) -> None:
        """Begin a transaction; told with its first question. Raises where the server has hung up meanwhile."""
        while self._readable.poll(0):
            self._pg.consume_input()
        self._enter()
        self._told = self.heard = False
        self._foreseen.clear()
        self._missed, self._musts = None, 0
        self._send(b"BEGIN" if writes else _READ_ONLY)

    def commit(self) -> None:
        """End it. Raises what any of its statements, or the commit itself, came to."""
        self._enter()
        self._send(b"COMMIT")
        self._settle()

    def end(self) -> None:
        """End a transaction that only asked, and wait for nothing. What was told in it is refused as at the commit."""
        if self._told:
            self.commit()
            return
        self._send(b"COMMIT")
        if self._pg.flush():
            self._push()

    def rollback(self) -> None:
        """Take everything back; errors that are still under way are part of that."""
        self._enter()
        self._settle(raises=False)
        if self._pg.transaction_status != pq.TransactionStatus.IDLE:
            self._send(b"ROLLBACK")
            self._settle()

    def leave(self) -> None:
        """Let somebody else use the connection, who does not know of pipelines; the transaction goes on."""
        if self._pg.pipeline_status != pq.PipelineStatus.OFF:
            self._settle()
            self._pg.exit_pipeline_mode()

    # --- Statements -----------------------------------------------------------------------------------------

    def tell(self, text: str, parameters: Parameters, *, must: Exception | None = None) -> None:
        """Send a statement whose answer nobody waits for. `must`: what it means if it touches no row, see `check`."""
        self._enter()
        self._told = True
        sent = _PLAIN
        if must is not None:
            self._musts += 1
            sent = _Sent(must=must)
        self._execute(text, parameters, sent)
        if len(self._under_way) > AHEAD:
            self._flush()
            while len(self._under_way) > AHEAD // 2:
                self._take()

    def check(self) -> None:
        """Raise what a statement that had to touch a row, and did not, means."""
        if self._musts:
            self._flush()
            while self._under_way:
                self._take()
            self._musts = 0
        if self._missed is not None:
            raise self._missed

    def foresee(self, text: str, parameters: Parameters) -> None:
        """Send a statement whose answer `ask` will be asked for, in the same words."""
        self._enter()
        self._foreseen[text, parameters[0]] = sent = _Sent()
        self._execute(text, parameters, sent)

    def ask(self, text: str, parameters: Parameters) -> PGresult:
        """Send a statement, unless that was done before, and wait for its answer."""
        sent = self._foreseen.pop((text, parameters[0]), None) if self._foreseen else None
        if sent is None:
            self._enter()
            sent = _Sent()
            self._execute(text, parameters, sent)
        while sent.answer is None:
            self._flush()
            self._take()
        return sent.answer

    def _enter(self) -> None:
        if self._pg.pipeline_status == pq.PipelineStatus.OFF:
            self._pg.enter_pipeline_mode()

    def _execute(self, text: str, parameters: Parameters, sent: _Sent) -> None:
        name = self._names.get(text)
        if name is None:
            if len(self._names) >= PREPARED:
                self._names.clear()
                self._send(b"DEALLOCATE ALL")
            name = self._names[text] = b"c%d" % len(self._names)
            self._pg.send_prepare(name, text.encode())
            self._under_way.append(_Sent(prepares=text))
        values, formats = parameters
        self._pg.send_query_prepared(name, values, formats)
        self._under_way.append(sent)
        self._pushed = False

    def _send(self, command: bytes) -> None:
        self._pg.send_query_params(command, None)
        self._under_way.append(_PLAIN)
        self._pushed = False

    def _flush(self) -> None:
        """Have everything answered that is under way."""
        if not self._pushed:
            self._pg.send_flush_request()
            if self._pg.flush():
                self._push()
            self._pushed = True

    def _settle(self, *, raises: bool = True) -> None:
        """Wait for everything that is under way. Raises the first error of it."""
        self._pg.pipeline_sync()
        if self._pg.flush():
            self._push()
        first: Exception | None = None
        while self._under_way:
            try:
                self._take()
            except psycopg.Error as error:
                first = first or error
                if self._pg.status == pq.ConnStatus.BAD:
                    self._under_way.clear()
                    raise
        self._next()  # that of the sync
        if first is not None and raises:
            raise first

    def _take(self) -> None:
        """The answer to the oldest statement under way. Raises what it came to."""
        result = self._next()
        sent = self._under_way.popleft()
        if result is None:
            message = "the server ended the connection"
            raise psycopg.OperationalError(message)
        answer = result
        while result is not None:  # each statement's answer ends with nothing
            answer, result = result, self._next()
        if answer.status not in _DONE:
            self._names.pop(sent.prepares, None)
            if answer.status == pq.ExecStatus.PIPELINE_ABORTED:
                message = "a statement before it failed"
                raise errors.InFailedSqlTransaction(message)
            raise _error(answer)
        self.heard = True
        if sent is not _PLAIN:
            sent.answer = answer
            if sent.must is not None and not answer.command_tuples:
                self._missed = self._missed or sent.must

    def _next(self) -> PGresult | None:
        pg = self._pg
        with contextlib.suppress(psycopg.OperationalError):  # what it said before it hung up comes first
            while pg.is_busy():
                self._readable.poll()
                pg.consume_input()
        return pg.get_result()

    def _push(self) -> None:
        """Send what the other side does not take at once, and take what it says meanwhile."""
        either = select.poll()
        either.register(self._pg.socket, select.POLLIN | select.POLLOUT)
        while self._pg.flush():
            if any(event & select.POLLIN for _, event in either.poll()):
                self._pg.consume_input()


def _error(answer: PGresult) -> psycopg.Error:
    error = errors.error_from_result(answer, encoding="utf-8")
    # What bears no code was not said by the server: its end was noticed by the library.
    return error if error.sqlstate else psycopg.OperationalError(str(error))
