"""Are lines and traps heard, whole, in order and once stored, by UDP, TCP and TLS? And is it told when one is not?"""

from __future__ import annotations

import asyncio
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from channels.monitoring import batches, ber, gathering
from channels.monitoring.channel import MonitoringChannel
from channels.monitoring.frames import LONGEST
from channels.monitoring.gathering import now
from channels.monitoring.listening import Ports
from channels.monitoring.listening_tcp import TcpListener, context
from channels.monitoring.listening_udp import UdpListener
from channels.monitoring.read import read
from channels.monitoring.source import NotUnderstood
from core.channel import NoSuchSource, Unavailable
from core.common import Common, meter
from core.envelope import Arrival
from tests.channels.monitoring.test_traps import LINK_DOWN, version_2
from tests.fakes import FakeDoor, logged

HERE = "127.0.0.1"


@asynccontextmanager
async def open_ports(
    door: FakeDoor,
    *listeners: UdpListener | TcpListener,
    common: Common | None = None,
    engine: bytes = b"",
    own: bytes = b"",
) -> AsyncIterator[Ports]:
    """A channel that listens there."""
    ports = Ports(listeners, common or Common(), engine=engine, own=own)
    running = asyncio.create_task(MonitoringChannel(ports=ports).run(door))
    try:
        await until(lambda: all(one.open or one.way in ports.down for one in listeners))
        yield ports
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


