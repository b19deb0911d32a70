"""What must the domains of our mail publish, and what do we say of what they do? Against a name server on loopback."""

from __future__ import annotations

import pytest

from channels.email import publishing
from channels.email.publishing import Domains, look, wanted
from channels.email.resolving import Resolver
from channels.email.signing import SigningKey
from core.domain_records import Verdict
from tests.channels.email import a_name_server
from tests.channels.email.a_name_server import BROKEN
from tests.channels.email.running_mail import a_channel
from web.words import catalogue, say

KEY_NAME = "centralino._domainkey.desk.test"


@pytest.fixture(scope="module")
def key(tmp_path_factory) -> SigningKey:
    return SigningKey(
        selector="centralino", algorithm="rsa", path=tmp_path_factory.mktemp("keys") / "dkim.pem"
    )


@pytest.fixture(scope="module")
def servers():
    """One name server for all; each test says what it publishes."""
    with a_name_server.running() as running:
        yield running


def domains(key: SigningKey, **changed) -> Domains:
    known = {
        "addresses": ("support@desk.test",),
        "reply_domain": "reply.desk.test",
        "mx": "hub.desk.test",
        "host": "hub.desk.test",
        "relay": "",
        "direct": True,
        "keys": (key,),
    }
    return Domains(**known | changed)


def zone(key: SigningKey) -> dict[str, list[str] | str]:
    """Everything as it should be."""
    return {
        "hub.desk.test A": ["192.0.2.7"],
        "7.2.0.192.in-addr.arpa PTR": ["hub.desk.test."],
        "desk.test MX": ["10 hub.desk.test."],
        "reply.desk.test MX": ["10 hub.desk.test."],
        "reply.desk.test TXT": ["some other words", "v=spf1 a:hub.desk.test -all"],
        f"{KEY_NAME} TXT": [key.record()],
        "_dmarc.desk.test TXT": ["v=DMARC1; p=reject; rua=mailto:support@desk.test"],
    }


def found(servers, key, changes=None, **changed):
    """What is said of each record, by what it is for: (verdict, codes)."""
    servers.zone.clear()
    servers.publish(zone(key) | (changes or {}))
    for name in [name for name, records in servers.zone.items() if records == []]:
        del servers.zone[name]
    looked = look(domains(key, **changed), Resolver((servers.place,)))
    return {one.wanted.what: (one.verdict, [finding.code for finding in one.findings]) for one in looked}


GOOD = (Verdict.GOOD, ["good"])


def test_what_is_as_it_should_be_is_good(servers, key):
    assert found(servers, key) == dict.fromkeys(("reply_mx", "spf", "mx", "dkim", "dmarc", "ptr"), GOOD)


def test_what_we_say_to_publish_is_what_we_find_good(servers, key):
    of = domains(key)
    published = {f"{one.name} {one.type}": [one.value] for one in wanted(of) if one.type != "PTR"}
    said = found(servers, key, published)

    assert {what: code for what, (_, code) in said.items() if code != ["good"]} == {"dmarc": ["dmarc_none"]}


