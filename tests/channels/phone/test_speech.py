"""Are words spoken, kept, and spoken again without the program? With the real one, and with programs of our own."""

from __future__ import annotations

import array
import asyncio
import contextlib
import io
import math
import shutil
import wave
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.phone import sounds
from channels.phone.speech import CannotSpeak, Speech
from core.calling import Words

needs_speech = pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="needs espeak-ng")
HELLO = Words(text="Buongiorno. La richiesta è la 4 7 1 1.", language="it")


def a_program(folder: Path, text: str) -> str:
    program = folder / "program"
    program.write_text(f"#!/bin/sh\necho run >>{folder}/runs\n{text}\n")
    program.chmod(0o755)
    return str(program)


def a_tone(
    rate: int = 8000, *, channels: int = 1, width: int = 2, hertz: float = 500.0, seconds: float = 1.0
) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(channels)
        out.setsampwidth(width)
        out.setframerate(rate)
        values = [math.sin(2 * math.pi * hertz * n / rate) for n in range(round(rate * seconds))]
        wide = [value for value in values for _ in range(channels)]
        out.writeframes(
            array.array("h", [round(20000 * value) for value in wide]).tobytes()
            if width == 2
            else bytes(128 + round(78 * value) for value in wide)
        )
    return file.getvalue()


