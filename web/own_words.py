"""What does the hub say of itself, in the language of whoever reads? Its alarms are kept as those of devices are, in the hub's first language.

A notice of ours is found again by its template (`templates/notices/LANGUAGE/own_*.txt`), and with it the values that stand at its places; so it is said
in another language, and what the program says at these places too. What no template says stays.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from jinja2 import UndefinedError

from core import texts
from core.desk.alert_looking import Seen
from core.desk.alert_views import Alarm
from core.settings import LANGUAGES
from web.known_words import in_words

_PLACE = re.compile(r"\{\{ *(.*?) *\}\}")
_KINDS = ("own_*", "source_silent")
_LONGEST = 4_000  # characters that are looked at


def title(alarm: Alarm, language: str) -> str:
    """What is wrong, on one line."""
    if not alarm.of_hub:
        return alarm.what
    kind, values = _found(alarm.summary, part=0)
    return _PLACE.sub(lambda at: str(values[at[1]]), _template(kind, language)[0]) if kind else alarm.what


def text(seen: Seen, language: str) -> str:
    """What else it says: how it is, and what to do."""
    if not seen.alarm.of_hub:
        return seen.text
    kind, values = _found(seen.text, part=1)
    if "why" in values:
        values["why"] = in_words(values["why"], language, "health")
    try:
        return texts.notice(kind, language, **values)[1].strip() if kind else seen.text
    except UndefinedError:  # of a value that only the first line has
        return seen.text


def _found(said: str, *, part: int) -> tuple[str, dict[str, Any]]:
    """Its kind and its values; "": it is no template's. `part`: the first line, or the rest."""
    told = said[:_LONGEST]
    for language in LANGUAGES:
        for kind, forms in _forms(language).items():
            form = forms[part]
            if form is not None and (match := form.fullmatch(told)) is not None:
                values = match.groupdict()
                counts = {name: int(value) for name, value in values.items() if re.fullmatch("[0-9]+", value)}
                return kind, values | counts
    return "", {}


@cache
def _forms(language: str) -> Mapping[str, tuple[re.Pattern[str], re.Pattern[str] | None]]:
    """Of each kind the first line, and the rest unless it is put together by more than places."""
    found = {}
    for kind in _kinds(language):
        line, rest = _template(kind, language)
        found[kind] = _form(line), None if "{%" in rest else _form(rest)
    return found


def _kinds(language: str) -> Iterator[str]:
    for name in _KINDS:
        for file in sorted((texts.TEMPLATES / "notices" / language).glob(f"{name}.txt")):
            yield file.stem


@cache
def _template(kind: str, language: str) -> tuple[str, str]:
    words = (texts.TEMPLATES / "notices" / language / f"{kind}.txt").read_text("utf-8")
    line, _, rest = words.partition("\n")
    return line.strip(), rest.strip()


def _form(words: str) -> re.Pattern[str]:
    """A value is the same wherever it stands; of words that depend on one nothing is kept."""
    known: set[str] = set()
    form = ""
    for n, piece in enumerate(_PLACE.split(words)):
        if n % 2 == 0:
            form += re.escape(piece)
        elif not piece.isidentifier():
            form += ".*?"
        elif piece in known:
            form += f"(?P={piece})"
        else:
            known.add(piece)
            form += f"(?P<{piece}>.*?)"
    return re.compile(form, re.DOTALL)
