"""How does mail come in from a mailbox? IMAP4rev1 with IDLE (RFC 3501, RFC 2177), on a thread of its own.

A message is marked as seen only after it is on disk; `BODY.PEEK[]` reads it without marking. Its external id is the
mailbox, UIDVALIDITY and UID, so reading it again is no second message.
"""

from __future__ import annotations

import asyncio
import ssl
import threading
import time
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from imapclient import SEEN, IMAPClient
from imapclient.exceptions import IMAPClientError

from core.channel import Door, Unavailable
from core.envelope import Arrival
from core.log import get_logger

IDLE_SLICE = 5.0  # seconds: how soon a stop is noticed
IDLE_AT_MOST = 29 * 60.0  # seconds: RFC 2177 asks for a new IDLE before the server's half hour
POLL = 60.0  # seconds between looks where the server cannot IDLE
TIMEOUT = 60.0  # seconds for each command
STORE_TIMEOUT = 60.0  # seconds to wait for the door
FIRST_WAIT = 5.0  # seconds after a failure, doubled up to LAST_WAIT
LAST_WAIT = 300.0
FETCH_AT_ONCE = 20  # messages

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

    @property
    def name(self) -> str:
        """What its lease and its messages are called."""
        return f"{self.user}@{self.host}/{self.folder}"

    async def watch(self, door: Door) -> None:
        """Take messages in until cancelled. Failures are waited out here: other mailboxes go on."""
        async with door.lease(f"mailbox:{self.name}"):
            stop = threading.Event()
            loop = asyncio.get_running_loop()
            ended: asyncio.Future[None] = loop.create_future()
            thread = threading.Thread(
                target=self._run, args=(door, loop, stop, ended), name=f"imap-{self.user}", daemon=True
            )
            thread.start()
            try:
                await ended
            finally:
                stop.set()

    def _run(
        self, door: Door, loop: asyncio.AbstractEventLoop, stop: threading.Event, ended: asyncio.Future[None]
    ) -> None:
        wait = FIRST_WAIT
        try:
            while not stop.is_set():
                try:
                    with self._connect() as server:
                        wait = FIRST_WAIT
                        self._serve(server, door, loop, stop)
                except (IMAPClientError, OSError, Unavailable, TimeoutError) as error:
                    log.warning("mailbox not readable", mailbox=self.name, error=str(error), retry_in=wait)
                    stop.wait(wait)
                    wait = min(wait * 2, LAST_WAIT)
        except BaseException as error:
            log.exception("mailbox reader stopped", mailbox=self.name)
            loop.call_soon_threadsafe(_fail, ended, error)
        else:
            loop.call_soon_threadsafe(_end, ended)

    def _connect(self) -> IMAPClient:
        context = ssl.create_default_context() if self.tls != "none" else None
        server = IMAPClient(
            self.host,
            port=self.port,
            ssl=self.tls == "tls",
            ssl_context=context,
            timeout=TIMEOUT,
            use_uid=True,
        )
        if self.tls == "starttls":
            server.starttls(context)
        server.login(self.user, self.password)
        return server

    def _serve(
        self, server: IMAPClient, door: Door, loop: asyncio.AbstractEventLoop, stop: threading.Event
    ) -> None:
        selected = server.select_folder(self.folder)
        validity = selected[b"UIDVALIDITY"]
        idles = server.has_capability("IDLE")
        too_large: set[int] = set()
        while not stop.is_set():
            fresh = [uid for uid in server.search(["UNSEEN"]) if uid not in too_large]
            for start in range(0, len(fresh), FETCH_AT_ONCE):
                if stop.is_set():
                    return
                self._take(server, fresh[start : start + FETCH_AT_ONCE], validity, door, loop, too_large)
            if fresh:
                continue  # more may have come while these were stored
            if idles:
                self._idle(server, stop)
            else:
                stop.wait(POLL)
                server.noop()

    def _take(
        self,
        server: IMAPClient,
        uids: list[int],
        validity: int,
        door: Door,
        loop: asyncio.AbstractEventLoop,
        too_large: set[int],
    ) -> None:
        sizes = server.fetch(uids, ["RFC822.SIZE"])
        for uid in uids:
            if uid not in sizes:
                continue  # somebody moved it meanwhile
            if sizes[uid][b"RFC822.SIZE"] > self.max_size:
                too_large.add(uid)
                log.error(
                    "a message is larger than the limit and stays in the mailbox", mailbox=self.name, uid=uid
                )
                continue
            answer: dict[Any, Any] = server.fetch([uid], ["BODY.PEEK[]", "INTERNALDATE"]).get(uid, {})
            raw = answer.get(b"BODY[]")
            if raw is None:
                continue
            arrival = Arrival(
                channel="email",
                raw=raw,
                received_at=_aware(answer.get(b"INTERNALDATE")),
                external_id=f"{self.name}/{validity}/{uid}",
                envelope={"protocol": "IMAP", "mailbox": self.name, "uid": uid},
            )
            stored: Future[str] = asyncio.run_coroutine_threadsafe(door.accept(arrival), loop)
            stored.result(timeout=STORE_TIMEOUT)
            server.add_flags([uid], [SEEN], silent=True)

    def _idle(self, server: IMAPClient, stop: threading.Event) -> None:
        server.idle()
        try:
            until = time.monotonic() + IDLE_AT_MOST
            while not stop.is_set() and time.monotonic() < until:
                if any(b"EXISTS" in line for line in server.idle_check(timeout=IDLE_SLICE)):
                    return
        finally:
            server.idle_done()


def _aware(internal: datetime | None) -> datetime:
    # imapclient gives INTERNALDATE in local time without a zone; a message from the future came just now.
    now = datetime.now(UTC)
    if internal is None:
        return now
    return min(internal.astimezone(UTC), now)


def _end(ended: asyncio.Future[None]) -> None:
    if not ended.done():
        ended.set_result(None)


def _fail(ended: asyncio.Future[None], error: BaseException) -> None:
    if not ended.done():
        ended.set_exception(error)
