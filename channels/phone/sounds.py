"""What is sound on the telephone? 16 bits, mono, 8000 samples a second: from and to WAV, other rates, and tones of our own."""

from __future__ import annotations

import array
import functools
import io
import math
import operator
import sys
import wave

RATE = 8000  # samples a second
WIDTH = 2  # bytes of a sample
SECOND = RATE * WIDTH  # bytes
LONGEST = 600  # seconds of a file we play; what follows is cut
_RATES = 4000, 192_000  # samples a second of a file that can be played
_TAPS = 8  # neighbours on each side, at the lower of two rates, that make a sample when the rate is changed


class NoSound(ValueError):
    """The bytes are no WAV that can be played; says why."""


def silence(seconds: float) -> bytes:
    return bytes(round(seconds * RATE) * WIDTH)


def seconds(pcm: bytes) -> float:
    return len(pcm) / SECOND


def wav(pcm: bytes, *, channels: int = 1) -> bytes:
    """The samples as a file."""
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(channels)
        out.setsampwidth(WIDTH)
        out.setframerate(RATE)
        out.writeframes(pcm)
    return file.getvalue()


def pcm(content: bytes) -> bytes:
    """The samples of a WAV file with any rate and number of channels, for the telephone. Raises NoSound."""
    try:
        with wave.open(io.BytesIO(content)) as file:
            channels, width, rate = file.getnchannels(), file.getsampwidth(), file.getframerate()
            if width not in (1, 2):
                raise NoSound(f"a WAV with {8 * width} bits a sample cannot be played; 8 or 16 can")
            if not _RATES[0] <= rate <= _RATES[1]:
                raise NoSound(f"a WAV with {rate} samples a second cannot be played")
            frames = file.readframes(min(file.getnframes(), LONGEST * rate))
    except (wave.Error, EOFError) as error:
        raise NoSound(f"this is no WAV with plain samples: {error}") from error
    samples = array.array("h", [(b - 128) << 8 for b in frames]) if width == 1 else _samples(frames)
    if channels > 1:
        samples = array.array(
            "h", [sum(samples[i : i + channels]) // channels for i in range(0, len(samples), channels)]
        )
    return _bytes(resampled(samples, rate, RATE))


def resampled(samples: array.array[int], source: int, target: int) -> array.array[int]:
    """The same sound at another rate, by a windowed sinc that keeps out what the lower rate cannot hold."""
    if source == target or not samples:
        return samples
    common = math.gcd(source, target)
    up, down = target // common, source // common
    kernels = _kernels(up, down)
    reach = len(kernels[0]) // 2
    padded = array.array("h", bytes(reach * WIDTH)) + samples + array.array("h", bytes(reach * WIDTH))
    out = array.array("h")
    width, count = 2 * reach, len(samples) * up // down
    for n in range(count):
        whole, phase = divmod(n * down, up)
        value = sum(map(operator.mul, kernels[phase], padded[whole : whole + width]))
        out.append(max(-32768, min(32767, round(value))))
    return out


def doubled(samples: bytes) -> bytes:
    """From 8000 to 16000 samples a second, fast: for a caller who speaks by G.722."""
    one = _samples(samples)
    between = array.array("h", [(a + b) >> 1 for a, b in zip(one, [*one[1:], *one[-1:]], strict=True)])
    out = array.array("h", bytes(2 * len(samples)))
    out[0::2], out[1::2] = one, between
    return _bytes(out)


def halved(samples: bytes) -> bytes:
    """From 16000 to 8000 samples a second, fast."""
    both = _samples(samples[: len(samples) // 4 * 4])
    return _bytes(array.array("h", [(a + b) >> 1 for a, b in zip(both[0::2], both[1::2], strict=True)]))


def level(samples: bytes) -> float:
    """How loud it is: the mean of the amplitude, 0 to 32767."""
    some = _samples(samples)
    return sum(map(abs, some)) / len(some) if some else 0.0


def side_by_side(left: bytes, right: bytes) -> bytes:
    """Two of the same length as one with two channels."""
    out = array.array("h", bytes(2 * len(left)))
    out[0::2], out[1::2] = array.array("h", left), array.array("h", right)
    return out.tobytes()


@functools.cache
def beep() -> bytes:
    """Speak now."""
    return _note(1000.0, 0.25) + silence(0.05)


@functools.cache
def ringback() -> bytes:
    """It rings at the other end: a second of 425 Hz in five."""
    return _note(425.0, 1.0, 0.15) + silence(4.0)


@functools.cache
def engaged() -> bytes:
    """It is engaged, or does not answer: 425 Hz, a fifth of a second on and off, for two seconds."""
    return (_note(425.0, 0.2, 0.15) + silence(0.2)) * 5


@functools.cache
def music() -> bytes:
    """What is played while somebody waits: chords taken apart, slowly, made here."""
    chords = ((220.0, 261.6, 329.6), (174.6, 220.0, 261.6), (196.0, 246.9, 293.7), (164.8, 196.0, 246.9))
    return b"".join(
        _note(tone * (2 if high else 1), 0.4, 0.12) for chord in chords for high in (0, 1) for tone in chord
    )


def _note(hertz: float, length: float, loud: float = 0.3) -> bytes:
    """It begins and ends softly, so that it does not click."""
    count = round(length * RATE)
    soft = min(400, count // 4)
    step = 2 * math.pi * hertz / RATE
    return _bytes(
        array.array(
            "h",
            [
                round(32767 * loud * math.sin(step * n) * min(1.0, n / soft, (count - n) / soft))
                for n in range(count)
            ],
        )
    )


@functools.cache
def _kernels(up: int, down: int) -> list[list[float]]:
    """For each of `up` places between two samples: the weights of the samples around it."""
    cut = min(1.0, up / down)
    reach = math.ceil(_TAPS / cut)
    kernels = []
    for phase in range(up):
        weights = []
        for n in range(-reach, reach):
            x = n - phase / up
            window = 0.5 + 0.5 * math.cos(math.pi * x / (reach + 1))
            weights.append(window * (cut if x == 0 else math.sin(math.pi * cut * x) / (math.pi * x)))
        whole = sum(weights)
        kernels.append([weight / whole for weight in weights])
    return kernels


def _samples(content: bytes) -> array.array[int]:
    samples = array.array("h", content[: len(content) // WIDTH * WIDTH])
    if sys.byteorder == "big":
        samples.byteswap()
    return samples


def _bytes(samples: array.array[int]) -> bytes:
    if sys.byteorder == "big":
        samples = samples[:]
        samples.byteswap()
    return samples.tobytes()
