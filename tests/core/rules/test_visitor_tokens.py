"""Whom does a website's token name? Nobody, if anything about it is odd."""

from __future__ import annotations

import base64
import contextlib
import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.rules import visitor_tokens
from core.rules.visitor_tokens import BadToken, read, signed

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
KEY = b"a key of a website, 32 characters"


def claims(**changed):
    said = {
        "aud": "centralino:shop",
        "sub": "anna@acme.test",
        "exp": (NOW + timedelta(minutes=5)).timestamp(),
        "jti": "0123456789abcdef",
        "name": "Anna",
    }
    return {name: value for name, value in (said | changed).items() if value is not None}


def part(value):
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def test_a_token_of_minutes_for_this_site_is_believed():
    said = read(signed(claims(), KEY), KEY, "shop", now=NOW)

    assert (said.subject, said.name, said.once) == ("anna@acme.test", "Anna", "0123456789abcdef")


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"aud": "centralino:other"}, "audience"),
        ({"aud": ["centralino:shop"]}, "audience"),
        ({"aud": None}, "audience"),
        ({"exp": (NOW - timedelta(minutes=2)).timestamp()}, "expired"),
        ({"exp": (NOW + timedelta(hours=1)).timestamp()}, "too_long"),
        ({"exp": None}, "time"),
        ({"exp": True}, "time"),
        ({"exp": "soon"}, "time"),
        ({"exp": 1e300}, "time"),
        ({"exp": float("nan")}, "time"),
        ({"iat": (NOW + timedelta(minutes=3)).timestamp()}, "early"),
        ({"nbf": (NOW + timedelta(minutes=3)).timestamp()}, "early"),
        ({"sub": None}, "subject"),
        ({"sub": ""}, "subject"),
        ({"sub": 7}, "subject"),
        ({"sub": "anna@acme.test\r\nBcc: x"}, "subject"),
        ({"sub": "a" * 400}, "subject"),
        ({"jti": None}, "id"),
        ({"jti": "short"}, "id"),
        ({"jti": "with a space"}, "id"),
        ({"name": {"x": 1}}, "name"),
        ({"name": "An\x00na"}, "name"),
    ],
)
def test_what_is_odd_about_a_token_is_why_nothing_of_it_is_believed(changed, why):
    with pytest.raises(BadToken, match=why):
        read(signed(claims(**changed), KEY), KEY, "shop", now=NOW)


def test_clocks_may_differ_by_a_minute():
    late = signed(claims(exp=(NOW - timedelta(seconds=50)).timestamp()), KEY)

    assert read(late, KEY, "shop", now=NOW).subject == "anna@acme.test"


@pytest.mark.parametrize(
    "head",
    [
        {"alg": "none"},
        {"alg": "HS512"},
        {"alg": "hs256"},
        {"alg": ["HS256"]},
        {},
        {"alg": "HS256", "crit": ["exp"]},
        {"alg": "HS256", "typ": "at+jwt"},
    ],
)
def test_one_algorithm_and_no_other(head):
    whole = f"{part(head)}.{part(claims())}"
    mac = base64.urlsafe_b64encode(visitor_tokens._mac(whole, KEY)).rstrip(b"=").decode()

    with pytest.raises(BadToken, match="algorithm"):
        read(f"{whole}.{mac}", KEY, "shop", now=NOW)


def test_a_token_without_a_signature_or_with_another_key_is_forged():
    token = signed(claims(), KEY)
    head, body, _ = token.split(".")

    for forged in (
        f"{part({'alg': 'none'})}.{body}.",
        f"{head}.{body}.",
        signed(claims(), b"another key"),
        f"{token}A",
    ):
        with pytest.raises(BadToken):
            read(forged, KEY, "shop", now=NOW)
    with pytest.raises(BadToken):
        read(signed(claims(), b""), b"", "shop", now=NOW)


def test_a_flipped_bit_anywhere_is_noticed():
    token = signed(claims(), KEY)
    for at in range(0, len(token), 7):
        if token[at] != ".":
            other = token[:at] + ("A" if token[at] != "A" else "B") + token[at + 1 :]
            with pytest.raises(BadToken):
                read(other, KEY, "shop", now=NOW)


@given(st.text(max_size=200))
def test_any_text_is_refused_and_never_more_than_refused(text):
    for token in (text, f"{text}.{text}.{text}", f"{part(claims())}.{text}."):
        with pytest.raises(BadToken):
            read(token, KEY, "shop", now=NOW)


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(max_size=5), lambda of: st.lists(of, max_size=3)
    )
)
def test_whatever_a_key_signed_is_read_or_refused(value):
    for name in ("aud", "sub", "exp", "jti", "name", "nbf"):
        with contextlib.suppress(BadToken):
            read(signed(claims() | {name: value}, KEY), KEY, "shop", now=NOW)


def test_the_example_of_the_documentation_makes_such_a_token():
    page = (Path(__file__).resolve().parents[3] / "docs/chat.md").read_text("utf-8")
    example = re.search(r"```python\n(import base64.*?)```", page, re.DOTALL)
    given = {}
    exec(example[1], given)

    said = read(
        given["chat_token"]("anna@acme.test", "Anna", KEY.decode()), KEY, "shop", now=datetime.now(UTC)
    )

    assert (said.subject, said.name) == ("anna@acme.test", "Anna")
