"""How often is a window of maintenance there, in words?"""

from __future__ import annotations

from babel.dates import format_date, get_day_names

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


def _nth(which: int, day: str, language: str) -> str:
    return day if which == 0 else say(language)(f"maintenance.nth.{'last' if which < 0 else which}", day=day)
