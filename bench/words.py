"""What do people write? Lines of invented words whose frequencies fall as those of a language do, so that search has work."""

from __future__ import annotations

import random
from itertools import accumulate

VOCABULARY = 6_000
LINE = 64  # characters; all lines are as long, so that one may stand for another

_SOUNDS = (
    "ba be bi co da de fo ga gli lo ma me mi no pa per po qua re ri sa se sta te to tra va ve vi zio"
).split()


def _vocabulary() -> list[str]:
    chance = random.Random(1)
    words: dict[str, None] = {}
    while len(words) < VOCABULARY:
        words["".join(chance.choices(_SOUNDS, k=chance.choice((1, 2, 2, 3, 3, 4))))] = None
    return list(words)


_WORDS = _vocabulary()
_WEIGHTS = list(accumulate(1 / rank for rank in range(1, VOCABULARY + 1)))


def line(chance: random.Random) -> str:
    """One line of a mail."""
    text = " ".join(chance.choices(_WORDS, cum_weights=_WEIGHTS, k=LINE // 2)).capitalize()
    return text[: LINE - 1].rstrip().ljust(LINE, ".")


def subject(chance: random.Random) -> str:
    """A few words, rare ones among them."""
    return " ".join(
        chance.choices(_WORDS, cum_weights=_WEIGHTS, k=3) + chance.choices(_WORDS, k=2)
    ).capitalize()
