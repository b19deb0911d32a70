"""What we ask of Twilio is what its official description allows, and what it answers says whether to try again."""

from __future__ import annotations

import json

import pytest

from channels.phone.twilio.rest import Network, Refused, Rest
from core.channel import DeliveryError
from tests.channels.phone.spec_check import SpecCheck, descriptions
from tests.channels.phone.twilio_side import ACCOUNT, CUSTOMER, OURS, sid

SERVICE, TEMPLATE = "MG" + "b" * 32, "HX" + "c" * 32


@pytest.fixture
def checked():
    """The description, and an account whose every question goes to it."""
    if not descriptions():
        pytest.skip("needs @twilio/cli-core")
    spec = SpecCheck(*descriptions())

    async def asking(method, url, *, params, data, headers, auth):
        assert auth == (ACCOUNT, "token")
        return spec.request(method, url, query=params, form=data)

    return spec, Rest(sid=ACCOUNT, token="token", asking=asking)


async def test_a_call_and_a_template_pass_the_description(checked) -> None:
    spec, rest = checked

    await rest.ask(lambda t: t.calls.create_async(to=CUSTOMER, from_=OURS, twiml="<Response/>"))
    await rest.ask(
        lambda t: t.messages.create_async(
            to=f"whatsapp:{CUSTOMER}", from_=f"whatsapp:{OURS}", content_sid=TEMPLATE, content_variables="{}"
        )
    )

    assert [path.rpartition("/")[2] for _, path, _ in spec.calls] == ["Calls.json", "Messages.json"]


@pytest.mark.parametrize(
    ("call", "fault"),
    [
        (
            lambda t: t.calls.create_async(to=CUSTOMER, from_=OURS, method="FETCH", url="https://d.test"),
            "FETCH",
        ),
        (lambda t: t.calls("CA1").fetch_async(), "CA1"),
        (lambda t: t.messages.create_async(to=None, from_=OURS, body="x"), "To is missing"),
        (lambda t: t.messages.create_async(to=CUSTOMER, messaging_service_sid="MG1", body="x"), "MG1"),
    ],
)
async def test_what_the_description_forbids_is_noticed(checked, call, fault: str) -> None:
    _, rest = checked

    with pytest.raises(AssertionError, match=fault):
        await rest.ask(call)


@pytest.mark.parametrize(
    ("path", "form", "fault"),
    [
        (f"Accounts/{ACCOUNT}/Calls.json", {"To": "+39", "From": "+39", "Urll": "x"}, "Urll is no field"),
        (f"Accounts/{ACCOUNT}/Cals.json", {}, "no such operation"),
    ],
)
def test_a_field_or_a_path_that_is_not_there_is_noticed(checked, path: str, form, fault: str) -> None:
    spec, _ = checked

    with pytest.raises(AssertionError, match=fault):
        spec.request("POST", f"https://api.twilio.com/2010-04-01/{path}", form=form)


@pytest.mark.parametrize(
    ("status", "code", "hopeless", "wait"),
    [
        (400, 21211, True, None),
        (400, 21610, True, None),
        (400, 21617, True, None),
        (401, 20003, False, None),
        (404, 20404, False, None),
        (429, 20429, False, 60.0),
        (500, 20500, False, None),
        (503, 20503, False, None),
    ],
)
async def test_an_answer_says_whether_to_try_again(status, code, hopeless, wait) -> None:
    async def asking(*_args, **_more):
        return status, json.dumps({"code": code, "message": "No.\n  Really.", "status": status})

    rest = Rest(sid=ACCOUNT, token="token", asking=asking)
    with pytest.raises(Refused, match=rf"Twilio says {status} \({code}\).*No\. Really\.") as caught:
        await rest.ask(lambda t: t.messages.create_async(to=CUSTOMER, from_=OURS, body="x"))

    assert (caught.value.permanent, caught.value.retry_after, caught.value.code) == (hopeless, wait, code)


async def test_a_twilio_that_cannot_be_reached_is_asked_again() -> None:
    rest = Rest(sid=ACCOUNT, token="token", network=Network("http://127.0.0.1:1"))
    try:
        with pytest.raises(DeliveryError, match="Twilio could not be asked") as caught:
            await rest.ask(lambda t: t.calls(sid("CA")).fetch_async())
    finally:
        await rest.close()

    assert not caught.value.permanent
    assert "token" not in str(caught.value)


async def test_the_password_goes_to_twilio_alone() -> None:
    rest = Rest(sid=ACCOUNT, token="token", network=Network())

    for address in ("https://evil.test/file", "https://twilio.com.evil.test/x", "http://127.0.0.1/x"):
        with pytest.raises(DeliveryError) as caught:
            await rest.fetch(address)
        assert caught.value.permanent


async def test_regions_and_other_addresses_are_asked_where_they_are() -> None:
    asked = []

    async def asking(_method, url, **_more):
        asked.append(url)
        return 200, "{}"

    rest = Rest(sid=ACCOUNT, token="token", region="ie1", edge="dublin", asking=asking)
    await rest.ask(lambda t: t.calls(sid("CA")).fetch_async())

    assert asked[0].startswith("https://api.dublin.ie1.twilio.com/2010-04-01/")
    assert Network("http://127.0.0.1:8/").address(asked[0]).startswith("http://127.0.0.1:8/2010-04-01/")
