"""Did Twilio really send this? Nobody else's request reaches a verb, whatever else is right about it."""

from __future__ import annotations

import hashlib
import json
from urllib.parse import urlencode

import pytest
from twilio.request_validator import HMAC_SHA256, RequestValidator

from tests.channels.phone.twilio_side import (
    ACCOUNT,
    FORM,
    OURS,
    PUBLIC,
    TOKEN,
    running,
    sid,
    signing_key,
)
from tests.fakes import logged

FIELDS = {"CallSid": sid("CA"), "AccountSid": ACCOUNT, "From": "+390612345678", "To": OURS, "CallerName": ""}
PATHS = [
    "/in/twilio/voice",
    "/in/twilio/voice/step?call=c&seq=1&then=keys",
    "/in/twilio/voice/wait?call=c&seq=1&n=0",
    "/in/twilio/voice/bridge?call=c&seq=1",
    "/in/twilio/voice/alone?call=c&seq=1&n=0",
    "/in/twilio/voice/after?call=c&seq=1",
    "/in/twilio/voice/status",
    "/in/twilio/status",
    "/in/twilio/voice/recording",
    "/in/twilio/recording",
    "/in/twilio/voice/operator?offer=o&call=c&seq=1",
    "/in/twilio/voice/operator/status?offer=o",
    "/in/twilio/voice/operator/end",
    "/in/twilio/voice/said",
    "/in/twilio/voice/dialled?call=c",
    "/in/twilio/voice/dialled/operator?call=c",
    "/in/twilio/voice/dialled/customer?call=c",
    "/in/twilio/errors",
]


def signature(url: str, fields=FIELDS, token: str = TOKEN, algorithm: str | None = None) -> str:
    return RequestValidator(token).compute_signature(url, fields, algorithm)


async def post(hub, path: str, headers, fields=FIELDS) -> int:
    async with hub.client.post(path, data=urlencode(fields), headers={**FORM, **headers}) as response:
        return response.status


def untouched(hub) -> bool:
    board = hub.switchboard
    return not (board.rings or board.events or board.ended or board.operators or board.dials or hub.door.came)


def test_every_webhook_is_in_this_list(tmp_path) -> None:
    from channels.phone.build import build
    from tests.channels.phone.twilio_side import around, settings

    routes = build(settings(), around(tmp_path)).webhooks()

    open_to_all = {"/in/twilio/music", "/in/twilio/sound"}
    assert {route.path for route in routes} - open_to_all == {path.partition("?")[0] for path in PATHS}


@pytest.mark.parametrize("path", PATHS)
async def test_no_webhook_takes_what_is_not_signed_by_the_account(hub, path: str) -> None:
    wrong = {
        "none": {},
        "empty": {"X-Twilio-Signature": ""},
        "garbage": {"X-Twilio-Signature": "AAAA"},
        "not ascii": {"X-Twilio-Signature": "é" * 28},
        "another account": {"X-Twilio-Signature": signature(PUBLIC + path, token="another")},
        "another path": {"X-Twilio-Signature": signature(f"{PUBLIC}/in/twilio/other")},
        "another host": {"X-Twilio-Signature": signature("https://evil.test" + path)},
        "another port": {"X-Twilio-Signature": signature("https://desk.test:8443" + path)},
        "http behind a proxy": {"X-Twilio-Signature": signature("http://desk.test" + path)},
        "a field left out": {"X-Twilio-Signature": signature(PUBLIC + path, {**FIELDS, "Digits": "1"})},
        "without the empty fields": {
            "X-Twilio-Signature": signature(PUBLIC + path, {k: v for k, v in FIELDS.items() if v})
        },
    }

    refused = {name: await post(hub, path, headers) for name, headers in wrong.items()}

    assert set(refused.values()) == {403}, refused
    assert untouched(hub)


@pytest.mark.parametrize("base", [PUBLIC, "https://desk.test:443"])
async def test_the_address_counts_with_and_without_its_default_port(hub, base: str) -> None:
    signed = {"X-Twilio-Signature": signature(f"{base}/in/twilio/voice")}

    assert await post(hub, "/in/twilio/voice", signed) == 200


