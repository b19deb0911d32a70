"""Staff read in words why a mail is believed, or is not, in both languages."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from channels.email.reading import signatures
from core.rules import trust
from web import proof
from web.words import say

LANGUAGES = ("it", "en")
ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("spf=pass smtp.mailfrom=acme.test", "SPF: acme.test lets this server send for it."),
        ("spf=pass smtp.helo=mx.acme.test", "SPF: the server is mx.acme.test, as it says."),
        (
            "dkim=fail header.d=acme.test header.s=s1 why=body_changed",
            "DKIM: the signature of acme.test does not fit. The text was changed on the way.",
        ),
        (
            "dmarc=fail header.from=acme.test p=reject",
            "DMARC: nothing proves that it comes from acme.test, which asks to refuse such mail.",
        ),
        ("dmarc=pass", "DMARC: the sender's domain stands behind it."),
        ("auth=pass", "auth=pass"),
    ],
)
def test_each_check_is_a_sentence(line, said):
    assert proof.check(line, say("en")) == said


def test_the_level_comes_first_with_its_reasons():
    said = proof.told("none", ["dmarc_fail"], ["spf=none smtp.mailfrom=acme.test"], say("it"))

    assert said == [
        "Nessuno garantisce per questo indirizzo: il suo dominio chiede di non crederci.",
        "SPF: acme.test non dice quali server inviano per suo conto.",
    ]


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_that_a_check_can_give_is_without_say(language):
    """Every code that stands in the sources of the checks and of the rule."""
    t = say(language)
    results = {
        "spf": "pass fail softfail neutral none temperror permerror",
        "helo": "pass fail softfail neutral none temperror permerror",
        "dkim": "pass fail neutral temperror permerror",
        "dmarc": "pass fail_none fail_quarantine fail_reject none temperror",
        "arc": "pass fail none temperror override",
    }
    for method, known in results.items():
        for result in known.split():
            assert t.has(f"checked.{method}.{result}"), (method, result)
    folder = Path(signatures.__file__).parent
    source = "".join((folder / name).read_text() for name in ("signatures.py", "arc.py", "origin.py"))
    source += (ROOT / "channels/email/asking.py").read_text()
    whys = set(re.findall(r'NotBelieved\(\s*"[a-z]+",\s*"([a-z_]+)"', source))
    whys |= {
        "too_many_lookups",
        "no_policy",
        "author_unusable",
        "no_key",
        "not_listed",
        "incomplete",
        "no_domain",
        "unexpected",
    }
    for why in whys:
        assert t.has(f"checked.why.{why}"), why
    reasons = set(re.findall(r'_level\(Trust\.[A-Z]+, "([a-z_]+)"', Path(trust.__file__).read_text()))
    for reason in reasons | {"dmarc_fail_unenforced", "no_author"}:
        assert t.has(f"checked.reason.{reason}"), reason
