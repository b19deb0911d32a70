"""A customer calls by way of Twilio: what they hear, what they may press, and how it ends."""

from __future__ import annotations

import asyncio
import xml.etree.ElementTree as ET
from urllib.parse import parse_qs, urlsplit

import pytest

from channels.phone.twilio import incoming, twiml
from core.calling import Answer, Audio, CallEvent, Gather, HangUp, OperatorLeg, Record, Taken, Waiting, Words
from core.channel import Unavailable
from tests.channels.phone.twilio_side import (
    ACCOUNT,
    CUSTOMER,
    DECENT,
    OURS,
    FakeCall,
    it,
    running,
    sid,
    until,
)


def url_of(verb: ET.Element, name: str = "action") -> tuple[str, dict[str, list[str]]]:
    parts = urlsplit(verb.attrib[name])
    return parts.path, parse_qs(parts.query)


# Steps


async def test_a_call_rings_once_and_hears_the_menu(hub) -> None:
    call = await hub.call().dial()

    (ringing,) = hub.switchboard.rings
    assert (ringing.line, ringing.external_id, ringing.caller, ringing.called) == (
        "twilio",
        sid("CA"),
        CUSTOMER,
        OURS,
    )
    assert call.heard[0] == "Benvenuti."
    assert call.waiting.tag == "Gather"


@pytest.mark.parametrize("number", ["anonymous", "Anonymous", "+266696687", "RESTRICTED", ""])
async def test_a_number_that_is_withheld_is_no_number(hub, number: str) -> None:
    call = hub.call()
    call.base["From"] = number

    await call.dial()

    assert hub.switchboard.rings[0].caller == ""


async def test_what_is_pressed_is_an_event_of_the_step_it_answers(hub) -> None:
    call = await hub.call().dial()

    await call.press("1")
    await call.press("4711")

    assert hub.switchboard.events == [
        (1, CallEvent(kind="digits", value="1")),
        (2, CallEvent(kind="digits", value="4711")),
    ]
    assert call.ended == "hangup"


async def test_the_finishing_key_alone_is_no_silence(hub) -> None:
    call = await hub.call().dial()
    await call.press("1")

    await call.press("")

    assert hub.switchboard.events[-1] == (2, CallEvent(kind="digits", value=""))


async def test_who_says_nothing_is_asked_again(hub) -> None:
    call = await hub.call().dial()

    await call.stay_silent()

    assert hub.switchboard.events == [(1, CallEvent(kind="silence"))]
    assert call.waiting.tag == "Gather"
    assert call.heard.count("Benvenuti.") == 2


async def test_words_can_be_interrupted_by_a_key(hub) -> None:
    await (call := hub.call()).dial()

    assert [child.tag for child in call.waiting] == ["Say", "Say"]


# 4. Repetition


async def test_a_webhook_that_comes_three_times_gives_the_same_document_and_one_step(hub) -> None:
    call = hub.call()
    await call.post("/in/twilio/voice", times=3)
    await call.press("2", times=3)
    await call.speak(times=3)
    end = {"CallStatus": "completed", "Timestamp": "Tue, 01 Dec 2026 10:00:00 +0000"}
    await hub.post("/in/twilio/voice/status", again=3, CallSid=sid("CA"), **end)

    assert len(hub.switchboard.rings) == 1
    assert [seq for seq, _ in hub.switchboard.events] == [1, 2]
    assert hub.switchboard.ended == [("call-0001", "completed")]


async def test_a_recording_that_is_told_three_times_is_stored_once_and_deleted_at_twilio(hub) -> None:
    call = await hub.call().dial()
    await call.press("2")
    hub.twilio.media[media(1)] = b"RIFF sound"
    await call.speak(12)

    told = {"CallSid": sid("CA"), "RecordingSid": sid("RE"), "RecordingStatus": "completed"}
    told["RecordingDuration"] = "12"
    await hub.post("/in/twilio/voice/recording?call=call-0001&seq=2", again=3, **told)
    await until(lambda: hub.twilio.of("DELETE", f"Recordings/{sid('RE')}"))

    sound = Audio(content=b"RIFF sound", type="audio/wav", seconds=12.0, external_id=sid("RE"))
    assert hub.switchboard.stored == {sid("RE"): ("call-0001", 2, sound)}
    assert len(hub.twilio.of("DELETE", f"Recordings/{sid('RE')}")) == 1


