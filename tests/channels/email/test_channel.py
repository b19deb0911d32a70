"""Do all ways of mail work side by side, made from the settings, and do they end together?"""

from __future__ import annotations

import asyncio
import smtplib
import socket
import time

import pytest

from channels.settings import MailboxSettings
from core.settings_values import Secret
from tests.channels.email.dovecot import PASSWORD, a_dovecot
from tests.channels.email.running_mail import Raw, a_channel, client, running
from tests.fakes import FakeDoor

MAIL = b"From: Ann <ann@cust.test>\r\nTo: support@hub.test\r\nSubject: Printer\r\n\r\nIt is broken.\r\n"


def test_mail_comes_in_by_smtp_lmtp_and_from_a_mailbox_at_the_same_time(tmp_path):
    door = FakeDoor()
    with a_dovecot() as server:
        box = MailboxSettings(
            host="127.0.0.1", port=server.port, user="desk", password=Secret(PASSWORD), tls="none"
        )
        channel = a_channel(tmp_path, mailboxes=(box,))
        channel.lmtp = ("127.0.0.1", 0)
        server.deliver("desk", MAIL)
        with running(channel, door):
            with client(channel) as smtp:
                smtp.sendmail("ann@cust.test", ["support@hub.test"], MAIL)
            with smtplib.LMTP("127.0.0.1", channel.bound["lmtp"], timeout=20) as lmtp:
                lmtp.sendmail("ann@cust.test", ["support@hub.test"], MAIL)
            door.wait_until(lambda d: len(d.came) == 3)
            server.wait_until_seen("desk", 1)
        let_in = asyncio.run(channel.log_ins())

    assert {arrival.envelope["protocol"] for arrival in door.came} == {"SMTP", "LMTP", "IMAP"}
    assert let_in == {"the mailbox desk@127.0.0.1/INBOX": ""}
    assert {arrival.raw for arrival in door.came} == {MAIL}


def test_a_mailbox_that_cannot_be_reached_keeps_nobody_else_from_working(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    box = MailboxSettings(host="127.0.0.1", port=port, user="desk", password=Secret("x"), tls="none")
    door = FakeDoor()
    with running(a_channel(tmp_path, mailboxes=(box,)), door) as channel, client(channel) as smtp:
        smtp.sendmail("ann@cust.test", ["support@hub.test"], MAIL)

    assert len(door.came) == 1


async def test_a_port_that_is_taken_is_said_and_the_other_one_is_given_back(tmp_path):
    channel = a_channel(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        channel.lmtp = ("127.0.0.1", taken.getsockname()[1])
        with pytest.raises(OSError, match="address already in use"):
            await channel.run(FakeDoor())

    assert channel.bound == {}
    assert not channel.listening.is_set()


async def test_a_channel_that_only_sends_stays_up_until_it_is_told_to_end(tmp_path):
    channel = a_channel(tmp_path)
    channel.smtp = None
    task = asyncio.create_task(channel.run(FakeDoor()))
    await channel.listening.wait()
    done, _ = await asyncio.wait([task], timeout=0.05)
    task.cancel()
    ended, _ = await asyncio.wait([task], timeout=5)

    assert (done, ended) == (set(), {task})


def test_the_end_is_not_put_off_by_clients_that_stay(tmp_path):
    with running(a_channel(tmp_path), FakeDoor()) as channel:
        idle = Raw(channel.bound["smtp"])
        idle.hear()
        began = time.monotonic()
    took = time.monotonic() - began
    idle.socket.close()

    assert took < 4  # what is on its way may take longer, who only waits may not


@pytest.mark.parametrize(
    ("checks", "envelope", "asks"),
    [
        ("auto", {"protocol": "SMTP", "peer": "203.0.113.7"}, True),
        ("auto", {"protocol": "SMTP", "peer": "127.0.0.1"}, False),
        ("auto", {"protocol": "SMTP", "peer": "::1"}, False),
        ("auto", {"protocol": "SMTP", "peer": "192.0.2.9"}, False),
        ("auto", {"protocol": "LMTP", "peer": "203.0.113.7"}, False),
        ("auto", {"protocol": "IMAP"}, False),
        ("auto", {}, False),
        ("always", {"protocol": "SMTP", "peer": "127.0.0.1"}, True),
        ("always", {"protocol": "SMTP", "peer": "192.0.2.9"}, False),
        ("always", {"protocol": "IMAP"}, False),
        ("never", {"protocol": "SMTP", "peer": "203.0.113.7"}, False),
        ("always", {"protocol": "SMTP", "peer": "203.0.113.7", "answers": {}}, False),
    ],
)
def test_whoever_hands_mail_in_from_outside_is_looked_at_by_ourselves(tmp_path, checks, envelope, asks):
    channel = a_channel(tmp_path, check_senders=checks, trusted_relays=("192.0.2.9",))

    assert channel.inquires({"envelope": envelope}) is asks
