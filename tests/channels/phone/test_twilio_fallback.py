"""What a caller hears while the hub is away, and that its document is the one people are told to use."""

from __future__ import annotations

import xml.dom.minidom
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from channels.phone import phrases
from channels.phone.twilio.fallback import goodbye, voicemail
from tests.channels.phone.twilio_side import KNOWN_VERBS

DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "phone-twilio.md"
END = "https://handler.twilio.com/twiml/EH…"


def lines(text: str) -> str:
    return "\n".join(xml.dom.minidom.parseString(text).toprettyxml(indent="  ").splitlines()[1:])


@pytest.mark.parametrize("language", ["it", "en"])
def test_the_voicemail_in_the_documents_is_the_one_that_is_made(language: str) -> None:
    written = DOCUMENT.read_text(encoding="utf-8")

    assert lines(voicemail(language, "https://desk.example.org", end=END)) in written
    assert lines(goodbye(language)) in written


@pytest.mark.parametrize("language", ["it", "en"])
def test_the_voicemail_says_what_to_do_records_and_ends(language: str) -> None:
    document = ET.fromstring(voicemail(language, "https://desk.test", end=END))

    assert [verb.tag for verb in document] == ["Say", "Record", "Say", "Hangup"]
    assert {verb.tag for verb in document} <= KNOWN_VERBS
    record = document[1]
    assert record.attrib["recordingStatusCallback"].startswith("https://desk.test/in/twilio/voice/recording#")
    assert record.attrib["action"] == END, "else Twilio would begin the document again"


def test_every_sentence_is_there_in_both_languages() -> None:
    italian, english = phrases.sentences("it"), phrases.sentences("en")

    assert set(italian) == set(english)
    assert all(italian[name] != english[name] for name in italian)


@pytest.mark.parametrize(
    ("language", "spoken"), [("it", "it"), ("it-IT", "it"), ("en-GB", "en"), ("de", "it")]
)
def test_a_language_we_do_not_speak_is_answered_in_italian(language: str, spoken: str) -> None:
    assert phrases.sentences(language) == phrases.sentences(spoken)
