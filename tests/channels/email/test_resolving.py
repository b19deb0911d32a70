"""Names are looked up within limits, and what is not there is told apart from who does not answer."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from channels.email import resolving
from channels.email.resolving import DnsTemporary, NoAnswer, Resolver
from channels.settings import EmailSettings
from tests.channels.email.a_name_server import BROKEN, SILENT, NameServer, running


@pytest.fixture
def server() -> Iterator[NameServer]:
    with running(
        {
            "acme.test TXT": ["v=spf1 -all", "x" * 3000],
            "acme.test MX": ["20 second.acme.test.", "10 First.acme.test."],
            "first.acme.test A": ["192.0.2.7"],
            "first.acme.test AAAA": ["2001:db8::7"],
            "7.2.0.192.in-addr.arpa PTR": ["First.acme.test."],
            "alias.test CNAME": ["acme.test"],
            "xn--mller-kva.test TXT": ["hello"],
            "slow.test TXT": SILENT,
            "broken.test TXT": BROKEN,
            "huge.test TXT": ["y" * 20_000],
            "one.loop.test CNAME": ["two.loop.test"],
            "two.loop.test CNAME": ["one.loop.test"],
            "bytes.test TXT": ["caffè"],
        }
    ) as found:
        yield found


def test_each_kind_of_record_is_text_in_a_known_form(server: NameServer) -> None:
    names = Resolver([server.place])

    assert names.txt("acme.test") == ("v=spf1 -all", "x" * 3000)  # it comes by TCP, in twelve pieces
    assert names.mx("ACME.test.") == ((10, "first.acme.test"), (20, "second.acme.test"))
    assert names.a("first.acme.test") == ("192.0.2.7",)
    assert names.aaaa("first.acme.test") == ("2001:db8::7",)
    assert names.ptr("192.0.2.7") == ("first.acme.test",)
    assert names.txt("alias.test")[0] == "v=spf1 -all"
    assert names.txt("müller.test") == ("hello",)
    assert names.txt("bytes.test") == ("caffè".encode().decode("latin-1"),)


def test_no_such_name_and_no_such_record_are_two_answers(server: NameServer) -> None:
    names = Resolver([server.place])

    with pytest.raises(NoAnswer, match=r"nobody\.test does not exist") as missing:
        names.txt("nobody.test")
    with pytest.raises(NoAnswer, match=r"acme\.test has no A record") as empty:
        names.a("acme.test")

    assert (missing.value.missing, empty.value.missing) == (True, False)


def test_what_is_no_name_is_not_asked(server: NameServer) -> None:
    names = Resolver([server.place])

    for odd in ("", "a..b", "x" * 64 + ".test", ".".join(["abc"] * 80), "caff\ufffd.test"):
        with pytest.raises(NoAnswer):
            names.txt(odd)

    assert server.asked == []


def test_who_had_hardly_time_to_answer_is_asked_again_at_once(server: NameServer) -> None:
    names = Resolver([server.place])

    with pytest.raises(DnsTemporary):
        names.ask_within("slow.test", "TXT", 0.1)
    server.publish({"slow.test TXT": ["here I am"]})

    assert names.txt("slow.test") == ("here I am",)


@pytest.mark.parametrize("name", ["broken.test", "one.loop.test"])
def test_who_does_not_answer_is_asked_again_later(server: NameServer, name: str) -> None:
    now = [1000.0]
    names = Resolver([server.place], within=0.2, clock=lambda: now[0])

    with pytest.raises((DnsTemporary, NoAnswer)) as first:
        names.txt(name)
    server.publish({f"{name} TXT": ["here I am"]})
    with pytest.raises(type(first.value)):
        names.txt(name)  # not hammered
    now[0] += 301

    assert names.txt(name) == ("here I am",)


def test_time_out_and_servfail_are_no_answers_about_the_name(server: NameServer) -> None:
    names = Resolver([server.place], within=0.2)

    for name in ("slow.test", "broken.test"):
        with pytest.raises(DnsTemporary, match=name):
            names.txt(name)


def test_a_huge_record_is_not_read(server: NameServer) -> None:
    with pytest.raises(NoAnswer, match="can be read"):
        Resolver([server.place]).txt("huge.test")


def test_an_answer_is_remembered_as_long_as_its_domain_allows(server: NameServer) -> None:
    now = [1000.0]
    names = Resolver([server.place], clock=lambda: now[0])

    names.a("first.acme.test")
    now[0] += 299
    names.a("first.acme.test")
    assert server.asked == ["first.acme.test A"]

    now[0] += 2
    names.a("first.acme.test")
    assert len(server.asked) == 2


def test_one_mail_has_only_so_many_lookups_and_so_much_time(server: NameServer) -> None:
    names = Resolver([server.place])

    few = names.for_one_mail(lookups=1)
    few.a("first.acme.test")
    with pytest.raises(DnsTemporary, match="used up"):
        few.a("first.acme.test")

    began = time.monotonic()
    short = names.for_one_mail(within=0.2)
    for _ in range(3):
        with pytest.raises(DnsTemporary):
            short.txt("slow.test")
    assert time.monotonic() - began < 2


async def test_nobody_can_stop_the_event_loop_with_it(server: NameServer) -> None:
    with pytest.raises(RuntimeError, match="in a thread"):
        Resolver([server.place]).txt("acme.test")


@pytest.mark.parametrize("odd", ["ns.acme.test", "127.0.0.1:0", "127.0.0.1:x", "::1:5353:y", ""])
def test_a_name_server_is_named_by_its_address(odd: str) -> None:
    (mistake,) = EmailSettings(dns_servers=("127.0.0.1:5353", "[::1]:53", "::1", odd)).mistakes()

    assert mistake[0] == "dns_servers"


def test_what_is_remembered_is_bounded_in_bytes_and_what_has_lapsed_goes(
    server: NameServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resolving, "BYTES", 20_000)
    server.publish({f"{n}.test TXT": ["x" * 4000] for n in range(9)} | {"last.test TXT": ["short"]})
    now = [0.0]
    resolver = Resolver([server.place], clock=lambda: now[0])

    for n in range(9):
        resolver.txt(f"{n}.test")
    asked = len(server.asked)
    resolver.txt("8.test")
    assert len(server.asked) == asked, "the last ones are known"
    resolver.txt("0.test")
    assert len(server.asked) > asked, "the first one is not"
    assert sum(one.size for one in resolver._remembered.values()) == resolver._bytes <= 20_000

    now[0] = 4000.0
    resolver.txt("last.test")
    assert [name for name, _ in resolver._remembered] == ["last.test"]


def test_an_answer_that_there_is_none_keeps_nobody_who_asked(server: NameServer) -> None:
    resolver = Resolver([server.place])
    depths = []
    for _ in range(3):
        with pytest.raises(NoAnswer) as told:
            resolver.txt("nothing.test")
        depths.append(len(list(told.traceback)))

    assert len(set(depths)) == 1