def media(number: int, kind: str = "wav") -> str:
    return f"/2010-04-01/Accounts/{ACCOUNT}/Recordings/{sid('RE', number)}.{kind}"


# 5. Order


@pytest.mark.parametrize("late", ["ringing", "in-progress", "queued", "initiated"])
async def test_a_state_that_comes_late_moves_no_finished_call_back(hub, late: str) -> None:
    await hub.call().dial()
    await hub.post("/in/twilio/voice/status", CallSid=sid("CA"), CallStatus="completed")

    await hub.post("/in/twilio/voice/status", CallSid=sid("CA"), CallStatus=late)

    assert hub.switchboard.ended == [("call-0001", "completed")]


@pytest.mark.parametrize("state", ["completed", "busy", "no-answer", "failed", "canceled"])
async def test_every_final_state_ends_the_call(hub, state: str) -> None:
    await hub.call().dial()

    await hub.post("/in/twilio/status", CallSid=sid("CA"), CallStatus=state)

    assert hub.switchboard.ended == [("call-0001", state)]


async def test_the_end_of_a_call_that_nobody_knows_is_nothing(hub) -> None:
    await hub.post("/in/twilio/voice/status", CallSid=sid("CA", 99), CallStatus="completed")

    assert hub.switchboard.ended == []


# 6. No dead end


ANSWERS = [
    Answer(call="c", seq=3, say=(it("Sì"),), then=Gather()),
    Answer(call="c", seq=3, then=Gather(maximum=6, finish="#", timeout=5, pause=3, secret=True)),
    Answer(call="c", seq=3, say=(it("Parli"),), then=Record()),
    Answer(call="c", seq=3, say=(it("Addio"),), then=HangUp()),
]


@pytest.mark.parametrize("answer", ANSWERS, ids=lambda a: type(a.then).__name__)
def test_every_document_ends_waiting_or_hangs_up(answer: Answer) -> None:
    document = ET.fromstring(twiml.Renderer(url=twiml.base_url("https://d.test")).answer(answer))

    assert document[-1].tag in {"Gather", "Redirect", "Hangup"}
    for gather in document.iter("Gather"):
        assert gather.get("actionOnEmptyResult") == "true"
        assert gather.get("method") == "POST"


async def test_who_records_nothing_is_not_left_alone(hub) -> None:
    call = await hub.call().dial()
    await call.press("2")

    await call.say_nothing()

    assert hub.switchboard.events[-1] == (2, CallEvent(kind="done", value="empty"))
    assert call.ended == "hangup"


async def test_a_call_that_nobody_knows_any_more_begins_anew(hub) -> None:
    call = await hub.call().dial()
    await call.post("/in/twilio/voice/step?call=gone&seq=4&then=keys", Digits="1")

    assert call.waiting.tag == "Gather"
    assert call.heard.count("Benvenuti.") == 2


# 7. Time


async def test_a_hub_that_is_slow_says_one_moment_and_loses_no_key(hub) -> None:
    hub.carrier.hooks.budget = 0.05
    call = await hub.call().dial()
    hub.switchboard.slow = 0.3

    await call.press("2")

    assert "Un momento, per favore." in call.heard
    assert hub.switchboard.events == [(1, CallEvent(kind="digits", value="2"))]
    assert call.waiting.tag == "Record"


async def test_a_hub_that_is_slow_for_ever_leaves_the_caller_to_the_fallback(hub) -> None:
    hub.carrier.hooks.budget = 0.01
    hub.switchboard.slow = 60

    call = await hub.call().dial()

    assert call.ended == "HTTP 503"
    assert call.heard.count("Un momento, per favore.") == 5


async def test_a_hub_that_cannot_store_says_so_and_is_asked_again(hub) -> None:
    hub.switchboard.fails_with = Unavailable("the disk is full")
    call = await hub.call().dial()
    assert call.ended == "HTTP 503"

    hub.switchboard.fails_with = None
    again = await hub.call().dial()

    assert again.heard[0] == "Benvenuti."


async def test_before_the_hub_is_ready_and_after_it_stopped_calls_are_refused_for_a_while(tmp_path) -> None:
    async with running(tmp_path) as hub:
        door, hub.carrier.hooks.door = hub.carrier.hooks.door, None

        refused = await hub.call().dial()
        hub.carrier.hooks.door = door
        taken = await hub.call().dial()

    assert refused.ended == "HTTP 503"
    assert taken.heard


