"""What a mail names is asked in the DNS: SPF of RFC 7208, within its limits, and nobody waits for who does not answer."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from channels.email import asking as asking_of
from channels.email.asking import Asking, ask
from channels.email.resolving import Resolver
from tests.channels.email.a_name_server import BROKEN, SILENT, NameServer, running

PEER = "192.0.2.3"


@pytest.fixture
def server() -> Iterator[NameServer]:
    with running() as found:
        yield found


def asked(server: NameServer, *, within: float = 5.0, **questions: Any) -> dict[str, Any]:
    known = {"keys": [], "policies": [], "exists": "", "peer": PEER, "helo": "", "sender": ""}
    return ask(Resolver([server.place], within=within), known | questions)


def spf(server: NameServer, record: str, **more: list[str] | str) -> tuple[str, str]:
    server.publish(
        {"acme.test TXT": [record]} | {name.replace("__", " "): value for name, value in more.items()}
    )
    found = asked(server, sender="bob@acme.test")["spf"]
    return found["result"], found["why"]


EXAMPLE = {
    # The zone of RFC 7208, appendix A.
    "example.com A": ["192.0.2.10", "192.0.2.11"],
    "example.com MX": ["10 mail-a.example.com.", "20 mail-b.example.com."],
    "amy.example.com A": ["192.0.2.65"],
    "bob.example.com A": ["192.0.2.66"],
    "mail-a.example.com A": ["192.0.2.129"],
    "mail-b.example.com A": ["192.0.2.130"],
    "example.org MX": ["10 mail-c.example.org."],
    "mail-c.example.org A": ["192.0.2.140"],
    "65.2.0.192.in-addr.arpa PTR": ["amy.example.com."],
    "10.2.0.192.in-addr.arpa PTR": ["example.com."],
}


@pytest.mark.parametrize(
    ("record", "passes", "fails"),
    [
        ("v=spf1 +all", ["192.0.2.129", "203.0.113.9"], []),
        ("v=spf1 a -all", ["192.0.2.10", "192.0.2.11"], ["192.0.2.129"]),
        ("v=spf1 a:example.org -all", [], ["192.0.2.10"]),
        ("v=spf1 mx -all", ["192.0.2.129", "192.0.2.130"], ["192.0.2.10"]),
        ("v=spf1 mx:example.org -all", ["192.0.2.140"], ["192.0.2.129"]),
        ("v=spf1 mx mx:example.org -all", ["192.0.2.129", "192.0.2.140"], ["192.0.2.65"]),
        ("v=spf1 mx/30 mx:example.org/30 -all", ["192.0.2.131", "192.0.2.143"], ["192.0.2.132"]),
        ("v=spf1 ptr -all", ["192.0.2.65"], ["192.0.2.140"]),
        ("v=spf1 ip4:192.0.2.128/28 -all", ["192.0.2.129"], ["192.0.2.65"]),
        ("v=spf1 -ip4:192.0.2.129 ip4:192.0.2.128/28 -all", ["192.0.2.140"], ["192.0.2.129"]),
    ],
)
def test_the_examples_of_the_standard_come_out_as_it_says(server, record, passes, fails):
    server.publish({**EXAMPLE, "example.com TXT": [record]})

    for result, peers in (("pass", passes), ("fail", fails)):
        for peer in peers:
            assert asked(server, sender="x@example.com", peer=peer)["spf"]["result"] == result, peer


def test_each_word_of_spf_is_told_as_it_is(server):
    assert spf(server, "v=spf1 ip4:192.0.2.3 -all") == ("pass", "")
    server.ttl = 0
    results = {
        "v=spf1 -all": ("fail", ""),
        "v=spf1 ~all": ("softfail", ""),
        "v=spf1 ?all": ("neutral", ""),
        "hello": ("none", ""),
        "v=spf1 ip4:broken": ("permerror", "malformed"),
    }
    for record, said in results.items():
        assert spf(server, record) == said


def test_a_report_is_asked_about_by_the_name_its_server_says_it_has(server):
    server.publish({"mx.acme.test TXT": ["v=spf1 ip4:192.0.2.3 -all"]})

    assert asked(server, helo="mx.acme.test")["spf"] == {
        "result": "pass",
        "domain": "mx.acme.test",
        "why": "",
    }
    assert asked(server, helo="[192.0.2.3]")["spf"]["result"] == "none"
    beside = asked(server, helo="mx.acme.test", sender="bob@acme.test")
    assert (beside["spf"]["result"], beside["helo"]["result"]) == ("none", "pass")


@pytest.mark.parametrize(
    "record",
    [
        "v=spf1 " + " ".join(f"a:h{n}.acme.test" for n in range(11)) + " -all",
        "v=spf1 include:acme.test -all",
        "v=spf1 redirect=acme.test",
        "v=spf1 mx -all",
        "v=spf1 " + " ".join(f"include:i{n}.acme.test" for n in range(9)) + " -all",
    ],
    ids=["eleven lookups", "itself", "round and round", "eleven hosts", "a tree"],
)
def test_a_record_that_would_make_us_ask_without_end_is_none(server, record):
    zone = {f"h{n}.acme.test A": ["192.0.2.200"] for n in range(12)}
    zone["acme.test MX"] = [f"{n} h{n}.acme.test." for n in range(11)]
    zone |= {
        f"i{n}.acme.test TXT": ["v=spf1 " + " ".join(f"a:h{m}.acme.test" for m in range(9)) + " ?all"]
        for n in range(9)
    }
    server.publish(zone)

    assert spf(server, record)[0] == "permerror"
    assert len(server.asked) < 40


@pytest.mark.parametrize("knob", [SILENT, BROKEN])
def test_who_does_not_answer_is_no_reason_to_believe_or_to_refuse(server, knob):
    server.publish({"acme.test TXT": knob, "_dmarc.acme.test TXT": knob, "s1._domainkey.acme.test TXT": knob})
    began = time.monotonic()

    found = ask(
        _hasty(server),
        {
            "keys": ["s1._domainkey.acme.test"],
            "policies": ["_dmarc.acme.test"],
            "exists": "acme.test",
            "peer": PEER,
            "helo": "",
            "sender": "bob@acme.test",
        },
    )

    assert found["txt"] == {"s1._domainkey.acme.test": None, "_dmarc.acme.test": None}
    assert found["spf"]["result"] == "temperror"
    assert time.monotonic() - began < 3


def _hasty(server: NameServer) -> Resolver:
    class Hasty(Resolver):
        def for_one_mail(self, *, within: float = 5.0, lookups: int = 150) -> Any:
            return super().for_one_mail(within=within / 12, lookups=lookups)

    return Hasty([server.place])


def test_what_is_not_there_is_an_answer(server):
    server.publish({"acme.test A": ["192.0.2.1"]})

    found = asked(server, keys=["k.acme.test"], policies=["_dmarc.acme.test"], exists="acme.test")
    assert (found["txt"], found["exists"]) == ({"k.acme.test": [], "_dmarc.acme.test": []}, True)
    assert asked(server, policies=["_dmarc.nobody.test"], exists="nobody.test")["exists"] is False


def test_a_loop_of_aliases_ends(server):
    server.publish({"a.test CNAME": ["b.test"], "b.test CNAME": ["a.test"]})

    assert asked(server, keys=["a.test"])["txt"]["a.test"] in (None, [])


@pytest.mark.parametrize(
    "sender", ["bob", "bob@", "@", "bob@" + "x" * 300, "bob@[192.0.2.1]", "b b@a..b", "é@é.test"]
)
def test_any_sender_can_be_asked_about(server, sender):
    assert asked(server, sender=sender, helo="\x00\xff")["spf"]["result"] in ("none", "permerror")


async def test_nobody_waits_for_who_is_slow(server):
    server.publish({"slow.test TXT": SILENT, "quick.test TXT": ["v=spf1 -all"]})
    asking = Asking(_hasty(server), grace=0.05)
    questions = {"keys": [], "policies": [], "exists": "", "peer": PEER, "helo": ""}

    slow = [await asking.answers(f"{n}", {**questions, "sender": "x@slow.test"}) for n in range(3)]
    quick = await asking.answers("quick", {**questions, "sender": "x@quick.test"})

    assert slow == [None, None, None]
    assert quick is not None
    assert quick["spf"]["result"] == "fail"
    await asyncio.sleep(0.9)
    later = await asking.answers("0", {**questions, "sender": "x@slow.test"})
    assert later is not None
    assert later["spf"]["result"] == "temperror"


async def test_names_that_are_slow_are_given_their_time_and_keep_nobody_waiting(server):
    server.publish({f"slow{n}.test TXT": SILENT for n in range(150)} | {"quick.test TXT": ["v=spf1 -all"]})
    asking = Asking(_hasty(server), grace=0.0)
    questions = {"keys": [], "policies": [], "exists": "", "peer": PEER, "helo": ""}
    for n in range(150):
        await asking.answers(f"{n}", {**questions, "sender": f"x@slow{n}.test"})

    began, found = time.monotonic(), None
    while found is None and time.monotonic() - began < 10:
        found = await asking.answers("quick", {**questions, "sender": "x@quick.test"})
        await asyncio.sleep(0.02)

    assert found is not None
    assert found["spf"]["result"] == "fail"
    assert time.monotonic() - began < 1.5, "64 at once, a fifteenth of a second each"


async def test_however_many_mails_have_slow_names_none_that_is_waited_for_is_given_up(monkeypatch, server):
    monkeypatch.setattr(asking_of, "KEPT", 20)
    server.publish({"slow.test TXT": SILENT})
    asking = Asking(_hasty(server), grace=0.05)
    questions = {"keys": [], "policies": [], "exists": "", "peer": PEER, "helo": "", "sender": "x@slow.test"}

    # As the worker does: a round in which more wait than there is room for, and then the oldest with a new one.
    first = await asyncio.gather(*(asking.answers(f"{n}", questions) for n in range(25)))
    second = await asyncio.gather(asking.answers("0", questions), asking.answers("new", questions))

    assert first == [None] * 25
    assert second == [None, None]
    left = {task.get_name() for task in asyncio.all_tasks()} - {asyncio.current_task().get_name()}
    assert left == {"names-of-a-mail"}
    found = None
    while found is None:
        found = await asking.answers("0", questions)
    assert found["spf"]["result"] == "temperror"


def test_only_what_may_be_a_policy_or_a_key_is_kept_with_a_mail(server):
    long = "p=" + "x" * 4000
    policy = "v=DMARC1; p=reject"
    keys = [f"s{n}._domainkey.acme.test" for n in range(5)]
    server.publish(
        {"_dmarc.acme.test TXT": ["v=spf1 exp=a.test", "anything", policy]}
        | {f"{name} TXT": [*(f"{long}{n}" for n in range(8)), "k=rsa"] for name in keys}
        | {"s0._domainkey.acme.test TXT": ["v=spf1 -all", "k=rsa; p=MIIB", "x" * 4000]}
    )

    found = asked(server, keys=keys, policies=["_dmarc.acme.test"], exists="acme.test", sender="x@acme.test")

    assert (found["txt"]["_dmarc.acme.test"], found["txt"][keys[0]]) == ([policy], ["k=rsa; p=MIIB"])
    assert found["exists"]
    assert all(found["txt"][name] is not None for name in keys)
    assert len(json.dumps(found)) < 20_000
