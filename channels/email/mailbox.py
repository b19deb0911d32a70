"""How does mail come in from a mailbox? IMAP4rev1 with IDLE (RFC 3501, RFC 2177), on a thread of its own.

A message is marked as seen only after it is on disk; `BODY.PEEK[]` reads it without marking. Its external id is the
mailbox, UIDVALIDITY and UID, so reading it again is no second message.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import MutableMapping
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from imapclient import SEEN
from imapclient.exceptions import IMAPClientError, LoginError

from channels.email.imap import Connection
from core.channel import Door, Unavailable
from core.envelope import Arrival
from core.log import get_logger

IDLE_AT_MOST = 5 * 60.0  # seconds: RFC 2177 asks for less than 29 minutes; routers forget sooner
POLL = 60.0  # seconds between looks where the server cannot IDLE
STORE_TIMEOUT = 60.0  # seconds to wait for the door
LAST_WAIT = 300.0  # seconds between tries, at most
WRONG_LOG_IN = 60.0  # seconds at least, so that the account is not locked by us
END_WITHIN = 5.0  # seconds for the thread to end
FETCH_AT_ONCE = 20  # messages
SMALL_TALK = 16 * 1024 * 1024  # bytes of an answer beside the message itself: a million numbers, say

log = get_logger("imap")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mailbox:
    """One folder of one account."""

    host: str
    port: int
    user: str
    password: str
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

    async def watch(self, door: Door, down: MutableMapping[str, str] | None = None) -> None:
        """Take messages in until cancelled. Failures are waited out here: other mailboxes go on.

        `down`: why it cannot be read at the moment, by its name; here only as long as it is ours to read.
        """
        down = {} if down is None else down
        while True:
            try:
                async with door.lease(f"mailbox:{self.name}"):
                    await _Watch(self, door, down).run()
            except Exception as error:  # the lease was lost, or could not be asked for
                log.warning("mailbox left for now", mailbox=self.name, error=str(error))
            finally:
                down.pop(self.name, None)
            await asyncio.sleep(self.first_wait)


class _Watch:
    """One thread that watches one mailbox, as long as the lease is ours."""

    def __init__(self, mailbox: Mailbox, door: Door, down: MutableMapping[str, str]) -> None:
        self._mailbox = mailbox
        self._door = door
        self._down = down
        self._loop = asyncio.get_running_loop()
        self._stop = threading.Event()
        self._server: Connection | None = None
        self._wait = mailbox.first_wait
        self._served = False
        self._looked_at: set[int] = set()
        """UIDs that need not be looked at again on this connection: stored, too large, or unreadable."""

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
                    self._server.login(mailbox.user, mailbox.password)
                    self._serve(self._server)
        except (IMAPClientError, OSError, Unavailable) as error:
            if not self._stop.is_set():
                wait = max(wait, WRONG_LOG_IN) if isinstance(error, LoginError) else wait
                self._fails(str(error))
                log.warning("mailbox not readable", mailbox=mailbox.name, error=str(error), retry_in=wait)
        except Exception as error:  # whatever a server may say: the mailbox is tried again
            self._fails(f"{type(error).__name__}: {error}")
            log.exception("mailbox not readable", mailbox=mailbox.name, retry_in=wait)
        self._server = None
        self._wait = min(self._wait * 2, LAST_WAIT)
        return wait

    def _fails(self, why: str) -> None:
        """A connection that only ended is made again in a moment; one that cannot be made is told."""
        if not self._served and not self._stop.is_set():
            self._down[self._mailbox.name] = why

    def _serve(self, server: Connection) -> None:
        server.allow(SMALL_TALK)
        selected = server.select_folder(self._mailbox.folder)
        if selected.get(b"READ-ONLY"):
            log.error(
                "nothing can be marked in this mailbox: it may only be read", mailbox=self._mailbox.name
            )
        self._served = True
        self._down.pop(self._mailbox.name, None)
        validity = selected[b"UIDVALIDITY"]
        idles = server.has_capability("IDLE")
        self._looked_at = set()
        while not self._stop.is_set():
            server.allow(SMALL_TALK)
            server.news()
            fresh = [uid for uid in server.search(["UNSEEN"]) if uid not in self._looked_at]
            for start in range(0, len(fresh), FETCH_AT_ONCE):
                self._take(server, fresh[start : start + FETCH_AT_ONCE], validity)
                if self._stop.is_set():
                    return
            self._wait = self._mailbox.first_wait
            if fresh or server.news():
                continue  # more came while we looked
            if idles:
                server.wait_for_news(IDLE_AT_MOST)
            else:
                self._stop.wait(POLL)

    def _take(self, server: Connection, uids: list[int], validity: int) -> None:
        server.allow(SMALL_TALK)
        sizes = server.fetch(uids, ["RFC822.SIZE"])
        for uid in uids:
            if self._stop.is_set():
                return
            self._looked_at.add(uid)
            size = sizes.get(uid, {}).get(b"RFC822.SIZE")
            if size is None:
                continue  # somebody moved it meanwhile
            if size > self._mailbox.max_size:
                self._leave(uid, "it is larger than the limit")
                continue
            server.allow(self._mailbox.max_size + SMALL_TALK)
            try:
                answer = server.fetch([uid], ["BODY.PEEK[]", "INTERNALDATE"]).get(uid, {})
            except ValueError as error:  # of the parser: the answer was read, and made no sense
                self._leave(uid, f"the server's answer cannot be read: {error}")
                continue
            raw = answer.get(b"BODY[]")
            if isinstance(raw, bytes) and self._stored(uid, raw, answer, validity):
                server.add_flags([uid], [SEEN], silent=True)

    def _stored(self, uid: int, raw: bytes, answer: dict[Any, Any], validity: int) -> bool:
        """Hand it in. Raises Unavailable, or TimeoutError, when it must be handed in again."""
        mailbox = self._mailbox
        arrival = Arrival(
            channel="email",
            raw=raw,
            received_at=_received(answer.get(b"INTERNALDATE")),
            external_id=f"{mailbox.name}/{validity}/{uid}",
            envelope={"protocol": "IMAP", "mailbox": mailbox.name, "uid": uid},
        )
        storing: Future[str] = asyncio.run_coroutine_threadsafe(self._door.accept(arrival), self._loop)
        try:
            storing.result(timeout=STORE_TIMEOUT)
        except (Unavailable, TimeoutError):
            raise
        except Exception as error:  # this message cannot be stored, the next one may
            log.exception("a message could not be stored", mailbox=mailbox.name, uid=uid)
            self._leave(uid, str(error))
            return False
        return True

    def _leave(self, uid: int, reason: str) -> None:
        """It stays in the mailbox, unmarked: somebody must look. It is tried again on the next connection."""
        log.error("a message stays in the mailbox", mailbox=self._mailbox.name, uid=uid, reason=reason)


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