# 9. The PIN


CANARY = "73918264"


async def test_a_pin_is_in_no_log_no_file_no_url_and_no_document(hub, tmp_path, capfd) -> None:
    call = await hub.call().dial()
    await call.press("1")
    hub.switchboard.fails_with = ValueError(f"a bug that repeats {CANARY}")
    await call.press(CANARY)
    assert call.ended == "HTTP 500"
    call.ended = ""
    hub.switchboard.fails_with = None
    hub.carrier.hooks.budget = 0.05
    hub.switchboard.slow = 0.15
    await call.post(call_url(hub), Digits=CANARY)

    assert hub.switchboard.events[-1] == (2, CallEvent(kind="digits", value=CANARY))
    said = capfd.readouterr()
    assert "a webhook failed" in said.err
    kept = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    for place in (
        said.out,
        said.err,
        "".join(call.documents),
        repr(hub.twilio.asked),
        kept.decode("latin-1"),
    ):
        assert CANARY not in place


def call_url(hub) -> str:
    return "/in/twilio/voice/step?call=call-0001&seq=2&then=keys"


async def test_a_bug_answers_without_a_page_and_without_words(hub) -> None:
    hub.switchboard.fails_with = RuntimeError("secret words")
    response = await hub.call().send("/in/twilio/voice", {})

    assert response == "this went wrong\n"


# 10. Recordings


async def test_a_recording_says_how_long_it_may_be_and_what_ends_it(hub) -> None:
    call = await hub.call().dial()
    await call.press("2")

    record = call.waiting
    assert (record.get("maxLength"), record.get("timeout"), record.get("finishOnKey")) == ("90", "4", "#")
    assert record.get("recordingStatusCallbackEvent") == "completed absent"
    assert url_of(record, "recordingStatusCallback")[0] == "/in/twilio/voice/recording"


async def test_an_absent_recording_is_not_fetched(hub) -> None:
    told = {"CallSid": sid("CA"), "RecordingSid": sid("RE"), "RecordingStatus": "absent"}
    await hub.post("/in/twilio/voice/recording?call=call-0001&seq=2", **told)

    assert await hub.carrier.notes.all("recording") == {}


async def test_a_recording_that_is_not_ready_is_fetched_later_and_over_a_restart(tmp_path) -> None:
    async with running(tmp_path) as hub:
        call = await hub.call().dial()
        await call.press("2")
        await call.speak(9)
        await until(lambda: hub.twilio.of("GET", f"Recordings/{sid('RE')}.wav"))
        await until(lambda: '"tries": 1' in next(tmp_path.rglob("RE*.json")).read_text())
    async with running(tmp_path) as hub:
        hub.twilio.media[media(1)] = b"RIFF later"
        await hub.carrier.recordings.fetch_due(hub.door, now=2e10)

        assert hub.switchboard.stored[sid("RE")][2].content == b"RIFF later"
        assert await hub.carrier.notes.all("recording") == {}


async def test_a_recording_whose_deletion_fails_is_stored_once_and_deleted_later(hub, tmp_path) -> None:
    await hub.call().dial()
    hub.twilio.media[media(1)] = b"RIFF sound"
    hub.twilio.refuses["DELETE Recordings"] = (500, 20500, "Internal error")
    told = {"CallSid": sid("CA"), "RecordingSid": sid("RE"), "RecordingDuration": "3"}
    await hub.post("/in/twilio/voice/recording?call=call-0001&seq=2", **told)
    await until(lambda: hub.twilio.of("DELETE", f"Recordings/{sid('RE')}"))
    del hub.twilio.refuses["DELETE Recordings"]
    await until(lambda: '"stored": true' in next(tmp_path.rglob("RE*.json")).read_text())
    await hub.carrier.recordings.fetch_due(hub.door, now=2e10)

    assert len(hub.switchboard.stored) == 1
    assert len(hub.twilio.of("GET", f"Recordings/{sid('RE')}.wav")) == 1
    assert await hub.carrier.notes.all("recording") == {}


