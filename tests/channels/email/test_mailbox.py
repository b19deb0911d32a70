"""What comes in from a watched mailbox, when, and how often? Against a real dovecot."""

from __future__ import annotations

import asyncio
import re
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from imapclient.exceptions import IMAPClientError

from channels.email import sasl
from channels.email.build import tokens_of
from channels.email.imap import Connection
from channels.email.mailbox import Mailbox
from core.channel import DeliveryError, Unavailable
from core.envelope import Arrival
from core.settings_values import Secret
from tests.channels.email.a_provider import Provider
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
def watching(
    mailbox: Mailbox,
    *doors: FakeDoor,
    down: dict[str, str] | None = None,
    left: dict[str, str] | None = None,
) -> Iterator[None]:
    """Watched by as many hubs as there are doors, until the block ends. `down`: where they tell why it cannot be read; `left`: what stays there."""

    async def work(stop: asyncio.Event, ready) -> None:
        hubs = [asyncio.create_task(mailbox.watch(door, down, left)) for door in doors]
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
    assert (first.sender, first.recipients) == ("ann@cust.test", ())
    assert first.envelope == {
        "protocol": "IMAP",
        "mailbox": f"{user}@127.0.0.1/INBOX",
        "user": user,
        "uid": 1,
    }
    assert timedelta(0) <= datetime.now(UTC) - first.received_at < timedelta(minutes=5)


def test_a_mail_says_whose_it_is_so_that_it_waits_for_no_mail_of_anybody_else(server, user, door):
    mails = {
        b"From: Ann <Ann@cust.test>\r\nSubject: 1\r\n\r\nFrom: eve@evil.test\r\n": "ann@cust.test",
        b'Subject: 2\r\nFROM:\r\n "bob@evil.test"\r\n <bob@beta.test>\r\n\r\n2\r\n': "bob@beta.test",
        b"Subject: 3\r\n\r\nFrom: eve@evil.test\r\n": "",
        b"From: =?utf-8?q?=C3=A8?= nobody\r\nSubject: 4\r\n\r\n4\r\n": "",
    }
    server.deliver(user, *mails)
    with watching(a_mailbox(server, user), door):
        door.wait_until(came(4))

    assert [arrival.sender for arrival in door.came] == list(mails.values())


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


def test_a_message_that_stays_is_told_until_somebody_has_seen_to_it(server, user, door):
    left: dict[str, str] = {}
    mailbox = a_mailbox(server, user, max_size=1000)
    server.deliver(user, MAIL + b"x" * 2000)
    with watching(mailbox, door, left=left):
        _until(lambda: mailbox.name in left)
        assert left == {mailbox.name: "large:1"}
        with Connection("127.0.0.1", server.port, encryption="none") as other:  # a colleague's mail program
            other.login(user, PASSWORD)
            other.select_folder("INBOX")
            other.add_flags([1], [b"\\Seen"], silent=True)
        _until(lambda: not left)

    assert door.came == []


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


