"""What comes in from a watched mailbox, when, and how often? Against a real dovecot."""

from __future__ import annotations

import asyncio
import re
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from imapclient.exceptions import IMAPClientError

from channels.email.imap import Connection
from channels.email.mailbox import Mailbox
from core.channel import Unavailable
from core.envelope import Arrival
from tests.channels.email.dovecot import PASSWORD, Dovecot, a_dovecot
from tests.channels.email.running_mail import in_a_thread
from tests.fakes import FakeDoor

MAIL = b"From: Ann <ann@cust.test>\r\nTo: support@hub.test\r\nSubject: Printer\r\n\r\nIt is broken.\r\n"
OTHER = MAIL.replace(b"Printer", b"Scanner")


@pytest.fixture(scope="module")
def server() -> Iterator[Dovecot]:
    with a_dovecot() as running:
        yield running


@pytest.fixture
def user(numbers=count(1)) -> str:
    return f"desk{next(numbers)}"


@pytest.fixture
def door() -> FakeDoor:
    return FakeDoor()


def a_mailbox(server: Dovecot, user: str, **changed) -> Mailbox:
    known = {
        "host": "127.0.0.1",
        "port": server.port,
        "user": user,
        "password": PASSWORD,
        "tls": "none",
        "first_wait": 0.05,
    }
    return Mailbox(**known | changed)


@contextmanager
def watching(mailbox: Mailbox, *doors: FakeDoor, down: dict[str, str] | None = None) -> Iterator[None]:
    """Watched by as many hubs as there are doors, until the block ends. `down`: where they tell why it cannot be read."""

    async def work(stop: asyncio.Event, ready) -> None:
        hubs = [asyncio.create_task(mailbox.watch(door, down)) for door in doors]
        ready()
        await stop.wait()
        for hub in hubs:
            hub.cancel()
            with suppress(asyncio.CancelledError):
                await hub

    with in_a_thread(work):
        yield


def came(number: int):
    return lambda door: len(door.came) >= number


# Handed in once


def test_what_waits_in_the_mailbox_is_handed_in_bit_for_bit_and_marked(server, user, door):
    server.deliver(user, MAIL, OTHER)
    with watching(a_mailbox(server, user), door):
        door.wait_until(came(2))
        server.wait_until_seen(user, 1, 2)

    with server.mailbox(user) as mailbox:
        validity = mailbox.folder_status("INBOX", "UIDVALIDITY")[b"UIDVALIDITY"]
    first, second = door.came
    assert [first.raw, second.raw] == [MAIL, OTHER]
    assert first.external_id == f"{user}@127.0.0.1/INBOX/{validity}/1"
    assert second.external_id == f"{user}@127.0.0.1/INBOX/{validity}/2"
    assert first.channel == "email"
    assert (first.sender, first.recipients) == ("", ())
    assert first.envelope == {"protocol": "IMAP", "mailbox": f"{user}@127.0.0.1/INBOX", "uid": 1}
    assert timedelta(0) <= datetime.now(UTC) - first.received_at < timedelta(minutes=5)


def test_what_was_handed_in_or_read_by_somebody_is_not_handed_in_again(server, user, door):
    server.deliver(user, MAIL, OTHER)
    server.mark(user, 1)
    for _ in range(2):
        with watching(a_mailbox(server, user), door):
            door.wait_until(came(1))
            server.wait_until_seen(user, 1, 2)

    assert [arrival.raw for arrival in door.came] == [OTHER]


def test_a_message_is_marked_only_after_it_was_stored(server, user, door):
    door.open.clear()
    server.deliver(user, MAIL)
    with watching(a_mailbox(server, user), door):
        door.wait_until(lambda d: d.asked == 1)
        assert server.seen(user) == []
        door.open.set()
        server.wait_until_seen(user, 1)


def test_new_mail_is_taken_in_promptly_while_nobody_polls(server, user, door):
    server.deliver(user, MAIL)
    with watching(a_mailbox(server, user), door):
        server.wait_until_seen(user, 1)
        for number in range(2, 6):
            began = time.monotonic()
            server.deliver(user, MAIL)
            door.wait_until(came(number))
            assert time.monotonic() - began < 10  # without IDLE it would be a minute

    assert len(door.came) == 5


