"""A day on which a switch dies: a hub that is killed twice in the middle of it makes one ticket of it all, and says so once."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.days.devices import Alertmanager, alarm
from tests.days.hubs import Hub, ended, until
from tests.days.people import Api
from tests.days.posting import Relay, understood

SWITCH = "sw-core"
BEHIND = [f"srv-{n:03}" for n in range(120)]


@pytest.fixture(params=["sqlite", pytest.param("pg", marks=pytest.mark.postgres)])
def hub_and_ann(request: pytest.FixtureRequest, relay: Relay) -> tuple[Hub, Api]:
    out = {
        "hub__lease": "3s",
        "channels__email__relay_host": "127.0.0.1",
        "channels__email__relay_port": relay.port,
    }
    if request.param == "sqlite":
        day = request.getfixturevalue("a_day")(**out)
        return day.hub, day.ann
    desks = request.getfixturevalue("desks")
    hub = desks.hub("hub", **out)
    return hub, hub.api(desks.ann_token)


def test_a_switch_that_dies_and_comes_back_is_one_ticket_and_one_word_although_the_hub_is_killed_twice(
    hub_and_ann: tuple[Hub, Api], relay: Relay
) -> None:
    hub, ann = hub_and_ann
    device = Alertmanager(hub.base)
    hub.start()

    # It dies; the hub is killed as soon as everything is acknowledged, whatever was understood by then.
    device.posts([[alarm(name, parent=SWITCH)] for name in BEHIND[:5]])
    device.posts([[alarm(SWITCH)]])  # the cause is told late
    device.posts([[alarm(name, parent=SWITCH)] for name in BEHIND[5:40]])
    device.posts([[alarm(name, parent=SWITCH) for name in BEHIND[40:80]]])
    hub.kill()
    hub.start()
    understood(ann)

    # And in the middle of what comes after.
    more = threading.Thread(
        target=device.posts, args=([[alarm(name, parent=SWITCH)] for name in BEHIND[80:]],), daemon=True
    )
    more.start()
    device.wait_for(len(BEHIND[80:]) // 2)
    hub.kill()
    hub.start()
    more.join()

    noticed = relay.next("alice@acme.test")
    assert SWITCH in noticed.text
    until(
        lambda: _alerts(hub) == {(SWITCH, "firing", 1)} | {(name, "suppressed", 1) for name in BEHIND},
        "not all are placed",
    )
    (ticket,) = _standing(ann)
    assert SWITCH in ticket["subject"]

    # It comes back.
    device.posts([[alarm(SWITCH, "resolved")], [alarm(name, "resolved", parent=SWITCH) for name in BEHIND]])
    until(lambda: _standing(ann)[0]["state"] == "resolved", "it is not solved")
    over = relay.next("alice@acme.test")
    assert "came back by itself" in over.text
    assert _alerts(hub) == {(name, "resolved", 1) for name in (SWITCH, *BEHIND)}

    # Every message that was acknowledged is accounted for, and no word left twice.
    items = {item["id"]: item["outcome"] for item in understood(ann)}
    assert set(device.ledger) <= set(items)
    assert set(items.values()) <= {"alert", "duplicate"}
    assert len(items) <= len(device.ledger) + device.resent
    assert len({one.header("Message-ID") for one in relay.all}) == 2
    assert hub.astonished() == []
    hub.stop()
    hub.balances()


def _standing(ann: Api) -> list[Any]:
    return [one for one in ann.all("/tickets", view="all") if one["state"] != "merged"]


def _alerts(hub: Hub) -> set[tuple[Any, ...]]:
    """Name, status and episodes of every alert. There is one row of each, or the set is not what is asked for."""
    said = "SELECT resource, status, episode FROM alert"
    url = str(hub.settings.get("database.url", ""))
    if url:
        with psycopg.connect(url, autocommit=True) as look:
            return set(look.execute(said).fetchall())
    with closing(sqlite3.connect(hub.data / "centralino.db")) as look:
        return set(look.execute(said).fetchall())


def test_the_switch_of_the_demo_desk_dies_when_it_is_wanted_and_everybody_hears_of_it_once(
    tmp_path: Path,
) -> None:
    hub = Hub(tmp_path / "hub")
    gone = hub.line("demo", "switch")
    assert (gone.returncode, "this is no demo desk" in gone.stderr) == (2, True)
    hub.done("demo")
    silent = hub.line("demo", "switch")
    assert (silent.returncode, "start it with main.py run" in silent.stderr) == (1, True)

    with ended(hub):
        hub.start()
        told = hub.done("demo", "switch")

        assert "is the incident: pop-vr-sw-01 does not answer" in told
        assert "is that of CANTINE, P2, with 61 alarms of theirs" in told
        assert told.count("is resolved") == 4
        assert "the outage is ended" in told
        once, in_all = told.split("what customers were told in all:")
        assert (
            once.count(": progress to") == in_all.count(": progress to") == in_all.count(": resolved to") == 3
        )
        assert in_all.count(", sent") == 6, "the last words have left"
        hub.stop()
    hub.balances()
