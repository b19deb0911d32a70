"""How does mail reach the hub in whole days, and leave it? Customers who insist, a ledger of every 250, a relay."""

from __future__ import annotations

import asyncio
import itertools
import queue
import smtplib
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any, Self, cast

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP

from core.desk.alert_sources import OWN
from tests.days.hubs import PATIENCE, free_port, until

SUPPORT = "support@desk.test"
PAUSE = 0.05  # seconds before somebody who was refused tries again


def mail(
    sender: str, subject: str, text: str = "It does not work.", *, to: str = SUPPORT, **headers: str
) -> bytes:
    """A plain mail; header names with _ for -."""
    made = EmailMessage(policy=policy.SMTP)
    made["From"], made["To"], made["Subject"] = sender, to, subject
    for name, value in headers.items():
        made[name.replace("_", "-")] = value
    made.set_content(text)
    return made.as_bytes()


def post(port: int, raw: bytes, *, sender: str = "alice@acme.test", to: str = SUPPORT) -> tuple[int, str]:
    """Hand one mail in; the answer to DATA, or to whatever was refused before."""
    with smtplib.SMTP("127.0.0.1", port, timeout=PATIENCE) as smtp:
        smtp.ehlo("client.test")
        options = [] if sender.isascii() else ["SMTPUTF8"]
        for code, text in (smtp.mail(sender, options), smtp.rcpt(to)):
            if code != 250:
                return code, text.decode()
        code, text = smtp.data(raw)
        return code, text.decode()


class Customers:
    """Several people who write one mail after the other, each insisting until it is taken, to any of the ports.

    `ledger` holds the subject of every mail that was answered with 250, in order; `answers` counts what came instead.
    """

    def __init__(self, ports: Sequence[int], *, people: int = 4, pause: float = 0.005) -> None:
        self.ledger: list[str] = []
        self.answers: Counter[str] = Counter()
        self.resent = 0
        self._ports = ports
        self._pause = pause
        self._taken = threading.Condition()
        self._enough = threading.Event()
        self._give_up = threading.Event()
        self._people = [
            threading.Thread(target=self._write, args=(n,), name=f"customer-{n}", daemon=True)
            for n in range(people)
        ]

    def __enter__(self) -> Self:
        for one in self._people:
            one.start()
        return self

    def __exit__(self, failure: object, *_: object) -> None:
        if failure is not None:  # nobody insists on a hub that the test has given up
            self._give_up.set()
        self.finish()

    def wait_for(self, more: int) -> None:
        """Until so many more mails were taken."""
        with self._taken:
            wanted = len(self.ledger) + more
            assert self._taken.wait_for(lambda: len(self.ledger) >= wanted, PATIENCE), self.answers

    def refused(self, code: str) -> Callable[[], bool]:
        """Whether somebody had this answer."""
        return lambda: self.answers[code] > 0

    def finish(self) -> None:
        """No new mail; what is in hand is tried until it is taken."""
        self._enough.set()
        end = time.monotonic() + PATIENCE
        for one in self._people:
            one.join(timeout=max(0.0, end - time.monotonic()))
        self._give_up.set()
        for one in self._people:
            one.join(timeout=1.0)

    def _write(self, person: int) -> None:
        ports = itertools.cycle(
            self._ports[person % len(self._ports) :] + self._ports[: person % len(self._ports)]
        )
        smtp: smtplib.SMTP | None = None
        for n in itertools.count():
            if self._enough.is_set():
                break
            subject = f"Mail {person}-{n} of {id(self)}"
            sender = f"p{person}-{n}-{id(self)}@acme.test"
            raw = mail(sender, subject, Message_ID=f"<{person}.{n}.{id(self)}@acme.test>")
            tries = 0
            while not self._give_up.is_set():
                answer, smtp = self._try(smtp, ports, sender, raw)
                if answer == "250":
                    with self._taken:
                        self.ledger.append(subject)
                        self._taken.notify_all()
                    break
                tries += 1
                self.answers[answer] += 1
                time.sleep(PAUSE)
            self.resent += tries > 0
            time.sleep(self._pause)
        if smtp is not None:
            smtp.close()

    def _try(
        self, smtp: smtplib.SMTP | None, ports: Iterator[int], sender: str, raw: bytes
    ) -> tuple[str, smtplib.SMTP | None]:
        try:
            if smtp is None:
                smtp = smtplib.SMTP("127.0.0.1", next(ports), timeout=PATIENCE)
            smtp.sendmail(sender, [SUPPORT], raw)
        except smtplib.SMTPResponseException as error:
            return str(error.smtp_code), smtp
        except smtplib.SMTPRecipientsRefused as error:
            ((code, _),) = error.recipients.values()
            return str(code), smtp
        except (OSError, smtplib.SMTPException):
            if smtp is not None:
                smtp.close()
            return "gone", None
        return "250", smtp


