"""A hub of several processes is one hub: one command, the same ports, one log, and nothing lost when one of them dies."""

from __future__ import annotations

import os
import re
import signal
import smtplib
import socket
import threading
import time
import urllib.error
import urllib.request
from contextlib import ExitStack, closing

import psycopg
import pytest

from channels.monitoring import batches
from core.store import blobs
from tests.days.conftest import Desks
from tests.days.hubs import PATIENCE, STOP_WITHIN, Hub, free_port, until
from tests.days.posting import Customers, Relay, each_once, mail, post

pytestmark = pytest.mark.postgres

FEW = {"database__connections": 3, "hub__processes": 2}
MANY = 24  # connections, of which each process has some: all at one would be a chance of one in millions


def figure(hub: Hub, name: str) -> list[float]:
    """What /metrics says, by process."""
    with urllib.request.urlopen(f"{hub.base}/metrics", timeout=PATIENCE) as answer:
        lines = answer.read().decode().splitlines()
    found = [re.fullmatch(rf'{name}{{process="(\d+)"}} (\S+)', line) for line in lines]
    return [float(one[2]) for one in found if one]


def test_both_processes_take_mail_at_the_same_ports_and_work(desks: Desks) -> None:
    lmtp = free_port()
    hub = desks.hub("hub", channels__email__lmtp_port=lmtp, **FEW)
    hub.start()
    with ExitStack() as stack:
        clients = [stack.enter_context(smtplib.SMTP("127.0.0.1", hub.smtp)) for _ in range(MANY // 2)]
        clients += [stack.enter_context(smtplib.LMTP("127.0.0.1", lmtp)) for _ in range(MANY // 2)]
        for n, client in enumerate(clients):
            client.sendmail("alice@acme.test", ["support@desk.test"], mail("alice@acme.test", f"Mail {n}"))

        connected = figure(hub, "centralino_connections")

    items = each_once(hub.api(desks.ann_token), [f"Mail {n}" for n in range(MANY)])
    assert len(items) == MANY
    assert sum(connected) == MANY
    assert min(connected) > 0
    assert figure(hub, "centralino_ready") == [1.0, 1.0]
    hub.stop()
    hub.balances()


def test_one_that_is_killed_under_load_loses_nothing_and_is_started_again(desks: Desks, relay: Relay) -> None:
    out = {"channels__email__relay_host": "127.0.0.1", "channels__email__relay_port": relay.port}
    hub = desks.hub("hub", hub__lease="30s", **FEW, **out)
    hub.start()
    with Customers([hub.smtp]) as customers:
        for n in (0, 1):
            customers.wait_for(30)
            before = hub.parts()
            os.kill(before[n], signal.SIGKILL)
            customers.wait_for(30)
            until(lambda: len(hub.parts()) == 2 and hub.parts() != before, "it is not started again")  # noqa: B023
        customers.wait_for(10)

    began = time.monotonic()
    items = each_once(hub.api(desks.ann_token), customers.ledger)
    assert time.monotonic() - began < 25, "its work lay until the lease ended"
    assert len(items) == len(customers.ledger)
    until(lambda: len({one.recipient for one in relay.all}) == len(items), "not everybody was answered")
    assert hub.said().count("a process ended and is started again") == 2
    hub.stop()
    hub.balances()


def test_sigterm_under_load_ends_all_of_them_in_time(desks: Desks) -> None:
    hub = desks.hub("hub", **FEW)
    hub.start()
    parts = hub.parts()
    with Customers([hub.smtp]) as customers:
        customers.wait_for(30)
        took = hub.stop()
        assert not any(os.path.exists(f"/proc/{pid}") for pid in parts)  # noqa: PTH110
        hub.start()
        customers.wait_for(10)

    assert took < STOP_WITHIN
    assert hub.astonished() == []
    each_once(hub.api(desks.ann_token), customers.ledger)
    hub.stop()
    hub.balances()


def test_nobody_listens_any_more_when_the_one_that_runs_them_is_killed(desks: Desks) -> None:
    hub = desks.hub("hub", **FEW)
    hub.start()
    assert post(hub.smtp, mail("alice@acme.test", "Before"))[0] == 250
    parts = hub.parts()
    assert hub.process is not None

    os.kill(hub.process.pid, signal.SIGKILL)
    hub.process.wait()

    until(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in parts), "they stay", seconds=STOP_WITHIN)  # noqa: PTH110
    assert hub.health()[0] == 0
    hub.start()
    each_once(hub.api(desks.ann_token), ["Before"])
    hub.stop()


class Ear:
    """A browser that listens for changes, on a connection of its own."""

    def __init__(self, hub: Hub, cookies: str) -> None:
        self._connection = socket.create_connection(("127.0.0.1", hub.http), timeout=PATIENCE)
        self._came = b""
        host = f"127.0.0.1:{hub.http}"
        asked = f"GET /desk/live HTTP/1.1\r\nHost: {host}\r\nCookie: {cookies}\r\n\r\n"
        self._connection.sendall(asked.encode())
        self.hears(b"id: ")

    def hears(self, words: bytes) -> None:
        """Wait until they have come."""
        while words not in self._came:
            part = self._connection.recv(65536)
            assert part, self._came
            self._came += part

    def close(self) -> None:
        self._connection.close()


def test_browsers_at_both_processes_hear_of_a_change_and_the_limit_of_pages_is_one(desks: Desks) -> None:
    hub = desks.hub("hub", **FEW, limits__live_per_person=MANY)
    hub.start()
    cookies = hub.browser("ann@hub.test", "correct horse battery").cookies
    with ExitStack() as stack:
        ears = [stack.enter_context(closing(Ear(hub, cookies))) for _ in range(MANY)]
        pages = figure(hub, "centralino_live_pages")
        refused = urllib.request.Request(f"{hub.base}/desk/live", headers={"Cookie": cookies})
        with pytest.raises(urllib.error.HTTPError) as answer:
            urllib.request.urlopen(refused, timeout=PATIENCE)
        assert post(hub.smtp, mail("alice@acme.test", "Listen"))[0] == 250

        for ear in ears:
            ear.hears(b"event: ticket")

    with answer.value as told:
        assert told.code == 429
    assert sum(pages) == MANY
    assert min(pages) > 0
    hub.stop()


# --- Ports of devices ---


def lines_in_store(desks: Desks) -> list[int]:
    """The number of each line that is stored, in the order in which they lie there."""
    said = "SELECT i.raw, b.content FROM inbound i JOIN blob b ON b.name = i.raw WHERE i.sender = 'lines' ORDER BY i.received_at, i.id"
    with psycopg.connect(desks.url, autocommit=True) as look:
        rows = look.execute(said).fetchall()
    kept = [batches.unpack(blobs.joined(raw, [content])) for raw, content in rows]
    return [int(line.rpartition(b" ")[2]) for batch in kept for _, line in batch]


def test_of_two_hubs_at_one_port_of_devices_the_other_takes_it_when_one_is_killed_and_no_line_lies_there_twice(
    desks: Desks,
) -> None:
    port = free_port()
    settings = {"channels__monitoring__syslog_udp_port": port, "hub__lease": "3s", "database__connections": 3}
    first, second = (desks.hub(name, **settings) for name in ("first", "second"))
    first.start()
    second.start()
    sent, over = [], threading.Event()

    def talk() -> None:
        with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as out:
            while not over.wait(0.005):
                sent.append(len(sent))
                out.sendto(b"<14>1 - sw-1 app - - - line %d" % sent[-1], ("127.0.0.1", port))

    device = threading.Thread(target=talk, daemon=True)
    device.start()
    until(lambda: len(lines_in_store(desks)) > 100, "nothing is heard")
    assert second.health() == (200, [])  # the port is not missing: the other hub has it

    first.kill()
    killed, began = len(sent), time.monotonic()
    until(lambda: lines_in_store(desks)[-1] > killed, "nobody takes the port")
    took = time.monotonic() - began
    over.set()
    device.join()
    second.stop()

    stored = lines_in_store(desks)
    assert took < 20
    assert len(stored) == len(set(stored))
    assert stored == sorted(stored)
    taken = next(number for number in stored if number > killed)
    assert set(range(taken, sent[-1])) <= set(stored), "what came while the second hub listened is there"
    second.balances()
