"""The hub's own alarms are said in the language of whoever reads, whatever it was when they began."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from core import texts
from core.settings import LANGUAGES
from web import own_words

VALUES = {
    "name": "email by u@example.org",
    "why": "[Errno 111] Connection refused",
    "minutes": 12,
    "source": "my (odd) source",
    "crew": "intake",
    "channel": "email",
    "way": "syslog-udp",
    "place": "192.0.2.7",
    "secrets": "hmac.secret",
    "since": "Monday 30 November 2026, 12:00 (CET)",
    "reasons": {"large": 2},
}
KINDS = sorted(set(own_words._kinds("en")))


def alarm(summary: str, *, of_hub: bool = True):
    return SimpleNamespace(of_hub=of_hub, summary=summary, what=summary)


def seen(text: str, *, of_hub: bool = True):
    return SimpleNamespace(alarm=alarm("", of_hub=of_hub), text=text)


def test_every_notice_of_the_hub_is_there_in_every_language():
    assert len(KINDS) > 15
    assert all(sorted(own_words._kinds(language)) == KINDS for language in LANGUAGES)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("kept", "read"), [("it", "en"), ("en", "it"), ("it", "it"), ("en", "en")])
@pytest.mark.parametrize("count", [1, 3])
def test_what_was_kept_in_one_language_is_read_in_the_other(kind, kept, read, count):
    was, text = texts.notice(kind, kept, **VALUES, count=count)
    becomes, told = texts.notice(kind, read, **VALUES, count=count)
    assert own_words.title(alarm(was), read) == becomes
    if kind != "own_left":  # put together of more than places
        if read == "it":
            told = told.replace(VALUES["why"], "la connessione è rifiutata")
        assert own_words.text(seen(text.strip()), read) == told.strip()


def test_what_a_device_says_stays_as_it_said_it_also_in_words_of_ours():
    title, text = texts.notice("own_part", "it", **VALUES)
    assert own_words.title(alarm(title, of_hub=False), "en") == title
    assert own_words.text(seen(text, of_hub=False), "en") == text
    assert own_words.title(alarm("Something else"), "en") == "Something else"
    assert own_words.text(seen("Something else"), "it") == "Something else"
