"""What does a mail server meet that brings us mail? Real clients and bare sockets against the running channel."""

from __future__ import annotations

import contextlib
import json
import select
import smtplib
import socket
import ssl
import threading
import time
from pathlib import Path

import pytest

from channels.email import dialogue
from channels.email.gate import Gate
from core.channel import Unavailable
from tests.channels.email.running_mail import Raw, a_certificate, a_channel, client, running
from tests.fakes import FakeDoor

MAIL = b"From: Ann <ann@cust.test>\r\nTo: support@hub.test\r\nSubject: Printer\r\n\r\nIt is broken.\r\n"
REPLY = "support+r-abcdefghijklmnopqrstuvwx27@reply.hub.test"


@pytest.fixture
def door() -> FakeDoor:
    return FakeDoor()


@pytest.fixture
def desk(tmp_path, door):
    """The channel at work."""
    with running(a_channel(tmp_path), door) as channel:
        yield channel


def greeted(channel) -> Raw:
    raw = Raw(channel.bound["smtp"])
    raw.hear()
    raw.ask("EHLO client.test")
    return raw


def ready_for_data(channel, *, sender: str = "ann@cust.test", parameters: str = "") -> Raw:
    raw = greeted(channel)
    raw.ask(f"MAIL FROM:<{sender}>{parameters}")
    raw.ask("RCPT TO:<support@hub.test>")
    assert raw.ask("DATA").startswith("354")
    return raw


# Stored, then acknowledged


def test_a_mail_comes_in_bit_for_bit_with_all_that_its_envelope_said(desk, door):
    with client(desk) as smtp:
        smtp.ehlo("mx.cust.test")
        refused = smtp.sendmail("Ann@cust.test", ["support@hub.test", "Alarms@HUB.test", REPLY], MAIL)

    arrival = door.came[0]
    assert refused == {}
    assert arrival.raw == MAIL
    assert arrival.channel == "email"
    assert arrival.sender == "Ann@cust.test"
    assert arrival.recipients == ("support@hub.test", "Alarms@HUB.test", REPLY)
    assert arrival.received_at.tzinfo is not None
    assert arrival.external_id is None
    assert arrival.envelope == {
        "peer": "127.0.0.1",
        "helo": "mx.cust.test",
        "tls": False,
        "protocol": "SMTP",
        "whence": "@cust.test",
    }


def test_a_mail_is_acknowledged_only_after_it_was_stored(desk, door):
    door.open.clear()
    with ready_for_data(desk) as raw:
        raw.say(MAIL + b".\r\n")
        door.wait_until(lambda d: d.asked == 1)
        raw.socket.settimeout(0.3)
        with pytest.raises(TimeoutError):
            raw.hear()

        door.open.set()
        raw.socket.settimeout(20)

        assert raw.hear() == "250 2.0.0 Stored"
        assert len(door.came) == 1


@pytest.mark.parametrize(
    "trouble", [Unavailable("disk /srv is full"), RuntimeError("no table inbound at /srv")]
)
def test_what_could_not_be_stored_stays_with_the_sender_who_learns_nothing_of_our_inside(desk, door, trouble):
    door.fails_with = trouble
    with client(desk) as smtp:
        with pytest.raises(smtplib.SMTPDataError) as refused:
            smtp.sendmail("ann@cust.test", ["support@hub.test"], MAIL)
        door.fails_with = None
        smtp.sendmail("ann@cust.test", ["support@hub.test"], MAIL)

    assert refused.value.smtp_code == 451
    assert b"srv" not in refused.value.smtp_error
    assert len(door.came) == 1


def test_a_store_that_does_not_answer_is_not_waited_for_without_end(tmp_path, door):
    channel = a_channel(tmp_path)
    channel.gate.store_within = 0.2
    door.open.clear()
    with running(channel, door), client(channel) as smtp:
        with pytest.raises(smtplib.SMTPDataError, match="451"):
            smtp.sendmail("ann@cust.test", ["support@hub.test"], MAIL)
        door.open.set()

        door.wait_until(lambda d: len(d.came) == 1)  # later, and the sender brings it again: the same bytes


def test_a_client_that_hangs_up_right_after_the_dot_has_its_mail_stored(desk, door):
    door.open.clear()
    raw = ready_for_data(desk)
    raw.say(MAIL + b".\r\n")
    door.wait_until(lambda d: d.asked == 1)
    raw.socket.close()
    door.open.set()

    door.wait_until(lambda d: len(d.came) == 1)
    assert door.came[0].raw == MAIL


