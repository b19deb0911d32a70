"""Planned work repeats on the clocks of its place, also in the nights in which they jump."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import pytest
from dateutil.rrule import rrulestr
from hypothesis import given
from hypothesis import strategies as st

from core.rules import windows
from core.rules.windows import Span, Unusable, Window
from tests.spending import quickly

ROME = ZoneInfo("Europe/Rome")
SPRING, AUTUMN = date(2026, 3, 29), date(2026, 10, 25)
"""The nights in which Rome's clocks jump: 02:00 is not there, or comes twice."""
ZONES = ("Europe/Rome", "America/New_York", "Australia/Lord_Howe", "UTC", "America/Santiago", "Africa/Cairo")
RULES = (
    "FREQ=DAILY",
    "FREQ=DAILY;INTERVAL=3",
    "FREQ=WEEKLY",
    "FREQ=WEEKLY;INTERVAL=2",
    "FREQ=MONTHLY",
    "FREQ=MONTHLY;INTERVAL=12",
)


def local(day: date, at: str, zone: ZoneInfo = ROME) -> datetime:
    return datetime.combine(day, time.fromisoformat(at), zone).astimezone(UTC)


def weekly(day: date, begins: str, ends: str) -> Window:
    return Window(since=local(day, begins), until=local(day, ends), rule="FREQ=WEEKLY", zone="Europe/Rome")


def clocks(span: Span) -> tuple[str, str]:
    return f"{span.since.astimezone(ROME):%H:%M}", f"{span.until.astimezone(ROME):%H:%M}"


def spans(window: Window, since: datetime, **ahead: float) -> list[Span]:
    return list(windows.occurrences(window, since, since + timedelta(**ahead)))


# --- The nights in which clocks jump ---


@pytest.mark.parametrize("night", [SPRING, AUTUMN])
def test_a_weekly_window_at_two_is_at_two_in_summer_and_in_winter(night):
    window = weekly(night - timedelta(days=7), "02:00", "04:00")
    before, during, after = spans(window, window.since, days=15)
    assert clocks(before) == clocks(after) == ("02:00", "04:00")
    assert (after.since - before.since) - timedelta(days=14) == timedelta(hours=-1 if night == SPRING else 1)
    assert during.until == local(night, "04:00")


def test_what_begins_in_the_hour_that_is_not_there_begins_as_the_old_clock_had_it():
    window = weekly(SPRING - timedelta(days=7), "02:30", "04:00")
    assert clocks(spans(window, window.since, days=8)[1]) == ("03:30", "04:00")


def test_what_would_end_before_it_begins_in_that_night_is_as_long_as_planned():
    window = weekly(SPRING - timedelta(days=7), "02:30", "03:15")
    during = spans(window, window.since, days=8)[1]
    assert clocks(during) == ("03:30", "04:15")


def test_the_hour_that_comes_twice_begins_at_its_first_time():
    window = weekly(AUTUMN - timedelta(days=7), "02:00", "04:00")
    during = spans(window, window.since, days=8)[1]
    assert (during.since, during.until - during.since) == (
        datetime(2026, 10, 25, 0, tzinfo=UTC),
        timedelta(hours=3),
    )


@given(
    rule=st.sampled_from(RULES),
    zone=st.sampled_from(ZONES),
    day=st.dates(date(2025, 1, 1), date(2027, 12, 31)),
    begins=st.times().map(lambda at: at.replace(second=0, microsecond=0)),
    minutes=st.integers(1, 3 * 24 * 60),
    ahead=st.integers(0, 800),
)
def test_whatever_the_rule_occurrences_keep_their_wall_clock_and_never_run_backwards(
    rule, zone, day, begins, minutes, ahead
):
    place = ZoneInfo(zone)
    since = datetime.combine(day, begins, place).astimezone(UTC)
    window = Window(since=since, until=since + timedelta(minutes=minutes), rule=rule, zone=zone)
    look = since + timedelta(days=ahead)
    found = list(windows.occurrences(window, look, look + timedelta(days=40)))
    assert found == sorted(found)
    first = since.astimezone(place)
    for one in found:
        assert one.until > one.since
        assert one.until > look
        there = one.since.astimezone(place)
        missing = datetime.combine(there.date(), first.time(), place).astimezone(UTC).astimezone(place)
        assert there.time() in (first.time(), missing.time())
    if found:
        middle = found[0].since + (found[0].until - found[0].since) / 2
        going_on = windows.at(window, middle)
        assert going_on is not None
        assert going_on.until >= found[0].until