async def test_a_recording_that_is_lost_is_told_to_staff(hub) -> None:
    await hub.call().dial()
    told = {"CallSid": sid("CA"), "RecordingSid": sid("RE"), "RecordingDuration": "3"}
    await hub.post("/in/twilio/voice/recording?call=call-0001&seq=2", **told)
    for _ in range(7):
        await hub.carrier.recordings.fetch_due(hub.door, now=2e10)

    assert {arrival.external_id for arrival in hub.door.came} == {f"lost/{sid('RE')}"}
    assert sid("RE") in hub.door.came[0].raw.decode()
    assert await hub.carrier.notes.all("recording") == {}


async def test_what_a_machine_took_while_the_hub_was_away_becomes_a_call_with_its_sound(hub) -> None:
    hub.twilio.calls[sid("CA", 5)] = {
        "sid": sid("CA", 5),
        "from": CUSTOMER,
        "to": OURS,
        "status": "completed",
        "start_time": "Tue, 01 Dec 2026 02:00:00 +0000",
        "end_time": "Tue, 01 Dec 2026 02:00:40 +0000",
    }
    hub.twilio.media[media(5, "mp3")] = b"ID3 sound"

    told = {"CallSid": sid("CA", 5), "RecordingSid": sid("RE", 5), "RecordingDuration": "20"}
    await hub.post("/in/twilio/voice/recording", again=2, **told)
    await until(lambda: hub.twilio.of("DELETE", f"Recordings/{sid('RE', 5)}"))

    (ringing,) = hub.switchboard.rings
    assert (ringing.caller, ringing.at.isoformat()) == (CUSTOMER, "2026-12-01T02:00:00+00:00")
    assert hub.switchboard.ended == [("call-0005", "fallback")]
    assert hub.switchboard.stored[sid("RE", 5)][2].type == "audio/mpeg"


async def test_a_recording_that_nobody_told_us_of_is_found_at_twilio_and_no_other(hub) -> None:
    def lies(number: int, made: str) -> dict[str, str]:
        return {
            "sid": sid("RE", number),
            "call_sid": sid("CA", number),
            "date_created": made,
            "duration": "20",
        }

    for number, to in ((5, OURS), (6, "+390600000000"), (7, OURS)):
        hub.twilio.calls[sid("CA", number)] = {
            "sid": sid("CA", number),
            "from": CUSTOMER,
            "to": to,
            "status": "completed",
            "start_time": "Tue, 01 Dec 2026 02:00:00 +0000",
            "end_time": "Tue, 01 Dec 2026 02:00:40 +0000",
        }
        hub.twilio.media[media(number, "mp3")] = b"ID3 sound"
    long_ago, just_now = "Tue, 01 Dec 2026 02:00:00 +0000", "Tue, 01 Dec 2026 09:59:00 +0000"
    hub.twilio.lying = [lies(5, long_ago), lies(6, long_ago), lies(7, just_now)]

    await hub.carrier.recordings.find_forgotten(now=DECENT())
    await hub.carrier.recordings.find_forgotten(now=DECENT())
    await until(lambda: hub.twilio.of("DELETE", f"Recordings/{sid('RE', 5)}"))

    assert list(hub.switchboard.stored) == [sid("RE", 5)]
    assert hub.switchboard.ended == [("call-0005", "fallback")]
    assert not hub.twilio.of("DELETE", f"Recordings/{sid('RE', 6)}"), "it is somebody else's"
    assert len(hub.twilio.of("GET", f"Calls/{sid('CA', 6)}")) == 1, "and is not asked for again"


# 11. The queue


async def hold(hub, *waitings: Waiting) -> FakeCall:
    hub.switchboard.waitings = list(waitings)
    call = await hub.call().dial()
    await call.press("3")
    return call


async def test_who_waits_hears_music_and_their_place_and_is_asked_for_again_and_again(hub) -> None:
    call = await hold(hub, Waiting(say=(it("Lei è il secondo."),)), Waiting())

    assert "Attenda." in call.heard
    assert call.heard[-1] == "Lei è il secondo."
    assert call.played == ["https://desk.test/in/twilio/music"]
    await call.stay_silent()
    await call.stay_silent()
    assert call.heard[-1] == "Lei è il secondo."
    assert url_of(call.waiting)[1]["n"] == ["3"]


async def test_a_key_on_hold_is_an_event(hub) -> None:
    call = await hold(hub, Waiting())

    await call.press("1")

    assert hub.switchboard.events[-1] == (2, CallEvent(kind="digits", value="1"))


