"""Tools hear from the hub what they expect to hear."""

from __future__ import annotations

import gzip
import json
import zlib

import pytest
from aiohttp import encode_basic_auth

from channels.monitoring import kinds
from channels.monitoring.pace import LEARNED, Pace
from channels.monitoring.read import read
from core.alerting import PACE, Agreed
from core.channel import NoSuchSource, NotAdmitted, Unavailable
from tests.channels.monitoring.test_channel import HERE, listening
from tests.fakes import FakeDoor

EVENT = {
    "routing_key": "the secret of the source",
    "event_action": "trigger",
    "payload": {"summary": "Door open", "source": "room-3", "severity": "warning"},
}


def the_fact(arrival):
    told = {"channel": "monitoring", "received_at": arrival.received_at, "envelope": arrival.envelope}
    (fact,) = read(arrival.raw, told, {"source": {"name": "x", "kind": kinds.AUTO}}).alerts
    return fact


# --- vRealize Operations ---


async def test_vrealize_operations_puts_the_id_of_an_alert_behind_the_address_and_changes_what_it_made():
    door = FakeDoor()
    async with listening(door) as client:
        secret = {"Authorization": encode_basic_auth("centralino", "s3cret")}
        for method, status in ((client.post, 201), (client.put, 202)):
            answer = await method(
                f"{HERE}/6f2c1d0e-77aa-4b7e-9a51-0b1f", json={"alertId": "6f2c"}, headers=secret
            )
            assert answer.status == status
            assert (await answer.json())["status"] == "stored"
        assert (await client.put(HERE, json={})).status == 405
        door.fails_with = NotAdmitted("?")
        assert (await client.post(f"{HERE}/6f2c", json={})).status == 401
    assert [(one.claims.source, one.claims.secret) for one in door.came] == [("zabbix", "s3cret")] * 2


# --- PagerDuty ---


async def test_who_speaks_to_pagerduty_hears_the_same_words_and_the_key_that_ends_the_problem():
    door = FakeDoor()
    async with listening(door) as client:
        first = await client.post(f"{HERE}/v2/enqueue", json=EVENT)
        again = await client.post(f"{HERE}/v2/enqueue", json=EVENT)
        told = await first.json()
        assert (first.status, told["status"], told["message"]) == (202, "success", "Event processed")
        assert (await again.json())["dedup_key"] == told["dedup_key"]  # sent twice it is one problem

        over = {
            "routing_key": EVENT["routing_key"],
            "event_action": "resolve",
            "dedup_key": told["dedup_key"],
        }
        assert (await client.post(f"{HERE}/v2/enqueue", json=over)).status == 202
    begun, _, ended = map(the_fact, door.came)
    assert begun.dedup_key == ended.dedup_key
    assert (begun.status, ended.status) == ("firing", "resolved")


@pytest.mark.parametrize(("encoding", "pack"), [("gzip", gzip.compress), ("deflate", zlib.compress)])
async def test_a_packed_event_is_taken_like_any_other(encoding, pack):
    door = FakeDoor()
    async with listening(door) as client:
        said = {"Content-Encoding": encoding, "Content-Type": "application/json"}
        body = pack(json.dumps(EVENT).encode())
        answer = await client.post(f"{HERE}/v2/enqueue", data=body, headers=said)
        assert (answer.status, (await answer.json())["status"]) == (202, "success")
        for broken in (body[:-9], pack(b"0" * 10**7)):
            answer = await client.post(f"{HERE}/v2/enqueue", data=broken, headers=said)
            assert (answer.status, (await answer.json())["status"]) == (400, "invalid event")
    (arrival,) = door.came
    assert arrival.claims.secret == EVENT["routing_key"]
    assert the_fact(arrival).status == "firing"


async def test_a_key_of_the_senders_own_is_kept():
    async with listening(FakeDoor()) as client:
        answer = await client.post(f"{HERE}/v2/enqueue", json=EVENT | {"dedup_key": "door"})
        assert (await answer.json())["dedup_key"] == "door"


async def test_the_routing_key_is_the_secret_and_is_not_kept():
    door = FakeDoor()
    async with listening(door) as client:
        await client.post(f"{HERE}/v2/enqueue", json=EVENT)
    (arrival,) = door.came
    assert arrival.claims.secret == EVENT["routing_key"]
    assert EVENT["routing_key"].encode() not in arrival.raw
    assert EVENT["routing_key"] not in repr(arrival)
    assert EVENT["routing_key"] not in str(the_fact(arrival).dedup_key)


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"{" * 9000, b'{"routing_key": 7}'])
async def test_an_event_that_proves_nothing_is_refused_as_pagerduty_refuses_it(body):
    door = FakeDoor()
    async with listening(door) as client:
        answer = await client.post(f"{HERE}/v2/enqueue", data=body)
        told = await answer.json()
        assert (answer.status, told["status"]) == (400, "invalid event")
        assert told["errors"]
    assert door.came == []


async def test_a_wrong_routing_key_is_not_admitted():
    async with listening(FakeDoor(fails_with=NotAdmitted("?"))) as client:
        assert (await client.post(f"{HERE}/v2/enqueue", json=EVENT)).status == 401


# --- Zabbix ---