@given(
    rule=st.sampled_from(RULES),
    day=st.dates(date(2025, 1, 1), date(2027, 12, 31)),
    step=st.integers(0, 400),
)
def test_what_is_found_from_any_day_on_is_what_is_found_from_the_beginning(rule, day, step):
    since = local(day, "02:15")
    window = Window(since=since, until=since + timedelta(hours=30), rule=rule, zone="Europe/Rome")
    look, end = since + timedelta(days=step), since + timedelta(days=500)
    everything = list(windows.occurrences(window, since, end))
    assert list(windows.occurrences(window, look, end)) == [one for one in everything if one.until > look]


# --- Once, ended, over ---


def test_a_window_without_a_rule_is_there_once():
    window = Window(since=local(SPRING, "10:00"), until=local(SPRING, "12:00"))
    assert windows.at(window, window.since) == Span(window.since, window.until)
    assert windows.at(window, window.until) is None
    assert windows.at(window, window.since - timedelta(seconds=1)) is None
    assert windows.following(window, window.until) is None
    assert windows.over_at(window) == window.until


def test_ending_one_occurrence_leaves_those_that_follow():
    first = weekly(date(2026, 6, 2), "02:00", "04:00")
    ended = Window(
        since=first.since,
        until=first.until,
        rule=first.rule,
        zone=first.zone,
        ended_at=local(date(2026, 6, 9), "02:30"),
    )
    assert [clocks(one) for one in spans(ended, ended.since, days=15)] == [
        ("02:00", "04:00"),
        ("02:00", "02:30"),
        ("02:00", "04:00"),
    ]
    assert windows.at(ended, local(date(2026, 6, 9), "03:00")) is None
    assert windows.at(ended, local(date(2026, 6, 9), "02:10")) is None, (
        "the clock was set back: it stays over"
    )
    assert windows.at(ended, local(date(2026, 6, 2), "02:10")) is not None
    assert windows.at(ended, local(date(2026, 6, 16), "02:10")) is not None


def test_a_rule_with_an_end_says_when_it_is_over():
    first = weekly(date(2026, 6, 2), "02:00", "04:00")

    def over(rule: str) -> datetime:
        return windows.over_at(Window(since=first.since, until=first.until, rule=rule, zone="Europe/Rome"))

    assert over("FREQ=WEEKLY") == windows.NEVER
    assert over("FREQ=WEEKLY;COUNT=3") == local(date(2026, 6, 16), "04:00")
    assert over("FREQ=WEEKLY;UNTIL=20260609") == local(date(2026, 6, 9), "04:00")
    assert over("FREQ=WEEKLY;UNTIL=20260609T000000Z") == local(date(2026, 6, 9), "04:00")  # 02:00 in Rome
    assert over("FREQ=WEEKLY;UNTIL=20260608T235959Z") == local(date(2026, 6, 2), "04:00")


def test_what_lies_far_back_is_still_found_at_once():
    window = Window(
        since=local(date(2006, 1, 2), "02:00"),
        until=local(date(2006, 1, 2), "04:00"),
        rule="FREQ=DAILY",
        zone="Europe/Rome",
    )
    following = windows.following(window, local(date(2026, 6, 2), "12:00"))
    assert following is not None
    assert following.since == local(date(2026, 6, 3), "02:00")
    assert len(list(islice(windows.occurrences(window, following.since, windows.NEVER), 5))) == 5


# --- Rules ---


