"""Does the hub work as an extension of a switch, with members of staff and customers at telephones? All of it on loopback."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

pytest.importorskip("baresip", reason="needs baresip-python")


from channels.phone import sounds
from channels.phone.sip import calls_out, service
from channels.phone.sip.carrier import SipCarrier
from core.calling import Dial, Words
from core.channel import DeliveryError
from core.envelope import Address, Outgoing
from core.settings_values import Secret
from tests.channels.phone.sip.a_carrier import Running, needs_speech, running
from tests.channels.phone.sip.a_pbx import MISSING, Phone, holds, password, sides, switch
from tests.channels.phone.sip.a_switchboard import Hotline, Kept

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(bool(MISSING), reason=f"needs {', '.join(MISSING)}"),
    needs_speech,
    pytest.mark.xdist_group("sip-switch"),
]

STAFF, COLLEAGUE, CUSTOMER = "201", "202", "301"
TONES = {STAFF: 440.0, COLLEAGUE: 520.0, CUSTOMER: 620.0}


@dataclass(slots=True)
class Office:
    """The hub is extension 700."""

    line: Running
    switch: int
    phones: dict[str, Phone]

    def hotline(self, **knobs: Any) -> Hotline:
        return self.line.hotline("700", start="queue", ask_every=0.3, **knobs)

    async def calls(self, phone: str) -> None:
        """This one calls the hub."""
        await self.phones[phone].do("dial", f"sip:700@127.0.0.1:{self.switch}")
        await self.phones[phone].happened("CALL_ESTABLISHED")

    async def over(self) -> Kept:
        (kept,) = await self.line.ended("700")
        return kept


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def office(tmp_path_factory: pytest.TempPathFactory, spoken: Path) -> AsyncIterator[Office]:
    folder = tmp_path_factory.mktemp("office")
    async with switch(folder) as port:
        phones = {user: Phone(user, folder / user, tone) for user, tone in TONES.items()}
        try:
            await asyncio.gather(
                *(phone.start(port, answers=user != COLLEAGUE) for user, phone in phones.items())
            )
            account = {"domain": f"127.0.0.1:{port}", "registers": True, "password": Secret(password("700"))}
            async with running(folder, spoken=spoken, **account) as line:
                yield Office(line, port, phones)
        finally:
            await asyncio.gather(*(phone.stop() for phone in phones.values()))


@pytest_asyncio.fixture(loop_scope="module", autouse=True)
async def quiet(office: Office, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    """Every test leaves all telephones hung up."""
    monkeypatch.setattr(service, "PRESSES_WITHIN", 1.0)
    monkeypatch.setattr(service, "WHISPERS", 1)
    monkeypatch.setattr(calls_out, "BETWEEN", 0.3)
    yield
    for phone in office.phones.values():
        await phone.do("hangup")
    running = office.line.carrier._service
    assert running is not None
    async with asyncio.timeout(5):
        while len(running.engine):  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.05)
    for phone in office.phones.values():
        phone.events.clear()


async def test_a_waiting_caller_is_connected_with_whoever_presses_1(office: Office) -> None:
    staff, customer = office.phones[STAFF], office.phones[CUSTOMER]
    hotline = office.hotline(
        operators=["999", COLLEAGUE, STAFF], ring_seconds=2, record=True, place="Lei è il primo."
    )

    await office.calls(CUSTOMER)
    await staff.happened("CALL_ESTABLISHED")
    await asyncio.sleep(0.5)
    await staff.press("1")
    await asyncio.sleep(3.0)
    await staff.do("hangup")
    await asyncio.sleep(0.5)
    await customer.do("hangup")

    kept = await office.over()
    assert list(kept.offered.values()) == [
        "failed",
        "no_answer",
        "accepted",
    ]  # 404 at the switch; rings; takes it
    assert kept.path == ["queue done bridged"]
    # Each hears the other, and the recording has both, apart from each other: the caller to the left.
    assert holds(staff.heard()[-32000:], TONES[CUSTOMER]) > 0.8
    assert holds(customer.heard()[-48000:-16000], TONES[STAFF]) > 0.8
    async with asyncio.timeout(3):
        while not kept.audio:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.05)
    ((seq, audio),) = kept.audio
    left, right = sides(audio.content)
    assert seq == 0
    assert holds(left, TONES[CUSTOMER]) > 0.8
    assert holds(right, TONES[STAFF]) > 0.8
    assert 2.0 < audio.seconds < 5.0
    assert hotline.calls["700-1"].ringing.caller == CUSTOMER


async def test_of_two_who_are_rung_the_slower_is_let_go(office: Office) -> None:
    staff, colleague = office.phones[STAFF], office.phones[COLLEAGUE]
    office.hotline(operators=[STAFF, COLLEAGUE], at_once=True)

    await office.calls(CUSTOMER)
    await staff.happened("CALL_ESTABLISHED")
    await colleague.happened("CALL_INCOMING")
    await staff.press("1")
    await colleague.happened("CALL_CLOSED", within=3)

    await office.phones[CUSTOMER].do("hangup")
    await staff.happened("CALL_CLOSED", within=3)  # who is talked to is hung up as well
    kept = await office.over()
    assert list(kept.offered.values()) == ["accepted", "rung"]


async def test_2_declines_and_a_mailbox_presses_nothing(office: Office) -> None:
    office.hotline(operators=[STAFF, STAFF])

    await office.calls(CUSTOMER)
    await office.phones[STAFF].happened("CALL_ESTABLISHED")
    await office.phones[STAFF].press("2")
    await office.phones[STAFF].happened("CALL_CLOSED")
    await office.phones[CUSTOMER].happened("CALL_CLOSED", within=20)

    kept = await office.over()
    assert list(kept.offered.values()) == ["declined", "no_answer"]


async def test_a_caller_who_leaves_the_line_takes_the_ringing_with_them(office: Office) -> None:
    office.hotline(operators=[COLLEAGUE])

    await office.calls(CUSTOMER)
    await office.phones[COLLEAGUE].happened("CALL_INCOMING")
    await asyncio.sleep(0.3)
    await office.phones[CUSTOMER].do("hangup")

    await office.phones[COLLEAGUE].happened("CALL_CLOSED", within=3)
    assert (await office.over()).offered == {"700-1-offer-1": "rung"}


async def test_a_caller_who_gives_up_before_we_answer_was_there_all_the_same(office: Office) -> None:
    hotline = office.hotline(thinks=0.8)

    await office.phones[CUSTOMER].do("dial", f"sip:700@127.0.0.1:{office.switch}")
    await asyncio.wait_for(hotline.came.wait(), 5)
    await office.phones[CUSTOMER].do("hangup")
    await asyncio.sleep(1.0)

    kept = await office.over()
    assert kept.path == []
    assert kept.asked == 0


async def test_who_asks_us_to_call_somebody_else_is_refused(office: Office) -> None:
    office.hotline()

    await office.calls(CUSTOMER)
    await office.phones[CUSTOMER].do("transfer", f"sip:{STAFF}@127.0.0.1:{office.switch}")
    with pytest.raises(TimeoutError):
        await office.phones[STAFF].happened("CALL_INCOMING", within=1.5)

    assert (await office.line.door.hotlines["700"].find("sip", "x")) is None


def a_message(to: str) -> Outgoing:
    return Outgoing(
        delivery_id="1",
        channel="phone",
        ref="a" * 26,
        kind="progress",
        automatic=True,
        to=Address(to),
        subject="",
        text="Il guasto è risolto.",
        language="it",
        ticket_number="26-000001",
        reply_token=None,
        bounce_token="",
    )


async def test_a_message_is_spoken_twice_to_who_answers(office: Office) -> None:
    sent = await office.line.carrier.say(a_message(CUSTOMER))

    assert sent.remote_id
    once = await office.line.carrier.speech.render(Words(text="Il guasto è risolto.", language="it"))
    length = sounds.seconds(sounds.pcm(once))
    heard = office.phones[CUSTOMER].heard()
    loud = [sounds.level(heard[n : n + 1600]) > 300 for n in range(0, len(heard), 1600)]
    assert 1.4 * length < sum(loud) / 10 < 2.2 * length


async def test_a_message_that_nobody_takes_is_tried_again_later_unless_there_is_nobody(
    office: Office,
) -> None:
    ringing = asyncio.create_task(office.line.carrier.say(a_message(COLLEAGUE)))
    await office.phones[COLLEAGUE].happened("CALL_INCOMING")
    await office.phones[COLLEAGUE].do("hangup")  # 486
    with pytest.raises(DeliveryError) as busy:
        await ringing
    with pytest.raises(DeliveryError) as nobody:
        await office.line.carrier.say(a_message("999"))
    with pytest.raises(DeliveryError) as nonsense:
        await office.line.carrier.say(a_message("sip:201@elsewhere.test"))

    assert (busy.value.permanent, busy.value.retry_after) == (False, 300.0)
    assert (nobody.value.permanent, nonsense.value.permanent) == (True, True)


async def test_a_member_of_staff_is_connected_with_a_customer(office: Office) -> None:
    hotline = office.line.hotline("out")
    dial = Dial(
        call="out-1",
        operator=STAFF,
        number=CUSTOMER,
        whisper=(Words(text="Prema uno per chiamare il cliente.", language="it"),),
        language="it",
    )

    await office.line.carrier.dial(dial)
    await office.line.carrier.dial(dial)  # the job was run again
    await office.phones[STAFF].happened("CALL_ESTABLISHED")
    await asyncio.sleep(0.3)
    await office.phones[STAFF].press("1")
    await office.phones[CUSTOMER].happened("CALL_ESTABLISHED")
    await asyncio.sleep(2.0)
    await office.phones[CUSTOMER].do("hangup")
    await office.phones[STAFF].happened("CALL_CLOSED")

    async with asyncio.timeout(3):
        while hotline.outgoing.get("out-1", [])[-1:] != ["over"]:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.05)
    assert hotline.outgoing["out-1"] == ["operator", "connected", "over"]
    assert holds(office.phones[STAFF].heard()[-24000:], TONES[CUSTOMER]) > 0.8
    assert holds(office.phones[CUSTOMER].heard()[-24000:], TONES[STAFF]) > 0.8


async def test_another_process_of_the_hub_calls_by_the_one_that_holds_the_account(office: Office) -> None:
    holder = office.line.carrier
    other = SipCarrier(
        setup=holder.setup, speech=holder.speech, folder=holder.folder, max_calls=1, calls_per_second=1
    )
    hotline = office.line.hotline("out")

    with pytest.raises(DeliveryError) as nobody:
        await other.say(a_message("999"))
    await other.dial(Dial(call="out-4", operator="999", number=CUSTOMER, whisper=(), language="it"))

    assert (nobody.value.permanent, str(nobody.value)) == (True, "not answered: 404 Not Found")
    async with asyncio.timeout(3):
        while "out-4" not in hotline.outgoing:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.05)
    assert hotline.outgoing["out-4"] == ["failed"]


async def test_a_call_out_that_nobody_takes_says_why(office: Office) -> None:
    hotline = office.line.hotline("out")
    whisper = (Words(text="Prema uno.", language="it"),)
    await office.line.carrier.dial(
        Dial(call="out-2", operator="999", number=CUSTOMER, whisper=whisper, language="it")
    )
    await office.line.carrier.dial(
        Dial(call="out-3", operator=STAFF, number="999", whisper=whisper, language="it")
    )
    await office.phones[STAFF].happened("CALL_ESTABLISHED")
    await office.phones[STAFF].press("1")
    await office.phones[STAFF].happened("CALL_CLOSED")

    assert hotline.outgoing == {"out-2": ["failed"], "out-3": ["operator", "failed"]}