def test_a_client_that_says_everything_at_once_and_then_only_listens_is_answered(desk, door):
    with Raw(desk.bound["smtp"]) as raw:
        raw.say(
            b"EHLO a.test\r\nMAIL FROM:<ann@cust.test>\r\nRCPT TO:<support@hub.test>\r\nDATA\r\n"
            + MAIL
            + b".\r\n"
        )
        raw.socket.shutdown(socket.SHUT_WR)
        answers = raw.hear_all()

    assert answers[-1] == "250 2.0.0 Stored"
    assert len(door.came) == 1


def test_a_failure_ends_that_mail_and_the_next_one_on_the_connection_is_taken(desk, door):
    door.fails_with = Unavailable("full")
    with ready_for_data(desk) as raw:
        raw.say(MAIL + b".\r\n")
        assert raw.hear().startswith("451")
        door.fails_with = None

        assert raw.ask("DATA").startswith("503")
        assert raw.ask("MAIL FROM:<ann@cust.test>").startswith("250")


def test_a_stopping_hub_lets_the_mail_that_is_on_its_way_arrive_and_sends_the_others_away(tmp_path, door):
    with running(a_channel(tmp_path), door) as channel:
        idle, busy = greeted(channel), ready_for_data(channel)
        busy.say(MAIL + b".\r\n")
        door.wait_until(lambda d: len(d.came) == 1)
        door.open.clear()
        busy.say(b"MAIL FROM:<ann@cust.test>\r\nRCPT TO:<support@hub.test>\r\nDATA\r\n" + MAIL + b".\r\n")
        door.wait_until(lambda d: d.asked == 2)
        opener = threading.Timer(0.2, door.open.set)
        opener.start()

    said = busy.hear_all()
    assert said[0] == said[-2] == "250 2.0.0 Stored"
    assert said[-1].startswith("421 4.3.2")
    assert idle.hear().startswith("421 4.3.2")
    assert len(door.came) == 2
    opener.join()
    idle.socket.close()
    busy.socket.close()


# Whose mail


@pytest.mark.parametrize(
    "address",
    [
        "<support@hub.test>",
        "<SUPPORT@Hub.Test>",
        "<alarms@hub.test>",
        "<support+printer@hub.test>",
        f"<{REPLY}>",
        "<support+b-abcdefghijklmnopqrstuvwx27@reply.hub.test>",
        "<postmaster@hub.test>",
        "<Postmaster>",
        "<@relay.test:support@hub.test>",
    ],
)
def test_mail_for_us_is_taken(desk, address):
    with greeted(desk) as raw:
        raw.ask("MAIL FROM:<ann@cust.test>")

        assert raw.ask(f"RCPT TO:{address}").startswith("250")


@pytest.mark.parametrize(
    "address",
    [
        "<nobody@hub.test>",
        "<support@reply.hub.test>",
        "<support@evil.test>",
        "<victim@third.test>",
        "<victim%third.test@hub.test>",
        "<@hub.test:victim@third.test>",
        '<"victim@third.test"@hub.test>',
        "<third.test!support@hub.test>",
        "<support@hub.test@third.test>",
        "<>",
        "<",
        "<support",
        "<@>",
        "<\udcff@hub.test>",
        "support@[hub.test",
    ],
)
def test_mail_for_anybody_else_is_refused_for_good(desk, door, address):
    with greeted(desk) as raw:
        raw.ask("MAIL FROM:<eve@evil.test>")

        assert raw.ask(f"RCPT TO:{address}")[0] == "5"
        assert raw.ask("DATA").startswith("503")
    assert door.asked == 0


def test_a_report_from_nobody_is_taken(desk, door):
    with client(desk) as smtp:
        smtp.sendmail("", ["support+b-abcdefghijklmnopqrstuvwx27@reply.hub.test"], MAIL)

    assert door.came[0].sender == ""


def test_from_where_reply_addresses_are_guessed_none_is_taken_right_or_wrong_but_ordinary_mail_is(desk, door):
    door.guessers.add("@evil.test")
    bounce = "support+b-abcdefghijklmnopqrstuvwx27@reply.hub.test"

    def answers(sender):
        with greeted(desk) as raw:
            raw.ask(f"MAIL FROM:<{sender}>")
            return [raw.ask(f"RCPT TO:<{to}>")[:3] for to in (REPLY, bounce, "support@hub.test")]

    assert answers("eve@Evil.test") == ["451", "451", "250"]
    assert answers("ann@cust.test") == ["250"] * 3