async def test_when_the_waiting_is_over_the_flow_goes_on(hub) -> None:
    over = Answer(call="call-0001", seq=9, say=(it("La richiamiamo."),), then=HangUp())

    call = await hold(hub, Waiting(answer=over))

    assert call.heard[-1] == "La richiamiamo."
    assert call.ended == "hangup"


@pytest.mark.parametrize(
    ("state", "outcome"),
    [
        ("completed", "bridged"),
        ("answered", "bridged"),
        ("busy", "failed"),
        ("no-answer", "failed"),
        ("failed", "failed"),
        ("canceled", "failed"),
        ("something new", "failed"),
    ],
)
def test_every_word_for_the_end_of_a_conversation_is_one_of_our_outcomes(state: str, outcome: str) -> None:
    assert incoming.of_dial(state) == outcome


# 12. The bridge


LEG = OperatorLeg(
    offer="offer-1",
    address="+393331234567",
    name="Anna",
    whisper=(it("Acme, rete, un minuto."),),
    ring_seconds=20,
)


async def rung(hub, *, record: bool = False) -> tuple[FakeCall, FakeCall]:
    """A caller on hold, and the operator whose telephone rings."""
    caller = await hold(hub, Waiting(ring=(LEG,)), Waiting())
    await until(lambda: hub.twilio.of("POST", "Calls"))
    await hub.carrier.operators.settled()
    (made,) = hub.twilio.of("POST", "Calls")
    operator = hub.call()
    operator.base |= {"CallSid": sid("CA", 0x700), "From": OURS, "To": LEG.address}
    await operator._follow(made["Twiml"])
    return caller, operator


async def test_an_operator_is_rung_and_hears_who_it_is(hub) -> None:
    _, operator = await rung(hub)

    (made,) = hub.twilio.of("POST", "Calls")
    assert (made["To"], made["From"], made["Timeout"]) == (LEG.address, OURS, "20")
    assert operator.heard[:2] == ["Acme, rete, un minuto.", "Prema 1 per rispondere."]
    assert operator.waiting.get("actionOnEmptyResult") == "true"


async def test_after_1_both_are_in_the_room_that_the_call_names(hub) -> None:
    caller, operator = await rung(hub)
    hub.switchboard.taken["offer-1"] = Taken(
        connect=True, call="call-0001", say=(it("La collego."),), record=True
    )

    await operator.press("1", times=3)
    await hub.carrier.operators.settled()
    (moved,) = hub.twilio.of("POST", f"Calls/{sid('CA')}")
    await caller.post(moved["Url"])

    assert hub.switchboard.operators == [("offer-1", "accepted")]
    rooms = [one.waiting.find("Conference") for one in (caller, operator)]
    assert [room.text for room in rooms] == ["call-0001", "call-0001"]
    assert [room.get("startConferenceOnEnter") for room in rooms] == ["false", "true"]
    assert {room.get("endConferenceOnExit") for room in rooms} == {"true"}
    assert {room.get("record") for room in rooms} == {"record-from-start"}
    assert operator.heard[-1] == "La collego."


async def test_after_the_conversation_the_flow_goes_on_and_the_operator_is_free(hub) -> None:
    caller, operator = await rung(hub)
    hub.switchboard.taken["offer-1"] = Taken(connect=True, call="call-0001")
    hub.switchboard.waitings = [Waiting(bridged="offer-1")]
    await operator.press("1")
    await caller.stay_silent()  # it asks by itself, should it not have been fetched
    assert caller.waiting.tag == "Dial"

    await caller.post(caller.waiting.attrib["action"], DialCallStatus="completed")
    await operator.post(operator.waiting.attrib["action"], DialCallStatus="completed")

    assert hub.switchboard.events[-1] == (2, CallEvent(kind="done", value="bridged"))
    assert (caller.ended, operator.ended) == ("hangup", "hangup")


@pytest.mark.parametrize(("keys", "answer"), [("2", "declined"), ("", "no_answer")])
async def test_without_1_nobody_is_connected(hub, keys: str, answer: str) -> None:
    caller, operator = await rung(hub)

    await (operator.press(keys) if keys else operator.stay_silent())

    assert hub.switchboard.operators == [("offer-1", answer)]
    assert operator.ended == "hangup"
    assert caller.waiting.tag == "Gather"


async def test_who_was_quicker_is_told_to_the_other(hub) -> None:
    _, operator = await rung(hub)

    await operator.press("1")

    assert operator.heard[-1] == "La chiamata è già stata presa. Grazie."
    assert operator.ended == "hangup"


