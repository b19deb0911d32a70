"""Until when is somebody away, or when are they back? The day that an automatic answer names, where it is one day beyond doubt."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, timedelta

CHARACTERS = 2_000
"""Of a text that are looked at."""
BEFORE, AFTER = timedelta(days=2), timedelta(days=400)
"""How far from the day the answer came such a day may lie; without a year it is the next one of that name."""

WEEKEND = timedelta(days=5)
"""So long, with days off, somebody may be back after the last day away."""

AWAY, BACK = "away until", "back on"
"""Remarks on a message; the day stands behind them, as ISO 8601 has it."""

_MONTHS = (
    "january januar gennaio janvier enero janeiro januari styczeń stycznia leden ledna jan gen ene sty",
    "february februar febbraio février fevrier febrero fevereiro februari luty lutego únor února feb fév fev lut",
    "march märz marzo mars março maart marzec marca marts březen března mar mär maa mrt",
    "april aprile avril abril kwiecień kwietnia duben dubna apr avr abr kwi",
    "may mai maggio mayo maio mei maj maja květen května mag",
    "june juni giugno juin junio junho czerwiec czerwca červen června jun giu",
    "july juli luglio juillet julio julho lipiec lipca červenec července jul lug juil lip",
    "august agosto août aout augustus augusti sierpień sierpnia srpen srpna aug ago sie",
    "september settembre septembre septiembre setembro wrzesień września září sep sept set wrz",
    "october oktober ottobre octobre octubre outubro październik października říjen října oct okt ott out paź",
    "november novembre noviembre novembro listopad listopada listopadu nov lis",
    "december dezember dicembre desember décembre decembre diciembre dezembro grudzień grudnia prosinec prosince dec dez dic déc gru",
)
MONTHS = len(_MONTHS)
_NUMBER_OF = {name: number for number, names in enumerate(_MONTHS, 1) for name in names.split()}

_ENGLISH = r"until|till|through"
_UNTIL = re.compile(
    rf"\b(?P<english>{_ENGLISH})\b|\b(?:[fs]ino\s+a(?:l|ll')?|bis(?:\s+(?:einschließlich|einschl\.|inkl\.))?(?:\s+zum)?|jusqu'(?:au|à)|hasta(?:\s+el)?|até|"
    r"t/m|tot(?:\s+en\s+met)?|till\s+och\s+med|t\.\s?o\.\s?m\.|til(?:\s+og\s+med)?|do(?=\s+\d{1,2}\.?\s+(?!de\b)[^\W\d_]))(?=[\s\d])",
    re.IGNORECASE,
)
_RANGE = re.compile(
    r"\b(?:(?P<english>from)|dal(?:l')?|du|del|vom|van|od|fra|från)\b[^.\n]{0,12}?\d[^\n]{0,28}?\s(?:to|al(?:l')?|au|bis|tot|a|do|til|till|-|–)\s",
    re.IGNORECASE,
)
_BACK = re.compile(
    r"\b(?:(?P<english>(?:be\s+)?back(?:\s+(?:in|at)\s+(?:the\s+)?(?:office|work|desk))?\s+on|return(?:ing)?(?:\s+to\s+(?:the\s+)?(?:office|work))?\s+on)|"
    r"(?:rientr(?:o|erò)|torn(?:o|erò)|di\s+ritorno|di\s+nuovo\s+in\s+(?:ufficio|servizio))(?:\s+in\s+ufficio)?\s+(?:il|dal|da)|(?:wieder|zurück)\s+(?:am|ab)(?:\s+dem)?|ab(?:\s+dem)?(?=[^\n]{3,32}\bwieder\b)|"
    r"(?:de\s+retour|reviens|reviendrai)(?:\s+au\s+bureau)?\s+le|(?:vuelvo|regreso|regresaré|volveré|de\s+vuelta)(?:\s+a\s+la\s+oficina)?\s+el|"
    r"(?:volto|regresso|de\s+volta)\s+(?:a|em|no\s+dia)|(?:terug|aanwezig)\s+op)(?=\s)",
    re.IGNORECASE,
)
_BETWEEN = r"(?:[^\W\d_]{1,14}[.,]?\s+){0,3}"
"""An article, the name of a day."""
_DAY = re.compile(
    rf"\s*{_BETWEEN}(?:(?P<iso>\d{{4}}-\d\d-\d\d)|(?P<first>\d{{1,2}})\s?(?P<mark>[./-])\s?(?P<second>\d{{1,2}})(?:\s?[./-]\s?(?P<year>\d{{4}}|\d\d)(?!\d))?(?![\d:]|\s?[./-]\s?\d|\s*(?:uhr|uur|ore|h|am|pm|a\.m|p\.m|oggi|heute|today|aujourd|hoy|hoje|vandaag)\b)|"
    r"(?P<day>\d{1,2})(?:st|nd|rd|th|er|º|°|\.)?\s+(?:of\s+|de\s+)?(?P<month>[^\W\d_]{3,12})\.?(?:,?\s+(?:de\s+)?(?P<year2>\d{4}))?)",
    re.IGNORECASE,
)
_MONTH_FIRST = re.compile(
    r"\s*(?:[^\W\d_]{1,14}[.,]?\s+){0,2}?(?P<month>[^\W\d_]{3,12})\.?\s+(?P<day>\d{1,2})(?:st|nd|rd|th)?(?!\d|[:/.]\d)(?:,?\s+(?P<year>\d{4}))?",
    re.IGNORECASE,
)


def told(subject: str, text: str, *, came: date) -> str:
    """`away until: 2026-12-07`, `back on: 2026-12-08`, or nothing. `came`: the day the answer is of.

    >>> told("Fuori ufficio", "Sono in ferie fino al 7 dicembre.", came=date(2026, 11, 30))
    'away until: 2026-12-07'
    >>> told("", "I am away until 7/12 and back when I am back.", came=date(2026, 11, 30))  # in English either
    ''
    """
    said = f"{subject}\n{text[:CHARACTERS]}".replace("’", "'")
    away, back = _only(said, (_UNTIL, _RANGE), came), _only(said, (_BACK,), came)
    if away is not None and back is not None and not timedelta(0) <= back - away <= WEEKEND:
        away = None  # something else is until then: who says when they are back means themselves
    if away is not None:
        return f"{AWAY}: {away.isoformat()}"
    return f"{BACK}: {back.isoformat()}" if back is not None else ""


def _only(said: str, forms: Sequence[re.Pattern[str]], came: date) -> date | None:
    """The day that is named so; None: none is, or several are."""
    days = {
        found
        for form in forms
        for match in form.finditer(said)
        if (found := _day(said, match.end(), english=bool(match["english"]), came=came)) is not None
    }
    return days.pop() if len(days) == 1 else None


def _day(said: str, at: int, *, english: bool, came: date) -> date | None:
    first = _MONTH_FIRST.match(said, at)
    if first is not None and (month := _NUMBER_OF.get(first["month"].lower())):
        return _near(first["year"], month, int(first["day"]), came)
    match = _DAY.match(said, at)
    if match is None:
        return None
    if match["iso"]:
        year, *rest = match["iso"].split("-")
        return _near(year, int(rest[0]), int(rest[1]), came)
    if match["day"]:
        number = _NUMBER_OF.get(match["month"].lower())
        return _near(match["year2"], number, int(match["day"]), came) if number else None
    one, two = int(match["first"]), int(match["second"])
    if english and match["mark"] != "/" and not match["year"]:
        return None  # a time, or hours from one to another
    if english and match["mark"] == "/":
        # Half of those who write English mean the month by the first number, the others the day.
        if max(one, two) <= MONTHS and one != two:
            return None
        if two > MONTHS:
            one, two = two, one
    return _near(match["year"], two, one, came)


def _near(year: str | None, month: int, day: int, came: date) -> date | None:
    """That day, if it lies near enough."""
    years = (int(year) + (2000 if len(year) == 2 else 0),) if year else (came.year, came.year + 1)  # noqa: PLR2004
    for one in years:
        try:
            found = date(one, month, day)
        except ValueError:
            continue
        if came - BEFORE <= found <= came + AFTER:
            return found
    return None
