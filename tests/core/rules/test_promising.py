"""What is promised lies ahead, on the customer's clock; and at night nobody's pocket rings for what can wait."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.rules import promising, quiet_hours
from core.rules.promising import Impossible, Then

ROME, LONDON = ZoneInfo("Europe/Rome"), ZoneInfo("Europe/London")
NOON = datetime(2026, 3, 2, 11, tzinfo=UTC)  # at noon in Rome
instants = st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC))


@pytest.mark.parametrize(
    ("words", "zone", "utc"),
    [
        ("30m", ROME, "2026-03-02T11:30"),
        ("16:00", ROME, "2026-03-02T15:00"),
        ("16:00", LONDON, "2026-03-02T16:00"),
        ("tomorrow 09:00", ROME, "2026-03-03T08:00"),
        ("2026-03-05T10:15", ROME, "2026-03-05T09:15"),
        ("2026-03-05T10:15+02:00", ROME, "2026-03-05T08:15"),
    ],
)
def test_words_mean_an_instant_on_the_customers_clock(words, zone, utc):
    assert promising.due(words, NOON, zone) == datetime.fromisoformat(utc).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("11:59", "past"),
        ("0m", "past"),
        ("2026-03-01T10:00", "past"),
        ("2026-05-01T10:00", "too_far"),
        ("soon", "no_time"),
        ("25:00", "no_time"),
        ("agreed", "not_agreed"),
    ],
)
def test_what_cannot_be_promised_is_refused_with_its_reason(words, code):
    with pytest.raises(Impossible) as refused:
        promising.due(words, NOON, ROME)
    assert refused.value.code == code


def test_a_time_that_comes_twice_is_its_first():
    at = promising.due("2026-10-25T02:30", datetime(2026, 10, 24, 9, tzinfo=UTC), ROME)
    assert at == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


@given(instants, st.sampled_from([ROME, LONDON, ZoneInfo("America/New_York"), ZoneInfo("Asia/Tokyo")]))
def test_whatever_is_offered_lies_ahead_and_falls_due_in_order(now, zone):
    for one in promising.choices(now, zone, agreed=now + timedelta(hours=2)):
        assert one.at > now
        assert promising.due(one.word, now, zone, agreed=now + timedelta(hours=2)) == one.at
        first = promising.watch(one.at, now)
        looks = first.next_at or now
        seen = [first.then]
        while looks is not None:
            step = promising.watch(one.at, looks)
            seen.append(step.then)
            looks = step.next_at
        assert [then for then in seen if then is not Then.WAIT][-2:] == [Then.REMIND, Then.PAGE]


@given(
    instants, st.sampled_from([ROME, LONDON]), st.sampled_from(["21:00-08:00", "12:00-14:00", "00:00-06:30"])
)
def test_a_notice_waits_for_the_end_of_the_quiet_hours_and_never_again(now, zone, words):
    quiet = quiet_hours.read(words)
    at = quiet_hours.over_at(quiet, priority="P4", pocket=True, now=now, zone=zone)

    assert now <= at <= now + timedelta(hours=13)
    assert quiet_hours.over_at(quiet, priority="P4", pocket=True, now=at, zone=zone) == at
    for priority, pocket in (("P1", True), ("P2", True), ("P4", False)):
        assert quiet_hours.over_at(quiet, priority=priority, pocket=pocket, now=now, zone=zone) == now


@pytest.mark.parametrize("words", ["21-08", "21:00-25:00", "08:00-08:00", "always"])
def test_quiet_hours_that_are_none_are_refused(words):
    with pytest.raises(ValueError, match="quiet hours"):
        quiet_hours.read(words)
