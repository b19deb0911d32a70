"""The desk calls by way of Twilio: a message that is spoken, and a member of staff who is brought to a customer."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from core.calling import Dial
from core.channel import DeliveryError
from core.envelope import Address, Outgoing
from tests.channels.phone.twilio_side import CUSTOMER, OURS, FakeCall, it, sid, until

MADE = sid("CA", 0x700)


def a_message(to: str = CUSTOMER, text: str = "La stampante funziona di nuovo.") -> Outgoing:
    return Outgoing(
        delivery_id="d1",
        channel="phone",
        ref="agew4v2ugb3dxhro77e4yp5elu",
        kind="reply",
        automatic=False,
        to=Address(to),
        subject="Stampante",
        text=text,
        language="it",
        ticket_number="26-000001",
        reply_token=None,
        bounce_token="agew4v2ugb3dxhro77e4yp5elu",
    )


# Messages


async def test_a_message_is_spoken_and_its_end_is_known(hub) -> None:
    hub.twilio.becomes[MADE] = {"status": "completed", "answered_by": "human", "duration": "17"}

    sent = await hub.channel.send(a_message())

    (made,) = hub.twilio.of("POST", "Calls")
    assert (made["To"], made["From"], made["MachineDetection"]) == (CUSTOMER, OURS, "DetectMessageEnd")
    assert "La stampante funziona di nuovo." in made["Twiml"]
    assert (sent.remote_id, sent.detail) == (MADE, "heard, 17 s")


@pytest.mark.parametrize(
    ("state", "wait"), [("busy", 300.0), ("no-answer", 1800.0), ("canceled", 300.0), ("failed", 900.0)]
)
async def test_every_call_that_was_not_heard_has_its_time_to_be_tried_again(hub, state, wait) -> None:
    hub.twilio.becomes[MADE] = {"status": state}

    with pytest.raises(DeliveryError, match=state) as caught:
        await hub.channel.send(a_message())

    assert (caught.value.permanent, caught.value.retry_after) == (False, wait)


async def test_a_machine_that_answers_is_told_the_message_from_its_first_word(hub) -> None:
    sending = asyncio.create_task(hub.channel.send(a_message()))
    await until(lambda: MADE in hub.twilio.calls)
    hub.twilio.becomes[MADE] = {"status": "in-progress", "answered_by": "machine_end_beep"}
    await until(lambda: hub.twilio.of("POST", f"Calls/{MADE}"))
    hub.twilio.becomes[MADE] = {"status": "completed", "duration": "30"}

    sent = await sending

    (changed,) = hub.twilio.of("POST", f"Calls/{MADE}")
    assert "La stampante funziona di nuovo." in changed["Twiml"]
    assert sent.detail == "left on an answering machine, 30 s"


async def test_where_machines_are_not_spoken_to_the_words_go_as_a_text(hub) -> None:
    hub.carrier.calling.on_machine = "sms"
    hub.twilio.becomes[MADE] = {"status": "in-progress", "answered_by": "machine_end_silence"}

    sent = await hub.channel.send(a_message())

    assert hub.twilio.of("POST", f"Calls/{MADE}") == [{"Status": "completed"}]
    (text,) = hub.twilio.of("POST", "Messages")
    assert (text["To"], text["From"], text["Body"]) == (CUSTOMER, OURS, "La stampante funziona di nuovo.")
    assert sent.detail == "as a text message"


async def test_what_twilio_says_of_the_call_is_looked_at_at_once(hub) -> None:
    hub.carrier.calling.look_every = 60
    sending = asyncio.create_task(hub.channel.send(a_message()))
    await until(lambda: MADE in hub.twilio.calls and hub.carrier.calling._news)
    hub.twilio.becomes[MADE] = {"status": "completed", "duration": "5"}

    await hub.post("/in/twilio/voice/said", again=3, CallSid=MADE, CallStatus="completed")

    assert (await asyncio.wait_for(sending, 5)).detail == "heard, 5 s"


async def test_a_call_that_cannot_be_looked_at_is_not_made_twice(hub) -> None:
    hub.twilio.refuses["GET Calls"] = (503, 20503, "Service unavailable")
    with pytest.raises(DeliveryError):  # before it begins, that is a reason to wait
        await hub.channel.send(a_message())
    assert hub.twilio.of("POST", "Calls") == []

    del hub.twilio.refuses["GET Calls"]
    sending = asyncio.create_task(hub.channel.send(a_message()))
    await until(lambda: MADE in hub.twilio.calls)
    hub.twilio.refuses["GET Calls"] = (503, 20503, "Service unavailable")
    await asyncio.sleep(0.1)
    del hub.twilio.refuses["GET Calls"]
    hub.twilio.becomes[MADE] = {"status": "completed", "duration": "5"}

    assert (await sending).detail == "heard, 5 s"
    assert len(hub.twilio.of("POST", "Calls")) == 1


@pytest.mark.parametrize("side", ["to", "from"])
async def test_nobody_is_called_who_is_in_a_call_with_us(hub, side: str) -> None:
    hub.twilio.calls["x"] = {"sid": sid("CA", 9), side: CUSTOMER, "status": "in-progress"}

    with pytest.raises(DeliveryError, match="in a call just now") as caught:
        await hub.channel.send(a_message())

    assert caught.value.retry_after == 120.0
    assert hub.twilio.of("POST", "Calls") == []


async def test_nobody_is_called_at_night_but_in_the_morning(hub) -> None:
    hub.carrier.calling.clock = lambda: datetime(2026, 11, 30, 22, 0, tzinfo=UTC)

    with pytest.raises(DeliveryError, match="IT night") as caught:
        await hub.channel.send(a_message())

    assert not caught.value.permanent
    assert caught.value.retry_after == 10 * 3600
    assert hub.twilio.asked == []


async def test_what_is_no_number_is_never_called(hub) -> None:
    with pytest.raises(DeliveryError) as caught:
        await hub.channel.send(a_message("anna@acme.test"))

    assert caught.value.permanent


async def test_a_number_that_twilio_does_not_take_is_given_up(hub) -> None:
    hub.twilio.refuses["POST Calls"] = (400, 21211, "The 'To' number is not valid")

    with pytest.raises(DeliveryError, match="21211") as caught:
        await hub.channel.send(a_message())

    assert caught.value.permanent


# Staff and a customer


DIAL = Dial(
    call="0192-call",
    operator="+393331234567",
    number=CUSTOMER,
    whisper=(it("Acme, richiesta 1042."),),
    language="en",
    record=True,
)


async def dialled(hub) -> FakeCall:
    await hub.channel.dial(DIAL)
    (made,) = hub.twilio.of("POST", "Calls")
    operator = hub.call()
    operator.base |= {"CallSid": MADE, "From": OURS, "To": DIAL.operator}
    await operator._follow(made["Twiml"])
    return operator


async def test_staff_hear_whom_it_is_about_and_after_1_the_customer_is_called(hub) -> None:
    operator = await dialled(hub)
    assert operator.heard[:2] == ["Acme, richiesta 1042.", "Prema 1 per rispondere."]

    await operator.press("1", times=3)
    await hub.carrier.operators.settled()

    (_, customer) = hub.twilio.of("POST", "Calls")
    assert customer["To"] == CUSTOMER
    assert hub.switchboard.dials == [("0192-call", "operator")]
    room = operator.waiting.find("Conference")
    assert (room.text, room.get("record")) == ("0192-call", "record-from-start")
    leg = hub.call()
    await leg._follow(customer["Twiml"])
    assert leg.waiting.find("Conference").text == "0192-call"


async def test_the_customer_who_answers_is_connected_and_late_words_change_nothing(hub) -> None:
    await (await dialled(hub)).press("1")
    await hub.carrier.operators.settled()
    status = hub.twilio.of("POST", "Calls")[1]["StatusCallback"]

    for state in ("in-progress", "in-progress", "completed", "ringing", "in-progress"):
        await hub.post(status, CallSid=sid("CA", 0x701), CallStatus=state)

    assert hub.switchboard.dials == [("0192-call", "operator"), ("0192-call", "connected")]


async def test_swapped_words_of_a_call_connect_nobody(hub) -> None:
    await (await dialled(hub)).press("1")
    await hub.carrier.operators.settled()
    status = hub.twilio.of("POST", "Calls")[1]["StatusCallback"]

    for state in ("no-answer", "in-progress"):
        await hub.post(status, CallSid=sid("CA", 0x701), CallStatus=state)

    assert hub.switchboard.dials == [("0192-call", "operator"), ("0192-call", "no_answer")]


@pytest.mark.parametrize(
    ("state", "how"),
    [("busy", "busy"), ("no-answer", "no_answer"), ("failed", "failed"), ("canceled", "no_answer")],
)
async def test_staff_who_wait_for_a_customer_who_does_not_answer_are_told(hub, state: str, how: str) -> None:
    await (await dialled(hub)).press("1")
    await hub.carrier.operators.settled()
    status = hub.twilio.of("POST", "Calls")[1]["StatusCallback"]

    await hub.post(status, again=3, CallSid=sid("CA", 0x701), CallStatus=state)

    await hub.carrier.operators.settled()
    assert hub.switchboard.dials[-1] == ("0192-call", how)
    (told,) = hub.twilio.of("POST", f"Calls/{MADE}")
    assert "Il cliente non risponde." in told["Twiml"]


@pytest.mark.parametrize("keys", ["", "5"])
async def test_without_1_no_customer_is_called(hub, keys: str) -> None:
    operator = await dialled(hub)

    await (operator.press(keys) if keys else operator.stay_silent())

    assert operator.ended == "hangup"
    assert hub.switchboard.dials == [("0192-call", "declined")]
    assert len(hub.twilio.of("POST", "Calls")) == 1


@pytest.mark.parametrize(
    ("state", "how"), [("busy", "busy"), ("no-answer", "no_answer"), ("failed", "failed")]
)
async def test_staff_who_cannot_be_reached_end_it(hub, state: str, how: str) -> None:
    await hub.channel.dial(DIAL)
    status = hub.twilio.of("POST", "Calls")[0]["StatusCallback"]

    await hub.post(status, again=2, CallSid=MADE, CallStatus=state)

    assert hub.switchboard.dials == [("0192-call", how)]


async def test_the_same_call_asked_for_twice_rings_once(hub) -> None:
    await hub.channel.dial(DIAL)
    await hub.channel.dial(DIAL)

    assert len(hub.twilio.of("POST", "Calls")) == 1


async def test_a_call_that_twilio_refused_may_be_asked_for_again(hub) -> None:
    hub.twilio.refuses["POST Calls"] = (400, 21211, "The 'To' number is not valid")
    with pytest.raises(DeliveryError):
        await hub.channel.dial(DIAL)
    hub.twilio.refuses.clear()

    await hub.channel.dial(DIAL)

    assert len(hub.twilio.of("POST", "Calls")) == 2


async def test_staff_hear_at_once_that_a_customer_cannot_be_called(hub) -> None:
    operator = await dialled(hub)
    hub.twilio.refuses_once["POST Calls"] = (400, 21211, "The 'To' number is not valid")

    await operator.press("1")
    await hub.carrier.operators.settled()

    (told,) = hub.twilio.of("POST", f"Calls/{MADE}")
    assert "Il cliente non risponde." in told["Twiml"]
    assert hub.switchboard.dials == [("0192-call", "operator"), ("0192-call", "failed")]


async def test_the_end_of_the_conversation_ends_the_call(hub) -> None:
    await (await dialled(hub)).press("1")
    await hub.carrier.operators.settled()
    status = hub.twilio.of("POST", "Calls")[0]["StatusCallback"]

    await hub.post(status, again=2, CallSid=MADE, CallStatus="completed")

    assert hub.switchboard.ended == [("0192-call", "completed")]
