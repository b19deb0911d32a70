"""Nobody is called at an hour that is not decent where their telephone is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.rules.calling_hours import may_call

ROME = ZoneInfo("Europe/Rome")
ITALIAN = "+390612345678"
NUMBERS = [
    ITALIAN,
    "+393331234567",
    "+442079460000",
    "+12125550100",
    "+18005550100",
    "+61291234567",
    "+8613800138000",
]


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ROME)


@pytest.mark.parametrize(
    ("when", "reason"),
    [
        ("2026-12-01 09:00", "decent"),
        ("2026-12-01 08:59", "night"),
        ("2026-12-01 19:59", "decent"),
        ("2026-12-01 20:00", "night"),
        ("2026-12-05 09:30", "night"),
        ("2026-12-05 10:00", "decent"),
        ("2026-12-06 12:00", "sunday"),
        ("2026-12-08 12:00", "holiday"),
        ("2026-12-25 12:00", "holiday"),
    ],
)
def test_in_italy_calls_have_their_hours(when: str, reason: str) -> None:
    decided = may_call(ITALIAN, now=at(when), home=ROME)

    assert (decided.now, decided.reason, decided.country) == (reason == "decent", reason, "IT")


@pytest.mark.parametrize(
    ("when", "then"),
    [
        ("2026-12-01 23:00", "2026-12-02 09:00"),
        ("2026-12-04 21:00", "2026-12-05 10:00"),
        ("2026-12-05 19:30", "2026-12-07 09:00"),
        ("2026-12-07 20:30", "2026-12-09 09:00"),  # the 8th is a holiday
        ("2026-10-24 21:00", "2026-10-26 09:00"),  # summer time ends meanwhile
    ],
)
def test_what_cannot_be_said_now_is_said_at_the_next_decent_hour(when: str, then: str) -> None:
    decided = may_call(ITALIAN, now=at(when), home=ROME)

    assert decided.at.astimezone(ROME).replace(tzinfo=None) == datetime.fromisoformat(then)


def test_the_hours_are_those_of_the_number_and_not_ours() -> None:
    noon_in_rome = datetime(2026, 12, 1, 11, 0, tzinfo=UTC)

    assert may_call(ITALIAN, now=noon_in_rome, home=ROME).now
    assert not may_call("+12125550100", now=noon_in_rome, home=ROME).now  # six in the morning in New York


def test_a_number_of_many_zones_is_called_when_it_is_decent_in_all() -> None:
    morning_in_new_york = datetime(2026, 12, 1, 15, 0, tzinfo=UTC)

    decided = may_call("+18005550100", now=morning_in_new_york, home=ROME)

    assert not decided.now


@pytest.mark.parametrize("number", ["", "112", "anna@acme.test", "+39", "+999123456789", "0612345678"])
def test_what_is_no_number_in_full_is_never_called(number: str) -> None:
    assert may_call(number, now=at("2026-12-01 12:00"), home=ROME).reason == "no_number"


@given(
    number=st.sampled_from(NUMBERS),
    minutes=st.integers(0, 60 * 24 * 400),
)
def test_the_next_hour_is_later_soon_and_decent(number: str, minutes: int) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)

    decided = may_call(number, now=now, home=ROME)

    if decided.now:
        assert decided.at == now
    else:
        assert now < decided.at <= now + timedelta(days=7)
        if number != "+18005550100":
            assert may_call(number, now=decided.at, home=ROME).now
