"""Staff read in words why a mail is believed, or is not, in both languages."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from channels.email.reading import addresses, certified, signatures
from core.rules import trust
from web import proof
from web.known_words import found
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


def defects() -> Iterator[str]:
    """Whatever the reader finds wrong with the author of a mail, and the desk with whom staff let in; a 3 for each number."""
    yield from (certified.UNCHECKED, "known by Reply-To only")
    for node in ast.walk(ast.parse(Path(addresses.__file__).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "defect":
            yield from texts(node.args[0])
        elif isinstance(node, ast.FunctionDef) and node.name == "author":
            for inside in node.body[1:]:
                for part in ast.walk(inside):
                    if isinstance(part, ast.Tuple):
                        yield from (text for one in part.elts for text in texts(one))
                    elif isinstance(part, ast.Assign) and getattr(part.targets[0], "id", "") == "count":
                        yield from texts(part.value)


def texts(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Constant):
        yield from [node.value] if isinstance(node.value, str) and node.value else ()
    elif isinstance(node, ast.JoinedStr):
        yield "".join(str(one.value) if isinstance(one, ast.Constant) else "3" for one in node.values)
    elif isinstance(node, ast.IfExp):
        yield from (*texts(node.body), *texts(node.orelse))


DEFECTS = sorted(set(defects()))


def test_there_are_defects_of_every_sort():
    assert {"3 From fields", "3 addresses in From", "no From", "not an address", "a group"} < set(DEFECTS)


@pytest.mark.parametrize("defect", DEFECTS)
def test_each_defect_of_an_author_has_words_in_both_languages(defect):
    assert found(defect, "author_defect")[0]
    (english,), (italian,) = (proof.told("none", [defect], [], say(language)) for language in ("en", "it"))

    assert defect in english
    assert defect not in italian
    assert ("3" in defect) == ("3" in italian)


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
