"""How does our mail leave, and what do we make of what the relay says? Against a real SMTP server."""

from __future__ import annotations

import asyncio
import dataclasses
import socket
import ssl
import sys
import threading
import time
from collections.abc import Callable
from email import message_from_bytes

import pytest

from channels.email import sasl
from core.channel import DeliveryError
from core.envelope import Address, Kind
from core.settings_values import Secret
from tests.channels.email.a_provider import Provider
from tests.channels.email.a_relay import OTHER, TOKEN, FakeRelay, a_server_that_says, an_answer
from tests.channels.email.reading_mails import understood
from tests.channels.email.running_mail import a_certificate, a_channel


@pytest.fixture
def relay():
    with FakeRelay().running() as running:
        yield running


@pytest.fixture
def channel(tmp_path, relay):
    return a_channel(tmp_path, relay_host="127.0.0.1", relay_port=relay.port)


async def refusal(channel, **changed) -> DeliveryError:
    with pytest.raises(DeliveryError) as refused:
        await channel.send(an_answer(**changed))
    return refused.value


def patient_for(channel, **changed):
    channel.relay = dataclasses.replace(channel.relay, **changed)
    return channel


# What is handed over


async def test_each_recipient_gets_a_mail_of_their_own_with_addresses_nobody_else_knows(channel, relay):
    await channel.send(an_answer())
    await channel.send(
        an_answer(to=Address("carl@cust.test"), ref="s" * 26, reply_token=OTHER, bounce_token=TOKEN)
    )

    first, second = relay.taken
    assert (first.sender, first.recipients) == (f"support+b-{OTHER}@reply.hub.test", ("ann@cust.test",))
    assert (second.sender, second.recipients) == (f"support+b-{TOKEN}@reply.hub.test", ("carl@cust.test",))
    mails = [message_from_bytes(taken.content) for taken in relay.taken]
    assert [mail["Reply-To"] for mail in mails] == [
        f'"Acme Desk" <support+r-{TOKEN}@reply.hub.test>',
        f'"Acme Desk" <support+r-{OTHER}@reply.hub.test>',
    ]
    assert b"carl" not in first.content
    assert OTHER.encode() not in first.content


async def test_what_the_relay_said_is_kept_and_we_say_our_own_name(channel, relay):
    sent = await channel.send(an_answer())

    assert sent.detail == "250 2.0.0 queued as 4711"
    assert relay.taken[0].hello == "hub.test"


async def test_lines_that_begin_with_a_dot_arrive(channel, relay):
    await channel.send(an_answer(text=".\n..\n.x\n" + "." * 200))

    assert understood(relay.taken[0].content).text.count(".") >= 205
    assert relay.taken[0].content.count(b"\n") == relay.taken[0].content.count(b"\r\n")


async def test_a_second_try_is_the_same_message(channel, relay):
    relay.says["DATA"] = ["hang up"]  # it has the mail, and we do not know
    lost = await refusal(channel)
    await channel.send(an_answer())

    assert not lost.permanent
    ids = [message_from_bytes(taken.content)["Message-ID"] for taken in relay.taken]
    assert ids == [f"<m.{'r' * 26}@hub.test>"] * 2


@pytest.mark.parametrize("goodbye", ["421 4.3.2 closing", "500 what?", "hang up"])
async def test_what_was_taken_is_not_sent_again_whatever_follows(channel, relay, goodbye):
    relay.says["QUIT"] = [goodbye]

    assert (await channel.send(an_answer())).detail.startswith("250")
    assert len(relay.taken) == 1


# What is refused


