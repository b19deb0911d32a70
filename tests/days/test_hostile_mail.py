"""Whatever mail comes, it is kept as it came, ends somewhere visible, and stops neither the next one nor the hub."""

from __future__ import annotations

import smtplib
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any, Self

import pytest

from tests.days.conftest import Day, MakeDay
from tests.days.hubs import PATIENCE
from tests.days.people import Browser
from tests.days.posting import SUPPORT, understood

OUTCOMES = {"ticket", "attached", "held", "machine", "exception", "duplicate"}
EVERY = 3  # of the samples of ordinary mail: all of them are read in tests/channels
READER_MEMORY = 600 * 2**20  # bytes: limits.reading_memory, and what the interpreter shares
pytestmark = pytest.mark.samples


def test_every_hostile_sample_is_kept_and_shown_while_the_hub_goes_on_working(
    a_day: MakeDay, samples: Path
) -> None:
    day = a_day(limits__reading_cpu="3s", limits__reading_time="6s", hub__readers=2)
    day.hub.start()
    ann = day.hub.browser("ann@hub.test", "correct horse battery")
    attacks = sorted((samples / "attacks").glob("*.eml"))
    ordinary = sorted((samples / "mail").rglob("*.eml"))[::EVERY]
    # The same bytes for the same recipient are one mail that came twice.
    different = {_as_sent(path): path for path in [*ordinary, *attacks]}.values()
    sent = {f"s{n}@probe.test": path for n, path in enumerate(different)}

    with Watch(day, ann) as watch:
        for sender, path in sent.items():
            assert _post(day.hub.smtp, sender, _as_sent(path)) == 250, path
        _post(
            day.hub.smtp, "last@acme.test", b"From: last@acme.test\r\nSubject: The last one\r\n\r\nHello.\r\n"
        )
        items = understood(day.ann)

    found = {item["sender"]: item for item in items}
    assert Counter(item["sender"] for item in items) == Counter([*sent, "last@acme.test"])
    assert {item["outcome"] for item in items} <= OUTCOMES
    assert found["last@acme.test"]["outcome"] == "ticket"
    exceptions = [sent[one["sender"]].name for one in items if one["outcome"] == "exception"]
    print(Counter(item["outcome"] for item in items), "exceptions:", exceptions, watch)
    # A050 to A055: nothing of the catalogue is beyond what can be read within the limits.
    assert not {*exceptions} & {path.name for path in attacks}
    for item in items:
        assert item["outcome"] != "exception" or (item["waiting"] and item["reason"]), item

    # What came can be had again, bit for bit.
    for sender, path in sent.items():
        where = f"/desk/inbound/{found[sender]['id']}/source"
        assert ann.bytes(where) == _as_sent(path), path

    # The hub answered all the time, and no reading process grew beyond its limit.
    assert watch.failed == []
    assert watch.slowest < 15  # seconds; on a machine of its own it is a tenth of one
    assert 0 < watch.memory < READER_MEMORY
    day.hub.stop()
    assert day.hub.astonished() == []
    day.hub.balances()


class Watch:
    """Asks for health and pages all the time, and looks at the reading processes."""

    def __init__(self, day: Day, browser: Browser) -> None:
        self.slowest = 0.0
        self.memory = 0
        self.failed: list[Any] = []
        self._day = day
        self._browser = browser
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(timeout=PATIENCE)

    def __str__(self) -> str:
        return f"slowest answer {self.slowest:.2f} s, largest reader {self.memory / 2**20:.0f} MiB"

    def _look(self) -> None:
        while not self._over.wait(0.1):
            asked = time.monotonic()
            health, page = self._day.hub.health(), self._browser.get("/desk/")
            self.slowest = max(self.slowest, time.monotonic() - asked)
            if health[0] != 200 or page.status != 200:
                self.failed.append((health, page.status))
            for pid in self._day.hub.parts():
                self.memory = max(self.memory, _resident(pid))


def _resident(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096
    except (OSError, IndexError):  # it has just ended
        return 0


def _as_sent(path: Path) -> bytes:
    raw = path.read_bytes()
    return raw if raw.endswith(b"\r\n") else raw + b"\r\n"


def _post(port: int, sender: str, raw: bytes) -> int:
    """As it is: smtplib would change line ends and dots of mail that has strange ones."""
    with smtplib.SMTP("127.0.0.1", port, timeout=PATIENCE) as smtp:
        smtp.ehlo("client.test")
        smtp.mail(sender)
        smtp.rcpt(SUPPORT)
        smtp.docmd("data")
        smtp.send((b"\r\n" + raw).replace(b"\r\n.", b"\r\n..")[2:] + b".\r\n")
        return smtp.getreply()[0]
