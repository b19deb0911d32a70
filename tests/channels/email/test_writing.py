"""How a mail is written: whatever is said arrives as it was said, in lines that every program takes."""

from __future__ import annotations

from email import message_from_bytes, policy
from email.header import decode_header, make_header

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channels.email import writing

WORDS = st.text(st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp")), min_size=1).map(
    lambda text: " ".join(text.split())
)


@settings(max_examples=30)
@given(words=WORDS)
def test_words_in_a_field_arrive_as_they_were_said(words: str) -> None:
    written = writing.encoded("Subject", words)

    assert str(make_header(decode_header(written.replace("\r\n", "")))) == words or written == words


@settings(max_examples=30)
@given(words=WORDS.map(lambda text: f"è{text}"))
def test_an_encoded_word_and_its_line_are_as_long_as_may_be(words: str) -> None:
    lines = f"Thread-Topic: {writing.encoded('Thread-Topic', words)}".split("\r\n")

    assert all(len(line) <= 76 for line in lines)
    for line in lines:  # RFC 2047 5: each stands for whole characters
        word = line.removeprefix("Thread-Topic:").strip()
        assert len(word) <= 75
        assert "�" not in str(make_header(decode_header(word)))


@pytest.mark.parametrize(("words", "way"), [("Il mio PC è lento", "?q?"), ("Мой компьютер", "?b?")])
def test_the_shorter_way_is_chosen(words: str, way: str) -> None:
    assert way in writing.encoded("Subject", words)


def test_words_that_look_encoded_are_encoded_once_more() -> None:
    written = writing.encoded("Subject", "=?utf-8?q?Bank?=")

    assert str(make_header(decode_header(written))) == "=?utf-8?q?Bank?="


@settings(max_examples=30)
@given(
    said=st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\r")),
    content=st.binary(max_size=300),
    name=WORDS,
)
def test_parts_arrive_as_they_were_made(said: str, content: bytes, name: str) -> None:
    words = writing.multipart("alternative", "=_a", [writing.text(said, "plain", format="flowed")])
    whole = writing.multipart("mixed", "=_m", [words, writing.file(content, "application/zip", name)])

    raw = writing.mail({"Subject": "x"}, whole)

    assert all(len(line) <= 998 and b"\n" not in line for line in raw.split(b"\r\n"))
    first, second = message_from_bytes(raw, policy=policy.default).iter_parts()
    (text,) = first.iter_parts()
    assert text.get_payload(decode=True).decode().replace("\r\n", "\n") == said
    assert text.get_param("format") == "flowed"
    assert (second.get_payload(decode=True), second.get_filename()) == (content, name)