@asynccontextmanager
async def connected(
    port: int, **tls: Any
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection(HERE, port, **tls)
    try:
        yield reader, writer
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


async def until(what: Callable[[], Any], *, seconds: float = 10.0) -> None:
    async with asyncio.timeout(seconds):
        while not what():  # noqa: ASYNC110 - what is awaited tells nobody
            await asyncio.sleep(0.01)


def heard(door: FakeDoor) -> list[bytes]:
    """All messages in the order in which they lie in the store."""
    return [raw for one in door.came for _, raw in batches.unpack(one.raw)]


def figures(ports: Ports, common: Common, way: str) -> dict[str, int]:
    found = {
        fate: common.devices.total(meter(way, fate))
        for fate in ("received", "stored", "unknown", "unread", "overflow", "kernel")
    }
    return {fate: count for fate, count in found.items() if count}


@contextmanager
def a_sender(port: int, whence: str = HERE):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        out.bind((whence, 0))
        out.connect((HERE, port))
        yield out


# --- Datagrams ---


async def test_of_five_thousand_datagrams_at_once_none_is_lost_and_they_lie_in_order_in_a_few_rows():
    door, common = FakeDoor(), Common()
    listener = UdpListener("syslog-udp", HERE, 0)
    async with open_ports(door, listener, common=common) as ports:
        with a_sender(listener.port) as out:
            for n in range(5000):
                out.send(b"<11>Jan 26 12:00:00 sw-1 app: failed %d" % n)
        every = {"received": 5000, "stored": 5000}
        await until(lambda: figures(ports, common, "syslog-udp") == every)
    assert [int(raw.rpartition(b" ")[2]) for raw in heard(door)] == list(range(5000))
    assert 10 <= len(door.came) < 100  # up to 500 in a row
    first = door.came[0]
    assert (first.claims.kind, first.claims.peer, first.claims.source) == ("syslog", HERE, "")
    assert first.envelope["batch"] == len(batches.unpack(first.raw))


async def test_messages_of_different_communities_are_different_senders():
    door = FakeDoor()
    listener = UdpListener("snmp", HERE, 0)
    public, other = version_2(LINK_DOWN), version_2(LINK_DOWN).replace(b"public", b"secret")
    async with open_ports(door, listener):
        with a_sender(listener.port) as out:
            for raw in (public, other, public):
                out.send(raw)
        await until(lambda: len(heard(door)) == 3)
    assert {one.claims.secret: len(batches.unpack(one.raw)) for one in door.came} == {
        "public": 2,
        "secret": 1,
    }
    assert all(
        "secret" not in repr(one.envelope) + repr(one.claims).replace("secret=", "") for one in door.came
    )


async def test_an_inform_is_answered_when_it_is_stored_and_not_before():
    door = FakeDoor()
    door.open.clear()
    listener = UdpListener("snmp", HERE, 0)
    inform = version_2(LINK_DOWN, tag=0xA6)
    async with open_ports(door, listener):
        with a_sender(listener.port) as out:
            out.setblocking(False)
            out.send(inform)
            await until(lambda: door.asked == 1)
            await asyncio.sleep(0.1)
            with pytest.raises(BlockingIOError):
                out.recv(2000)
            door.open.set()
            answer = await asyncio.wait_for(asyncio.get_running_loop().sock_recv(out, 2000), 5)
    assert answer == ber.answer(inform)


async def test_whoever_is_no_alert_source_is_counted_asked_about_once_and_named_in_one_line():
    door, common = FakeDoor(fails_with=NoSuchSource("?")), Common()
    listener = UdpListener("syslog-udp", HERE, 0)
    with logged() as said:
        async with open_ports(door, listener, common=common) as ports:
            with a_sender(listener.port) as out:
                out.send(b"<11>a")
                await until(lambda: figures(ports, common, "syslog-udp").get("unknown") == 1)
                for _ in range(50):
                    out.send(b"<11>a")
                await until(lambda: figures(ports, common, "syslog-udp").get("unknown") == 51)
    assert door.asked == 1
    (line,) = [one for one in said if one["event"].startswith("devices that are no alert source's")]
    assert (line["messages"], line["most"]) == (51, {"127.0.0.1 (syslog-udp)": 51})


async def test_what_cannot_be_stored_just_now_waits_and_is_stored_in_order(monkeypatch):
    monkeypatch.setattr(gathering, "AGAIN", 0.05)
    door, common = FakeDoor(fails_with=Unavailable("the disk is full")), Common()
    listener = UdpListener("syslog-udp", HERE, 0)
    async with open_ports(door, listener, common=common) as ports:
        with a_sender(listener.port) as out:
            out.send(b"<11>1")
            await until(lambda: door.asked > 1)
            out.send(b"<11>2")
            await until(lambda: figures(ports, common, "syslog-udp")["received"] == 2)
            door.fails_with = None
            await until(lambda: figures(ports, common, "syslog-udp") == {"received": 2, "stored": 2})
    assert heard(door) == [b"<11>1", b"<11>2"]


async def test_what_the_system_had_taken_in_is_stored_when_the_hub_stops():
    door = FakeDoor()
    listener = UdpListener("syslog-udp", HERE, 0)
    async with open_ports(door, listener):
        with a_sender(listener.port) as out:
            for n in range(300):
                out.send(b"<11>%d" % n)
    assert len(heard(door)) == 300


async def test_a_port_that_is_taken_keeps_only_itself_down_and_says_why():
    door = FakeDoor()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind((HERE, 0))
        taken = UdpListener("snmp", HERE, other.getsockname()[1])
        listener = UdpListener("syslog-udp", HERE, 0)
        async with open_ports(door, taken, listener) as ports:
            assert "in use by another program" in ports.down["snmp"]
            with a_sender(listener.port) as out:
                out.send(b"<11>a")
            await until(lambda: heard(door) == [b"<11>a"])


async def test_a_port_that_another_hub_has_is_not_missing_and_is_taken_when_that_ends(monkeypatch):
    monkeypatch.setattr("channels.monitoring.listening.AGAIN", 0.05)
    monkeypatch.setattr("channels.monitoring.listening.ASK", 0.05)
    doors = [FakeDoor(), FakeDoor()]
    doors[1].leases = doors[0].leases
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind((HERE, 0))
        port = free.getsockname()[1]
    there = UdpListener("syslog-udp", HERE, port)
    async with open_ports(doors[0], there):
        await until(lambda: any(one.locked() for one in doors[0].leases.values()))
        waiting = UdpListener("syslog-udp", HERE, port)
        second = Ports([waiting], Common())
        running = asyncio.create_task(second.run(doors[1]))
        await asyncio.sleep(0.5)
        assert (waiting.open, second.down) == (False, {})
    try:
        await until(lambda: waiting.open)
        with a_sender(port) as out:
            out.send(b"<11>a")
        await until(lambda: heard(doors[1]) == [b"<11>a"])
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_of_several_processes_one_has_the_ports_until_it_ends():
    common = Common(2)
    doors = [FakeDoor(), FakeDoor()]
    doors[1].leases = doors[0].leases
    first, second = (Ports([UdpListener("syslog-udp", HERE, 0)], common) for _ in range(2))
    running = [asyncio.create_task(one.run(door)) for one, door in zip((first, second), doors, strict=True)]
    try:
        await until(lambda: first.listeners[0].open)
        await asyncio.sleep(0.05)
        assert not second.listeners[0].open
        running[0].cancel()
        await until(lambda: second.listeners[0].open)
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


# --- Connections ---


async def test_lines_by_tcp_are_cut_where_they_end_however_the_segments_fall():
    door = FakeDoor()
    listener = TcpListener("syslog-tcp", HERE, 0)
    async with open_ports(door, listener):
        async with connected(listener.port) as (_, out):
            for part in (
                b"<11>one\n<11>two\n<11>th",
                b"ree\n<11>" + b"x" * 20_000,
                b"x" * 480 + b"\n<11>last",
            ):
                out.write(part)
                await out.drain()
                await asyncio.sleep(0.05)
        await until(lambda: len(heard(door)) == 5)
    one, two, three, long, last = heard(door)
    assert (one, two, three, last) == (b"<11>one", b"<11>two", b"<11>three", b"<11>last")
    assert len(long) == LONGEST + 1  # cut, and so marked: whoever reads it says so
    said = understood(next(came for came in door.came if long in came.raw))
    assert any("is cut" in note for fact in said.alerts for note in fact.notes)


async def test_a_connection_that_counts_its_messages_is_closed_when_it_is_out_of_step():
    door = FakeDoor()
    listener = TcpListener("syslog-tcp", HERE, 0)
    async with open_ports(door, listener):
        async with connected(listener.port) as (reader, out):
            out.write(b"7 <11>one7 <11>two8 <11>")
            await out.drain()
            await asyncio.sleep(0.05)
            out.write(b"four")
            await out.drain()
            await asyncio.sleep(0.05)
            out.write(b"8 <11>five8 <11>more and nonsense")
            assert await asyncio.wait_for(reader.read(), 5) == b""
        await until(lambda: len(heard(door)) == 5)
    assert heard(door) == [b"<11>one", b"<11>two", b"<11>four", b"<11>five", b"<11>more"]


async def test_one_address_has_so_many_connections_and_no_more(monkeypatch):
    monkeypatch.setattr("channels.monitoring.listening_tcp.OF_ONE", 2)
    door = FakeDoor()
    listener = TcpListener("syslog-tcp", HERE, 0)
    async with open_ports(door, listener), connected(listener.port):
        async with connected(listener.port):
            await asyncio.sleep(0.05)
            async with connected(listener.port) as (reader, _):
                assert await asyncio.wait_for(reader.read(), 5) == b""
        await asyncio.sleep(0.05)
        async with connected(listener.port) as (_, out):
            out.write(b"<11>a\n")
            await until(lambda: heard(door) == [b"<11>a"])


async def test_a_connection_of_somebody_who_is_no_alert_source_is_closed():
    door = FakeDoor(fails_with=NoSuchSource("?"))
    listener = TcpListener("syslog-tcp", HERE, 0)
    device = {"local_addr": ("127.0.0.2", 0)}
    async with open_ports(door, listener), connected(listener.port, **device) as (reader, out):
        out.write(b"<11>a\n")
        await until(lambda: door.asked == 1)
        await asyncio.sleep(0.05)
        out.write(b"<11>b\n")
        assert await asyncio.wait_for(reader.read(), 5) == b""
        async with connected(listener.port, **device) as (again, _):
            assert await asyncio.wait_for(again.read(), 5) == b""


async def test_a_relay_that_is_faster_than_the_store_is_made_to_wait_and_loses_nothing(monkeypatch):
    monkeypatch.setattr(gathering, "MOST_BYTES", 2**20)
    door, common = FakeDoor(), Common()
    door.open.clear()
    listener = TcpListener("syslog-tcp", HERE, 0)
    lines = 30_000
    async with open_ports(door, listener, common=common) as ports:
        async with connected(listener.port) as (_, out):
            out.write(b"".join(b"<11>%d %s\n" % (n, b"x" * 400) for n in range(lines)))
            await asyncio.sleep(0.5)
            assert figures(ports, common, "syslog-tcp")["received"] < lines
            door.open.set()
            await until(lambda: sum(one.envelope["batch"] for one in door.came) == lines)
        assert not figures(ports, common, "syslog-tcp").get("overflow")


async def test_over_tls_messages_are_counted_and_who_shows_no_certificate_is_not_heard(tmp_path):
    ours = certificate(tmp_path, "hub")
    theirs = certificate(tmp_path, "device")
    door = FakeDoor()
    listener = TcpListener("syslog-tls", HERE, 0, tls=context(*ours, theirs[0]))
    trusting = ssl.create_default_context(cafile=ours[0])
    named = {"ssl": trusting, "server_hostname": "hub"}
    async with open_ports(door, listener):
        assert not await gets_through(listener.port, **named)
        trusting.load_cert_chain(*theirs)
        assert await gets_through(listener.port, **named)
        await until(lambda: heard(door) == [b"<11>a"])


async def gets_through(port: int, **tls: Any) -> bool:
    """Over TLS 1.3 a client hears only after its handshake that it was refused."""
    try:
        async with connected(port, **tls) as (reader, out):
            out.write(b"5 <11>a")
            await out.drain()
            async with asyncio.timeout(0.5):
                return bool(await reader.read())
    except TimeoutError:
        return True  # nobody answers, and nobody hung up
    except OSError:
        return False


# --- What lies in one row ---


def understood(arrival: Arrival, kind: str = "syslog") -> Any:
    came = {"channel": "monitoring", "received_at": arrival.received_at, "envelope": arrival.envelope}
    return read(arrival.raw, came, {"source": {"name": "lines", "kind": kind}})


def a_row(*raw: bytes) -> Arrival:
    packed = batches.pack("one", [(now(), one) for one in raw])
    return Arrival(
        channel="monitoring", raw=packed, received_at=now(), envelope={"peer": HERE, "batch": len(raw)}
    )


def test_one_message_that_is_not_understood_does_not_stop_the_others_of_its_row():
    said = understood(a_row(version_2(LINK_DOWN), b"nonsense"), "snmp")
    assert [fact.event for fact in said.alerts] == ["linkDown"]
    assert "1 of 2 messages were not understood" in said.notes[0]
    with pytest.raises(NotUnderstood):
        understood(a_row(b"nonsense"), "snmp")


def test_lines_that_are_no_alarm_are_no_facts():
    assert understood(a_row(b"<14>all is well", b"<14>still")).alerts == ()


@pytest.mark.parametrize(
    "raw", [b"", b"\xc1", b"\x92\xa1a\x91\x92\xcf\xff\xff\xff\xff\xff\xff\xff\xff\xc4\x00"]
)
def test_a_row_that_was_not_put_together_here_is_not_understood(raw):
    with pytest.raises(NotUnderstood):
        batches.unpack(raw)


def certificate(folder: Path, name: str) -> tuple[str, str]:
    """One that signs itself, and its key."""
    paths = str(folder / f"{name}.pem"), str(folder / f"{name}.key")
    asked = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-days",
        "2",
    ]
    subprocess.run(
        [
            *asked,
            "-subj",
            f"/CN={name}",
            "-addext",
            f"subjectAltName=DNS:{name}",
            "-out",
            paths[0],
            "-keyout",
            paths[1],
        ],
        check=True,
        capture_output=True,
    )
    return paths
