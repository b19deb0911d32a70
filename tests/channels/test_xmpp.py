"""Somebody writes to the desk by XMPP: what their stanzas say, and both sides against a real server."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Self
from xml.etree import ElementTree as ET

import aiohttp
import pytest
from slixmpp import ClientXMPP, Message
from slixmpp.xmlstream.handler import Callback
from slixmpp.xmlstream.matcher import MatchXPath

from channels import xmpp
from channels.settings import XmppSettings
from core.channel import Channel, DeliveryError, Linking, Retracting, Typing, Unavailable
from core.envelope import Address, Attachment, Button, Inbound, Kind, Outgoing
from core.settings_values import Secret
from tests.channels.prosody import DOMAIN, PASSWORD, Prosody, a_prosody
from tests.fakes import FakeDoor

DESK = f"desk@{DOMAIN}"
REF = "01abcdefghjkmnpqrstvwxyz01"
PATIENCE = 15.0  # seconds


def read(
    inside: str, *, kind: str = "chat", sender: str = "Mario@Chat.test/Phone", own: str = "a1"
) -> Inbound:
    raw = f"<message xmlns='jabber:client' from='{sender}' to='{DESK}' type='{kind}' id='{own}'>{inside}</message>"
    return xmpp.read(raw.encode(), {"external_id": f"{DESK}/archive-1"}, {"address": DESK})


# --- What a stanza says ---


def test_words_are_a_persons_and_their_address_is_one_of_a_chat() -> None:
    said = read("<body>The printer is on fire.\nHelp!</body>")

    assert (said.kind, said.text) == (Kind.HUMAN, "The printer is on fire.\nHelp!")
    assert said.author == Address("xmpp:mario@chat.test", "mario")
    assert said.message_id == "xmpp:mario@chat.test/a1"
    assert said.subject == "The printer is on fire. Help!"
    assert said.mailbox == DESK


def test_a_command_is_an_act() -> None:
    said = read("<body>/start 4f2a</body>")

    assert said.chat is not None
    assert (said.kind, said.chat.command, said.chat.argument) == (Kind.ACT, "start", "4f2a")


def test_an_answer_names_what_it_answers_and_loses_the_copy_for_old_programs() -> None:
    said = read(
        f"<body>&gt; Which printer?\nThe red one</body><reply xmlns='urn:xmpp:reply:0' to='{DESK}' id='{REF}'/>"
        "<fallback xmlns='urn:xmpp:fallback:0' for='urn:xmpp:reply:0'><body start='0' end='17'/></fallback>"
    )

    assert said.text == "The red one"
    assert said.in_reply_to == (f"xmpp:mario@chat.test/{REF}",)


@pytest.mark.parametrize("places", ["start='9' end='3'", "start='0' end='9999'", "start='x' end='-1'", ""])
def test_a_fallback_with_odd_places_takes_nothing_away(places: str) -> None:
    said = read(
        f"<body>All of it</body><fallback xmlns='urn:xmpp:fallback:0' for='urn:xmpp:reply:0'><body {places}/></fallback>"
    )

    assert said.text == "All of it"


def test_a_correction_is_the_text_of_an_earlier_message() -> None:
    said = read("<body>The blue one</body><replace xmlns='urn:xmpp:message-correct:0' id='a0'/>", own="a2")

    assert said.chat is not None
    assert (said.kind, said.text, said.chat.changes) == (Kind.ACT, "The blue one", "xmpp:mario@chat.test/a0")


def test_a_retraction_has_no_words_of_its_own() -> None:
    said = read(
        "<body>My program took something back</body><retract xmlns='urn:xmpp:message-retract:1' id='a0'/>"
        "<fallback xmlns='urn:xmpp:fallback:0' for='urn:xmpp:message-retract:1'/>"
    )

    assert said.chat is not None
    assert (said.kind, said.text, said.chat.withdraws) == (Kind.ACT, "", "xmpp:mario@chat.test/a0")


@pytest.mark.parametrize("of", [REF, f"{REF}-3"])
def test_what_was_read_is_told_by_what_is_on_record_of_it(of: str) -> None:
    said = read(f"<displayed xmlns='urn:xmpp:chat-markers:0' id='{of}'/>")

    assert said.chat is not None
    assert (said.kind, said.chat.seen) == (Kind.ACT, (REF,))


def test_a_file_is_a_link_in_the_text() -> None:
    link = "https://files.chat.test/photo.jpg"

    assert read(f"<body>{link}</body><x xmlns='jabber:x:oob'><url>{link}</url></x>").text == link
    assert read(f"<body>Look</body><x xmlns='jabber:x:oob'><url>{link}</url></x>").text == f"Look\n{link}"


def test_what_is_encrypted_for_somebody_is_said_so() -> None:
    said = read("<encrypted xmlns='eu.siacs.conversations.axolotl'/>")

    assert said.kind is Kind.HUMAN
    assert "encrypted" in said.notes[0]


@pytest.mark.parametrize(
    ("condition", "kind"),
    [("item-not-found", Kind.BOUNCE_HARD), ("remote-server-timeout", Kind.BOUNCE_SOFT)],
)
def test_a_server_that_says_no_is_a_report_about_that_delivery(condition: str, kind: Kind) -> None:
    said = read(
        f"<error type='cancel'><{condition} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>",
        kind="error",
        own=f"{REF}-2",
    )

    assert said.report is not None
    assert (said.kind, said.author, said.bounce_tokens) == (kind, None, (REF,))
    assert said.report.recipients[0].recipient == "xmpp:mario@chat.test"
    assert said.report.recipients[0].status == condition


@pytest.mark.parametrize("raw", [b"", b"<message", b"<!DOCTYPE x [<!ENTITY a 'b'>]>"])
def test_bytes_that_are_no_stanza_are_refused(raw: bytes) -> None:
    with pytest.raises(ValueError):
        xmpp.read(raw, {"external_id": "1"}, {"address": DESK})


@pytest.mark.parametrize(
    "inside",
    [
        "<composing xmlns='http://jabber.org/protocol/chatstates'/>",
        "<received xmlns='urn:xmpp:receipts' id='a1'/>",
        "<result xmlns='urn:xmpp:mam:2'/><body>of the archive</body>",
        "",
    ],
)
def test_who_is_typing_or_whose_program_has_it_is_nothing_to_store(inside: str) -> None:
    assert not xmpp._says_something(ET.fromstring(f"<message xmlns='jabber:client'>{inside}</message>"))


def test_what_is_said_in_a_room_is_not_to_us() -> None:
    room = ET.fromstring("<message xmlns='jabber:client' type='groupchat'><body>Hi</body></message>")

    assert not xmpp._says_something(room)


# --- Against a server ---


@pytest.fixture(scope="module")
def server() -> Iterator[Prosody]:
    with a_prosody() as one:
        yield one


def a_channel(server: Prosody, **changed: Any) -> xmpp.XmppChannel:
    settings: dict[str, Any] = {
        "enabled": True,
        "address": DESK,
        "password": Secret(PASSWORD),
        "host": "127.0.0.1",
        "port": server.port,
        "tls_authority": str(server.certificate),
    }
    around: Any = SimpleNamespace(public_url="https://desk.test", language="en")
    return xmpp.XmppChannel(settings=XmppSettings(**(settings | changed)), around=around)


@asynccontextmanager
async def running(server: Prosody, door: FakeDoor) -> AsyncIterator[xmpp.XmppChannel]:
    """The channel, and what others can see of it."""
    channel = a_channel(server)
    task = asyncio.create_task(channel.run(door))
    try:
        await channel._connected()
        yield channel
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


class Customer:
    """Somebody with a program of their own."""

    def __init__(self, server: Prosody, name: str = "mario") -> None:
        self._server = server
        self.client = ClientXMPP(f"{name}@{DOMAIN}/Phone", PASSWORD)
        self.client.ssl_context = ssl.create_default_context(cafile=server.certificate)
        self.client.enable_direct_tls = False
        self.got: list[Message] = []
        self._started = asyncio.Event()
        self.client.add_event_handler("session_start", self._start)
        all_of_them = MatchXPath("{jabber:client}message")
        self.client.register_handler(Callback("all messages", all_of_them, self.got.append))
        self.client.register_plugin("xep_0085")

    def _start(self, _: object) -> None:
        self.client.send_presence()
        self._started.set()

    async def __aenter__(self) -> Self:
        self.client.connect("127.0.0.1", self._server.port)
        await asyncio.wait_for(self._started.wait(), PATIENCE)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.client.disconnect(1.0)
        self.client._run_out_filters.cancel()  # type: ignore[union-attr]

    def writes(self, text: str, *more: str) -> str:
        """A message to the desk; its id."""
        message = self.client.make_message(mto=DESK, mbody=text, mtype="chat")
        for element in more:
            message.xml.append(ET.fromstring(element))
        message.send()
        return str(message["id"])


async def until(condition: Callable[[], Any]) -> Any:
    async with asyncio.timeout(PATIENCE):
        while not (found := condition()):  # noqa: ASYNC110 - what is waited for tells nobody
            await asyncio.sleep(0.01)
    return found


def texts(door: FakeDoor) -> list[str]:
    return [xmpp.read(one.raw, {"external_id": one.external_id}, {"address": DESK}).text for one in door.came]


def outgoing(text: str, to: str = "mario", ref: str = REF, **more: Any) -> Outgoing:
    return Outgoing(
        delivery_id="d1",
        channel="xmpp",
        ref=ref,
        kind="reply",
        automatic=False,
        to=Address(f"xmpp:{to}@{DOMAIN}"),
        subject="",
        text=text,
        language="en",
        ticket_number="2026-000042",
        reply_token=None,
        bounce_token=ref,
        **more,
    )


def test_it_is_a_channel_that_shows_typing_takes_back_and_links(tmp_path: Path) -> None:
    channel: Channel = xmpp.XmppChannel(
        settings=XmppSettings(address=DESK),
        around=SimpleNamespace(public_url="", language="it"),  # type: ignore[arg-type]
    )

    assert isinstance(channel, Typing)
    assert isinstance(channel, Retracting)
    assert isinstance(channel, Linking)
    assert channel.link("a b&c") == f"xmpp:{DESK}?message;body=%2Fstart%20a%20b%26c"


async def test_who_asks_hears_that_it_arrived_only_once_it_is_stored(
    server: Prosody, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(xmpp, "STORE_AGAIN", 0.05)
    door = FakeDoor(fails_with=Unavailable("the disk is full"))
    async with running(server, door), Customer(server) as mario:
        await asyncio.sleep(0)
        own = mario.writes("Is anybody there?", "<request xmlns='urn:xmpp:receipts'/>")
        await until(lambda: door.asked >= 3)
        assert not mario.got
        door.fails_with = None
        await until(lambda: "Is anybody there?" in texts(door))
        told = await until(
            lambda: [m for m in mario.got if m.xml.find("{urn:xmpp:receipts}received") is not None]
        )

    came = door.came[texts(door).index("Is anybody there?")]
    assert told[0].xml.find("{urn:xmpp:receipts}received").get("id") == own
    assert (came.channel, came.sender, came.recipients) == ("xmpp", f"mario@{DOMAIN}", (DESK,))
    assert datetime.now(UTC) - came.received_at < timedelta(seconds=30)


async def test_what_came_while_nobody_was_there_is_in_the_archive_and_known_again(server: Prosody) -> None:
    first, second = FakeDoor(), FakeDoor()
    async with Customer(server, "anna") as anna:
        before = datetime.now(UTC)
        anna.writes("While you were away")
        async with running(server, first):
            await until(lambda: "While you were away" in texts(first))
            anna.writes("Now you are here")
            await until(lambda: "Now you are here" in texts(first))
        async with running(server, second):
            await until(lambda: "Now you are here" in texts(second))

    ids = {one.external_id for one in second.came}
    assert {one.external_id for one in first.came} <= ids
    assert all(one and one.startswith(f"{DESK}/") for one in ids)
    away = first.came[texts(first).index("While you were away")]
    assert abs(away.received_at - before) < timedelta(seconds=5)


async def test_an_answer_has_its_choices_as_numbers_and_is_taken_when_the_server_has_it(
    server: Prosody,
) -> None:
    async with running(server, FakeDoor()) as channel, Customer(server) as mario:
        sent = await channel.send(
            outgoing(
                "Is it solved?",
                buttons=(Button("x", "Yes"), Button("y", "No")),
                in_reply_to=f"xmpp:mario@{DOMAIN}/theirs-1",
            )
        )
        got = await until(lambda: [m for m in mario.got if m["id"] == REF])

    assert got[0]["body"] == "[2026-000042] Is it solved?\n\n1. Yes\n2. No"
    assert got[0]["from"].bare == DESK
    assert got[0].xml.find("{urn:xmpp:reply:0}reply").get("id") == "theirs-1"
    assert sent.remote_id == f"xmpp:mario@{DOMAIN}/{REF}"


async def test_a_long_answer_comes_in_parts_that_can_all_be_quoted(server: Prosody) -> None:
    ref = REF.replace("01", "02")
    async with running(server, FakeDoor()) as channel, Customer(server) as mario:
        sent = await channel.send(outgoing("A line of the log.\n" * 2000, ref=ref))
        got = await until(
            lambda: (here := [m for m in mario.got if m["id"].startswith(ref)]) and here[2:] and here
        )
        await channel.retract(Address(f"xmpp:mario@{DOMAIN}"), sent.remote_id)
        retract = "{urn:xmpp:message-retract:1}retract"
        taken = await until(
            lambda: (back := [m for m in mario.got if m.xml.find(retract) is not None])[2:] and back
        )

    ids = [f"xmpp:mario@{DOMAIN}/{m['id']}" for m in got]
    assert ids == list(sent.more_ids)
    assert len(taken) == len(ids)
    assert sum(m["body"].count("A line of the log.") for m in got) == 2000


async def test_a_file_is_put_on_the_server_and_what_it_does_not_take_is_named(server: Prosody) -> None:
    small = Attachment(name="plan.txt", type="text/plain", content=b"Turn left.")
    large = Attachment(name="film.mp4", type="video/mp4", content=b"x" * 2000)
    async with running(server, FakeDoor()) as channel, Customer(server) as mario:
        sent = await channel.send(outgoing("See the plan.", ref="03", attachments=(small, large)))
        got = await until(lambda: (here := [m for m in mario.got if m["id"].startswith("03")])[1:] and here)
        link = got[1].xml.findtext("{jabber:x:oob}x/{jabber:x:oob}url")
        async with aiohttp.ClientSession() as session, session.get(link) as answer:
            fetched = await answer.read()

    assert fetched == b"Turn left."
    assert got[1]["body"] == link
    assert got[0]["body"].endswith("film.mp4\nhttps://desk.test/portal/requests/2026-000042")
    assert sent.more_ids == (f"xmpp:mario@{DOMAIN}/03", f"xmpp:mario@{DOMAIN}/03-2")


async def test_a_message_of_ours_is_corrected_twice_and_taken_back_under_its_first_name(
    server: Prosody,
) -> None:
    async with running(server, FakeDoor()) as channel, Customer(server) as mario:
        sent = await channel.send(outgoing("On Monday", ref="m1"))
        again = await channel.send(outgoing("On Tuesday", ref="m2", replaces=sent.remote_id))
        await channel.send(outgoing("On Friday", ref="m3", replaces=again.remote_id))
        await channel.typing(Address(f"xmpp:mario@{DOMAIN}"))
        await channel.retract(Address(f"xmpp:mario@{DOMAIN}"), again.remote_id)
        back = await until(
            lambda: [m for m in mario.got if m.xml.find("{urn:xmpp:message-retract:1}retract") is not None]
        )

    changed = {m["id"]: m.xml.find("{urn:xmpp:message-correct:0}replace") for m in mario.got}
    assert changed["m2"].get("id") == changed["m3"].get("id") == "m1"
    assert back[0].xml.find("{urn:xmpp:message-retract:1}retract").get("id") == "m1"
    assert back[0]["body"] == "We took back a message that stood here."
    assert [m for m in mario.got if m["chat_state"] == "composing"]


async def test_nothing_is_taken_back_that_is_of_another_chat(server: Prosody) -> None:
    async with running(server, FakeDoor()) as channel:
        with pytest.raises(DeliveryError) as refused:
            await channel.retract(Address(f"xmpp:mario@{DOMAIN}"), f"xmpp:anna@{DOMAIN}/m1")

    assert refused.value.permanent


async def test_nobody_of_that_name_is_known_at_once(server: Prosody) -> None:
    async with running(server, FakeDoor()) as channel:
        with pytest.raises(DeliveryError, match="service-unavailable") as refused:
            await channel.send(outgoing("Hello", to="nobody"))

    assert refused.value.permanent


async def test_one_hub_takes_in_and_both_send(server: Prosody) -> None:
    shared: dict[str, asyncio.Lock] = {}
    doors = FakeDoor(leases=shared), FakeDoor(leases=shared)
    async with Customer(server) as mario, contextlib.AsyncExitStack() as both:
        one = await both.enter_async_context(running(server, doors[0]))
        mario.writes("Before the other one")
        await until(lambda: "Before the other one" in texts(doors[0]))
        other = await both.enter_async_context(running(server, doors[1]))
        await other.send(outgoing("From the other", ref="o1"))
        await one.send(outgoing("From the one", ref="o2"))
        mario.writes("To whom?")
        await until(lambda: "To whom?" in texts(doors[0]))
        await until(lambda: {"o1", "o2"} <= {m["id"] for m in mario.got})

    assert not doors[1].came


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"password": Secret("wrong")}, "does not take the password of desk@chat.test"),
        ({"tls_authority": ""}, "certificate of the server is not to be trusted for chat.test"),
        ({"port": 1}, "cannot be reached"),
    ],
)
async def test_why_there_is_no_connection_is_said(
    server: Prosody, changed: dict[str, Any], words: str
) -> None:
    channel = a_channel(server, **changed)

    with pytest.raises(ConnectionError, match=words):
        await asyncio.wait_for(channel.run(FakeDoor()), PATIENCE)


async def test_without_an_archive_the_server_keeps_what_was_not_stored(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(xmpp, "STORE_AGAIN", 0.05)
    full, door = FakeDoor(fails_with=Unavailable("the disk is full")), FakeDoor()
    with a_prosody(archive=False) as server:
        async with Customer(server) as mario:
            async with running(server, full) as channel:
                own = mario.writes("Do not lose this")
                await until(lambda: full.asked)
                assert channel._line is not None
                channel._line.client.abort()  # as when the hub is killed
            async with running(server, door):
                await until(lambda: door.came)

    assert texts(door) == ["Do not lose this"]
    assert door.came[0].external_id == f"xmpp:mario@{DOMAIN}/{own}"
