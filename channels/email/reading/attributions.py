"""Does a line say who wrote what follows ("On … Alice wrote:")? Its words are read, not its look.

Programs put a day, an hour, a name and a word for writing together, in the order of their language, and nothing else.
A line with other words in it is a sentence of the writer.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from channels.email.reading import attribution_tables as tables

LINES = 4
CHARACTERS = 400
NAME_WORDS = 8
LOOSE_NAME_WORDS = 12
NAME_CHARACTERS = 40
WRAPPED = 60
"""Characters of a first line without number and address."""


@dataclass(frozen=True, slots=True)
class Attribution:
    """Lines that say who wrote what follows."""

    lines: int
    alone: bool
    """History begins even where what follows has no quote marks: nobody but a program writes such a line."""


def at(bare: Sequence[str], number: int) -> Attribution | None:
    """The attribution that begins with line `number`; lines above it are never part of it.

    >>> at(["3 users wait.", "On 1 May 2026 at 9:00 Bob <b@x.test> wrote:", "> Eh?"], 0)
    >>> at(["On 1 May 2026 at 9:00 Bob", "<b@x.test> wrote:", "> Eh?"], 0)
    Attribution(lines=2, alone=True)
    """
    if not may_begin(bare[number], bare[number + 1] if number + 1 < len(bare) else ""):
        return None
    joined = ""
    best: Attribution | None = None
    for count in range(1, LINES + 1):
        piece = bare[number + count - 1] if number + count <= len(bare) else ""
        if not piece or (count > 1 and piece.startswith(">") and not piece.startswith((">:", "> wrote"))):
            break
        joined = f"{joined} {piece}" if joined else piece
        if len(joined) > CHARACTERS:
            break
        if not _may_end(joined):
            continue
        in_front = bare[number].lower().startswith(tables.IN_FRONT)
        for later in () if in_front else range(number + 1, number + count):
            rest = " ".join(bare[later : number + count])
            below = _read(rest)
            further = _awaits_a_name(rest) if below is None else below.whole
            if further or (below is not None and not _is_opening(" ".join(bare[number:later]))):
                # It begins further down: this line is the writer's.
                return best if best is not None and number + best.lines <= later else None
        said = _read(joined)
        if said is None:
            continue
        if said.whole and (said.alone or said.colon):
            return Attribution(count, said.alone)
        best = best or Attribution(count, said.alone)  # "wrote:" or the day may stand in the next line
    return best


def may_begin(line: str, below: str = "") -> bool:
    """Is there a number or an address in the line? Most lines are done with this.

    `below`: the next line, for a program that wraps early leaves the first words alone: `On Tuesday, January`.
    """
    if _SIGN.search(line) is not None or line.lower().startswith(tables.QUOTING):
        return True
    return wraps(line, below)


def wraps(line: str, below: str) -> bool:
    """Is this the beginning of one whose figures and address are all in the line below?"""
    if not below or len(line) > WRAPPED or _SIGN.search(below) is None:
        return False
    low = line.lower()
    return low.startswith(tables.IN_FRONT) or low.rstrip(" .").rpartition(" ")[2] in tables.MONTHS


def is_one(line: str) -> bool:
    """Is this one line an attribution as a whole?"""
    return len(line) <= CHARACTERS and may_begin(line) and _may_end(line) and _read(line) is not None


_ENDS = (*tables.WROTE, *tables.WROTE_CJK, *tables.YOU)
_SIGN = re.compile(r"[\d@<]| via ")
_WROTE = re.compile(
    r"(?:^|(?<=[\s>\"'“”»)\],*\u200f-]))(?:"
    + "|".join(re.escape(w) for w in sorted(tables.WROTE, key=len, reverse=True))
    + r")(?=[\s:：,*_()-]|$)"
)
_BY = re.compile(
    r"\d,? (?:by|da|von|de|par|por|door|przez|от|від|od|av|af|fra|från) [^\s@<>]{1,64}@[^\s@<>]{1,255}$"
)
_YOU = re.compile(r"(?:^|(?<=[\s,]))(?:" + "|".join(map(re.escape, tables.YOU)) + r")(?=[\s:：,]|$)")
_ADDRESS = re.compile(
    r"<[^<>]{0,120}<[^<>]{0,120}>{1,2}|[<(\[][^<>()\[\]\s]{0,120}@[^<>()\[\]]{0,120}[>)\]]|<[^<>]{0,120}>|"
    r"[^\s<>()\[\],;:\"]{1,64}@[^\s<>()\[\],;:\"]{2,200}|&lt;[^&]{1,120}&gt;"
)
_CJK_DATE = re.compile(
    r"\d{2,4}\s?[年년]\s?\d{1,2}\s?[月월]\s?\d{1,2}\s?[日일](?:\s?[(（]?[月火水木金土日一二三四五六월화수목금토일周星期週]{1,3}[)）]?)?"
    r"|[周週]\s?[一二三四五六日]|(?:上午|下午|午前|午後|오전|오후|晚上|早上|中午)"
)
_WHEN = re.compile(
    r"(?<!\d)(?:\d{4}[-/.]\s?\d{1,2}[-/.]\s?\d{1,2}|\d{1,2}[./-]\s?\d{1,2}[./-]\s?\d{2,4}|\d{1,2}[-.]?[^\W\d_]{3,10}\.?-\d{2,4}"
    r"|[^\W\d_]{3,10}-\d{1,2}-\d{2,4})(?!\d)(?:\.|t(?=\d\d:))?"
)
_TIME = re.compile(
    r"(?<![\d.])\d{1,2}\s?[:.h]\s?\d\d(?:[:.]\d\d)?(?:[.,]\d{1,6})?(?:\s?[ap]\.?\s?m\.?)?(?![\d.]\d)|(?<!\d)\d{1,2}\s?[时時]\s?\d{1,2}\s?分?"
    r"|(?<!\d)\d{1,2}\s?[ap]\.?m\.?(?!\w)"
)
_ZONE = re.compile(r"[(\[]?(?:gmt|utc)?\s?[-+−]\d{1,2}:?(?:\d\d)?[)\]]?(?!\w)|\([a-z]{2,5}\)")
_NUMBER = re.compile(r"\d{1,4}(?:st|nd|rd|th|er|e|º|ª|de|\.)?(?:-?(?:go|ого|го))?")
_YEAR = re.compile(r"(?:19|20)\d\d")
_SPLIT = re.compile(r"[\s,;()\[\]\"“”„«»<>*、，`]+")
_ARABIC = str.maketrans("٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹", "01234567890123456789")
_STRIPPED = ".:'’‘\u200e\u200f\u202b\u202c/-–"
_END = " \t*_\u200e\u200f-–"


def _may_end(joined: str) -> bool:
    """Does the text end as an attribution does: with a colon, a word for writing or an address?"""
    tail = joined.rstrip(_END)
    if not tail:
        return False
    if tail[-1] in ":：>":
        return True
    low = tail[-40:].lower()
    return low.endswith(_ENDS) or joined.endswith("--")


@dataclass(frozen=True, slots=True)
class _Said:
    """What the words of an attribution say."""

    whole: bool
    """With a day of a month, or of a kind without one; an hour and a year alone may be the rest of a wrapped date."""
    colon: bool
    alone: bool


def _read(joined: str) -> _Said | None:
    """The words of a possible attribution; None for a sentence."""
    text = joined.strip(_END).lstrip("> ")
    colon = text.endswith((":", "：")) or joined.endswith("--")
    low = text.lower().rstrip(" :：").translate(_ARABIC)
    if low.startswith(tables.QUOTING):
        return _Said(whole=True, colon=colon, alone=False) if _ADDRESS.search(text) is not None else None
    addresses = _ADDRESS.findall(low)
    address = any("@" in one or one.startswith("<") for one in addresses)
    left = _ADDRESS.sub(" ", low)
    wrote = _YOU.search(left)
    you = wrote is not None
    wrote = wrote or _WROTE.search(left)
    if wrote is not None:
        left = f"{left[: wrote.start()]} {left[wrote.end() :]}"
    elif low.endswith(tables.WROTE_CJK):
        for word in tables.WROTE_CJK:
            left = left.replace(word, " ")
    elif not (address and low.endswith((">", ")", "]"))):
        by = address and colon and _BY.search(low) is not None and all(_without_date(left)[1:])
        return _Said(whole=True, colon=True, alone=False) if by else None
    written = wrote is not None or low.endswith(tables.WROTE_CJK)
    left, timed, day = _without_date(left)
    name = _names(left, text)
    if name is None:
        return None
    if not day and not (timed and _YEAR.search(left) is not None):
        # `Bob <bob@x.test> wrote:` without a day needs quoted lines below it.
        named = address or " via " in low
        fits = written and colon and named and name.small <= 1 and name.words <= NAME_WORDS
        return _Said(whole=False, colon=colon, alone=False) if fits else None
    if not name.words and not address:
        return _Said(whole=day, colon=colon, alone=False) if you and colon else None
    named_first = _begins_with_name(low, wrote)
    if not (named_first or _begins_well(low, wrote)):
        return None
    # A name in small letters is one word. Behind a capital, and before an address, some words may be small.
    trailing = name.small <= 2 and not name.begins_small and timed and address
    plain = name.words <= NAME_WORDS and (name.small == 0 or name.words == 1 or " via " in low or trailing)
    if not plain and not (timed and name.words <= LOOSE_NAME_WORDS):
        return None
    if not colon and not address and not written:
        return None
    certain = timed or (address and any(word.strip(_STRIPPED) in tables.DAYS for word in _SPLIT.split(low)))
    # `…からのメッセージ：` also stands above what a machine said, or a guest.
    certain = certain and (address or not low.endswith(tables.ONLY_WITH_ADDRESS))
    alone = plain and certain and not named_first and (colon or (written and address))
    return _Said(whole=day, colon=colon, alone=alone)


def _is_opening(line: str) -> bool:
    """A day, as programs begin with one: with the small word before it or an hour, and behind it at most a name."""
    low = line.lower().translate(_ARABIC)
    left, timed, day = _without_date(low)
    name = _names(left, line)
    opened = low.lstrip("- ").partition(" ")[0].strip(_STRIPPED) in tables.OPENINGS
    return day and (timed or opened) and name is not None and not name.small


def _awaits_a_name(text: str) -> bool:
    """`Am 23.11.2026 um 06:00 schrieb`: whose name stands in the next line."""
    low = text.lower().rstrip()
    first = low.partition(" ")[0].strip(_STRIPPED)
    return (
        low.endswith(_ENDS) and (first in tables.OPENINGS or first in tables.DAYS) and _without_date(low)[2]
    )


def _begins_with_name(low: str, wrote: re.Match[str] | None) -> bool:
    """`Alice Verdi wrote on 1 May 2026:` People begin so too: it needs a quote below."""
    if wrote is None or low[:1].isdigit() or _ADDRESS.search(low) is not None:
        return False
    behind = low[wrote.end() :].lstrip()
    return 0 < wrote.start() <= NAME_CHARACTERS and behind.partition(" ")[0] in tables.OPENINGS


def _begins_well(low: str, wrote: re.Match[str] | None) -> bool:
    """With a day, or the small word before one; or with the person, whose address stands before the day."""
    first = low.partition(" ")[0].strip(".,*\u200e\u200f\u202b").removeprefix("ב-")
    if first[:1].isdigit() or first in tables.OPENINGS or first in tables.DAYS or first in tables.MONTHS:
        return True
    if first in tables.GLUE or _CJK_DATE.match(low) is not None:
        return True
    if wrote is not None and wrote.start() == 0:
        return True
    address = _ADDRESS.search(low)
    day = _WHEN.search(low) or _YEAR.search(low)
    return address is not None and day is not None and address.start() < day.start()


def _without_date(text: str) -> tuple[str, bool, bool]:
    """The text with a nought for day and hour; whether it had an hour, and whether a day."""
    dated = timed = False
    left = text
    if _CJK_DATE.search(left) is not None:
        dated = "年" in left or "년" in left
        left = _CJK_DATE.sub(" 0 ", left)
    if _WHEN.search(left) is not None:
        dated = True
        left = _WHEN.sub(" 0 ", left)
    if _TIME.search(left) is not None:
        timed = True
        left = _TIME.sub(" 0 ", left)
    left = _ZONE.sub(" ", left)
    if not dated:
        found = _SPLIT.split(left)
        month = any(word.strip(".:'") in tables.MONTHS for word in found)
        dated = month and any(word[:1].isdigit() for word in found)
    return left, timed, dated


@dataclass(frozen=True, slots=True)
class _Name:
    """The words that are left for a name."""

    words: int = 0
    small: int = 0
    """How many begin with a small letter."""
    begins_small: bool = False


def _names(left: str, text: str) -> _Name | None:
    """What is left for a name; None for a sentence."""
    words = small = 0
    begins_small = False
    cased = {word.lower().strip(_STRIPPED): word.strip(_STRIPPED) for word in _SPLIT.split(text)}
    before = ""
    for number, raw in enumerate(_SPLIT.split(left)):
        word = raw.strip(_STRIPPED)
        if not word or word in tables.DAYS or word in tables.MONTHS or _NUMBER.fullmatch(word) is not None:
            before = ""
            continue
        if (
            word in tables.GLUE
            or word in tables.PARTICLES
            or word in tables.OPENINGS
            or word in tables.ARTICLES
        ):
            before = word if number and cased.get(word, word) == word else ""
            continue
        shown = cased.get(word, word)
        if (word in tables.PRONOUNS and shown[:1].islower()) or word in tables.FORMAL:
            return None
        if not words and before in tables.ARTICLES:
            return None
        is_small = word.isalpha() and shown[:1].islower()
        begins_small = begins_small or (is_small and not words)
        words += 1
        small += is_small
        if words > LOOSE_NAME_WORDS:
            return None
    return _Name(words, small, begins_small)