def test_a_mail_server_of_our_own_brings_everybodys_mail_and_a_stranger_their_own():
    gate = Gate(
        addressing=a_channel_addressing(),
        max_size=1,
        max_recipients=1,
        max_connections=1,
        max_per_peer=1,
        trusted_peers=("192.0.2.1",),
    )

    assert [gate.whence(peer, "Ann@CUST.test") for peer in ("192.0.2.1", "::1", "192.0.2.9")] == [
        "@cust.test",
        "@cust.test",
        "192.0.2.9",
    ]


def test_the_addresses_of_one_line_are_one_peer():
    gate = Gate(
        addressing=a_channel_addressing(),
        max_size=1,
        max_recipients=1,
        max_connections=9,
        max_per_peer=2,
        max_mails_a_minute=2,
    )
    line = [f"2001:db8:0:7:{n}::1" for n in range(1, 4)]

    assert [gate.enter(peer) for peer in [*line, "2001:db8:0:8::1"]] == [True, True, False, True]
    gate.leave(line[0])
    assert gate.enter(line[2])
    assert [gate.take(peer, now=0.0) for peer in [*line, "2001:db8:0:8::1"]] == [True, True, False, True]
    assert {gate.whence(peer, "x@y.test") for peer in line} == {"2001:db8:0:7::/64"}


def test_a_sender_that_is_no_text_is_taken_and_made_fit_to_be_stored(desk, door):
    with ready_for_data(desk, sender='"a\x00\x1b\udcff\r"@cust.test', parameters=" SMTPUTF8") as raw:
        raw.say(MAIL + b".\r\n")
        assert raw.hear().startswith("250")

    assert door.came[0].sender == "a����@cust.test"


def test_what_a_client_calls_itself_can_neither_run_nor_paint_a_terminal(desk, door):
    with Raw(desk.bound["smtp"]) as raw:
        raw.hear()
        raw.ask("EHLO <script>1</script>\x1b[31m" + "x" * 3000)
        raw.ask("MAIL FROM:<eve@evil.test>")
        raw.ask("RCPT TO:<support@hub.test>")
        raw.ask("DATA")
        raw.say(MAIL + b".\r\n")
        raw.hear()

    helo = door.came[0].envelope["helo"]
    assert "\x1b" not in helo
    assert len(helo) == dialogue.LABEL


# Limits


def test_more_recipients_than_the_limit_are_put_off_and_the_others_served(desk, door):
    people = [f"support+{n}@hub.test" for n in range(7)]
    with client(desk) as smtp:
        refused = smtp.sendmail("ann@cust.test", people, MAIL)

    assert [code for code, _ in refused.values()] == [452, 452]
    assert door.came[0].recipients == tuple(people[:5])


def test_a_mail_larger_than_the_limit_is_refused_and_the_next_one_taken(tmp_path, door):
    channel = a_channel(tmp_path, max_mail_size=100_000)
    with running(channel, door), client(channel) as smtp:
        smtp.ehlo()
        with pytest.raises(smtplib.SMTPSenderRefused) as announced:
            smtp.sendmail("ann@cust.test", ["support@hub.test"], MAIL + b"x" * 200_000)
        smtp.esmtp_features.pop("size")  # so that it does not say beforehand
        with pytest.raises(smtplib.SMTPDataError) as sent:
            smtp.sendmail("ann@cust.test", ["support@hub.test"], MAIL + b"x\r\n" * 100_000)
        just = MAIL + b"x" * (100_000 - len(MAIL) - 2) + b"\r\n"
        smtp.sendmail("ann@cust.test", ["support@hub.test"], just)
        with pytest.raises(smtplib.SMTPDataError, match="552"):
            smtp.sendmail("ann@cust.test", ["support@hub.test"], just[:-2] + b"y\r\n")

    assert announced.value.smtp_code == sent.value.smtp_code == 552
    assert [arrival.raw for arrival in door.came] == [just]


def test_a_mail_far_larger_than_it_was_announced_is_refused(desk, door):
    with ready_for_data(desk, parameters=" SIZE=10") as raw:
        for _ in range(20):
            raw.say(b"x" * 99_998 + b"\r\n")
        raw.say(b".\r\n")

        assert raw.hear().startswith("552")
    assert door.asked == 0


