"""How do we talk with an IMAP server that may say anything? imapclient, with a lid on what it reads.

imaplib believes every announced length and reads for ever; imapclient's `idle_check` gives an empty answer at once,
again and again, when the server has gone. Here reading is ours: bounded, and it is known what has come already.
"""

from __future__ import annotations

import contextlib
import imaplib
import select
import socket
import ssl
from collections.abc import Sequence
from typing import Any

from imapclient import IMAPClient, imap4, tls
from imapclient.exceptions import IMAPClientAbortError, IMAPClientError

CONNECT_TIMEOUT = 20.0  # seconds
TIMEOUT = 60.0  # seconds for each read of an answer
BEFORE_LOG_IN = 1024 * 1024  # bytes
PIECE = 256 * 1024  # bytes

# A connection that was cut without a word, as by a router that forgot it, is noticed after 2 minutes.
_KEEP_ALIVE = (("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 15), ("TCP_KEEPCNT", 4))


class NoServer(IMAPClientError):
    """What answers does not greet as an IMAP server does (RFC 3501, 7.1)."""


class NoFolder(IMAPClientError):
    """A mailbox does not open the folder that is asked for. `there`: those that it names."""

    def __init__(self, said: str, *, there: Sequence[str]) -> None:
        super().__init__(said)
        self.there = there


class Connection(IMAPClient):
    """A connection to one server. Raises IMAPClientError, OSError, and ValueError for answers that are none."""

    def __init__(self, host: str, port: int, *, encryption: str) -> None:
        """`encryption`: none, starttls or tls; required when asked for. The certificate must be for this host."""
        context = ssl.create_default_context() if encryption != "none" else None
        try:
            super().__init__(
                host,
                port=port,
                ssl=encryption == "tls",
                ssl_context=context,
                timeout=CONNECT_TIMEOUT,
                use_uid=True,
            )
        except IMAPClientError as error:
            if "b'" in str(error) and "b'*" not in str(error):  # its greeting, as imaplib shows it
                raise NoServer(str(error)) from error
            raise
        self.normalise_times = False  # aware, as the server wrote it
        try:
            if encryption == "starttls":
                self.starttls(context)
            _keep_alive(self.socket())
            self.socket().settimeout(TIMEOUT)
        except BaseException:
            self.shutdown()
            raise

    def open(self, folder: str, *, readonly: bool = False) -> dict[bytes, Any]:
        """SELECT or EXAMINE (RFC 3501 6.3.1). Raises NoFolder."""
        try:
            found: dict[bytes, Any] = self.select_folder(folder, readonly=readonly)
        except IMAPClientAbortError:
            raise
        except IMAPClientError as error:
            raise NoFolder(str(error), there=self._folders()) from error
        return found

    def _folders(self) -> list[str]:
        with contextlib.suppress(IMAPClientError, ValueError):
            return [str(name) for flags, _, name in self.list_folders() if rb"\Noselect" not in flags]
        return []

    def allow(self, size: int) -> None:
        """What the server may say from now on, in bytes; more ends the connection."""
        self._imap.left = size

    def news(self) -> bool:
        """Has the server told of new messages since this was last asked?"""
        return bool(self._imap.response("EXISTS")[1] != [None])

    def wait_for_news(self, seconds: float) -> None:
        """IDLE (RFC 2177) until the server says anything, has gone, or the time is over. The socket may be cut meanwhile."""
        self.idle()
        if not self._imap.buffered:
            poll = select.poll()
            poll.register(self.socket(), select.POLLIN)
            poll.poll(seconds * 1000)
        self.idle_done()

    def cut(self) -> None:
        """End it at once, from another thread: whoever reads or waits here fails."""
        with contextlib.suppress(OSError):
            self.socket().shutdown(socket.SHUT_RDWR)

    def _create_IMAP4(self) -> Any:  # noqa: N802 - imapclient's name
        if self.ssl:
            return _Encrypted(self.host, self.port, self.ssl_context, CONNECT_TIMEOUT)
        return _Plain(self.host, self.port, CONNECT_TIMEOUT)


class _Bounded:
    """How the bytes of a connection are read; over imaplib's own way."""

    sock: socket.socket
    left = BEFORE_LOG_IN
    _came = bytearray()
    _from: Any = None

    @property
    def buffered(self) -> bool:
        """Is something here that was not looked at?"""
        pending = getattr(self.sock, "pending", None)
        return bool(self._came) or (pending is not None and pending() > 0)

    def read(self, size: int) -> bytes:
        """The next bytes."""
        while len(self._came) < size:
            self._more()
        return self._taken(size)

    def readline(self) -> bytes:
        """The next line."""
        searched = 0
        while (end := self._came.find(b"\n", searched)) < 0:
            searched = len(self._came)
            self._more()
        return self._taken(end + 1)

    def _taken(self, size: int) -> bytes:
        taken = bytes(memoryview(self._came)[:size])
        del self._came[:size]
        return taken

    def _more(self) -> None:
        if self._from is not self.sock:  # what was said before the encryption began counts for nothing
            self._from, self._came = self.sock, bytearray()
        piece = self.sock.recv(PIECE)
        if not piece:
            raise imaplib.IMAP4.abort("the server closed the connection")
        self.left -= len(piece)
        if self.left < 0:
            raise imaplib.IMAP4.abort("the server says more than it was asked for")
        self._came += piece


class _Plain(_Bounded, imap4.IMAP4WithTimeout):
    pass


class _Encrypted(_Bounded, tls.IMAP4_TLS):
    pass


def _keep_alive(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _KEEP_ALIVE:
        if hasattr(socket, name):  # they have other names elsewhere
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
