"""Who reports proves who they are; and what changes of a source leaves its open alarms whose they are."""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64encode

import pytest

from core.channel import NoSuchSource, NotAdmitted
from core.desk import alert_rows, door
from core.desk.errors import ConfigurationError
from core.envelope import Arrival, Claims
from core.store import tables
from tests.desk_files import put
from tests.devices_at_work import SECRET, WITH_DEVICES, Devices, devices

SIGNING = """
[[alert_sources]]
name = "signs"
kind = "alertmanager"
customer = "ACME"
hmac = {{ header = "X-Signature", secret = "{secret}"{more} }}
"""
KEY = "a key of the tool"


def mac(raw: bytes) -> bytes:
    return hmac.digest(KEY.encode(), raw, hashlib.sha256)


async def posts(hub: Devices, raw: bytes, **headers: str) -> str:
    claims = Claims(source="signs", peer="192.0.2.9", headers=headers)
    arrival = Arrival(channel="monitoring", raw=raw, received_at=hub.desk.now, claims=claims)
    return await hub.desk.db.write(door.accept, arrival, now=hub.desk.now)


# --- Signatures ---


@pytest.fixture
def signing(monkeypatch) -> str:
    monkeypatch.setenv("TOOL_HMAC", KEY)
    return WITH_DEVICES + SIGNING.format(secret="env:TOOL_HMAC", more="")


async def test_what_is_signed_is_taken_in_without_any_other_secret(db, signing):
    hub = await devices(db, signing)
    raw = b'{"alerts": []}'
    for said in (
        mac(raw).hex(),
        f"sha256={mac(raw).hex()}",
        b64encode(mac(raw)).decode(),
        f"v1=00,v1={mac(raw).hex()}",
    ):
        await posts(hub, raw, **{"x-signature": said})
    for wrong in ("", mac(b"other").hex(), "sha256=", KEY, "é"):
        with pytest.raises(NotAdmitted):
            await posts(hub, raw, **{"x-signature": wrong})
    with pytest.raises(NotAdmitted):
        await hub.posts(raw, source="signs", secret=SECRET)
    assert len(await hub.desk.rows(tables.inbound)) == 4


async def test_a_signature_with_its_time_is_good_for_five_minutes(db, monkeypatch):
    monkeypatch.setenv("TOOL_HMAC", KEY)
    more = ', timestamp = "X-Time"'
    hub = await devices(db, WITH_DEVICES + SIGNING.format(secret="env:TOOL_HMAC", more=more))
    now = int(hub.desk.now.timestamp())
    for at, good in ((now, True), (now - 299, True), (now - 301, False), (now + 301, False)):
        said = {"x-signature": mac(f"{at}:".encode() + b"x").hex(), "x-time": str(at)}
        if good:
            await posts(hub, b"x", **said)
        else:
            with pytest.raises(NotAdmitted):
                await posts(hub, b"x", **said)
    with pytest.raises(NotAdmitted):
        await posts(hub, b"x", **{"x-signature": mac(b"x").hex()})


async def test_where_the_key_is_lost_nobody_is_admitted(db, signing, monkeypatch):
    hub = await devices(db, signing)
    monkeypatch.delenv("TOOL_HMAC")
    with pytest.raises(NotAdmitted):
        await posts(hub, b"x", **{"x-signature": mac(b"x").hex()})
    monkeypatch.setenv("TOOL_HMAC", "")
    with pytest.raises(NotAdmitted):
        await posts(hub, b"x", **{"x-signature": hmac.digest(b"", b"x", "sha256").hex()})


async def test_a_key_does_not_stand_in_the_file_of_the_desk(db):
    with pytest.raises(ConfigurationError, match=r"hmac\.secret: must say where the secret is"):
        await devices(db, WITH_DEVICES + SIGNING.format(secret=KEY, more=""))