def test_lines_of_any_length_and_with_any_dots_come_in_as_they_were(desk, door):
    body = MAIL + b"\r\n".join(
        [b"." * 700_000, b"x" * 3_000_000, b".", b"..", b".x", b"\xff\x00", b"end.", b"a\nb\rc", b""]
    )
    with client(desk) as smtp:
        smtp.ehlo()
        smtp.mail("ann@cust.test")
        smtp.rcpt("support@hub.test")
        smtp.docmd("DATA")
        smtp.send(body.replace(b"\r\n.", b"\r\n..") + b".\r\n")
        answer, _ = smtp.getreply()

    assert answer == 250
    assert door.came[0].raw == body


@pytest.mark.parametrize(("sent", "stored"), [(b"", b""), (b"..\r\n", b".\r\n"), (b".x\r\n", b"x\r\n")])
def test_a_mail_that_begins_with_its_end_or_with_a_dot_is_read_right(desk, door, sent, stored):
    with ready_for_data(desk) as raw:
        raw.say(sent + b".\r\n")
        assert raw.hear().startswith("250")

    assert door.came[0].raw == stored


def test_a_client_that_does_not_know_what_it_says_is_sent_away(desk):
    with Raw(desk.bound["smtp"]) as raw:
        raw.hear()
        answers = [raw.ask(f"GET /{n} HTTP/1.1") for n in range(dialogue.UNKNOWN_COMMANDS + 1)]

        assert answers[0].startswith("500")
        assert answers[-1].startswith("421")
        assert raw.hear() == ""


def test_a_client_that_keeps_us_busy_without_a_mail_is_sent_away(desk):
    with greeted(desk) as raw:
        raw.say(b"NOOP\r\n" * (dialogue.COMMANDS + 1))

        assert raw.hear_all()[-1].startswith("421")


@pytest.mark.parametrize("end", [b"", b"\r\n"])
def test_a_command_without_end_is_cut_off(desk, end):
    with greeted(desk) as raw:
        raw.say(b"MAIL FROM:<" + b"a" * 5000 + end)

        assert raw.hear().startswith("500")
        assert raw.hear() == ""


def test_connections_are_limited_in_all_and_a_place_is_free_again_when_somebody_leaves(tmp_path, door):
    channel = a_channel(tmp_path, max_connections=2)
    with running(channel, door), greeted(channel), greeted(channel) as second:
        with Raw(channel.bound["smtp"]) as third:
            assert third.hear().startswith("421 4.7.0")
            assert third.hear() == ""
        second.ask("QUIT")
        assert second.hear() == ""
        with Raw(channel.bound["smtp"]) as fourth:
            assert fourth.hear().startswith("220")


def test_connections_of_one_peer_are_limited(tmp_path, door):
    channel = a_channel(tmp_path, max_connections_per_peer=1)
    channel.gate.uncounted = ()
    with running(channel, door), greeted(channel), Raw(channel.bound["smtp"]) as second:
        assert second.hear().startswith("421")


def test_a_peer_that_sends_without_end_is_put_off(tmp_path, door):
    channel = a_channel(tmp_path)
    channel.gate.uncounted, channel.gate.max_mails_a_minute = (), 3
    with running(channel, door), greeted(channel) as raw:
        answers = []
        for _ in range(7):  # a minute may end in between
            answers.append(raw.ask("MAIL FROM:<ann@cust.test>")[:3])
            raw.ask("RSET")

    assert "451" in answers


def test_each_minute_is_counted_anew_and_mail_servers_of_our_own_are_not_counted():
    gate = Gate(
        addressing=a_channel_addressing(),
        max_size=1,
        max_recipients=1,
        max_connections=9,
        max_per_peer=1,
        max_mails_a_minute=2,
        trusted_peers=("192.0.2.9",),
    )

    assert [gate.take("192.0.2.1", now=59.0) for _ in range(3)] == [True, True, False]
    assert gate.take("192.0.2.1", now=60.0)
    assert all(gate.take(peer, now=60.0) for peer in ("192.0.2.9", "127.0.0.1", "::1") for _ in range(5))
    assert [gate.enter("192.0.2.1"), gate.enter("192.0.2.1"), gate.enter("192.0.2.9")] == [True, False, True]