def files_below(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def crossings(pcm: bytes) -> int:
    samples = array.array("h", pcm)
    return sum(1 for a, b in pairwise(samples) if a < 0 <= b)


@needs_speech
async def test_words_become_a_wav_for_the_telephone_in_both_languages(tmp_path: Path) -> None:
    speech = Speech(folder=tmp_path)
    italian = await speech.render(HELLO)
    english = await speech.render(Words(text=HELLO.text, language="en-GB"))

    with wave.open(io.BytesIO(italian)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 8000)
    assert 1.5 < sounds.seconds(sounds.pcm(italian)) < 8
    assert sounds.level(sounds.pcm(italian)) > 300
    assert english != italian


async def test_what_was_spoken_once_is_not_spoken_again_even_after_a_restart(tmp_path: Path) -> None:
    (tmp_path / "tone.wav").write_bytes(a_tone())
    program = a_program(tmp_path, f"cat {tmp_path}/tone.wav")
    first = Speech(folder=tmp_path / "kept", program=program)

    same = await asyncio.gather(*(first.render(HELLO) for _ in range(20)))
    again = await Speech(folder=tmp_path / "kept", program=program).render(HELLO)
    await first.render(Words(text="Altro.", language="it"))

    assert {*same, again} == {same[0]}
    assert (tmp_path / "runs").read_text().count("run") == 2


async def test_piper_is_run_with_the_voice_file_of_the_language(tmp_path: Path) -> None:
    (tmp_path / "tone.wav").write_bytes(a_tone(22050))
    voice = tmp_path / "paola.onnx"
    voice.touch()
    program = a_program(
        tmp_path, f'[ "$1 $2 $3" = "-m {voice} -f" ] && cat >/dev/null && cp {tmp_path}/tone.wav "$4"'
    )
    speech = Speech(folder=tmp_path / "kept", engine="piper", program=program, voices={"it": str(voice)})

    assert speech.trouble() == ""
    assert sounds.seconds(sounds.pcm(await speech.render(HELLO))) == pytest.approx(1.0, abs=0.01)
    with pytest.raises(CannotSpeak, match='no voice for "en"'):
        await speech.render(Words(text="Hello.", language="en"))
    voice.unlink()
    assert "paola.onnx" in speech.trouble()


@pytest.mark.parametrize(
    ("text", "told"), [("exit 3", "ended with 3"), ("echo no sound", "no WAV"), ("exec true", "no WAV")]
)
async def test_a_program_that_fails_is_told_and_nothing_is_kept(tmp_path: Path, text: str, told: str) -> None:
    speech = Speech(folder=tmp_path / "kept", program=a_program(tmp_path, text))

    with pytest.raises(CannotSpeak, match=told):
        await speech.render(HELLO)
    assert files_below(tmp_path / "kept") == []


async def test_a_recorded_prompt_is_played_and_its_text_spoken_when_it_is_missing(tmp_path: Path) -> None:
    (tmp_path / "tone.wav").write_bytes(a_tone())
    speech = Speech(folder=tmp_path / "kept", program=a_program(tmp_path, f"cat {tmp_path}/tone.wav"))
    recorded = {"known": a_tone(44100, channels=2, seconds=2.0), "broken": b"RIFF"}

    async def sound(name: str) -> bytes:
        return recorded[name]

    lengths = [
        sounds.seconds(sounds.pcm(await speech.render(Words(text="x", language="it", recording=name), sound)))
        for name in ("known", "broken", "missing")
    ]
    assert lengths == pytest.approx([2.0, 1.0, 1.0], abs=0.01)


async def test_no_more_than_its_room_is_kept_and_what_was_used_last_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("channels.phone.speech.SWEEP", 1)
    (tmp_path / "tone.wav").write_bytes(a_tone(seconds=0.5))
    speech = Speech(
        folder=tmp_path / "kept", program=a_program(tmp_path, f"cat {tmp_path}/tone.wav"), room=30_000
    )
    for n in range(8):
        await speech.render(Words(text=f"Parola {n}.", language="it"))

    kept = list((tmp_path / "kept").glob("*/*.wav"))
    assert sum(path.stat().st_size for path in kept) <= 30_000
    assert len(kept) == 3


async def test_a_text_never_reaches_the_command_line(tmp_path: Path) -> None:
    (tmp_path / "tone.wav").write_bytes(a_tone())
    program = a_program(
        tmp_path, f'echo "$@" >{tmp_path}/arguments; cat >{tmp_path}/text; cat {tmp_path}/tone.wav'
    )

    await Speech(folder=tmp_path / "kept", program=program).render(
        Words(text="-f /etc/passwd\x00\n è", language="it")
    )

    assert (tmp_path / "arguments").read_text() == "-v it --stdin --stdout\n"
    assert (tmp_path / "text").read_text() == "-f /etc/passwd è"


# Sounds


@pytest.mark.parametrize("rate", [8000, 11025, 16000, 22050, 44100, 48000])
@pytest.mark.parametrize(("channels", "width"), [(1, 2), (2, 2), (1, 1)])
def test_a_wav_of_any_rate_keeps_its_tone_and_length(rate: int, channels: int, width: int) -> None:
    pcm = sounds.pcm(a_tone(rate, channels=channels, width=width))

    assert sounds.seconds(pcm) == pytest.approx(1.0, abs=0.001)
    assert crossings(pcm) == pytest.approx(500, abs=2)
    assert sounds.level(pcm) == pytest.approx(20000 * 2 / math.pi, rel=0.03)


def test_what_the_telephone_cannot_carry_is_left_out_instead_of_folded_back() -> None:
    assert sounds.level(sounds.pcm(a_tone(22050, hertz=7000.0))) < 300


@pytest.mark.parametrize(
    "content", [b"", b"RIFF", b"RIFF\x00\x00\x00\x00WAVEfmt ", b"ID3\x03", a_tone()[:30]]
)
def test_what_is_no_wav_is_told(content: bytes) -> None:
    with pytest.raises(sounds.NoSound):
        sounds.pcm(content)


@pytest.mark.parametrize("rate", [0, 100, 2**32 - 1])
def test_a_wav_with_a_rate_that_makes_no_sense_is_told(rate: int) -> None:
    content = bytearray(a_tone())
    content[24:28] = rate.to_bytes(4, "little")

    with pytest.raises(sounds.NoSound):
        sounds.pcm(bytes(content))


@given(st.binary(max_size=400))
def test_no_bytes_break_the_reading_of_sound(content: bytes) -> None:
    for whole in (content, a_tone(seconds=0.01)[:44] + content):
        with contextlib.suppress(sounds.NoSound):
            assert len(sounds.pcm(whole)) % 2 == 0


@given(st.binary(max_size=200).map(lambda some: some[: len(some) // 2 * 2]))
def test_wideband_there_and_back_keeps_the_length(pcm: bytes) -> None:
    assert len(sounds.doubled(pcm)) == 2 * len(pcm)
    assert len(sounds.halved(sounds.doubled(pcm))) == len(pcm)


def test_our_own_sounds_are_heard_and_do_not_hurt() -> None:
    for sound in (sounds.beep(), sounds.ringback(), sounds.engaged(), sounds.music()):
        assert 100 < sounds.level(sound) < 8000
        assert len(sound) % 2 == 0
