"""What shows that a machine wrote is told in the reader's language."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import pytest

from core.envelope import Footer, Inbound, Span, SpanKind
from web.desk import explained, preview
from web.words import say

BOUNCE = {
    "from": "mailer-daemon@mx.test",
    "subject": "Undelivered",
    "kind": "bounce_hard",
    "because": ["delivery report: sender, marker line", "empty envelope sender", "list-id"],
    "notes": [],
}


def told(language: str, mail: Mapping[str, Any], reason: str) -> str:
    found = {
        "mail": mail,
        "outcome": "machine",
        "reason": reason,
        "trust": {"level": None, "checked": []},
        "threading": [],
    }
    return explained.plain(found, say(language), str)


def test_signs_are_told_in_words_and_a_field_by_its_name():
    said = told("it", BOUNCE, "bounce_hard")

    assert (
        "segni di un rapporto di consegna (mittente, frase tipica), mittente della busta vuoto, list-id"
        in said
    )


@pytest.mark.parametrize(
    ("language", "words"),
    [
        (
            "it",
            "(indirizzo a cui nessuno risponde, mail restituita), chiede la prova che chi legge è una persona",
        ),
        (
            "en",
            "(an address where nobody answers, the returned mail), it asks for a proof that its reader is a person",
        ),
    ],
)
def test_an_address_without_answers_and_a_question_for_proof_are_told_in_words(language, words):
    because = ["delivery report: no-reply, returned mail", "asks whether its reader is a person"]

    assert words in told(language, {**BOUNCE, "because": because}, "bounce_hard")


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("it", "ritorno, indirizzo inesistente, su posta che non conosciamo"),
        ("en", "bounce, dead address, about mail that we do not know"),
    ],
)
def test_a_report_about_mail_that_nobody_knows_is_no_code(language, words):
    assert words in told(language, BOUNCE, "bounce_hard_unknown")


@pytest.mark.parametrize(("language", "words"), [("it", "3 messaggi precedenti"), ("en", "3 earlier mails")])
def test_why_a_footer_is_folded_is_said_with_the_mails_that_had_it(language, words):
    (line,) = explained.folded([{"start": 40, "end": 300, "mails": 3}], say(language))

    assert words in line
    assert explained.folded([], say(language)) == []


def test_whoever_asks_why_sees_the_footers_folded_that_were_known_when_the_mail_came():
    mail = Inbound(
        channel="email",
        author=None,
        text="Help.\nOur firm.\n",
        spans=(Span(0, 16, SpanKind.VISIBLE),),
        footers=(Footer(start=6, end=16, key="a1"),),
    )

    known = preview.words(SimpleNamespace(detail={"folded": [{"start": 6, "end": 16, "mails": 3}]}), mail)
    assert known.spans == [(0, 6, "visible"), (6, 16, "disclaimer")]
    assert preview.words(SimpleNamespace(detail={}), mail).spans == [(0, 16, "visible")]


def test_what_nobody_has_words_for_stays():
    assert "seen_unknown" in told("it", BOUNCE, "seen_unknown")
