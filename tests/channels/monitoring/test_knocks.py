"""Does a way by which nothing of devices gets in come to light, and what was lost, whatever else is well?"""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import stat
import tempfile
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from sqlalchemy import select

from channels.monitoring import ber, knocks, own_certificate
from channels.monitoring.channel import MonitoringChannel
from channels.monitoring.gathering import Came, Gathering, now
from channels.monitoring.listening import Ports
from channels.monitoring.listening_tcp import TcpListener, context
from channels.monitoring.listening_udp import UdpListener
from core.alerting import BATCH
from core.channel import Knock, NoSuchSource
from core.common import Common, meter
from core.desk import alert_sources
from core.desk.alert_sources import OWN
from core.facts import HubFacts
from core.hub import Hub, Service
from core.ids import new_id
from core.knocking import PortKnocking
from core.store import tables
from tests.channels.monitoring.test_listening import HERE, a_sender, certificate, heard, open_ports, until
from tests.fakes import FakeDoor, ReadersHere

pytestmark = pytest.mark.usefixtures("_soon")


@pytest.fixture
def _soon(monkeypatch):
    monkeypatch.setattr("core.knocking.LOOK", 0.05)


@pytest.fixture
def facts() -> HubFacts:
    return HubFacts(name="Desk", token_key=b"a key of 32 bytes for the tests.", knocks=True)


async def rows(db, table):
    return await db.read(lambda tx: tx.all(select(table)))


def a_knock() -> Knock:
    return Knock(source=OWN, id=new_id(), secret="abcdefghij")


async def test_a_knock_by_each_way_is_handed_in_by_itself_as_the_hub(tmp_path):
    ours = certificate(tmp_path, "hub")
    listeners = [
        UdpListener("syslog-udp", HERE, 0),
        UdpListener("snmp", HERE, 0),
        TcpListener("syslog-tcp", HERE, 0),
        TcpListener("syslog-tls", HERE, 0, tls=context(*ours, "")),
    ]
    door = FakeDoor()
    async with open_ports(door, *listeners) as ports:
        channel = MonitoringChannel(ports=ports)
        assert channel.ways == [one.way for one in listeners]
        for way in channel.ways:
            knock = a_knock()
            assert await channel.knock(way, knock)
            await until(lambda knock=knock: [one for one in door.came if one.external_id == knock.id])
            (arrival,) = [one for one in door.came if one.external_id == knock.id]
            assert arrival.claims is not None
            assert (arrival.claims.source, arrival.claims.secret, arrival.envelope[BATCH]) == (
                OWN,
                knock.secret,
                1,
            )
    assert ber.trap(knocks.trap(knock)).oid == "1.3.6.1.6.3.1.1.5.1"


async def test_a_knock_amid_lines_lies_alone_and_the_lines_stay_together_and_in_order():
    door = FakeDoor()
    listener = UdpListener("syslog-udp", HERE, 0)
    async with open_ports(door, listener) as ports:
        with a_sender(listener.port) as out:
            out.send(b"<11>1")
            await ports.knock("syslog-udp", a_knock())
            out.send(b"<11>2")
        await until(lambda: len(heard(door)) == 3)
    assert sorted(one.envelope[BATCH] for one in door.came) in ([1, 2], [1, 1, 1])
    assert [raw for raw in heard(door) if b"knock" not in raw] == [b"<11>1", b"<11>2"]


async def test_the_hub_gets_in_from_an_address_from_which_somebody_unknown_sends_too():
    door = FakeDoor(fails_with=NoSuchSource("?"))
    listener = TcpListener("syslog-tcp", HERE, 0)
    async with open_ports(door, listener) as ports:
        _, out = await asyncio.open_connection(HERE, listener.port)
        out.write(b"<11>a\n")
        await until(lambda: ports.gathering.refuses("syslog", HERE))
        door.fails_with = None
        await ports.knock("syslog-tcp", a_knock())
        await until(lambda: door.came)
        out.write(b"<11>b\n")
        await out.drain()
        await asyncio.sleep(0.1)
        assert [b"knock" in raw for raw in heard(door)] == [True]  # who is unknown stays so
        out.close()


async def test_where_only_certificates_are_heard_the_hub_shows_its_own_and_nobody_without_one_gets_in(
    tmp_path,
):
    ours, theirs = certificate(tmp_path, "hub"), certificate(tmp_path, "device")
    made = b"a key of 32 bytes for the tests."
    listener = TcpListener("syslog-tls", HERE, 0, tls=context(*ours, theirs[0], own=made))
    door, knock, stranger = FakeDoor(), a_knock(), a_knock()
    async with open_ports(door, listener, own=made) as ports:
        assert await ports.knock("syslog-tls", knock)
        await until(lambda: door.came)
        with suppress(OSError):
            await knocks.stream(knocks.line(stranger), HERE, listener.port, tls=True, shows=b"another key")
        assert await ports.knock("syslog-tls", knock)
        await until(lambda: len(door.came) == 2)
    assert {one.external_id for one in door.came} == {knock.id}


@pytest.mark.parametrize("memory", [True, False])
def test_the_key_of_the_knock_stands_in_no_folder_once_it_is_read(tmp_path, monkeypatch, memory):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    made = list[Path]()
    files = tempfile.NamedTemporaryFile

    def kept(**how):
        file = files(**how)
        made.append(Path(file.name))
        assert stat.S_IMODE(made[-1].stat().st_mode) == 0o600
        return file

    monkeypatch.setattr(tempfile, "NamedTemporaryFile", kept)
    if not memory:
        monkeypatch.delattr("os.memfd_create")
    elif not hasattr(os, "memfd_create"):
        pytest.skip("needs files in memory")
    own_certificate.shown(ssl.create_default_context(), b"a key of 32 bytes for the tests.")
    assert len(made) == (0 if memory else 1)
    assert not any(one.exists() for one in made)
    for one in Path("/proc/self/fd").glob("*"):
        with suppress(FileNotFoundError):  # others close theirs meanwhile
            assert "knock" not in one.readlink().name


