"""Are traps and informs of SNMP version 3 believed when they prove who sends them, and only then? Net-SNMP is the other side."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.monitoring import ber, gathering, usm, version_3
from channels.monitoring.engine import Engine, Left, Taken, Waits
from channels.monitoring.listening import Ports
from channels.monitoring.listening_udp import UdpListener
from channels.monitoring.senders import WINDOW
from channels.monitoring.source import NotUnderstood
from channels.monitoring.usm import DIGESTS
from channels.monitoring.version_3 import AUTH, MOST, PRIV, REPORTABLE, Inside, Message
from core.alerting import CIPHERS, TrapUser
from core.alerting import DIGESTS as NAMES
from core.channel import Unavailable
from core.common import Common
from core.ids import new_id
from core.keys import Keys
from tests.channels.monitoring.messages import facts
from tests.channels.monitoring.test_listening import HERE, a_sender, heard, open_ports, until
from tests.channels.monitoring.test_real_senders import needs
from tests.channels.monitoring.test_traps import IF_INDEX, LINK_DOWN, number, version_2
from tests.fakes import FakeDoor, logged
from tests.hanging import hanging

PASSWORD, OTHER = "maplesyrup", "a secret of its own"
US = Keys(token=b"k" * 32, loop=b"", instance="one").snmp_engine
SENDER = bytes.fromhex("8000000001020304")


@pytest.fixture(autouse=True)
def secrets(monkeypatch) -> None:
    monkeypatch.setenv("TRAP_AUTH", PASSWORD)
    monkeypatch.setenv("TRAP_PRIV", OTHER)


def a_user(auth: str = "SHA-256", priv: str = "AES", **more: Any) -> TrapUser:
    known: dict[str, Any] = {"source": "traps", "name": f"u{auth}{priv}".lower(), "peers": (HERE,)}
    known |= {"auth": auth, "auth_secret": "env:TRAP_AUTH" if auth else ""}
    return TrapUser(**known | {"priv": priv, "priv_secret": "env:TRAP_PRIV" if priv else ""} | more)


@dataclass
class Listening:
    """A port, what comes through it, and programs that send there."""

    door: FakeDoor
    port: int
    common: Common
    folder: Path

    async def sends(self, program: str, user: TrapUser, *words: Any, link: int = 7, **secrets: str) -> int:
        """Let Net-SNMP tell that a link is down; how it ended."""
        level = "authPriv" if user.priv else "authNoPriv" if user.auth else "noAuthNoPriv"
        signs = ("-a", user.auth, "-A", secrets.get("auth", PASSWORD)) if user.auth else ()
        hides = ("-x", user.priv, "-X", secrets.get("priv", OTHER)) if user.priv else ()
        known = ("-m", "", "-t", "10", "-r", "1", *signs, *hides, "-u", user.name, "-l", level, *words)
        what = ("", LINK_DOWN, IF_INDEX, "i", link)
        own = self.folder / new_id()  # those that share one read what another has half written
        own.mkdir()
        ended = await asyncio.create_subprocess_exec(
            program,
            *map(str, ("-v", "3", *known, f"{HERE}:{self.port}", *what)),
            env=os.environ | {"SNMP_PERSISTENT_DIR": str(own), "SNMPCONFPATH": str(own)},
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        return await ended.wait()

    def figures(self) -> dict[str, int]:
        return {
            fate: count
            for fate in ("received", "stored", "unread", "unknown", "refused", "asked")
            if (count := self.common.devices.total(f"snmp {fate}"))
        }


@pytest.fixture
async def port(tmp_path: Path) -> AsyncIterator[Listening]:
    door, common = FakeDoor(), Common()
    listener = UdpListener("snmp", HERE, 0)
    async with open_ports(door, listener, common=common, engine=US):
        yield Listening(door, listener.port, common, tmp_path)


# --- Keys ---


@pytest.mark.parametrize(
    ("kind", "spread", "key"),
    [
        ("md5", "9faf3283884e92834ebc9847d8edd963", "526f5eed9fcce26f8964c2930787d82b"),
        (
            "sha1",
            "9fb5cc0381497b3793528939ff788d5d79145211",
            "6695febc9288e36282235fc7151f128497b38f3f",
        ),
    ],
)
def test_keys_are_those_of_the_standard(kind, spread, key):
    """RFC 3414, A.3."""
    engine = bytes.fromhex("000000000000000000000002")
    assert usm.spread(kind, b"maplesyrup").hex() == spread
    assert usm.localised(kind, b"maplesyrup", engine).hex() == key


# --- What Net-SNMP sends ---


@needs("snmptrap")
@pytest.mark.parametrize("auth", NAMES)
async def test_traps_and_informs_of_net_snmp_are_taken_with_each_digest_and_cipher(port, auth):
    users = [a_user(auth, priv) for priv in ("", *CIPHERS)]
    port.door.users = users
    ends = await asyncio.gather(
        *(
            port.sends("snmptrap", user, "-e", f"0x80000000010203{n:02x}", link=n)
            for n, user in enumerate(users)
        ),
        *(port.sends("snmpinform", user, link=n + 50) for n, user in enumerate(users)),
    )
    assert set(ends) == {0}
    await until(lambda: len(heard(port.door)) >= 2 * len(users))
    told = [fact for raw in heard(port.door) for fact in facts("snmp", raw)]
    links = [*range(len(users)), *range(50, 50 + len(users))]
    assert sorted(int(one.labels[IF_INDEX]) for one in told) == links
    assert {one.claims.source for one in port.door.came} == {"traps"}
    assert {one.claims.proved.user for one in port.door.came} == {one.name for one in users}
    assert not any(secret.encode() in one.raw for one in port.door.came for secret in (PASSWORD, OTHER))


@needs("snmpinform")
async def test_who_does_not_sign_is_known_by_where_they_send_from(port):
    port.door.users = [a_user("", "", name="plain")]
    assert await port.sends("snmpinform", port.door.users[0]) == 0
    assert await port.sends("snmptrap", port.door.users[0], "-e", "0x8000000001020304") == 0
    await until(lambda: port.figures() == {"received": 3, "stored": 2, "asked": 1})
    port.door.users = [replace(port.door.users[0], peers=("192.0.2.0/24",))]
    assert await port.sends("snmpinform", port.door.users[0], "-t", "1", "-r", "0") == 1
    assert port.figures()["stored"] == 2


@needs("snmpinform")
@pytest.mark.parametrize(
    ("known", "sent", "secrets", "why"),
    [
        ({}, {}, {"auth": "not the secret"}, "signs with another secret"),
        ({"auth": "SHA"}, {}, {}, "signs with another secret, or another digest"),
        ({}, {}, {"priv": "not the secret"}, ""),
        ({}, {"name": "nobody"}, {}, "nobody: is no user of a source"),
        ({}, {"priv": "", "priv_secret": ""}, {}, "signs or encrypts otherwise"),
        ({}, {"auth": "", "priv": ""}, {}, "signs or encrypts otherwise"),
        ({"priv": ""}, {"priv": "AES"}, {}, "signs or encrypts otherwise"),
    ],
    ids=[
        "another secret",
        "another digest",
        "another secret to encrypt with",
        "another name",
        "not encrypted",
        "not signed",
        "encrypted, where nobody can read it",
    ],
)
async def test_an_inform_that_proves_nothing_is_not_stored_not_acknowledged_and_named_in_the_log(
    tmp_path, known, sent, secrets, why
):
    door, common = FakeDoor(users=[a_user(name="switch", **known)]), Common()
    listener = UdpListener("snmp", HERE, 0)
    with logged() as said:
        async with open_ports(door, listener, common=common, engine=US):
            port = Listening(door, listener.port, common, tmp_path)
            sender = a_user(name="switch")
            assert (
                await port.sends("snmpinform", replace(sender, **sent), "-t", "1", "-r", "0", **secrets) == 1
            )
            assert port.figures().keys() <= {"received", "asked", "refused", "unread"}
    assert door.came == []
    lines = [one for one in said if one["log_level"] == "warning"]
    assert why in str(lines[0]["most"])
    assert not any(secret in str(said) for secret in (PASSWORD, OTHER, "not the secret"))


@needs("snmptrap")
async def test_a_trap_of_net_snmp_that_is_too_old_is_not_stored(port):
    user = port.door.users = [a_user("SHA", "DES")]
    for n, at in enumerate(("7,1000", "7,900", "7,840", "6,2000", "8,0"), start=1):
        await port.sends("snmptrap", user[0], "-e", "0x8000000001020304", "-Z", at, link=n)
        await until(lambda: sum(port.figures().get(one, 0) for one in ("stored", "refused")) == n)  # noqa: B023
    links = [fact.labels[IF_INDEX] for raw in heard(port.door) for fact in facts("snmp", raw)]
    assert links == ["1", "2", "5"]


async def test_an_inform_is_acknowledged_when_it_is_stored_and_not_before(port):
    user = port.door.users = [a_user()]
    port.door.open.clear()
    with a_sender(port.port) as out:
        out.setblocking(False)
        await asked_who_it_is(out)
        raw = a_message(user[0], ber.INFORM, engine=US, boots=1, flags=REPORTABLE)
        out.send(raw)
        await until(lambda: port.door.asked == 1)
        await asyncio.sleep(0.1)
        with pytest.raises(BlockingIOError):
            out.recv(2000)
        port.door.open.set()
        answer = version_3.taken_apart(await received(out))
        assert answer.level == AUTH | PRIV
        found = read(user[0], answer)
        assert (found.tag, found.pdu) == (ber.RESPONSE, inside(raw, user[0]).pdu)


async def test_an_inform_that_was_stored_and_not_heard_is_acknowledged_again_and_not_stored_again(port):
    user = port.door.users = [a_user()]
    raw = a_message(user[0], ber.INFORM, engine=US, boots=1, flags=REPORTABLE)
    with a_sender(port.port) as out:
        out.setblocking(False)
        out.send(raw)
        first = read(user[0], version_3.taken_apart(await received(out)))
        out.send(raw)
        assert read(user[0], version_3.taken_apart(await received(out))) == first
    assert port.figures() == {"received": 2, "stored": 1, "refused": 1}


async def test_what_cannot_be_judged_or_stored_just_now_waits_and_is_believed_once(port, monkeypatch):
    monkeypatch.setattr(gathering, "AGAIN", 0.02)
    port.door.users = [a_user()]
    port.door.fails_with = Unavailable("the disk is full")
    with a_sender(port.port) as out:
        for n in range(3):
            out.send(a_message(port.door.users[0], time=100 + n))
        out.send(version_2(LINK_DOWN))
        await until(lambda: port.figures() == {"received": 4})
        await asyncio.sleep(0.1)
        port.door.fails_with = None
        await until(lambda: port.figures() == {"received": 4, "stored": 4})
    assert len(heard(port.door)) == 4


def of_link(n: int) -> bytes:
    raw = version_2(LINK_DOWN, (IF_INDEX, number(n)))
    _, at, end = ber.header(raw, raw.index(b"\xa7"), len(raw))
    return raw[at:end]


async def test_while_the_secret_of_one_device_lies_in_a_folder_that_hangs_others_are_heard(port, tmp_path):
    (tmp_path / "secret").write_text(PASSWORD)
    waits = a_user(name="waits", auth_secret=f"file:{tmp_path}/secret")
    other = a_user(name="other", peers=("127.0.0.2",))
    port.door.users = [waits, other]

    def links() -> list[str]:
        told = [fact for raw in heard(port.door) for fact in facts("snmp", raw)]
        return [one.labels[IF_INDEX] for one in told]

    with hanging() as folder, a_sender(port.port) as here, a_sender(port.port, "127.0.0.2") as there:
        for n in (1, 2, 3):
            here.send(a_message(waits, time=n, pdu=of_link(n)))
        await folder.is_asked()
        here.send(version_2(LINK_DOWN, (IF_INDEX, number(8))))
        there.send(a_message(other, time=9, pdu=of_link(9)))
        await until(lambda: sorted(links()) == ["8", "9"])
        here.send(a_message(waits, time=4, pdu=of_link(4)))
        await until(lambda: port.figures() == {"received": 6, "stored": 2})
        folder.answers()
        await until(lambda: len(links()) == 6)
    assert links()[2:] == ["1", "2", "3", "4"], "what a device says stays in order"


async def test_what_waits_for_a_secret_is_stored_before_the_hub_ends(tmp_path):
    (tmp_path / "secret").write_text(PASSWORD)
    door = FakeDoor(users=[a_user(auth_secret=f"file:{tmp_path}/secret")])
    listener = UdpListener("snmp", HERE, 0)
    with hanging() as folder:
        async with open_ports(door, listener, engine=US):
            with a_sender(listener.port) as out:
                out.send(a_message(door.users[0]))
            await folder.is_asked()
            asyncio.get_running_loop().call_later(0.2, folder.answers)
    assert len(heard(door)) == 1


async def test_what_was_stored_is_not_stored_again_when_the_hub_begins_anew_and_it_has_booted_once_more():
    door, common = FakeDoor(users=[a_user()]), Common()
    first, later = (a_message(door.users[0], boots=3, time=at) for at in (500, 501))
    for messages in ([first], [first, later]):
        listener = UdpListener("snmp", HERE, 0)
        async with open_ports(door, listener, common=common, engine=US):
            with a_sender(listener.port) as out:
                for raw in messages:
                    out.send(raw)
    found = {fate: common.devices.total(f"snmp {fate}") for fate in ("received", "stored", "refused")}
    assert found == {"received": 3, "stored": 2, "refused": 1}
    assert door.clocks == {US.hex(): 2}


# --- Whether it is believed ---


class Time:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


async def nothing_stored(_source: str, _engine: str) -> int:
    return 0


def a_pdu(request: int = 77, what: str = LINK_DOWN) -> bytes:
    raw = version_2(what, (f"{IF_INDEX}", number(7)), request=request)
    _, at, end = ber.header(raw, raw.index(b"\xa7"), len(raw))
    return raw[at:end]


def a_message(
    user: TrapUser,
    tag: int = ber.TRAP,
    *,
    engine: bytes = SENDER,
    boots: int = 1,
    time: int = 0,
    flags: int = 0,
    pdu: bytes | None = None,
    size: int = 65507,
    n: int = 1,
    name: str | None = None,
) -> bytes:
    """As a device sends it."""
    content = version_3.scoped(Inside(engine=SENDER, context=b"", tag=tag, pdu=pdu or a_pdu()))
    level = (AUTH if user.auth else 0) | (PRIV if user.priv else 0)
    salt = b""
    if user.priv:
        hide = usm.privacy(user.priv, OTHER, engine, signed_by=user.auth)
        salt = hide.salt_of(boots, n)
        content = hide.encrypt(content, salt=salt, boots=boots, time=time)
    sign = usm.digest(user.auth, PASSWORD, engine) if user.auth else None
    made = Message(
        number=n,
        max_size=size,
        flags=flags | level,
        engine=engine,
        boots=boots,
        time=time,
        user=(user.name if name is None else name).encode(),
        mac=bytes(sign.size) if sign else b"",
        salt=salt,
        content=content,
    )
    raw = version_3.put_together(made)
    at = version_3.place_of_mac(made)
    return raw[:at] + sign.of(raw) + raw[at + sign.size :] if sign else raw


def read(user: TrapUser, message: Message) -> Inside:
    """What the hub told somebody, by the keys that they share."""
    content = message.content
    if message.flags & PRIV:
        hide = usm.privacy(user.priv, OTHER, message.engine, signed_by=user.auth)
        content = hide.decrypt(content, salt=message.salt, boots=message.boots, time=message.time)
    return version_3.inside(content)


def inside(raw: bytes, user: TrapUser) -> Inside:
    return read(user, version_3.taken_apart(raw))


async def received(out: socket.socket) -> bytes:
    return await asyncio.wait_for(asyncio.get_running_loop().sock_recv(out, 5000), 5)


async def asked_who_it_is(out: socket.socket, *, boots: int = 1) -> None:
    out.send(a_message(TrapUser(source="", name=""), 0xA0, engine=b"", boots=0, flags=REPORTABLE))
    report = version_3.taken_apart(await received(out))
    assert (report.engine, report.boots) == (US, boots)


async def take(
    engine: Engine, raw: bytes, *users: TrapUser, peer: str = HERE, known: Any = nothing_stored
) -> Taken | Left:
    while isinstance(found := await engine.take(raw, peer, users or (a_user(),), known), Waits):
        await asyncio.wait({found.until})
    return found


def reported(left: Taken | Left) -> tuple[str, int]:
    """Which counter a report tells, and how it is signed."""
    assert isinstance(left, Left)
    assert left.report is not None
    message = version_3.taken_apart(left.report)
    assert message.engine == US
    found = version_3.inside(message.content)
    assert found.tag == ber.REPORT
    return found.pdu.split(bytes.fromhex("2b060106030f0101"))[1][0], message.level


LEVELS, WINDOWS, NAMES_, ENGINES, DIGESTS_, DECRYPTION = range(1, 7)
"""Counters of usmStats (RFC 3414, 5)."""


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def engine(time: Time) -> Engine:
    return Engine(US, 5, clock=time)


def an_inform(user: TrapUser | None = None, **more: Any) -> bytes:
    known: dict[str, Any] = {"engine": US, "boots": 5, "flags": REPORTABLE}
    return a_message(user or a_user(), ber.INFORM, **known | more)


@pytest.mark.parametrize("priv", ["", *CIPHERS])
async def test_what_is_kept_is_the_trap_as_it_was_said_and_needs_no_key(engine, priv):
    user = a_user("SHA", priv)
    found = await take(engine, a_message(user, time=9), user)
    assert isinstance(found, Taken)
    assert (found.source, found.user, found.engine) == ("traps", user.name, SENDER.hex())
    told = version_3.trap(found.raw)
    assert (told.oid, told.version, told.engine) == (LINK_DOWN, 3, SENDER.hex())


@pytest.mark.parametrize(
    ("raw", "counter", "level"),
    [
        (an_inform(engine=b""), ENGINES, 0),
        (an_inform(engine=SENDER), ENGINES, 0),
        (an_inform(name="nobody"), NAMES_, 0),
        (an_inform(a_user(priv="", name="usha-256aes")), LEVELS, 0),
        (an_inform(a_user("SHA-512", name="usha-256aes")), DIGESTS_, 0),
        (an_inform()[:-1] + b"\0", DIGESTS_, 0),
        (an_inform(boots=4), WINDOWS, AUTH),
        (an_inform(boots=6), WINDOWS, AUTH),
        (an_inform(boots=0), WINDOWS, AUTH),
        (an_inform(time=WINDOW + 1), WINDOWS, AUTH),
    ],
    ids=[
        "who asks who we are",
        "who takes us for another",
        "another name",
        "not encrypted",
        "another digest",
        "other bytes",
        "from before we began",
        "from after",
        "who asks what time it is",
        "ahead of our time",
    ],
)
async def test_who_waits_for_an_answer_is_told_what_was_wrong(engine, raw, counter, level):
    assert reported(await take(engine, raw)) == (counter, level)


async def test_who_waits_for_no_answer_is_told_nothing(engine):
    for raw in (a_message(a_user(), name="nobody"), a_message(a_user("MD5", name="usha-256aes"))):
        found = await take(engine, raw)
        assert isinstance(found, Left)
        assert found.report is None


async def test_who_may_not_send_from_there_does_not_hear_that_we_are_there(engine):
    found = await take(engine, an_inform(engine=b""), peer="192.0.2.66")
    assert (found.fate, found.report) == ("refused", None)


async def test_nobody_is_flooded_with_reports_in_the_name_of_another(engine):
    found = [await take(engine, an_inform(engine=b"")) for _ in range(2500)]
    assert sum(one.report is not None for one in found) == 2000


async def test_a_report_that_the_time_is_wrong_is_signed_and_tells_the_right_one(engine, time):
    time.now += 1000
    user = a_user()
    found = await take(engine, an_inform(time=0))
    message = version_3.taken_apart(found.report)
    sign = usm.digest(user.auth, PASSWORD, US)
    unsigned = found.report.replace(message.mac, bytes(sign.size))
    assert (message.boots, message.time, message.mac) == (5, 1000, sign.of(unsigned))


async def test_an_inform_is_in_time_for_150_seconds_by_our_clock(engine, time):
    time.now += 1000
    for at, right in ((849, False), (850, True), (1000, True), (1150, True), (1151, False)):
        assert isinstance(await take(engine, an_inform(time=at)), Taken) is right


async def test_a_trap_is_in_time_for_150_seconds_by_what_its_sender_said(engine, time):
    async def taken(**more: int) -> bool:
        return isinstance(await take(engine, a_message(a_user(), **more)), Taken)

    assert await taken(boots=2, time=1000)
    assert await taken(boots=2, time=850)
    assert not await taken(boots=2, time=849)
    time.now += 100  # its clock goes on, although it says nothing
    assert not await taken(boots=2, time=949)
    assert await taken(boots=2, time=951)
    assert await taken(boots=2, time=5000)  # it is right about its time
    assert not await taken(boots=2, time=1100)
    assert not await taken(boots=1, time=9000)
    assert await taken(boots=3, time=0)
    assert not await taken(boots=2, time=9000)
    assert not await taken(boots=MOST, time=1)


async def test_what_was_taken_is_not_taken_again(engine, time):
    for raw in (a_message(a_user(), time=100), an_inform(time=WINDOW)):
        assert isinstance(await take(engine, raw), Taken)
        assert "was here before" in (await take(engine, raw)).why
        for _ in range(6):  # until it would not be in time in any case
            time.now += WINDOW / 3
            assert isinstance(await take(engine, raw), Left)


async def test_since_the_hub_began_only_what_is_newer_than_what_is_stored_is_taken(engine):
    async def stored(source: str, of: str) -> int:
        assert (source, of) == ("traps", SENDER.hex())
        return 2 << 31 | 1000

    for at, right in ((999, False), (1000, False), (1001, True), (900, True)):
        found = await take(engine, a_message(a_user(), boots=2, time=at), known=stored)
        assert isinstance(found, Taken) is right


async def test_a_clock_is_asked_for_and_moved_only_by_who_has_the_key(engine):
    async def asked(_source: str, _engine: str) -> int:
        raise AssertionError("a stranger made the store be asked")

    stranger = a_user("SHA", name="usha-256aes")
    assert isinstance(await take(engine, a_message(stranger, boots=MOST - 1), known=asked), Left)
    assert isinstance(await take(engine, a_message(a_user(), boots=1)), Taken)


async def test_who_sends_for_one_source_moves_no_clock_of_another_that_has_the_same_names(
    engine, monkeypatch
):
    monkeypatch.setenv("BETA_AUTH", "another secret of beta")
    mine = a_user(priv="", name="trapuser")
    other = replace(mine, source="beta", auth_secret="env:BETA_AUTH")
    for order in ((mine, other), (other, mine)):
        found = await take(engine, a_message(mine, boots=order.index(mine) + 8, time=9), *order)
        assert isinstance(found, Taken)
        assert found.source == "traps"
    monkeypatch.setattr(f"{__name__}.PASSWORD", "another secret of beta")
    found = await take(engine, a_message(mine, boots=1, time=1), mine, other)
    assert isinstance(found, Taken)
    assert found.source == "beta"


async def test_a_sender_whose_clock_has_not_begun_is_heard(engine):
    assert isinstance(await take(engine, a_message(a_user(), boots=0, time=0)), Taken)


def test_the_engine_of_who_speaks_is_a_label_unless_an_inform_names_us_in_its_place():
    plain = a_user("", "", name="plain")
    for raw, named in (
        (a_message(plain), SENDER.hex()),
        (a_message(plain, ber.INFORM, engine=US), SENDER.hex()),
        (a_message(plain, ber.INFORM, engine=SENDER), None),
    ):
        (told,) = facts("snmp", raw)
        assert told.labels.get("engine") == named


async def test_a_trap_that_names_our_engine_and_an_inform_that_names_its_own_are_not_taken(engine):
    for raw in (a_message(a_user(), engine=US, boots=5), a_message(a_user(), ber.INFORM, time=3)):
        assert "names the engine of its sender" in (await take(engine, raw)).why


async def test_a_trap_that_says_that_it_wants_an_answer_is_a_trap(engine):
    """RFC 3412, 6.4: the flag means nothing there."""
    assert isinstance(await take(engine, a_message(a_user(), flags=REPORTABLE)), Taken)
    wrong = await take(engine, a_message(a_user("SHA", name="usha-256aes"), flags=REPORTABLE, n=2))
    assert reported(wrong) == (ENGINES, 0)


async def test_when_another_process_was_the_engine_meanwhile_it_boots_once_more():
    door = FakeDoor(users=[a_user()])
    listener = UdpListener("snmp", HERE, 0)
    ports = Ports([listener], Common(), engine=US)
    for boots in (1, 2):
        running = asyncio.create_task(ports.run(door))
        await until(lambda: listener.open)
        with a_sender(listener.port) as out:
            out.setblocking(False)
            await asked_who_it_is(out, boots=boots)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_a_question_is_not_answered(engine):
    found = await take(engine, a_message(a_user(), 0xA0, engine=US, boots=5, flags=REPORTABLE))
    assert (found.fate, found.report) == ("unread", None)


async def test_an_inform_whose_sender_takes_little_hears_that_it_was_too_much(engine):
    long = version_2(LINK_DOWN, ("1.3.6.1.4.1.1", b"\x04\x82\x03\xe8" + b"x" * 1000), request=-5)
    _, at, end = ber.header(long, long.index(b"\xa7"), len(long))
    found = await take(engine, an_inform(size=700, pdu=long[at:end]))
    answer = found.answer()
    assert len(answer) < 700
    assert inside(answer, a_user()).pdu.startswith(ber.number(-5) + ber.number(1) + ber.number(0))


async def test_a_secret_that_is_not_there_or_too_short_lets_nobody_in_and_is_said_once(engine, monkeypatch):
    monkeypatch.setenv("TRAP_SHORT", "short")
    raw = a_message(a_user())
    with logged() as said:
        for where in ("env:TRAP_MISSING", "env:TRAP_SHORT"):
            user = a_user(auth_secret=where)
            for _ in range(3):
                assert "another secret" in (await take(engine, raw, user)).why
    assert [one["reason"] for one in said] == [
        "asks for the environment variable TRAP_MISSING, which is not set",
        "has fewer than 8 characters, which devices do not take",
    ]


async def test_a_secret_that_changes_in_its_file_is_looked_up_again(engine, time, tmp_path):
    file = tmp_path / "secret"
    file.write_text("the old secret")
    user = a_user(auth_secret=f"file:{file}")
    assert isinstance(await take(engine, a_message(user), user), Left)
    file.write_text(PASSWORD + "\n")
    time.now += 61
    assert isinstance(await take(engine, a_message(user), user), Taken)


async def test_while_a_secret_lies_in_a_folder_that_hangs_the_hub_does_other_things(engine, tmp_path):
    file = tmp_path / "secret"
    file.write_text(PASSWORD)
    user = a_user(auth_secret=f"file:{file}")
    with hanging() as folder:
        taking = asyncio.create_task(take(engine, a_message(user), user))
        await folder.is_asked()
        assert not taking.done()
        folder.answers()
        assert isinstance(await taking, Taken)


def test_the_names_of_digests_and_ciphers_are_those_that_the_desk_may_give():
    assert tuple(DIGESTS) == NAMES
    assert tuple(usm.CIPHERS) == CIPHERS


def test_our_engine_is_the_same_after_each_start_and_nobody_elses():
    def of(token: bytes, instance: str) -> bytes:
        return Keys(token=token, loop=b"", instance=instance).snmp_engine

    assert of(b"k" * 32, "one") == US
    assert len({of(b"k" * 32, "one"), of(b"k" * 32, "two"), of(b"l" * 32, "one")}) == 3
    assert len(US) == 17
    assert US[0] & 0x80


# --- What is no message ---


GOOD = a_message(a_user("", "", name="plain"), time=3)


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (GOOD[:-1], "longer than what it is in"),
        (GOOD + b"x", "bytes follow"),
        (GOOD[:40], "longer than what it is in"),
        (b"\x30\x84\xff\xff\xff\xff\x02\x01\x03", "longer than what it is in"),
        (b"\x30\x80\x02\x01\x03\x00\x00", "indefinite"),
        (b"\x30\x03\x02\x01\x03", "too early"),
        (version_3.put_together(Message(number=1, max_size=100, flags=0, engine=b"", boots=0, time=0, user=b"", content=b"\x30\0")), "not spoken"),
        (version_3.put_together(Message(number=1, max_size=500, flags=PRIV, engine=b"", boots=0, time=0, user=b"", content=b"\x30\0")), "not spoken"),
        (version_3.put_together(Message(number=1, max_size=500, flags=0, engine=b"abc", boots=0, time=0, user=b"", content=b"\x30\0")), "security parameters"),
        (version_3.put_together(Message(number=1, max_size=500, flags=0, engine=b"", boots=0, time=0, user=b"u" * 33, content=b"\x30\0")), "security parameters"),
        (version_3.put_together(Message(number=1, max_size=500, flags=0, engine=b"", boots=2**31, time=0, user=b"", content=b"\x30\0")), "no number"),
        (b"\x30" * 70000, "is the limit"),
    ],
)  # fmt: skip
async def test_a_datagram_that_is_no_message_says_why_and_is_answered_by_nothing(engine, raw, why):
    found = await take(engine, raw)
    assert isinstance(found, Left)
    assert (found.fate, found.report) == ("unread", None)
    assert why in found.why


@given(
    junk=st.binary(max_size=200),
    at=st.integers(0, 400),
    byte=st.integers(0, 255),
    user=st.sampled_from(
        [a_user("", "", name="plain"), a_user("MD5", "DES"), a_user("SHA", "AES"), a_user(priv="")]
    ),
    tag=st.sampled_from([ber.TRAP, ber.INFORM, 0xA0]),
)
def test_any_bytes_are_believed_or_say_why_not_and_nothing_else_happens(junk, at, byte, user, tag):
    """Also what is signed and encrypted by who has the keys: the bytes inside are anybody's."""
    by_key = an_inform(user, pdu=junk) if tag == ber.INFORM else a_message(user, tag, pdu=junk)
    at %= len(by_key)
    wrong = by_key[:at] + bytes([byte]) + by_key[at + 1 :]

    async def every() -> None:
        ours = Engine(US, 5, clock=Time())
        for raw in (
            junk,
            wrong,
            by_key,
            b"\x30" + bytes([len(junk) % 128]) + b"\x02\x01\x03" + junk,
            by_key[:at],
        ):
            found = await take(ours, raw, user)
            if isinstance(found, Taken):
                with contextlib.suppress(NotUnderstood):
                    facts("snmp", found.raw)
                if found.answer is not None:
                    with contextlib.suppress(NotUnderstood):
                        found.answer()

    asyncio.run(every())
