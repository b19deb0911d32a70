"""Text messages come in and go out by Twilio, as SMS and by WhatsApp, and nobody gets more who said STOP."""

from __future__ import annotations

import asyncio
import base64
import json
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest
from aiohttp import DummyCookieJar, web
from aiohttp.test_utils import TestClient, TestServer

from channels.phone import texting
from channels.phone.build import texting as build
from channels.phone.twilio import texts
from channels.phone.twilio.twiml import text_answer
from channels.settings import ChannelSettings, PhoneSettings, TextSettings, WhatsAppSettings
from core.channel import DeliveryError, Unavailable
from core.envelope import Address, Attachment, Kind, Outgoing
from core.settings_values import Secret
from tests.channels.phone.spec_check import SpecCheck, descriptions
from tests.channels.phone.twilio_side import (
    ACCOUNT,
    CUSTOMER,
    OURS,
    TOKEN,
    FakeCall,
    FakeTwilio,
    PhoneDoor,
    around,
    sid,
)

TEMPLATE = "HX" + "c" * 32
WINDOW = {"status": "failed", "error_code": 63016}


class Texts:
    """Both channels as they run, and Twilio beside them."""

    def __init__(self, client, twilio, door, sms, whatsapp) -> None:
        self.client, self.twilio, self.door = client, twilio, door
        self.sms, self.whatsapp = sms, whatsapp

    async def post(self, path: str, *, again: int = 1, **form) -> str:
        call = FakeCall(self.client, token=TOKEN, base={"AccountSid": ACCOUNT})
        text = await call.send(path, form, times=again)
        self.ended = call.ended
        return text

    def read(self, number: int = 0):
        """The reader's word on what came."""
        arrival = self.door.came[number]
        facts = {
            "channel": arrival.channel,
            "external_id": arrival.external_id,
            "sender": arrival.sender,
            "recipients": arrival.recipients,
        }
        return texting.read(arrival.raw, facts, {})


@asynccontextmanager
async def running(folder, *, content_sid="", sms_on=True):
    twilio = FakeTwilio(spec=SpecCheck(*descriptions()) if descriptions() else None)
    rest = web.Application()
    rest.add_routes(twilio.routes())
    async with TestServer(rest) as provider:
        settings = ChannelSettings(
            phone=PhoneSettings(
                account_sid=ACCOUNT,
                auth_token=Secret(TOKEN),
                number=OURS,
                api_url=str(provider.make_url("")).rstrip("/"),
            ),
            sms=TextSettings(enabled=sms_on),
            whatsapp=WhatsAppSettings(enabled=True, number=OURS, content_sid=content_sid),
        )
        channels = [build(name, settings, around(folder)) for name in ("sms", "whatsapp")]
        app, door = web.Application(), PhoneDoor()
        for channel in channels:
            app.add_routes(channel.webhooks())
        async with TestClient(TestServer(app), cookie_jar=DummyCookieJar()) as client:
            tasks = [asyncio.create_task(channel.run(door)) for channel in channels]
            await asyncio.sleep(0)
            try:
                yield Texts(client, twilio, door, *channels)
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.wait(tasks)
    assert twilio.faults == []


@pytest.fixture(autouse=True)
def soon(monkeypatch):
    monkeypatch.setattr(texts, "LOOKS", (0.0, 0.0, 0.0))


@pytest.fixture
async def texted(tmp_path):
    async with running(tmp_path) as texted:
        yield texted


def a_text(text="Works again.", **more) -> Outgoing:
    return Outgoing(
        **{
            "delivery_id": "d1",
            "channel": "sms",
            "ref": "agew4v2ugb3dxhro77e4yp5elu",
            "kind": "reply",
            "automatic": False,
            "to": Address(CUSTOMER),
            "subject": "Printer",
            "text": text,
            "language": "en",
            "ticket_number": "26-000042",
            "reply_token": None,
            "bounce_token": "agew4v2ugb3dxhro77e4yp5elu",
            **more,
        }
    )


SMS = {
    "MessageSid": sid("SM"),
    "From": CUSTOMER,
    "To": OURS,
    "Body": "Printer on fire\nSecond floor",
    "NumMedia": "0",
}


# In


async def test_a_text_is_stored_once_before_it_is_acknowledged(texted) -> None:
    answer = await texted.post("/in/twilio/sms", again=3, **SMS)

    assert answer == text_answer()
    assert {arrival.external_id for arrival in texted.door.came} == {sid("SM")}
    said = texted.read()
    assert (said.channel, said.kind, said.author, said.mailbox) == (
        "sms",
        Kind.HUMAN,
        Address(CUSTOMER),
        OURS,
    )
    assert (said.subject, said.text) == ("Printer on fire Second floor", "Printer on fire\nSecond floor")
    assert said.content_key == texted.read(2).content_key


