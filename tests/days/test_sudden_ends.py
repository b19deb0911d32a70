"""A hub that is killed, stopped or frozen in the middle of its work loses nothing and does nothing twice."""

from __future__ import annotations

import os
import random
import signal
import smtplib
import socket
import sqlite3
import time
from collections import Counter
from contextlib import closing
from email import message_from_bytes
from typing import Any

import psycopg
import pytest

from tests.days.conftest import Desks, MakeDay
from tests.days.hubs import PATIENCE, STOP_WITHIN, Hub, ended, until
from tests.days.posting import Customers, Relay, each_once, mail, post, understood

ROUNDS = 4


def test_a_hub_killed_again_and_again_under_load_keeps_every_mail_it_took_exactly_once(
    a_day: MakeDay,
) -> None:
    day = a_day()
    hub = day.hub
    hub.start()
    starts = []
    with Customers([hub.smtp]) as customers:
        for _ in range(ROUNDS):
            customers.wait_for(random.randint(15, 50))
            hub.kill()
            starts.append(hub.start())
        customers.wait_for(15)
    print("seconds from start to ready:", [round(seconds, 2) for seconds in starts])

    items = each_once(day.ann, customers.ledger)
    assert len(items) == len(customers.ledger)
    _each_acknowledged_once(hub, day.ann, len(items))
    hub.stop()
    hub.balances()


def test_reading_processes_that_are_killed_take_no_mail_with_them(a_day: MakeDay) -> None:
    day = a_day(hub__readers=2)
    hub = day.hub
    hub.start()
    killed = set()
    with Customers([hub.smtp]) as customers:
        for _ in range(3):
            customers.wait_for(20)
            for pid in hub.parts():
                os.kill(pid, signal.SIGKILL)
                killed.add(pid)
        customers.wait_for(10)

    assert len(killed) >= 3
    for item in understood(day.ann):
        if item["outcome"] == "exception":  # killed twice over the same mail: staff try it again
            assert item["waiting"]
            day.ann.post(f"/inbound/{item['id']}/retry")
    items = each_once(day.ann, customers.ledger)
    assert len(items) == len(customers.ledger)
    hub.stop()
    hub.balances()


def test_a_mail_that_is_cut_off_in_the_middle_leaves_nothing(a_day: MakeDay) -> None:
    day = a_day()
    hub = day.hub
    hub.start()
    for ending in (b"", b"\r\n.", b"\r\n.\r"):
        with smtplib.SMTP("127.0.0.1", hub.smtp, timeout=PATIENCE) as smtp:
            smtp.ehlo("client.test")
            smtp.mail("alice@acme.test")
            smtp.rcpt("support@desk.test")
            smtp.docmd("data")
            smtp.send(b"From: alice@acme.test\r\nSubject: Half\r\n\r\nIt does no" + ending)
            smtp.close()
    assert post(hub.smtp, mail("alice@acme.test", "Whole"))[0] == 250

    assert [item["subject"] for item in understood(day.ann)] == ["Whole"]
    hub.stop()
    hub.balances()


def test_sigterm_under_load_ends_in_time_and_loses_nothing(a_day: MakeDay) -> None:
    day = a_day()
    hub = day.hub
    hub.start()
    with Customers([hub.smtp]) as customers:
        customers.wait_for(40)
        took = hub.stop()
        hub.start()
        customers.wait_for(10)

    assert took < STOP_WITHIN
    assert hub.astonished() == []
    items = each_once(day.ann, customers.ledger)
    _each_acknowledged_once(hub, day.ann, len(items))
    hub.stop()
    hub.balances()


def test_sigterm_ends_in_time_although_a_mail_server_is_silent_and_the_database_locked(
    a_day: MakeDay,
) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        out = {
            "channels__email__relay_host": "127.0.0.1",
            "channels__email__relay_port": silent.getsockname()[1],
        }
        day = a_day(**out)
        hub = day.hub
        hub.start()
        assert post(hub.smtp, mail("alice@acme.test", "Before"))[0] == 250
        with closing(silent.accept()[0]), Customers([hub.smtp], people=2) as customers:
            customers.wait_for(10)
            with closing(sqlite3.connect(hub.data / "centralino.db", isolation_level=None)) as other:
                other.execute("BEGIN EXCLUSIVE")
                took = hub.stop()
                other.execute("ROLLBACK")
            silent.close()
            hub.start()

    assert took < STOP_WITHIN
    assert hub.astonished() == []
    each_once(day.ann, [*customers.ledger, "Before"])
    hub.stop()
    hub.balances()


