"""Can people call, press keys and speak? Real calls by sipp on loopback, most of them at the same time."""

from __future__ import annotations

import asyncio
import io
import logging
import random
import time
import wave
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

pytest.importorskip("baresip", reason="needs baresip-python")

from channels.phone import sounds
from core.calling import Gather
from tests.channels.phone.sip.a_carrier import Running, needs_sipp, needs_speech, running
from tests.channels.phone.sip.a_switchboard import Kept
from tests.channels.phone.sip.sipp import BYE, WAIT_FOR_BYE, Sipp, info, keys, pause, speak

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    needs_sipp,
    needs_speech,
    pytest.mark.xdist_group("sip-in"),
]

CROWD = 20
IDENTIFIED = [pause(1.0), keys("1"), pause(2.5), keys("4711#"), pause(4.0), keys("915203#"), pause(5.0)]
NUMBERS = [str(700 + n) for n in range(CROWD)]


@dataclass(slots=True)
class Day:
    """What came of all those calls."""

    line: Running
    done: dict[str, Sipp]
    crowd: list[tuple[str, str, str]]
    logged: str
    folder: Path
    spoken: Path


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def day(tmp_path_factory: pytest.TempPathFactory, spoken: Path) -> AsyncIterator[Day]:
    folder = tmp_path_factory.mktemp("sip")
    chance = random.Random(4711)
    crowd = [
        (f"+39061000{n:02}", f"{chance.randrange(10**4):04}", f"{chance.randrange(10**6):06}")
        for n in range(CROWD)
    ]
    kept = io.StringIO()
    handler = logging.StreamHandler(kept)
    root, level = logging.getLogger(), logging.getLogger().level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        async with running(folder, spoken=spoken) as line:
            short = Gather(timeout=1.0)
            for number, knobs in {
                "status": {},
                "crowd": {},
                "ahead": {},
                "interrupt": {"start": "main", "long_words": "Il servizio è aperto. " * 12},
                "info": {},
                "both": {"gather": Gather(minimum=1, maximum=4, pause=2.0)},
                "silent": {"gather": short},
                "message": {"start": "describe"},
                "cut": {"start": "describe"},
                "nothing": {"start": "describe"},
                "leaves": {},
                "wideband": {},
                "nocodec": {},
                "slow": {"away_later": 2},
                "waits": {"start": "queue"},
            }.items():
                line.hotline(number, **knobs)
            talk = [pause(2.0), speak()]
            calls = {
                "status": line.call("status", [*IDENTIFIED, keys("1"), WAIT_FOR_BYE]),
                "crowd": line.call(
                    "crowd",
                    [
                        pause(1.0),
                        keys("2"),
                        pause(2.5),
                        keys("[field1]#"),
                        pause(4.0),
                        keys("[field2]#"),
                        WAIT_FOR_BYE,
                    ],
                    calls=CROWD,
                    rate=20,
                    rows=[";".join(row) for row in crowd],
                ),
                "ahead": line.call("ahead", [pause(0.5), keys("14711#915203#1"), WAIT_FOR_BYE]),
                "interrupt": line.call("interrupt", [pause(1.5), keys("9"), WAIT_FOR_BYE]),
                "info": line.call("info", [pause(1.5), info("7"), pause(1.0), BYE]),
                "both": line.call(
                    "both",
                    [pause(1.0), keys("55"), pause(0.9), info("5"), pause(0.4), info("5"), pause(3.0), BYE],
                ),
                "silent": line.call("silent", [WAIT_FOR_BYE]),
                "message": line.call("message", [*talk, WAIT_FOR_BYE]),
                "cut": line.call("cut", [*talk, pause(3.0), BYE]),
                "nothing": line.call("nothing", [WAIT_FOR_BYE]),
                "leaves": line.call("leaves", [pause(1.0), BYE]),
                "wideband": line.call("wideband", [pause(1.5), keys("9"), pause(1.5), BYE], codecs="9 96"),
                "nocodec": line.call("nocodec", [], codecs="18 96", expect=488),
                "slow": line.call("slow", [pause(1.0), keys("1"), pause(5.0), BYE]),
                "waits": line.call("waits", [pause(2.0), keys("9"), WAIT_FOR_BYE]),
            }
            done = dict(zip(calls, await asyncio.gather(*calls.values()), strict=True))
            yield Day(line, done, crowd, kept.getvalue(), folder, spoken)
    finally:
        root.removeHandler(handler)
        root.setLevel(level)


async def only(day: Day, number: str) -> Kept:
    assert day.done[number].well, day.done[number].errors
    (kept,) = await day.line.ended(number)
    return kept


async def test_a_caller_chooses_enters_code_and_pin_and_hears_the_status(day: Day) -> None:
    kept = await only(day, "status")

    assert kept.path == ["language digits 1", "code digits 4711", "pin digits ••••••", "main digits 1"]
    assert kept.entered == "915203"
    assert (kept.ringing.caller, kept.ringing.called) == ("+390612345678", "status")


async def test_of_twenty_callers_at_once_no_digit_is_lost(day: Day) -> None:
    assert day.done["crowd"].well, day.done["crowd"].errors
    kept = await day.line.ended("crowd", CROWD)

    entered = {(one.ringing.caller, one.steps[1][2], one.entered) for one in kept}
    assert entered == set(day.crowd)


async def test_keys_typed_ahead_wait_for_who_asks_for_them(day: Day) -> None:
    kept = await only(day, "ahead")

    assert kept.path == ["language digits 1", "code digits 4711", "pin digits ••••••", "main digits 1"]
    assert kept.entered == "915203"