@pytest.mark.parametrize(
    ("rule", "kept"),
    [
        ("", ""),
        ("RRULE:FREQ=DAILY", "FREQ=DAILY"),
        ("freq=weekly;byday=tu,th;wkst=mo", "FREQ=WEEKLY;BYDAY=TU,TH;WKST=MO"),
        ("FREQ=MONTHLY;BYDAY=1TU", "FREQ=MONTHLY;BYDAY=1TU"),
        ("FREQ=MONTHLY;BYMONTHDAY=3;COUNT=12", "FREQ=MONTHLY;BYMONTHDAY=3;COUNT=12"),
    ],
)
def test_a_rule_is_kept_as_it_is_meant(rule, kept):
    assert windows.checked(rule, local(date(2026, 3, 3), "02:00"), ROME) == kept


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("WEEKLY", "parts such as"),
        ("FREQ=HOURLY", "must begin with FREQ="),
        ("INTERVAL=2", "must begin with FREQ="),
        ("FREQ=DAILY;BYMONTH=2", "BYMONTH cannot be used"),
        ("FREQ=WEEKLY;BYHOUR=3", "BYHOUR cannot be used"),
        ("FREQ=WEEKLY;BYDAY=MO", "does not name the day"),
        ("FREQ=WEEKLY;BYDAY=1TU", "BYDAY must be days"),
        ("FREQ=WEEKLY;BYDAY=TU;BYDAY=WE", "each once"),
        ("FREQ=MONTHLY;BYDAY=5TU", "BYDAY must be days"),
        ("FREQ=MONTHLY;BYMONTHDAY=32", "BYMONTHDAY must be"),
        ("FREQ=MONTHLY;INTERVAL=12;BYMONTHDAY=31", "does not name the day"),
        ("FREQ=DAILY;COUNT=0", "COUNT must be a number"),
        ("FREQ=DAILY;COUNT=3;UNTIL=20260401", "choose one"),
        ("FREQ=DAILY;UNTIL=20260231", "a date that there is"),
        ("FREQ=DAILY;UNTIL=tomorrow", "UNTIL must be a date"),
        ("FREQ=DAILY;UNTIL=20990101", "leave UNTIL out"),
        ("FREQ=DAILY;UNTIL=20200101", "ends before it begins"),
        ("FREQ=WEEKLY;WKST=XX", "WKST must be"),
        ("FREQ=DAILY;INTERVAL=" + "1" * 300, "longer than"),
    ],
)
def test_a_rule_that_cannot_be_kept_is_refused_with_what_would_be_right(rule, said):
    with pytest.raises(Unusable, match=said):
        windows.checked(rule, local(date(2026, 3, 3), "02:00"), ROME)


ANY_DAYS = st.lists(
    st.tuples(st.sampled_from(("", "1", "2", "3", "4", "-1")), st.sampled_from(windows.DAYS)),
    min_size=1,
    max_size=3,
)


@given(
    day=st.dates(date(2025, 1, 1), date(2027, 12, 31)),
    frequency=st.sampled_from(("WEEKLY", "MONTHLY")),
    weekdays=ANY_DAYS,
    days=st.lists(st.sampled_from([*range(1, 32), -1]), min_size=1, max_size=3),
    by_weekday=st.booleans(),
    interval=st.integers(1, 52),
)
def test_the_first_time_of_a_rule_that_is_kept_is_the_day_on_which_the_window_begins(
    day, frequency, weekdays, days, by_weekday, interval
):
    by = (
        "BYDAY=" + ",".join(f"{'' if frequency == 'WEEKLY' else nth or '1'}{name}" for nth, name in weekdays)
        if by_weekday or frequency == "WEEKLY"
        else "BYMONTHDAY=" + ",".join(map(str, days))
    )
    rule = f"FREQ={frequency};INTERVAL={interval};{by}"
    wall = datetime.combine(day, time(2))
    of_library = next(
        iter(rrulestr(rule, dtstart=wall, cache=False).xafter(wall - timedelta(days=1), count=1)), None
    )
    try:
        kept = windows.checked(rule, local(day, "02:00"), ROME)
    except Unusable:
        assert of_library != wall
        return
    assert (kept, of_library) == (rule, wall)


@given(st.text(alphabet="FREQDAILYWKMONTHBYCUS=;,0123456789-:+ ", max_size=60))
def test_any_text_is_a_rule_or_refused(text):
    try:
        kept = windows.checked(text, local(date(2026, 3, 3), "02:00"), ROME)
    except Unusable:
        return
    assert kept == windows.checked(kept, local(date(2026, 3, 3), "02:00"), ROME)


def test_two_people_decide_what_is_long_or_concerns_everything():
    week = Window(since=local(SPRING, "10:00"), until=local(SPRING, "10:00") + timedelta(days=7))
    longer = Window(since=week.since, until=week.until + timedelta(seconds=1))
    assert not windows.needs_second_person(week, whole_customer=False)
    assert windows.needs_second_person(week, whole_customer=True)
    assert windows.needs_second_person(longer, whole_customer=False)


