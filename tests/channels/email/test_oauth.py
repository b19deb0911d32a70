"""How do we get tokens for log-ins, how long do we use them, and what do we say when there are none?"""

from __future__ import annotations

import asyncio
import base64
import json
import re
from collections.abc import Mapping
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from channels import service_account
from channels.email.build import tokens_of
from channels.email.oauth import ProviderTokens
from channels.email.sasl import Bearer, LogInRefused
from channels.reaching import Answer
from channels.settings import OAuthSettings
from core.channel import DeliveryError
from core.settings_values import Secret
from tests.channels.email.a_provider import SECRET, Provider


class Called:
    """A provider that is asked without a network; a clock that a test moves."""

    def __init__(self, **changed: Any) -> None:
        self.provider = Provider(**changed)
        self.now = 0.0
        self.fails_with: DeliveryError | None = None
        self.raw: list[bytes] = []
        self.headers: list[Mapping[str, str]] = []
        self.refuses_with = ""
        """Said with what we showed."""

    async def __call__(
        self, method: str, url: str, *, form: dict[str, str], headers: Mapping[str, str]
    ) -> Answer:
        self.headers.append(headers)
        await asyncio.sleep(0)
        assert (method, url) == ("POST", "https://login.test/token")
        if self.fails_with is not None:
            raise self.fails_with
        status, document = self.provider.answer(form)
        if self.refuses_with:
            shown = form.get("assertion") or f"{dict(headers)} {form}"
            status, document = 400, {"error": self.refuses_with, "error_description": shown}
        return Answer(status=status, body=self.raw.pop(0) if self.raw else json.dumps(document).encode())

    def tokens(self, **changed: Any) -> ProviderTokens:
        known = {
            "url": "https://login.test/token",
            "client_id": "desk-client",
            "client_secret": SECRET,
            "scope": "mail",
            "place": "channels.email.relay_oauth",
            "call": self,
            "clock": lambda: self.now,
        }
        return ProviderTokens(**known | changed)


async def refusal(tokens: ProviderTokens, **about) -> str:
    with pytest.raises(LogInRefused) as refused:
        await tokens.current(**about)
    assert not refused.value.permanent  # no mail is lost because a secret ran out
    return str(refused.value)


# What it is got with


async def test_name_and_secret_are_shown_in_a_header_where_the_provider_wants_them_there():
    called = Called()
    called.provider.says = [(200, {"access_token": "t", "token_type": "Bearer"})]
    await called.tokens(client_id="desk:1", client_secret="a b%ü", by_header=True).current()

    kind, _, shown = called.headers[0]["Authorization"].partition(" ")
    assert (kind, base64.b64decode(shown)) == ("Basic", b"desk%3A1:a+b%25%C3%BC")  # RFC 6749 2.3.1
    assert called.provider.asked == [{"grant_type": "client_credentials", "scope": "mail"}]


KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def a_key_file(key: Any = KEY, **changed: Any) -> str:
    """As Google gives it."""
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    known = {"type": "service_account", "private_key_id": "k1", "private_key": pem}
    return json.dumps(known | {"client_email": "desk@project.iam.test", "client_id": "1"} | changed)


def opened(part: str) -> Any:
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


async def test_a_service_account_asks_for_a_mailbox_by_what_it_signs():
    called = Called()
    called.provider.says = [(200, {"access_token": "t", "token_type": "Bearer", "expires_in": 3599})]
    account = service_account.read(a_key_file())
    tokens = called.tokens(client_id="", client_secret="", account=account, user="support@x.test")

    assert await tokens.current() == "t"

    (asked,) = called.provider.asked
    assert asked.pop("grant_type") == "urn:ietf:params:oauth:grant-type:jwt-bearer"
    header, said, signature = asked.pop("assertion").split(".")
    assert asked == {}
    KEY.public_key().verify(
        base64.urlsafe_b64decode(signature + "=="),
        f"{header}.{said}".encode(),
        padding.PKCS1v15(),
        hashes.SHA256(),
    )
    assert opened(header) == {"alg": "RS256", "typ": "JWT", "kid": "k1"}
    claims = opened(said)
    assert claims["exp"] - claims["iat"] == 3600
    assert [claims[name] for name in ("iss", "sub", "scope", "aud")] == [
        "desk@project.iam.test",
        "support@x.test",
        "mail",
        "https://login.test/token",
    ]