@pytest.mark.parametrize(
    ("what", "changes", "verdict", "codes"),
    [
        ("mx", {"desk.test MX": []}, "missing", ["missing"]),
        ("mx", {"desk.test MX": ["0 ."]}, "wrong", ["null_mx"]),
        ("mx", {"desk.test MX": ["10 gone.desk.test."]}, "wrong", ["no_address", "elsewhere"]),
        (
            "mx",
            {"desk.test MX": ["10 mx.other.test."], "mx.other.test AAAA": ["2001:db8::1"]},
            "remark",
            ["elsewhere"],
        ),
        ("mx", {"desk.test MX": BROKEN}, "unknown", ["no_answer"]),
        ("reply_mx", {"reply.desk.test MX": []}, "missing", ["missing"]),
        ("spf", {"reply.desk.test TXT": ["some other words"]}, "missing", ["missing"]),
        ("spf", {"reply.desk.test TXT": ["v=spf10 +all"]}, "missing", ["missing"]),
        (
            "spf",
            {"reply.desk.test TXT": ["v=spf1 a:hub.desk.test -all", "v=spf1 -all"]},
            "wrong",
            ["several"],
        ),
        ("spf", {"reply.desk.test TXT": ["v=spf1 +all"]}, "wrong", ["spf_everybody"]),
        ("spf", {"reply.desk.test TXT": ["v=spf1 ip4:192.0.2.7"]}, "remark", ["spf_nobody_refused"]),
        ("spf", {"reply.desk.test TXT": ["v=spf1 ip4:192.0.2.0/24 ~all"]}, "good", ["good"]),
        ("spf", {"reply.desk.test TXT": ["v=spf1 ip4:192.0.2.99 -all"]}, "wrong", ["spf_refused"]),
        ("spf", {"reply.desk.test TXT": ["v=spf1 ip9:1 -all"]}, "wrong", ["spf_malformed"]),
        ("spf", {"hub.desk.test A": []}, "remark", ["spf_unseen"]),
        (
            "spf",
            {"reply.desk.test TXT": ["v=spf1 include:a.test -all"], "a.test TXT": BROKEN},
            "unknown",
            ["no_answer"],
        ),
        (
            "spf",
            {
                "reply.desk.test TXT": ["v=spf1 include:n0.test -all"],
                **{f"n{n}.test TXT": [f"v=spf1 include:n{n + 1}.test -all"] for n in range(12)},
            },
            "wrong",
            ["spf_too_many_lookups"],
        ),
        ("dkim", {f"{KEY_NAME} TXT": []}, "missing", ["missing"]),
        ("dkim", {f"{KEY_NAME} TXT": ["v=DKIM1; k=rsa; p=AAAA"]}, "wrong", ["dkim_other"]),
        ("dkim", {f"{KEY_NAME} TXT": ["v=DKIM1; k=rsa; p="]}, "wrong", ["dkim_revoked"]),
        ("dkim", {f"{KEY_NAME} TXT": ["hello"]}, "wrong", ["dkim_no_key"]),
        ("dkim", {f"{KEY_NAME} TXT": ["v=DKIM1; p=AA", "v=DKIM1; p=BB"]}, "wrong", ["several"]),
        ("dmarc", {"_dmarc.desk.test TXT": []}, "missing", ["missing"]),
        ("dmarc", {"_dmarc.desk.test TXT": ["v=DMARC1; p=none"]}, "remark", ["dmarc_none"]),
        ("dmarc", {"_dmarc.desk.test TXT": ["v=DMARC1; rua=mailto:a@b.test"]}, "wrong", ["dmarc_no_policy"]),
        ("dmarc", {"_dmarc.desk.test TXT": ["v=DMARC1; p=reject", "v=DMARC1; p=none"]}, "wrong", ["several"]),
        ("dmarc", {"_dmarc.desk.test TXT": ["v=DMARC1; p=reject; aspf=s"]}, "remark", ["dmarc_strict"]),
        ("ptr", {"7.2.0.192.in-addr.arpa PTR": []}, "missing", ["ptr_missing"]),
        ("ptr", {"7.2.0.192.in-addr.arpa PTR": ["x.provider.test."]}, "wrong", ["ptr_unconfirmed"]),
        (
            "ptr",
            {"7.2.0.192.in-addr.arpa PTR": ["x.provider.test."], "x.provider.test A": ["192.0.2.7"]},
            "remark",
            ["ptr_other"],
        ),
        ("ptr", {"hub.desk.test A": []}, "missing", ["no_address"]),
    ],
)
def test_what_is_missing_or_wrong_is_said(servers, key, what, changes, verdict, codes):
    assert found(servers, key, changes)[what] == (verdict, codes)


def test_a_key_that_is_published_for_a_test_or_in_pieces_is_read(servers, key):
    testing = key.record().replace("p=", "t=y; p=")
    spaced = key.record().replace("p=MII", "p=MII ")

    assert found(servers, key, {f"{KEY_NAME} TXT": [testing]})["dkim"] == ("remark", ["dkim_testing"])
    assert found(servers, key, {f"{KEY_NAME} TXT": [spaced]})["dkim"] == GOOD


def test_a_policy_of_the_domain_above_counts_and_its_own_for_what_is_below(servers, key):
    changed = {"addresses": ("help@it.desk.test",)}
    above = {"_dmarc.desk.test TXT": ["v=DMARC1; p=reject; sp=none"]}

    assert found(servers, key, above, **changed)["dmarc"] == ("remark", ["dmarc_above", "dmarc_none"])


def test_a_relay_that_spf_does_not_name_may_be_right_and_ours_is_not_called_wrong(servers, key):
    there = {"smtp.provider.test A": ["198.51.100.1"]}
    said = found(servers, key, there, relay="smtp.provider.test")

    assert said["spf"] == ("remark", ["spf_relay"])
    assert "ptr" not in said, "the provider's address is the provider's"
    named = there | {"reply.desk.test TXT": ["v=spf1 a:smtp.provider.test -all"]}
    assert found(servers, key, named, relay="smtp.provider.test")["spf"] == GOOD