@pytest.mark.parametrize(
    ("state", "answer"),
    [
        ("busy", "busy"),
        ("no-answer", "no_answer"),
        ("failed", "failed"),
        ("canceled", "no_answer"),
        ("completed", "declined"),
    ],
)
async def test_a_telephone_that_nobody_took_is_an_answer_too(hub, state: str, answer: str) -> None:
    await rung(hub)
    status = hub.twilio.of("POST", "Calls")[0]["StatusCallback"]

    await hub.post(status, again=3, CallSid=sid("CA", 0x700), CallStatus=state)

    assert hub.switchboard.operators == [("offer-1", answer)]


async def test_the_end_of_a_taken_call_is_no_refusal(hub) -> None:
    _, operator = await rung(hub)
    hub.switchboard.taken["offer-1"] = Taken(connect=True, call="call-0001")
    await operator.press("1")

    status = hub.twilio.of("POST", "Calls")[0]["StatusCallback"]
    await hub.post(status, CallSid=sid("CA", 0x700), CallStatus="completed")

    assert hub.switchboard.operators == [("offer-1", "accepted")]


async def test_an_operator_who_cannot_be_rung_is_reported_at_once(hub) -> None:
    hub.twilio.refuses["POST Calls"] = (400, 21211, "Invalid 'To' Phone Number")

    await hold(hub, Waiting(ring=(LEG,)), Waiting())
    await hub.carrier.operators.settled()

    assert hub.switchboard.operators == [("offer-1", "failed")]


async def test_an_offer_is_rung_once_however_often_it_is_named(hub) -> None:
    call = await hold(hub, Waiting(ring=(LEG,)), Waiting(ring=(LEG,)))
    await call.stay_silent()
    await hub.carrier.operators.settled()

    assert len(hub.twilio.of("POST", "Calls")) == 1


async def test_who_is_let_go_of_stops_ringing_and_is_no_refusal(hub) -> None:
    caller, _ = await rung(hub)
    hub.switchboard.waitings = [Waiting(stop=("offer-1",))]

    await caller.stay_silent()
    await hub.carrier.operators.settled()
    await hub.post("/in/twilio/voice/operator/status?offer=offer-1", CallStatus="completed")

    assert hub.twilio.of("POST", f"Calls/{sid('CA', 0x700)}") == [{"Status": "completed"}]
    assert hub.switchboard.operators == []


async def test_an_operator_whose_caller_left_meanwhile_is_told(hub) -> None:
    _, operator = await rung(hub)
    hub.switchboard.taken["offer-1"] = Taken(connect=True, call="call-0001")
    hub.twilio.refuses["POST Calls"] = (400, 21220, "Call is not in-progress")

    await operator.press("1")
    await hub.carrier.operators.settled()

    (told,) = hub.twilio.of("POST", f"Calls/{sid('CA', 0x700)}")
    assert "Chi chiamava ha riagganciato." in told["Twiml"]


async def test_a_caller_whom_the_operator_never_joins_is_not_left_in_an_empty_room(hub) -> None:
    call = await hub.call().dial()
    waits = "/in/twilio/voice/alone?call=call-0001&seq=1&n="
    await call.send(waits + "0", {})
    assert hub.twilio.asked == []

    await call.send(waits + "2", {})
    await hub.carrier.operators.settled()
    (moved,) = hub.twilio.of("POST", f"Calls/{sid('CA')}")
    await call.post(moved["Url"])

    assert hub.switchboard.events[-1] == (1, CallEvent(kind="done", value="failed"))


# 15. Errors of the account


async def test_an_error_that_twilio_noticed_is_told_to_staff_with_its_call_and_without_the_keys(
    hub, capfd
) -> None:
    await hub.call().dial()
    payload = (
        f'{{"resource_sid": "{sid("CA")}", "error_code": "11205", "webhook": '
        f'{{"request": {{"parameters": {{"Digits": "{CANARY}"}}}}}}}}'
    )
    entry = {"Level": "ERROR", "Payload": payload, "Timestamp": "2026-12-01T10:00:00Z"}

    await hub.post("/in/twilio/errors", again=2, **entry)
    await hub.post("/in/twilio/errors", Level="WARNING", Payload=payload)

    told = {arrival.external_id: arrival.raw.decode() for arrival in hub.door.came}
    assert list(told) == [f"errors/11205/{sid('CA')}"]
    assert "11205" in str(told)
    assert "call-0001" in str(told)
    assert CANARY not in str(told) + capfd.readouterr().err