def test_a_second_hub_on_the_same_data_folder_says_so_and_ends(a_day: MakeDay) -> None:
    day = a_day()
    hub = day.hub
    hub.start()
    other = Hub(hub.folder / "other", hub__data_dir=hub.data)

    with ended(other):
        other.start(wait=False)
        assert other.process is not None
        code = other.process.wait(timeout=30)

    assert code == 1
    assert f"a hub is running on {hub.data} already (process {hub.process.pid})" in other.said()  # type: ignore[union-attr]
    assert other.astonished() == []
    assert hub.health()[0] == 200


def _each_acknowledged_once(hub: Hub, api: Any, count: int) -> None:
    deliveries = until(lambda: _all_sent(api), "not every acknowledgement left")
    received = Counter(one["ticket"] for one in deliveries if one["kind"] == "received")
    assert len(received) == count
    assert set(received.values()) == {1}
    kept = [message_from_bytes(path.read_bytes()) for path in (hub.data / "outgoing").glob("*.eml")]
    assert len(kept) == len(deliveries)
    assert set(Counter(one["To"] for one in kept).values()) == {1}


def _all_sent(api: Any) -> Any:
    deliveries = api.all("/deliveries")
    return deliveries if {one["state"] for one in deliveries} == {"sent"} else None


@pytest.mark.postgres
def test_of_two_hubs_one_is_killed_and_the_other_does_the_work_of_both(desks: Desks, relay: Relay) -> None:
    out = {"channels__email__relay_host": "127.0.0.1", "channels__email__relay_port": relay.port}
    one, two = (desks.hub(name, hub__lease="3s", **out) for name in ("one", "two"))
    one.start()
    two.start()
    api = two.api(desks.ann_token)
    with Customers([one.smtp, two.smtp]) as customers:
        customers.wait_for(30)
        one.kill()
        customers.wait_for(30)

    items = each_once(api, customers.ledger)
    _one_notice_each(api, relay, len(items))
    two.stop()
    two.balances()


@pytest.mark.postgres
def test_a_hub_frozen_for_longer_than_its_lease_finds_its_work_done_and_does_none_of_it_again(
    desks: Desks, relay: Relay
) -> None:
    out = {"channels__email__relay_host": "127.0.0.1", "channels__email__relay_port": relay.port}
    one, two = (desks.hub(name, hub__lease="3s", **out) for name in ("one", "two"))
    one.start()
    two.start()
    api = two.api(desks.ann_token)
    with Customers([one.smtp], pause=0.1) as customers:
        customers.wait_for(20)
        _freeze_between_transactions(one, desks.url)
        frozen = time.monotonic()
        with Customers([two.smtp]) as others:
            others.wait_for(20)
            until(lambda: time.monotonic() - frozen > 4, "time stands still")
            one.signal(signal.SIGCONT)
            customers.wait_for(10)

    items = each_once(api, [*customers.ledger, *others.ledger])
    _one_notice_each(api, relay, len(items))
    one.stop()
    two.stop()
    two.balances()


def _freeze_between_transactions(hub: Hub, url: str) -> None:
    """Stop the process while it holds no lock: one frozen inside a transaction keeps everybody waiting until it goes on."""
    with psycopg.connect(url, autocommit=True) as look:
        for tried in range(60):
            hub.signal(signal.SIGSTOP)
            time.sleep(0.3)
            if not look.execute(_IN_HAND).fetchall():
                return
            hub.signal(signal.SIGCONT)
            time.sleep(
                min(0.05 * (tried + 1), 1.5)
            )  # on a slow machine it first catches up with what came meanwhile
    raise AssertionError("the hub is always inside a transaction")


_IN_HAND = """SELECT pid FROM pg_stat_activity
 WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start < now() - interval '0.2 seconds'
   AND (state LIKE 'idle in transaction%' OR (state = 'active' AND wait_event = 'ClientRead'))"""


def _one_notice_each(api: Any, relay: Relay, count: int) -> None:
    """Each ticket is acknowledged by one notice; sent again after a break, it is the same one (same Message-ID)."""
    deliveries = until(lambda: _all_sent(api), "not every acknowledgement left")
    received = Counter(one["ticket"] for one in deliveries if one["kind"] == "received")
    assert len(received) == count
    assert set(received.values()) == {1}
    by_reader: dict[str, set[str]] = {}
    for notice in relay.all:
        by_reader.setdefault(notice.recipient, set()).add(notice.header("Message-ID"))
    assert len(by_reader) == count
    assert {len(ids) for ids in by_reader.values()} == {1}