@contextmanager
def a_wire_that_breaks(port: int, *, after: int) -> Iterator[int]:
    """A place in front of that port; the first connection ends when so many bytes have come from the server."""
    left = [after]
    open_: list[socket.socket] = []

    def carry(source: socket.socket, target: socket.socket, *, counts: bool) -> None:
        with suppress(OSError):
            while piece := source.recv(65536):
                if counts and left:
                    piece, left[0] = piece[: left[0]], left[0] - len(piece)
                target.sendall(piece)
                if counts and left and left[0] <= 0:
                    left.clear()
                    break
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def serve() -> None:
        with suppress(OSError):
            while True:
                near, _ = listening.accept()
                far = socket.create_connection(("127.0.0.1", port), 20)
                open_.extend((near, far))
                for pair, counts in (((near, far), False), ((far, near), True)):
                    threading.Thread(target=carry, args=pair, kwargs={"counts": counts}, daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listening.getsockname()[1]
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join(20)
            for one in open_:
                one.close()


def test_a_message_that_breaks_off_while_it_is_read_is_read_again_and_whole(server, user, door):
    large = MAIL + b"x" * 70 + b"\r\n" + b"y" * 400_000 + b"\r\n"
    server.deliver(user, large)
    with (
        a_wire_that_breaks(server.port, after=200_000) as port,
        watching(a_mailbox(server, user, port=port), door),
    ):
        server.wait_until_seen(user, 1)

    assert [arrival.raw for arrival in door.came] == [large]


def test_a_mailbox_with_a_thousand_mails_is_taken_in_once_each(server, user, door):
    with server.mailbox(user):
        pass  # so that it is there
    for number in range(1000):
        server.put(user, f"{number}.test", MAIL.replace(b"Printer", b"Printer %d" % number))
    with watching(a_mailbox(server, user), door):
        door.wait_until(came(1000))
        server.wait_until_seen(user, *range(1, 1001))

    assert sorted(arrival.raw for arrival in door.came) == sorted(
        MAIL.replace(b"Printer", b"Printer %d" % number) for number in range(1000)
    )


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


# Where no password is taken


@pytest.fixture(scope="module")
def provider(server) -> Iterator[Provider]:
    with Provider().running(server.judge_port) as running:
        yield running


def by_token(server: Dovecot, user: str, provider: Provider, **changed) -> Mailbox:
    provider.user = user
    settings = provider.settings(**changed)
    return a_mailbox(server, user, password="", tokens=tokens_of(settings, "oauth of the mailbox"))


@pytest.mark.parametrize("mechanism", sasl.MECHANISMS)
def test_a_mailbox_that_takes_no_password_is_read_with_a_token(
    server, user, door, provider, monkeypatch, mechanism
):
    monkeypatch.setattr(sasl, "MECHANISMS", (mechanism,))
    server.deliver(user, MAIL)
    with watching(by_token(server, user, provider), door):
        server.wait_until_seen(user, 1)

    assert re.search(rf"Login: user=<{user}>, method={mechanism}", server.log())
    assert [arrival.raw for arrival in door.came] == [MAIL]


def test_a_token_that_counts_no_more_is_renewed_once_and_nothing_is_told(server, user, door, provider):
    down: dict[str, str] = {}
    mailbox = by_token(server, user, provider)
    server.deliver(user, MAIL)
    asyncio.run(mailbox.log_in())
    provider.good.clear()
    mailbox.tokens.clock = lambda: time.monotonic() + 120
    before = len(provider.asked)
    with watching(mailbox, door, down=down):
        server.wait_until_seen(user, 1)

    assert down == {}
    assert len(provider.asked) == before + 1


def test_without_a_token_that_counts_it_is_told_what_to_do_and_nobody_is_asked_on_and_on(
    server, user, door, provider
):
    down: dict[str, str] = {}
    stranger = by_token(server, f"{user}x", provider)  # a token of somebody else's mailbox
    provider.user = user
    before = len(provider.asked)
    with watching(stranger, door, down=down):
        _until(lambda: stranger.name in down)
        time.sleep(0.3)
        assert "does not let us in as" in down[stranger.name]
        assert "whether the application may use this mailbox" in down[stranger.name]
    assert len(provider.asked) == before + 1

    wrong = by_token(server, user, provider, client_secret=Secret("not-it"))
    with pytest.raises(DeliveryError, match=r"invalid_client.*see to client_id and client_secret") as refused:
        asyncio.run(wrong.log_in())
    assert "not-it" not in str(refused.value)
    assert door.asked == 0


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
    *answers: bytes,
    forever: bool = False,
    heard: list[bytes] | None = None,
    again: Sequence[Sequence[bytes]] = (),
) -> Iterator[int]:
    """Gives one answer to each command (`T` is its tag), then closes; `forever`: says the last one again and again.

    `again`: what it answers whoever comes next, and after them.
    """

    def serve() -> None:
        for one in (answers, *again):
            talk(one)

    def talk(answers: Sequence[bytes]) -> None:
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


def test_what_somebody_takes_away_while_it_is_fetched_is_left_and_the_others_are_taken_once(door):
    def sized(uid: int) -> bytes:
        return b"* %d FETCH (UID %d RFC822.SIZE 6)\r\n" % (uid, uid)

    heard: list[bytes] = []
    answers = (
        DONE,
        b"* 3 EXISTS\r\n* OK [UIDVALIDITY 7] valid\r\nT OK [READ-WRITE] done\r\n",
        b"* SEARCH 1 2 3\r\n" + DONE,
        b"* 1 EXPUNGE\r\n" + sized(2) + sized(3) + DONE,
        b"* 1 EXPUNGE\r\n" + DONE,
        b"* 1 FETCH (UID 3 BODY[] {6}\r\nx\r\ny\r\n)\r\n" + DONE,
        DONE,
        b"* SEARCH 3\r\n" + DONE,
    )
    with a_hostile_server(*answers, heard=heard) as port:
        mailbox = Mailbox(host="127.0.0.1", port=port, user="desk", password="x", tls="none", first_wait=9.0)
        with watching(mailbox, door):
            door.wait_until(came(1))
            _until(lambda: len(heard) >= len(answers))

    assert [one.external_id for one in door.came] == ["desk@127.0.0.1/INBOX/7/3"]