async def test_whether_one_may_report_is_answered_without_storing_anything(db, signing):
    hub = await devices(db, signing)
    await hub.desk.db.read(door.admits, Claims(source="am", secret=SECRET))
    await hub.desk.db.read(door.admits, Claims(source="signs"))
    with pytest.raises(NotAdmitted):
        await hub.desk.db.read(door.admits, Claims(source="am", secret="another"))
    with pytest.raises(NoSuchSource):
        await hub.desk.db.read(door.admits, Claims(source="nobody", secret=SECRET))
    assert await hub.desk.rows(tables.inbound) == []


# --- What changes while something fires ---


async def changed(hub: Devices, was: str, becomes: str) -> None:
    assert was in WITH_DEVICES
    await hub.desk.db.write(put, WITH_DEVICES.replace(was, becomes), now=hub.desk.now)


AT_ONCE = 'name = "at-once"\nkind = "alertmanager"\nsecret = "' + SECRET + '"\ncustomer = "ACME"'


async def test_an_alarm_stays_its_customers_when_the_source_goes_to_another(db):
    hub = await devices(db)
    await hub.fires("sw-1", source="at-once")
    (ticket,) = await hub.tickets()
    await changed(hub, AT_ONCE, AT_ONCE.replace('"ACME"', '"BETA"'))

    await hub.fires("sw-1", source="at-once")  # it still fires
    assert (await hub.alert("sw-1", "at-once")).customer == "ACME"
    await hub.ends("sw-1", source="at-once")
    row = await hub.alert("sw-1", "at-once")
    assert (row.status, row.customer, row.ticket_id) == ("resolved", "ACME", ticket.id)
    assert [one.customer for one in await hub.tickets()] == ["ACME"]
    await hub.sound()


async def test_what_begins_after_the_move_is_the_new_customers_and_joins_no_ticket_of_the_old_one(db):
    beta = WITH_DEVICES.replace(
        '"C-2"\n  valid_from = 2025-01-01\n  valid_until = 2025-12-31',
        '"C-2"\n  valid_from = 2026-01-01\n  valid_until = 2026-12-31',
    )
    hub = await devices(db, beta)
    await hub.fires("sw-1", source="at-once")
    await hub.desk.db.write(put, beta.replace(AT_ONCE, AT_ONCE.replace('"ACME"', '"BETA"')), now=hub.desk.now)
    await hub.ends("sw-1", source="at-once")
    await hub.passes(minutes=1)
    await hub.fires("sw-1", source="at-once")
    await hub.passes(minutes=1)
    old = (await hub.tickets())[0]
    row = await hub.alert("sw-1", "at-once")
    assert row.customer == "BETA"
    assert row.ticket_id != old.id
    assert {one.customer for one in await hub.tickets()} == {"ACME", "BETA"}


async def test_a_source_that_is_switched_off_is_not_heard_and_its_alarms_stay(db):
    hub = await devices(db)
    await hub.fires("sw-1", source="at-once")
    await changed(hub, AT_ONCE, AT_ONCE + "\nenabled = false")
    with pytest.raises(NoSuchSource):
        await hub.ends("sw-1", source="at-once")
    await hub.passes(hours=2)
    row = await hub.alert("sw-1", "at-once")
    assert (row.firing, row.customer) == (True, "ACME")
    assert (await hub.tickets())[0].open


async def test_a_secret_that_changes_ends_nothing_and_both_are_good_meanwhile(db):
    hub = await devices(db)
    await hub.fires("sw-1", source="at-once")
    new = "the next secret of it"
    rotating = AT_ONCE + f'\nnext_secret = "{new}"'
    await changed(hub, AT_ONCE, rotating)
    await hub.desk.db.read(door.admits, Claims(source="at-once", secret=SECRET))
    await hub.desk.db.read(door.admits, Claims(source="at-once", secret=new))
    await changed(hub, AT_ONCE, AT_ONCE.replace(SECRET, new))
    with pytest.raises(NotAdmitted):
        await hub.ends("sw-1", source="at-once")
    assert (await hub.alert("sw-1", "at-once")).firing
    number = await hub.desk.db.read(alert_rows.number_of, "at-once", "alertmanager:sw-1")
    assert number == (await hub.tickets())[0].number