async def test_zabbix_hears_the_number_of_the_ticket_where_there_is_one():
    door = FakeDoor(tickets={("zabbix", "zabbix:event:7"): "26-000123"})
    async with listening(door) as client:
        update = await client.post(
            HERE, json={"event_id": "7", "event_value": "1", "event_update_status": "1"}
        )
        assert (await update.json())["tags"] == {"__ticket": "26-000123"}
        new = await client.post(HERE, json={"event_id": "8", "event_value": "1"})
        assert "tags" not in await new.json()
        assert (update.status, new.status) == (202, 202)


@pytest.mark.parametrize(
    "body", [b'{"event_id": [7]', b'["event_id"]', b'{"event_id": {"a": 1}, "event_value": 1}']
)
async def test_a_message_that_only_looks_like_one_of_zabbix_is_stored_all_the_same(body):
    async with listening(FakeDoor()) as client:
        answer = await client.post(HERE, data=body)
        assert answer.status == 202
        assert "tags" not in await answer.json()


# --- Questions before anything is sent ---


async def test_who_asks_whether_events_may_come_is_told_how_fast():
    door = FakeDoor()
    asked = {"WebHook-Request-Origin": "eventgrid.azure.net", "WebHook-Request-Rate": "120"}
    async with listening(door) as client:
        answer = await client.options(HERE, headers=asked | {"WebHook-Request-Callback": "http://10.0.0.1/"})
        assert answer.status == 200
        assert answer.headers["WebHook-Allowed-Origin"] == "eventgrid.azure.net"
        assert answer.headers["WebHook-Allowed-Rate"] == "6000"
        assert "POST" in answer.headers["Allow"]
        plain = await client.options(HERE)
        assert "WebHook-Allowed-Origin" not in plain.headers
    assert door.came == []


@pytest.mark.parametrize(("refusal", "status"), [(NoSuchSource("?"), 404), (NotAdmitted("?"), 401)])
async def test_who_may_not_report_is_given_no_leave(refusal, status):
    async with listening(FakeDoor(fails_with=refusal)) as client:
        answer = await client.options(HERE, headers={"WebHook-Request-Origin": "a.example"})
        assert answer.status == status
        assert "WebHook-Allowed-Origin" not in answer.headers


@pytest.mark.parametrize(
    "body",
    [
        {"receiver": "x", "status": "firing", "orgId": 1, "alerts": [{"status": "firing", "labels": {"alertname": "TestAlert", "instance": "Grafana"}}]},
        {"schemaId": "azureMonitorCommonAlertSchema", "data": {"essentials": {"alertId": "/x/test", "monitorCondition": "Fired"}}},
        {"heartbeat": None, "monitor": None, "msg": "Testing"},
        [],
    ],
    ids=["grafana", "azure", "uptime-kuma", "cloudevents"],
)  # fmt: skip
async def test_test_buttons_hear_that_all_is_well(body):
    async with listening(FakeDoor()) as client:
        assert (await client.post(HERE, data=json.dumps(body))).status == 202


async def test_a_password_is_as_good_as_a_token_for_tools_that_know_nothing_else():
    door = FakeDoor()
    async with listening(door) as client:
        url = client.make_url(HERE).with_user("anybody").with_password("s3cret")
        assert (await client.session.post(url, data=b"{}")).status == 202
        wrong = await client.post(HERE, data=b"{}", headers={"Authorization": "Basic ???"})
        assert wrong.status == 202  # of this door; the desk's own finds no secret there
    assert [one.claims.secret for one in door.came] == ["s3cret", ""]


# --- How fast ---


async def test_what_can_be_stored_is_stored_however_fast_it_comes_and_only_else_the_fast_wait_longer():
    door = FakeDoor(agreed={HERE.rpartition("/")[2]: Agreed(rate=0, burst=3)})
    async with listening(door) as client:
        assert {(await client.post(HERE, data=b"x")).status for _ in range(10)} == {202}
        door.fails_with = Unavailable("the disk is full")
        fast = await client.post(HERE, data=b"x")
        assert (fast.status, fast.headers["Retry-After"]) == (429, "5")
        slow = await client.post("/in/alerts/another", data=b"x")
        assert slow.status == 503


def test_a_source_keeps_its_pace_at_a_hundred_a_second_after_a_burst():
    clock = [0.0]
    pace = Pace(clock=lambda: clock[0])
    assert all(pace.keeps("a") for _ in range(PACE.burst))
    assert not pace.keeps("a")
    assert pace.keeps("b")
    clock[0] += 1.0
    assert sum(pace.keeps("a") for _ in range(200)) == PACE.rate == 100


def test_what_is_agreed_with_a_source_counts_from_the_moment_it_is_known():
    clock = [0.0]
    pace = Pace(clock=lambda: clock[0])
    assert pace.keeps("a")
    pace.agreed = {"a": Agreed(rate=5, burst=10)}
    assert sum(pace.keeps("a") for _ in range(200)) == 10
    assert sum(pace.keeps("b") for _ in range(200)) == 200
    clock[0] += 1.0
    assert sum(pace.keeps("a") for _ in range(200)) == 5


def test_what_is_agreed_is_asked_once_a_minute():
    clock = [0.0]
    pace = Pace(clock=lambda: clock[0])
    assert [pace.ask(), pace.ask()] == [True, False]
    clock[0] += LEARNED
    assert pace.ask()