@pytest.mark.parametrize("command", ["MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize("answer", ["450 4.2.0 greylisted", "421 4.3.2 closing", "hang up"])
async def test_a_passing_trouble_is_worth_another_try(channel, relay, command, answer):
    relay.says[command] = [answer]
    refused = await refusal(channel)

    assert not refused.permanent
    assert answer == "hang up" or answer in str(refused)
    assert (await channel.send(an_answer())).detail.startswith("250")


@pytest.mark.parametrize("command", ["RCPT", "DATA"])
async def test_a_refused_mail_is_not_tried_again(channel, relay, command):
    relay.says[command] = ["550 5.1.1 no such user\x1b[31m"]
    refused = await refusal(channel)

    assert refused.permanent
    assert refused.dead is (command == "RCPT")
    assert str(refused).startswith("550 5.1.1 no such user")
    assert relay.taken == []


async def test_an_address_that_takes_nothing_now_is_not_dead(channel, relay):
    relay.says["RCPT"] = ["552 5.2.2 mailbox full"]
    refused = await refusal(channel)

    assert (refused.permanent, refused.dead) == (True, False)


async def test_a_relay_that_does_not_want_us_refuses_no_mail_for_good(channel, relay, tmp_path):
    relay.says["MAIL"] = ["553 5.7.1 log in first"]
    unwanted = await refusal(channel)
    with a_server_that_says(b"554 5.7.1 you are on a list\r\n") as port:
        greeted = await refusal(a_channel(tmp_path, relay_host="127.0.0.1", relay_port=port))

    assert (unwanted.permanent, greeted.permanent) == (False, False)
    assert "log in first" in str(unwanted)
    assert "you are on a list" in str(greeted)


async def test_no_relay_at_all_is_a_passing_trouble_that_names_it(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    refused = await refusal(a_channel(tmp_path, relay_host="127.0.0.1", relay_port=port))

    assert not refused.permanent
    assert f"127.0.0.1:{port}" in str(refused)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "ann",
        "ann@",
        "@cust.test",
        "a@b.test,eve@evil.test",
        "a@b.test(x)",
        "a;b@c.test",
        "@x.test:a@b.test",
        "g:a@b.test;",
        "a@b@c.test",
    ],
)
async def test_what_is_no_address_is_never_shown_to_the_relay(channel, relay, address):
    assert (await refusal(channel, to=Address(address))).permanent
    assert relay.heard == []


@pytest.mark.parametrize(
    "address", ["o'neil+x=y/z@cust.test", '"odd,one"@cust.test', "a@x--y.test", "a!b%c@d.test"]
)
async def test_unusual_addresses_are_handed_over_as_they_are(channel, relay, address):
    await channel.send(an_answer(to=Address(address)))

    assert relay.taken[0].recipients[0].replace('"', "") == address.replace('"', "")
    assert understood(relay.taken[0].content).to[0].address.replace('"', "") == address.replace('"', "")


async def test_a_domain_beyond_ascii_is_sent_as_its_a_label_to_any_relay(channel, tmp_path):
    with FakeRelay(offers=False).running() as old:
        await a_channel(tmp_path, relay_host="127.0.0.1", relay_port=old.port).send(
            an_answer(to=Address("info@Müller.test", "Jürgen"))
        )

    assert old.taken[0].recipients == ("info@xn--mller-kva.test",)
    assert b"<info@xn--mller-kva.test>" in old.taken[0].content


async def test_a_name_beyond_ascii_before_the_at_needs_a_relay_that_can(channel, relay, tmp_path):
    await channel.send(an_answer(to=Address("jürgen@büro.test", "Jürgen")))
    with FakeRelay(offers=False).running() as old:
        refused = await refusal(
            a_channel(tmp_path, relay_host="127.0.0.1", relay_port=old.port), to=Address("jürgen@büro.test")
        )

    assert relay.taken[0].recipients == ("jürgen@xn--bro-hoa.test",)
    assert "To: =?utf-8?q?J=C3=BCrgen?=\r\n <jürgen@xn--bro-hoa.test>".encode() in relay.taken[0].content
    assert refused.permanent
    assert "SMTPUTF8" in str(refused)
    assert old.heard == []


# Encryption and log-in


@pytest.fixture
def certificate(tmp_path):
    certificate, key = a_certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return certificate, context


def encrypted(tmp_path, relay, tls, **settings):
    return a_channel(tmp_path, relay_host="127.0.0.1", relay_port=relay.port, relay_tls=tls, **settings)


@pytest.mark.parametrize("tls", ["starttls", "tls"])
async def test_mail_goes_encrypted_to_a_relay_that_can_be_trusted_and_to_no_other(
    tmp_path, certificate, tls, monkeypatch
):
    file, context = certificate
    with FakeRelay().running(**{tls: context}) as relay:
        refused = await refusal(encrypted(tmp_path, relay, tls))
        assert not refused.permanent
        assert "certificate" in str(refused)
        assert relay.heard == []

        monkeypatch.setenv("SSL_CERT_FILE", str(file))
        await encrypted(tmp_path, relay, tls).send(an_answer())

    assert [taken.encrypted for taken in relay.taken] == [True]


async def test_where_encryption_is_wanted_nothing_is_said_in_the_clear(tmp_path, relay):
    wanted = encrypted(tmp_path, relay, "starttls", relay_user="desk", relay_password=Secret("s3cret"))
    refused = await refusal(wanted)

    assert not refused.permanent
    assert "STARTTLS" in str(refused)
    assert relay.heard == []


async def test_a_relay_that_asks_for_a_log_in_gets_it_encrypted(tmp_path, certificate, monkeypatch):
    file, context = certificate
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    with FakeRelay(password="s3cret").running(starttls=context) as relay:
        known = {"relay_user": "desk", "relay_password": Secret("s3cret")}
        await encrypted(tmp_path, relay, "starttls", **known).send(an_answer())
        right = await encrypted(tmp_path, relay, "starttls", **known).log_ins()
        other = encrypted(tmp_path, relay, "starttls", **known | {"relay_password": Secret("no")})
        wrong = await refusal(other)
        told = await other.log_ins()

    assert [(taken.user, taken.encrypted) for taken in relay.taken] == [("desk", True)]
    assert not wrong.permanent  # no mail is lost because a password was changed
    assert "535" in str(wrong)
    assert "s3cret" not in str(wrong)
    name = f"the relay 127.0.0.1:{relay.port}"
    assert right == {name: ""}
    assert told[name] == str(wrong)


async def test_a_relay_that_takes_no_password_is_shown_a_token_and_a_new_one_where_it_counts_no_more(
    tmp_path, certificate, monkeypatch
):
    file, context = certificate
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    with (
        Provider(length=500).running() as provider,
        FakeRelay(tokens={"?"}).running(starttls=context) as relay,
    ):
        relay.tokens = provider.good
        channel = encrypted(
            tmp_path, relay, "starttls", relay_user="desk@x.test", relay_oauth=provider.settings()
        )
        await channel.send(an_answer())
        await channel.send(an_answer())
        assert [one["grant_type"] for one in provider.asked] == ["client_credentials"]

        provider.good.clear()  # taken back, before its time
        channel.relay.tokens.clock = lambda: time.monotonic() + 120
        await channel.send(an_answer())

    assert [(taken.user, taken.encrypted) for taken in relay.taken] == [("desk@x.test", True)] * 3
    assert len(provider.asked) == 2


async def test_a_relay_that_takes_no_token_of_ours_refuses_no_mail_for_good_and_it_is_said_what_to_do(
    tmp_path, certificate, monkeypatch
):
    file, context = certificate
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    with (
        Provider(length=500).running() as provider,
        FakeRelay(tokens={"?"}).running(starttls=context) as relay,
    ):
        known = {"relay_user": "desk@x.test", "relay_oauth": provider.settings()}
        unwanted = await refusal(encrypted(tmp_path, relay, "starttls", **known))
        relay.heard.clear()
        wrong = provider.settings(client_secret=Secret("not-it"))
        without = await refusal(encrypted(tmp_path, relay, "starttls", **known | {"relay_oauth": wrong}))

    assert not unwanted.permanent
    assert "535" in str(unwanted)
    assert '"status":"401"' in str(unwanted)
    assert "whether the application may use this mailbox" in str(unwanted)
    assert not without.permanent
    assert "see to client_id and client_secret" in str(without)
    assert "not-it" not in str(without)
    assert relay.heard == []  # nobody knocks there with nothing in hand


async def test_a_relay_that_offers_no_log_in_by_token_is_told(tmp_path, certificate, monkeypatch):
    file, context = certificate
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    monkeypatch.setattr(sasl, "MECHANISMS", ("OAUTHBEARER",))
    with Provider().running() as provider, FakeRelay(tokens={"?"}).running(starttls=context) as relay:
        known = {"relay_user": "desk@x.test", "relay_oauth": provider.settings()}
        refused = await refusal(encrypted(tmp_path, relay, "starttls", **known))

    assert "takes no log-in by OAuth 2.0: it offers LOGIN, PLAIN, XOAUTH2" in str(refused)


# A relay that hangs


@pytest.mark.parametrize(
    ("greeting", "drips"),
    [(b"", False), (b"220 relay.test\r\n", False), (b"220-", True), (b"220 relay.test\r\n", True)],
)
async def test_a_relay_that_hangs_is_left_after_a_while_however_busy_it_looks(tmp_path, greeting, drips):
    with a_server_that_says(greeting, drips=drips) as port:
        channel = patient_for(a_channel(tmp_path, relay_host="127.0.0.1", relay_port=port), within=0.3)
        refused = await refusal(channel)
        await asyncio.to_thread(until, nobody_at_work)

    assert not refused.permanent
    assert "within" in str(refused)


async def test_a_relay_that_is_silent_for_too_long_is_left(tmp_path):
    with a_server_that_says(b"220 relay.test\r\n") as port:
        channel = patient_for(a_channel(tmp_path, relay_host="127.0.0.1", relay_port=port), timeout=0.2)
        async with asyncio.timeout(5):
            refused = await refusal(channel)

    assert not refused.permanent
    assert f"127.0.0.1:{port} does not answer" in str(refused)


async def test_a_stopping_hub_does_not_wait_for_a_relay_that_hangs(tmp_path):
    with a_server_that_says(b"220 relay.test\r\n") as port:
        channel = a_channel(tmp_path, relay_host="127.0.0.1", relay_port=port)
        sending = asyncio.create_task(channel.send(an_answer()))
        await asyncio.to_thread(until, at_work)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        await asyncio.to_thread(until, nobody_at_work)


def at_work() -> bool:
    """Is a thread in the middle of a dialogue?"""
    frames = sys._current_frames()
    for thread in threading.enumerate():
        frame = frames.get(thread.ident or 0) if thread.name.startswith("relay") else None
        while frame is not None:
            if frame.f_code.co_filename.endswith("smtplib.py"):
                return True
            frame = frame.f_back
    return False


def nobody_at_work() -> bool:
    return not at_work()


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


# Without a relay


async def test_without_a_relay_mail_is_kept_as_a_file_that_shows_the_whole_round_trip(tmp_path):
    channel = a_channel(tmp_path)
    sent = await channel.send(an_answer(author_name="Béa"))

    kept = tmp_path / "outgoing" / f"{'r' * 26}.eml"
    assert sent.detail == f"kept as {kept.name}"
    assert [path.name for path in kept.parent.iterdir()] == [kept.name]
    mail = message_from_bytes(kept.read_bytes())
    assert mail["Return-Path"] == f"<support+b-{OTHER}@reply.hub.test>"
    assert mail["Delivered-To"] == "ann@cust.test"
    assert understood(kept.read_bytes()).kind is Kind.OWN_LOOP
    assert "Please restart it." in understood(kept.read_bytes()).text


async def test_a_folder_that_cannot_be_written_is_a_passing_trouble(tmp_path):
    channel = a_channel(tmp_path)
    (tmp_path / "outgoing").write_text("in the way")
    refused = await refusal(channel)

    assert not refused.permanent
    assert "outgoing" in str(refused)