@pytest.mark.parametrize(
    ("rule", "hours", "two"),
    [
        ("FREQ=DAILY", 24, True),
        ("FREQ=DAILY", 22, True),
        ("FREQ=DAILY", 30, True),
        ("FREQ=WEEKLY", 7 * 24, True),
        ("FREQ=DAILY", 21, False),
        ("FREQ=DAILY;COUNT=7", 24, False),
        ("FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR", 24, False),
    ],
)
def test_what_repeats_so_that_hardly_an_hour_is_outside_is_decided_by_two(rule, hours, two):
    since = local(date(2026, 3, 2), "00:00")
    window = Window(since=since, until=since + timedelta(hours=hours), rule=rule, zone="Europe/Rome")
    assert windows.needs_second_person(window, whole_customer=False) is two


EVERY_DAY = ",".join(map(str, range(1, 32)))


@pytest.mark.parametrize(
    ("first", "rule", "hours", "two"),
    [
        (date(2026, 3, 1), f"FREQ=MONTHLY;BYMONTHDAY=1,{','.join(map(str, range(9, 32)))}", 24, True),
        (date(2026, 3, 31), f"FREQ=MONTHLY;INTERVAL=2;BYMONTHDAY={EVERY_DAY}", 24, True),
        (date(2026, 3, 1), "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,TU,WE,TH,FR,SA,SU", 30, True),
        (date(2026, 1, 1), "FREQ=MONTHLY;INTERVAL=52;BYMONTHDAY=1,23,24,25,26,27,28,29,30,31", 24, True),
        (date(2026, 3, 1), "FREQ=MONTHLY;BYMONTHDAY=1,2,3,4,5,26,27,28", 24, True),  # in February
        (date(2026, 1, 24), "FREQ=MONTHLY;BYMONTHDAY=1,24,25,26,27,28,29,30,31", 20, False),
        (date(2026, 1, 24), "FREQ=MONTHLY;BYMONTHDAY=1,24,25,26,27,28,29,30,31", 24, True),
        (date(2026, 3, 7), "FREQ=MONTHLY;BYDAY=1SA", 48, False),
        (date(2026, 3, 7), "FREQ=WEEKLY;BYDAY=SA", 48, False),
        (date(2026, 3, 2), "FREQ=DAILY", 8, False),
        (date(2026, 3, 2), "FREQ=DAILY;INTERVAL=2", 36, False),
        (date(2026, 10, 20), "FREQ=DAILY;COUNT=7", 24, False),
    ],
)
def test_what_hardly_leaves_an_hour_out_is_decided_by_two_whenever_in_the_year_that_is(
    first, rule, hours, two
):
    since = local(first, "22:00")
    kept = windows.checked(rule, since, ROME)
    until = local(first + timedelta(days=(22 + hours) // 24), f"{(22 + hours) % 24:02}:00")
    window = Window(since=since, until=until, rule=kept, zone="Europe/Rome")
    assert windows.needs_second_person(window, whole_customer=False) is two


def nightly_of(things: int, hours: int, *, days_ago: int = 0) -> list[list[Window]]:
    """A window of each thing, every night a little later than of the one before."""
    first = local(date(2026, 12, 1), "01:00") - timedelta(days=days_ago)
    return [
        [
            Window(
                since=first + timedelta(seconds=n),
                until=first + timedelta(seconds=n, hours=hours),
                rule="FREQ=DAILY",
                zone="Europe/Rome",
            )
        ]
        for n in range(things)
    ]


@pytest.mark.parametrize("rule", ["", "FREQ=DAILY"])
@pytest.mark.parametrize("days_ago", [0, 700])
def test_beside_hundreds_of_windows_it_is_soon_known_whether_two_decide(rule, days_ago):
    since = local(date(2026, 12, 1), "01:00")
    meant = Window(since=since, until=since + timedelta(hours=2), rule=rule, zone="Europe/Rome")
    each = nightly_of(200, 1, days_ago=days_ago)
    with quickly(0.6):
        assert not windows.needs_second_person(meant, whole_customer=False, beside=each)
        long = nightly_of(200, 20, days_ago=days_ago)
        two = windows.needs_second_person(meant, whole_customer=False, beside=long)
    assert two is bool(rule)  # of what repeats there would be more than can be looked through


def test_what_is_more_than_can_be_looked_through_is_decided_by_two_and_what_can_be_is_looked_at():
    since = local(date(2026, 12, 1), "01:00")
    meant = Window(since=since, until=since + timedelta(hours=2), rule="FREQ=DAILY", zone="Europe/Rome")
    at_once = [one for many in nightly_of(100, 2) for one in many]
    assert not windows.needs_second_person(meant, whole_customer=False, beside=[at_once[:25]])
    assert windows.needs_second_person(meant, whole_customer=False, beside=[at_once])
    once = replace(meant, rule="")
    assert not windows.needs_second_person(once, whole_customer=False, beside=[at_once])


def test_windows_of_other_hours_that_together_fill_the_days_are_decided_by_two():
    since = local(date(2026, 12, 1), "00:00")
    thirds = [
        Window(
            since=since + timedelta(hours=n * 8),
            until=since + timedelta(hours=n * 8 + 8),
            rule="FREQ=DAILY",
            zone="Europe/Rome",
        )
        for n in range(3)
    ]
    for n, meant in enumerate(thirds):
        others = [one for m, one in enumerate(thirds) if m != n]
        assert not windows.needs_second_person(meant, whole_customer=False, beside=[others[:1]])
        assert windows.needs_second_person(meant, whole_customer=False, beside=[others])
        once = replace(meant, rule="", until=meant.since + timedelta(days=6))
        assert not windows.needs_second_person(once, whole_customer=False, beside=[others[:1]])
        assert windows.needs_second_person(once, whole_customer=False, beside=[others])


def test_beside_others_a_night_in_which_the_clock_jumps_makes_no_week_longer():
    since = local(date(2026, 3, 26), "10:00")
    week = Window(since=since, until=since + timedelta(days=7), zone="Europe/Rome")
    hour = Window(since=since, until=since + timedelta(hours=1), zone="Europe/Rome")
    autumn = local(date(2026, 10, 20), "10:00")
    nightly = Window(since=autumn, until=autumn + timedelta(hours=21), rule="FREQ=DAILY", zone="Europe/Rome")
    for window in (week, nightly):
        other = replace(hour, since=window.since, until=window.since + timedelta(hours=1))
        assert not windows.needs_second_person(window, whole_customer=False, beside=[[other]])
    after = replace(hour, since=week.until, until=week.until + timedelta(hours=1))
    assert windows.needs_second_person(week, whole_customer=False, beside=[[hour], [after]])
    assert windows.needs_second_person(after, whole_customer=False, beside=[[week]])
    over = replace(after, last=after.since)
    assert not windows.needs_second_person(week, whole_customer=False, beside=[[over]])


# --- Said in words ---


@given(repeat=st.sampled_from(windows.REPEATS), day=st.dates(date(2025, 1, 1), date(2027, 12, 31)))
def test_what_people_choose_is_a_rule_that_begins_on_their_day(repeat, day):
    first = local(day, "02:00")
    rule = windows.composed(repeat, first.astimezone(ROME), day + timedelta(days=90))
    kept = windows.checked(rule, first, ROME)
    said = windows.parts(Window(since=first, until=first + timedelta(hours=1), rule=kept, zone="Europe/Rome"))
    assert said is not None
    assert said.last == day + timedelta(days=90)
    assert (said.interval == 2) == (repeat == "fortnightly")


def test_what_a_rule_leaves_out_is_said_as_the_first_time_has_it():
    first = local(date(2026, 3, 3), "02:00")

    def said(rule):
        return windows.parts(
            Window(since=first, until=first + timedelta(hours=1), rule=rule, zone="Europe/Rome")
        )

    assert said("") is None
    assert said("FREQ=WEEKLY").weekdays == ((0, 1),)
    assert said("FREQ=MONTHLY").days == (3,)
    assert said("FREQ=MONTHLY;BYDAY=1TU,-1FR;COUNT=4").weekdays == ((1, 1), (-1, 4))
    assert said("FREQ=MONTHLY;BYDAY=1TU;COUNT=4").count == 4
