"""How is a desk attacked by mail? Samples and transcripts through its own port, then a look at every face that shows them."""

from __future__ import annotations

import contextlib
import json
import re
import smtplib
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import parseaddr
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tests.channels.email.running_mail import a_certificate
from tests.days.hubs import PATIENCE, Hub, ended, until
from tests.days.people import Api, Browser
from tests.days.posting import Received, Relay, mail, relaying

DESK = Path(__file__).with_name("attacks.toml")
ALICE, BOB, AGENT, EVE = "alice@cust-a.test", "bob@cust-b.test", "agent@hub.test", "eve@evil.test"
PASSWORDS = {AGENT: "correct horse battery", ALICE: "a staple for alice", BOB: "a staple for bob"}
ONE_DESK = pytest.mark.xdist_group("attacks")
"""One desk stands all attacks, however many workers there are."""

SUPPORT = "support@hub.test"
SOON = 40.0  # seconds until a mail is understood, and until an answer has left: what a shared machine needs
_requests, _mails = count(1), count(1)
SECRET = "The safe behind the picture opens with 4711."  # noqa: S105 - what stands in Alice's old request
NOTE = "NOTE-7F3"
OUR_RELAY = "127.0.0.2"
"""The address of the mail server in front of this desk; from any other, mail comes from strangers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Victim:
    """Alice's old request, and what she was told of it by mail."""

    number: str
    told: Received

    @property
    def places(self) -> dict[str, str]:
        """What stands for the placeholders of the samples."""
        token = parseaddr(self.told.header("Reply-To"))[1]
        box, _, domain = token.partition("@")
        return {
            "OUT_MSGID": self.told.header("Message-ID"),
            "TICKET_NO": self.number,
            "REPLY_TOKEN": token,
            "REPLY_TOKEN_FLIPPED": f"{box[:-1]}{'a' if box[-1] != 'a' else 'b'}@{domain}",
        }