# --- The way out --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Received:
    """One mail that the relay took."""

    sender: str
    recipient: str
    mail: EmailMessage

    @property
    def text(self) -> str:
        """Its plain text."""
        body = self.mail.get_body(("plain",))
        assert body is not None
        return str(cast(EmailMessage, body).get_content())

    def header(self, name: str) -> str:
        """One header, unfolded; empty where there is none."""
        return str(self.mail[name] or "").strip()


class Relay:
    """The provider's mail server: takes everything, and shows it. While it is `silent` it says to nobody that it did."""

    def __init__(self) -> None:
        self.port = free_port()
        self.silent = False
        self.talks = 0
        """Connections that are open."""
        self.all: list[Received] = []
        self._new: queue.SimpleQueue[Received] = queue.SimpleQueue()

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        """aiosmtpd's hook."""
        read = cast(EmailMessage, message_from_bytes(envelope.content, policy=policy.default))
        for recipient in envelope.rcpt_tos:
            one = Received(envelope.mail_from, recipient, read)
            self.all.append(one)
            self._new.put(one)
        while self.silent:  # noqa: ASYNC110 - it is another thread that ends it
            await asyncio.sleep(PAUSE)
        return "250 taken"

    def next(self, recipient: str) -> Received:
        """The next mail; it must be for them."""
        one = self._new.get(timeout=PATIENCE)
        assert one.recipient == recipient, f"{one.recipient}: {one.header('Subject')}"
        return one

    def none_waits(self) -> bool:
        """Nothing came that nobody asked for."""
        return self._new.empty()


class _Talk(SMTP):
    event_handler: Relay

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.event_handler.talks += 1
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        super().connection_lost(error)
        self.event_handler.talks -= 1


class _Relaying(Controller):
    def factory(self) -> SMTP:
        return _Talk(self.handler, **self.SMTP_kwargs)


@contextmanager
def relaying(*, beyond_ascii: bool = True) -> Iterator[Relay]:
    """A relay on loopback. `beyond_ascii`: it offers SMTPUTF8."""
    relay = Relay()
    controller = _Relaying(relay, hostname="127.0.0.1", port=relay.port, enable_SMTPUTF8=beyond_ascii)
    controller.start()
    try:
        yield relay
    finally:
        controller.stop()


# --- The books ----------------------------------------------------------------------------------------------


def understood(api: Any) -> list[Any]:
    """Everything that arrived, once nothing waits any more; not the heartbeats that a hub sends itself when the day is long."""

    def settled() -> list[Any] | None:
        items = [item for item in api.all("/inbound") if item["sender"] != OWN]
        return items if items and all(item["outcome"] for item in items) else None

    found: list[Any] = until(settled, "not everything was understood")
    return found


def each_once(api: Any, ledger: Sequence[str]) -> list[Any]:
    """Every mail of the ledger is exactly one visible item with a ticket of its own; returns all items."""
    items = understood(api)
    counted = Counter(item["subject"] for item in items)
    assert Counter(ledger).most_common(1)[0][1] == 1
    assert {subject: counted[subject] for subject in ledger if counted[subject] != 1} == {}
    others = [item for item in items if item["outcome"] != "ticket"]
    assert not others, others
    tickets = Counter(item["ticket"] for item in items)
    assert [number for number, count in tickets.items() if count > 1] == []
    return items
