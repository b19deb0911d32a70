"""While the database is away the hub refuses, does not guess, and heals by itself."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.days.conftest import Furnished, MakeDay, furnish
from tests.days.hubs import STOP_WITHIN, Hub, copied, ended, until
from tests.days.posting import Customers, each_once, mail, post
from tests.days.servers import SmallDisk, own_postgres, small_disk


@pytest.mark.postgres
def test_a_postgresql_server_that_crashes_under_load_is_waited_for(
    furnished: Furnished, tmp_path: Path
) -> None:
    with own_postgres() as server:
        token = furnish(server.url, tmp_path / "furnishing", furnished)
        hub = Hub(tmp_path / "hub", url=server.url)
        copied(furnished.data / "keys", hub.data / "keys")
        with ended(hub):
            hub.start()
            api = hub.api(token)
            with Customers([hub.smtp]) as customers:
                customers.wait_for(20)
                server.crash()
                until(customers.refused("451"), "nobody was told to come again")
                status, reasons = hub.health()
                refused, problem = api.call("GET", "/tickets")
                server.start()
                back = time.monotonic()
                customers.wait_for(10)
                until(lambda: hub.health()[0] == 200, "the hub did not heal")
                print(f"healed after {time.monotonic() - back:.1f} s")

            assert status == 503
            assert any("database" in reason or "PostgreSQL" in reason for reason in reasons)
            assert refused == 503
            assert problem["detail"]
            assert set(customers.answers) <= {"451", "gone"}
            each_once(api, customers.ledger)
            assert hub.stop() < STOP_WITHIN
            assert hub.astonished() == []
            hub.balances()


def test_while_another_program_locks_the_file_mail_waits_and_pages_can_be_read(a_day: MakeDay) -> None:
    day = a_day()
    hub = day.hub
    hub.start()
    assert post(hub.smtp, mail("alice@acme.test", "Before"))[0] == 250
    until(lambda: len(day.ann.all("/tickets")) == 1, "no ticket")
    ann = hub.browser("ann@hub.test", "correct horse battery")
    with Customers([hub.smtp], people=3) as customers:
        customers.wait_for(10)
        with closing(sqlite3.connect(hub.data / "centralino.db", isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            until(customers.refused("451"), "nobody was told to come again")
            asked = time.monotonic()
            page = ann.get("/desk/")
            tickets = day.ann.call("GET", "/tickets")
            answered = time.monotonic() - asked
            status, problem = day.ann.call("POST", "/tickets", body={"subject": "Now", "text": "words"})
            other.execute("ROLLBACK")
        customers.wait_for(10)

    assert (page.status, tickets[0]) == (200, 200)
    assert "Before" in page.text
    assert answered < 15  # seconds; a tenth of one on a machine of its own: reading waits for no lock
    assert status == 503
    assert problem["detail"]
    each_once(day.ann, [*customers.ledger, "Before"])
    hub.stop()
    hub.balances()


def test_below_the_reserve_nothing_new_is_taken_in_and_staff_can_work(
    furnished: Furnished, tmp_path: Path
) -> None:
    # What was taken in before is still understood, and the log of the database grows to 32 MiB by that.
    with small_disk(tmp_path / "disk", 160) as disk, _on(disk, furnished, tmp_path, "64 MiB") as hub:
        api = hub.api(furnished.ann)
        with Customers([hub.smtp]) as customers:
            customers.wait_for(20)
            disk.fill(72 * 2**20)
            until(customers.refused("451"), "nobody was told to come again")
            until(lambda: hub.health()[0] == 503, "a full disk is not told")
            _, reasons = hub.health()
            status, problem = api.call("POST", "/tickets", body={"subject": "Now", "text": "words"})
            (newest, *_) = until(lambda: api.get("/tickets")["items"], "what was taken is not understood")
            noted, _ = api.call(
                "POST",
                f"/tickets/{newest['number']}/messages",
                body={"audience": "internal", "text": "Wait."},
            )
            disk.clear()
            customers.wait_for(20)
            until(lambda: hub.health()[0] == 200, "the hub did not heal")

        assert reasons == [reasons[0]]
        assert "limits.disk_reserve keeps 64 MiB" in reasons[0]
        assert status == 503
        assert problem["detail"]
        assert noted == 201
        assert set(customers.answers) == {"451"}
        each_once(api, customers.ledger)
        hub.balances()


def test_a_disk_that_is_full_to_the_last_byte_loses_nothing_and_needs_no_restart(
    furnished: Furnished, tmp_path: Path
) -> None:
    with small_disk(tmp_path / "disk", 24) as disk, _on(disk, furnished, tmp_path, "1 B") as hub:
        api = hub.api(furnished.ann)
        with Customers([hub.smtp]) as customers:
            customers.wait_for(20)
            disk.fill(0)
            until(customers.refused("451"), "nobody was told to come again")
            status, _ = api.call("POST", "/tickets", body={"subject": "Now", "text": "words"})
            listed, _ = api.call("GET", "/tickets")
            disk.clear()
            customers.wait_for(20)
            until(lambda: hub.health()[0] == 200, "the hub did not heal")

        assert (status, listed) == (503, 200)
        assert set(customers.answers) == {"451"}
        each_once(api, customers.ledger)
        hub.balances()


@contextmanager
def _on(disk: SmallDisk, furnished: Furnished, folder: Path, reserve: str) -> Iterator[Hub]:
    """A running hub whose data lies on that disk."""
    copied(furnished.data, disk.path / "data")
    data = folder / "disk" / "data"
    hub = Hub(folder / "hub", inside=disk.inside, hub__data_dir=data, limits__disk_reserve=reserve)
    with ended(hub):
        hub.start()
        yield hub
        hub.stop()
