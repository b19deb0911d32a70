"""Devices report through the hub's own front door: large, fast, and without leaving their secret anywhere."""

from __future__ import annotations

import asyncio
import io
import logging
from contextlib import asynccontextmanager

from aiohttp import ClientSession

from channels.monitoring.channel import MonitoringChannel
from core.settings import Http, Limits, Settings
from tests.fakes import FakeDoor
from web.app import WebServer, make_app

HERE = "/in/alerts/zabbix"
SECRET = "s3cret-of-this-source"


@asynccontextmanager
async def devices_report(db, door: FakeDoor):
    """A whole application, as far as devices see it."""
    channel = MonitoringChannel()
    settings = Settings(channels={}, http=Http(port=0), limits=Limits(requests_per_address=1))
    app = make_app(db, settings, clean=lambda html, **_: html, webhooks=channel.webhooks())
    running = asyncio.create_task(channel.run(door))
    server = WebServer(app, settings)
    serving = asyncio.create_task(server.run())
    try:
        async with asyncio.timeout(10):
            while server.port is None:  # noqa: ASYNC110 - a server has no event of its own for it
                await asyncio.sleep(0.01)
        async with ClientSession(f"http://127.0.0.1:{server.port}") as client:
            yield client
    finally:
        running.cancel()
        serving.cancel()
        await asyncio.gather(running, serving, return_exceptions=True)


async def test_a_storm_of_one_server_is_not_held_up(db):
    door = FakeDoor()
    async with devices_report(db, door) as client:

        async def some() -> set[int]:
            return {(await client.post(HERE, data=b"x")).status for _ in range(300)}

        assert set.union(*await asyncio.gather(*(some() for _ in range(5)))) == {202}
    assert len(door.came) == 1500


async def test_what_a_device_sends_may_be_large_and_need_not_say_how_large(db):
    door = FakeDoor()
    async with devices_report(db, door) as client:
        assert (await client.post(HERE, data=io.BytesIO(b"x" * 4_000_000))).status == 202

        async def parts():
            yield b"x" * 1000

        assert (await client.post(HERE, data=parts())).status == 202
        assert (await client.post(HERE, data=io.BytesIO(b"x" * 5_300_000))).status == 413
    assert [len(one.raw) for one in door.came] == [4_000_000, 1000]


async def test_the_secret_is_in_no_log_whatever_happens(db, caplog, capsys):
    caplog.set_level(logging.DEBUG)
    event = {"routing_key": SECRET, "event_action": "trigger", "payload": {"summary": "x"}}
    door = FakeDoor()
    async with devices_report(db, door) as client:
        for fails in (None, RuntimeError(SECRET), ValueError("x")):
            door.fails_with = fails
            statuses = [
                (await client.post(f"{HERE}?secret={SECRET}", data=b"x")).status,
                (await client.post(HERE, data=b"x", headers={"Authorization": f"Bearer {SECRET}"})).status,
                (await client.post(f"{HERE}/v2/enqueue", json=event)).status,
                (await client.options(f"{HERE}?secret={SECRET}")).status,
            ]
            assert statuses == ([202, 202, 202, 200] if fails is None else [500] * 4)
    said = capsys.readouterr()
    assert SECRET not in caplog.text + said.out + said.err
