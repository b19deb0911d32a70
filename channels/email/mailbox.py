"""How does mail come in from a mailbox? IMAP4rev1 with IDLE (RFC 3501, RFC 2177), on a thread of its own.

A message is marked as seen only after it is on disk; `BODY.PEEK[]` reads it without marking. Its external id is the
mailbox, UIDVALIDITY and UID, so reading it again is no second message.
"""

from __future__ import annotations

import asyncio
import contextlib
import imaplib
import re
import threading
import time
from collections import Counter
from collections.abc import MutableMapping
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from imapclient import SEEN
from imapclient.exceptions import IMAPClientAbortError, IMAPClientError, LoginError

from channels.email import sasl
from channels.email.imap import Connection
from channels.email.troubles import Server
from core.channel import DeliveryError, Door, Unavailable
from core.envelope import Arrival
from core.log import get_logger

IDLE_AT_MOST = 5 * 60.0  # seconds: RFC 2177 asks for less than 29 minutes; routers forget sooner
POLL = 60.0  # seconds between looks where the server cannot IDLE
STORE_TIMEOUT = 60.0  # seconds to wait for the door
LAST_WAIT = 300.0  # seconds between tries, at most
WRONG_LOG_IN = 60.0  # seconds at least, so that the account is not locked by us
END_WITHIN = 5.0  # seconds for the thread to end
FETCH_AT_ONCE = 20  # messages
ENDS = 2  # times that a connection ends over a message, until it is left
NEVER = (0, 0.0)
ONCE_MORE = 3600.0  # seconds until such a one is asked for again
IN_VAIN = 3  # connections in a row that end before all is taken, until it is told
TRIED_WITHIN = 60.0  # seconds for a log-in that somebody waits for
SMALL_TALK = 16 * 1024 * 1024  # bytes of an answer beside the message itself: a million numbers, say
AUTHOR_WITHIN = 64 * 1024  # bytes from the beginning in which From is looked for

_FROM = re.compile(rb"^from[ \t]*:((?:[^\r\n]|\r?\n[ \t]){0,2000})", re.IGNORECASE | re.MULTILINE)
_ADDRESS = re.compile(rb"[^\s<>()\",;:]{1,100}@[^\s<>()\",;:]{1,255}")

