"""What do these tests ask? One `main.py facts mail`, and one hub that runs, with a relay that keeps what leaves."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from html import unescape
from itertools import count
from pathlib import Path
from typing import Any

from tests.days.hubs import ROOT, Hub, ended, until
from tests.days.people import Api, Browser
from tests.days.posting import SUPPORT, Received, Relay, post, relaying

DESK = Path(__file__).with_name("desk.toml")
NEXT = count(1)


def a_mail(
    body: str | bytes = "It does not work.\n",
    /,
    *more: str,
    sender: str = "Mario Rossi <mario.rossi@acme.test>",
    subject: str = "",
    kind: str = "text/plain; charset=utf-8",
    id: str | None = None,  # noqa: A002 - the field is called so
    date: str = "Mon, 23 Nov 2026 09:15:00 +0100",
) -> bytes:
    """A mail of its own each time; `more` are whole header lines. An empty `id` or `date` leaves the field out."""
    n = next(NEXT)
    known = {
        "From": sender,
        "To": SUPPORT,
        "Subject": subject or f"Printer {n}",
        "Date": date,
        "Message-ID": f"<{n}.of.tests@acme.test>" if id is None else id,
        "MIME-Version": "1.0",
        "Content-Type": kind,
    }
    lines = [f"{name}: {value}" for name, value in known.items() if value]
    content = body if isinstance(body, bytes) else body.encode()
    return "\n".join([*lines, *more]).encode("utf-8", "surrogateescape") + b"\n\n" + content


def parts(*bodies: str, kind: str = "mixed", boundary: str = "b0") -> tuple[str, str]:
    """A multipart of these parts (header lines, empty line, content): its type and its body."""
    inner = "".join(f"--{boundary}\n{body}\n" for body in bodies)
    return f'multipart/{kind}; boundary="{boundary}"', f"{inner}--{boundary}--\n"


class Reader:
    """`main.py facts mail`, started once: one line in, one line out."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process = subprocess.Popen(
            [sys.executable, "main.py", "facts", "mail"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __call__(self, mail: bytes | Path) -> dict[str, Any]:
        """What it says of these bytes, or of this file."""
        path = mail
        if isinstance(path, bytes):
            path = self._folder / f"{next(NEXT)}.eml"
            path.write_bytes(mail)  # type: ignore[arg-type]
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"path": str(path), "kind": "mime"}) + "\n")
        self._process.stdin.flush()
        said: dict[str, Any] = json.loads(self._process.stdout.readline())
        assert said["error"] is None
        return said

    def close(self) -> None:
        """It ends with its input."""
        self._process.communicate(timeout=30)