async def test_a_provider_that_repeats_the_header_it_got_tells_no_secret():
    called = Called()
    tokens = called.tokens(client_id="desk", client_secret="s3cret &more", by_header=True)
    called.refuses_with = "invalid_client"

    told = await refusal(tokens)

    assert "•••" in told
    assert not [one for one in ("s3cret", "ZGVzazpzM2NyZXQ") if one in told]


@pytest.mark.parametrize(
    ("error", "advice"),
    [("invalid_grant", "see to user and service_account"), ("unauthorized_client", "domain-wide delegation")],
)
async def test_why_a_service_account_gets_no_token_is_told_without_what_it_signed(error, advice):
    called = Called()
    tokens = called.tokens(account=service_account.read(a_key_file()), user="support@x.test")

    called.refuses_with = error

    told = await refusal(tokens)

    assert advice in told
    assert "•••" in told
    assert not [shown for shown in (told, repr(tokens)) if "eyJ" in shown or "PRIVATE" in shown]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "holds no key of a service account"),
        ("{", "holds no key of a service account"),
        ("[]", "holds no key of a service account"),
        ('{"installed": {"client_id": "x"}}', "holds no key of a service account"),
        (a_key_file(client_email=""), "holds no key of a service account"),
        (a_key_file(private_key="-----BEGIN PRIVATE KEY-----"), "is no key as PEM"),
        (a_key_file(ec.generate_private_key(ec.SECP256R1())), "is no key for RSA"),
    ],
)
def test_what_is_no_key_of_a_service_account_is_told_and_not_shown(text, told):
    with pytest.raises(ValueError, match=told) as refused:
        service_account.read(text)
    assert "BEGIN" not in str(refused.value)


def test_who_writes_the_same_is_given_the_same_tokens_and_each_mailbox_of_a_service_account_its_own():
    ours = {"token_url": "https://login.test/token", "scope": "mail"}
    by_secret = ours | {"client_id": "c", "client_secret": Secret(SECRET)}
    by_key = ours | {"service_account": Secret(a_key_file())}

    def shared(*wanted: tuple[dict[str, Any], str]) -> int:
        known: dict[Any, Any] = {}
        return len(
            {id(tokens_of(OAuthSettings(**one), "here", user=user, shared=known)) for one, user in wanted}
        )

    assert shared((by_secret, "a@x.test"), (by_secret, "b@x.test")) == 1
    assert shared((by_secret, "a@x.test"), (by_secret | {"scope": "other"}, "a@x.test")) == 2
    assert shared((by_secret, "a@x.test"), (by_secret | {"client_secret": Secret("x")}, "a@x.test")) == 2
    assert shared((by_key, "a@x.test"), (by_key, "a@x.test")) == 1
    assert shared((by_key, "a@x.test"), (by_key, "b@x.test")) == 2


# How long


async def test_a_token_is_got_once_by_our_own_name_and_renewed_before_it_ends():
    called = Called()
    tokens = called.tokens()
    first = await asyncio.gather(*(tokens.current() for _ in range(5)))
    called.now = 3299.0
    still = await tokens.current()
    called.now = 3300.0
    later = await tokens.current()

    assert {*first} == {still}
    assert later != still
    assert (
        called.provider.asked
        == [
            {
                "grant_type": "client_credentials",
                "client_id": "desk-client",
                "client_secret": SECRET,
                "scope": "mail",
            }
        ]
        * 2
    )


