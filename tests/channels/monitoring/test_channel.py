"""How do devices report by HTTP? What is stored is acknowledged, and whoever may not report hears why."""

from __future__ import annotations

import asyncio
import gzip
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from channels.monitoring.channel import MonitoringChannel
from channels.monitoring.decoding import SIZE
from core.channel import NoSuchSource, NotAdmitted, Unavailable
from tests.fakes import FakeDoor

HERE = "/in/alerts/zabbix"


@asynccontextmanager
async def listening(door: FakeDoor | None) -> AsyncIterator[TestClient]:
    """The channel at its address; without a door the hub has not started."""
    channel = MonitoringChannel()
    app = web.Application(client_max_size=2 * SIZE)
    app.router.add_routes(channel.webhooks())
    running = asyncio.create_task(channel.run(door)) if door is not None else None
    await asyncio.sleep(0)
    server = TestServer(app)
    await server.start_server(auto_decompress=False)  # as web.app serves it
    try:
        async with TestClient(server) as client:
            yield client
    finally:
        if running is not None:
            running.cancel()


async def test_what_is_stored_is_acknowledged_with_its_number():
    door = FakeDoor()
    async with listening(door) as client:
        answer = await client.post(HERE, data=b"{}", headers={"Authorization": "Bearer s3cret"})
        assert answer.status == 202
        assert (await answer.json())["status"] == "stored"
    (arrival,) = door.came
    assert (arrival.channel, arrival.raw) == ("monitoring", b"{}")
    assert (arrival.claims.source, arrival.claims.secret) == ("zabbix", "s3cret")
    assert arrival.claims.peer == "127.0.0.1"


async def test_a_device_that_sets_no_headers_says_its_secret_in_the_address_and_it_is_not_kept():
    door = FakeDoor()
    async with listening(door) as client:
        assert (await client.post(f"{HERE}?secret=s3cret&host=a", data=b"x")).status == 202
    (arrival,) = door.came
    assert arrival.claims.secret == "s3cret"
    assert arrival.envelope["query"] == {"host": "a"}
    assert "s3cret" not in repr(arrival)


async def test_what_proves_who_sends_is_not_stored_with_the_message():
    door = FakeDoor()
    async with listening(door) as client:
        headers = {"Authorization": "Bearer s3cret", "Cookie": "a=b", "ce-id": "7", "ce-source": "/ups"}
        await client.post(HERE, data=gzip.compress(b"{}"), headers=headers | {"Content-Encoding": "identity"})
    (arrival,) = door.came
    assert set(arrival.envelope["headers"]) <= {
        "content-type",
        "content-encoding",
        "user-agent",
        "ce-id",
        "ce-source",
    }
    assert arrival.external_id == "/ups 7"  # the same delivery twice is one; 7 of another is another


@pytest.mark.parametrize(
    ("refusal", "status", "says"),
    [
        (NoSuchSource("?"), 404, "no such alert source"),
        (NotAdmitted("?"), 401, "Bearer"),
        (Unavailable("the disk is full"), 503, "the disk is full"),
    ],
)
async def test_what_is_not_stored_is_not_acknowledged(refusal, status, says):
    async with listening(FakeDoor(fails_with=refusal)) as client:
        answer = await client.post(HERE, data=b"{}")
        assert answer.status == status
        assert says in (await answer.json())["error"]
        assert ("Retry-After" in answer.headers) == (status == 503)


async def test_a_body_beyond_the_limit_is_refused_whatever_its_head_says():
    door = FakeDoor()
    async with listening(door) as client:
        assert (await client.post(HERE, data=io.BytesIO(b"x" * (SIZE + 1)))).status == 413

        async def parts() -> AsyncIterator[bytes]:
            for _ in range(SIZE // 65536 + 2):
                yield b"x" * 65536

        assert (await client.post(HERE, data=parts())).status == 413
        assert (await client.post(HERE, data=io.BytesIO(b"x" * SIZE))).status == 202
    assert len(door.came) == 1


async def test_a_hub_that_starts_asks_to_come_again():
    async with listening(None) as client:
        assert (await client.post(HERE, data=b"{}")).status == 503
