"""May we ring this number now, or when? What is decent in the country and the time zones of a telephone number.

A number of several time zones, such as a mobile in the United States, is rung only when it is decent in all of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import holidays
import phonenumbers
from phonenumbers import timezone

LOOK_AHEAD = 14  # days
SOON = timedelta(days=7)
"""Nobody is called back later for an hour that is decent in all zones of a number."""
WEEKDAY = (time(9), time(20))
SATURDAY = (time(10), time(19))
"""Sundays and public holidays: not at all."""
UNKNOWN = "Etc/Unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """May it ring now; if not, from when on."""

    now: bool
    at: datetime
    """Aware; `now` itself where it may."""
    country: str
    """ISO 3166; empty: the number names none."""
    reason: str
    """decent, night, sunday, holiday, no_number."""


def may_call(number: str, *, now: datetime, home: ZoneInfo) -> Decided:
    """Decide for one number in E.164. `home`: the zone of a number that has none of its own.

    >>> from datetime import UTC
    >>> at = may_call("+390612345678", now=datetime(2026, 11, 30, 22, 15, tzinfo=UTC), home=ZoneInfo("UTC"))
    >>> at.now, at.reason, at.at.isoformat()
    (False, 'night', '2026-12-01T08:00:00+00:00')
    """
    country, zones = _where(number)
    if not zones:
        return Decided(now=False, at=now, country="", reason="no_number")
    places = tuple(home if zone == UNKNOWN else ZoneInfo(zone) for zone in zones)
    reason = _why_not(now, places, country)
    if not reason:
        return Decided(now=True, at=now, country=country, reason="decent")
    for at in _openings(now, places, country):
        if at <= now + SOON and not _why_not(at, places, country):
            return Decided(now=False, at=at, country=country, reason=reason)
    # Zones so far apart that it is not decent in all for long: then in the first of them.
    at = next(iter(_openings(now, places[:1], country)))
    return Decided(now=False, at=at, country=country, reason=reason)


@lru_cache(maxsize=1024)
def _where(number: str) -> tuple[str, tuple[str, ...]]:
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return "", ()
    if not phonenumbers.is_possible_number(parsed):
        return "", ()
    region = phonenumbers.region_code_for_number(parsed) or ""
    return region if region.isalpha() else "", tuple(timezone.time_zones_for_number(parsed))


def _why_not(at: datetime, places: tuple[ZoneInfo, ...], country: str) -> str:
    for place in places:
        local = at.astimezone(place)
        hours = _hours(local, country)
        if hours is None:
            return "sunday" if local.weekday() == 6 else "holiday"
        if not hours[0] <= local.time() < hours[1]:
            return "night"
    return ""


def _hours(local: datetime, country: str) -> tuple[time, time] | None:
    if local.weekday() == 6 or local.date() in _holidays(country, local.year):
        return None
    return SATURDAY if local.weekday() == 5 else WEEKDAY


def _openings(now: datetime, places: tuple[ZoneInfo, ...], country: str) -> list[datetime]:
    """When it begins to be decent in one of the places, the next first."""
    found = []
    for place in places:
        today = now.astimezone(place)
        for ahead in range(LOOK_AHEAD):
            day = today + timedelta(days=ahead)
            hours = _hours(day, country)
            if hours is None:
                continue
            opens = datetime.combine(day.date(), hours[0], tzinfo=place).astimezone(now.tzinfo)
            if opens > now:
                found.append(opens)
    return sorted(found)


@lru_cache(maxsize=256)
def _holidays(country: str, year: int) -> frozenset[object]:
    if country not in holidays.list_supported_countries():
        return frozenset()
    return frozenset(holidays.country_holidays(country, years=year))