async def test_a_text_that_cannot_be_stored_is_not_acknowledged(texted) -> None:
    texted.door.fails_with = Unavailable("the disk is full")

    await texted.post("/in/twilio/sms", **SMS)

    assert texted.ended == "HTTP 503"


async def test_whatsapp_brings_a_name_a_file_and_what_is_answered(texted) -> None:
    url = f"https://api.twilio.com/2010-04-01/Accounts/{ACCOUNT}/Messages/{sid('SM')}/Media/{sid('ME')}"
    texted.twilio.media[url.removeprefix("https://api.twilio.com")] = b"jpeg"
    form = SMS | {
        "From": f"whatsapp:{CUSTOMER}",
        "To": f"whatsapp:{OURS}",
        "ProfileName": "Anna",
        "NumMedia": "1",
    }
    form |= {"MediaUrl0": url, "MediaContentType0": "image/jpeg", "OriginalRepliedMessageSid": sid("SM", 7)}

    await texted.post("/in/twilio/whatsapp", **form)

    said = texted.read()
    assert (said.channel, said.author, said.mailbox) == ("whatsapp", Address(CUSTOMER, "Anna"), OURS)
    assert said.attachments == (Attachment(name="file-1.jpg", type="image/jpeg", content=b"jpeg"),)
    assert said.in_reply_to == (sid("SM", 7),)


async def test_a_file_that_cannot_be_had_is_told_and_holds_nothing_up(texted) -> None:
    form = SMS | {
        "NumMedia": "2",
        "MediaUrl0": "https://evil.test/steal",
        "MediaUrl1": "https://api.twilio.com/Media/gone",
    }

    await texted.post("/in/twilio/sms", **form)

    said = texted.read()
    assert said.attachments == ()
    assert said.notes == (
        "an attachment could not be fetched: https://evil.test/steal",
        "an attachment could not be fetched: https://api.twilio.com/Media/gone",
    )
    assert [path for _, path, _ in texted.twilio.asked] == ["/Media/gone"]


async def test_a_sender_that_is_no_number_is_nobody(texted) -> None:
    await texted.post("/in/twilio/sms", **(SMS | {"From": "POSTE"}))

    assert (texted.read().author, texted.read().author_text) == (None, "POSTE")


def test_bytes_that_are_no_message_are_refused() -> None:
    with pytest.raises((ValueError, KeyError)):
        texting.read(b"nonsense", {"channel": "sms"}, {})


# STOP, START, HELP


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("STOP", Kind.OPT_OUT),
        (" stop. ", Kind.OPT_OUT),
        ("Unsubscribe", Kind.OPT_OUT),
        ("START", Kind.OPT_IN),
        ("unstop", Kind.OPT_IN),
        ("stop the printer please", Kind.HUMAN),
        ("Yes", Kind.HUMAN),
        ("HELP", Kind.HUMAN),
    ],
)
async def test_who_wants_no_more_says_so_in_one_word(texted, words: str, kind: Kind) -> None:
    await texted.post("/in/twilio/sms", **(SMS | {"Body": words}))

    assert texted.read().kind is kind


async def test_twilios_own_word_for_a_wish_counts_whatever_the_language(texted) -> None:
    await texted.post("/in/twilio/sms", **(SMS | {"Body": "BASTA", "OptOutType": "STOP"}))

    assert texted.read().kind is Kind.OPT_OUT


async def test_help_is_answered_at_once_unless_twilio_did(texted) -> None:
    ours = await texted.post("/in/twilio/whatsapp", **(SMS | {"Body": "help"}))
    theirs = await texted.post("/in/twilio/sms", **(SMS | {"Body": "HELP", "OptOutType": "HELP"}))

    assert "STOP" in ours
    assert theirs == text_answer()


# What became of ours


@pytest.mark.parametrize(
    ("code", "kind"), [("30005", Kind.BOUNCE_HARD), ("30003", Kind.BOUNCE_SOFT), ("", Kind.BOUNCE_SOFT)]
)
async def test_a_text_that_did_not_arrive_is_reported_at_its_delivery(texted, code: str, kind: Kind) -> None:
    form = {
        "MessageSid": sid("SM"),
        "MessageStatus": "undelivered",
        "ErrorCode": code,
        "To": CUSTOMER,
        "From": OURS,
    }

    await texted.post("/in/twilio/sms/status?ref=agew4v2ugb3dxhro77e4yp5elu", again=3, **form)

    said = texted.read()
    assert {arrival.external_id for arrival in texted.door.came} == {f"{sid('SM')}/failed"}
    assert (said.kind, said.bounce_tokens, said.author) == (kind, ("agew4v2ugb3dxhro77e4yp5elu",), None)
    assert (said.report.recipients[0].recipient, said.report.recipients[0].status) == (CUSTOMER, code)


