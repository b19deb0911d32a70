"""Does a real call go through the real hub? By Twilio's webhooks to the default flow, a ticket, and a person; a text too."""

from __future__ import annotations

from pathlib import Path

from channels.phone import texting
from channels.phone.channel import read
from core.desk import call_out, door, intake, returns, sending
from core.desk.case import Case
from core.envelope import Address, Arrival
from core.ids import id_token, token_id
from core.store import blobs, tables
from core.store.opening import open_database
from tests.channels.phone.test_twilio_calls import media
from tests.channels.phone.twilio_side import OURS, FakeCall, Hub, running, sid, until
from tests.telephone import ALICE, PIN, Exchange, exchange

TOM = "+390110000001"
CANARY = "918273"


async def row(desk: Exchange):
    return (await desk.desk.rows(tables.call))[-1]


async def press_while_asked(call: FakeCall, *keys: str) -> None:
    for entry in keys:
        await call.press(entry)


async def test_a_request_is_spoken_and_then_a_person_takes_the_call(db, tmp_path: Path) -> None:
    desk = await exchange(db)
    await desk.signed_in("tom")
    async with running(tmp_path, board=desk.board) as hub:
        hub.twilio.media[media(1)] = b"RIFF her words"
        call = await alice(hub).dial()
        await press_while_asked(call, PIN, "2", "1", "1")
        if call.waiting.tag == "Gather":  # one more choice, or the consent to be recorded
            await call.press("2")
        await call.speak(9, times=2)
        await until(lambda: hub.twilio.of("DELETE", f"Recordings/{sid('RE')}"))
        await call.press("0")
        await until(lambda: hub.twilio.of("POST", "Calls"))
        (made,) = hub.twilio.of("POST", "Calls")
        assert made["To"] == TOM
        await hub.carrier.operators.settled()
        tom = hub.call()
        tom.base |= {"CallSid": sid("CA", 0x700), "From": OURS, "To": TOM}
        await tom._follow(made["Twiml"])
        await tom.press("1", times=3)
        await hub.carrier.operators.settled()
        (moved,) = hub.twilio.of("POST", f"Calls/{sid('CA')}")
        await call.post(moved["Url"])
        talking = await row(desk)
        assert talking.phase == "bridged"
        assert call.waiting.find("Conference").text == tom.waiting.find("Conference").text == talking.id

        await call.post(call.waiting.attrib["action"], DialCallStatus="completed")
        end = {"CallSid": sid("CA"), "From": ALICE, "To": OURS, "CallStatus": "completed"}
        await hub.post("/in/twilio/voice/status", again=3, **end)

    over = await row(desk)
    assert (over.line, over.caller, over.trust, over.outcome) == ("twilio", ALICE, "verified", "spoke")
    (ticket,) = await desk.desk.rows(tables.ticket)
    assert ticket.id == over.ticket_id
    (sound,) = await desk.desk.rows(tables.recording)
    assert await db.read(blobs.get, sound.blob) == b"RIFF her words"


def alice(hub: Hub) -> FakeCall:
    call = hub.call()
    call.base["From"] = ALICE
    return call


async def test_who_hangs_up_in_the_queue_has_called_in_vain_and_staff_see_it(db, tmp_path: Path) -> None:
    desk = await exchange(db)
    await desk.signed_in("tom")
    async with running(tmp_path, board=desk.board) as hub:
        call = await alice(hub).dial()
        await press_while_asked(call, PIN, "0")
        await call.stay_silent()
        desk.desk.passes(seconds=30)
        await hub.post("/in/twilio/voice/status", again=2, CallSid=sid("CA"), CallStatus="completed")
        await hub.post("/in/twilio/voice/status", CallSid=sid("CA"), CallStatus="in-progress")

    assert (await row(desk)).phase == "over"
    assert len(await desk.desk.rows(tables.ticket)) == 1