async def test_the_first_key_ends_what_is_being_said(day: Day) -> None:
    kept = await only(day, "interrupt")

    longest = max(sounds.seconds(sounds.pcm(file.read_bytes())) for file in day.spoken.glob("*/*.wav"))
    assert longest > 15
    # The goodbye after it, which no key ends, was heard to its end long before.
    assert kept.path == ["main digits 9"]
    assert kept.lasted < 7


async def test_a_key_that_comes_by_info_counts_and_one_that_comes_twice_counts_once(day: Day) -> None:
    assert (await only(day, "info")).path == ["language digits 7"]
    assert (await only(day, "both")).path == ["language digits 55"]


async def test_who_presses_nothing_is_asked_again_and_then_left(day: Day) -> None:
    kept = await only(day, "silent")

    assert kept.path == ["language silence", "language silence"]
    assert kept.lasted < 9


async def test_what_a_caller_says_is_recorded_until_they_say_no_more(day: Day) -> None:
    kept = await only(day, "message")

    assert kept.path == ["describe done recorded"]
    ((seq, audio),) = kept.audio
    assert (seq, audio.type) == (1, "audio/wav")
    with wave.open(io.BytesIO(audio.content)) as file:
        assert (file.getnchannels(), file.getframerate()) == (1, 8000)
        assert file.getnframes() / 8000 == pytest.approx(audio.seconds, abs=0.01)
    assert 5 < audio.seconds < 14
    assert sounds.level(sounds.pcm(audio.content)) > 200


async def test_a_message_counts_when_the_caller_hangs_up_while_speaking(day: Day) -> None:
    kept = await only(day, "cut")

    assert kept.path == ["describe done recorded"]
    assert len(kept.audio) == 1


async def test_where_nobody_speaks_there_is_no_recording(day: Day) -> None:
    kept = await only(day, "nothing")

    assert kept.path == ["describe done empty"]
    assert kept.audio == []


async def test_a_caller_who_hangs_up_is_told_to_the_hub_at_once(day: Day) -> None:
    kept = await only(day, "leaves")

    assert kept.path == []
    assert kept.lasted < 2


async def test_a_wideband_caller_is_understood(day: Day) -> None:
    assert (await only(day, "wideband")).path == ["language digits 9"]


async def test_a_caller_without_a_codec_of_ours_is_told_so_and_makes_no_call(day: Day) -> None:
    assert day.done["nocodec"].well, day.done["nocodec"].errors
    assert day.line.door.hotlines["nocodec"].calls == {}


async def test_a_hub_that_cannot_store_a_step_just_now_is_asked_again(day: Day) -> None:
    kept = await only(day, "slow")

    assert kept.path == ["language digits 1"]
    assert day.line.door.hotlines["slow"].away_later == 0


async def test_a_key_pressed_on_hold_is_told(day: Day) -> None:
    assert (await only(day, "waits")).path == ["queue digits 9"]


async def test_the_same_key_pressed_twice_counts_twice_though_the_hub_is_busy_meanwhile(day: Day) -> None:
    hotline = day.line.hotline("busy", gather=Gather(minimum=1, maximum=4, timeout=8.0, pause=2.0))
    calling = asyncio.create_task(day.line.call("busy", [pause(0.5), keys("1122"), pause(5.0), BYE]))
    await hotline.came.wait()
    await asyncio.sleep(1.2)
    time.sleep(2.0)  # noqa: ASYNC251 - nothing is done for anybody
    done = await calling

    assert done.well, done.errors
    assert (await day.line.ended("busy"))[0].path == ["language digits 1122"]


async def test_no_key_is_in_a_log_or_a_file(day: Day) -> None:
    assert "runtime started" in day.logged  # the engine's own lines were looked at
    assert "dtmf" not in day.logged.lower()
    for secret in ("915203", *(pin for _, _, pin in day.crowd)):
        assert secret not in day.logged
    files = [path for path in day.folder.rglob("*") if path.is_file()]  # the socket is none
    assert files == []  # everything recorded was handed in


async def test_nothing_is_left_of_calls_that_are_over(day: Day) -> None:
    for number, kept in day.line.door.hotlines.items():
        await day.line.ended(number, len(kept.calls))
    await asyncio.sleep(0.3)

    service = day.line.carrier._service
    assert service is not None
    assert len(service.engine) == 0
    assert service.engine.pump._streams == ()
    assert day.line.carrier._callers == set()


async def test_a_call_that_cannot_be_stored_is_refused(day: Day) -> None:
    hotline = day.line.hotline("away", away=1)

    done = await day.line.call("away", [], expect=486)

    assert done.well, done.errors
    assert hotline.calls == {}


async def test_callers_beyond_the_limit_hear_that_it_is_engaged(day: Day) -> None:
    day.line.hotline("full")
    carrier, most = day.line.carrier, day.line.carrier.max_calls
    carrier.max_calls = 0
    try:
        done = await day.line.call("full", [], expect=486)
    finally:
        carrier.max_calls = most

    assert done.well, done.errors
    assert day.line.door.hotlines["full"].calls == {}


async def test_calls_that_come_too_fast_are_refused(day: Day) -> None:
    hotline = day.line.hotline("fast")
    carrier, most = day.line.carrier, day.line.carrier.calls_per_second
    carrier.calls_per_second = 2
    try:
        await asyncio.sleep(1.0)
        first = [day.line.call("fast", [pause(0.5), BYE]) for _ in range(2)]
        taken = asyncio.gather(*first)
        while len(hotline.calls) < 2:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.02)
        refused = await day.line.call("fast", [], expect=486)
    finally:
        carrier.calls_per_second = most

    assert all(done.well for done in await taken)
    assert refused.well, refused.errors
    await day.line.ended("fast", 2)
