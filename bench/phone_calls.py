"""How soon does a caller hear what comes next? Webhooks of many calls at once, with mail coming in beside them."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from statistics import median, quantiles

from sqlalchemy import update

from bench import mails
from bench.databases import Kind
from bench.patterns import FACTS
from bench.phone_load import ACCOUNT, OURS, PIN, TOKEN
from bench.processes import ROOT, Hub
from bench.sizes import SMALL, Sizes
from bench.table import Figure
from core.desk.passwords import hash_pin_now
from core.store import tables
from core.store.opening import open_database
from core.store.tx import Tx

CALLS = 200
MAILS = 20  # a second
AIM = 50.0  # ms
SETTINGS = {
    "calls": {"short": "0s"},
    "channels.phone": {
        "account_sid": ACCOUNT,
        "auth_token": TOKEN,
        "number": OURS,
        "api_url": "http://127.0.0.1:9",
    },
}


def measure(kind: Kind, sizes: Sizes, folder: Path, relay: int) -> list[Figure]:
    """The figure, and what was done meanwhile."""
    tried = sizes.tickets < SMALL
    calls, seconds = (40, 3) if tried else (CALLS, max(3, round(6 * sizes.seconds)))
    with ExitStack() as stack:
        url = stack.enter_context(kind.copy(sizes.tickets, folder))
        db = open_database(url, FACTS)
        try:
            db.submit(_give_pins, hash_pin_now(PIN)).result()
        finally:
            db.close()
        hub = Hub(folder / "calls", url, relay=relay, more=SETTINGS)
        stack.callback(hub.kill)
        _load(hub, 10, 1 if tried else 3, seed=1)  # what is loaded at the first call is loaded
        with mails.pouring(hub, seconds, MAILS, seed=7):
            report = _load(hub, calls, seconds, seed=2)
    if report["refused"]:
        raise mails.Lost(f"{report['refused']} webhooks were refused: {report['wrong']}")
    took = report["took"]
    return [
        Figure(
            what=f"answer to a webhook, p99, {calls} calls in progress beside {MAILS} mails a second",
            database=kind.name,
            measured=quantiles(took, n=100)[98],
            unit="ms",
            at_most=AIM,
            note=f"median {median(took):.1f} ms, slowest {max(took):.0f} ms; {len(took)} webhooks of "
            f"{report['calls']} calls in {seconds} s, PINs included, {sizes.tickets:,} tickets",
        )
    ]


def _give_pins(tx: Tx, stored: str) -> None:
    contact = tables.contact
    tx.run(update(contact).where(contact.c.email.like("user__@%")).values(pin_hash=stored))


def _load(hub: Hub, calls: int, seconds: int, *, seed: int) -> dict[str, object]:
    words = [str(word) for word in (hub.http, calls, seconds, seed)]
    done = subprocess.run(
        [sys.executable, "-m", "bench.phone_load", *words], cwd=ROOT, capture_output=True, check=True
    )
    return dict(json.loads(done.stdout))