# 16. Escaping


def test_words_of_a_ticket_cannot_become_verbs() -> None:
    words = (Words(text="</Say><Dial>+39</Dial> & \x00\x1b[31m\u202eok", language="it"),)

    document = ET.fromstring(twiml.Renderer(url=twiml.base_url("https://d.test")).bye(words))

    assert [verb.tag for verb in document] == ["Say", "Hangup"]
    assert document[0].text == "</Say><Dial>+39</Dial> & [31m ok"


def test_what_is_too_long_is_cut_where_a_sentence_ends() -> None:
    text = "Prima frase. " * 200

    said = twiml.spoken(text)

    assert len(said) <= twiml.LONGEST
    assert said.endswith("frase.")


@pytest.mark.parametrize(
    ("language", "spoken"), [("it", "it-IT"), ("en", "en-GB"), ("it-IT", "it-IT"), ("de", "de")]
)
def test_words_are_spoken_in_their_language(language: str, spoken: str) -> None:
    words = (Words(text="Ciao", language=language),)

    document = ET.fromstring(twiml.Renderer(url=twiml.base_url("https://d.test")).bye(words))

    assert document[0].get("language") == spoken


@pytest.mark.parametrize("text", ["Una frase intera. " * 300, "&" * 5000, "<>" * 3000, "è" * 3000])
def test_a_whisper_is_never_longer_than_twilio_takes(text: str) -> None:
    renderer = twiml.Renderer(url=twiml.base_url("https://d.test"))
    words = Words(text=text, language="it")

    document = renderer.whisper((words, words), words, action="https://d.test/x")

    said = [one.text for one in ET.fromstring(document).iter("Say")]
    assert said[0] in " ".join(text.split())
    assert len(renderer.whisper((words, words), it("Prema 1."), action="https://d.test/x")) <= 4000


@pytest.mark.parametrize("document", ["<Enqueue/>", "<Gather><Sms/></Gather>"])
async def test_the_telephone_of_these_tests_refuses_what_it_does_not_know(hub, document: str) -> None:
    with pytest.raises(AssertionError, match="unknown"):
        await hub.call()._follow(f"<Response>{document}</Response>")


async def test_the_telephone_of_these_tests_notices_a_document_without_an_end(hub) -> None:
    call = hub.call()

    await call._follow("<Response><Say>Ciao</Say></Response>")

    assert call.ended == "fell off the end"


# Prompts that are recorded


async def test_a_recorded_prompt_is_played_from_an_address_of_ours(hub) -> None:
    hub.switchboard.sounds["blob1"] = b"RIFF prompt"
    hub.switchboard.answers["call-0001", 1] = Answer(
        call="call-0001", seq=2, say=(it("Benvenuti.", "blob1"), it("Premi.", "blob2")), then=Gather()
    )
    call = await hub.call().dial()
    await call.press("9")

    (address,) = call.played
    found = await hub.client.get(address.removeprefix("https://desk.test"))
    forged = await hub.client.get("/in/twilio/sound?name=blob2&sig=" + "0" * 32)

    assert (await found.read(), found.content_type) == (b"RIFF prompt", "audio/wav")
    assert forged.status == 403
    assert call.heard[-1] == "Premi.", "a prompt that is not there is spoken"


async def test_the_music_is_a_sound(hub) -> None:
    response = await hub.client.get("/in/twilio/music")
    content = await response.read()

    assert response.content_type == "audio/wav"
    assert content[:4] == b"RIFF"
    assert 8000 < len(content) < 100_000


async def test_twenty_calls_at_once_each_get_their_own_answers(hub) -> None:
    async def one(number: int) -> FakeCall:
        call = hub.call()
        call.base = call.base | {"CallSid": sid("CA", number)}
        await call.dial()
        await call.press("1")
        await call.press(f"{number:04}")
        return call

    calls = await asyncio.gather(*(one(number) for number in range(1, 21)))

    assert {call.ended for call in calls} == {"hangup"}
    assert sorted(event.value for _, event in hub.switchboard.events if event.value != "1") == sorted(
        f"{number:04}" for number in range(1, 21)
    )