@pytest.mark.parametrize(
    ("answers", "left", "taken"),
    [
        (
            [b"T NO not that\r\n", b"T NO not that one\r\n", b"* 2 FETCH (UID 2 RFC822.SIZE 6)\r\n" + DONE],
            "refused:1",
            ["2"],
        ),
        (
            [b"* 1 FETCH (UID 1 RFC822.SIZE 6)\r\n" + DONE],
            "unmarked:1",
            ["1"],
        ),
    ],
    ids=["its size", "its mark"],
)
def test_what_a_server_refuses_of_one_message_keeps_no_other_back(door, answers, left, taken):
    told: dict[str, str] = {}
    uids = b"1 2" if taken == ["2"] else b"1"
    body = b"* 1 FETCH (UID %s BODY[] {6}\r\nx\r\ny\r\n)\r\n" % taken[0].encode() + DONE
    marked = DONE if taken == ["2"] else b"T NO it may not be marked\r\n"
    search = b"* SEARCH %s\r\n" % uids + DONE
    with a_hostile_server(DONE, SELECTED, search, *answers, body, marked, search) as port:
        mailbox = Mailbox(host="127.0.0.1", port=port, user="desk", password="x", tls="none", first_wait=9.0)
        with watching(mailbox, door, left=told):
            door.wait_until(came(1))
            _until(lambda: told == {mailbox.name: left})

    assert [one.external_id.rpartition("/")[2] for one in door.came] == taken


SELECTED = b"* 2 EXISTS\r\n* OK [UIDVALIDITY 7] valid\r\nT OK [READ-WRITE] done\r\n"
TWO = (
    DONE,
    SELECTED,
    b"* SEARCH 1 2\r\n" + DONE,
    b"* 1 FETCH (UID 1 RFC822.SIZE 6)\r\n* 2 FETCH (UID 2 RFC822.SIZE 6)\r\n" + DONE,
)
SECOND = (b"* 2 FETCH (UID 2 BODY[] {6}\r\nx\r\ny\r\n)\r\n" + DONE, DONE, b"* SEARCH 1\r\n" + DONE)


@pytest.mark.parametrize(
    ("answer", "why"),
    [(b"T NO it is broken\r\n", "refused"), (b"* 1 FETCH (UID 1 BODY[] NIL)\r\n" + DONE, "empty")],
)
def test_a_message_that_a_server_does_not_give_stays_and_is_told_and_those_behind_it_are_taken(
    door, answer, why
):
    left: dict[str, str] = {}
    with a_hostile_server(*TWO, answer, *SECOND) as port:
        mailbox = Mailbox(host="127.0.0.1", port=port, user="desk", password="x", tls="none", first_wait=9.0)
        with watching(mailbox, door, left=left):
            door.wait_until(came(1))
            _until(lambda: left == {mailbox.name: f"{why}:1"})

    assert [one.external_id for one in door.came] == ["desk@127.0.0.1/INBOX/7/2"]


def test_a_message_over_which_the_connection_ends_again_and_again_holds_up_no_other(door):
    left: dict[str, str] = {}
    alone = (DONE, SELECTED, b"* SEARCH 1\r\n" + DONE, b"* 1 FETCH (UID 1 RFC822.SIZE 6)\r\n" + DONE)
    with a_hostile_server(*TWO, again=[(*TWO, *SECOND[:2]), (*alone, alone[2])]) as port:
        mailbox = Mailbox(host="127.0.0.1", port=port, user="desk", password="x", tls="none", first_wait=0.05)
        with watching(mailbox, door, left=left):
            door.wait_until(came(1))
            _until(lambda: left == {mailbox.name: "ends:1"})

    assert [one.external_id for one in door.came] == ["desk@127.0.0.1/INBOX/7/2"]


def test_a_mailbox_in_which_nothing_can_be_looked_for_is_told_after_a_few_tries(door):
    down: dict[str, str] = {}
    refused = (DONE, SELECTED, b"T NO nobody searches today\r\n")
    with a_hostile_server(*refused, again=[refused] * 6) as port:
        mailbox = Mailbox(host="127.0.0.1", port=port, user="desk", password="x", tls="none", first_wait=0.05)
        with watching(mailbox, door, down=down):
            _until(lambda: "nobody searches today" in down.get(mailbox.name, ""))


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