def test_behind_a_provider_mail_need_not_lead_here(servers, key):
    elsewhere = {"desk.test MX": ["10 mx.other.test."], "mx.other.test A": ["192.0.2.9"]}

    assert found(servers, key, elsewhere, direct=False)["mx"] == GOOD


def test_answers_in_the_domain_of_people_are_remarked_on(servers, key):
    said = found(servers, key, {"desk.test TXT": ["v=spf1 a:hub.desk.test -all"]}, reply_domain="desk.test")

    assert said["reply_mx"] == ("remark", ["reply_is_main"])
    assert "mx" not in said


def test_each_domain_and_each_key_has_its_own_record(key, tmp_path):
    second = SigningKey(selector="ed", algorithm="ed25519", path=tmp_path / "ed.pem")
    of = domains(key, addresses=("a@x.test", "b@y.test", "c@x.test"), keys=(key, second))

    names = [one.name for one in wanted(of) if one.what == "dkim"]
    assert names == [
        f"{one}._domainkey.{domain}" for domain in ("x.test", "y.test") for one in ("centralino", "ed")
    ]
    line = next(one.line for one in wanted(of) if one.what == "dkim")
    strings = line.partition(" IN TXT ")[2].strip('"').split('" "')
    assert "".join(strings) == key.record()
    assert all(len(one) <= 255 for one in strings)


@pytest.mark.parametrize("language", ["it", "en"])
def test_everything_that_can_be_said_has_words(language):
    import inspect
    import re

    source = inspect.getsource(publishing)
    codes = set(re.findall(r'_(?:wrong|missing|remark)\(\s*"(\w+)"', source)) | {
        "good",
        "no_answer",
        "spf_too_many_lookups",
        "spf_malformed",
    }
    words = catalogue(language)
    assert {code for code in codes if f"dns.say.{code}" not in words} == set()
    assert {name.removeprefix("dns.say.") for name in words if name.startswith("dns.say.")} == codes
    t = say(language)
    for what in publishing._LOOKS:
        assert t(f"dns.what.{what}")
        assert t(f"dns.why.{what}")
    for verdict in Verdict:
        assert t(f"dns.verdict.{verdict}")


async def test_the_channel_says_the_same_from_its_settings(servers, key, tmp_path):
    servers.zone.clear()
    channel = a_channel(tmp_path, dns_servers=(servers.place,), dkim_key=str(key.path))
    shown = await channel.records(look=False)

    assert {one.verdict for one in shown} == {Verdict.UNSEEN}
    assert [one.wanted.name for one in shown if one.wanted.what == "dkim"] == [
        "centralino._domainkey.hub.test"
    ]
    looked = await channel.records(look=True)
    assert {one.verdict for one in looked} == {Verdict.MISSING}
    servers.publish({"_dmarc.hub.test TXT": ["v=DMARC1; p=reject"]})
    again = await channel.records(look=True)
    assert {one.wanted.what for one in again if one.verdict is Verdict.GOOD} == {"dmarc"}


@pytest.mark.parametrize(
    ("settings", "found_at", "sends"),
    [
        ({"lmtp_port": 2424, "smtp_host": ""}, "mx.front.test", "mx.front.test"),
        ({"trusted_relays": ("127.0.0.1",)}, "mx.front.test", "mx.front.test"),
        ({"trusted_relays": ("192.0.2.9",)}, "mx.front.test", "hub.test"),
        ({"lmtp_port": 2424, "lmtp_host": "192.0.2.5", "smtp_host": ""}, "mx.front.test", "hub.test"),
        ({}, "hub.test", "hub.test"),
        ({"lmtp_port": 2424, "authserv_ids": ("inside",)}, "hub.test", "hub.test"),
    ],
)
async def test_the_records_name_who_takes_mail_in_front_of_us_and_who_sends_it(
    tmp_path, settings, found_at, sends
):
    channel = a_channel(
        tmp_path, **{"authserv_ids": ("mx.front.test",), "relay_host": "127.0.0.1"} | settings
    )

    values = {(one.wanted.what, one.wanted.value) for one in await channel.records(look=False)}

    assert {("mx", f"10 {found_at}."), ("reply_mx", f"10 {found_at}.")} <= values
    assert ("spf", f"v=spf1 a:{sends} -all") in values, "a filter that brings mail sends none of ours"
    assert ("ptr", f"{sends}.") in values