def a_channel_addressing():
    from channels.email.addressing import Addressing

    return Addressing(domain="hub.test", addresses=("support@hub.test",), reply_domain="reply.hub.test")


# Slow clients


@pytest.mark.parametrize("where", ["silent", "in a command", "in a message"])
def test_a_client_that_drips_is_cut_off_however_busy_it_is_and_others_are_served(tmp_path, door, where):
    channel = a_channel(tmp_path)
    channel.gate.idle, channel.gate.transaction = 30.0, 0.6
    with running(channel, door):
        slow = ready_for_data(channel) if where == "in a message" else greeted(channel)
        began = time.monotonic()
        slow.socket.settimeout(0.05)
        answer = ""
        while not answer and time.monotonic() - began < 15:
            if where != "silent":
                slow.say(b"x")
            try:
                answer = slow.hear()
            except TimeoutError:
                continue
        with client(channel) as smtp:
            smtp.sendmail("ann@cust.test", ["support@hub.test"], MAIL)
        slow.socket.close()

    assert answer.startswith("421 4.4.2")
    assert [arrival.raw for arrival in door.came] == [MAIL]


def test_a_steady_sender_loses_its_place_to_nobody(tmp_path, door):
    channel = a_channel(tmp_path, max_connections=1)
    channel.gate.patience = 0.2
    with running(channel, door), ready_for_data(channel) as steady:
        steady.say(b"x" * 20_000)
        time.sleep(0.5)
        with Raw(channel.bound["smtp"]) as other:
            assert other.hear().startswith("421 4.7.0")
        steady.say(b"\r\n.\r\n")

        assert steady.hear().startswith("250")


@pytest.mark.parametrize("where", ["silent", "in a message"])
def test_when_all_places_are_taken_by_those_who_drip_a_mail_still_comes_in(tmp_path, door, where):
    channel = a_channel(tmp_path, max_connections=3)
    with running(channel, door), contextlib.ExitStack() as stack:
        channel.gate.patience = 60.0
        slow = [
            stack.enter_context(ready_for_data(channel) if where == "in a message" else greeted(channel))
            for _ in range(3)
        ]
        with Raw(channel.bound["smtp"]) as early:
            assert early.hear().startswith("421 4.7.0")  # they might still say something
        channel.gate.patience = -1.0  # time has passed
        with client(channel) as smtp:
            smtp.sendmail("ann@cust.test", ["support@hub.test"], MAIL)
        (gone_one,), _, _ = select.select([raw.socket for raw in slow], [], [], 20)
        sent_away = gone_one.recv(4096).decode()

    assert sent_away.startswith("421 4.3.2")
    assert [arrival.raw for arrival in door.came] == [MAIL]


def test_a_client_that_talks_without_sending_a_mail_is_cut_off(tmp_path, door):
    channel = a_channel(tmp_path)
    channel.gate.transaction = 0.5
    with running(channel, door), greeted(channel) as raw:
        answers = [raw.ask("NOOP")]
        while answers[-1].startswith("250"):
            time.sleep(0.02)  # a busy client, not a flood
            answers.append(raw.ask("RSET"))

    assert answers[-1].startswith("421 4.4.2")


def test_a_client_that_never_reads_its_answers_does_not_stay_for_ever(tmp_path, door, monkeypatch):
    monkeypatch.setattr(dialogue, "LAST_WORDS", 0.1)
    channel = a_channel(tmp_path)
    channel.gate.transaction = 1.0
    with running(channel, door), Raw(channel.bound["smtp"]) as deaf:
        deaf.socket.settimeout(5)
        with pytest.raises(OSError, match=r"reset|Broken pipe"):
            talk_on(deaf)


def talk_on(raw: Raw) -> None:
    while True:
        raw.say(b"EHLO a.test\r\n" * 1000)


# Encryption


@pytest.fixture
def encrypted_desk(tmp_path, door):
    certificate, key = a_certificate(tmp_path)
    channel = a_channel(tmp_path, tls_certificate=str(certificate), tls_key=str(key))
    with running(channel, door):
        yield channel, ssl.create_default_context(cafile=str(certificate))


def test_a_mail_may_come_encrypted_and_the_envelope_says_so(encrypted_desk, door):
    channel, trusting = encrypted_desk
    with client(channel) as smtp:
        smtp.starttls(context=trusting)
        smtp.ehlo("mx.cust.test")
        smtp.sendmail("ann@cust.test", ["support@hub.test"], MAIL)
        offered = smtp.esmtp_features

    assert door.came[0].raw == MAIL
    assert door.came[0].envelope["tls"] is True
    assert "starttls" not in offered
    assert "auth" not in offered


