"""What the hub sends to itself goes the way that devices take, and is let in as the hub."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from channels.monitoring.channel import MonitoringChannel
from core.channel import Unavailable
from core.desk import alert_sources
from core.desk.alert_sources import OWN
from core.settings import Http, Settings
from tests.fakes import FakeDoor
from web.app import WebServer, make_app
from web.knocking import Knocking


@pytest.fixture
async def door() -> FakeDoor:
    return FakeDoor()


@pytest.fixture
async def knocking(db, door):
    """Knocks at a server that is up, with the devices' channel behind it."""
    settings = Settings(channels={}, http=Http(port=0))
    channel = MonitoringChannel()
    app = make_app(db, settings, clean=lambda html, **_: html, webhooks=channel.webhooks())
    server = WebServer(app, settings)
    tasks = [asyncio.create_task(one) for one in (server.run(), channel.run(door))]
    async with asyncio.timeout(10):
        while server.port is None:  # noqa: ASYNC110 - the server tells nobody
            await asyncio.sleep(0.01)
    yield Knocking(server, settings, db.facts)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_what_the_hub_sends_to_itself_comes_in_by_the_web_server_and_proves_that_it_is_the_hub(
    db, door, knocking
):
    assert await knocking.knock()
    (arrival,) = door.came
    own = alert_sources.own(replace(db.facts, knocks=True))
    assert alert_sources.admitted({OWN: own}, arrival.claims) is own


async def test_a_door_that_takes_nothing_in_is_noticed(door, knocking):
    door.fails_with = Unavailable("the disk is full")
    assert not await knocking.knock()


async def test_nobody_is_reached_where_nobody_listens(db):
    settings = Settings(channels={}, http=Http(port=0))
    server = WebServer(make_app(db, settings, clean=lambda html, **_: html), settings)
    knocking = Knocking(server, settings, db.facts)
    assert not await knocking.knock()
    server.port = 1  # where nothing is
    assert not await knocking.knock()