async def test_staff_call_a_customer_back_and_the_request_knows_it(db, tmp_path: Path) -> None:
    desk = await exchange(db)
    done = await texted(desk, "Mi richiami, per favore")
    tom = await desk.desk.who("tom")
    identity = await db.write(call_out.call_back, tom, done.number, now=desk.desk.now)
    async with running(tmp_path, board=desk.board) as hub:
        dial = await db.write(call_out.begin, identity, now=desk.desk.now)
        await hub.channel.dial(dial)
        (made,) = hub.twilio.of("POST", "Calls")
        assert made["To"] == TOM
        operator = hub.call()
        operator.base |= {"CallSid": sid("CA", 0x700), "From": OURS, "To": TOM}
        await operator._follow(made["Twiml"])
        await operator.press("1", times=2)
        await hub.carrier.operators.settled()
        _, customer = hub.twilio.of("POST", "Calls")
        assert customer["To"] == ALICE
        for state in ("in-progress", "completed", "in-progress"):
            await hub.post(customer["StatusCallback"], CallSid=sid("CA", 0x701), CallStatus=state)
        assert (await row(desk)).phase == "bridged"
        await hub.post(made["StatusCallback"], again=2, CallSid=sid("CA", 0x700), CallStatus="completed")

    over = await row(desk)
    assert (over.direction, over.phase, over.outcome) == ("out", "over", "spoke")
    assert {event.data["call"] for event in await desk.desk.events(done.number, "call.spoke")} == {identity}


async def test_a_pin_is_in_no_row_no_file_and_no_line(sqlite_url: str, facts, tmp_path: Path, capfd) -> None:
    db = open_database(sqlite_url, facts, readers=2, connections=4)
    try:
        desk = await exchange(db)
        async with running(tmp_path / "data", board=desk.board) as hub:
            call = await alice(hub).dial()
            await call.press(CANARY)

            assert len(await desk.desk.rows(tables.call_turn)) == 2, "it was taken"
            said = capfd.readouterr()
            for place in (said.out, said.err, call.documents, hub.twilio.asked):
                assert CANARY not in repr(place)
    finally:
        db.close()
    database = Path(sqlite_url.removeprefix("sqlite:///"))
    kept = [path for folder in (database.parent, tmp_path) for path in folder.rglob("*") if path.is_file()]
    assert database in kept
    assert [path for path in kept if CANARY.encode() in path.read_bytes()] == []


async def test_what_twilio_complains_of_is_a_ticket_of_nobody_that_staff_see(db, tmp_path: Path) -> None:
    desk = await exchange(db)
    async with running(tmp_path, board=desk.board) as hub:
        await alice(hub).dial()
        payload = f'{{"resource_sid": "{sid("CA")}", "error_code": "11205"}}'
        await hub.post("/in/twilio/errors", again=2, Level="ERROR", Payload=payload)
        told = hub.door.came[0]

    for _ in range(2):  # it comes twice, and is one
        stored = await db.write(door.accept, told, now=desk.desk.now)
        facts = {"channel": "phone", "external_id": told.external_id, "sender": "", "recipients": ()}
        await db.write(intake.understand, stored, read(told.raw, facts, {}), now=desk.desk.now)

    (ticket,) = await desk.desk.rows(tables.ticket)
    assert ticket.subject == "Twilio segnala l'errore 11205"
    assert ticket.requester_address == ""
    assert await desk.desk.rows(tables.delivery) == [], "nobody is answered"
    (said,) = await desk.desk.rows(tables.message)
    assert (await row(desk)).id in said.text


# Texts


