"""Who reports proves who they are; and what changes of a source leaves its open alarms whose they are."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import tomllib
from base64 import b64encode
from datetime import timedelta
from typing import Any

import pytest

from core.alerting import Agreed, trap_clock
from core.channel import NoSuchSource, NotAdmitted
from core.desk import alert_rows, alert_sources, door, trap_senders
from core.desk.configuration import export
from core.desk.errors import ConfigurationError
from core.envelope import Arrival, Claims, Proved
from core.hub import HubDoor
from core.store import tables
from core.store.database import Database
from tests.desk_files import put
from tests.devices_at_work import SECRET, WITH_DEVICES, Devices, devices
from tests.hanging import hanging

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
    """As the hub's door hands it in, by the clock of the test."""
    where = await hub.desk.db.read(door.signs_with, "signs")
    keys = {where: alert_sources.key_at(where)}
    claims = Claims(source="signs", peer="192.0.2.9", headers=headers, keys=keys)
    arrival = Arrival(channel="monitoring", raw=raw, received_at=hub.desk.now, claims=claims)
    return await hub.desk.db.write(door.accept, arrival, now=hub.desk.now)


class Asked:
    """A database that counts the questions."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self.questions = 0

    def __getattr__(self, name: str) -> Any:
        self.questions += name in ("read", "query")
        return getattr(self._db, name)


async def comes(at: HubDoor, hub: Devices, key: str = "", *, source: str = "signs", secret: str = "") -> str:
    """Through the door itself, signed with this key."""
    headers = {"x-signature": hmac.digest(key.encode(), b"x", "sha256").hex()} if key else {}
    claims = Claims(source=source, peer="192.0.2.9", headers=headers, secret=secret)
    return await at.accept(Arrival(channel="monitoring", raw=b"x", received_at=hub.desk.now, claims=claims))


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
        await comes(HubDoor(db, None, lambda: ""), hub, secret=SECRET)  # type: ignore[arg-type]
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


async def test_a_source_that_signs_nothing_is_asked_for_no_key(db, signing):
    hub = await devices(db, signing)
    asked = Asked(db)
    at = HubDoor(asked, None, lambda: "")  # type: ignore[arg-type]
    for _ in range(3):
        await comes(at, hub, source="am", secret=SECRET)
        with pytest.raises(NotAdmitted):
            await comes(at, hub, source="am", secret="another")
        with pytest.raises(NoSuchSource):
            await comes(at, hub, source="nobody", secret=SECRET)
    assert asked.questions == 0
    await comes(at, hub, KEY)
    assert asked.questions == 0
    await comes(at, hub, KEY)
    assert asked.questions == 1


async def test_a_key_that_is_added_moved_or_taken_away_holds_from_the_next_message_on(db, monkeypatch):
    monkeypatch.setenv("TOOL_HMAC", KEY)
    monkeypatch.setenv("OTHER_HMAC", "another key")
    plain = SIGNING.partition("hmac")[0].replace("{{", "{") + f'secret = "{SECRET}"\n'
    hub = await devices(db, WITH_DEVICES + plain)
    at = HubDoor(db, None, lambda: "")  # type: ignore[arg-type]

    async def holds(*, good: list[dict[str, str]], bad: list[dict[str, str]]) -> None:
        for one in good:
            await comes(at, hub, **one)
        for one in bad:
            with pytest.raises(NotAdmitted):
                await comes(at, hub, **one)

    by_secret, by_key, by_other = {"secret": SECRET}, {"key": KEY}, {"key": "another key"}
    await holds(good=[by_secret], bad=[by_key, {}])
    for where, good, bad in (("TOOL_HMAC", by_key, by_other), ("OTHER_HMAC", by_other, by_key)):
        signs = WITH_DEVICES + SIGNING.format(secret=f"env:{where}", more="")
        await hub.desk.db.write(put, signs, now=hub.desk.now)
        await holds(good=[good], bad=[bad, by_secret, {}])
    monkeypatch.setenv("OTHER_HMAC", KEY)
    await holds(good=[by_key], bad=[by_other])
    await hub.desk.db.write(put, WITH_DEVICES + plain, now=hub.desk.now)
    await holds(good=[by_secret], bad=[by_key, {}])


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


async def test_while_a_key_lies_in_a_folder_that_hangs_others_are_stored_and_then_it_fits(db, tmp_path):
    (tmp_path / "key").write_text(KEY)
    hub = await devices(db, WITH_DEVICES + SIGNING.format(secret=f"file:{tmp_path}/key", more=""))
    claims = Claims(source="signs", peer="192.0.2.9", headers={"x-signature": mac(b"x").hex()})
    arrival = Arrival(channel="monitoring", raw=b"x", received_at=hub.desk.now, claims=claims)
    with hanging() as folder:
        posting = asyncio.create_task(HubDoor(db, None, lambda: "").accept(arrival))  # type: ignore[arg-type]
        await folder.is_asked()
        await hub.desk.db.write(door.admits, Claims(source="am", secret=SECRET))
        assert not posting.done()
        folder.answers()
        stored = await posting
    assert (await hub.desk.db.read(lambda tx: tx.one(door._ONE, id=stored))).sender == "signs"


# --- Users of SNMP version 3 ---

TRAPS = """
[[alert_sources]]
name = "traps"
kind = "snmp"
customer = "ACME"
peers = ["192.0.2.0/24"]
users = [
  {{ name = "trapuser", auth = "SHA-256", auth_secret = "env:TRAP_AUTH", priv = "AES", priv_secret = "file:/etc/priv" }},
  {more}
]
"""
WITH_TRAPS = WITH_DEVICES + TRAPS.format(more="")
SENDER = "8000000001020304"


async def traps(hub: Devices, **more: str | Proved | None) -> str:
    known = {"source": "traps", "kind": "snmp", "peer": "192.0.2.9", "proved": Proved(user="trapuser")}
    claims = Claims(**known | more)  # type: ignore[arg-type]
    arrival = Arrival(channel="monitoring", raw=b"x", received_at=hub.desk.now, claims=claims)
    return await hub.desk.db.write(door.accept, arrival, now=hub.desk.now)


async def test_whose_key_fits_is_taken_in_from_where_the_source_sends(db):
    hub = await devices(db, WITH_TRAPS)
    (user,) = await hub.desk.db.read(trap_senders.users)
    assert (user.source, user.name, user.auth, user.priv) == ("traps", "trapuser", "SHA-256", "AES")
    assert "TRAP_AUTH" not in repr(user)
    await traps(hub)
    with pytest.raises(NotAdmitted):
        await traps(hub, peer="198.51.100.1")
    for wrong in ({"proved": Proved(user="other")}, {"source": "am"}, {"source": "nobody"}):
        with pytest.raises(NoSuchSource):
            await traps(hub, **wrong)
    await hub.desk.db.write(
        put, WITH_TRAPS.replace('kind = "snmp"', 'kind = "snmp"\nenabled = false'), now=hub.desk.now
    )
    assert await hub.desk.db.read(trap_senders.users) == []
    with pytest.raises(NoSuchSource):
        await traps(hub)


async def test_a_source_that_has_users_believes_no_community_at_its_address(db):
    hub = await devices(db, WITH_TRAPS)
    with pytest.raises(NoSuchSource):
        await traps(hub, source="", proved=None, secret="public")
    with pytest.raises(NotAdmitted):
        await traps(hub, proved=None, secret="")
    both = WITH_TRAPS.replace('kind = "snmp"', 'kind = "snmp"\nsecret = "its community"')
    await hub.desk.db.write(put, both, now=hub.desk.now)
    await traps(hub, source="", proved=None, secret="its community")
    with pytest.raises(NoSuchSource):
        await traps(hub, source="", proved=None, secret="public")


async def test_the_clock_of_a_sender_is_kept_with_what_it_sent_and_never_goes_back(db):
    hub = await devices(db, WITH_TRAPS)

    async def clock(source: str = "traps") -> int:
        return await hub.desk.db.read(trap_senders.clock, source, SENDER)

    assert await clock() == 0
    for said, kept in (
        (trap_clock(2, 9), trap_clock(2, 9)),
        (trap_clock(1, 70), trap_clock(2, 9)),
        (trap_clock(2**31 - 1, 2**31 - 1), 2**62 - 1),
    ):
        await traps(hub, proved=Proved(user="trapuser", engine=SENDER, clock=said))
        assert await clock() == kept
    with pytest.raises(NotAdmitted):
        await traps(hub, peer="198.51.100.1", proved=Proved(user="trapuser", engine="80", clock=7))
    assert await clock("am") == 0
    assert await hub.desk.db.read(trap_senders.clock, "traps", "80") == 0


async def test_our_engine_boots_once_more_each_time(db):
    assert [await db.write(trap_senders.begun, SENDER) for _ in range(3)] == [1, 2, 3]
    assert await db.write(trap_senders.begun, "80000000059f") == 1


async def test_secrets_of_users_are_references_that_are_exported_as_they_are(db):
    hub = await devices(db, WITH_TRAPS)
    exported = tomllib.loads(await hub.desk.db.read(export.export))
    (source,) = [one for one in exported["alert_sources"] if one["name"] == "traps"]
    assert source["users"][0]["auth_secret"] == "env:TRAP_AUTH"
    again = await hub.desk.db.write(put, await hub.desk.db.read(export.export), now=hub.desk.now)
    assert list(again) == []


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ('{ name = "u", auth = "SHA", auth_secret = "in the file" }', r"users\[u\]\.auth_secret: must say where"),
        ('{ name = "u", auth = "SHA" }', r"auth_secret: must say where the secret is"),
        ('{ name = "u", auth = "SHA256", auth_secret = "env:A" }', r"auth: 'SHA256' is none of .*SHA-256"),
        ('{ name = "u", auth = "SHA", auth_secret = "env:A", priv = "3DES", priv_secret = "env:A" }', "'3DES' is none of"),
        ('{ name = "u", priv = "AES", priv_secret = "env:A" }', "who encrypts signs too"),
        ('{ name = "u", auth_secret = "env:A" }', r"auth: is missing, and auth_secret is there"),
        ('{ name = "" }', "1 to 32 bytes"),
        ('{ name = "trapuser", auth = "SHA", auth_secret = "env:A" }', "stands there twice"),
    ],
)  # fmt: skip
async def test_what_cannot_be_a_user_is_said(db, wrong, said):
    with pytest.raises(ConfigurationError, match=said):
        await devices(db, WITH_DEVICES + TRAPS.format(more=wrong))


async def test_who_does_not_sign_needs_an_address_and_only_snmp_has_users(db):
    plain = 'name = "x"\nkind = "{kind}"\ncustomer = "ACME"\nusers = [{{ name = "u" }}]\n'
    for kind, said in (
        ("snmp", "proves nothing: name in peers"),
        ("syslog", "a source of kind syslog has none"),
    ):
        with pytest.raises(ConfigurationError, match=said):
            await devices(db, WITH_DEVICES + "\n[[alert_sources]]\n" + plain.format(kind=kind))


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


# --- How fast ---


async def test_how_fast_a_source_may_send_is_its_own_or_what_holds_for_all(db):
    faster = WITH_DEVICES.replace('name = "am"\n', 'name = "am"\nrate = 500\n', 1)
    hub = await devices(db, faster)
    assert await hub.desk.db.read(door.paces) == {"am": Agreed(rate=500, burst=2000)}


async def test_an_id_that_a_device_gives_again_is_the_same_message_for_a_quarter_of_an_hour(db):
    hub = await devices(db)

    async def arrives(minutes: int) -> str:
        arrival = Arrival(
            channel="monitoring",
            raw=b"{}",
            received_at=hub.desk.now + timedelta(minutes=minutes),
            external_id="/devices 1",
            claims=Claims(source="am", secret=SECRET, peer="192.0.2.9"),
        )
        return await hub.desk.db.write(door.accept, arrival, now=hub.desk.now)

    first, again, later, later_again, much_later = [await arrives(n) for n in (0, 14, 20, 34, 600)]

    assert first == again
    assert later == later_again
    assert len({first, later, much_later}) == 3
    assert sorted(row.copies for row in await hub.desk.rows(tables.inbound)) == [1, 2, 2]