@dataclass(kw_only=True)
class Attacked:
    """One hub for all attacks, its people, its relay, and who is attacked."""

    hub: Hub
    agent: Api
    relay: Relay
    samples: Path
    apis: dict[str, Api]
    certificate: Path
    canary: int
    """The port of a listener that nobody may ever knock at."""
    people: dict[str, Browser] = field(default_factory=dict)
    victim: Victim | None = None

    @property
    def old(self) -> Victim:
        """Alice's old request."""
        assert self.victim is not None
        return self.victim

    @cached_property
    def listed(self) -> dict[str, Any]:
        """What the list of the samples says of each, by file."""
        return {
            one["file"]: one
            for one in json.loads((self.samples / "manifest.json").read_text("utf-8"))["items"]
        }

    # --- In ----------------------------------------------------------------------------------------------

    def filled(self, text: bytes) -> bytes:
        """With everything put in for the placeholders."""
        places = {"CANARY_PORT": str(self.canary)} | (self.victim.places if self.victim else {})
        return re.sub(rb"\{\{([A-Z_]+)\}\}", lambda found: places[found[1].decode()].encode(), text)

    def sample(self, name: str) -> bytes:
        """A sample as it is sent."""
        return self.filled((self.samples / name).read_bytes())

    def attack(self, name: str, *, source: str = "") -> list[Any]:
        """Send a sample as its list says, under an id of its own; everything that became of it, understood."""
        listed = self.listed[name]
        to = [self.filled(one.encode()).decode() for one in listed["rcpt"]]
        raw = self.sample(name).replace(b"<atk-", b"<atk%d-" % next(_mails))
        return self.became(raw, sender=listed["mail_from"], to=to, source=source)

    def became(
        self, raw: bytes, *, sender: str = EVE, to: Sequence[str] = (SUPPORT,), source: str = ""
    ) -> list[Any]:
        """What became of a mail that was taken."""
        before = {one["id"] for one in self.newest()}
        assert self.send(raw, sender=sender, to=to, source=source) == 250

        def settled() -> list[Any]:
            found = [one for one in self.newest() if one["id"] not in before]
            return found if all(one["outcome"] for one in found) else []

        items: list[Any] = until(settled, f"not understood: {raw[:300]!r}", seconds=SOON)
        return items

    def send(self, raw: bytes, *, sender: str = EVE, to: Sequence[str] = (SUPPORT,), source: str = "") -> int:
        """The last answer; the bytes go as they are, with dots doubled."""
        where = (source, 0) if source else None
        with smtplib.SMTP("127.0.0.1", self.hub.smtp, timeout=PATIENCE, source_address=where) as smtp:
            smtp.ehlo("client.test")
            smtp.mail(sender)
            for one in to:
                code, _ = smtp.rcpt(one)
                if code != 250:
                    return code
            smtp.docmd("data")
            ended = raw if raw.endswith(b"\r\n") or not raw else raw + b"\r\n"
            smtp.send((b"\r\n" + ended).replace(b"\r\n.", b"\r\n..")[2:] + b".\r\n")
            return smtp.getreply()[0]

    def newest(self) -> list[Any]:
        """The mails that arrived last."""
        return [one for one in self.agent.get("/inbound", limit=200)["items"] if one["channel"] == "email"]

    def played_at_once(self, name: str) -> list[str]:
        """Send a transcript without listening; all answers."""
        with socket.create_connection(("127.0.0.1", self.hub.smtp), timeout=PATIENCE) as peer:
            heard, answers = peer.makefile("rb"), []
            with contextlib.suppress(ConnectionError):  # it was sent away meanwhile
                peer.sendall((self.samples / name).read_bytes())
                peer.shutdown(socket.SHUT_WR)
            while answer := _answer(heard):
                answers.append(answer)
        return answers

    def flooded(self, *, announced: int, megabytes: int) -> str:
        """A mail far larger than it was announced; the answer to it."""
        with socket.create_connection(("127.0.0.1", self.hub.smtp), timeout=PATIENCE) as peer:
            heard = peer.makefile("rb")
            _answer(heard)
            for line in (
                "EHLO a.test",
                f"MAIL FROM:<eve@evil.test> SIZE={announced}",
                f"RCPT TO:<{SUPPORT}>",
                "DATA",
            ):
                peer.sendall(f"{line}\r\n".encode())
                if (answer := _answer(heard))[0] not in "23":
                    return answer
            with contextlib.suppress(ConnectionError):
                for _ in range(megabytes):
                    peer.sendall((b"x" * 998 + b"\r\n") * 1000)
                peer.sendall(b".\r\n")
            return _answer(heard)

    def played(self, name: str) -> list[str]:
        """Send a transcript, each command after the answer to the one before, what follows DATA at once; all answers."""
        script = (self.samples / name).read_bytes()
        commands, data, rest = script.partition(b"DATA\r\n")
        with socket.create_connection(("127.0.0.1", self.hub.smtp), timeout=PATIENCE) as peer:
            heard = peer.makefile("rb")
            answers = [_answer(heard)]
            for line in (commands + data).splitlines(keepends=True):
                peer.sendall(line)
                answers.append(_answer(heard))
            if rest:
                peer.sendall(rest)
            peer.shutdown(socket.SHUT_WR)
            while answer := _answer(heard):
                answers.append(answer)
        return answers

    # --- Looking -----------------------------------------------------------------------------------------

    def ticket(self, item: Any) -> Any:
        """The request that something that arrived belongs to."""
        return self.agent.get(f"/tickets/{item['ticket']}")

    def said_in(self, number: str) -> str:
        """All words of a request, those of staff among them."""
        found: Any = self.agent.get(f"/tickets/{number}")
        return "\n".join(one["text"] for one in found["messages"])

    def seen_by(self, who: str, path: str) -> str:
        """A page as somebody sees it."""
        page = self.people[who].get(path)
        assert page.status == 200, (path, page.status)
        return page.text

    def told(self, address: str) -> list[Received]:
        """What left for an address."""
        return [one for one in self.relay.all if one.recipient == address]

    def done(self, number: str, verb: str, **words: Any) -> None:
        """An agent's act."""
        self.agent.post(f"/tickets/{number}/{verb}", words)

    def settled(self) -> list[Any]:
        """All mail of ours, once none of it is on its way but notices of progress, which wait a minute for what else there is to tell."""

        end = time.monotonic() + SOON
        while True:
            items: list[Any] = self.agent.all("/deliveries")
            waits = [
                one for one in items if one["state"] in ("queued", "sending") and one["kind"] != "progress"
            ]
            if not waits:
                return items
            assert time.monotonic() < end, waits
            time.sleep(0.1)


