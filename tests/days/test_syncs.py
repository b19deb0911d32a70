"""Nothing is acknowledged before the disk has it: killed between syncs, or told by the disk that it failed."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from tests.days.conftest import MakeDay
from tests.days.hubs import until
from tests.days.posting import Customers, each_once


def meddling(what: str) -> tuple[str, ...]:
    """Words that let something happen at a sync of the program that follows."""
    if shutil.which("strace") is None:
        pytest.skip("needs strace")
    if subprocess.run(
        ["strace", "-qq", "-o", "/dev/null", "true"], check=False, capture_output=True
    ).returncode:
        pytest.skip("needs leave to trace")
    syncs = "fsync,fdatasync"
    return ("strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={syncs}", "-e", f"inject={syncs}:{what}")


def test_a_hub_that_dies_at_a_sync_has_acknowledged_only_what_is_stored(a_day: MakeDay) -> None:
    day = a_day()
    hub = day.hub
    with Customers([hub.smtp], people=3) as customers:
        for sync in (40, 41, 63):
            hub.inside = meddling(f"signal=KILL:when={sync}")
            hub.start(wait=False)
            until(lambda: hub.process is not None and hub.process.poll() is not None, "it did not die")
        hub.inside = ()
        hub.start()
        customers.wait_for(10)

    items = each_once(day.ann, customers.ledger)
    assert len(items) == len(customers.ledger)
    hub.stop()
    hub.balances()


def test_after_a_sync_that_failed_the_hub_acknowledges_nothing_until_it_is_started_again(
    a_day: MakeDay,
) -> None:
    day = a_day()
    hub = day.hub
    hub.inside = meddling("error=EIO:when=40+")
    hub.start()
    with Customers([hub.smtp], people=3) as customers:
        until(lambda: customers.answers["451"] > 5, "nobody was told to come again")
        taken = len(customers.ledger)
        until(lambda: customers.answers["451"] > 30, "nobody came again")
        assert len(customers.ledger) == taken
        status, reasons = hub.health()
        hub.kill()
        hub.inside = ()
        hub.start()
        customers.wait_for(10)

    assert status == 503
    assert "disk I/O error" in reasons[0]
    each_once(day.ann, customers.ledger)
    hub.stop()
    hub.balances()
