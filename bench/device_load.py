"""Alarms by HTTP, in a process of its own: `python -m bench.device_load PORT COUNT CONNECTIONS SEED {new|same|ask} [PAUSE]`; tells what it saw as JSON.

`new`: each is a problem of its own; `same`: one alarm again and again; `ask`: what the server can without an alarm. PAUSE: seconds between two of
one connection.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections import Counter
from datetime import UTC, datetime
from http.client import HTTPConnection
from statistics import quantiles

SECRET = "alarms of the bench"
SOURCE = "bench"
PLAIN = "/in/alerts/nobody"
"""Nobody's address: read, looked up and refused, and nothing is stored."""


def body(name: str, now: datetime) -> bytes:
    """What Alertmanager posts of one alert."""
    alert = {
        "status": "firing",
        "labels": {"alertname": "Down", "instance": name, "severity": "critical"},
        "annotations": {"summary": f"{name} does not answer"},
        "startsAt": now.isoformat(),
        "endsAt": "0001-01-01T00:00:00Z",
        "fingerprint": name,
    }
    return json.dumps({"version": "4", "groupLabels": {}, "alerts": [alert]}).encode()


def main() -> None:
    """See the module."""
    port, count, connections, seed = map(int, sys.argv[1:5])
    mode, pause = sys.argv[5], float(sys.argv[6]) if len(sys.argv) > 6 else 0.0
    began = datetime.now(UTC)
    took: list[float] = []
    statuses: Counter[int] = Counter()
    path = PLAIN if mode == "ask" else f"/in/alerts/{SOURCE}"
    wanted = 404 if mode == "ask" else 202
    headers = {"Authorization": f"Bearer {SECRET}", "Content-Type": "application/json"}

    def post(number: int) -> None:
        asking = HTTPConnection("127.0.0.1", port, timeout=60)
        for n in range(number, count, connections):
            name = "same" if mode == "same" else f"dev-{seed}-{n}"
            start = time.perf_counter()
            asking.request("POST", path, body(name, began), headers)
            answer = asking.getresponse()
            answer.read()
            took.append(time.perf_counter() - start)
            statuses[answer.status] += 1
            if pause:
                time.sleep(pause)
        asking.close()

    threads = [threading.Thread(target=post, args=(number,)) for number in range(connections)]
    start = time.time()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.time() - start
    found = {
        "began": start,
        "rate": count / seconds,
        "accepted": statuses[wanted],
        "else": {str(status): n for status, n in statuses.items() if status != wanted},
        "p95": 1000 * quantiles(took, n=20)[-1],
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
