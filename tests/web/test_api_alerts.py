"""Alarms over the API: listed, looked at, acted on, each once, as staff; and nothing of it for a customer."""

from __future__ import annotations

import pytest

from core.desk import accounts, alert_rows
from tests.devices_at_work import SECRET, WITH_DEVICES, devices
from tests.web.api_desk import Caller, serving

TRAPS = """
[[agents]]
email = "ada@hub.test"
name = "Ada"
roles = ["admin"]
[[agents]]
email = "sue@hub.test"
name = "Sue"
roles = ["supervisor"]
[[alert_sources]]
name = "switches"
kind = "snmp"
peers = ["192.0.2.0/24"]
customer = "ACME"
technology = "Network"
users = [{ name = "first", auth = "SHA", auth_secret = "env:FIRST" }]
"""


@pytest.fixture
async def hub(db):
    return await devices(db, WITH_DEVICES + TRAPS)


@pytest.fixture
async def callers(hub):
    db = hub.desk.db
    tokens = {}
    for kind, email in (
        ("agent", "lea@hub.test"),
        ("agent", "ann@hub.test"),
        ("agent", "ada@hub.test"),
        ("agent", "sue@hub.test"),
        ("contact", "alice@acme.test"),
    ):
        tokens[email.partition("@")[0]] = await db.write(
            accounts.token_create, kind=kind, email=email, name="test", now=hub.desk.now
        )
    async with serving(db) as client:
        yield lambda name: Caller(client, tokens[name])


async def done(answer, status=200):
    body = await answer.json()
    assert answer.status == status, body
    return body


async def test_an_alarm_is_found_read_and_acted_on(hub, callers):
    lea = callers("lea")
    await hub.fires("sw-1")
    await hub.fires("loose", source="shared")

    (item,) = (await done(await lea.get("/alerts", asset="sw-1", status="held")))["items"]
    loose = (await done(await lea.get("/alerts", unmapped="true")))["items"][0]
    page = await done(await lea.get("/alerts", limit=1))
    assert page["next"]
    seen = await done(await lea.get(f"/alerts/{item['id']}"))
    assert (seen["status"], seen["acts"]) == ("held", ["open", "attach"])
    assert seen["decisions"][-1]["text"] == "È cominciato (critico)"

    opened = await done(await lea.post(f"/alerts/{item['id']}/open", {}))
    number = opened["ticket"]["number"]
    assert (await lea.post(f"/alerts/{item['id']}/open", {})).status == 409
    known = await done(await lea.post(f"/alerts/{item['id']}/acknowledge", {"text": "Ours"}))
    assert (known["status"], known["decisions"][0]["values"]["text"]) == ("acknowledged", "Ours")
    named = await done(await lea.post(f"/alerts/{loose['id']}/name", {"customer": "ACME", "asset": "srv-1"}))
    assert (named["customer"], named["asset"]) == ("ACME", "srv-1")
    assert (await lea.post(f"/alerts/{loose['id']}/name", {"customer": "NOBODY"})).status == 422
    moved = await done(await lea.post(f"/alerts/{loose['id']}/attach", {"ticket": number}))
    assert moved["ticket"]["number"] == number
    assert (await lea.get("/alerts", status="burning")).status == 422
    assert alert_rows.identity("am", "alertmanager:sw-1") == item["id"]


async def test_sources_say_how_they_are_and_never_their_secret(hub, callers):
    await hub.fires("sw-1")
    answer = await callers("lea").get("/alert-sources")
    found = {one["name"]: one for one in (await done(answer))["items"]}
    assert (found["am"]["state"], found["am"]["received"], found["beta"]["state"]) == ("heard", 1, "never")
    assert SECRET not in await answer.text()
    mapping = {"mapping": {"event": "problem"}}
    assert (await callers("lea").post("/alert-sources/am/mapping", mapping)).status == 403
    assert (await callers("lea").post("/alert-sources/nobody/mapping", mapping)).status == 404


async def test_users_of_traps_are_set_and_removed_by_who_configures(hub, callers):
    ada, lea, path = callers("ada"), callers("lea"), "/alert-sources/switches/users/trap%20user"
    said = {"auth": "SHA-256", "auth_secret": "env:TRAP_AUTH", "priv": "AES", "priv_secret": "file:/etc/priv"}
    assert (await lea.send("PUT", path, said)).status == 403
    assert (await ada.send("PUT", path, {**said, "auth_secret": "the secret itself"})).status == 422
    assert (await ada.send("PUT", path.replace("switches", "am"), said)).status == 409

    set_ = await done(await ada.send("PUT", path, said))
    assert set_["users"][1] == {"name": "trap user", **said}
    seen = await done(await lea.get("/alert-sources"))
    (found,) = [one["users"] for one in seen["items"] if one["name"] == "switches"]
    assert found[1] == {"name": "trap user", **said, "auth_secret": "", "priv_secret": ""}

    sue = callers("sue")
    assert (await sue.send("PUT", path, said)).status == 403, "no place is guessed either"
    other = await done(await sue.send("PUT", path, {"auth": "SHA-512", "priv": "AES"}))
    assert other["users"][1] == {
        **said,
        "name": "trap user",
        "auth": "SHA-512",
        "auth_secret": "",
        "priv_secret": "",
    }
    seen = await done(await ada.get("/alert-sources"))
    (found,) = [one["users"] for one in seen["items"] if one["name"] == "switches"]
    assert found[1] == {"name": "trap user", **said, "auth": "SHA-512"}

    assert [one["name"] for one in (await done(await ada.send("DELETE", path)))["users"]] == ["first"]
    assert (await ada.send("DELETE", path)).status == 404
    last = await ada.send("DELETE", path.replace("trap%20user", "first"))
    assert last.status == 409, "anybody at its addresses would be believed by an older version"


async def test_a_customer_gets_nothing_of_alarms(hub, callers):
    await hub.fires("sw-1")
    alice, row = callers("alice"), await hub.alert("sw-1")
    for path in ("/alerts", "/alert-sources"):
        assert (await alice.get(path)).status == 403
    assert (await alice.get(f"/alerts/{row.id}")).status == 404
    assert (await alice.post(f"/alerts/{row.id}/acknowledge", {})).status == 404