async def test_the_leave_that_a_person_gave_once_is_shown_and_a_newer_one_in_its_place():
    called = Called(refresh_token="given-once")
    tokens = called.tokens(refresh_token="given-once")
    newer = {"access_token": "t", "token_type": "bearer", "expires_in": "60", "refresh_token": "newer"}
    called.provider.says = [(200, newer)]
    await tokens.current()
    called.now = 100.0
    await tokens.current()  # the newer one is not taken, the one in the settings still is

    shown = [(one["grant_type"], one["refresh_token"]) for one in called.provider.asked]
    assert shown == [("refresh_token", name) for name in ("given-once", "newer", "given-once")]


async def test_a_newer_leave_outlives_a_refusal_that_is_not_about_it():
    called = Called(refresh_token="given-once")
    tokens = called.tokens(refresh_token="given-once")
    given = {"access_token": "t", "token_type": "bearer", "expires_in": "60", "refresh_token": "newer"}
    called.provider.says = [(200, given), (401, {"error": "invalid_client"}), (200, given)]
    await tokens.current()
    called.now = 100.0
    await refusal(tokens)  # our own secret has run out, and is set anew

    called.now = 200.0
    await tokens.current()

    assert [one["refresh_token"] for one in called.provider.asked] == ["given-once", "newer", "newer"]


async def test_a_refused_token_is_renewed_unless_it_is_as_new_as_another_would_be():
    called = Called()
    tokens = called.tokens()
    token = await tokens.current()
    called.now = 59.0
    assert await tokens.current(but=token) == token
    called.now = 60.0
    other = await tokens.current(but=token)

    assert other != token
    assert await tokens.current(but=token) == other  # somebody else renewed it meanwhile
    assert len(called.provider.asked) == 2


@pytest.mark.parametrize(
    ("lives", "renewed"),
    [(3600, 3300), ("3599", 3299), (None, 300), (-5, 300), ("soon", 300), (10, 5), (10**12, 86_100)],
)
async def test_how_long_it_lives_is_believed_within_reason(lives, renewed):
    called = Called()
    called.provider.says = [(200, {"access_token": "t", "token_type": "Bearer", "expires_in": lives or 0})]
    tokens = called.tokens()
    await tokens.current()
    called.now = renewed - 0.5
    await tokens.current()
    assert len(called.provider.asked) == 1
    called.now = renewed
    await tokens.current()
    assert len(called.provider.asked) == 2


# What goes wrong


async def test_a_wrong_secret_is_told_with_what_to_do_and_the_provider_left_in_peace_for_a_minute():
    called = Called()
    tokens = called.tokens(client_secret="run-out")
    told = await refusal(tokens)
    assert told == (
        "login.test gives no token: invalid_client: AADSTS7000215: Invalid client secret provided: •••. "
        "In channels.email.relay_oauth: see to client_id and client_secret; the secret may have run out"
    )
    for _ in range(5):
        assert await refusal(tokens) == told
    assert len(called.provider.asked) == 1

    called.now = 60.0
    await refusal(tokens)
    assert len(called.provider.asked) == 2


async def test_a_provider_that_cannot_be_reached_is_asked_again_soon():
    called = Called()
    tokens = called.tokens()
    called.fails_with = DeliveryError("login.test does not answer within 10 s", permanent=True)
    assert "login.test does not answer within 10 s" in await refusal(tokens)
    called.fails_with = None
    called.now = 5.0

    assert await tokens.current() in called.provider.good


async def test_while_no_other_token_is_to_be_had_the_old_one_serves_to_its_end_unless_it_is_refused():
    called = Called()
    tokens = called.tokens()
    token = await tokens.current()
    called.fails_with = DeliveryError("login.test does not answer within 10 s", permanent=True)

    for called.now in (3301.0, 3302.0, 3310.0, 3599.0):
        assert await tokens.current() == token
    assert "does not answer" in await refusal(tokens, but=token)
    called.now = 3600.0
    assert "does not answer" in await refusal(tokens)
    called.fails_with = None
    called.now = 3610.0
    assert await tokens.current() != token