@pytest.mark.parametrize("state", ["queued", "sending", "sent", "delivered", "read"])
async def test_that_all_is_well_is_no_news(texted, state: str) -> None:
    await texted.post("/in/twilio/sms/status?ref=x", MessageSid=sid("SM"), MessageStatus=state)

    assert texted.door.came == []


# Out


async def test_a_text_leaves_with_its_ticket_and_a_way_to_hear_of_it(texted) -> None:
    sent = await texted.sms.send(a_text())

    (form,) = texted.twilio.of("POST", "Messages")
    assert (form["To"], form["From"], form["Body"]) == (CUSTOMER, OURS, "[26-000042] Works again.")
    assert form["StatusCallback"] == "https://desk.test/in/twilio/sms/status?ref=agew4v2ugb3dxhro77e4yp5elu"
    assert sent.remote_id.startswith("SM")


async def test_a_messaging_service_is_a_sender_too(texted) -> None:
    texted.sms.sender = "MG" + "b" * 32

    await texted.sms.send(a_text())

    (form,) = texted.twilio.of("POST", "Messages")
    assert form["MessagingServiceSid"] == texted.sms.sender
    assert "From" not in form


async def test_a_long_text_ends_with_a_sentence_and_where_to_read_on(texted) -> None:
    await texted.sms.send(a_text("A whole sentence. " * 200))

    body = texted.twilio.of("POST", "Messages")[0]["Body"]
    assert len(body) <= 1600
    assert body.endswith("sentence.\n… Read on at https://desk.test/portal/requests/26-000042")


async def test_files_are_where_the_link_leads(texted) -> None:
    await texted.sms.send(
        a_text(attachments=(Attachment(name="a.pdf", type="application/pdf", content=b"x"),))
    )

    assert "portal/requests/26-000042" in texted.twilio.of("POST", "Messages")[0]["Body"]


async def test_who_opted_out_at_twilio_is_given_up(texted) -> None:
    texted.twilio.refuses["POST Messages"] = (400, 21610, "Attempt to send to unsubscribed recipient")

    with pytest.raises(DeliveryError) as caught:
        await texted.sms.send(a_text())

    assert caught.value.permanent


async def test_an_address_that_is_no_number_gets_no_text(texted) -> None:
    with pytest.raises(DeliveryError) as caught:
        await texted.sms.send(a_text(to=Address("anna@acme.test")))

    assert caught.value.permanent
    assert texted.twilio.asked == []


async def test_whatsapp_within_the_window_is_free_words(texted) -> None:
    texted.twilio.becomes["Messages"] = {"status": "sent"}

    sent = await texted.whatsapp.send(a_text())

    (form,) = texted.twilio.of("POST", "Messages")
    assert (form["To"], form["From"]) == (f"whatsapp:{CUSTOMER}", f"whatsapp:{OURS}")
    assert sent.detail == "by WhatsApp"


async def test_outside_the_window_a_template_says_it(tmp_path) -> None:
    async with running(tmp_path, content_sid=TEMPLATE) as texted:
        texted.twilio.becomes["Messages"] = WINDOW

        sent = await texted.whatsapp.send(a_text("Works\nagain."))

        _, form = texted.twilio.of("POST", "Messages")
    assert form["ContentSid"] == TEMPLATE
    assert json.loads(form["ContentVariables"]) == {
        "1": "26-000042",
        "2": "Works again.",
        "3": "https://desk.test/portal/requests/26-000042",
    }
    assert sent.detail == "by WhatsApp, as a template"


@pytest.mark.parametrize("at_once", [True, False])
async def test_a_refused_window_without_a_template_falls_back_to_a_text(texted, at_once: bool) -> None:  # noqa: FBT001
    texted.twilio.becomes["new Messages" if at_once else "Messages"] = WINDOW

    sent = await texted.whatsapp.send(a_text())

    _, form = texted.twilio.of("POST", "Messages")
    assert (form["To"], form["From"]) == (CUSTOMER, OURS)
    assert sent.detail == "as a text message"


async def test_where_nothing_else_is_left_the_delivery_is_given_up_for_staff_to_see(tmp_path) -> None:
    async with running(tmp_path, sms_on=False) as texted:
        texted.twilio.becomes["Messages"] = WINDOW

        with pytest.raises(DeliveryError, match="no template") as caught:
            await texted.whatsapp.send(a_text())

    assert caught.value.permanent


def test_what_is_kept_of_a_file_is_its_bytes() -> None:
    stored = {
        "form": SMS,
        "files": [{"name": "a.png", "type": "image/png", "content": base64.b64encode(b"\x00x").decode()}],
    }
    arrival = {"channel": "sms", "received_at": datetime(2026, 12, 1, tzinfo=UTC)}

    assert texting.read(json.dumps(stored).encode(), arrival, {}).attachments[0].content == b"\x00x"