async def test_the_host_a_request_names_never_counts(hub) -> None:
    good = {"X-Twilio-Signature": signature(f"{PUBLIC}/in/twilio/voice"), "Host": "evil.test"}
    bad = {"X-Twilio-Signature": signature("https://evil.test/in/twilio/voice"), "Host": "evil.test"}

    assert await post(hub, "/in/twilio/voice", bad) == 403
    assert await post(hub, "/in/twilio/voice", good) == 200


async def test_a_field_that_is_there_twice_is_signed_with_both(hub) -> None:
    twice = [("CallSid", sid("CA")), ("From", "+39061"), ("To", OURS), ("X", "b"), ("X", "a")]
    text = f"{PUBLIC}/in/twilio/voice" + "".join(name + value for name, value in sorted(twice))
    signed = {"X-Twilio-Signature": RequestValidator(TOKEN).compute_signature(text, {})}

    assert await post(hub, "/in/twilio/voice", signed, fields=twice) == 200


async def test_whoever_sends_wrong_signatures_fills_no_log(hub) -> None:
    with logged() as said:
        for _ in range(30):
            await post(hub, "/in/twilio/voice", {"X-Twilio-Signature": "AAAA"})

    assert len([one for one in said if "a wrong signature" in one["event"]]) == 1


# JSON


async def json_post(hub, path: str, body: str, headers) -> int:
    headers = {"Content-Type": "application/json", **headers}
    async with hub.client.post(path, data=body, headers=headers) as response:
        return response.status


async def test_json_without_the_hash_of_its_body_is_refused_and_breaks_nothing(hub) -> None:
    signed = {"X-Twilio-Signature": signature(f"{PUBLIC}/in/twilio/errors", {})}

    assert await json_post(hub, "/in/twilio/errors", '{"Level": "ERROR"}', signed) == 403
    assert untouched(hub)


async def test_json_counts_with_the_hash_of_its_body_and_with_no_other_body(hub) -> None:
    body = json.dumps({"Level": "WARNING"})
    path = f"/in/twilio/errors?bodySHA256={hashlib.sha256(body.encode()).hexdigest()}"
    signed = {"X-Twilio-Signature": signature(PUBLIC + path, {})}

    assert await json_post(hub, path, body, signed) in (200, 204)
    assert await json_post(hub, path, body + " ", signed) == 403


@pytest.mark.parametrize("body", [b"\xff\xfe", b"a=%ff", b"&".join(b"a=1" for _ in range(600))])
async def test_a_body_that_nobody_can_read_is_refused(hub, body: bytes) -> None:
    signed = {"X-Twilio-Signature": signature(f"{PUBLIC}/in/twilio/voice"), **FORM}
    async with hub.client.post("/in/twilio/voice", data=body, headers=signed) as response:
        assert response.status == 403


# Keys of our own


async def test_where_keys_are_set_the_older_signature_is_refused(tmp_path) -> None:
    url = f"{PUBLIC}/in/twilio/voice"
    keys = (signing_key("key_1", "first"), signing_key("key_2", "second"))

    def by(identity: str, secret: str) -> dict[str, str]:
        return {
            "X-Twilio-Signature": signature(url, token=secret, algorithm=HMAC_SHA256),
            "X-Twilio-Webhooks-Signature-Settings": f"key={identity},algorithm=HMAC_SHA256",
        }

    async with running(tmp_path, signing_keys=keys) as hub:
        assert await post(hub, "/in/twilio/voice", by("key_2", "second")) == 200
        assert await post(hub, "/in/twilio/voice", by("key_1", "second")) == 403
        assert await post(hub, "/in/twilio/voice", by("key_3", "first")) == 403
        assert await post(hub, "/in/twilio/voice", {"X-Twilio-Signature": signature(url)}) == 403
        weaker = by("key_1", "first") | {
            "X-Twilio-Webhooks-Signature-Settings": "key=key_1,algorithm=HMAC_SHA1",
            "X-Twilio-Signature": signature(url, token="first"),
        }
        assert await post(hub, "/in/twilio/voice", weaker) == 403


async def test_without_keys_a_signature_by_one_is_refused(hub) -> None:
    url = f"{PUBLIC}/in/twilio/voice"
    headers = {
        "X-Twilio-Signature": signature(url, algorithm=HMAC_SHA256),
        "X-Twilio-Webhooks-Signature-Settings": "key=key_1,algorithm=HMAC_SHA256",
    }

    assert await post(hub, "/in/twilio/voice", headers) == 403