log = get_logger("imap")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mailbox:
    """One folder of one account."""

    host: str
    port: int
    user: str
    password: str = ""
    tokens: sasl.Tokens | None = None
    """Where its server takes no password."""
    folder: str = "INBOX"
    tls: str = "tls"
    """none (loopback only, or a tunnel), starttls or tls."""
    max_size: int = 50 * 1024 * 1024
    """Bytes; a larger message is left where it is, and logged."""
    first_wait: float = 5.0
    """Seconds after a failure, doubled up to LAST_WAIT."""

    @property
    def name(self) -> str:
        """What its lease and its messages are called."""
        return f"{self.user}@{self.host}/{self.folder}"

    async def log_in(self) -> None:
        """Log in, look at the folder and leave, nothing marked. Raises DeliveryError: it cannot be read."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(TRIED_WITHIN):
                await asyncio.to_thread(self._look, loop)
        except (IMAPClientError, OSError, ValueError) as error:
            raise DeliveryError(self.told(error)) from error

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        with Connection(self.host, self.port, encryption=self.tls) as server:
            server.allow(SMALL_TALK)
            _log_in(self, server, loop)
            server.open(self.folder, readonly=True)

    def told(self, error: BaseException) -> str:
        """Why it cannot be read, and what to do."""
        if isinstance(error, Unavailable | sasl.LogInRefused):
            return str(error)
        at = Server(host=self.host, port=self.port, tls=self.tls, user=self.user, folder=self.folder)
        return at.told(error)

    async def watch(
        self,
        door: Door,
        down: MutableMapping[str, str] | None = None,
        left: MutableMapping[str, str] | None = None,
    ) -> None:
        """Take messages in until cancelled. Failures are waited out here: other mailboxes go on.

        `down`: why it cannot be read at the moment, by its name; `left`: why messages stay in it, and how many (`large:2
        refused:1`). Both only as long as it is ours to read.
        """
        down, left = {} if down is None else down, {} if left is None else left
        while True:
            try:
                async with door.lease(f"mailbox:{self.name}"):
                    await _Watch(self, door, down, left).run()
            except Exception as error:  # the lease was lost, or could not be asked for
                log.warning("mailbox left for now", mailbox=self.name, error=str(error))
            finally:
                down.pop(self.name, None)
                left.pop(self.name, None)
            await asyncio.sleep(self.first_wait)


class _Watch:
    """One thread that watches one mailbox, as long as the lease is ours."""

    def __init__(
        self, mailbox: Mailbox, door: Door, down: MutableMapping[str, str], left: MutableMapping[str, str]
    ) -> None:
        self._mailbox = mailbox
        self._door = door
        self._down, self._left = down, left
        self._loop = asyncio.get_running_loop()
        self._stop = threading.Event()
        self._server: Connection | None = None
        self._wait = mailbox.first_wait
        self._served = False
        self._in_vain = 0
        """Connections in a row that ended before all was taken."""
        self._looked_at: set[int] = set()
        """UIDs that need not be looked at again on this connection: stored, too large, or unreadable."""
        self._staying: dict[int, str] = {}
        """Of them, those that stay in the mailbox, and why."""
        self._ends: dict[int, tuple[int, float]] = {}
        """How often the connection ended over a UID, and when it was asked for last."""

    async def run(self) -> None:
        """Until cancelled; then what is being stored is stored, and the thread ends."""
        ended = self._loop.create_future()
        thread = threading.Thread(
            target=self._run, args=(ended,), name=f"imap-{self._mailbox.user}", daemon=True
        )
        thread.start()
        try:
            await asyncio.shield(ended)
        finally:
            self._stop.set()
            if self._server is not None:
                self._server.cut()
            await asyncio.wait([ended], timeout=END_WITHIN)

    def _run(self, ended: asyncio.Future[None]) -> None:
        try:
            while not self._stop.is_set():
                self._stop.wait(self._visit())
        finally:
            with contextlib.suppress(RuntimeError):  # the loop may be gone, when this took too long
                self._loop.call_soon_threadsafe(_end, ended)

    def _visit(self) -> float:
        """Connect and serve until something fails; how many seconds to wait then."""
        mailbox, wait = self._mailbox, self._wait
        self._served = False
        try:
            with Connection(mailbox.host, mailbox.port, encryption=mailbox.tls) as self._server:
                if not self._stop.is_set():
                    _log_in(mailbox, self._server, self._loop)
                    self._serve(self._server)
        except (IMAPClientError, OSError, Unavailable, sasl.LogInRefused) as error:
            if not self._stop.is_set():
                wrong = isinstance(error, LoginError | sasl.LogInRefused)
                wait = max(wait, WRONG_LOG_IN) if wrong else wait
                why = mailbox.told(error)
                self._fails(why)
                log.warning("mailbox not readable", mailbox=mailbox.name, error=why, retry_in=wait)
        except Exception as error:  # whatever a server may say: the mailbox is tried again
            self._fails(f"{type(error).__name__}: {error}")
            log.exception("mailbox not readable", mailbox=mailbox.name, retry_in=wait)
        self._server = None
        self._wait = min(self._wait * 2, LAST_WAIT)
        return wait

    def _fails(self, why: str) -> None:
        """A connection that only ended is made again in a moment; that none can be made, or that each ends before all was taken, is told."""
        self._in_vain += 1
        if (not self._served or self._in_vain >= IN_VAIN) and not self._stop.is_set():
            self._down[self._mailbox.name] = why

    def _serve(self, server: Connection) -> None:
        server.allow(SMALL_TALK)
        selected = server.open(self._mailbox.folder)
        if selected.get(b"READ-ONLY"):
            log.error(
                "nothing can be marked in this mailbox: it may only be read", mailbox=self._mailbox.name
            )
        self._served = True
        if self._in_vain < IN_VAIN:
            self._down.pop(self._mailbox.name, None)
        validity = selected[b"UIDVALIDITY"]
        idles = server.has_capability("IDLE")
        self._looked_at, self._staying = set(), {}
        while not self._stop.is_set():
            server.allow(SMALL_TALK)
            server.news()
            unseen = server.search(["UNSEEN"])
            fresh = [uid for uid in unseen if uid not in self._looked_at]
            # Last those over which a connection has ended.
            fresh.sort(key=lambda uid: self._ends.get(uid, NEVER)[0])
            for start in range(0, len(fresh), FETCH_AT_ONCE):
                self._take(server, fresh[start : start + FETCH_AT_ONCE], validity)
                if self._stop.is_set():
                    return
            # Only now: on a new connection all of them were looked at again.
            self._stay({uid: why for uid, why in self._staying.items() if uid in unseen})
            self._wait = self._mailbox.first_wait
            self._in_vain = 0
            self._down.pop(self._mailbox.name, None)
            if fresh or server.news():
                continue  # more came while we looked
            if idles:
                server.wait_for_news(IDLE_AT_MOST)
            else:
                self._stop.wait(POLL)

    def _take(self, server: Connection, uids: list[int], validity: int) -> None:
        sizes = self._sizes(server, uids)
        for uid in uids:
            if self._stop.is_set():
                return
            self._looked_at.add(uid)
            size = sizes.get(uid)
            if size is None:
                continue  # somebody moved it meanwhile, or it stays
            if size > self._mailbox.max_size:
                self._leave(uid, "large")
                continue
            answer = self._fetched(server, uid)
            if answer and self._stored(uid, answer, validity):
                try:
                    server.add_flags([uid], [SEEN], silent=True)
                except IMAPClientAbortError:
                    raise
                except IMAPClientError as error:
                    self._leave(uid, "unmarked", error)

    def _sizes(self, server: Connection, uids: list[int]) -> dict[int, int]:
        """Bytes of each that is still there. One that the server does not tell of keeps no other back."""
        server.allow(SMALL_TALK)
        try:
            told = server.fetch(uids, ["RFC822.SIZE"])
        except IMAPClientAbortError:
            raise
        except (IMAPClientError, ValueError) as error:
            if len(uids) > 1:
                return {uid: size for one in uids for uid, size in self._sizes(server, [one]).items()}
            self._leave(uids[0], "refused", error)
            return {}
        return {uid: one[b"RFC822.SIZE"] for uid, one in told.items() if b"RFC822.SIZE" in one}

    def _fetched(self, server: Connection, uid: int) -> dict[Any, Any]:
        """What the server gives for it, its bytes among that; empty: it was moved away, or stays where it is.

        A message with which the connection ends, time and again, does not keep those behind it from being read.
        """
        now, (times, last) = time.monotonic(), self._ends.get(uid, NEVER)
        if times >= ENDS and now < last + ONCE_MORE:
            self._leave(uid, "ends")
            return {}
        self._ends[uid] = times + 1, now
        server.allow(self._mailbox.max_size + SMALL_TALK)
        try:
            answer = server.fetch([uid], ["BODY.PEEK[]", "INTERNALDATE"]).get(uid)
        except IMAPClientAbortError:
            raise
        except IMAPClientError as error:  # NO or BAD: the server has it, and does not give it
            self._leave(uid, "refused", error)
            answer = None
        except ValueError as error:  # of the parser: the answer was read, and made no sense
            self._leave(uid, "unreadable", error)
            answer = None
        del self._ends[uid]
        if answer is not None and not isinstance(answer.get(b"BODY[]"), bytes):
            self._leave(uid, "empty")
            answer = None
        return answer or {}

    def _stored(self, uid: int, answer: dict[Any, Any], validity: int) -> bool:
        """Hand it in. Raises Unavailable when it must be handed in again."""
        mailbox = self._mailbox
        arrival = Arrival(
            channel="email",
            raw=answer[b"BODY[]"],
            received_at=_received(answer.get(b"INTERNALDATE")),
            sender=writer(answer[b"BODY[]"]),
            external_id=f"{mailbox.name}/{validity}/{uid}",
            envelope={"protocol": "IMAP", "mailbox": mailbox.name, "user": mailbox.user, "uid": uid},
        )
        storing: Future[str] = asyncio.run_coroutine_threadsafe(self._door.accept(arrival), self._loop)
        try:
            storing.result(timeout=STORE_TIMEOUT)
        except Unavailable:
            raise
        except TimeoutError:
            raise Unavailable(f"a message was not stored within {STORE_TIMEOUT:.0f} s") from None
        except Exception as error:  # this message cannot be stored, the next one may
            log.exception("a message could not be stored", mailbox=mailbox.name, uid=uid)
            self._leave(uid, "not_stored", error)
            return False
        return True

    def _leave(self, uid: int, reason: str, error: Exception | None = None) -> None:
        """It stays in the mailbox, unmarked: somebody must look. It is tried again on the next connection.

        `reason`: one that the notice `own_left` has words for; `error` is for the log alone, for it may hold what a stranger wrote.
        """
        log.error(
            "a message stays in the mailbox",
            mailbox=self._mailbox.name,
            uid=uid,
            reason=reason,
            error=str(error) if error is not None else None,
        )
        self._stay(self._staying | {uid: reason})

    def _stay(self, staying: dict[int, str]) -> None:
        self._staying = staying
        if staying:
            self._left[self._mailbox.name] = " ".join(
                f"{why}:{n}" for why, n in Counter(staying.values()).items()
            )
        else:
            self._left.pop(self._mailbox.name, None)


def _log_in(mailbox: Mailbox, server: Connection, loop: asyncio.AbstractEventLoop) -> None:
    """By password or token, on a thread beside this loop. Raises LoginError, sasl.LogInRefused, or what a connection does."""
    if mailbox.tokens is None:
        server.login(mailbox.user, mailbox.password)
        return
    token = _token(mailbox.tokens, loop)
    try:
        _show(mailbox, server, token)
    except sasl.LogInRefused:
        other = _token(mailbox.tokens, loop, but=token)
        if other == token:
            raise
        _show(mailbox, server, other)


def _token(tokens: sasl.Tokens, loop: asyncio.AbstractEventLoop, *, but: str = "") -> str:
    asking = asyncio.run_coroutine_threadsafe(tokens.current(but=but), loop)
    return asking.result(timeout=2 * sasl.WITHIN)  # somebody else may be asking already


def _show(mailbox: Mailbox, server: Connection, token: str) -> None:
    """AUTHENTICATE (RFC 3501 6.2.2) by what the server offers. Raises sasl.LogInRefused."""
    offered = [
        name.removeprefix(b"AUTH=").decode("ascii", "replace")
        for name in server.capabilities()
        if name.upper().startswith(b"AUTH=")
    ]
    mechanism = sasl.mechanism(offered, mailbox.host)
    bearer = sasl.Bearer(mechanism, mailbox.user, token, host=mailbox.host, port=mailbox.port)
    try:
        server.sasl_login(mechanism, bearer)
    except LoginError as error:
        if isinstance(error.__context__, imaplib.IMAP4.abort):
            raise error.__context__ from error  # the connection ended: nobody refused anything
        raise sasl.refused(mailbox.host, mailbox.user, str(error), bearer.reason) from error


def writer(raw: bytes) -> str:
    """Who stands in From, at a glance: mails of one author are understood in their order, and nobody else's waits for them.

    >>> writer(b"Subject: x\\nFrom: Ann\\n <Ann@cust.test>\\n\\nFrom: nobody@else.test\\n"), writer(b"Subject: x\\n\\n")
    ('ann@cust.test', '')
    """
    head = raw[:AUTHOR_WITHIN].replace(b"\r\n", b"\n").partition(b"\n\n")[0]
    field = _FROM.search(head)
    found = _ADDRESS.findall(field[1]) if field is not None else []
    return found[-1].decode("ascii", "replace").lower() if found else ""


def _received(internal: Any) -> datetime:
    """When the mailbox got it, as its server says; a message from the future came just now."""
    now = datetime.now(UTC)
    if not isinstance(internal, datetime) or internal.tzinfo is None:
        return now
    try:
        return min(internal.astimezone(UTC), now)
    except OverflowError:
        return now


def _end(ended: asyncio.Future[None]) -> None:
    if not ended.done():
        ended.set_result(None)
