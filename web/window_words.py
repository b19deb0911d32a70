"""When is a window of maintenance there, and how often, in words?"""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_datetime, get_day_names

from core.desk.window_views import WindowView
from core.rules import windows
from web.words import say


def spoken(window: WindowView, language: str) -> str:
    """Such as "every week: Tuesday, until 31 December 2026"; empty: it is there once."""
    parts = windows.parts(window.meant)
    if parts is None:
        return ""
    t = say(language)
    names = get_day_names("wide", locale=language)
    on = [_nth(which, names[day], language) for which, day in parts.weekdays]
    on += [t("maintenance.last_day") if day < 0 else t("maintenance.day", day=day) for day in parts.days]
    kind = parts.frequency.lower()
    said = (
        t(f"maintenance.every.{kind}")
        if parts.interval == 1
        else t(f"maintenance.every_n.{kind}", n=parts.interval)
    )
    if on:
        said = f"{said}: {', '.join(on)}"
    if parts.count is not None:
        said = f"{said}, {t('maintenance.times', n=parts.count)}"
    if parts.last is not None:
        said = f"{said}, {t('maintenance.last', day=format_date(parts.last, 'd MMMM y', locale=language))}"
    return said


def span(since: datetime, until: datetime, zone: ZoneInfo, now: datetime, language: str) -> str:
    """From and until when, with the day, and the year where it is another one than now.

    >>> from datetime import UTC
    >>> at = datetime(2026, 12, 3, 22, tzinfo=UTC)
    >>> span(at, at.replace(hour=23, minute=30), ZoneInfo("Europe/London"), at, "en")
    'Thu 3 Dec, 22:00–23:30'
    >>> span(at, at.replace(day=4, hour=1), ZoneInfo("Europe/Rome"), at, "it")
    'gio 3 dic, 23:00 – ven 4 dic, 02:00'
    """
    begins, ends = since.astimezone(zone), until.astimezone(zone)
    day = "EEE d MMM" if begins.year == ends.year == now.astimezone(zone).year else "EEE d MMM y"
    first = format_datetime(begins, f"{day}, HH:mm", locale=language)
    if begins.date() == ends.date():
        return f"{first}–{ends:%H:%M}"
    return f"{first} – {format_datetime(ends, f'{day}, HH:mm', locale=language)}"


def _nth(which: int, day: str, language: str) -> str:
    return day if which == 0 else say(language)(f"maintenance.nth.{'last' if which < 0 else which}", day=day)