async def texted(desk: Exchange, body: str, number: int = 1, sender: str = ALICE):
    """An SMS, read by its reader and understood."""
    raw = (
        f'{{"form": {{"MessageSid": "{sid("SM", number)}", "From": "{sender}", "To": "{OURS}", "Body": "{body}"}}}}'
    ).encode()
    arrival = Arrival(
        channel="sms",
        raw=raw,
        received_at=desk.desk.now,
        external_id=sid("SM", number),
        sender=sender,
        recipients=(OURS,),
    )
    stored = await desk.desk.db.write(door.accept, arrival, now=desk.desk.now)
    facts = {"channel": "sms", "external_id": arrival.external_id, "sender": sender, "recipients": (OURS,)}
    said = texting.read(raw, facts, {})
    return await desk.desk.db.write(intake.understand, stored, said, now=desk.desk.now)


async def test_a_text_of_somebody_we_know_is_their_request_and_is_answered_by_text(db) -> None:
    desk = await exchange(db)

    done = await texted(desk, "Stampante ferma")

    (ticket,) = await desk.desk.rows(tables.ticket)
    assert (done.outcome, ticket.channel, ticket.requester_address) == ("ticket", "sms", ALICE)
    (told, *_) = await desk.desk.rows(tables.delivery)
    assert (told.channel, told.address) == ("sms", ALICE)


async def test_who_says_stop_gets_nothing_more_until_they_say_start(db) -> None:
    desk = await exchange(db)
    await texted(desk, "Stampante ferma")
    (told,) = await desk.desk.rows(tables.delivery)

    async def leaves():
        return await db.write(sending.begin, told.ticket_id, told.id, now=desk.desk.now)

    done = await texted(desk, "STOP", 2)
    assert (done.outcome, done.reason) == ("machine", "opt_out")
    assert await leaves() is None
    (kept,) = await desk.desk.rows(tables.delivery, id=told.id)
    assert kept.state == "passed_on"  # by mail
    assert "STOP" in kept.error
    assert [(bad.address, bad.reason) for bad in await desk.desk.rows(tables.bad_address)] == [
        (ALICE, "opted out")
    ]

    await texted(desk, "START", 3)
    await db.write(
        lambda tx: tx.update(tables.delivery, {"ticket_id": told.ticket_id, "id": told.id}, state="queued")
    )

    outgoing = await leaves()
    assert outgoing is not None
    assert outgoing.to == Address(ALICE, outgoing.to.name)
    assert await desk.desk.rows(tables.bad_address) == []


async def test_staff_cannot_take_back_what_only_the_owner_of_a_number_can(db) -> None:
    desk = await exchange(db)
    await texted(desk, "Stampante ferma")
    await texted(desk, "STOP", 2)
    (told,) = await desk.desk.rows(tables.delivery)
    await db.write(sending.begin, told.ticket_id, told.id, now=desk.desk.now)

    def again(tx):
        case = Case.open(tx, told.ticket_id, now=desk.desk.now)
        returns.retry(case, told.id)
        case.save()

    await db.write(again)

    assert [bad.reason for bad in await desk.desk.rows(tables.bad_address)] == ["opted out"]
    assert await db.write(sending.begin, told.ticket_id, told.id, now=desk.desk.now) is None


async def test_a_text_that_did_not_arrive_is_seen_at_its_delivery(db) -> None:
    desk = await exchange(db)
    await texted(desk, "Stampante ferma")
    (told,) = await desk.desk.rows(tables.delivery)
    raw = (
        f'{{"form": {{"MessageSid": "{sid("SM", 9)}", "To": "{ALICE}", "ErrorCode": "30005"}}, '
        f'"status": "undelivered", "ref": "{id_token(told.id)}"}}'
    ).encode()
    arrival = Arrival(channel="sms", raw=raw, received_at=desk.desk.now, external_id="SM9/failed")
    stored = await db.write(door.accept, arrival, now=desk.desk.now)

    said = texting.read(raw, {"channel": "sms", "external_id": "SM9/failed"}, {})
    await db.write(intake.understand, stored, said, now=desk.desk.now)

    (kept,) = await desk.desk.rows(tables.delivery, id=told.id)
    assert kept.state == "passed_on"  # by mail
    assert token_id(said.bounce_tokens[0]) == told.id