def _answer(heard: Any) -> str:
    """One answer of a mail server, its last line; empty at the end."""
    while True:
        try:
            line: str = heard.readline().decode("ascii", "replace").rstrip()
        except ConnectionError:  # it was cut off for what it said
            return ""
        if line[3:4] != "-":
            return line


def alices_old_request(desk: Attacked) -> Victim:
    """She wrote, an agent answered and left a note; the answer is in her mailbox, her secret in the request."""
    n = next(_requests)
    raw = mail(
        "Alice Rossi <alice@cust-a.test>",
        f"The old request {n}",
        SECRET,
        to=SUPPORT,
        Message_ID=f"<old{n}@cust-a.test>",
    )
    (item,) = desk.became(raw, sender=ALICE)
    number = item["ticket"]
    desk.agent.post(
        f"/tickets/{number}/messages", {"audience": "internal", "text": f"{NOTE}: they pay late."}
    )
    desk.agent.post(f"/tickets/{number}/messages", {"audience": "customer", "text": f"We look into {n}."})

    def answer() -> Received | None:
        return next((one for one in desk.relay.all if f"We look into {n}." in one.text), None)

    return Victim(number=number, told=until(answer, "the answer did not leave", seconds=SOON))


@contextmanager
def standing(folder: Path, samples: Path) -> Iterator[Attacked]:
    """A desk at work. Afterwards nothing was astonishing, nobody knocked at the canary, the log is clean, the books balance."""
    certificate, key = a_certificate(folder)
    with relaying() as relay, socket.create_server(("127.0.0.1", 0)) as canary:
        hub = Hub(
            folder / "hub",
            channels__email__relay_host="127.0.0.1",
            channels__email__relay_port=relay.port,
            channels__email__tls_certificate=certificate,
            channels__email__tls_key=key,
            brakes__unknown_per_day=1,
            brakes__notices_per_hour=1000,  # none waits to be told together
        )
        hub.also(
            '[channels.email]\ndomain = "hub.test"\naddresses = ["support@hub.test", "tenant-a@hub.test"]\n'
            f'trusted_relays = ["{OUR_RELAY}"]\nauthserv_ids = ["hub.test"]\n'
        )
        hub.done("apply", str(DESK), "--yes")
        tokens = {who: hub.token("--agent" if who == AGENT else "--contact", who) for who in PASSWORDS}
        with ended(hub):
            hub.start()
            yield Attacked(
                hub=hub,
                agent=hub.api(tokens[AGENT]),
                certificate=certificate,
                apis={who: hub.api(token) for who, token in tokens.items()},
                relay=relay,
                samples=samples / "attacks",
                canary=canary.getsockname()[1],
                people={who: hub.browser(who, word) for who, word in PASSWORDS.items()},
            )
            canary.settimeout(0)
            with pytest.raises(BlockingIOError):
                canary.accept()
            hub.stop()
            assert hub.astonished() == []
            said = hub.said()
            assert "\x1b" not in said
            assert "login ok" not in said
            assert "login_ok" not in said
            assert not [one for one in (*PASSWORDS.values(), *tokens.values()) if one in said]
            hub.balances()