@pytest.mark.parametrize(
    ("status", "document", "told"),
    [
        (400, {"error": "invalid_grant"}, "get a new refresh_token"),
        (400, {"error": "unauthorized_client"}, "allow this application"),
        (
            400,
            {"error": "invalid_scope", "error_description": "no"},
            "invalid_scope: no. In .*: see to scope",
        ),
        (400, {"error": "x\r\ny" * 500}, r"gives no token: [xy ]{,300}\. In"),
        (404, {}, "answers 404 and nothing that is an answer of OAuth 2.0; see to token_url"),
        (200, {"error": "invalid_client"}, "see to client_id"),
        (200, {"access_token": 3}, "see to token_url"),
        (200, {"access_token": "a b"}, "is no token"),
        (200, {"access_token": "a\x01b"}, "is no token"),
        (200, {"access_token": "x" * 20_000}, "is no token"),
        (200, {"access_token": "x", "token_type": "mac"}, "no bearer token"),
        (503, {"error": "temporarily_unavailable"}, "gives no token now: it answers 503"),
    ],
)
async def test_what_is_no_token_is_told_in_a_line(status, document, told):
    called = Called()
    called.provider.says = [(status, document)]
    said = await refusal(called.tokens())

    assert re.search(told, said)
    assert said.isprintable()
    assert len(said) < 600


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"[" * 100_000, b"\xff", b'"token"'])
async def test_an_answer_that_is_no_answer_breaks_nothing(body):
    called = Called()
    called.raw = [body]

    assert "see to token_url" in await refusal(called.tokens())


async def test_tokens_are_not_asked_for_in_our_own_networks_unless_they_are_listed():
    inside = ProviderTokens(url="https://10.0.0.5/token", client_id="c", client_secret=SECRET, place="here")

    assert "list its network in `reaches` of here" in await refusal(inside)


async def test_what_is_secret_is_shown_nowhere():
    called = Called(refresh_token="given-once")
    tokens = called.tokens(refresh_token="given-once")
    token = await tokens.current()

    assert not [one for one in (SECRET, "given-once", token) if one in repr(tokens)]


# How it is shown


def test_a_token_is_shown_as_the_providers_describe_it():
    microsoft = Bearer(
        "XOAUTH2",
        "test@contoso.onmicrosoft.com",
        "EwBAAl3BAAUFFpUAo7J3Ve0bjLBWZWCclRC3EoAA",
        host="outlook.office365.com",
        port=993,
    )
    said = base64.b64encode(microsoft().encode())

    assert said == (
        b"dXNlcj10ZXN0QGNvbnRvc28ub25taWNyb3NvZnQuY29tAWF1dGg9QmVhcmVyIEV3QkFBbDNCQUFVRkZwVUFvN0ozVmUwYmpMQldaV0NjbFJDM0VvQUEBAQ=="
    )
    assert microsoft(b'{"status":"401"}\n') == ""
    assert microsoft.reason == '{"status":"401"}'


def test_a_token_is_shown_as_the_standard_describes_it():
    # RFC 7628 4.1
    bearer = Bearer(
        "OAUTHBEARER",
        "us=er,1@example.com",
        "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==",
        host="h.test",
        port=143,
    )

    assert bearer() == (
        "n,a=us=3Der=2C1@example.com,\1host=h.test\1port=143\1auth=Bearer vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==\1\1"
    )
    assert bearer(b"{}") == "\1"


@pytest.mark.parametrize(("length", "fits"), [(300, True), (400, False)])
def test_a_long_token_waits_until_the_server_asks_for_it(length, fits):
    assert Bearer("XOAUTH2", "desk@x.test", "x" * length, host="h", port=587).fits_a_line is fits
