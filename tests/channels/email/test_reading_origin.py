"""Who sent a mail: SPF and DKIM speak for the domain in From or for nobody, and only listed forwarders are believed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from channels.email.reading import authentication, dmarc, origin, read
from core.envelope import Authentication, Inbound
from tests.channels.email.reading_mails import DESK, a_mail
from tests.channels.email.signing_mails import rsa, sealed, signed

NOW = datetime.now(UTC)
REJECT = "v=DMARC1; p=reject"


def came(raw: bytes, *, sealers: tuple[str, ...] = (), **answers: Any) -> Inbound:
    """Read with these answers; what is published is the key of every domain here, and `policy` of cust-a.test."""
    policy = answers.pop("policy", REJECT)
    txt: dict[str, Any] = {
        f"s1._domainkey.{domain}": [rsa()[1]]
        for domain in ("cust-a.test", "mail.cust-a.test", "evil.test", "lists.test", "other.test")
    }
    txt |= {"_dmarc.cust-a.test": [policy] if isinstance(policy, str) else policy}
    txt |= answers.pop("txt", {})
    envelope = {"protocol": "SMTP", "peer": "203.0.113.7", "answers": {"txt": txt, **answers}}
    arrival = {
        "channel": "email",
        "recipients": ["support@hub.test"],
        "sender": "alice@cust-a.test",
        "received_at": NOW,
        "envelope": envelope,
    }
    return read.read(raw, arrival, {**DESK, "arc_sealers": list(sealers)})


def proof(raw: bytes, **answers: Any) -> Authentication:
    return came(raw, **answers).authentication


def spf(domain: str, result: str = "pass") -> dict[str, str]:
    return {"result": result, "domain": domain, "why": ""}


# --- Alignment -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("author", "signer", "policy", "verdict"),
    [
        ("cust-a.test", "cust-a.test", REJECT, "pass"),
        ("cust-a.test", "mail.cust-a.test", REJECT, "pass"),
        ("cust-a.test", "mail.cust-a.test", REJECT + "; adkim=s", "fail"),
        ("cust-a.test", "cust-a.test", REJECT + "; adkim=s", "pass"),
        ("cust-a.test", "evil.test", REJECT, "fail"),
        ("cust-a.test", "evil.test", "v=DMARC1; p=none", "fail"),
        ("cust-a.test", "cust-a.test", [], "pass"),  # no policy: its signature speaks for it all the same
        ("cust-a.test", "evil.test", [], "none"),
        ("cust-a.test", "evil.test", [REJECT, REJECT], "none"),  # several are none (RFC 7489, 6.6.3)
        ("cust-a.test", "evil.test", ["v=spf1 -all"], "none"),
        ("cust-a.test", "evil.test", "v=DMARC1; p=odd", "none"),
        ("cust-a.test", "evil.test", "v=DMARC1; p=odd; rua=mailto:a@cust-a.test", "fail"),
        ("cust-a.test", "evil.test", "p=reject; v=DMARC1", "none"),
    ],
)
def test_a_signature_speaks_for_the_domain_in_from_or_for_nobody(author, signer, policy, verdict):
    assert proof(signed(a_mail(), signer), policy=policy).verdict == verdict


@pytest.mark.parametrize(
    ("said", "policy", "verdict"),
    [
        (spf("cust-a.test"), REJECT, "pass"),
        (spf("bounce.cust-a.test"), REJECT, "pass"),
        (spf("bounce.cust-a.test"), REJECT + "; aspf=s", "fail"),
        (spf("evil.test"), REJECT, "fail"),
        (spf("cust-a.test", "softfail"), REJECT, "fail"),
        (spf("cust-a.test", "neutral"), REJECT, "fail"),
        (spf("cust-a.test", "permerror"), REJECT, "fail"),
        (spf("cust-a.test", "temperror"), REJECT, "temperror"),
        (spf("evil.test", "temperror"), REJECT, "fail"),
        (spf("test"), REJECT, "fail"),
    ],
)
def test_a_sender_speaks_for_the_domain_in_from_or_for_nobody(said, policy, verdict):
    assert proof(a_mail(), policy=policy, spf=said).verdict == verdict


@pytest.mark.parametrize(
    ("policy", "exists", "asked"),
    [
        ("v=DMARC1; p=reject", True, "reject"),
        ("v=DMARC1; p=reject; sp=none", True, "none"),
        ("v=DMARC1; p=none; sp=quarantine", True, "quarantine"),
        ("v=DMARC1; p=none; np=reject", True, "none"),
        ("v=DMARC1; p=none; np=reject", False, "reject"),
        ("v=DMARC1; p=none; sp=quarantine", False, "quarantine"),
        ("v=DMARC1; p=reject; pct=0", True, "quarantine"),
        ("v=DMARC1; p=quarantine; pct=0", True, "none"),
        ("v=DMARC1; p=reject; pct=100", True, "reject"),
        ("v=DMARC1; p=reject; pct=-1", True, "reject"),
    ],
)
def test_below_an_organisation_its_policy_holds_for_subdomains_and_for_what_is_not_there(
    policy, exists, asked
):
    mail = a_mail(**{"from": "Alice <alice@sub.cust-a.test>"})

    found = proof(mail, policy=policy, exists=exists, txt={"_dmarc.sub.cust-a.test": []})

    assert (found.verdict, found.policy) == ("fail", asked)


def test_a_policy_for_half_of_all_mail_is_followed_for_half_of_it_and_always_the_same():
    mails = [a_mail(f"{n}\n") for n in range(60)]

    asked = [proof(mail, policy="v=DMARC1; p=reject; pct=50").policy for mail in mails]

    assert 15 < asked.count("reject") < 45
    assert asked == [proof(mail, policy="v=DMARC1; p=reject; pct=50").policy for mail in mails]


def test_what_nobody_could_say_is_neither_proof_nor_failure():
    unknown = {"_dmarc.cust-a.test": None}
    keyless = {"s1._domainkey.cust-a.test": None}

    assert proof(a_mail(), txt=unknown).verdict == "temperror"
    assert proof(signed(a_mail()), txt=keyless).verdict == "temperror"
    assert (
        proof(signed(a_mail()), txt=unknown).verdict == "pass"
    )  # whatever it asks for, this is its very name
    assert proof(signed(a_mail(), "mail.cust-a.test"), txt=unknown).verdict == "temperror"
    assert read.read(
        a_mail(), {"received_at": NOW, "envelope": {"answers": {}}}, DESK
    ).authentication.verdict == ("temperror")


@pytest.mark.parametrize(
    "author",
    [
        "alice@cust-a.test, eve@evil.test",
        "friends: alice@cust-a.test;",
        "<alice@cust-a.test> <eve@evil.test>",
        "alice",
        "",
    ],
)
def test_a_from_that_is_not_one_address_is_never_aligned(author):
    raw = a_mail(**{"from": author})

    assert proof(signed(raw) if author else raw, spf=spf("cust-a.test")).verdict == "none"


def test_two_from_fields_are_never_aligned():
    raw = signed(a_mail())

    for both in (b"From: eve@evil.test\r\n" + raw, raw.replace(b"To: ", b"From: eve@evil.test\r\nTo: ", 1)):
        assert proof(both, spf=spf("cust-a.test")).verdict == "none"


def test_a_display_name_that_is_an_address_is_nobodys():
    mail = a_mail(**{"from": '"alice@cust-a.test" <eve@evil.test>'})

    found = came(mail, spf=spf("cust-a.test"), txt={"_dmarc.evil.test": []})

    assert found.author is not None
    assert (found.author.address, found.authentication.verdict) == ("eve@evil.test", "none")


def test_results_that_the_sender_wrote_count_for_nothing_beside_our_own_checks():
    forged = b"Authentication-Results: mx.hub.test; dmarc=pass header.from=cust-a.test\r\n" + a_mail()

    found = proof(forged, spf=spf("evil.test", "pass"))

    assert (found.verdict, found.policy) == ("fail", "reject")
    assert not any("dmarc=pass" in line for line in found.evidence)


@pytest.mark.parametrize(
    "said",
    [
        'spf=fail smtp.mailfrom="x dmarc=pass"@evil.test; dmarc=fail (p=reject) header.from=cust-a.test',
        'spf=fail smtp.mailfrom="x; dmarc=pass"@evil.test; dmarc=fail (p=reject)',
        "spf=fail (who is dmarc=pass; dmarc=pass (p=none)); dmarc=fail (p=reject)",
        'spf=fail reason="a\\"; dmarc=pass"; dmarc=fail (p=reject)',
    ],
)
def test_what_a_relay_quotes_of_the_sender_is_not_its_own_word(said):
    raw = f"Authentication-Results: mx.hub.test; {said}\nReceived: by mx.hub.test\n".encode() + a_mail()

    found = read.read(raw, {"envelope": {"protocol": "LMTP"}}, DESK).authentication

    assert (found.verdict, found.policy) == ("fail", "reject")
    assert authentication.said(said)["dmarc"] == "fail"


# --- Signatures, several -------------------------------------------------------------------------------------


def test_of_many_signatures_those_are_looked_at_that_can_prove_something():
    raw = signed(a_mail())
    for _ in range(20):
        raw = raw.replace(
            b"DKIM-Signature:", signed(a_mail(), "evil.test").partition(b"From:")[0] + b"DKIM-Signature:", 1
        )

    found = proof(raw)

    assert found.verdict == "pass"
    assert sum(line.startswith("dkim=") for line in found.evidence) == 5


def test_the_evidence_says_what_was_checked_and_what_it_gave():
    found = proof(signed(a_mail(), "evil.test"), spf=spf("evil.test"), helo=spf("mx.evil.test", "none"))

    assert found.evidence == (
        "spf=pass smtp.mailfrom=evil.test",
        "spf=none smtp.helo=mx.evil.test",
        "dkim=pass header.d=evil.test header.s=s1",
        "dmarc=fail header.from=cust-a.test p=reject",
    )


def test_questions_name_all_that_must_be_asked_and_nothing_that_need_not_be():
    raw = signed(signed(a_mail(), "mail.cust-a.test"), "evil.test")
    arrival = {"sender": "b@evil.test", "envelope": {"peer": "203.0.113.7", "helo": "mx.evil.test"}}

    asked = origin.questions(raw, arrival, DESK)

    assert asked == {
        "keys": ["s1._domainkey.mail.cust-a.test", "s1._domainkey.evil.test"],
        "policies": ["_dmarc.cust-a.test"],
        "exists": "cust-a.test",
        "peer": "203.0.113.7",
        "helo": "mx.evil.test",
        "sender": "b@evil.test",
    }
    nobody = origin.questions(a_mail(**{"from": "a, b"}), {}, {})
    assert (nobody["policies"], nobody["exists"]) == ([], "")
    assert dmarc.names("a.b.cust-a.co.uk") == ["_dmarc.a.b.cust-a.co.uk", "_dmarc.cust-a.co.uk"]


# --- Forwarders ----------------------------------------------------------------------------------------------

SEEN = (
    "spf=pass smtp.mailfrom=cust-a.test; dkim=pass header.d=cust-a.test; dmarc=pass header.from=cust-a.test"
)


def listed(raw: bytes) -> bytes:
    """What a mailing list does to a subject, which breaks every signature."""
    return raw.replace(b"Subject: Printer", b"Subject: [staff] Printer")


def test_a_listed_forwarder_who_saw_it_pass_is_believed():
    raw = sealed(listed(signed(a_mail())), SEEN)

    assert proof(raw).verdict == "fail"
    found = proof(raw, sealers=("lists.test",))
    assert (found.verdict, found.policy) == ("pass", "reject")
    assert "arc=override sealer=lists.test" in found.evidence
    assert proof(raw, sealers=("other.test",)).verdict == "fail"


@pytest.mark.parametrize(
    "seen",
    [
        "dmarc=fail header.from=cust-a.test",
        "spf=pass smtp.mailfrom=cust-a.test",
        "dmarc=pass header.from=evil.test",
        'spf=fail smtp.mailfrom="x dmarc=pass"@evil.test; dmarc=fail',
    ],
)
def test_a_listed_forwarder_who_did_not_see_it_pass_changes_nothing(seen):
    assert proof(sealed(listed(a_mail()), seen), sealers=("lists.test",)).verdict == "fail"


def test_what_was_changed_after_the_seal_is_not_believed():
    raw = sealed(listed(a_mail()), SEEN)

    assert proof(raw + b"More.\r\n", sealers=("lists.test",)).verdict == "fail"
    assert proof(raw.replace(b"dmarc=pass", b"dmarc=Pass", 1), sealers=("lists.test",)).verdict == "fail"
    assert proof(raw.replace(b"cv=none", b"cv=pass", 1), sealers=("lists.test",)).verdict == "fail"
    assert proof(raw.replace(b"From: Alice", b"From: Eve", 1), sealers=("lists.test",)).verdict == "fail"


def test_a_later_forwarder_must_be_listed_too():
    first = sealed(listed(a_mail()), SEEN)
    second = sealed(
        first.replace(b"It is", b"Pay"), "arc=pass; dmarc=fail", server="mx.other.test", domain="other.test"
    )

    assert proof(second, sealers=("lists.test",)).verdict == "fail"
    assert proof(second, sealers=("lists.test", "other.test")).verdict == "pass"


def test_a_set_of_seals_taken_from_another_mail_is_worth_nothing():
    stolen = sealed(listed(a_mail()), SEEN).partition(b"From:")[0]

    assert proof(stolen + a_mail("Pay me.\n"), sealers=("lists.test",)).verdict == "fail"


def test_a_seal_whose_key_nobody_could_fetch_is_asked_for_again():
    raw = sealed(listed(a_mail()), SEEN)

    assert proof(raw, sealers=("lists.test",), txt={"s1._domainkey.lists.test": None}).verdict == "temperror"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"i=1;", b"i=2;"),
        (b"i=1;", b"i=0;"),
        (b"i=1;", b"i=x;"),
        (b"ARC-Authentication-Results", b"X-Results"),
    ],
)
def test_a_chain_that_is_not_whole_is_not_believed(old, new):
    raw = sealed(listed(a_mail()), SEEN)
    assert old in raw

    assert proof(raw.replace(old, new), sealers=("lists.test",)).verdict == "fail"