async def test_where_only_certificates_are_heard_the_hub_need_not_get_in(tmp_path):
    ours, theirs = certificate(tmp_path, "hub"), certificate(tmp_path, "device")
    listener = TcpListener("syslog-tls", HERE, 0, tls=context(*ours, theirs[0]))
    async with open_ports(FakeDoor(), listener) as ports:
        assert await ports.knock("syslog-tls", a_knock()) is False
    listener.place = (HERE, 1)  # where nobody listens
    with pytest.raises(ConnectionRefusedError):
        await ports.knock("syslog-tls", a_knock())


async def test_nothing_is_sent_to_an_address_that_is_not_of_this_machine():
    for way, listener in (
        ("snmp", UdpListener("snmp", "192.0.2.1", 162)),
        ("syslog-tcp", TcpListener("syslog-tcp", "192.0.2.1", 601)),
    ):
        with pytest.raises(OSError, match=r"assign|bind"):
            await Ports([listener], Common()).knock(way, a_knock())


# --- In the store, and as a trouble of the hub ---


@asynccontextmanager
async def a_hub(db, tmp_path: Path, *listeners: UdpListener):
    channel = MonitoringChannel(ports=Ports(listeners, Common()))
    knocking = PortKnocking(db, channel, within=0.5)
    service = Service(name="knocking at ports", run=asyncio.Event().wait, troubles=knocking.troubles)
    hub = Hub(db, data_dir=tmp_path / "data", channels=[channel], services=[service], readers=ReadersHere())
    task = asyncio.create_task(hub.run(signals=False))
    try:
        await until(lambda: all(one.open or one.way in channel.down for one in listeners))
        yield hub, knocking
    finally:
        hub.stop()
        await task


async def test_a_knock_is_understood_is_no_heartbeat_and_is_forgotten_with_the_lines(db, tmp_path):
    async with a_hub(db, tmp_path, UdpListener("syslog-udp", HERE, 0), UdpListener("snmp", HERE, 0)) as (
        hub,
        knocking,
    ):
        await knocking.knock()
        assert knocking.troubles() == {}
        assert await hub.report() == 0
    found = await rows(db, tables.inbound)
    assert [(one.sender, one.outcome, one.reason) for one in found] == [(OWN, "alert", "lines")] * 2
    (state,) = await rows(db, tables.source_state)
    assert (state.name, state.beat_at) == (OWN, None)


async def test_a_way_by_which_two_knocks_did_not_get_in_is_a_trouble_until_one_does(db, tmp_path):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as thief:
        async with a_hub(db, tmp_path, UdpListener("syslog-udp", HERE, 0), UdpListener("snmp", HERE, 0)) as (
            hub,
            knocking,
        ):
            here = hub.channels[0].ports.listeners[0]
            ours = here.socket
            thief.bind((HERE, 0))
            here.socket = thief  # what is sent goes where nobody reads
            await knocking.knock()
            assert knocking.troubles() == {}
            await knocking.knock()
            assert knocking.troubles() == {"way:syslog-udp": ("way", "2")}
            assert await hub.report() == 1
            here.socket = ours
            await knocking.knock()
            assert await hub.report() == 0


async def test_a_port_that_is_not_open_is_told_by_its_channel_and_not_twice(db, tmp_path):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind((HERE, 0))
        async with a_hub(db, tmp_path, UdpListener("snmp", HERE, other.getsockname()[1])) as (hub, knocking):
            await knocking.knock()
            await knocking.knock()
            assert (knocking.troubles(), await hub.report()) == ({}, 1)


async def test_nobody_else_knocks(db, tmp_path):
    async with a_hub(db, tmp_path, UdpListener("syslog-udp", HERE, 0)) as (hub, _):
        ports = hub.channels[0].ports
        await ports.knock("syslog-udp", a_knock())
        await until(lambda: ports._common.devices.total(meter("syslog-udp", "unknown")) == 1)
        right = Knock(source=OWN, id=new_id(), secret=alert_sources.own_secret(db.facts))
        await ports.knock("syslog-udp", right)
        await until(lambda: ports._common.devices.total(meter("syslog-udp", "stored")) == 1)
    assert [one.external_id for one in await rows(db, tables.inbound)] == [f"{OWN}/{right.id}"]


async def test_what_was_lost_is_a_trouble_of_its_way_until_nothing_was_for_a_while(db, tmp_path, monkeypatch):
    async with a_hub(db, tmp_path, UdpListener("syslog-udp", HERE, 0)) as (hub, _):
        gathering = hub.channels[0].ports.gathering
        gathering.dropped("snmp", 3)
        gathering.dropped("snmp", 4)
        assert any("snmp: 7 messages of devices were lost" in reason for reason in await hub.ready())
        assert await hub.report() == 1
        monkeypatch.setattr("core.hub.LOST_SAID", 0.0)
        assert await hub.ready() == ()
        assert await hub.report() == 1
        monkeypatch.setattr("core.hub.LOST_OVER", 0.0)
        assert await hub.report() == 0


def test_what_finds_no_room_is_lost_by_its_way_and_counted():
    common = Common()
    queue = Gathering(common.devices, most=3)
    assert [queue.put(Came("snmp", HERE, now(), b"x")) for _ in range(5)] == [True, True, True, False, False]
    assert common.devices.total(meter("snmp", "overflow")) == 2
    assert queue.lost(60) == {"snmp": 2}