def test_commands_slipped_in_before_the_encryption_are_forgotten(encrypted_desk, door, samples):
    channel, trusting = encrypted_desk
    with Raw(channel.bound["smtp"]) as raw:
        raw.hear()
        raw.say((samples / "attacks" / "smtp10-starttls-injection.smtp").read_bytes())
        assert "STARTTLS" in raw.hear()
        assert raw.hear().startswith("220")
        raw.encrypt(trusting)

        assert raw.ask("DATA").startswith("503")  # nothing was said yet, not even hello
        assert raw.ask("EHLO a.test").startswith("250-hub.test")
        assert raw.ask("RCPT TO:<support@hub.test>").startswith("503")


def test_a_handshake_that_never_ends_keeps_no_place_from_others(encrypted_desk, door):
    channel, _ = encrypted_desk
    channel.gate.max_connections, channel.gate.patience = 1, -1.0  # time has passed
    with greeted(channel) as raw:
        assert raw.ask("STARTTLS").startswith("220")
        with client(channel) as smtp:
            smtp.sendmail("ann@cust.test", ["support@hub.test"], MAIL)
        gone(raw)

    assert len(door.came) == 1


def test_a_client_that_fails_to_encrypt_is_sent_away_and_the_next_one_served(encrypted_desk, door):
    channel, _ = encrypted_desk
    with greeted(channel) as raw:
        assert raw.ask("STARTTLS").startswith("220")
        raw.say(b"this is no handshake\r\n" * 10)
        gone(raw)
    with client(channel) as smtp:
        smtp.sendmail("ann@cust.test", ["support@hub.test"], MAIL)
        assert channel.gate.common.connections.taken() == 1

    assert len(door.came) == 1


def test_a_client_that_never_encrypts_what_it_wanted_encrypted_is_cut_off(encrypted_desk):
    channel, _ = encrypted_desk
    channel.gate.transaction = 0.3
    with greeted(channel) as raw:
        assert raw.ask("STARTTLS").startswith("220")
        gone(raw)
    with client(channel):
        assert channel.gate.common.connections.taken() == 1


def gone(raw: Raw) -> None:
    """The other side has closed, whatever it said before."""
    with contextlib.suppress(ConnectionResetError):
        while raw.socket.recv(4096):
            pass


def test_a_desk_without_a_certificate_offers_no_encryption_and_no_log_in(desk):
    with client(desk) as smtp:
        smtp.ehlo()

        assert not smtp.has_extn("starttls")
        assert not smtp.has_extn("auth")
        assert smtp.docmd("AUTH PLAIN")[0] == 502
        assert smtp.docmd("STARTTLS")[0] in (454, 502)
        assert smtp.docmd("VRFY", "support")[0] == 252
        assert smtp.docmd("HELP")[0] == 214


# LMTP


def test_by_lmtp_every_recipient_gets_an_answer_of_their_own(tmp_path, door):
    channel = a_channel(tmp_path, max_mail_size=2_000_000)
    channel.smtp, channel.lmtp = None, ("127.0.0.1", 0)
    with running(channel, door):
        with smtplib.LMTP("127.0.0.1", channel.bound["lmtp"], timeout=20) as lmtp:
            lmtp.sendmail("ann@cust.test", ["support@hub.test"], MAIL)
        with Raw(channel.bound["lmtp"]) as raw:
            raw.hear()
            assert raw.ask("EHLO a.test").startswith("500")
            raw.ask("LHLO a.test")
            answers = []
            for trouble, body in (
                (Unavailable("full"), MAIL),
                (RuntimeError("x"), MAIL),
                (None, b"x" * 3_000_000),
            ):
                door.fails_with = trouble
                for line in (
                    "MAIL FROM:<>",
                    "RCPT TO:<support@hub.test>",
                    "RCPT TO:<alarms@hub.test>",
                    "DATA",
                ):
                    raw.ask(line)
                raw.say(body + b"\r\n.\r\n")
                answers.append((raw.hear()[:3], raw.hear()[:3]))

    assert door.came[0].raw == MAIL
    assert door.came[0].envelope["protocol"] == "LMTP"
    assert answers == [("451", "451"), ("451", "451"), ("552", "552")]