def test_mail_that_comes_while_other_mail_is_stored_is_not_overlooked(server, user, door):
    door.open.clear()
    server.deliver(user, MAIL)
    with watching(a_mailbox(server, user), door):
        door.wait_until(lambda d: d.asked == 1)
        server.deliver(user, OTHER)
        door.open.set()
        door.wait_until(came(2))
        server.wait_until_seen(user, 1, 2)


# Trouble


def test_what_could_not_be_stored_is_not_marked_and_is_offered_again(server, user, door):
    door.fails_with = Unavailable("full")
    server.deliver(user, MAIL)
    with watching(a_mailbox(server, user), door):
        door.wait_until(lambda d: d.asked >= 2)
        assert server.seen(user) == []
        door.fails_with = None
        door.wait_until(came(1))
        server.wait_until_seen(user, 1)

    assert len(door.came) == 1


class Choosy(FakeDoor):
    """A door with a fault of its own for some messages."""

    async def accept(self, arrival: Arrival) -> str:
        if b"poison" in arrival.raw:
            raise RuntimeError("this one breaks something")
        return await super().accept(arrival)


def test_a_message_that_breaks_something_stays_unmarked_and_stops_no_other(server, user):
    door = Choosy()
    server.deliver(user, MAIL + b"poison\r\n", OTHER)
    with watching(a_mailbox(server, user), door):
        door.wait_until(came(1))
        server.wait_until_seen(user, 2)
        server.deliver(user, MAIL)
        door.wait_until(came(2))

    assert [arrival.raw for arrival in door.came] == [OTHER, MAIL]


def test_a_message_beyond_the_limit_stays_unmarked_and_stops_no_other(server, user, door):
    server.deliver(user, MAIL + b"x" * 2000, OTHER)
    with watching(a_mailbox(server, user, max_size=1000), door):
        server.wait_until_seen(user, 2)

    assert [arrival.raw for arrival in door.came] == [OTHER]


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_the_mailbox_is_watched_again_after_its_server_went_away(user, door, how):
    with a_dovecot() as server:
        server.deliver(user, MAIL)
        with watching(a_mailbox(server, user), door):
            server.wait_until_seen(user, 1)  # now it idles
            server.stop(how)
            server.start()
            server.deliver(user, OTHER)
            door.wait_until(came(2))
            server.wait_until_seen(user, 1, 2)

    assert [arrival.raw for arrival in door.came] == [MAIL, OTHER]


def test_a_server_that_goes_between_reading_and_marking_costs_neither_loss_nor_a_second_message(user, door):
    with a_dovecot() as server:
        door.open.clear()
        server.deliver(user, MAIL)
        with watching(a_mailbox(server, user), door):
            door.wait_until(lambda d: d.asked == 1)
            server.stop(signal.SIGKILL)
            door.open.set()
            door.wait_until(came(1))
            server.start()
            assert server.seen(user) in ([], [1])
            server.wait_until_seen(user, 1)

    # Handed in again under the same id: for the store it is the same message.
    assert len({arrival.external_id for arrival in door.came}) == 1
    assert len(door.came) == 2


def test_a_mailbox_that_is_made_anew_gives_new_ids(server, user, door):
    server.deliver(user, MAIL)
    with watching(a_mailbox(server, user, folder="Desk"), door), server.mailbox(user) as mailbox:
        mailbox.create_folder("Desk")
        mailbox.append("Desk", MAIL)
        door.wait_until(came(1))
        mailbox.delete_folder("Desk")
        time.sleep(1.1)  # dovecot's UIDVALIDITY is the second it was made in
        mailbox.create_folder("Desk")
        mailbox.append("Desk", OTHER)
        door.wait_until(came(2))

    assert [arrival.raw for arrival in door.came] == [MAIL, OTHER]
    assert door.came[0].external_id != door.came[1].external_id


def test_a_wrong_password_takes_nothing_in_and_does_not_knock_on_and_on(server, user, door):
    server.deliver(user, MAIL)
    with watching(a_mailbox(server, user, password="wrong"), door):
        failed = re.compile(rf"auth failed.*user=<{user}>")
        server.wait_until_logged(failed)
        time.sleep(0.5)  # ten times as long as after another failure
        tries = len(failed.findall(server.log()))

    assert tries == 1
    assert door.asked == 0
    assert server.seen(user) == []


