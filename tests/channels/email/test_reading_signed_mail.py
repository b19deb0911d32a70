"""A signature is believed when all of the mail was signed with a key that cannot be broken; dkimpy signs and judges beside us."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import dkim
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channels.email.reading import signatures
from channels.email.reading.signatures import Signature
from tests.channels.email.reading_mails import a_mail
from tests.channels.email.signing_mails import ed25519, rsa, signed
from tests.spending import quickly

NOW = datetime.now(UTC)
KEY_OF_768_BITS = (
    "MHwwDQYJKoZIhvcNAQEBBQADawAwaAJhAPkPuNZ69N6DuCLV8X73kCwtN+FysSOEMKuYaSlOatvlmM9yFkG9e6lrSE5LW6O/D8Nykk"
    "LnEfxH4HyL78a7k5WRqczQWjipyYefYNpjPEqCz2SVuMj/deRWSthvEPzAbwIDAQAB"
)
KEY = "s1._domainkey.cust-a.test"


def judged(raw: bytes, *records: str, key: str = KEY, at: datetime = NOW) -> Signature:
    mail = signatures.split(raw)
    return signatures.check(mail, mail.all("dkim-signature")[0], {key: list(records or (rsa()[1],))}, at=at)


@pytest.mark.parametrize("ways", [(a, b) for a in (b"simple", b"relaxed") for b in (b"simple", b"relaxed")])
@pytest.mark.parametrize(
    "body", ["Hello  there \t x\n\n", "a\n\n\n", "", "no end", "\n\n", " \n \t \n", "a\r", "\ta"]
)
def test_what_another_program_signed_passes_in_every_form(ways, body):
    assert judged(signed(a_mail(body), ways=ways)).result == "pass"


@given(st.text(alphabet=" \t\n\rab", max_size=40), st.sampled_from([b"simple", b"relaxed"]))
@settings(max_examples=60, deadline=None)
def test_any_body_is_made_canonical_as_another_program_does_it(body, way):
    raw = signed(a_mail(body + "\n"), ways=(b"relaxed", way))  # by SMTP the last line has its end

    ours, theirs = (
        judged(raw).result == "pass",
        dkim.verify(raw, dnsfunc=lambda _, timeout=0: rsa()[1].encode()),
    )

    assert ours == theirs


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda raw: raw + b"And one more line.\r\n", "body_changed"),
        (lambda raw: raw.replace(b"Subject: Printer", b"Subject: Invoice"), "header_changed"),
        (lambda raw: raw.replace(b"alice@cust-a.test>", b"eve@cust-a.test>", 1), "header_changed"),
    ],
)
def test_what_was_changed_on_the_way_fails(change: Callable[[bytes], bytes], why: str):
    found = judged(change(signed(a_mail())))

    assert (found.result, found.why) == ("fail", why)


def test_fields_that_nobody_signed_may_be_added():
    assert judged(b"Received: from x by y\r\n" + signed(a_mail())).result == "pass"


@pytest.mark.parametrize(
    ("records", "result", "why"),
    [
        ([], "permerror", "no_key"),
        (["v=spf1 -all"], "permerror", "no_key"),
        (["v=DKIM1; p="], "fail", "key_revoked"),
        ([rsa()[1], rsa()[1]], "permerror", "several_keys"),
        ([rsa()[1] + "; t=y"], "neutral", "testing"),
        ([rsa()[1] + "; s=tlsrpt"], "permerror", "wrong_key"),
        ([rsa()[1] + "; h=sha1"], "permerror", "wrong_key"),
        ([rsa(2048)[1]], "fail", "header_changed"),
        (["v=DKIM1; p=!!!"], "permerror", "malformed"),
        (["v=DKIM1; p=AAAA"], "permerror", "wrong_key"),
        ([ed25519()[1]], "permerror", "wrong_key"),
    ],
)
def test_a_key_that_is_not_good_proves_nothing(records, result, why):
    mail = signatures.split(signed(a_mail()))

    found = signatures.check(mail, mail.all("dkim-signature")[0], {KEY: records}, at=NOW)

    assert (found.result, found.why) == (result, why)


def test_a_key_that_nobody_could_fetch_is_asked_for_again():
    mail = signatures.split(signed(a_mail()))
    field = mail.all("dkim-signature")[0]

    assert signatures.check(mail, field, {KEY: None}, at=NOW).result == "temperror"
    assert signatures.check(mail, field, {}, at=NOW).result == "temperror"


def test_a_key_that_can_be_broken_is_not_believed_whatever_it_signed():
    found = judged(signed(a_mail()), f"v=DKIM1; p={KEY_OF_768_BITS}")

    assert (found.result, found.why) == ("neutral", "weak_key")


def test_a_part_of_the_body_that_is_signed_is_not_the_mail():
    found = judged(signed(a_mail(), length=True) + b"Pay here instead.\r\n")

    assert (found.result, found.why) == ("neutral", "partly_signed")


@pytest.mark.parametrize(
    ("old", "new", "result", "why"),
    [
        ("v=1;", "v=2;", "permerror", "malformed"),
        ("a=rsa-sha256", "a=rsa-sha1", "neutral", "weak_hash"),
        ("a=rsa-sha256", "a=rsa-md5", "permerror", "unknown_algorithm"),
        ("c=relaxed/relaxed", "c=odd/relaxed", "permerror", "malformed"),
        ("d=cust-a.test", "d=..", "permerror", "malformed"),
        ("i=@cust-a.test", "i=@evil.test", "permerror", "malformed"),
        ("h=from", "h=xfrom", "permerror", "from_not_signed"),
        ("s=s1;", "s=s1; x=100;", "fail", "expired"),
        ("s=s1;", "s=s1; s=s2;", "permerror", "malformed"),
    ],
)
def test_a_signature_that_is_not_well_formed_proves_nothing(old, new, result, why):
    raw = signed(a_mail())
    raw = (
        raw.replace(old.encode(), new.encode(), 1)
        if old.encode() in raw
        else raw.replace(b"s=s1;", f"s=s1; {new};".encode(), 1)
    )

    found = judged(raw)

    assert (found.result, found.why) == (result, why)


def test_whether_it_expired_is_asked_of_the_day_it_came():
    stamp = int(NOW.timestamp())
    raw = signed(a_mail()).replace(b"s=s1;", f"s=s1; x={stamp};".encode(), 1)

    early, late = judged(raw, at=NOW - timedelta(days=1)), judged(raw, at=NOW + timedelta(days=400))

    assert (early.why, late.why) == ("header_changed", "expired")  # the tag itself was not signed


def test_ed25519_is_verified_too():
    key, record = ed25519()
    raw = a_mail().replace(b"\n", b"\r\n")
    mail = signatures.split(raw)
    body = base64.b64encode(mail.body_hash("relaxed")).decode()
    stub = f"DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed; d=cust-a.test; s=s1; h=from; bh={body}; b="
    text = b"".join(signatures.chosen(mail, ["from"], "relaxed")) + signatures.unsigned(
        stub.encode(), "relaxed"
    )
    value = base64.b64encode(key.sign(hashlib.sha256(text).digest())).decode()

    assert judged(f"{stub}{value}\r\n".encode() + raw, record).result == "pass"


@pytest.mark.parametrize(
    "body",
    [
        b" " * 3_000_000 + b"x",
        b"\r\n" * 1_000_000,
        b"\r" * 1_000_000,
        b" \r\n" * 700_000,
        (b" " * 999 + b"x") * 3000,
    ],
    ids=["blanks", "empty lines", "bare ends", "blank lines", "runs"],
)
def test_no_body_takes_long(body):
    raw = b"DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=cust-a.test; s=s1; h=from; bh=AAAA; b=AAAA\r\n"

    with quickly(1.0):
        found = judged(raw + a_mail(body))

    assert found.why == "body_changed"


def test_no_header_takes_long():
    odd = b"DKIM-Signature: " + b"v=1; b=" + b"\r\n " * 50_000 + b"; h=" + b"from:" * 20_000 + b"\r\n"

    with quickly(1.0):
        found = judged(odd * 3 + a_mail())

    assert found.result == "permerror"