# The transcripts of attackers


def played(channel, script: bytes) -> list[str]:
    """Say all of it, then listen until the other side is done."""
    with Raw(channel.bound["smtp"]) as raw:
        raw.say(script)
        raw.socket.shutdown(socket.SHUT_WR)
        return raw.hear_all()


def transcripts(samples: Path) -> dict[str, bytes]:
    catalogue = json.loads((samples / "attacks" / "manifest.json").read_text())
    names = [item["file"] for item in catalogue["items"] if item["kind"] == "smtp"]
    return {name: (samples / "attacks" / name).read_bytes() for name in names}


def test_no_form_of_a_false_end_smuggles_a_second_mail(desk, door, samples):
    smuggled = {name: script for name, script in transcripts(samples).items() if "smuggle" in name}
    assert len(smuggled) >= 5

    for number, script in enumerate(smuggled.values(), 1):
        played(desk, script)
        assert len(door.came) == number

    assert {arrival.sender for arrival in door.came} == {"eve@evil.test"}


@pytest.mark.parametrize(
    "end",
    [
        b"\n.\n",
        b"\n.\r\n",
        b"\r\n.\n",
        b"\r.\r",
        b"\r\n.\r",
        b"\n.\r",
        b"\r.\r\n",
        b"\r\n\x00.\r\n",
        b"\r\n.\x00\r\n",
    ],
)
def test_the_words_behind_a_false_end_are_text_of_the_one_mail(desk, door, end):
    trick = (
        b"MAIL FROM:<agent@hub.test>\r\nRCPT TO:<support@hub.test>\r\nDATA\r\nFrom: agent@hub.test\r\n\r\nx"
    )
    with ready_for_data(desk, sender="eve@evil.test") as raw:
        raw.say(MAIL + b"text" + end + trick + b"\r\n.\r\n")
        assert raw.hear().startswith("250")
        raw.ask("QUIT")

    assert [arrival.sender for arrival in door.came] == ["eve@evil.test"]
    assert trick in door.came[0].raw


def test_nothing_is_relayed(desk, door, samples):
    answers = played(desk, transcripts(samples)["smtp12-open-relay.smtp"])

    assert [answer[0] for answer in answers[3:-1]] == ["5"] * 6
    assert answers[-1].startswith("221")
    assert door.asked == 0


def test_floods_of_junk_end_soon(desk, door, samples):
    scripts = transcripts(samples)
    long, junk = scripts["smtp15-long-command.smtp"], scripts["smtp16-junk-commands.smtp"]

    for script, last in ((long, "500"), (junk, "421")):
        with Raw(desk.bound["smtp"]) as raw:
            with contextlib.suppress(ConnectionResetError, BrokenPipeError):
                raw.say(script)  # it may be sent away before it has said all
            answers = raw.hear_all()
        assert answers[-1].startswith(last)
        assert len(answers) < 30

    with client(desk) as smtp:
        smtp.sendmail("ann@cust.test", ["support@hub.test"], MAIL)
    assert len(door.came) == 1


def test_lies_about_the_size_are_refused(desk, door, samples):
    script = transcripts(samples)["smtp18-size-lie.smtp"]
    with Raw(desk.bound["smtp"]) as raw:
        raw.say(script)
        answers = [raw.hear() for _ in range(6)]
        for _ in range(40):
            raw.say(b"y" * 1_000_000)
        raw.say(b"\r\n.\r\n")
        answers.append(raw.hear())

    assert [answer[:3] for answer in answers] == ["220", "250", "552", "250", "250", "354", "552"]
    assert door.asked == 0


def test_a_mail_cut_off_in_the_middle_is_not_taken(desk, door, samples):
    script = transcripts(samples)["smtp21-abort-mid-data.smtp"]
    for length in range(len(script) - 60, len(script) + 1):
        played(desk, script[:length])

    with client(desk) as smtp:
        smtp.sendmail("ann@cust.test", ["support@hub.test"], MAIL)
    assert [arrival.raw for arrival in door.came] == [MAIL]
    assert desk.gate.common.connections.taken() <= 1


def test_a_strange_hello_does_no_harm(desk, door, samples):
    answers = played(desk, transcripts(samples)["smtp17-ehlo-injection.smtp"])

    assert not any("<script>" in answer or "\x1b" in answer for answer in answers)