@dataclass(slots=True)
class Desk:
    """A hub that runs, its people, and what left."""

    hub: Hub
    relay: Relay
    ann: Api
    alice: Api
    bruno: Api
    browsers: dict[str, Browser] = field(default_factory=dict)

    # --- What comes in ---

    def write(self, raw: bytes, *, sender: str = "mario.rossi@acme.test", to: str = SUPPORT) -> Any:
        """Hand a mail in by SMTP; what became of it, once that is decided."""
        before = {one["id"] for one in self.arrived()}
        code, text = post(self.hub.smtp, raw, sender=sender, to=to)
        assert code == 250, text

        def new() -> Any:
            found = [one for one in self.arrived() if one["id"] not in before and one["outcome"]]
            return found[0] if found else None

        return until(new, "what came in was not understood")

    def post_again(self, raw: bytes, first: Any, *, sender: str) -> None:
        """The same bytes once more, by who had no answer the first time; wait until they are counted."""
        assert post(self.hub.smtp, raw, sender=sender)[0] == 250
        until(lambda: self.ticket(first["ticket"])["messages"][0]["times"] > 1, "it was not counted")

    def decided(self, item: str) -> Any:
        """What became of this one, once it is decided."""
        return until(
            lambda: next((one for one in self.arrived() if one["id"] == item and one["outcome"]), None),
            "what was taken in was not understood",
        )

    def arrived(self) -> list[Any]:
        """The last that came in, newest first."""
        found: list[Any] = self.ann.get("/inbound", limit=20, waiting="false")["items"]
        return found

    # --- What staff see ---

    def browser(self, who: str = "ann") -> Browser:
        """Ann reads English, Ivo Italian; both are signed in once."""
        passwords = {"ann": "correct horse battery", "ivo": "corretto cavallo pila"}
        if who not in self.browsers:
            self.browsers[who] = self.hub.browser(f"{who}@hub.test", passwords[who])
        return self.browsers[who]

    def page(self, number: str, who: str = "ann") -> str:
        """The page of a ticket."""
        return unescape(self.browser(who).get(f"/desk/tickets/{number}").text)

    def held(self, who: str = "ann") -> str:
        """The list of what is held."""
        return unescape(self.browser(who).get("/desk/waiting?view=held").text)

    def ticket(self, number: str) -> Any:
        """As the API shows it to staff."""
        return self.ann.get(f"/tickets/{number}")

    # --- What staff do ---

    def opened(self, sender: str = "alice@acme.test", text: str = "Nothing blinks.", **given: Any) -> str:
        """The number of a new ticket of theirs that somebody of staff has taken."""
        item = self.write(a_mail(text, sender=sender, **given), sender=sender)
        assert item["outcome"] == "ticket", item
        self.do(item["ticket"], "qualify", **QUALIFIED)
        self.do(item["ticket"], "take")
        return str(item["ticket"])

    def do(self, number: str, verb: str, **given: Any) -> Any:
        """A verb of the API, by Ann."""
        return self.ann.post(f"/tickets/{number}/{verb}", given)

    def answer(self, number: str, to: str, text: str = "") -> Received:
        """An answer of Ann, as it leaves to this person."""
        text = text or f"We are on our way, {next(NEXT)}."
        self.ann.post(f"/tickets/{number}/messages", {"audience": "customer", "text": text})
        return self.left(to, text)

    def resolved(self, **given: Any) -> tuple[str, Received]:
        """A ticket that waits for its confirmation, and the last answer that its requester had."""
        number = self.opened(**given)
        answer = self.answer(number, given.get("sender", "alice@acme.test"))
        self.do(number, "resolve", cause="hardware", text="The cable was changed.", minutes=5)
        return number, answer

    # --- What leaves ---

    def left(self, to: str, words: str) -> Received:
        """The mail to this person that says this."""

        def found() -> Received | None:
            return next((one for one in self.relay.all if one.recipient == to and words in one.text), None)

        one: Received = until(found, f"no mail to {to} says {words!r}")
        return one

    def of(self, number: str) -> list[Received]:
        """Every mail of this ticket that has left."""
        return [one for one in self.relay.all if number in one.header("Subject")]

    def settled(self, number: str) -> None:
        """Until nothing of this ticket waits to leave, but for notices whose time has not come."""

        def nothing() -> bool:
            return not [
                one
                for one in self.deliveries(number)
                if one["state"] in ("queued", "sending") and one["kind"] != "progress"
            ]

        until(nothing, "something still waits to leave")

    def deliveries(self, number: str) -> list[Any]:
        """What left or is to leave of this ticket."""
        found: list[Any] = self.ann.all("/deliveries", ticket=number)
        return found


QUALIFIED = {"request_type": "Incident", "technology": "Network", "impact": 3, "urgency": 3}


def answering(answered: Received, text: str, *more: str, **given: Any) -> bytes:
    """A mail that answers this one."""
    own = answered.header("Message-ID")
    subject = given.pop("subject", f"Re: {answered.header('Subject')}")
    return a_mail(text, f"In-Reply-To: {own}", f"References: {own}", *more, subject=subject, **given)


@contextmanager
def running(folder: Path) -> Iterator[Desk]:
    """The desk, started by its command line, behind a relay that knows no letters beyond ASCII."""
    with relaying(beyond_ascii=False) as relay:
        hub = Hub(
            folder,
            channels__email__relay_host="127.0.0.1",
            channels__email__relay_port=relay.port,
        )
        hub.done("apply", str(DESK), "--yes")
        tokens = {
            who: hub.token(*words)
            for who, words in {
                "ann": ("--agent", "ann@hub.test"),
                "alice": ("--contact", "alice@acme.test"),
                "bruno": ("--contact", "bruno@beta.test"),
            }.items()
        }
        with ended(hub):
            hub.start()
            yield Desk(hub, relay, **{who: hub.api(token) for who, token in tokens.items()})
            hub.stop()
            hub.balances()


def of(mail: EmailMessage) -> str:
    """Everything in a mail, decoded."""
    headers = "\n".join(f"{name}: {value}" for name, value in mail.items())
    bodies = [str(part.get_content()) for part in mail.walk() if part.get_content_maintype() == "text"]
    return "\n".join([headers, *bodies])