# Who watches


def test_of_two_hubs_one_watches_and_the_other_takes_over_when_it_ends(server, user):
    leases: dict = {}
    first, second = FakeDoor(leases=leases), FakeDoor(leases=leases)
    mailbox = a_mailbox(server, user)
    ended = threading.Event()

    async def work(stop: asyncio.Event, ready) -> None:
        one, two = (asyncio.create_task(mailbox.watch(door)) for door in (first, second))
        ready()
        await asyncio.to_thread(ended.wait, 30)
        one.cancel()
        await asyncio.wait([one])
        await stop.wait()
        two.cancel()
        await asyncio.wait([two])

    with in_a_thread(work):
        server.deliver(user, MAIL)
        first.wait_until(came(1))
        server.wait_until_seen(user, 1)
        ended.set()
        server.deliver(user, OTHER)
        second.wait_until(came(1))
        server.wait_until_seen(user, 1, 2)

    assert [arrival.raw for arrival in first.came] == [MAIL]
    assert [arrival.raw for arrival in second.came] == [OTHER]


def test_a_lost_lease_ends_the_watching_until_it_is_given_again(server, user, door):
    class Losing(FakeDoor):
        lost = 0

        def lease(self, name: str):
            self.lost += 1
            if self.lost == 1:
                raise RuntimeError(f"{name} was taken over by another hub")
            return super().lease(name)

    losing = Losing()
    server.deliver(user, MAIL)
    with watching(a_mailbox(server, user), losing):
        losing.wait_until(came(1))

    assert losing.lost >= 2


def test_watching_ends_at_once_when_it_is_told_to(server, user, door):
    server.deliver(user, MAIL)
    with watching(a_mailbox(server, user), door):
        server.wait_until_seen(user, 1)
        began = time.monotonic()
    took = time.monotonic() - began

    assert took < 4
    assert not [thread for thread in threading.enumerate() if thread.name == f"imap-{user}"]


# Encryption


@pytest.mark.parametrize("tls", ["tls", "starttls"])
def test_a_mailbox_is_read_encrypted_when_the_certificate_can_be_trusted(
    server, user, door, tls, monkeypatch
):
    port = server.tls_port if tls == "tls" else server.port
    server.deliver(user, MAIL)
    with watching(a_mailbox(server, user, tls=tls, port=port), door):
        time.sleep(0.5)  # some tries
    assert door.asked == 0

    monkeypatch.setenv("SSL_CERT_FILE", str(server.certificate))
    with watching(a_mailbox(server, user, tls=tls, port=port), door):
        door.wait_until(came(1))
        server.wait_until_seen(user, 1)
        server.deliver(user, OTHER)
        door.wait_until(came(2))

    assert [arrival.raw for arrival in door.came] == [MAIL, OTHER]


# A server that means harm


@contextmanager
def a_hostile_server(
    *answers: bytes, forever: bool = False, heard: list[bytes] | None = None
) -> Iterator[int]:
    """Gives one answer to each command (`T` is its tag), then closes; `forever`: says the last one again and again."""

    def serve() -> None:
        with suppress(OSError):
            there, _ = listening.accept()
            there.settimeout(20)
            with there, there.makefile("rb") as lines:
                there.sendall(b"* OK ready\r\n")
                left = list(answers)
                while left and (line := lines.readline()):
                    tag, _, command = line.partition(b" ")
                    known = b"* CAPABILITY IMAP4rev1 IDLE\r\nT OK done\r\n"
                    asked = command.startswith(b"CAPABILITY")
                    if heard is not None and not asked:
                        heard.append(command)
                    answer = known if asked else left.pop(0)
                    there.sendall(answer.replace(b"T ", tag + b" "))
                    while forever and not left:
                        there.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listening.getsockname()[1]
        finally:
            with suppress(OSError):
                listening.shutdown(socket.SHUT_RDWR)
            thread.join(20)


DONE = b"T OK done\r\n"


