"""How do devices report in whole days? An Alertmanager that posts, insists until it is taken, and keeps a ledger."""

from __future__ import annotations

import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

from tests.days.hubs import PATIENCE

SECRET = "a secret of the alertmanager"
PAUSE = 0.1  # seconds before it posts again
AT_ONCE = 8


def alarm(name: str, status: str = "firing", *, parent: str = "") -> dict[str, Any]:
    """One alert, as Alertmanager sends it; its fingerprint is its name."""
    stamp = datetime.now(UTC).isoformat()
    labels = {"alertname": "Down", "instance": name, "severity": "warning"}
    return {
        "status": status,
        "labels": labels | ({"parent": parent} if parent else {}),
        "annotations": {"summary": f"{name} does not answer"},
        "startsAt": stamp if status == "firing" else "2026-01-01T00:00:00Z",
        "endsAt": stamp if status == "resolved" else "0001-01-01T00:00:00Z",
        "fingerprint": name,
    }


class Alertmanager:
    """Posts messages to a hub. `ledger`: the ids of those that were answered with 202."""

    def __init__(self, base: str) -> None:
        self.ledger: list[str] = []
        self.resent = 0
        self._url = f"{base}/in/alerts/alertmanager"
        self._taken = threading.Condition()

    def posts(self, messages: Sequence[Sequence[dict[str, Any]]]) -> None:
        """Each message holds these alerts; several at once, each insisted on until it is taken."""
        with ThreadPoolExecutor(AT_ONCE) as people:
            list(people.map(self._insist, messages))

    def wait_for(self, more: int) -> None:
        """Until so many more were taken."""
        with self._taken:
            wanted = len(self.ledger) + more
            assert self._taken.wait_for(lambda: len(self.ledger) >= wanted, PATIENCE)

    def _insist(self, alerts: Sequence[dict[str, Any]]) -> None:
        body = json.dumps({"version": "4", "status": "firing", "groupLabels": {}, "alerts": list(alerts)})
        request = urllib.request.Request(
            self._url,
            data=body.encode(),
            headers={"Authorization": f"Bearer {SECRET}", "Content-Type": "application/json"},
        )
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            try:
                with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                    assert answer.status == 202
                    told = json.load(answer)
            except (OSError, ValueError):  # it is not there, or fell silent in the middle of its answer
                self.resent += 1
                time.sleep(PAUSE)
                continue
            with self._taken:
                self.ledger.append(told["id"])
                self._taken.notify_all()
            return
        raise AssertionError("nobody takes it")