@contextmanager
def selected(port: int) -> Iterator[Connection]:
    server = Connection("127.0.0.1", port, encryption="none")
    server._imap.state = "SELECTED"
    try:
        yield server
    finally:
        server.shutdown()


def test_a_server_that_never_ends_its_answer_is_left():
    endless = b"* 1 EXISTS\r\n" * 1000
    with a_hostile_server(endless, forever=True) as port, selected(port) as server:
        told = refusal(server.search, ["UNSEEN"])

    assert "more than it was asked for" in told


def test_a_message_that_is_larger_than_it_said_is_not_read_to_its_end():
    sizes = b"* 1 FETCH (UID 1 RFC822.SIZE 10)\r\nT OK done\r\n"
    huge = b"* 1 FETCH (UID 1 BODY[] {2000000000}\r\n" + b"x" * 1_000_000
    with a_hostile_server(sizes, huge, forever=True) as port, selected(port) as server:
        assert server.fetch([1], ["RFC822.SIZE"])[1][b"RFC822.SIZE"] == 10
        server.allow(5_000_000)
        told = refusal(server.fetch, [1], ["BODY.PEEK[]"])

    assert "more than it was asked for" in told


@pytest.mark.parametrize("answers", [(b"+ idling\r\n",), (b"+ idling\r\n* 1 EXISTS\r\n", b"")])
def test_a_server_that_goes_or_has_news_as_soon_as_we_wait_is_noticed_at_once(answers):
    with a_hostile_server(*answers) as port, selected(port) as server:
        began = time.monotonic()
        told = refusal(server.wait_for_news, 60)

    assert told
    assert time.monotonic() - began < 10


def test_mail_that_comes_during_a_search_is_looked_for_at_once(door):
    heard: list[bytes] = []
    answers = (
        DONE,
        b"* 0 EXISTS\r\n* OK [UIDVALIDITY 7] valid\r\nT OK [READ-WRITE] done\r\n",
        b"* SEARCH\r\n* 1 EXISTS\r\n" + DONE,
        b"* SEARCH 1\r\n" + DONE,
        b"* 1 FETCH (UID 1 RFC822.SIZE 6)\r\n" + DONE,
        b'* 1 FETCH (UID 1 INTERNALDATE "01-Jan-2026 10:00:00 +0100" BODY[] {6}\r\nx\r\ny\r\n)\r\n' + DONE,
    )
    with a_hostile_server(*answers, heard=heard) as port:
        mailbox = Mailbox(host="127.0.0.1", port=port, user="desk", password="x", tls="none", first_wait=9.0)
        with watching(mailbox, door):
            door.wait_until(came(1))

    assert [command.split(b" ")[0] for command in heard[:2]] == [b"LOGIN", b"SELECT"]
    assert heard[2] == heard[3] == b"UID SEARCH UNSEEN\r\n"
    assert door.came[0].external_id == "desk@127.0.0.1/INBOX/7/1"
    assert door.came[0].received_at == datetime(2026, 1, 1, 9, tzinfo=UTC)


def test_waiting_is_ended_from_another_thread():
    with a_hostile_server(b"+ idling\r\n", b"T OK done\r\n") as port, selected(port) as server:
        began = time.monotonic()
        threading.Timer(0.2, server.cut).start()
        told = refusal(server.wait_for_news, 60)

    assert told
    assert time.monotonic() - began < 10


def refusal(command, *arguments) -> str:
    with pytest.raises((IMAPClientError, OSError)) as raised:
        command(*arguments)
    return str(raised.value)


def test_a_mailbox_that_cannot_be_read_is_told_and_no_longer_when_nobody_reads_it(server, user, door):
    down: dict[str, str] = {}
    mailbox = a_mailbox(server, user, password="wrong")  # noqa: S106 - a wrong one
    with watching(mailbox, door, down=down):
        _until(lambda: mailbox.name in down)
    assert down == {}


def test_a_mailbox_that_is_read_is_not_told_although_its_connection_ends(server, user, door):
    down: dict[str, str] = {}
    server.deliver(user, MAIL)
    with watching(a_mailbox(server, user), door, down=down):
        server.wait_until_seen(user, 1)
        assert down == {}


def _until(question: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not question():
        assert time.monotonic() < end
        time.sleep(0.02)
